/* The firmware as a process on a PC, over a plant: see usage. Time is virtual: it stands still while a host is connected and
 * nothing is scheduled, and nothing but waiting takes any. */
#include "native.h"

#include <stdio.h>
#include <stdlib.h>

#include "firmware.h"
#include "hal.h"
#include "system.h"

uint64_t hal_now(void) { return native_time; }

void hal_sleep_until(uint64_t time) {
    if (time != NEVER && time > native_time) {
        native_time = time;
    }
}

void hal_go_on(uint64_t time, uint32_t triggers) {
    native_time = native_heard = time;
    plant_count(triggers);
}

uint64_t hal_silence(void) { return host_connected() ? native_time - native_heard : NEVER; }

void hal_idle(uint64_t until) {
    if (until <= native_time) {
        host_wait(0);
        return;
    }
    host_wait(until == NEVER ? -1 : 0);
    uint64_t before = native_time;
    hal_sleep_until(until);
    native_heard += native_time - before; /* to a schedule, time runs faster than any host can speak */
}

static _Noreturn void usage(void) {
    fputs("usage: firmware " NATIVE_USAGE "\n", stderr);
    exit(2);
}

int main(int argc, char **argv) {
    static const struct option options[] = {NATIVE_OPTIONS, {NULL, 0, NULL, 0}};
    int letter;
    while ((letter = getopt_long(argc, argv, "", options, NULL)) != -1) {
        if (!native_option(letter, optarg)) {
            usage();
        }
    }
    if (!native_begin()) {
        usage();
    }
    store_open(native_store);
    firmware_start();
    if (*native_serial) {
        system_default_serial(native_serial);
    }
    if (native_store == NULL) {
        system_set_boots(native_moment());
    }
    native_listen();
    for (;;) {
        firmware_poll();
    }
}
