/* CRC-16/CCITT-FALSE: polynomial 0x1021, from 0xFFFF, nothing reflected. */
#ifndef CRC_H
#define CRC_H

#include <stdint.h>

#define CRC_START 0xFFFFu

uint16_t crc16(uint16_t crc, const void *data, uint16_t count);

#endif
