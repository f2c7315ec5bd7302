#include "test_space.h"

#include "trust/genesis.h"
#include "trust/record.h"
#include "trust/rights.h"

#include <stdio.h>
#include <string.h>

const mt_bytes test_notes = {(const uint8_t *)"notes/", 6}, test_everything = {NULL, 0};

static const mt_crypto *crypto(void)
{
    return mt_crypto_sodium();
}

/* ---- The world ---- */

static void device_make(test_space_world *w, size_t at)
{
    uint8_t key[MT_SIGNING_KEY_LEN];
    test_space_peer *p = &w->peers[at];

    p->world = w;
    memset(p->seed, (int)('A' + at), sizeof p->seed);
    crypto()->signing_key(NULL, p->seed, key);
    memcpy(p->device, key + MT_SIGNING_KEY_LEN - MT_DEVICE_LEN, MT_DEVICE_LEN);
    p->chain.mem = test_mem();
}

void test_space_begin_with(test_space_world *w, uint64_t seed, const mt_mem *mem,
                           uint32_t members_max)
{
    uint8_t recovery[MT_KEY_LEN] = {5};

    memset(w, 0, sizeof *w);
    w->live_before = test_mem_live();
    test_env_init(&w->te, seed, mem);
    memset(w->root, 'R', sizeof w->root);
    w->genesis.mem = test_mem();
    CHECK(mt_genesis_make(crypto(), w->root, recovery, members_max, &w->genesis, NULL) == MT_OK);
    for (size_t i = 0; i < TEST_SPACE_PEERS; i++) device_make(w, i);
}

void test_space_begin(test_space_world *w)
{
    test_space_begin_with(w, 91, test_mem(), 0);
}

void test_space_end(test_space_world *w)
{
    for (size_t i = 0; i < TEST_SPACE_PEERS; i++) {
        test_space_close(w, i);
        mt_buf_free(&w->peers[i].chain);
    }
    test_env_run(&w->te);
    mt_buf_free(&w->genesis);
    test_env_end(&w->te);
    CHECK(test_mem_live() == w->live_before);
}

/* ---- Records ---- */

mt_token test_space_token(const test_space_world *w, size_t to, unsigned rights,
                          const mt_bytes *prefix)
{
    uint64_t now = w->te.env.now_ms(w->te.env.ctx);

    return (mt_token){.size = sizeof(mt_token),
                      .rights = rights,
                      .device = w->peers[to].device,
                      .prefixes = prefix,
                      .prefix_count = 1,
                      .not_before_ms = now,
                      .not_after_ms = now + TEST_DAY};
}

mt_status test_space_issue(test_space_world *w, const uint8_t *seed, const mt_buf *parent,
                           const mt_token *token, mt_buf *out, mt_error *err)
{
    return mt_token_issue(&w->te.env, crypto(), mt_buf_bytes(&w->genesis), seed,
                          parent ? mt_buf_bytes(parent) : test_everything, token, out, err);
}

static void give(test_space_world *w, const uint8_t *seed, const mt_buf *parent,
                 const mt_token *token, size_t to)
{
    mt_error err = {MT_OK, ""};

    w->peers[to].chain.len = 0;
    if (test_space_issue(w, seed, parent, token, &w->peers[to].chain, &err) != MT_OK)
        fail_msg("%s", err.text);
}

void test_space_give(test_space_world *w, size_t to, unsigned rights, const mt_bytes *prefix)
{
    mt_token token = test_space_token(w, to, rights, prefix);

    give(w, w->root, NULL, &token, to);
}

void test_space_give_on(test_space_world *w, size_t from, size_t to, unsigned rights,
                        const mt_bytes *prefix)
{
    mt_token token = test_space_token(w, to, rights, prefix);

    give(w, w->peers[from].seed, &w->peers[from].chain, &token, to);
}

mt_buf test_space_revocation(test_space_world *w, const uint8_t *seed, const mt_buf *chain)
{
    mt_buf out = {.mem = test_mem()};
    mt_error err;

    if (mt_revocation_make(&w->te.env, crypto(), mt_buf_bytes(&w->genesis), seed,
                           mt_buf_bytes(chain), &out, &err) != MT_OK)
        fail_msg("%s", err.text);
    return out;
}

const char *test_space_uid(const char *place, const mt_buf *chain)
{
    static char uid[MTI_RECORD_UID_MAX];
    mti_record_kind kind = strcmp(place, "tokens") == 0 ? MTI_RECORD_TOKEN : MTI_RECORD_REVOCATION;
    mt_bytes tokens[MT_CHAIN_TOKENS_MAX];
    uint8_t id[MTI_ID_LEN];
    size_t count;
    mt_error err;

    CHECK(mti_chain_decode(mt_buf_bytes(chain), tokens, &count, &err) == MT_OK);
    mti_token_id(crypto(), tokens[count - 1], id);
    mti_record_uid(kind, id, uid);
    return uid;
}

/* ---- Opening ---- */

static void changed(void *ctx)
{
    test_space_peer *p = ctx;

    p->changes++;
    if (p->db) CHECK(mt_db_rights_changed(p->db) == MT_OK);
}

/* As mt_space_admit, and notes why not. */
static mt_status admit(void *ctx, const mt_secure_visitor *visitor, mt_connection *connection,
                       mt_error *why)
{
    test_space_peer *p = ctx;
    mt_status st = MT_OK;

    if (p->does & TEST_SPACE_ADMITS) st = mt_space_admit(p->space, visitor, connection, why);
    if (st != MT_OK) p->why = *why;
    return st;
}

static void secure_open(test_space_world *w, test_space_peer *p)
{
    mt_secure_options options = {.size = sizeof options,
                                 .crypto = crypto(),
                                 .seed = p->seed,
                                 .space = mt_space_id(p->space),
                                 .papers = mt_buf_bytes(&p->chain),
                                 .admit = admit,
                                 .ctx = p};

    CHECK(mt_secure_new(&w->te.env, &options, &p->secure, NULL) == MT_OK);
}

static void space_open(test_space_world *w, test_space_peer *p)
{
    mt_space_options options = {.size = sizeof options,
                                .crypto = crypto(),
                                .genesis = mt_buf_bytes(&w->genesis),
                                .changed = changed,
                                .ctx = p};

    CHECK(mt_space_new(&w->te.env, &options, &p->space, NULL) == MT_OK);
}

static void db_open(test_space_world *w, test_space_peer *p, const mt_storage *storage)
{
    mt_sync_options options = {.size = sizeof options, .rights_ctx = p->space};
    mt_config config = {.size = sizeof config, .env = &w->te.env, .storage = storage};
    const mt_config *configs[] = {&config};
    mt_hook hooks[MT_SPACE_HOOKS + 1];
    mt_router router;

    if (p->does & TEST_SPACE_ADMITS) options.rights = mt_space_rights;
    if (p->does & TEST_SPACE_GUARDS) {
        mt_space_hooks(p->space, hooks);
        config.hook_count = MT_SPACE_HOOKS;
    }
    if (p->hook) hooks[config.hook_count++] = *p->hook;
    config.hooks = hooks;
    CHECK(mt_group_new(test_mem(), &p->links) == MT_OK);
    CHECK(mt_router_sync(&w->te.env, &options, &router, NULL) == MT_OK);
    config.router = &router;
    config.group = p->links;
    CHECK(mt_open(configs, 1, &p->db, NULL) == MT_OK);
}

void test_space_open(test_space_world *w, size_t at, unsigned does, const mt_storage *storage)
{
    test_space_peer *p = &w->peers[at];

    p->does = does;
    p->changes = 0;
    space_open(w, p);
    secure_open(w, p);
    db_open(w, p, storage);
}

static void part_all(test_space_world *w, size_t at)
{
    for (size_t i = 0; i < w->link_count; i++)
        if (w->links[i].peers[0] == at || w->links[i].peers[1] == at) test_space_part(w, i);
}

void test_space_close(test_space_world *w, size_t at)
{
    test_space_peer *p = &w->peers[at];

    if (!p->db) return;
    part_all(w, at);
    mt_close(p->db);
    mt_group_unref(p->links);
    mt_space_free(p->space);
    test_env_run_for(&w->te, 10); /* what was closed is gone */
    mt_secure_unref(p->secure);
    p->db = NULL;
}

void test_space_show(test_space_world *w, size_t at)
{
    part_all(w, at);
    mt_secure_unref(w->peers[at].secure);
    secure_open(w, &w->peers[at]);
}

/* ---- Links ---- */

/* The place of one that is gone, or one more. */
static size_t free_link(test_space_world *w)
{
    size_t at = 0;

    while (at < w->link_count && w->links[at].pipe) at++;
    CHECK(at < TEST_SPACE_LINKS);
    if (at == w->link_count) w->link_count++;
    return at;
}

size_t test_space_join(test_space_world *w, size_t a, size_t b)
{
    size_t at = free_link(w);
    test_space_link *link = &w->links[at];
    mt_secure_peer to = {.size = sizeof to, .device = w->peers[a].device};
    mt_pipe_options options = {.size = sizeof options};
    mt_connection *there;
    char ids[2][48];

    snprintf(ids[0], sizeof ids[0], "to%zu#%zu", b, w->joined);
    snprintf(ids[1], sizeof ids[1], "to%zu#%zu", a, w->joined++);
    options.a_id = mt_str(ids[0]);
    options.b_id = mt_str(ids[1]);
    link->peers[0] = a;
    link->peers[1] = b;
    if (w->wire)
        CHECK(test_wire_new(&w->te.env, w->wire, ids[0], ids[1], &link->pipe, &there) == MT_OK);
    else CHECK(mt_pipe_new(&w->te.env, &options, &link->pipe, &there, NULL) == MT_OK);
    CHECK(mt_secure_accept(w->peers[a].secure, link->pipe, &link->ends[0], NULL) == MT_OK);
    CHECK(mt_secure_dial(w->peers[b].secure, there, &to, &link->ends[1], NULL) == MT_OK);
    mt_connection_unref(there);
    for (size_t i = 0; i < 2; i++)
        CHECK(mt_group_add(w->peers[link->peers[i]].links, link->ends[i]) == MT_OK);
    return at;
}

void test_space_part(test_space_world *w, size_t link)
{
    test_space_link *one = &w->links[link];

    if (!one->pipe) return;
    for (size_t i = 0; i < 2; i++) {
        mt_connection_close(one->ends[i]);
        mt_connection_unref(one->ends[i]);
        one->ends[i] = NULL;
    }
    mt_connection_unref(one->pipe);
    one->pipe = NULL;
}

bool test_space_is_up(const test_space_world *w, size_t link)
{
    const test_space_link *one = &w->links[link];

    return one->pipe && !mt_connection_offline(one->ends[0]) &&
           !mt_connection_offline(one->ends[1]);
}

/* ---- Data ---- */

typedef struct answer {
    bool came;
    mt_status status;
} answer;

static void answered(void *ctx, mt_db *db, const mt_result *result)
{
    answer *a = ctx;

    (void)db;
    a->came = true;
    a->status = result->status;
}

mt_status test_space_publish(test_space_world *w, size_t at, const mt_buf *chain,
                             const mt_buf *revocation)
{
    test_space_peer *p = &w->peers[at];
    answer a = {.came = false};
    mt_status st =
        mt_space_publish(p->space, p->db, mt_buf_bytes(chain),
                         revocation ? mt_buf_bytes(revocation) : test_everything, answered, &a);

    if (st != MT_OK) return st;
    while (!a.came) test_env_run_for(&w->te, 1);
    return a.status;
}

void test_space_set(test_space_world *w, size_t at, const char *uid)
{
    mt_field field = {.name = mt_str("x"), .value = mt_number(1)};
    mt_row row = {.uid = mt_str(uid), .fields = &field, .count = 1};

    CHECK(mt_write_wait(w->peers[at].db, &row, 1, NULL, NULL) == MT_OK);
}

bool test_space_has(const test_space_world *w, size_t at, const char *uid)
{
    return mt_peek(w->peers[at].db, mt_str(uid)) != NULL;
}
