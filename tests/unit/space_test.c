/* Members of a space: who is let in by what chain, what each may, and how that ends. */
#include "test_db.h"
#include "test_env.h"

#include <mytosis/host.h>
#include <mytosis/plugin/pipe.h>
#include <mytosis/space.h>
#include <stdio.h>
#include <string.h>

#define DAY ((uint64_t)86400000)

static const mt_bytes notes = {(const uint8_t *)"notes/", 6}, everything = {NULL, 0};

/* A device with a database. */
typedef struct peer {
    uint8_t seed[MT_KEY_LEN], device[MT_DEVICE_LEN];
    mt_buf chain;
    mt_space *space;
    mt_secure *secure;
    mt_group *links;
    mt_db *db;
} peer;

typedef struct world {
    test_env te;
    mt_buf genesis;
    uint8_t root[MT_KEY_LEN];
    peer hub, guest;
    mt_connection *pipe[2], *ends[2];
    size_t changes;
    mt_error why; /* why the hub did not admit the guest; its text is empty if it did */
} world;

/* ---- Records ---- */

static const mt_crypto *crypto(void)
{
    return mt_crypto_sodium();
}

static void device_make(peer *p, char name)
{
    uint8_t key[MT_SIGNING_KEY_LEN];

    memset(p, 0, sizeof *p);
    memset(p->seed, name, sizeof p->seed);
    crypto()->signing_key(NULL, p->seed, key);
    memcpy(p->device, key + MT_SIGNING_KEY_LEN - MT_DEVICE_LEN, MT_DEVICE_LEN);
    p->chain.mem = test_mem();
}

static mt_token token_of(const world *w, const peer *p, unsigned rights, const mt_bytes *prefix)
{
    uint64_t now = w->te.env.now_ms(w->te.env.ctx);

    return (mt_token){.size = sizeof(mt_token),
                      .rights = rights,
                      .device = p->device,
                      .prefixes = prefix,
                      .prefix_count = 1,
                      .not_before_ms = now,
                      .not_after_ms = now + DAY};
}

static mt_status issue(world *w, const uint8_t *seed, const mt_buf *parent, const mt_token *token,
                       mt_buf *out, mt_error *err)
{
    return mt_token_issue(&w->te.env, crypto(), mt_buf_bytes(&w->genesis), seed,
                          parent ? mt_buf_bytes(parent) : everything, token, out, err);
}

/* The root gives a device something. */
static void give(world *w, peer *p, unsigned rights, const mt_bytes *prefix)
{
    mt_token token = token_of(w, p, rights, prefix);
    mt_error err = {MT_OK, ""};

    p->chain.len = 0;
    CHECK(issue(w, w->root, NULL, &token, &p->chain, &err) == MT_OK);
}

/* ---- Peers ---- */

static void changed(void *ctx)
{
    world *w = ctx;

    w->changes++;
    CHECK(mt_db_rights_changed(w->hub.db) == MT_OK);
}

/* As mt_space_admit, and notes why not. */
static mt_status admit(void *ctx, const mt_secure_visitor *visitor, mt_connection *connection,
                       mt_error *why)
{
    world *w = ctx;
    mt_status st = mt_space_admit(w->hub.space, visitor, connection, why);

    if (st != MT_OK) w->why = *why;
    return st;
}

static void space_open(world *w, peer *p)
{
    mt_space_options options = {.size = sizeof options,
                                .crypto = crypto(),
                                .genesis = mt_buf_bytes(&w->genesis),
                                .changed = p == &w->hub ? changed : NULL,
                                .ctx = w};
    mt_secure_options secure = {.size = sizeof secure,
                                .crypto = crypto(),
                                .seed = p->seed,
                                .papers = mt_buf_bytes(&p->chain),
                                .admit = p == &w->hub ? admit : NULL,
                                .ctx = w};

    CHECK(mt_space_new(&w->te.env, &options, &p->space, NULL) == MT_OK);
    secure.space = mt_space_id(p->space);
    CHECK(mt_secure_new(&w->te.env, &secure, &p->secure, NULL) == MT_OK);
}

static void db_open(world *w, peer *p)
{
    mt_sync_options options = {.size = sizeof options, .rights_ctx = p->space};
    mt_config config = {.size = sizeof config, .env = &w->te.env};
    const mt_config *configs[] = {&config};
    mt_router router;

    if (p == &w->hub) options.rights = mt_space_rights;
    CHECK(mt_group_new(test_mem(), &p->links) == MT_OK);
    CHECK(mt_router_sync(&w->te.env, &options, &router, NULL) == MT_OK);
    config.router = &router;
    config.group = p->links;
    CHECK(mt_open(configs, 1, &p->db, NULL) == MT_OK);
}

static void begin(world *w)
{
    uint8_t recovery[MT_KEY_LEN] = {5};

    memset(w, 0, sizeof *w);
    test_env_init(&w->te, 91, test_mem());
    memset(w->root, 'R', sizeof w->root);
    w->genesis.mem = test_mem();
    CHECK(mt_genesis_make(crypto(), w->root, recovery, &w->genesis, NULL) == MT_OK);
    device_make(&w->hub, 'H');
    device_make(&w->guest, 'G');
}

static void set(mt_db *db, const char *uid)
{
    mt_field field = {.name = mt_str("x"), .value = mt_number(1)};
    mt_row row = {.uid = mt_str(uid), .fields = &field, .count = 1};

    CHECK(mt_write_wait(db, &row, 1, NULL, NULL) == MT_OK);
}

static bool has(const peer *p, const char *uid)
{
    return mt_peek(p->db, mt_str(uid)) != NULL;
}

/* Opens both with the chains that they have, and joins them. */
static void meet(world *w)
{
    mt_secure_peer to = {.size = sizeof to, .device = w->hub.device};
    peer *peers[2] = {&w->hub, &w->guest};

    for (size_t i = 0; i < 2; i++) {
        space_open(w, peers[i]);
        db_open(w, peers[i]);
    }
    set(w->hub.db, "notes/hub");
    set(w->hub.db, "secret/hub");
    set(w->guest.db, "notes/guest");
    set(w->guest.db, "other/guest");
    set(w->guest.db, "@space/guest");
    CHECK(mt_pipe_new(&w->te.env, NULL, &w->pipe[0], &w->pipe[1], NULL) == MT_OK);
    CHECK(mt_secure_accept(w->hub.secure, w->pipe[0], &w->ends[0], NULL) == MT_OK);
    CHECK(mt_secure_dial(w->guest.secure, w->pipe[1], &to, &w->ends[1], NULL) == MT_OK);
    for (size_t i = 0; i < 2; i++) CHECK(mt_group_add(peers[i]->links, w->ends[i]) == MT_OK);
    test_env_run_for(&w->te, 3000);
}

static void end(world *w)
{
    peer *peers[2] = {&w->hub, &w->guest};

    for (size_t i = 0; i < 2; i++) {
        if (peers[i]->db) mt_close(peers[i]->db);
        mt_group_unref(peers[i]->links);
        mt_connection_unref(w->ends[i]);
        mt_connection_unref(w->pipe[i]);
        mt_space_free(peers[i]->space);
    }
    test_env_run(&w->te);
    for (size_t i = 0; i < 2; i++) {
        mt_secure_unref(peers[i]->secure);
        mt_buf_free(&peers[i]->chain);
    }
    mt_buf_free(&w->genesis);
    test_env_end(&w->te);
    CHECK(test_mem_live() == 0);
}

/* ---- Who comes in ---- */

TEST(member_may_what_its_token_says)
{
    world w;

    begin(&w);
    give(&w, &w.guest, MT_RIGHT_READ | MT_RIGHT_WRITE, &notes);
    meet(&w);
    CHECK(has(&w.guest, "notes/hub") && !has(&w.guest, "secret/hub"));
    CHECK(has(&w.hub, "notes/guest") && !has(&w.hub, "other/guest"));
    end(&w);
}

TEST(who_may_only_read_writes_nothing)
{
    world w;

    begin(&w);
    give(&w, &w.guest, MT_RIGHT_READ, &everything);
    meet(&w);
    CHECK(has(&w.guest, "notes/hub") && has(&w.guest, "secret/hub"));
    CHECK(!has(&w.hub, "notes/guest") && !has(&w.hub, "other/guest"));
    end(&w);
}

TEST(who_may_write_everything_writes_nothing_of_the_space_itself)
{
    world w;

    begin(&w);
    give(&w, &w.guest, MT_RIGHT_WRITE, &everything);
    meet(&w);
    CHECK(has(&w.hub, "notes/guest") && has(&w.hub, "other/guest"));
    CHECK(!has(&w.hub, "@space/guest") && !has(&w.guest, "notes/hub"));
    end(&w);
}

TEST(who_shows_no_token_is_not_admitted)
{
    world w;

    begin(&w);
    meet(&w);
    CHECK(!has(&w.guest, "notes/hub") && !has(&w.hub, "notes/guest"));
    CHECK(w.why.status == MT_REFUSED && strcmp(w.why.text, "no token was shown") == 0);
    end(&w);
}

TEST(token_of_another_device_admits_nobody)
{
    world w;

    begin(&w);
    give(&w, &w.hub, MT_RIGHT_READ, &everything);
    CHECK(mt_buf_bytes(&w.hub.chain).len > 0);
    w.guest.chain = w.hub.chain;
    w.hub.chain = (mt_buf){.mem = test_mem()};
    meet(&w);
    CHECK(!has(&w.guest, "notes/hub") && w.why.status == MT_REFUSED);
    CHECK(strstr(w.why.text, "another device"));
    end(&w);
}

TEST(token_of_who_is_not_the_root_is_not_made)
{
    world w;
    mt_token token;
    mt_error err;

    begin(&w);
    token = token_of(&w, &w.guest, MT_RIGHT_READ, &everything);
    CHECK(issue(&w, w.guest.seed, NULL, &token, &w.guest.chain, &err) == MT_INVALID);
    CHECK(w.guest.chain.len == 0);
    end(&w);
}

TEST(token_from_a_member_gives_no_more_than_it_has)
{
    world w;
    mt_buf chain = {.mem = test_mem()};
    mt_token token;
    mt_error err;

    begin(&w);
    give(&w, &w.hub, MT_RIGHT_READ | MT_RIGHT_DELEGATE, &notes);
    token = token_of(&w, &w.guest, MT_RIGHT_READ | MT_RIGHT_WRITE, &notes);
    CHECK(issue(&w, w.hub.seed, &w.hub.chain, &token, &chain, &err) == MT_INVALID);
    token = token_of(&w, &w.guest, MT_RIGHT_READ, &everything);
    CHECK(issue(&w, w.hub.seed, &w.hub.chain, &token, &chain, &err) == MT_INVALID);
    token = token_of(&w, &w.guest, MT_RIGHT_READ, &notes);
    token.not_after_ms++;
    CHECK(issue(&w, w.hub.seed, &w.hub.chain, &token, &chain, &err) == MT_INVALID);
    CHECK(chain.len == 0);
    token.not_after_ms--;
    CHECK(issue(&w, w.hub.seed, &w.hub.chain, &token, &w.guest.chain, &err) == MT_OK);
    meet(&w);
    CHECK(has(&w.guest, "notes/hub") && !has(&w.guest, "secret/hub"));
    CHECK(!has(&w.hub, "notes/guest"));
    end(&w);
}

/* ---- How it ends ---- */

TEST(token_that_expires_ends_what_goes_over)
{
    world w;

    begin(&w);
    give(&w, &w.guest, MT_RIGHT_READ, &notes);
    meet(&w);
    CHECK(has(&w.guest, "notes/hub") && w.changes == 0);
    test_env_run_for(&w.te, DAY - 10000);
    set(w.hub.db, "notes/last");
    test_env_run_for(&w.te, 1000);
    CHECK(has(&w.guest, "notes/last") && w.changes == 0);
    test_env_run_for(&w.te, 10000);
    CHECK(w.changes == 1);
    set(w.hub.db, "notes/late");
    test_env_run_for(&w.te, 10000);
    CHECK(!has(&w.guest, "notes/late"));
    end(&w);
}

/* Takes the guest's token back, in the name of a device. */
static mt_status revoke(world *w, const uint8_t *seed, mt_error *err)
{
    mt_buf record = {.mem = test_mem()};
    mt_status st = mt_revocation_make(&w->te.env, crypto(), mt_buf_bytes(&w->genesis), seed,
                                      mt_buf_bytes(&w->guest.chain), &record, err);

    if (st == MT_OK) st = mt_space_revoke(w->hub.space, mt_buf_bytes(&record), err);
    mt_buf_free(&record);
    return st;
}

TEST(token_that_is_taken_back_ends_what_goes_over)
{
    mt_error err;
    world w;

    begin(&w);
    give(&w, &w.guest, MT_RIGHT_READ | MT_RIGHT_WRITE, &notes);
    meet(&w);
    CHECK(revoke(&w, w.guest.seed, &err) == MT_INVALID && w.changes == 0);
    CHECK(revoke(&w, w.root, &err) == MT_OK && w.changes == 1);
    test_env_run_for(&w.te, 100);
    set(w.hub.db, "notes/late");
    set(w.guest.db, "notes/too_late");
    test_env_run_for(&w.te, 10000);
    CHECK(!has(&w.guest, "notes/late") && !has(&w.hub, "notes/too_late"));
    end(&w);
}

TEST(revocation_that_is_damaged_is_refused)
{
    mt_error err;
    mt_buf record = {.mem = test_mem()};
    world w;

    begin(&w);
    give(&w, &w.guest, MT_RIGHT_READ, &notes);
    meet(&w);
    CHECK(mt_revocation_make(&w.te.env, crypto(), mt_buf_bytes(&w.genesis), w.root,
                             mt_buf_bytes(&w.guest.chain), &record, &err) == MT_OK);
    for (size_t i = 0; i < record.len; i++) {
        record.data[i] ^= 1;
        CHECK(mt_space_revoke(w.hub.space, mt_buf_bytes(&record), &err) != MT_OK);
        record.data[i] ^= 1;
    }
    CHECK(w.changes == 0 && mt_space_revoke(w.hub.space, mt_buf_bytes(&record), &err) == MT_OK);
    mt_buf_free(&record);
    end(&w);
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
        cmocka_unit_test(token_that_expires_ends_what_goes_over),
        cmocka_unit_test(token_that_is_taken_back_ends_what_goes_over),
        cmocka_unit_test(revocation_that_is_damaged_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
