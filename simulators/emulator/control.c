/* Lines on a socket, each answered by a line: advance TICKS, reset, hang, stack. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "emulator.h"
#include "native.h"

static int control = -1;

static void answer(unsigned value) {
    char text[16];
    int length = snprintf(text, sizeof text, "%u\n", value);
    if (write(control, text, (size_t)length) != length) {
        exit(0);
    }
}

void control_start(int fd) {
    control = fd;
    host_wake_on(fd);
}

void control_passed(void) { answer(0); }

static void obey(const char *line) {
    if (strncmp(line, "advance ", 8) == 0) {
        chip_pass(strtoull(line + 8, NULL, 10));
    } else if (strcmp(line, "reset") == 0) {
        chip_reset();
        answer(0);
    } else if (strcmp(line, "hang") == 0) {
        chip_hang();
        answer(0);
    } else if (strcmp(line, "stack") == 0) {
        answer(chip_stack());
    } else {
        fail("the control channel knows no %s", line);
    }
}

void control_poll(void) {
    static char line[64];
    static size_t length;
    char byte;
    ssize_t n;
    while ((n = recv(control, &byte, 1, MSG_DONTWAIT)) == 1) {
        if (byte == '\n') {
            line[length] = 0;
            length = 0;
            obey(line);
        } else if (length < sizeof line - 1) {
            line[length++] = byte;
        }
    }
    if (n == 0) {
        control_start(-1); /* nobody is left to ask */
    }
}
