/* What is kept without power, in the same layout on every machine. */
#ifndef STORE_H
#define STORE_H

#include <stddef.h>
#include <stdint.h>

#include "sizes.h"

#define STORE_MAGIC 0x4C4Eu

struct stored {
    uint32_t boots;
    uint16_t magic;
    uint16_t seal; /* a CRC of all that follows the serial number */
    char serial[SERIAL_BYTES];
    char date[DATE_BYTES];
    uint8_t spare;
    int32_t constants[CALIBRATION_CONSTANTS]; /* in millionths */
};

_Static_assert(offsetof(struct stored, boots) == 0, "boots");
_Static_assert(offsetof(struct stored, magic) == 4, "magic");
_Static_assert(offsetof(struct stored, seal) == 6, "seal");
_Static_assert(offsetof(struct stored, serial) == 8, "serial");
_Static_assert(offsetof(struct stored, date) == 32, "date");
_Static_assert(offsetof(struct stored, constants) == 44, "constants");
_Static_assert(sizeof(struct stored) == 556, "all of it");

#endif
