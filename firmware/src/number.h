/* Decimal text to integers and back. Numbers are in millionths, so that no chip rounds differently. */
#ifndef NUMBER_H
#define NUMBER_H

#include <stdbool.h>
#include <stdint.h>

#define MICRO 1000000
#define NUMBER_LIMIT INT64_C(100000000000) /* all digits of a smaller number are kept */

/* Read a decimal number with optional sign, point and exponent that fills the text; halves are rounded away from 0. False
 * where it is none, or is NUMBER_LIMIT or more. */
bool number_parse(const char *text, uint16_t length, int64_t *micro);

/* Give millionths as a whole number; false where they are none. */
bool number_whole(int64_t micro, int64_t *whole);

/* Read a whole number modulo 2^64, with optional sign. */
bool number_parse_seed(const char *text, uint16_t length, uint64_t *seed);

#define NUMBER_TEXT 28 /* longest text of a number, and the 0 at its end */

/* Write a number; both give its length. */
uint8_t number_write_unsigned(uint64_t value, char *text);
uint8_t number_write_micro(int64_t micro, char *text);

#endif
