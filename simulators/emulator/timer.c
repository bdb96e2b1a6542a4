/* Timer 1, as far as the firmware uses it: 16 bits at an eighth of the chip's clock, overflow, compare A. */
#include <stddef.h>

#include "description.h"
#include "emulator.h"
#include "native.h"

#define CYCLES 8 /* a count */
#define COUNTS_A_TICK (CYCLES_A_TICK / CYCLES)

enum { GPIOR0 = 0x3E, TIMSK1 = 0x6F, TCCR1A = 0x80, TCCR1B = 0x81, TCNT1L = 0x84, TCNT1H = 0x85 };
enum { OCR1AL = 0x88, OCR1AH = 0x89, OCIE1A = 1 << 1 };
enum { COMPARE_VECTOR = 17, OVERFLOW_VECTOR = 20 };

static bool timed;
static uint64_t counts, origin; /* counts of the timer; those of the plant's clock where it began */
static uint64_t followed;       /* cycles of the chip */
static avr_int_vector_t *compare, *overflow;

static avr_int_vector_t *vector(uint8_t number) {
    for (uint8_t i = 0; i < avr->interrupts.vector_count; i++) {
        if (avr->interrupts.vector[i]->vector == number) {
            return avr->interrupts.vector[i];
        }
    }
    fail("the chip has no interrupt %d", number);
}

static uint16_t word(avr_io_addr_t low) { return (uint16_t)(avr->data[low] | avr->data[low + 1] << 8); }

bool timer_awaited(void) { return avr->data[TIMSK1] & OCIE1A; }

static uint32_t to_next(void) {
    uint32_t overflows = 0x10000 - (uint16_t)counts, compares = (uint16_t)(word(OCR1AL) - counts);
    return timer_awaited() && compares && compares < overflows ? compares : overflows;
}

static void count(uint64_t left) {
    while (left) {
        uint64_t some = left < to_next() ? left : to_next();
        left -= some;
        counts += some;
        if (!(uint16_t)counts) {
            avr_raise_interrupt(avr, overflow);
        }
        if (timer_awaited() && (uint16_t)counts == word(OCR1AL)) {
            avr_raise_interrupt(avr, compare);
        }
    }
    native_time = (origin + counts) / COUNTS_A_TICK;
}

void timer_follow(void) {
    if (timed) {
        uint64_t some = (avr->cycle - followed) / CYCLES;
        followed += some * CYCLES;
        count(some);
    }
}

uint64_t timer_to_next(void) { return (uint64_t)to_next() * CYCLES; }

void timer_pass(uint64_t cycles) {
    avr->cycle += cycles;
    if (timed) {
        timer_follow();
    } else {
        count(cycles / CYCLES);
    }
}

static uint8_t read_count(avr_t *chip, avr_io_addr_t address, void *unused) {
    (void)unused;
    timer_follow();
    chip->data[TCNT1H] = (uint8_t)(counts >> 8);
    return chip->data[address] = (uint8_t)counts;
}

/* The high byte is there by then. */
static void write_count(avr_t *chip, avr_io_addr_t address, uint8_t value, void *unused) {
    (void)unused;
    chip->data[address] = value;
    uint64_t set = (counts & ~UINT64_C(0xFFFF)) | word(TCNT1L);
    origin += counts - set;
    counts = set;
}

/* hal_go_on: counts, then how many triggers there were. */
static void note(avr_t *chip, avr_io_addr_t address, uint8_t value, void *unused) {
    static uint8_t bytes[12], got;
    chip_keep(chip, address, value, unused);
    bytes[got++] = value;
    if (got < sizeof bytes) {
        return;
    }
    uint64_t now = origin + counts, triggers = 0;
    got = 0;
    counts = 0;
    for (uint8_t i = 8; i--;) {
        counts = counts << 8 | bytes[i];
    }
    for (uint8_t i = 12; i-- > 8;) {
        triggers = triggers << 8 | bytes[i];
    }
    origin = now > counts ? now - counts : 0; /* the plant's clock never goes back */
    count(0);
    plant_count((uint32_t)triggers);
}

static void take_over(avr_io_addr_t address, avr_io_write_t write) {
    avr->io[AVR_DATA_TO_IO(address)].w.c = write;
    avr->io[AVR_DATA_TO_IO(address)].w.param = NULL;
}

/* simavr's own timer never hears of its registers. */
void timer_start(bool with_the_chip) {
    static const uint8_t kept[] = {TCCR1A, TCCR1B, TCNT1H, OCR1AL, OCR1AH};
    timed = with_the_chip;
    compare = vector(COMPARE_VECTOR);
    overflow = vector(OVERFLOW_VECTOR);
    for (unsigned i = 0; i < sizeof kept; i++) {
        take_over(kept[i], chip_keep);
    }
    take_over(TCNT1L, write_count);
    take_over(GPIOR0, note);
    avr->io[AVR_DATA_TO_IO(TCNT1L)].r.c = read_count;
}

void timer_reset(void) {
    origin += counts;
    counts = 0;
    followed = avr->cycle;
    avr->run_cycle_limit = timed ? CYCLES_A_TICK : FREQUENCY / 1000; /* so long it runs by itself */
}
