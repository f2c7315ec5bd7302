/* injection_space_test.c - devices of a space that greet each other, sync and lose their rights, where each allocation,
 * each call of an engine and each send fails. */
#include "test_space.h"
#include "test_trial.h"

#include <mytosis/plugin/kv_memory.h>
#include <mytosis/plugin/node_store.h>

#include <string.h>

#define ALL (MT_RIGHT_READ | MT_RIGHT_WRITE)
#define SETTLE_MS 20000

typedef struct scene {
    test_failing failing;
    test_space_world w;
    test_kept kept[2];
    mt_buf revocation; /* of what the second has */
    size_t link;
    bool kept_write[2], published; /* what was acknowledged */
} scene;

typedef struct scenario {
    bool revokes; /* the second is taken back, while it is there */
} scenario;

/* ---- The devices ---- */

static void open_device(scene *s, size_t at)
{
    mt_storage storage;

    CHECK(mt_node_store_new(&s->w.te.env, test_kept_kv(&s->kept[at], s->kept[at].kv), NULL,
                            &storage, NULL) == MT_OK);
    test_space_open(&s->w, at, TEST_SPACE_HONEST, &storage);
}

/* The second is known to both; nothing fails yet. */
static void begin(scene *s)
{
    mt_kv_late_options options = {.size = sizeof options, .seed = 7, .fault = &s->failing.engine};

    memset(s, 0, sizeof *s);
    test_failing_init(&s->failing);
    test_space_begin_with(&s->w, 91, fail_mem_hook(&s->failing.memory), UINT32_MAX);
    s->w.wire = &s->failing.wire;
    for (size_t i = 0; i < 2; i++) {
        mt_kv inner;
        test_space_give(&s->w, i, ALL, &test_everything);
        CHECK(mt_kv_memory(&s->w.te.env, &inner) == MT_OK);
        CHECK(mt_kv_late(&s->w.te.env, inner, &options, &s->kept[i].kv) == MT_OK);
        open_device(s, i);
        test_space_set(&s->w, i, i ? "before/1" : "before/0");
    }
    s->revocation = test_space_revocation(&s->w, s->w.root, &s->w.peers[1].chain);
    CHECK(test_space_publish(&s->w, 0, &s->w.peers[1].chain, NULL) == MT_OK);
    s->link = test_space_join(&s->w, 0, 1);
}

static bool worked(const scene *s, mt_status st)
{
    STANDS(st == MT_OK ||
           (test_failing_tripped(&s->failing) && st == test_failing_status(&s->failing)));
    return st == MT_OK;
}

static bool write(scene *s, size_t at, const char *uid)
{
    mt_field field = {.name = mt_str("x"), .value = mt_number(1)};
    mt_row row = {.uid = mt_str(uid), .fields = &field, .count = 1};

    return worked(s, mt_write_wait(s->w.peers[at].db, &row, 1, NULL, NULL));
}

static bool revoke(scene *s)
{
    return worked(s, test_space_publish(&s->w, 0, &s->w.peers[1].chain, &s->revocation));
}

static void play(scene *s, const scenario *what)
{
    test_env_run_for(&s->w.te, 300);
    s->kept_write[0] = write(s, 0, "notes/0");
    s->kept_write[1] = write(s, 1, "notes/1");
    test_env_run_for(&s->w.te, 300);
    if (what->revokes) s->published = revoke(s);
    test_env_run_for(&s->w.te, 300);
}

/* ---- Afterwards ---- */

static bool has(const scene *s, size_t at, const char *uid)
{
    mt_handle *handle = NULL;
    bool there;

    STANDS(mt_read_wait(s->w.peers[at].db, mt_str(uid), NULL, &handle) == MT_OK);
    there = handle != NULL;
    mt_handle_unref(handle);
    return there;
}

/* Each has what it was told to have stored. */
static void kept_stands(const scene *s)
{
    for (size_t i = 0; i < 2; i++) {
        STANDS(has(s, i, i ? "before/1" : "before/0"));
        STANDS(!s->kept_write[i] || has(s, i, i ? "notes/1" : "notes/0"));
    }
    STANDS(!s->published || has(s, 0, test_space_uid("revoked", &s->w.peers[1].chain)));
}

static void rejoin(scene *s)
{
    test_space_part(&s->w, s->link);
    test_env_run_for(&s->w.te, 10);
    s->link = test_space_join(&s->w, 0, 1);
    test_env_run_for(&s->w.te, SETTLE_MS);
}

/* Members that are let in have what the other has. */
static void members_agree(scene *s)
{
    test_env_run_for(&s->w.te, SETTLE_MS);
    if (!test_space_is_up(&s->w, s->link)) rejoin(s);
    STANDS(test_space_is_up(&s->w, s->link));
    for (size_t i = 0; i < 2; i++) STANDS(write(s, i, i ? "notes/1" : "notes/0"));
    test_env_run_for(&s->w.te, SETTLE_MS);
    STANDS(has(s, 0, "notes/1") && has(s, 1, "notes/0"));
    STANDS(has(s, 0, "before/1") && has(s, 1, "before/0"));
    STANDS(has(s, 1, test_space_uid("tokens", &s->w.peers[1].chain)));
}

/* Of who was taken back nothing comes, whether it is there or tries to come again, which it may not. */
static void revoked_stands(scene *s)
{
    STANDS(revoke(s));
    STANDS(write(s, 1, "late/1"));
    test_env_run_for(&s->w.te, SETTLE_MS);
    STANDS(!has(s, 0, "late/1"));
    rejoin(s);
    STANDS(!test_space_is_up(&s->w, s->link));
    STANDS(!has(s, 0, "late/1"));
}

static void restart(scene *s)
{
    for (size_t i = 0; i < 2; i++) test_space_close(&s->w, i);
    for (size_t i = 0; i < 2; i++) {
        open_device(s, i);
        STANDS(mt_space_follow(s->w.peers[i].space, s->w.peers[i].db, NULL, NULL) == MT_OK);
    }
    test_env_run_for(&s->w.te, 100);
    s->link = test_space_join(&s->w, 0, 1);
    kept_stands(s);
}

static void end(scene *s)
{
    for (size_t i = 0; i < 2; i++) test_space_close(&s->w, i);
    test_env_run_for(&s->w.te, 100);
    for (size_t i = 0; i < 2; i++) mt_kv_close(&s->kept[i].kv);
    mt_buf_free(&s->revocation);
    test_space_end(&s->w);
    STANDS(s->failing.memory.live_bytes == 0);
}

static size_t trial(const void *arg, test_point point)
{
    static scene s;
    size_t count;

    begin(&s);
    test_failing_arm(&s.failing, point);
    play(&s, arg);
    count = test_failing_count(&s.failing);
    STANDS(point.at == SIZE_MAX || test_failing_tripped(&s.failing));
    test_failing_disarm(&s.failing);
    kept_stands(&s);
    for (int again = 0; again < 2; again++) {
        if (((const scenario *)arg)->revokes) revoked_stands(&s);
        else members_agree(&s);
        if (!again) restart(&s);
    }
    end(&s);
    return count;
}

#define EVERY_KIND ((1u << TEST_POINT_KINDS) - 1)

TEST(devices_greet_each_other_and_sync)
{
    static const scenario what = {.revokes = false};

    test_points("greeting", EVERY_KIND, trial, &what);
}

TEST(a_device_is_taken_back)
{
    static const scenario what = {.revokes = true};

    test_points("revocation", EVERY_KIND, trial, &what);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(devices_greet_each_other_and_sync),
        cmocka_unit_test(a_device_is_taken_back),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
