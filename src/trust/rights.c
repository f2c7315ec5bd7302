#include "trust/rights.h"

#include "base/assert.h"
#include "trust/genesis.h"

#include <mytosis/value.h>

/* ---- Verdicts ---- */

const char *mti_verdict_name(mti_verdict verdict)
{
    switch (verdict) {
#define VERDICT_NAME(name, number, text) \
    case MTI_VERDICT_##name: return #name;
        MTI_VERDICT_MAP(VERDICT_NAME)
#undef VERDICT_NAME
    }
    return "UNKNOWN";
}

const char *mti_verdict_text(mti_verdict verdict)
{
    switch (verdict) {
#define VERDICT_TEXT(name, number, text) \
    case MTI_VERDICT_##name: return text;
        MTI_VERDICT_MAP(VERDICT_TEXT)
#undef VERDICT_TEXT
    }
    return "no verdict that there is";
}

/* ---- Chains on the wire ---- */

mt_status mti_chain_decode(mt_bytes bytes, mt_bytes tokens[MT_CHAIN_TOKENS_MAX], size_t *count,
                           mt_error *err)
{
    mti_parse in = mti_parse_of(bytes, "a chain", err);
    mt_bytes read[MT_CHAIN_TOKENS_MAX];
    size_t n = mti_parse_byte(&in, "the number of tokens");
    mt_status st;

    if (n < 1 || n > MT_CHAIN_TOKENS_MAX)
        mti_statement_fail(&in, MT_MALFORMED, 1, "the number of tokens", "not 1 to 4");
    for (size_t i = 0; i < n && !in.failed; i++) {
        size_t len = mti_parse_byte(&in, "the length of a token");

        len |= (size_t)mti_parse_byte(&in, "the length of a token") << 8;
        if (len < MTI_TOKEN_LEN_MIN || len > MTI_TOKEN_LEN_MAX)
            mti_statement_fail(&in, MT_MALFORMED, 2, "the length of a token",
                               "none has this length");
        read[i] = mti_parse_fixed(&in, "a token", in.failed ? 0 : len);
    }
    if ((st = mti_parse_end(&in)) != MT_OK) return st;
    memcpy(tokens, read, n * sizeof *read);
    *count = n;
    return MT_OK;
}

size_t mti_chain_encode(const mt_bytes *tokens, size_t count, uint8_t out[MTI_CHAIN_LEN_MAX])
{
    uint8_t *at = out;

    mti_assert(count >= 1 && count <= MT_CHAIN_TOKENS_MAX);
    *at++ = (uint8_t)count;
    for (size_t i = 0; i < count; i++) {
        mti_assert(tokens[i].len <= MTI_TOKEN_LEN_MAX);
        *at++ = (uint8_t)tokens[i].len;
        *at++ = (uint8_t)(tokens[i].len >> 8);
        at = mti_statement_put(at, tokens[i].data, tokens[i].len);
    }
    return (size_t)(at - out);
}

mt_status mti_space_read(const mt_crypto *crypto, mt_bytes genesis, mti_space *out,
                         uint32_t *members_max, mt_error *err)
{
    mti_genesis record;
    mt_status st = mti_genesis_read(crypto, genesis, &record, err);

    if (st != MT_OK) return st;
    mti_genesis_id(crypto, genesis.data, out->id);
    memcpy(out->root, record.root, sizeof record.root);
    if (members_max) *members_max = record.members_max;
    return MT_OK;
}

/* ---- What a chain is worth now ---- */

static mti_verdict check_time(const mti_grant *grant, uint64_t now_ms)
{
    if (now_ms < grant->not_before) return MTI_VERDICT_NOT_YET;
    if (now_ms >= grant->not_after) return MTI_VERDICT_EXPIRED;
    return MTI_VERDICT_ALLOWED;
}

/* A token is taken back by who issued it or one of those above it in this chain, the root among them; by
 * nobody else, and by no one below. */
static bool revokes(const mti_revocation *revocation, const mti_grant *grant)
{
    if (memcmp(revocation->space, grant->space, MTI_ID_LEN) != 0) return false;
    for (size_t i = 0; i < grant->count; i++) {
        if (memcmp(revocation->token, grant->ids[i], MTI_ID_LEN) != 0) continue;
        for (size_t j = 0; j <= i; j++)
            if (memcmp(revocation->by, grant->issuers[j], MT_KEY_LEN) == 0) return true;
    }
    return false;
}

static mti_verdict check_revoked(const mti_grant *grant, const mti_moment *moment)
{
    for (size_t i = 0; i < moment->revocation_count; i++)
        if (revokes(&moment->revocations[i], grant)) return MTI_VERDICT_REVOKED;
    return MTI_VERDICT_ALLOWED;
}

static mti_verdict check_moment(const mti_grant *grant, const mti_moment *moment)
{
    mti_verdict verdict = check_time(grant, moment->now_ms);

    return verdict == MTI_VERDICT_ALLOWED ? check_revoked(grant, moment) : verdict;
}

/* ---- Checking a chain ---- */

/* A chain that is being checked, and the token where that stands. */
typedef struct check {
    const mt_crypto *crypto;
    const mti_space *space;
    const mt_bytes *bytes;
    size_t count, at;
    mti_token tokens[MT_CHAIN_TOKENS_MAX];
    mti_grant grant;
    mt_error err; /* of a token that could not be read */
} check;

static bool narrows(const mti_token *parent, const mti_token *token)
{
    if (token->rights & ~parent->rights) return false;
    if (token->not_before < parent->not_before || token->not_after > parent->not_after)
        return false;
    for (size_t i = 0; i < token->prefix_count; i++) {
        size_t j = 0;

        while (j < parent->prefix_count &&
               !mti_prefix_covers(parent->prefixes[j], token->prefixes[i]))
            j++;
        if (j == parent->prefix_count) return false;
    }
    return true;
}

/* Whether the first token comes from the root. */
static mti_verdict check_first(const check *in)
{
    const mti_token *token = &in->tokens[0];

    if (token->depth != 0) return MTI_VERDICT_NOT_LINKED;
    if (memcmp(token->issuer, in->space->root, MT_KEY_LEN) != 0) return MTI_VERDICT_NOT_ROOT;
    return MTI_VERDICT_ALLOWED;
}

/* Whether a token derives from the one before it. */
static mti_verdict check_link(const check *in)
{
    const mti_token *token = &in->tokens[in->at], *parent = token - 1;

    if (memcmp(token->parent, in->grant.ids[in->at - 1], MTI_ID_LEN) != 0 ||
        memcmp(token->issuer, parent->audience, MT_KEY_LEN) != 0 ||
        token->depth != parent->depth + 1)
        return MTI_VERDICT_NOT_LINKED;
    if (!(parent->rights & MT_RIGHT_DELEGATE)) return MTI_VERDICT_NO_DELEGATE;
    return narrows(parent, token) ? MTI_VERDICT_ALLOWED : MTI_VERDICT_WIDENED;
}

static mti_verdict check_token(check *in)
{
    mti_token *token = &in->tokens[in->at];

    switch (mti_token_decode(in->bytes[in->at], token, &in->err)) {
    case MT_OK: break;
    case MT_UNSUPPORTED: return MTI_VERDICT_UNSUPPORTED;
    default: return MTI_VERDICT_MALFORMED;
    }
    mti_token_id(in->crypto, in->bytes[in->at], in->grant.ids[in->at]);
    memcpy(in->grant.issuers[in->at], token->issuer, MT_KEY_LEN);
    if (memcmp(token->space, in->space->id, MTI_ID_LEN) != 0) return MTI_VERDICT_WRONG_SPACE;
    return in->at == 0 ? check_first(in) : check_link(in);
}

static mti_verdict check_links(check *in)
{
    for (in->at = 0; in->at < in->count; in->at++) {
        mti_verdict verdict = check_token(in);

        if (verdict != MTI_VERDICT_ALLOWED) return verdict;
    }
    in->at = in->count - 1;
    return MTI_VERDICT_ALLOWED;
}

static mti_verdict check_signatures(check *in)
{
    mt_error err;

    for (in->at = 0; in->at < in->count; in->at++)
        if (mti_token_verify(in->crypto, in->bytes[in->at], &err) != MT_OK)
            return MTI_VERDICT_BAD_SIGNATURE;
    return MTI_VERDICT_ALLOWED;
}

/* The last token gives least, so that it says all. */
static void fill_grant(mti_grant *grant, const mti_token *last, size_t count)
{
    grant->count = (uint8_t)count;
    grant->rights = last->rights;
    memcpy(grant->space, last->space, MTI_ID_LEN);
    grant->not_before = last->not_before;
    grant->not_after = last->not_after;
    grant->prefix_count = last->prefix_count;
    for (size_t i = 0; i < last->prefix_count; i++) {
        grant->prefix_lens[i] = (uint8_t)last->prefixes[i].len;
        mti_statement_put(grant->prefixes[i], last->prefixes[i].data, last->prefixes[i].len);
    }
}

static mti_verdict check_chain(check *in, const uint8_t *device, const mti_moment *moment)
{
    const mti_token *last;
    mti_verdict verdict;

    if (in->count == 0) return MTI_VERDICT_NO_TOKEN;
    if (in->count > MT_CHAIN_TOKENS_MAX) return MTI_VERDICT_TOO_LONG;
    if ((verdict = check_links(in)) != MTI_VERDICT_ALLOWED) return verdict;
    last = &in->tokens[in->at];
    if (memcmp(last->audience, device, MT_KEY_LEN) != 0) return MTI_VERDICT_WRONG_DEVICE;
    fill_grant(&in->grant, last, in->count);
    if ((verdict = check_moment(&in->grant, moment)) != MTI_VERDICT_ALLOWED) return verdict;
    return check_signatures(in);
}

mti_verdict mti_chain_check(const mt_crypto *crypto, const mti_space *space,
                            const uint8_t device[MT_KEY_LEN], const mti_moment *moment,
                            const mt_bytes *tokens, size_t count, mti_grant *out, mt_error *err)
{
    check in = {.crypto = crypto, .space = space, .bytes = tokens, .count = count};
    mti_verdict verdict = check_chain(&in, device, moment);
    const char *text = mti_verdict_text(verdict);

    memset(out, 0, sizeof *out);
    if (verdict == MTI_VERDICT_ALLOWED) {
        *out = in.grant;
        return verdict;
    }
    if (in.err.status != MT_OK)
        mti_fail(err, in.err.status, "token %zu of %zu: %s", in.at + 1, count, in.err.text);
    else if (count == 0 || count > MT_CHAIN_TOKENS_MAX) mti_fail(err, MT_REFUSED, "%s", text);
    else mti_fail(err, MT_REFUSED, "token %zu of %zu: %s", in.at + 1, count, text);
    return verdict;
}

/* ---- Decisions ---- */

static bool has_right(const mti_grant *grant, mti_operation operation)
{
    switch (operation) {
    case MTI_OPERATION_READ: return grant->rights & MT_RIGHT_READ;
    case MTI_OPERATION_WRITE: return grant->rights & MT_RIGHT_WRITE;
    case MTI_OPERATION_DELEGATE: return grant->rights & MT_RIGHT_DELEGATE;
    case MTI_OPERATION_ADMIN: return grant->rights & MT_RIGHT_ADMIN;
    }
    return false;
}

static bool reaches(const mti_grant *grant, mt_bytes name)
{
    for (size_t i = 0; i < grant->prefix_count; i++)
        if (mti_prefix_covers((mt_bytes){grant->prefixes[i], grant->prefix_lens[i]}, name))
            return true;
    return false;
}

/* The only way to MTI_VERDICT_ALLOWED is past all of these. */
static mti_verdict decide(const mti_grant *grant, mti_operation operation, mt_bytes name,
                          bool name_ok, const mti_moment *moment)
{
    bool reserved = mti_prefix_covers(mt_str(MTI_RESERVED_PREFIX), name);
    mti_verdict verdict;

    if (!grant || grant->count == 0) return MTI_VERDICT_NO_TOKEN;
    if (!name_ok) return MTI_VERDICT_BAD_NAME;
    if ((verdict = check_moment(grant, moment)) != MTI_VERDICT_ALLOWED) return verdict;
    if (reserved && operation != MTI_OPERATION_READ) return MTI_VERDICT_RESERVED;
    if (!reserved && !has_right(grant, operation)) return MTI_VERDICT_NO_RIGHT;
    if (operation == MTI_OPERATION_DELEGATE && grant->count == MT_CHAIN_TOKENS_MAX)
        return MTI_VERDICT_TOO_LONG;
    if (!reserved && !reaches(grant, name)) return MTI_VERDICT_OUTSIDE;
    return MTI_VERDICT_ALLOWED;
}

mti_verdict mti_decide(const mti_grant *grant, mti_operation operation, mt_bytes uid,
                       const mti_moment *moment)
{
    return decide(grant, operation, uid, mt_uid_check(uid, NULL) == MT_OK, moment);
}

mti_verdict mti_decide_prefix(const mti_grant *grant, mti_operation operation, mt_bytes prefix,
                              const mti_moment *moment)
{
    bool name_ok = prefix.len == 0 || mt_uid_check(prefix, NULL) == MT_OK;

    return decide(grant, operation, prefix, name_ok, moment);
}
