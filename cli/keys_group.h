/* keys_group.h - the group of verbs that work on keys. */
#ifndef CLI_KEYS_GROUP_H
#define CLI_KEYS_GROUP_H

#include "keys.h"
#include "options.h"
#include "output.h"

/* Prints which keys there are, for a person or as JSON. Anything but EXIT_DONE has been reported, and nothing is printed. */
cli_exit_code cli_keys_print(const cli_key_folder *folder, bool json, cli_output *out);

extern const cli_command cli_keys_group;                   /* keys_group.c */
extern const cli_command cli_keys_show;                    /* keys_show.c */
extern const cli_command cli_keys_export, cli_keys_import; /* keys_backup.c */
extern const cli_command cli_keys_protect;                 /* keys_protect.c */

#endif
