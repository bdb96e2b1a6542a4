/* The commands of TRAin: settings, and whether they fit each other. */
#include <stddef.h>
#include <string.h>

#include "answer.h"
#include "commands.h"
#include "crc.h"
#include "hal.h"
#include "log.h"
#include "number.h"
#include "scpi.h"
#include "train.h"
#include "twin.h"

#define ETA_ONE 32768

struct settings train_settings;
uint16_t train_memory[TRAIN_WORDS];

void train_reset(void) {
    train_abort();
    memset(&train_settings, 0, sizeof train_settings);
    train_settings.repeats = 1;
    train_settings.eta_q15 = ETA_ONE;
    train_settings.log.every = 1;
    log_clear();
}

/* What fits ------------------------------------------------------------------------------------------------------------ */

static bool outside(const struct list *list, uint32_t words_each) {
    return list->offset + list->count * words_each > TRAIN_WORDS;
}

static uint32_t nodes_of(const struct terminals *terminals) {
    uint32_t nodes = 0;
    for (uint8_t i = 0; i < terminals->count; i++) {
        nodes |= UINT32_C(1) << terminals->nodes[i];
    }
    return nodes;
}

static bool terminals_fit(void) {
    const struct settings *s = &train_settings;
    uint32_t inputs = nodes_of(&s->inputs), grounds = nodes_of(&s->grounds), outputs = nodes_of(&s->outputs);
    uint32_t all = inputs | grounds | outputs;
    uint8_t different = 0;
    for (uint8_t node = 0; node < BOARD_NODES; node++) {
        different = (uint8_t)(different + (all >> node & 1));
    }
    return s->outputs.count && s->inputs.count + s->grounds.count &&
           different == s->inputs.count + s->grounds.count + s->outputs.count && !(all & ~(uint32_t)BOARD_HOLDABLE);
}

static bool order_fits(void) {
    const struct settings *s = &train_settings;
    if (s->order == ORDER_TRANSITION) {
        return s->order_list.offset + (uint32_t)s->train_count * s->train_count <= TRAIN_WORDS;
    }
    if (s->order != ORDER_LIST) {
        return true;
    }
    if (outside(&s->order_list, 1)) {
        return false;
    }
    for (uint16_t i = 0; i < s->order_list.count; i++) {
        if (train_memory[s->order_list.offset + i] >= s->train_count) {
            return false;
        }
    }
    return true;
}

static bool etas_fit(void) {
    const struct list *list = &train_settings.eta_list;
    if (outside(list, 1)) {
        return false;
    }
    for (uint16_t i = 0; i < list->count; i++) {
        if (train_memory[list->offset + i] > ETA_ONE) {
            return false;
        }
    }
    return true;
}

static bool examples_fit(void) {
    const struct settings *s = &train_settings;
    uint32_t rows = (uint32_t)s->train_count + s->test_count;
    uint8_t words = (uint8_t)(s->inputs.count + s->outputs.count);
    return s->train_count && rows * words <= TRAIN_WORDS;
}

static const FLASH char *conflict(void) {
    static const FLASH char running[] = "a training runs", terminals[] = "terminals", examples[] = "examples",
                            order[] = "order", eta[] = "eta", steps[] = "steps", schedules[] = "schedules";
    const struct settings *s = &train_settings;
    if (train_running()) {
        return running;
    }
    if (!terminals_fit()) {
        return terminals;
    }
    if (!examples_fit()) {
        return examples;
    }
    if (!order_fits()) {
        return order;
    }
    if (!etas_fit()) {
        return eta;
    }
    if (!s->steps || s->first > s->steps) {
        return steps;
    }
    if (outside(&s->log.list, 2) || outside(&s->measure.list, 2)) {
        return schedules;
    }
    return NULL;
}

void set_train_start(void) {
    const FLASH char *what = conflict();
    if (what != NULL) {
        refuse(ERROR_SETTINGS_CONFLICT, what);
    } else {
        train_start();
    }
}

void set_train_abort(void) { train_abort(); }

void query_train_state(void) {
    static const FLASH char idle[] = "IDLE", run[] = "RUN", done[] = "DONE", aborted[] = "ABOR", late[] = "LATE",
                            lost[] = "LOST", perfect[] = "PERF";
    const FLASH char *state = idle;
    switch (train_running() ? 'R' : train_ended()) {
    case 'R':
        state = run;
        break;
    case 'D':
        state = done;
        break;
    case 'A':
        state = aborted;
        break;
    case 'L':
        state = late;
        break;
    case 'H':
        state = lost;
        break;
    case 'P':
        state = perfect;
        break;
    default:
        break;
    }
    answer_word(state);
    answer_unsigned(train_step());
    answer_unsigned(log_blocks());
}

/* Taking and giving settings ------------------------------------------------------------------------------------------- */

static void set_ticks(uint64_t *time) {
    int64_t microseconds;
    if (take_micro(&microseconds) && no_more_parameters()) {
        *time = (uint64_t)microseconds * 1000 / BOARD_TICK_NS;
    }
}

static void answer_ticks(uint64_t time) { answer_micro((int64_t)(time * BOARD_TICK_NS / 1000)); }

/* How many codes a difference of voltages is; more than all of them, all. */
static uint16_t span_codes(int64_t microvolts) {
    return microvolts > BOARD_SOURCE_MAX_UV - BOARD_SOURCE_MIN_UV ? (uint16_t)SOURCE_TOP
                                                                  : source_code(microvolts + BOARD_SOURCE_MIN_UV);
}

static void answer_span(uint16_t codes) { answer_micro(source_microvolts(codes) - BOARD_SOURCE_MIN_UV); }

static bool take_span(uint16_t *codes) {
    int64_t microvolts;
    if (!take_micro(&microvolts)) {
        return false;
    }
    *codes = span_codes(microvolts);
    return true;
}

static void set_span(uint16_t *codes) {
    uint16_t taken;
    if (take_span(&taken) && no_more_parameters()) {
        *codes = taken;
    }
}

static void set_flag(bool *flag) {
    bool taken;
    if (take_boolean(&taken) && no_more_parameters()) {
        *flag = taken;
    }
}

static bool set_count(uint32_t *count) {
    int32_t taken;
    if (!take_integer(&taken) || !no_more_parameters()) {
        return false;
    }
    *count = (uint32_t)taken;
    return true;
}

static bool set_list(struct list *list) {
    int32_t offset, count;
    if (!take_integer(&offset) || !take_integer(&count) || !no_more_parameters()) {
        return false;
    }
    list->offset = (uint16_t)offset;
    list->count = (uint16_t)count;
    return true;
}

static void set_every(struct schedule *schedule) {
    if (set_count(&schedule->every)) {
        schedule->list.count = 0;
    }
}

static void set_terminals(struct terminals *terminals) {
    static const FLASH char too_many[] = "more terminals than nodes";
    struct terminals taken = {{0}, 0};
    while (more_parameters()) {
        int32_t node;
        if (!take_integer(&node)) {
            return;
        }
        if (taken.count == BOARD_NODES) {
            refuse(ERROR_PARAMETER_NOT_ALLOWED, too_many);
            return;
        }
        taken.nodes[taken.count++] = (uint8_t)node;
    }
    *terminals = taken;
}

static void answer_terminals(const struct terminals *terminals) {
    for (uint8_t i = 0; i < terminals->count; i++) {
        answer_integer(terminals->nodes[i]);
    }
}

static void set_margin(bool *on, uint16_t *margin) {
    bool wanted;
    uint16_t codes;
    if (take_boolean(&wanted) && take_span(&codes) && no_more_parameters()) {
        *on = wanted;
        *margin = codes;
    }
}

static void set_order(enum order order) {
    if (no_more_parameters()) {
        train_settings.order = order;
    }
}

/* Memory --------------------------------------------------------------------------------------------------------------- */

void set_train_memory(void) {
    static const FLASH char odd[] = "half a word", beyond[] = "beyond the memory";
    int32_t offset;
    const uint8_t *bytes;
    uint16_t count;
    if (!take_integer(&offset) || !take_block(&bytes, &count) || !no_more_parameters()) {
        return;
    }
    if (count & 1) {
        refuse(ERROR_BLOCK, odd);
    } else if ((uint32_t)offset + count / 2 > TRAIN_WORDS) {
        refuse(ERROR_TOO_MUCH_DATA, beyond);
    } else {
        for (uint16_t i = 0; i < count / 2; i++) {
            train_memory[(uint16_t)offset + i] = (uint16_t)(bytes[2 * i] | (uint16_t)bytes[2 * i + 1] << 8);
        }
    }
}

void query_train_memory_size(void) { answer_unsigned(TRAIN_WORDS); }

void query_train_memory_crc(void) {
    static const FLASH char beyond[] = "beyond the memory";
    int32_t offset, count;
    if (!take_integer(&offset) || !take_integer(&count) || !no_more_parameters()) {
        return;
    }
    if (offset + count > (int32_t)TRAIN_WORDS) {
        refuse(ERROR_OUT_OF_RANGE, beyond);
        return;
    }
    uint16_t crc = CRC_START;
    for (int32_t i = offset; i < offset + count; i++) {
        uint8_t bytes[2] = {(uint8_t)train_memory[i], (uint8_t)(train_memory[i] >> 8)};
        crc = crc16(crc, bytes, sizeof bytes);
    }
    answer_unsigned(crc);
}

/* Task ----------------------------------------------------------------------------------------------------------------- */

void set_train_inputs(void) { set_terminals(&train_settings.inputs); }
void query_train_inputs(void) { answer_terminals(&train_settings.inputs); }
void set_train_grounds(void) { set_terminals(&train_settings.grounds); }
void query_train_grounds(void) { answer_terminals(&train_settings.grounds); }
void set_train_outputs(void) { set_terminals(&train_settings.outputs); }
void query_train_outputs(void) { answer_terminals(&train_settings.outputs); }

void set_train_examples(void) {
    int32_t train, test;
    if (take_integer(&train) && take_integer(&test) && no_more_parameters()) {
        train_settings.train_count = (uint16_t)train;
        train_settings.test_count = (uint16_t)test;
    }
}

void query_train_examples(void) {
    answer_unsigned(train_settings.train_count);
    answer_unsigned(train_settings.test_count);
}

void set_train_order_cyclic(void) {
    uint32_t repeats;
    if (set_count(&repeats)) {
        train_settings.repeats = (uint16_t)repeats;
        set_order(ORDER_CYCLIC);
    }
}

void set_train_order_random(void) { set_order(ORDER_RANDOM); }

void set_train_order_list(void) {
    if (set_list(&train_settings.order_list)) {
        set_order(ORDER_LIST);
    }
}

void set_train_order_transition(void) {
    uint32_t offset;
    if (set_count(&offset)) {
        train_settings.order_list.offset = (uint16_t)offset;
        set_order(ORDER_TRANSITION);
    }
}

void set_train_seed(void) {
    uint64_t seed;
    if (take_seed(&seed) && no_more_parameters()) {
        train_settings.seed = seed;
    }
}

void query_train_seed(void) { answer_unsigned(train_settings.seed); }

void set_train_eta(void) {
    int64_t micro;
    if (take_micro(&micro) && no_more_parameters()) {
        train_settings.eta_q15 = (uint16_t)((micro * ETA_ONE + MICRO / 2) / MICRO);
        train_settings.eta_list.count = 0;
    }
}

void query_train_eta(void) {
    answer_micro(((int64_t)train_settings.eta_q15 * MICRO + ETA_ONE / 2) / ETA_ONE);
}

void set_train_eta_list(void) { set_list(&train_settings.eta_list); }

/* Steps and times ------------------------------------------------------------------------------------------------------ */

void set_train_steps(void) { set_count(&train_settings.steps); }
void query_train_steps(void) { answer_unsigned(train_settings.steps); }
void set_train_first(void) { set_count(&train_settings.first); }
void query_train_first(void) { answer_unsigned(train_settings.first); }
void set_train_time_settle(void) { set_ticks(&train_settings.settle); }
void query_train_time_settle(void) { answer_ticks(train_settings.settle); }
void set_train_time_period(void) { set_ticks(&train_settings.period); }
void query_train_time_period(void) { answer_ticks(train_settings.period); }
void set_train_time_start(void) { set_ticks(&train_settings.start); }
void query_train_time_start(void) { answer_ticks(train_settings.start); }
void set_train_time_strict(void) { set_flag(&train_settings.strict); }
void query_train_time_strict(void) { answer_integer(train_settings.strict); }
void set_train_time_after(void) { set_ticks(&train_settings.after); }
void query_train_time_after(void) { answer_ticks(train_settings.after); }

void set_train_time_hold(void) {
    int32_t example;
    int64_t microseconds;
    if (take_integer(&example) && take_micro(&microseconds) && no_more_parameters()) {
        train_settings.hold_example = (uint16_t)example;
        train_settings.hold = (uint64_t)microseconds * 1000 / BOARD_TICK_NS;
    }
}

void query_train_time_hold(void) {
    answer_unsigned(train_settings.hold_example);
    answer_ticks(train_settings.hold);
}

/* What else a laboratory wants ----------------------------------------------------------------------------------------- */

void set_train_noise_source(void) { set_span(&train_settings.source_noise); }
void query_train_noise_source(void) { answer_span(train_settings.source_noise); }
void set_train_noise_target(void) { set_span(&train_settings.target_noise); }
void query_train_noise_target(void) { answer_span(train_settings.target_noise); }

void set_train_wrong(void) { set_margin(&train_settings.only_wrong, &train_settings.wrong_margin); }

void query_train_wrong(void) {
    answer_integer(train_settings.only_wrong);
    answer_span(train_settings.wrong_margin);
}

void set_train_stop(void) { set_margin(&train_settings.stop_perfect, &train_settings.stop_margin); }

void query_train_stop(void) {
    answer_integer(train_settings.stop_perfect);
    answer_span(train_settings.stop_margin);
}

void set_train_lost(void) {
    uint8_t policy;
    int64_t microseconds;
    if (take_choice(&policy) && take_micro(&microseconds) && no_more_parameters()) {
        train_settings.lost_continues = policy == 1;
        train_settings.lost = (uint64_t)microseconds * 1000 / BOARD_TICK_NS;
    }
}

void query_train_lost(void) {
    static const FLASH char stop[] = "STOP", go_on[] = "CONT";
    answer_word(train_settings.lost_continues ? go_on : stop);
    answer_ticks(train_settings.lost);
}

/* Log and measurements ------------------------------------------------------------------------------------------------- */

void set_train_log_detail(void) {
    uint8_t which;
    if (take_choice(&which) && no_more_parameters()) {
        train_settings.log_short = which == 1;
    }
}

void query_train_log_detail(void) {
    static const FLASH char full[] = "FULL", brief[] = "SHOR";
    answer_word(train_settings.log_short ? brief : full);
}

void set_train_log_every(void) { set_every(&train_settings.log); }
void set_train_log_list(void) { set_list(&train_settings.log.list); }
void set_train_measure_every(void) { set_every(&train_settings.measure); }
void set_train_measure_list(void) { set_list(&train_settings.measure.list); }
