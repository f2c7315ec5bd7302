/* key_backup.h - keys in a file of their own, to be kept elsewhere.
 *
 *     backup  line of the device's key | line of the root key | line of the recovery key | "end"
 *
 * Each line ends with a newline; the lines are those of key_file.h, always sealed. There need not be a root or a recovery
 * key. The last line shows that none is missing. Nothing here reads or writes files. */
#ifndef CLI_KEY_BACKUP_H
#define CLI_KEY_BACKUP_H

#include "key_file.h"

#define KEY_BACKUP_LEN_MAX (KEY_KINDS * (KEY_LINE_LEN_MAX + 1) + 4)

typedef struct cli_key_backup {
    cli_key_file files[KEY_KINDS];
    size_t count;
} cli_key_backup;

/* Writes a backup, whose keys are sealed and in the order of their kinds; answers its length. */
size_t cli_key_backup_encode(const mt_crypto *crypto, const cli_key_backup *backup,
                             char out[KEY_BACKUP_LEN_MAX]);

/* Reads one. MT_MALFORMED, MT_UNSUPPORTED: `*line` is where, from 1, and `err` says why. */
MT_MUST_USE mt_status cli_key_backup_decode(const mt_crypto *crypto, mt_bytes text,
                                            cli_key_backup *out, size_t *line, mt_error *err);

#endif
