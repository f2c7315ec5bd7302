/* session_fuzz.c - any messages, to a peer that syncs with whoever sends them.
 *
 * The input is messages: each two bytes of length, lowest first, and so many bytes. Its first byte says what
 * is there before them:
 *
 *     1   a greeting, so that more is heard of them
 *     2   one that finds out what differs
 *     4   and if the peer may, too, it is not the one of the two that asks
 *     8   the peer has many nodes
 *
 * Whatever comes, the peer goes on: it keeps what it holds, and what it gives back in the end is all the
 * memory that it took. The corpus has what such a peer was told by another (`compare_...`): the same is
 * drawn and written each time, so that they understand each other. */
#include "counted.h"

#include <mytosis/mytosis.h>
#include <mytosis/plugin/pipe.h>
#include <mytosis/plugin/sync.h>

#include <stdlib.h>
#include <string.h>

#define LIVE_MAX ((size_t)64 * 1024 * 1024)
#define TURNS_MAX 20000
#define NODES 60

#define GREETS 1u
#define COMPARES 2u
#define FIRST 4u
#define MANY 8u

/* ---- An environment on virtual time ---- */

typedef struct world {
    mt_env env;
    counter count;
    mt_mem mem;
    mt_timer
        *first; /* soonest; `host[0]` is the next, `host[1]` the tick, `host[2]` that it is set */
    uint64_t ticks;
    uint8_t drawn;
} world;

static uint64_t now_ms(void *ctx)
{
    return UINT64_C(1800000000000) + ((const world *)ctx)->ticks;
}

static uint64_t ticks_ms(void *ctx)
{
    return ((const world *)ctx)->ticks;
}

static mt_status entropy(void *ctx, uint8_t *out, size_t len)
{
    world *w = ctx;

    for (size_t i = 0; i < len; i++) out[i] = (uint8_t)(w->drawn++ * 37 + 11);
    return MT_OK;
}

static void timer_stop(void *ctx, mt_timer *timer)
{
    world *w = ctx;
    mt_timer **at = &w->first;

    if (!timer->host[2]) return;
    while (*at != timer) at = (mt_timer **)&(*at)->host[0];
    *at = timer->host[0];
    timer->host[2] = NULL;
}

static uint64_t due_of(const mt_timer *timer)
{
    return (uint64_t)(uintptr_t)timer->host[1];
}

static void timer_set(void *ctx, mt_timer *timer, uint64_t delay_ms)
{
    world *w = ctx;
    mt_timer **at = &w->first;

    timer_stop(ctx, timer);
    timer->host[1] = (void *)(uintptr_t)(w->ticks + delay_ms);
    timer->host[2] = timer;
    while (*at && due_of(*at) <= due_of(timer)) at = (mt_timer **)&(*at)->host[0];
    timer->host[0] = *at;
    *at = timer;
}

static mt_status turn(void *ctx)
{
    world *w = ctx;
    mt_timer *timer = w->first;

    if (!timer) return MT_END;
    if (due_of(timer) > w->ticks) w->ticks = due_of(timer);
    timer_stop(ctx, timer);
    timer->fire(timer->arg);
    return MT_OK;
}

static void world_init(world *w, size_t size)
{
    memset(w, 0, sizeof *w);
    w->count.live_max = LIVE_MAX + 64 * size;
    w->mem = (mt_mem){counted_resize, &w->count};
    w->env = (mt_env){.abi = MT_ENV_ABI,
                      .size = sizeof w->env,
                      .mem = &w->mem,
                      .now_ms = now_ms,
                      .ticks_ms = ticks_ms,
                      .entropy = entropy,
                      .timer_set = timer_set,
                      .timer_stop = timer_stop,
                      .turn = turn,
                      .ctx = w};
}

static void run_for(world *w, uint64_t ms)
{
    uint64_t end = w->ticks + ms;
    size_t turns = 0;

    while (w->first && due_of(w->first) <= end) {
        REQUIRE(turns++ < TURNS_MAX); /* it comes to rest */
        (void)turn(w);
    }
    w->ticks = end;
}

/* ---- What is said ---- */

static const uint8_t greeting[] = "\x01\x02\x00\x01\x01\x01\x00"
                                  "0123456789abcdef"
                                  "fedcba9876543210"
                                  "\x05\x00\x01\xff\xff\x03\x00\x01\x06\x00";
#define BOOT_AT 23u
#define FEATURES_AT 45u

static void greet(world *w, mt_connection *to, unsigned how)
{
    uint8_t said[sizeof greeting];

    memcpy(said, greeting, sizeof greeting);
    if (how & COMPARES) said[FEATURES_AT] = 6;
    if (how & FIRST) said[BOOT_AT] = 0;
    (void)!mt_connection_send(to, (mt_bytes){said, sizeof said});
    run_for(w, 5);
}

static void say(world *w, mt_connection *to, const uint8_t *data, size_t size)
{
    if (size > 0 && data[0] & GREETS) greet(w, to, data[0]);
    for (data++, size = size > 0 ? size - 1 : 0; size >= 2;) {
        size_t len = (size_t)(data[0] | data[1] << 8);
        if (len > size - 2) len = size - 2;
        (void)!mt_connection_send(to, (mt_bytes){data + 2, len});
        run_for(w, 5);
        data += 2 + len;
        size -= 2 + len;
    }
}

static void set(mt_db *db, const char *uid, const char *text)
{
    mt_field field = {.name = mt_str("text"), .value = mt_text(text)};
    mt_row row = {.uid = mt_str(uid), .fields = &field, .count = 1};

    REQUIRE(mt_write_wait(db, &row, 1, NULL, NULL) == MT_OK);
}

static void fill(mt_db *db)
{
    char uid[] = "user/00";

    for (unsigned i = 0; i < NODES; i++) {
        uid[5] = (char)('0' + i / 10);
        uid[6] = (char)('0' + i % 10);
        set(db, uid, "the same");
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    mt_config config = {.size = sizeof config};
    const mt_config *configs[1] = {&config};
    mt_connection *here, *there;
    mt_group *links;
    mt_router router;
    mt_db *db;
    world w;

    world_init(&w, size);
    config.env = &w.env;
    REQUIRE(mt_router_sync(&w.env, NULL, &router, NULL) == MT_OK);
    config.router = &router;
    REQUIRE(mt_group_new(&w.mem, &links) == MT_OK);
    config.group = links;
    REQUIRE(mt_open(configs, 1, &db, NULL) == MT_OK);
    set(db, "ada", "before");
    if (size > 0 && data[0] & MANY) fill(db);
    REQUIRE(mt_pipe_new(&w.env, NULL, &here, &there, NULL) == MT_OK);
    REQUIRE(mt_group_add(links, here) == MT_OK);
    run_for(&w, 5);
    say(&w, there, data, size);
    run_for(&w, 20000);
    set(db, "zoe", "after");
    REQUIRE(mt_peek(db, mt_str("zoe")));
    mt_connection_close(there);
    mt_connection_unref(there);
    mt_connection_unref(here);
    run_for(&w, 100);
    mt_close(db);
    mt_group_unref(links);
    run_for(&w, 100);
    REQUIRE(w.count.live == 0);
    return 0;
}
