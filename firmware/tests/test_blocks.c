#include "bench.h"

#include <stdio.h>
#include <string.h>

#include "crc.h"
#include "train.h"

static const char *upload(int offset, const void *payload, size_t count) {
    struct line line = {0};
    char start[32];
    snprintf(start, sizeof start, "TRA:MEM %d,", offset);
    add_text(&line, start);
    add_block(&line, payload, count);
    add_text(&line, ";:SYST:ERR?");
    return ask_line(&line);
}

#define OK "0,\"No error\""

static void words_are_written_low_byte_first(void **state) {
    (void)state;
    memset(train_memory, 0xEE, sizeof train_memory);
    assert_string_equal(upload(10, "\x00\x00\xFF\xFF\x34\x12", 6), OK);
    assert_int_equal(train_memory[9], 0xEEEE);
    assert_int_equal(train_memory[10], 0);
    assert_int_equal(train_memory[11], 0xFFFF);
    assert_int_equal(train_memory[12], 0x1234);
    assert_int_equal(train_memory[13], 0xEEEE);
    assert_string_equal(upload(10, "", 0), OK); /* nothing */
    assert_int_equal(train_memory[10], 0);
}

/* Newlines, separators, quotes, '@' and all other bytes are bytes of the block. */
static void a_block_holds_any_bytes(void **state) {
    (void)state;
    const char payload[] = "\n;,\"#13\r@\0\n\n\":*RST\n";
    assert_int_equal(sizeof payload % 2, 0);
    assert_string_equal(upload(0, payload, sizeof payload), OK);
    for (size_t i = 0; i < sizeof payload / 2; i++) {
        assert_int_equal(train_memory[i], (uint8_t)payload[2 * i] | (uint8_t)payload[2 * i + 1] << 8);
    }
    uint8_t all[256];
    for (size_t i = 0; i < sizeof all; i++) {
        all[i] = (uint8_t)i;
    }
    assert_string_equal(upload(3, all, sizeof all), OK);
    for (unsigned i = 0; i < 128; i++) {
        assert_int_equal(train_memory[3 + i], (2 * i + 1) << 8 | 2 * i);
    }
}

static void blocks_have_any_length(void **state) {
    (void)state;
    static uint8_t payload[LINE_BYTES - 64];
    for (size_t count = 2; count <= sizeof payload; count += 2) {
        payload[count - 2] = (uint8_t)(count * 7);
        payload[count - 1] = (uint8_t)(count >> 3);
        assert_string_equal(upload(5, payload, count), OK);
        assert_int_equal(train_memory[5 + count / 2 - 1], payload[count - 2] | payload[count - 1] << 8);
    }
}

/* The last byte of a block is half a CRC, which may look like a space, a tab or a carriage return. */
static void the_end_of_a_block_is_no_space(void **state) {
    (void)state;
    bool seen[256] = {false};
    for (uint32_t word = 0; word < 65536; word++) {
        uint8_t payload[2] = {(uint8_t)word, (uint8_t)(word >> 8)};
        uint8_t last = (uint8_t)(crc16(CRC_START, payload, 2) >> 8);
        if (seen[last]) {
            continue;
        }
        seen[last] = true;
        struct line line = {0};
        add_text(&line, "TRA:MEM 7,");
        add_block(&line, payload, 2);
        train_memory[7] = (uint16_t)~word;
        assert_string_equal(ask_line(&line), "");
        assert_int_equal(train_memory[7], word);
        add_text(&line, " \t;:SYST:ERR?\r");
        train_memory[7] = (uint16_t)~word;
        assert_string_equal(ask_line(&line), OK);
        assert_int_equal(train_memory[7], word);
    }
    assert_true(seen[' '] && seen['\t'] && seen['\r'] && seen['\n']);
}

static void a_damaged_block_writes_nothing(void **state) {
    (void)state;
    const char payload[] = "eight by";
    memset(train_memory, 0, 8);
    for (size_t at = 0; at < 10; at++) { /* of payload and CRC */
        struct line line = {0};
        add_text(&line, "TRA:MEM 0,");
        add_block(&line, payload, 8);
        line.bytes[line.count - 1 - at] ^= 0x10;
        add_text(&line, ";:SYST:ERR?");
        assert_string_equal(ask_line(&line), "-360,\"Communication error\"");
        assert_int_equal(train_memory[0] | train_memory[1] | train_memory[2] | train_memory[3], 0);
    }
}

static void a_block_of_a_wrong_length_is_no_block(void **state) {
    (void)state;
    assert_refused("TRA:MEM 0,#3abc", "-161,Invalid block data");
    assert_refused("TRA:MEM 0,#0", "-161,Invalid block data");
    assert_refused("TRA:MEM 0,#10", "-161,Invalid block data");
    assert_refused("TRA:MEM 0,#11a", "-161,Invalid block data"); /* shorter than a CRC */
    assert_refused("TRA:MEM 0,#12\xFF\xFF"
                   "ab",
                   "-161,Invalid block data"); /* something left */
    assert_refused("TRA:MEM 0,#", "-161,Invalid block data");
    assert_refused("TRA:MEM 0,#:0000000050", "-161,Invalid block data");
    assert_refused("TRA:MEM 0,#/", "-161,Invalid block data");
    assert_refused("TRA:MEM 0,12", "-161,Invalid block data");
    assert_refused("TRA:MEM 0,#9999999999", "-161,Invalid block data"); /* never waited for */
    assert_refused("TRA:MEM 0,#45000x", "-161,Invalid block data");
    assert_answer("BOAR:NOD?", "9");
    assert_string_equal(upload(0, "abc", 3), "-161,\"Invalid block data;half a word\"");
}

static void blocks_stay_within_the_memory(void **state) {
    (void)state;
    char end[32];
    assert_string_equal(upload(TRAIN_WORDS - 2, "\1\0\2\0", 4), OK);
    assert_int_equal(train_memory[TRAIN_WORDS - 1], 2);
    assert_string_equal(upload(TRAIN_WORDS - 1, "\3\0\4\0", 4), "-223,\"Too much data;beyond the memory\"");
    assert_int_equal(train_memory[TRAIN_WORDS - 1], 2);
    snprintf(end, sizeof end, "TRA:MEM:CRC? %d,2", TRAIN_WORDS - 1);
    assert_refused(end, "-222,Data out of range;beyond the memory");
    snprintf(end, sizeof end, "TRA:MEM %d,#12\xFF\xFF", TRAIN_WORDS);
    assert_refused(end, "-222,Data out of range;too high");
}

static void the_memory_tells_its_crc(void **state) {
    (void)state;
    assert_string_equal(upload(20, "12345678", 8), OK);
    char crc[8];
    snprintf(crc, sizeof crc, "%d", crc16(CRC_START, "12345678", 8));
    assert_string_equal(ask("TRA:MEM:CRC? 20,4"), crc);
    assert_answer("TRA:MEM:CRC? 20,0", "65535");
    assert_answer("TRA:MEM:SIZE?", LINE_BYTES == 320 ? "2176" : "65535");
}

/* The line may end while a block is waited for: the newlines that a client sends are taken as its bytes, and then it is over. */
static void newlines_end_a_block_that_never_came(void **state) {
    (void)state;
    struct line line = {0};
    add_text(&line, "TRA:MEM 0,#3100abc");
    assert_string_equal(ask_line(&line), "");
    assert_answer("BOAR:NOD?", ""); /* swallowed */
    for (int i = 0; i < LINE_BYTES; i++) {
        assert_string_equal(ask(""), "");
    }
    assert_answer("BOAR:NOD?", "9");
    assert_answer("SYST:ERR:ALL?", "-360,\"Communication error\"");
}

static void the_longest_line_holds_a_block(void **state) {
    (void)state;
    static uint8_t payload[LINE_BYTES];
    for (size_t i = 0; i < sizeof payload; i++) {
        payload[i] = (uint8_t)(i * 37);
    }
    struct line line = {0};
    add_text(&line, LINE_BYTES < 1000 ? "TRA:MEM 0," : "TRA:MEM 00,");
    const size_t digits = LINE_BYTES < 1000 ? 3 : 4;
    const size_t count = LINE_BYTES - line.count - 2 - digits - 2 - 1; /* "#4", digits, CRC, newline */
    add_block(&line, payload, count);
    assert_int_equal(line.count, LINE_BYTES - 1);
    assert_string_equal(ask_line(&line), "");
    assert_int_equal(train_memory[count / 2 - 1], payload[count - 2] | payload[count - 1] << 8);
    assert_answer("SYST:ERR?", OK);
}

static void voltages_come_as_a_block_of_codes(void **state) {
    (void)state;
    for (uint8_t node = 0; node < BOARD_NODES; node++) {
        fake.adc[SIDE_CLAMPED][node] = (uint16_t)(0x0A00 + node); /* newlines in it */
    }
    const uint8_t payload[] = {0, 0x0A, 1, 0x0A, 2, 0x0A, 3, 0x0A, 4, 0x0A, 5, 0x0A, 6, 0x0A, 7, 0x0A, 8, 0x0A};
    struct line expected = {0};
    add_block(&expected, payload, sizeof payload);
    add_text(&expected, ";9");
    const char *answer = ask("FORM INT;:MEAS:VOLT? CLAM;:BOAR:NOD?");
    assert_memory_equal(answer, expected.bytes, expected.count);
    assert_answer("FORM ASC;:MEAS:VOLT? FREE", "0,0,0,0,0,0,0,0,0");
}

RUN(ON_BENCH(words_are_written_low_byte_first), ON_BENCH(a_block_holds_any_bytes), ON_BENCH(blocks_have_any_length),
    ON_BENCH(the_end_of_a_block_is_no_space), ON_BENCH(a_damaged_block_writes_nothing),
    ON_BENCH(a_block_of_a_wrong_length_is_no_block), ON_BENCH(blocks_stay_within_the_memory),
    ON_BENCH(the_memory_tells_its_crc), ON_BENCH(newlines_end_a_block_that_never_came),
    ON_BENCH(the_longest_line_holds_a_block), ON_BENCH(voltages_come_as_a_block_of_codes))
