/* session_fuzz.c - any messages, to a peer that syncs with whoever sends them.
 *
 * The input is messages: each two bytes of length, lowest first, and so many bytes. If the input's first
 * byte is odd, they follow a greeting, so that more is heard of them. Whatever comes, the peer goes on:
 * it keeps what it holds, and what it gives back in the end is all the memory that it took. */
#include "counted.h"

#include <mytosis/mytosis.h>
#include <mytosis/plugin/pipe.h>
#include <mytosis/plugin/sync.h>

#include <stdlib.h>
#include <string.h>

#define LIVE_MAX ((size_t)64 * 1024 * 1024)
#define TURNS_MAX 20000

/* ---- An environment on virtual time ---- */

typedef struct world {
    mt_env env;
    counter count;
    mt_mem mem;
    mt_timer
        *first; /* soonest; `host[0]` is the next, `host[1]` the tick, `host[2]` that it is set */
    uint64_t ticks;
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
    static uint8_t drawn;

    (void)ctx;
    for (size_t i = 0; i < len; i++) out[i] = (uint8_t)(drawn++ * 37 + 11);
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

static void say(world *w, mt_connection *to, const uint8_t *data, size_t size)
{
    if (size > 0 && data[0] & 1) {
        (void)!mt_connection_send(to, (mt_bytes){greeting, sizeof greeting});
        run_for(w, 5);
    }
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

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    mt_config config = {.size = sizeof config};
    const mt_config *configs[1] = {&config};
    mt_connection *here, *there;
    mt_router router;
    mt_db *db;
    world w;

    world_init(&w, size);
    config.env = &w.env;
    REQUIRE(mt_router_sync(&w.env, NULL, &router, NULL) == MT_OK);
    config.router = &router;
    REQUIRE(mt_pipe_new(&w.env, NULL, &here, &there, NULL) == MT_OK);
    config.connections = &here;
    config.connection_count = 1;
    REQUIRE(mt_open(configs, 1, &db, NULL) == MT_OK);
    set(db, "ada", "before");
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
    run_for(&w, 100);
    REQUIRE(w.count.live == 0);
    return 0;
}
