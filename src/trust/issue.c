/* issue.c - records of a space that a program makes: its genesis, tokens, and what takes them back. */
#include "base/bytes.h"
#include "base/status.h"
#include "trust/genesis.h"
#include "trust/rights.h"

#include <mytosis/space.h>

/* What who makes a record knows of the space, and of the chain that it builds on. */
typedef struct base {
    mti_space about;
    uint8_t key[MT_SIGNING_KEY_LEN];
    mt_bytes tokens[MT_CHAIN_TOKENS_MAX];
    size_t count;
} base;

static mt_status base_read(const mt_crypto *crypto, mt_bytes genesis, const uint8_t *seed,
                           mt_bytes chain, base *out, mt_error *err)
{
    mt_status st;

    memset(out, 0, sizeof *out);
    if ((st = mti_space_read(crypto, genesis, &out->about, NULL, err)) != MT_OK) return st;
    if (chain.len > 0) st = mti_chain_decode(chain, out->tokens, &out->count, err);
    if (st == MT_OK) crypto->signing_key(crypto->ctx, seed, out->key);
    return st;
}

mt_status mt_genesis_make(const mt_crypto *crypto, const uint8_t *root_seed,
                          const uint8_t *recovery, uint32_t members_max, mt_buf *out, mt_error *err)
{
    uint8_t key[MT_SIGNING_KEY_LEN], record[MTI_GENESIS_LEN];
    mt_error ignored;
    mt_status st;

    if (!err) err = &ignored;
    crypto->signing_key(crypto->ctx, root_seed, key);
    st = mti_genesis_make(crypto, key, recovery, members_max ? members_max : UINT32_MAX, record,
                          err);
    crypto->wipe(crypto->ctx, key, sizeof key);
    if (st == MT_OK && mti_buf_append(out, record, sizeof record) != MT_OK)
        return mti_no_memory(err);
    return st;
}

/* ---- Tokens ---- */

/* A token begins to be good no sooner than the one that it derives from, and ends no later if its end is left open. */
static void narrow_time(const base *b, mti_token *token)
{
    mti_token parent;
    mt_error ignored;

    if (b->count == 0 || mti_token_decode(b->tokens[b->count - 1], &parent, &ignored) != MT_OK)
        return;
    if (token->not_before < parent.not_before) token->not_before = parent.not_before;
    if (token->not_after == UINT64_MAX) token->not_after = parent.not_after;
}

static mt_status token_fill(const mt_token *what, const base *b, const mt_crypto *crypto,
                            mti_token *out, mt_error *err)
{
    mt_token own = {0};

    memset(out, 0, sizeof *out);
    memcpy(&own, what, what->size < sizeof own ? what->size : sizeof own);
    if (!own.device) return mti_fail(err, MT_INVALID, "a token for no device");
    if (own.prefix_count < 1 || own.prefix_count > MT_TOKEN_PREFIXES_MAX)
        return mti_fail(err, MT_INVALID, "a token of %zu prefixes, not 1 to %d", own.prefix_count,
                        MT_TOKEN_PREFIXES_MAX);
    if (own.rights > MTI_RIGHTS_ALL)
        return mti_fail(err, MT_INVALID, "a token with rights that there are not");
    if (b->count == MT_CHAIN_TOKENS_MAX)
        return mti_fail(err, MT_INVALID, "a chain has %d tokens at most", MT_CHAIN_TOKENS_MAX);
    out->rights = (uint8_t)own.rights;
    memcpy(out->space, b->about.id, MTI_ID_LEN);
    if (b->count > 0) mti_token_id(crypto, b->tokens[b->count - 1], out->parent);
    memcpy(out->audience, own.device, MT_KEY_LEN);
    out->not_before = own.not_before_ms;
    out->not_after = own.not_after_ms;
    out->depth = (uint8_t)b->count;
    out->prefix_count = (uint8_t)own.prefix_count;
    for (size_t i = 0; i < own.prefix_count; i++) out->prefixes[i] = own.prefixes[i];
    narrow_time(b, out);
    return MT_OK;
}

/* As whoever is shown the chain will, when it begins to be good. */
static mt_status check(const mt_crypto *crypto, const base *b, const mti_token *token,
                       mt_bytes made, mt_error *err)
{
    mti_moment moment = {.now_ms = token->not_before};
    mt_bytes tokens[MT_CHAIN_TOKENS_MAX];
    mti_verdict verdict;
    mti_grant grant;

    memcpy(tokens, b->tokens, sizeof tokens);
    tokens[b->count] = made;
    verdict = mti_chain_check(crypto, &b->about, token->audience, &moment, tokens, b->count + 1,
                              &grant, err);
    if (verdict == MTI_VERDICT_ALLOWED) return MT_OK;
    err->status = MT_INVALID;
    return MT_INVALID;
}

static mt_status issue(const mt_env *env, const mt_crypto *crypto, const base *b,
                       const mt_token *what, mt_buf *out, mt_error *err)
{
    uint8_t made[MTI_TOKEN_LEN_MAX], chain[MTI_CHAIN_LEN_MAX];
    mt_bytes tokens[MT_CHAIN_TOKENS_MAX];
    mti_token token;
    size_t len = 0;
    mt_status st = token_fill(what, b, crypto, &token, err);

    if (st != MT_OK) return st;
    if (env->entropy(env->ctx, token.nonce, sizeof token.nonce) != MT_OK)
        return mti_fail(err, MT_IO, "there is no source of random numbers");
    if ((st = mti_token_make(crypto, b->key, &token, made, &len, err)) != MT_OK) return st;
    if ((st = check(crypto, b, &token, (mt_bytes){made, len}, err)) != MT_OK) return st;
    memcpy(tokens, b->tokens, sizeof tokens);
    tokens[b->count] = (mt_bytes){made, len};
    len = mti_chain_encode(tokens, b->count + 1, chain);
    return mti_buf_append(out, chain, len) == MT_OK ? MT_OK : mti_no_memory(err);
}

mt_status mt_token_issue(const mt_env *env, const mt_crypto *crypto, mt_bytes genesis,
                         const uint8_t *issuer_seed, mt_bytes issuer_chain, const mt_token *token,
                         mt_buf *out, mt_error *err)
{
    mt_error ignored;
    mt_status st;
    base b;

    if (!err) err = &ignored;
    st = base_read(crypto, genesis, issuer_seed, issuer_chain, &b, err);
    if (st == MT_OK) st = issue(env, crypto, &b, token, out, err);
    crypto->wipe(crypto->ctx, &b, sizeof b);
    return st;
}

/* ---- Taking back ---- */

/* Whether a key is the root's, or that of who issued one of the tokens. */
static bool is_above(const base *b, const uint8_t *key)
{
    mti_token token;
    mt_error err;

    if (memcmp(key, b->about.root, MT_KEY_LEN) == 0) return true;
    for (size_t i = 0; i < b->count; i++)
        if (mti_token_decode(b->tokens[i], &token, &err) == MT_OK &&
            memcmp(token.issuer, key, MT_KEY_LEN) == 0)
            return true;
    return false;
}

mt_status mt_revocation_make(const mt_env *env, const mt_crypto *crypto, mt_bytes genesis,
                             const uint8_t *seed, mt_bytes chain, mt_buf *out, mt_error *err)
{
    uint8_t record[MTI_REVOCATION_LEN];
    mti_revocation revocation = {.time_ms = env->now_ms(env->ctx)};
    mt_error ignored;
    mt_status st;
    base b;

    if (!err) err = &ignored;
    st = base_read(crypto, genesis, seed, chain, &b, err);
    if (st == MT_OK && b.count == 0) st = mti_fail(err, MT_INVALID, "a chain of no token");
    if (st == MT_OK && !is_above(&b, mti_statement_public(b.key)))
        st = mti_fail(err, MT_INVALID, "only the root, and who issued it, may take a token back");
    if (st == MT_OK) {
        memcpy(revocation.space, b.about.id, MTI_ID_LEN);
        mti_token_id(crypto, b.tokens[b.count - 1], revocation.token);
        mti_revocation_make(crypto, b.key, &revocation, record);
        if (mti_buf_append(out, record, sizeof record) != MT_OK) st = mti_no_memory(err);
    }
    crypto->wipe(crypto->ctx, &b, sizeof b);
    return st;
}
