/* wrong.c - plugins with something wrong with them: the macro WRONG says what. One, "links", is right: its connections are ends
 * of pipes, whose other ends send back what comes. */
#include <mytosis/plugin/load.h>
#include <mytosis/plugin/pipe.h>

#include <stddef.h>
#include <stdio.h>
#include <string.h>

/* Nobody has that. */
void mt_there_is_no_such_call(void);

static bool is(const char *what)
{
    return strcmp(WRONG, what) == 0;
}

static mt_status make_kv(const mt_plugin_args *args, mt_kv *out, mt_error *err)
{
    static const mt_kv_ops later = {.abi = MT_KV_ABI + 1, .size = sizeof later};

    if (is("made_kv")) *out = (mt_kv){&later, NULL};
    if (!is("failing")) return MT_OK;
    err->status = MT_FULL;
    snprintf(err->text, sizeof err->text, "no room for \"%s\"", args->options ? args->options : "");
    return MT_FULL;
}

static void end_nothing(void *ctx)
{
    (void)ctx;
}

static mt_status make_storage(const mt_plugin_args *args, mt_storage *out, mt_error *err)
{
    static const mt_storage_ops later = {.abi = MT_STORAGE_ABI + 1, .size = sizeof later};
    static const mt_storage_ops little = {
        .abi = MT_STORAGE_ABI, .size = sizeof little, .close = end_nothing};

    (void)args;
    (void)err;
    *out = (mt_storage){is("lacking") ? &little : &later, NULL};
    return MT_OK;
}

static mt_status make_router(const mt_plugin_args *args, mt_router *out, mt_error *err)
{
    static const mt_router_ops later = {.abi = MT_ROUTER_ABI + 1, .size = sizeof later};

    (void)args;
    (void)err;
    if (is("made_router")) *out = (mt_router){&later, NULL};
    return is("failing") ? MT_REFUSED : MT_OK;
}

static mt_status make_engine(const mt_plugin_args *args, mt_query_engine *out, mt_error *err)
{
    (void)args;
    (void)err;
    out->name = "nameless";
    return MT_OK;
}

/* ---- Links ---- */

static void send_back(void *ctx, const void *event)
{
    const mt_message *m = event;

    (void)ctx;
    (void)!mt_connection_send(m->connection, m->bytes);
}

static void let_go(void *ctx, const mt_error *why)
{
    (void)why;
    mt_subscription_dispose(mt_connection_app(ctx));
    mt_connection_unref(ctx);
}

static mt_status make_link(const mt_plugin_args *args, mt_connection **out, mt_error *err)
{
    mt_pipe_options options = {.size = sizeof options};
    mt_subscriber subscriber = {.on_event = send_back, .on_end = let_go};
    mt_subscription *subscription;
    mt_connection *other;
    mt_status st;

    if (!is("links")) return MT_OK;
    if (args->options) options.a_id = mt_str(args->options);
    if ((st = mt_pipe_new(args->env, &options, out, &other, err)) != MT_OK) return st;
    subscriber.ctx = other;
    st = mt_event_stream_subscribe(mt_connection_messages(other), &subscriber, &subscription);
    if (st == MT_OK) mt_connection_set_app(other, subscription);
    return st;
}

/* ---- The table ---- */

#ifdef WRONG_ENTRY
const mt_plugin_ops *mt_plugin_entrance(void);
#define mt_plugin_entry mt_plugin_entrance
#endif

const mt_plugin_ops *mt_plugin_entry(void)
{
    static mt_plugin_ops ops = {.abi = MT_PLUGIN_ABI, .size = sizeof ops, .name = "wrong"};
    bool stores = is("made_storage") || is("lacking");

    if (is("abi")) ops.abi++;
    if (is("size")) ops.size = offsetof(mt_plugin_ops, router);
    if (is("name")) ops.name = "";
    if (!stores && !is("links") && !is("maker")) ops.kv = make_kv;
    if (stores) ops.storage = make_storage;
    if (is("made") || is("failing")) ops.engine = make_engine;
    if (is("made") || is("failing") || is("made_router")) ops.router = make_router;
    if (is("made") || is("failing") || is("links")) ops.connection = make_link;
#ifdef WRONG_SYMBOL
    mt_there_is_no_such_call();
#endif
    return is("table") ? NULL : &ops;
}
