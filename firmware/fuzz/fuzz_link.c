/* Feeds bytes to the firmware as a host would, with time, silence and readings of the board between. Whatever was said, the
 * board must count its wipers right, answer in whole lines and, once it is asked properly, come back. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "answer.h"
#include "crc.h"
#include "fake_hal.h"
#include "firmware.h"
#include "link.h"
#include "sizes.h"
#include "train.h"
#include "twin.h"

/* Bytes that are no text do something; all others are said. */
enum {
    POLL = 0x80,
    POLL_OFTEN,
    LATER,      /* by so many 100 us as the next byte says */
    MUCH_LATER, /* by a minute */
    HANG_UP,    /* or come back */
    BLOCK,      /* of as many of the next bytes as the next byte says, with its CRC */
    FRAME,      /* around what follows, to the end of the line */
    OLD_FRAME,  /* the same, with the number before */
    READINGS,   /* the next byte is the high one of all free readings */
    EDGES,      /* the next byte says which open and which way */
    POWER_CYCLE,
    FORGOTTEN /* the store is another one's */
};

static struct {
    char bytes[2 * LINE_BYTES];
    uint16_t count;
    bool framed;
    uint16_t sequence;
} line;

static uint16_t sequence;

/* No wait and no chain lasts for ever: after many readings each takes a day, and chains are short. */
void __real_hal_adc_read(uint8_t side, uint16_t codes[BOARD_NODES]);
void __wrap_hal_adc_read(uint8_t side, uint16_t codes[BOARD_NODES]);
void __wrap_hal_adc_read(uint8_t side, uint16_t codes[BOARD_NODES]) {
    __real_hal_adc_read(side, codes);
    fake.now += fake.readings > 2000 ? UINT64_C(86400000000) : 0;
}

void __real_order_begin(uint32_t step);
void __wrap_order_begin(uint32_t step);
void __wrap_order_begin(uint32_t step) { __real_order_begin(step % 1000); }

static void must(bool so, const char *what) {
    if (!so) {
        fprintf(stderr, "fuzz_link: %s\n", what);
        abort();
    }
}

static void check(void) {
    size_t count;
    const char *heard = fake_heard(&count);
    must(!count || heard[count - 1] == '\n', "half an answer");
    must(!memcmp(fake.wipers, twin_wipers(), sizeof fake.wipers), "wipers counted wrong");
    must(train_due() >= fake.now || train_running(), "something is due and nothing runs");
}

static void receive(const char *bytes, size_t count) {
    while (count--) {
        link_receive(*bytes++);
    }
}

static void say_frame(void) {
    char frame[16];
    snprintf(frame, sizeof frame, "@%04X", line.sequence);
    uint32_t crc = crc32(crc32(0, frame + 1, 4), line.bytes, line.count);
    snprintf(frame + 5, sizeof frame - 5, "%08" PRIX32, crc);
    receive(frame, FRAME_BYTES);
}

static void say_line(void) {
    bool was_on = link_check();
    if (line.framed) {
        say_frame();
    }
    receive(line.bytes, line.count);
    if (line.framed) {
        receive("\n", 1);
        sequence = line.sequence;
    }
    if (link_check() && !was_on) {
        sequence = 0;
    }
    line.count = 0;
    line.framed = false;
    check();
}

static void add(const void *bytes, size_t count) {
    if (line.count + count > sizeof line.bytes) {
        say_line();
    }
    memcpy(line.bytes + line.count, bytes, count);
    line.count = (uint16_t)(line.count + count);
}

static void begin_frame(uint16_t number) {
    say_line();
    line.framed = true;
    line.sequence = number;
}

static void add_block(const uint8_t *bytes, size_t count) {
    char header[8];
    uint16_t crc = crc16(CRC_START, bytes, (uint16_t)count);
    uint8_t ending[2] = {(uint8_t)crc, (uint8_t)(crc >> 8)};
    snprintf(header, sizeof header, "#3%03u", (unsigned)count + 2);
    add(header, 5);
    add(bytes, count);
    add(ending, sizeof ending);
}

static void poll(int times) {
    say_line();
    while (times--) {
        firmware_poll();
    }
    check();
}

/* Do one thing that the input says; gives how many bytes it took. */
static size_t act(const uint8_t *data, size_t size) {
    const uint8_t value = size > 1 ? data[1] : 0;
    switch (*data) {
    case POLL:
        poll(1);
        return 1;
    case POLL_OFTEN:
        poll(40);
        return 1;
    case LATER:
        fake.now += value * UINT64_C(100);
        return 2;
    case MUCH_LATER:
        fake.now += 60000000;
        return 1;
    case HANG_UP:
        fake.silence = fake.silence ? 0 : NEVER;
        return 1;
    case BLOCK: {
        const size_t count = size < 2 ? 0 : value < size - 2 ? value : size - 2;
        add_block(data + 2, count);
        return 2 + count;
    }
    case FRAME:
        begin_frame((uint16_t)(sequence + 1));
        return 1;
    case OLD_FRAME:
        begin_frame(sequence);
        return 1;
    case READINGS:
        for (uint8_t node = 0; node < BOARD_NODES; node++) {
            fake.adc[SIDE_FREE][node] = (uint16_t)(value << 8 | node);
        }
        return 2;
    case EDGES:
        fake.latched = (struct latched){.directions = value * 0x101u, .gates = (value * 0x1003u) & ALL_EDGES};
        return 2;
    case POWER_CYCLE:
        firmware_start();
        sequence = 0;
        return 1;
    case FORGOTTEN:
        memset(fake.store + value, value, 100);
        return 2;
    default:
        add(data, 1);
        if (*data == '\n') {
            line.count -= line.framed; /* its end comes with the frame */
            say_line();
        }
        return 1;
    }
}

/* Newlines end whatever the board waits for; then it must listen. */
static void come_back(void) {
    size_t count;
    say_line();
    for (int i = 0; i < LINE_BYTES; i++) {
        receive("\n", 1);
    }
    check();
    receive("SYST:LINK:CHEC OFF\n", 19);
    receive("TRA:ABOR;:SYST:SYNC? 77\n", 24);
    must(!strcmp(fake_heard(&count), "77\n"), "the board does not come back");
    must(!train_running(), "a training cannot be ended");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    fake_new_board();
    fake.untold = true;
    fake.latched = (struct latched){.directions = 0x0F0F, .gates = 0x33CC};
    memset(train_memory, 0, sizeof train_memory);
    memset(&line, 0, sizeof line);
    sequence = 0;
    firmware_start();
    while (size) {
        size_t taken = act(data, size);
        taken = taken < size ? taken : size;
        data += taken;
        size -= taken;
    }
    come_back();
    return 0;
}
