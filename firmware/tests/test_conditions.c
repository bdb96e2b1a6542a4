/* What a training is asked for beside its steps: noise, triggers only where something is wrong; and what cannot be. */
#include "training.h"

#include <stdio.h>
#include <string.h>

#include "draws.h"
#include "train.h"
#include "twin.h"

#define STEPS 2000

/* Let a training come to its next trigger; gives whether there was one. */
static bool to_trigger(void) {
    const uint32_t before = twin_triggers();
    while (train_running() && twin_triggers() == before) {
        poll_times(1);
        if (train_due() == NEVER && train_running()) {
            fail_msg("the log is full");
        }
    }
    return twin_triggers() > before;
}

/* A long training without a log, whose clamped outputs are held at their targets. */
static void begin(const char *settings) {
    set_up();
    obey("TRA:STEP 2000;LOG:EVER 0;:TRA:ETA 1;SEED 9;EXAM 1,0;TIME:PER 0");
    obey(settings);
    start();
}

static void noise_is_drawn_within_its_bounds(void **state) {
    (void)state;
    begin("TRA:NOIS:SOUR 0.007629;TARG 0.000763"); /* 100 and 10 codes */
    bool source[201] = {false}, target[2][21] = {{false}};
    for (uint32_t step = 0; step < STEPS; step++) {
        assert_true(to_trigger());
        const uint16_t *held = fake.on_switches;
        assert_in_range(held[0], INPUT_0 - 100, INPUT_0 + 100);
        assert_in_range(held[4], 20000 - 10, 20000 + 10);
        assert_in_range(held[6], 30000 - 10, 30000 + 10);
        assert_int_equal(held[8], 0); /* a ground has none */
        source[held[0] - (INPUT_0 - 100)] = true;
        target[0][held[4] - (20000 - 10)] = true;
        target[1][held[6] - (30000 - 10)] = true;
        assert_int_equal(held[0], INPUT_0 - 100 + (draw(9, STREAM_SOURCE_NOISE, step, 0) >> 32) * 201 / 4294967296u);
        assert_int_equal(held[4], 20000 - 10 + (draw(9, STREAM_TARGET_NOISE, step, 0) >> 32) * 21 / 4294967296u);
        assert_int_equal(held[6], 30000 - 10 + (draw(9, STREAM_TARGET_NOISE, step, 1) >> 32) * 21 / 4294967296u);
    }
    for (size_t k = 0; k < 201; k++) { /* every one of them comes up */
        assert_true(source[k] && target[0][k % 21] && target[1][k % 21]);
    }
}

static void measurements_have_no_noise(void **state) {
    (void)state;
    set_up();
    obey("TRA:NOIS:SOUR 1;TARG 1;:TRA:STAR");
    poll_times(6);
    assert_non_null(strstr(fake_calls(), "0 dac 0 60000\n0 dac 8 0\n0 hold free 0x101\n100 read free\n"
                                         "100 dac 0 50000\n100 dac 8 0\n100 hold free 0x101\n200 read free\n"
                                         "200 dac 0 40000\n"));
}

static void without_noise_nothing_is_added(void **state) {
    (void)state;
    begin("TRA:NOIS:SOUR 0;TARG 0");
    while (to_trigger()) {
        assert_int_equal(fake.on_switches[0], INPUT_0);
        assert_int_equal(fake.on_switches[4], 20000);
    }
}

/* Noise stops at the ends of the sources' range, which is flagged, for the step and as questionable. */
static void noise_beyond_the_range_is_cut(void **state) {
    (void)state;
    set_up();
    short_records = true;
    obey("TRA:STEP 500;LOG:DET SHOR;:TRA:SEED 4;EXAM 1,0;TIME:PER 0;:TRA:NOIS:SOUR 0.762951;:TRA:STAR"); /* 10000 codes */
    const struct log *log = fetch_all();
    uint32_t cut = 0;
    for (size_t i = 0; i < log->count; i++) {
        const struct record *r = &log->records[i];
        if (r->kind == 'S') {
            uint64_t drawn = (draw(4, STREAM_SOURCE_NOISE, r->step, 0) >> 32) * 20001 >> 32;
            assert_int_equal(r->flags, INPUT_0 - 10000 + drawn > 65535);
            cut += r->flags;
        }
    }
    assert_in_range(cut, 60, 160); /* 4464 of 20001: 112 +- 9 */
    assert_answer("STAT:QUES?", "1");
}

/* Noise that just reaches the ends is not cut. */
static void noise_up_to_the_range_is_not_flagged(void **state) {
    (void)state;
    const uint16_t inside[] = {100, 65435, 100};
    set_up();
    short_records = true;
    write_words(0, inside, 3);
    obey("TRA:STEP 2000;LOG:DET SHOR;:TRA:ETA 1;SEED 5;EXAM 1,0;:TRA:NOIS:SOUR 0.007629;TARG 0.007629;:TRA:STAR");
    const struct log *log = fetch_all();
    uint32_t at_end = 0;
    for (size_t i = 0; i < log->count; i++) {
        if (log->records[i].kind == 'S') {
            assert_int_equal(log->records[i].flags, 0);
            at_end += log->records[i].clamped[0] == 65535;
            at_end += log->records[i].clamped[1] == 0;
        }
    }
    assert_in_range(at_end, 5, 40); /* 20 +- 4 */
    assert_answer("STAT:QUES?", "0");
}

static void noise_is_cut_at_either_end(void **state) {
    (void)state;
    const uint16_t ends[] = {0, 65535, 0};
    set_up();
    write_words(0, ends, 3);
    obey("TRA:STEP 200;LOG:EVER 0;:TRA:ETA 1;EXAM 1,0;:TRA:NOIS:SOUR 5;TARG 5;:TRA:STAR");
    uint32_t at_end = 0;
    while (to_trigger()) {
        at_end += fake.on_switches[0] == 0;
        at_end += fake.on_switches[4] == 65535;
        at_end += fake.on_switches[6] == 0;
    }
    assert_in_range(at_end, 240, 360); /* half of 600 +- 12 */
}

/* Node 4 reads 20000 + 10 and node 6 30000 - 10, so the first example is within 10 codes and the second is not. */
static void only_what_is_wrong_is_triggered(void **state) {
    (void)state;
    set_up();
    short_records = true;
    fake.adc[SIDE_FREE][4] = 20010;
    fake.adc[SIDE_FREE][6] = 29990;
    obey("TRA:STEP 4;LOG:DET SHOR;:TRA:WRON ON,0.000763"); /* 10 codes */
    start();
    const struct log *log = fetch_all();
    for (uint32_t step = 0; step < 4; step++) {
        const struct record *r = &log->records[3 + step];
        assert_int_equal(r->example, step % 2);
        assert_int_equal(r->flags, step % 2 ? 0 : 2);
        assert_int_equal(r->directions, step % 2 ? 0x0F0F : 0);
        assert_int_equal(r->gates, step % 2 ? 0x00FF : 0);
    }
    assert_int_equal(log->records[log->count - 1].step, 4); /* a step without a trigger is a step */
    assert_int_equal(log->records[log->count - 1].wipers[0], 66);
    assert_answer("TRIG:COUN?", "2");
}

static void one_output_is_enough_to_be_wrong(void **state) {
    (void)state;
    set_up();
    obey("TRA:EXAM 1,0;STEP 1;WRON ON,0.000763");
    const uint16_t readings[][2] = {{20011, 30000}, {19989, 30000}, {20000, 30011}, {20000, 29989}};
    for (int i = 0; i < 4; i++) {
        fake.adc[SIDE_FREE][4] = readings[i][0];
        fake.adc[SIDE_FREE][6] = readings[i][1];
        start();
        run();
        assert_int_equal(twin_triggers(), i + 1);
    }
    fake.adc[SIDE_FREE][6] = 30010;
    fake.adc[SIDE_FREE][4] = 19990;
    start();
    run();
    assert_int_equal(twin_triggers(), 4);
    obey("TRA:WRON OFF,0.000763;:TRA:STAR");
    run();
    assert_int_equal(twin_triggers(), 5);
}

/* Settings that do not fit each other -------------------------------------------------------------------------------- */

static void assert_conflict(const char *settings, const char *what) {
    char error[64];
    new_board_powered_up(NULL);
    set_up();
    obey(settings);
    snprintf(error, sizeof error, "-221,Settings conflict;%s", what);
    assert_refused("TRA:STAR", error);
    assert_false(train_running());
    assert_string_equal(fake_calls(), "");
}

static void settings_must_fit_each_other(void **state) {
    (void)state;
    assert_refused("TRA:STAR", "-221,Settings conflict;terminals"); /* a new board has none */
    assert_conflict("TRA:OUTP 4,4", "terminals");
    assert_conflict("TRA:OUTP 4,0", "terminals");
    assert_conflict("TRA:INP 8", "terminals");
    assert_conflict("TRA:INP 0,1,2,3;GRO 5,7,8;OUTP 4,6,7", "terminals");
    assert_conflict("TRA:EXAM 65535,65535", "examples");
    assert_conflict("TRA:STEP 3;FIRS 4", "steps");
}

/* Settings with the last word, and the first beyond, of the training memory. */
static void assert_fits(const char *format, int last, const char *what) {
    char line[64];
    snprintf(line, sizeof line, format, last);
    new_board_powered_up(NULL);
    set_up();
    obey(line);
    obey("TRA:STAR;ABOR");
    snprintf(line, sizeof line, format, last + 1);
    assert_conflict(line, what);
}

static void lists_stay_within_the_memory(void **state) {
    (void)state;
    memset(train_memory, 0, sizeof train_memory);
    assert_fits("TRA:EXAM 1,%d", TRAIN_WORDS / 3 - 1, "examples");
    assert_fits("TRA:ORD:LIST %d,10", TRAIN_WORDS - 10, "order");
    assert_fits("TRA:ORD:TRAN %d", TRAIN_WORDS - 4, "order");
    assert_fits("TRA:ETA:LIST %d,10", TRAIN_WORDS - 10, "eta");
    assert_fits("TRA:LOG:LIST %d,10", TRAIN_WORDS - 20, "schedules");
    assert_fits("TRA:MEAS:LIST %d,10", TRAIN_WORDS - 20, "schedules");
    memset(train_memory, 0xFF, sizeof train_memory); /* words that are no example, and no nudge */
    assert_conflict("TRA:ORD:LIST 100,1", "order");
    assert_conflict("TRA:ETA:LIST 100,1", "eta");
    train_memory[100] = 1;
    train_memory[101] = 2;
    train_memory[102] = 32768;
    train_memory[103] = 32769;
    assert_conflict("TRA:ORD:LIST 100,2", "order");
    assert_conflict("TRA:ETA:LIST 102,2", "eta");
    set_up();
    obey("TRA:ORD:LIST 100,1;:TRA:ETA:LIST 102,1;:TRA:STAR");
}

/* All nodes may be terminals, and a ground may stand for the inputs. */
static void settings_at_their_limits_run(void **state) {
    (void)state;
    set_up();
    obey("TRA:INP 0,1,2,3;GRO 5,7,8;OUTP 4,6;STAR");
    run();
    assert_memory_equal(ask("TRA:STAT?"), "DONE", 4);
    obey("TRA:INP 0,1,2,3,5,7,8;GRO;OUTP 6,4;STAR");
    run();
    obey("TRA:OUTP 0,1,2,3,4,5,6,7;INP 8;FIRS 2;STAR"); /* nothing is left to do but to measure */
    run();
    assert_memory_equal(ask("TRA:STAT?"), "DONE", 4);
    assert_int_equal(twin_triggers(), 4);
}

RUN(ON_BENCH(noise_is_drawn_within_its_bounds), ON_BENCH(measurements_have_no_noise),
    ON_BENCH(without_noise_nothing_is_added), ON_BENCH(noise_beyond_the_range_is_cut),
    ON_BENCH(noise_up_to_the_range_is_not_flagged), ON_BENCH(noise_is_cut_at_either_end),
    ON_BENCH(only_what_is_wrong_is_triggered), ON_BENCH(one_output_is_enough_to_be_wrong),
    ON_BENCH(settings_must_fit_each_other), ON_BENCH(lists_stay_within_the_memory), ON_BENCH(settings_at_their_limits_run))
