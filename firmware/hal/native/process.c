/* What the programs of the PC have in common: their options, their clock, how they end. */
#define _GNU_SOURCE
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "native.h"

uint64_t native_time, native_heard;
const char *native_store, *native_serial = "";

static const char *port, *address = "127.0.0.1";
static int plant = -1;
static bool pty;

_Noreturn void native_fail(const char *what) {
    fprintf(stderr, "%s: %s\n", what, strerror(errno));
    exit(1);
}

uint32_t native_moment(void) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (uint32_t)((uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000) & INT32_MAX;
}

bool native_option(int letter, const char *value) {
    switch (letter) {
    case 'p':
        plant = (int)strtol(value, NULL, 10);
        return true;
    case 't':
        port = value;
        return true;
    case 'b':
        address = value;
        return true;
    case 'y':
        pty = true;
        return true;
    case 'o':
        host_once();
        return true;
    case 'n':
        native_store = value;
        return true;
    case 's':
        native_serial = value;
        return true;
    default:
        return false;
    }
}

bool native_begin(void) {
    if (plant < 0 || (port == NULL) != pty) {
        return false;
    }
    signal(SIGPIPE, SIG_IGN); /* said by write, too */
    signal(SIGINT, SIG_IGN);  /* meant for the host, which still has to make the board safe */
    plant_connect(plant);
    return true;
}

void native_listen(void) {
    if (pty) {
        host_listen_pty();
    } else {
        host_listen_tcp(address, port);
    }
}
