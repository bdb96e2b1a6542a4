#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pty.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <termios.h>
#include <unistd.h>

#include "hal.h"
#include "native.h"

#define VACANT_POLL_MS 20 /* a pty that nobody has open polls as ready at once: it is looked at so often */

static int listener = -1; /* TCP */
static int host = -1;     /* the connected socket, or the pty's master */
static int waker = -1;
static bool pty, connected, once;
static char in[65536], out[65536];
static size_t in_at, in_end, out_end;

static void is_there(void) {
    connected = true;
    native_heard = native_time;
}

bool host_connected(void) { return connected; }

bool host_has_pty(void) { return pty; }

void host_once(void) { once = true; }

static void ready(const char *where) {
    puts(where);
    fflush(stdout);
}

void host_listen_tcp(const char *address, const char *port) {
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE | AI_NUMERICHOST}, *found;
    if (getaddrinfo(address, port, &hints, &found) != 0) {
        errno = EADDRNOTAVAIL;
        native_fail(address);
    }
    int one = 1;
    listener = socket(found->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (listener < 0 || setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one) ||
        bind(listener, found->ai_addr, found->ai_addrlen) || listen(listener, 4)) {
        char what[NI_MAXHOST + NI_MAXSERV];
        snprintf(what, sizeof what, "port %s at %s cannot be had (0 is any free one)", port, address);
        native_fail(what);
    }
    freeaddrinfo(found);
    struct sockaddr_storage bound;
    socklen_t size = sizeof bound;
    char name[NI_MAXHOST], service[NI_MAXSERV], where[NI_MAXHOST + NI_MAXSERV + 2];
    if (getsockname(listener, (struct sockaddr *)&bound, &size) ||
        getnameinfo((struct sockaddr *)&bound, size, name, sizeof name, service, sizeof service,
                    NI_NUMERICHOST | NI_NUMERICSERV)) {
        native_fail("port");
    }
    snprintf(where, sizeof where, "%s %s", name, service);
    ready(where);
}

/* The other side would echo and translate what it gets, until the host says otherwise. */
static void make_raw(void) {
    struct termios settings;
    if (tcgetattr(host, &settings) == 0) {
        cfmakeraw(&settings);
        tcsetattr(host, TCSANOW, &settings);
    }
}

void host_listen_pty(void) {
    char name[128];
    host = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC | O_NONBLOCK);
    if (host < 0 || grantpt(host) || unlockpt(host) || ptsname_r(host, name, sizeof name)) {
        native_fail("pty");
    }
    pty = true;
    make_raw();
    /* Opened once and closed, it hangs up when nobody has it open; never opened, it does not. */
    close(open(name, O_RDWR | O_NOCTTY));
    ready(name);
}

static void hang_up(void) {
    if (once && connected) {
        exit(0);
    }
    connected = false;
    in_at = in_end = out_end = 0;
    if (pty) {
        make_raw();
    } else if (host >= 0) {
        close(host);
        host = -1;
    }
}

/* Take a connection, or close it where a host is served already. */
static void answer_the_door(void) {
    int one = 1, caller = accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (caller < 0) {
        return;
    }
    if (host >= 0) {
        close(caller);
        return;
    }
    setsockopt(caller, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    host = caller;
    is_there();
}

static void send_all(void) {
    for (size_t sent = 0; connected && sent < out_end;) {
        ssize_t n = write(host, out + sent, out_end - sent);
        if (n > 0) {
            sent += (size_t)n;
        } else if (errno == EAGAIN) {
            struct pollfd slow = {host, POLLOUT, 0};
            poll(&slow, 1, -1);
            if (slow.revents & (POLLHUP | POLLERR)) {
                hang_up();
            }
        } else if (errno != EINTR) {
            hang_up();
        }
    }
    out_end = 0;
}

static void take(void) {
    ssize_t n = read(host, in, sizeof in);
    if (n > 0) {
        in_at = 0;
        in_end = (size_t)n;
        is_there();
    } else if (n == 0 || (errno != EAGAIN && errno != EINTR)) {
        hang_up();
    }
}

void host_wake_on(int fd) { waker = fd; }

bool host_wait(int milliseconds) {
    send_all();
    struct pollfd fds[4] = {{host, POLLIN, 0}, {listener, POLLIN, 0}, {plant_fd(), 0, 0}, {waker, POLLIN, 0}};
    if (pty && !connected && milliseconds) {
        poll(NULL, 0, VACANT_POLL_MS);
        milliseconds = 0;
    }
    if (poll(fds, 4, milliseconds) <= 0) {
        if (pty && !connected) {
            is_there(); /* no hang-up: somebody has it open */
        }
        return false;
    }
    if (fds[2].revents) {
        plant_gone();
    }
    if (fds[0].revents & POLLIN) {
        take();
    } else if (fds[0].revents & (POLLHUP | POLLERR)) {
        hang_up();
    }
    if ((fds[1].revents & POLLIN) && !fds[0].revents) { /* else the last host may be about to leave */
        answer_the_door();
    }
    return fds[3].revents != 0;
}

int hal_getc(void) { return in_at < in_end ? (unsigned char)in[in_at++] : -1; }

void hal_write(const char *bytes, uint16_t count) {
    if (out_end + count > sizeof out) {
        send_all();
    }
    memcpy(out + out_end, bytes, count);
    out_end += count;
}
