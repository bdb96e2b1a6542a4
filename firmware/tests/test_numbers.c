#include "bench.h"

#include <string.h>

#include "crc.h"
#include "draws.h"
#include "number.h"

static int64_t parsed(const char *text) {
    int64_t micro;
    assert_true(number_parse(text, (uint16_t)strlen(text), &micro));
    return micro;
}

static bool parses(const char *text) {
    int64_t micro;
    return number_parse(text, (uint16_t)strlen(text), &micro);
}

static const char *written(int64_t micro) {
    static char text[NUMBER_TEXT];
    uint8_t length = number_write_micro(micro, text);
    assert_int_equal(length, strlen(text));
    return text;
}

static void known_numbers_are_taken_exactly(void **state) {
    (void)state;
    assert_int_equal(parsed("0"), 0);
    assert_int_equal(parsed("5"), 5000000);
    assert_int_equal(parsed("+5."), 5000000);
    assert_int_equal(parsed("-.25"), -250000);
    assert_int_equal(parsed("0.000001"), 1);
    assert_int_equal(parsed("000000000000000000000000000007"), 7000000);
    assert_int_equal(parsed("1.30000000000000000000000000000000001"), 1300000);
    assert_int_equal(parsed("99999999999.999999"), INT64_C(99999999999999999));
}

static void halves_are_rounded_away_from_zero(void **state) {
    (void)state;
    assert_int_equal(parsed("0.0000005"), 1);
    assert_int_equal(parsed("0.00000049999999999999999999"), 0);
    assert_int_equal(parsed("2.9999995"), 3000000);
    assert_int_equal(parsed("-0.0000005"), -1);
    assert_int_equal(parsed("0.00000005"), 0);
    assert_int_equal(parsed("99999999998.9999995"), INT64_C(99999999999000000));
}

static void exponents_move_the_point(void **state) {
    (void)state;
    assert_int_equal(parsed("2e3"), INT64_C(2000000000));
    assert_int_equal(parsed("2.5E-3"), 2500);
    assert_int_equal(parsed("0.0000000000001e+13"), 1000000);
    assert_int_equal(parsed("5e-7"), 1);
    assert_int_equal(parsed("49e-8"), 0);
    assert_int_equal(parsed("9e10"), INT64_C(90000000000000000));
    assert_int_equal(parsed("123456789e-999999999"), 0);
    assert_int_equal(parsed("0e999999999"), 0);
    assert_int_equal(parsed("0.00000000000000000000000000000000000123456789e36"), 1234568);
}

static void what_has_too_many_digits_is_refused_not_cut(void **state) {
    (void)state;
    assert_false(parses("100000000000"));
    assert_false(parses("1e11"));
    assert_false(parses("1e99"));
    assert_false(parses("99999999999.9999995"));
    assert_false(parses("1234567890123.456789"));
    assert_false(parses("99999999999999999999999999"));
    assert_false(parses("-1e11"));
}

static void what_is_no_number_is_refused(void **state) {
    (void)state;
    const char *wrong[] = {"",      "+",     "-",   ".",   "e3",   ".e3", "1e",  "1e+",
                           "1e1.5", "1.2.3", "1 2", "--1", "0x10", "1V",  "1e3 "};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        assert_false(parses(wrong[i]));
    }
}

static void nothing_is_read_beyond_the_text(void **state) {
    (void)state;
    int64_t micro;
    assert_true(number_parse("12345", 2, &micro));
    assert_int_equal(micro, 12000000);
    assert_true(number_parse("1.5", 2, &micro));
    assert_int_equal(micro, 1000000);
    assert_true(number_parse("2e12", 3, &micro));
    assert_int_equal(micro, 20000000);
    assert_false(number_parse("1e+5", 3, &micro));
    assert_false(number_parse("1e+5", 2, &micro));
    assert_false(number_parse("-7", 1, &micro));
    assert_false(number_parse("7", 0, &micro));
}

static void known_numbers_are_written_shortest(void **state) {
    (void)state;
    assert_string_equal(written(0), "0");
    assert_string_equal(written(1), "0.000001");
    assert_string_equal(written(-1), "-0.000001");
    assert_string_equal(written(2500000), "2.5");
    assert_string_equal(written(-12000000), "-12");
    assert_string_equal(written(100), "0.0001");
    assert_string_equal(written(INT64_MAX), "9223372036854.775807");
    assert_string_equal(written(INT64_MIN), "-9223372036854.775808");
}

/* Numbers of every size, to 17 digits. */
static void what_is_written_is_read_as_it_was(void **state) {
    (void)state;
    for (uint64_t i = 0; i < 200000; i++) {
        uint64_t bits = draw(1, STREAM_ORDER, i, 0);
        int64_t magnitude = (int64_t)((bits >> (bits & 63)) % UINT64_C(100000000000000000));
        int64_t micro = bits >> 63 ? -magnitude : magnitude;
        assert_int_equal(parsed(written(micro)), micro);
    }
}

static void seeds_are_whole_numbers_modulo_2_to_the_64(void **state) {
    (void)state;
    uint64_t seed;
    assert_true(number_parse_seed("18446744073709551615", 20, &seed));
    assert_int_equal(seed, UINT64_MAX);
    assert_true(number_parse_seed("-1", 2, &seed));
    assert_int_equal(seed, UINT64_MAX);
    assert_true(number_parse_seed("+007", 4, &seed));
    assert_int_equal(seed, 7);
    assert_false(number_parse_seed("18446744073709551616", 20, &seed));
    assert_false(number_parse_seed("1.0", 3, &seed));
    assert_false(number_parse_seed("-", 1, &seed));
    assert_false(number_parse_seed("", 0, &seed));
}

/* docs/draws.md has these. */
static void draws_are_those_of_the_published_vectors(void **state) {
    (void)state;
    static const struct {
        uint64_t seed;
        uint8_t stream;
        uint64_t step, i, bits;
    } vectors[] = {
        {0, 0, 0, 0, 0x238275BC38FCBE91},
        {0, 0, 0, 1, 0xF89A2566B5822C54},
        {0, 0, 1, 0, 0x2F101FE21496EA20},
        {0, 1, 0, 0, 0x80ABE802AC1E182E},
        {1, 0, 0, 0, 0xB18A02F46D8D86C3},
        {3, 0, 4000, 142, 0x7DE0E67A3856ECDB},
        {UINT64_MAX, 4, 1, 8589934599, 0x1A5D87C46EE0CDE6},
        {7, 9, 1, 545460846597, 0x9E88DC45D45E665D},
        {1234567, 32, 99, 0, 0xA5698D2EA54D9715},
        {UINT64_C(9223372036854775808), 33, 1000000, 15, 0x5E30955950209D59},
        {42, 34, 0, 759, 0x0C53F35D0A31CB12},
    };
    for (size_t k = 0; k < sizeof vectors / sizeof *vectors; k++) {
        assert_int_equal(draw(vectors[k].seed, vectors[k].stream, vectors[k].step, vectors[k].i), vectors[k].bits);
    }
    assert_int_equal(draw_integer(UINT64_C(0x238275BC38FCBE91), 16), 2);
    assert_int_equal(draw_integer(UINT64_C(0x7DE0E67A3856ECDB), 16), 7);
    assert_int_equal(draw_integer(UINT64_C(0xA5698D2EA54D9715), 16), 10);
    assert_int_equal(draw_integer(UINT64_C(0x0C53F35D0A31CB12), 16), 0);
    assert_int_equal(draw_integer(UINT64_MAX, 1u << 31), (1u << 31) - 1);
}

static void the_crcs_have_their_check_values(void **state) {
    (void)state;
    assert_int_equal(crc16(CRC_START, "123456789", 9), 0x29B1);
    assert_int_equal(crc16(crc16(CRC_START, "1234", 4), "56789", 5), 0x29B1); /* piece by piece */
    assert_int_equal(crc16(CRC_START, "", 0), 0xFFFF);
    assert_int_equal(crc32(0, "123456789", 9), 0xCBF43926);
    assert_int_equal(crc32(crc32(0, "1234", 4), "56789", 5), 0xCBF43926);
    assert_int_equal(crc32(0, "", 0), 0);
}

/* Bit by bit, of every single byte. */
static void the_tables_are_those_of_the_polynomial(void **state) {
    (void)state;
    for (unsigned value = 0; value < 256; value++) {
        const uint8_t byte = (uint8_t)value;
        uint32_t expected = ~(uint32_t)value;
        for (int bit = 0; bit < 8; bit++) {
            expected = expected >> 1 ^ (expected & 1 ? 0xEDB88320 : 0);
        }
        assert_int_equal(crc32(0, &byte, 1), (uint32_t)~expected);
    }
}

/* Whatever single bit of a line flips, or two of them, its CRCs are others. */
static void the_crcs_see_every_damage_of_two_bits(void **state) {
    (void)state;
    char line[] = "SOUR:HOLD FREE,0,1,2,4";
    const uint16_t count = sizeof line - 1, bits = 8 * count, whole16 = crc16(CRC_START, line, count);
    const uint32_t whole32 = crc32(0, line, count);
    for (uint16_t a = 0; a < bits; a++) {
        line[a / 8] = (char)(line[a / 8] ^ (1 << a % 8));
        assert_int_not_equal(crc16(CRC_START, line, count), whole16);
        assert_int_not_equal(crc32(0, line, count), whole32);
        for (uint16_t b = 0; b < a; b++) {
            line[b / 8] = (char)(line[b / 8] ^ (1 << b % 8));
            assert_int_not_equal(crc16(CRC_START, line, count), whole16);
            assert_int_not_equal(crc32(0, line, count), whole32);
            line[b / 8] = (char)(line[b / 8] ^ (1 << b % 8));
        }
        line[a / 8] = (char)(line[a / 8] ^ (1 << a % 8));
    }
}

RUN(cmocka_unit_test(known_numbers_are_taken_exactly), cmocka_unit_test(halves_are_rounded_away_from_zero),
    cmocka_unit_test(exponents_move_the_point), cmocka_unit_test(what_has_too_many_digits_is_refused_not_cut),
    cmocka_unit_test(what_is_no_number_is_refused), cmocka_unit_test(nothing_is_read_beyond_the_text),
    cmocka_unit_test(known_numbers_are_written_shortest), cmocka_unit_test(what_is_written_is_read_as_it_was),
    cmocka_unit_test(seeds_are_whole_numbers_modulo_2_to_the_64),
    cmocka_unit_test(draws_are_those_of_the_published_vectors), cmocka_unit_test(the_crcs_have_their_check_values),
    cmocka_unit_test(the_tables_are_those_of_the_polynomial), cmocka_unit_test(the_crcs_see_every_damage_of_two_bits))
