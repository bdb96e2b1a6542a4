#include "draws.h"

static uint64_t splitmix64(uint64_t seed, uint64_t i) {
    uint64_t z = seed + (i + 1) * UINT64_C(0x9E3779B97F4A7C15);
    z = (z ^ (z >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94D049BB133111EB);
    return z ^ (z >> 31);
}

uint64_t draw(uint64_t seed, enum stream stream, uint64_t step, uint64_t i) {
    return splitmix64(splitmix64(splitmix64(seed, (uint64_t)stream), step), i);
}

uint32_t draw_integer(uint64_t bits, uint32_t below) { return (uint32_t)(((bits >> 32) * below) >> 32); }
