#include "bench.h"

#include <string.h>

static void errors_are_queued_and_taken_in_turn(void **state) {
    (void)state;
    ask("NO:SUCH;:TRA:STEP 0;:TRA:STEP");
    assert_answer("SYST:ERR:COUN?", "3");
    assert_answer("SYST:ERR?", "-113,\"Undefined header\"");
    assert_answer("SYST:ERR?;:SYST:ERR:COUN?", "-222,\"Data out of range;too low\";1");
    assert_answer("SYST:ERR:ALL?", "-109,\"Missing parameter\"");
    assert_answer("SYST:ERR:ALL?;COUN?", "0,\"No error\";0");
}

static void a_unit_raises_its_first_error_alone(void **state) {
    (void)state;
    ask("TRA:EXAM 0,x,y,z");
    assert_answer("SYST:ERR:COUN?;:SYST:ERR?", "1;-222,\"Data out of range;too low\"");
}

static void the_queue_tells_that_it_overflowed(void **state) {
    (void)state;
    for (int i = 0; i < 15; i++) {
        ask("NO:SUCH");
    }
    ask("TRA:STEP 0");
    assert_answer("SYST:ERR:COUN?", "16");
    ask("TRA:STEP");
    ask("TRA:STEP");
    assert_answer("SYST:ERR:COUN?", "16");
    for (int i = 0; i < 15; i++) {
        assert_answer("SYST:ERR?", "-113,\"Undefined header\"");
    }
    assert_answer("SYST:ERR?;ERR?", "-350,\"Queue overflow\";0,\"No error\"");
}

/* On the chip they do not fit one answer: what is left is taken the next time. */
static void no_error_is_lost_to_a_long_answer(void **state) {
    (void)state;
    const char error[] = "-222,\"Data out of range;no such node\"";
    for (int i = 0; i < ERRORS; i++) {
        ask("SOUR:HOLD FREE,9,1");
    }
    size_t seen = 0;
    while (seen < ERRORS) {
        const char *answer = ask("SYST:ERR:ALL?");
        for (; !strncmp(answer, error, sizeof error - 1); seen++) {
            answer += sizeof error - 1;
            answer += *answer == ',';
        }
        assert_string_equal(answer, "");
    }
    assert_int_equal(seen, ERRORS);
    assert_answer("SYST:ERR?", "0,\"No error\"");
}

/* However much of the answer is taken: what does not fit is said to be missing, in the same answer. */
static void a_long_answer_leaves_room_for_errors(void **state) {
    (void)state;
    const char question[] = ":BOAR:PART?;", check[] = ":SYST:ERR:ALL?";
    const size_t answered = strlen(ask("BOAR:PART?")) + 1, most = (LINE_BYTES - sizeof check) / (sizeof question - 1);
    for (size_t questions = 1; questions <= most; questions++) {
        struct line line = {0};
        for (size_t k = 0; k < questions; k++) {
            add_text(&line, question);
        }
        add_text(&line, check);
        const char *answer = ask_line(&line);
        size_t told = 0;
        while (answer[told * answered] == '"') {
            told++;
        }
        const char *rest = answer + told * answered;
        assert_true(told == questions ? !strcmp(rest, "0,\"No error\"") : !strncmp(rest, "-430,", 5));
        ask("*CLS");
    }
}

static void clear_forgets_errors_and_events(void **state) {
    (void)state;
    ask("NO:SUCH;*OPC");
    assert_answer("*CLS;:SYST:ERR:COUN?;*ESR?;:STAT:QUES?", "0;0;0");
}

/* The bits of IEEE 488.2: 1 complete, 4 query, 8 device, 16 execution, 32 command, 128 power on. */
static void events_are_told_once(void **state) {
    (void)state;
    assert_answer("*ESR?;*ESR?", "128;0");
    assert_answer("*OPC;*ESR?;*ESR?", "1;0");
    assert_answer("NO:SUCH;*ESR?", "32");
    assert_answer("TRA:STEP 0;*ESR?", "16");
    assert_answer("TRA:STEP 0;NO:SUCH;*OPC;*ESR?", "49");
    struct line too_long = {0}, long_answer = {0};
    while (too_long.count < LINE_BYTES + 1) {
        add_text(&too_long, "x");
    }
    ask_line(&too_long);
    assert_answer("*ESR?", "8");
    add_text(&long_answer, "BOAR:POS?");
    for (size_t i = 0; i < ANSWER_BYTES / 40; i++) { /* each is answered by 41 bytes */
        add_text(&long_answer, ";POS?");
    }
    ask_line(&long_answer);
    assert_answer("*ESR?", "4");
}

/* 4 error queue, 8 questionable, 16 answer, 32 standard event, 64 summary, 128 operation. */
static void the_status_byte_sums_up_what_counts(void **state) {
    (void)state;
    assert_answer("*STB?", "0"); /* power on is an event that does not count yet */
    assert_answer("*ESE 128;*STB?;*ESE?", "32;128");
    assert_answer("*SRE 32;*STB?;*SRE?", "96;32");
    assert_answer("*ESR?;*STB?", "128;16"); /* an answer is there */
    ask("NO:SUCH");
    assert_answer("*STB?", "4");
    assert_answer("*SRE 4;*STB?", "68");
    assert_answer("*SRE 255;*SRE?", "191"); /* the summary is no part of itself */
    assert_answer("*SRE 64;*STB?", "4");
    ask("*CLS");
    assert_refused("*SRE 256", "-222,Data out of range;too high");
    assert_refused("*ESE -1", "-222,Data out of range;too low");
}

static void damaged_constants_are_questionable(void **state) {
    (void)state;
    assert_answer("STAT:QUES:COND?;:STAT:QUES?;*TST?", "0;0;0");
    obey("CAL:CONS 0,1");
    assert_answer("STAT:QUES:COND?;EVEN?;EVEN?;COND?;*TST?", "256;256;0;256;256");
    assert_answer("STAT:QUES:ENAB 256;ENAB?;*STB?", "256;16"); /* the event was read already */
    obey("CAL:SAVE");
    assert_answer("STAT:QUES:COND?;EVEN?;*TST?", "0;0;0");
    obey("CAL:CONS 0,2");
    assert_answer("*STB?", "8");
    assert_answer("STAT:QUES:ENAB 255;*STB?", "0");
    assert_answer("STAT:QUES:ENAB 256;*STB?;:STAT:PRES;QUES:ENAB?;:STAT:OPER:ENAB?", "8;0;0");
    assert_refused("STAT:QUES:ENAB 32768", "-222,Data out of range;too high");
}

static void power_up_forgets_status(void **state) {
    (void)state;
    ask("NO:SUCH;*ESE 255;*SRE 255;:STAT:QUES:ENAB 256;:STAT:OPER:ENAB 256");
    power_cycle();
    assert_answer("SYST:ERR:COUN?;*ESE?;*SRE?;:STAT:QUES:ENAB?;:STAT:OPER:ENAB?;*ESR?", "0;0;0;0;0;128");
}

RUN(ON_BENCH(errors_are_queued_and_taken_in_turn), ON_BENCH(a_unit_raises_its_first_error_alone),
    ON_BENCH(the_queue_tells_that_it_overflowed), ON_BENCH(no_error_is_lost_to_a_long_answer),
    ON_BENCH(a_long_answer_leaves_room_for_errors), ON_BENCH(clear_forgets_errors_and_events),
    ON_BENCH(events_are_told_once), ON_BENCH(the_status_byte_sums_up_what_counts),
    ON_BENCH(damaged_constants_are_questionable), ON_BENCH(power_up_forgets_status))
