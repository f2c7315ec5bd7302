/* two_peers.c - the sync router in a program: a laptop listens, a phone dials it, and they agree.
 *
 * Both are written while they are apart. When they meet each gets what it lacks, and from then on hears
 * of every change as it happens. Here they are in one process; nothing else would change if not. */
/* run by the tests */
#include <mytosis/mytosis.h>
#include <mytosis/plugin/socket.h>
#include <mytosis/plugin/sync.h>
#include <stdio.h>
#include <stdlib.h>

static void must(mt_status status, const mt_error *err)
{
    if (status == MT_OK) return;
    fprintf(stderr, "two_peers: %s\n", err && *err->text ? err->text : mt_status_text(status));
    exit(1);
}

/* A database in memory that is kept equal to those at the other ends of a group of connections. */
static mt_db *open_peer(const mt_env *env, mt_group *links, char *name)
{
    mt_router router;
    mt_config config = {.size = sizeof config, .env = env, .group = links, .app = name};
    mt_error err = {MT_OK, ""};
    mt_db *db;

    must(mt_router_sync(env, NULL, &router, &err), &err);
    config.router = &router;
    must(mt_open((const mt_config *[]){&config}, 1, &db, &err), &err);
    return db;
}

static void set(mt_db *db, const char *name, const char *text)
{
    mt_field field = {.name = mt_str(name), .value = mt_text(text)};
    mt_row row = {.uid = mt_str("trip"), .fields = &field, .count = 1};

    must(mt_write_wait(db, &row, 1, NULL, NULL), mt_db_error(db));
}

static void print_trip(mt_db *db)
{
    mt_buf text = {.mem = mt_mem_system()};

    must(mt_node_snapshot(mt_peek(db, mt_str("trip")), &text), NULL);
    printf("the %s has %.*s\n", (char *)mt_db_app(db), (int)text.len, (char *)text.data);
    mt_buf_free(&text);
}

/* An event that has an origin came from a peer. */
static void heard(void *count, mt_db *db, const mt_event *event)
{
    if (!event->origin) return;
    printf("the %s hears of what the other wrote\n", (char *)mt_db_app(db));
    ++*(int *)count;
}

static void print_peer(void *name, const mt_sync_peer *peer)
{
    printf("the peer of the %s is %s\n", (char *)name, peer->text);
}

int main(void)
{
    mt_error err = {MT_OK, ""};
    mt_connection *to_laptop;
    mt_db *laptop, *phone;
    mt_server *server;
    mt_group *links;
    const mt_env *env;
    mt_loop *loop;
    int events = 0;

    must(mt_loop_new(mt_mem_system(), &loop), NULL);
    env = mt_loop_env(loop);
    must(mt_server_new(env, "ws://127.0.0.1:0", NULL, &server, &err), &err);
    must(mt_group_new(mt_mem_system(), &links), NULL);
    laptop = open_peer(env, mt_server_group(server), "laptop");
    phone = open_peer(env, links, "phone");
    must(mt_on(laptop, &(mt_listen){0}, heard, &events, NULL), mt_db_error(laptop));
    must(mt_on(phone, &(mt_listen){0}, heard, &events, NULL), mt_db_error(phone));

    set(laptop, "to", "Lisbon");
    set(phone, "seats", "two");
    must(mt_dial(env, mt_server_url(server), NULL, &to_laptop, &err), &err);
    must(mt_group_add(links, to_laptop), mt_group_error(links));
    while (events < 2) must(env->turn(env->ctx), NULL); /* each hears of what the other had */
    print_trip(laptop);
    print_trip(phone);

    set(phone, "to", "Porto");
    while (events < 3) must(env->turn(env->ctx), NULL);
    print_trip(laptop);
    must(mt_db_status(phone, print_peer, "phone"), mt_db_error(phone));

    mt_close(phone);
    mt_close(laptop);
    mt_connection_close(to_laptop);
    mt_connection_unref(to_laptop);
    mt_group_unref(links);
    mt_server_close(server);
    must(mt_loop_run(loop), NULL); /* until all links are gone */
    mt_loop_free(loop);
    return 0;
}
