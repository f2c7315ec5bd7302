/* own_loop.c - mytosis in a program that has a loop of its own, or no operating system at all: an
 * environment by hand, and two databases on it that are kept equal over a pipe.
 *
 * An environment is memory, clocks, random bytes and timers. Here time is a number that goes to the
 * next timer when nothing else is left to do; a device would read its clock, and sleep. It prints:
 *
 *     the laptop has {"seats":"two","to":"Lisbon"}
 *     the phone has {"seats":"two","to":"Lisbon"}
 */
/* run by the tests */
#include <mytosis/db.h>
#include <mytosis/node.h>
#include <mytosis/plugin/kv_memory.h>
#include <mytosis/plugin/node_store.h>
#include <mytosis/plugin/pipe.h>
#include <mytosis/plugin/sync.h>
#include <mytosis/system.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void must(mt_status status, const mt_error *err)
{
    if (status == MT_OK) return;
    fprintf(stderr, "own_loop: %s\n", err && *err->text ? err->text : mt_status_text(status));
    exit(1);
}

/* ---- The environment ---- */

/* Timers that are set are a list, the soonest first. The words of a timer that are ours: the next one,
 * whether it is set, and when it is due, in the two after these. */
enum { NEXT, IS_SET, DUE };

typedef struct own_loop {
    mt_env env;
    mt_timer *first;
    uint64_t now_ms;
} own_loop;

static uint64_t due_of(const mt_timer *timer)
{
    uint64_t due_ms;

    memcpy(&due_ms, &timer->host[DUE], sizeof due_ms);
    return due_ms;
}

static void timer_stop(void *ctx, mt_timer *timer)
{
    own_loop *loop = ctx;
    mt_timer *before = NULL;

    if (!timer->host[IS_SET]) return;
    for (mt_timer *at = loop->first; at != timer; at = at->host[NEXT]) before = at;
    if (before) before->host[NEXT] = timer->host[NEXT];
    else loop->first = timer->host[NEXT];
    timer->host[IS_SET] = NULL;
}

/* Behind those that are due at the same time. */
static void timer_set(void *ctx, mt_timer *timer, uint64_t delay_ms)
{
    own_loop *loop = ctx;
    uint64_t due_ms = loop->now_ms + delay_ms;
    mt_timer *before = NULL, *at;

    timer_stop(ctx, timer);
    for (at = loop->first; at && due_of(at) <= due_ms; at = at->host[NEXT]) before = at;
    memcpy(&timer->host[DUE], &due_ms, sizeof due_ms);
    timer->host[IS_SET] = timer;
    timer->host[NEXT] = at;
    if (before) before->host[NEXT] = timer;
    else loop->first = timer;
}

/* Fires the next timer. Whether there was one. */
static bool turn(own_loop *loop)
{
    mt_timer *next = loop->first;

    if (!next) return false;
    loop->now_ms = due_of(next);
    timer_stop(loop, next);
    next->fire(next->arg);
    return true;
}

static uint64_t ticks_ms(void *ctx)
{
    return ((own_loop *)ctx)->now_ms;
}

static uint64_t time_of_day_ms(void *ctx)
{
    return 1700000000000u + ticks_ms(ctx);
}

static mt_status entropy(void *ctx, uint8_t *out, size_t len)
{
    (void)ctx;
    return mt_entropy(out, len); /* or of a device's own source */
}

static void own_loop_init(own_loop *loop)
{
    *loop = (own_loop){.env = {.abi = MT_ENV_ABI,
                               .size = sizeof loop->env,
                               .mem = mt_mem_system(), /* or an allocator of one's own */
                               .now_ms = time_of_day_ms,
                               .ticks_ms = ticks_ms,
                               .entropy = entropy,
                               .timer_set = timer_set,
                               .timer_stop = timer_stop,
                               .ctx = loop}};
}

/* ---- Two peers ---- */

/* A database over an engine in memory, at one end of a pipe. */
static mt_db *open_peer(const mt_env *env, mt_connection *link)
{
    mt_error err = {MT_OK, ""};
    mt_storage storage;
    mt_router router;
    mt_config config = {.size = sizeof config, .env = env};
    mt_kv kv;
    mt_db *db;

    must(mt_kv_memory(env, &kv), NULL);
    must(mt_node_store_new(env, kv, NULL, &storage, &err), &err);
    must(mt_router_sync(env, NULL, &router, &err), &err);
    config.storage = &storage;
    config.router = &router;
    config.connections = &link;
    config.connection_count = 1;
    must(mt_db_open((const mt_config *[]){&config}, 1, &db, &err), &err);
    mt_connection_unref(link); /* the database holds it */
    return db;
}

static void stored(void *ctx, mt_db *db, const mt_result *result)
{
    (void)ctx;
    must(result->status, mt_db_error(db));
}

static void set(mt_db *db, const char *name, const char *text)
{
    mt_field field = {.name = mt_str(name), .value = mt_text(text)};
    mt_row row = {.uid = mt_str("trip"), .fields = &field, .count = 1};

    must(mt_write(db, &row, 1, NULL, stored, NULL, NULL), mt_db_error(db));
}

/* Counts what came from the peer. */
static void heard(void *count, mt_db *db, const mt_event *event)
{
    (void)db;
    if (event->origin) ++*(int *)count;
}

static void print_trip(mt_db *db, const char *whose)
{
    mt_buf text = {.mem = mt_mem_system()};
    const mt_node *trip = mt_peek(db, mt_str("trip"));

    must(trip ? mt_node_snapshot(trip, &text) : MT_NOT_FOUND, NULL);
    printf("the %s has %.*s\n", whose, (int)text.len, (char *)text.data);
    mt_buf_free(&text);
}

static void closed(void *count)
{
    ++*(int *)count;
}

int main(void)
{
    mt_connection *here, *there;
    int events = 0, gone = 0;
    mt_db *laptop, *phone;
    own_loop loop;

    own_loop_init(&loop);
    must(mt_pipe_new(&loop.env, NULL, &here, &there, NULL), NULL);
    laptop = open_peer(&loop.env, here);
    phone = open_peer(&loop.env, there);
    must(mt_on(laptop, &(mt_listen){0}, heard, &events, NULL), mt_db_error(laptop));
    must(mt_on(phone, &(mt_listen){0}, heard, &events, NULL), mt_db_error(phone));

    set(laptop, "to", "Lisbon");
    set(phone, "seats", "two");
    while (events < 2 && turn(&loop)) continue; /* each hears of what the other has */
    print_trip(laptop, "laptop");
    print_trip(phone, "phone");

    mt_db_close(laptop, closed, &gone);
    mt_db_close(phone, closed, &gone);
    while (turn(&loop)) continue; /* until the pipe is gone */
    return gone == 2 ? 0 : 1;
}
