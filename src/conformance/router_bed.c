#include "conformance/router_bed.h"

#include <mytosis/plugin/pipe.h>
#include <stdio.h>
#include <string.h>

#define WAIT_MS 10000
#define QUIET_MS 20
#define TURNS_MAX 50000

size_t mti_bed_below(mti_bed *bed, size_t bound)
{
    return (size_t)(mti_trial_draw(&bed->draw) % bound);
}

/* ---- Time ---- */

static void ring(void *arg)
{
    ((mti_bed *)arg)->rang = true;
}

/* Turns until `done` (NULL: never) or until the time is over; answers whether it was done. Where a
 * router keeps the loop busy for ever, time may stand still. */
static bool turn_until(mti_bed *bed, bool (*done)(const mti_bed *bed), uint64_t ms)
{
    const mt_env *env = bed->trial->env;
    bool is_done = done && done(bed);

    if (is_done) return true;
    bed->rang = false;
    bed->timer = (mt_timer){.fire = ring, .arg = bed};
    env->timer_set(env->ctx, &bed->timer, ms);
    for (size_t turns = 0; !is_done && !bed->rang && (bed->ending || !bed->trial->broken);
         turns++) {
        if (turns == TURNS_MAX) mti_trial_violate(bed->trial, "the loop never comes to rest");
        if (turns >= TURNS_MAX || env->turn(env->ctx) != MT_OK) break;
        is_done = done && done(bed);
    }
    env->timer_stop(env->ctx, &bed->timer);
    return is_done;
}

void mti_bed_await(mti_bed *bed, bool (*done)(const mti_bed *bed), const char *what)
{
    uint64_t wait_ms = bed->subject->wait_ms ? bed->subject->wait_ms : WAIT_MS;

    if ((bed->trial->broken && !bed->ending) || turn_until(bed, done, wait_ms)) return;
    mti_trial_violate(bed->trial, "%s (%llu ms were waited)", what, (unsigned long long)wait_ms);
}

void mti_bed_settle(mti_bed *bed)
{
    turn_until(bed, NULL, bed->subject->quiet_ms ? bed->subject->quiet_ms : QUIET_MS);
}

void mti_bed_rest(mti_bed *bed)
{
    size_t before;

    do {
        before = bed->traffic;
        mti_bed_settle(bed);
        if (bed->traffic > 100000) mti_trial_violate(bed->trial, "messages never come to an end");
    } while (bed->traffic != before && !bed->trial->broken);
}

/* ---- Stubs ---- */

static void keep(mti_stub *stub, mt_bytes message)
{
    mt_buf *kept = &stub->kept[stub->sent % MTI_STUB_KEPT];
    const mt_mem *mem = stub->bed->trial->env->mem;
    uint8_t *copy;

    mt_buf_free(kept);
    if (message.len == 0 || !(copy = mem->resize(mem->ctx, NULL, 0, message.len))) return;
    memcpy(copy, message.data, message.len);
    *kept = (mt_buf){.mem = mem, .data = copy, .len = message.len, .cap = message.len};
}

static mt_status stub_send(void *ctx, mt_bytes message)
{
    mti_stub *stub = ctx;

    if (!stub->member_of && !stub->gone) {
        stub->gone = true;
        mti_trial_violate(stub->bed->trial, "a peer that has left the group is sent a message");
    }
    keep(stub, message);
    stub->sent++;
    return stub->answer;
}

static size_t stub_queued(void *ctx)
{
    (void)ctx;
    return 0;
}

static void stub_idle(void *ctx)
{
    (void)ctx;
}

static void stub_closed(void *arg)
{
    mti_stub *stub = arg;
    mt_connection *connection = stub->connection;

    stub->connection = NULL;
    stub->member_of = NULL;
    mt_connection_closed(connection, NULL);
    mt_connection_unref(connection);
}

static void stub_close(void *ctx)
{
    mti_stub *stub = ctx;
    const mt_env *env = stub->bed->trial->env;

    stub->closing = (mt_timer){.fire = stub_closed, .arg = stub};
    env->timer_set(env->ctx, &stub->closing, 0);
}

static const mt_connection_ops stub_ops = {.abi = MT_CONNECTION_ABI,
                                           .size = sizeof stub_ops,
                                           .type = "stub",
                                           .send = stub_send,
                                           .queued = stub_queued,
                                           .start = stub_idle,
                                           .stop = stub_idle,
                                           .close = stub_close};

void mti_stub_join(mti_stub *stub, mt_db *db)
{
    mti_bed *bed = stub->bed;
    mt_status st = MT_OK;
    char id[16];

    if (bed->trial->broken || stub->member_of) return;
    if (stub->connection && mt_connection_ended(stub->connection)) return;
    snprintf(id, sizeof id, "stub%d", (int)(stub - bed->stubs));
    if (!stub->connection)
        st = mt_connection_new(bed->trial->env->mem, mt_str(id), &stub_ops, stub, 0,
                               &stub->connection, NULL);
    stub->member_of = db;
    if (st == MT_OK) st = mt_group_add(mt_db_group(db), stub->connection);
    if (st != MT_OK) mti_trial_violate(bed->trial, "a peer cannot join: %s", mt_status_text(st));
}

void mti_stub_leave(mti_stub *stub)
{
    mt_db *db = stub->member_of;

    if (!db) return;
    stub->member_of = NULL;
    (void)!mt_group_remove(mt_db_group(db), stub->connection);
}

void mti_stub_close(mti_stub *stub)
{
    if (stub->connection) mt_connection_close(stub->connection);
}

void mti_stub_say(mti_stub *stub, mt_bytes message)
{
    if (stub->connection && !mt_connection_ended(stub->connection))
        (void)!mt_connection_deliver(stub->connection, message);
}

static void stub_end(mti_stub *stub)
{
    for (size_t i = 0; i < MTI_STUB_KEPT; i++) mt_buf_free(&stub->kept[i]);
}

/* ---- Links ---- */

static void spy(void *ctx, const void *event)
{
    mti_bed *bed = ctx;

    (void)event;
    bed->traffic++;
}

void mti_bed_join(mti_bed *bed, size_t i, size_t j)
{
    mti_bed_link *link = &bed->links[bed->link_count];
    const mt_subscriber subscriber = {.on_event = spy, .ctx = bed};
    char a[8], b[8];
    mt_pipe_options options = {.size = sizeof options, .latency_ms = 1};
    mt_status st;

    if (bed->trial->broken) return;
    snprintf(a, sizeof a, "to%zu", j);
    snprintf(b, sizeof b, "to%zu", i);
    options.a_id = mt_str(a);
    options.b_id = mt_str(b);
    st = mt_pipe_new(bed->trial->env, &options, &link->a, &link->b, NULL);
    if (st == MT_OK) bed->link_count++;
    if (st == MT_OK) st = mt_group_add(mt_db_group(bed->dbs[i]), link->a);
    if (st == MT_OK) st = mt_group_add(mt_db_group(bed->dbs[j]), link->b);
    if (st == MT_OK)
        st = mt_event_stream_subscribe(mt_connection_messages(link->a), &subscriber,
                                       &link->spies[0]);
    if (st == MT_OK)
        st = mt_event_stream_subscribe(mt_connection_messages(link->b), &subscriber,
                                       &link->spies[1]);
    if (st != MT_OK)
        mti_trial_violate(bed->trial, "databases cannot be joined: %s", mt_status_text(st));
}

void mti_bed_cut(mti_bed *bed)
{
    if (!bed->trial->broken) (void)!mt_pipe_cut(bed->links[0].a);
}

void mti_bed_mend(mti_bed *bed)
{
    if (!bed->trial->broken) (void)!mt_pipe_restore(bed->links[0].a);
}

static void link_end(mti_bed_link *link)
{
    mt_subscription_dispose(link->spies[0]);
    mt_subscription_dispose(link->spies[1]);
    mt_connection_unref(link->a);
    mt_connection_unref(link->b);
}

/* ---- Databases ---- */

static void to_nobody(void *ctx, mt_action *action)
{
    if (((mti_bed *)ctx)->to_nobody) mt_action_set_group(action, NULL);
    mt_action_pass(action);
}

static mt_status make(mti_bed *bed, mt_router *out)
{
    mt_error err = {.status = MT_OK};
    mt_status st = bed->subject->make(bed->subject->ctx, out, &err);

    if (st == MT_OK) return MT_OK;
    mti_trial_violate(bed->trial, "it is not made: %s",
                      err.text[0] ? err.text : mt_status_text(st));
    bed->trial->first = (mt_error){.status = st};
    memcpy(bed->trial->first.text, bed->trial->violation, sizeof bed->trial->first.text);
    return st;
}

mt_db *mti_bed_open(mti_bed *bed)
{
    const mt_hook hook = {.point = MT_BEFORE_WRITE, .run = to_nobody, .ctx = bed};
    mt_router router;
    mt_config config = {.size = sizeof config,
                        .env = bed->trial->env,
                        .router = &router,
                        .hooks = &hook,
                        .hook_count = 1};
    const mt_config *configs[1] = {&config};
    mt_error err = {.status = MT_OK};
    mt_db *db = NULL;

    if (bed->trial->broken || make(bed, &router) != MT_OK) return NULL;
    if (mt_db_open(configs, 1, &db, &err) != MT_OK) {
        mti_trial_violate(bed->trial, "it does not open: %s", err.text);
        router.ops->close(router.ctx);
        return NULL;
    }
    bed->dbs[bed->db_count++] = db;
    return db;
}

static void db_closed(void *ctx)
{
    *(mt_db **)ctx = NULL;
}

static bool all_closed(const mti_bed *bed)
{
    for (size_t i = 0; i < bed->db_count; i++)
        if (bed->dbs[i]) return false;
    return true;
}

/* Stubs of it are members no more: what it sends them now is nobody's fault. */
static void close_db(mti_bed *bed, size_t i)
{
    if (bed->dbs[i]) mt_db_close(bed->dbs[i], db_closed, &bed->dbs[i]);
}

static size_t open_count(const mti_bed *bed)
{
    size_t count = 0;

    for (size_t i = 0; i < bed->db_count; i++) count += bed->dbs[i] != NULL;
    return count;
}

static bool one_less(const mti_bed *bed)
{
    return open_count(bed) < bed->db_count;
}

void mti_bed_close(mti_bed *bed, size_t i)
{
    if (bed->trial->broken) return;
    close_db(bed, i);
    mti_bed_await(bed, one_less, "a database with it does not close");
}

void mti_bed_begin(mti_bed *bed)
{
    mti_trial *trial = bed->trial;
    const mt_conformance_router *subject = bed->subject;

    memset(bed, 0, sizeof *bed);
    bed->trial = trial;
    bed->subject = subject;
    bed->draw = subject->seed;
    for (size_t i = 0; i < MTI_BED_STUBS; i++) bed->stubs[i].bed = bed;
}

void mti_bed_end(mti_bed *bed)
{
    bed->ending = true;
    for (size_t i = 0; i < bed->db_count; i++) close_db(bed, i);
    mti_bed_await(bed, all_closed, "a database with it does not close");
    if (bed->answered < bed->call_count && all_closed(bed))
        mti_trial_violate(bed->trial, "a call of a closed database has not answered");
    for (size_t i = 0; i < MTI_BED_STUBS; i++) mti_stub_close(&bed->stubs[i]);
    for (size_t i = 0; i < bed->link_count; i++) link_end(&bed->links[i]);
    mti_bed_settle(bed);
    for (size_t i = 0; i < MTI_BED_STUBS; i++) stub_end(&bed->stubs[i]);
}

/* ---- Calls ---- */

static void answered(void *ctx, mt_db *db, const mt_result *result)
{
    mti_bed_call *call = ctx;

    (void)db;
    call->answered = true;
    call->status = result->status;
    call->found = result->count > 0 && result->nodes && result->nodes[0];
    call->bed->answered++;
}

/* A call that is about to be made. NULL: the check is broken. */
static mti_bed_call *call_begin(mti_bed *bed)
{
    mti_bed_call *call = &bed->calls[bed->call_count];

    if (bed->trial->broken || bed->call_count == MTI_BED_CALLS) return NULL;
    call->bed = bed;
    bed->call_count++;
    return call;
}

static mti_bed_call *call_started(mti_bed_call *call, mt_status st)
{
    if (st == MT_OK) return call;
    call->bed->call_count--;
    mti_trial_violate(call->bed->trial, "a call does not start: %s", mt_status_text(st));
    return NULL;
}

mti_bed_call *mti_bed_write(mti_bed *bed, size_t i, const char *uid, const char *text,
                            const mt_options *options)
{
    mt_field field = {.name = mt_str("text"), .value = mt_text(text)};
    mt_row row = {.uid = mt_str(uid), .fields = &field, .count = 1};
    mti_bed_call *call = call_begin(bed);

    if (!call) return NULL;
    return call_started(call, mt_write(bed->dbs[i], &row, 1, options, answered, call, &call->id));
}

mti_bed_call *mti_bed_read(mti_bed *bed, size_t i, const char *uid)
{
    mti_bed_call *call = call_begin(bed);

    if (!call) return NULL;
    return call_started(call, mt_read(bed->dbs[i], mt_str(uid), NULL, answered, call, &call->id));
}

static bool all_answered(const mti_bed *bed)
{
    return bed->answered == bed->call_count;
}

void mti_bed_await_calls(mti_bed *bed, const char *what)
{
    mti_bed_await(bed, all_answered, what);
}

bool mti_bed_has(const mti_bed *bed, size_t i, const char *uid, const char *text)
{
    const mt_node *node = mt_peek(bed->dbs[i], mt_str(uid));
    mt_field field;

    return node && mt_node_get(node, mt_str("text"), &field) == MT_OK &&
           field.value.kind == MT_STRING && mt_bytes_equal(field.value.as.bytes, mt_str(text));
}
