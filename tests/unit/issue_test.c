/* Records that a program makes of a space: what it asks for that cannot be is refused, and nothing is appended. */
#include "test_space.h"

#include "trust/rights.h"

#include <string.h>

#define HUB 0
#define GUEST 1

typedef struct scene {
    test_space_world w;
    mt_token token; /* of the guest */
    mt_buf out;
} scene;

static void begin(scene *s)
{
    test_space_begin(&s->w);
    s->token = test_space_token(&s->w, GUEST, MT_RIGHT_READ, &test_notes);
    s->out = (mt_buf){.mem = test_mem()};
}

static void end(scene *s)
{
    mt_buf_free(&s->out);
    test_space_end(&s->w);
}

/* Issues the token, in the name of the root or of the hub with a chain. */
static void is_refused(scene *s, const mt_buf *chain, mt_status status, const char *text)
{
    const uint8_t *seed = chain ? s->w.peers[HUB].seed : s->w.root;
    mt_error err = {.status = MT_OK};

    CHECK(test_space_issue(&s->w, seed, chain, &s->token, &s->out, &err) == status);
    if (!strstr(err.text, text)) fail_msg("\"%s\", not \"%s\"", err.text, text);
    CHECK(err.status == status && s->out.len == 0);
    CHECK(test_space_issue(&s->w, seed, chain, &s->token, &s->out, NULL) == status);
}

/* ---- Tokens ---- */

TEST(token_that_cannot_be_is_not_made)
{
    static const mt_bytes no_prefix = {(const uint8_t *)"notes", 5};
    mt_token good;
    scene s;

    begin(&s);
    good = s.token;
    s.token.device = NULL;
    is_refused(&s, NULL, MT_INVALID, "a token for no device");
    s.token = good;
    s.token.prefix_count = 0;
    is_refused(&s, NULL, MT_INVALID, "a token of 0 prefixes, not 1 to 4");
    s.token.prefix_count = MT_TOKEN_PREFIXES_MAX + 1;
    is_refused(&s, NULL, MT_INVALID, "a token of 5 prefixes, not 1 to 4");
    s.token = good;
    s.token.rights = 16;
    is_refused(&s, NULL, MT_INVALID, "a token with rights that there are not");
    s.token = good;
    s.token.prefixes = &no_prefix;
    is_refused(&s, NULL, MT_INVALID, "");
    s.token = good;
    CHECK(test_space_issue(&s.w, s.w.root, NULL, &s.token, &s.out, NULL) == MT_OK);
    end(&s);
}

TEST(chain_of_four_goes_no_further)
{
    scene s;

    begin(&s);
    test_space_give(&s.w, HUB, MT_RIGHT_READ | MT_RIGHT_DELEGATE, &test_notes);
    for (size_t i = 1; i < MT_CHAIN_TOKENS_MAX; i++) {
        mt_token token =
            test_space_token(&s.w, HUB, MT_RIGHT_READ | MT_RIGHT_DELEGATE, &test_notes);
        mt_buf chain = {.mem = test_mem()};
        CHECK(test_space_issue(&s.w, s.w.peers[HUB].seed, &s.w.peers[HUB].chain, &token, &chain,
                               NULL) == MT_OK);
        mt_buf_free(&s.w.peers[HUB].chain);
        s.w.peers[HUB].chain = chain;
    }
    is_refused(&s, &s.w.peers[HUB].chain, MT_INVALID, "a chain has 4 tokens at most");
    end(&s);
}

TEST(chain_that_is_none_gives_nothing)
{
    uint8_t bytes[1 + 2 + MTI_TOKEN_LEN_MIN] = {1, (uint8_t)MTI_TOKEN_LEN_MIN,
                                                MTI_TOKEN_LEN_MIN >> 8};
    mt_buf chain = {.data = bytes, .len = sizeof bytes};
    mt_error err;
    scene s;

    begin(&s);
    is_refused(&s, &chain, MT_INVALID, "token 1 of 2"); /* the token of zeros in it */
    CHECK(mt_revocation_make(&s.w.te.env, mt_crypto_sodium(), mt_buf_bytes(&s.w.genesis),
                             s.w.peers[HUB].seed, mt_buf_bytes(&chain), &s.out,
                             &err) == MT_INVALID);
    assert_string_equal(err.text, "only the root, and who issued it, may take a token back");
    chain.len--;
    is_refused(&s, &chain, MT_MALFORMED, "a token");
    bytes[0] = MT_CHAIN_TOKENS_MAX + 1;
    is_refused(&s, &chain, MT_MALFORMED, "the number of tokens: not 1 to 4");
    CHECK(mt_revocation_make(&s.w.te.env, mt_crypto_sodium(), mt_buf_bytes(&s.w.genesis), s.w.root,
                             mt_buf_bytes(&chain), &s.out, &err) == MT_MALFORMED);
    CHECK(s.out.len == 0);
    end(&s);
}

TEST(genesis_that_is_damaged_has_no_tokens)
{
    mt_error err;
    scene s;

    begin(&s);
    test_space_give(&s.w, HUB, MT_RIGHT_READ, &test_notes);
    s.w.genesis.data[20] ^= 1;
    is_refused(&s, NULL, MT_MALFORMED, "genesis");
    CHECK(mt_revocation_make(&s.w.te.env, mt_crypto_sodium(), mt_buf_bytes(&s.w.genesis), s.w.root,
                             mt_buf_bytes(&s.w.peers[HUB].chain), &s.out, &err) == MT_MALFORMED);
    CHECK(s.out.len == 0);
    end(&s);
}

TEST(token_is_not_made_without_random_numbers)
{
    scene s;

    begin(&s);
    s.w.te.no_entropy = true;
    is_refused(&s, NULL, MT_IO, "there is no source of random numbers");
    s.w.te.no_entropy = false;
    CHECK(test_space_issue(&s.w, s.w.root, NULL, &s.token, &s.out, NULL) == MT_OK);
    end(&s);
}

/* ---- Revocations ---- */

static mt_status revoke(scene *s, const uint8_t *seed, mt_bytes chain, mt_error *err)
{
    return mt_revocation_make(&s->w.te.env, mt_crypto_sodium(), mt_buf_bytes(&s->w.genesis), seed,
                              chain, &s->out, err);
}

TEST(token_is_taken_back_by_those_above_it_alone)
{
    mt_bytes chain;
    mt_error err;
    scene s;

    begin(&s);
    test_space_give(&s.w, HUB, MT_RIGHT_READ | MT_RIGHT_DELEGATE, &test_notes);
    test_space_give_on(&s.w, HUB, GUEST, MT_RIGHT_READ, &test_notes);
    chain = mt_buf_bytes(&s.w.peers[GUEST].chain);
    CHECK(revoke(&s, s.w.root, (mt_bytes){NULL, 0}, &err) == MT_INVALID);
    assert_string_equal(err.text, "a chain of no token");
    CHECK(revoke(&s, s.w.peers[GUEST].seed, chain, &err) == MT_INVALID);
    assert_string_equal(err.text, "only the root, and who issued it, may take a token back");
    CHECK(revoke(&s, s.w.peers[GUEST].seed, chain, NULL) == MT_INVALID);
    CHECK(s.out.len == 0);
    CHECK(revoke(&s, s.w.peers[HUB].seed, chain, &err) == MT_OK);
    CHECK(revoke(&s, s.w.root, chain, NULL) == MT_OK);
    CHECK(s.out.len == 2 * MTI_REVOCATION_LEN);
    end(&s);
}

/* ---- Memory ---- */

TEST(records_are_not_made_without_memory)
{
    scene s;

    begin(&s);
    test_space_give(&s.w, GUEST, MT_RIGHT_READ, &test_notes);
    for (unsigned what = 0; what < 3; what++)
        for (size_t at = 0; at < 2; at++) {
            fail_mem memory = {.fail_at = at};
            mt_buf out = {.mem = fail_mem_hook(&memory)};
            mt_error err = {.status = MT_OK};
            uint8_t recovery[MT_KEY_LEN] = {5};
            mt_status st;
            if (what == 0)
                st = mt_genesis_make(mt_crypto_sodium(), s.w.root, recovery, 3, &out, &err);
            else if (what == 1) st = test_space_issue(&s.w, s.w.root, NULL, &s.token, &out, &err);
            else
                st =
                    mt_revocation_make(&s.w.te.env, mt_crypto_sodium(), mt_buf_bytes(&s.w.genesis),
                                       s.w.root, mt_buf_bytes(&s.w.peers[GUEST].chain), &out, &err);
            CHECK(st == (at == 0 ? MT_NO_MEMORY : MT_OK) && memory.tripped == (at == 0));
            CHECK(err.status == st && (out.len == 0) == (at == 0));
            mt_buf_free(&out);
        }
    end(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(token_that_cannot_be_is_not_made),
        cmocka_unit_test(chain_of_four_goes_no_further),
        cmocka_unit_test(chain_that_is_none_gives_nothing),
        cmocka_unit_test(genesis_that_is_damaged_has_no_tokens),
        cmocka_unit_test(token_is_not_made_without_random_numbers),
        cmocka_unit_test(token_is_taken_back_by_those_above_it_alone),
        cmocka_unit_test(records_are_not_made_without_memory),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
