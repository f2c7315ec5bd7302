/* report.h - what a verb that changes or compares graphs has to say, and the graph that it made.
 *
 * First the graph goes to --output; then the report goes to standard output, for a person or, with --json, for a
 * program. */
#ifndef CLI_REPORT_H
#define CLI_REPORT_H

#include "options.h"
#include "output.h"

typedef struct cli_report {
    const mt_graph *graph; /* the result */
    const mt_delta *delta; /* what changed; NULL: the graph is listed */
    bool document;         /* --json prints the delta too, not the graph alone */
    const char *same;      /* what is said where nothing changed */
} cli_report;

/* The options that make a difference here: for the table of a verb. */
#define CLI_REPORT_OPTIONS                                                         \
    OPTION_BIT(OPTION_JSON) | OPTION_BIT(OPTION_ALL) | OPTION_BIT(OPTION_OUTPUT) | \
        OPTION_BIT(OPTION_FORMAT)

/* Whether the options agree with each other; checked before any work. EXIT_USAGE was reported. */
cli_exit_code cli_report_check(const cli_options *options);

/* Anything but EXIT_DONE has been reported. */
cli_exit_code cli_report_write(const cli_options *options, const cli_report *report);

/* Standard output for what people read: with colours if --color and the terminal want them. */
void cli_report_output(const cli_options *options, cli_output *out);

#endif
