#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <simavr/sim_avr.h>

#include <simavr/sim_core.h>
#include <simavr/sim_elf.h>

#include "description.h"
#include "emulator.h"
#include "hal.h"
#include "native.h"

#define SOON (FREQUENCY / 50) /* so soon line or store are done; the watchdog, fed at each waking, is not due */
#define UNUSED 0xC5           /* in all memory at power-up, to see later how deep the stack was */
#define ROUND_MS 33           /* a round of the timer */

avr_t *avr;
static unsigned static_end;
static uint64_t to_pass; /* cycles */
static bool passing, was_here, timed;

/* Up to the next thing that is due on its clock. */
static void run(void) {
    if (avr->interrupt_state) {
        avr_service_interrupts(avr);
    }
    avr_flashaddr_t pc = avr->pc;
    if (avr->state == cpu_Running) {
        pc = avr_run_one(avr);
    }
    avr_cycle_timer_process(avr);
    avr->pc = pc;
    timer_follow();
    if (avr->state != cpu_Running && avr->state != cpu_Sleeping) {
        fail("the firmware crashed at %05x", avr->pc);
    }
}

void chip_keep(avr_t *chip, avr_io_addr_t address, uint8_t value, void *unused) {
    (void)unused;
    chip->data[address] = value;
}

void chip_reset(void) {
    avr_reset(avr);
    timer_reset();
    uart_reset();
    board_reset();
}

/* What simavr has to say; standard output is for where the host can find us. */
static void say(avr_t *chip, const int level, const char *format, va_list values) {
    (void)chip;
    if (level <= LOG_ERROR) {
        vfprintf(stderr, format, values);
    }
}

void chip_start(const char *image, const char *store, const char *serial, bool takes_its_time) {
    elf_firmware_t firmware = {0};
    avr_global_logger_set(say);
    if (elf_read_firmware(image, &firmware) != 0) {
        fail("%s is no image of the firmware", image);
    }
    avr = avr_make_mcu_by_name("atmega2560");
    avr_init(avr);
    firmware.frequency = FREQUENCY;
    avr_load_firmware(avr, &firmware);
    static_end = 0x200 + firmware.datasize + firmware.bsssize;
    timed = takes_its_time;
    timer_start(timed);
    uart_start();
    board_start();
    eeprom_start(store);
    memset(avr->data + 0x200, UNUSED, avr->ramend + 1u - 0x200);
    if (eeprom_blank()) { /* the first start writes what is to be there */
        while (avr->state != cpu_Sleeping) {
            run();
        }
        eeprom_name(serial);
        chip_reset();
    }
}

unsigned chip_stack(void) {
    unsigned at = static_end;
    while (at <= avr->ramend && avr->data[at] == UNUSED) {
        at++;
    }
    return avr->ramend + 1 - at;
}

void chip_pass(uint64_t ticks) {
    to_pass = ticks * CYCLES_A_TICK;
    passing = true;
}

void chip_hang(void) {
    uint32_t at = avr->flashend - 3;
    avr->flash[at] = 0xFF; /* rjmp to itself */
    avr->flash[at + 1] = 0xCF;
    avr->pc = at;
    avr->state = cpu_Running;
}

/* Nobody is there to whom time could stand still. */
static bool apart(void) { return uart_used() && !host_connected(); }

/* Opening the serial port of a Mega restarts it; a TCP port has no DTR. */
static bool host_is_new(void) {
    bool is_new = host_has_pty() && host_connected() && !was_here && uart_used();
    was_here = host_connected();
    return is_new;
}

static uint64_t wall_cycles(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return ((uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec) * (FREQUENCY / 1000000) / 1000;
}

/* How long to wait for the host, in milliseconds. */
static int patience(void) {
    if (passing) {
        return 0;
    }
    if (timed) { /* the host is to hear of the board no sooner than on a bench */
        return (int)(timer_to_next() / (FREQUENCY / 1000));
    }
    return timer_awaited() ? 0 : apart() ? ROUND_MS : -1;
}

/* Nothing is to be done before the timer, the host or somebody at the control channel says so. */
static void wait(void) {
    if (uart_feed()) { /* what is left of what was said */
        return;
    }
    board_rest();
    eeprom_keep();
    vcd_flush();
    if (passing && !to_pass) {
        passing = false;
        control_passed();
    }
    uint64_t began = wall_cycles(), cycles = timer_to_next();
    bool asked = host_wait(patience()), fed;
    if (host_is_new()) {
        chip_reset();
    } else if (asked) {
        control_poll();
    } else if (passing) {
        cycles = cycles < to_pass ? cycles : to_pass;
        to_pass -= cycles;
        timer_pass(cycles);
    } else if ((fed = uart_feed()) && timed) {
        uint64_t waited = wall_cycles() - began;
        timer_pass(waited < cycles ? waited : cycles);
    } else if (!fed && (timed || timer_awaited() || apart())) {
        timer_pass(cycles);
    }
}

static void rest(void) {
    if (!avr->sreg[S_I]) {
        fail("the firmware sleeps with its interrupts off");
    }
    const avr_cycle_timer_slot_t *due = avr->cycle_timers.timer;
    if (due == NULL || due->when > avr->cycle + SOON) {
        wait();
    } else if (due->when > avr->cycle) {
        avr->cycle = due->when;
    }
}

void chip_step(void) {
    run();
    if (avr->state == cpu_Sleeping) {
        rest();
    }
}
