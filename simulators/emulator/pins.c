#include "pins.h"

#include <stdio.h>

#include <simavr/avr_ioport.h>

#include "emulator.h"

#define PORTS ('L' - 'A' + 1)
#define SINGLE(name) SINGLE_OF(name, #name, PIN_##name)
#define SINGLE_OF(...) SINGLE_AT(__VA_ARGS__)
#define SINGLE_AT(wire, text, port, bit) join(wire, text, #port[0], bit)
#define SEVERAL(name) SEVERAL_OF(name, #name, PORT_##name, MASKS_##name)
#define SEVERAL_OF(...) SEVERAL_AT(__VA_ARGS__)
#define SEVERAL_AT(first, text, port, ...)                                                                                 \
    join_all(first, text, #port[0], (const uint8_t[])__VA_ARGS__, sizeof((const uint8_t[])__VA_ARGS__))

static struct port {
    enum wire wires[8];
    uint8_t joined, written, outputs, level;
} ports[PORTS];
static struct {
    char port;
    uint8_t bit;
} pins[WIRES];
static void (*tell)(enum wire wire, bool high);

static void join(unsigned wire, const char *name, char port, uint8_t bit) {
    ports[port - 'A'].wires[bit] = wire;
    ports[port - 'A'].joined |= (uint8_t)(1 << bit);
    pins[wire].port = port;
    pins[wire].bit = bit;
    vcd_pin(name, port, bit);
}

static void join_all(unsigned first, const char *name, char port, const uint8_t *masks, size_t count) {
    for (unsigned i = 0; i < count; i++) {
        char text[32];
        snprintf(text, sizeof text, "%s_%u", name, i);
        join(first + i, text, port, (uint8_t)__builtin_ctz(masks[i]));
    }
}

bool pin_high(enum wire wire) { return ports[pins[wire].port - 'A'].level >> pins[wire].bit & 1; }

/* What no output drives, a resistor pulls: up, but for two, so that all nodes are let go of and no edge clocks itself. */
static uint8_t pulled(const struct port *port) {
    static const enum wire down[] = {SWITCH_RESET, EDGE_SELF};
    unsigned up = 0xFF;
    for (unsigned i = 0; i < sizeof down / sizeof *down; i++) {
        up &= port == &ports[pins[down[i]].port - 'A'] ? ~(1u << pins[down[i]].bit) : 0xFF;
    }
    return (uint8_t)up;
}

static void settle(struct port *port) {
    unsigned inputs = 0xFFu - port->outputs;
    uint8_t was = port->level, is = (uint8_t)((port->written & port->outputs) | (pulled(port) & inputs));
    uint8_t changed = (uint8_t)((was ^ is) & port->joined);
    port->level = is;
    if (!changed) {
        return;
    }
    vcd_change((char)('A' + (port - ports)), was & port->joined, is & port->joined);
    for (uint8_t bit = 0; bit < 8; bit++) {
        if (changed >> bit & 1) {
            tell(port->wires[bit], is >> bit & 1);
        }
    }
}

static void written(avr_irq_t *irq, uint32_t value, void *port) {
    (void)irq;
    ((struct port *)port)->written = (uint8_t)value;
    settle(port);
}

static void directed(avr_irq_t *irq, uint32_t outputs, void *port) {
    (void)irq;
    ((struct port *)port)->outputs = (uint8_t)outputs;
    settle(port);
}

static avr_irq_t *irq_of(unsigned port, int irq) { return avr_io_getirq(avr, AVR_IOCTL_IOPORT_GETIRQ('A' + port), irq); }

/* Through simavr, which does not say again what it said last. */
void pins_reset(void) {
    for (unsigned i = 0; i < PORTS; i++) {
        if (ports[i].joined) {
            avr_raise_irq(irq_of(i, IOPORT_IRQ_DIRECTION_ALL), 0);
            avr_raise_irq(irq_of(i, IOPORT_IRQ_REG_PORT), 0);
        }
    }
}

void pins_start(void (*changed)(enum wire wire, bool high)) {
    tell = changed;
    SEVERAL(DAC_SELECT);
    SEVERAL(ADC_SELECT);
    SEVERAL(SWITCH_SELECT);
    SINGLE(DAC_LOAD);
    SINGLE(SWITCH_RESET);
    SINGLE(SELECT_STORE);
    SINGLE(BITS_LOAD);
    SINGLE(BITS_ENABLE);
    SINGLE(EDGE_LATCH);
    SINGLE(EDGE_CLOCK);
    SINGLE(EDGE_FORCE);
    SINGLE(EDGE_UP);
    SINGLE(EDGE_SELF);
    for (unsigned i = 0; i < PORTS; i++) {
        ports[i].level = pulled(&ports[i]);
        if (ports[i].joined) {
            avr_irq_register_notify(irq_of(i, IOPORT_IRQ_REG_PORT), written, &ports[i]);
            avr_irq_register_notify(irq_of(i, IOPORT_IRQ_DIRECTION_ALL), directed, &ports[i]);
        }
    }
}
