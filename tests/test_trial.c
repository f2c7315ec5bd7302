#include "test_trial.h"

#include "test_graph.h"

#include <mytosis/plugin/kv_memory.h>
#include <mytosis/plugin/node_store.h>
#include <mytosis/plugin/sync.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SETTLE_MS 30000 /* a session that failed begins anew after 5 s */
#define SHORT 32        /* most values; every fifth is a long text */

size_t test_words(const char *list, mt_bytes words[TEST_WORDS_MAX])
{
    size_t count = 0;

    while (*list) {
        size_t len = strcspn(list, " ");
        CHECK(count < TEST_WORDS_MAX);
        words[count++] = (mt_bytes){(const uint8_t *)list, len};
        list += len + (list[len] == ' ');
    }
    return count;
}

bool test_trial_worked(test_trial *t, mt_status st)
{
    bool allowed = test_failing_tripped(&t->failing) && st == test_failing_status(&t->failing);

    if (st == MT_OK) return true;
    if (!allowed) print_message("%s\n", mt_status_name(st));
    STANDS(allowed);
    return false;
}

/* The same, of a call of a database, which says why it failed. */
static bool call_worked(test_trial *t, const test_site *s, mt_status st)
{
    if (st != MT_OK) STANDS(mt_db_error(s->db)->status == st && *mt_db_error(s->db)->text);
    return test_trial_worked(t, st);
}

/* ---- Opening and closing ---- */

static void opened(void *ctx, mt_db *db, const mt_result *result)
{
    (void)db;
    ((test_site *)ctx)->ready = result->status;
}

static mt_status router_of(test_trial *t, const test_site *s, mt_router *out)
{
    mt_bytes uids[] = {mt_str("ada"), mt_str("bob")};
    mt_sync_range list = {.uids = uids, .uid_count = 2};
    mt_sync_options options = {.size = sizeof options, .ranges = &list};

    options.range_count = t->scenario->lists && s == &t->sites[1];
    if (t->scenario->packs) options.compressor = mt_compressor_zstd();
    return mt_router_sync(&t->te.env, &options, out, NULL);
}

static mt_status open_parts(test_trial *t, test_site *s)
{
    mt_config config = {.size = sizeof config, .env = &t->te.env};
    const mt_config *configs[] = {&config};
    mt_node_store_options options = t->scenario->options;
    mt_storage storage = {.ops = NULL};
    mt_router router = {.ops = NULL};
    mt_status st = mt_group_new(t->te.env.mem, &s->links);

    options.size = sizeof options;
    config.group = s->links;
    if (st == MT_OK && t->scenario->sites == 2) st = router_of(t, s, &router);
    if (router.ops) config.router = &router;
    if (st == MT_OK && t->scenario->stored)
        st = mt_node_store_new(&t->te.env, test_kept_kv(&s->kept, s->kept.kv), &options, &storage,
                               NULL);
    if (storage.ops) config.storage = &storage;
    if (st == MT_OK) st = mt_db_open(configs, 1, &s->db, NULL);
    if (st == MT_OK) return MT_OK;
    s->db = NULL;
    if (router.ops) router.ops->close(router.ctx);
    if (storage.ops) mt_storage_close(&storage);
    mt_group_unref(s->links);
    s->links = NULL;
    return st;
}

bool test_trial_open(test_trial *t, size_t site)
{
    test_site *s = &t->sites[site];
    mt_status st;

    CHECK(!s->db);
    if (!test_trial_worked(t, open_parts(t, s))) return false;
    s->ready = MT_AGAIN;
    if (!call_worked(t, s, mt_db_ready(s->db, opened, s))) return true;
    while (s->ready == MT_AGAIN) test_env_run_for(&t->te, 1);
    st = s->ready;
    return test_trial_worked(t, st);
}

/* Lets go of both ends of the link. */
static void unlink_sites(test_trial *t)
{
    for (size_t i = 0; i < 2; i++) {
        test_site *s = &t->sites[i];
        if (!s->end) continue;
        mt_connection_close(s->end);
        mt_connection_unref(s->end);
        s->end = NULL;
    }
    t->linked = false;
}

void test_trial_close(test_trial *t, size_t site)
{
    test_site *s = &t->sites[site];

    if (!s->db) return;
    unlink_sites(t);
    mt_close(s->db);
    mt_group_unref(s->links);
    s->db = NULL;
    s->links = NULL;
}

bool test_trial_link(test_trial *t)
{
    char ids[2][16];
    mt_status st;

    if (!t->sites[0].db || !t->sites[1].db) return false;
    unlink_sites(t);
    for (size_t i = 0; i < 2; i++) snprintf(ids[i], sizeof ids[i], "to%zu#%zu", 1 - i, t->links);
    t->links++;
    st = test_wire_new(&t->te.env, &t->failing.wire, ids[0], ids[1], &t->sites[0].end,
                       &t->sites[1].end);
    for (size_t i = 0; i < 2 && st == MT_OK; i++)
        st = mt_group_add(t->sites[i].links, t->sites[i].end);
    t->linked = test_trial_worked(t, st);
    return t->linked;
}

void test_trial_cut(test_trial *t, bool cut)
{
    if (t->linked && !mt_connection_ended(t->sites[0].end)) test_wire_cut(t->sites[0].end, cut);
}

void test_trial_run(test_trial *t, uint64_t ms)
{
    test_env_run_for(&t->te, ms);
}

/* ---- Promises ---- */

static test_promise *promise_of(test_trial *t, mt_bytes uid, mt_bytes name)
{
    test_promise *p = t->promises;

    for (size_t i = 0; i < t->promise_count; i++, p++)
        if (mt_bytes_equal(mt_str(p->uid), uid) && mt_bytes_equal(mt_str(p->name), name)) return p;
    CHECK(t->promise_count < TEST_COUNT(t->promises));
    CHECK(uid.len < sizeof p->uid && name.len < sizeof p->name);
    t->promise_count++;
    memset(p, 0, sizeof *p);
    memcpy(p->uid, uid.data, uid.len);
    memcpy(p->name, name.data, name.len);
    return p;
}

mt_value test_trial_value(test_trial *t)
{
    static char text[400];

    int rest;

    t->number++;
    rest = t->number % 5 ? (int)(t->number % SHORT) : (int)sizeof text - 10;
    snprintf(text, sizeof text, "%05llu %*s", (unsigned long long)t->number, rest, "");
    return mt_text(text);
}

void test_trial_promise(test_trial *t, const char *uid, const char *name, uint64_t kept)
{
    test_promise *p = promise_of(t, mt_str(uid), mt_str(name));

    if (kept > p->kept) p->kept = kept;
}

/* Whether a field is what was promised; a node that is not there has none. */
static bool is_kept(const test_promise *p, const mt_node *node)
{
    mt_field field;

    if (!node || mt_node_get(node, mt_str(p->name), &field) != MT_OK) return p->removed >= p->kept;
    return field.value.kind == MT_STRING && field.value.as.bytes.len > 5 &&
           strtoull((const char *)field.value.as.bytes.data, NULL, 10) >= p->kept;
}

/* ---- What scenarios do ---- */

static void promises_made(test_trial *t, const mt_bytes *uids, size_t uid_count,
                          const mt_bytes *names, size_t name_count, bool kept)
{
    for (size_t i = 0; i < uid_count; i++)
        for (size_t k = 0; k < name_count; k++) {
            test_promise *p = promise_of(t, uids[i], names[k]);
            if (kept) p->kept = t->number;
        }
}

/* The same, of one that may need a peer, which may not be there. */
static bool peers_worked(test_trial *t, const test_site *s, bool needed, mt_status st)
{
    if (needed && (st == MT_OFFLINE || st == MT_DEADLINE)) return false;
    if (needed && t->failing.wire.tripped && st == MT_NO_MEMORY) return false; /* of a send */
    return call_worked(t, s, st);
}

bool test_trial_write_at(test_trial *t, size_t site, const char *uids, const char *names,
                         mt_level level)
{
    mt_options options = {.size = sizeof options, .level = level};
    mt_bytes uid[TEST_WORDS_MAX], name[TEST_WORDS_MAX];
    size_t uid_count = test_words(uids, uid), name_count = test_words(names, name);
    test_site *s = &t->sites[site];
    mt_field fields[TEST_WORDS_MAX];
    mt_row rows[TEST_WORDS_MAX];
    mt_value value;
    bool worked;

    if (!s->db) return false;
    if (level >= MT_LEVEL_RECEIVED) options.deadline_ms = 1000;
    test_env_run_for(&t->te, 1); /* what is written later has a later state */
    value = test_trial_value(t);
    for (size_t i = 0; i < name_count; i++) fields[i] = (mt_field){.name = name[i], .value = value};
    for (size_t i = 0; i < uid_count; i++)
        rows[i] = (mt_row){.uid = uid[i], .fields = fields, .count = name_count};
    promises_made(t, uid, uid_count, name, name_count, false);
    worked = peers_worked(t, s, level >= MT_LEVEL_RECEIVED,
                          mt_write_wait(s->db, rows, uid_count, &options, NULL));
    promises_made(t, uid, uid_count, name, name_count, worked);
    return worked;
}

bool test_trial_write(test_trial *t, size_t site, const char *uids, const char *names)
{
    return test_trial_write_at(t, site, uids, names, MT_LEVEL_DEFAULT);
}

uint64_t test_trial_edit(test_trial *t, mt_db *branch, const char *uid, const char *name)
{
    mt_field field = {.name = mt_str(name), .value = test_trial_value(t)};
    mt_row row = {.uid = mt_str(uid), .fields = &field, .count = 1};

    test_trial_promise(t, uid, name, 0);
    return test_trial_worked(t, mt_write_wait(branch, &row, 1, NULL, NULL)) ? t->number : 0;
}

bool test_trial_delete(test_trial *t, size_t site, const char *uid)
{
    test_site *s = &t->sites[site];
    bool worked;

    if (!s->db) return false;
    test_env_run_for(&t->te, 1);
    t->number++;
    for (size_t i = 0; i < t->promise_count; i++)
        if (strcmp(t->promises[i].uid, uid) == 0) t->promises[i].removed = t->number;
    worked = call_worked(t, s, mt_delete_wait(s->db, mt_str(uid), NULL));
    for (size_t i = 0; i < t->promise_count && worked; i++)
        if (strcmp(t->promises[i].uid, uid) == 0) t->promises[i].kept = t->number;
    return worked;
}

bool test_trial_delete_fields(test_trial *t, size_t site, const char *uid, const char *names)
{
    mt_bytes name[TEST_WORDS_MAX];
    size_t count = test_words(names, name);
    test_site *s = &t->sites[site];
    bool worked;

    if (!s->db) return false;
    test_env_run_for(&t->te, 1);
    t->number++;
    for (size_t i = 0; i < count; i++) promise_of(t, mt_str(uid), name[i])->removed = t->number;
    worked = call_worked(t, s, mt_delete_fields_wait(s->db, mt_str(uid), name, count, NULL));
    for (size_t i = 0; i < count && worked; i++)
        promise_of(t, mt_str(uid), name[i])->kept = t->number;
    return worked;
}

/* What was read is what was acknowledged, if nobody else has a hand in it. */
static void node_stands(test_trial *t, mt_bytes uid, const mt_handle *handle)
{
    const mt_node *node = handle ? mt_handle_node(handle) : NULL;

    for (size_t i = 0; i < t->promise_count && t->scenario->sites < 2; i++)
        if (mt_bytes_equal(mt_str(t->promises[i].uid), uid)) STANDS(is_kept(&t->promises[i], node));
}

bool test_trial_read(test_trial *t, size_t site, const char *uids)
{
    test_site *s = &t->sites[site];
    mt_handle *handles[TEST_WORDS_MAX] = {NULL};
    mt_bytes uid[TEST_WORDS_MAX];
    size_t count = test_words(uids, uid);
    bool pulls = t->scenario->lists && site == 1, worked;

    if (!s->db) return false;
    worked = peers_worked(t, s, pulls, mt_nodes_wait(s->db, uid, count, NULL, handles));
    for (size_t i = 0; i < count && worked; i++) {
        if (handles[i] && !peers_worked(t, s, pulls, mt_fields_wait(handles[i], NULL, 0, NULL)))
            break;
        node_stands(t, uid[i], handles[i]);
    }
    for (size_t i = 0; i < count && worked; i++) mt_handle_unref(handles[i]);
    return worked;
}

/* ---- Afterwards ---- */

static bool take(void *ctx, mt_db *db, const mt_row *row)
{
    (void)db;
    STANDS(mt_graph_merge_rows(ctx, row, 1, NULL) == MT_OK);
    return true;
}

static mt_graph *graph_of(test_site *s)
{
    mt_graph *graph = test_graph_new();
    mt_range all = {.deleted = true};

    STANDS(mt_stream_wait(s->db, &all, take, graph) == MT_OK);
    return graph;
}

static void show_peer(void *ctx, const mt_sync_peer *peer)
{
    print_message("database %zu: %s; %s\n", *(const size_t *)ctx, peer->text, peer->error);
}

/* How it stands between them, where something is missing. */
static void show(const test_trial *t)
{
    for (size_t i = 0; i < t->scenario->sites && t->scenario->sites > 1; i++)
        (void)!mt_db_status(t->sites[i].db, show_peer, &i);
}

/* All that was promised is there, and all have the same. */
static void all_stands(test_trial *t)
{
    mt_graph *first = NULL;

    for (size_t i = 0; i < t->scenario->sites && !(i == 1 && t->scenario->lists); i++) {
        mt_graph *graph = graph_of(&t->sites[i]);
        for (size_t k = 0; k < t->promise_count; k++) {
            const test_promise *p = &t->promises[k];
            bool is_there = is_kept(p, mt_graph_get(graph, mt_str(p->uid)));
            if (is_there) continue;
            print_message("database %zu: %s.%s is not what was written as %llu\n", i, p->uid,
                          p->name, (unsigned long long)p->kept);
            show(t);
            STANDS(is_there);
        }
        if (first && !mt_graph_equal(first, graph)) show(t);
        if (first) STANDS(mt_graph_equal(first, graph));
        if (first) mt_graph_free(graph);
        else first = graph;
    }
    mt_graph_free(first);
}

static void open_all(test_trial *t)
{
    for (size_t i = 0; i < t->scenario->sites; i++)
        if (!t->sites[i].db) STANDS(test_trial_open(t, i));
}

static void link_all(test_trial *t)
{
    if (t->scenario->sites < 2) return;
    if (!t->linked || mt_connection_ended(t->sites[0].end)) STANDS(test_trial_link(t));
    test_trial_cut(t, false);
}

static void write_all(test_trial *t)
{
    for (size_t i = 0; i < t->scenario->sites; i++)
        STANDS(test_trial_write(t, i, i ? "bob" : "ada dan", i ? "z" : "y"));
}

/* Nothing fails any more. A database whose storage could not be opened is opened again; one of which nobody knows
 * may be such a one. */
static void mend(test_trial *t)
{
    test_failing_disarm(&t->failing);
    for (size_t i = 0; i < t->scenario->sites; i++) {
        test_site *s = &t->sites[i];
        if (s->db && s->ready != MT_OK && t->scenario->stored) test_trial_close(t, i);
    }
    open_all(t);
    link_all(t);
    write_all(t);
    test_env_run_for(&t->te, SETTLE_MS);
    link_all(t);
    test_env_run_for(&t->te, SETTLE_MS);
    all_stands(t);
}

static void restart(test_trial *t)
{
    for (size_t i = 0; i < t->scenario->sites; i++) test_trial_close(t, i);
    open_all(t);
    all_stands(t);
    link_all(t);
    write_all(t);
    test_env_run_for(&t->te, SETTLE_MS);
    all_stands(t);
}

/* ---- Trials ---- */

static void engines_begin(test_trial *t)
{
    mt_kv_late_options options = {.size = sizeof options, .seed = 7, .fault = &t->failing.engine};

    for (size_t i = 0; i < t->scenario->sites && t->scenario->stored; i++) {
        mt_kv inner;
        CHECK(mt_kv_memory(&t->te.env, &inner) == MT_OK);
        CHECK(mt_kv_late(&t->te.env, inner, &options, &t->sites[i].kept.kv) == MT_OK);
    }
}

static void engines_end(test_trial *t)
{
    for (size_t i = 0; i < t->scenario->sites && t->scenario->stored; i++)
        mt_kv_close(&t->sites[i].kept.kv);
}

static size_t trial(const void *arg, test_point point)
{
    static test_scenario scenario;
    static test_trial t;
    size_t count;

    scenario = *(const test_scenario *)arg;
    if (scenario.sites == 0) scenario.sites = 1;
    memset(&t, 0, sizeof t);
    t.scenario = &scenario;
    t.live_before = test_mem_live();
    test_failing_init(&t.failing);
    test_env_init(&t.te, 1, fail_mem_hook(&t.failing.memory));
    engines_begin(&t);
    if (scenario.before) scenario.before(&t);
    test_failing_arm(&t.failing, point);
    scenario.play(&t);
    count = test_failing_count(&t.failing);
    STANDS(point.at == SIZE_MAX || test_failing_tripped(&t.failing));
    mend(&t);
    if (scenario.stored) restart(&t);
    for (size_t i = 0; i < scenario.sites; i++) test_trial_close(&t, i);
    test_env_run(&t.te);
    engines_end(&t);
    test_env_end(&t.te);
    STANDS(t.failing.memory.live_bytes == 0);
    STANDS(test_mem_live() == t.live_before);
    return count;
}

void test_trials(const test_scenario *scenario)
{
    const unsigned engine = 1u << TEST_POINT_ANSWER | 1u << TEST_POINT_CALL;
    const unsigned sends = 1u << TEST_POINT_SEND | 1u << TEST_POINT_FULL | 1u << TEST_POINT_CHOKE |
                           1u << TEST_POINT_BREAK;
    unsigned kinds = 1u << TEST_POINT_ALLOCATION;

    if (scenario->stored) kinds |= engine;
    if (scenario->sites == 2) kinds |= sends;
    test_points(scenario->name, kinds, trial, scenario);
}
