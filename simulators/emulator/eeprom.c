/* The chip's EEPROM, kept as the firmware on the PC keeps its store. */
#include <string.h>
#include <time.h>

#include <simavr/avr_eeprom.h>

#include "emulator.h"
#include "hal.h"
#include "native.h"
#include "store.h"

#define BYTES 4096

static uint8_t *eeprom, kept[BYTES];

void eeprom_start(const char *file) {
    avr_eeprom_desc_t there = {.ee = NULL, .offset = 0, .size = 1};
    avr_ioctl(avr, AVR_IOCTL_EEPROM_GET, &there);
    eeprom = there.ee;
    store_open(file);
    hal_nv_read(0, eeprom, BYTES);
    memcpy(kept, eeprom, BYTES);
}

void eeprom_keep(void) {
    if (memcmp(kept, eeprom, BYTES) != 0) {
        memcpy(kept, eeprom, BYTES);
        hal_nv_write(0, eeprom, BYTES);
    }
}

bool eeprom_blank(void) { return eeprom[offsetof(struct stored, magic)] == 0xFF; }

/* It has started before, too, so that no two new chips are taken for one that did not restart. */
void eeprom_name(const char *serial) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    uint32_t boots = (uint32_t)((uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000) & INT32_MAX;
    memcpy(eeprom + offsetof(struct stored, boots), &boots, sizeof boots);
    strncpy((char *)eeprom + offsetof(struct stored, serial), serial, SERIAL_BYTES - 1);
}
