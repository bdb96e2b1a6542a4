#include "log.h"

#include <string.h>

#include "answer.h"
#include "commands.h"
#include "parameters.h"
#include "sizes.h"

static struct block {
    uint8_t bytes[LOG_BLOCK_BYTES];
    uint16_t used, records;
} blocks[LOG_BLOCKS];
static uint32_t oldest, open; /* the number of the oldest block that is kept, and of the one that is being filled */
static struct block *filling;

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "log_put copies bytes as they stand");
_Static_assert(LONGEST_RECORD + END_RECORD <= LOG_BLOCK_BYTES, "a block holds the longest record, and the end");
_Static_assert(LOG_BLOCK_BYTES + FRAME_BYTES + 16 + ERRORS_ROOM <= ANSWER_BYTES, "an answer holds a block");

static void open_block(uint32_t number) {
    open = number;
    filling = &blocks[number % LOG_BLOCKS];
    filling->used = filling->records = 0;
}

void log_clear(void) {
    oldest = 0;
    open_block(0);
}

uint32_t log_blocks(void) { return open + (filling->records > 0); }

bool log_has_room(void) {
    return LOG_BLOCK_BYTES - filling->used >= LONGEST_RECORD + END_RECORD || open + 1 - oldest < LOG_BLOCKS;
}

void log_put(uint64_t value, uint8_t bytes) {
    memcpy(filling->bytes + filling->used, &value, bytes); /* little-endian, as all machines here are */
    filling->used = (uint16_t)(filling->used + bytes);
}

void log_record(uint8_t kind, uint16_t bytes) {
    if (filling->used + bytes > LOG_BLOCK_BYTES) {
        open_block(open + 1);
    }
    filling->records++;
    log_put(kind, 1);
}

static void answer_number(uint32_t value, uint8_t bytes) {
    uint8_t little_endian[4];
    for (uint8_t i = 0; i < bytes; i++) {
        little_endian[i] = (uint8_t)(value >> (8 * i));
    }
    answer_block_bytes(little_endian, bytes);
}

void query_train_log(void) {
    static const FLASH char gone[] = "let go of already", not_yet[] = "not there yet";
    int32_t wanted;
    if (!take_integer(&wanted) || !no_more_parameters()) {
        return;
    }
    uint32_t number = (uint32_t)wanted;
    if (number < oldest || number > open) {
        refuse(ERROR_OUT_OF_RANGE, number < oldest ? gone : not_yet);
        return;
    }
    oldest = number;
    if (number == open && filling->records) {
        open_block(open + 1);
    }
    uint8_t slot = (uint8_t)(number % LOG_BLOCKS);
    uint16_t records = number == open ? 0 : blocks[slot].records;
    uint16_t used = number == open ? 0 : blocks[slot].used;
    answer_block((uint16_t)(6 + used));
    answer_number(number, 4);
    answer_number(records, 2);
    answer_block_bytes(blocks[slot].bytes, used);
    answer_block_end();
}
