/* trust/rights.h - what a chain of tokens gives, and whether that allows something.
 *
 *     chain    count: byte, 1 to 4 | (length: 2 bytes, lowest first | token) count times; the root's first
 *
 * A chain narrows from token to token: each gives at most what the one before gives, for at most as long.
 * It is checked once, which makes a grant; with the grant each operation is decided. Both end in a refusal
 * unless all is in order, and both are pure: the same arguments, the same answer. */
#ifndef MTI_RIGHTS_H
#define MTI_RIGHTS_H

#include "trust/revocation.h"
#include "trust/token.h"

#define MTI_CHAIN_LEN_MAX (1 + MT_CHAIN_TOKENS_MAX * (2 + MTI_TOKEN_LEN_MAX))

/* Where a space keeps data about itself: read by whoever has a valid chain, written with no right. */
#define MTI_RESERVED_PREFIX "@space/"

/* Every verdict: name, number (fixed for ever), what it says. Zeroed memory refuses. */
#define MTI_VERDICT_MAP(X)                                                                   \
    X(NO_TOKEN, 0, "no token was shown")                                                     \
    X(ALLOWED, 1, "allowed")                                                                 \
    X(MALFORMED, 2, "the chain is damaged or not of the expected form")                      \
    X(UNSUPPORTED, 3, "a token is of a version, or gives a right, that is not known here")   \
    X(TOO_LONG, 4, "a chain has 4 tokens at most")                                           \
    X(WRONG_SPACE, 5, "the token is for another space")                                      \
    X(NOT_ROOT, 6, "the first token is not one of the space's root key")                     \
    X(NOT_LINKED, 7, "the token does not derive from the one before")                        \
    X(NO_DELEGATE, 8, "the token derives from one that does not give the right to delegate") \
    X(WIDENED, 9, "the token gives more than the one it derives from")                       \
    X(WRONG_DEVICE, 10, "the token is for another device")                                   \
    X(NOT_YET, 11, "the token is not good yet")                                              \
    X(EXPIRED, 12, "the token has expired")                                                  \
    X(REVOKED, 13, "the token was revoked")                                                  \
    X(BAD_SIGNATURE, 14, "the token was not signed by its issuer")                           \
    X(BAD_NAME, 15, "not a uid, nor what one begins with")                                   \
    X(RESERVED, 16, "the name is reserved for what the space says of itself")                \
    X(NO_RIGHT, 17, "the token does not give this right")                                    \
    X(OUTSIDE, 18, "outside the prefixes of the token")

typedef enum mti_verdict {
#define MTI_VERDICT_ENUM(name, number, text) MTI_VERDICT_##name = number,
    MTI_VERDICT_MAP(MTI_VERDICT_ENUM)
#undef MTI_VERDICT_ENUM
} mti_verdict;

/* The name of a verdict, such as "EXPIRED", and what it says. Static. */
const char *mti_verdict_name(mti_verdict verdict);
const char *mti_verdict_text(mti_verdict verdict);

/* What counts when a question is asked. The revocations are BORROWED, and each was verified: one that was
 * not could refuse what is allowed, never the other way round. All are looked at, each time. */
typedef struct mti_moment {
    uint64_t now_ms; /* since 1970 */
    const mti_revocation *revocations;
    size_t revocation_count;
} mti_moment;

/* ---- Chains ---- */

/* Splits a chain as it goes over the wire; the tokens are BORROWED from it, and not looked into.
 * MT_MALFORMED. `err` is not NULL. */
MT_MUST_USE mt_status mti_chain_decode(mt_bytes bytes, mt_bytes tokens[MT_CHAIN_TOKENS_MAX],
                                       size_t *count, mt_error *err);

/* Writes one of 1 to MT_CHAIN_TOKENS_MAX tokens; answers its length. */
size_t mti_chain_encode(const mt_bytes *tokens, size_t count, uint8_t out[MTI_CHAIN_LEN_MAX]);

/* A space, as its genesis has it. */
typedef struct mti_space {
    uint8_t id[MTI_ID_LEN];
    uint8_t root[MT_KEY_LEN];
} mti_space;

/* Reads it from the record. Statuses of mti_genesis_read; `members_max` may be NULL. */
MT_MUST_USE mt_status mti_space_read(const mt_crypto *crypto, mt_bytes genesis, mti_space *out,
                                     uint32_t *members_max, mt_error *err);

/* What a chain that was checked gives. All zero, it gives nothing. */
typedef struct mti_grant {
    uint8_t count; /* tokens of the chain; 0: none */
    uint8_t rights;
    uint8_t space[MTI_ID_LEN];
    uint8_t ids[MT_CHAIN_TOKENS_MAX][MTI_ID_LEN];     /* of the tokens, the root's first */
    uint8_t issuers[MT_CHAIN_TOKENS_MAX][MT_KEY_LEN]; /* and who issued each */
    uint64_t not_before, not_after;
    uint8_t prefix_count;
    uint8_t prefix_lens[MT_TOKEN_PREFIXES_MAX];
    uint8_t prefixes[MT_TOKEN_PREFIXES_MAX][MT_TOKEN_PREFIX_LEN_MAX];
} mti_grant;

/* Checks a chain that `device` shows, which is known to have that key. MTI_VERDICT_ALLOWED: it is in order, and
 * `*out` is what it gives. Else `*out` gives nothing, and `err`, which may be NULL, says which token it was.
 * Signatures come last, since they cost most. */
MT_MUST_USE mti_verdict mti_chain_check(const mt_crypto *crypto, const mti_space *space,
                                        const uint8_t device[MT_KEY_LEN], const mti_moment *moment,
                                        const mt_bytes *tokens, size_t count, mti_grant *out,
                                        mt_error *err);

/* ---- Decisions ---- */

typedef enum mti_operation {
    MTI_OPERATION_READ,
    MTI_OPERATION_WRITE,
    MTI_OPERATION_DELEGATE, /* issue a token for it */
    MTI_OPERATION_ADMIN
} mti_operation;

/* Whether a grant, or none, NULL, allows an operation on a node. */
MT_MUST_USE mti_verdict mti_decide(const mti_grant *grant, mti_operation operation, mt_bytes uid,
                                   const mti_moment *moment);

/* Whether it allows it on all nodes whose uids begin with `prefix`, which may be any beginning of a uid, but
 * for those of the reserved prefix, which a shorter one says nothing of: they are decided one by one. */
MT_MUST_USE mti_verdict mti_decide_prefix(const mti_grant *grant, mti_operation operation,
                                          mt_bytes prefix, const mti_moment *moment);

#endif
