/* How much memory goes where. All of it is static; a chip of 8 kB has the small sizes, which tests try on a PC too. */
#ifndef SIZES_H
#define SIZES_H

#if defined(__AVR__) || defined(SMALL_SIZES)
#define LINE_BYTES 320      /* longest message, frame included */
#define ANSWER_BYTES 640    /* longest answer, frame included */
#define TRAIN_WORDS 2176    /* 512 examples of 4 values, and lists */
#define LOG_BLOCK_BYTES 400 /* a block of the log */
#define LOG_BLOCKS 3
#else
#define LINE_BYTES 4096
#define ANSWER_BYTES 8192
#define TRAIN_WORDS 65535
#define LOG_BLOCK_BYTES 7680
#define LOG_BLOCKS 8
#endif

#define ERRORS 16 /* deep is the error queue */
#define CALIBRATION_CONSTANTS 128
#define SERIAL_BYTES 24 /* with the 0 at the end, as DATE_BYTES */
#define DATE_BYTES 11

#endif
