/* restamp.h - mending a store whose clock was wrong: states that are too far ahead of now become states of now.
 *
 * A state can only be lowered where nobody has seen the higher one, which would win for ever. Peers refuse what is more than
 * 10 minutes ahead, so just that is lowered. The store is written anew beside the old one, whose place it takes at once:
 *
 *     notes.mdb  ->  .mytosis-a1b2c3, flushed  ->  notes.mdb
 *
 * so that an end at any time leaves one or the other. Nodes stay as they are but for the states. The log begins anew, so that
 * peers compare everything when they meet next, and so does the clock. */
#ifndef CLI_RESTAMP_H
#define CLI_RESTAMP_H

#include "inspect.h"

/* Restamps the store, which is open alone and without damage, and closes it. Anything but EXIT_DONE has been reported, and the
 * old store is there. */
cli_exit_code cli_restamp(cli_storage *storage, const cli_inspection *inspection);

#endif
