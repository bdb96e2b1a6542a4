/* Made by generate.py from commands.toml: do not edit. */
/* clang-format off */
#ifndef COMMANDS_H
#define COMMANDS_H

#include <stdbool.h>
#include <stdint.h>

#include "flash.h"

enum parameter_type {
    PARAMETER_INTEGER,
    PARAMETER_INTEGER64, /* modulo 2^64, no limits */
    PARAMETER_NUMBER,
    PARAMETER_BOOLEAN,
    PARAMETER_CHOICE,
    PARAMETER_STRING,
    PARAMETER_BLOCK,
    PARAMETER_PAIRS /* a node and a number */
};

struct parameter {
    uint8_t type;
    bool optional;
    bool list;                 /* one or more of it; the last parameter alone */
    int64_t min;               /* of numbers in millionths */
    int64_t max;               /* of strings: the most characters */
    const FLASH char *choices; /* "FREE|CLAMped" */
};

/* A form that a command does not have is NULL. */
struct command {
    const FLASH char *header; /* as in commands.toml */
    void (*set)(void);
    void (*query)(void);
    const FLASH struct parameter *set_parameters;
    const FLASH struct parameter *query_parameters;
    uint8_t set_count;
    uint8_t query_count;
    bool plain; /* taken without a check frame, always */
    bool idle;  /* refused while a training runs: the set form, or the query where that is all */
};

#define COMMAND_COUNT 97

extern const FLASH struct command commands[COMMAND_COUNT];

void set_cls(void);
void set_ese(void);
void query_ese(void);
void query_esr(void);
void query_idn(void);
void set_opc(void);
void query_opc(void);
void set_rst(void);
void set_sre(void);
void query_sre(void);
void query_stb(void);
void set_trg(void);
void query_tst(void);
void set_wai(void);
void query_system_error(void);
void query_system_error_all(void);
void query_system_error_count(void);
void query_system_version(void);
void query_system_boot(void);
void set_system_serial(void);
void query_system_serial(void);
void query_system_sync(void);
void set_system_link_check(void);
void query_system_link_check(void);
void query_system_link_length(void);
void query_system_clock(void);
void set_system_continue(void);
void query_system_tick(void);
void set_system_wait(void);
void set_system_watchdog(void);
void query_system_watchdog(void);
void set_system_safe(void);
void query_status_operation(void);
void query_status_operation_condition(void);
void set_status_operation_enable(void);
void query_status_operation_enable(void);
void query_status_questionable(void);
void query_status_questionable_condition(void);
void set_status_questionable_enable(void);
void query_status_questionable_enable(void);
void set_status_preset(void);
void query_board_name(void);
void query_board_nodes(void);
void query_board_edges(void);
void query_board_positions(void);
void query_board_holdable(void);
void query_board_source(void);
void query_board_reading(void);
void query_board_bias(void);
void query_board_oscillator(void);
void query_board_wiper(void);
void query_board_rref(void);
void query_board_parts(void);
void set_source_hold(void);
void query_source_hold(void);
void set_source_bias(void);
void query_source_bias(void);
void set_format(void);
void query_format(void);
void query_measure_voltage(void);
void query_measure_directions(void);
void query_measure_gates(void);
void set_wiper_position(void);
void query_wiper_position(void);
void set_wiper_home(void);
void query_trigger_step(void);
void query_trigger_latch(void);
void query_trigger_count(void);
void set_trigger_self(void);
void set_calibration_constant(void);
void query_calibration_constant(void);
void query_calibration_count(void);
void set_calibration_date(void);
void query_calibration_date(void);
void set_calibration_save(void);
void set_train_memory(void);
void query_train_memory_size(void);
void query_train_memory_crc(void);
void set_train_inputs(void);
void query_train_inputs(void);
void set_train_grounds(void);
void query_train_grounds(void);
void set_train_outputs(void);
void query_train_outputs(void);
void set_train_examples(void);
void query_train_examples(void);
void set_train_order_cyclic(void);
void set_train_order_random(void);
void set_train_order_list(void);
void set_train_order_transition(void);
void set_train_seed(void);
void query_train_seed(void);
void set_train_eta(void);
void query_train_eta(void);
void set_train_eta_list(void);
void set_train_steps(void);
void query_train_steps(void);
void set_train_first(void);
void query_train_first(void);
void set_train_time_settle(void);
void query_train_time_settle(void);
void set_train_time_period(void);
void query_train_time_period(void);
void set_train_time_start(void);
void query_train_time_start(void);
void set_train_time_strict(void);
void query_train_time_strict(void);
void set_train_time_after(void);
void query_train_time_after(void);
void set_train_time_hold(void);
void query_train_time_hold(void);
void set_train_noise_source(void);
void query_train_noise_source(void);
void set_train_noise_target(void);
void query_train_noise_target(void);
void set_train_wrong(void);
void query_train_wrong(void);
void set_train_stop(void);
void query_train_stop(void);
void set_train_log_detail(void);
void query_train_log_detail(void);
void set_train_log_every(void);
void set_train_log_list(void);
void set_train_measure_every(void);
void set_train_measure_list(void);
void set_train_lost(void);
void query_train_lost(void);
void set_train_start(void);
void set_train_abort(void);
void query_train_state(void);
void query_train_log(void);

#endif
