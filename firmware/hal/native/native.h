/* The parts of the PC target. */
#ifndef NATIVE_H
#define NATIVE_H

#include <stdbool.h>
#include <stdint.h>

/* The line to the host: a pty or a TCP port, one host at a time. */
void host_listen_tcp(const char *address, const char *port);
void host_listen_pty(void);
void host_once(void);          /* end the process when the host hangs up */
void host_wait(bool for_ever); /* send what is written, take what has come; wait for it where told to */
bool host_connected(void);

/* The plant below. */
void plant_connect(int fd);
int plant_fd(void);
_Noreturn void plant_gone(void); /* and so is the board */

/* The non-volatile store: a file, or memory that is lost at the end. */
void store_open(const char *path);

/* Virtual time. */
extern uint64_t native_time;

_Noreturn void native_fail(const char *what); /* with what errno says */

#endif
