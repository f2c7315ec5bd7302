/* key_copy.h - the secrets beside one store, copied as they are beside another: for backups.
 *
 * Keys and what is known of the space; notes of tickets are not copied, for one that was used since must not be good again. */
#ifndef CLI_KEY_COPY_H
#define CLI_KEY_COPY_H

#include "command.h"

#include <stdbool.h>

/* Whether they can be copied: EXIT_DIFFERENT: there are none. EXIT_INPUT: others are there, and `over` does not say that they may
 * be lost. Anything but EXIT_DONE has been reported, here and below. */
cli_exit_code cli_key_copy_check(const char *from, const char *to, bool over);

/* Copies them, to a folder that is made if it is not there. `from` and `to` are paths of stores. */
cli_exit_code cli_key_copy(const char *from, const char *to, bool over);

#endif
