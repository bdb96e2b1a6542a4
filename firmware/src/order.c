/* The order of examples. */
#include <stddef.h>

#include "draws.h"
#include "train.h"

#define CERTAIN 65535 /* probability 1 in the table of transitions */

static uint16_t current; /* in a chain of transitions */

/* Draw the example after `current`: the first whose running sum is above the draw, so never one of probability 0. */
static uint16_t transition(uint32_t step) {
    uint32_t drawn = draw_integer(draw(train_settings.seed, STREAM_ORDER, step, 0), CERTAIN);
    const uint16_t *row = train_memory + train_settings.order_list.offset + (size_t)current * train_settings.train_count;
    for (uint16_t j = 0; j + 1 < train_settings.train_count; j++) {
        if (drawn < row[j]) {
            return j;
        }
    }
    return (uint16_t)(train_settings.train_count - 1);
}

void order_begin(uint32_t step) {
    current = 0;
    if (train_settings.order == ORDER_TRANSITION) {
        for (uint32_t k = 1; k < step; k++) {
            current = transition(k);
        }
    }
}

uint16_t order_at(uint32_t step) {
    const struct settings *s = &train_settings;
    switch (s->order) {
    case ORDER_RANDOM:
        return (uint16_t)draw_integer(draw(s->seed, STREAM_ORDER, step, 0), s->train_count);
    case ORDER_LIST:
        return train_memory[s->order_list.offset + step % s->order_list.count];
    case ORDER_TRANSITION:
        return current = step ? transition(step) : 0;
    case ORDER_CYCLIC:
    default:
        return (uint16_t)((s->repeats == 1 ? step : step / s->repeats) % s->train_count);
    }
}
