/* Randomness as a function of what it is for: docs/draws.md. */
#ifndef DRAWS_H
#define DRAWS_H

#include <stdint.h>

enum stream { STREAM_ORDER = 32, STREAM_SOURCE_NOISE = 35, STREAM_TARGET_NOISE = 36 };

uint64_t draw(uint64_t seed, enum stream stream, uint64_t step, uint64_t i);

/* An integer 0 .. below - 1 from a draw's high half. */
uint32_t draw_integer(uint64_t bits, uint32_t below);

#endif
