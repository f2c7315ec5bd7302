/* examples_test.c - the plugins of the examples keep their contracts, loaded as any application loads them. */
#include "test.h"

#include <mytosis/blocking.h>
#include <mytosis/conformance.h>
#include <mytosis/host.h>
#include <mytosis/loop.h>
#include <mytosis/plugin/load.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* A plugin that is loaded, with a file for what it makes. */
typedef struct bench {
    mt_loop *loop;
    mt_plugin *plugin;
    mt_plugin_args args;
    char folder[32], path[64];
} bench;

static void bench_begin(bench *b, const char *name)
{
    const char *plugins = getenv("MYTOSIS_PLUGINS");
    char path[512];
    mt_error err;

    snprintf(path, sizeof path, "%s/%s.so", plugins ? plugins : ".", name);
    CHECK(mt_loop_new(mt_mem_system(), &b->loop) == MT_OK);
    if (mt_plugin_load(mt_mem_system(), path, &b->plugin, &err) != MT_OK) fail_msg("%s", err.text);
    strcpy(b->folder, "/tmp/mytosis-plugin-XXXXXX");
    CHECK(mkdtemp(b->folder));
    snprintf(b->path, sizeof b->path, "%s/store", b->folder);
    b->args =
        (mt_plugin_args){.size = sizeof b->args, .env = mt_loop_env(b->loop), .path = b->path};
}

static void bench_end(bench *b)
{
    mt_plugin_free(b->plugin);
    CHECK(mt_loop_run(b->loop) == MT_OK);
    mt_loop_free(b->loop);
    unlink(b->path);
    CHECK(rmdir(b->folder) == 0);
}

static void say(void *ctx, const char *check, const char *violation)
{
    (void)ctx;
    if (violation) printf("    not so: %s: %s\n", check, violation);
}

/* ---- journal_kv ---- */

static mt_status open_kv(void *ctx, bool fresh, mt_kv *out, mt_error *err)
{
    bench *b = ctx;

    if (fresh) unlink(b->path);
    return mt_plugin_kv(b->plugin, &b->args, out, err);
}

TEST(journal_conforms)
{
    bench b;
    mt_conformance_kv subject = {.size = sizeof subject,
                                 .open = open_kv,
                                 .persistent = true,
                                 .seed = 8831,
                                 .rounds = 60,
                                 .ctx = &b,
                                 .report = say};
    mt_error err;

    bench_begin(&b, "journal_kv");
    subject.env = b.args.env;
    if (mt_conformance_kv_run(&subject, &err) != MT_OK) fail_msg("%s", err.text);
    bench_end(&b);
}

static mt_status open_storage(void *ctx, bool fresh, mt_storage *out, mt_error *err)
{
    bench *b = ctx;

    if (fresh) unlink(b->path);
    return mt_plugin_storage(b->plugin, &b->args, out, err);
}

TEST(storage_of_the_journal_conforms)
{
    bench b;
    mt_conformance_storage subject = {.size = sizeof subject,
                                      .open = open_storage,
                                      .persistent = true,
                                      .seed = 8831,
                                      .rounds = 40,
                                      .ctx = &b,
                                      .report = say};
    mt_error err;

    bench_begin(&b, "journal_kv");
    subject.env = b.args.env;
    if (mt_conformance_storage_run(&subject, &err) != MT_OK) fail_msg("%s", err.text);
    bench_end(&b);
}

TEST(journal_is_for_one_writer_or_for_several_readers)
{
    bench b;
    mt_kv one, other;
    mt_error err;

    bench_begin(&b, "journal_kv");
    b.args.must_exist = true;
    CHECK(mt_plugin_kv(b.plugin, &b.args, &one, &err) == MT_NOT_FOUND);
    b.args.must_exist = false;
    CHECK(mt_plugin_kv(b.plugin, &b.args, &one, &err) == MT_OK);
    CHECK(mt_plugin_kv(b.plugin, &b.args, &other, &err) == MT_BUSY);
    mt_kv_close(&one);
    b.args.read_only = true;
    CHECK(mt_plugin_kv(b.plugin, &b.args, &one, &err) == MT_OK);
    CHECK(mt_plugin_kv(b.plugin, &b.args, &other, &err) == MT_OK);
    mt_kv_close(&one);
    mt_kv_close(&other);
    bench_end(&b);
}

/* ---- Databases ---- */

static mt_db *open_db(const bench *b, const mt_query_engine *engine, mt_storage *storage)
{
    mt_config config = {.size = sizeof config,
                        .env = b->args.env,
                        .storage = storage,
                        .engines = engine,
                        .engine_count = engine ? 1 : 0};
    mt_db *db;
    mt_error err;

    if (mt_open(&(const mt_config *){&config}, 1, &db, &err) != MT_OK) fail_msg("%s", err.text);
    return db;
}

static void write_node(mt_db *db, const char *uid)
{
    mt_field field = {.name = mt_str("is"), .value = mt_text(uid)};
    mt_row row = {.uid = mt_str(uid), .fields = &field, .count = 1};

    CHECK(mt_write_wait(db, &row, 1, NULL, NULL) == MT_OK);
}

/* Cuts the last bytes off, as a crash may have left them. */
TEST(what_a_crash_left_half_written_is_cut_off)
{
    bench b;
    mt_storage storage;
    mt_handle *handle;
    mt_db *db;
    FILE *file;
    long len = 0;

    bench_begin(&b, "journal_kv");
    CHECK(mt_plugin_storage(b.plugin, &b.args, &storage, NULL) == MT_OK);
    db = open_db(&b, NULL, &storage);
    write_node(db, "kept");
    write_node(db, "torn");
    mt_close(db);
    CHECK((file = fopen(b.path, "r+")));
    CHECK(fseek(file, 0, SEEK_END) == 0 && (len = ftell(file)) > 0);
    fclose(file);
    CHECK(truncate(b.path, len - 1) == 0);
    CHECK(mt_plugin_storage(b.plugin, &b.args, &storage, NULL) == MT_OK);
    db = open_db(&b, NULL, &storage);
    CHECK(mt_read_wait(db, mt_str("kept"), NULL, &handle) == MT_OK && handle);
    mt_handle_unref(handle);
    write_node(db, "after");
    mt_close(db);
    bench_end(&b);
}

TEST(engine_counts_nodes)
{
    bench b;
    mt_query_engine engine;
    mt_storage storage;
    mt_plugin *journal;
    mt_buf answer = {.mem = mt_mem_system()};
    char path[512];
    mt_db *db;

    bench_begin(&b, "count_engine");
    snprintf(path, sizeof path, "%s/journal_kv.so",
             getenv("MYTOSIS_PLUGINS") ? getenv("MYTOSIS_PLUGINS") : ".");
    CHECK(mt_plugin_load(mt_mem_system(), path, &journal, NULL) == MT_OK);
    CHECK(mt_plugin_storage(journal, &b.args, &storage, NULL) == MT_OK);
    CHECK(mt_plugin_engine(b.plugin, &b.args, &engine, NULL) == MT_OK);
    db = open_db(&b, &engine, &storage);
    write_node(db, "user/ada");
    write_node(db, "user/charles");
    write_node(db, "city/london");
    CHECK(mt_query_wait(db, "count", mt_str("user/"), NULL, &answer) == MT_OK);
    CHECK(mt_bytes_equal(mt_buf_bytes(&answer), mt_str("2")));
    mt_buf_free(&answer);
    mt_close(db);
    mt_plugin_engine_close(b.plugin, &engine);
    CHECK(!engine.execute);
    mt_plugin_free(journal);
    bench_end(&b);
}

/* ---- told_router ---- */

static mt_status make_router(void *ctx, mt_router *out, mt_error *err)
{
    bench *b = ctx;

    return mt_plugin_router(b->plugin, &b->args, out, err);
}

TEST(router_conforms)
{
    bench b;
    mt_conformance_router subject = {.size = sizeof subject,
                                     .make = make_router,
                                     .tells = true,
                                     .relays = true,
                                     .seed = 8831,
                                     .ctx = &b,
                                     .report = say};
    mt_error err;

    bench_begin(&b, "told_router");
    subject.env = b.args.env;
    if (mt_conformance_router_run(&subject, &err) != MT_OK) fail_msg("%s", err.text);
    bench_end(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(journal_conforms),
        cmocka_unit_test(storage_of_the_journal_conforms),
        cmocka_unit_test(journal_is_for_one_writer_or_for_several_readers),
        cmocka_unit_test(what_a_crash_left_half_written_is_cut_off),
        cmocka_unit_test(engine_counts_nodes),
        cmocka_unit_test(router_conforms),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
