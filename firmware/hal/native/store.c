#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "hal.h"
#include "native.h"
#include "store.h"

static uint8_t memory[STORE_BYTES];
static int file = -1;

void store_open(const char *path) {
    memset(memory, 0xFF, sizeof memory);
    if (path == NULL) {
        return;
    }
    file = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
    ssize_t bytes = file < 0 ? -1 : pread(file, memory, sizeof memory, 0);
    if (bytes < 0) {
        native_fail(path);
    }
    uint16_t magic;
    memcpy(&magic, memory + offsetof(struct stored, magic), sizeof magic);
    if (bytes > 0 && magic != STORE_MAGIC) {
        errno = EEXIST;
        native_fail("the file of the non-volatile store holds something else");
    }
}

static bool fits(uint16_t address, uint16_t count) { return (uint32_t)address + count <= sizeof memory; }

void hal_nv_read(uint16_t address, void *data, uint16_t count) {
    if (fits(address, count)) {
        memcpy(data, memory + address, count);
    }
}

void hal_nv_write(uint16_t address, const void *data, uint16_t count) {
    if (!fits(address, count)) {
        return;
    }
    memcpy(memory + address, data, count);
    if (file >= 0 && pwrite(file, data, count, address) != count) {
        native_fail("non-volatile store");
    }
}
