/* The twin network: what is held, where the wipers stand, the gates' bias. */
#ifndef TWIN_H
#define TWIN_H

#include <stdbool.h>
#include <stdint.h>

#include "hal.h"

#define SOURCE_TOP ((UINT32_C(1) << BOARD_SOURCE_BITS) - 1)
#define ALL_EDGES (UINT32_MAX >> (32 - BOARD_EDGES))

void twin_power_on(void);
void twin_reset(void); /* as after power-up */
void twin_safe(void);

uint16_t source_code(int64_t microvolts);
int64_t source_microvolts(uint16_t code);

/* Set a node's source; it takes effect with the next twin_hold of a side. */
void twin_source(uint8_t node, uint16_t code);
void twin_hold(uint8_t side, uint32_t nodes);

void twin_trigger(bool step, struct latched *latched);
uint32_t twin_triggers(void);
void twin_count_from(uint32_t count);

const uint8_t *twin_wipers(void);
void twin_set_wipers(const uint8_t positions[BOARD_EDGES]);

#endif
