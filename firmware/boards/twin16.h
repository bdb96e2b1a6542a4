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
#define BOARD_SELF_TRIGGER 0
#define BOARD_TICK_NS 1000
#define BOARD_LINE_RATE 1000000UL
#define BOARD_PARTS "AD5676 sources, ADS8688 converters, AD5222 potentiometers, LM393 comparators, ADG714 switches"

#endif
