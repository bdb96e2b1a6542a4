/* The parts of the PC target. */
#ifndef NATIVE_H
#define NATIVE_H

#include <getopt.h>
#include <stdbool.h>
#include <stdint.h>

/* The options that every program of the PC has, for getopt_long. */
/* clang-format off */
#define NATIVE_OPTIONS \
    {"plant-fd", required_argument, NULL, 'p'}, \
    {"tcp", required_argument, NULL, 't'}, \
    {"bind", required_argument, NULL, 'b'}, \
    {"pty", no_argument, NULL, 'y'}, \
    {"once", no_argument, NULL, 'o'}, \
    {"nv", required_argument, NULL, 'n'}, \
    {"serial", required_argument, NULL, 's'}
/* clang-format on */
#define NATIVE_USAGE "--plant-fd N (--tcp PORT [--bind ADDRESS] | --pty) [--once] [--nv FILE] [--serial TEXT]"

extern const char *native_store, *native_serial; /* NULL: no file; empty: no number */

bool native_option(int letter, const char *value); /* false: it is none of these */
bool native_begin(void);                           /* connect with the plant; false: an option is missing */
void native_listen(void);

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
#define STORE_BYTES 4096 /* as the EEPROM of an ATmega2560 */
void store_open(const char *path);

/* Virtual time, and when in it the host last spoke. */
extern uint64_t native_time, native_heard;

/* A number that another start does not have: milliseconds, in 31 bits. */
uint32_t native_moment(void);

_Noreturn void native_fail(const char *what); /* with what errno says */

#endif
