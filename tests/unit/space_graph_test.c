/* What a space says of itself in the graph, on its way from peer to peer: the root's device is the first of them. */
#include "test_space.h"

#include "test_storage.h"
#include "trust/space.h"

#include <stdio.h>
#include <string.h>

#define READ_WRITE (MT_RIGHT_READ | MT_RIGHT_WRITE)

/* ---- Who is where ---- */

/* Peers that know the space, each with a chain of the root's. */
static void begin(test_space_world *w, size_t count)
{
    test_space_begin(w);
    for (size_t i = 0; i < count; i++) {
        test_space_give(w, i, READ_WRITE, &test_everything);
        test_space_open(w, i, TEST_SPACE_HONEST, NULL);
    }
}

static void rest(test_space_world *w)
{
    test_env_run_for(&w->te, 3000);
}

/* The members that a peer knows of. */
typedef struct roll {
    size_t count, revoked;
    uint8_t devices[8][MT_DEVICE_LEN];
    uint8_t issuer[MT_DEVICE_LEN]; /* of the last, as all below */
    unsigned rights;
    char prefix[MT_TOKEN_PREFIX_LEN_MAX + 1];
} roll;

static void show(void *ctx, const mt_space_member *member)
{
    roll *r = ctx;

    CHECK(r->count < TEST_COUNT(r->devices) && member->size == sizeof *member);
    memcpy(r->devices[r->count++], member->token.device, MT_DEVICE_LEN);
    memcpy(r->issuer, member->issuer, MT_DEVICE_LEN);
    r->rights = member->token.rights;
    snprintf(r->prefix, sizeof r->prefix, "%.*s", (int)member->token.prefixes[0].len,
             (const char *)member->token.prefixes[0].data);
    r->revoked += member->revoked;
}

static roll roll_of(const test_space_world *w, size_t at)
{
    roll r = {.count = 0};

    mt_space_members(w->peers[at].space, show, &r);
    return r;
}

static bool is_stored(mt_db *db, const char *uid)
{
    mt_handle *node = NULL;
    bool is_there;

    CHECK(mt_read_wait(db, mt_str(uid), NULL, &node) == MT_OK);
    is_there = node != NULL;
    mt_handle_unref(node);
    return is_there;
}

/* How many of its peers a peer has something to say to. */
static void count_live(void *ctx, const mt_sync_peer *peer)
{
    size_t *count = ctx;

    *count += peer->state == MT_SYNC_LIVE || peer->state == MT_SYNC_CATCHING;
}

static size_t live_of(const test_space_world *w, size_t at)
{
    size_t count = 0;

    CHECK(mt_db_status(w->peers[at].db, count_live, &count) == MT_OK);
    return count;
}

/* ---- Spreading ---- */

TEST(what_is_published_is_known_to_all)
{
    test_space_world w;
    mt_buf chain;
    roll r;

    begin(&w, 3);
    test_space_join(&w, 0, 1);
    test_space_join(&w, 1, 2);
    rest(&w);
    chain = w.peers[2].chain;
    CHECK(roll_of(&w, 2).count == 0 && !test_space_has(&w, 2, "@space/genesis"));
    CHECK(test_space_publish(&w, 0, &chain, NULL) == MT_OK);
    rest(&w);
    for (size_t i = 0; i < 3; i++) {
        CHECK(test_space_has(&w, i, "@space/genesis"));
        CHECK(test_space_has(&w, i, test_space_uid("tokens", &chain)));
        r = roll_of(&w, i);
        CHECK(r.count == 1 && r.revoked == 0 && r.rights == READ_WRITE);
        assert_memory_equal(r.devices[0], w.peers[2].device, MT_DEVICE_LEN);
        CHECK(w.peers[i].changes == 0);
    }
    test_space_end(&w);
}

TEST(member_shows_what_it_may_and_who_says_so)
{
    test_space_world w;
    roll r;

    begin(&w, 1);
    test_space_give(&w, 1, READ_WRITE | MT_RIGHT_DELEGATE, &test_everything);
    test_space_give_on(&w, 1, 2, MT_RIGHT_READ, &test_notes);
    CHECK(test_space_publish(&w, 0, &w.peers[1].chain, NULL) == MT_OK);
    CHECK(test_space_publish(&w, 0, &w.peers[2].chain, NULL) == MT_OK);
    CHECK(test_space_publish(&w, 0, &w.peers[2].chain, NULL) == MT_OK);
    r = roll_of(&w, 0);
    CHECK(r.count == 2 && r.rights == MT_RIGHT_READ);
    assert_string_equal(r.prefix, "notes/");
    assert_memory_equal(r.issuer, w.peers[1].device, MT_DEVICE_LEN);
    assert_memory_equal(r.devices[1], w.peers[2].device, MT_DEVICE_LEN);
    test_space_end(&w);
}

/* Takes the chain of a peer back, at the first peer, in the name of the root. */
static void revoke(test_space_world *w, size_t at)
{
    mt_buf chain = w->peers[at].chain, revocation = test_space_revocation(w, w->root, &chain);

    CHECK(test_space_publish(w, 0, &chain, &revocation) == MT_OK);
    mt_buf_free(&revocation);
}

TEST(revocation_reaches_a_third_peer_and_ends_its_session)
{
    test_space_world w;

    begin(&w, 4);
    for (size_t i = 0; i < 3; i++) test_space_join(&w, i, i + 1);
    rest(&w);
    CHECK(live_of(&w, 2) == 2);
    revoke(&w, 3);
    rest(&w);
    for (size_t i = 0; i < 3; i++) {
        CHECK(test_space_has(&w, i, test_space_uid("revoked", &w.peers[3].chain)));
        CHECK(roll_of(&w, i).count == 1 && roll_of(&w, i).revoked == 1);
        CHECK(w.peers[i].changes == 1);
    }
    CHECK(live_of(&w, 2) == 1);
    test_space_set(&w, 2, "notes/here");
    test_space_set(&w, 3, "notes/there");
    test_env_run_for(&w.te, 20000);
    CHECK(live_of(&w, 2) == 1);
    CHECK(test_space_has(&w, 0, "notes/here") && !test_space_has(&w, 3, "notes/here"));
    CHECK(!test_space_has(&w, 2, "notes/there"));
    test_space_end(&w);
}

TEST(revoked_device_that_comes_back_is_refused_until_it_has_another_token)
{
    test_space_world w;
    size_t link;

    begin(&w, 3);
    test_space_join(&w, 0, 1);
    link = test_space_join(&w, 1, 2);
    rest(&w);
    revoke(&w, 2);
    rest(&w);
    for (int i = 0; i < 3; i++) {
        test_space_part(&w, link);
        link = test_space_join(&w, 1, 2);
        rest(&w);
        CHECK(live_of(&w, 1) == 1 && w.peers[1].why.status == MT_REFUSED);
        assert_string_equal(w.peers[1].why.text, "token 1 of 1: the token was revoked");
    }
    test_space_give(&w, 2, READ_WRITE, &test_notes);
    test_space_show(&w, 2);
    test_space_join(&w, 1, 2);
    test_space_set(&w, 2, "notes/again");
    rest(&w);
    CHECK(test_space_has(&w, 0, "notes/again"));
    test_space_end(&w);
}

TEST(revocation_of_a_delegate_reaches_all_below_it)
{
    test_space_world w;
    roll r;

    begin(&w, 2);
    test_space_give(&w, 2, READ_WRITE | MT_RIGHT_DELEGATE, &test_everything);
    test_space_give_on(&w, 2, 3, READ_WRITE, &test_notes);
    test_space_open(&w, 3, TEST_SPACE_HONEST, NULL);
    test_space_join(&w, 0, 1);
    test_space_join(&w, 1, 3);
    CHECK(test_space_publish(&w, 0, &w.peers[3].chain, NULL) == MT_OK);
    rest(&w);
    CHECK(live_of(&w, 1) == 2);
    revoke(&w, 2);
    rest(&w);
    CHECK(live_of(&w, 1) == 1);
    r = roll_of(&w, 1);
    CHECK(r.count == 2 && r.revoked == 2);
    test_space_end(&w);
}

/* ---- What is none ---- */

/* Commits one field with a state, at one who guards or does not. */
static mt_status commit(test_space_world *w, size_t at, const char *uid, mt_bytes bytes,
                        uint64_t state)
{
    mt_field field = {.name = mt_str("record"), .value = mt_blob(bytes), .state = state};
    mt_row row = {.uid = mt_str(uid), .fields = &field, .count = 1};

    return mt_commit_rows_wait(w->peers[at].db, &row, 1, NULL);
}

TEST(nothing_is_written_here_where_records_are)
{
    mt_field field = {.name = mt_str("x"), .value = mt_number(1)};
    mt_row row = {.uid = mt_str("@space/x"), .fields = &field, .count = 1};
    test_space_world w;
    const char *uid;
    mt_db *db;

    begin(&w, 1);
    db = w.peers[0].db;
    CHECK(test_space_publish(&w, 0, &w.peers[0].chain, NULL) == MT_OK);
    uid = test_space_uid("tokens", &w.peers[0].chain);
    CHECK(mt_write_wait(db, &row, 1, NULL, NULL) == MT_REFUSED);
    assert_string_equal(mt_db_error(db)->text, "@space/x: the name is reserved for what the "
                                               "space says of itself");
    row.uid = mt_str(uid);
    CHECK(mt_write_wait(db, &row, 1, NULL, NULL) == MT_REFUSED);
    CHECK(mt_delete_wait(db, mt_str(uid), NULL) == MT_REFUSED);
    CHECK(mt_delete_wait(db, mt_str("@space/genesis"), NULL) == MT_REFUSED);
    CHECK(commit(&w, 0, uid, mt_buf_bytes(&w.peers[0].chain), 2) == MT_REFUSED);
    CHECK(commit(&w, 0, "@space/tokens/x", mt_str("x"), 1) == MT_MALFORMED);
    CHECK(commit(&w, 0, "@space/other", mt_str("x"), 1) == MT_UNSUPPORTED);
    CHECK(test_space_has(&w, 0, uid) && !test_space_has(&w, 0, "@space/x"));
    CHECK(!test_space_has(&w, 0, "@space/tokens/x") && !test_space_has(&w, 0, "@space/other"));
    CHECK(roll_of(&w, 0).count == 1);
    test_space_set(&w, 0, "@space");
    test_space_end(&w);
}

TEST(commit_that_is_refused_for_one_record_takes_none)
{
    test_space_world w;
    mt_buf revocation;
    uint8_t both[2048];
    mt_field fields[2] = {{.name = mt_str("record"), .state = 1},
                          {.name = mt_str("record"), .value = mt_blob(mt_str("x")), .state = 1}};
    mt_row rows[2] = {{.fields = &fields[0], .count = 1},
                      {.uid = mt_str("@space/tokens/x"), .fields = &fields[1], .count = 1}};

    begin(&w, 2);
    revocation = test_space_revocation(&w, w.root, &w.peers[1].chain);
    memcpy(both, revocation.data, revocation.len);
    memcpy(both + revocation.len, w.peers[1].chain.data, w.peers[1].chain.len);
    fields[0].value = mt_blob((mt_bytes){both, revocation.len + w.peers[1].chain.len});
    rows[0].uid = mt_str(test_space_uid("revoked", &w.peers[1].chain));
    CHECK(mt_commit_rows_wait(w.peers[0].db, rows, 2, NULL) == MT_MALFORMED);
    CHECK(roll_of(&w, 0).count == 0 && w.peers[0].changes == 0);
    test_space_join(&w, 0, 1);
    rest(&w);
    CHECK(live_of(&w, 0) == 1);
    CHECK(mt_commit_rows_wait(w.peers[0].db, rows, 1, NULL) == MT_OK);
    CHECK(roll_of(&w, 0).revoked == 1 && w.peers[0].changes == 1);
    mt_buf_free(&revocation);
    test_space_end(&w);
}

TEST(no_chain_is_not_published)
{
    mt_buf none = {.mem = test_mem()};
    test_space_world w;

    begin(&w, 1);
    CHECK(test_space_publish(&w, 0, &none, NULL) == MT_INVALID);
    CHECK(test_space_publish(&w, 0, &w.genesis, NULL) == MT_INVALID);
    CHECK(test_space_publish(&w, 0, &w.peers[0].chain, &w.peers[0].chain) == MT_INVALID);
    CHECK(!test_space_has(&w, 0, "@space/genesis"));
    test_space_end(&w);
}

/* The first two are honest, and the third writes what it likes; it is joined to the second. */
static size_t begin_with_liar(test_space_world *w)
{
    size_t link;

    begin(w, 2);
    test_space_give(w, 2, READ_WRITE, &test_everything);
    test_space_open(w, 2, 0, NULL);
    test_space_join(w, 0, 1);
    link = test_space_join(w, 1, 2);
    rest(w);
    CHECK(test_space_is_up(w, link));
    return link;
}

TEST(peer_that_sends_a_forged_record_is_dropped)
{
    test_space_world w;
    mt_buf chain = {.mem = test_mem()};
    size_t link = begin_with_liar(&w);
    mt_token token = test_space_token(&w, 2, READ_WRITE | MT_RIGHT_ADMIN, &test_everything);
    mt_error err;

    CHECK(test_space_issue(&w, w.root, NULL, &token, &chain, &err) == MT_OK);
    chain.data[chain.len - 1] ^= 1;
    CHECK(commit(&w, 2, test_space_uid("tokens", &chain), mt_buf_bytes(&chain), 1) == MT_OK);
    for (int i = 0; i < 2; i++) {
        rest(&w);
        CHECK(!test_space_is_up(&w, link) && live_of(&w, 1) == 1);
        CHECK(!test_space_has(&w, 1, test_space_uid("tokens", &chain)));
        CHECK(roll_of(&w, 1).count == 0);
        test_space_part(&w, link);
        link = test_space_join(&w, 1, 2);
    }
    test_space_set(&w, 0, "notes/honest");
    rest(&w);
    CHECK(test_space_has(&w, 1, "notes/honest") && live_of(&w, 0) == 1);
    mt_buf_free(&chain);
    test_space_end(&w);
}

TEST(deleted_record_is_not_deleted_elsewhere)
{
    test_space_world w;
    size_t link = begin_with_liar(&w);

    CHECK(test_space_publish(&w, 0, &w.peers[1].chain, NULL) == MT_OK);
    rest(&w);
    CHECK(test_space_has(&w, 2, test_space_uid("tokens", &w.peers[1].chain)));
    CHECK(mt_delete_wait(w.peers[2].db, mt_str(test_space_uid("tokens", &w.peers[1].chain)),
                         NULL) == MT_OK);
    rest(&w);
    CHECK(!test_space_is_up(&w, link));
    for (size_t i = 0; i < 2; i++)
        CHECK(test_space_has(&w, i, test_space_uid("tokens", &w.peers[1].chain)));
    test_space_end(&w);
}

TEST(record_of_a_kind_that_is_not_known_is_refused_and_the_rest_goes_on)
{
    test_space_world w;
    size_t link = begin_with_liar(&w);

    CHECK(commit(&w, 2, "@space/other/x", mt_str("of a later version"), 1) == MT_OK);
    test_space_set(&w, 2, "notes/more");
    rest(&w);
    CHECK(test_space_is_up(&w, link) && live_of(&w, 1) == 2);
    CHECK(!test_space_has(&w, 1, "@space/other/x"));
    CHECK(test_space_has(&w, 1, "notes/more") && test_space_has(&w, 0, "notes/more"));
    test_space_end(&w);
}

TEST(record_is_good_whoever_brings_it)
{
    test_space_world w;
    mt_buf chain = {.mem = test_mem()};
    mt_token token;
    mt_error err;

    test_space_begin(&w);
    test_space_give(&w, 0, READ_WRITE, &test_everything);
    test_space_give(&w, 1, MT_RIGHT_READ, &test_notes);
    test_space_open(&w, 0, TEST_SPACE_HONEST, NULL);
    test_space_open(&w, 1, 0, NULL);
    test_space_join(&w, 0, 1);
    token = test_space_token(&w, 3, MT_RIGHT_READ, &test_notes);
    CHECK(test_space_issue(&w, w.root, NULL, &token, &chain, &err) == MT_OK);
    CHECK(test_space_publish(&w, 1, &chain, NULL) == MT_OK);
    rest(&w);
    CHECK(test_space_has(&w, 0, test_space_uid("tokens", &chain)) && roll_of(&w, 0).count == 1);
    mt_buf_free(&chain);
    test_space_end(&w);
}

/* ---- Opened again ---- */

TEST(members_and_revocations_are_known_again_after_it_was_closed)
{
    test_space_world w;
    test_storage ts;
    test_space_peer *hub = &w.peers[0];
    size_t link;

    test_space_begin(&w);
    test_storage_init(&ts, &w.te.env);
    ts.quiet = true;
    for (size_t i = 0; i < 3; i++) test_space_give(&w, i, READ_WRITE, &test_everything);
    test_space_open(&w, 0, TEST_SPACE_HONEST, &ts.storage);
    CHECK(test_space_publish(&w, 0, &w.peers[1].chain, NULL) == MT_OK);
    revoke(&w, 2);
    test_space_close(&w, 0);
    test_space_open(&w, 0, TEST_SPACE_HONEST, &ts.storage);
    CHECK(roll_of(&w, 0).count == 0);
    CHECK(mt_space_follow(hub->space, hub->db, NULL, NULL) == MT_OK);
    rest(&w);
    CHECK(roll_of(&w, 0).count == 2 && roll_of(&w, 0).revoked == 1);
    test_space_open(&w, 2, TEST_SPACE_HONEST, NULL);
    link = test_space_join(&w, 0, 2);
    rest(&w);
    CHECK(!test_space_is_up(&w, link) && strstr(hub->why.text, "revoked"));
    test_space_close(&w, 0);
    test_storage_end(&ts);
    test_space_end(&w);
}

/* ---- What one may ---- */

TEST(what_is_no_record_in_a_store_from_before_is_forgotten)
{
    test_space_world w;
    test_storage ts;
    test_space_peer *hub = &w.peers[0];

    test_space_begin(&w);
    test_storage_init(&ts, &w.te.env);
    ts.quiet = true;
    test_space_give(&w, 0, READ_WRITE, &test_everything);
    test_space_open(&w, 0, 0, &ts.storage); /* without the hooks */
    test_space_set(&w, 0, "@space/tokens/mine");
    test_space_set(&w, 0, "@space/later/1");
    test_space_set(&w, 0, "notes/1");
    test_space_close(&w, 0);
    test_space_open(&w, 0, TEST_SPACE_HONEST, &ts.storage);
    CHECK(mt_space_follow(hub->space, hub->db, NULL, NULL) == MT_OK);
    rest(&w);
    CHECK(!is_stored(hub->db, "@space/tokens/mine") && is_stored(hub->db, "notes/1"));
    CHECK(!is_stored(hub->db, "@space/later/1"));
    test_space_close(&w, 0);
    test_storage_end(&ts);
    test_space_end(&w);
}

TEST(member_that_has_come_may_what_its_token_says_and_no_other)
{
    test_space_world w;
    const mt_space *space;
    const uint8_t *device;
    mt_error why;

    begin(&w, 2);
    test_space_give(&w, 1, MT_RIGHT_READ, &test_notes);
    test_space_show(&w, 1);
    space = w.peers[0].space;
    device = w.peers[1].device;
    CHECK(mt_space_may(space, device, MT_RIGHT_READ, mt_str("notes/a"), &why) == MT_REFUSED);
    assert_string_equal(why.text, "no token was shown");
    test_space_join(&w, 0, 1);
    rest(&w);
    CHECK(mt_space_may(space, device, MT_RIGHT_READ, mt_str("notes/a"), &why) == MT_OK);
    CHECK(mt_space_may(space, device, MT_RIGHT_READ, mt_str("@space/a"), NULL) == MT_OK);
    CHECK(mt_space_may(space, device, MT_RIGHT_READ, mt_str("other"), &why) == MT_REFUSED);
    assert_string_equal(why.text, "outside the prefixes of the token");
    CHECK(mt_space_may(space, device, MT_RIGHT_WRITE, mt_str("notes/a"), &why) == MT_REFUSED);
    assert_string_equal(why.text, "the token does not give this right");
    CHECK(mt_space_may(space, device, READ_WRITE, mt_str("notes/a"), NULL) == MT_REFUSED);
    CHECK(mt_space_may(space, device, 0, mt_str("notes/a"), NULL) == MT_REFUSED);
    CHECK(mt_space_may(space, NULL, MT_RIGHT_READ, mt_str("notes/a"), NULL) == MT_REFUSED);
    CHECK(mt_space_may(space, w.root, MT_RIGHT_READ, mt_str("notes/a"), NULL) == MT_REFUSED);
    revoke(&w, 1);
    CHECK(mt_space_may(space, device, MT_RIGHT_READ, mt_str("notes/a"), &why) == MT_REFUSED);
    assert_string_equal(why.text, "the token was revoked");
    test_space_end(&w);
}

/* An application's own rule: the device that is its ctx may write no node that is called "plan". */
static void refuse_plans(void *ctx, mt_action *action)
{
    const test_space_peer *peer = ctx;
    const uint8_t *device = mt_connection_device(mt_action_origin(action));
    size_t count;
    const mt_row *rows = mt_action_rows(action, &count);

    for (size_t i = 0; i < count; i++) {
        /* It comes only if its token allows it. */
        CHECK(device && mt_space_may(peer->world->peers[0].space, device, MT_RIGHT_WRITE,
                                     rows[i].uid, NULL) == MT_OK);
        if (memcmp(device, peer->device, MT_DEVICE_LEN) != 0) continue;
        if (!mt_bytes_equal(rows[i].uid, mt_str("notes/plan"))) continue;
        mt_action_refuse(action, MT_REFUSED, "no plans of this device");
        return;
    }
    mt_action_pass(action);
}

TEST(hook_of_an_application_knows_who_sends_and_refuses_more_but_never_allows_more)
{
    test_space_world w;
    mt_hook hook = {.point = MT_ON_UPDATE, .run = refuse_plans, .ctx = &w.peers[1]};

    test_space_begin(&w);
    for (size_t i = 0; i < 3; i++)
        test_space_give(&w, i, READ_WRITE, i == 0 ? &test_everything : &test_notes);
    w.peers[0].hook = &hook;
    for (size_t i = 0; i < 3; i++) test_space_open(&w, i, i ? 0 : TEST_SPACE_HONEST, NULL);
    test_space_set(&w, 1, "notes/plan");
    test_space_set(&w, 1, "notes/1");
    test_space_set(&w, 1, "other/1");
    test_space_set(&w, 2, "notes/2");
    test_space_join(&w, 0, 1);
    test_space_join(&w, 0, 2);
    rest(&w);
    CHECK(test_space_has(&w, 0, "notes/1") && test_space_has(&w, 0, "notes/2"));
    CHECK(!test_space_has(&w, 0, "notes/plan") && !test_space_has(&w, 0, "other/1"));
    CHECK(!test_space_has(&w, 2, "notes/plan"));
    test_space_end(&w);
}

TEST(token_that_ends_first_ends_what_began_with_it_whatever_is_shown_later)
{
    test_space_world w;
    test_space_peer *copy = &w.peers[2];
    mt_token token;
    mt_error err;

    begin(&w, 1);
    token = test_space_token(&w, 1, READ_WRITE, &test_everything);
    token.not_after_ms -= TEST_DAY - 60000;
    CHECK(test_space_issue(&w, w.root, NULL, &token, &w.peers[1].chain, &err) == MT_OK);
    memcpy(copy->seed, w.peers[1].seed, sizeof copy->seed);
    memcpy(copy->device, w.peers[1].device, sizeof copy->device);
    test_space_give(&w, 2, MT_RIGHT_READ, &test_notes);
    for (size_t i = 1; i < 3; i++) test_space_open(&w, i, 0, NULL);
    test_space_join(&w, 0, 1);
    rest(&w);
    test_space_join(&w, 0, 2);
    test_space_set(&w, 1, "notes/before");
    rest(&w);
    CHECK(test_space_has(&w, 0, "notes/before"));
    test_env_run_for(&w.te, 61000);
    test_space_set(&w, 1, "notes/behind");
    rest(&w);
    CHECK(!test_space_has(&w, 0, "notes/behind"));
    test_space_end(&w);
}

TEST(token_that_has_expired_is_not_forgotten_where_another_device_comes_just_then)
{
    test_space_world w;

    begin(&w, 2);
    test_space_join(&w, 0, 1);
    rest(&w);
    CHECK(live_of(&w, 0) == 1);
    w.te.epoch_ms += 2 * TEST_DAY; /* the time of day jumps, as after a sleep */
    test_space_give(&w, 2, READ_WRITE, &test_everything);
    test_space_open(&w, 2, 0, NULL);
    test_space_join(&w, 0, 2);
    rest(&w);
    CHECK(live_of(&w, 0) == 1 && w.peers[0].changes == 1);
    test_space_set(&w, 1, "notes/behind");
    rest(&w);
    CHECK(!test_space_has(&w, 0, "notes/behind"));
    test_space_end(&w);
}

TEST(space_has_room_for_so_many_members_and_those_that_have_come_may_come_again)
{
    size_t first, second;
    test_space_world w;

    test_space_begin_with(&w, 91, test_mem(), 1);
    for (size_t i = 0; i < 3; i++) {
        test_space_give(&w, i, READ_WRITE, &test_everything);
        test_space_open(&w, i, i ? 0 : TEST_SPACE_HONEST, NULL);
    }
    first = test_space_join(&w, 0, 1);
    rest(&w);
    second = test_space_join(&w, 0, 2);
    rest(&w);
    CHECK(test_space_is_up(&w, first) && !test_space_is_up(&w, second));
    CHECK(w.peers[0].why.status == MT_FULL);
    assert_string_equal(w.peers[0].why.text, "the space has room for 1 devices, which have come");
    test_space_part(&w, first);
    first = test_space_join(&w, 0, 1);
    rest(&w);
    CHECK(test_space_is_up(&w, first));
    revoke(&w, 1); /* its place is free */
    test_space_part(&w, second);
    second = test_space_join(&w, 0, 2);
    rest(&w);
    CHECK(test_space_is_up(&w, second) && live_of(&w, 0) == 1);
    test_space_end(&w);
}

/* ---- Very many ---- */

#define MANY 4096

/* The `number`th revocation, by the issuer of a token that has so many above it, as if it had been checked. */
static mti_record revocation_of(uint8_t rank, uint32_t number)
{
    static uint8_t chain[1];
    mti_record record = {.kind = MTI_RECORD_REVOCATION, .chain = {chain, 1}};

    record.rank = record.grant.count = rank;
    memcpy(record.revocation.token, &number, sizeof number);
    memcpy(record.grant.ids[rank - 1], &number, sizeof number);
    return record;
}

static mt_status take(test_space_world *w, uint8_t rank, uint32_t number)
{
    mti_record record = revocation_of(rank, number);
    mt_error err = {MT_OK, ""};
    mt_status st = mti_space_take(w->peers[0].space, &record, 1, &err);

    CHECK(st == MT_OK ||
          (st == MT_TOO_LARGE && strcmp(err.text, "more than 4096 revocations") == 0));
    return st;
}

/* How many are known by devices of a rank. */
static size_t known(const test_space_world *w, uint8_t rank)
{
    const mt_space *space = w->peers[0].space;
    size_t count = 0;

    for (size_t i = 0; i < space->revocation_count; i++) count += space->ranks[i] == rank;
    return count;
}

TEST(where_there_are_too_many_revocations_those_by_who_stands_lower_give_way)
{
    test_space_world w;
    uint32_t number = 0;
    mt_buf record;

    begin(&w, 1);
    while (number < MANY) CHECK(take(&w, 3, number++) == MT_OK);
    CHECK(take(&w, 3, 0) == MT_OK); /* it is known */
    CHECK(take(&w, 3, number) == MT_TOO_LARGE && take(&w, 4, number) == MT_TOO_LARGE);
    CHECK(known(&w, 3) == MANY);
    for (; number < MANY + 10; number++) CHECK(take(&w, 2, number) == MT_OK);
    CHECK(known(&w, 3) == MANY - 10 && known(&w, 2) == 10);
    CHECK(take(&w, 3, number) == MT_TOO_LARGE);
    for (; number < 2 * MANY; number++) CHECK(take(&w, 2, number) == MT_OK);
    CHECK(known(&w, 2) == MANY && take(&w, 2, number) == MT_TOO_LARGE);
    for (; number < 3 * MANY; number++) CHECK(take(&w, 1, number) == MT_OK);
    CHECK(known(&w, 1) == MANY && take(&w, 1, number) == MT_TOO_LARGE);
    CHECK(w.peers[0].changes == 3 * MANY);
    record = test_space_revocation(&w, w.root, &w.peers[0].chain);
    CHECK(mt_space_revoke(w.peers[0].space, mt_buf_bytes(&record), NULL) == MT_OK);
    CHECK(known(&w, 0) == 1 && known(&w, 1) == MANY - 1);
    mt_buf_free(&record);
    test_space_end(&w);
}

TEST(of_a_commit_of_too_many_revocations_those_by_who_stands_lowest_are_left_out)
{
    static mti_record records[MANY + 2];
    mt_error err;
    test_space_world w;

    begin(&w, 1);
    for (uint32_t i = 0; i < MANY + 2; i++) records[i] = revocation_of(i == MANY ? 1 : 2, i);
    CHECK(mti_space_take(w.peers[0].space, records, MANY + 2, &err) == MT_OK);
    CHECK(known(&w, 1) == 1 && known(&w, 2) == MANY - 1 && w.peers[0].changes == 1);
    test_space_end(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_published_is_known_to_all),
        cmocka_unit_test(member_shows_what_it_may_and_who_says_so),
        cmocka_unit_test(revocation_reaches_a_third_peer_and_ends_its_session),
        cmocka_unit_test(revoked_device_that_comes_back_is_refused_until_it_has_another_token),
        cmocka_unit_test(revocation_of_a_delegate_reaches_all_below_it),
        cmocka_unit_test(nothing_is_written_here_where_records_are),
        cmocka_unit_test(commit_that_is_refused_for_one_record_takes_none),
        cmocka_unit_test(no_chain_is_not_published),
        cmocka_unit_test(peer_that_sends_a_forged_record_is_dropped),
        cmocka_unit_test(deleted_record_is_not_deleted_elsewhere),
        cmocka_unit_test(record_of_a_kind_that_is_not_known_is_refused_and_the_rest_goes_on),
        cmocka_unit_test(record_is_good_whoever_brings_it),
        cmocka_unit_test(members_and_revocations_are_known_again_after_it_was_closed),
        cmocka_unit_test(what_is_no_record_in_a_store_from_before_is_forgotten),
        cmocka_unit_test(member_that_has_come_may_what_its_token_says_and_no_other),
        cmocka_unit_test(
            hook_of_an_application_knows_who_sends_and_refuses_more_but_never_allows_more),
        cmocka_unit_test(token_that_ends_first_ends_what_began_with_it_whatever_is_shown_later),
        cmocka_unit_test(
            token_that_has_expired_is_not_forgotten_where_another_device_comes_just_then),
        cmocka_unit_test(
            space_has_room_for_so_many_members_and_those_that_have_come_may_come_again),
        cmocka_unit_test(where_there_are_too_many_revocations_those_by_who_stands_lower_give_way),
        cmocka_unit_test(
            of_a_commit_of_too_many_revocations_those_by_who_stands_lowest_are_left_out),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
