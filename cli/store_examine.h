/* store_examine.h - the parts of mytosis doctor: findings, reports, and a peer that is tried. */
#ifndef CLI_STORE_EXAMINE_H
#define CLI_STORE_EXAMINE_H

#include "inspect.h"
#include "findings.h"
#include "options.h"

/* What was found in a store, and in how its daemon stands with the peers, if one holds it. Anything but EXIT_DONE has been
 * reported, here and below. */
cli_exit_code cli_examine(const cli_storage *storage, const cli_inspection *seen,
                          cli_findings *findings);

/* Writes a report to a file: of numbers, kinds and versions, and nothing that is in the store, or names anyone. */
cli_exit_code cli_examine_report(const cli_storage *storage, const cli_inspection *seen,
                                 const char *path);

/* Tries a peer, and prints how far it is, what its clock says, and what differs. */
cli_exit_code cli_examine_peer(const cli_options *options, const char *url);

#endif
