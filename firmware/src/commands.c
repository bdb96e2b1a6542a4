/* Made by generate.py from commands.toml: do not edit. */
/* clang-format off */
#include "commands.h"

#include "description.h"
#include "sizes.h"

static const FLASH char choices_free_clamped[] = "FREE|CLAMped";
static const FLASH char choices_ascii_integer[] = "ASCii|INTeger";
static const FLASH char choices_full_short[] = "FULL|SHORt";
static const FLASH char choices_stop_continue[] = "STOP|CONTinue";

static const FLASH char header_cls[] = "*CLS";

static const FLASH char header_ese[] = "*ESE";
static const FLASH struct parameter set_ese_parameters[] = {
    {.type = PARAMETER_INTEGER, .min = INT64_C(0), .max = INT64_C(255)},
};

static const FLASH char header_esr[] = "*ESR";

static const FLASH char header_idn[] = "*IDN";

static const FLASH char header_opc[] = "*OPC";

static const FLASH char header_rst[] = "*RST";

static const FLASH char header_sre[] = "*SRE";
static const FLASH struct parameter set_sre_parameters[] = {
    {.type = PARAMETER_INTEGER, .min = INT64_C(0), .max = INT64_C(255)},
};

static const FLASH char header_stb[] = "*STB";

static const FLASH char header_trg[] = "*TRG";

static const FLASH char header_tst[] = "*TST";

static const FLASH char header_wai[] = "*WAI";

static const FLASH char header_system_error[] = "SYSTem:ERRor[:NEXT]";

static const FLASH char header_system_error_all[] = "SYSTem:ERRor:ALL";

static const FLASH char header_system_error_count[] = "SYSTem:ERRor:COUNt";

static const FLASH char header_system_version[] = "SYSTem:VERSion";

static const FLASH char header_system_boot[] = "SYSTem:BOOT";

static const FLASH char header_system_serial[] = "SYSTem:SERial";
static const FLASH struct parameter set_system_serial_parameters[] = {
    {.type = PARAMETER_STRING, .max = INT64_C(23)},
};

static const FLASH char header_system_sync[] = "SYSTem:SYNC";
static const FLASH struct parameter query_system_sync_parameters[] = {
    {.type = PARAMETER_INTEGER, .min = INT64_C(0), .max = INT64_C(2147483647)},
};

static const FLASH char header_system_link_check[] = "SYSTem:LINK:CHECk";
static const FLASH struct parameter set_system_link_check_parameters[] = {
    {.type = PARAMETER_BOOLEAN},
};

static const FLASH char header_system_link_length[] = "SYSTem:LINK:LENGth";

static const FLASH char header_system_clock[] = "SYSTem:CLOCk";

static const FLASH char header_system_continue[] = "SYSTem:CONTinue";
static const FLASH struct parameter set_system_continue_parameters[] = {
    {.type = PARAMETER_NUMBER, .min = INT64_C(0), .max = INT64_C(100000000000000)},
    {.type = PARAMETER_INTEGER, .min = INT64_C(0), .max = INT64_C(2147483647)},
};

static const FLASH char header_system_tick[] = "SYSTem:TICK";

static const FLASH char header_system_wait[] = "SYSTem:WAIT";
static const FLASH struct parameter set_system_wait_parameters[] = {
    {.type = PARAMETER_NUMBER, .min = INT64_C(0), .max = INT64_C(1000000000000)},
};

static const FLASH char header_system_watchdog[] = "SYSTem:WATChdog";
static const FLASH struct parameter set_system_watchdog_parameters[] = {
    {.type = PARAMETER_NUMBER, .min = INT64_C(0), .max = INT64_C(1000000000000)},
};

static const FLASH char header_system_safe[] = "SYSTem:SAFE";

static const FLASH char header_status_operation[] = "STATus:OPERation[:EVENt]";

static const FLASH char header_status_operation_condition[] = "STATus:OPERation:CONDition";

static const FLASH char header_status_operation_enable[] = "STATus:OPERation:ENABle";
static const FLASH struct parameter set_status_operation_enable_parameters[] = {
    {.type = PARAMETER_INTEGER, .min = INT64_C(0), .max = INT64_C(32767)},
};

static const FLASH char header_status_questionable[] = "STATus:QUEStionable[:EVENt]";

static const FLASH char header_status_questionable_condition[] = "STATus:QUEStionable:CONDition";

static const FLASH char header_status_questionable_enable[] = "STATus:QUEStionable:ENABle";
static const FLASH struct parameter set_status_questionable_enable_parameters[] = {
    {.type = PARAMETER_INTEGER, .min = INT64_C(0), .max = INT64_C(32767)},
};

static const FLASH char header_status_preset[] = "STATus:PRESet";

static const FLASH char header_board_name[] = "BOARd:NAME";

static const FLASH char header_board_nodes[] = "BOARd:NODes";

static const FLASH char header_board_edges[] = "BOARd:EDGes";

static const FLASH char header_board_positions[] = "BOARd:POSitions";

static const FLASH char header_board_holdable[] = "BOARd:HOLDable";

static const FLASH char header_board_source[] = "BOARd:SOURce";

static const FLASH char header_board_reading[] = "BOARd:READing";

static const FLASH char header_board_bias[] = "BOARd:BIAS";

static const FLASH char header_board_oscillator[] = "BOARd:OSCillator";

static const FLASH char header_board_wiper[] = "BOARd:WIPer";

static const FLASH char header_board_rref[] = "BOARd:RREF";

static const FLASH char header_board_parts[] = "BOARd:PARTs";

static const FLASH char header_source_hold[] = "SOURce:HOLD";
static const FLASH struct parameter set_source_hold_parameters[] = {
    {.type = PARAMETER_CHOICE, .choices = choices_free_clamped},
    {.type = PARAMETER_PAIRS, .optional = true, .list = true, .min = (BOARD_SOURCE_MIN_UV),
     .max = (BOARD_SOURCE_MAX_UV)},
};
static const FLASH struct parameter query_source_hold_parameters[] = {
    {.type = PARAMETER_CHOICE, .choices = choices_free_clamped},
};

static const FLASH char header_source_bias[] = "SOURce:BIAS";
static const FLASH struct parameter set_source_bias_parameters[] = {
    {.type = PARAMETER_NUMBER, .min = INT64_C(0), .max = (BOARD_BIAS_LIMIT_UV)},
};

static const FLASH char header_format[] = "FORMat[:DATA]";
static const FLASH struct parameter set_format_parameters[] = {
    {.type = PARAMETER_CHOICE, .choices = choices_ascii_integer},
};

static const FLASH char header_measure_voltage[] = "MEASure:VOLTage";
static const FLASH struct parameter query_measure_voltage_parameters[] = {
    {.type = PARAMETER_CHOICE, .choices = choices_free_clamped},
};

static const FLASH char header_measure_directions[] = "MEASure:DIRections";

static const FLASH char header_measure_gates[] = "MEASure:GATes";

static const FLASH char header_wiper_position[] = "WIPer:POSition";
static const FLASH struct parameter set_wiper_position_parameters[] = {
    {.type = PARAMETER_INTEGER, .list = true, .min = INT64_C(0), .max = (BOARD_WIPER_POSITIONS - 1)},
};

static const FLASH char header_wiper_home[] = "WIPer:HOME";

static const FLASH char header_trigger_step[] = "TRIGger:STEP";

static const FLASH char header_trigger_latch[] = "TRIGger:LATCh";

static const FLASH char header_trigger_count[] = "TRIGger:COUNt";

static const FLASH char header_trigger_self[] = "TRIGger:SELF";
static const FLASH struct parameter set_trigger_self_parameters[] = {
    {.type = PARAMETER_NUMBER, .min = INT64_C(0), .max = INT64_C(1000000000000)},
};

static const FLASH char header_calibration_constant[] = "CALibration:CONStant";
static const FLASH struct parameter set_calibration_constant_parameters[] = {
    {.type = PARAMETER_INTEGER, .min = INT64_C(0), .max = (CALIBRATION_CONSTANTS - 1)},
    {.type = PARAMETER_NUMBER, .min = (-INT64_C(2147483647)), .max = INT64_C(2147483647)},
};
static const FLASH struct parameter query_calibration_constant_parameters[] = {
    {.type = PARAMETER_INTEGER, .min = INT64_C(0), .max = (CALIBRATION_CONSTANTS - 1)},
};

static const FLASH char header_calibration_count[] = "CALibration:COUNt";

static const FLASH char header_calibration_date[] = "CALibration:DATE";
static const FLASH struct parameter set_calibration_date_parameters[] = {
    {.type = PARAMETER_STRING, .max = INT64_C(10)},
};

static const FLASH char header_calibration_save[] = "CALibration:SAVE";

static const FLASH char header_train_memory[] = "TRAin:MEMory";
static const FLASH struct parameter set_train_memory_parameters[] = {
    {.type = PARAMETER_INTEGER, .min = INT64_C(0), .max = (TRAIN_WORDS - 1)},
    {.type = PARAMETER_BLOCK},
};

static const FLASH char header_train_memory_size[] = "TRAin:MEMory:SIZE";

static const FLASH char header_train_memory_crc[] = "TRAin:MEMory:CRC";
static const FLASH struct parameter query_train_memory_crc_parameters[] = {
    {.type = PARAMETER_INTEGER, .min = INT64_C(0), .max = (TRAIN_WORDS - 1)},
    {.type = PARAMETER_INTEGER, .min = INT64_C(0), .max = (TRAIN_WORDS)},
};

static const FLASH char header_train_inputs[] = "TRAin:INPuts";
static const FLASH struct parameter set_train_inputs_parameters[] = {
    {.type = PARAMETER_INTEGER, .list = true, .min = INT64_C(0), .max = (BOARD_NODES - 1)},
};

static const FLASH char header_train_grounds[] = "TRAin:GROunds";
static const FLASH struct parameter set_train_grounds_parameters[] = {
    {.type = PARAMETER_INTEGER, .optional = true, .list = true, .min = INT64_C(0), .max = (BOARD_NODES - 1)},
};

static const FLASH char header_train_outputs[] = "TRAin:OUTPuts";
static const FLASH struct parameter set_train_outputs_parameters[] = {
    {.type = PARAMETER_INTEGER, .list = true, .min = INT64_C(0), .max = (BOARD_NODES - 1)},
};

static const FLASH char header_train_examples[] = "TRAin:EXAMples";
static const FLASH struct parameter set_train_examples_parameters[] = {
    {.type = PARAMETER_INTEGER, .min = INT64_C(1), .max = INT64_C(65535)},
    {.type = PARAMETER_INTEGER, .min = INT64_C(0), .max = INT64_C(65535)},
};

static const FLASH char header_train_order_cyclic[] = "TRAin:ORDer:CYCLic";
static const FLASH struct parameter set_train_order_cyclic_parameters[] = {
    {.type = PARAMETER_INTEGER, .min = INT64_C(1), .max = INT64_C(65535)},
};

static const FLASH char header_train_order_random[] = "TRAin:ORDer:RANDom";

static const FLASH char header_train_order_list[] = "TRAin:ORDer:LIST";
static const FLASH struct parameter set_train_order_list_parameters[] = {
    {.type = PARAMETER_INTEGER, .min = INT64_C(0), .max = (TRAIN_WORDS - 1)},
    {.type = PARAMETER_INTEGER, .min = INT64_C(1), .max = (TRAIN_WORDS)},
};

static const FLASH char header_train_order_transition[] = "TRAin:ORDer:TRANsition";
static const FLASH struct parameter set_train_order_transition_parameters[] = {
    {.type = PARAMETER_INTEGER, .min = INT64_C(0), .max = (TRAIN_WORDS - 1)},
};

static const FLASH char header_train_seed[] = "TRAin:SEED";
static const FLASH struct parameter set_train_seed_parameters[] = {
    {.type = PARAMETER_INTEGER64},
};

static const FLASH char header_train_eta[] = "TRAin:ETA";
static const FLASH struct parameter set_train_eta_parameters[] = {
    {.type = PARAMETER_NUMBER, .min = INT64_C(0), .max = INT64_C(1000000)},
};

static const FLASH char header_train_eta_list[] = "TRAin:ETA:LIST";
static const FLASH struct parameter set_train_eta_list_parameters[] = {
    {.type = PARAMETER_INTEGER, .min = INT64_C(0), .max = (TRAIN_WORDS - 1)},
    {.type = PARAMETER_INTEGER, .min = INT64_C(1), .max = (TRAIN_WORDS)},
};

static const FLASH char header_train_steps[] = "TRAin:STEPs";
static const FLASH struct parameter set_train_steps_parameters[] = {
    {.type = PARAMETER_INTEGER, .min = INT64_C(1), .max = INT64_C(2147483647)},
};

static const FLASH char header_train_first[] = "TRAin:FIRSt";
static const FLASH struct parameter set_train_first_parameters[] = {
    {.type = PARAMETER_INTEGER, .min = INT64_C(0), .max = INT64_C(2147483647)},
};

static const FLASH char header_train_time_settle[] = "TRAin:TIME:SETTle";
static const FLASH struct parameter set_train_time_settle_parameters[] = {
    {.type = PARAMETER_NUMBER, .min = INT64_C(0), .max = INT64_C(2000000000)},
};

static const FLASH char header_train_time_period[] = "TRAin:TIME:PERiod";
static const FLASH struct parameter set_train_time_period_parameters[] = {
    {.type = PARAMETER_NUMBER, .min = INT64_C(0), .max = INT64_C(1000000000000)},
};

static const FLASH char header_train_time_start[] = "TRAin:TIME:STARt";
static const FLASH struct parameter set_train_time_start_parameters[] = {
    {.type = PARAMETER_NUMBER, .min = INT64_C(0), .max = INT64_C(100000000000000)},
};

static const FLASH char header_train_time_strict[] = "TRAin:TIME:STRict";
static const FLASH struct parameter set_train_time_strict_parameters[] = {
    {.type = PARAMETER_BOOLEAN},
};

static const FLASH char header_train_time_after[] = "TRAin:TIME:AFTer";
static const FLASH struct parameter set_train_time_after_parameters[] = {
    {.type = PARAMETER_NUMBER, .min = INT64_C(0), .max = INT64_C(2000000000)},
};

static const FLASH char header_train_time_hold[] = "TRAin:TIME:HOLD";
static const FLASH struct parameter set_train_time_hold_parameters[] = {
    {.type = PARAMETER_INTEGER, .min = INT64_C(0), .max = INT64_C(65535)},
    {.type = PARAMETER_NUMBER, .min = INT64_C(0), .max = INT64_C(2000000000)},
};

static const FLASH char header_train_noise_source[] = "TRAin:NOISe:SOURce";
static const FLASH struct parameter set_train_noise_source_parameters[] = {
    {.type = PARAMETER_NUMBER, .min = INT64_C(0), .max = (BOARD_SOURCE_MAX_UV)},
};

static const FLASH char header_train_noise_target[] = "TRAin:NOISe:TARGet";
static const FLASH struct parameter set_train_noise_target_parameters[] = {
    {.type = PARAMETER_NUMBER, .min = INT64_C(0), .max = (BOARD_SOURCE_MAX_UV)},
};

static const FLASH char header_train_wrong[] = "TRAin:WRONg";
static const FLASH struct parameter set_train_wrong_parameters[] = {
    {.type = PARAMETER_BOOLEAN},
    {.type = PARAMETER_NUMBER, .min = INT64_C(0), .max = (BOARD_SOURCE_MAX_UV)},
};

static const FLASH char header_train_stop[] = "TRAin:STOP";
static const FLASH struct parameter set_train_stop_parameters[] = {
    {.type = PARAMETER_BOOLEAN},
    {.type = PARAMETER_NUMBER, .min = INT64_C(0), .max = (BOARD_SOURCE_MAX_UV)},
};

static const FLASH char header_train_log_detail[] = "TRAin:LOG:DETail";
static const FLASH struct parameter set_train_log_detail_parameters[] = {
    {.type = PARAMETER_CHOICE, .choices = choices_full_short},
};

static const FLASH char header_train_log_every[] = "TRAin:LOG:EVERy";
static const FLASH struct parameter set_train_log_every_parameters[] = {
    {.type = PARAMETER_INTEGER, .min = INT64_C(0), .max = INT64_C(2147483647)},
};

static const FLASH char header_train_log_list[] = "TRAin:LOG:LIST";
static const FLASH struct parameter set_train_log_list_parameters[] = {
    {.type = PARAMETER_INTEGER, .min = INT64_C(0), .max = (TRAIN_WORDS - 1)},
    {.type = PARAMETER_INTEGER, .min = INT64_C(1), .max = (TRAIN_WORDS)},
};

static const FLASH char header_train_measure_every[] = "TRAin:MEASure:EVERy";
static const FLASH struct parameter set_train_measure_every_parameters[] = {
    {.type = PARAMETER_INTEGER, .min = INT64_C(0), .max = INT64_C(2147483647)},
};

static const FLASH char header_train_measure_list[] = "TRAin:MEASure:LIST";
static const FLASH struct parameter set_train_measure_list_parameters[] = {
    {.type = PARAMETER_INTEGER, .min = INT64_C(0), .max = (TRAIN_WORDS - 1)},
    {.type = PARAMETER_INTEGER, .min = INT64_C(1), .max = (TRAIN_WORDS)},
};

static const FLASH char header_train_lost[] = "TRAin:LOST";
static const FLASH struct parameter set_train_lost_parameters[] = {
    {.type = PARAMETER_CHOICE, .choices = choices_stop_continue},
    {.type = PARAMETER_NUMBER, .min = INT64_C(0), .max = INT64_C(1000000000000)},
};

static const FLASH char header_train_start[] = "TRAin:STARt";

static const FLASH char header_train_abort[] = "TRAin:ABORt";

static const FLASH char header_train_state[] = "TRAin:STATe";

static const FLASH char header_train_log[] = "TRAin:LOG";
static const FLASH struct parameter query_train_log_parameters[] = {
    {.type = PARAMETER_INTEGER, .min = INT64_C(0), .max = INT64_C(2147483647)},
};

const FLASH struct command commands[COMMAND_COUNT] = {
    {.header = header_cls, .set = set_cls},
    {.header = header_ese, .set = set_ese, .set_parameters = set_ese_parameters, .set_count = 1, .query = query_ese},
    {.header = header_esr, .query = query_esr},
    {.header = header_idn, .query = query_idn},
    {.header = header_opc, .set = set_opc, .query = query_opc},
    {.header = header_rst, .set = set_rst},
    {.header = header_sre, .set = set_sre, .set_parameters = set_sre_parameters, .set_count = 1, .query = query_sre},
    {.header = header_stb, .query = query_stb},
    {.header = header_trg, .set = set_trg, .idle = true},
    {.header = header_tst, .query = query_tst},
    {.header = header_wai, .set = set_wai},
    {.header = header_system_error, .query = query_system_error},
    {.header = header_system_error_all, .query = query_system_error_all},
    {.header = header_system_error_count, .query = query_system_error_count},
    {.header = header_system_version, .query = query_system_version},
    {.header = header_system_boot, .query = query_system_boot},
    {.header = header_system_serial, .set = set_system_serial, .set_parameters = set_system_serial_parameters,
     .set_count = 1, .query = query_system_serial},
    {.header = header_system_sync, .query = query_system_sync, .query_parameters = query_system_sync_parameters,
     .query_count = 1},
    {.header = header_system_link_check, .set = set_system_link_check,
     .set_parameters = set_system_link_check_parameters, .set_count = 1, .query = query_system_link_check,
     .plain = true},
    {.header = header_system_link_length, .query = query_system_link_length},
    {.header = header_system_clock, .query = query_system_clock},
    {.header = header_system_continue, .set = set_system_continue, .set_parameters = set_system_continue_parameters,
     .set_count = 2, .idle = true},
    {.header = header_system_tick, .query = query_system_tick},
    {.header = header_system_wait, .set = set_system_wait, .set_parameters = set_system_wait_parameters,
     .set_count = 1},
    {.header = header_system_watchdog, .set = set_system_watchdog, .set_parameters = set_system_watchdog_parameters,
     .set_count = 1, .query = query_system_watchdog},
    {.header = header_system_safe, .set = set_system_safe},
    {.header = header_status_operation, .query = query_status_operation},
    {.header = header_status_operation_condition, .query = query_status_operation_condition},
    {.header = header_status_operation_enable, .set = set_status_operation_enable,
     .set_parameters = set_status_operation_enable_parameters, .set_count = 1, .query = query_status_operation_enable},
    {.header = header_status_questionable, .query = query_status_questionable},
    {.header = header_status_questionable_condition, .query = query_status_questionable_condition},
    {.header = header_status_questionable_enable, .set = set_status_questionable_enable,
     .set_parameters = set_status_questionable_enable_parameters, .set_count = 1,
     .query = query_status_questionable_enable},
    {.header = header_status_preset, .set = set_status_preset},
    {.header = header_board_name, .query = query_board_name},
    {.header = header_board_nodes, .query = query_board_nodes},
    {.header = header_board_edges, .query = query_board_edges},
    {.header = header_board_positions, .query = query_board_positions},
    {.header = header_board_holdable, .query = query_board_holdable},
    {.header = header_board_source, .query = query_board_source},
    {.header = header_board_reading, .query = query_board_reading},
    {.header = header_board_bias, .query = query_board_bias},
    {.header = header_board_oscillator, .query = query_board_oscillator},
    {.header = header_board_wiper, .query = query_board_wiper},
    {.header = header_board_rref, .query = query_board_rref},
    {.header = header_board_parts, .query = query_board_parts},
    {.header = header_source_hold, .set = set_source_hold, .set_parameters = set_source_hold_parameters, .set_count = 2,
     .query = query_source_hold, .query_parameters = query_source_hold_parameters, .query_count = 1, .idle = true},
    {.header = header_source_bias, .set = set_source_bias, .set_parameters = set_source_bias_parameters, .set_count = 1,
     .query = query_source_bias, .idle = true},
    {.header = header_format, .set = set_format, .set_parameters = set_format_parameters, .set_count = 1,
     .query = query_format},
    {.header = header_measure_voltage, .query = query_measure_voltage,
     .query_parameters = query_measure_voltage_parameters, .query_count = 1, .idle = true},
    {.header = header_measure_directions, .query = query_measure_directions, .idle = true},
    {.header = header_measure_gates, .query = query_measure_gates, .idle = true},
    {.header = header_wiper_position, .set = set_wiper_position, .set_parameters = set_wiper_position_parameters,
     .set_count = 1, .query = query_wiper_position, .idle = true},
    {.header = header_wiper_home, .set = set_wiper_home, .idle = true},
    {.header = header_trigger_step, .query = query_trigger_step, .idle = true},
    {.header = header_trigger_latch, .query = query_trigger_latch, .idle = true},
    {.header = header_trigger_count, .query = query_trigger_count},
    {.header = header_trigger_self, .set = set_trigger_self, .set_parameters = set_trigger_self_parameters,
     .set_count = 1, .idle = true},
    {.header = header_calibration_constant, .set = set_calibration_constant,
     .set_parameters = set_calibration_constant_parameters, .set_count = 2, .query = query_calibration_constant,
     .query_parameters = query_calibration_constant_parameters, .query_count = 1},
    {.header = header_calibration_count, .query = query_calibration_count},
    {.header = header_calibration_date, .set = set_calibration_date, .set_parameters = set_calibration_date_parameters,
     .set_count = 1, .query = query_calibration_date},
    {.header = header_calibration_save, .set = set_calibration_save},
    {.header = header_train_memory, .set = set_train_memory, .set_parameters = set_train_memory_parameters,
     .set_count = 2, .idle = true},
    {.header = header_train_memory_size, .query = query_train_memory_size},
    {.header = header_train_memory_crc, .query = query_train_memory_crc,
     .query_parameters = query_train_memory_crc_parameters, .query_count = 2},
    {.header = header_train_inputs, .set = set_train_inputs, .set_parameters = set_train_inputs_parameters,
     .set_count = 1, .query = query_train_inputs, .idle = true},
    {.header = header_train_grounds, .set = set_train_grounds, .set_parameters = set_train_grounds_parameters,
     .set_count = 1, .query = query_train_grounds, .idle = true},
    {.header = header_train_outputs, .set = set_train_outputs, .set_parameters = set_train_outputs_parameters,
     .set_count = 1, .query = query_train_outputs, .idle = true},
    {.header = header_train_examples, .set = set_train_examples, .set_parameters = set_train_examples_parameters,
     .set_count = 2, .query = query_train_examples, .idle = true},
    {.header = header_train_order_cyclic, .set = set_train_order_cyclic,
     .set_parameters = set_train_order_cyclic_parameters, .set_count = 1, .idle = true},
    {.header = header_train_order_random, .set = set_train_order_random, .idle = true},
    {.header = header_train_order_list, .set = set_train_order_list, .set_parameters = set_train_order_list_parameters,
     .set_count = 2, .idle = true},
    {.header = header_train_order_transition, .set = set_train_order_transition,
     .set_parameters = set_train_order_transition_parameters, .set_count = 1, .idle = true},
    {.header = header_train_seed, .set = set_train_seed, .set_parameters = set_train_seed_parameters, .set_count = 1,
     .query = query_train_seed, .idle = true},
    {.header = header_train_eta, .set = set_train_eta, .set_parameters = set_train_eta_parameters, .set_count = 1,
     .query = query_train_eta, .idle = true},
    {.header = header_train_eta_list, .set = set_train_eta_list, .set_parameters = set_train_eta_list_parameters,
     .set_count = 2, .idle = true},
    {.header = header_train_steps, .set = set_train_steps, .set_parameters = set_train_steps_parameters, .set_count = 1,
     .query = query_train_steps, .idle = true},
    {.header = header_train_first, .set = set_train_first, .set_parameters = set_train_first_parameters, .set_count = 1,
     .query = query_train_first, .idle = true},
    {.header = header_train_time_settle, .set = set_train_time_settle,
     .set_parameters = set_train_time_settle_parameters, .set_count = 1, .query = query_train_time_settle,
     .idle = true},
    {.header = header_train_time_period, .set = set_train_time_period,
     .set_parameters = set_train_time_period_parameters, .set_count = 1, .query = query_train_time_period,
     .idle = true},
    {.header = header_train_time_start, .set = set_train_time_start, .set_parameters = set_train_time_start_parameters,
     .set_count = 1, .query = query_train_time_start, .idle = true},
    {.header = header_train_time_strict, .set = set_train_time_strict,
     .set_parameters = set_train_time_strict_parameters, .set_count = 1, .query = query_train_time_strict,
     .idle = true},
    {.header = header_train_time_after, .set = set_train_time_after, .set_parameters = set_train_time_after_parameters,
     .set_count = 1, .query = query_train_time_after, .idle = true},
    {.header = header_train_time_hold, .set = set_train_time_hold, .set_parameters = set_train_time_hold_parameters,
     .set_count = 2, .query = query_train_time_hold, .idle = true},
    {.header = header_train_noise_source, .set = set_train_noise_source,
     .set_parameters = set_train_noise_source_parameters, .set_count = 1, .query = query_train_noise_source,
     .idle = true},
    {.header = header_train_noise_target, .set = set_train_noise_target,
     .set_parameters = set_train_noise_target_parameters, .set_count = 1, .query = query_train_noise_target,
     .idle = true},
    {.header = header_train_wrong, .set = set_train_wrong, .set_parameters = set_train_wrong_parameters, .set_count = 2,
     .query = query_train_wrong, .idle = true},
    {.header = header_train_stop, .set = set_train_stop, .set_parameters = set_train_stop_parameters, .set_count = 2,
     .query = query_train_stop, .idle = true},
    {.header = header_train_log_detail, .set = set_train_log_detail, .set_parameters = set_train_log_detail_parameters,
     .set_count = 1, .query = query_train_log_detail, .idle = true},
    {.header = header_train_log_every, .set = set_train_log_every, .set_parameters = set_train_log_every_parameters,
     .set_count = 1, .idle = true},
    {.header = header_train_log_list, .set = set_train_log_list, .set_parameters = set_train_log_list_parameters,
     .set_count = 2, .idle = true},
    {.header = header_train_measure_every, .set = set_train_measure_every,
     .set_parameters = set_train_measure_every_parameters, .set_count = 1, .idle = true},
    {.header = header_train_measure_list, .set = set_train_measure_list,
     .set_parameters = set_train_measure_list_parameters, .set_count = 2, .idle = true},
    {.header = header_train_lost, .set = set_train_lost, .set_parameters = set_train_lost_parameters, .set_count = 2,
     .query = query_train_lost},
    {.header = header_train_start, .set = set_train_start, .idle = true},
    {.header = header_train_abort, .set = set_train_abort},
    {.header = header_train_state, .query = query_train_state},
    {.header = header_train_log, .query = query_train_log, .query_parameters = query_train_log_parameters,
     .query_count = 1},
};
