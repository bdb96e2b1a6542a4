#include "number.h"

#include "flash.h"

#define MOST_DIGITS 18
#define LIMIT ((uint64_t)NUMBER_LIMIT * MICRO) /* of MOST_DIGITS digits */

static const FLASH uint32_t decimals[] = {100000, 10000, 1000, 100, 10, 1};

static uint64_t magnitude(int64_t micro) { return micro < 0 ? (uint64_t)0 - (uint64_t)micro : (uint64_t)micro; }

static bool is_digit(char c) { return c >= '0' && c <= '9'; }

/* Take a sign, if there is one; tells whether it is minus. */
static bool take_sign(const char *text, uint16_t length, uint16_t *at) {
    return *at < length && (text[*at] == '+' || text[*at] == '-') && text[(*at)++] == '-';
}

/* Take digits, of which those beyond what can matter are only counted. */
struct decimal {
    uint64_t digits;
    uint8_t kept;
    int16_t exponent; /* of ten */
    bool any;
};

static void take_digit(struct decimal *d, char c, bool after_point) {
    d->any = true;
    if (d->kept < MOST_DIGITS) {
        d->digits = d->digits * 10 + (uint64_t)(c - '0');
        d->kept = (uint8_t)(d->kept + (d->digits != 0));
        d->exponent = (int16_t)(d->exponent - after_point);
    } else {
        d->exponent = (int16_t)(d->exponent + !after_point);
    }
}

static bool scale(uint64_t digits, int16_t exponent, int64_t *value) {
    for (; exponent > 0 && digits; exponent--) {
        if (digits >= LIMIT) {
            return false;
        }
        digits *= 10;
    }
    uint8_t dropped = 0;
    for (; exponent < 0 && digits; exponent++) {
        dropped = (uint8_t)(digits % 10);
        digits /= 10;
    }
    *value = (int64_t)(digits + (exponent == 0 && dropped >= 5));
    return *value < (int64_t)LIMIT;
}

static bool parse_exponent(const char *text, uint16_t length, int16_t *exponent) {
    uint16_t i = 0;
    bool negative = take_sign(text, length, &i);
    if (i == length) {
        return false;
    }
    int16_t value = 0;
    for (; i < length; i++) {
        if (!is_digit(text[i])) {
            return false;
        }
        if (value < 1000) {
            value = (int16_t)(value * 10 + (text[i] - '0'));
        }
    }
    *exponent = (int16_t)(*exponent + (negative ? -value : value));
    return true;
}

bool number_parse(const char *text, uint16_t length, int64_t *micro) {
    struct decimal d = {0, 0, 6, false};
    uint16_t i = 0;
    bool negative = take_sign(text, length, &i), after_point = false;
    for (; i < length && (is_digit(text[i]) || (text[i] == '.' && !after_point)); i++) {
        if (text[i] == '.') {
            after_point = true;
        } else {
            take_digit(&d, text[i], after_point);
        }
    }
    if (!d.any) {
        return false;
    }
    if (i < length) {
        if (text[i] != 'e' && text[i] != 'E') {
            return false;
        }
        i++;
        if (!parse_exponent(text + i, (uint16_t)(length - i), &d.exponent)) {
            return false;
        }
    }
    if (!scale(d.digits, d.exponent, micro)) {
        return false;
    }
    if (negative) {
        *micro = -*micro;
    }
    return true;
}

bool number_parse_seed(const char *text, uint16_t length, uint64_t *seed) {
    uint16_t i = 0;
    bool negative = take_sign(text, length, &i);
    if (i == length) {
        return false;
    }
    uint64_t value = 0;
    for (; i < length; i++) {
        if (!is_digit(text[i])) {
            return false;
        }
        uint64_t digit = (uint64_t)(text[i] - '0');
        if (value > (UINT64_MAX - digit) / 10) {
            return false;
        }
        value = value * 10 + digit;
    }
    *seed = negative ? (uint64_t)0 - value : value;
    return true;
}

/* Divisions are slow where a chip has none, the more so the more bits they have: take as few as do. */
static uint64_t take_millionths(uint64_t size, uint32_t *rest) {
    uint64_t whole = size <= UINT32_MAX ? (uint32_t)size / MICRO : size / MICRO;
    *rest = (uint32_t)size - (uint32_t)whole * MICRO;
    return whole;
}

bool number_whole(int64_t micro, int64_t *whole) {
    uint32_t rest;
    uint64_t size = take_millionths(magnitude(micro), &rest);
    *whole = micro < 0 ? -(int64_t)size : (int64_t)size;
    return rest == 0;
}

uint8_t number_write_unsigned(uint64_t value, char *text) {
    char backwards[NUMBER_TEXT];
    uint8_t n = 0;
    for (; value > UINT16_MAX; value /= 10) {
        backwards[n++] = (char)('0' + value % 10);
    }
    uint16_t small = (uint16_t)value;
    do {
        backwards[n++] = (char)('0' + small % 10);
        small /= 10;
    } while (small);
    for (uint8_t i = 0; i < n; i++) {
        text[i] = backwards[n - 1 - i];
    }
    text[n] = 0;
    return n;
}

uint8_t number_write_micro(int64_t micro, char *text) {
    uint8_t n = 0;
    uint32_t rest;
    uint64_t whole = take_millionths(magnitude(micro), &rest);
    if (micro < 0) {
        text[n++] = '-';
    }
    n = (uint8_t)(n + number_write_unsigned(whole, text + n));
    if (rest) {
        text[n++] = '.';
        for (const FLASH uint32_t *unit = decimals; rest; unit++) {
            char digit = '0';
            for (; rest >= *unit; rest -= *unit) {
                digit++;
            }
            text[n++] = digit;
        }
    }
    text[n] = 0;
    return n;
}
