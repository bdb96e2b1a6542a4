#include "words.h"

#include <stdint.h>

static bool is_lower(char c) { return c >= 'a' && c <= 'z'; }

char upper(char c) { return is_lower(c) ? (char)(c - 'a' + 'A') : c; }

bool is_letter(char c) { return upper(c) >= 'A' && upper(c) <= 'Z'; }

bool in_mnemonic(char c) { return is_letter(c) || (c >= '0' && c <= '9') || c == '_' || c == '*'; }

bool match_mnemonic(const FLASH char **pattern, const char **text, const char *end) {
    const FLASH char *p = *pattern;
    const char *t = *text;
    for (; t < end && in_mnemonic(*t); p++, t++) { /* no further than they differ: most do at once */
        if (upper(*p) != upper(*t)) {
            return false;
        }
    }
    if (t == *text || (is_lower(*p) && is_lower(p[-1]))) { /* neither short nor long */
        return false;
    }
    while (in_mnemonic(*p)) {
        if (!is_lower(*p++)) {
            return false;
        }
    }
    *pattern = p;
    *text = t;
    return true;
}
