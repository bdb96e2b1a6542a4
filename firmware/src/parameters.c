#include "parameters.h"

#include <stddef.h>

#include "crc.h"
#include "description.h"
#include "number.h"
#include "words.h"

static const char *next; /* what is left of the unit's parameters */
static const char *unit_end;
static const FLASH struct parameter *wanted; /* the next one */
static uint8_t wanted_count;
static bool failed;

void parameters_begin(const char *at, const char *end) {
    next = skip_spaces(at, end);
    unit_end = end;
    failed = false;
}

bool refused(void) { return failed; }

void refuse(enum error code, const FLASH char *detail) {
    if (!failed) {
        raise_error(code, detail);
    }
    failed = true;
}

bool block_may_start_after(char before) { return before == ' ' || before == ','; }

const char *skip_spaces(const char *at, const char *end) {
    while (at < end && (*at == ' ' || *at == '\t')) {
        at++;
    }
    return at;
}

/* Give the length of a block's header "#dn..n" and of its bytes; 0 where it is none. */
static uint16_t block_header(const char *at, const char *end, uint32_t *count) {
    if (end - at < 2 || at[0] != '#' || at[1] < '1' || at[1] > '9' || end - at < 2 + (at[1] - '0')) {
        return 0;
    }
    uint8_t digits = (uint8_t)(at[1] - '0');
    *count = 0;
    for (uint8_t i = 0; i < digits; i++) {
        char c = at[2 + i];
        if (c < '0' || c > '9' || *count > 100000) {
            return 0;
        }
        *count = *count * 10 + (uint32_t)(c - '0');
    }
    return (uint16_t)(2 + digits);
}

const char *parameters_end(const char *at, const char *end, bool of_unit, const char **separator) {
    const char *last = at; /* a block may end in what looks like a space */
    char before = ' ';
    bool quoted = false;
    while (at < end) {
        uint32_t count;
        uint16_t header;
        if (*at == '"') {
            quoted = !quoted;
        } else if (!quoted && *at == '#' && block_may_start_after(before) && (header = block_header(at, end, &count)) &&
                   (uint32_t)(end - at) >= header + count) {
            last = at += header + count;
            before = 0;
            continue;
        } else if (!quoted && (*at == ';' || (!of_unit && *at == ','))) {
            break;
        }
        before = *at++;
        if (before != ' ' && before != '\t') {
            last = at;
        }
    }
    *separator = at;
    return last;
}

bool more_parameters(void) { return next < unit_end; }

bool no_more_parameters(void) {
    if (!failed && more_parameters()) {
        refuse(ERROR_PARAMETER_NOT_ALLOWED, NULL);
    }
    return !failed;
}

bool parameters_expect(const FLASH struct parameter *described, uint8_t count) {
    wanted = described;
    wanted_count = count;
    if (!count) {
        return no_more_parameters();
    }
    if (!described->optional && !more_parameters()) {
        refuse(ERROR_MISSING_PARAMETER, NULL);
    }
    return !failed;
}

/* Take the text of the next parameter, without the spaces around it. */
static bool take_text(const char **text, uint16_t *length) {
    if (failed) {
        return false;
    }
    if (!more_parameters()) {
        refuse(ERROR_MISSING_PARAMETER, NULL);
        return false;
    }
    const char *at = next;
    const char *end = parameters_end(at, unit_end, false, &next);
    *text = skip_spaces(at, end);
    if (next < unit_end) {
        next++; /* the comma, after which something must come */
        if (skip_spaces(next, unit_end) == unit_end) {
            refuse(ERROR_SYNTAX, NULL);
            return false;
        }
    }
    *length = (uint16_t)(end - *text);
    return true;
}

/* Give what the table says of the next parameter; the last of a list stands for all that follow. */
static const FLASH struct parameter *description(void) {
    const FLASH struct parameter *described = wanted;
    if (wanted_count > 1) {
        wanted++;
        wanted_count--;
    }
    return described;
}

static bool in_range(int64_t value, int64_t min, int64_t max) {
    static const FLASH char low[] = "too low", high[] = "too high";
    if (value < min || value > max) {
        refuse(ERROR_OUT_OF_RANGE, value < min ? low : high);
        return false;
    }
    return true;
}

static bool parse(const char *text, uint16_t length, int64_t *micro) {
    if (!number_parse(text, length, micro)) {
        static const FLASH char not_a_number[] = "not a number";
        refuse(length && !is_letter(*text) ? ERROR_NUMERIC : ERROR_DATA_TYPE, not_a_number);
        return false;
    }
    return true;
}

bool take_micro(int64_t *value) {
    const char *text;
    uint16_t length;
    const FLASH struct parameter *p = description();
    return take_text(&text, &length) && parse(text, length, value) && in_range(*value, p->min, p->max);
}

bool take_integer(int32_t *value) {
    static const FLASH char not_whole[] = "not a whole number";
    const char *text;
    uint16_t length;
    int64_t micro;
    const FLASH struct parameter *p = description();
    if (!take_text(&text, &length) || !parse(text, length, &micro)) {
        return false;
    }
    int64_t whole;
    if (!number_whole(micro, &whole)) {
        refuse(ERROR_DATA_TYPE, not_whole);
        return false;
    }
    if (!in_range(whole, p->min, p->max)) {
        return false;
    }
    *value = (int32_t)whole;
    return true;
}

bool take_seed(uint64_t *value) {
    const char *text;
    uint16_t length;
    description();
    if (!take_text(&text, &length)) {
        return false;
    }
    if (!number_parse_seed(text, length, value)) {
        refuse(ERROR_NUMERIC, NULL);
        return false;
    }
    return true;
}

/* Compare a word with one of the choices "FREE|CLAMped"; moves to the next. */
static bool is_choice(const FLASH char **choice, const char *text, uint16_t length) {
    const char *at = text;
    bool same = match_mnemonic(choice, &at, text + length) && at == text + length;
    while (**choice && *(*choice)++ != '|') {
    }
    return same;
}

static bool choose(const FLASH char *choices, const char *text, uint16_t length, uint8_t *which) {
    for (uint8_t i = 0; *choices; i++) {
        if (is_choice(&choices, text, length)) {
            *which = i;
            return true;
        }
    }
    return false;
}

bool take_choice(uint8_t *which) {
    const char *text;
    uint16_t length;
    const FLASH struct parameter *p = description();
    if (!take_text(&text, &length)) {
        return false;
    }
    if (!choose(p->choices, text, length, which)) {
        refuse(ERROR_ILLEGAL_VALUE, p->choices);
        return false;
    }
    return true;
}

bool take_boolean(bool *value) {
    static const FLASH char words[] = "OFF|ON|0|1";
    const char *text;
    uint16_t length;
    uint8_t which;
    description();
    if (!take_text(&text, &length)) {
        return false;
    }
    if (!choose(words, text, length, &which)) {
        refuse(ERROR_ILLEGAL_VALUE, words);
        return false;
    }
    *value = which & 1;
    return true;
}

bool take_string(char *text, uint8_t room) {
    static const FLASH char unquoted[] = "not in quotes", long_text[] = "too long";
    const char *from;
    uint16_t length;
    description();
    if (!take_text(&from, &length)) {
        return false;
    }
    if (length < 2 || from[0] != '"' || from[length - 1] != '"') {
        refuse(ERROR_DATA_TYPE, unquoted);
        return false;
    }
    uint8_t n = 0;
    for (uint16_t i = 1; i + 1 < length; i++) {
        if (n + 1 == room) {
            refuse(ERROR_TOO_MUCH_DATA, long_text);
            return false;
        }
        if (from[i] == '"' && (++i + 1 == length || from[i] != '"')) { /* two quotes stand for one */
            refuse(ERROR_DATA_TYPE, unquoted);
            return false;
        }
        text[n++] = from[i];
    }
    text[n] = 0;
    return true;
}

bool take_block(const uint8_t **bytes, uint16_t *count) {
    const char *text;
    uint16_t length;
    uint32_t announced = 0;
    description();
    if (!take_text(&text, &length)) {
        return false;
    }
    uint16_t header = block_header(text, text + length, &announced);
    if (!header || announced < 2 || announced != (uint32_t)length - header) {
        refuse(ERROR_BLOCK, NULL);
        return false;
    }
    *bytes = (const uint8_t *)text + header;
    *count = (uint16_t)(announced - 2);
    if (crc16(CRC_START, *bytes, *count) != (*bytes)[*count] + ((uint16_t)(*bytes)[*count + 1] << 8)) {
        refuse(ERROR_COMMUNICATION, NULL);
        return false;
    }
    return true;
}

bool take_node_and_voltage(uint8_t *node, int64_t *microvolts) {
    static const FLASH char unknown[] = "no such node";
    const char *text;
    uint16_t length;
    int64_t value, whole;
    if (!take_text(&text, &length) || !parse(text, length, &value)) {
        return false;
    }
    if (!number_whole(value, &whole) || whole < 0 || whole >= BOARD_NODES) {
        refuse(ERROR_OUT_OF_RANGE, unknown);
        return false;
    }
    *node = (uint8_t)whole;
    return take_micro(microvolts);
}
