#include "trust/token.h"
#include "test_trust.h"
#include <mytosis/host.h>
#include <stdio.h>
#include <string.h>

static mt_status read_one(mt_bytes bytes, mt_error *err)
{
    return mti_token_verify(mt_crypto_sodium(), bytes, err);
}

/* A token of `token`, signed by the root whatever it says. */
static mt_bytes sign(test_chain *room, const mti_token *token)
{
    mti_token signed_one = *token;

    memcpy(signed_one.issuer, test_public('R'), MT_KEY_LEN);
    room->count = 0;
    test_chain_add_as_is(room, 'R', &signed_one);
    return room->tokens[0];
}

static void refused(const mti_token *token, mt_status status, const char *text)
{
    test_chain room = {0};
    uint8_t out[MTI_TOKEN_LEN_MAX];
    size_t len = 42;
    mt_error err;

    test_record_refused(sign(&room, token), read_one, status, text);
    CHECK(mti_token_make(mt_crypto_sodium(), test_signer('R'), token, out, &len, &err) ==
          MT_INVALID);
    CHECK(len == 42 && err.status == MT_INVALID);
    assert_string_equal(err.text, text);
}

TEST(what_was_made_is_read_and_written_the_same)
{
    mti_token token = test_token('A', "rd", "a/,b/c/"), read;
    uint8_t again[MTI_TOKEN_LEN_MAX];
    test_chain chain = {0};
    mt_error err;

    test_chain_add(&chain, 'R', token);
    CHECK(read_one(chain.tokens[0], &err) == MT_OK);
    CHECK(mti_token_decode(chain.tokens[0], &read, &err) == MT_OK);
    CHECK(read.rights == (MT_RIGHT_READ | MT_RIGHT_DELEGATE) && read.depth == 0);
    CHECK(read.not_before == 1000 && read.not_after == 2000);
    assert_memory_equal(read.space, token.space, sizeof read.space);
    assert_memory_equal(read.issuer, test_public('R'), MT_KEY_LEN);
    assert_memory_equal(read.audience, test_public('A'), MT_KEY_LEN);
    assert_memory_equal(read.nonce, token.nonce, sizeof read.nonce);
    CHECK(read.prefix_count == 2 && mt_bytes_equal(read.prefixes[0], mt_str("a/")) &&
          mt_bytes_equal(read.prefixes[1], mt_str("b/c/")));
    CHECK(mti_token_encode(&read, again) == chain.tokens[0].len);
    assert_memory_equal(again, chain.tokens[0].data, chain.tokens[0].len);
}

TEST(whatever_is_changed_in_it_is_refused)
{
    test_chain chain = {0};

    test_chain_add(&chain, 'R', test_token('A', "rwda", ""));
    test_record_damaged(chain.tokens[0], read_one);
    test_chain_add(&chain, 'A', test_token('B', "r", "a/,b/,c/d/"));
    test_record_damaged(chain.tokens[1], read_one);
}

TEST(the_shortest_and_the_longest_are_read)
{
    char text[4][MT_TOKEN_PREFIX_LEN_MAX + 2];
    mti_token token = test_token('A', "r", "");
    test_chain chain = {0};
    mt_error err;

    CHECK(sign(&chain, &token).len == MTI_TOKEN_LEN_MIN);
    CHECK(read_one(chain.tokens[0], &err) == MT_OK);
    token.prefix_count = 4;
    for (size_t i = 0; i < 4; i++) {
        memset(text[i], (int)('a' + i), sizeof text[i]);
        text[i][MT_TOKEN_PREFIX_LEN_MAX - 1] = '/';
        token.prefixes[i] = (mt_bytes){(const uint8_t *)text[i], MT_TOKEN_PREFIX_LEN_MAX};
    }
    CHECK(sign(&chain, &token).len == MTI_TOKEN_LEN_MAX);
    CHECK(read_one(chain.tokens[0], &err) == MT_OK);
    test_record_damaged(chain.tokens[0], read_one);
    token.prefixes[3].len++;
    CHECK(mti_token_make(mt_crypto_sodium(), test_signer('R'), &token, chain.bytes[0], &(size_t){0},
                         &err) == MT_INVALID);
    token.prefix_count = 5;
    CHECK(mti_token_make(mt_crypto_sodium(), test_signer('R'), &token, chain.bytes[0], &(size_t){0},
                         &err) == MT_INVALID);
}

TEST(rights_that_do_not_exist_are_refused)
{
    mti_token token = test_token('A', "r", "");
    test_chain room = {0};
    mt_error err;

    token.rights = 0;
    refused(&token, MT_MALFORMED, "a token: byte 1: the rights: there are none");
    token.rights = MTI_RIGHT_RELAY | MT_RIGHT_READ;
    refused(&token, MT_UNSUPPORTED, "a token: byte 1: the rights: relay is reserved");
    token.rights = 0x21;
    refused(&token, MT_MALFORMED, "a token: byte 1: the rights: one of them is none that there is");
    for (unsigned rights = 0; rights < 256; rights++) {
        token.rights = (uint8_t)rights;
        CHECK((read_one(sign(&room, &token), &err) == MT_OK) ==
              (rights > 0 && rights <= MTI_RIGHTS_ALL));
    }
}

TEST(time_and_depth_must_make_sense)
{
    mti_token token = test_token('A', "r", "");

    token.not_after = token.not_before;
    refused(&token, MT_MALFORMED, "a token: byte 130: the time: it ends before it begins");
    token = test_token('A', "r", "");
    token.depth = 1;
    refused(&token, MT_MALFORMED,
            "a token: byte 146: the depth: 0 if there is no parent, and only then");
    token.parent[31] = 1;
    token.depth = 0;
    refused(&token, MT_MALFORMED,
            "a token: byte 146: the depth: 0 if there is no parent, and only then");
    token.depth = 4;
    refused(&token, MT_MALFORMED, "a token: byte 146: the depth: more than 3");
    token = test_token('A', "r", "");
    token.prefix_count = 0;
    refused(&token, MT_MALFORMED, "a token: byte 155: the number of prefixes: not 1 to 4");
}

/* What is said of a token with such prefixes; NULL: it is taken. */
static const char *said_of(const char *prefixes, size_t len)
{
    static mt_error err;
    mti_token token = test_token('A', "r", "");
    test_chain room = {0};
    const char *how;

    test_token_prefixes(&token, prefixes, len);
    if (read_one(sign(&room, &token), &err) == MT_OK) return NULL;
    CHECK(err.status == MT_MALFORMED);
    how = strstr(err.text, "a prefix: ");
    return how ? how + strlen("a prefix: ") : err.text;
}

#define SAID(literal) said_of(literal, sizeof literal - 1)

TEST(a_prefix_has_one_form)
{
    static const char *const good[] = {"",       "a/",        "a/b/c/", "@space/",          "../",
                                       "./",     "a/../",     " /",     "\xC3\xA9/",        "A/,a/",
                                       "a/,ab/", "a/b/,a/c/", "a-/,a/", "\xF0\x9F\x98\x80/"};

    for (size_t i = 0; i < TEST_COUNT(good); i++)
        if (said_of(good[i], strlen(good[i]))) fail_msg("%s", good[i]);
    assert_string_equal(SAID("a"), "it does not end with a slash");
    assert_string_equal(SAID("a/b"), "it does not end with a slash");
    assert_string_equal(SAID("/"), "a segment of it is empty");
    assert_string_equal(SAID("//"), "a segment of it is empty");
    assert_string_equal(SAID("/a/"), "a segment of it is empty");
    assert_string_equal(SAID("a//"), "a segment of it is empty");
    assert_string_equal(SAID("a//b/"), "a segment of it is empty");
    assert_string_equal(SAID("a\0/"), "not UTF-8, or it holds U+0000");
    assert_string_equal(SAID("\0"), "not UTF-8, or it holds U+0000");
    assert_string_equal(SAID("a\xC0\xAF"), "not UTF-8, or it holds U+0000"); /* overlong slash */
    assert_string_equal(SAID("\xC0\x80/"), "not UTF-8, or it holds U+0000"); /* overlong zero */
    assert_string_equal(SAID("\xE0\x80\xAF/"), "not UTF-8, or it holds U+0000");
    assert_string_equal(SAID("\xED\xA0\x80/"), "not UTF-8, or it holds U+0000"); /* a surrogate */
    assert_string_equal(SAID("\xF4\x90\x80\x80/"), "not UTF-8, or it holds U+0000");
    assert_string_equal(SAID("\xC3/"), "not UTF-8, or it holds U+0000");
}

TEST(prefixes_are_in_order_and_none_covers_another)
{
    assert_string_equal(SAID("b/,a/"), "not in order");
    assert_string_equal(SAID("a/,a-/"), "not in order");
    assert_string_equal(SAID("a/,a/"), "the one before covers it");
    assert_string_equal(SAID("a/,a/b/"), "the one before covers it");
    assert_string_equal(SAID("a/,b/,b/c/d/"), "the one before covers it");
    assert_string_equal(SAID(",a/"), "the one before covers it");
    assert_string_equal(SAID("a/b/,a/"), "not in order");
    assert_string_equal(SAID("a/,"), "not in order");
}

TEST(a_prefix_covers_what_begins_with_it_and_nothing_that_looks_alike)
{
    static const char *const inside[] = {"notes/a", "notes/", "notes/a/b", "notes//", "notes/../x"};
    static const char *const outside[] = {
        "notes",     "notesx",    "notesx/a",           "note",          "", "Notes/a", "/notes/a",
        "x/notes/a", "./notes/a", "notes\342\210\225a", "notes\300\257a"};
    const mt_bytes prefix = mt_str("notes/");

    for (size_t i = 0; i < TEST_COUNT(inside); i++)
        CHECK(mti_prefix_covers(prefix, mt_str(inside[i])));
    for (size_t i = 0; i < TEST_COUNT(outside); i++)
        CHECK(!mti_prefix_covers(prefix, mt_str(outside[i])));
    CHECK(!mti_prefix_covers(prefix, (mt_bytes){(const uint8_t *)"notes\0/a", 8}));
    CHECK(!mti_prefix_covers(prefix, (mt_bytes){NULL, 0}));
    CHECK(mti_prefix_covers(mt_str(""), (mt_bytes){NULL, 0}));
    CHECK(mti_prefix_covers(mt_str(""), mt_str("a")));
}

TEST(a_signature_of_another_or_in_another_form_is_refused)
{
    const char *text = "a token: byte 157: the signature: not that of the issuer";
    mti_token token = test_token('A', "r", "");
    test_chain chain = {0};
    mt_bytes bytes = sign(&chain, &token);

    test_signature_other_form(chain.bytes[0] + bytes.len - MT_SIGNATURE_LEN);
    test_record_refused(bytes, read_one, MT_MALFORMED, text);
    memcpy(token.issuer, test_public('R'), MT_KEY_LEN);
    test_chain_add_as_is(&chain, 'S', &token);
    test_record_refused(chain.tokens[1], read_one, MT_MALFORMED, text);
    memset(token.issuer, 0, MT_KEY_LEN); /* a key of small order */
    test_chain_add_as_is(&chain, 'S', &token);
    test_record_refused(chain.tokens[2], read_one, MT_MALFORMED, text);
}

TEST(what_was_signed_as_another_record_is_no_token)
{
    mti_token token = test_token('A', "r", "");
    test_chain chain = {0};
    mt_bytes bytes = sign(&chain, &token);
    const size_t len = bytes.len - MT_SIGNATURE_LEN;
    mt_error err;

    mti_statement_sign(mt_crypto_sodium(), "mytosis-revoke-v1", (mt_bytes){bytes.data, len},
                       test_signer('R'), chain.bytes[0] + len);
    CHECK(read_one(bytes, &err) == MT_MALFORMED);
}

TEST(an_id_is_that_of_all_but_the_signature)
{
    uint8_t ids[3][MTI_ID_LEN];
    test_chain chain = {0};

    test_chain_add(&chain, 'R', test_token('A', "r", ""));
    mti_token_id(mt_crypto_sodium(), chain.tokens[0], ids[0]);
    chain.bytes[0][chain.tokens[0].len - 1] ^= 1;
    mti_token_id(mt_crypto_sodium(), chain.tokens[0], ids[1]);
    assert_memory_equal(ids[0], ids[1], MTI_ID_LEN);
    chain.bytes[0][147] ^= 1; /* the nonce */
    mti_token_id(mt_crypto_sodium(), chain.tokens[0], ids[2]);
    CHECK(memcmp(ids[0], ids[2], MTI_ID_LEN) != 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_made_is_read_and_written_the_same),
        cmocka_unit_test(whatever_is_changed_in_it_is_refused),
        cmocka_unit_test(the_shortest_and_the_longest_are_read),
        cmocka_unit_test(rights_that_do_not_exist_are_refused),
        cmocka_unit_test(time_and_depth_must_make_sense),
        cmocka_unit_test(a_prefix_has_one_form),
        cmocka_unit_test(prefixes_are_in_order_and_none_covers_another),
        cmocka_unit_test(a_prefix_covers_what_begins_with_it_and_nothing_that_looks_alike),
        cmocka_unit_test(a_signature_of_another_or_in_another_form_is_refused),
        cmocka_unit_test(what_was_signed_as_another_record_is_no_token),
        cmocka_unit_test(an_id_is_that_of_all_but_the_signature),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
