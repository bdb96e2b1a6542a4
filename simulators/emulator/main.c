/* The board's firmware on an emulated Arduino Mega; see usage, and docs/firmware.md. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

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

static _Noreturn void usage(void) {
    fputs("usage: emulator --image ELF " NATIVE_USAGE "\n"
          "                [--control-fd N] [--vcd FILE] [--timed]\n",
          stderr);
    exit(2);
}

int main(int argc, char **argv) {
    static const struct option options[] = {
        NATIVE_OPTIONS,
        {"image", required_argument, NULL, 'i'},
        {"control-fd", required_argument, NULL, 'c'},
        {"vcd", required_argument, NULL, 'v'},
        {"timed", no_argument, NULL, 'd'},
        {NULL, 0, NULL, 0},
    };
    const char *image = NULL, *vcd = NULL;
    int control = -1, letter;
    bool timed = false;
    while ((letter = getopt_long(argc, argv, "", options, NULL)) != -1) {
        if (letter == 'i') {
            image = optarg;
        } else if (letter == 'c') {
            control = (int)strtol(optarg, NULL, 10);
        } else if (letter == 'v') {
            vcd = optarg;
        } else if (letter == 'd') {
            timed = true;
        } else if (!native_option(letter, optarg)) {
            usage();
        }
    }
    if (image == NULL || !native_begin()) {
        usage();
    }
    if (vcd != NULL) {
        vcd_start(vcd);
    }
    chip_start(image, native_store, native_serial, timed);
    native_listen();
    if (control >= 0) {
        control_start(control);
    }
    for (;;) {
        chip_step();
    }
}
