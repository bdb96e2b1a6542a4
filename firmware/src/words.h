/* Words of SCPI: letters in either case, in their short or long form. */
#ifndef WORDS_H
#define WORDS_H

#include <stdbool.h>

#include "flash.h"

char upper(char c);
bool is_letter(char c);
bool in_mnemonic(char c);

/* Match one mnemonic of a pattern such as "SYSTem"; where it fits, moves both past it. */
bool match_mnemonic(const FLASH char **pattern, const char **text, const char *end);

#endif
