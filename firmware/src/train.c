#include "train.h"

#include <stddef.h>
#include <string.h>

#include "draws.h"
#include "hal.h"
#include "log.h"
#include "status.h"
#include "twin.h"

enum { ENDED_DONE = 'D', ENDED_ABORTED = 'A', ENDED_LATE = 'L', ENDED_LOST = 'H', ENDED_PERFECT = 'P' };
enum { FLAG_CUT = 1, FLAG_NOT_WRONG = 2 };

/* Where the training stands. `due` is when the next phase is scheduled: steps follow each other from there, not from when
 * they were done. */
static enum { PHASE_NONE, PHASE_SHOW, PHASE_MEASURE, PHASE_STEP, PHASE_CLAMP, PHASE_TRIGGER, PHASE_END } phase;
static uint64_t due;
static bool paused; /* until there is room in the log */
static uint32_t step;
static uint8_t ended;

static struct {
    uint8_t set; /* 0 training, 1 test */
    uint16_t example;
    bool perfect;
} measured;

static struct {
    uint64_t time;
    uint16_t example;
    uint8_t flags;
    bool wrong;
    uint16_t inputs[BOARD_NODES], targets[BOARD_NODES], seen[BOARD_NODES], clamped[BOARD_NODES];
} now;

bool train_running(void) { return phase != PHASE_NONE; }

uint64_t train_due(void) { return phase == PHASE_NONE || paused ? NEVER : due; }

uint8_t train_ended(void) { return ended; }

uint32_t train_step(void) { return step; }

static void next_phase(uint8_t which, uint64_t time) {
    phase = which;
    due = time;
    status_operation(OPERATION_MEASURING, which == PHASE_SHOW || which == PHASE_MEASURE);
}

/* When this phase was done: at its time, or after it where that took long. What is held then, or was stepped, needs its time
 * from there. */
static uint64_t done(void) { return hal_now() > due ? hal_now() : due; }

/* The end ------------------------------------------------------------------------------------------------------------- */

static void end(uint8_t reason) {
    const uint8_t *wipers = twin_wipers();
    log_record('E', END_RECORD);
    log_put(step, 4);
    log_put(reason == ENDED_DONE ? due : hal_now(), 8);
    log_put(reason, 1);
    for (uint8_t e = 0; e < BOARD_EDGES; e++) {
        log_put(wipers[e], 1);
    }
    ended = reason;
    next_phase(PHASE_NONE, NEVER);
    paused = false;
    status_operation(OPERATION_TRAINING, false);
    status_questionable(QUESTIONABLE_LATE, reason == ENDED_LATE);
    status_questionable(QUESTIONABLE_HOST, reason == ENDED_LOST);
}

void train_abort(void) {
    if (train_running()) {
        end(ENDED_ABORTED);
    }
}

/* Schedules ----------------------------------------------------------------------------------------------------------- */

static uint32_t listed(const struct schedule *s, uint16_t i) {
    const uint16_t *words = train_memory + s->list.offset + 2 * (size_t)i;
    return words[0] | (uint32_t)words[1] << 16;
}

/* By halving: the listed steps rise. */
static bool scheduled(const struct schedule *s) {
    if (!s->list.count) {
        return s->every && (s->every == 1 || step % s->every == 0); /* a division is much for a small chip */
    }
    uint16_t low = 0, high = s->list.count;
    while (low < high) {
        uint16_t middle = (uint16_t)(low + (high - low) / 2);
        if (listed(s, middle) < step) {
            low = (uint16_t)(middle + 1);
        } else {
            high = middle;
        }
    }
    return low < s->list.count && listed(s, low) == step;
}

/* Showing an example --------------------------------------------------------------------------------------------------- */

static const uint16_t *example_row(uint32_t example) {
    uint8_t words = (uint8_t)(train_settings.inputs.count + train_settings.outputs.count);
    return train_memory + (size_t)example * words;
}

static uint32_t held_on_both, held_clamped; /* nodes */

static void set_sources(const struct terminals *terminals, const uint16_t *codes) {
    for (uint8_t i = 0; i < terminals->count; i++) {
        twin_source(terminals->nodes[i], codes == NULL ? source_code(0) : codes[i]);
    }
}

static void show_inputs(const uint16_t *codes) {
    set_sources(&train_settings.inputs, codes);
    set_sources(&train_settings.grounds, NULL);
}

/* Add noise of up to plus or minus `size` codes to a code; marks where the range ends it. */
static uint16_t noisy(uint16_t code, uint16_t size, enum stream stream, uint8_t i) {
    if (!size) {
        return code;
    }
    uint32_t drawn = draw_integer(draw(train_settings.seed, stream, step, i), 2 * (uint32_t)size + 1);
    int32_t moved = (int32_t)code + (int32_t)drawn - size;
    if (moved < 0 || moved > (int32_t)SOURCE_TOP) {
        now.flags |= FLAG_CUT;
        return moved < 0 ? 0 : (uint16_t)SOURCE_TOP;
    }
    return (uint16_t)moved;
}

static bool within(uint16_t seen, uint16_t wanted, uint16_t margin) {
    return (seen > wanted ? seen - wanted : wanted - seen) <= margin;
}

/* Measurements --------------------------------------------------------------------------------------------------------- */

static uint16_t set_size(uint8_t set) { return set ? train_settings.test_count : train_settings.train_count; }

/* Wait for the step's time; without strictness a late step begins as soon as it can, not before `earliest`. */
static void await_step(uint64_t earliest) {
    uint64_t time = train_settings.start + (step - train_settings.first) * train_settings.period;
    if (hal_now() > earliest) {
        earliest = hal_now();
    }
    if (earliest > time) {
        if (train_settings.strict) {
            end(ENDED_LATE);
            return;
        }
        time = earliest;
    }
    next_phase(step == train_settings.steps ? PHASE_END : PHASE_STEP, time);
}

static void next_step(uint64_t time) {
    measured.set = 0;
    measured.example = 0;
    measured.perfect = true;
    if (step == 0 || step == train_settings.steps || scheduled(&train_settings.measure)) {
        next_phase(PHASE_SHOW, time);
    } else {
        await_step(time);
    }
}

static void show_measured(void) {
    uint32_t example = measured.example + (measured.set ? (uint32_t)train_settings.train_count : 0);
    show_inputs(example_row(example));
    twin_hold(SIDE_FREE, held_on_both);
    next_phase(PHASE_MEASURE, done() + train_settings.settle);
}

static void measure(void) {
    const struct settings *s = &train_settings;
    uint32_t example = measured.example + (measured.set ? (uint32_t)s->train_count : 0);
    const uint16_t *targets = example_row(example) + s->inputs.count;
    uint16_t codes[BOARD_NODES];
    hal_adc_read(SIDE_FREE, codes);
    log_record('M', (uint16_t)(8 + 2 * s->outputs.count));
    log_put(step, 4);
    log_put(measured.set, 1);
    log_put(measured.example, 2);
    for (uint8_t o = 0; o < s->outputs.count; o++) {
        uint16_t seen = codes[s->outputs.nodes[o]];
        log_put(seen, 2);
        measured.perfect = measured.perfect && (measured.set || within(seen, targets[o], s->stop_margin));
    }
    measured.example++;
    while (measured.set < 2 && measured.example == set_size(measured.set)) {
        measured.set++;
        measured.example = 0;
    }
    if (measured.set < 2) {
        next_phase(PHASE_SHOW, due);
    } else if (s->stop_perfect && measured.perfect) {
        end(ENDED_PERFECT);
    } else {
        await_step(due);
    }
}

/* A step --------------------------------------------------------------------------------------------------------------- */

static void show_step(void) {
    const struct settings *s = &train_settings;
    now.time = due;
    now.example = order_at(step);
    now.flags = 0;
    const uint16_t *row = example_row(now.example);
    for (uint8_t i = 0; i < s->inputs.count; i++) {
        now.inputs[i] = noisy(row[i], s->source_noise, STREAM_SOURCE_NOISE, i);
    }
    for (uint8_t o = 0; o < s->outputs.count; o++) {
        now.targets[o] = noisy(row[s->inputs.count + o], s->target_noise, STREAM_TARGET_NOISE, o);
    }
    show_inputs(now.inputs);
    set_sources(&s->outputs, now.targets);
    twin_hold(SIDE_FREE, held_on_both);
    twin_hold(SIDE_CLAMPED, held_clamped);
    next_phase(PHASE_CLAMP, done() + s->settle);
}

/* V_C = eta V_D + (1 - eta) V_F in codes, halves up. */
static void clamp(void) {
    const struct settings *s = &train_settings;
    uint32_t eta = s->eta_list.count ? train_memory[s->eta_list.offset + step % s->eta_list.count] : s->eta_q15;
    uint16_t codes[BOARD_NODES];
    hal_adc_read(SIDE_FREE, codes);
    now.wrong = false;
    for (uint8_t o = 0; o < s->outputs.count; o++) {
        now.seen[o] = codes[s->outputs.nodes[o]];
        now.clamped[o] = (uint16_t)((eta * now.targets[o] + (ETA_ONE - eta) * now.seen[o] + 16384) >> 15);
        now.wrong = now.wrong || !within(now.seen[o], now.targets[o], s->wrong_margin);
    }
    set_sources(&s->outputs, now.clamped);
    twin_hold(SIDE_CLAMPED, held_clamped);
    next_phase(PHASE_TRIGGER, done() + s->settle);
}

static void log_codes(const uint16_t *codes, uint8_t count) {
    for (uint8_t i = 0; i < count; i++) {
        log_put(codes[i], 2);
    }
}

/* Log the step: what was read before the trigger, what it latched, and the wipers before it. */
static void log_step(const uint16_t *all_free, const uint16_t *all_clamped, const struct latched *latched,
                     const uint8_t *wipers) {
    const struct settings *s = &train_settings;
    uint8_t count = s->log_short ? s->outputs.count : BOARD_NODES;
    log_record('S', (uint16_t)(16 + 4 * count + 2 * MASK_BYTES + (s->log_short ? 0 : BOARD_EDGES)));
    log_put(step, 4);
    log_put(now.example, 2);
    log_put(now.flags, 1);
    log_put(now.time, 8);
    log_codes(s->log_short ? now.seen : all_free, count);
    log_codes(s->log_short ? now.clamped : all_clamped, count);
    log_put(latched->directions, MASK_BYTES);
    log_put(latched->gates, MASK_BYTES);
    for (uint8_t e = 0; e < BOARD_EDGES && !s->log_short; e++) {
        log_put(wipers[e], 1);
    }
}

static void trigger(void) {
    const struct settings *s = &train_settings;
    uint16_t all_free[BOARD_NODES] = {0}, all_clamped[BOARD_NODES] = {0};
    uint8_t wipers[BOARD_EDGES];
    struct latched latched = {0, 0};
    bool logged = scheduled(&s->log);
    if (logged && !s->log_short) {
        hal_adc_read(SIDE_FREE, all_free);
        hal_adc_read(SIDE_CLAMPED, all_clamped);
    }
    memcpy(wipers, twin_wipers(), sizeof wipers);
    if (now.wrong || !s->only_wrong) {
        twin_trigger(true, &latched);
    } else {
        now.flags |= FLAG_NOT_WRONG;
    }
    if (logged) {
        log_step(all_free, all_clamped, &latched, wipers);
    }
    status_questionable(QUESTIONABLE_VOLTAGE, now.flags & FLAG_CUT);
    step++;
    next_step(done() + s->after + (now.example == s->hold_example ? s->hold : 0));
}

/* The sequence --------------------------------------------------------------------------------------------------------- */

void train_forget(void) {
    train_abort();
    ended = 0;
    step = 0;
    log_clear();
}

void train_start(void) {
    log_clear();
    step = train_settings.first;
    order_begin(step);
    held_on_both = terminals_mask(&train_settings.inputs) | terminals_mask(&train_settings.grounds);
    held_clamped = held_on_both | terminals_mask(&train_settings.outputs);
    status_operation(OPERATION_TRAINING, true);
    next_step(hal_now());
}

/* A phase that logs needs room; until the host has fetched some of the log, the board's clock goes on without it. */
static bool has_room(void) {
    if ((phase == PHASE_SHOW || phase == PHASE_STEP) && !log_has_room()) {
        paused = true;
        return false;
    }
    if (paused) {
        paused = false;
        if (phase == PHASE_STEP) {
            await_step(due);
        } else if (hal_now() > due) {
            due = hal_now();
        }
    }
    return train_running();
}

static void act(void) {
    switch (phase) {
    case PHASE_SHOW:
        show_measured();
        break;
    case PHASE_MEASURE:
        measure();
        break;
    case PHASE_STEP:
        show_step();
        break;
    case PHASE_CLAMP:
        clamp();
        break;
    case PHASE_TRIGGER:
        trigger();
        break;
    case PHASE_END:
        end(ENDED_DONE);
        break;
    case PHASE_NONE:
    default:
        break;
    }
}

void train_poll(void) {
    const struct settings *s = &train_settings;
    if (!train_running()) {
        return;
    }
    if (s->lost && !s->lost_continues && hal_silence() >= s->lost) {
        end(ENDED_LOST);
        twin_safe();
        return;
    }
    if (hal_now() >= due && has_room() && hal_now() >= due) {
        act();
    }
}
