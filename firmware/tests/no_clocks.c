/* What the firmware does on a board whose edges cannot step by themselves. */
#include "bench.h"

static void it_has_no_clocks_of_their_own(void **state) {
    (void)state;
    assert_answer("BOAR:OSC?", "0");
    assert_refused("TRIG:SELF 1", "-241,Hardware missing");
    assert_string_equal(fake_calls(), "");
    assert_answer("STAT:QUES:COND?", "0");
}

RUN(ON_BENCH(it_has_no_clocks_of_their_own))
