#include "test_trust.h"

#include "test_guard.h"
#include <mytosis/host.h>
#include <stdlib.h>
#include <string.h>

const uint8_t *test_signer(char who)
{
    static uint8_t keys[128][MT_SIGNING_KEY_LEN];
    static bool made[128];
    const mt_crypto *crypto = mt_crypto_sodium();
    size_t at = (size_t)who;

    CHECK(at < TEST_COUNT(made));
    if (!made[at]) {
        uint8_t seed[MT_KEY_LEN];

        memset(seed, who, sizeof seed);
        crypto->signing_key(crypto->ctx, seed, keys[at]);
        made[at] = true;
    }
    return keys[at];
}

const uint8_t *test_public(char who)
{
    return mti_statement_public(test_signer(who));
}

mti_space test_space(void)
{
    mti_space space;

    memset(space.id, TEST_SPACE_FILL, sizeof space.id);
    memcpy(space.root, test_public('R'), sizeof space.root);
    return space;
}

/* ---- Tokens ---- */

void test_token_prefixes(mti_token *token, const char *prefixes, size_t len)
{
    const char *end = prefixes + len, *comma;

    token->prefix_count = 0;
    for (;; prefixes = comma + 1) {
        comma = memchr(prefixes, ',', (size_t)(end - prefixes));
        CHECK(token->prefix_count < MT_TOKEN_PREFIXES_MAX);
        token->prefixes[token->prefix_count++] =
            (mt_bytes){(const uint8_t *)prefixes, (size_t)((comma ? comma : end) - prefixes)};
        if (!comma) return;
    }
}

mti_token test_token(char audience, const char *rights, const char *prefixes)
{
    static const char letters[] = "rwda";
    mti_token token = {.not_before = 1000, .not_after = 2000, .nonce = "nonce"};

    for (; *rights; rights++) {
        const char *letter = strchr(letters, *rights);

        CHECK(letter != NULL);
        token.rights |= (uint8_t)(1u << (letter - letters));
    }
    memset(token.space, TEST_SPACE_FILL, sizeof token.space);
    memcpy(token.audience, test_public(audience), sizeof token.audience);
    test_token_prefixes(&token, prefixes, strlen(prefixes));
    return token;
}

/* ---- Chains ---- */

static uint8_t *next_of(test_chain *chain)
{
    CHECK(chain->count < TEST_COUNT(chain->tokens));
    return chain->bytes[chain->count];
}

void test_chain_add(test_chain *chain, char issuer, mti_token token)
{
    uint8_t *out = next_of(chain);
    mt_error err;
    size_t len;

    if (chain->count > 0) {
        mti_token_id(mt_crypto_sodium(), chain->tokens[chain->count - 1], token.parent);
        token.depth = (uint8_t)chain->count;
    }
    if (mti_token_make(mt_crypto_sodium(), test_signer(issuer), &token, out, &len, &err) != MT_OK)
        fail_msg("%s", err.text);
    chain->tokens[chain->count++] = (mt_bytes){out, len};
}

void test_chain_add_as_is(test_chain *chain, char signer, const mti_token *token)
{
    uint8_t *out = next_of(chain);
    size_t len = mti_token_encode(token, out);
    mt_bytes body = {out, len - MT_SIGNATURE_LEN};

    mti_statement_sign(mt_crypto_sodium(), "mytosis-token-v1", body, test_signer(signer),
                       out + body.len);
    chain->tokens[chain->count++] = (mt_bytes){out, len};
}

mti_verdict test_chain_check(const test_chain *chain, char device, const mti_moment *moment,
                             mti_grant *grant)
{
    const mti_space space = test_space();
    mt_error err = {.status = MT_OK};
    mti_verdict verdict;

    memset(grant, 0xFF, sizeof *grant);
    verdict = mti_chain_check(mt_crypto_sodium(), &space, test_public(device), moment,
                              chain->tokens, chain->count, grant, &err);
    CHECK((verdict == MTI_VERDICT_ALLOWED) == (grant->count > 0));
    CHECK((verdict == MTI_VERDICT_ALLOWED) == (err.status == MT_OK));
    if (verdict != MTI_VERDICT_ALLOWED) {
        mti_grant nothing;

        memset(&nothing, 0, sizeof nothing);
        assert_memory_equal(grant, &nothing, sizeof nothing);
        CHECK(err.text[0]);
    }
    return verdict;
}

mti_revocation test_revocation(const test_chain *chain, size_t at, char by)
{
    const mt_crypto *crypto = mt_crypto_sodium();
    mti_revocation revocation = {.time_ms = 1500};
    uint8_t bytes[MTI_REVOCATION_LEN];
    mt_error err;

    memset(revocation.space, TEST_SPACE_FILL, sizeof revocation.space);
    mti_token_id(crypto, chain->tokens[at], revocation.token);
    mti_revocation_make(crypto, test_signer(by), &revocation, bytes);
    CHECK(mti_revocation_verify(crypto, &revocation, &err) == MT_OK);
    return revocation;
}

/* ---- Damage ---- */

static void require_refused(mt_bytes record, test_record_reader read, const char *what, size_t at)
{
    mt_error err = {.status = MT_OK};
    mt_status st = read(record, &err);

    if (st != MT_MALFORMED && st != MT_UNSUPPORTED)
        fail_msg("%s at byte %zu: %s", what, at, mt_status_name(st));
    CHECK(err.status == st && err.text[0]);
}

void test_record_damaged(mt_bytes record, test_record_reader read)
{
    test_guard guard = test_guard_new(record.len + 1);
    uint8_t *bytes = malloc(record.len + 1);
    mt_error err;

    if (!bytes) abort();
    memcpy(bytes, record.data, record.len);
    bytes[record.len] = 0;
    CHECK(read(test_guard_put(&guard, record), &err) == MT_OK);
    for (size_t i = 0; i < record.len * 8; i++) {
        bytes[i / 8] ^= (uint8_t)(1u << i % 8);
        require_refused(test_guard_put(&guard, (mt_bytes){bytes, record.len}), read, "a bit",
                        i / 8);
        bytes[i / 8] ^= (uint8_t)(1u << i % 8);
    }
    for (size_t len = 0; len < record.len; len++)
        require_refused(test_guard_put(&guard, (mt_bytes){bytes, len}), read, "cut", len);
    require_refused(test_guard_put(&guard, (mt_bytes){bytes, record.len + 1}), read, "a byte more",
                    record.len);
    require_refused((mt_bytes){NULL, 0}, read, "nothing", 0);
    free(bytes);
    test_guard_free(&guard);
}

void test_record_refused(mt_bytes record, test_record_reader read, mt_status status,
                         const char *text)
{
    mt_error err = {.status = MT_OK};

    assert_string_equal(mt_status_name(read(record, &err)), mt_status_name(status));
    assert_string_equal(err.text, text);
}

void test_signature_other_form(uint8_t signature[MT_SIGNATURE_LEN])
{
    /* 2^252 + 27742317777372353535851937790883648493, the lowest byte first. */
    static const uint8_t order[32] = {0xED, 0xD3, 0xF5, 0x5C, 0x1A, 0x63, 0x12, 0x58,       0xD6,
                                      0x9C, 0xF7, 0xA2, 0xDE, 0xF9, 0xDE, 0x14, [31] = 0x10};
    unsigned carry = 0;

    for (size_t i = 0; i < sizeof order; i++) {
        carry += (unsigned)signature[32 + i] + order[i];
        signature[32 + i] = (uint8_t)carry;
        carry >>= 8;
    }
    CHECK(carry == 0);
}
