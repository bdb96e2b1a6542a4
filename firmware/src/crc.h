#ifndef CRC_H
#define CRC_H

#include <stdint.h>

/* CRC-16/CCITT-FALSE, of blocks: polynomial 0x1021, from 0xFFFF, nothing reflected. */
#define CRC_START 0xFFFFu
uint16_t crc16(uint16_t crc, const void *data, uint16_t count);

/* CRC-32, of frames: as in Ethernet and zlib, piece by piece from 0. */
uint32_t crc32(uint32_t crc, const void *data, uint16_t count);

#endif
