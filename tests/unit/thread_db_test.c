/* thread_db_test.c - a store on a thread, that many others read, write, stream and close at once. Which of them
 * comes first is for the system to say; what each says is the seed's. */
#include "test_folder.h"

#include <mytosis/blocking.h>
#include <mytosis/host.h>
#include <mytosis/loop.h>

#include <stdio.h>
#include <string.h>
#include <uv.h>

enum { USERS = 6, ACTS = 150, NODES = 4 };

/* ---- The database: all of it is the thread's own ---- */

typedef struct place {
    mt_thread *thread;
    test_folder folder;
    char path[128];
    mt_db *db;          /* NULL: closed */
    size_t acts, close; /* how many have come, and at which it is closed */
} place;

static void open_on(void *ctx, const mt_env *env)
{
    place *p = ctx;
    mt_config config = {.size = sizeof config, .env = env};

    CHECK(mt_open_path(p->path, &config, &p->db, NULL) == MT_OK);
}

static void close_on(void *ctx, const mt_env *env)
{
    place *p = ctx;
    mt_db *db = p->db;

    (void)env;
    p->db = NULL;
    mt_close(db);
}

static void place_begin(place *p, size_t close)
{
    *p = (place){.close = close};
    test_folder_begin(&p->folder);
    snprintf(p->path, sizeof p->path, "%s", test_folder_file(&p->folder, "s.mdb"));
    CHECK(mt_thread_start(mt_mem_system(), &p->thread) == MT_OK);
    CHECK(mt_thread_call_wait(p->thread, open_on, p) == MT_OK);
}

/* ---- What users have it do ---- */

typedef enum act_kind { WRITE, WRITE_WAIT, READ, STREAM, CANCEL, ACT_KINDS } act_kind;

typedef struct act {
    place *place;
    const struct act *last; /* of this user; NULL: none */
    act_kind kind;
    char uid[16];
    size_t number; /* what is written */
    /* The thread's. */
    mt_status started, status;
    size_t answers, rows;
    uint64_t id;
} act;

static void answered(void *ctx, mt_db *db, const mt_result *result)
{
    act *a = ctx;

    (void)db;
    CHECK(a->started == MT_OK && result->id == a->id);
    a->answers++;
    a->status = result->status;
}

static void resume(void *ctx, const mt_env *env)
{
    act *a = ctx;

    (void)env;
    if (a->place->db) mt_stream_resume(a->place->db, a->id);
}

/* Every third node waits for a call of the thread to itself. */
static bool row_came(void *ctx, mt_db *db, const mt_row *row)
{
    act *a = ctx;

    (void)db;
    CHECK(row->uid.len > 0);
    if (++a->rows % 3 != 0) return true;
    CHECK(mt_thread_call(a->place->thread, resume, a) == MT_OK);
    return false;
}

static void write_it(act *a, mt_db *db)
{
    mt_field field = {.name = mt_str("n"), .value = mt_number((double)a->number)};
    mt_row row = {.uid = mt_str(a->uid), .fields = &field, .count = 1};

    if (a->kind == WRITE) {
        a->started = mt_write(db, &row, 1, NULL, answered, a, &a->id);
        return;
    }
    a->started = a->status = mt_write_wait(db, &row, 1, NULL, NULL);
    a->answers = 1;
}

static void act_on(void *ctx, const mt_env *env)
{
    static const mt_range all = {.limit = 20};
    act *a = ctx;
    place *p = a->place;

    if (p->acts++ == p->close) close_on(p, env);
    a->started = MT_CLOSED;
    if (!p->db) return;
    switch (a->kind) {
    case WRITE:
    case WRITE_WAIT: write_it(a, p->db); return;
    case READ: a->started = mt_read(p->db, mt_str(a->uid), NULL, answered, a, &a->id); return;
    case STREAM: a->started = mt_stream(p->db, &all, row_came, answered, a, &a->id); return;
    case CANCEL:
        if (a->last) mt_cancel(p->db, a->last->id);
        return;
    case ACT_KINDS: break;
    }
    CHECK(false);
}

/* ---- Users, each a thread ---- */

typedef struct user {
    place *place;
    size_t number;
    test_rng rng;
    uv_thread_t thread;
    act acts[ACTS];
} user;

static void use(void *arg)
{
    user *u = arg;

    for (size_t i = 0; i < ACTS; i++) {
        act *a = &u->acts[i];

        *a = (act){.place = u->place, .last = i ? a - 1 : NULL, .number = i};
        a->kind = (act_kind)test_rng_below(&u->rng, ACT_KINDS);
        snprintf(a->uid, sizeof a->uid, "%zu/%zu", u->number, i % NODES);
        if (a->kind == WRITE_WAIT || test_rng_below(&u->rng, 20) == 0)
            CHECK(mt_thread_call_wait(u->place->thread, act_on, a) == MT_OK);
        else CHECK(mt_thread_call(u->place->thread, act_on, a) == MT_OK);
        if (a->kind == WRITE_WAIT) CHECK(a->started == MT_OK || a->started == MT_CLOSED);
    }
}

static void check_answer(const act *a)
{
    CHECK(a->answers == (a->started == MT_OK ? 1 : 0));
    CHECK(a->started == MT_OK || a->started == MT_CLOSED);
    CHECK(a->status == MT_OK || a->status == MT_CANCELED);
    CHECK(a->kind != WRITE_WAIT || a->status == MT_OK);
}

/* Of what a user wrote to a node, the last that was acknowledged is there, or a later one. */
static void check_node(const user *u, mt_db *db, size_t node)
{
    size_t least = 0, kept = 0;
    bool any = false;
    mt_handle *handle;
    mt_field field;

    for (size_t i = node; i < ACTS; i += NODES) {
        const act *a = &u->acts[i];

        if (a->kind > WRITE_WAIT || a->started != MT_OK || a->status != MT_OK) continue;
        least = a->number;
        any = true;
    }
    CHECK(mt_read_wait(db, mt_str(u->acts[node].uid), NULL, &handle) == MT_OK);
    if (any) CHECK(handle != NULL);
    if (!handle) return;
    CHECK(mt_handle_get(handle, mt_str("n"), &field) == MT_OK);
    kept = (size_t)field.value.as.number;
    CHECK(kept >= least && kept % NODES == node && u->acts[kept].kind <= WRITE_WAIT);
    CHECK(u->acts[kept].started == MT_OK);
    mt_handle_unref(handle);
}

static void use_together(uint64_t seed, size_t close)
{
    static user users[USERS];
    test_rng rng = test_rng_new(seed);
    mt_db *db;
    place p;

    place_begin(&p, close);
    for (size_t i = 0; i < USERS; i++) {
        users[i] = (user){.place = &p, .number = i, .rng = test_rng_new(test_rng_next(&rng))};
        CHECK(uv_thread_create(&users[i].thread, use, &users[i]) == 0);
    }
    for (size_t i = 0; i < USERS; i++) CHECK(uv_thread_join(&users[i].thread) == 0);
    CHECK(mt_thread_call_wait(p.thread, close_on, &p) == MT_OK);
    mt_thread_free(p.thread);

    CHECK(mt_open_path(p.path, NULL, &db, NULL) == MT_OK);
    for (size_t i = 0; i < USERS; i++) {
        for (size_t j = 0; j < ACTS; j++) check_answer(&users[i].acts[j]);
        for (size_t j = 0; j < NODES; j++) check_node(&users[i], db, j);
    }
    mt_close(db);
    test_folder_end(&p.folder);
}

TEST(many_threads_use_one_database)
{
    use_together(1, SIZE_MAX);
}

TEST(a_database_is_closed_while_many_use_it)
{
    for (size_t round = 0; round < 8; round++) use_together(round, round * 50);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(many_threads_use_one_database),
        cmocka_unit_test(a_database_is_closed_while_many_use_it),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
