#include "status.h"

#include <stddef.h>
#include <string.h>

#include "answer.h"
#include "commands.h"
#include "parameters.h"
#include "sizes.h"

static struct {
    int16_t code;
    const FLASH char *detail;
} queue[ERRORS];
static uint8_t queued;

static uint8_t standard_event, standard_enable, service_enable;

/* A SCPI register: its condition, what came up since it was read, and what counts. */
struct status_register {
    uint16_t condition, event, enable;
};
static struct status_register operation, questionable;

static const FLASH struct {
    int16_t code;
    char text[26];
} messages[] = {
    {ERROR_NONE, "No error"},
    {ERROR_SYNTAX, "Syntax error"},
    {ERROR_DATA_TYPE, "Data type error"},
    {ERROR_PARAMETER_NOT_ALLOWED, "Parameter not allowed"},
    {ERROR_MISSING_PARAMETER, "Missing parameter"},
    {ERROR_UNDEFINED_HEADER, "Undefined header"},
    {ERROR_NUMERIC, "Numeric data error"},
    {ERROR_BLOCK, "Invalid block data"},
    {ERROR_SETTINGS_CONFLICT, "Settings conflict"},
    {ERROR_OUT_OF_RANGE, "Data out of range"},
    {ERROR_TOO_MUCH_DATA, "Too much data"},
    {ERROR_ILLEGAL_VALUE, "Illegal parameter value"},
    {ERROR_HARDWARE_MISSING, "Hardware missing"},
    {ERROR_QUEUE_OVERFLOW, "Queue overflow"},
    {ERROR_COMMUNICATION, "Communication error"},
    {ERROR_INPUT_OVERRUN, "Input buffer overrun"},
    {ERROR_QUERY_DEADLOCKED, "Query DEADLOCKED"},
};
#define MESSAGES ((uint8_t)(sizeof messages / sizeof *messages))

void status_power_on(void) {
    queued = 0;
    standard_event = EVENT_POWER_ON;
    standard_enable = service_enable = 0;
    memset(&operation, 0, sizeof operation);
    memset(&questionable, 0, sizeof questionable);
}

void status_event(uint8_t bit) { standard_event |= bit; }

void raise_error(enum error code, const FLASH char *detail) {
    /* -1xx command, -2xx execution, -3xx device, -4xx query */
    status_event((uint8_t)(code > -200 ? 32 : code > -300 ? 16 : code > -400 ? 8 : 4));
    if (queued == ERRORS) {
        queue[ERRORS - 1].code = ERROR_QUEUE_OVERFLOW;
        queue[ERRORS - 1].detail = NULL;
        return;
    }
    queue[queued].code = (int16_t)code;
    queue[queued++].detail = detail;
}

static void update(struct status_register *r, uint16_t bit, bool now) {
    if (now) {
        r->event |= (uint16_t)(bit & ~r->condition);
        r->condition |= bit;
    } else {
        r->condition &= (uint16_t)~bit;
    }
}

void status_operation(uint16_t bit, bool now) { update(&operation, bit, now); }

void status_questionable(uint16_t bit, bool now) { update(&questionable, bit, now); }

uint16_t status_questionable_condition(void) { return questionable.condition; }

static uint8_t status_byte(void) {
    uint8_t byte =
        (uint8_t)((queued ? 4 : 0) | ((questionable.event & questionable.enable) ? 8 : 0) | (answer_empty() ? 0 : 16) |
                  ((standard_event & standard_enable) ? 32 : 0) | ((operation.event & operation.enable) ? 128 : 0));
    return (uint8_t)(byte | ((byte & service_enable & ~64u) ? 64 : 0));
}

static void answer_error(int16_t code, const FLASH char *detail) {
    answer_integer(code);
    for (uint8_t i = 0; i < MESSAGES; i++) {
        if (messages[i].code == code) {
            answer_text(messages[i].text, detail);
            return;
        }
    }
}

static void answer_oldest_error(void) {
    if (!queued) {
        answer_error(ERROR_NONE, NULL);
        return;
    }
    answer_error(queue[0].code, queue[0].detail);
    queued--;
    for (uint8_t i = 0; i < queued; i++) {
        queue[i] = queue[i + 1];
    }
}

static void answer_and_clear(uint16_t *event) {
    answer_integer(*event);
    *event = 0;
}

static void set_mask(uint16_t *mask) {
    int32_t value;
    if (take_integer(&value) && no_more_parameters()) {
        *mask = (uint16_t)value;
    }
}

static void set_byte(uint8_t *mask) {
    uint16_t value = *mask;
    set_mask(&value);
    *mask = (uint8_t)value;
}

void query_system_error(void) {
    answer_errors();
    answer_oldest_error();
}

/* What does not fit stays queued. */
void query_system_error_all(void) {
    answer_errors();
    do {
        answer_oldest_error();
    } while (queued && answer_has_error_room());
}

void query_system_error_count(void) { answer_integer(queued); }

void set_cls(void) {
    queued = 0;
    standard_event = 0;
    operation.event = questionable.event = 0;
}

void set_ese(void) { set_byte(&standard_enable); }
void query_ese(void) { answer_integer(standard_enable); }

void query_esr(void) {
    answer_integer(standard_event);
    standard_event = 0;
}

void set_sre(void) { set_byte(&service_enable); }
void query_sre(void) { answer_integer(service_enable & ~64); }
void query_stb(void) { answer_integer(status_byte()); }
void query_tst(void) { answer_integer(questionable.condition); }

void query_status_operation(void) { answer_and_clear(&operation.event); }
void query_status_operation_condition(void) { answer_integer(operation.condition); }
void set_status_operation_enable(void) { set_mask(&operation.enable); }
void query_status_operation_enable(void) { answer_integer(operation.enable); }

void query_status_questionable(void) { answer_and_clear(&questionable.event); }
void query_status_questionable_condition(void) { answer_integer(questionable.condition); }
void set_status_questionable_enable(void) { set_mask(&questionable.enable); }
void query_status_questionable_enable(void) { answer_integer(questionable.enable); }

void set_status_preset(void) { operation.enable = questionable.enable = 0; }
