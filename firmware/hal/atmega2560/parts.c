/* The parts of the board on SPI and pins; what they are and how they are wired: docs/board.md. */
#include <util/delay.h>

#include "channels.h"
#include "chip.h"
#include "flash.h"
#include "hal.h"

/* Some parts take data at the falling edge of the clock, some at the rising one. 8 MHz. */
#define AT_RISING (_BV(SPE) | _BV(MSTR))
#define AT_FALLING (_BV(SPE) | _BV(MSTR) | _BV(CPHA))

#define PORT_OF(port) PORT_NAMED(port)
#define PORT_NAMED(port) PORT##port
#define DDR_OF(port) DDR_NAMED(port)
#define DDR_NAMED(port) DDR##port

static const FLASH uint8_t dac_select[] = MASKS_DAC_SELECT, adc_select[] = MASKS_ADC_SELECT,
                           switch_select[] = MASKS_SWITCH_SELECT;

static uint8_t transfer(uint8_t byte) {
    SPDR = byte;
    while (!(SPSR & _BV(SPIF))) {
    }
    return SPDR;
}

void parts_let_go(void) {
    LOW(PIN_SWITCH_RESET);
#if BOARD_SELF_TRIGGER_HZ
    LOW(PIN_EDGE_SELF);
#endif
}

/* All pins at rest before they become outputs. */
void parts_start(void) {
    parts_let_go();
    OUTPUT(PIN_SWITCH_RESET);
#if BOARD_SELF_TRIGGER_HZ
    OUTPUT(PIN_EDGE_SELF);
#endif
    for (uint8_t i = 0; i < sizeof dac_select; i++) {
        PORT_OF(PORT_DAC_SELECT) |= dac_select[i];
        DDR_OF(PORT_DAC_SELECT) |= dac_select[i];
    }
    for (uint8_t i = 0; i < sizeof adc_select; i++) {
        PORT_OF(PORT_ADC_SELECT) |= adc_select[i];
        DDR_OF(PORT_ADC_SELECT) |= adc_select[i];
    }
    for (uint8_t i = 0; i < sizeof switch_select; i++) {
        PORT_OF(PORT_SWITCH_SELECT) |= switch_select[i];
        DDR_OF(PORT_SWITCH_SELECT) |= switch_select[i];
    }
    HIGH(PIN_EDGE_CLOCK);
    OUTPUT(PIN_EDGE_CLOCK);
    HIGH(PIN_DAC_LOAD);
    OUTPUT(PIN_DAC_LOAD);
    HIGH(PIN_BITS_LOAD);
    OUTPUT(PIN_BITS_LOAD);
    HIGH(PIN_BITS_ENABLE);
    OUTPUT(PIN_BITS_ENABLE);
    OUTPUT(PIN_SELECT_STORE);
    OUTPUT(PIN_EDGE_LATCH);
    OUTPUT(PIN_EDGE_FORCE);
    OUTPUT(PIN_EDGE_UP);
    OUTPUT(PIN_STATUS_LIGHT);
    OUTPUT(PIN_SPI_MASTER);
    OUTPUT(PIN_SPI_CLOCK);
    OUTPUT(PIN_SPI_OUT);
    SPSR = _BV(SPI2X);
    HIGH(PIN_SWITCH_RESET);
}

/* Sources -------------------------------------------------------------------------------------------------------------- */

enum { DAC_WRITE = 0x10, DAC_WRITE_AND_LOAD = 0x30 };

static void dac_write(const FLASH struct channel *to, uint8_t command, uint16_t code) {
    uint8_t select = dac_select[to->chip];
    SPCR = AT_FALLING;
    PORT_OF(PORT_DAC_SELECT) &= (uint8_t)~select;
    transfer(command | to->channel);
    transfer((uint8_t)(code >> 8));
    transfer((uint8_t)code);
    PORT_OF(PORT_DAC_SELECT) |= select;
}

static void dac_load(void) {
    LOW(PIN_DAC_LOAD);
    HIGH(PIN_DAC_LOAD);
}

void hal_dac_write(uint8_t node, uint16_t code) {
    if (BOARD_HOLDABLE >> node & 1) {
        dac_write(&node_dac[node], DAC_WRITE, code);
    }
}

void hal_hold(uint8_t side, uint32_t nodes) {
    uint8_t chain[BOARD_SWITCH_CHIPS / 2] = {0};
    for (uint8_t node = 0; node < BOARD_NODES; node++, nodes >>= 1) {
        if (nodes & 1) {
            uint8_t at = switches[side][node];
            chain[at / 8] = (uint8_t)(chain[at / 8] | _BV(at % 8));
        }
    }
    uint8_t select = switch_select[side];
    dac_load();
    SPCR = AT_FALLING;
    PORT_OF(PORT_SWITCH_SELECT) &= (uint8_t)~select;
    for (uint8_t chip = sizeof chain; chip--;) { /* what is sent first ends up in the last */
        transfer(chain[chip]);
    }
    PORT_OF(PORT_SWITCH_SELECT) |= select;
}

void hal_clear_sources(void) {
    hal_bias_write(0);
    for (uint8_t node = 0; node < BOARD_NODES; node++) {
        hal_dac_write(node, 0);
    }
    dac_load();
}

/* The light is on while edges can step. */
void hal_bias_write(uint16_t code) {
    dac_write(&bias_dac, DAC_WRITE_AND_LOAD, code);
    if (code) {
        HIGH(PIN_STATUS_LIGHT);
    } else {
        LOW(PIN_STATUS_LIGHT);
    }
}

/* Readings ------------------------------------------------------------------------------------------------------------- */

/* The AD7689's configuration: write it, unipolar to ground, full bandwidth, external reference, no sequence, no read-back.
 * Between two readings the temperature sensor is on, which draws nothing from any node. */
#define ADC_CONFIGURATION(inputs) ((uint16_t)((1U << 13 | (inputs) << 7 | 1U << 6 | 2U << 3 | 1U) << 2))
#define ADC_CHANNEL(channel) ADC_CONFIGURATION(7U << 3 | (channel))
#define ADC_TEMPERATURE ADC_CONFIGURATION(3U << 3)
#define ADC_CONVERSION_US 4

/* Give the conversion before the last; begins another. */
static uint16_t adc_frame(uint8_t select, uint16_t configuration) {
    PORT_OF(PORT_ADC_SELECT) &= (uint8_t)~select;
    uint8_t high = transfer((uint8_t)(configuration >> 8));
    uint8_t low = transfer((uint8_t)configuration);
    PORT_OF(PORT_ADC_SELECT) |= select;
    _delay_us(ADC_CONVERSION_US);
    return (uint16_t)(high << 8 | low);
}

void hal_adc_read(uint8_t side, uint16_t codes[BOARD_NODES]) {
    const FLASH struct reading *of = readings[side];
    SPCR = AT_RISING;
    for (uint8_t first = 0, end; first < BOARD_NODES; first = end) { /* a chip */
        uint8_t select = adc_select[of[first].chip];
        for (end = first; end < BOARD_NODES && of[end].chip == of[first].chip; end++) {
        }
        for (uint8_t k = first; k < end + 2; k++) {
            uint16_t code = adc_frame(select, k < end ? ADC_CHANNEL(of[k].channel) : ADC_TEMPERATURE);
            if (k >= first + 2) {
                codes[of[k - 2].node] = code;
            }
        }
    }
}

/* Edges ---------------------------------------------------------------------------------------------------------------- */

#define MASK_CHIPS ((BOARD_EDGES + 7) / 8)

static void latch(void) {
    HIGH(PIN_EDGE_LATCH);
    LOW(PIN_EDGE_LATCH);
}

static void clock_wipers(void) {
    LOW(PIN_EDGE_CLOCK);
    HIGH(PIN_EDGE_CLOCK);
}

static uint32_t mask_in(void) {
    uint32_t mask = 0;
    for (uint8_t chip = 0; chip < MASK_CHIPS; chip++) {
        mask |= (uint32_t)transfer(0) << (8 * chip);
    }
    return mask;
}

static void bits_in(struct latched *latched) {
    SPCR = AT_RISING;
    LOW(PIN_BITS_LOAD);
    HIGH(PIN_BITS_LOAD);
    LOW(PIN_BITS_ENABLE);
    latched->directions = mask_in();
    latched->gates = mask_in();
    HIGH(PIN_BITS_ENABLE);
}

void hal_look(struct latched *seen) {
    HIGH(PIN_EDGE_FORCE);
    latch();
    LOW(PIN_EDGE_FORCE);
    bits_in(seen);
}

void hal_trigger(bool step, struct latched *latched) {
    latch();
    if (step) {
        clock_wipers();
    }
    bits_in(latched);
}

static void select_edges(uint32_t edges) {
    SPCR = AT_RISING;
    for (uint8_t chip = MASK_CHIPS; chip--;) {
        transfer((uint8_t) ~(edges >> (8 * chip)));
    }
    HIGH(PIN_SELECT_STORE);
    LOW(PIN_SELECT_STORE);
}

void hal_step_wipers(uint32_t edges, bool up) {
    select_edges(edges);
    if (up) {
        HIGH(PIN_EDGE_UP);
    } else {
        LOW(PIN_EDGE_UP);
    }
    HIGH(PIN_EDGE_FORCE);
    clock_wipers();
    LOW(PIN_EDGE_FORCE);
}

/* The clocks change over while no edge is selected: to one whose gate is open that is a falling edge. Back it is none. */
void hal_self_trigger(bool on) {
#if BOARD_SELF_TRIGGER_HZ
    if (on) {
        select_edges(0);
        HIGH(PIN_EDGE_FORCE);
        HIGH(PIN_EDGE_SELF);
        select_edges(UINT32_MAX);
    } else {
        LOW(PIN_EDGE_SELF);
        LOW(PIN_EDGE_FORCE);
    }
#else
    (void)on;
#endif
}
