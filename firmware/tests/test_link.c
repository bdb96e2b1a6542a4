#include "bench.h"

#include <string.h>

#include "firmware.h"

/* An answer in its frame, as the firmware is to send it. */
static const char *framed(uint16_t sequence, const char *answer) {
    static struct line line;
    frame(&line, sequence, answer);
    add_bytes(&line, "", 1);
    return line.bytes;
}

static void a_framed_request_gets_a_framed_answer(void **state) {
    (void)state;
    assert_string_equal(ask_framed(1, "BOAR:NOD?"), framed(1, "9"));
    assert_string_equal(ask_framed(2, "TRA:STEP 5"), framed(2, "")); /* exactly one, and be it empty */
    assert_string_equal(ask_framed(3, "TRA:STEP?;:SYST:ERR:ALL?"), framed(3, "5;0,\"No error\""));
    assert_string_equal(ask_framed(4, ""), framed(4, ""));
    assert_answer("BOAR:NOD?", "9");                       /* a plain line in between */
    assert_string_equal(ask_framed(5, "BOAR:NOD?\r"), ""); /* the '\r' was not in the CRC */
}

/* docs/scpi.md has these bytes. */
static void frames_are_those_of_the_reference(void **state) {
    (void)state;
    assert_string_equal(framed(1, "*IDN?"), "@0001E8D2BCE3*IDN?");
    assert_answer("@0001E8D2BCE3*IDN?\r", "@000129A67856LABNET,TWIN16,0,1.0");
}

static void a_repeat_is_answered_and_not_executed(void **state) {
    (void)state;
    const char *directions = ask_framed(1, "TRIG:STEP?");
    assert_string_equal(ask_framed(1, "TRIG:STEP?"), directions);
    assert_string_equal(ask_framed(1, "TRIG:STEP?"), directions);
    assert_string_equal(ask_framed(2, "TRIG:COUN?"), framed(2, "1"));
    assert_string_equal(ask_framed(2, "TRIG:STEP?"), framed(2, "1")); /* whatever it asks */
    assert_string_equal(ask_framed(3, "TRIG:COUN?"), framed(3, "1"));
}

static void a_repeat_after_a_plain_line_has_no_answer_left(void **state) {
    (void)state;
    ask_framed(1, "TRIG:STEP?");
    assert_answer("TRIG:COUN?", "1");
    assert_string_equal(ask_framed(1, "TRIG:STEP?"), "");
    assert_answer("TRIG:COUN?", "1");
}

static void old_and_future_numbers_are_dropped(void **state) {
    (void)state;
    assert_answer("SYST:LINK:CHEC ON", "");
    assert_string_equal(ask_framed(0, "BOAR:NOD?"), ""); /* nothing was numbered 0 */
    assert_string_equal(ask_framed(2, "BOAR:NOD?"), "");
    assert_string_equal(ask_framed(1, "BOAR:NOD?"), framed(1, "9"));
    assert_string_equal(ask_framed(2, "BOAR:NOD?"), framed(2, "9"));
    assert_string_equal(ask_framed(1, "BOAR:NOD?"), "");
    assert_string_equal(ask_framed(4, "BOAR:NOD?"), "");
    assert_string_equal(ask_framed(0xFFFF, "BOAR:NOD?"), "");
    assert_string_equal(ask_framed(3, "BOAR:NOD?"), framed(3, "9"));
}

static void numbers_begin_again_after_the_last(void **state) {
    (void)state;
    for (uint32_t sequence = 1; sequence <= 0xFFFF; sequence++) {
        assert_true(*ask_framed((uint16_t)sequence, ""));
    }
    assert_string_equal(ask_framed(0, "BOAR:NOD?"), framed(0, "9"));
    assert_string_equal(ask_framed(0, "TRIG:STEP?"), framed(0, "9"));
    assert_string_equal(ask_framed(1, "BOAR:NOD?"), framed(1, "9"));
}

/* Every single bit that flips on the way. */
static void a_damaged_line_is_never_executed(void **state) {
    (void)state;
    assert_answer("SYST:LINK:CHEC ON", "");
    struct line whole;
    frame(&whole, 1, "WIP:POS 3;:TRIG:STEP?");
    for (size_t bit = 0; bit < 8 * whole.count; bit++) {
        struct line line = whole;
        line.bytes[bit / 8] = (char)(line.bytes[bit / 8] ^ (1 << bit % 8));
        assert_string_equal(ask_line(&line), "");
    }
    for (size_t kept = 0; kept < whole.count; kept++) {
        struct line line = whole;
        line.count = kept;
        assert_string_equal(ask_line(&line), "");
    }
    assert_string_equal(ask_framed(1, "TRIG:COUN?;:WIP:POS?"),
                        framed(1, "0;64,64,64,64,64,64,64,64,64,64,64,64,64,64,64,64"));
}

static void lower_case_digits_make_no_frame(void **state) {
    (void)state;
    assert_answer("@0001e8d2bce3*IDN?", "");
    assert_answer("@0001E8D2BCE3", "");
    assert_answer("@", "");
    assert_answer("@0001E8D2BCE3*IDN?", "@000129A67856LABNET,TWIN16,0,1.0");
}

static void plain_lines_are_noise_while_the_check_is_on(void **state) {
    (void)state;
    assert_answer("SYST:LINK:CHEC ON", "");
    assert_answer("*IDN?", "");
    assert_answer("WIP:POS 3;:TRIG:STEP?", "");
    assert_answer("SYST:LINK:CHEC?", "");
    assert_string_equal(ask_framed(1, "TRIG:COUN?;:SYST:LINK:CHEC?;:SYST:ERR?"), framed(1, "0;1;0,\"No error\""));
    assert_answer("*IDN?", "");
    assert_string_equal(ask_framed(1, "BOAR:NOD?"), framed(1, "0;1;0,\"No error\"")); /* the answer is still there */
}

static void on_changes_nothing_when_it_is_on(void **state) {
    (void)state;
    assert_answer("SYST:LINK:CHEC ON", "");
    ask_framed(1, "BOAR:NOD?");
    assert_answer("SYST:LINK:CHEC ON", "");
    assert_string_equal(ask_framed(1, "*IDN?"), framed(1, "9"));
    assert_string_equal(ask_framed(2, "*IDN?"), framed(2, "LABNET,TWIN16,0,1.0"));
}

static void the_next_host_begins_anew(void **state) {
    (void)state;
    assert_answer("SYST:LINK:CHEC ON", "");
    ask_framed(1, "TRIG:STEP?");
    assert_answer("BOAR:NOD?", "");
    fake_say("TRA:MEM 0,#3200half a block", 27);
    firmware_poll();
    fake.silence = NEVER; /* it hangs up */
    firmware_poll();
    fake.silence = 0;
    assert_answer("BOAR:NOD?", "9");
}

static void off_and_on_begin_the_count_anew(void **state) {
    (void)state;
    assert_answer("SYST:LINK:CHEC ON", "");
    ask_framed(1, "BOAR:NOD?");
    ask_framed(2, "BOAR:NOD?");
    assert_answer("SYST:LINK:CHEC OFF", "");
    assert_answer("BOAR:NOD?", "9");
    assert_answer("SYST:LINK:CHEC ON", "");
    assert_string_equal(ask_framed(3, "BOAR:NOD?"), "");
    assert_string_equal(ask_framed(1, "SYST:SYNC? 77"), framed(1, "77"));
}

/* A framed line gets an answer of its own number, though it turns the check itself. */
static void the_check_is_turned_in_a_frame(void **state) {
    (void)state;
    ask_framed(1, "BOAR:NOD?");
    assert_string_equal(ask_framed(2, "SYST:LINK:CHEC ON"), framed(2, ""));
    assert_string_equal(ask_framed(1, "BOAR:NOD?"), framed(1, "9"));
    assert_string_equal(ask_framed(2, "SYST:LINK:CHEC OFF;:SYST:ERR:ALL?"), framed(2, "0,\"No error\""));
    assert_string_equal(ask_framed(2, "SYST:LINK:CHEC OFF;:SYST:ERR:ALL?"), framed(2, "0,\"No error\""));
    assert_answer("SYST:LINK:CHEC?", "0");
}

static void a_framed_line_holds_a_block(void **state) {
    (void)state;
    struct line message = {0}, line;
    add_text(&message, "TRA:MEM 0,");
    add_block(&message, "\n\n", 2);
    add_text(&message, ";:TRA:MEM:CRC? 0,1;:SYST:ERR?");
    add_bytes(&message, "", 1);
    assert_int_equal(strlen(message.bytes), message.count - 1); /* no 0 in it */
    frame(&line, 1, message.bytes);
    assert_string_equal(ask_line(&line), framed(1, "21390;0,\"No error\""));
}

static void a_line_that_is_too_long_is_not_executed(void **state) {
    (void)state;
    struct line line = {0};
    add_text(&line, "TRIG:STEP?;");
    while (line.count <= LINE_BYTES) {
        add_text(&line, " ");
    }
    assert_string_equal(ask_line(&line), "");
    assert_answer("SYST:ERR:ALL?", "-363,\"Input buffer overrun\"");
    assert_answer("TRIG:COUN?", "0");
    line.count = LINE_BYTES - 1; /* and the newline */
    assert_true(*ask_line(&line));
    assert_answer("TRIG:COUN?;:SYST:ERR?", "1;0,\"No error\"");

    assert_answer("SYST:LINK:CHEC ON", ""); /* then it is as damaged as any other */
    add_text(&line, " ");
    assert_string_equal(ask_line(&line), "");
    assert_string_equal(ask_framed(1, "SYST:ERR?"), framed(1, "0,\"No error\""));
}

static void a_quote_that_is_never_closed_ends_with_the_line(void **state) {
    (void)state;
    assert_refused("SYST:SER \"never closed;:TRIG:STEP?", "-104,Data type error;not in quotes");
    assert_answer("TRIG:COUN?", "0");
}

/* The whole way: bytes got from the HAL, some at a time. */
static void lines_come_in_pieces(void **state) {
    (void)state;
    size_t count;
    fake_say("BOAR:N", 6);
    firmware_poll();
    fake_heard(&count);
    assert_int_equal(count, 0);
    fake_say("OD?\n*OPC?\nBOAR", 14);
    firmware_poll();
    assert_string_equal(fake_heard(&count), "9\n1\n");
    fake_say(":NAME?\r\n", 8);
    firmware_poll();
    assert_string_equal(fake_heard(&count), "\"twin16\"\n");
}

RUN(ON_BENCH(a_framed_request_gets_a_framed_answer), ON_BENCH(frames_are_those_of_the_reference),
    ON_BENCH(a_repeat_is_answered_and_not_executed), ON_BENCH(a_repeat_after_a_plain_line_has_no_answer_left),
    ON_BENCH(old_and_future_numbers_are_dropped), ON_BENCH(numbers_begin_again_after_the_last),
    ON_BENCH(a_damaged_line_is_never_executed), ON_BENCH(lower_case_digits_make_no_frame),
    ON_BENCH(plain_lines_are_noise_while_the_check_is_on), ON_BENCH(on_changes_nothing_when_it_is_on),
    ON_BENCH(off_and_on_begin_the_count_anew), ON_BENCH(the_next_host_begins_anew),
    ON_BENCH(the_check_is_turned_in_a_frame), ON_BENCH(a_framed_line_holds_a_block),
    ON_BENCH(a_line_that_is_too_long_is_not_executed), ON_BENCH(a_quote_that_is_never_closed_ends_with_the_line),
    ON_BENCH(lines_come_in_pieces))
