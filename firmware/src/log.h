/* The log of a training: numbered blocks, kept until the host asks for the next one. Formats: docs/scpi.md, "Trainings". */
#ifndef LOG_H
#define LOG_H

#include <stdbool.h>
#include <stdint.h>

#include "description.h"

#define MASK_BYTES ((BOARD_EDGES + 7) / 8)
#define LONGEST_RECORD (16 + 4 * BOARD_NODES + 2 * MASK_BYTES + BOARD_EDGES)
#define END_RECORD (14 + BOARD_EDGES)

void log_clear(void);
bool log_has_room(void); /* for the longest record, and one for the end */

/* A record of so many bytes, put in piece by piece. */
void log_record(uint8_t kind, uint16_t bytes);
void log_put(uint64_t value, uint8_t bytes);

uint32_t log_blocks(void); /* how many there are, with the one that is being filled */

#endif
