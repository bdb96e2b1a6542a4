/* The board's firmware on an emulated Arduino Mega; see usage, and docs/firmware.md. */
#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "emulator.h"
#include "native.h"

_Noreturn void fail(const char *format, ...) {
    va_list values;
    va_start(values, format);
    vfprintf(stderr, format, values);
    va_end(values);
    fputc('\n', stderr);
    exit(1);
}

_Noreturn void native_fail(const char *what) { fail("%s: %s", what, strerror(errno)); }

static _Noreturn void usage(void) {
    fputs("usage: emulator --image ELF --plant-fd N (--tcp PORT [--bind ADDRESS] "
          "| --pty) [--once] [--nv FILE]\n"
          "                [--serial TEXT] [--control-fd N] [--vcd FILE] "
          "[--timed]\n",
          stderr);
    exit(2);
}

int main(int argc, char **argv) {
    static const struct option options[] = {
        {"image", required_argument, NULL, 'i'},
        {"plant-fd", required_argument, NULL, 'p'},
        {"tcp", required_argument, NULL, 't'},
        {"bind", required_argument, NULL, 'b'},
        {"pty", no_argument, NULL, 'y'},
        {"once", no_argument, NULL, 'o'},
        {"nv", required_argument, NULL, 'n'},
        {"serial", required_argument, NULL, 's'},
        {"control-fd", required_argument, NULL, 'c'},
        {"vcd", required_argument, NULL, 'v'},
        {"timed", no_argument, NULL, 'd'},
        {NULL, 0, NULL, 0},
    };
    const char *image = NULL, *port = NULL, *address = "127.0.0.1", *store = NULL, *serial = "", *vcd = NULL;
    int plant = -1, control = -1, option;
    bool pty = false, timed = false;
    while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
        switch (option) {
        case 'i':
            image = optarg;
            break;
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
        case 'c':
            control = (int)strtol(optarg, NULL, 10);
            break;
        case 'v':
            vcd = optarg;
            break;
        case 'd':
            timed = true;
            break;
        default:
            usage();
        }
    }
    if (image == NULL || plant < 0 || (port == NULL) != pty) {
        usage();
    }
    signal(SIGPIPE, SIG_IGN); /* said by write, too */
    signal(SIGINT, SIG_IGN);  /* meant for the host, which still has to make the board safe */
    plant_connect(plant);
    if (vcd != NULL) {
        vcd_start(vcd);
    }
    chip_start(image, store, serial, timed);
    if (pty) {
        host_listen_pty();
    } else {
        host_listen_tcp(address, port);
    }
    if (control >= 0) {
        control_start(control);
    }
    for (;;) {
        chip_step();
    }
}
