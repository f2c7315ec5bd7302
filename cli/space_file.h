/* space_file.h - what a store knows of the space that it is in: PATH-keys/space, lines of a word and its values.
 *
 *     mytosis-space 1
 *     genesis HEX
 *     chain HEX                      what this device may
 *     listen URL                     where it is found, unless serve is told otherwise
 *     peer URL DEVICE                whom it has met, and where: devices are 64 hexadecimal digits
 *
 * None of it is a secret; the keys are beside it: keys.h. */
#ifndef CLI_SPACE_FILE_H
#define CLI_SPACE_FILE_H

#include "command.h"
#include "text.h"

#include <mytosis/space.h>

#define SPACE_LISTENS_MAX 16
#define SPACE_PEERS_MAX 64

typedef struct cli_space_peer {
    char *url;
    uint8_t device[MT_DEVICE_LEN];
} cli_space_peer;

typedef struct cli_space_file {
    cli_text genesis, chain; /* as bytes; a genesis of none: the store is in no space */
    char *listens[SPACE_LISTENS_MAX];
    size_t listen_count;
    cli_space_peer peers[SPACE_PEERS_MAX];
    size_t peer_count;
} cli_space_file;

/* Reads that of the store at a path; one that is in no space has none, and that is EXIT_DONE. OWNED: cli_space_file_free.
 * Anything but EXIT_DONE has been reported. */
cli_exit_code cli_space_file_load(const char *store_path, cli_space_file *out);
void cli_space_file_free(cli_space_file *file);

bool cli_space_file_is_there(const cli_space_file *file);

/* Writes it anew. Anything but EXIT_DONE has been reported. */
cli_exit_code cli_space_file_save(const char *store_path, const cli_space_file *file);

/* Forgets where to listen. */
void cli_space_file_deafen(cli_space_file *file);

/* Notes a place to listen at, or a peer: what is there already is left, and of a full list the first goes. MT_NO_MEMORY. */
mt_status cli_space_file_listen(cli_space_file *file, const char *url);
mt_status cli_space_file_meet(cli_space_file *file, const char *url,
                              const uint8_t device[MT_DEVICE_LEN]);

/* The device that is found at a URL, BORROWED; NULL: not known. */
const uint8_t *cli_space_file_device(const cli_space_file *file, const char *url);

#endif
