/* passphrase.h - the passphrase of keys.
 *
 * It is the first line of the file that MYTOSIS_PASSPHRASE_FILE names, or what MYTOSIS_PASSPHRASE says; else it is
 * asked for on the terminal, at most once. A variable that is empty counts as not set. What was read is wiped when the
 * program ends, and the variable as soon as it was looked at. */
#ifndef CLI_PASSPHRASE_H
#define CLI_PASSPHRASE_H

#include "command.h"

#include <mytosis/bytes.h>

#define PASSPHRASE_LEN_MAX 1023

/* Whether the environment says it, and so nothing is asked. */
bool cli_passphrase_is_given(void);

/* The passphrase of what is there; the question names it. BORROWED, for good. Anything but EXIT_DONE has been reported:
 * EXIT_INPUT, there is none or it is empty; EXIT_SYSTEM. */
cli_exit_code cli_passphrase(const char *name, mt_bytes *out);

/* That of what is about to be sealed: the one that is given, or one that is asked for, twice. Likewise. */
cli_exit_code cli_passphrase_new(const char *name, mt_bytes *out);

#endif
