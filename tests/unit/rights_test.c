#include "trust/rights.h"
#include "test_trust.h"
#include <mytosis/host.h>
#include <stdio.h>
#include <string.h>

static const mti_moment noon = {.now_ms = 1500};

/* Fails unless a verdict is this one. */
static void is(mti_verdict verdict, mti_verdict expected)
{
    assert_string_equal(mti_verdict_name(verdict), mti_verdict_name(expected));
}

/* R to A to B to C to D. */
static void chain_fill(test_chain *chain, size_t count)
{
    chain->count = 0;
    for (size_t i = 0; i < count; i++)
        test_chain_add(chain, "RABC"[i], test_token("ABCD"[i], "rwda", "notes/,x/"));
}

/* What a chain that ends with B has to say when the second token is this one. */
static mti_verdict second(const char *rights, const char *prefixes, uint64_t from, uint64_t to)
{
    mti_token token = test_token('B', rights, prefixes);
    test_chain chain = {0};
    mti_grant grant;

    test_chain_add(&chain, 'R', test_token('A', "rd", "a/,b/c/"));
    token.not_before = from;
    token.not_after = to;
    test_chain_add(&chain, 'A', token);
    return test_chain_check(&chain, 'B', &noon, &grant);
}

/* ---- Chains ---- */

TEST(a_chain_of_one_to_four_tokens_gives_what_its_last_one_says)
{
    for (size_t count = 1; count <= MT_CHAIN_TOKENS_MAX; count++) {
        test_chain chain = {0};
        mti_token last = test_token("ABCD"[count - 1], "w", "x/y/");
        mti_grant grant;

        chain_fill(&chain, count - 1);
        last.not_after = 1700;
        test_chain_add(&chain, "RABC"[count - 1], last);
        is(test_chain_check(&chain, "ABCD"[count - 1], &noon, &grant), MTI_VERDICT_ALLOWED);
        CHECK(grant.count == count && grant.rights == MT_RIGHT_WRITE);
        CHECK(grant.not_before == 1000 && grant.not_after == 1700);
        CHECK(grant.prefix_count == 1 && grant.prefix_lens[0] == 4);
        assert_memory_equal(grant.prefixes[0], "x/y/", 4);
        assert_memory_equal(grant.issuers[count - 1], test_public("RABC"[count - 1]), MT_KEY_LEN);
    }
}

TEST(no_token_and_five_tokens_are_refused)
{
    test_chain chain = {0};
    mti_grant grant;

    chain_fill(&chain, 4);
    chain.tokens[4] = chain.tokens[3];
    chain.count = 5;
    is(test_chain_check(&chain, 'D', &noon, &grant), MTI_VERDICT_TOO_LONG);
    chain.count = 0;
    is(test_chain_check(&chain, 'D', &noon, &grant), MTI_VERDICT_NO_TOKEN);
}

TEST(the_first_token_comes_from_the_root_of_this_space)
{
    test_chain chain = {0}, tail = {0};
    mti_token token = test_token('B', "r", "");
    mti_grant grant;

    test_chain_add(&chain, 'S', test_token('B', "r", ""));
    is(test_chain_check(&chain, 'B', &noon, &grant), MTI_VERDICT_NOT_ROOT);
    chain_fill(&chain, 2);
    test_chain_add(&tail, 'R', token);
    tail.tokens[0] = chain.tokens[1]; /* without the one it derives from */
    is(test_chain_check(&tail, 'B', &noon, &grant), MTI_VERDICT_NOT_LINKED);
    chain.count = 0;
    token.space[0] ^= 1;
    test_chain_add(&chain, 'R', token);
    is(test_chain_check(&chain, 'B', &noon, &grant), MTI_VERDICT_WRONG_SPACE);
}

TEST(tokens_of_different_chains_do_not_go_together)
{
    test_chain chain = {0}, other = {0}, mixed;
    mti_token token = test_token('A', "rwda", "");
    mti_grant grant;

    chain_fill(&chain, 2);
    /* The same audience, but another token: more was given there. */
    test_chain_add(&other, 'R', token);
    mixed = chain;
    mixed.tokens[0] = other.tokens[0];
    is(test_chain_check(&mixed, 'B', &noon, &grant), MTI_VERDICT_NOT_LINKED);
    /* The parent's id pasted into a token of somebody who was not its audience. */
    chain_fill(&other, 1);
    test_chain_add(&other, 'S', test_token('B', "r", "x/"));
    is(test_chain_check(&other, 'B', &noon, &grant), MTI_VERDICT_NOT_LINKED);
    /* The order turned round, a token left out, and one said twice. */
    chain_fill(&chain, 3);
    mixed = chain;
    mixed.tokens[0] = chain.tokens[1];
    mixed.tokens[1] = chain.tokens[0];
    is(test_chain_check(&mixed, 'C', &noon, &grant), MTI_VERDICT_NOT_LINKED);
    mixed = chain;
    mixed.tokens[1] = chain.tokens[2];
    mixed.count = 2;
    is(test_chain_check(&mixed, 'C', &noon, &grant), MTI_VERDICT_NOT_LINKED);
    mixed.tokens[1] = chain.tokens[0];
    is(test_chain_check(&mixed, 'A', &noon, &grant), MTI_VERDICT_NOT_LINKED);
}

TEST(a_depth_that_leaves_one_out_is_refused)
{
    test_chain chain = {0};
    mti_token token = test_token('B', "r", "x/");
    mti_grant grant;

    chain_fill(&chain, 1);
    mti_token_id(mt_crypto_sodium(), chain.tokens[0], token.parent);
    memcpy(token.issuer, test_public('A'), MT_KEY_LEN);
    token.depth = 2;
    test_chain_add_as_is(&chain, 'A', &token);
    is(test_chain_check(&chain, 'B', &noon, &grant), MTI_VERDICT_NOT_LINKED);
}

TEST(a_token_gives_no_right_that_the_one_before_does_not)
{
    is(second("r", "a/", 1000, 2000), MTI_VERDICT_ALLOWED);
    is(second("rd", "a/", 1000, 2000), MTI_VERDICT_ALLOWED);
    is(second("d", "a/", 1000, 2000), MTI_VERDICT_ALLOWED);
    is(second("w", "a/", 1000, 2000), MTI_VERDICT_WIDENED);
    is(second("rw", "a/", 1000, 2000), MTI_VERDICT_WIDENED);
    is(second("a", "a/", 1000, 2000), MTI_VERDICT_WIDENED);
}

TEST(a_token_reaches_no_further_than_the_one_before)
{
    is(second("r", "a/,b/c/", 1000, 2000), MTI_VERDICT_ALLOWED);
    is(second("r", "a/x/,a/y/,b/c/d/", 1000, 2000), MTI_VERDICT_ALLOWED);
    is(second("r", "", 1000, 2000), MTI_VERDICT_WIDENED);
    is(second("r", "b/", 1000, 2000), MTI_VERDICT_WIDENED);
    is(second("r", "b/cc/", 1000, 2000), MTI_VERDICT_WIDENED);
    is(second("r", "ab/", 1000, 2000), MTI_VERDICT_WIDENED);
    is(second("r", "A/", 1000, 2000), MTI_VERDICT_WIDENED);
    is(second("r", "a/,b/d/", 1000, 2000), MTI_VERDICT_WIDENED);
    is(second("r", "../a/", 1000, 2000), MTI_VERDICT_WIDENED);
    is(second("r", "@space/", 1000, 2000), MTI_VERDICT_WIDENED);
    /* It stays under a/ by its bytes, and no one walks it. */
    is(second("r", "a/../b/", 1000, 2000), MTI_VERDICT_ALLOWED);
}

TEST(a_token_is_good_no_longer_than_the_one_before)
{
    is(second("r", "a/", 1001, 1999), MTI_VERDICT_ALLOWED);
    is(second("r", "a/", 999, 2000), MTI_VERDICT_WIDENED);
    is(second("r", "a/", 1000, 2001), MTI_VERDICT_WIDENED);
    is(second("r", "a/", 0, UINT64_MAX), MTI_VERDICT_WIDENED);
}

TEST(whoever_may_not_delegate_passes_nothing_on)
{
    test_chain chain = {0};
    mti_grant grant;

    chain_fill(&chain, 1);
    test_chain_add(&chain, 'A', test_token('B', "rwa", "x/"));
    is(test_chain_check(&chain, 'B', &noon, &grant), MTI_VERDICT_ALLOWED);
    test_chain_add(&chain, 'B', test_token('C', "r", "x/"));
    is(test_chain_check(&chain, 'C', &noon, &grant), MTI_VERDICT_NO_DELEGATE);
    test_chain_add(&chain, 'C', test_token('D', "r", "x/"));
    is(test_chain_check(&chain, 'D', &noon, &grant), MTI_VERDICT_NO_DELEGATE);
}

TEST(a_chain_is_good_in_the_hands_of_its_last_audience)
{
    test_chain chain = {0};
    mti_grant grant;

    chain_fill(&chain, 3);
    is(test_chain_check(&chain, 'C', &noon, &grant), MTI_VERDICT_ALLOWED);
    for (const char *who = "RABDS"; *who; who++)
        is(test_chain_check(&chain, *who, &noon, &grant), MTI_VERDICT_WRONG_DEVICE);
}

TEST(time_counts_from_the_first_millisecond_up_to_the_last)
{
    test_chain chain = {0};
    mti_moment moment = noon;
    mti_grant grant;

    chain_fill(&chain, 2);
    moment.now_ms = 999;
    is(test_chain_check(&chain, 'B', &moment, &grant), MTI_VERDICT_NOT_YET);
    moment.now_ms = 1000;
    is(test_chain_check(&chain, 'B', &moment, &grant), MTI_VERDICT_ALLOWED);
    moment.now_ms = 1999;
    is(test_chain_check(&chain, 'B', &moment, &grant), MTI_VERDICT_ALLOWED);
    moment.now_ms = 2000;
    is(test_chain_check(&chain, 'B', &moment, &grant), MTI_VERDICT_EXPIRED);
    moment.now_ms = UINT64_MAX;
    is(test_chain_check(&chain, 'B', &moment, &grant), MTI_VERDICT_EXPIRED);
}

TEST(each_signature_of_a_chain_counts)
{
    const mti_space space = test_space();

    for (size_t at = 0; at < MT_CHAIN_TOKENS_MAX; at++) {
        test_chain chain = {0};
        char text[60];
        mti_grant grant;
        mt_error err;

        chain_fill(&chain, 4);
        chain.bytes[at][chain.tokens[at].len - 1] ^= 0x01;
        is(test_chain_check(&chain, 'D', &noon, &grant), MTI_VERDICT_BAD_SIGNATURE);
        is(mti_chain_check(mt_crypto_sodium(), &space, test_public('D'), &noon, chain.tokens, 4,
                           &grant, &err),
           MTI_VERDICT_BAD_SIGNATURE);
        snprintf(text, sizeof text, "token %zu of 4: the token was not signed by its issuer",
                 at + 1);
        assert_string_equal(err.text, text);
        chain_fill(&chain, 4);
        test_signature_other_form(chain.bytes[at] + chain.tokens[at].len - MT_SIGNATURE_LEN);
        is(test_chain_check(&chain, 'D', &noon, &grant), MTI_VERDICT_BAD_SIGNATURE);
    }
}

TEST(no_changed_bit_of_a_chain_goes_unnoticed)
{
    test_chain chain = {0};
    mti_grant grant;

    chain_fill(&chain, 3);
    for (size_t at = 0; at < 3; at++) {
        for (size_t i = 0; i < chain.tokens[at].len * 8; i++) {
            chain.bytes[at][i / 8] ^= (uint8_t)(1u << i % 8);
            CHECK(test_chain_check(&chain, 'C', &noon, &grant) != MTI_VERDICT_ALLOWED);
            chain.bytes[at][i / 8] ^= (uint8_t)(1u << i % 8);
        }
    }
}

TEST(a_token_that_cannot_be_read_is_named)
{
    const mti_space space = test_space();
    test_chain chain = {0};
    mti_grant grant;
    mt_error err;

    chain_fill(&chain, 2);
    chain.bytes[1][0] = 7;
    is(mti_chain_check(mt_crypto_sodium(), &space, test_public('B'), &noon, chain.tokens, 2, &grant,
                       &err),
       MTI_VERDICT_UNSUPPORTED);
    CHECK(err.status == MT_UNSUPPORTED);
    assert_string_equal(err.text, "token 2 of 2: a token: of version 7, this build knows 1");
    chain.bytes[1][0] = 1;
    chain.tokens[1].len = 10;
    is(mti_chain_check(mt_crypto_sodium(), &space, test_public('B'), &noon, chain.tokens, 2, &grant,
                       NULL),
       MTI_VERDICT_MALFORMED);
}

/* ---- Revocations ---- */

/* What a chain of three is worth when the token `at` was revoked by somebody. */
static mti_verdict revoked(size_t at, char by)
{
    test_chain chain = {0};
    mti_revocation revocation;
    const mti_moment moment = {.now_ms = 1500, .revocations = &revocation, .revocation_count = 1};
    mti_verdict later, verdict;
    mti_grant grant;

    chain_fill(&chain, 3);
    revocation = test_revocation(&chain, at, by);
    is(test_chain_check(&chain, 'C', &noon, &grant), MTI_VERDICT_ALLOWED);
    later = mti_decide(&grant, MTI_OPERATION_READ, mt_str("x/a"), &moment);
    verdict = test_chain_check(&chain, 'C', &moment, &grant);
    is(later, verdict); /* whether it came before the check or after */
    return verdict;
}

TEST(the_root_takes_back_any_token_and_an_issuer_its_own_and_those_below)
{
    for (size_t at = 0; at < 3; at++) {
        for (size_t by = 0; by < 3; by++)
            is(revoked(at, "RAB"[by]), by <= at ? MTI_VERDICT_REVOKED : MTI_VERDICT_ALLOWED);
    }
}

TEST(a_revocation_by_a_descendant_the_audience_or_a_stranger_has_no_effect)
{
    is(revoked(0, 'A'), MTI_VERDICT_ALLOWED);
    is(revoked(0, 'B'), MTI_VERDICT_ALLOWED);
    is(revoked(1, 'B'), MTI_VERDICT_ALLOWED);
    is(revoked(2, 'C'), MTI_VERDICT_ALLOWED);
    is(revoked(2, 'S'), MTI_VERDICT_ALLOWED);
}

TEST(a_revocation_of_another_token_or_space_has_no_effect)
{
    test_chain chain = {0}, other = {0};
    mti_revocation list[3];
    mti_moment moment = {.now_ms = 1500, .revocations = list, .revocation_count = 2};
    mti_grant grant;

    chain_fill(&chain, 2);
    test_chain_add(&other, 'R', test_token('A', "r", ""));
    list[0] = test_revocation(&other, 0, 'R');
    list[1] = test_revocation(&chain, 0, 'R');
    list[1].space[31] ^= 1;
    list[2] = test_revocation(&chain, 0, 'R');
    is(test_chain_check(&chain, 'B', &moment, &grant), MTI_VERDICT_ALLOWED);
    moment.revocation_count = 3;
    is(test_chain_check(&chain, 'B', &moment, &grant), MTI_VERDICT_REVOKED);
    list[2].time_ms = UINT64_MAX; /* it has its effect whatever this says */
    is(test_chain_check(&chain, 'B', &moment, &grant), MTI_VERDICT_REVOKED);
}

/* ---- Decisions ---- */

static mti_grant grant_of(const char *rights, const char *prefixes)
{
    test_chain chain = {0};
    mti_grant grant;

    test_chain_add(&chain, 'R', test_token('A', rights, prefixes));
    is(test_chain_check(&chain, 'A', &noon, &grant), MTI_VERDICT_ALLOWED);
    return grant;
}

static mti_verdict decided(const char *rights, const char *prefixes, mti_operation operation,
                           const char *uid)
{
    const mti_grant grant = grant_of(rights, prefixes);

    return mti_decide(&grant, operation, mt_str(uid), &noon);
}

TEST(without_a_grant_nothing_is_allowed)
{
    const mti_grant nothing = {0};

    for (unsigned operation = 0; operation < 4; operation++) {
        is(mti_decide(NULL, (mti_operation)operation, mt_str("@space/x"), &noon),
           MTI_VERDICT_NO_TOKEN);
        is(mti_decide(&nothing, (mti_operation)operation, mt_str("a"), &noon),
           MTI_VERDICT_NO_TOKEN);
        is(mti_decide_prefix(&nothing, (mti_operation)operation, mt_str(""), &noon),
           MTI_VERDICT_NO_TOKEN);
    }
}

TEST(each_operation_needs_its_right)
{
    static const char *const rights[] = {"r", "w", "d", "a"};

    for (unsigned operation = 0; operation < 4; operation++)
        for (unsigned right = 0; right < 4; right++)
            is(decided(rights[right], "", (mti_operation)operation, "a"),
               right == operation ? MTI_VERDICT_ALLOWED : MTI_VERDICT_NO_RIGHT);
    is(decided("rwda", "", (mti_operation)4, "a"), MTI_VERDICT_NO_RIGHT);
    is(decided("rwda", "", (mti_operation)-1, "a"), MTI_VERDICT_NO_RIGHT);
}

TEST(names_that_look_alike_are_outside)
{
    static const char *const outside[] = {"notes", "notesx", "note", "Notes/a", "/notes/a"};

    is(decided("r", "notes/", MTI_OPERATION_READ, "notes/a"), MTI_VERDICT_ALLOWED);
    is(decided("r", "notes/", MTI_OPERATION_READ, "notes/"), MTI_VERDICT_ALLOWED);
    is(decided("r", "a/,notes/", MTI_OPERATION_READ, "notes//a"), MTI_VERDICT_ALLOWED);
    for (size_t i = 0; i < TEST_COUNT(outside); i++)
        is(decided("r", "notes/", MTI_OPERATION_READ, outside[i]), MTI_VERDICT_OUTSIDE);
}

TEST(what_is_no_uid_is_refused_whatever_the_rights)
{
    const mti_grant grant = grant_of("rwda", "");
    char text[MT_UID_LEN_MAX + 1];
    mt_bytes name = {(const uint8_t *)text, sizeof text};

    memset(text, 'a', sizeof text);
    is(mti_decide(&grant, MTI_OPERATION_READ, mt_str(""), &noon), MTI_VERDICT_BAD_NAME);
    is(mti_decide(&grant, MTI_OPERATION_READ, (mt_bytes){NULL, 0}, &noon), MTI_VERDICT_BAD_NAME);
    is(mti_decide(&grant, MTI_OPERATION_READ, name, &noon), MTI_VERDICT_BAD_NAME);
    is(mti_decide_prefix(&grant, MTI_OPERATION_READ, name, &noon), MTI_VERDICT_BAD_NAME);
    name.len--;
    is(mti_decide(&grant, MTI_OPERATION_READ, name, &noon), MTI_VERDICT_ALLOWED);
    text[9] = 0;
    is(mti_decide(&grant, MTI_OPERATION_READ, name, &noon), MTI_VERDICT_BAD_NAME);
    is(mti_decide(&grant, MTI_OPERATION_READ, mt_str("a\xC0\xAF"), &noon), MTI_VERDICT_BAD_NAME);
    is(mti_decide_prefix(&grant, MTI_OPERATION_READ, mt_str("a\xC3"), &noon), MTI_VERDICT_BAD_NAME);
}

TEST(all_that_begins_with_a_text_is_decided_at_once)
{
    const mti_grant grant = grant_of("r", "notes/,x/y/");

    is(mti_decide_prefix(&grant, MTI_OPERATION_READ, mt_str("notes/"), &noon), MTI_VERDICT_ALLOWED);
    is(mti_decide_prefix(&grant, MTI_OPERATION_READ, mt_str("notes/a"), &noon),
       MTI_VERDICT_ALLOWED);
    is(mti_decide_prefix(&grant, MTI_OPERATION_READ, mt_str("notes"), &noon), MTI_VERDICT_OUTSIDE);
    is(mti_decide_prefix(&grant, MTI_OPERATION_READ, mt_str(""), &noon), MTI_VERDICT_OUTSIDE);
    is(mti_decide_prefix(&grant, MTI_OPERATION_READ, mt_str("x/"), &noon), MTI_VERDICT_OUTSIDE);
    is(mti_decide_prefix(&grant, MTI_OPERATION_READ, mt_str("@space/"), &noon),
       MTI_VERDICT_ALLOWED);
    is(mti_decide_prefix(&grant, MTI_OPERATION_WRITE, mt_str("@space/a"), &noon),
       MTI_VERDICT_RESERVED);
}

TEST(the_reserved_names_are_read_by_all_and_written_by_no_one)
{
    is(decided("w", "x/", MTI_OPERATION_READ, "@space/a"), MTI_VERDICT_ALLOWED);
    is(decided("rwda", "", MTI_OPERATION_READ, "@space/"), MTI_VERDICT_ALLOWED);
    is(decided("rwda", "", MTI_OPERATION_WRITE, "@space/a"), MTI_VERDICT_RESERVED);
    is(decided("rwda", "@space/", MTI_OPERATION_WRITE, "@space/a"), MTI_VERDICT_RESERVED);
    is(decided("rwda", "", MTI_OPERATION_DELEGATE, "@space/a"), MTI_VERDICT_RESERVED);
    is(decided("rwda", "", MTI_OPERATION_ADMIN, "@space/a"), MTI_VERDICT_RESERVED);
    /* These only look like them. */
    is(decided("w", "", MTI_OPERATION_WRITE, "@space"), MTI_VERDICT_ALLOWED);
    is(decided("w", "", MTI_OPERATION_WRITE, "@spaces/a"), MTI_VERDICT_ALLOWED);
    is(decided("w", "x/", MTI_OPERATION_READ, "@space"), MTI_VERDICT_NO_RIGHT);
    is(decided("r", "x/", MTI_OPERATION_READ, "@Space/a"), MTI_VERDICT_OUTSIDE);
}

TEST(the_fourth_token_is_the_last)
{
    test_chain chain = {0};
    mti_grant grant;

    chain_fill(&chain, 4);
    is(test_chain_check(&chain, 'D', &noon, &grant), MTI_VERDICT_ALLOWED);
    is(mti_decide(&grant, MTI_OPERATION_WRITE, mt_str("x/a"), &noon), MTI_VERDICT_ALLOWED);
    is(mti_decide(&grant, MTI_OPERATION_DELEGATE, mt_str("x/a"), &noon), MTI_VERDICT_TOO_LONG);
}

TEST(a_grant_ends_with_its_time)
{
    const mti_grant grant = grant_of("r", "");
    mti_moment moment = {.now_ms = 2000};

    is(mti_decide(&grant, MTI_OPERATION_READ, mt_str("a"), &moment), MTI_VERDICT_EXPIRED);
    is(mti_decide(&grant, MTI_OPERATION_READ, mt_str("@space/a"), &moment), MTI_VERDICT_EXPIRED);
    moment.now_ms = 999;
    is(mti_decide(&grant, MTI_OPERATION_READ, mt_str("a"), &moment), MTI_VERDICT_NOT_YET);
}

/* ---- On the wire ---- */

static mt_status split(mt_bytes bytes, mt_error *err)
{
    mt_bytes tokens[MT_CHAIN_TOKENS_MAX];
    size_t count;

    return mti_chain_decode(bytes, tokens, &count, err);
}

TEST(a_chain_goes_over_the_wire_and_comes_back)
{
    for (size_t count = 1; count <= MT_CHAIN_TOKENS_MAX; count++) {
        test_chain chain = {0};
        uint8_t wire[MTI_CHAIN_LEN_MAX], again[MTI_CHAIN_LEN_MAX];
        size_t len, read_count;
        mt_bytes tokens[MT_CHAIN_TOKENS_MAX];
        mt_error err;

        chain_fill(&chain, count);
        len = mti_chain_encode(chain.tokens, count, wire);
        CHECK(mti_chain_decode((mt_bytes){wire, len}, tokens, &read_count, &err) == MT_OK);
        CHECK(read_count == count);
        for (size_t i = 0; i < count; i++) CHECK(mt_bytes_equal(tokens[i], chain.tokens[i]));
        CHECK(mti_chain_encode(tokens, count, again) == len);
        assert_memory_equal(again, wire, len);
        for (size_t cut = 0; cut < len; cut++)
            CHECK(split((mt_bytes){wire, cut}, &err) == MT_MALFORMED);
    }
}

TEST(a_chain_of_the_wrong_form_is_refused)
{
    uint8_t wire[MTI_CHAIN_LEN_MAX + 1];
    test_chain chain = {0};
    mt_bytes all = {wire, 0};
    size_t len;

    chain_fill(&chain, 1);
    all.len = len = mti_chain_encode(chain.tokens, 1, wire);
    wire[len] = 0;
    test_record_refused((mt_bytes){wire, len + 1}, split, MT_MALFORMED,
                        "a chain: byte 233: its end: bytes follow");
    test_record_refused((mt_bytes){NULL, 0}, split, MT_MALFORMED,
                        "a chain: byte 0: the number of tokens: the message ends before it");
    wire[0] = 0;
    test_record_refused(all, split, MT_MALFORMED,
                        "a chain: byte 0: the number of tokens: not 1 to 4");
    wire[0] = 5;
    test_record_refused(all, split, MT_MALFORMED,
                        "a chain: byte 0: the number of tokens: not 1 to 4");
    wire[0] = 1;
    wire[2] = 2;
    test_record_refused(all, split, MT_MALFORMED,
                        "a chain: byte 1: the length of a token: none has this length");
    wire[2] = wire[1] = 0;
    test_record_refused(all, split, MT_MALFORMED,
                        "a chain: byte 1: the length of a token: none has this length");
}

TEST(every_verdict_has_a_name_and_says_something)
{
#define VERDICT_CHECK(name, number, text)                                \
    assert_string_equal(mti_verdict_name((mti_verdict)(number)), #name); \
    assert_string_equal(mti_verdict_text(MTI_VERDICT_##name), text);
    MTI_VERDICT_MAP(VERDICT_CHECK)
#undef VERDICT_CHECK
    CHECK(MTI_VERDICT_NO_TOKEN == 0);
    assert_string_equal(mti_verdict_name((mti_verdict)99), "UNKNOWN");
    assert_string_equal(mti_verdict_text((mti_verdict)99), "no verdict that there is");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_chain_of_one_to_four_tokens_gives_what_its_last_one_says),
        cmocka_unit_test(no_token_and_five_tokens_are_refused),
        cmocka_unit_test(the_first_token_comes_from_the_root_of_this_space),
        cmocka_unit_test(tokens_of_different_chains_do_not_go_together),
        cmocka_unit_test(a_depth_that_leaves_one_out_is_refused),
        cmocka_unit_test(a_token_gives_no_right_that_the_one_before_does_not),
        cmocka_unit_test(a_token_reaches_no_further_than_the_one_before),
        cmocka_unit_test(a_token_is_good_no_longer_than_the_one_before),
        cmocka_unit_test(whoever_may_not_delegate_passes_nothing_on),
        cmocka_unit_test(a_chain_is_good_in_the_hands_of_its_last_audience),
        cmocka_unit_test(time_counts_from_the_first_millisecond_up_to_the_last),
        cmocka_unit_test(each_signature_of_a_chain_counts),
        cmocka_unit_test(no_changed_bit_of_a_chain_goes_unnoticed),
        cmocka_unit_test(a_token_that_cannot_be_read_is_named),
        cmocka_unit_test(the_root_takes_back_any_token_and_an_issuer_its_own_and_those_below),
        cmocka_unit_test(a_revocation_by_a_descendant_the_audience_or_a_stranger_has_no_effect),
        cmocka_unit_test(a_revocation_of_another_token_or_space_has_no_effect),
        cmocka_unit_test(without_a_grant_nothing_is_allowed),
        cmocka_unit_test(each_operation_needs_its_right),
        cmocka_unit_test(names_that_look_alike_are_outside),
        cmocka_unit_test(what_is_no_uid_is_refused_whatever_the_rights),
        cmocka_unit_test(all_that_begins_with_a_text_is_decided_at_once),
        cmocka_unit_test(the_reserved_names_are_read_by_all_and_written_by_no_one),
        cmocka_unit_test(the_fourth_token_is_the_last),
        cmocka_unit_test(a_grant_ends_with_its_time),
        cmocka_unit_test(a_chain_goes_over_the_wire_and_comes_back),
        cmocka_unit_test(a_chain_of_the_wrong_form_is_refused),
        cmocka_unit_test(every_verdict_has_a_name_and_says_something),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
