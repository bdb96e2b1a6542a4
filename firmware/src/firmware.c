#include "firmware.h"

#include "hal.h"
#include "link.h"
#include "status.h"
#include "system.h"
#include "train.h"
#include "twin.h"

void firmware_start(void) {
    train_reset();
    status_power_on();
    link_power_on();
    system_power_on();
    twin_power_on();
}

void firmware_poll(void) {
    int c;
    if (hal_silence() == NEVER) {
        link_hang_up();
    }
    while ((c = hal_getc()) >= 0) {
        link_receive((char)c);
    }
    train_poll();
    system_poll();
    hal_idle(train_due());
}
