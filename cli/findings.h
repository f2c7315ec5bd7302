/* findings.h - what mytosis doctor has found: each has a kind, how many of it there are, what it is in words, and what to do.
 *
 * Kinds and numbers alone tell nothing of the data: reports have no more. */
#ifndef CLI_FINDINGS_H
#define CLI_FINDINGS_H

#include "text.h"

typedef enum cli_findings_form {
    FINDINGS_TEXT, /* a line that says what, and one below that says what to do */
    FINDINGS_JSON, /* objects with commas between them */
    FINDINGS_BARE  /* the same, with kinds and numbers alone */
} cli_findings_form;

typedef struct cli_findings {
    cli_findings_form form;
    cli_text *out;
    size_t count;
} cli_findings;

void cli_findings_add(cli_findings *findings, const char *kind, uint64_t number, const char *advice,
                      const char *format, ...) __attribute__((format(printf, 5, 6)));

/* What to do where two have no version of the protocol in common. */
#define FINDINGS_VERSION_ADVICE                                                                  \
    "Update the older of the two. Until then nothing goes over and nothing is lost: they go on " \
    "where they stopped."

/* How far clocks may be apart before it is worth a word: the later write wins, and ten minutes are refused. */
#define FINDINGS_CLOCK_MS 30000

/* Notes that the clock of a peer is another, if it is. */
void cli_findings_clock(cli_findings *findings, const char *peer, int64_t ahead_ms);

/* Notes what a peer cannot do that this side can, MT_SYNC_LACKS_..., if anything. */
void cli_findings_lacks(cli_findings *findings, const char *peer, unsigned lacks);

#endif
