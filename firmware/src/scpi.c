#include "scpi.h"

#include <stddef.h>
#include <string.h>

#include "answer.h"
#include "commands.h"
#include "parameters.h"
#include "train.h"
#include "words.h"

#define PATH_BYTES 48

/* Headers -------------------------------------------------------------------------------------------------------------- */

static bool match(const FLASH char *pattern, const char *header, const char *end) {
    const FLASH char *option = NULL; /* what the header may lack, and what there was of the header before it */
    const char *before = header;
    for (;;) {
        bool fits = true;
        switch (*pattern) {
        case '[':
            option = pattern++;
            before = header;
            break;
        case ']':
            pattern++;
            break;
        case 0:
            if (header == end) {
                return true;
            }
            fits = false;
            break;
        case ':':
            fits = header != end && *header == ':';
            pattern++;
            header += fits;
            break;
        default:
            fits = match_mnemonic(&pattern, &header, end);
        }
        if (!fits) {
            if (option == NULL) {
                return false;
            }
            pattern = option;
            header = before;
            option = NULL;
            while (*pattern++ != ']') {
            }
        }
    }
}

/* Hosts repeat themselves: a few headers are remembered, by what they look like. */
static const FLASH struct command *find(const char *header, const char *end) {
    static const FLASH struct command *remembered[16];
    uint8_t looks = 0;
    for (const char *at = header; at < end; at++) {
        looks = (uint8_t)((looks << 1 | looks >> 7) ^ (uint8_t)*at);
    }
    const FLASH struct command **slot = &remembered[looks % 16];
    if (*slot != NULL && match((*slot)->header, header, end)) {
        return *slot;
    }
    char first = upper(*header);
    for (uint8_t i = 0; i < COMMAND_COUNT; i++) {
        if (commands[i].header[0] == first && match(commands[i].header, header, end)) {
            return *slot = &commands[i];
        }
    }
    return NULL;
}

/* Messages ------------------------------------------------------------------------------------------------------------- */

static void run(const FLASH struct command *command, bool is_query) {
    static const FLASH char training[] = "a training runs; TRAin:ABORt ends it";
    if (command->idle && train_running() && (!is_query || command->set == NULL)) {
        refuse(ERROR_SETTINGS_CONFLICT, training);
        return;
    }
    void (*handler)(void) = is_query ? command->query : command->set;
    if (is_query) {
        answer_next_unit();
    }
    if (!parameters_expect(is_query ? command->query_parameters : command->set_parameters,
                           is_query ? command->query_count : command->set_count)) {
        return;
    }
    handler();
    if (is_query && answer_overflowed()) {
        refuse(ERROR_QUERY_DEADLOCKED, NULL);
    }
    if (is_query && refused()) {
        answer_drop_unit();
    }
}

/* Put the header of a unit after the path of those before it; gives its length. */
static uint8_t complete_header(char full[PATH_BYTES], uint8_t path, const char *header, const char *end) {
    if (*header == ':') {
        header++;
        path = 0;
    } else if (*header == '*') {
        path = 0;
    }
    uint8_t n = path;
    for (; header < end; header++) {
        if (n == PATH_BYTES) {
            return 0;
        }
        full[n++] = *header;
    }
    return n;
}

static void execute_unit(const char *at, const char *end, char full[PATH_BYTES], uint8_t *path, bool plain_only) {
    const char *header_end = at;
    while (header_end < end && (in_mnemonic(*header_end) || *header_end == ':')) {
        header_end++;
    }
    char kept[PATH_BYTES]; /* a common command leaves the path as it is */
    memcpy(kept, full, *path);
    uint8_t length = complete_header(full, *path, at, header_end);
    const FLASH struct command *command = length ? find(full, full + length) : NULL;
    if (*at == '*') {
        memcpy(full, kept, *path);
    } else {
        for (*path = length; *path && full[*path - 1] != ':';) {
            (*path)--;
        }
    }
    bool is_query = header_end < end && *header_end == '?';
    if (plain_only && (command == NULL || !command->plain || is_query)) {
        return;
    }
    header_end += is_query;
    parameters_begin(header_end, end);
    if (header_end < end && *header_end != ' ' && *header_end != '\t') {
        refuse(ERROR_SYNTAX, NULL);
    } else if (command == NULL || (is_query ? command->query : command->set) == NULL) {
        refuse(ERROR_UNDEFINED_HEADER, NULL);
    } else {
        run(command, is_query);
    }
}

void scpi_execute(const char *message, uint16_t length, bool plain_only) {
    char full[PATH_BYTES];
    uint8_t path = 0;
    const char *at = message, *end = message + length;
    if (!plain_only) {
        answer_clear();
    }
    while (at < end) {
        at = skip_spaces(at, end);
        const char *separator;
        const char *last = parameters_end(at, end, true, &separator);
        if (last > at) {
            execute_unit(at, last, full, &path, plain_only);
        }
        at = separator + 1;
    }
}
