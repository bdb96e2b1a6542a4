#include "bench.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "draws.h"
#include "twin.h"

/* Where the potentiometers of the board stand is where the firmware says they do. */
static void assert_counted(void) {
    assert_memory_equal(fake.wipers, twin_wipers(), sizeof fake.wipers);
    const char *told = ask("WIP:POS?");
    char *end = NULL;
    for (uint8_t e = 0; e < BOARD_EDGES; e++, told = end + 1) {
        assert_int_equal(strtol(told, &end, 10), fake.wipers[e]);
        assert_int_equal(*end, e + 1 < BOARD_EDGES ? ',' : 0);
    }
}

static void assert_all_at(uint8_t position) {
    for (uint8_t e = 0; e < BOARD_EDGES; e++) {
        assert_int_equal(fake.wipers[e], position);
    }
}

/* A new board's wipers stand where nobody knows. */
static void power_up_homes_the_wipers(void **state) {
    (void)state;
    assert_counted();
    assert_all_at(64);
    memset(fake.wipers, 127, sizeof fake.wipers); /* the supply failed, and they stayed */
    power_cycle();
    assert_counted();
    assert_all_at(64);
}

static void wipers_go_where_they_are_told(void **state) {
    (void)state;
    obey("WIP:POS 3");
    assert_all_at(3);
    assert_counted();
    obey("WIP:POS 0,127,64,1,2,3,4,5,6,7,8,9,10,11,12,126");
    assert_counted();
    assert_int_equal(fake.wipers[1], 127);
    assert_int_equal(fake.wipers[15], 126);
    obey("WIP:POS 127,0,64,1,2,3,4,5,6,7,8,9,10,11,12,126"); /* some up, some down */
    assert_counted();
    assert_int_equal(fake.wipers[0], 127);
    assert_int_equal(fake.wipers[1], 0);
}

/* As many clocks as the longest way up and the longest way down: edges move together. */
static void wipers_take_the_short_way(void **state) {
    (void)state;
    fake.steps_of_wipers = 0;
    obey("WIP:POS 60,70,64,64,64,64,64,64,64,64,64,64,64,64,64,67");
    assert_int_equal(fake.steps_of_wipers, 6 + 4);
    assert_string_equal(fake_calls(), "0 wipers up 0x8002\n0 wipers up 0x8002\n0 wipers up 0x8002\n"
                                      "0 wipers up 0x2\n0 wipers up 0x2\n0 wipers up 0x2\n"
                                      "0 wipers down 0x1\n0 wipers down 0x1\n0 wipers down 0x1\n0 wipers down 0x1\n");
    obey("WIP:POS 60,70,64,64,64,64,64,64,64,64,64,64,64,64,64,67");
    assert_string_equal(fake_calls(), "");
}

static void wrong_positions_move_nothing(void **state) {
    (void)state;
    assert_refused("WIP:POS 128", "-222,Data out of range;too high");
    assert_refused("WIP:POS -1", "-222,Data out of range;too low");
    assert_refused("WIP:POS 1,2", "-109,Missing parameter;one position, or one for every edge");
    assert_refused("WIP:POS 1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17",
                   "-108,Parameter not allowed;one position, or one for every edge");
    assert_refused("WIP:POS", "-109,Missing parameter");
    assert_refused("WIP:POS 1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,x", "-104,Data type error;not a number");
    assert_string_equal(fake_calls(), "");
    assert_counted();
}

static void homing_makes_good_what_was_miscounted(void **state) {
    (void)state;
    obey("WIP:POS 0,127,64,1,2,3,4,5,6,7,8,9,10,11,12,126");
    fake.wipers[0] = 9; /* a spike on the clock */
    fake.wipers[1] = 90;
    fake.steps_of_wipers = 0;
    obey("WIP:HOME");
    assert_int_equal(fake.steps_of_wipers, 127 + 127); /* down from anywhere, and up as far as any */
    assert_counted();
    assert_int_equal(fake.wipers[0], 0);
    assert_int_equal(fake.wipers[1], 127);
    assert_int_equal(fake.wipers[15], 126);
}

/* Edges whose gate is open step the way their comparator says, and stop at the ends. */
static void triggers_are_counted_as_latched(void **state) {
    (void)state;
    obey("WIP:POS 0,127,0,127,64,64,64,64,64,64,64,64,64,64,64,64");
    fake.latched = (struct latched){.directions = 0x00A5, .gates = 0x0FF0 | 0xF};
    assert_answer("TRIG:STEP?", "1,-1,1,-1,-1,1,-1,1,-1,-1,-1,-1,-1,-1,-1,-1,1,1,1,1,1,1,1,1,1,1,1,1,0,0,0,0");
    const uint8_t expected[] = {1, 126, 1, 126, 63, 65, 63, 65, 63, 63, 63, 63, 64, 64, 64, 64};
    assert_memory_equal(fake.wipers, expected, sizeof expected);
    assert_counted();
    fake.latched = (struct latched){.directions = 0, .gates = 0xFFFF};
    ask("*TRG;*TRG");
    assert_int_equal(fake.wipers[0], 0);
    assert_counted();
    for (uint64_t k = 0; k < 2000; k++) {
        uint64_t bits = draw(7, STREAM_ORDER, k, 0);
        fake.latched = (struct latched){.directions = (uint32_t)bits & 0xFFFF, .gates = (uint32_t)(bits >> 32) & 0xFFFF};
        ask("*TRG");
    }
    assert_counted();
    assert_answer("TRIG:COUN?", "2003");
}

static void latching_moves_no_wiper(void **state) {
    (void)state;
    fake.latched = (struct latched){.directions = 1, .gates = 0xFFFF};
    assert_answer("TRIG:LATC?", "1,-1,-1,-1,-1,-1,-1,-1,-1,-1,-1,-1,-1,-1,-1,-1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1");
    assert_string_equal(fake_calls(), "0 trigger latch\n");
    assert_all_at(64);
    assert_counted();
    assert_answer("TRIG:COUN?", "1");
}

static void looking_is_no_trigger(void **state) {
    (void)state;
    fake.latched = (struct latched){.directions = 2, .gates = 0x8000};
    assert_answer("MEAS:DIR?", "-1,1,-1,-1,-1,-1,-1,-1,-1,-1,-1,-1,-1,-1,-1,-1");
    assert_answer("MEAS:GAT?", "0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,1");
    assert_string_equal(fake_calls(), "0 look\n0 look\n");
    assert_answer("TRIG:COUN?", "0");
}

static void holding_writes_all_codes_then_switches(void **state) {
    (void)state;
    obey("SOUR:HOLD FREE,8,0,0,5,4,2.5");
    assert_string_equal(fake_calls(), "0 dac 0 65535\n0 dac 4 32768\n0 dac 8 0\n0 hold free 0x111\n");
    obey("SOUR:HOLD CLAM,4,1");
    assert_string_equal(fake_calls(), "0 dac 4 13107\n0 hold clamped 0x10\n");
    assert_answer("SOUR:HOLD? FREE", "0,5,4,1,8,0"); /* one source serves both sides */
    assert_answer("SOUR:HOLD? CLAM", "4,1");
    obey("SOUR:HOLD FREE");
    assert_string_equal(fake_calls(), "0 hold free 0x0\n");
    assert_answer("SOUR:HOLD? FREE;HOLD? CLAM", "NONE;4,1");
}

static void readings_are_told_in_volts(void **state) {
    (void)state;
    for (uint8_t node = 0; node < BOARD_NODES; node++) {
        fake.adc[SIDE_FREE][node] = (uint16_t)(node * 8191);
    }
    fake.adc[SIDE_FREE][8] = 65535;
    assert_answer("MEAS:VOLT? FREE", "0,0.624933,1.249866,1.8748,2.499733,3.124666,3.749599,4.374533,5");
    assert_answer("MEAS:VOLT? CLAM", "0,0,0,0,0,0,0,0,0");
    assert_string_equal(fake_calls(), "0 read free\n0 read clamped\n");
}

/* The bias has a grid of 2 V / 65536, and p = bias / 1 V. */
static void the_bias_is_exact_at_half_and_one(void **state) {
    (void)state;
    obey("SOUR:BIAS 0.5;BIAS 1;BIAS 0.00002;BIAS 0");
    assert_string_equal(fake_calls(), "0 bias 16384\n0 bias 32768\n0 bias 1\n0 bias 0\n");
    assert_answer("SOUR:BIAS 0.00002;BIAS?", "0.000031");
}

static void waits_let_the_clock_run_to_the_tick(void **state) {
    (void)state;
    assert_answer("SYST:CLOC?", "0");
    assert_answer("SYST:WAIT 0.000001;CLOC?;WAIT 1.5;CLOC?;WAIT 0;CLOC?", "0.000001;1.500001;1.500001");
    obey("SOUR:BIAS 1;:SYST:WAIT 1;*WAI;:SOUR:BIAS 0");
    assert_string_equal(fake_calls(), "1500001 bias 32768\n2500001 bias 0\n");
}

static void a_restarted_board_goes_on_where_it_is_told(void **state) {
    (void)state;
    ask("SYST:WAIT 0.5;:TRIG:STEP?");
    fake_calls();
    obey("SYST:CONT 100000000,2147483647");
    assert_string_equal(fake_calls(), "500000 go on 100000000000000 2147483647\n");
    assert_answer("SYST:CLOC?;:TRIG:COUN?", "100000000;2147483647");
    ask("TRIG:STEP?");
    assert_answer("TRIG:COUN?", "2147483648");
    obey("SYST:CONT 100000000,7"); /* no time has passed */
    assert_answer("SYST:CLOC?;:TRIG:COUN?", "100000000;7");
}

static void the_clock_never_goes_back(void **state) {
    (void)state;
    obey("SYST:WAIT 1.5;CONT 1.5,3");
    fake_calls();
    assert_refused("SYST:CONT 1.499999,4", "-222,Data out of range;the clock does not go back");
    assert_string_equal(fake_calls(), "");
    assert_answer("SYST:CLOC?;:TRIG:COUN?", "1.5;3");
}

RUN(ON_BENCH(power_up_homes_the_wipers), ON_BENCH(wipers_go_where_they_are_told), ON_BENCH(wipers_take_the_short_way),
    ON_BENCH(wrong_positions_move_nothing), ON_BENCH(homing_makes_good_what_was_miscounted),
    ON_BENCH(triggers_are_counted_as_latched), ON_BENCH(latching_moves_no_wiper), ON_BENCH(looking_is_no_trigger),
    ON_BENCH(holding_writes_all_codes_then_switches), ON_BENCH(readings_are_told_in_volts),
    ON_BENCH(the_bias_is_exact_at_half_and_one), ON_BENCH(waits_let_the_clock_run_to_the_tick),
    ON_BENCH(a_restarted_board_goes_on_where_it_is_told), ON_BENCH(the_clock_never_goes_back))
