/* Trainings on the bench: a small task, and the log as it is read. */
#ifndef TRAINING_H
#define TRAINING_H

#include "bench.h"

/* Input 0, ground 8, outputs 4 and 6; two training examples and a test example. Everything takes its time: settling 100 us, a
 * step 1 ms, and step 0 begins at 10 ms. Free nodes read 1000, 2000, ... 9000, clamped ones 100 more. */
void set_up(void);
#define INPUT_0 60000
#define INPUT_1 50000
#define TARGETS_0 20000, 30000
#define TARGETS_1 10000, 40000
#define READ_4 5000
#define READ_6 7000

void write_words(uint16_t offset, const uint16_t *words, uint16_t count);

void start(void);
void poll_times(int times);
void run(void); /* to the end; fails where none comes */

struct record {
    char kind; /* as on the wire: S, M, E */
    uint32_t step;
    uint16_t example;
    uint8_t flags;                                    /* S */
    uint8_t set;                                      /* M */
    uint8_t reason;                                   /* E */
    uint64_t time;                                    /* S, E */
    uint16_t free[BOARD_NODES], clamped[BOARD_NODES]; /* all nodes, or the two outputs */
    uint16_t directions, gates;
    uint8_t wipers[BOARD_EDGES];
};

/* A block of the log, its CRC and sizes checked. Records are full where not said else. */
struct block {
    uint32_t number;
    uint16_t count;
    struct record records[700];
};
extern bool short_records;
const struct block *fetch(uint32_t number);

/* All records, fetched block by block as a host does, while the training runs; fails where it does not end. */
struct log {
    size_t count;
    struct record records[20000];
};
const struct log *fetch_all(void);

/* The same as lines: "S step example flags time free clamped directions gates wipers", "M step set example codes", "E step
 * time reason wipers". */
const char *log_text(void);

#endif
