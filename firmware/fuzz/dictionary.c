/* Prints the words of the fuzzer, from the table of commands. */
#include <stdio.h>
#include <string.h>

#include "commands.h"
#include "number.h"

/* The short form, without what may be left out, and what follows it. */
static void print_header(const char *header, const char *end) {
    putchar('"');
    if (*header != '*') {
        putchar(':');
    }
    for (; *header; header++) {
        if (*header == '[') {
            header = strchr(header, ']');
        } else if (*header < 'a' || *header > 'z') {
            putchar(*header);
        }
    }
    printf("%s\"\n", end);
}

static void print_number(const struct parameter *parameter, int64_t value) {
    char text[NUMBER_TEXT];
    number_write_micro(parameter->type == PARAMETER_INTEGER ? value * MICRO : value, text);
    printf("\"%s\"\n", text);
}

/* Its choices, or its limits and what is just beyond. */
static void print_parameter(const struct parameter *parameter) {
    if (parameter->type == PARAMETER_INTEGER || parameter->type == PARAMETER_NUMBER) {
        print_number(parameter, parameter->max - 1);
        print_number(parameter, parameter->max);
        print_number(parameter, parameter->max + 1);
    }
    if (!parameter->choices) {
        return;
    }
    putchar('"');
    for (const char *c = parameter->choices; *c; c++) {
        if (*c == '|') {
            printf("\"\n\"");
        } else if (*c < 'a' || *c > 'z') {
            putchar(*c);
        }
    }
    puts("\"");
}

int main(void) {
    for (int i = 0; i < COMMAND_COUNT; i++) {
        const struct command *command = &commands[i];
        if (command->set) {
            print_header(command->header, command->set_count ? " " : ";");
        }
        if (command->query) {
            print_header(command->header, command->query_count ? "? " : "?;");
        }
        for (uint8_t k = 0; k < command->set_count; k++) {
            print_parameter(&command->set_parameters[k]);
        }
    }
    puts("\"ON\"\n\"OFF\"\n\"#3\"\n\"#18\"\n\"1e9\"\n\"65535\"\n\"0.000001\"\n\",\"\n\";:\"\n\"\\\"\"\n\"\\x0A\"\n\"@"
         "0001\"");
    for (int operation = 0x80; operation < 0x8C; operation++) {
        printf("\"\\x%02X\"\n", (unsigned)operation);
    }
    return 0;
}
