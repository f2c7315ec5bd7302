/* group_join.c - how a connection joins a group and all that follow it, and how it leaves.
 *
 * Groups that follow one another form no circle and no chain of more than MT_GROUP_DEPTH_MAX, so
 * that the walks here may recurse. One that is reached by two ways is walked once: at the second
 * visit the connection is there already. */
#include "net/group.h"

#include "base/assert.h"
#include "base/bytes.h"
#include "base/status.h"

/* ---- Joining ---- */

static mt_status reserve(mt_group *group, mt_connection *connection)
{
    mti_member *members;
    mt_connection **told;

    members = mti_vector_reserve(group->mem, group->members, &group->cap, group->count + 1,
                                 sizeof *members);
    if (!members) return MT_NO_MEMORY;
    group->members = members;
    told = mti_vector_reserve(group->mem, group->told, &group->told_cap,
                              group->told_count + group->count + 1, sizeof(mt_connection *));
    if (!told) return MT_NO_MEMORY;
    group->told = told;
    if (!group->listening) return MT_OK;
    return mti_group_listen(group, connection, &group->joining_messages);
}

static mt_status clash(const mt_group *group, const mt_group *top, mt_bytes id, mt_error *err)
{
    return mti_fail(err, MT_BUSY, "%s has another connection with the id %.*s",
                    group == top ? "the group" : "a group that follows this one", MTI_SHOW(id));
}

/* Asks all who may refuse, and makes room for the connection here and below. On failure, `undo`. */
static mt_status plan(mt_group *group, const mt_group *top, mt_connection *connection,
                      mt_error *err)
{
    mt_bytes id = mt_connection_id(connection);
    const mti_member *member = mti_group_member(group, id);
    mt_status st;

    if (member && member->connection != connection) return clash(group, top, id, err);
    if (member || group->joining) return MT_OK;
    group->joining = true;
    if (reserve(group, connection) != MT_OK) return mti_no_memory(err);
    for (size_t i = 0; i < group->followers.count; i++) {
        mti_link *link = group->followers.at[i];

        link->passes = !link->test || link->test(link->ctx, connection);
        if (!link->passes) continue;
        if ((st = plan(link->group, top, connection, err)) != MT_OK) return st;
    }
    return MT_OK;
}

static void undo(mt_group *group)
{
    mt_subscription *messages = group->joining_messages;

    if (!group->joining) return;
    group->joining = false;
    group->joining_messages = NULL;
    mt_subscription_dispose(messages);
    for (size_t i = 0; i < group->followers.count; i++) undo(group->followers.at[i]->group);
}

static void apply(mt_group *group, mt_connection *connection, uint64_t bit)
{
    bool found;
    size_t i = mti_group_place(group, mt_connection_id(connection), &found);
    mti_member *at = &group->members[i];

    if (found) {
        at->holders |= bit;
        return;
    }
    memmove(at + 1, at, (group->count - i) * sizeof *at);
    *at = (mti_member){.connection = mt_connection_ref(connection),
                       .holders = bit,
                       .messages = group->joining_messages};
    group->count++;
    group->changed = true;
    group->joining = false;
    group->joining_messages = NULL;
    for (i = 0; i < group->followers.count; i++) {
        const mti_link *link = group->followers.at[i];

        if (link->passes) apply(link->group, connection, link->bit);
    }
}

mt_status mti_group_join(mt_group *group, mt_connection *connection, uint64_t bit, mt_error *err)
{
    mt_status st;

    mti_assert(!group->web->busy);
    group->web->busy = true;
    st = plan(group, group, connection, err);
    if (st == MT_OK) apply(group, connection, bit);
    else undo(group);
    mti_group_sweep(group);
    return st;
}

/* ---- Leaving ---- */

void mti_group_leave(mt_group *group, mt_connection *connection, uint64_t bit)
{
    bool found;
    size_t i = mti_group_place(group, mt_connection_id(connection), &found);
    mti_member *at, left;

    if (!found) return;
    at = &group->members[i];
    if (!(at->holders & bit)) return; /* the link did not let it pass */
    at->holders &= ~bit;
    left = *at;
    if (bit == MTI_GROUP_OWN) at->end = NULL;
    else left.end = NULL;
    if (at->holders == 0) {
        group->count--;
        memmove(at, at + 1, (group->count - i) * sizeof *at);
        group->changed = true;
        for (i = 0; i < group->followers.count; i++) {
            mti_group_leave(group->followers.at[i]->group, connection, group->followers.at[i]->bit);
        }
        mt_subscription_dispose(left.messages);
        mt_connection_unref(connection);
    }
    mt_subscription_dispose(left.end);
}

/* ---- Telling ---- */

static void tell(mt_group *group, mt_group_event_kind kind, mt_connection *connection)
{
    const mt_group_event event = {kind, group, connection};
    mt_status st = mt_event_stream_emit(group->events, &event);

    mti_assert(st == MT_OK); /* the stream completes when nobody holds the group */
}

static void tell_added(mt_group *group, size_t i)
{
    mt_connection *connection = group->members[i].connection;
    mt_connection **at = group->told + i;

    mti_assert(group->told_count < group->told_cap);
    memmove(at + 1, at, (group->told_count - i) * sizeof(mt_connection *));
    *at = mt_connection_ref(connection);
    group->told_count++;
    mt_connection_ref(connection);
    tell(group, MT_GROUP_ADDED, connection);
    mt_connection_unref(connection);
}

static void tell_removed(mt_group *group, size_t i)
{
    mt_connection *connection = group->told[i];
    mt_connection **at = group->told + i;

    group->told_count--;
    memmove(at, at + 1, (group->told_count - i) * sizeof(mt_connection *));
    tell(group, MT_GROUP_REMOVED, connection);
    mt_connection_unref(connection);
}

/* Tells the first thing that has not been told. Callbacks may bring about more, and tell it before
 * they return. */
static bool tell_next(mt_group *group)
{
    size_t i = 0;
    bool both;
    int order;

    while (i < group->count && i < group->told_count &&
           group->members[i].connection == group->told[i]) {
        i++;
    }
    if (i == group->count && i == group->told_count) return false;
    both = i < group->count && i < group->told_count;
    order = both ? mt_bytes_compare(mt_connection_id(group->told[i]),
                                    mt_connection_id(group->members[i].connection))
                 : 0;
    if (both ? order <= 0 : i < group->told_count) tell_removed(group, i);
    else tell_added(group, i);
    return true;
}

static mt_group *first_changed(const mti_web *web)
{
    mt_group *group = web->first;

    while (group && !group->changed) group = group->web_next;
    return group;
}

void mti_group_tell(mt_group *group)
{
    mt_group *changed;

    while ((changed = first_changed(group->web))) {
        mt_group_ref(changed);
        while (tell_next(changed)) continue;
        changed->changed = false;
        mt_group_unref(changed);
    }
}
