/* The chip's EEPROM, kept as the firmware on the PC keeps its store. */
#include <string.h>

#include <simavr/avr_eeprom.h>

#include "emulator.h"
#include "hal.h"
#include "native.h"
#include "store.h"

static uint8_t *eeprom, kept[STORE_BYTES];

void eeprom_start(const char *file) {
    avr_eeprom_desc_t there = {.ee = NULL, .offset = 0, .size = 1};
    avr_ioctl(avr, AVR_IOCTL_EEPROM_GET, &there);
    eeprom = there.ee;
    store_open(file);
    hal_nv_read(0, eeprom, STORE_BYTES);
    memcpy(kept, eeprom, STORE_BYTES);
}

void eeprom_keep(void) {
    if (memcmp(kept, eeprom, STORE_BYTES) != 0) {
        memcpy(kept, eeprom, STORE_BYTES);
        hal_nv_write(0, eeprom, STORE_BYTES);
    }
}

bool eeprom_blank(void) { return eeprom[offsetof(struct stored, magic)] == 0xFF; }

/* It has started before, too, so that no two new chips are taken for one that did not restart. */
void eeprom_name(const char *serial) {
    uint32_t boots = native_moment();
    memcpy(eeprom + offsetof(struct stored, boots), &boots, sizeof boots);
    strncpy((char *)eeprom + offsetof(struct stored, serial), serial, SERIAL_BYTES - 1);
}
