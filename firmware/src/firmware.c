#include "firmware.h"

#include "hal.h"
#include "link.h"
#include "system.h"
#include "train.h"
#include "twin.h"

void firmware_start(void) {
    system_power_on();
    twin_power_on();
    train_reset();
}

void firmware_poll(void) {
    int c;
    while ((c = hal_getc()) >= 0) {
        link_receive((char)c);
    }
    train_poll();
    system_poll();
    hal_idle(train_due());
}
