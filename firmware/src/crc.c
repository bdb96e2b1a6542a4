#include "crc.h"

#include "flash.h"

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

/* What a byte adds is what its two halves add: two small tables instead of one of a kilobyte, and 64 cycles a byte on AVR. (One
 * after the other, the halves need only one of them, and twice as many cycles: shifts by four bits are dear.) */
static const FLASH uint32_t of_low[16] = {0x00000000, 0x77073096, 0xEE0E612C, 0x990951BA, 0x076DC419, 0x706AF48F,
                                          0xE963A535, 0x9E6495A3, 0x0EDB8832, 0x79DCB8A4, 0xE0D5E91E, 0x97D2D988,
                                          0x09B64C2B, 0x7EB17CBD, 0xE7B82D07, 0x90BF1D91};
static const FLASH uint32_t of_high[16] = {0x00000000, 0x1DB71064, 0x3B6E20C8, 0x26D930AC, 0x76DC4190, 0x6B6B51F4,
                                           0x4DB26158, 0x5005713C, 0xEDB88320, 0xF00F9344, 0xD6D6A3E8, 0xCB61B38C,
                                           0x9B64C2B0, 0x86D3D2D4, 0xA00AE278, 0xBDBDF21C};

uint32_t crc32(uint32_t crc, const void *data, uint16_t count) {
    const uint8_t *byte = data;
    crc = ~crc;
    while (count--) {
        uint8_t x = (uint8_t)(crc ^ *byte++);
        crc = crc >> 8 ^ of_low[x & 15] ^ of_high[x >> 4];
    }
    return ~crc;
}
