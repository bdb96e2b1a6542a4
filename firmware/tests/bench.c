#include "bench.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "crc.h"
#include "firmware.h"
#include "link.h"

void power_cycle(void) {
    firmware_start();
    fake_calls();
}

int new_board_powered_up(void **state) {
    (void)state;
    fake_new_board();
    power_cycle();
    return 0;
}

static const char *heard(void) {
    size_t count;
    char *answer = fake_heard(&count);
    if (count) {
        assert_int_equal(answer[count - 1], '\n');
        answer[count - 1] = 0;
    }
    return answer;
}

static void say(const char *bytes, size_t count) {
    while (count--) {
        link_receive(*bytes++);
    }
    link_receive('\n');
}

const char *ask(const char *line) {
    say(line, strlen(line));
    return heard();
}

const char *errors(const char *line) {
    static char text[1024];
    ask(line);
    const char *from = ask("SYSTem:ERRor:ALL?");
    char *to = text;
    for (; *from; from++) {
        assert_true(to < text + sizeof text - 1);
        if (*from != '"') {
            *to++ = *from;
        }
    }
    *to = 0;
    return text;
}

void add_bytes(struct line *line, const void *bytes, size_t count) {
    assert_true(line->count + count <= sizeof line->bytes);
    memcpy(line->bytes + line->count, bytes, count);
    line->count += count;
}

void add_text(struct line *line, const char *text) { add_bytes(line, text, strlen(text)); }

void add_block(struct line *line, const void *payload, size_t count) {
    char header[48], digits[24];
    uint16_t crc = crc16(CRC_START, payload, (uint16_t)count);
    uint8_t ending[2] = {(uint8_t)crc, (uint8_t)(crc >> 8)};
    snprintf(digits, sizeof digits, "%zu", count + 2);
    snprintf(header, sizeof header, "#%zu%s", strlen(digits), digits);
    add_text(line, header);
    add_bytes(line, payload, count);
    add_bytes(line, ending, sizeof ending);
}

const char *ask_line(const struct line *line) {
    say(line->bytes, line->count);
    return heard();
}

void frame(struct line *line, uint16_t sequence, const char *message) {
    char text[12];
    snprintf(text, sizeof text, "%04X", sequence);
    uint32_t crc = crc32(crc32(0, text, 4), message, (uint16_t)strlen(message));
    line->count = 0;
    add_text(line, "@");
    add_text(line, text);
    snprintf(text, sizeof text, "%08" PRIX32, crc);
    add_text(line, text);
    add_text(line, message);
}

const char *ask_framed(uint16_t sequence, const char *message) {
    struct line line;
    frame(&line, sequence, message);
    return ask_line(&line);
}
