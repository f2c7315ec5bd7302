/* kv_lmdb_test.c - the engine on LMDB keeps the contract. */
#include "test_folder.h"
#include "test_kv.h"
#include <mytosis/plugin/kv_lmdb.h>
#include <unistd.h>

typedef struct lmdb_subject {
    test_env te;
    test_folder folder;
    mt_kv_fault fault;
    bool late;
} lmdb_subject;

static mt_status lmdb_open(void *ctx, bool fresh, mt_kv *out, mt_error *err)
{
    lmdb_subject *s = ctx;
    mt_kv_lmdb_options options = {.size = sizeof options, .no_sync = true, .map_len = 1};
    mt_kv_late_options late = {.size = sizeof late, .seed = 7, .fault = &s->fault};
    const char *path = test_folder_file(&s->folder, "store.mdb");
    mt_status st;
    mt_kv inner;

    if (fresh) unlink(path);
    st = mt_kv_lmdb(&s->te.env, path, &options, &inner, err);
    if (st != MT_OK) return st;
    if (s->late) return mt_kv_late(&s->te.env, inner, &late, out);
    *out = inner;
    return MT_OK;
}

static void lmdb_late_fail_commit(void *ctx)
{
    lmdb_subject *s = ctx;

    s->fault = (mt_kv_fault){.calls = MT_KV_FAULT_COMMIT, .status = MT_FULL};
}

/* The map begins tiny, so that it grows all the time. */
static void lmdb_holds(void (*works)(test_env *te), bool late)
{
    lmdb_subject s = {.late = late};
    mt_conformance_kv subject = {
        .env = &s.te.env, .open = lmdb_open, .persistent = true, .ctx = &s};

    if (late) subject.fail_commit = lmdb_late_fail_commit;
    test_folder_begin(&s.folder);
    test_env_init(&s.te, 3, test_mem());
    if (works) works(&s.te);
    test_kv_conforms(&subject);
    CHECK(test_mem_live() == 0);
    test_env_end(&s.te);
    test_folder_end(&s.folder);
}

TEST(the_engine_on_disk_conforms)
{
    lmdb_holds(NULL, false);
}

TEST(the_engine_on_disk_conforms_where_works_are_done_later)
{
    lmdb_holds(test_env_works, false);
}

TEST(the_engine_on_disk_conforms_where_works_are_done_on_threads)
{
    lmdb_holds(test_env_threads, false);
}

TEST(late_over_the_engine_on_disk_conforms)
{
    lmdb_holds(test_env_works, true);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_engine_on_disk_conforms),
        cmocka_unit_test(the_engine_on_disk_conforms_where_works_are_done_later),
        cmocka_unit_test(the_engine_on_disk_conforms_where_works_are_done_on_threads),
        cmocka_unit_test(late_over_the_engine_on_disk_conforms),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
