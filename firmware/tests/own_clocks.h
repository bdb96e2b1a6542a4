/* A board like twin16 whose edges have clocks of their own. */
#include "twin16.h"

#undef BOARD_SELF_TRIGGER
#define BOARD_SELF_TRIGGER 1
