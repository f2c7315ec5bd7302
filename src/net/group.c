/* group.c - a set of connections, by id: making one, asking it, sending to all. */
#include "net/group.h"

#include "base/assert.h"
#include "base/bytes.h"
#include "base/status.h"

/* ---- Webs ---- */

static void web_leave(mt_group *group)
{
    mti_web *web = group->web;

    if (group->web_previous) group->web_previous->web_next = group->web_next;
    else web->first = group->web_next;
    if (group->web_next) group->web_next->web_previous = group->web_previous;
    if (!web->first) mti_mem_free(web->mem, web, sizeof *web);
}

/* ---- Its life ---- */

static void members_free(mt_group *group)
{
    for (size_t i = 0; i < group->count; i++) {
        mt_subscription_dispose(group->members[i].end);
        mt_subscription_dispose(group->members[i].messages);
        mt_connection_unref(group->members[i].connection);
    }
    for (size_t i = 0; i < group->told_count; i++) mt_connection_unref(group->told[i]);
    mti_mem_free(group->mem, group->members, group->cap * sizeof *group->members);
    mti_mem_free(group->mem, group->told, group->told_cap * sizeof(mt_connection *));
}

/* Nobody holds the group: nobody follows it and nobody subscribes to its streams. */
static void destroy(mt_group *group)
{
    mt_status st;

    while (group->sources.count) mti_link_end(group->sources.at[group->sources.count - 1]);
    web_leave(group);
    if ((st = mt_event_stream_complete(group->events, NULL)) == MT_OK) {
        st = mt_event_stream_complete(group->messages, NULL);
    }
    mti_assert(st == MT_OK);
    mt_event_stream_unref(group->events);
    mt_event_stream_unref(group->messages);
    members_free(group);
    mti_mem_free(group->mem, group->sources.at, group->sources.cap * sizeof(mti_link *));
    mti_mem_free(group->mem, group->followers.at, group->followers.cap * sizeof(mti_link *));
    mti_mem_free(group->mem, group, sizeof *group);
}

mt_status mt_group_new(const mt_mem *mem, mt_group **out)
{
    mt_group *group = mti_mem_alloc(mem, sizeof *group);
    mti_web *web = mti_mem_alloc(mem, sizeof *web);

    if (!group || !web) goto no_memory;
    *web = (mti_web){.mem = mem, .first = group};
    *group = (mt_group){.mem = mem, .refs = 1, .web = web};
    if (mti_group_streams_new(group) != MT_OK) goto no_memory;
    *out = group;
    return MT_OK;
no_memory:
    mti_mem_free(mem, web, sizeof *web);
    mti_mem_free(mem, group, sizeof *group);
    return MT_NO_MEMORY;
}

mt_group *mt_group_ref(mt_group *group)
{
    if (group) group->refs++;
    return group;
}

void mt_group_unref(mt_group *group)
{
    if (group && --group->refs == 0 && !group->web->busy) destroy(group);
}

void mti_group_sweep(mt_group *group)
{
    mt_group *at = group->web->first;

    group->web->busy = false;
    while (at) {
        if (at->refs == 0) {
            destroy(at); /* and with it perhaps others */
            at = group->web->first;
        } else {
            at = at->web_next;
        }
    }
}

const mt_error *mt_group_error(const mt_group *group)
{
    return &group->err;
}

mt_status mti_group_ready(const mt_group *group, mt_error *err)
{
    if (!group->web->busy) return MT_OK;
    return mti_fail(err, MT_BUSY, "the group is asking a test whom to accept");
}

/* ---- Asking it ---- */

size_t mti_group_place(const mt_group *group, mt_bytes id, bool *found)
{
    size_t low = 0, high = group->count;

    *found = false;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = mti_bytes_order(mt_connection_id(group->members[middle].connection), id);

        if (order == 0) *found = true;
        if (order < 0) low = middle + 1;
        else high = middle;
    }
    return low;
}

mti_member *mti_group_member(const mt_group *group, mt_bytes id)
{
    bool found;
    size_t i = mti_group_place(group, id, &found);

    return found ? &group->members[i] : NULL;
}

mt_connection *mt_group_get(const mt_group *group, mt_bytes id)
{
    const mti_member *member = mti_group_member(group, id);

    return member ? member->connection : NULL;
}

bool mt_group_has(const mt_group *group, const mt_connection *connection)
{
    return mt_group_get(group, mt_connection_id(connection)) == connection;
}

size_t mt_group_count(const mt_group *group)
{
    return group->count;
}

mt_connection *mt_group_at(const mt_group *group, size_t i)
{
    return i < group->count ? group->members[i].connection : NULL;
}

mt_connection *mt_group_after(const mt_group *group, mt_bytes id)
{
    bool found;
    size_t i = mti_group_place(group, id, &found);

    return mt_group_at(group, i + found);
}

/* ---- Sending to all ---- */

static void count_sent(mt_group_sent *sent, mt_status st)
{
    if (st == MT_OK) sent->taken++;
    else if (st == MT_OFFLINE || st == MT_CLOSED) sent->offline++;
    else if (st == MT_AGAIN) sent->full++;
    else sent->failed++;
}

/* A transport does not call back when it is given a message, but it is a plugin: the walk goes from
 * id to id. */
mt_group_sent mt_group_send(mt_group *group, mt_bytes message)
{
    mt_group_sent sent = {0};
    mt_connection *next;
    size_t i = 0;

    mt_group_ref(group);
    while ((next = mt_group_at(group, i))) {
        mt_connection_ref(next);
        count_sent(&sent, mt_connection_send(next, message));
        if (mt_group_at(group, i) == next) {
            i++;
        } else {
            bool found;

            i = mti_group_place(group, mt_connection_id(next), &found);
            i += found;
        }
        mt_connection_unref(next);
    }
    mt_group_unref(group);
    return sent;
}

/* ---- Adding and removing ---- */

static void on_connection_event(void *ctx, const void *event)
{
    mt_group *group = ctx;
    const mt_connection_event *told = event;
    mt_status st;

    if (told->kind != MT_CONNECTION_CLOSED) return;
    st = mt_group_remove(group, told->connection);
    (void)st; /* MT_BUSY: a transport closed it inside a test, and it stays until it is removed */
}

mt_status mt_group_add(mt_group *group, mt_connection *connection)
{
    const mt_subscriber subscriber = {on_connection_event, NULL, group};
    mti_member *member = mti_group_member(group, mt_connection_id(connection));
    mt_subscription *end = NULL;
    mt_status st;

    if ((st = mti_group_ready(group, &group->err)) != MT_OK) return st;
    if (member && member->connection == connection && member->holders & MTI_GROUP_OWN) return MT_OK;
    if (mt_connection_ended(connection)) {
        return mti_fail(&group->err, MT_CLOSED, "the connection is closed");
    }
    st = mt_event_stream_subscribe(mt_connection_events(connection), &subscriber, &end);
    if (st == MT_NO_MEMORY) return mti_no_memory(&group->err);
    if (st != MT_OK) return mti_fail(&group->err, st, "the connection is not at hand");
    mt_group_ref(group);
    if ((st = mti_group_join(group, connection, MTI_GROUP_OWN, &group->err)) == MT_OK) {
        member = mti_group_member(group, mt_connection_id(connection));
        mti_assert(member);
        member->end = end;
        mti_group_tell(group);
    } else {
        mt_subscription_dispose(end);
    }
    mt_group_unref(group);
    return st;
}

mt_status mt_group_remove(mt_group *group, mt_connection *connection)
{
    mti_member *member = mti_group_member(group, mt_connection_id(connection));
    mt_status st;

    if ((st = mti_group_ready(group, &group->err)) != MT_OK) return st;
    if (!member || member->connection != connection || !(member->holders & MTI_GROUP_OWN)) {
        return mti_fail(&group->err, MT_NOT_FOUND, "the connection was not added to this group");
    }
    mt_group_ref(group);
    mti_group_leave(group, connection, MTI_GROUP_OWN);
    mti_group_tell(group);
    mt_group_unref(group);
    return MT_OK;
}
