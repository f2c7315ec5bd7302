/* rights.c - what of our ranges a peer has a right to.
 *
 *     our ranges   +   what the peer may   ->   ranges of the session: what is said of them to the peer,
 *                                               subscribed to, given and compared
 *
 * Everything that goes over in a session lies in one of its ranges, and what does not is refused. So a peer
 * is given what it may read, and asked for what it may write; nothing of the session knows why. Beside that there are only answers to reads, which need no range: a peer
 * is asked for what it may write. */
#include "sync/sync.h"

/* Of each kind. */
#define RANGES_MAX 256u

/* Ranges of ours, each with those of its rights, before the empty ones are left out. */
#define PARTS_MAX 16384u

void mti_rights_forget(mti_session *session)
{
    mti_wishes_free(session->sync->mem, &session->own);
    mti_wishes_free(session->sync->mem, &session->writes);
}

/* ---- What it may ---- */

/* Those that it may read are pushed to it, those that it may write it pushes. */
static mt_status take_ranges(const mt_mem *mem, const mt_sync_range *ranges, size_t count,
                             mti_wishes *out, mt_error *err)
{
    mt_status st = MT_OK;

    if (count > RANGES_MAX)
        return mti_fail(err, MT_TOO_LARGE, "a peer has rights in more than %u ranges", RANGES_MAX);
    if (mti_wishes_new(mem, count, out) != MT_OK) return mti_no_memory(err);
    for (size_t i = 0; i < count && st == MT_OK; i++) {
        out->at[i].push = true;
        st = mti_range_of(mem, &ranges[i], &out->at[i].range, err);
    }
    return st;
}

static bool has(const mti_wishes *wishes, size_t count, const mti_range *range)
{
    for (size_t i = 0; i < count; i++)
        if (mti_range_equal(&wishes->at[i].range, range)) return true;
    return false;
}

/* ---- What of our ranges is there ---- */

/* Makes `part` what of one of our ranges lies in one of theirs; it stays one that is neither pulled nor pushed
 * where that is nothing. */
static mt_status make_part(const mt_mem *mem, const mti_wish *wish, const mti_range *range,
                           bool reads, bool writes, mti_wish *part)
{
    bool empty;
    mt_status st = mti_range_common(mem, &wish->range, range, &part->range, &empty);

    if (st != MT_OK || empty) return st;
    part->once = wish->once;
    part->pull = wish->pull && writes;
    part->push = wish->push && reads;
    return MT_OK;
}

/* A range that it may both read and write gives one part, so that one of the two finds out for both what
 * differs. `parts` has room for each of ours in each of theirs. */
static mt_status make_parts(const mti_sync *sync, const mti_wishes *reads, const mti_wishes *writes,
                            mti_wish *part)
{
    mt_status st = MT_OK;

    for (size_t i = 0; i < sync->wishes.count; i++) {
        const mti_wish *wish = &sync->wishes.at[i];

        for (size_t k = 0; k < reads->count && st == MT_OK; k++) {
            const mti_range *range = &reads->at[k].range;
            if (has(reads, k, range)) continue;
            st = make_part(sync->mem, wish, range, true, has(writes, writes->count, range), part++);
        }
        for (size_t k = 0; k < writes->count && st == MT_OK; k++) {
            const mti_range *range = &writes->at[k].range;
            if (has(writes, k, range) || has(reads, reads->count, range)) continue;
            st = make_part(sync->mem, wish, range, false, true, part++);
        }
    }
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

static mt_status make_own(mti_session *session, const mti_wishes *reads, mt_error *err)
{
    const mti_sync *sync = session->sync;
    size_t count = sync->wishes.count * (reads->count + session->writes.count);
    mti_wishes parts;
    mt_status st;

    if (count > PARTS_MAX)
        return mti_fail(err, MT_TOO_LARGE, "%zu ranges with %zu of a peer's rights are too many",
                        sync->wishes.count, reads->count + session->writes.count);
    if (mti_wishes_new(sync->mem, count, &parts) != MT_OK) return mti_no_memory(err);
    st = make_parts(sync, reads, &session->writes, parts.at);
    if (st == MT_OK) st = take_parts(session, &parts);
    mti_wishes_free(sync->mem, &parts);
    if (st != MT_OK) return mti_no_memory(err);
    if (session->own.count <= MT_SYNC_RANGES_MAX) return MT_OK;
    return mti_fail(err, MT_TOO_LARGE, "with a peer's rights there are %zu ranges, more than %u",
                    session->own.count, MT_SYNC_RANGES_MAX);
}

static mt_status make(mti_session *session, const mt_sync_rights *rights, mt_error *err)
{
    const mt_mem *mem = session->sync->mem;
    mti_wishes reads = {NULL, 0};
    mt_status st = take_ranges(mem, rights->read, rights->read_count, &reads, err);

    if (st == MT_OK)
        st = take_ranges(mem, rights->write, rights->write_count, &session->writes, err);
    if (st == MT_OK) st = make_own(session, &reads, err);
    mti_wishes_free(mem, &reads);
    return st;
}

/* ---- Asking ---- */

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

bool mti_rights_read(const mti_session *session, const mti_range *range)
{
    const mti_wishes *own = &session->own;

    if (!session->sync->rights) return true;
    for (size_t i = 0; i < own->count; i++)
        if (own->at[i].push && mti_range_within(range, &own->at[i].range)) return true;
    return false;
}
