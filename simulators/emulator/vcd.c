/* The waveforms of the chip's pins as a value change dump, on the chip's clock. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#include "emulator.h"
#include "native.h"

static FILE *file;
static uint64_t last = UINT64_MAX;

static char letter(char port, unsigned bit) { return (char)('!' + 8 * (port - 'A') + (int)bit); }

void vcd_start(const char *path) {
    file = fopen(path, "w");
    if (file == NULL) {
        native_fail(path);
    }
    fputs("$timescale 100 ps $end\n$scope module mega $end\n", file);
}

void vcd_pin(const char *name, char port, uint8_t bit) {
    if (file != NULL) {
        fprintf(file, "$var wire 1 %c %s $end\n", letter(port, bit), name);
    }
}

void vcd_flush(void) {
    if (file != NULL) {
        fflush(file);
    }
}

void vcd_change(char port, uint8_t was, uint8_t is) {
    if (file == NULL) {
        return;
    }
    if (last == UINT64_MAX) {
        fputs("$upscope $end\n$enddefinitions $end\n", file);
    }
    if (avr->cycle != last) {
        last = avr->cycle;
        fprintf(file, "#%" PRIu64 "\n", last * 625); /* a cycle is 62.5 ns */
    }
    for (unsigned bit = 0; bit < 8; bit++) {
        if ((was ^ is) >> bit & 1) {
            fprintf(file, "%d%c\n", is >> bit & 1, letter(port, bit));
        }
    }
}
