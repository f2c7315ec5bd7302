/* relay_router.c - a router that tells, asks, relays and catches up, and two databases that use it.
 * It passes the conformance suite.
 *
 *     "W0000000000000000" rows     what was written, or all there is
 *     "?0000000000000007" rows     who has these? uids, for pull 7
 *     "!0000000000000007" rows     one answer to that
 *
 * Peers hear of each write, are asked for what is missing here, and get all there is when they come
 * online. What finds a link full, or is too long for a message, is lost. It prints:
 *
 *     laptop   {"trip":{"to":"Lisbon"}}
 *
 *     The link is cut, and both go on:
 *     phone    {"trip":{"to":"Porto"}}
 *     laptop   {"hotel":{"for":"trip"},"trip":{"seats":"two","to":"Lisbon"}}
 *
 *     It is back:
 *     phone    {"hotel":{"for":"trip"},"trip":{"seats":"two","to":"Porto"}}
 *     laptop   {"hotel":{"for":"trip"},"trip":{"seats":"two","to":"Porto"}}
 */
/* run by the tests */
#include <mytosis/mytosis.h>
#include <mytosis/plugin/pipe.h>
#include <mytosis/plugin/router.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* An example ends at the first error. */
static void must(mt_status status)
{
    if (status == MT_OK) return;
    fprintf(stderr, "relay_router: %s\n", mt_status_text(status));
    exit(1);
}

enum { PULLS = 64 };

typedef struct relay_router {
    mt_db *db;
    mt_group *group;
    mt_binary_reader *reader;
    struct {
        mt_connection *who; /* was asked; NULL: the place is free */
        uint64_t id;
        size_t missing; /* answers, one for each key */
    } pulls[PULLS];
} relay_router;

/* ---- Messages ---- */

typedef struct message {
    const mt_group *group;
    mt_connection *to; /* held */
    mt_buf bytes;
    mt_binary_writer *rows;
} message;

#define HEAD_LEN 19 /* a JSON string of 17 letters */

static message *begin(const relay_router *r, mt_connection *to, char kind, uint64_t pull)
{
    message *m = calloc(1, sizeof *m);
    char head[HEAD_LEN];

    must(m ? MT_OK : MT_NO_MEMORY);
    snprintf(head, sizeof head, "%c%016llx", kind, (unsigned long long)pull);
    m->group = r->group;
    m->to = mt_connection_ref(to);
    m->bytes.mem = mt_mem_system();
    must(mt_json_string(mt_str(head), &m->bytes));
    must(mt_binary_writer_new(m->bytes.mem, NULL, NULL, &m->bytes, &m->rows));
    return m;
}

/* Sends it, unless the peer has left. Answers whether it is on its way. */
static bool end(message *m)
{
    bool sent = mt_group_has(m->group, m->to) && mt_binary_finish(m->rows) == MT_OK &&
                mt_connection_send(m->to, mt_buf_bytes(&m->bytes)) == MT_OK;

    mt_binary_writer_free(m->rows);
    mt_buf_free(&m->bytes);
    mt_connection_unref(m->to);
    free(m);
    return sent;
}

/* ---- Push ---- */

static mt_status push(void *ctx, uint64_t id, const mt_push *push)
{
    relay_router *r = ctx;

    for (size_t i = 0; push->group && i < mt_group_count(push->group); i++) {
        mt_connection *to = mt_group_at(push->group, i);
        message *m = to == push->origin ? NULL : begin(r, to, 'W', 0);
        if (!m) continue;
        must(mt_binary_delta(m->rows, push->delta, MT_UPDATE));
        end(m);
    }
    mt_push_done(r->db, id, &(mt_push_answer){.status = MT_OK});
    return MT_OK;
}

/* ---- Pull ---- */

static mt_status pull(void *ctx, uint64_t id, const mt_pull *pull)
{
    relay_router *r = ctx;
    size_t at = 0;

    while (at < PULLS && r->pulls[at].who) at++;
    for (size_t i = 0; at < PULLS && i < mt_group_count(pull->group); i++) {
        message *m = begin(r, mt_group_at(pull->group, i), '?', id);
        for (size_t k = 0; k < pull->count; k++)
            must(mt_binary_row(m->rows, &(mt_row){.uid = pull->keys[k]}));
        r->pulls[at].who = m->to;
        r->pulls[at].id = id;
        r->pulls[at].missing = pull->count;
        if (end(m)) return MT_OK;
        r->pulls[at].who = NULL;
    }
    mt_pull_done(r->db, id, &(mt_pull_answer){.status = MT_OK}); /* there is nobody to ask */
    return MT_OK;
}

static void cancel(void *ctx, uint64_t id)
{
    relay_router *r = ctx;

    for (size_t i = 0; i < PULLS; i++)
        if (r->pulls[i].id == id) r->pulls[i].who = NULL;
}

/* One answer more to a pull; or, of 0, none any more to all that the peer was asked. */
static void answered(relay_router *r, const mt_connection *who, uint64_t id)
{
    for (size_t i = 0; i < PULLS; i++) {
        if (r->pulls[i].who != who || (id && r->pulls[i].id != id)) continue;
        if (id && --r->pulls[i].missing > 0) continue;
        r->pulls[i].who = NULL;
        mt_pull_done(r->db, r->pulls[i].id, &(mt_pull_answer){.status = MT_OK});
    }
}

/* What a peer asked for was read: `ctx` is the message that answers. */
static void found(void *ctx, mt_db *db, const mt_result *result)
{
    message *m = ctx;
    const mt_node *node = NULL;

    (void)db;
    if (result->count > 0 && result->nodes[0]) node = mt_handle_node(result->nodes[0]);
    if (node) must(mt_binary_node(m->rows, node));
    end(m);
}

/* ---- What comes in ---- */

static void message_in(void *ctx, mt_connection *from, mt_bytes bytes)
{
    relay_router *r = ctx;
    char head[HEAD_LEN + 1] = "", kind;
    uint64_t id;
    mt_row row;

    if (bytes.len < HEAD_LEN) return; /* no message of ours */
    memcpy(head, bytes.data, HEAD_LEN);
    kind = head[1];
    id = strtoull(head + 2, NULL, 16);
    bytes.data += HEAD_LEN;
    bytes.len -= HEAD_LEN;
    mt_binary_reader_reset(r->reader);
    if (mt_binary_reader_feed(r->reader, bytes, true) != MT_OK) return;
    while (mt_binary_reader_next(r->reader, &row) == MT_OK) {
        mt_pull_answer answer = {.rows = &row, .count = 1, .from = from, .more = true};
        message *m = kind == '?' ? begin(r, from, '!', id) : NULL;
        if (kind == 'W') (void)!mt_db_receive(r->db, from, &row, 1, NULL, NULL, NULL, NULL);
        if (kind == '!') mt_pull_done(r->db, id, &answer);
        if (m && mt_db_request(r->db, from, &row.uid, 1, NULL, found, m, NULL) != MT_OK) end(m);
    }
    if (kind == '!' && id) answered(r, from, id);
}

/* ---- Who comes and goes ---- */

static bool add_row(void *ctx, mt_db *db, const mt_row *row)
{
    (void)db;
    must(mt_binary_row(((message *)ctx)->rows, row));
    return true;
}

static void added_all(void *ctx, mt_db *db, const mt_result *result)
{
    (void)db;
    (void)result;
    end(ctx);
}

/* Sends all there is. */
static void greet(relay_router *r, mt_connection *who)
{
    mt_range all = {.deleted = true};
    message *m = begin(r, who, 'W', 0);

    if (mt_stream(r->db, &all, add_row, added_all, m, NULL) != MT_OK) end(m);
}

static void link_changed(void *ctx, const void *event)
{
    const mt_connection_event *e = event;

    if (e->kind == MT_CONNECTION_WENT_ONLINE) greet(ctx, e->connection);
    if (e->kind == MT_CONNECTION_WENT_OFFLINE) answered(ctx, e->connection, 0);
}

static void joined(void *ctx, mt_connection *who)
{
    mt_subscriber subscriber = {.on_event = link_changed, .ctx = ctx};
    mt_subscription *subscription;

    if (mt_event_stream_subscribe(mt_connection_events(who), &subscriber, &subscription) != MT_OK)
        return;
    mt_connection_set_app(who, subscription);
    if (!mt_connection_offline(who)) greet(ctx, who);
}

static void left(void *ctx, mt_connection *who)
{
    mt_subscription_dispose(mt_connection_app(who));
    mt_connection_set_app(who, NULL);
    answered(ctx, who, 0);
}

static mt_status opened(void *ctx, mt_db *db, mt_group *group)
{
    relay_router *r = ctx;

    r->db = db;
    r->group = group;
    for (size_t i = 0; i < mt_group_count(group); i++) joined(r, mt_group_at(group, i));
    return MT_OK;
}

static void closed(void *ctx)
{
    relay_router *r = ctx;

    for (size_t i = 0; r->group && i < mt_group_count(r->group); i++) {
        mt_subscription_dispose(mt_connection_app(mt_group_at(r->group, i)));
        mt_connection_set_app(mt_group_at(r->group, i), NULL);
    }
    mt_binary_reader_free(r->reader);
    free(r);
}

static const mt_router_ops relay_router_ops = {.abi = MT_ROUTER_ABI,
                                               .size = sizeof relay_router_ops,
                                               .name = "relay",
                                               .open = opened,
                                               .push = push,
                                               .pull = pull,
                                               .message = message_in,
                                               .joined = joined,
                                               .left = left,
                                               .cancel = cancel,
                                               .close = closed};

static mt_router relay_router_new(void)
{
    relay_router *r = calloc(1, sizeof *r);

    must(r ? MT_OK : MT_NO_MEMORY);
    must(mt_binary_reader_new(mt_mem_system(), NULL, NULL, "a peer", &r->reader));
    return (mt_router){&relay_router_ops, r};
}

/* ---- Two databases that use it ---- */

static bool copy_row(void *ctx, mt_db *db, const mt_row *row)
{
    (void)db;
    must(mt_graph_merge_rows(ctx, row, 1, NULL));
    return true;
}

/* All that a database holds. */
static mt_graph *copy_of(mt_db *db)
{
    mt_range all = {.deleted = true};
    mt_graph *graph;

    must(mt_graph_new(mt_mem_system(), NULL, &graph));
    must(mt_stream_wait(db, &all, copy_row, graph));
    return graph;
}

static bool are_equal(mt_db *a, mt_db *b)
{
    mt_graph *one = copy_of(a), *other = copy_of(b);
    bool equal = mt_graph_equal(one, other);

    mt_graph_free(one);
    mt_graph_free(other);
    return equal;
}

static void set(mt_db *db, const char *uid, const char *name, const char *text)
{
    mt_field field = {.name = mt_str(name), .value = mt_text(text)};
    mt_row row = {.uid = mt_str(uid), .fields = &field, .count = 1};

    must(mt_write_wait(db, &row, 1, NULL, NULL));
}

static void show(const char *who, mt_db *db)
{
    mt_buf text = {.mem = mt_mem_system()};
    mt_graph *graph = copy_of(db);

    must(mt_graph_snapshot(graph, &text));
    printf("%-8s %.*s\n", who, (int)text.len, (const char *)text.data);
    mt_graph_free(graph);
    mt_buf_free(&text);
}

static mt_db *open_on(const mt_env *env, mt_connection *link)
{
    mt_router router = relay_router_new();
    mt_config config = {.size = sizeof config,
                        .env = env,
                        .router = &router,
                        .connections = &link,
                        .connection_count = 1};
    const mt_config *configs[1] = {&config};
    mt_db *db;

    must(mt_open(configs, 1, &db, NULL));
    return db;
}

int main(void)
{
    mt_connection *here, *there;
    mt_db *phone, *laptop;
    mt_handle *trip;
    const mt_env *env;
    mt_loop *loop;

    must(mt_loop_new(mt_mem_system(), &loop));
    env = mt_loop_env(loop);
    must(mt_pipe_new(env, NULL, &here, &there, NULL));
    phone = open_on(env, here);
    laptop = open_on(env, there);

    /* What the laptop does not have it asks the phone for. */
    set(phone, "trip", "to", "Lisbon");
    must(mt_read_wait(laptop, mt_str("trip"), NULL, &trip));
    mt_handle_unref(trip);
    show("laptop", laptop);

    puts("\nThe link is cut, and both go on:");
    must(mt_pipe_cut(here));
    set(phone, "trip", "to", "Porto");
    set(laptop, "trip", "seats", "two");
    set(laptop, "hotel", "for", "trip");
    show("phone", phone);
    show("laptop", laptop);

    puts("\nIt is back:");
    must(mt_pipe_restore(here));
    while (!are_equal(phone, laptop)) must(env->turn(env->ctx));
    show("phone", phone);
    show("laptop", laptop);

    mt_close(phone);
    mt_close(laptop);
    mt_connection_unref(here);
    mt_connection_unref(there);
    must(mt_loop_run(loop)); /* until the pipe is gone */
    mt_loop_free(loop);
    return 0;
}
