/* The parameters of a command, which its handler takes one by one, as the table of commands describes them. */
#ifndef PARAMETERS_H
#define PARAMETERS_H

#include <stdbool.h>
#include <stdint.h>

#include "commands.h"
#include "status.h"

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

/* For scpi.c and link.c, which find the parameters. */
void parameters_begin(const char *at, const char *end);
bool parameters_expect(const FLASH struct parameter *described, uint8_t count); /* false: -108 or -109 already */
bool refused(void);
const char *skip_spaces(const char *at, const char *end);
/* Find the end of a parameter, or of a unit, without the spaces behind it, and the separator that ends it: one outside of
 * strings and blocks. */
const char *parameters_end(const char *at, const char *end, bool of_unit, const char **separator);
/* Whether a "#" after this character begins a block. */
bool block_may_start_after(char before);

#endif
