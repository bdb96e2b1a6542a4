/* The parts around the chip, as docs/board.md has them: they follow its pins and its SPI, and say the same to the plant, with
 * the same calls, as the HAL of the PC does. What a real part would not stand ends the emulator. */
#include <string.h>

#include "channels.h"
#include "description.h"
#include "emulator.h"
#include "hal.h"
#include "native.h"
#include "pins.h"

#define CHAIN (BOARD_SWITCH_CHIPS / 2)
#define ALL_EDGES (UINT32_MAX >> (32 - BOARD_EDGES))
#define MASK_CHIPS ((BOARD_EDGES + 7) / 8)
#define CHANNELS 8
#define ADC_CYCLES 61 /* 3.8 us: as long as a conversion takes */
#define SPI_CYCLES 16 /* a byte at half the chip's clock */

enum { SPCR = 0x4C, SPSR = 0x4D, SPDR = 0x4E, SPIF = 0x80, SPI2X = 1, CPHA = 4, CPOL = 8, CLOCK_BITS = 3 };
enum { DAC_WRITE = 1, DAC_LOAD_ONE = 2, DAC_WRITE_AND_LOAD = 3 };

/* SPI: whom the byte is for, and how many came since its select fell. */
static uint64_t spi_ready;
static uint8_t frame[4];
static unsigned frame_bytes;

static struct {
    uint16_t written[CHANNELS];
    uint8_t waiting; /* for DAC_LOAD */
} dacs[BOARD_DAC_CHIPS];
static bool loaded; /* some sources took their codes, and no hold followed yet */

static struct {
    uint16_t configuration, result;
    uint64_t ready;
} adcs[BOARD_ADC_CHIPS];
static struct {
    uint16_t codes[BOARD_NODES];
    uint32_t given; /* nodes */
    uint64_t time;
    bool fresh;
} sides[2];

/* The 595s as they shift: no select keeps them from it. */
static uint8_t selected[MASK_CHIPS];
static uint32_t select_mask; /* as stored: 0 selects an edge */
static bool by_themselves;   /* the edges step */
static uint8_t bits[2 * MASK_CHIPS];
static unsigned bits_at;
static enum { NOTHING_LATCHED, LOOKED, TRIGGERED, STEPPED } latched;

/* Sources -------------------------------------------------------------------------------------------------------------- */

static void changed(void) { sides[0].fresh = sides[1].fresh = false; }

/* What changed nothing but sources. */
static void flush_load(void) {
    if (loaded) {
        loaded = false;
        plant_load();
        changed();
    }
}

static void dac_takes(uint8_t chip, uint8_t channel) {
    uint16_t code = dacs[chip].written[channel];
    if (chip == bias_dac.chip && channel == bias_dac.channel) {
        hal_bias_write(code);
        return;
    }
    for (uint8_t node = 0; node < BOARD_NODES; node++) {
        if (node_dac[node].chip == chip && node_dac[node].channel == channel) {
            hal_dac_write(node, code);
            loaded = true;
        }
    }
}

static void dac_frame(uint8_t chip) {
    uint8_t command = frame[0] >> 4, channel = frame[0] & 15;
    if (frame_bytes != 3 || channel >= CHANNELS || command < DAC_WRITE || command > DAC_WRITE_AND_LOAD) {
        fail("DAC %d was sent %u bytes that begin with %02X, which mean nothing to it", chip, frame_bytes, frame[0]);
    }
    if (command != DAC_LOAD_ONE) {
        dacs[chip].written[channel] = (uint16_t)(frame[1] << 8 | frame[2]);
        dacs[chip].waiting |= (uint8_t)(1 << channel);
    }
    if (command != DAC_WRITE) {
        dacs[chip].waiting &= (uint8_t) ~(1 << channel);
        dac_takes(chip, channel);
    }
}

static void dacs_load(void) {
    for (uint8_t chip = 0; chip < BOARD_DAC_CHIPS; chip++) {
        for (uint8_t channel = 0; channel < CHANNELS; channel++) {
            if (dacs[chip].waiting >> channel & 1) {
                dac_takes(chip, channel);
            }
        }
        dacs[chip].waiting = 0;
    }
}

static void switch_frame(uint8_t side) {
    if (frame_bytes != CHAIN) {
        fail("the switches of side %d were sent %u bytes; they are %d chips", side, frame_bytes, CHAIN);
    }
    uint32_t nodes = 0;
    for (uint8_t node = 0; node < BOARD_NODES; node++) {
        uint8_t at = switches[side][node];
        if (at < 8 * CHAIN && frame[CHAIN - 1 - at / 8] >> at % 8 & 1) {
            nodes |= UINT32_C(1) << node;
        }
    }
    loaded = false;
    hal_hold(side, nodes);
    changed();
}

static void switches_reset(void) {
    flush_load();
    hal_hold(SIDE_FREE, 0);
    hal_hold(SIDE_CLAMPED, 0);
    changed();
}

/* Readings ------------------------------------------------------------------------------------------------------------- */

/* The plant reads all nodes of a side at once; a node that is read again is another reading. */
static uint16_t node_code(uint8_t side, uint8_t node) {
    flush_load();
    if (!sides[side].fresh || sides[side].time != native_time || sides[side].given >> node & 1) {
        hal_adc_read(side, sides[side].codes);
        sides[side].fresh = true;
        sides[side].time = native_time;
        sides[side].given = 0;
    }
    sides[side].given |= UINT32_C(1) << node;
    return sides[side].codes[node];
}

static uint16_t converted(uint8_t chip, uint16_t configuration) {
    unsigned inputs = configuration >> 9 & 63;
    for (uint8_t side = 0; inputs >> 3 == 7 && side < 2; side++) {
        for (uint8_t k = 0; k < BOARD_NODES; k++) {
            const struct reading *reading = &readings[side][k];
            if (reading->chip == chip && reading->channel == (inputs & 7)) {
                return node_code(side, reading->node);
            }
        }
    }
    return 0; /* the temperature, or nothing of ours */
}

/* What is converted now was asked for one frame ago. */
static void adc_frame(uint8_t chip) {
    if (frame_bytes != 2) {
        fail("converter %d was sent %u bytes; its frames have 2", chip, frame_bytes);
    }
    uint16_t word = (uint16_t)(frame[0] << 8 | frame[1]);
    adcs[chip].result = converted(chip, adcs[chip].configuration);
    adcs[chip].ready = avr->cycle + ADC_CYCLES;
    if (word & 0x8000) {
        adcs[chip].configuration = word;
    }
}

static void adc_begin(uint8_t chip) {
    if (avr->cycle < adcs[chip].ready) {
        fail("converter %d was asked before it had converted", chip);
    }
}

/* Edges ---------------------------------------------------------------------------------------------------------------- */

static void resolve(void) {
    struct latched seen = {0, 0};
    if (latched == NOTHING_LATCHED) {
        return;
    }
    flush_load();
    if (latched == LOOKED) {
        hal_look(&seen);
    } else {
        hal_trigger(latched == STEPPED, &seen);
        changed();
    }
    latched = NOTHING_LATCHED;
    for (unsigned chip = 0; chip < MASK_CHIPS; chip++) {
        bits[chip] = (uint8_t)(seen.directions >> (8 * chip));
        bits[MASK_CHIPS + chip] = (uint8_t)(seen.gates >> (8 * chip));
    }
}

static void edges_latch(void) {
    resolve();
    latched = pin_high(EDGE_FORCE) ? LOOKED : TRIGGERED;
}

static uint32_t selected_edges(void) { return ~select_mask & ALL_EDGES; }

/* EDGE_FORCE, EDGE_SELF or the select register has changed. */
static void edges_change_over(void) {
    bool are = pin_high(EDGE_SELF) && selected_edges();
    if (are && (!pin_high(EDGE_FORCE) || selected_edges() != ALL_EDGES)) {
        fail("edges %X are to step by themselves; allowed: all of them, with EDGE_FORCE", (unsigned)selected_edges());
    }
    if (are != by_themselves) {
        by_themselves = are;
        resolve();
        flush_load();
        hal_self_trigger(are);
        changed();
    }
}

static void edges_clock(void) {
    flush_load();
    if (pin_high(EDGE_FORCE)) {
        hal_step_wipers(selected_edges(), pin_high(EDGE_UP));
        changed();
    } else if (latched == TRIGGERED) {
        latched = STEPPED;
    } else {
        fail("the edges were clocked, and nothing new is latched");
    }
}

static void select_store(void) {
    select_mask = 0;
    for (unsigned chip = 0; chip < MASK_CHIPS; chip++) {
        select_mask |= (uint32_t)selected[chip] << (8 * chip);
    }
    edges_change_over();
}

/* SPI and pins --------------------------------------------------------------------------------------------------------- */

static bool is_low(enum wire first, uint8_t chips, uint8_t *chip) {
    for (*chip = 0; *chip < chips; ++*chip) {
        if (!pin_high(first + *chip)) {
            return true;
        }
    }
    return false;
}

static uint8_t exchange(uint8_t byte, bool at_falling) {
    uint8_t chip, reply = 0xFF;
    bool wants_falling = is_low(DAC_SELECT, BOARD_DAC_CHIPS, &chip) || is_low(SWITCH_SELECT, 2, &chip);
    if (is_low(ADC_SELECT, BOARD_ADC_CHIPS, &chip)) {
        reply = (uint8_t)(frame_bytes < 2 ? adcs[chip].result >> (8 - 8 * frame_bytes) : 0);
    } else if (!pin_high(BITS_ENABLE)) {
        reply = bits_at < sizeof bits ? bits[bits_at++] : 0;
    }
    if (wants_falling != at_falling) {
        fail("a part was sent data at the wrong edge of the clock");
    }
    memmove(selected + 1, selected, MASK_CHIPS - 1);
    selected[0] = byte;
    if (frame_bytes < sizeof frame) {
        frame[frame_bytes] = byte;
    }
    frame_bytes++;
    return reply;
}

static void spi_write(avr_t *chip, avr_io_addr_t address, uint8_t byte, void *unused) {
    (void)unused;
    if (chip->cycle < spi_ready) {
        fail("SPI was given a byte while it sent another");
    }
    if ((chip->data[SPCR] & (CPOL | CLOCK_BITS)) || !(chip->data[SPSR] & SPI2X)) {
        fail("SPI does not run at half the chip's clock with its rest low");
    }
    chip->data[address] = exchange(byte, chip->data[SPCR] & CPHA);
    spi_ready = chip->cycle + SPI_CYCLES;
}

static uint8_t spi_status(avr_t *chip, avr_io_addr_t address, void *unused) {
    (void)unused;
    return (uint8_t)((chip->data[address] & SPI2X) | (chip->cycle >= spi_ready ? SPIF : 0));
}

static void select_changed(enum wire wire, bool high) {
    if (!high) {
        frame_bytes = 0;
        if (wire >= ADC_SELECT && wire < SWITCH_SELECT) {
            adc_begin((uint8_t)(wire - ADC_SELECT));
        }
    } else if (wire >= SWITCH_SELECT) {
        switch_frame((uint8_t)(wire - SWITCH_SELECT));
    } else if (wire >= ADC_SELECT) {
        adc_frame((uint8_t)(wire - ADC_SELECT));
    } else {
        dac_frame((uint8_t)(wire - DAC_SELECT));
    }
}

static void wire_changed(enum wire wire, bool high) {
    if (wire < DAC_LOAD) {
        select_changed(wire, high);
    } else if (wire == DAC_LOAD && !high) {
        dacs_load();
    } else if (wire == SWITCH_RESET && !high) {
        switches_reset();
    } else if (wire == SELECT_STORE && high) {
        select_store();
    } else if (wire == BITS_LOAD && !high) {
        resolve();
        bits_at = 0;
    } else if (wire == EDGE_LATCH && high) {
        edges_latch();
    } else if (wire == EDGE_CLOCK && !high) {
        edges_clock();
    } else if (wire == EDGE_SELF && high && selected_edges()) {
        fail("the clocks changed over while edges were selected: those whose gates are open have stepped");
    } else if (wire == EDGE_SELF || wire == EDGE_FORCE) {
        edges_change_over();
    }
}

void board_rest(void) {
    resolve();
    flush_load();
}

void board_reset(void) {
    spi_ready = 0;
    pins_reset();
    latched = NOTHING_LATCHED; /* the pins that let go clocked the latches, and nobody looks */
}

void board_start(void) {
    static const struct {
        avr_io_addr_t address;
        avr_io_write_t write;
    } registers[] = {{SPCR, chip_keep}, {SPSR, chip_keep}, {SPDR, spi_write}};
    for (unsigned i = 0; i < sizeof registers / sizeof *registers; i++) {
        avr->io[AVR_DATA_TO_IO(registers[i].address)].w.c = registers[i].write;
    }
    avr->io[AVR_DATA_TO_IO(SPSR)].r.c = spi_status;
    avr->io[AVR_DATA_TO_IO(SPDR)].r.c = NULL; /* what was exchanged stands there */
    pins_start(wire_changed);
}
