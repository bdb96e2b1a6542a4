/* The bench: a board, powered up, and what is said to it. Included first by every test, for cmocka's sake. */
#ifndef BENCH_H
#define BENCH_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants those before it */
#include <cmocka.h>

#include "fake_hal.h"
#include "sizes.h"

/* A test on a new board, and the tests of a file. */
#define ON_BENCH(test) cmocka_unit_test_setup(test, new_board_powered_up)
#define RUN(...)                                                                                                           \
    int main(void) {                                                                                                       \
        const struct CMUnitTest tests[] = {__VA_ARGS__};                                                                   \
        return cmocka_run_group_tests(tests, NULL, NULL);                                                                  \
    }

int new_board_powered_up(void **state);
void power_cycle(void); /* store and wipers stay, all else is forgotten */

/* Say a line; gives the answer without its newline, "" where there is none. */
const char *ask(const char *line);
#define assert_answer(line, expected) assert_string_equal(ask(line), expected)

/* Say a line; gives the errors that are queued then, without quotes. */
const char *errors(const char *line);
#define NO_ERROR "0,No error"
#define obey(line) assert_string_equal(errors(line), NO_ERROR)
#define assert_refused(line, expected) assert_string_equal(errors(line), expected)

/* Lines that hold bytes of every kind. */
struct line {
    char bytes[2 * LINE_BYTES];
    size_t count;
};
void add_text(struct line *line, const char *text);
void add_bytes(struct line *line, const void *bytes, size_t count);
void add_block(struct line *line, const void *payload, size_t count); /* with its CRC */
const char *ask_line(const struct line *line);

/* Say a message in a frame; gives the answer with its frame. */
const char *ask_framed(uint16_t sequence, const char *message);
void frame(struct line *line, uint16_t sequence, const char *message);

#endif
