#include "trust/token.h"

#include "base/assert.h"

#include <mytosis/value.h>

#define DOMAIN_SIGNATURE "mytosis-token-v1"
#define DOMAIN_ID "mytosis-token-id-v1"

/* All that comes before the prefixes, their number included. */
#define HEAD_LEN (2 + 2 * MTI_ID_LEN + 2 * MT_KEY_LEN + 2 * 8 + 1 + MTI_TOKEN_NONCE_LEN + 1)

_Static_assert(MTI_TOKEN_LEN_MIN == HEAD_LEN + 1 + MT_SIGNATURE_LEN, "one empty prefix");
_Static_assert(MTI_TOKEN_LEN_MAX == HEAD_LEN +
                                        MT_TOKEN_PREFIXES_MAX * (1 + MT_TOKEN_PREFIX_LEN_MAX) +
                                        MT_SIGNATURE_LEN,
               "as many and long ones as there may be");
_Static_assert(MTI_TOKEN_LEN_MAX <= MTI_SIGNED_LEN_MAX, "a token is signed as one");

static const uint8_t no_parent[MTI_ID_LEN];

/* What is signed. */
static mt_bytes body_of(mt_bytes token)
{
    mti_assert(token.len >= MTI_TOKEN_LEN_MIN && token.len <= MTI_TOKEN_LEN_MAX);
    return (mt_bytes){token.data, token.len - MT_SIGNATURE_LEN};
}

/* ---- Prefixes ---- */

bool mti_prefix_covers(mt_bytes prefix, mt_bytes name)
{
    if (prefix.len > name.len) return false;
    return prefix.len == 0 || memcmp(prefix.data, name.data, prefix.len) == 0;
}

/* What is wrong with a prefix by itself; NULL: nothing. Beyond that all segments are equal: "../" is one like
 * any other, since uids are not paths that anybody walks. */
static const char *prefix_flaw(mt_bytes prefix)
{
    if (prefix.len == 0) return NULL;
    if (mt_uid_check(prefix, NULL) != MT_OK) return "not UTF-8, or it holds U+0000";
    if (prefix.data[prefix.len - 1] != '/') return "it does not end with a slash";
    for (size_t i = 0; i < prefix.len; i++)
        if (prefix.data[i] == '/' && (i == 0 || prefix.data[i - 1] == '/'))
            return "a segment of it is empty";
    return NULL;
}

/* In order a prefix that covers others comes right before one of these. */
static void parse_prefixes(mti_parse *in, mti_token *out)
{
    for (size_t i = 0; i < out->prefix_count && !in->failed; i++) {
        size_t len = mti_parse_byte(in, "the length of a prefix");
        const char *flaw;
        mt_bytes *prefix = &out->prefixes[i];

        if (len > MT_TOKEN_PREFIX_LEN_MAX)
            mti_statement_fail(in, MT_MALFORMED, 1, "the length of a prefix", "more than 64");
        *prefix = mti_parse_fixed(in, "a prefix", in->failed ? 0 : len);
        if (in->failed) return;
        if ((flaw = prefix_flaw(*prefix)))
            mti_statement_fail(in, MT_MALFORMED, len, "a prefix", flaw);
        if (i > 0 && mti_prefix_covers(prefix[-1], *prefix))
            mti_statement_fail(in, MT_MALFORMED, len, "a prefix", "the one before covers it");
        else if (i > 0 && mt_bytes_compare(prefix[-1], *prefix) > 0)
            mti_statement_fail(in, MT_MALFORMED, len, "a prefix", "not in order");
    }
}

/* ---- Reading ---- */

static void parse_rights(mti_parse *in, mti_token *out)
{
    out->rights = mti_parse_byte(in, "the rights");
    if (out->rights == 0) mti_statement_fail(in, MT_MALFORMED, 1, "the rights", "there are none");
    if (out->rights & ~(MTI_RIGHTS_ALL | MTI_RIGHT_RELAY))
        mti_statement_fail(in, MT_MALFORMED, 1, "the rights", "one of them is none that there is");
    if (out->rights & MTI_RIGHT_RELAY)
        mti_statement_fail(in, MT_UNSUPPORTED, 1, "the rights", "relay is reserved");
}

static void parse_window(mti_parse *in, mti_token *out)
{
    out->not_before = mti_statement_word(in, "the time from which it is good");
    out->not_after = mti_statement_word(in, "the time up to which it is good");
    if (out->not_before >= out->not_after)
        mti_statement_fail(in, MT_MALFORMED, 16, "the time", "it ends before it begins");
}

static void parse_depth(mti_parse *in, mti_token *out)
{
    bool top = memcmp(out->parent, no_parent, sizeof no_parent) == 0;

    out->depth = mti_parse_byte(in, "the depth");
    if (out->depth >= MT_CHAIN_TOKENS_MAX)
        mti_statement_fail(in, MT_MALFORMED, 1, "the depth", "more than 3");
    if (top != (out->depth == 0))
        mti_statement_fail(in, MT_MALFORMED, 1, "the depth",
                           "0 if there is no parent, and only then");
}

mt_status mti_token_decode(mt_bytes bytes, mti_token *out, mt_error *err)
{
    mti_parse in = mti_parse_of(bytes, "a token", err);
    mti_token read = {0};
    mt_status st;

    mti_statement_version(&in);
    parse_rights(&in, &read);
    mti_statement_copy(&in, "the space", read.space, sizeof read.space);
    mti_statement_copy(&in, "the parent", read.parent, sizeof read.parent);
    mti_statement_copy(&in, "the issuer", read.issuer, sizeof read.issuer);
    mti_statement_copy(&in, "the audience", read.audience, sizeof read.audience);
    parse_window(&in, &read);
    parse_depth(&in, &read);
    mti_statement_copy(&in, "the nonce", read.nonce, sizeof read.nonce);
    read.prefix_count = mti_parse_byte(&in, "the number of prefixes");
    if (read.prefix_count < 1 || read.prefix_count > MT_TOKEN_PREFIXES_MAX)
        mti_statement_fail(&in, MT_MALFORMED, 1, "the number of prefixes", "not 1 to 4");
    parse_prefixes(&in, &read);
    mti_statement_copy(&in, "the signature", read.signature, sizeof read.signature);
    if ((st = mti_parse_end(&in)) != MT_OK) return st;
    *out = read;
    return MT_OK;
}

/* ---- Writing ---- */

size_t mti_token_encode(const mti_token *token, uint8_t out[MTI_TOKEN_LEN_MAX])
{
    uint8_t *at = out;

    mti_assert(token->prefix_count <= MT_TOKEN_PREFIXES_MAX);
    *at++ = MTI_STATEMENT_VERSION;
    *at++ = token->rights;
    at = mti_statement_put(at, token->space, sizeof token->space);
    at = mti_statement_put(at, token->parent, sizeof token->parent);
    at = mti_statement_put(at, token->issuer, sizeof token->issuer);
    at = mti_statement_put(at, token->audience, sizeof token->audience);
    at = mti_statement_put_word(at, token->not_before);
    at = mti_statement_put_word(at, token->not_after);
    *at++ = token->depth;
    at = mti_statement_put(at, token->nonce, sizeof token->nonce);
    *at++ = token->prefix_count;
    for (size_t i = 0; i < token->prefix_count; i++) {
        mti_assert(token->prefixes[i].len <= MT_TOKEN_PREFIX_LEN_MAX);
        *at++ = (uint8_t)token->prefixes[i].len;
        at = mti_statement_put(at, token->prefixes[i].data, token->prefixes[i].len);
    }
    at = mti_statement_put(at, token->signature, sizeof token->signature);
    return (size_t)(at - out);
}

mt_status mti_token_make(const mt_crypto *crypto, const uint8_t key[MT_SIGNING_KEY_LEN],
                         const mti_token *token, uint8_t out[MTI_TOKEN_LEN_MAX], size_t *out_len,
                         mt_error *err)
{
    mti_token made = *token, read;
    uint8_t bytes[MTI_TOKEN_LEN_MAX];
    mt_bytes body;
    size_t len;

    if (token->prefix_count > MT_TOKEN_PREFIXES_MAX)
        return mti_fail(err, MT_INVALID, "a token: more than 4 prefixes");
    for (size_t i = 0; i < token->prefix_count; i++)
        if (token->prefixes[i].len > MT_TOKEN_PREFIX_LEN_MAX)
            return mti_fail(err, MT_INVALID, "a token: a prefix of more than 64 bytes");
    memcpy(made.issuer, mti_statement_public(key), sizeof made.issuer);
    len = mti_token_encode(&made, bytes);
    if (mti_token_decode((mt_bytes){bytes, len}, &read, err) != MT_OK)
        return err->status = MT_INVALID;
    body = body_of((mt_bytes){bytes, len});
    mti_statement_sign(crypto, DOMAIN_SIGNATURE, body, key, bytes + body.len);
    memcpy(out, bytes, len);
    *out_len = len;
    return MT_OK;
}

/* ---- Ciphers ---- */

void mti_token_id(const mt_crypto *crypto, mt_bytes token, uint8_t out[MTI_ID_LEN])
{
    mti_statement_hash(crypto, DOMAIN_ID, body_of(token), out, MTI_ID_LEN);
}

mt_status mti_token_verify(const mt_crypto *crypto, mt_bytes token, mt_error *err)
{
    mti_token read;
    mt_status st = mti_token_decode(token, &read, err);
    mt_bytes body;

    if (st != MT_OK) return st;
    body = body_of(token);
    if (mti_statement_verify(crypto, DOMAIN_SIGNATURE, body, read.issuer, read.signature) != MT_OK)
        return mti_fail(err, MT_MALFORMED,
                        "a token: byte %zu: the signature: not that of the issuer", body.len);
    return MT_OK;
}
