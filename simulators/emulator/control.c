/* Lines on a socket, each answered by a line: advance TICKS, reset, hang,
 * stack. */
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

void control_poll(void) {
    char line[64];
    ssize_t n = control < 0 ? -1 : recv(control, line, sizeof line - 1, MSG_DONTWAIT);
    if (n == 0) {
        control_start(-1); /* nobody is left to ask */
    }
    if (n <= 0) {
        return;
    }
    line[n] = 0;
    if (strncmp(line, "advance ", 8) == 0) {
        chip_pass(strtoull(line + 8, NULL, 10));
    } else if (strcmp(line, "reset\n") == 0) {
        chip_reset();
        answer(0);
    } else if (strcmp(line, "hang\n") == 0) {
        chip_hang();
        answer(0);
    } else if (strcmp(line, "stack\n") == 0) {
        answer(chip_stack());
    } else {
        fail("the control channel knows no %s", line);
    }
}
