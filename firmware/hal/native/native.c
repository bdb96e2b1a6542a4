/* The firmware as a process on a PC, over a plant: see usage. Time is virtual: it stands still while a host is connected and
 * nothing is scheduled, and nothing but waiting takes any. */
#define _GNU_SOURCE
#include "native.h"

#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "firmware.h"
#include "hal.h"
#include "system.h"

uint64_t native_time, native_heard;

_Noreturn void native_fail(const char *what) {
    fprintf(stderr, "%s: %s\n", what, strerror(errno));
    exit(1);
}

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

/* A number that another start does not have: milliseconds, in 31 bits. */
static uint32_t moment(void) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (uint32_t)((uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000) & INT32_MAX;
}

static _Noreturn void usage(void) {
    fputs("usage: firmware --plant-fd N (--tcp PORT [--bind ADDRESS] | --pty) [--once] [--nv FILE] [--serial TEXT]\n",
          stderr);
    exit(2);
}

int main(int argc, char **argv) {
    static const struct option options[] = {
        {"plant-fd", required_argument, NULL, 'p'}, {"tcp", required_argument, NULL, 't'},
        {"bind", required_argument, NULL, 'b'},     {"pty", no_argument, NULL, 'y'},
        {"once", no_argument, NULL, 'o'},           {"nv", required_argument, NULL, 'n'},
        {"serial", required_argument, NULL, 's'},   {NULL, 0, NULL, 0},
    };
    const char *port = NULL, *address = "127.0.0.1", *store = NULL, *serial = NULL;
    int plant = -1, option;
    bool pty = false;
    while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
        switch (option) {
        case 'p':
            plant = (int)strtol(optarg, NULL, 10);
            break;
        case 't':
            port = optarg;
            break;
        case 'b':
            address = optarg;
            break;
        case 'y':
            pty = true;
            break;
        case 'o':
            host_once();
            break;
        case 'n':
            store = optarg;
            break;
        case 's':
            serial = optarg;
            break;
        default:
            usage();
        }
    }
    if (plant < 0 || (port == NULL) != pty) {
        usage();
    }
    signal(SIGPIPE, SIG_IGN); /* said by write, too */
    signal(SIGINT, SIG_IGN);  /* meant for the host, which still has to make the board safe */
    plant_connect(plant);
    store_open(store);
    firmware_start();
    if (serial != NULL) {
        system_default_serial(serial);
    }
    if (store == NULL) {
        system_set_boots(moment());
    }
    if (pty) {
        host_listen_pty();
    } else {
        host_listen_tcp(address, port);
    }
    for (;;) {
        firmware_poll();
    }
}
