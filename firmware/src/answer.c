#include "answer.h"

#include <stddef.h>
#include <string.h>

#include "crc.h"
#include "number.h"
#include "sizes.h"

static char buffer[ANSWER_BYTES];
static uint16_t end;        /* of what is written */
static uint16_t unit_start; /* of the answer to the query at hand */
static bool first;          /* nothing of this query is written yet */
static bool overflow;
static uint16_t limit; /* of the query at hand: errors have room of their own */
static uint16_t block_crc;

#define LAST (ANSWER_BYTES - 1) /* the newline always fits */

void answer_clear(void) {
    end = unit_start = FRAME_BYTES;
    first = true;
    overflow = false;
    limit = LAST - ERRORS_ROOM;
}

bool answer_empty(void) { return end == FRAME_BYTES; }

void answer_errors(void) { limit = LAST; }

bool answer_has_error_room(void) { return LAST - end >= LONGEST_ERROR; }

bool answer_overflowed(void) { return overflow; }

static void put(char c) {
    if (end < limit) {
        buffer[end++] = c;
    } else {
        overflow = true;
    }
}

static void put_bytes(const void *bytes, uint16_t count) {
    if (end > limit || count > limit - end) {
        overflow = true;
        return;
    }
    memcpy(buffer + end, bytes, count);
    end = (uint16_t)(end + count);
}

static void put_word(const FLASH char *word) {
    while (*word) {
        put(*word++);
    }
}

void answer_next_unit(void) {
    unit_start = end;
    first = true;
    limit = LAST - ERRORS_ROOM;
}

void answer_drop_unit(void) {
    end = unit_start;
    first = true;
    overflow = false;
}

static void next_element(void) {
    if (!first) {
        put(',');
    } else if (end > FRAME_BYTES) {
        put(';');
    }
    first = false;
}

void answer_unsigned(uint64_t value) {
    char text[NUMBER_TEXT];
    uint8_t n = number_write_unsigned(value, text);
    next_element();
    put_bytes(text, n);
}

void answer_integer(int32_t value) {
    char text[NUMBER_TEXT];
    text[0] = '-';
    uint8_t sign = value < 0;
    uint8_t n = number_write_unsigned(sign ? (uint32_t)0 - (uint32_t)value : (uint32_t)value, text + sign);
    next_element();
    put_bytes(text, (uint8_t)(sign + n));
}

void answer_micro(int64_t value) {
    char text[NUMBER_TEXT];
    uint8_t n = number_write_micro(value, text);
    next_element();
    put_bytes(text, n);
}

void answer_word(const FLASH char *word) {
    next_element();
    put_word(word);
}

void answer_none(void) {
    static const FLASH char none[] = "NONE";
    answer_word(none);
}

void answer_text(const FLASH char *text, const FLASH char *detail) {
    next_element();
    put('"');
    put_word(text);
    if (detail != NULL) {
        put(';');
        put_word(detail);
    }
    put('"');
}

void answer_ram_text(const char *text) {
    next_element();
    put('"');
    for (; *text; text++) {
        if (*text == '"') {
            put('"');
        }
        put(*text);
    }
    put('"');
}

void answer_raw(const char *bytes, uint8_t count) {
    next_element();
    put_bytes(bytes, count);
}

void answer_block(uint16_t count) {
    char text[NUMBER_TEXT];
    uint8_t digits = number_write_unsigned((uint64_t)count + 2, text);
    next_element();
    put('#');
    put((char)('0' + digits));
    put_bytes(text, digits);
    block_crc = CRC_START;
}

void answer_block_bytes(const void *bytes, uint16_t count) {
    block_crc = crc16(block_crc, bytes, count);
    put_bytes(bytes, count);
}

void answer_block_end(void) {
    uint16_t crc = block_crc;
    put((char)(crc & 0xFF));
    put((char)(crc >> 8));
}

static void put_hex(char *to, uint32_t value, uint8_t digits) {
    while (digits--) {
        uint8_t digit = (uint8_t)(value & 0xF);
        to[digits] = (char)(digit < 10 ? '0' + digit : 'A' + digit - 10);
        value >>= 4;
    }
}

uint32_t frame_crc(const char *sequence, const char *message, uint16_t length) {
    return crc32(crc32(0, sequence, 4), message, length);
}

const char *answer_plain(uint16_t *length) {
    buffer[end] = '\n';
    *length = (uint16_t)(end + 1 - FRAME_BYTES);
    return buffer + FRAME_BYTES;
}

const char *answer_framed(uint16_t sequence, uint16_t *length) {
    buffer[0] = '@';
    put_hex(buffer + 1, sequence, 4);
    put_hex(buffer + 5, frame_crc(buffer + 1, buffer + FRAME_BYTES, (uint16_t)(end - FRAME_BYTES)), 8);
    buffer[end] = '\n';
    *length = (uint16_t)(end + 1);
    return buffer;
}
