/* The board's wires at the pins of the chip, as twin16.h names them. */
#ifndef PINS_H
#define PINS_H

#include <stdbool.h>
#include <stdint.h>

#include "description.h"

enum wire {
    NO_WIRE,
    DAC_SELECT, /* and the next, a chip each */
    ADC_SELECT = DAC_SELECT + BOARD_DAC_CHIPS,
    SWITCH_SELECT = ADC_SELECT + BOARD_ADC_CHIPS,
    DAC_LOAD = SWITCH_SELECT + 2,
    SWITCH_RESET,
    SELECT_STORE,
    BITS_LOAD,
    BITS_ENABLE,
    EDGE_LATCH,
    EDGE_CLOCK,
    EDGE_FORCE,
    EDGE_UP,
    EDGE_SELF,
    WIRES
};

void pins_start(void (*changed)(enum wire wire, bool high));
void pins_reset(void);
bool pin_high(enum wire wire);

#endif
