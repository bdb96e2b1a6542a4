/* What holds of every command, by the table of commands. */
#include "bench.h"

#include <stdio.h>
#include <string.h>

#include "commands.h"
#include "number.h"

/* Write a header as an index says: bit 0 in the long form, bit 1 with what may be left out. */
static void add_header(struct line *line, const char *pattern, int form) {
    bool optional = false;
    for (; *pattern; pattern++) {
        const bool small = *pattern >= 'a' && *pattern <= 'z';
        if (*pattern == '[' || *pattern == ']') {
            optional = *pattern == '[';
        } else if ((!optional || form & 2) && (!small || form & 1)) {
            add_bytes(line, pattern, 1);
        }
    }
}

/* Write a number that much beyond a limit. */
static void add_number(struct line *line, const struct parameter *p, int64_t limit, int beyond) {
    char text[NUMBER_TEXT];
    const bool is_integer = p->type == PARAMETER_INTEGER;
    number_write_micro((limit + beyond) * (is_integer ? MICRO : 1), text);
    add_text(line, text);
}

static bool has_limits(const struct parameter *p) { return p->type == PARAMETER_INTEGER || p->type == PARAMETER_NUMBER; }

/* Write a parameter that is as good as any. */
static void add_parameter(struct line *line, const struct parameter *p) {
    switch (p->type) {
    case PARAMETER_INTEGER:
    case PARAMETER_NUMBER:
        add_number(line, p, p->min, 0);
        break;
    case PARAMETER_CHOICE:
        add_bytes(line, p->choices, strcspn(p->choices, "|"));
        break;
    case PARAMETER_STRING:
        add_text(line, "\"\"");
        break;
    case PARAMETER_BLOCK:
        add_block(line, "", 0);
        break;
    case PARAMETER_PAIRS:
        add_text(line, "0,0");
        break;
    default:
        add_text(line, "1");
    }
}

struct form {
    const char *header;
    const struct parameter *parameters;
    uint8_t count;
    bool query;
};

static void begin(struct line *line, const struct form *form) {
    line->count = 0;
    add_header(line, form->header, 0);
    add_text(line, form->query ? "? " : " ");
}

/* Write all parameters, but for one that is `beyond` its highest (1) or lowest (-1). */
static void add_all(struct line *line, const struct form *form, int wrong, int beyond) {
    for (uint8_t i = 0; i < form->count; i++) {
        const struct parameter *p = &form->parameters[i];
        add_text(line, i ? "," : "");
        if (i == wrong) {
            add_number(line, p, beyond > 0 ? p->max : p->min, beyond);
        } else {
            add_parameter(line, p);
        }
    }
}

static const char *error_of(struct line *line) {
    ask("*CLS");
    ask_line(line);
    return ask("SYST:ERR?");
}

static void assert_limits(const struct form *form) {
    struct line line;
    for (uint8_t i = 0; i < form->count; i++) {
        for (int beyond = -1; beyond <= 1 && has_limits(&form->parameters[i]); beyond += 2) {
            begin(&line, form);
            add_all(&line, form, i, beyond);
            assert_string_equal(error_of(&line),
                                beyond > 0 ? "-222,\"Data out of range;too high\"" : "-222,\"Data out of range;too low\"");
        }
    }
}

static void assert_counts(const struct form *form) {
    struct line line;
    const struct parameter *last = form->count ? &form->parameters[form->count - 1] : NULL;
    for (uint8_t given = 0; given < form->count; given++) { /* too few */
        struct form fewer = *form;
        fewer.count = given;
        begin(&line, &fewer);
        add_all(&line, &fewer, -1, 0);
        if (given + 1 < form->count || !last->optional) {
            assert_memory_equal(error_of(&line), "-109,", 5);
        }
    }
    begin(&line, form);
    add_all(&line, form, -1, 0);
    if (last == NULL || !last->list) {
        add_text(&line, form->count ? ",1" : "1");
        assert_string_equal(error_of(&line), "-108,\"Parameter not allowed\"");
    }
}

static void assert_undefined(const char *header, const char *end) {
    struct line line = {0};
    add_header(&line, header, 0);
    add_text(&line, end);
    assert_string_equal(error_of(&line), "-113,\"Undefined header\"");
}

static void every_command_takes_what_the_table_says(void **state) {
    (void)state;
    for (uint8_t i = 0; i < COMMAND_COUNT; i++) {
        const struct command *c = &commands[i];
        const struct form forms[] = {{c->header, c->set_parameters, c->set_count, false},
                                     {c->header, c->query_parameters, c->query_count, true}};
        for (int k = 0; k < 2; k++) {
            if ((k ? c->query : c->set) == NULL) {
                assert_undefined(c->header, k ? "?" : "");
            } else {
                assert_limits(&forms[k]);
                assert_counts(&forms[k]);
            }
        }
    }
}

/* A query that is asked for nothing more answers, however its header is written. */
static void every_header_has_all_its_forms(void **state) {
    (void)state;
    for (uint8_t i = 0; i < COMMAND_COUNT; i++) {
        if (commands[i].query == NULL || commands[i].query_count) {
            continue;
        }
        for (int form = 0; form < 4; form++) {
            struct line line = {0};
            add_header(&line, commands[i].header, form);
            add_text(&line, "?");
            assert_true(*ask_line(&line));
            assert_answer("SYST:ERR?", "0,\"No error\"");
        }
    }
}

RUN(ON_BENCH(every_command_takes_what_the_table_says), ON_BENCH(every_header_has_all_its_forms))
