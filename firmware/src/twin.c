#include "twin.h"

#include <string.h>

#include "answer.h"
#include "commands.h"
#include "number.h"
#include "parameters.h"
#include "status.h"

#define TOP (BOARD_WIPER_POSITIONS - 1)
#define BIAS_CODES (INT64_C(1) << BOARD_BIAS_BITS)

static uint16_t sources[BOARD_NODES];
static uint32_t held[2];
static uint16_t bias;
static uint8_t wipers[BOARD_EDGES]; /* counted: the potentiometers cannot be read */
static uint32_t triggers;
static bool codes_wanted; /* FORMat INTeger */

/* Wipers --------------------------------------------------------------------------------------------------------------- */

static uint32_t further(const uint8_t goal[BOARD_EDGES], bool up) {
    uint32_t edges = 0;
    for (uint8_t e = 0; e < BOARD_EDGES; e++) {
        if (up ? wipers[e] < goal[e] : wipers[e] > goal[e]) {
            edges |= UINT32_C(1) << e;
            wipers[e] = (uint8_t)(up ? wipers[e] + 1 : wipers[e] - 1);
        }
    }
    return edges;
}

static void step_to(const uint8_t positions[BOARD_EDGES]) {
    uint32_t edges;
    while ((edges = further(positions, true))) {
        hal_step_wipers(edges, true);
    }
    while ((edges = further(positions, false))) {
        hal_step_wipers(edges, false);
    }
}

static void home_to(const uint8_t positions[BOARD_EDGES]) {
    uint8_t goal[BOARD_EDGES];
    memcpy(goal, positions, sizeof goal);
    for (uint8_t k = 0; k < TOP; k++) {
        hal_step_wipers(ALL_EDGES, false);
    }
    memset(wipers, 0, sizeof wipers);
    status_questionable(QUESTIONABLE_WIPERS, false);
    step_to(goal);
}

void twin_set_wipers(const uint8_t positions[BOARD_EDGES]) {
    if (status_questionable_condition() & QUESTIONABLE_WIPERS) {
        home_to(positions);
    } else {
        step_to(positions);
    }
}

const uint8_t *twin_wipers(void) { return wipers; }

/* Potentiometers that kept their power may stand anywhere after a reset. */
static void wipers_to_power_up(void) {
    uint8_t positions[BOARD_EDGES];
    memset(positions, BOARD_WIPER_POWER_UP, sizeof positions);
    home_to(positions);
}

/* Where the chip alone was reset, the board still holds what it held. */
void twin_power_on(void) {
    triggers = 0;
    twin_reset();
}

void twin_reset(void) {
    for (uint8_t node = 0; node < BOARD_NODES; node++) {
        hal_dac_write(node, 0);
    }
    twin_hold(SIDE_FREE, 0);
    twin_hold(SIDE_CLAMPED, 0);
    twin_safe();
    wipers_to_power_up();
    codes_wanted = false;
}

void twin_safe(void) {
    memset(sources, 0, sizeof sources);
    bias = 0;
    hal_clear_sources();
}

/* Voltages ------------------------------------------------------------------------------------------------------------- */

uint16_t source_code(int64_t microvolts) {
    const int64_t span = BOARD_SOURCE_MAX_UV - BOARD_SOURCE_MIN_UV;
    return (uint16_t)(((microvolts - BOARD_SOURCE_MIN_UV) * SOURCE_TOP + span / 2) / span);
}

int64_t source_microvolts(uint16_t code) {
    const int64_t span = BOARD_SOURCE_MAX_UV - BOARD_SOURCE_MIN_UV;
    return BOARD_SOURCE_MIN_UV + (code * span + SOURCE_TOP / 2) / SOURCE_TOP;
}

void twin_source(uint8_t node, uint16_t code) {
    sources[node] = code;
    hal_dac_write(node, code);
}

void twin_hold(uint8_t side, uint32_t nodes) {
    held[side] = nodes;
    hal_hold(side, nodes);
}

void twin_trigger(bool step, struct latched *latched) {
    hal_trigger(step, latched);
    triggers++;
    if (!step) {
        return;
    }
    uint32_t gates = latched->gates, directions = latched->directions;
    for (uint8_t e = 0; e < BOARD_EDGES; e++, gates >>= 1, directions >>= 1) {
        if (!(gates & 1)) {
            continue;
        }
        if (directions & 1) {
            wipers[e] = (uint8_t)(wipers[e] + (wipers[e] < TOP));
        } else {
            wipers[e] = (uint8_t)(wipers[e] - (wipers[e] > 0));
        }
    }
}

uint32_t twin_triggers(void) { return triggers; }

void twin_count_from(uint32_t count) { triggers = count; }

/* Commands ------------------------------------------------------------------------------------------------------------- */

void set_source_hold(void) {
    static const FLASH char no_source[] = "that node has no source", twice[] = "a node twice";
    uint8_t side;
    uint16_t codes[BOARD_NODES];
    uint32_t nodes = 0;
    if (!take_choice(&side)) {
        return;
    }
    while (more_parameters()) {
        uint8_t node;
        int64_t microvolts;
        if (!take_node_and_voltage(&node, &microvolts)) {
            return;
        }
        uint32_t bit = UINT32_C(1) << node;
        if (!(BOARD_HOLDABLE & bit) || nodes & bit) {
            refuse(ERROR_OUT_OF_RANGE, (nodes & bit) ? twice : no_source);
            return;
        }
        nodes |= bit;
        codes[node] = source_code(microvolts);
    }
    for (uint8_t node = 0; node < BOARD_NODES; node++) {
        if (nodes >> node & 1) {
            twin_source(node, codes[node]);
        }
    }
    twin_hold(side, nodes);
}

void query_source_hold(void) {
    uint8_t side;
    if (!take_choice(&side) || !no_more_parameters()) {
        return;
    }
    if (!held[side]) {
        answer_none();
    }
    for (uint8_t node = 0; node < BOARD_NODES; node++) {
        if (held[side] >> node & 1) {
            answer_integer(node);
            answer_micro(source_microvolts(sources[node]));
        }
    }
}

void set_source_bias(void) {
    int64_t microvolts;
    if (take_micro(&microvolts) && no_more_parameters()) {
        bias = (uint16_t)((microvolts * BIAS_CODES + BOARD_BIAS_FULL_SCALE_UV / 2) / BOARD_BIAS_FULL_SCALE_UV);
        hal_bias_write(bias);
    }
}

void query_source_bias(void) { answer_micro((bias * BOARD_BIAS_FULL_SCALE_UV + BIAS_CODES / 2) / BIAS_CODES); }

void set_format(void) {
    uint8_t which;
    if (take_choice(&which) && no_more_parameters()) {
        codes_wanted = which == 1;
    }
}

void query_format(void) {
    static const FLASH char ascii[] = "ASC", integer[] = "INT";
    answer_word(codes_wanted ? integer : ascii);
}

void query_measure_voltage(void) {
    uint8_t side;
    uint16_t codes[BOARD_NODES];
    if (!take_choice(&side) || !no_more_parameters()) {
        return;
    }
    hal_adc_read(side, codes);
    if (codes_wanted) {
        answer_block(sizeof codes);
        for (uint8_t node = 0; node < BOARD_NODES; node++) {
            uint8_t bytes[2] = {(uint8_t)codes[node], (uint8_t)(codes[node] >> 8)};
            answer_block_bytes(bytes, sizeof bytes);
        }
        answer_block_end();
        return;
    }
    for (uint8_t node = 0; node < BOARD_NODES; node++) {
        answer_micro(source_microvolts(codes[node])); /* generate.py sees that both converters have one grid */
    }
}

static void answer_directions(uint32_t edges) {
    for (uint8_t e = 0; e < BOARD_EDGES; e++) {
        answer_integer((edges >> e & 1) ? 1 : -1);
    }
}

static void answer_gates(uint32_t edges) {
    for (uint8_t e = 0; e < BOARD_EDGES; e++) {
        answer_integer(edges >> e & 1);
    }
}

void query_measure_directions(void) {
    struct latched seen;
    hal_look(&seen);
    answer_directions(seen.directions);
}

void query_measure_gates(void) {
    struct latched seen;
    hal_look(&seen);
    answer_gates(seen.gates);
}

static void trigger_and_tell(bool step) {
    struct latched latched;
    twin_trigger(step, &latched);
    answer_directions(latched.directions);
    answer_gates(latched.gates);
}

void query_trigger_step(void) { trigger_and_tell(true); }
void query_trigger_latch(void) { trigger_and_tell(false); }
void query_trigger_count(void) { answer_unsigned(triggers); }

void set_trg(void) {
    struct latched latched;
    twin_trigger(true, &latched);
}

void set_trigger_self(void) {
#if BOARD_SELF_TRIGGER_HZ
    int64_t microseconds;
    if (take_micro(&microseconds) && no_more_parameters()) {
        status_questionable(QUESTIONABLE_WIPERS, true);
        hal_self_trigger(true);
        hal_sleep_until(hal_now() + (uint64_t)microseconds * 1000 / BOARD_TICK_NS);
        hal_self_trigger(false);
    }
#else
    refuse(ERROR_HARDWARE_MISSING, NULL);
#endif
}

void set_wiper_position(void) {
    static const FLASH char one_or_all[] = "one position, or one for every edge";
    uint8_t positions[BOARD_EDGES];
    uint8_t count = 0;
    do {
        int32_t position;
        if (!take_integer(&position)) {
            return;
        }
        if (count == BOARD_EDGES) {
            refuse(ERROR_PARAMETER_NOT_ALLOWED, one_or_all);
            return;
        }
        positions[count++] = (uint8_t)position;
    } while (more_parameters());
    if (count == 1) {
        memset(positions, positions[0], sizeof positions);
    } else if (count != BOARD_EDGES) {
        refuse(ERROR_MISSING_PARAMETER, one_or_all);
        return;
    }
    twin_set_wipers(positions);
}

static bool wipers_are_known(void) {
    static const FLASH char lost[] = "the edges stepped by themselves; set the wipers";
    if (status_questionable_condition() & QUESTIONABLE_WIPERS) {
        refuse(ERROR_SETTINGS_CONFLICT, lost);
        return false;
    }
    return true;
}

void query_wiper_position(void) {
    for (uint8_t e = 0; wipers_are_known() && e < BOARD_EDGES; e++) {
        answer_integer(wipers[e]);
    }
}

void set_wiper_home(void) {
    if (wipers_are_known()) {
        home_to(wipers);
    }
}
