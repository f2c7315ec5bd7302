/* command.h - what a command is, and how it ends.
 *
 * Commands form a tree: `mytosis` is a group, `graph` a group in it, `merge` a command in that. A command is a constant
 * that its own file defines; a group lists its members. To add a verb is to write one and to list it. */
#ifndef CLI_COMMAND_H
#define CLI_COMMAND_H

#include <stddef.h>
#include <stdint.h>

typedef struct cli_options cli_options;

/* How the program ends; every help text and man page says so. */
typedef enum cli_exit_code {
    EXIT_DONE = 0,
    EXIT_DIFFERENT = 1, /* what was asked for is not there; of diff: the difference is not empty */
    EXIT_USAGE = 2,
    EXIT_INPUT = 3, /* a file or store that cannot be read, or is not what it should be */
    EXIT_SYSTEM = 4 /* writing failed, there is no memory, or another holds the store */
} cli_exit_code;

typedef struct cli_command cli_command;
struct cli_command {
    const char *name;
    const char *path;    /* with the names before it: "mytosis graph merge" */
    const char *summary; /* one line in the list of its group, if that prints one */
    const char *help;    /* what --help prints */
    const char
        *footer; /* of a group: not NULL, a list of its members stands between `help` and this */
    const cli_command *const *members; /* of a group: ends with NULL; else NULL */

    /* None of these in a group. */
    const char *operands; /* what it takes, as in "two operands, CURRENT and INCOMING" */
    size_t operand_min, operand_max;
    size_t input_count;   /* so many of them, the first ones, are read: one of these may be "-" */
    uint64_t option_bits; /* OPTION_BIT of each option that it takes */
    cli_exit_code (*run)(const cli_options *options);
};

#endif
