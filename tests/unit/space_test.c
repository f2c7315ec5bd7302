/* Members of a space: who is let in by what chain, what each may, and how that ends. */
#include "test_space.h"

#include <string.h>

/* A hub that admits members, and a guest that takes and sends all that it can. */
#define HUB 0
#define GUEST 1

/* Opens both with the chains that they have, and joins them. */
static void meet(test_space_world *w)
{
    test_space_open(w, HUB, TEST_SPACE_ADMITS, NULL);
    test_space_open(w, GUEST, 0, NULL);
    test_space_set(w, HUB, "notes/hub");
    test_space_set(w, HUB, "secret/hub");
    test_space_set(w, GUEST, "notes/guest");
    test_space_set(w, GUEST, "other/guest");
    test_space_set(w, GUEST, "@space/guest");
    test_space_join(w, HUB, GUEST);
    test_env_run_for(&w->te, 3000);
}

/* ---- Who comes in ---- */

TEST(member_may_what_its_token_says)
{
    test_space_world w;

    test_space_begin(&w);
    test_space_give(&w, GUEST, MT_RIGHT_READ | MT_RIGHT_WRITE, &test_notes);
    meet(&w);
    CHECK(test_space_has(&w, GUEST, "notes/hub") && !test_space_has(&w, GUEST, "secret/hub"));
    CHECK(test_space_has(&w, HUB, "notes/guest") && !test_space_has(&w, HUB, "other/guest"));
    test_space_end(&w);
}

TEST(who_may_only_read_writes_nothing)
{
    test_space_world w;

    test_space_begin(&w);
    test_space_give(&w, GUEST, MT_RIGHT_READ, &test_everything);
    meet(&w);
    CHECK(test_space_has(&w, GUEST, "notes/hub") && test_space_has(&w, GUEST, "secret/hub"));
    CHECK(!test_space_has(&w, HUB, "notes/guest") && !test_space_has(&w, HUB, "other/guest"));
    test_space_end(&w);
}

TEST(who_may_write_everything_writes_nothing_of_the_space_itself)
{
    test_space_world w;

    test_space_begin(&w);
    test_space_give(&w, GUEST, MT_RIGHT_WRITE, &test_everything);
    meet(&w);
    CHECK(test_space_has(&w, HUB, "notes/guest") && test_space_has(&w, HUB, "other/guest"));
    CHECK(!test_space_has(&w, HUB, "@space/guest") && !test_space_has(&w, GUEST, "notes/hub"));
    test_space_end(&w);
}

TEST(who_shows_no_token_is_not_admitted)
{
    test_space_world w;

    test_space_begin(&w);
    meet(&w);
    CHECK(!test_space_has(&w, GUEST, "notes/hub") && !test_space_has(&w, HUB, "notes/guest"));
    CHECK(w.peers[HUB].why.status == MT_REFUSED &&
          strcmp(w.peers[HUB].why.text, "no token was shown") == 0);
    test_space_end(&w);
}

TEST(token_of_another_device_admits_nobody)
{
    test_space_world w;

    test_space_begin(&w);
    test_space_give(&w, HUB, MT_RIGHT_READ, &test_everything);
    CHECK(mt_buf_bytes(&w.peers[HUB].chain).len > 0);
    w.peers[GUEST].chain = w.peers[HUB].chain;
    w.peers[HUB].chain = (mt_buf){.mem = test_mem()};
    meet(&w);
    CHECK(!test_space_has(&w, GUEST, "notes/hub") && w.peers[HUB].why.status == MT_REFUSED);
    CHECK(strstr(w.peers[HUB].why.text, "another device"));
    test_space_end(&w);
}

TEST(token_of_who_is_not_the_root_is_not_made)
{
    test_space_world w;
    mt_token token;
    mt_error err;

    test_space_begin(&w);
    token = test_space_token(&w, GUEST, MT_RIGHT_READ, &test_everything);
    CHECK(test_space_issue(&w, w.peers[GUEST].seed, NULL, &token, &w.peers[GUEST].chain, &err) ==
          MT_INVALID);
    CHECK(w.peers[GUEST].chain.len == 0);
    test_space_end(&w);
}

TEST(token_from_a_member_gives_no_more_than_it_has)
{
    test_space_world w;
    mt_buf chain = {.mem = test_mem()};
    mt_token token;
    mt_error err;

    test_space_begin(&w);
    test_space_give(&w, HUB, MT_RIGHT_READ | MT_RIGHT_DELEGATE, &test_notes);
    token = test_space_token(&w, GUEST, MT_RIGHT_READ | MT_RIGHT_WRITE, &test_notes);
    CHECK(test_space_issue(&w, w.peers[HUB].seed, &w.peers[HUB].chain, &token, &chain, &err) ==
          MT_INVALID);
    token = test_space_token(&w, GUEST, MT_RIGHT_READ, &test_everything);
    CHECK(test_space_issue(&w, w.peers[HUB].seed, &w.peers[HUB].chain, &token, &chain, &err) ==
          MT_INVALID);
    token = test_space_token(&w, GUEST, MT_RIGHT_READ, &test_notes);
    token.not_after_ms++;
    CHECK(test_space_issue(&w, w.peers[HUB].seed, &w.peers[HUB].chain, &token, &chain, &err) ==
          MT_INVALID);
    CHECK(chain.len == 0);
    token.not_after_ms--;
    CHECK(test_space_issue(&w, w.peers[HUB].seed, &w.peers[HUB].chain, &token,
                           &w.peers[GUEST].chain, &err) == MT_OK);
    meet(&w);
    CHECK(test_space_has(&w, GUEST, "notes/hub") && !test_space_has(&w, GUEST, "secret/hub"));
    CHECK(!test_space_has(&w, HUB, "notes/guest"));
    test_space_end(&w);
}

/* Clocks differ: who gives something may have been given its own a moment ago, by a clock that is ahead. */
TEST(token_begins_no_sooner_than_its_issuers_and_ends_with_it_if_that_is_left_open)
{
    test_space_world w;
    mt_token token;
    mt_error err;
    uint64_t now;

    test_space_begin(&w);
    test_space_give(&w, HUB, MT_RIGHT_READ | MT_RIGHT_DELEGATE, &test_notes);
    now = w.te.env.now_ms(w.te.env.ctx);
    token = test_space_token(&w, GUEST, MT_RIGHT_READ, &test_notes);
    token.not_before_ms = now - 1000;
    token.not_after_ms = UINT64_MAX;
    CHECK(test_space_issue(&w, w.peers[HUB].seed, &w.peers[HUB].chain, &token,
                           &w.peers[GUEST].chain, &err) == MT_OK);
    meet(&w);
    CHECK(test_space_has(&w, GUEST, "notes/hub"));
    test_env_run_for(&w.te, TEST_DAY + 1000);
    test_space_set(&w, HUB, "notes/late");
    test_env_run_for(&w.te, 10000);
    CHECK(!test_space_has(&w, GUEST, "notes/late"));
    test_space_end(&w);
}

/* ---- How it ends ---- */

TEST(token_that_expires_ends_what_goes_over)
{
    test_space_world w;

    test_space_begin(&w);
    test_space_give(&w, GUEST, MT_RIGHT_READ, &test_notes);
    meet(&w);
    CHECK(test_space_has(&w, GUEST, "notes/hub") && w.peers[HUB].changes == 0);
    test_env_run_for(&w.te, TEST_DAY - 10000);
    test_space_set(&w, HUB, "notes/last");
    test_env_run_for(&w.te, 1000);
    CHECK(test_space_has(&w, GUEST, "notes/last") && w.peers[HUB].changes == 0);
    test_env_run_for(&w.te, 10000);
    CHECK(w.peers[HUB].changes == 1);
    test_space_set(&w, HUB, "notes/late");
    test_env_run_for(&w.te, 10000);
    CHECK(!test_space_has(&w, GUEST, "notes/late"));
    test_space_end(&w);
}

/* Takes the guest's token back, in the name of a device. */
static mt_status revoke(test_space_world *w, const uint8_t *seed, mt_error *err)
{
    mt_buf record = {.mem = test_mem()};
    mt_status st = mt_revocation_make(&w->te.env, mt_crypto_sodium(), mt_buf_bytes(&w->genesis),
                                      seed, mt_buf_bytes(&w->peers[GUEST].chain), &record, err);

    if (st == MT_OK) st = mt_space_revoke(w->peers[HUB].space, mt_buf_bytes(&record), err);
    mt_buf_free(&record);
    return st;
}

TEST(token_that_is_taken_back_ends_what_goes_over)
{
    mt_error err;
    test_space_world w;

    test_space_begin(&w);
    test_space_give(&w, GUEST, MT_RIGHT_READ | MT_RIGHT_WRITE, &test_notes);
    meet(&w);
    CHECK(revoke(&w, w.peers[GUEST].seed, &err) == MT_INVALID && w.peers[HUB].changes == 0);
    CHECK(revoke(&w, w.root, &err) == MT_OK && w.peers[HUB].changes == 1);
    test_env_run_for(&w.te, 100);
    test_space_set(&w, HUB, "notes/late");
    test_space_set(&w, GUEST, "notes/too_late");
    test_env_run_for(&w.te, 10000);
    CHECK(!test_space_has(&w, GUEST, "notes/late") && !test_space_has(&w, HUB, "notes/too_late"));
    test_space_end(&w);
}

TEST(revocation_that_is_damaged_is_refused)
{
    mt_error err;
    mt_buf record = {.mem = test_mem()};
    test_space_world w;

    test_space_begin(&w);
    test_space_give(&w, GUEST, MT_RIGHT_READ, &test_notes);
    meet(&w);
    CHECK(mt_revocation_make(&w.te.env, mt_crypto_sodium(), mt_buf_bytes(&w.genesis), w.root,
                             mt_buf_bytes(&w.peers[GUEST].chain), &record, &err) == MT_OK);
    for (size_t i = 0; i < record.len; i++) {
        record.data[i] ^= 1;
        CHECK(mt_space_revoke(w.peers[HUB].space, mt_buf_bytes(&record), &err) != MT_OK);
        record.data[i] ^= 1;
    }
    CHECK(w.peers[HUB].changes == 0 &&
          mt_space_revoke(w.peers[HUB].space, mt_buf_bytes(&record), &err) == MT_OK);
    mt_buf_free(&record);
    test_space_end(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(member_may_what_its_token_says),
        cmocka_unit_test(who_may_only_read_writes_nothing),
        cmocka_unit_test(who_may_write_everything_writes_nothing_of_the_space_itself),
        cmocka_unit_test(who_shows_no_token_is_not_admitted),
        cmocka_unit_test(token_of_another_device_admits_nobody),
        cmocka_unit_test(token_of_who_is_not_the_root_is_not_made),
        cmocka_unit_test(token_from_a_member_gives_no_more_than_it_has),
        cmocka_unit_test(
            token_begins_no_sooner_than_its_issuers_and_ends_with_it_if_that_is_left_open),
        cmocka_unit_test(token_that_expires_ends_what_goes_over),
        cmocka_unit_test(token_that_is_taken_back_ends_what_goes_over),
        cmocka_unit_test(revocation_that_is_damaged_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
