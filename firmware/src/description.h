/* The board this firmware is built for: made by generate.py from boards/NAME.toml. */
#ifndef DESCRIPTION_H
#define DESCRIPTION_H

#ifndef BOARD_FILE
#define BOARD_FILE "twin16.h"
#endif
#include BOARD_FILE

#endif
