/* fuzz/token_fuzz.c - any bytes, read as a token, a chain or a revocation; and a chain that was put in order, so
 * that input gets behind its hashes and signatures.
 *
 * The first byte of the input says which. */
#include "counted.h"
#include "ordered.h"

#include <mytosis/host.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void token(mt_bytes bytes)
{
    uint8_t again[MTI_TOKEN_LEN_MAX];
    mti_token read;
    mt_error err = {.status = MT_OK};

    if (mti_token_decode(bytes, &read, &err) != MT_OK) {
        REQUIRE(err.text[0] && (err.status == MT_MALFORMED || err.status == MT_UNSUPPORTED));
        return;
    }
    REQUIRE(mti_token_encode(&read, again) == bytes.len);
    REQUIRE(memcmp(again, bytes.data, bytes.len) == 0);
}

static void revocation(mt_bytes bytes)
{
    uint8_t again[MTI_REVOCATION_LEN];
    mti_revocation read;
    mt_error err = {.status = MT_OK};

    if (mti_revocation_decode(bytes, &read, &err) != MT_OK) {
        REQUIRE(err.text[0] && (err.status == MT_MALFORMED || err.status == MT_UNSUPPORTED));
        return;
    }
    mti_revocation_encode(&read, again);
    REQUIRE(bytes.len == sizeof again && memcmp(again, bytes.data, bytes.len) == 0);
}

/* Splits a chain; answers how many tokens it has, 0 for none. */
static size_t split(mt_bytes bytes, mt_bytes tokens[MT_CHAIN_TOKENS_MAX])
{
    uint8_t again[MTI_CHAIN_LEN_MAX];
    mt_error err = {.status = MT_OK};
    size_t count;

    if (mti_chain_decode(bytes, tokens, &count, &err) != MT_OK) {
        REQUIRE(err.text[0] && err.status == MT_MALFORMED);
        return 0;
    }
    REQUIRE(mti_chain_encode(tokens, count, again) == bytes.len);
    REQUIRE(memcmp(again, bytes.data, bytes.len) == 0);
    return count;
}

/* Without its signatures no chain is any good. */
static void chain(mt_bytes bytes)
{
    static const uint8_t device[MT_KEY_LEN];
    const mti_moment moment = {.now_ms = 1500};
    const mti_space space = {{0}, {0}};
    mt_bytes tokens[MT_CHAIN_TOKENS_MAX];
    size_t count = split(bytes, tokens);
    mti_grant grant;
    mt_error err;

    if (count == 0) return;
    REQUIRE(mti_chain_check(mt_crypto_sodium(), &space, device, &moment, tokens, count, &grant,
                            &err) != MTI_VERDICT_ALLOWED);
    REQUIRE(err.text[0] && grant.count == 0);
}

/* ---- A chain in order ---- */

static bool gives(const mti_token *token, unsigned right, mt_bytes name)
{
    if (!(token->rights & right)) return false;
    for (size_t i = 0; i < token->prefix_count; i++)
        if (mti_prefix_covers(token->prefixes[i], name)) return true;
    return false;
}

/* What is allowed is given by every token of the chain, at that time. */
static void require_given(const ordered *in, const mti_grant *grant, const mti_moment *moment,
                          mt_bytes name)
{
    const bool reserved = mti_prefix_covers(mt_str(MTI_RESERVED_PREFIX), name);

    for (unsigned i = 0; i < 4; i++) {
        if (mti_decide(grant, (mti_operation)i, name, moment) != MTI_VERDICT_ALLOWED) continue;
        REQUIRE(!reserved || i == MTI_OPERATION_READ);
        for (size_t j = 0; j < in->count; j++) {
            REQUIRE(reserved || gives(&in->tokens[j], 1u << i, name));
            REQUIRE(moment->now_ms >= in->tokens[j].not_before);
            REQUIRE(moment->now_ms < in->tokens[j].not_after);
        }
    }
}

static void ordered_chain(mt_bytes bytes)
{
    const mt_crypto crypto = ordered_crypto();
    mt_bytes tokens[MT_CHAIN_TOKENS_MAX];
    ordered in = {.count = split(bytes, tokens)};
    mti_moment moment = {0};
    mti_grant grant;

    if (in.count == 0 || !ordered_make(&in, &crypto, tokens)) return;
    moment.now_ms = in.tokens[in.count - 1].not_before;
    if (mti_chain_check(&crypto, &in.space, in.tokens[in.count - 1].audience, &moment, in.bytes,
                        in.count, &grant, NULL) != MTI_VERDICT_ALLOWED)
        return;
    for (size_t i = 0; i < in.tokens[0].prefix_count; i++) {
        require_given(&in, &grant, &moment, in.tokens[0].prefixes[i]);
        require_given(&in, &grant, &moment,
                      grant.prefix_count > i ? (mt_bytes){grant.prefixes[i], grant.prefix_lens[i]}
                                             : mt_str("a"));
    }
    require_given(&in, &grant, &moment, mt_str("@space/a"));
    require_given(&in, &grant, &moment, (mt_bytes){in.tokens[0].nonce, MTI_TOKEN_NONCE_LEN});
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    mt_bytes bytes;

    if (size == 0) return 0;
    bytes = (mt_bytes){data + 1, size - 1};
    switch (data[0] % 4) {
    case 0: token(bytes); break;
    case 1: chain(bytes); break;
    case 2: revocation(bytes); break;
    default: ordered_chain(bytes); break;
    }
    return 0;
}
