/* load_test.c - which shared objects are plugins, what is said of the others, and how long one stays. */
#include "test.h"

#include <mytosis/host.h>
#include <mytosis/loop.h>
#include <mytosis/plugin/load.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char path_text[512];

static const char *path_of(const char *name)
{
    const char *folder = getenv("MYTOSIS_PLUGINS");

    snprintf(path_text, sizeof path_text, "%s/%s.so", folder ? folder : ".", name);
    return path_text;
}

static mt_plugin *load(const char *name)
{
    mt_error err;
    mt_plugin *plugin;

    if (mt_plugin_load(mt_mem_system(), path_of(name), &plugin, &err) != MT_OK)
        fail_msg("%s", err.text);
    return plugin;
}

/* What is said begins with the path, if it is one of the folder's. */
static void check_refused(const char *path, mt_status status, const char *why)
{
    mt_error err = {MT_OK, ""};
    mt_plugin *plugin = NULL;
    size_t len = strlen(path);

    CHECK(mt_plugin_load(mt_mem_system(), path, &plugin, &err) == status);
    CHECK(!plugin && err.status == status);
    if (strncmp(err.text, path, len) != 0 || !strstr(err.text + len, why))
        fail_msg("said \"%s\", not \"%s: %s\"", err.text, path, why);
    CHECK(mt_plugin_load(mt_mem_system(), path, &plugin, NULL) == status);
}

static mt_plugin_args args_of(mt_loop *loop)
{
    return (mt_plugin_args){.size = sizeof(mt_plugin_args), .env = mt_loop_env(loop)};
}

static mt_loop *new_loop(void)
{
    mt_loop *loop;

    CHECK(mt_loop_new(mt_mem_system(), &loop) == MT_OK);
    return loop;
}

/* ---- Loading ---- */

TEST(what_is_not_there_or_no_file_is_refused)
{
    check_refused("/there/is/no/such.so", MT_NOT_FOUND, "No such file");
    check_refused("no_such_plugin.so", MT_NOT_FOUND, "No such file");
    check_refused("/", MT_MALFORMED, "it is no file");
}

TEST(what_is_no_shared_object_is_refused)
{
    char path[] = "/tmp/mytosis-plugin-XXXXXX";
    int fd = mkstemp(path);

    CHECK(fd >= 0);
    check_refused(path, MT_MALFORMED, "it is no shared object");
    CHECK(write(fd, "#!/bin/sh\n", 10) == 10);
    close(fd);
    check_refused(path, MT_MALFORMED, "it is no shared object");
    unlink(path);
}

TEST(what_lacks_a_symbol_is_refused_when_it_is_loaded)
{
    check_refused(path_of("wrong_symbol"), MT_MALFORMED, "mt_there_is_no_such_call");
}

TEST(what_has_no_entry_is_no_plugin)
{
    check_refused(path_of("wrong_entry"), MT_INVALID, "no mt_plugin_entry");
}

TEST(tables_that_are_wrong_are_refused)
{
    check_refused(path_of("wrong_table"), MT_INVALID, "answers no table");
    check_refused(path_of("wrong_abi"), MT_UNSUPPORTED, "made for abi 2 of plugins, and this is 1");
    check_refused(path_of("wrong_size"), MT_INVALID, "its table has 48 bytes, and must have 72");
    check_refused(path_of("wrong_name"), MT_INVALID, "no name");
    check_refused(path_of("wrong_maker"), MT_INVALID, "no maker of anything");
}

TEST(name_without_a_slash_lies_in_the_working_folder)
{
    mt_plugin *plugin;
    char before[512];
    const char *folder = getenv("MYTOSIS_PLUGINS");

    CHECK(getcwd(before, sizeof before) && chdir(folder ? folder : ".") == 0);
    CHECK(mt_plugin_load(mt_mem_system(), "wrong_links.so", &plugin, NULL) == MT_OK);
    CHECK(chdir(before) == 0);
    mt_plugin_free(plugin);
}

TEST(handle_says_what_a_plugin_is)
{
    mt_plugin *journal = load("journal_kv"), *wrong = load("wrong_failing");

    assert_string_equal(mt_plugin_name(journal), "journal");
    assert_string_equal(mt_plugin_version(journal), "1.0");
    CHECK(mt_plugin_kinds(journal) == MT_PLUGIN_KV);
    assert_string_equal(mt_plugin_version(wrong), "");
    CHECK(mt_plugin_kinds(wrong) ==
          (MT_PLUGIN_KV | MT_PLUGIN_ROUTER | MT_PLUGIN_ENGINE | MT_PLUGIN_CONNECTION));
    mt_plugin_free(journal);
    mt_plugin_free(wrong);
    mt_plugin_free(NULL);
}

/* ---- Making ---- */

TEST(what_a_plugin_does_not_make_is_refused)
{
    mt_loop *loop = new_loop();
    mt_plugin *links = load("wrong_links"), *journal = load("journal_kv");
    mt_plugin_args args = args_of(loop);
    mt_connection *connection;
    mt_query_engine engine;
    mt_storage storage;
    mt_router router;
    mt_error err;
    mt_kv kv;

    CHECK(mt_plugin_kv(links, &args, &kv, &err) == MT_UNSUPPORTED);
    assert_string_equal(err.text, "wrong: this plugin makes no key-value engine");
    CHECK(mt_plugin_storage(links, &args, &storage, &err) == MT_UNSUPPORTED);
    assert_string_equal(err.text, "wrong: this plugin makes no storage");
    CHECK(mt_plugin_router(links, &args, &router, &err) == MT_UNSUPPORTED);
    assert_string_equal(err.text, "wrong: this plugin makes no router");
    CHECK(mt_plugin_engine(links, &args, &engine, &err) == MT_UNSUPPORTED);
    assert_string_equal(err.text, "wrong: this plugin makes no query engine");
    CHECK(mt_plugin_connection(journal, &args, &connection, &err) == MT_UNSUPPORTED);
    assert_string_equal(err.text, "journal: this plugin makes no connection");
    mt_plugin_free(links);
    mt_plugin_free(journal);
    mt_loop_free(loop);
}

TEST(makers_that_fail_are_told_of_with_what_they_say)
{
    mt_loop *loop = new_loop();
    mt_plugin *plugin = load("wrong_failing");
    mt_plugin_args args = args_of(loop);
    mt_storage storage;
    mt_router router;
    mt_error err;
    mt_kv kv;

    args.options = "all of it";
    CHECK(mt_plugin_kv(plugin, &args, &kv, &err) == MT_FULL && err.status == MT_FULL);
    assert_string_equal(err.text, "wrong: no room for \"all of it\"");
    CHECK(mt_plugin_storage(plugin, &args, &storage, &err) == MT_FULL);
    assert_string_equal(err.text, "wrong: no room for \"all of it\"");
    CHECK(mt_plugin_router(plugin, &args, &router, &err) == MT_REFUSED);
    assert_string_equal(err.text, "wrong: a hook or a peer refused it");
    CHECK(mt_plugin_kv(plugin, &args, &kv, NULL) == MT_FULL);
    mt_plugin_free(plugin);
    mt_loop_free(loop);
}

TEST(what_is_made_and_is_not_what_it_should_be_is_refused)
{
    mt_loop *loop = new_loop();
    mt_plugin *nothing = load("wrong_made"), *kv_plugin = load("wrong_made_kv"),
              *router_plugin = load("wrong_made_router"),
              *storage_plugin = load("wrong_made_storage");
    mt_plugin_args args = args_of(loop);
    mt_connection *connection;
    mt_query_engine engine;
    mt_storage storage;
    mt_router router;
    mt_error err;
    mt_kv kv;

    CHECK(mt_plugin_kv(nothing, &args, &kv, &err) == MT_INVALID);
    CHECK(mt_plugin_router(nothing, &args, &router, &err) == MT_INVALID);
    CHECK(mt_plugin_engine(nothing, &args, &engine, &err) == MT_INVALID);
    CHECK(mt_plugin_connection(nothing, &args, &connection, &err) == MT_INVALID);
    assert_string_equal(err.text, "wrong: what it made is no connection");
    CHECK(mt_plugin_kv(kv_plugin, &args, &kv, &err) == MT_UNSUPPORTED);
    assert_string_equal(err.text, "wrong: its key-value engine is made for abi 2, and this is 1");
    CHECK(mt_plugin_router(router_plugin, &args, &router, &err) == MT_UNSUPPORTED);
    CHECK(mt_plugin_storage(storage_plugin, &args, &storage, &err) == MT_UNSUPPORTED);
    mt_plugin_free(nothing);
    mt_plugin_free(kv_plugin);
    mt_plugin_free(router_plugin);
    mt_plugin_free(storage_plugin);
    mt_loop_free(loop);
}

/* ---- How long it stays ---- */

static void keep(void *ctx, const void *event)
{
    const mt_message *m = event;

    snprintf(ctx, 16, "%.*s", (int)m->bytes.len, (const char *)m->bytes.data);
}

TEST(what_was_made_goes_on_when_the_handle_is_freed)
{
    mt_loop *loop = new_loop();
    const mt_env *env = mt_loop_env(loop);
    mt_plugin *plugin = load("wrong_links");
    mt_plugin_args args = args_of(loop);
    mt_connection *link;
    mt_subscription *subscription;
    char heard[16] = "";

    args.options = "mirror";
    CHECK(mt_plugin_connection(plugin, &args, &link, NULL) == MT_OK);
    mt_plugin_free(plugin);
    CHECK(mt_bytes_equal(mt_connection_id(link), mt_str("mirror")));
    CHECK(mt_event_stream_subscribe(mt_connection_messages(link),
                                    &(mt_subscriber){.on_event = keep, .ctx = heard},
                                    &subscription) == MT_OK);
    CHECK(mt_connection_send(link, mt_str("still there")) == MT_OK);
    while (!*heard) CHECK(env->turn(env->ctx) == MT_OK);
    assert_string_equal(heard, "still there");
    mt_subscription_dispose(subscription);
    mt_connection_close(link);
    mt_connection_unref(link);
    CHECK(mt_loop_run(loop) == MT_OK);
    mt_loop_free(loop);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_not_there_or_no_file_is_refused),
        cmocka_unit_test(what_is_no_shared_object_is_refused),
        cmocka_unit_test(what_lacks_a_symbol_is_refused_when_it_is_loaded),
        cmocka_unit_test(what_has_no_entry_is_no_plugin),
        cmocka_unit_test(tables_that_are_wrong_are_refused),
        cmocka_unit_test(name_without_a_slash_lies_in_the_working_folder),
        cmocka_unit_test(handle_says_what_a_plugin_is),
        cmocka_unit_test(what_a_plugin_does_not_make_is_refused),
        cmocka_unit_test(makers_that_fail_are_told_of_with_what_they_say),
        cmocka_unit_test(what_is_made_and_is_not_what_it_should_be_is_refused),
        cmocka_unit_test(what_was_made_goes_on_when_the_handle_is_freed),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
