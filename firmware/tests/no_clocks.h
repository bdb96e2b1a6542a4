/* A board like twin16 whose edges cannot step by themselves. */
#include "twin16.h"

#undef BOARD_SELF_TRIGGER_HZ
#define BOARD_SELF_TRIGGER_HZ 0
