/* Messages: their headers, looked up in the table of commands, and their parameters, which the handlers of commands take one
 * by one as the table describes them. */
#ifndef SCPI_H
#define SCPI_H

#include <stdbool.h>
#include <stdint.h>

#include "status.h"

/* Do what a message says; the answer is in answer.c then. With `plain_only`, do nothing but set plain commands, and leave
 * the last answer as it is. */
void scpi_execute(char *message, uint16_t length, bool plain_only);

/* Raise an error, the first of this unit only, and take back its answer. */
void refuse(enum error code, const FLASH char *detail);

/* Take the next parameter. False where it is missing, of another type or out of range; the error is raised then. */
bool take_integer(int32_t *value);
bool take_micro(int64_t *value);
bool take_seed(uint64_t *value);
bool take_boolean(bool *value);
bool take_choice(uint8_t *which);
bool take_string(char *text, uint8_t room);
bool take_block(const uint8_t **bytes, uint16_t *count); /* its CRC is checked, and not counted */
bool take_node_and_voltage(uint8_t *node, int64_t *microvolts);

bool more_parameters(void);
bool no_more_parameters(void); /* else -108 */

/* Whether a "#" after this character begins a block. */
bool block_may_start_after(char before);

#endif
