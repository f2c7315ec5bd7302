/* key_file.h - a key as a line of text: what is written, and what is read of it.
 *
 *     line      "mtk1:" | base64url(key), RFC 4648, without padding
 *     key       kind: byte | form: byte | public key: 32 bytes | body | checksum: 4 bytes
 *     body      of form 0, plain:   seed: 32 bytes
 *               of form 1, sealed:  salt: 16 bytes | passes: 4 bytes | KiB: 4 bytes | sealed seed: 48 bytes
 *     checksum  the first 4 bytes of the BLAKE2b-256 of all before
 *
 * Numbers have their lowest byte first. The seed is sealed with ChaCha20-Poly1305, with all that stands before it, by
 * a key that Argon2id makes of the passphrase, the salt, the passes and the memory. That key is of this salt alone, which
 * is drawn for each file, and so its nonce is zero. docs/security.md says the same.
 *
 * A key has one text, and a reader refuses whatever a writer would not have written. Nothing here reads or writes files,
 * asks, or draws. */
#ifndef CLI_KEY_FILE_H
#define CLI_KEY_FILE_H

#include <mytosis/crypto.h>

typedef enum cli_key_kind { KEY_DEVICE = 1, KEY_ROOT, KEY_RECOVERY } cli_key_kind;

#define KEY_KINDS 3

#define KEY_LINE_LEN_MAX 152 /* of a sealed one */

/* What a passphrase costs: as it is written, and as much as is read. A file from elsewhere may not take all memory. */
#define KEY_PASSES 3
#define KEY_KIB (64 * 1024)
#define KEY_PASSES_MAX 16
#define KEY_KIB_MIN 8
#define KEY_KIB_MAX (1024 * 1024)

/* Whoever has one wipes it. */
typedef struct cli_key_file {
    cli_key_kind kind;
    bool is_sealed;
    uint8_t public_key[MT_KEY_LEN];
    uint8_t seed[MT_KEY_LEN]; /* of a plain one */
    uint8_t salt[MT_SALT_LEN];
    uint32_t passes, kib;
    uint8_t box[MT_KEY_LEN + MT_TAG_LEN]; /* the sealed seed */
} cli_key_file;

/* "device", "root", "recovery". Static. */
const char *cli_key_kind_name(cli_key_kind kind);

/* A key that anyone can read who has the file. */
void cli_key_file_plain(const mt_crypto *crypto, cli_key_kind kind, const uint8_t seed[MT_KEY_LEN],
                        cli_key_file *out);

/* A key that takes the passphrase. `salt` is never used again. `passes` and `kib` are within what is read. MT_NO_MEMORY. */
MT_MUST_USE mt_status cli_key_file_seal(const mt_crypto *crypto, cli_key_kind kind,
                                        const uint8_t seed[MT_KEY_LEN], mt_bytes passphrase,
                                        const uint8_t salt[MT_SALT_LEN], uint32_t passes,
                                        uint32_t kib, cli_key_file *out);

/* Writes the line, without its end; answers its length. */
size_t cli_key_file_encode(const mt_crypto *crypto, const cli_key_file *file,
                           char out[KEY_LINE_LEN_MAX]);

/* Reads a line, without its end. The public key of a plain one is that of the seed; that of a sealed one is only what the
 * file says until cli_key_file_seed has opened it. MT_MALFORMED, MT_UNSUPPORTED: `*out` is wiped, and `err` says why. */
MT_MUST_USE mt_status cli_key_file_decode(const mt_crypto *crypto, mt_bytes line, cli_key_file *out,
                                          mt_error *err);

/* The seed. The passphrase is not looked at if the file is plain. MT_INVALID: it is not the one. MT_MALFORMED: the public
 * key is not that of the seed. MT_NO_MEMORY. After any of them `out` is wiped. */
MT_MUST_USE mt_status cli_key_file_seed(const mt_crypto *crypto, const cli_key_file *file,
                                        mt_bytes passphrase, uint8_t out[MT_KEY_LEN],
                                        mt_error *err);

#endif
