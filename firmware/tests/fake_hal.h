/* A board of memory: time stands still unless the firmware waits, and every call can be read back as text. */
#ifndef FAKE_HAL_H
#define FAKE_HAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "hal.h"

#define STORE_BYTES 1024

struct fake {
    uint64_t now;                 /* ticks */
    uint64_t silence;             /* of the host */
    uint16_t adc[2][BOARD_NODES]; /* what a reading gives */
    uint16_t rise;                /* every reading gives so much more than the one before */
    uint64_t reading_ticks;       /* a reading takes so long */
    uint32_t readings;
    bool untold;            /* keep no calls, which takes time */
    struct latched latched; /* what comparators and gates say */

    uint16_t sources[BOARD_NODES]; /* as written; on the switches since the last hold or clear */
    uint16_t on_switches[BOARD_NODES];
    uint32_t held[2];
    uint16_t bias;
    uint8_t wipers[BOARD_EDGES]; /* where they stand */
    uint32_t steps_of_wipers;    /* calls */
    uint8_t store[STORE_BYTES];
};
extern struct fake fake;

void fake_new_board(void); /* fresh from the factory, not powered up */

/* The calls since this was last called, a line each with the time before it, as "1000 dac 3 65535\n". */
const char *fake_calls(void);

/* The line: what the host says is got byte by byte, what the firmware says is kept. */
void fake_say(const char *bytes, size_t count);
char *fake_heard(size_t *count); /* since this was last called */

#endif
