/* The board as an instrument: identity, non-volatile store, watchdog. */
#ifndef SYSTEM_H
#define SYSTEM_H

void system_power_on(void);
void system_set_serial(const char *serial);
void system_poll(void); /* the watchdog */

#endif
