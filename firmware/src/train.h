/* Whole trainings without the host: the cycle of labnet/controller.py, at scheduled ticks. */
#ifndef TRAIN_H
#define TRAIN_H

#include <stdbool.h>
#include <stdint.h>

#include "description.h"
#include "flash.h"
#include "sizes.h"

#define ETA_ONE 32768 /* the nudge is in units of 1 / ETA_ONE */

struct terminals {
    uint8_t nodes[BOARD_NODES];
    uint8_t count;
};

/* Part of the training memory; none where count is 0. */
struct list {
    uint16_t offset, count;
};

/* Steps at which something happens: every n-th, or those listed, in rising order. */
struct schedule {
    uint32_t every; /* 0: none */
    struct list list;
};

enum order { ORDER_CYCLIC, ORDER_RANDOM, ORDER_LIST, ORDER_TRANSITION };

/* All that TRAin sets. Times are ticks, voltages are codes. */
struct settings {
    struct terminals inputs, grounds, outputs;
    uint16_t train_count, test_count;
    enum order order;
    uint16_t repeats;
    struct list order_list;
    uint64_t seed;
    uint16_t eta_q15;
    struct list eta_list;
    uint32_t steps, first;
    uint64_t settle, period, start, after, hold;
    uint16_t hold_example;
    bool strict;
    uint16_t source_noise, target_noise;
    bool only_wrong, stop_perfect;
    uint16_t wrong_margin, stop_margin;
    bool log_short;
    struct schedule log, measure;
    bool lost_continues;
    uint64_t lost;
};
extern struct settings train_settings;
extern uint16_t train_memory[TRAIN_WORDS];

uint32_t terminals_mask(const struct terminals *terminals);

const FLASH char *train_conflict(void); /* which settings do not fit each other; NULL: all do */

/* The sequence. */
void train_start(void);
void train_abort(void);
void train_forget(void); /* as if none had ever run */
void train_reset(void);  /* and no settings were ever made */
bool train_running(void);
uint8_t train_ended(void); /* how the last one did: D done, A aborted, L late, H host lost, P perfect; 0: none did */
uint32_t train_step(void);
uint64_t train_due(void);
void train_poll(void);

/* Which example a step shows. */
void order_begin(uint32_t step);
uint16_t order_at(uint32_t step);

#endif
