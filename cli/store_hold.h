/* store_hold.h - the file of a store, held so that another can take its place.
 *
 * It is locked as the engine locks it, so that nobody opens it; and nobody who opened it before may go on with it. */
#ifndef CLI_STORE_HOLD_H
#define CLI_STORE_HOLD_H

#include "command.h"

#include <stdbool.h>
#include <sys/stat.h>

typedef struct cli_hold {
    const char *path;
    int fd, table;     /* of the file, and of LMDB's lock file; -1: not open */
    bool made;         /* an empty file, by us or by one that was ended: there is no store */
    struct stat found; /* as it is now */
} cli_hold;

/* Holds the store at a path, which stays where it is, until cli_hold_end. `make`: there may be none, and then an empty file keeps
 * others from making one. `verb` is who needs it, for messages. Anything but EXIT_DONE has been reported, here and below. */
cli_exit_code cli_hold_begin(cli_hold *hold, const char *path, const char *verb, bool make);

/* Comes right before another file takes the place. EXIT_SYSTEM: a backup is being made of it. */
cli_exit_code cli_hold_alone(cli_hold *hold);

/* `undo`: an empty file that was made goes. One that is not held is accepted. */
void cli_hold_end(cli_hold *hold, bool undo);

#endif
