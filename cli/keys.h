/* keys.h - the secrets of the device that a store is on.
 *
 * They are in the folder beside the store, PATH-keys: see key_folder.h. The passphrase of those that have one comes from
 * where passphrase.h says. Whatever loads a key leaves no core dump. */
#ifndef CLI_KEYS_H
#define CLI_KEYS_H

#include "key_folder.h"

/* The folder of the keys of a store: OWNED, free; NULL: no memory */
char *cli_keys_folder(const char *store_path);

/* Whether there is a file for this key; what is in it was not looked at. */
bool cli_keys_has(const char *store_path, cli_key_kind kind);

/* Loads the seed of a key, 32 bytes, asking for the passphrase if it has one. Anything but EXIT_DONE has been reported;
 * EXIT_DIFFERENT: there is none. The caller wipes it. */
cli_exit_code cli_key_load(const char *store_path, cli_key_kind kind, uint8_t seed[MT_KEY_LEN]);

/* Draws a key and stores it; one that is there is never overwritten: EXIT_INPUT. It has a passphrase if the environment
 * gives one, or if device.key has one, which is then the same. Anything but EXIT_DONE has been reported. The caller wipes
 * the seed. */
cli_exit_code cli_key_make(const char *store_path, cli_key_kind kind, uint8_t seed[MT_KEY_LEN]);

/* The public key, without the passphrase: of a key that has one, it is what the file says. Likewise. */
cli_exit_code cli_key_public(const char *store_path, cli_key_kind kind, uint8_t out[MT_KEY_LEN]);

/* ---- What these are made of, for the verbs ---- */

/* Comes before any secret: without randomness there are no ciphers, and a crash leaves no secret on disk. Anything but
 * EXIT_DONE has been reported, here and below. */
cli_exit_code cli_keys_begin(void);

/* Says that there is none in the folder, and where it would come from. Answers EXIT_DIFFERENT. */
cli_exit_code cli_keys_complain_none(const cli_key_folder *folder, cli_key_kind kind);

/* The seed of a key, which the caller wipes; `path` is what it was read from, for messages, and `name` for the question. */
cli_exit_code cli_key_open(const cli_key_file *file, const char *path, const char *name,
                           uint8_t seed[MT_KEY_LEN]);

/* A key as it is stored: with a passphrase, or plain if that is NULL. The caller wipes it. */
cli_exit_code cli_key_close(cli_key_kind kind, const uint8_t seed[MT_KEY_LEN],
                            const mt_bytes *passphrase, cli_key_file *out);

#endif
