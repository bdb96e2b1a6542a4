/* Made by generate.py from twin16.toml: do not edit. */
/* clang-format off */

#ifndef BOARD_H
#define BOARD_H

#include <stdint.h>

#define BOARD_NAME "twin16"
#define BOARD_MODEL "TWIN16"
#define BOARD_NODES 9
#define BOARD_EDGES 16
#define BOARD_EDGE_LIST \
    {{0, 1}, {1, 2}, {3, 4}, {4, 5}, {6, 7}, {7, 8}, {0, 3}, {1, 4}, \
     {2, 5}, {3, 6}, {4, 7}, {5, 8}, {0, 4}, {2, 4}, {4, 6}, {4, 8}}
#define BOARD_POSITIONS_MICRO \
    {0, 0, 1000000, 0, 2000000, 0, 0, -1000000, 1000000, -1000000, 2000000, -1000000, 0, -2000000, 1000000, -2000000, \
     2000000, -2000000}
#define BOARD_HOLDABLE 0x1FFUL
#define BOARD_SOURCE_MIN_UV INT64_C(0)
#define BOARD_SOURCE_MAX_UV INT64_C(5000000)
#define BOARD_SOURCE_BITS 16
#define BOARD_READING_MIN_UV INT64_C(0)
#define BOARD_READING_MAX_UV INT64_C(5000000)
#define BOARD_READING_BITS 16
#define BOARD_BIAS_FULL_SCALE_UV INT64_C(2000000)
#define BOARD_BIAS_BITS 16
#define BOARD_BIAS_LIMIT_UV INT64_C(1000000)
#define BOARD_WIPER_POSITIONS 128
#define BOARD_WIPER_OHM INT64_C(40)
#define BOARD_END_TO_END_OHM INT64_C(10000)
#define BOARD_WIPER_POWER_UP 64
#define BOARD_R_REF_OHM INT64_C(10000)
#define BOARD_SELF_TRIGGER_HZ 129980
#define BOARD_TICK_NS 1000
#define BOARD_LINE_RATE 1000000UL
#define BOARD_PARTS "AD5676 sources, AD7689 converters, AD5222 potentiometers, LM393 comparators, ADG714 switches"
#define BOARD_DAC_CHIPS 2
#define BOARD_ADC_CHIPS 3
#define BOARD_SWITCH_CHIPS 4
#define PIN_SERIAL_IN E, 0
#define PIN_SERIAL_OUT E, 1
#define PIN_SPI_IN B, 3
#define PIN_SPI_OUT B, 2
#define PIN_SPI_CLOCK B, 1
#define PIN_SPI_MASTER B, 0
#define PORT_DAC_SELECT A
#define MASKS_DAC_SELECT {0x01, 0x02}
#define PIN_DAC_LOAD C, 4
#define PORT_ADC_SELECT A
#define MASKS_ADC_SELECT {0x04, 0x08, 0x10}
#define PORT_SWITCH_SELECT A
#define MASKS_SWITCH_SELECT {0x20, 0x40}
#define PIN_SWITCH_RESET C, 6
#define PIN_SELECT_STORE C, 7
#define PIN_BITS_LOAD A, 7
#define PIN_BITS_ENABLE C, 5
#define PIN_EDGE_LATCH C, 0
#define PIN_EDGE_CLOCK C, 1
#define PIN_EDGE_FORCE C, 2
#define PIN_EDGE_UP C, 3
#define PIN_EDGE_SELF D, 7
#define PIN_STATUS_LIGHT B, 7
#define BOARD_NODE_DAC {{0, 0}, {0, 1}, {0, 2}, {0, 3}, {0, 4}, {0, 5}, {0, 6}, {0, 7}, {1, 0}}
#define BOARD_BIAS_DAC {1, 7}
#define BOARD_FREE_SWITCHES {0, 1, 2, 3, 4, 5, 6, 7, 8}
#define BOARD_FREE_CHANNELS {{0, 0, 0}, {0, 1, 1}, {0, 2, 2}, {0, 3, 3}, {0, 4, 4}, {0, 5, 5}, {0, 6, 6}, {0, 7, 7}, {2, 0, 8}}
#define BOARD_CLAMPED_SWITCHES {0, 1, 2, 3, 4, 5, 6, 7, 8}
#define BOARD_CLAMPED_CHANNELS {{1, 0, 0}, {1, 1, 1}, {1, 2, 2}, {1, 3, 3}, {1, 4, 4}, {1, 5, 5}, {1, 6, 6}, {1, 7, 7}, {2, 1, 8}}

#endif
