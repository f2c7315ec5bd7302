/* group_follow.c - groups that follow others: unions, filters, selections. */
#include "net/group.h"

#include "base/assert.h"
#include "base/bytes.h"
#include "base/status.h"

/* ---- Links ---- */

static void links_drop(mti_links *links, const mti_link *link)
{
    size_t i = 0;

    while (links->at[i] != link) i++;
    links->count--;
    memmove(links->at + i, links->at + i + 1, (links->count - i) * sizeof(mti_link *));
}

static mt_status links_reserve(const mt_mem *mem, mti_links *links)
{
    mti_link **at =
        mti_vector_reserve(mem, links->at, &links->cap, links->count + 1, sizeof(mti_link *));

    if (!at) return MT_NO_MEMORY;
    links->at = at;
    return MT_OK;
}

/* ---- Depths ---- */

/* A group is deeper by one than the deepest that it follows. Whether this one may be so deep below
 * `source`, and all that follow it accordingly; not if `source` is one of these, which is then
 * reached, being deeper than all between. `depths_end` must follow, whatever the answer. */
static bool depths_try(mt_group *group, unsigned depth, const mt_group *source)
{
    if (group == source) return false;
    if (depth <= group->depth_next) return true;
    if (depth > MT_GROUP_DEPTH_MAX) return false;
    group->depth_next = depth;
    for (size_t i = 0; i < group->followers.count; i++) {
        if (!depths_try(group->followers.at[i]->group, depth + 1, source)) return false;
    }
    return true;
}

static void depths_end(mt_group *group, bool keep)
{
    if (group->depth_next == group->depth) return;
    if (keep) group->depth = group->depth_next;
    else group->depth_next = group->depth;
    for (size_t i = 0; i < group->followers.count; i++) {
        depths_end(group->followers.at[i]->group, keep);
    }
}

/* After the group has lost a source. */
static void depths_lower(mt_group *group)
{
    unsigned depth = 0;

    for (size_t i = 0; i < group->sources.count; i++) {
        unsigned above = group->sources.at[i]->source->depth;

        if (above >= depth) depth = above + 1;
    }
    if (depth == group->depth) return;
    group->depth = group->depth_next = depth;
    for (size_t i = 0; i < group->followers.count; i++) {
        depths_lower(group->followers.at[i]->group);
    }
}

/* ---- Links that end ---- */

/* Takes the link out of both groups and frees it. The group has no connection from it. */
static void link_free(mti_link *link)
{
    mt_group *group = link->group, *source = link->source;

    links_drop(&group->sources, link);
    links_drop(&source->followers, link);
    depths_lower(group);
    mti_mem_free(group->mem, link, sizeof *link + link->type_len);
    mt_group_unref(source);
}

void mti_link_end(mti_link *link)
{
    mt_group *group = link->group;

    for (size_t i = group->count; i-- > 0;) {
        mti_group_leave(group, group->members[i].connection, link->bit);
    }
    link_free(link);
}

/* ---- Links that begin ---- */

static uint64_t free_bit(const mt_group *group)
{
    uint64_t used = MTI_GROUP_OWN, bit = MTI_GROUP_OWN;

    for (size_t i = 0; i < group->sources.count; i++) used |= group->sources.at[i]->bit;
    while (used & bit) bit <<= 1;
    return bit;
}

/* The groups of both webs become those of one. */
static void webs_join(mti_web *web, mti_web *other)
{
    mt_group *last = other->first;

    if (web == other) return;
    mti_assert(last);
    for (last->web = web; last->web_next; last->web = web) last = last->web_next;
    last->web_next = web->first;
    web->first->web_previous = last;
    web->first = other->first;
    mti_mem_free(other->mem, other, sizeof *other);
}

/* Which members of a source pass; all zero: all. */
typedef struct passing {
    mt_group_test *test;
    void *ctx;
    const mt_bytes *type; /* instead of a test: those of this type */
} passing;

/* The test of a link that selects by type. */
static bool has_type(void *ctx, const mt_connection *connection)
{
    const mti_link *link = ctx;

    return mt_bytes_equal(mt_connection_type(connection), (mt_bytes){link->type, link->type_len});
}

/* NULL without memory. */
static mti_link *link_alloc(mt_group *group, mt_group *source, const passing *who)
{
    size_t type_len = who->type ? who->type->len : 0;
    mti_link *link;

    if (links_reserve(group->mem, &group->sources) != MT_OK) return NULL;
    if (links_reserve(source->mem, &source->followers) != MT_OK) return NULL;
    if (!(link = mti_mem_alloc(group->mem, sizeof *link + type_len))) return NULL;
    *link = (mti_link){.source = mt_group_ref(source),
                       .group = group,
                       .bit = free_bit(group),
                       .test = who->type ? has_type : who->test,
                       .ctx = who->type ? link : who->ctx,
                       .type_len = type_len};
    if (type_len) memcpy(link->type, who->type->data, type_len);
    group->sources.at[group->sources.count++] = link;
    source->followers.at[source->followers.count++] = link;
    return link;
}

/* NULL: `err` says why. */
static mti_link *link_new(mt_group *group, mt_group *source, const passing *who, mt_error *err)
{
    mti_link *link = NULL;

    if (group->sources.count == MT_GROUP_SOURCES_MAX) {
        (void)mti_fail(err, MT_TOO_LARGE, "a group follows at most %d others",
                       MT_GROUP_SOURCES_MAX);
        return NULL;
    }
    if (depths_try(group, source->depth + 1, source)) {
        link = link_alloc(group, source, who);
        if (!link) (void)mti_no_memory(err);
    } else {
        (void)mti_fail(err, MT_TOO_LARGE,
                       "groups would follow one another in a circle, or more than %d deep",
                       MT_GROUP_DEPTH_MAX);
    }
    depths_end(group, link != NULL);
    return link;
}

/* Lets those members of the source join that pass. */
static mt_status link_fill(const mti_link *link, mt_error *err)
{
    mt_group *group = link->group, *source = link->source;

    webs_join(group->web, source->web);
    for (size_t i = 0; i < source->count; i++) {
        mt_connection *connection = source->members[i].connection;
        bool passes;
        mt_status st;

        group->web->busy = true;
        passes = !link->test || link->test(link->ctx, connection);
        mti_group_sweep(group);
        if (!passes) continue;
        if ((st = mti_group_join(group, connection, link->bit, err)) != MT_OK) return st;
    }
    return MT_OK;
}

/* ---- Following ---- */

static mt_status follow(mt_group *group, mt_group *source, const passing *who, mt_error *err)
{
    mti_link *link;
    mt_status st;

    if ((st = mti_group_ready(group, err)) != MT_OK) return st;
    if ((st = mti_group_ready(source, err)) != MT_OK) return st;
    if (!(link = link_new(group, source, who, err))) return err->status;
    mt_group_ref(group);
    if ((st = link_fill(link, err)) != MT_OK) mti_link_end(link);
    mti_group_tell(group);
    mt_group_unref(group);
    return st;
}

/* A link between the two, or NULL; `whole`: one without a test. */
static mti_link *link_to(const mt_group *group, const mt_group *source, bool whole)
{
    for (size_t i = 0; i < group->sources.count; i++) {
        mti_link *link = group->sources.at[i];

        if (link->source == source && !(whole && link->test)) return link;
    }
    return NULL;
}

mt_status mt_group_follow(mt_group *group, mt_group *source)
{
    if (link_to(group, source, true)) return MT_OK;
    return follow(group, source, &(passing){0}, &group->err);
}

mt_status mt_group_unfollow(mt_group *group, mt_group *source)
{
    mti_link *link = link_to(group, source, false);
    mt_status st;

    if ((st = mti_group_ready(group, &group->err)) != MT_OK) return st;
    if (!link) return mti_fail(&group->err, MT_NOT_FOUND, "the group does not follow that one");
    mt_group_ref(group);
    mt_group_ref(source);
    for (; link; link = link_to(group, source, false)) mti_link_end(link);
    mti_group_tell(group);
    mt_group_unref(source);
    mt_group_unref(group);
    return MT_OK;
}

/* ---- New groups ---- */

/* A group that follows those members of `source` that pass. NULL: its error says why. */
static mt_group *derive(mt_group *source, const passing *who)
{
    mt_group *group;

    if (mt_group_new(source->mem, &group) != MT_OK) {
        (void)mti_no_memory(&source->err);
        return NULL;
    }
    if (follow(group, source, who, &source->err) == MT_OK) return group;
    mt_group_unref(group);
    return NULL;
}

static mt_status hand_out(const mt_group *source, mt_group *made, mt_group **out)
{
    if (!made) return source->err.status;
    *out = made;
    return MT_OK;
}

mt_status mt_group_filter(mt_group *source, mt_group **out, mt_group_test *test, void *ctx)
{
    return hand_out(source, derive(source, &(passing){.test = test, .ctx = ctx}), out);
}

mt_status mt_group_select(mt_group *source, mt_bytes type, mt_group **out)
{
    return hand_out(source, derive(source, &(passing){.type = &type}), out);
}

mt_status mt_group_union(mt_group *a, mt_group *b, mt_group **out)
{
    mt_group *group = derive(a, &(passing){0});

    if (group && a != b && follow(group, b, &(passing){0}, &a->err) != MT_OK) {
        mt_group_unref(group);
        group = NULL;
    }
    return hand_out(a, group, out);
}
