#include "training.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "train.h"

/* The whole of a training, worked out by hand. Reading k of all that are made gives k more than the one before. Outputs are
 * clamped half way (eta 0.5, halves up): (20000 + 5003) / 2, (30000 + 7003) / 2; then (10000 + 5006) / 2, (40000 + 7006) / 2. */
static void two_steps_make_these_calls_at_these_times(void **state) {
    (void)state;
    set_up();
    fake.rise = 1;
    start();
    run();
    assert_string_equal(fake_calls(),
                        /* before the first step: training examples, then the test example */
                        "0 dac 0 60000\n0 dac 8 0\n0 hold free 0x101\n"
                        "100 read free\n"
                        "100 dac 0 50000\n100 dac 8 0\n100 hold free 0x101\n"
                        "200 read free\n"
                        "200 dac 0 40000\n200 dac 8 0\n200 hold free 0x101\n"
                        "300 read free\n"
                        /* step 0 */
                        "10000 dac 0 60000\n10000 dac 8 0\n10000 dac 4 20000\n10000 dac 6 30000\n"
                        "10000 hold free 0x101\n10000 hold clamped 0x151\n"
                        "10100 read free\n"
                        "10100 dac 4 12502\n10100 dac 6 18502\n10100 hold clamped 0x151\n"
                        "10200 read free\n10200 read clamped\n10200 trigger step\n"
                        /* step 1 */
                        "11000 dac 0 50000\n11000 dac 8 0\n11000 dac 4 10000\n11000 dac 6 40000\n"
                        "11000 hold free 0x101\n11000 hold clamped 0x151\n"
                        "11100 read free\n"
                        "11100 dac 4 7503\n11100 dac 6 23503\n11100 hold clamped 0x151\n"
                        "11200 read free\n11200 read clamped\n11200 trigger step\n"
                        /* after the last */
                        "11200 dac 0 60000\n11200 dac 8 0\n11200 hold free 0x101\n"
                        "11300 read free\n"
                        "11300 dac 0 50000\n11300 dac 8 0\n11300 hold free 0x101\n"
                        "11400 read free\n"
                        "11400 dac 0 40000\n11400 dac 8 0\n11400 hold free 0x101\n"
                        "11500 read free\n");
    assert_int_equal(fake.now, 12000); /* it ends when the next step would begin */
}

static void the_log_tells_what_was_read_and_latched(void **state) {
    (void)state;
    set_up();
    fake.rise = 1;
    start();
    run();
    assert_string_equal(log_text(), "M 0 0 0 5000 7000\nM 0 0 1 5001 7001\nM 0 1 0 5002 7002\n"
                                    "S 0 0 0 10000 free 1004 2004 3004 4004 5004 6004 7004 8004 9004"
                                    " clamped 1105 2105 3105 4105 5105 6105 7105 8105 9105 up 0F0F open 00FF"
                                    " 64 64 64 64 64 64 64 64 64 64 64 64 64 64 64 64\n"
                                    "S 1 1 0 11000 free 1007 2007 3007 4007 5007 6007 7007 8007 9007"
                                    " clamped 1108 2108 3108 4108 5108 6108 7108 8108 9108 up 0F0F open 00FF"
                                    " 65 65 65 65 63 63 63 63 64 64 64 64 64 64 64 64\n"
                                    "M 2 0 0 5009 7009\nM 2 0 1 5010 7010\nM 2 1 0 5011 7011\n"
                                    "E 2 12000 D 66 66 66 66 62 62 62 62 64 64 64 64 64 64 64 64\n");
    assert_memory_equal(fake.wipers, ((uint8_t[]){66, 66, 66, 66, 62, 62, 62, 62, 64, 64, 64, 64, 64, 64, 64, 64}), 16);
    assert_answer("TRIG:COUN?;:TRA:STAT?", "2;DONE,2,1");
}

/* Outputs as read and as held, without the readings that full detail makes. */
static void the_short_log_needs_no_other_readings(void **state) {
    (void)state;
    set_up();
    short_records = true;
    fake.rise = 1;
    obey("TRA:LOG:DET SHOR");
    start();
    run();
    assert_null(strstr(fake_calls(), "read clamped"));
    assert_string_equal(log_text(), "M 0 0 0 5000 7000\nM 0 0 1 5001 7001\nM 0 1 0 5002 7002\n"
                                    "S 0 0 0 10000 free 5003 7003 clamped 12502 18502 up 0F0F open 00FF\n"
                                    "S 1 1 0 11000 free 5004 7004 clamped 7502 23502 up 0F0F open 00FF\n"
                                    "M 2 0 0 5005 7005\nM 2 0 1 5006 7006\nM 2 1 0 5007 7007\n"
                                    "E 2 12000 D 66 66 66 66 62 62 62 62 64 64 64 64 64 64 64 64\n");
}

static void what_is_not_logged_is_not_read(void **state) {
    (void)state;
    set_up();
    obey("TRA:LOG:EVER 0");
    start();
    run();
    assert_null(strstr(fake_calls(), "read clamped"));
    assert_int_equal(fetch_all()->count, 3 + 3 + 1);
    assert_answer("TRIG:COUN?", "2");
}

/* V_C of the outputs 4 and 6, as held when the first trigger came. */
static void assert_clamped_at(const char *settings, uint16_t node_4, uint16_t node_6) {
    obey(settings);
    obey("TRA:STEP 1;LOG:DET SHOR;:SYST:SAFE;:TRA:STAR");
    short_records = true;
    run();
    const struct log *log = fetch_all();
    assert_int_equal(log->records[3].kind, 'S');
    assert_int_equal(log->records[3].clamped[0], node_4);
    assert_int_equal(log->records[3].clamped[1], node_6);
}

static void the_nudge_goes_from_free_to_target(void **state) {
    (void)state;
    set_up();
    assert_clamped_at("TRA:ETA 1", 20000, 30000);
    assert_clamped_at("TRA:ETA 0", READ_4, READ_6);
    assert_clamped_at("TRA:ETA 0.000030517578125", 5000, 7001); /* one of 32768: 15000, 23000 / 32768, halves up */
    assert_clamped_at("TRA:ETA 0.1", 6500, 9300);               /* 3277 of 32768 */
    const uint16_t targets[] = {65535, 0};
    write_words(1, targets, 2);
    assert_clamped_at("TRA:ETA 1", 65535, 0);
    assert_clamped_at("TRA:ETA 0.999969482421875", 65533, 0);
}

static void a_list_of_nudges_goes_round(void **state) {
    (void)state;
    set_up();
    const uint16_t etas[] = {32768, 0, 16384};
    write_words(100, etas, 3);
    obey("TRA:ETA:LIST 100,3;:TRA:STEP 4;ORD:CYCL 4;:TRA:LOG:DET SHOR");
    short_records = true;
    start();
    run();
    const struct log *log = fetch_all();
    const uint16_t expected[] = {20000, READ_4, 12500, 20000};
    for (uint32_t step = 0; step < 4; step++) {
        assert_int_equal(log->records[3 + step].clamped[0], expected[step]);
    }
    obey("TRA:ETA 1;STEP 3;STAR"); /* one number takes the list's place */
    run();
    assert_int_equal(fetch_all()->records[3 + 2].clamped[0], 20000);
}

/* When the steps of a training begin, as text. */
static const char *times_of_steps(void) {
    static char text[100];
    run();
    const struct log *log = fetch_all();
    size_t used = 0;
    for (size_t i = 0; i < log->count; i++) {
        if (log->records[i].kind == 'S') {
            used += (size_t)snprintf(text + used, sizeof text - used, " %u", (unsigned)log->records[i].time);
            assert_true(used < sizeof text);
        }
    }
    return text;
}

/* Waits after a trigger come before what follows, a measurement or a step. A step takes 200, a measurement 300. */
static void waits_come_after_every_trigger(void **state) {
    (void)state;
    set_up();
    obey("TRA:STEP 4;TIME:PER 0;STAR 0;AFT 0.0005;:TRA:MEAS:EVER 2");
    start();
    assert_string_equal(times_of_steps(), " 300 1000 2000 2700");
    assert_non_null(strstr(fake_calls(), "1200 trigger step\n1700 dac 0 60000\n1700 dac 8 0\n1700 hold free 0x101\n1800"));
}

static void one_example_may_be_waited_for_longer(void **state) {
    (void)state;
    set_up();
    obey("TRA:STEP 4;TIME:PER 0;STAR 0;AFT 0.0001;HOLD 1,0.01");
    start();
    assert_string_equal(times_of_steps(), " 300 600 10900 11200"); /* examples 0, 1, 0, 1 */
}

static void waits_within_the_period_move_nothing(void **state) {
    (void)state;
    set_up();
    obey("TRA:STEP 3;TIME:AFT 0.0005;STR ON");
    start();
    assert_string_equal(times_of_steps(), " 10000 11000 12000");
    assert_memory_equal(ask("TRA:STAT?"), "DONE", 4);
}

/* A training that goes on: its first step begins at the start, and nothing is measured before it. */
static void a_training_may_begin_at_any_step(void **state) {
    (void)state;
    set_up();
    obey("TRA:FIRS 3;STEP 5");
    start();
    const struct log *log = fetch_all();
    assert_int_equal(log->records[0].kind, 'S');
    assert_int_equal(log->records[0].step, 3);
    assert_int_equal(log->records[0].example, 1);
    assert_int_equal(log->records[0].time, 10000);
    assert_int_equal(log->records[1].time, 11000);
    assert_int_equal(log->records[log->count - 1].time, 12000);
    assert_memory_equal(ask("TRA:STAT?"), "DONE,5", 6);
}

/* What another training is compared with. */
struct kept {
    char text[4096];
};

static void keep(struct kept *kept, const char *text) {
    assert_true(strlen(text) < sizeof kept->text);
    memcpy(kept->text, text, strlen(text) + 1);
}

static void a_training_runs_on_while_the_host_waits(void **state) {
    (void)state;
    set_up();
    start();
    run();
    struct kept calls, log;
    keep(&calls, fake_calls());
    keep(&log, log_text());
    new_board_powered_up(NULL);
    set_up();
    start();
    assert_answer("SYST:WAIT 0.0101;:TRA:STAT?", "RUN,0,1");
    assert_int_equal(fake.now, 10100);
    assert_answer("SYST:WAIT 1;:TRA:STAT?;:SYST:CLOC?", "DONE,2,1;1.0101");
    assert_string_equal(fake_calls(), calls.text);
    assert_string_equal(log_text(), log.text);
}

static void status_says_what_goes_on(void **state) {
    (void)state;
    set_up();
    assert_answer("TRA:STAT?;:STAT:OPER:COND?;EVEN?", "IDLE,0,0;0;0");
    obey("STAT:OPER:ENAB 256;*SRE 128");
    assert_answer("*STB?", "0");
    start();
    assert_answer("*STB?", "192");
    assert_answer("TRA:STAT?;:STAT:OPER:COND?;EVEN?", "RUN,0,0;272;272"); /* 16 measuring, 256 training */
    assert_answer("*STB?", "0");
    poll_times(6);
    assert_answer("TRA:STAT?;:STAT:OPER:COND?;EVEN?", "RUN,0,1;256;0");
    poll_times(3);
    assert_answer("TRA:STAT?;:STAT:OPER:COND?", "RUN,1,1;256");
    run();
    assert_answer("STAT:OPER:COND?;EVEN?;EVEN?", "0;16;0"); /* the last measurement */
}

static void what_would_disturb_a_training_is_refused(void **state) {
    (void)state;
    const char *const lines[] = {"SOUR:HOLD FREE,0,1", "SOUR:BIAS 1",  "WIP:POS 1",  "WIP:HOME",      "TRIG:STEP?",
                                 "TRIG:LATC?",         "*TRG",         "TRA:STAR",   "TRA:STEP 5",    "TRA:INP 1",
                                 "TRA:EXAM 1,0",       "TRA:ETA 1",    "TRA:SEED 3", "TRA:ORD:RAND",  "TRA:LOG:EVER 1",
                                 "MEAS:VOLT? FREE",    "TRA:MEM 0,#0", "MEAS:DIR?",  "TRA:TIME:PER 1"};
    set_up();
    start();
    run();
    struct kept calls;
    keep(&calls, fake_calls());
    new_board_powered_up(NULL);
    set_up();
    start();
    for (int polls = 0; train_running(); polls++) {
        for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
            assert_refused(lines[i], "-221,Settings conflict;a training runs; TRAin:ABORt ends it");
        }
        assert_answer("SOUR:BIAS?;:TRA:STEP?;ETA?", "0;2;0.5"); /* asking is free */
        poll_times(1);
    }
    assert_string_equal(fake_calls(), calls.text);
}

/* The session that docs/scpi.md shows. */
static void the_training_of_the_reference_runs(void **state) {
    (void)state;
    const uint16_t examples[] = {13107, 0, 9000, 3000, 0, 13107, 3000, 9000, 13107, 13107, 1, 2, 0, 0, 3, 4};
    write_words(0, examples, 16);
    obey("TRA:INP 0,2;OUTP 6,8;GRO 4;EXAM 4,0");
    obey("TRA:ETA 1;STEP 4000;TIME:SETT 0.0001;PER 0.001");
    obey("TRA:ORD:RAND;:TRA:SEED 7;LOG:DET SHOR;EVER 100;:TRA:MEAS:EVER 500");
    obey("WIP:POS 64;:SOUR:BIAS 0.5;HOLD FREE,0,1,2,4,4,0;HOLD CLAM,0,1,2,4,4,0,6,3,8,2");
    fake.now = 12400031;
    assert_answer("SYST:CLOC?", "12.400031");
    assert_answer("TRA:TIME:STAR 12.410031;:TRA:STAR;:SYST:ERR:ALL?", "0,\"No error\"");
    short_records = true;
    const struct log *log = fetch_all();
    assert_int_equal(log->count, 40 + 9 * 4 + 1);
    assert_int_equal(log->records[4].time, 12410031);
    assert_int_equal(log->records[log->count - 1].time, 12410031 + 4000 * 1000);
    assert_memory_equal(ask("TRA:STAT?"), "DONE,4000,", 10);
}

/* Readings of 0.4 ms, a settling time of 0.1 ms: whatever is read or latched was held for that long. */
static void what_is_held_settles_however_long_readings_take(void **state) {
    (void)state;
    set_up();
    obey("TRA:TIME:AFT 5e-5;:TRA:MEAS:EVER 1");
    fake.reading_ticks = 400;
    start();
    fake_calls();
    run();
    uint64_t held = 0, latched = 0;
    int readings = 0, triggers = 0;
    char *end;
    for (const char *line = fake_calls(), *what; *line; line = strchr(what, '\n') + 1) {
        uint64_t time = strtoull(line, &end, 10);
        what = end + 1;
        if (memcmp(what, "hold", 4) == 0) {
            assert_true(!triggers || time >= latched + 50);
            held = time;
        } else if (memcmp(what, "read", 4) == 0) {
            assert_true(time >= held + 100);
            readings++;
        } else if (memcmp(what, "trigger", 7) == 0) {
            assert_true(time >= held + 100);
            latched = time;
            triggers++;
        }
    }
    assert_int_equal(readings, 3 * 3 + 2 * 3);
    assert_int_equal(triggers, 2);
}

RUN(ON_BENCH(two_steps_make_these_calls_at_these_times), ON_BENCH(the_log_tells_what_was_read_and_latched),
    ON_BENCH(the_short_log_needs_no_other_readings), ON_BENCH(what_is_not_logged_is_not_read),
    ON_BENCH(the_nudge_goes_from_free_to_target), ON_BENCH(a_list_of_nudges_goes_round),
    ON_BENCH(waits_come_after_every_trigger), ON_BENCH(one_example_may_be_waited_for_longer),
    ON_BENCH(waits_within_the_period_move_nothing), ON_BENCH(a_training_may_begin_at_any_step),
    ON_BENCH(a_training_runs_on_while_the_host_waits), ON_BENCH(status_says_what_goes_on),
    ON_BENCH(what_would_disturb_a_training_is_refused), ON_BENCH(the_training_of_the_reference_runs),
    ON_BENCH(what_is_held_settles_however_long_readings_take))
