/* Messages: units joined by ";", whose headers are looked up in the table of commands. */
#ifndef SCPI_H
#define SCPI_H

#include <stdbool.h>
#include <stdint.h>

/* Do what a message says; the answer is in answer.c then. With `plain_only`, do nothing but set plain commands, and leave
 * the last answer as it is. */
void scpi_execute(const char *message, uint16_t length, bool plain_only);

#endif
