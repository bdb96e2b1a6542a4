#include "crc.h"

/* Byte by byte without a table, which would be half a kilobyte. */
uint16_t crc16(uint16_t crc, const void *data, uint16_t count) {
    const uint8_t *byte = data;
    while (count--) {
        uint8_t x = (uint8_t)((crc >> 8) ^ *byte++);
        x ^= (uint8_t)(x >> 4);
        crc = (uint16_t)((crc << 8) ^ ((uint16_t)x << 12) ^ ((uint16_t)x << 5) ^ x);
    }
    return crc;
}
