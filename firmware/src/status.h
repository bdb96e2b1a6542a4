/* The error queue and the registers of IEEE 488.2 and SCPI. */
#ifndef STATUS_H
#define STATUS_H

#include <stdbool.h>
#include <stdint.h>

#include "flash.h"

enum error {
    ERROR_NONE = 0,
    ERROR_SYNTAX = -102,
    ERROR_DATA_TYPE = -104,
    ERROR_PARAMETER_NOT_ALLOWED = -108,
    ERROR_MISSING_PARAMETER = -109,
    ERROR_UNDEFINED_HEADER = -113,
    ERROR_NUMERIC = -120,
    ERROR_BLOCK = -161,
    ERROR_SETTINGS_CONFLICT = -221,
    ERROR_OUT_OF_RANGE = -222,
    ERROR_TOO_MUCH_DATA = -223,
    ERROR_ILLEGAL_VALUE = -224,
    ERROR_HARDWARE_MISSING = -241,
    ERROR_QUEUE_OVERFLOW = -350,
    ERROR_COMMUNICATION = -360,
    ERROR_INPUT_OVERRUN = -363,
    ERROR_QUERY_DEADLOCKED = -430,
};

enum event { EVENT_OPERATION_COMPLETE = 1, EVENT_POWER_ON = 128 };

enum operation { OPERATION_MEASURING = 16, OPERATION_TRAINING = 256 };

enum questionable {
    QUESTIONABLE_VOLTAGE = 1,
    QUESTIONABLE_CALIBRATION = 256,
    QUESTIONABLE_WIPERS = 512,
    QUESTIONABLE_LATE = 1024,
    QUESTIONABLE_HOST = 2048,
};

void status_power_on(void);

/* Queue an error and mark its event; the detail, which may be NULL, says what exactly. */
void raise_error(enum error code, const FLASH char *detail);

void status_event(uint8_t bit);
void status_operation(uint16_t bit, bool now);
void status_questionable(uint16_t bit, bool now);
uint16_t status_questionable_condition(void);

#endif
