#include "bench.h"

#include <string.h>

#include "answer.h"

static void headers_are_short_or_long_in_either_case(void **state) {
    (void)state;
    assert_answer("BOARd:NODes?", "9");
    assert_answer("BOARD:NODES?", "9");
    assert_answer("BOAR:NOD?", "9");
    assert_answer("boar:nodes?", "9");
    assert_answer("bOaRd:nOd?", "9");
    assert_refused("BOARDS:NOD?", "-113,Undefined header");
    assert_refused("BOA:NOD?", "-113,Undefined header");
    assert_refused("BOAR:NODE?", "-113,Undefined header");
    assert_refused("BOAR?", "-113,Undefined header");
    assert_refused("BOAR:NOD:NOD?", "-113,Undefined header");
    assert_refused("BOAR::NOD?", "-113,Undefined header");
    assert_refused("BOAR:NOD:?", "-113,Undefined header");
}

static void optional_keywords_may_be_left_out(void **state) {
    (void)state;
    assert_answer("SYST:ERR?", "0,\"No error\"");
    assert_answer("SYST:ERR:NEXT?", "0,\"No error\"");
    assert_answer("FORM:DATA INT;:FORM?", "INT");
    assert_answer("FORM ASC;:FORM:DATA?", "ASC");
    assert_answer("STAT:OPER?;:STAT:OPER:EVEN?", "0;0");
    assert_refused("SYST:ERR:NEXT:NEXT?", "-113,Undefined header");
    assert_refused("FORM:NEXT?", "-113,Undefined header");
}

static void a_form_that_is_not_there_is_undefined(void **state) {
    (void)state;
    assert_refused("BOAR:NOD 9", "-113,Undefined header");
    assert_refused("SYST:SAFE?", "-113,Undefined header");
    assert_refused("*CLS?", "-113,Undefined header");
    assert_refused("*XYZ", "-113,Undefined header");
}

/* The path rule: a unit begins where the header before it ended, ":" at the root, "*" keeps the path. */
static void units_go_on_along_the_path(void **state) {
    (void)state;
    assert_answer("SYST:ERR:COUN?;NEXT?", "0;0,\"No error\"");
    assert_answer("BOAR:NOD?;NAME?", "9;\"twin16\"");
    assert_answer("BOAR:NOD?;:BOAR:NAME?", "9;\"twin16\"");
    assert_answer("BOAR:NOD?;*OPC?;NAME?", "9;1;\"twin16\"");
    assert_answer("TRA:TIME:SETT 1;PER 2;:TRA:TIME:SETT?;PER?", "1;2");
    assert_refused("BOAR:NOD?;BOAR:NAME?", "-113,Undefined header");
    assert_answer("BOAR:NOD?;NONE?;NAME?", "9;\"twin16\""); /* an unknown header leads somewhere, too */
    assert_answer("*CLS;BOAR:NOD?", "9");
}

static void what_stands_after_a_failed_unit_is_done(void **state) {
    (void)state;
    assert_answer("BOAR:NOD?;:TRA:ETA 7;:TRA:STEP 5;:TRA:STEP?;:SYST:ERR?", "9;5;-222,\"Data out of range;too high\"");
    assert_answer("SYST:SYNC? x;:SYST:SYNC? 3", "3"); /* no answer, and no ';' for it */
    assert_answer("*CLS;:SYST:SYNC? 3;:SYST:SYNC? 1,2;:SYST:SYNC? 4", "3;4");
}

static void spaces_and_empty_units_mean_nothing(void **state) {
    (void)state;
    assert_answer("  BOAR:NOD?  ;\t BOAR:X?;; ;:BOAR:NOD?\t", "9;9");
    assert_answer("SYST:SYNC?   \t 12 ", "12");
    assert_answer("TRA:TIME:HOLD 1 , 2.5;HOLD?", "1,2.5");
    assert_answer("", "");
    assert_answer("   ", "");
    assert_answer(";;;", "");
    assert_answer("BOAR:NOD?\r", "9");
    assert_answer("\r", "");
}

static void what_is_no_unit_is_a_syntax_error(void **state) {
    (void)state;
    assert_refused("BOAR:NOD??", "-102,Syntax error");
    assert_refused("BOAR:NOD?9", "-102,Syntax error");
    assert_refused("SYST:SAFE,", "-102,Syntax error");
    assert_refused("\"text\"", "-102,Syntax error");
    assert_refused("+5", "-102,Syntax error");
    assert_refused("?", "-113,Undefined header");
    assert_refused(":", "-113,Undefined header");
}

static void headers_longer_than_any_are_undefined(void **state) {
    (void)state;
    char header[100] = "BOARd";
    memset(header + 5, 'x', 90);
    assert_refused(header, "-113,Undefined header");
    memset(header, ':', 95);
    assert_refused(header, "-113,Undefined header");
    assert_answer("BOAR:NOD?", "9");
}

static void answers_of_a_message_are_one_line(void **state) {
    (void)state;
    assert_answer("*OPC?;*OPC?;:BOAR:BIAS?", "1;1;2,16,1");
    assert_answer("TRA:STEP 3", "");
    assert_answer("SOUR:HOLD? FREE;*OPC?", "NONE;1");
}

static void a_board_tells_what_it_is(void **state) {
    (void)state;
    assert_answer("*IDN?", "LABNET,TWIN16,0,1.0");
    assert_answer("SYST:VERS?", "1999.0");
    assert_answer("BOAR:NAME?", "\"twin16\"");
    assert_answer("BOAR:EDG?", "0,1,1,2,3,4,4,5,6,7,7,8,0,3,1,4,2,5,3,6,4,7,5,8,0,4,2,4,4,6,4,8");
    assert_answer("BOAR:POS?", "0,0,1,0,2,0,0,-1,1,-1,2,-1,0,-2,1,-2,2,-2");
    assert_answer("BOAR:HOLD?", "0,1,2,3,4,5,6,7,8");
    assert_answer("BOAR:SOUR?;READ?", "0,5,16;0,5,16");
    assert_answer("BOAR:WIP?;RREF?", "128,40,10000,64;10000");
    assert_answer("SYST:TICK?", "0.000001");
    assert_answer("SYST:LINK:LENG?", LINE_BYTES == 320 ? "320,640" : "4096,8192");
    assert_answer("CAL:COUN?", "128");
}

/* An answer that does not fit is taken back; those that do stay. */
static void an_answer_that_does_not_fit_is_deadlocked(void **state) {
    (void)state;
    const char position[] = "0,0,1,0,2,0,0,-1,1,-1,2,-1,0,-2,1,-2,2,-2";
    const size_t fitting = (ANSWER_BYTES - ERRORS_ROOM - FRAME_BYTES) / sizeof position; /* each with what ends it */
    struct line line = {0};
    add_text(&line, "BOAR:POS?");
    for (size_t i = 0; i < fitting + 1; i++) {
        add_text(&line, ";POS?");
    }
    add_text(&line, ";NOD?");
    const char *answer = ask_line(&line);
    for (size_t i = 0; i < fitting; i++) {
        assert_memory_equal(answer, position, sizeof position - 1);
        assert_int_equal(answer[sizeof position - 1], ';');
        answer += sizeof position;
    }
    assert_string_equal(answer, "9");
    assert_answer("SYST:ERR:ALL?", "-430,\"Query DEADLOCKED\",-430,\"Query DEADLOCKED\"");
}

RUN(ON_BENCH(headers_are_short_or_long_in_either_case), ON_BENCH(optional_keywords_may_be_left_out),
    ON_BENCH(a_form_that_is_not_there_is_undefined), ON_BENCH(units_go_on_along_the_path),
    ON_BENCH(what_stands_after_a_failed_unit_is_done), ON_BENCH(spaces_and_empty_units_mean_nothing),
    ON_BENCH(what_is_no_unit_is_a_syntax_error), ON_BENCH(headers_longer_than_any_are_undefined),
    ON_BENCH(answers_of_a_message_are_one_line), ON_BENCH(a_board_tells_what_it_is),
    ON_BENCH(an_answer_that_does_not_fit_is_deadlocked))
