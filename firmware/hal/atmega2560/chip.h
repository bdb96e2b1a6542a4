/* The parts of the Arduino Mega target: an ATmega2560 at 16 MHz. */
#ifndef CHIP_H
#define CHIP_H

#include <avr/io.h>
#include <stdbool.h>
#include <stdint.h>

#include "description.h"

/* Pins of twin16.h, "port, bit", as one instruction each. */
#define HIGH(...) HIGH_AT(__VA_ARGS__)
#define HIGH_AT(port, bit) (PORT##port |= (uint8_t)_BV(bit))
#define LOW(...) LOW_AT(__VA_ARGS__)
#define LOW_AT(port, bit) (PORT##port &= (uint8_t)~_BV(bit))
#define OUTPUT(...) OUTPUT_AT(__VA_ARGS__)
#define OUTPUT_AT(port, bit) (DDR##port |= (uint8_t)_BV(bit))

void clock_start(void);
void clock_wake_at(uint64_t time); /* while asleep; NEVER: not for the clock's sake */
void clock_sleep(void);            /* until an interrupt; call it with interrupts off, it turns them on */

void line_start(void);
bool line_heard(void);         /* whether the host has said what is worth looking at, and hal_getc has not given it yet */
void line_hear(uint64_t time); /* as if it had spoken then */

void parts_start(void);
void parts_let_go(void); /* of all nodes, by the pins alone */

#endif
