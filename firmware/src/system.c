/* Identity, clock, link and limits; the non-volatile store; the description of the board. */
#include "system.h"

#include <stddef.h>
#include <string.h>

#include "answer.h"
#include "commands.h"
#include "crc.h"
#include "hal.h"
#include "link.h"
#include "number.h"
#include "parameters.h"
#include "sizes.h"
#include "status.h"
#include "store.h"
#include "train.h"
#include "twin.h"

#define VERSION "1.0"

#define AT(member) ((uint16_t)offsetof(struct stored, member))

static uint32_t boots;
static uint64_t watchdog; /* ticks; 0: off */
static bool made_safe;

static void nv_fill(uint16_t address, uint16_t count) {
    for (uint8_t zero = 0; count--; address++) {
        hal_nv_write(address, &zero, 1);
    }
}

static uint16_t seal_of_constants(void) {
    uint16_t crc = CRC_START;
    uint8_t byte;
    for (uint16_t at = AT(date); at < (uint16_t)sizeof(struct stored); at++) {
        hal_nv_read(at, &byte, 1);
        crc = crc16(crc, &byte, 1);
    }
    return crc;
}

static void check_seal(void) {
    uint16_t seal;
    hal_nv_read(AT(seal), &seal, sizeof seal);
    status_questionable(QUESTIONABLE_CALIBRATION, seal != seal_of_constants());
}

static void write_seal(void) {
    uint16_t seal = seal_of_constants();
    hal_nv_write(AT(seal), &seal, sizeof seal);
    check_seal();
}

void system_power_on(void) {
    uint16_t magic;
    hal_nv_read(AT(magic), &magic, sizeof magic);
    if (magic != STORE_MAGIC) {
        nv_fill(0, sizeof(struct stored));
        magic = STORE_MAGIC;
        hal_nv_write(AT(magic), &magic, sizeof magic);
        write_seal();
    }
    hal_nv_read(AT(boots), &boots, sizeof boots);
    boots++;
    hal_nv_write(AT(boots), &boots, sizeof boots);
    check_seal();
    watchdog = 0;
    made_safe = false;
}

static void write_serial(const char *serial) {
    char kept[SERIAL_BYTES] = {0};
    for (uint8_t i = 0; i + 1 < SERIAL_BYTES && serial[i]; i++) {
        kept[i] = serial[i];
    }
    hal_nv_write(AT(serial), kept, sizeof kept);
}

void system_set_boots(uint32_t count) { boots = count; }

void system_poll(void) {
    bool lost = watchdog && hal_silence() >= watchdog && !train_running();
    if (lost && !made_safe) {
        twin_safe();
        status_questionable(QUESTIONABLE_HOST, true);
    }
    made_safe = lost;
}

static uint64_t ticks(int64_t microseconds) { return (uint64_t)microseconds * 1000 / BOARD_TICK_NS; }

static int64_t microseconds(uint64_t time) { return (int64_t)(time * BOARD_TICK_NS / 1000); }

/* Identity ------------------------------------------------------------------------------------------------------------- */

static void read_serial(char serial[SERIAL_BYTES]) {
    hal_nv_read(AT(serial), serial, SERIAL_BYTES);
    serial[SERIAL_BYTES - 1] = 0;
}

void system_default_serial(const char *serial) {
    char kept[SERIAL_BYTES];
    read_serial(kept);
    if (!*kept) {
        write_serial(serial);
    }
}

void query_idn(void) {
    static const FLASH char maker[] = "LABNET", model[] = BOARD_MODEL, none[] = "0", version[] = VERSION;
    char serial[SERIAL_BYTES];
    read_serial(serial);
    answer_word(maker);
    answer_word(model);
    if (*serial) {
        answer_raw(serial, (uint8_t)strlen(serial));
    } else {
        answer_word(none);
    }
    answer_word(version);
}

void set_system_serial(void) {
    static const FLASH char separator[] = "no comma, semicolon or quote";
    char serial[SERIAL_BYTES];
    if (!take_string(serial, sizeof serial) || !no_more_parameters()) {
        return;
    }
    if (strpbrk(serial, ",;\"") != NULL) {
        refuse(ERROR_ILLEGAL_VALUE, separator);
        return;
    }
    write_serial(serial);
}

void query_system_serial(void) {
    char serial[SERIAL_BYTES];
    read_serial(serial);
    answer_ram_text(serial);
}

void query_system_boot(void) { answer_unsigned(boots); }

void query_system_version(void) {
    static const FLASH char version[] = "1999.0";
    answer_word(version);
}

void set_rst(void) {
    train_reset();
    twin_reset();
    watchdog = 0;
}

void set_system_safe(void) {
    train_abort();
    twin_safe();
}

/* Clock ---------------------------------------------------------------------------------------------------------------- */

void query_system_clock(void) { answer_micro(microseconds(hal_now())); }

void set_system_continue(void) {
    static const FLASH char past[] = "the clock does not go back";
    int64_t time;
    int32_t triggers;
    if (!take_micro(&time) || !take_integer(&triggers) || !no_more_parameters()) {
        return;
    }
    if (ticks(time) < hal_now()) {
        refuse(ERROR_OUT_OF_RANGE, past);
        return;
    }
    hal_go_on(ticks(time), (uint32_t)triggers);
    twin_count_from((uint32_t)triggers);
}

void query_system_tick(void) { answer_micro(microseconds(1)); }

void set_system_wait(void) {
    int64_t time;
    if (!take_micro(&time) || !no_more_parameters()) {
        return;
    }
    uint64_t until = hal_now() + ticks(time);
    while (hal_now() < until) { /* a training goes on meanwhile */
        uint64_t due = train_due();
        hal_sleep_until(due < until ? due : until);
        train_poll();
    }
}

/* Commands are done before the next is looked at, so these two have nothing to wait for. */
void set_wai(void) {}
void set_opc(void) { status_event(EVENT_OPERATION_COMPLETE); }
void query_opc(void) { answer_integer(1); }

void set_system_watchdog(void) {
    int64_t time;
    if (take_micro(&time) && no_more_parameters()) {
        watchdog = ticks(time);
        status_questionable(QUESTIONABLE_HOST, false);
    }
}

void query_system_watchdog(void) { answer_micro(microseconds(watchdog)); }

/* Link ----------------------------------------------------------------------------------------------------------------- */

void query_system_sync(void) {
    int32_t nonce;
    if (take_integer(&nonce) && no_more_parameters()) {
        answer_integer(nonce);
    }
}

void set_system_link_check(void) {
    bool on;
    if (take_boolean(&on) && no_more_parameters()) {
        link_set_check(on);
    }
}

void query_system_link_check(void) { answer_integer(link_check()); }

void query_system_link_length(void) {
    answer_integer(LINE_BYTES);
    answer_integer(ANSWER_BYTES);
}

/* Calibration constants ------------------------------------------------------------------------------------------------ */

void set_calibration_constant(void) {
    int32_t index;
    int64_t value;
    if (take_integer(&index) && take_micro(&value) && no_more_parameters()) {
        int32_t micro = (int32_t)value;
        hal_nv_write((uint16_t)(AT(constants) + (uint16_t)index * sizeof micro), &micro, sizeof micro);
        check_seal();
    }
}

void query_calibration_constant(void) {
    int32_t index, micro;
    if (take_integer(&index) && no_more_parameters()) {
        hal_nv_read((uint16_t)(AT(constants) + (uint16_t)index * sizeof micro), &micro, sizeof micro);
        answer_micro(micro);
    }
}

void query_calibration_count(void) { answer_integer(CALIBRATION_CONSTANTS); }

void set_calibration_date(void) {
    char date[DATE_BYTES] = {0};
    if (take_string(date, sizeof date) && no_more_parameters()) {
        hal_nv_write(AT(date), date, sizeof date);
        check_seal();
    }
}

void query_calibration_date(void) {
    char date[DATE_BYTES];
    hal_nv_read(AT(date), date, sizeof date);
    date[DATE_BYTES - 1] = 0;
    answer_ram_text(date);
}

void set_calibration_save(void) { write_seal(); }

/* The board's description ---------------------------------------------------------------------------------------------- */

void query_board_name(void) {
    static const FLASH char name[] = BOARD_NAME;
    answer_text(name, NULL);
}

void query_board_nodes(void) { answer_integer(BOARD_NODES); }

void query_board_edges(void) {
    static const FLASH uint8_t edges[BOARD_EDGES][2] = BOARD_EDGE_LIST;
    for (uint8_t e = 0; e < BOARD_EDGES; e++) {
        answer_integer(edges[e][0]);
        answer_integer(edges[e][1]);
    }
}

void query_board_positions(void) {
    static const FLASH int32_t positions[2 * BOARD_NODES] = BOARD_POSITIONS_MICRO;
    for (uint8_t i = 0; i < 2 * BOARD_NODES; i++) {
        answer_micro(positions[i]);
    }
}

void query_board_holdable(void) {
    for (uint8_t node = 0; node < BOARD_NODES; node++) {
        if (BOARD_HOLDABLE >> node & 1) {
            answer_integer(node);
        }
    }
}

void query_board_source(void) {
    answer_micro(BOARD_SOURCE_MIN_UV);
    answer_micro(BOARD_SOURCE_MAX_UV);
    answer_integer(BOARD_SOURCE_BITS);
}

void query_board_reading(void) {
    answer_micro(BOARD_READING_MIN_UV);
    answer_micro(BOARD_READING_MAX_UV);
    answer_integer(BOARD_READING_BITS);
}

void query_board_bias(void) {
    answer_micro(BOARD_BIAS_FULL_SCALE_UV);
    answer_integer(BOARD_BIAS_BITS);
    answer_micro(BOARD_BIAS_LIMIT_UV);
}

void query_board_wiper(void) {
    answer_integer(BOARD_WIPER_POSITIONS);
    answer_micro(INT64_C(1) * BOARD_WIPER_OHM * MICRO);
    answer_micro(INT64_C(1) * BOARD_END_TO_END_OHM * MICRO);
    answer_integer(BOARD_WIPER_POWER_UP);
}

void query_board_oscillator(void) { answer_unsigned(BOARD_SELF_TRIGGER_HZ); }

void query_board_rref(void) { answer_micro(INT64_C(1) * BOARD_R_REF_OHM * MICRO); }

void query_board_parts(void) {
    static const FLASH char parts[] = BOARD_PARTS;
    answer_text(parts, NULL);
}
