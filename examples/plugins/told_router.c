/* told_router.c - a plugin with a router: each peer hears what is written here while it is online.
 *
 *     cc -shared -fPIC $(pkg-config --cflags mytosis) told_router.c -o told_router.so
 *     mytosis serve --store notes.mdb --listen tcp://127.0.0.1:7117 --plugin ./told_router.so:notes/
 *
 * The option is a prefix of uids: peers hear of no others. What a link does not take is lost, and peers
 * that were away do not catch up; examples/relay_router.c does more. */
#include <mytosis/mytosis.h>
#include <mytosis/plugin/load.h>

#include <stdlib.h>
#include <string.h>

typedef struct told_router {
    const mt_mem *mem;
    mt_db *db;
    char prefix[]; /* of the uids that peers hear of */
} told_router;

static mt_status opened(void *ctx, mt_db *db, mt_group *group)
{
    (void)group;
    ((told_router *)ctx)->db = db;
    return MT_OK;
}

static bool begins(mt_bytes uid, const char *prefix)
{
    size_t len = strlen(prefix);

    return uid.len >= len && memcmp(uid.data, prefix, len) == 0;
}

/* What is said of a write, in the form of mytosis/binary.h: the nodes after it, as far as they are told of. */
static mt_status write_message(const told_router *r, const mt_delta *delta, mt_buf *out)
{
    mt_binary_writer *writer;
    mt_delta_iter iter;
    mt_delta_node node;
    mt_status st = mt_binary_writer_new(r->mem, NULL, NULL, out, &writer);

    if (st != MT_OK) return st;
    mt_delta_iter_init(&iter, delta, MT_UPDATE);
    while (st == MT_OK && mt_delta_iter_node(&iter, &node))
        if (begins(node.uid, r->prefix)) st = mt_binary_node(writer, node.after);
    if (st == MT_OK) st = mt_binary_finish(writer);
    mt_binary_writer_free(writer);
    return st;
}

static mt_status push(void *ctx, uint64_t id, const mt_push *push)
{
    told_router *r = ctx;
    mt_buf message = {.mem = r->mem};
    mt_status st = write_message(r, push->delta, &message);

    for (size_t i = 0; st == MT_OK && push->group && i < mt_group_count(push->group); i++) {
        mt_connection *to = mt_group_at(push->group, i);

        if (to != push->origin) (void)!mt_connection_send(to, mt_buf_bytes(&message));
    }
    mt_buf_free(&message);
    if (st == MT_OK) mt_push_done(r->db, id, &(mt_push_answer){.status = MT_OK});
    return st;
}

static mt_status pull(void *ctx, uint64_t id, const mt_pull *pull)
{
    (void)pull; /* nobody is asked */
    mt_pull_done(((told_router *)ctx)->db, id, &(mt_pull_answer){.status = MT_OK});
    return MT_OK;
}

/* Hands over what came, as one commit. What is no message of ours is dropped. */
static void message(void *ctx, mt_connection *from, mt_bytes bytes)
{
    told_router *r = ctx;
    mt_binary_reader *reader;
    const mt_row *rows;
    size_t count;

    if (mt_binary_reader_new(r->mem, NULL, NULL, "a peer", &reader) != MT_OK) return;
    if (mt_binary_reader_feed(reader, bytes, true) == MT_OK)
        while (mt_binary_reader_rows(reader, &rows, &count) == MT_OK)
            (void)!mt_db_receive(r->db, from, rows, count, NULL, NULL, NULL, NULL);
    mt_binary_reader_free(reader);
}

static void ignore(void *ctx, mt_connection *who)
{
    (void)ctx;
    (void)who;
}

static mt_status make_router(const mt_plugin_args *args, mt_router *out, mt_error *err)
{
    static const mt_router_ops ops = {.abi = MT_ROUTER_ABI,
                                      .size = sizeof ops,
                                      .name = "told",
                                      .open = opened,
                                      .push = push,
                                      .pull = pull,
                                      .message = message,
                                      .joined = ignore,
                                      .left = ignore,
                                      .close = free};
    const char *prefix = args->options ? args->options : "";
    told_router *r;

    if (*prefix && mt_uid_check(mt_str(prefix), err) != MT_OK) return err->status;
    if (!(r = malloc(sizeof *r + strlen(prefix) + 1))) return MT_NO_MEMORY;
    r->mem = args->env->mem;
    r->db = NULL;
    memcpy(r->prefix, prefix, strlen(prefix) + 1);
    out->ops = &ops;
    out->ctx = r;
    return MT_OK;
}

const mt_plugin_ops *mt_plugin_entry(void)
{
    static const mt_plugin_ops ops = {.abi = MT_PLUGIN_ABI,
                                      .size = sizeof ops,
                                      .name = "told",
                                      .version = "1.0",
                                      .router = make_router};

    return &ops;
}
