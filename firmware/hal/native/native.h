/* The parts of the PC target. */
#ifndef NATIVE_H
#define NATIVE_H

#include <stdbool.h>
#include <stdint.h>

/* The line to the host: a pty or a TCP port, one host at a time. */
void host_listen_tcp(const char *address, const char *port);
void host_listen_pty(void);
void host_once(void); /* end the process when the host hangs up */
bool host_connected(void);
bool host_has_pty(void);
void host_wake_on(int fd); /* wait no longer where something has come there */

/* Send what is written, take what has come; wait for it so many milliseconds, -1: for ever. */
bool host_wait(int milliseconds); /* whether something has come to what it wakes on */

/* The plant below. */
void plant_connect(int fd);
int plant_fd(void);
void plant_load(void);               /* all sources take their codes now */
void plant_count(uint32_t triggers); /* so many there were */
_Noreturn void plant_gone(void);     /* and so is the board */

/* The non-volatile store: a file, or memory that is lost at the end. */
void store_open(const char *path);

/* Virtual time, and when in it the host last spoke. */
extern uint64_t native_time, native_heard;

_Noreturn void native_fail(const char *what); /* with what errno says */

#endif
