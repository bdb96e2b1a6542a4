#include "training.h"

#include <stdio.h>
#include <string.h>

#include "answer.h"
#include "log.h"
#include "train.h"

/* Records of full detail take 72 bytes, those of a measurement of two outputs 12, the end 30. */
#define STEP_BYTES 72
_Static_assert(LONGEST_RECORD == STEP_BYTES && END_RECORD == 30, "twin16 has 9 nodes and 16 edges");
#define STEPS_A_BLOCK (LOG_BLOCK_BYTES / STEP_BYTES)

/* A training that measures nothing and logs every step, one each millisecond. */
static void begin_long_training(const char *settings) {
    set_up();
    obey("TRA:FIRS 1;STEP 100000;TIME:STAR 0;SETT 0;:TRA:MEAS:EVER 0"); /* no measurement before step 1 */
    obey(settings);
    start();
}

/* As many steps as a paused training has done, with the blocks that it keeps. */
static uint32_t steps_until_paused(void) {
    do {
        poll_times(1);
    } while (train_due() != NEVER);
    assert_true(train_running());
    return train_step() - 1;
}

static void blocks_are_filled_and_numbered(void **state) {
    (void)state;
    begin_long_training("TRA:LOG:EVER 1");
    steps_until_paused();
    uint32_t step = 1;
    for (uint32_t number = 0; number < LOG_BLOCKS - 1; number++) {
        const struct block *block = fetch(number);
        assert_int_equal(block->number, number);
        assert_int_equal(block->count, STEPS_A_BLOCK);
        for (uint16_t i = 0; i < block->count; i++, step++) {
            assert_int_equal(block->records[i].step, step);
            assert_int_equal(block->records[i].time, 1000 * (step - 1));
        }
    }
}

static void a_block_stays_until_the_next_is_asked_for(void **state) {
    (void)state;
    begin_long_training("TRA:LOG:EVER 1");
    steps_until_paused();
    struct block first;
    memcpy(&first, fetch(0), sizeof first);
    assert_memory_equal(fetch(0), &first, sizeof first);
    poll_times(10);
    assert_memory_equal(fetch(0), &first, sizeof first);
    assert_int_equal(fetch(1)->number, 1);
    assert_refused("TRA:LOG? 0", "-222,Data out of range;let go of already");
    assert_int_equal(fetch(1)->count, STEPS_A_BLOCK);
}

static void a_block_that_is_not_there_yet_is_refused(void **state) {
    (void)state;
    set_up();
    assert_int_equal(fetch(0)->count, 0);
    assert_refused("TRA:LOG? 1", "-222,Data out of range;not there yet");
    start();
    poll_times(7); /* the measurement */
    assert_refused("TRA:LOG? 1", "-222,Data out of range;not there yet");
    assert_refused("TRA:LOG? -1", "-222,Data out of range;too low");
    assert_refused("TRA:LOG?", "-109,Missing parameter");
    assert_int_equal(fetch(0)->count, 3);
    assert_int_equal(fetch(1)->count, 0);
    assert_refused("TRA:LOG? 2", "-222,Data out of range;not there yet");
}

/* A block that is being filled is closed and given as it is; later records come in the next. */
static void an_open_block_is_closed_when_it_is_asked_for(void **state) {
    (void)state;
    set_up();
    start();
    poll_times(3);
    assert_answer("TRA:STAT?", "RUN,0,1");
    assert_int_equal(fetch(0)->count, 1);
    assert_answer("TRA:STAT?", "RUN,0,1");
    poll_times(2);
    assert_int_equal(fetch(0)->count, 1); /* the answer was lost */
    assert_answer("TRA:STAT?", "RUN,0,2");
    const struct block *second = fetch(1);
    assert_int_equal(second->count, 1);
    assert_int_equal(second->records[0].example, 1);
}

static void every_record_comes_once_however_it_is_fetched(void **state) {
    (void)state;
    begin_long_training("TRA:LOG:EVER 1;:TRA:STEP 300");
    uint32_t number = 0, step = 1;
    bool ended = false;
    for (int i = 0; !ended; i++) {
        assert_true(i < 10000);
        poll_times(i * i % 47);
        const struct block *block = fetch(number);
        assert_int_equal(block->number, number);
        if (i % 3 == 0) {
            continue; /* the answer was lost */
        }
        for (uint16_t k = 0; k < block->count; k++) {
            assert_false(ended);
            ended = block->records[k].kind == 'E';
            assert_true(ended || block->records[k].kind == 'M' || block->records[k].step == step);
            step += block->records[k].kind == 'S';
        }
        number += block->count > 0;
    }
    assert_int_equal(step, 300);
}

static void a_training_pauses_when_its_log_is_full(void **state) {
    (void)state;
    begin_long_training("TRA:LOG:EVER 1");
    uint32_t done = steps_until_paused();
    assert_in_range(done, LOG_BLOCKS * STEPS_A_BLOCK - 1, LOG_BLOCKS * STEPS_A_BLOCK); /* all but what the end needs */
    fake_calls();
    const uint64_t paused_at = fake.now;
    fake.now += 5000000;
    poll_times(10);
    assert_string_equal(fake_calls(), "");
    assert_int_equal(train_step(), done + 1);

    fetch(0); /* it may have to be sent again: no room yet */
    poll_times(10);
    assert_int_equal(train_step(), done + 1);
    fetch(1);
    poll_times(10);
    assert_true(train_step() > done + 1);
    uint32_t more = steps_until_paused() - done;
    assert_int_equal(more, STEPS_A_BLOCK);

    /* Steps that were missed are made up for as fast as they can be. */
    uint32_t step = 0;
    const struct block *block = NULL;
    for (uint32_t number = 1; step <= done; number++) {
        block = fetch(number);
        step = block->records[block->count - 1].step;
    }
    assert_true(block->records[block->count - 1].time >= paused_at + 5000000);
}

static void a_measurement_waits_for_room_too(void **state) {
    (void)state;
    begin_long_training("TRA:LOG:EVER 0;:TRA:MEAS:EVER 1");
    steps_until_paused();
    uint32_t number = 0, measured = 0;
    for (uint32_t i = 0; i < 3 * LOG_BLOCKS; i++, number++) {
        const struct block *block = fetch(number);
        for (uint16_t k = 0; k < block->count; k++, measured++) { /* no example is left out */
            const struct record *r = &block->records[k];
            assert_int_equal(r->kind, 'M');
            assert_int_equal(r->step, 1 + measured / 3);
            assert_int_equal(r->set * 2 + r->example, measured % 3);
        }
        steps_until_paused();
    }
}

/* However long it was paused, what is held settles before it is read. */
static void a_measurement_settles_after_a_pause(void **state) {
    (void)state;
    begin_long_training("TRA:LOG:EVER 0;:TRA:MEAS:EVER 1;:TRA:TIME:SETT 1e-4");
    steps_until_paused();
    uint32_t number = 0;
    while (strcmp(ask("STAT:OPER:COND?"), "272") != 0) { /* until it is a measurement that waits */
        fetch(number++);
        steps_until_paused();
    }
    fake.now = 5000000000;
    do {
        fetch(number++);
        poll_times(1);
    } while (train_due() == NEVER);
    poll_times(1);
    assert_non_null(strstr(fake_calls(), "5000000000 hold free 0x101\n5000000100 read free\n"));
}

static void pausing_is_late_in_a_strict_training(void **state) {
    (void)state;
    begin_long_training("TRA:TIME:STR ON");
    uint32_t done = steps_until_paused();
    fetch(0);
    fetch(1);
    poll_times(1);
    assert_true(train_running()); /* the host was fast enough */
    steps_until_paused();
    fake.now += 1;
    fetch(2);
    poll_times(1);
    assert_false(train_running());
    assert_memory_equal(ask("TRA:STAT?"), "LATE", 4);
    uint32_t number = 3;
    const struct block *block;
    do {
        block = fetch(number++);
    } while (block->records[block->count - 1].kind != 'E');
    assert_int_equal(block->records[block->count - 1].reason, 'L');
    assert_true(block->records[block->count - 1].step > done);
}

static void a_paused_training_ends_when_it_is_told(void **state) {
    (void)state;
    begin_long_training("TRA:LOG:EVER 1");
    uint32_t done = steps_until_paused();
    obey("TRA:ABOR");
    const struct log *log = fetch_all();
    assert_int_equal(log->count, done + 1); /* nothing is lost */
    assert_int_equal(log->records[done].kind, 'E');
    assert_int_equal(log->records[done].step, done + 1);
    assert_int_equal(log->records[done].reason, 'A');
}

static void a_start_begins_a_new_log(void **state) {
    (void)state;
    set_up();
    start();
    run();
    fetch(0);
    start();
    assert_answer("TRA:STAT?", "RUN,0,0");
    assert_int_equal(fetch(0)->count, 0);
    run();
    assert_int_equal(fetch_all()->records[0].kind, 'M');
}

/* A client may ask for the log and for errors in one message; on the chip that must fit, too. */
static void the_largest_block_fits_an_answer_with_errors(void **state) {
    (void)state;
    begin_long_training("TRA:LOG:EVER 1");
    steps_until_paused();
    size_t count;
    fake_heard(&count);
    ask("TRA:LOG? 0;:SYST:ERR:ALL?");
    assert_answer("SYST:ERR?", "0,\"No error\"");
    struct line line;
    frame(&line, 1, "NO:SUCH;:TRA:LOG? 0;:SYST:ERR:ALL?");
    const char *answer = ask_line(&line);
    const char error[] = ";-113,\"Undefined header\"";
    const size_t header = LOG_BLOCK_BYTES < 1000 ? 5 : 6;
    const size_t length = FRAME_BYTES + header + 6 + (size_t)STEPS_A_BLOCK * STEP_BYTES + 2;
    assert_string_equal(answer + length, error);
}

RUN(ON_BENCH(blocks_are_filled_and_numbered), ON_BENCH(a_block_stays_until_the_next_is_asked_for),
    ON_BENCH(a_block_that_is_not_there_yet_is_refused), ON_BENCH(an_open_block_is_closed_when_it_is_asked_for),
    ON_BENCH(every_record_comes_once_however_it_is_fetched), ON_BENCH(a_training_pauses_when_its_log_is_full),
    ON_BENCH(a_measurement_waits_for_room_too), ON_BENCH(a_measurement_settles_after_a_pause),
    ON_BENCH(pausing_is_late_in_a_strict_training), ON_BENCH(a_paused_training_ends_when_it_is_told),
    ON_BENCH(a_start_begins_a_new_log), ON_BENCH(the_largest_block_fits_an_answer_with_errors))
