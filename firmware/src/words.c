#include "words.h"

#include <stdint.h>

static char upper(char c) { return c >= 'a' && c <= 'z' ? (char)(c - 'a' + 'A') : c; }

bool is_letter(char c) { return upper(c) >= 'A' && upper(c) <= 'Z'; }

bool in_mnemonic(char c) { return is_letter(c) || (c >= '0' && c <= '9') || c == '_' || c == '*'; }

bool match_mnemonic(const FLASH char **pattern, const char **text, const char *end) {
    uint16_t n = 0; /* a line may be all one word */
    while (*text + n < end && in_mnemonic((*text)[n])) {
        n++;
    }
    uint8_t length = 0, short_length = 0;
    bool same = true;
    for (; in_mnemonic((*pattern)[length]); length++) {
        char p = (*pattern)[length];
        short_length = (uint8_t)(short_length + (p == upper(p)));
        same = same && (length >= n || upper(p) == upper((*text)[length]));
    }
    *pattern += length;
    *text += n;
    return same && (n == length || n == short_length);
}
