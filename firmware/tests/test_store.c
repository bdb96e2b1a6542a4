#include "bench.h"

#include <string.h>

#include "system.h"

static void a_power_cycle_keeps_what_is_stored(void **state) {
    (void)state;
    obey("SYST:SER \"A-17\";:CAL:CONS 0,0.25;CONS 127,-2147.483647;DATE \"2024-05-06\";SAVE");
    power_cycle();
    assert_answer("SYST:SER?;:CAL:CONS? 0;CONS? 127;CONS? 1;DATE?", "\"A-17\";0.25;-2147.483647;0;\"2024-05-06\"");
    assert_answer("STAT:QUES:COND?", "0");
}

static void every_power_up_counts(void **state) {
    (void)state;
    assert_answer("SYST:BOOT?", "1");
    power_cycle();
    assert_answer("SYST:BOOT?;BOOT?", "2;2");
    obey("*RST");
    assert_answer("SYST:BOOT?", "2");
    power_cycle();
    assert_answer("SYST:BOOT?", "3");
}

static void what_is_not_sealed_shows_after_a_power_cycle(void **state) {
    (void)state;
    obey("CAL:CONS 5,1.5");
    power_cycle();
    assert_answer("STAT:QUES:COND?;:CAL:CONS? 5", "256;1.5");
    obey("CAL:SAVE");
    power_cycle();
    assert_answer("STAT:QUES:COND?", "0");
    obey("CAL:DATE \"2024-05-06\"");
    power_cycle();
    assert_answer("STAT:QUES:COND?", "256");
}

/* A bit of a constant flips while the power is off, wherever the constants stand in the store. */
static void a_damaged_seal_shows(void **state) {
    (void)state;
    obey("CAL:CONS 3,0.000051;CONS 4,-0.000052;SAVE"); /* 0x33, 0xFFFFFFCC */
    const uint8_t stored[] = {0x33, 0, 0, 0, 0xCC, 0xFF, 0xFF, 0xFF};
    size_t at = 0;
    while (memcmp(fake.store + at, stored, sizeof stored) != 0) {
        at++;
        assert_true(at + sizeof stored < STORE_BYTES);
    }
    for (size_t bit = 0; bit < 8 * sizeof stored; bit++) {
        fake.store[at + bit / 8] ^= (uint8_t)(1 << bit % 8);
        power_cycle();
        assert_answer("STAT:QUES:COND?;*TST?", "256;256");
        fake.store[at + bit / 8] ^= (uint8_t)(1 << bit % 8);
    }
    power_cycle();
    assert_answer("STAT:QUES:COND?;:CAL:CONS? 3;CONS? 4", "0;0.000051;-0.000052");
}

static void an_empty_store_is_made_whole(void **state) {
    (void)state;
    obey("SYST:SER \"A-17\"");
    memset(fake.store, 0xFF, sizeof fake.store);
    power_cycle();
    assert_answer("SYST:SER?;BOOT?;:STAT:QUES:COND?;:CAL:CONS? 127;DATE?", "\"\";1;0;0;\"\"");
    power_cycle();
    assert_answer("SYST:BOOT?;:STAT:QUES:COND?", "2;0");
}

/* A store that something else wrote must not make the firmware read past a text. */
static void texts_without_an_end_are_cut(void **state) {
    (void)state;
    obey("SYST:SER \"12345678901234567890123\";:CAL:DATE \"2024-05-06\"");
    const char *texts[] = {"12345678901234567890123", "2024-05-06"};
    for (int i = 0; i < 2; i++) {
        size_t at = 0;
        while (memcmp(fake.store + at, texts[i], strlen(texts[i]) + 1) != 0) {
            at++;
        }
        fake.store[at + strlen(texts[i])] = 'x';
    }
    assert_answer("SYST:SER?;:CAL:DATE?", "\"12345678901234567890123\";\"2024-05-06\"");
}

static void a_target_gives_a_serial_number_where_none_was_set(void **state) {
    (void)state;
    system_default_serial("123456789012345678901234567890");
    assert_answer("*IDN?;:SYST:SER?", "LABNET,TWIN16,12345678901234567890123,1.0;\"12345678901234567890123\"");
    obey("SYST:SER \"MY-BOARD\"");
    power_cycle();
    system_default_serial("PC-1");
    assert_answer("SYST:SER?", "\"MY-BOARD\"");
}

static void power_up_forgets_all_else(void **state) {
    (void)state;
    obey("TRA:STEP 5;INP 1;:SYST:WATC 1;:FORM INT;:SOUR:HOLD FREE,0,5;BIAS 1");
    ask("TRIG:STEP?;:SYST:LINK:CHEC ON");
    power_cycle();
    assert_answer("TRA:STEP?;INP?;STAT?;:SYST:WATC?;:FORM?", "0;NONE;IDLE,0,0;0;ASC");
    assert_answer("SOUR:HOLD? FREE;BIAS?;:TRIG:COUN?;:SYST:LINK:CHEC?", "NONE;0;0;0");
}

/* The chip alone may be reset: then the switches still hold what they held, at its voltage. */
static void power_up_lets_go_of_the_board(void **state) {
    (void)state;
    obey("SOUR:HOLD FREE,0,5;HOLD CLAM,0,5,4,3;BIAS 1");
    power_cycle();
    assert_int_equal(fake.held[SIDE_FREE], 0);
    assert_int_equal(fake.held[SIDE_CLAMPED], 0);
    assert_int_equal(fake.on_switches[0], 0);
    assert_int_equal(fake.on_switches[4], 0);
    assert_int_equal(fake.bias, 0);
}

RUN(ON_BENCH(a_power_cycle_keeps_what_is_stored), ON_BENCH(every_power_up_counts),
    ON_BENCH(what_is_not_sealed_shows_after_a_power_cycle), ON_BENCH(a_damaged_seal_shows),
    ON_BENCH(an_empty_store_is_made_whole), ON_BENCH(texts_without_an_end_are_cut),
    ON_BENCH(a_target_gives_a_serial_number_where_none_was_set), ON_BENCH(power_up_forgets_all_else),
    ON_BENCH(power_up_lets_go_of_the_board))
