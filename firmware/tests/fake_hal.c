#include "fake_hal.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define KEPT_BYTES (1u << 20)

struct fake fake;

/* Two buffers each, so that what was given stays readable until the next time. */
struct tape {
    char bytes[2][KEPT_BYTES];
    size_t used;
    int which;
};
static struct tape calls, heard;
static struct {
    const char *at;
    size_t left;
} said;

static char *take_tape(struct tape *tape, size_t *count) {
    char *bytes = tape->bytes[tape->which];
    bytes[tape->used] = 0;
    *count = tape->used;
    tape->which = 1 - tape->which;
    tape->used = 0;
    return bytes;
}

/* What no firmware may do ends the test. */
static void must(bool allowed, const char *what) {
    if (!allowed) {
        fprintf(stderr, "fake_hal: %s\n", what);
        abort();
    }
}

static void record(const char *format, ...) __attribute__((format(printf, 1, 2)));
static void record(const char *format, ...) {
    char *at = calls.bytes[calls.which] + calls.used;
    size_t room = KEPT_BYTES - 1 - calls.used;
    if (fake.untold || room < 128) {
        return;
    }
    va_list arguments;
    va_start(arguments, format);
    calls.used += (size_t)snprintf(at, room, "%" PRIu64 " ", fake.now);
    calls.used += (size_t)vsnprintf(calls.bytes[calls.which] + calls.used, 100, format, arguments);
    va_end(arguments);
    calls.bytes[calls.which][calls.used++] = '\n';
}

static const char *name_of(uint8_t side) {
    must(side <= SIDE_CLAMPED, "a side that is none");
    return side == SIDE_FREE ? "free" : "clamped";
}

void fake_new_board(void) {
    memset(&fake, 0, sizeof fake);
    memset(fake.store, 0xFF, sizeof fake.store);
    memset(fake.wipers, 97, sizeof fake.wipers); /* nobody knows where */
    calls.used = heard.used = 0;
    said.left = 0;
}

const char *fake_calls(void) {
    size_t count;
    return take_tape(&calls, &count);
}

void fake_say(const char *bytes, size_t count) {
    said.at = bytes;
    said.left = count;
}

char *fake_heard(size_t *count) { return take_tape(&heard, count); }

/* Time */

uint64_t hal_now(void) { return fake.now; }

void hal_sleep_until(uint64_t time) {
    if (time != NEVER && time > fake.now) {
        fake.now = time;
    }
}

void hal_idle(uint64_t until) { hal_sleep_until(until); }

uint64_t hal_silence(void) { return fake.silence; }

void hal_go_on(uint64_t time, uint32_t triggers) {
    must(time >= fake.now, "a clock that goes back");
    record("go on %" PRIu64 " %" PRIu32, time, triggers);
    fake.now = time;
}

/* The line to the host */

int hal_getc(void) {
    if (!said.left) {
        return -1;
    }
    said.left--;
    return (unsigned char)*said.at++;
}

void hal_write(const char *bytes, uint16_t count) {
    if (heard.used + count < KEPT_BYTES) {
        memcpy(heard.bytes[heard.which] + heard.used, bytes, count);
        heard.used += count;
    }
}

/* Sources */

void hal_dac_write(uint8_t node, uint16_t code) {
    must(node < BOARD_NODES, "a node that is none");
    record("dac %d %d", node, code);
    fake.sources[node] = code;
}

void hal_hold(uint8_t side, uint32_t nodes) {
    must(!(nodes & ~(uint32_t)BOARD_HOLDABLE), "a node that cannot be held");
    record("hold %s 0x%" PRIX32, name_of(side), nodes);
    fake.held[side] = nodes;
    memcpy(fake.on_switches, fake.sources, sizeof fake.sources);
}

void hal_clear_sources(void) {
    record("clear");
    memset(fake.sources, 0, sizeof fake.sources);
    memset(fake.on_switches, 0, sizeof fake.on_switches);
    fake.bias = 0;
}

void hal_bias_write(uint16_t code) {
    record("bias %d", code);
    fake.bias = code;
}

/* Readings */

void hal_adc_read(uint8_t side, uint16_t codes[BOARD_NODES]) {
    record("read %s", name_of(side));
    for (uint8_t node = 0; node < BOARD_NODES; node++) {
        codes[node] = (uint16_t)(fake.adc[side][node] + fake.readings * fake.rise);
    }
    fake.readings++;
    fake.now += fake.reading_ticks;
}

void hal_look(struct latched *seen) {
    record("look");
    *seen = fake.latched;
}

/* Edges: potentiometers stay at their ends. */

static void step(uint32_t edges, uint32_t up) {
    for (uint8_t e = 0; e < BOARD_EDGES; e++) {
        if (!(edges >> e & 1)) {
            continue;
        }
        if (up >> e & 1) {
            fake.wipers[e] = (uint8_t)(fake.wipers[e] + (fake.wipers[e] < BOARD_WIPER_POSITIONS - 1));
        } else {
            fake.wipers[e] = (uint8_t)(fake.wipers[e] - (fake.wipers[e] > 0));
        }
    }
}

void hal_trigger(bool step_too, struct latched *latched) {
    record("trigger %s", step_too ? "step" : "latch");
    *latched = fake.latched;
    if (step_too) {
        step(fake.latched.gates, fake.latched.directions);
    }
}

void hal_step_wipers(uint32_t edges, bool up) {
    record("wipers %s 0x%" PRIX32, up ? "up" : "down", edges);
    fake.steps_of_wipers++;
    step(edges, up ? UINT32_MAX : 0);
}

void hal_self_trigger(bool on) { record("self %d", on); }

/* Non-volatile store */

static bool fits(uint16_t address, uint16_t count) { return (size_t)address + count <= sizeof fake.store; }

void hal_nv_read(uint16_t address, void *data, uint16_t count) {
    must(fits(address, count), "beyond the store");
    memcpy(data, fake.store + address, count);
}

void hal_nv_write(uint16_t address, const void *data, uint16_t count) {
    must(fits(address, count), "beyond the store");
    memcpy(fake.store + address, data, count);
}
