/* What the firmware needs of a machine. Everything above it is the same in every build.
 *
 * Times are ticks of BOARD_TICK_NS on the board's clock. A side is SIDE_FREE or SIDE_CLAMPED; masks have a bit a node or edge. */
#ifndef HAL_H
#define HAL_H

#include <stdbool.h>
#include <stdint.h>

#include "description.h"

#define NEVER UINT64_MAX

enum { SIDE_FREE = 0, SIDE_CLAMPED = 1 };

/* What the comparators and gates of all edges said at one instant: a bit set is up, or open. */
struct latched {
    uint32_t directions;
    uint32_t gates;
};

/* Time */
uint64_t hal_now(void);
void hal_sleep_until(uint64_t time); /* whatever the host says meanwhile */
void hal_idle(uint64_t until);       /* until then, or until the host has spoken; may return early */
uint64_t hal_silence(void);          /* ticks since the host last spoke; NEVER where it has hung up */
/* Let the clock go on from a time that is not past, as if the host had just spoken. How many triggers there were by then
 * decides the noise of a simulated board; a real one need not know. */
void hal_go_on(uint64_t time, uint32_t triggers);

/* The line to the host */
int hal_getc(void); /* -1: nothing there */
void hal_write(const char *bytes, uint16_t count);

/* Sources: a DAC channel a node, which serves both sides. Codes take effect with the next hold, or with all cleared. */
void hal_dac_write(uint8_t node, uint16_t code);
void hal_hold(uint8_t side, uint32_t nodes); /* hold these nodes of a side at their codes, let its others float */
void hal_clear_sources(void);                /* all codes 0, bias 0; what is held stays held */
void hal_bias_write(uint16_t code);

/* Readings */
void hal_adc_read(uint8_t side, uint16_t codes[BOARD_NODES]);
void hal_look(struct latched *seen);

/* Edges */
void hal_trigger(bool step, struct latched *latched); /* the edge clock, with or without the wipers */
void hal_step_wipers(uint32_t edges, bool up);        /* direction forced, gates bypassed */
void hal_self_trigger(bool on);                       /* edges step on their own clocks from now, or no longer */

/* Non-volatile store: reads 0xFF where nothing was ever written. */
void hal_nv_read(uint16_t address, void *data, uint16_t count);
void hal_nv_write(uint16_t address, const void *data, uint16_t count);

#endif
