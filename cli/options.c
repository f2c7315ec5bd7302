#include "options.h"

#include "message.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CHOICES_MAX 4

typedef struct option_spec {
    const char *name;
    char letter; /* 0: none */
    bool has_value;
    const char *choices[CHOICES_MAX]; /* the values that it takes; none: any */
    bool is_list;
} option_spec;

static const option_spec specs[OPTION_COUNT] = {
    [OPTION_HELP] = {"help", 'h', false, {NULL}, false},
    [OPTION_VERSION] = {"version", 0, false, {NULL}, false},
    [OPTION_COLOR] = {"color", 0, true, {"auto", "always", "never"}, false},
    [OPTION_JSON] = {"json", 0, false, {NULL}, false},
    [OPTION_PLAIN] = {"plain", 0, false, {NULL}, false},
    [OPTION_ALL] = {"all", 0, false, {NULL}, false},
    [OPTION_OUTPUT] = {"output", 'o', true, {NULL}, false},
    [OPTION_FORMAT] = {"format", 0, true, {"json", "binary", "compressed"}, false},
    [OPTION_UID] = {"uid", 0, true, {NULL}, false},
    [OPTION_PREFIX] = {"prefix", 0, true, {NULL}, false},
    [OPTION_LIMIT] = {"limit", 0, true, {NULL}, false},
    [OPTION_STORE] = {"store", 0, true, {NULL}, false},
    [OPTION_CLOCK] = {"clock", 0, true, {"hybrid", "lamport"}, false},
    [OPTION_PATCH] = {"patch", 0, true, {NULL}, false},
    [OPTION_RAW] = {"raw", 0, false, {NULL}, false},
    [OPTION_LONG] = {"long", 'l', false, {NULL}, false},
    [OPTION_SINCE] = {"since", 0, true, {NULL}, false},
    [OPTION_ALLOW_FUTURE] = {"allow-future", 0, false, {NULL}, false},
    [OPTION_HISTORY] = {"history", 0, false, {NULL}, false},
    [OPTION_CONFLICTS] = {"conflicts", 0, false, {NULL}, false},
    [OPTION_RESTAMP] = {"restamp", 0, false, {NULL}, false},
    [OPTION_YES] = {"yes", 'y', false, {NULL}, false},
    [OPTION_LISTEN] = {"listen", 0, true, {NULL}, true},
    [OPTION_CONNECT] = {"connect", 0, true, {NULL}, true},
    [OPTION_PULL] = {"pull", 0, true, {NULL}, true},
    [OPTION_PUSH] = {"push", 0, true, {NULL}, true},
    [OPTION_ORIGIN] = {"origin", 0, true, {NULL}, true},
    [OPTION_HOST] = {"host", 0, true, {NULL}, true},
    [OPTION_CERT] = {"cert", 0, true, {NULL}, false},
    [OPTION_KEY] = {"key", 0, true, {NULL}, false},
    [OPTION_CA] = {"ca", 0, true, {NULL}, false},
    [OPTION_CONFIG] = {"config", 0, true, {NULL}, false},
    [OPTION_CHECK_CONFIG] = {"check-config", 0, false, {NULL}, false},
    [OPTION_LOG_LEVEL] = {"log-level", 0, true, {"error", "warning", "info", "debug"}, false},
    [OPTION_LOG_FORMAT] = {"log-format", 0, true, {"text", "json"}, false},
    [OPTION_FOLLOW] = {"follow", 'f', false, {NULL}, false},
    [OPTION_DRY_RUN] = {"dry-run", 'n', false, {NULL}, false},
    [OPTION_READ] = {"read", 0, false, {NULL}, false},
    [OPTION_WRITE] = {"write", 0, false, {NULL}, false},
    [OPTION_ADMIN] = {"admin", 0, false, {NULL}, false},
    [OPTION_EXPIRES] = {"expires", 0, true, {NULL}, false},
    [OPTION_FOR] = {"for", 0, true, {NULL}, false},
    [OPTION_OFF] = {"off", 0, false, {NULL}, false},
    [OPTION_FORCE] = {"force", 0, false, {NULL}, false},
    [OPTION_KEYS] = {"keys", 0, false, {NULL}, false},
    [OPTION_REPORT] = {"report", 0, true, {NULL}, false},
    [OPTION_SECONDS] = {"seconds", 0, true, {NULL}, false},
    [OPTION_STORE_DIR] = {"store-dir", 0, true, {NULL}, false},
    [OPTION_PLUGIN] = {"plugin", 0, true, {NULL}, true},
    [OPTION_REQUIRE_SANDBOX] = {"require-sandbox", 0, false, {NULL}, false},
    [OPTION_NO_SANDBOX] = {"no-sandbox", 0, false, {NULL}, false},
    [OPTION_QR] = {"qr", 0, false, {NULL}, false},
};

/* What every command takes. */
#define COMMON_BITS \
    (OPTION_BIT(OPTION_HELP) | OPTION_BIT(OPTION_VERSION) | OPTION_BIT(OPTION_COLOR))

#define ENDING_BITS (OPTION_BIT(OPTION_HELP) | OPTION_BIT(OPTION_VERSION))

/* The arguments, and how far they were read. */
typedef struct arguments {
    char **at;
    char **end;
    cli_options *out;
} arguments;

bool cli_options_has(const cli_options *options, cli_option_id id)
{
    return options->given & OPTION_BIT(id);
}

cli_exit_code cli_complain_usage(const cli_options *options, const char *format, ...)
{
    char what[512];
    va_list args;

    va_start(args, format);
    (void)vsnprintf(what, sizeof what, format, args);
    va_end(args);
    return cli_complain(EXIT_USAGE, "%s; see %s --help", what, options->command->path);
}

/* ---- One option ---- */

static cli_option_id find_long(const char *name, size_t len)
{
    size_t id = 0;

    while (id < OPTION_COUNT && (strncmp(specs[id].name, name, len) != 0 || specs[id].name[len]))
        id++;
    return (cli_option_id)id;
}

static cli_option_id find_letter(char letter)
{
    size_t id = 0;

    while (id < OPTION_COUNT && specs[id].letter != letter) id++;
    return (cli_option_id)id;
}

static bool is_choice(const char *const *choices, const char *value)
{
    for (size_t i = 0; i < CHOICES_MAX && choices[i]; i++)
        if (strcmp(choices[i], value) == 0) return true;
    return false;
}

static bool read_number(const char *value, uint64_t most, uint64_t *out)
{
    uint64_t number = 0;

    if (!*value) return false;
    for (; *value; value++) {
        uint64_t digit = (uint64_t)(*value - '0');

        if (*value < '0' || *value > '9' || number > (most - digit) / 10) return false;
        number = number * 10 + digit;
    }
    *out = number;
    return true;
}

/* "auto, always or never". */
static void name_choices(const option_spec *spec, char *out, size_t size)
{
    size_t at = 0;

    for (size_t i = 0; i < CHOICES_MAX && spec->choices[i]; i++) {
        bool last = i + 1 == CHOICES_MAX || !spec->choices[i + 1];
        const char *before = i == 0 ? "" : last ? " or " : ", ";
        int len = snprintf(out + at, size - at, "%s%s", before, spec->choices[i]);

        if (len < 0 || (size_t)len >= size - at) return;
        at += (size_t)len;
    }
}

bool cli_option_check(cli_option_id id, const char *value, char *choices, size_t size)
{
    const option_spec *spec = &specs[id];

    if (!spec->choices[0] || is_choice(spec->choices, value)) return true;
    name_choices(spec, choices, size);
    return false;
}

static cli_exit_code take_value(cli_options *out, cli_option_id id, const char *value)
{
    const option_spec *spec = &specs[id];
    uint64_t number = 0;
    char choices[80];

    if (!cli_option_check(id, value, choices, sizeof choices))
        return cli_complain_usage(out, "--%s takes %s, not \"%s\"", spec->name, choices, value);
    if (spec->is_list && out->listed_count == OPTION_LISTED_MAX)
        return cli_complain_usage(out, "more than %d values are given", OPTION_LISTED_MAX);
    if (spec->is_list) {
        out->listed[out->listed_count].id = id;
        out->listed[out->listed_count++].value = value;
    }
    if ((id == OPTION_LIMIT || id == OPTION_SINCE || id == OPTION_SECONDS) &&
        !read_number(value, SIZE_MAX, &number))
        return cli_complain_usage(out, "--%s takes a number, not \"%s\"", spec->name, value);
    if (id == OPTION_LIMIT) out->limit = (size_t)number;
    if (id == OPTION_SINCE) out->since = number;
    if (id == OPTION_SECONDS) out->seconds = number;
    out->values[id] = value;
    return EXIT_DONE;
}

/* `value`: what stands in the same argument; NULL: nothing. */
static cli_exit_code take_option(arguments *args, cli_option_id id, const char *value)
{
    if (id == OPTION_COUNT) return cli_complain_usage(args->out, "unknown option %s", args->at[-1]);
    args->out->given |= OPTION_BIT(id);
    if (!specs[id].has_value) {
        if (value) return cli_complain_usage(args->out, "--%s takes no value", specs[id].name);
        return EXIT_DONE;
    }
    if (!value) {
        if (args->at == args->end)
            return cli_complain_usage(args->out, "--%s takes a value", specs[id].name);
        value = *args->at++;
    }
    return take_value(args->out, id, value);
}

static cli_exit_code take_long(arguments *args, const char *name)
{
    const char *equals = strchr(name, '=');
    size_t len = equals ? (size_t)(equals - name) : strlen(name);

    return take_option(args, find_long(name, len), equals ? equals + 1 : NULL);
}

/* Letters without values may stand together. */
static cli_exit_code take_letters(arguments *args, const char *letters)
{
    cli_exit_code code = EXIT_DONE;

    while (code == EXIT_DONE && *letters) {
        cli_option_id id = find_letter(*letters++);
        bool takes_rest = id < OPTION_COUNT && specs[id].has_value && *letters;

        code = take_option(args, id, takes_rest ? letters : NULL);
        if (takes_rest) break;
    }
    return code;
}

/* ---- Commands and operands ---- */

/* A word names a member of a group, or is an operand. In a group "help" is --help. */
static cli_exit_code take_word(cli_options *out, const char *word)
{
    const cli_command *const *members = out->command->members;

    if (!members) {
        out->operands[out->operand_count++] = word;
        return EXIT_DONE;
    }
    for (; *members; members++) {
        if (strcmp((*members)->name, word) != 0) continue;
        out->command = *members;
        return EXIT_DONE;
    }
    if (strcmp(word, "help") == 0) {
        out->given |= OPTION_BIT(OPTION_HELP);
        return EXIT_DONE;
    }
    return cli_complain_usage(out, "unknown command \"%s\"", word);
}

static cli_exit_code take_all(arguments *args)
{
    cli_exit_code code = EXIT_DONE;
    bool ended = false;

    while (code == EXIT_DONE && args->at < args->end) {
        const char *word = *args->at++;

        if (ended || word[0] != '-' || !word[1]) code = take_word(args->out, word);
        else if (word[1] != '-') code = take_letters(args, word + 1);
        else if (word[2]) code = take_long(args, word + 2);
        else ended = true;
    }
    return code;
}

/* ---- What fits together ---- */

/* Whatever works on a store may need a plugin to read it. */
static cli_exit_code check_options(const cli_options *options)
{
    uint64_t takes = options->command->option_bits | COMMON_BITS, others;
    size_t id = 0;

    if (takes & OPTION_BIT(OPTION_STORE)) takes |= OPTION_BIT(OPTION_PLUGIN);
    others = options->given & ~takes;
    if (!others) return EXIT_DONE;
    while (!(others & OPTION_BIT(id))) id++;
    return cli_complain_usage(options, "%s takes no --%s",
                              options->command->path + sizeof "mytosis", specs[id].name);
}

static cli_exit_code check_operands(const cli_options *options)
{
    const cli_command *command = options->command;
    size_t standard = 0;

    if (options->operand_count < command->operand_min ||
        options->operand_count > command->operand_max)
        return cli_complain_usage(options, "%s takes %s", command->path + sizeof "mytosis",
                                  command->operands);
    for (size_t i = 0; i < command->input_count && i < options->operand_count; i++)
        standard += strcmp(options->operands[i], "-") == 0;
    if (standard > 1) return cli_complain_usage(options, "only one operand can be \"-\"");
    return EXIT_DONE;
}

cli_exit_code cli_options_parse(const cli_command *root, int argc, char **argv, cli_options *out)
{
    arguments args;
    cli_exit_code code;

    *out = (cli_options){.command = root, .operands = (const char **)argv, .limit = SIZE_MAX};
    args = (arguments){argc > 0 ? argv + 1 : argv, argv + argc, out};
    code = take_all(&args);
    if (code != EXIT_DONE || out->given & ENDING_BITS) return code;
    if (out->command->members) return cli_complain_usage(out, "a command is missing");
    code = check_options(out);
    return code == EXIT_DONE ? check_operands(out) : code;
}
