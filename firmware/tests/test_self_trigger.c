/* Edges that step on clocks of their own. */
#include "bench.h"

#include <string.h>

static void edges_step_by_themselves_for_a_time(void **state) {
    (void)state;
    obey("TRIG:SELF 0.5");
    assert_string_equal(fake_calls(), "0 self 1\n500000 self 0\n");
    assert_answer("TRIG:COUN?", "0");
    obey("TRIG:SELF 0.000007;SELF 0;:SYST:WAIT 0.1;:TRIG:SELF 3");
    assert_string_equal(fake_calls(), "500000 self 1\n500007 self 0\n500007 self 1\n500007 self 0\n"
                                      "600007 self 1\n3600007 self 0\n");
    assert_answer("BOAR:OSC?", "129980");
    assert_refused("TRIG:SELF -1", "-222,Data out of range;too low");
}

static void their_wipers_are_lost_until_they_are_set(void **state) {
    (void)state;
    obey("TRIG:SELF 0.5");
    for (uint8_t e = 0; e < BOARD_EDGES; e++) {
        fake.wipers[e] = (uint8_t)(3 + 7 * e); /* wherever they went */
    }
    assert_answer("STAT:QUES:COND?;*TST?", "512;512");
    assert_refused("WIP:POS?", "-221,Settings conflict;the edges stepped by themselves; set the wipers");
    assert_refused("WIP:HOME", "-221,Settings conflict;the edges stepped by themselves; set the wipers");
    obey("WIP:POS 1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,127");
    assert_answer("STAT:QUES:COND?;:WIP:POS?", "0;1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,127");
    const uint8_t expected[] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 127};
    assert_memory_equal(fake.wipers, expected, sizeof expected);
}

static void a_reset_homes_them(void **state) {
    (void)state;
    obey("TRIG:SELF 0.5");
    memset(fake.wipers, 100, sizeof fake.wipers);
    obey("*RST");
    assert_answer("STAT:QUES:COND?;:WIP:POS?", "0;64,64,64,64,64,64,64,64,64,64,64,64,64,64,64,64");
    for (uint8_t e = 0; e < BOARD_EDGES; e++) {
        assert_int_equal(fake.wipers[e], 64);
    }
}

RUN(ON_BENCH(edges_step_by_themselves_for_a_time), ON_BENCH(their_wipers_are_lost_until_they_are_set),
    ON_BENCH(a_reset_homes_them))
