/* options.h - what the command line says: the only place that takes it apart.
 *
 * Options may stand anywhere, before and after operands; "--" ends them; "-" is an operand. An option with a value is
 * written --name=VALUE, --name VALUE, -nVALUE or -n VALUE. */
#ifndef CLI_OPTIONS_H
#define CLI_OPTIONS_H

#include "command.h"

#include <stdbool.h>
#include <stdint.h>

typedef enum cli_option_id {
    OPTION_HELP,
    OPTION_VERSION,
    OPTION_COLOR,
    OPTION_JSON,
    OPTION_PLAIN,
    OPTION_ALL,
    OPTION_OUTPUT,
    OPTION_FORMAT,
    OPTION_UID,
    OPTION_PREFIX,
    OPTION_LIMIT,
    OPTION_STORE,
    OPTION_CLOCK,
    OPTION_PATCH,
    OPTION_RAW,
    OPTION_LONG,
    OPTION_SINCE,
    OPTION_ALLOW_FUTURE,
    OPTION_HISTORY,
    OPTION_CONFLICTS,
    OPTION_RESTAMP,
    OPTION_YES,
    OPTION_LISTEN,
    OPTION_CONNECT,
    OPTION_PULL,
    OPTION_PUSH,
    OPTION_ORIGIN,
    OPTION_HOST,
    OPTION_CERT,
    OPTION_KEY,
    OPTION_CA,
    OPTION_CONFIG,
    OPTION_CHECK_CONFIG,
    OPTION_LOG_LEVEL,
    OPTION_LOG_FORMAT,
    OPTION_FOLLOW,
    OPTION_DRY_RUN,
    OPTION_READ,
    OPTION_WRITE,
    OPTION_ADMIN,
    OPTION_EXPIRES,
    OPTION_FOR,
    OPTION_OFF,
    OPTION_FORCE,
    OPTION_KEYS,
    OPTION_REPORT,
    OPTION_SECONDS,
    OPTION_STORE_DIR,
    OPTION_PLUGIN,
    OPTION_REQUIRE_SANDBOX,
    OPTION_NO_SANDBOX,
    OPTION_QR,
    OPTION_COUNT
} cli_option_id;

#define OPTION_BIT(id) (UINT64_C(1) << (id))

/* How many values of options may be given that are lists: --listen, --connect, --pull, --push, --origin, --host, --plugin. */
#define OPTION_LISTED_MAX 64

struct cli_options {
    const cli_command *command;       /* the innermost that was named */
    uint64_t given;                   /* OPTION_BIT of each option that was given */
    const char *values[OPTION_COUNT]; /* of an option given twice, the later */
    const char **operands;
    size_t operand_count;
    size_t limit;     /* of --limit; SIZE_MAX without */
    uint64_t since;   /* of --since; 0 without */
    uint64_t seconds; /* of --seconds; 0 without */
    struct {
        cli_option_id id;
        const char *value;
    } listed[OPTION_LISTED_MAX]; /* of options that are lists, in their order */
    size_t listed_count;
};

/* Reads the arguments of `main`, whose array it reorders, for the commands below `root`. Anything but EXIT_DONE: what was
 * wrong has been said. With --help or --version among the options given, nothing else was checked. */
cli_exit_code cli_options_parse(const cli_command *root, int argc, char **argv, cli_options *out);

/* Whether an option takes a value. If not, `choices` becomes what it takes: "text or json". */
bool cli_option_check(cli_option_id id, const char *value, char *choices, size_t size);

bool cli_options_has(const cli_options *options, cli_option_id id);

/* Says what is wrong with the command line, and where the right way is described. Answers EXIT_USAGE. */
cli_exit_code cli_complain_usage(const cli_options *options, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

#endif
