#include "training.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "crc.h"
#include "firmware.h"
#include "train.h"

bool short_records;

void write_words(uint16_t offset, const uint16_t *words, uint16_t count) {
    while (count) {
        uint8_t bytes[128];
        size_t used = 0;
        struct line line = {0};
        char header[32];
        snprintf(header, sizeof header, "TRA:MEM %d,", offset);
        add_text(&line, header);
        for (; count && used < sizeof bytes; words++, offset++, count--) {
            bytes[used++] = (uint8_t)*words;
            bytes[used++] = (uint8_t)(*words >> 8);
        }
        add_block(&line, bytes, used);
        assert_string_equal(ask_line(&line), "");
    }
    assert_answer("SYST:ERR?", "0,\"No error\"");
}

void set_up(void) {
    const uint16_t examples[] = {INPUT_0, TARGETS_0, INPUT_1, TARGETS_1, 40000, 1, 2};
    short_records = false;
    for (uint8_t node = 0; node < BOARD_NODES; node++) {
        fake.adc[SIDE_FREE][node] = (uint16_t)(1000 * (node + 1));
        fake.adc[SIDE_CLAMPED][node] = (uint16_t)(1000 * (node + 1) + 100);
    }
    fake.latched = (struct latched){.directions = 0x0F0F, .gates = 0x00FF};
    write_words(0, examples, sizeof examples / sizeof *examples);
    obey("TRA:INP 0;GRO 8;OUTP 4,6;EXAM 2,1;ETA 0.5;STEP 2;TIME:SETT 1e-4;PER 1e-3;STAR 1e-2");
    fake_calls();
}

void start(void) { obey("TRA:STAR"); }

void poll_times(int times) {
    while (times--) {
        firmware_poll();
    }
}

void run(void) {
    for (int i = 0; train_running(); i++) {
        assert_true(i < 1000000);
        firmware_poll();
    }
}

/* The log ----------------------------------------------------------------------------------------------------------- */

static const uint8_t *at, *end;

static uint64_t take(uint8_t bytes) {
    uint64_t value = 0;
    assert_true(bytes <= end - at);
    for (uint8_t i = 0; i < bytes; i++) {
        value |= (uint64_t)*at++ << (8 * i);
    }
    return value;
}

static void take_codes(uint16_t *codes, uint8_t count) {
    for (uint8_t i = 0; i < count; i++) {
        codes[i] = (uint16_t)take(2);
    }
}

static void take_wipers(struct record *r) {
    for (uint8_t e = 0; e < BOARD_EDGES; e++) {
        r->wipers[e] = (uint8_t)take(1);
    }
}

static void take_step(struct record *r) {
    uint8_t count = short_records ? train_settings.outputs.count : BOARD_NODES;
    r->example = (uint16_t)take(2);
    r->flags = (uint8_t)take(1);
    r->time = take(8);
    take_codes(r->free, count);
    take_codes(r->clamped, count);
    r->directions = (uint16_t)take(2);
    r->gates = (uint16_t)take(2);
    if (!short_records) {
        take_wipers(r);
    }
}

static void take_record(struct record *r) {
    memset(r, 0, sizeof *r);
    r->kind = (char)take(1);
    r->step = (uint32_t)take(4);
    switch (r->kind) {
    case 'S':
        take_step(r);
        break;
    case 'M':
        r->set = (uint8_t)take(1);
        r->example = (uint16_t)take(2);
        take_codes(r->free, train_settings.outputs.count);
        break;
    case 'E':
        r->time = take(8);
        r->reason = (uint8_t)take(1);
        take_wipers(r);
        break;
    default:
        fail_msg("a record of kind %d", r->kind);
    }
}

const struct block *fetch(uint32_t number) {
    static struct block block;
    char line[32];
    snprintf(line, sizeof line, "TRA:LOG? %u", (unsigned)number);
    const char *answer = ask(line);
    assert_int_equal(answer[0], '#');
    const int digits = answer[1] - '0';
    char length[12] = {0};
    memcpy(length, answer + 2, (size_t)digits);
    at = (const uint8_t *)answer + 2 + digits;
    end = at + strtol(length, NULL, 10);
    assert_true(end - at <= LOG_BLOCK_BYTES + 8);
    assert_int_equal(crc16(CRC_START, at, (uint16_t)(end - at - 2)), end[-2] | end[-1] << 8);
    assert_int_equal(*end, 0); /* nothing stands behind it */
    end -= 2;
    block.number = (uint32_t)take(4);
    block.count = (uint16_t)take(2);
    assert_in_range(block.count, 0, sizeof block.records / sizeof *block.records);
    for (uint16_t i = 0; i < block.count; i++) {
        take_record(&block.records[i]);
    }
    assert_ptr_equal(at, end);
    return &block;
}

const struct log *fetch_all(void) {
    static struct log log;
    log.count = 0;
    uint32_t number = 0;
    for (int tries = 0; !log.count || log.records[log.count - 1].kind != 'E'; tries++) {
        assert_true(tries < 10000);
        poll_times(train_running() ? 100 : 0);
        const struct block *block = fetch(number);
        assert_int_equal(block->number, number);
        assert_true(log.count + block->count <= sizeof log.records / sizeof *log.records);
        memcpy(log.records + log.count, block->records, block->count * sizeof *block->records);
        log.count += block->count;
        number += block->count > 0;
    }
    assert_int_equal(fetch(number)->count, 0);
    return &log;
}

/* As text ----------------------------------------------------------------------------------------------------------- */

static char text[100000];
static size_t written;

static void write(const char *format, ...) __attribute__((format(printf, 1, 2)));
static void write(const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    written += (size_t)vsnprintf(text + written, sizeof text - written, format, arguments);
    va_end(arguments);
    assert_true(written < sizeof text);
}

static void write_codes(const uint16_t *codes, uint8_t count) {
    for (uint8_t i = 0; i < count; i++) {
        write(" %d", codes[i]);
    }
}

static void write_wipers(const struct record *r) {
    for (uint8_t e = 0; e < BOARD_EDGES; e++) {
        write(" %d", r->wipers[e]);
    }
}

const char *log_text(void) {
    const struct log *log = fetch_all();
    const uint8_t outputs = train_settings.outputs.count;
    written = 0;
    text[0] = 0;
    for (size_t i = 0; i < log->count; i++) {
        const struct record *r = &log->records[i];
        write("%c %u", r->kind, (unsigned)r->step);
        if (r->kind == 'S') {
            write(" %d %d %u free", r->example, r->flags, (unsigned)r->time);
            write_codes(r->free, short_records ? outputs : BOARD_NODES);
            write(" clamped");
            write_codes(r->clamped, short_records ? outputs : BOARD_NODES);
            write(" up %04X open %04X", r->directions, r->gates);
            if (!short_records) {
                write_wipers(r);
            }
        } else if (r->kind == 'M') {
            write(" %d %d", r->set, r->example);
            write_codes(r->free, outputs);
        } else {
            write(" %u %c", (unsigned)r->time, r->reason);
            write_wipers(r);
        }
        write("\n");
    }
    return text;
}
