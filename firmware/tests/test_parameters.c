#include "bench.h"

#include <stdio.h>
#include <string.h>

static void numbers_are_taken_as_they_are_written(void **state) {
    (void)state;
    assert_answer("TRA:TIME:SETT 1e-3;SETT?", "0.001");
    assert_answer("TRA:TIME:SETT +.5;SETT?", "0.5");
    assert_answer("TRA:TIME:SETT 0.0000125;SETT?", "0.000013"); /* a half, rounded up */
    assert_answer("TRA:STEP 2.0;STEP?", "2");
    assert_answer("TRA:STEP 12e2;STEP?", "1200");
    assert_answer("CAL:CONS 3,-0.5;CONS? 3", "-0.5");
    assert_answer("SYST:ERR?", "0,\"No error\"");
}

static void numbers_have_limits(void **state) {
    (void)state;
    assert_answer("TRA:STEP 1;STEP?;STEP 2147483647;STEP?", "1;2147483647");
    assert_answer("TRA:TIME:SETT 0;SETT?;SETT 2000;SETT?", "0;2000");
    assert_refused("TRA:STEP 0", "-222,Data out of range;too low");
    assert_refused("TRA:STEP 2147483648", "-222,Data out of range;too high");
    assert_refused("TRA:TIME:SETT -0.000001", "-222,Data out of range;too low");
    assert_refused("TRA:TIME:SETT 2000.000001", "-222,Data out of range;too high");
    assert_refused("SOUR:BIAS 1.000001", "-222,Data out of range;too high");
    assert_refused("CAL:CONS 128,0", "-222,Data out of range;too high");
    assert_answer("TRA:STEP?;TIME:SETT?", "2147483647;2000"); /* as before */
}

static void what_is_no_number_says_so(void **state) {
    (void)state;
    assert_refused("TRA:STEP five", "-104,Data type error;not a number");
    assert_refused("TRA:STEP \"5\"", "-120,Numeric data error;not a number");
    assert_refused("TRA:STEP 5x", "-120,Numeric data error;not a number");
    assert_refused("TRA:STEP 1e99", "-120,Numeric data error;not a number");
    assert_refused("TRA:STEP 5.5", "-104,Data type error;not a whole number");
    assert_refused("TRA:SEED 1.5", "-120,Numeric data error");
    assert_refused("TRA:SEED 18446744073709551616", "-120,Numeric data error");
    assert_answer("TRA:SEED 18446744073709551615;SEED?", "18446744073709551615");
    assert_answer("TRA:SEED -1;SEED?", "18446744073709551615");
}

static void parameters_are_as_many_as_there_are(void **state) {
    (void)state;
    assert_refused("TRA:STEP", "-109,Missing parameter");
    assert_refused("TRA:EXAM 4", "-109,Missing parameter");
    assert_refused("TRA:EXAM 4,", "-102,Syntax error");
    assert_refused("TRA:EXAM 4,,2", "-104,Data type error;not a number");
    assert_refused("TRA:EXAM ,2", "-104,Data type error;not a number");
    assert_refused("TRA:EXAM 4,2,1", "-108,Parameter not allowed");
    assert_refused("*OPC 1", "-108,Parameter not allowed");
    assert_refused("BOAR:NOD? 1", "-108,Parameter not allowed");
    assert_refused("MEAS:VOLT?", "-109,Missing parameter");
    assert_refused("MEAS:VOLT? FREE,FREE", "-108,Parameter not allowed");
    assert_answer("TRA:EXAM?", "0,0"); /* nothing of those that failed */
}

static void lists_take_one_or_more(void **state) {
    (void)state;
    assert_answer("TRA:INP 3;INP?", "3");
    assert_answer("TRA:INP 8,0, 2;INP?", "8,0,2");
    assert_refused("TRA:INP", "-109,Missing parameter");
    assert_refused("TRA:INP 0,9", "-222,Data out of range;too high");
    assert_refused("TRA:INP 0,1,2,3,4,5,6,7,8,0", "-108,Parameter not allowed;more terminals than nodes");
    assert_answer("TRA:INP?", "8,0,2");
    assert_answer("TRA:GRO 1;GRO;GRO?", "NONE"); /* this one may be empty */
}

static void choices_are_words_short_or_long(void **state) {
    (void)state;
    assert_answer("TRA:LOG:DET SHOR;DET?", "SHOR");
    assert_answer("TRA:LOG:DET full;DET?", "FULL");
    assert_answer("TRA:LOG:DET short;DET?", "SHOR");
    assert_answer("TRA:LOST cont,2;LOST?", "CONT,2");
    assert_refused("TRA:LOG:DET SHORTER", "-224,Illegal parameter value;FULL|SHORt");
    assert_refused("TRA:LOG:DET SHO", "-224,Illegal parameter value;FULL|SHORt");
    assert_refused("TRA:LOG:DET 1", "-224,Illegal parameter value;FULL|SHORt");
    assert_refused("TRA:LOST CONT|STOP,1", "-224,Illegal parameter value;STOP|CONTinue");
    assert_refused("MEAS:VOLT? BOTH", "-224,Illegal parameter value;FREE|CLAMped");
}

/* As long as a count of 8 bits and longer. */
static void words_may_be_of_any_length(void **state) {
    (void)state;
    for (size_t letters = 250; letters < 262; letters++) {
        char line[LINE_BYTES] = "TRA:LOG:DET ";
        memset(line + strlen(line), 'A', letters);
        assert_refused(line, "-224,Illegal parameter value;FULL|SHORt");
    }
}

static void booleans_are_on_and_off(void **state) {
    (void)state;
    assert_answer("TRA:TIME:STR ON;STR?;STR OFF;STR?", "1;0");
    assert_answer("TRA:TIME:STR 1;STR?;STR 0;STR?", "1;0");
    assert_answer("TRA:TIME:STR on;STR?", "1");
    assert_refused("TRA:TIME:STR 2", "-224,Illegal parameter value;OFF|ON|0|1");
    assert_refused("TRA:TIME:STR TRUE", "-224,Illegal parameter value;OFF|ON|0|1");
    assert_answer("TRA:WRON ON,1;WRON?", "1,1");
}

static void strings_stand_in_quotes(void **state) {
    (void)state;
    assert_answer("CAL:DATE \"2024-05-06\";DATE?", "\"2024-05-06\"");
    assert_answer("CAL:DATE \"a;b,\"\"c\"\"\";DATE?", "\"a;b,\"\"c\"\"\"");
    assert_answer("CAL:DATE \"\";DATE?", "\"\"");
    assert_answer("CAL:DATE \" a \" ;DATE?", "\" a \"");
    assert_refused("CAL:DATE \"2024-05-06x\"", "-223,Too much data;too long");
    assert_refused("CAL:DATE 2024", "-104,Data type error;not in quotes");
    assert_refused("CAL:DATE \"", "-104,Data type error;not in quotes");
    assert_refused("CAL:DATE \"2024", "-104,Data type error;not in quotes");
    assert_refused("CAL:DATE \"a\"b\"c\"", "-104,Data type error;not in quotes");
    assert_refused("CAL:DATE \"ab\"\"", "-104,Data type error;not in quotes");
    assert_answer("CAL:DATE?", "\" a \"");
}

static void a_serial_number_leaves_the_identity_readable(void **state) {
    (void)state;
    assert_answer("SYST:SER \"A-17\";:SYST:SER?;:*IDN?", "\"A-17\";LABNET,TWIN16,A-17,1.0");
    assert_answer("SYST:SER \"12345678901234567890123\";SER?", "\"12345678901234567890123\"");
    assert_refused("SYST:SER \"123456789012345678901234\"", "-223,Too much data;too long");
    assert_refused("SYST:SER \"A,17\"", "-224,Illegal parameter value;no comma, semicolon or quote");
    assert_refused("SYST:SER \"A;17\"", "-224,Illegal parameter value;no comma, semicolon or quote");
    assert_refused("SYST:SER \"A\"\"17\"", "-224,Illegal parameter value;no comma, semicolon or quote");
}

static void held_nodes_are_pairs_of_node_and_voltage(void **state) {
    (void)state;
    assert_answer("SOUR:HOLD FREE,0,5,8,0;HOLD? FREE", "0,5,8,0");
    assert_refused("SOUR:HOLD FREE,0,5,8", "-109,Missing parameter");
    assert_refused("SOUR:HOLD FREE,9,1", "-222,Data out of range;no such node");
    assert_refused("SOUR:HOLD FREE,-1,1", "-222,Data out of range;no such node");
    assert_refused("SOUR:HOLD FREE,1.5,1", "-222,Data out of range;no such node");
    assert_refused("SOUR:HOLD FREE,1,5.1", "-222,Data out of range;too high");
    assert_refused("SOUR:HOLD FREE,1,1,1,2", "-222,Data out of range;a node twice");
    assert_refused("SOUR:HOLD FREE,x,1", "-104,Data type error;not a number");
    assert_answer("SOUR:HOLD? FREE", "0,5,8,0"); /* none of these moved anything */
}

/* Six decimals tell all 65536 codes apart, and give each back. */
static void every_code_survives_its_voltage(void **state) {
    (void)state;
    char line[64];
    for (uint32_t code = 0; code <= 65535; code++) {
        uint64_t microvolts = (code * UINT64_C(5000000) + 32767) / 65535;
        snprintf(line, sizeof line, "SOUR:HOLD CLAM,4,%u.%06u", (unsigned)(microvolts / 1000000),
                 (unsigned)(microvolts % 1000000));
        assert_string_equal(ask(line), "");
        assert_int_equal(fake.on_switches[4], code);
    }
}

static void settings_are_told_as_they_were_made(void **state) {
    (void)state;
    assert_answer("TRA:ETA 0.5;ETA?;ETA 1;ETA?;ETA 0.1;ETA?", "0.5;1;0.100006"); /* 3277 / 32768 */
    assert_answer("TRA:TIME:PER 0.001;STAR 5.000001;AFT 0.25;PER?;STAR?;AFT?", "0.001;5.000001;0.25");
    assert_answer("TRA:TIME:HOLD 3,1.5;HOLD?", "3,1.5");
    assert_answer("TRA:NOIS:SOUR 5;TARG 1;SOUR?;TARG?", "5;1");
    assert_answer("TRA:WRON ON,0.5;STOP 0,1;WRON?;STOP?", "1,0.500038;0,1"); /* the nearest code */
    assert_answer("TRA:LOST STOP,3;LOST?", "STOP,3");
    assert_answer("TRA:EXAM 5,6;EXAM?;:TRA:FIRS 2;FIRS?", "5,6;2");
    assert_answer("SYST:WATC 2.5;WATC?", "2.5");
    assert_answer("SOUR:BIAS 0.5;BIAS?;BIAS 1;BIAS?", "0.5;1");
    assert_answer("SYST:ERR?", "0,\"No error\"");
}

static void a_reset_forgets_all_settings(void **state) {
    (void)state;
    obey("TRA:INP 1,2;OUTP 3;GRO 4;EXAM 5,6;ETA 0.5;STEP 7;FIRS 1;SEED 8");
    obey("TRA:TIME:SETT 1;PER 2;STAR 3;STR ON;AFT 4;HOLD 1,5");
    obey("TRA:NOIS:SOUR 1;TARG 1;:TRA:WRON ON,1;STOP ON,1;LOST CONT,1;LOG:DET SHOR");
    obey("SYST:WATC 1;:FORM INT;:SOUR:HOLD FREE,0,1;BIAS 0.5;:WIP:POS 3;:CAL:CONS 5,1.5");
    obey("*RST");
    assert_answer("TRA:INP?;OUTP?;GRO?;EXAM?;ETA?;STEP?;FIRS?;SEED?", "NONE;NONE;NONE;0,0;1;0;0;0");
    assert_answer("TRA:TIME:SETT?;PER?;STAR?;STR?;AFT?;HOLD?", "0;0;0;0;0;0,0");
    assert_answer("TRA:NOIS:SOUR?;TARG?;:TRA:WRON?;STOP?;LOST?;LOG:DET?", "0;0;0,0;0,0;STOP,0;FULL");
    assert_answer("TRA:STAT?;:SYST:WATC?;:FORM?;:SOUR:HOLD? FREE;BIAS?", "IDLE,0,0;0;ASC;NONE;0");
    assert_answer("WIP:POS?", "64,64,64,64,64,64,64,64,64,64,64,64,64,64,64,64");
    assert_answer("CAL:CONS? 5", "1.5"); /* that stays */
}

RUN(ON_BENCH(numbers_are_taken_as_they_are_written), ON_BENCH(numbers_have_limits), ON_BENCH(what_is_no_number_says_so),
    ON_BENCH(parameters_are_as_many_as_there_are), ON_BENCH(lists_take_one_or_more),
    ON_BENCH(choices_are_words_short_or_long), ON_BENCH(words_may_be_of_any_length), ON_BENCH(booleans_are_on_and_off),
    ON_BENCH(strings_stand_in_quotes), ON_BENCH(a_serial_number_leaves_the_identity_readable),
    ON_BENCH(held_nodes_are_pairs_of_node_and_voltage), ON_BENCH(every_code_survives_its_voltage),
    ON_BENCH(settings_are_told_as_they_were_made), ON_BENCH(a_reset_forgets_all_settings))
