/* offline_form.c - a form that is filled in without a network, kept in a file, and synced later.
 *
 * A visitor fills the form in and the program ends; it asked nobody. Meanwhile a clerk at the office has changed two of
 * its fields. When the program runs again it meets the office, and both get what they lack. Of a field that both wrote
 * the later stays, and whoever is overwritten hears of it: the history of a delta has what was there. It prints:
 *
 *     the form is in a file, and the program has ended
 *     the visitor is told: "phone" is now "555 0199", and was "555 0100"
 *     the office is told: "street" is now "Mill Lane 4", and was "Mill Road 4"
 *     the visitor has {"name":"Ada","phone":"555 0199","street":"Mill Lane 4"}
 *     the office has {"name":"Ada","phone":"555 0199","street":"Mill Lane 4"}
 */
/* run by the tests */
#include <mytosis/mytosis.h>
#include <mytosis/plugin/socket.h>
#include <mytosis/plugin/sync.h>
#include <stdio.h>
#include <stdlib.h>

#define FILE_NAME "offline_form.mdb"

static void must(mt_status status, const mt_error *err)
{
    if (status == MT_OK) return;
    fprintf(stderr, "offline_form: %s\n", err && *err->text ? err->text : mt_status_text(status));
    exit(1);
}

static void set(mt_db *db, const char *name, const char *text)
{
    mt_field field = {.name = mt_str(name), .value = mt_text(text)};
    mt_row row = {.uid = mt_str("form/7"), .fields = &field, .count = 1};

    must(mt_write_wait(db, &row, 1, NULL, NULL), mt_db_error(db));
}

/* The first run: no network, no router. Each answer is on the disk when the call returns. */
static void fill_in(void)
{
    mt_error err = {MT_OK, ""};
    mt_db *db;

    must(mt_open_path(FILE_NAME, NULL, &db, &err), &err);
    set(db, "name", "Ada");
    set(db, "street", "Mill Lane 4");
    set(db, "phone", "555 0100");
    mt_close(db);
    printf("the form is in a file, and the program has ended\n");
}

/* Opens with the sync router: the visitor's file, or, without a path, the office's memory. */
static mt_db *open_linked(const mt_env *env, mt_group *links, const char *path)
{
    mt_config config = {.size = sizeof config, .env = env, .group = links};
    mt_error err = {MT_OK, ""};
    mt_router router;
    mt_db *db;

    must(mt_router_sync(env, NULL, &router, &err), &err);
    config.router = &router;
    if (path) must(mt_open_path(path, &config, &db, &err), &err);
    else must(mt_open((const mt_config *[]){&config}, 1, &db, &err), &err);
    return db;
}

/* Hears of history: of fields that were overwritten, and of such as came too late, which are not told of. */
static void overwritten(void *ctx, mt_db *db, const mt_event *event)
{
    mt_field lost, was, now;
    mt_delta_iter iter = {.delta = NULL};
    mt_delta_node node;

    (void)db;
    while (event->origin && mt_event_node(event, &iter, &node)) {
        while (node.before && mt_delta_iter_field(&iter, &lost)) {
            if (mt_node_get(node.before, lost.name, &was) != MT_OK || was.state != lost.state ||
                mt_node_get(node.after, lost.name, &now) != MT_OK)
                continue;
            snprintf(ctx, 128, "\"%.*s\" is now \"%.*s\", and was \"%.*s\"", (int)lost.name.len,
                     (const char *)lost.name.data, (int)now.value.as.bytes.len,
                     (const char *)now.value.as.bytes.data, (int)was.value.as.bytes.len,
                     (const char *)was.value.as.bytes.data);
        }
    }
}

static void print_form(const char *who, mt_db *db)
{
    mt_buf text = {.mem = mt_mem_system()};

    must(mt_node_snapshot(mt_peek(db, mt_str("form/7")), &text), NULL);
    printf("the %s has %.*s\n", who, (int)text.len, (const char *)text.data);
    mt_buf_free(&text);
}

static void rings(void *arg)
{
    *(bool *)arg = true;
}

/* The later write wins, by the millisecond: here, where people take none, one goes by. */
static void time_passes(const mt_env *env)
{
    bool is_over = false;
    mt_timer timer = {.fire = rings, .arg = &is_over};

    env->timer_set(env->ctx, &timer, 2);
    while (!is_over) must(env->turn(env->ctx), NULL);
}

int main(void)
{
    mt_listen history = {.kinds = MT_EVENT_HISTORY};
    char to_visitor[128] = "", to_office[128] = "";
    mt_error err = {MT_OK, ""};
    mt_connection *to_server;
    mt_db *office, *visitor;
    mt_server *server;
    mt_group *links;
    const mt_env *env;
    mt_loop *loop;

    (void)remove(FILE_NAME), (void)remove(FILE_NAME "-lock"); /* of the last time */
    must(mt_loop_new(mt_mem_system(), &loop), NULL);
    env = mt_loop_env(loop);
    must(mt_server_new(env, "ws://127.0.0.1:0", NULL, &server, &err), &err);
    office = open_linked(env, mt_server_group(server), NULL);
    must(mt_on(office, &history, overwritten, to_office, NULL), mt_db_error(office));

    set(office, "street", "Mill Road 4");
    time_passes(env);
    fill_in();
    time_passes(env);
    set(office, "phone", "555 0199");

    must(mt_group_new(mt_mem_system(), &links), NULL); /* the second run, with a network */
    visitor = open_linked(env, links, FILE_NAME);
    must(mt_on(visitor, &history, overwritten, to_visitor, NULL), mt_db_error(visitor));
    must(mt_dial(env, mt_server_url(server), NULL, &to_server, &err), &err);
    must(mt_group_add(links, to_server), mt_group_error(links));
    while (!*to_visitor || !*to_office) must(env->turn(env->ctx), NULL);
    printf("the visitor is told: %s\nthe office is told: %s\n", to_visitor, to_office);
    print_form("visitor", visitor);
    print_form("office", office);

    mt_close(visitor);
    mt_close(office);
    mt_connection_close(to_server);
    mt_connection_unref(to_server);
    mt_group_unref(links);
    mt_server_close(server);
    must(mt_loop_run(loop), NULL); /* until all links are gone */
    mt_loop_free(loop);
    return 0;
}
