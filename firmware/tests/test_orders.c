#include "training.h"

#include <stdio.h>
#include <string.h>

#include "draws.h"
#include "twin.h"

#define STEPS 200
#define TRAINING_EXAMPLES 4
#define LIST 50 /* where lists stand in the training memory */

/* Four training examples, which the log tells apart, and no test example. */
static void set_up_four(void) {
    const uint16_t examples[] = {1, 10, 11, 2, 20, 21, 3, 30, 31, 4, 40, 41};
    set_up();
    short_records = true;
    write_words(0, examples, sizeof examples / sizeof *examples);
    obey("TRA:EXAM 4,0;STEP 200;TIME:SETT 0;PER 0;STAR 0;:TRA:LOG:DET SHOR");
}

/* Which examples the steps show, as they were really held. */
static const uint16_t *shown(void) {
    static uint16_t examples[STEPS];
    start();
    const struct log *log = fetch_all();
    uint32_t step = 0;
    for (size_t i = 0; i < log->count; i++) {
        if (log->records[i].kind == 'S') {
            assert_true(step < STEPS);
            assert_int_equal(log->records[i].step, step);
            examples[step++] = log->records[i].example;
        }
    }
    assert_int_equal(step, STEPS);
    return examples;
}

static void the_example_of_a_step_is_held(void **state) {
    (void)state;
    set_up_four();
    const uint16_t list[] = {2, 0, 3};
    write_words(LIST, list, 3);
    obey("TRA:ORD:LIST 50,3;:TRA:ETA 1;STEP 5;STAR");
    for (uint32_t step = 0; step < 5; step++) {
        while (twin_triggers() == step) {
            poll_times(1);
        }
        assert_int_equal(fake.on_switches[0], list[step % 3] + 1);
        assert_int_equal(fake.on_switches[4], 10 * (list[step % 3] + 1));
        assert_int_equal(fake.on_switches[6], 10 * (list[step % 3] + 1) + 1);
        assert_int_equal(fake.held[SIDE_FREE], 0x101);
        assert_int_equal(fake.held[SIDE_CLAMPED], 0x151);
    }
}

static void cyclic_shows_each_in_turn(void **state) {
    (void)state;
    set_up_four();
    const uint16_t *examples = shown();
    for (uint32_t step = 0; step < STEPS; step++) {
        assert_int_equal(examples[step], step % 4);
    }
    obey("TRA:ORD:RAND;CYCL 3"); /* the last one counts */
    examples = shown();
    for (uint32_t step = 0; step < STEPS; step++) {
        assert_int_equal(examples[step], step / 3 % 4);
    }
}

static void random_draws_an_example_every_step(void **state) {
    (void)state;
    set_up_four();
    obey("TRA:ORD:RAND;:TRA:SEED 1234567");
    const uint16_t *examples = shown();
    uint32_t seen[TRAINING_EXAMPLES] = {0};
    for (uint32_t step = 0; step < STEPS; step++) {
        assert_int_equal(examples[step], (draw(1234567, STREAM_ORDER, step, 0) >> 32) * 4 >> 32);
        seen[examples[step]]++;
    }
    for (uint32_t k = 0; k < TRAINING_EXAMPLES; k++) {
        assert_in_range(seen[k], 25, 75); /* 50 +- 6 */
    }
    assert_int_equal(examples[99], 0xA5698D2E >> 30); /* the vector of docs/draws.md */
}

static void a_list_goes_round(void **state) {
    (void)state;
    set_up_four();
    const uint16_t list[] = {3, 3, 0, 1, 2};
    write_words(LIST, list, 5);
    obey("TRA:ORD:LIST 50,5");
    const uint16_t *examples = shown();
    for (uint32_t step = 0; step < STEPS; step++) {
        assert_int_equal(examples[step], list[step % 5]);
    }
    obey("TRA:ORD:LIST 53,1");
    assert_int_equal(shown()[STEPS - 1], 1);
}

/* Rows of running sums, times 65535: 0 leads to 2 alone; 1 to 0 or 3, never to 1 or 2; 2 to 1 or 2; 3 anywhere. */
static const uint16_t chain[] = {0, 0,     65535, 65535, 16384, 16384, 16384, 65535,
                                 0, 32768, 65535, 65535, 16384, 32768, 49151, 65535};

static void transitions_follow_their_probabilities(void **state) {
    (void)state;
    uint32_t seen[4][4] = {{0}};
    for (int seed = 0; seed < 50; seed++) {
        char line[32];
        new_board_powered_up(NULL);
        set_up_four();
        write_words(LIST, chain, 16);
        snprintf(line, sizeof line, "TRA:ORD:TRAN 50;:TRA:SEED %d", seed);
        obey(line);
        const uint16_t *examples = shown();
        assert_int_equal(examples[0], 0);
        for (uint32_t step = 1; step < STEPS; step++) {
            seen[examples[step - 1]][examples[step]]++;
        }
    }
    assert_int_equal(seen[0][0] + seen[0][1] + seen[0][3], 0);
    assert_int_equal(seen[1][1] + seen[1][2], 0);
    assert_int_equal(seen[2][0] + seen[2][3], 0);
    uint32_t from_1 = seen[1][0] + seen[1][3], from_2 = seen[2][1] + seen[2][2];
    uint32_t from_3 = seen[3][0] + seen[3][1] + seen[3][2] + seen[3][3];
    assert_in_range(1000 * seen[1][0] / from_1, 220, 280); /* 250 +- 9 */
    assert_in_range(1000 * seen[2][1] / from_2, 460, 540); /* 500 +- 8 */
    for (int to = 0; to < 4; to++) {
        assert_in_range(1000 * seen[3][to] / from_3, 220, 280);
    }
}

/* Where step 1 leads from example 0, with the first seed whose draw begins with these 16 bits. */
static uint16_t next_example(uint16_t bits, const uint16_t row[TRAINING_EXAMPLES]) {
    char line[40];
    uint32_t seed = 0;
    while (draw(seed, STREAM_ORDER, 1, 0) >> 48 != bits) {
        seed++;
    }
    set_up_four();
    write_words(LIST, row, TRAINING_EXAMPLES);
    snprintf(line, sizeof line, "TRA:ORD:TRAN 50;:TRA:STEP 2;SEED %u", (unsigned)seed);
    obey(line);
    start();
    return fetch_all()->records[TRAINING_EXAMPLES + 1].example;
}

/* Probabilities 0 and 1 are just that, whatever is drawn. */
static void what_is_certain_always_happens(void **state) {
    (void)state;
    for (int i = 0; i < 2; i++) {
        const uint16_t bits = i ? 65535 : 0; /* the least and the greatest draw */
        assert_int_equal(next_example(bits, (uint16_t[]){65535, 65535, 65535, 65535}), 0);
        assert_int_equal(next_example(bits, (uint16_t[]){0, 65535, 65535, 65535}), 1);
        assert_int_equal(next_example(bits, (uint16_t[]){0, 0, 0, 65535}), 3);
        assert_int_equal(next_example(bits, (uint16_t[]){0, 32768, 65535, 65535}), i ? 2 : 1);
    }
}

/* A training that goes on from a step shows what the whole one shows there. */
static void orders_go_on_where_they_were(void **state) {
    (void)state;
    const char *const orders[] = {"TRA:ORD:CYCL 3", "TRA:ORD:RAND", "TRA:ORD:LIST 50,7", "TRA:ORD:TRAN 60"};
    const uint16_t list[] = {3, 3, 0, 1, 2, 1, 0};
    for (int i = 0; i < 4; i++) {
        set_up_four();
        write_words(LIST, list, 7);
        write_words(60, chain, 16);
        obey(orders[i]);
        obey("TRA:SEED 5");
        uint16_t whole[STEPS];
        memcpy(whole, shown(), sizeof whole);
        const int firsts[] = {1, 2, 77, 199};
        for (int k = 0; k < 4; k++) {
            char line[32];
            snprintf(line, sizeof line, "TRA:FIRS %d", firsts[k]);
            obey(line);
            start();
            const struct log *log = fetch_all();
            for (int step = firsts[k]; step < STEPS; step++) {
                assert_int_equal(log->records[step - firsts[k]].example, whole[step]);
            }
        }
        obey("TRA:FIRS 0");
    }
}

/* Schedules ----------------------------------------------------------------------------------------------------------- */

/* Which steps have records of a kind, as text. */
static const char *steps_of(char kind) {
    static char text[4096];
    start();
    const struct log *log = fetch_all();
    size_t used = 0;
    for (size_t i = 0; i < log->count; i++) {
        const struct record *r = &log->records[i];
        if (r->kind == kind && (kind == 'S' || (r->set == 0 && r->example == 0))) {
            used += (size_t)snprintf(text + used, sizeof text - used, "%s%u", used ? " " : "", (unsigned)r->step);
            assert_true(used < sizeof text);
        }
    }
    return used ? text : "";
}

static void steps_are_logged_by_their_schedule(void **state) {
    (void)state;
    set_up_four();
    obey("TRA:STEP 20;LOG:EVER 7");
    assert_string_equal(steps_of('S'), "0 7 14");
    obey("TRA:LOG:EVER 1");
    assert_string_equal(steps_of('S'), "0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19");
    obey("TRA:LOG:EVER 0");
    assert_string_equal(steps_of('S'), "");
    const uint16_t list[] = {1, 0, 2, 0, 5, 0, 19, 0, 20, 0, 0, 1}; /* the last is 65536 */
    write_words(LIST, list, 12);
    obey("TRA:LOG:LIST 50,6");
    assert_string_equal(steps_of('S'), "1 2 5 19");
    obey("TRA:LOG:LIST 52,1");
    assert_string_equal(steps_of('S'), "2");
    obey("TRA:LOG:EVER 10");
    assert_string_equal(steps_of('S'), "0 10");
}

static void sets_are_measured_by_their_schedule(void **state) {
    (void)state;
    set_up_four();
    obey("TRA:STEP 20");
    assert_string_equal(steps_of('M'), "0 20");
    obey("TRA:MEAS:EVER 8");
    assert_string_equal(steps_of('M'), "0 8 16 20");
    const uint16_t list[] = {1, 0, 2, 0, 5, 0, 19, 0};
    write_words(LIST, list, 8);
    obey("TRA:MEAS:LIST 50,4");
    assert_string_equal(steps_of('M'), "0 1 2 5 19 20");
}

static void listed_steps_have_two_words(void **state) {
    (void)state;
    set_up_four();
    const uint16_t list[] = {0x0003, 0, 0x0003, 1, 0x0004, 1};
    write_words(LIST, list, 6);
    obey("TRA:STEP 65545;FIRS 65535;LOG:LIST 50,3");
    assert_string_equal(steps_of('S'), "65539 65540");
}

RUN(ON_BENCH(the_example_of_a_step_is_held), ON_BENCH(cyclic_shows_each_in_turn),
    ON_BENCH(random_draws_an_example_every_step), ON_BENCH(a_list_goes_round),
    ON_BENCH(transitions_follow_their_probabilities), ON_BENCH(what_is_certain_always_happens),
    ON_BENCH(orders_go_on_where_they_were), ON_BENCH(steps_are_logged_by_their_schedule),
    ON_BENCH(sets_are_measured_by_their_schedule), ON_BENCH(listed_steps_have_two_words))
