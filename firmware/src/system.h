/* The board as an instrument: identity, non-volatile store, watchdog. */
#ifndef SYSTEM_H
#define SYSTEM_H

#include <stdint.h>

void system_power_on(void);
void system_default_serial(const char *serial); /* where none was set yet */
void system_set_boots(uint32_t count);          /* where nothing is kept without power to count them */
void system_poll(void);                         /* the watchdog */

#endif
