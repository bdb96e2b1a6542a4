/* The plant link: frames with time stamps to the simulated board; see docs/firmware.md. */
#include <errno.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "hal.h"
#include "native.h"

enum operation {
    OP_DAC = 0x01,
    OP_HOLD = 0x02,
    OP_BIAS = 0x03,
    OP_STEP = 0x04,
    OP_LOAD = 0x05,
    OP_COUNT = 0x07,
    OP_HELLO = 0x80,
    OP_ADC = 0x81,
    OP_LOOK = 0x82,
    OP_TRIGGER = 0x83,
    OP_SELF = 0x84,
};

#define FRAME 16
#define LOOKS 500
#define HELLO UINT32_C(0x4C4E5031)

static int plant;
static uint8_t posted[256 * FRAME];
static size_t posted_bytes;

static void little_endian(uint8_t *to, uint64_t value, uint8_t bytes) {
    for (uint8_t i = 0; i < bytes; i++) {
        to[i] = (uint8_t)(value >> (8 * i));
    }
}

static uint32_t number(const uint8_t *from, uint8_t bytes) {
    uint32_t value = 0;
    for (uint8_t i = 0; i < bytes; i++) {
        value |= (uint32_t)from[i] << (8 * i);
    }
    return value;
}

int plant_fd(void) { return plant; }

_Noreturn void plant_gone(void) { exit(0); }

static void send_posted(void) {
    size_t sent = 0;
    while (sent < posted_bytes) {
        ssize_t n = write(plant, posted + sent, posted_bytes - sent);
        if (n > 0) {
            sent += (size_t)n;
        } else if (n == 0 || errno != EINTR) {
            plant_gone();
        }
    }
    posted_bytes = 0;
}

static void post(enum operation op, uint8_t arg, uint16_t code, uint32_t value) {
    if (posted_bytes == sizeof posted) {
        send_posted();
    }
    uint8_t *frame = posted + posted_bytes;
    frame[0] = (uint8_t)op;
    frame[1] = arg;
    little_endian(frame + 2, code, 2);
    little_endian(frame + 4, value, 4);
    little_endian(frame + 8, native_time, 8);
    posted_bytes += FRAME;
}

/* The plant answers within some 100 us; to sleep and be woken can take longer than that, so look often before. */
static ssize_t receive(void *to, size_t bytes) {
    for (unsigned looks = 0; looks < LOOKS; looks++) {
        ssize_t n = recv(plant, to, bytes, MSG_DONTWAIT);
        if (n >= 0 || errno != EAGAIN) {
            return n;
        }
        sched_yield();
    }
    return recv(plant, to, bytes, 0);
}

static void ask(enum operation op, uint8_t arg, void *reply, size_t bytes) {
    post(op, arg, 0, 0);
    send_posted();
    for (size_t got = 0; got < bytes;) {
        ssize_t n = receive((uint8_t *)reply + got, bytes - got);
        if (n > 0) {
            got += (size_t)n;
        } else if (n == 0 || errno != EINTR) {
            plant_gone();
        }
    }
}

void plant_connect(int fd) {
    uint8_t reply[8];
    plant = fd;
    ask(OP_HELLO, 0, reply, sizeof reply);
    if (number(reply, 4) != HELLO || number(reply + 4, 2) != BOARD_NODES || number(reply + 6, 2) != BOARD_EDGES) {
        errno = EPROTO;
        native_fail("the plant is no " BOARD_NAME);
    }
}

void hal_dac_write(uint8_t node, uint16_t code) { post(OP_DAC, node, code, 0); }
void hal_hold(uint8_t side, uint32_t nodes) { post(OP_HOLD, side, 0, nodes); }
void hal_bias_write(uint16_t code) { post(OP_BIAS, 0, code, 0); }
void hal_step_wipers(uint32_t edges, bool up) { post(OP_STEP, up, 0, edges); }

void hal_clear_sources(void) {
    hal_bias_write(0);
    for (uint8_t node = 0; node < BOARD_NODES; node++) {
        hal_dac_write(node, 0);
    }
    plant_load();
}

void plant_load(void) { post(OP_LOAD, 0, 0, 0); }

void plant_count(uint32_t triggers) { post(OP_COUNT, 0, 0, triggers); }

void hal_adc_read(uint8_t side, uint16_t codes[BOARD_NODES]) {
    uint8_t reply[2 * BOARD_NODES];
    ask(OP_ADC, side, reply, sizeof reply);
    for (uint8_t node = 0; node < BOARD_NODES; node++) {
        codes[node] = (uint16_t)number(reply + (size_t)2 * node, 2);
    }
}

static void ask_latched(enum operation op, uint8_t arg, struct latched *latched) {
    uint8_t reply[8];
    ask(op, arg, reply, sizeof reply);
    latched->directions = number(reply, 4);
    latched->gates = number(reply + 4, 4);
}

/* Answered, so that it takes the host as long as it takes the plant. */
void hal_self_trigger(bool on) {
    uint8_t done;
    ask(OP_SELF, on, &done, sizeof done);
}

void hal_look(struct latched *seen) { ask_latched(OP_LOOK, 0, seen); }
void hal_trigger(bool step, struct latched *latched) { ask_latched(OP_TRIGGER, step, latched); }
