/* rights.c - what of our ranges a peer has a right to.
 *
 *     our ranges   +   what the peer may   ->   ranges of the session: what is said of them to the peer,
 *                                               subscribed to, given and compared
 *
 * Everything that goes over in a session lies in one of its ranges, and what does not is refused. So a peer
 * that may read what is in some prefixes is given those, and one that may write in some is asked for those;
 * nothing of the session knows why. Beside that there are only answers to reads, which need no range: a peer
 * is asked for what it may write. */
#include "sync/sync.h"

/* Of each kind. */
#define PREFIXES_MAX 256u

void mti_rights_forget(mti_session *session)
{
    mti_wishes_free(session->sync->mem, &session->own);
    mti_wishes_free(session->sync->mem, &session->writes);
}

static bool has(const mt_bytes *prefixes, size_t count, mt_bytes prefix)
{
    for (size_t i = 0; i < count; i++)
        if (mt_bytes_equal(prefixes[i], prefix)) return true;
    return false;
}

/* The prefixes of both kinds, each once: `at` counts through them. */
static bool next_prefix(const mt_sync_rights *rights, size_t *at, mt_bytes *prefix)
{
    for (; *at < rights->read_count; ++*at) {
        *prefix = rights->read[*at];
        if (!has(rights->read, *at, *prefix)) return ++*at;
    }
    for (; *at < rights->read_count + rights->write_count; ++*at) {
        size_t written = *at - rights->read_count;
        *prefix = rights->write[written];
        if (!has(rights->read, rights->read_count, *prefix) &&
            !has(rights->write, written, *prefix))
            return ++*at;
    }
    return false;
}

static mt_status prefix_range(const mt_mem *mem, mt_bytes prefix, mti_range *out)
{
    return mti_range_of(mem, &(mt_sync_range){.prefix = prefix}, out, NULL);
}

/* Makes `part` what of one of our ranges lies in a prefix, if the peer has a right to any of it; else it stays
 * one that is neither pulled nor pushed. */
static mt_status make_part(const mt_mem *mem, const mt_sync_rights *rights, const mti_wish *wish,
                           mt_bytes prefix, mti_wish *part)
{
    mti_range range;
    bool empty = true;
    mt_status st;

    if ((st = prefix_range(mem, prefix, &range)) != MT_OK) return st;
    st = mti_range_common(mem, &wish->range, &range, &part->range, &empty);
    mti_range_free(mem, &range);
    if (st != MT_OK || empty) return st;
    part->once = wish->once;
    part->pull = wish->pull && has(rights->write, rights->write_count, prefix);
    part->push = wish->push && has(rights->read, rights->read_count, prefix);
    return MT_OK;
}

/* `parts` has one for each of our ranges and each prefix. */
static mt_status make_parts(const mti_sync *sync, const mt_sync_rights *rights, mti_wish *parts)
{
    mt_status st = MT_OK;
    mt_bytes prefix;

    for (size_t i = 0; i < sync->wishes.count; i++)
        for (size_t at = 0; st == MT_OK && next_prefix(rights, &at, &prefix);)
            st = make_part(sync->mem, rights, &sync->wishes.at[i], prefix, parts++);
    return st;
}

/* Moves those that are pulled or pushed to the session; of the others nothing is said. */
static mt_status take_parts(mti_session *session, mti_wishes *parts)
{
    size_t count = 0;
    mt_status st;

    for (size_t i = 0; i < parts->count; i++) count += parts->at[i].pull || parts->at[i].push;
    if ((st = mti_wishes_new(session->sync->mem, count, &session->own)) != MT_OK) return st;
    count = 0;
    for (size_t i = 0; i < parts->count; i++) {
        if (!parts->at[i].pull && !parts->at[i].push) continue;
        session->own.at[count++] = parts->at[i];
        memset(&parts->at[i], 0, sizeof parts->at[i]);
    }
    return MT_OK;
}

/* What it may write, whether we replicate it or not. */
static mt_status take_writes(mti_session *session, const mt_sync_rights *rights)
{
    mt_status st = mti_wishes_new(session->sync->mem, rights->write_count, &session->writes);

    for (size_t i = 0; i < rights->write_count && st == MT_OK; i++) {
        session->writes.at[i].push = true;
        st = prefix_range(session->sync->mem, rights->write[i], &session->writes.at[i].range);
    }
    return st;
}

static mt_status refuse_prefixes(const mt_sync_rights *rights, size_t ranges, mt_error *err)
{
    if (rights->read_count > PREFIXES_MAX || rights->write_count > PREFIXES_MAX)
        return mti_fail(err, MT_TOO_LARGE, "a peer has rights in more than %u prefixes",
                        PREFIXES_MAX);
    for (size_t i = 0; i < rights->read_count + rights->write_count; i++) {
        mt_bytes prefix =
            i < rights->read_count ? rights->read[i] : rights->write[i - rights->read_count];
        if (prefix.len > MT_UID_LEN_MAX)
            return mti_fail(err, MT_INVALID, "a peer has rights in a prefix of %zu bytes",
                            prefix.len);
    }
    if (ranges <= MT_SYNC_RANGES_MAX) return MT_OK;
    return mti_fail(err, MT_TOO_LARGE, "with a peer's rights there are %zu ranges, more than %u",
                    ranges, MT_SYNC_RANGES_MAX);
}

static mt_status make(mti_session *session, const mt_sync_rights *rights, mt_error *err)
{
    const mti_sync *sync = session->sync;
    size_t count = 0;
    mt_bytes prefix;
    mti_wishes parts;
    mt_status st;

    for (size_t at = 0; next_prefix(rights, &at, &prefix);) count += sync->wishes.count;
    if ((st = refuse_prefixes(rights, count, err)) != MT_OK) return st;
    if (mti_wishes_new(sync->mem, count, &parts) != MT_OK) return mti_no_memory(err);
    st = make_parts(sync, rights, parts.at);
    if (st == MT_OK) st = take_parts(session, &parts);
    if (st == MT_OK) st = take_writes(session, rights);
    mti_wishes_free(sync->mem, &parts);
    return st == MT_OK ? MT_OK : mti_no_memory(err);
}

mt_status mti_rights_ask(mti_session *session, mt_error *err)
{
    const mti_sync *sync = session->sync;
    mt_sync_rights rights = {NULL, 0, NULL, 0};
    mt_status st;

    mti_rights_forget(session);
    if (!sync->rights) return MT_OK;
    mti_fail(err, MT_REFUSED, "the peer has no rights here");
    st = sync->rights(sync->rights_ctx, session->connection, &rights, err);
    if (st == MT_OK) st = make(session, &rights, err);
    if (st != MT_OK) mti_rights_forget(session);
    return st;
}

bool mti_rights_write(const mti_session *session, mt_bytes uid)
{
    return !session->sync->rights || mti_wishes_give(&session->writes, uid);
}
