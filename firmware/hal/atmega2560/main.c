#include <avr/eeprom.h>
#include <avr/interrupt.h>
#include <avr/wdt.h>

#include "chip.h"
#include "firmware.h"
#include "hal.h"

/* A watchdog's reset leaves it on. */
__attribute__((naked, used, section(".init3"))) static void watchdog_off(void) {
    MCUSR = 0;
    wdt_disable();
}

/* First the interrupt, then, where that does not help, the reset: a bootloader may not live through one. */
static void watchdog_start(void) {
    wdt_enable(WDTO_2S);
    WDTCSR |= _BV(WDIE);
}

/* The firmware hangs: let go of all nodes and begin anew. */
ISR(WDT_vect) {
    parts_let_go();
    wdt_disable();
    __asm__ volatile("jmp 0");
}

void hal_nv_read(uint16_t address, void *data, uint16_t count) { eeprom_read_block(data, (const void *)address, count); }

/* A byte takes 3.4 ms. */
void hal_nv_write(uint16_t address, const void *data, uint16_t count) {
    for (const uint8_t *byte = data; count--; byte++, address++) {
        wdt_reset();
        eeprom_update_byte((uint8_t *)address, *byte);
    }
}

int main(void) {
    parts_start();
    clock_start();
    line_start();
    watchdog_start();
    sei();
    firmware_start();
    for (;;) {
        firmware_poll();
    }
}
