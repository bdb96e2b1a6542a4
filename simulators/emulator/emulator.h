/* The parts of the emulator: an ATmega2560 that runs the firmware's image as it is, on a board whose physics is the plant.
 *
 * There are two clocks. The chip's own counts its cycles, awake or asleep. The board's is the timer that the firmware reads;
 * it stands still while the chip is awake or its line at work, so it shows scheduled times alone, as on the PC. A chip that
 * takes its time lets it run along with its own, and passes its sleeps in real time. */
#ifndef EMULATOR_H
#define EMULATOR_H

#include <stdbool.h>
#include <stdint.h>

#include <simavr/sim_avr.h>

#include "description.h"

#define FREQUENCY 16000000u
#define CYCLES_A_TICK (FREQUENCY / 1000000 * BOARD_TICK_NS / 1000)

extern avr_t *avr;

_Noreturn void fail(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* The chip */
void chip_start(const char *image, const char *store, const char *serial, bool takes_its_time);
void chip_reset(void);
void chip_step(void);
void chip_pass(uint64_t ticks); /* while it sleeps; the control channel hears when it is over */
void chip_hang(void);
unsigned chip_stack(void); /* bytes, the deepest it has been */

/* What a register does that only keeps what is written. */
void chip_keep(avr_t *chip, avr_io_addr_t address, uint8_t value, void *unused);

/* Its timer, the board's clock */
void timer_start(bool with_the_chip);
void timer_reset(void);
void timer_follow(void);
bool timer_awaited(void);     /* by a chip that is asleep */
uint64_t timer_to_next(void); /* cycles until its next interrupt */
void timer_pass(uint64_t cycles);

/* Its non-volatile store */
void eeprom_start(const char *file);
void eeprom_keep(void);
bool eeprom_blank(void);
void eeprom_name(const char *serial); /* give a new chip its serial number */

/* Its line */
void uart_start(void);
void uart_reset(void);
bool uart_used(void);
bool uart_feed(void); /* what the host has said; false: nothing */

/* The board around it */
void board_start(void);
void board_reset(void);
void board_rest(void); /* the chip is about to sleep */

/* What a test may ask for */
void control_start(int fd);
void control_poll(void);
void control_passed(void);

/* The waveforms of its pins */
void vcd_start(const char *path);
void vcd_flush(void);
void vcd_pin(const char *name, char port, uint8_t bit);
void vcd_change(char port, uint8_t was, uint8_t is);

#endif
