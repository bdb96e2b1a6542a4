/* The line to the host: USART 0, which the Mega's USB chip is wired to, with a ring of bytes each way. */
#include <avr/interrupt.h>
#include <util/atomic.h>

#include "chip.h"
#include "hal.h"

#define RING_IN 128 /* powers of two: what comes while a phase is done, some 300 us */
#define RING_OUT 64

static volatile uint8_t in[RING_IN], in_end, in_at;
static volatile bool in_worth; /* looking at: a line has ended, or the ring is half full */
static volatile uint8_t out[RING_OUT], out_at;
static volatile uint8_t out_end;
static uint64_t heard; /* when the host last spoke */

/* What has no room is lost, as on any line: frames are repeated. */
ISR(USART0_RX_vect) {
    uint8_t byte = UDR0, next = (uint8_t)(in_end + 1) % RING_IN;
    if (next != in_at) {
        in[in_end] = byte;
        in_end = next;
    }
    if (byte == '\n' || (uint8_t)(next - in_at) % RING_IN >= RING_IN / 2) {
        in_worth = true;
    }
}

ISR(USART0_UDRE_vect) {
    if (out_at == out_end) {
        UCSR0B &= (uint8_t)~_BV(UDRIE0);
        return;
    }
    UDR0 = out[out_at];
    out_at = (uint8_t)(out_at + 1) % RING_OUT;
}

void line_start(void) {
    _Static_assert(F_CPU % (16 * BOARD_LINE_RATE) == 0, "the line rate is met without a rest");
    UBRR0 = F_CPU / (16 * BOARD_LINE_RATE) - 1;
    UCSR0A = 0;
    UCSR0C = _BV(UCSZ01) | _BV(UCSZ00); /* 8 bits, no parity, one stop */
    UCSR0B = _BV(RXCIE0) | _BV(RXEN0) | _BV(TXEN0);
}

bool line_heard(void) { return in_worth; }

void line_hear(uint64_t time) { heard = time; }

int hal_getc(void) {
    static bool fresh = true; /* the next byte is the first after a rest, or of a line */
    if (in_at == in_end) {
        ATOMIC_BLOCK(ATOMIC_RESTORESTATE) { in_worth = in_worth && in_at != in_end; }
        fresh = true;
        return -1;
    }
    if (fresh) {
        heard = hal_now();
    }
    uint8_t byte = in[in_at];
    in_at = (uint8_t)(in_at + 1) % RING_IN;
    fresh = byte == '\n';
    return byte;
}

uint64_t hal_silence(void) { return hal_now() - heard; }

void hal_write(const char *bytes, uint16_t count) {
    while (count) {
        uint8_t room = (uint8_t)(out_at - out_end - 1) % RING_OUT;
        for (; room && count; room--, count--) {
            out[out_end] = (uint8_t)*bytes++;
            out_end = (uint8_t)(out_end + 1) % RING_OUT;
        }
        cli();
        UCSR0B |= _BV(UDRIE0);
        while (count && (uint8_t)(out_end - out_at) % RING_OUT > RING_OUT / 2) { /* not for every byte */
            clock_sleep();
            cli();
        }
        sei();
    }
}
