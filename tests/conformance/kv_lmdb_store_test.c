/* kv_lmdb_store_test.c - the node store over LMDB keeps the contract of storages. */
#include "test_env.h"
#include "test_folder.h"
#include "test_law.h"
#include <mytosis/conformance.h>
#include <mytosis/plugin/kv_lmdb.h>
#include <mytosis/plugin/node_store.h>
#include <stdio.h>

typedef struct subject {
    test_env te;
    test_folder folder;
    size_t number; /* of the file: each fresh store gets another */
} subject;

static mt_status lmdb_open(void *ctx, bool fresh, mt_storage *out, mt_error *err)
{
    mt_kv_lmdb_options options = {.size = sizeof options, .no_sync = true};
    subject *s = ctx;
    char name[32];
    mt_kv kv;
    mt_status st;

    if (fresh) s->number++;
    snprintf(name, sizeof name, "%zu.mdb", s->number);
    st = mt_kv_lmdb(&s->te.env, test_folder_file(&s->folder, name), &options, &kv, err);
    return st == MT_OK ? mt_node_store_new(&s->te.env, kv, NULL, out, err) : st;
}

static void say(void *ctx, const char *check, const char *violation)
{
    (void)ctx;
    if (violation) printf("    not so: %s: %s\n", check, violation);
}

static void holds(void (*works)(test_env *te))
{
    subject s = {.number = 0};
    mt_conformance_storage suite = {.size = sizeof suite,
                                    .env = &s.te.env,
                                    .open = lmdb_open,
                                    .persistent = true,
                                    .seed = 8831,
                                    .rounds = TEST_AMOUNT(300),
                                    .ctx = &s,
                                    .report = say};
    mt_error err = {0};

    test_folder_begin(&s.folder);
    test_env_init(&s.te, 1, test_mem());
    if (works) works(&s.te);
    if (mt_conformance_storage_run(&suite, &err) != MT_OK) fail_msg("%s", err.text);
    CHECK(test_mem_live() == 0);
    test_env_end(&s.te);
    test_folder_end(&s.folder);
}

TEST(the_node_store_over_lmdb_conforms)
{
    holds(NULL);
}

TEST(with_commits_on_another_thread_it_conforms)
{
    holds(test_env_works);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_node_store_over_lmdb_conforms),
        cmocka_unit_test(with_commits_on_another_thread_it_conforms),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
