#include "training.h"

#include <string.h>

#include "train.h"
#include "twin.h"

/* What a log that was ended must hold: every trigger, and the wipers as they stand. */
static void assert_ended(char reason) {
    const struct log *log = fetch_all();
    uint32_t steps = 0;
    for (size_t i = 0; i + 1 < log->count; i++) {
        assert_int_not_equal(log->records[i].kind, 'E');
        steps += log->records[i].kind == 'S';
    }
    const struct record *last = &log->records[log->count - 1];
    assert_int_equal(last->reason, reason);
    assert_int_equal(last->time, fake.now);
    assert_int_equal(last->step, twin_triggers());
    assert_int_equal(steps, twin_triggers());
    assert_memory_equal(last->wipers, fake.wipers, sizeof fake.wipers);
}

static void assert_idle(void) {
    fake_calls();
    poll_times(20);
    assert_string_equal(fake_calls(), "");
    assert_false(train_running());
    assert_answer("STAT:OPER:COND?", "0");
}

/* Begin a training of 2 steps and 9 measurements, and leave it after so many polls; gives whether it still ran. */
static bool run_for(int polls) {
    new_board_powered_up(NULL);
    set_up();
    obey("SOUR:BIAS 1;:TRA:MEAS:EVER 1");
    start();
    poll_times(polls);
    fake_calls();
    return train_running();
}

static void a_training_can_be_aborted_at_any_time(void **state) {
    (void)state;
    int polls = 0;
    for (; run_for(polls); polls++) {
        obey("TRA:ABOR");
        assert_string_equal(fake_calls(), ""); /* what is held stays held */
        assert_int_equal(fake.bias, 32768);
        assert_memory_equal(ask("TRA:STAT?"), "ABOR", 4);
        assert_ended('A');
        assert_idle();
        start(); /* and another one begins as if nothing had been */
        assert_answer("TRA:STAT?", "RUN,0,0");
        obey("TRA:ABOR");
    }
    assert_int_equal(polls, 2 * 9 + 3 * 2 + 1);
    assert_ended('D');
    obey("TRA:ABOR"); /* nothing to end */
    assert_memory_equal(ask("TRA:STAT?"), "DONE", 4);
}

static void a_training_can_be_made_safe_at_any_time(void **state) {
    (void)state;
    for (int polls = 0; run_for(polls); polls++) {
        obey("SYST:SAFE");
        assert_int_equal(fake.bias, 0);
        for (uint8_t node = 0; node < BOARD_NODES; node++) {
            assert_int_equal(fake.on_switches[node] | fake.sources[node], 0);
        }
        assert_ended('A');
        assert_idle();
        assert_answer("SOUR:BIAS?", "0");
    }
}

static void a_training_can_be_reset_at_any_time(void **state) {
    (void)state;
    for (int polls = 0; run_for(polls); polls++) {
        obey("*RST");
        assert_int_equal(fake.held[SIDE_FREE] | fake.held[SIDE_CLAMPED], 0);
        assert_answer("TRA:STAT?;STEP?", "IDLE,0,0;0");
        assert_int_equal(fetch(0)->count, 0);
        assert_idle();
        assert_memory_equal(fake.wipers, twin_wipers(), sizeof fake.wipers);
    }
}

/* A step whose readings take long: 3 x 400 and two waits of 100 are more than its period of 1000. */
static void a_late_step_ends_a_strict_training(void **state) {
    (void)state;
    set_up();
    obey("TRA:TIME:STR ON;:TRA:STEP 5");
    fake.reading_ticks = 400;
    start();
    run();
    assert_answer("STAT:QUES:COND?;EVEN?", "1024;1024");
    assert_memory_equal(ask("TRA:STAT?"), "LATE,1", 6);
    assert_ended('L');
    assert_idle();
    fake.reading_ticks = 0;
    obey("TRA:TIME:STAR 1;:TRA:STAR");
    run();
    assert_answer("STAT:QUES:COND?", "0");
    assert_memory_equal(ask("TRA:STAT?"), "DONE,5", 6);
}

static void a_start_in_the_past_is_late(void **state) {
    (void)state;
    set_up();
    obey("TRA:TIME:STR ON");
    fake.now = 9701; /* a measurement takes 300 */
    start();
    run();
    assert_memory_equal(ask("TRA:STAT?"), "LATE,0", 6);
    assert_ended('L');
    set_up();
    obey("TRA:TIME:STAR 0.1");
    fake.now = 99700;
    start();
    run();
    assert_memory_equal(ask("TRA:STAT?"), "DONE,2", 6);
}

/* Without strictness a step begins as soon as it can, and the next at its own time again. */
static void late_steps_slide_and_catch_up(void **state) {
    (void)state;
    set_up();
    obey("TRA:STEP 4");
    fake.reading_ticks = 400;
    start();
    while (train_step() < 2) {
        poll_times(1);
    }
    fake.reading_ticks = 0;
    run();
    const struct log *log = fetch_all();
    const uint64_t times[] = {10000, 11400, 12800, 13000};
    for (int step = 0; step < 4; step++) {
        assert_int_equal(log->records[3 + step].step, step);
        assert_int_equal(log->records[3 + step].time, times[step]);
    }
    assert_int_equal(log->records[log->count - 1].time, 14000);
    assert_answer("STAT:QUES?", "0");
}

static void a_lost_host_stops_a_training(void **state) {
    (void)state;
    for (int polls = 0; polls < 15; polls++) {
        new_board_powered_up(NULL);
        set_up();
        obey("SOUR:BIAS 1;:TRA:LOST STOP,2;:TRA:STAR");
        fake.silence = 1999999;
        poll_times(polls);
        assert_true(train_running());
        fake.silence = 2000000;
        fake_calls();
        poll_times(1);
        assert_non_null(strstr(fake_calls(), " clear\n"));
        assert_int_equal(fake.bias, 0);
        fake.silence = 0;
        assert_answer("STAT:QUES:COND?", "2048");
        assert_memory_equal(ask("TRA:STAT?"), "LOST", 4);
        assert_ended('H');
        assert_idle();
    }
}

static void a_host_may_be_lost_on_purpose(void **state) {
    (void)state;
    set_up();
    obey("TRA:LOST CONT,2;:TRA:STAR");
    fake.silence = NEVER;
    run();
    assert_ended('D');
    obey("TRA:LOST STOP,0;:TRA:STAR");
    run();
    assert_memory_equal(ask("TRA:STAT?"), "DONE", 4);
}

static void without_its_host_a_training_goes_on_until_the_log_is_full(void **state) {
    (void)state;
    set_up();
    obey("TRA:LOST CONT,2;:TRA:STEP 2000;STAR");
    fake.silence = NEVER;
    while (train_due() != NEVER) {
        poll_times(1);
    }
    assert_true(train_running());
    fake.silence = 0; /* there it is again */
    const struct log *log = fetch_all();
    assert_int_equal(log->records[log->count - 1].step, 2000);
    assert_int_equal(log->count, 2000 + 6 + 1);
}

/* Readings of 5000 and 7000 are 15000 and 23000 from the first example's targets, 5000 and 33000 from the second's. */
static void a_perfect_measurement_ends_a_training(void **state) {
    (void)state;
    const uint16_t test_targets[] = {65535, 65535}; /* far off; they do not count */
    set_up();
    write_words(7, test_targets, 2);
    obey("TRA:STOP ON,2.517739"); /* 33000 codes */
    start();
    run();
    assert_memory_equal(ask("TRA:STAT?"), "PERF,0", 6);
    assert_int_equal(fake.now, 300);
    assert_ended('P');
}

static void nearly_perfect_is_not_perfect(void **state) {
    (void)state;
    set_up();
    obey("TRA:STOP ON,2.517663"); /* 32999 codes */
    start();
    run();
    assert_memory_equal(ask("TRA:STAT?"), "DONE,2", 6);
    obey("TRA:STOP OFF,5;:TRA:STAR");
    run();
    assert_memory_equal(ask("TRA:STAT?"), "DONE,2", 6);
}

static void a_training_ends_when_it_becomes_perfect(void **state) {
    (void)state;
    set_up();
    obey("TRA:STOP ON,2.517663;:TRA:STEP 100;LOG:EVER 0;:TRA:MEAS:EVER 5;:TRA:STAR");
    while (train_step() < 12) {
        poll_times(1);
    }
    fake.adc[SIDE_FREE][6]++;
    run();
    assert_memory_equal(ask("TRA:STAT?"), "PERF,15", 7);
    assert_int_equal(twin_triggers(), 15);
}

/* The watchdog ------------------------------------------------------------------------------------------------------- */

static void the_watchdog_makes_a_silent_board_safe(void **state) {
    (void)state;
    obey("SOUR:HOLD FREE,0,5;BIAS 1;:SYST:WATC 1.5");
    fake_calls();
    fake.silence = 1499999;
    poll_times(3);
    assert_string_equal(fake_calls(), "");
    fake.silence = 1500000;
    poll_times(3);
    assert_string_equal(fake_calls(), "0 clear\n"); /* once */
    fake.silence = 0;
    poll_times(1);
    assert_answer("STAT:QUES:COND?;:SOUR:HOLD? FREE;BIAS?", "2048;0,0;0");
    obey("SOUR:BIAS 1;:SYST:WATC 1.5");
    assert_answer("STAT:QUES:COND?", "0");
    fake_calls();
    fake.silence = NEVER;
    poll_times(3);
    assert_string_equal(fake_calls(), "0 clear\n"); /* and again */
}

static void without_a_watchdog_silence_means_nothing(void **state) {
    (void)state;
    obey("SOUR:HOLD FREE,0,5;:SYST:WATC 1;WATC 0");
    fake_calls();
    fake.silence = NEVER;
    poll_times(3);
    assert_string_equal(fake_calls(), "");
}

/* TRAin:LOST decides while a training runs; the watchdog does as soon as it has ended. */
static void the_watchdog_acts_when_a_training_has_ended(void **state) {
    (void)state;
    set_up();
    obey("SYST:WATC 1;:TRA:LOST CONT,1;:TRA:STAR");
    fake.silence = NEVER;
    run();
    assert_memory_equal(ask("TRA:STAT?"), "DONE,2", 6);
    assert_non_null(strstr(fake_calls(), "12000 clear\n"));
    assert_int_equal(fake.on_switches[0], 0);
}

RUN(ON_BENCH(a_training_can_be_aborted_at_any_time), ON_BENCH(a_training_can_be_made_safe_at_any_time),
    ON_BENCH(a_training_can_be_reset_at_any_time), ON_BENCH(a_late_step_ends_a_strict_training),
    ON_BENCH(a_start_in_the_past_is_late), ON_BENCH(late_steps_slide_and_catch_up), ON_BENCH(a_lost_host_stops_a_training),
    ON_BENCH(a_host_may_be_lost_on_purpose), ON_BENCH(without_its_host_a_training_goes_on_until_the_log_is_full),
    ON_BENCH(a_perfect_measurement_ends_a_training), ON_BENCH(nearly_perfect_is_not_perfect),
    ON_BENCH(a_training_ends_when_it_becomes_perfect), ON_BENCH(the_watchdog_makes_a_silent_board_safe),
    ON_BENCH(without_a_watchdog_silence_means_nothing), ON_BENCH(the_watchdog_acts_when_a_training_has_ended))
