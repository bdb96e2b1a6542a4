/* What a training is made of: settings, training memory, and whether they fit each other. */
#include <stddef.h>
#include <string.h>

#include "answer.h"
#include "commands.h"
#include "crc.h"
#include "parameters.h"
#include "train.h"

struct settings train_settings;
uint16_t train_memory[TRAIN_WORDS];

void train_reset(void) {
    train_forget();
    memset(&train_settings, 0, sizeof train_settings);
    train_settings.repeats = 1;
    train_settings.eta_q15 = ETA_ONE;
    train_settings.log.every = 1;
}

/* What fits ------------------------------------------------------------------------------------------------------------ */

static bool outside(const struct list *list, uint32_t words_each) {
    return list->offset + list->count * words_each > TRAIN_WORDS;
}

uint32_t terminals_mask(const struct terminals *terminals) {
    uint32_t nodes = 0;
    for (uint8_t i = 0; i < terminals->count; i++) {
        nodes |= UINT32_C(1) << terminals->nodes[i];
    }
    return nodes;
}

static bool terminals_fit(void) {
    const struct settings *s = &train_settings;
    uint32_t inputs = terminals_mask(&s->inputs), grounds = terminals_mask(&s->grounds),
             outputs = terminals_mask(&s->outputs);
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

const FLASH char *train_conflict(void) {
    static const FLASH char terminals[] = "terminals", examples[] = "examples", order[] = "order", eta[] = "eta",
                            steps[] = "steps", schedules[] = "schedules";
    const struct settings *s = &train_settings;
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
        for (uint16_t i = 0; i < count / 2; i++, bytes += 2) {
            train_memory[(uint16_t)offset + i] = (uint16_t)(bytes[0] | (uint16_t)bytes[1] << 8);
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
