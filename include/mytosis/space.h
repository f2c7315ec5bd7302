/* mytosis/space.h - who is a member of a space, and what each may.
 *
 * A space begins with a genesis record, made with its root key; its id is a hash of that. What a device may says a
 * chain of tokens, at most four, each signed by the one before, the first by the root: rights, prefixes, and from
 * when until when. docs/trust.md has their bytes and the rules. A device shows its chain to each other device, and
 * is admitted, given and asked for what the chain says:
 *
 *     mt_space_new(env, &options, &space, &err);
 *     secure_options.space = mt_space_id(space);
 *     secure_options.papers = options.chain;
 *     secure_options.admit = mt_space_admit;
 *     secure_options.ctx = space;
 *     sync_options.rights = mt_space_rights;
 *     sync_options.rights_ctx = space;
 *
 * Threads: that of the environment. */
#ifndef MYTOSIS_SPACE_H
#define MYTOSIS_SPACE_H

#include <mytosis/plugin/sync.h>
#include <mytosis/secure.h>

MT_BEGIN_DECLS

/* ---- Records ---- */

/* Rights. Who may write need not be able to read. */
#define MT_RIGHT_READ 1u
#define MT_RIGHT_WRITE 2u
#define MT_RIGHT_DELEGATE 4u /* give others what it may itself, or less */
#define MT_RIGHT_ADMIN 8u

/* How many prefixes a token has, how long each may be, and how many tokens a chain. */
#define MT_TOKEN_PREFIXES_MAX 4
#define MT_TOKEN_PREFIX_LEN_MAX 64
#define MT_CHAIN_TOKENS_MAX 4

/* What a token gives. */
typedef struct mt_token {
    uint32_t size;         /* sizeof(mt_token) as compiled */
    unsigned rights;       /* MT_RIGHT_..., at least one */
    const uint8_t *device; /* whom: MT_DEVICE_LEN bytes */
    const mt_bytes *
        prefixes; /* where: each is empty, for everything, or ends with '/'; in order, and none begins
                              * with another */
    size_t prefix_count; /* 1 to 4 */
    uint64_t
        not_before_ms; /* when, since 1970: from the first up to the second. What is issued is good no */
    uint64_t
        not_after_ms; /* sooner than its issuer's, and UINT64_MAX is as long as that. Clocks differ: who
                             * is to use it at once gets one that began some minutes ago */
} mt_token;

/* Appends the genesis record of the space whose root key has this seed; `recovery` is the public key, MT_KEY_LEN
 * bytes, that may take its place if it is lost. `members_max`: how many devices each peer admits at a time; 0: no limit but
 * that of mt_space_admit. MT_NO_MEMORY. `err` may be NULL, here and below. */
MT_API MT_MUST_USE mt_status mt_genesis_make(const mt_crypto *crypto, const uint8_t *root_seed,
                                             const uint8_t *recovery, uint32_t members_max,
                                             mt_buf *out, mt_error *err);

/* Appends a chain: that of who issues the token, empty for the root, and the token behind it, signed with the
 * issuer's seed. MT_INVALID: a token that cannot be, or one that gives more than its issuer may; MT_MALFORMED: a
 * chain or record that is none. MT_IO: no randomness. MT_NO_MEMORY. */
MT_API MT_MUST_USE mt_status mt_token_issue(const mt_env *env, const mt_crypto *crypto,
                                            mt_bytes genesis, const uint8_t *issuer_seed,
                                            mt_bytes issuer_chain, const mt_token *token,
                                            mt_buf *out, mt_error *err);

/* Appends a record that takes the last token of a chain back, and all that derive from it: signed with the seed
 * of the root, or of who issued it or one before it. MT_INVALID: of anybody else. As mt_token_issue. */
MT_API MT_MUST_USE mt_status mt_revocation_make(const mt_env *env, const mt_crypto *crypto,
                                                mt_bytes genesis, const uint8_t *seed,
                                                mt_bytes chain, mt_buf *out, mt_error *err);

/* ---- Members ---- */

/* What a device knows of its space, and may there. */
typedef struct mt_space mt_space;

/* What a space is made of. */
typedef struct mt_space_options {
    uint32_t size;           /* sizeof(mt_space_options) as compiled */
    const mt_crypto *crypto; /* BORROWED, as long as the space lives */
    mt_bytes genesis;        /* COPIED */

    /* What some members may has changed: a chain has expired, or was taken back. May be NULL; mostly it calls
     * mt_db_rights_changed, which ends their sessions. */
    void (*changed)(void *ctx);
    void *ctx;
} mt_space_options;

/* MT_INVALID, MT_MALFORMED: the genesis record is none. MT_NO_MEMORY. */
MT_API MT_MUST_USE mt_status mt_space_new(const mt_env *env, const mt_space_options *options,
                                          mt_space **out, mt_error *err);

/* NULL is accepted. Nothing may call it any more. */
MT_API void mt_space_free(mt_space *space);

/* MT_SPACE_LEN bytes. BORROWED. */
MT_API const uint8_t *mt_space_id(const mt_space *space);

/* Takes a revocation in, for as long as the space lives, and tells nobody: mt_space_publish does. MT_MALFORMED: it is
 * none, or not signed as it says. MT_TOO_LARGE: there are too many. MT_NO_MEMORY. */
MT_API MT_MUST_USE mt_status mt_space_revoke(mt_space *space, mt_bytes revocation, mt_error *err);

/* For mt_secure_options: admits a device that shows a chain which is in order and good now. MT_FULL: as many have come as
 * the space has members, or 4,096, and are still good. */
MT_API mt_status mt_space_admit(void *space, const mt_secure_visitor *visitor,
                                mt_connection *connection, mt_error *why);

/* For mt_sync_options: what the device at the other end may, by the chain that it showed last. No right lets anybody
 * write below "@space/", where the space keeps what it says of itself; see mt_space_hooks. */
MT_API mt_status mt_space_rights(void *space, mt_connection *connection, mt_sync_rights *rights,
                                 mt_error *why);

/* Whether a device that has come may do something on a node, for hooks and routers, which know it by mt_connection_device:
 * MT_OK, or MT_REFUSED and the reason in `why` (may be NULL). `right` is one of MT_RIGHT_... */
MT_API mt_status mt_space_may(const mt_space *space, const uint8_t *device, unsigned right,
                              mt_bytes uid, mt_error *why);

/* ---- What a space says of itself ----
 *
 * Below "@space/" lie records, which are synced like everything else: the genesis, tokens that were given, and
 * revocations. Each is signed, and good whoever brings it, and nothing else has a place there. */

/* Hooks for the database of a space, of which it needs both: they refuse what is no record of it, and take in what
 * is, before it is merged. Who sends what is none is dropped. With them, records are taken from every peer. */
#define MT_SPACE_HOOKS 2
MT_API void mt_space_hooks(mt_space *space, mt_hook hooks[MT_SPACE_HOOKS]);

/* Takes in the records that a database has, and calls `done` (may be NULL); to be called before it is linked to peers.
 * Answers as mt_stream. The database is closed before the space is freed. */
MT_API MT_MUST_USE mt_status mt_space_follow(mt_space *space, mt_db *db, mt_done *done, void *ctx);

/* Writes a chain that was given to a device where all learn of it, or, with it, the revocation of its last token. All are
 * COPIED. MT_INVALID: that is no chain. Else as mt_commit_rows. */
MT_API MT_MUST_USE mt_status mt_space_publish(mt_space *space, mt_db *db, mt_bytes chain,
                                              mt_bytes revocation, mt_done *done, void *ctx);

/* A token that is known by its record. BORROWED until the callback returns. */
typedef struct mt_space_member {
    uint32_t size;
    mt_token token;        /* what was given, and to which device */
    const uint8_t *issuer; /* by whom: MT_DEVICE_LEN bytes */
    mt_bytes chain;
    bool revoked; /* it, or one before it in its chain */
} mt_space_member;

/* Shows each, in the order in which they begin to be good: 4,096 at most. A device may have several. */
MT_API void mt_space_members(const mt_space *space,
                             void (*show)(void *ctx, const mt_space_member *member), void *ctx);

MT_END_DECLS
#endif
