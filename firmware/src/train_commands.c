/* The commands of TRAin: settings, how the training stands. */
#include <stddef.h>

#include "answer.h"
#include "commands.h"
#include "log.h"
#include "number.h"
#include "parameters.h"
#include "train.h"
#include "twin.h"

void set_train_start(void) {
    const FLASH char *what = train_conflict();
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
    if (!terminals->count) {
        answer_none();
    }
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

void query_train_eta(void) { answer_micro(((int64_t)train_settings.eta_q15 * MICRO + ETA_ONE / 2) / ETA_ONE); }

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
