/* kv_lmdb_copy_test.c - copies of a store: what they hold, and of what there are none. */
#include "test_folder.h"
#include "test_kv.h"
#include <mytosis/plugin/kv_lmdb.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

typedef struct place {
    test_env te;
    test_folder folder;
    char path[128], copy[128];
} place;

static void place_begin(place *p)
{
    test_folder_begin(&p->folder);
    test_env_init(&p->te, 1, test_mem());
    snprintf(p->path, sizeof p->path, "%s", test_folder_file(&p->folder, "notes.mdb"));
    snprintf(p->copy, sizeof p->copy, "%s", test_folder_file(&p->folder, "copy.mdb"));
}

static void place_end(place *p)
{
    CHECK(test_mem_live() == 0);
    test_env_end(&p->te);
    test_folder_end(&p->folder);
}

static void store_open(place *p, const char *path, test_kv *t)
{
    *t = (test_kv){.te = &p->te};
    CHECK(mt_kv_lmdb(&p->te.env, path, NULL, &t->kv, NULL) == MT_OK);
}

TEST(copy_holds_what_the_store_held)
{
    mt_kv_lmdb_copy_options held = {.size = sizeof held, .held = true};
    place p;
    test_kv t;

    place_begin(&p);
    store_open(&p, p.path, &t);
    CHECK(test_kv_put(&t, "a", "1") == MT_OK);
    test_kv_close(&t);
    CHECK(mt_kv_lmdb_copy(p.path, p.copy, NULL, NULL) == MT_OK);
    store_open(&p, p.path, &t);
    CHECK(test_kv_put(&t, "a", "2") == MT_OK);
    test_kv_close(&t);
    store_open(&p, p.copy, &t);
    CHECK(strcmp(test_kv_get(&t, "a"), "1") == 0);
    test_kv_close(&t);
    CHECK(mt_kv_lmdb_copy(p.path, p.copy, &held, NULL) == MT_OK); /* written over */
    store_open(&p, p.copy, &t);
    CHECK(strcmp(test_kv_get(&t, "a"), "2") == 0);
    test_kv_close(&t);
    place_end(&p);
}

TEST(process_that_has_the_store_open_makes_no_copy)
{
    mt_error err;
    place p;
    test_kv t;

    place_begin(&p);
    store_open(&p, p.path, &t);
    CHECK(mt_kv_lmdb_copy(p.path, p.copy, NULL, &err) == MT_BUSY);
    CHECK(strstr(err.text, "is open already, in this process") != NULL);
    CHECK(access(p.copy, F_OK) != 0);
    CHECK(test_kv_put(&t, "a", "1") == MT_OK);
    test_kv_close(&t);
    place_end(&p);
}

TEST(what_is_no_store_is_not_copied)
{
    mt_error err;
    FILE *file;
    place p;

    place_begin(&p);
    CHECK(mt_kv_lmdb_copy(p.path, p.copy, NULL, &err) == MT_NOT_FOUND);
    CHECK(mkdir(p.path, 0700) == 0);
    CHECK(mt_kv_lmdb_copy(p.path, p.copy, NULL, &err) == MT_INVALID);
    CHECK(rmdir(p.path) == 0);
    CHECK((file = fopen(p.path, "w")) != NULL);
    CHECK(mt_kv_lmdb_copy(p.path, p.copy, NULL, &err) == MT_NOT_FOUND);
    for (int i = 0; i < 20000; i++) CHECK(fputc('x', file) == 'x');
    CHECK(fclose(file) == 0);
    CHECK(mt_kv_lmdb_copy(p.path, p.copy, NULL, &err) == MT_MALFORMED);
    CHECK(strstr(err.text, "is not a store of LMDB") != NULL);
    CHECK(unlink(p.path) == 0);
    place_end(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(copy_holds_what_the_store_held),
        cmocka_unit_test(process_that_has_the_store_open_makes_no_copy),
        cmocka_unit_test(what_is_no_store_is_not_copied),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
