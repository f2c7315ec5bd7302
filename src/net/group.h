/* net/group.h - what a group is made of, for the files that make it.
 *
 *     web:   all groups that follow one another, directly or not
 *     link:  one group following another, or the part of it that a test accepts
 *
 *         wired    wireless         a member of `all` is held by the bits of
 *           |       |    \          the links that brought it, and by bit 0 if
 *           all ----+    trusted    it was added there
 *
 * A connection joins in three steps. All that may refuse it is asked, and all room is reserved, in
 * the group and in every group below it (group_join.c: plan). Then it is put in everywhere, which
 * cannot fail (apply). Then, when every group is as it should be, they are told (tell_all): each
 * keeps the list of those it has told of, and tells the difference. So callbacks run while nothing
 * is half done, and may change what they like.
 *
 * Tests run during the first step. While they do, the web is busy: it answers MT_BUSY to whatever
 * would change it, and a group that nobody holds any more is gone only when the step is over. */
#ifndef MTI_GROUP_H
#define MTI_GROUP_H

#include <mytosis/network.h>

/* The bit of a member that was added to the group itself. */
#define MTI_GROUP_OWN UINT64_C(1)

typedef struct mti_web {
    const mt_mem *mem;
    mt_group *first;
    bool busy; /* tests are being asked */
} mti_web;

typedef struct mti_link {
    mt_group *source; /* held */
    mt_group *group;  /* who follows, and holds the link */
    uint64_t bit;
    mt_group_test *test; /* NULL: all pass */
    void *ctx;
    bool passes;     /* the connection that is joining does */
    size_t type_len; /* of mt_group_select; 0: none */
    uint8_t type[];
} mti_link;

typedef struct mti_links {
    mti_link **at;
    size_t count;
    size_t cap;
} mti_links;

typedef struct mti_member {
    mt_connection *connection; /* held */
    uint64_t holders;
    mt_subscription *end;      /* to the events of one that was added here: it leaves when closed */
    mt_subscription *messages; /* while somebody listens to the group's; else NULL */
} mti_member;

struct mt_group {
    const mt_mem *mem;
    size_t refs;
    mti_web *web;
    mt_group *web_previous;
    mt_group *web_next;
    mti_member *members; /* in the order of their ids */
    size_t count;
    size_t cap;
    mt_connection **told; /* the members that subscribers know of; held, in the same order */
    size_t told_count;
    size_t told_cap; /* room for all in `members` and `told` together */
    mti_links sources;
    mti_links followers;
    unsigned depth;      /* of the chain of groups that this one follows; 0: none */
    unsigned depth_next; /* differs only while group_follow.c tries a link */
    bool changed;        /* `told` is not `members` */
    bool joining;        /* a connection is; see plan */
    mt_subscription *joining_messages;
    mt_event_stream *events;
    mt_event_stream *messages;
    bool listening; /* somebody subscribes to `messages` */
    mt_error err;
};

/* ---- group.c ---- */

/* Where the id is among the members, or would be. */
size_t mti_group_place(const mt_group *group, mt_bytes id, bool *found);

/* The member with the id, or NULL. */
mti_member *mti_group_member(const mt_group *group, mt_bytes id);

/* MT_OK, or MT_BUSY if the group cannot be changed now. */
mt_status mti_group_ready(const mt_group *group, mt_error *err);

/* The end of a busy time: frees the groups of the web that nobody holds. The group must be held. */
void mti_group_sweep(mt_group *group);

/* ---- group_join.c ---- */

/* Lets a connection join the group and all below it, held by `bit`, and tells nobody yet. The group
 * must be held. MT_BUSY, MT_NO_MEMORY: nothing has changed; `err` has the message. */
mt_status mti_group_join(mt_group *group, mt_connection *connection, uint64_t bit, mt_error *err);

/* Takes a bit away from a member, and the member with the last one, here and below; tells nobody
 * yet. */
void mti_group_leave(mt_group *group, mt_connection *connection, uint64_t bit);

/* Tells the subscribers of every group of the web what has changed. The group must be held. */
void mti_group_tell(mt_group *group);

/* ---- group_follow.c ---- */

/* Ends a link, the connections that it brought leaving without anyone being told. */
void mti_link_end(mti_link *link);

/* ---- group_messages.c ---- */

mt_status mti_group_streams_new(mt_group *group);

/* Subscribes to what arrives at a member. `*out` NULL: nothing will. */
mt_status mti_group_listen(mt_group *group, mt_connection *connection, mt_subscription **out);

#endif
