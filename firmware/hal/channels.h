/* Which channel of which chip a node's source, its switches and its converters are. */
#ifndef CHANNELS_H
#define CHANNELS_H

#include <stdint.h>

#include "description.h"
#include "flash.h"

struct channel {
    uint8_t chip, channel;
};
struct reading {
    uint8_t chip, channel, node;
};

static const FLASH struct channel node_dac[BOARD_NODES] = BOARD_NODE_DAC, bias_dac = BOARD_BIAS_DAC;
static const FLASH struct reading readings[2][BOARD_NODES] = {BOARD_FREE_CHANNELS, BOARD_CLAMPED_CHANNELS};
static const FLASH uint8_t switches[2][BOARD_NODES] = {BOARD_FREE_SWITCHES, BOARD_CLAMPED_SWITCHES};

#endif
