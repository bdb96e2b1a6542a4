/* The answer to the message at hand. Room for the check frame is kept before it, so that a framed answer is one piece and
 * can be sent again as it is. */
#ifndef ANSWER_H
#define ANSWER_H

#include <stdbool.h>
#include <stdint.h>

#include "flash.h"

#define FRAME_BYTES 13 /* @SSSSCCCCCCCC */

void answer_clear(void);
void answer_next_unit(void); /* what follows answers another query of the message */
void answer_drop_unit(void); /* that query failed */

void answer_integer(int32_t value);
void answer_unsigned(uint64_t value);
void answer_micro(int64_t value);
void answer_word(const FLASH char *word);
void answer_none(void);                                             /* an empty list */
void answer_text(const FLASH char *text, const FLASH char *detail); /* quoted; detail may be NULL */
void answer_ram_text(const char *text);                             /* quoted */
void answer_raw(const char *bytes, uint8_t count);

/* A block of `count` bytes, put in piece by piece, and its CRC. */
void answer_block(uint16_t count);
void answer_block_bytes(const void *bytes, uint16_t count);
void answer_block_end(void);

bool answer_empty(void);
bool answer_overflowed(void);

/* The last bytes of an answer are kept for errors, so that a long one cannot hide them. */
#define LONGEST_ERROR 96
#define ERRORS_ROOM 112
void answer_errors(void); /* this query answers errors */
bool answer_has_error_room(void);

/* End the answer, with a frame or without; to be sent by link.c. */
const char *answer_plain(uint16_t *length);
const char *answer_framed(uint16_t sequence, uint16_t *length);
uint32_t frame_crc(const char *sequence, const char *message, uint16_t length);

#endif
