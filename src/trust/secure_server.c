/* secure_server.c - every link of a group, secured. */
#include "trust/secure.h"

#include "base/status.h"

struct mt_secure_server {
    mt_secure *secure;
    mt_group *links, *group;
    mt_subscription *coming;
};

/* A link that cannot be accepted is closed: whoever dialed tries again. */
static void accept_one(mt_secure_server *server, mt_connection *link)
{
    mt_connection *outer = NULL;
    mt_status st = mt_secure_accept(server->secure, link, &outer, NULL);

    if (st == MT_OK) st = mt_group_add(server->group, outer);
    if (st != MT_OK) mt_connection_close(link);
    mt_connection_unref(outer);
}

static void come(void *ctx, const void *event)
{
    const mt_group_event *change = event;

    if (change->kind == MT_GROUP_ADDED) accept_one(ctx, change->connection);
}

static void accept_all(mt_secure_server *server)
{
    uint8_t id[MT_CONNECTION_ID_LEN_MAX];
    mt_bytes last = {id, 0};
    mt_connection *link;

    while ((link = mt_group_after(server->links, last))) {
        mt_bytes at = mt_connection_id(link);

        memcpy(id, at.data, at.len);
        last.len = at.len;
        accept_one(server, link);
    }
}

mt_status mt_secure_serve(mt_secure *secure, mt_group *links, mt_secure_server **out, mt_error *err)
{
    const mt_mem *mem = secure->env->mem;
    mt_secure_server *server = mti_mem_alloc(mem, sizeof *server);
    mt_subscriber subscriber = {.on_event = come, .ctx = server};
    mt_status st;

    if (!server) return mti_no_memory(err);
    memset(server, 0, sizeof *server);
    st = mt_group_new(mem, &server->group);
    server->secure = mt_secure_ref(secure);
    server->links = mt_group_ref(links);
    if (st == MT_OK)
        st = mt_event_stream_subscribe(mt_group_events(links), &subscriber, &server->coming);
    if (st != MT_OK) {
        mt_secure_server_free(server);
        return mti_fail(err, st, "%s", mt_status_text(st));
    }
    *out = server;
    accept_all(server);
    return MT_OK;
}

mt_group *mt_secure_server_group(const mt_secure_server *server)
{
    return server->group;
}

void mt_secure_server_free(mt_secure_server *server)
{
    mt_secure *secure = server ? server->secure : NULL;

    if (!server) return;
    mt_subscription_dispose(server->coming);
    mt_group_unref(server->group);
    mt_group_unref(server->links);
    mti_mem_free(secure->env->mem, server, sizeof *server);
    mt_secure_unref(secure);
}
