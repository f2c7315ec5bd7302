/* A space by itself: what it is made with, and who asks it what a device may. */
#include "test_link.h"
#include "test_space.h"

#include <string.h>

#define GUEST 1

typedef struct scene {
    test_space_world w;
    mt_space *space;
    mt_error why;
} scene;

static mt_space_options options_of(const scene *s)
{
    return (mt_space_options){.size = sizeof(mt_space_options),
                              .crypto = mt_crypto_sodium(),
                              .genesis = mt_buf_bytes(&s->w.genesis)};
}

/* A space that tells nobody of changes. */
static void begin(scene *s)
{
    mt_space_options options;

    test_space_begin(&s->w);
    options = options_of(s);
    s->why = (mt_error){.status = MT_OK};
    CHECK(mt_space_new(&s->w.te.env, &options, &s->space, NULL) == MT_OK);
}

static void end(scene *s)
{
    mt_space_free(s->space);
    test_space_end(&s->w);
}

static mt_status admit(scene *s, mt_bytes papers)
{
    mt_secure_visitor visitor = {
        .size = sizeof visitor, .device = s->w.peers[GUEST].device, .papers = papers};

    return mt_space_admit(s->space, &visitor, NULL, &s->why);
}

TEST(space_that_cannot_be_is_not_made)
{
    mt_space_options options;
    mt_space *space = NULL;
    fail_mem memory = {.fail_at = 0};
    mt_env scarce;
    scene s;

    begin(&s);
    options = options_of(&s);
    options.crypto = NULL;
    CHECK(mt_space_new(&s.w.te.env, &options, &space, &s.why) == MT_INVALID);
    assert_string_equal(s.why.text, "a space needs a table of ciphers");
    options = options_of(&s);
    options.genesis.len--;
    CHECK(mt_space_new(&s.w.te.env, &options, &space, &s.why) == MT_MALFORMED);
    CHECK(mt_space_new(&s.w.te.env, &options, &space, NULL) == MT_MALFORMED);
    options = options_of(&s);
    scarce = s.w.te.env;
    scarce.mem = fail_mem_hook(&memory);
    CHECK(mt_space_new(&scarce, &options, &space, &s.why) == MT_NO_MEMORY && memory.tripped);
    CHECK(!space && memory.live_bytes == 0);
    mt_space_free(NULL);
    end(&s);
}

TEST(papers_that_are_no_chain_admit_nobody)
{
    scene s;

    begin(&s);
    CHECK(admit(&s, mt_str("\7no chain")) == MT_MALFORMED);
    CHECK(strstr(s.why.text, "the number of tokens: not 1 to 4"));
    CHECK(mt_space_may(s.space, s.w.peers[GUEST].device, MT_RIGHT_READ, mt_str("notes/1"), NULL) ==
          MT_REFUSED);
    end(&s);
}

TEST(who_has_not_proven_who_it_is_or_has_not_come_may_nothing)
{
    mt_sync_rights rights = {NULL, 0, NULL, 0};
    test_link link;
    scene s;

    begin(&s);
    test_link_begin(&link, NULL, "x");
    CHECK(mt_space_rights(s.space, link.connection, &rights, &s.why) == MT_REFUSED);
    assert_string_equal(s.why.text, "no token was shown");
    mt_connection_set_device(link.connection, s.w.peers[GUEST].device);
    CHECK(mt_space_rights(s.space, link.connection, &rights, &s.why) == MT_REFUSED);
    test_space_give(&s.w, GUEST, MT_RIGHT_READ, &test_notes);
    CHECK(admit(&s, mt_buf_bytes(&s.w.peers[GUEST].chain)) == MT_OK);
    CHECK(mt_space_rights(s.space, link.connection, &rights, &s.why) == MT_OK);
    CHECK(rights.read_count == 2 && rights.write_count == 0);
    test_link_end(&link);
    end(&s);
}

TEST(rights_end_where_nobody_is_told_of_it)
{
    const uint8_t *device;
    mt_buf revocation;
    scene s;

    begin(&s);
    device = s.w.peers[GUEST].device;
    test_space_give(&s.w, GUEST, MT_RIGHT_READ, &test_notes);
    CHECK(admit(&s, mt_buf_bytes(&s.w.peers[GUEST].chain)) == MT_OK);
    CHECK(mt_space_may(s.space, device, MT_RIGHT_READ, mt_str("notes/1"), &s.why) == MT_OK);
    test_env_run_for(&s.w.te, TEST_DAY + 60000);
    CHECK(mt_space_may(s.space, device, MT_RIGHT_READ, mt_str("notes/1"), &s.why) == MT_REFUSED);
    assert_string_equal(s.why.text, "the token has expired");

    test_space_give(&s.w, GUEST, MT_RIGHT_READ, &test_notes);
    CHECK(admit(&s, mt_buf_bytes(&s.w.peers[GUEST].chain)) == MT_OK);
    revocation = test_space_revocation(&s.w, s.w.root, &s.w.peers[GUEST].chain);
    for (int i = 0; i < 2; i++) /* twice is once */
        CHECK(mt_space_revoke(s.space, mt_buf_bytes(&revocation), NULL) == MT_OK);
    CHECK(mt_space_may(s.space, device, MT_RIGHT_READ, mt_str("notes/1"), &s.why) == MT_REFUSED);
    assert_string_equal(s.why.text, "the token was revoked");
    mt_buf_free(&revocation);
    end(&s);
}

/* The root and who issued it may each take it back. */
TEST(token_is_taken_back_by_two)
{
    mt_buf revocations[2];
    scene s;

    begin(&s);
    test_space_give(&s.w, 0, MT_RIGHT_READ | MT_RIGHT_DELEGATE, &test_notes);
    test_space_give_on(&s.w, 0, GUEST, MT_RIGHT_READ, &test_notes);
    CHECK(admit(&s, mt_buf_bytes(&s.w.peers[GUEST].chain)) == MT_OK);
    revocations[0] = test_space_revocation(&s.w, s.w.root, &s.w.peers[GUEST].chain);
    revocations[1] = test_space_revocation(&s.w, s.w.peers[0].seed, &s.w.peers[GUEST].chain);
    for (size_t i = 0; i < 4; i++)
        CHECK(mt_space_revoke(s.space, mt_buf_bytes(&revocations[i % 2]), &s.why) == MT_OK);
    CHECK(mt_space_may(s.space, s.w.peers[GUEST].device, MT_RIGHT_READ, mt_str("notes/1"),
                       &s.why) == MT_REFUSED);
    for (size_t i = 0; i < 2; i++) mt_buf_free(&revocations[i]);
    end(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(space_that_cannot_be_is_not_made),
        cmocka_unit_test(papers_that_are_no_chain_admit_nobody),
        cmocka_unit_test(who_has_not_proven_who_it_is_or_has_not_come_may_nothing),
        cmocka_unit_test(rights_end_where_nobody_is_told_of_it),
        cmocka_unit_test(token_is_taken_back_by_two),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
