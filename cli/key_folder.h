/* key_folder.h - the files of keys beside a store.
 *
 *     notes.mdb-keys/          mode 0700
 *         device.key           mode 0600: a line of key_file.h, and its end
 *         root.key, recovery.key, on the device that founded the space
 *
 * Other files there are none of ours. What group or others could read, and what is no regular file, is refused. A key is
 * written as NAME.new, flushed and renamed, while the folder is locked: a crash leaves the old key or the new one. */
#ifndef CLI_KEY_FOLDER_H
#define CLI_KEY_FOLDER_H

#include "command.h"
#include "key_file.h"

typedef struct cli_key_folder {
    char *path; /* OWNED */
    int fd;     /* -1: there is no such folder */
    bool is_staged[KEY_RECOVERY + 1];
} cli_key_folder;

/* Opens the folder of a store for reading; one that is not there is empty. OWNED: cli_key_folder_close. Anything but EXIT_DONE
 * has been reported, here and below, and `out` needs no close. */
cli_exit_code cli_key_folder_open(const char *store_path, cli_key_folder *out);

/* The same for writing: it is made if it is not there, and nobody else writes to it until it is closed. */
cli_exit_code cli_key_folder_lock(const char *store_path, cli_key_folder *out);

/* Takes away what was staged and not put in its place. */
void cli_key_folder_close(cli_key_folder *folder);

/* The path of a key for messages, cut to what fits. */
#define KEY_PATH_LEN_MAX 400
typedef struct cli_key_path {
    char text[KEY_PATH_LEN_MAX];
} cli_key_path;
cli_key_path cli_key_folder_path(const cli_key_folder *folder, cli_key_kind kind);

/* Whether there is a file of this name, whatever is in it. */
bool cli_key_folder_has(const cli_key_folder *folder, cli_key_kind kind);

/* Reads a key, which the caller wipes. EXIT_DIFFERENT, which has not been reported: there is none. */
cli_exit_code cli_key_folder_read(const cli_key_folder *folder, cli_key_kind kind,
                                  cli_key_file *out);

/* Writes a key under its other name; and puts all that were into their places, over what is there. */
cli_exit_code cli_key_folder_stage(cli_key_folder *folder, const cli_key_file *file);
cli_exit_code cli_key_folder_commit(cli_key_folder *folder);

#endif
