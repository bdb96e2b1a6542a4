#include "link.h"

#include <stddef.h>
#include <stdint.h>

#include "answer.h"
#include "hal.h"
#include "parameters.h"
#include "scpi.h"
#include "sizes.h"
#include "status.h"

static char line[LINE_BYTES];
static uint16_t length;
static bool too_long;

/* Where in a line the next byte stands: blocks may hold newlines. */
static enum { IN_TEXT, IN_STRING, AT_BLOCK, IN_BLOCK_LENGTH, IN_BLOCK } place;
static uint8_t digits_left;
static uint32_t block_left;
static uint16_t block_end; /* where the last block of the line does */

static bool check;
static uint16_t last_sequence;
static bool answered; /* the answer buffer holds the answer to `last_sequence` */

void link_power_on(void) {
    length = block_end = 0;
    too_long = check = answered = false;
    place = IN_TEXT;
    last_sequence = 0;
}

bool link_check(void) { return check; }

void link_set_check(bool on) {
    if (on && !check) {
        last_sequence = 0;
        answered = false;
    }
    check = on;
}

static void send_framed(uint16_t sequence) {
    uint16_t count;
    const char *bytes = answer_framed(sequence, &count);
    hal_write(bytes, count);
}

static bool parse_hex(const char *text, uint8_t digits, uint32_t *value) {
    *value = 0;
    while (digits--) {
        char c = *text++;
        uint8_t digit;
        if (c >= '0' && c <= '9') {
            digit = (uint8_t)(c - '0');
        } else if (c >= 'A' && c <= 'F') {
            digit = (uint8_t)(c - 'A' + 10);
        } else {
            return false;
        }
        *value = *value << 4 | digit;
    }
    return true;
}

/* What is damaged, old or out of order gets no answer: the host asks again. */
static void execute_framed(void) {
    uint32_t number, crc;
    if (length < FRAME_BYTES || !parse_hex(line + 1, 4, &number) || !parse_hex(line + 5, 8, &crc)) {
        return;
    }
    const uint16_t sequence = (uint16_t)number;
    const char *message = line + FRAME_BYTES;
    uint16_t count = (uint16_t)(length - FRAME_BYTES);
    if (frame_crc(line + 1, message, count) != crc) {
        return;
    }
    if (sequence == last_sequence && answered) {
        send_framed(sequence);
    } else if (sequence == (uint16_t)(last_sequence + 1)) {
        last_sequence = sequence;
        answered = true;
        scpi_execute(message, count, false);
        send_framed(sequence);
    }
}

/* While the check is on, unframed lines are noise, but for the command that turns it off. */
static void execute_plain(void) {
    if (check) {
        scpi_execute(line, length, true);
        return;
    }
    answered = false;
    scpi_execute(line, length, false);
    if (!answer_empty()) {
        uint16_t count;
        const char *bytes = answer_plain(&count);
        hal_write(bytes, count);
    }
}

static void end_of_line(void) {
    if (length > block_end && line[length - 1] == '\r') {
        length--;
    }
    if (too_long) {
        if (!check) {
            raise_error(ERROR_INPUT_OVERRUN, NULL);
        }
    } else if (length && line[0] == '@') {
        execute_framed();
    } else if (length) {
        execute_plain();
    }
    length = block_end = 0;
    too_long = false;
    place = IN_TEXT;
}

/* Follow the line's syntax as far as it takes to know the newline that ends it. */
static void follow(char c, char before) {
    switch (place) {
    case IN_TEXT:
        if (c == '"') {
            place = IN_STRING;
        } else if (c == '#' && block_may_start_after(before)) {
            place = AT_BLOCK;
        }
        break;
    case IN_STRING:
        if (c == '"') {
            place = IN_TEXT;
        }
        break;
    case AT_BLOCK:
        digits_left = (uint8_t)(c - '0');
        block_left = 0;
        place = c >= '1' && c <= '9' ? IN_BLOCK_LENGTH : IN_TEXT;
        break;
    case IN_BLOCK_LENGTH:
        if (c < '0' || c > '9') {
            place = IN_TEXT;
            break;
        }
        block_left = block_left * 10 + (uint32_t)(c - '0');
        if (--digits_left == 0) {
            /* What cannot fit is no block: waiting for its end would make us deaf. */
            place = block_left && block_left < (uint32_t)(LINE_BYTES - length) ? IN_BLOCK : IN_TEXT;
        }
        break;
    case IN_BLOCK:
        if (--block_left == 0) {
            place = IN_TEXT;
            block_end = length;
        }
        break;
    }
}

void link_hang_up(void) {
    link_set_check(false);
    length = 0;
    too_long = false;
    place = IN_TEXT;
}

void link_receive(char c) {
    if (c == '\n' && place != IN_BLOCK) {
        end_of_line();
        return;
    }
    if (length == LINE_BYTES) {
        too_long = true;
        return;
    }
    char before = length ? line[length - 1] : 0;
    line[length++] = c;
    follow(c, before);
}
