/* Time: Timer 1 counts at 2 MHz, two counts a tick, and never stops; the chip sleeps wherever it waits. */
#include <avr/interrupt.h>
#include <avr/sleep.h>
#include <avr/wdt.h>
#include <util/atomic.h>

#include "chip.h"
#include "hal.h"

#define COUNTS_A_TICK (BOARD_TICK_NS * 2 / 1000)

_Static_assert(BOARD_TICK_NS % 500 == 0, "a tick is a number of counts");

static volatile uint32_t rounds; /* of 65536 counts */
static volatile bool roused;

ISR(TIMER1_OVF_vect) {
    rounds++;
    roused = true;
}

ISR(TIMER1_COMPA_vect) { roused = true; }

void clock_start(void) {
    TCCR1A = 0;
    TCCR1B = _BV(CS11); /* 16 MHz / 8 */
    TIMSK1 = _BV(TOIE1);
    SMCR = 0; /* sleep is idle: clock and line go on */
}

uint64_t hal_now(void) {
    uint32_t high;
    uint16_t low;
    ATOMIC_BLOCK(ATOMIC_RESTORESTATE) {
        low = TCNT1;
        high = rounds;
        if (low < 0x8000 && (TIFR1 & _BV(TOV1))) { /* it has just begun another */
            high++;
        }
    }
    _Static_assert(COUNTS_A_TICK == 2, "halved here, without the loops that shifts of 64 bits are");
    uint32_t halved = high >> 1;
    union {
        uint16_t words[4];
        uint64_t whole;
    } ticks;
    ticks.words[0] = (uint16_t)(low >> 1 | (high & 1 ? 0x8000 : 0));
    ticks.words[1] = (uint16_t)halved;
    ticks.words[2] = (uint16_t)(halved >> 16);
    ticks.words[3] = 0;
    return ticks.whole;
}

void clock_wake_at(uint64_t time) {
    if (time == NEVER) {
        TIMSK1 = _BV(TOIE1);
        return;
    }
    OCR1A = (uint16_t)(time * COUNTS_A_TICK); /* of one round or another */
    TIFR1 = _BV(OCF1A);
    TIMSK1 = _BV(TOIE1) | _BV(OCIE1A);
}

void clock_sleep(void) {
    wdt_reset();
    sleep_enable();
    sei();
    sleep_cpu();
    sleep_disable();
}

void hal_sleep_until(uint64_t time) {
    if (time == NEVER) {
        return;
    }
    clock_wake_at(time);
    for (;;) {
        cli();
        if (hal_now() >= time) {
            break;
        }
        clock_sleep();
    }
    clock_wake_at(NEVER);
    sei();
}

void hal_idle(uint64_t until) {
    roused = false;
    clock_wake_at(until);
    if (hal_now() < until) {
        cli();
        while (!roused && !line_heard()) { /* bytes come and go meanwhile */
            clock_sleep();
            cli();
        }
        sei();
    }
    clock_wake_at(NEVER);
    wdt_reset();
}

/* An emulator learns the two from GPIOR0, byte by byte; to anything else it is a register that nobody reads. */
void hal_go_on(uint64_t time, uint32_t triggers) {
    line_hear(time);
    uint64_t counts = time * COUNTS_A_TICK;
    ATOMIC_BLOCK(ATOMIC_RESTORESTATE) {
        TCNT1 = (uint16_t)counts;
        TIFR1 = _BV(TOV1);
        rounds = (uint32_t)(counts >> 16);
    }
    for (uint8_t i = 0; i < sizeof counts; i++) {
        GPIOR0 = (uint8_t)(counts >> (8 * i));
    }
    for (uint8_t i = 0; i < sizeof triggers; i++) {
        GPIOR0 = (uint8_t)(triggers >> (8 * i));
    }
}
