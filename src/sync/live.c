/* live.c - a commit goes at once to every subscription that has all before it.
 *
 * Its rows are encoded once for all that have one range. A subscription for which there is no room
 * falls back to the feed, which reads what is there when there is room again. */
#include "sync/sync.h"

/* A commit that is longer is fed: it does not arrive as one. */
#define COMMIT_LEN_MAX ((size_t)1024 * 1024)

/* ---- Rows ---- */

static mt_status put_node(mt_binary_writer *writer, mt_delta_iter *iter, const mt_delta_node *node)
{
    mt_field fields[64];
    mt_row row = {.uid = node->uid, .floor = node->floor, .fields = fields};
    mt_status st = MT_OK;

    while (st == MT_OK && mt_delta_iter_field(iter, &fields[row.count])) {
        if (++row.count < 64) continue;
        row.more = true;
        st = mt_binary_row(writer, &row);
        row.count = 0;
    }
    row.more = false;
    return st == MT_OK ? mt_binary_row(writer, &row) : st;
}

static mt_status put_delta(mti_sync *sync, mt_binary_writer *writer, const mt_delta *delta,
                           const mti_range *range)
{
    mt_status st = MT_OK;
    mt_delta_iter iter;
    mt_delta_node node;

    mt_delta_iter_init(&iter, delta, MT_UPDATE);
    while (st == MT_OK && mt_delta_iter_node(&iter, &node)) {
        if (node.empty || !mti_range_has(range, node.uid)) continue;
        st = put_node(writer, &iter, &node);
        sync->commit_nodes++;
    }
    return st;
}

/* Encodes what of the commit is in a range into `sync->commit`. */
static mt_status encode(mti_sync *sync, const mt_push *push, const mti_range *range)
{
    mt_binary_writer *writer;
    mt_status st;

    if (sync->commit_range && mti_range_equal(sync->commit_range, range)) return MT_OK;
    sync->commit.len = sync->commit_nodes = 0;
    sync->commit_range = NULL;
    sync->commit_said = 0;
    st = mt_binary_writer_new(sync->mem, NULL, NULL, &sync->commit, &writer);
    if (st != MT_OK) return st;
    st = put_delta(sync, writer, push->delta, range);
    if (st == MT_OK) st = mt_binary_finish(writer);
    mt_binary_writer_free(writer);
    if (st == MT_OK) sync->commit_range = range;
    return st;
}

/* ---- Sending ---- */

static bool has_room(const mti_session *session)
{
    return !session->full && session->queue.len == 0 && session->live_in_flight < session->window;
}

static mt_status say_commit(mti_outbound *out, const mt_cursor *head)
{
    mti_sync *sync = out->sync;
    unsigned flags =
        MTI_DATA_COMMIT | (head ? MTI_DATA_POSITION : 0) | (sync->prompt ? MTI_DATA_PROMPT : 0);

    return mti_outbound_say_data(out, flags, head, mt_buf_bytes(&sync->commit));
}

/* Of many peers with one range the subscriptions mostly have one number, too: the message is made
 * once. */
static mt_status send_commit(mti_outbound *out, const mt_cursor *head)
{
    mti_sync *sync = out->sync;
    mt_status st = MT_OK;

    if (sync->commit_said != out->id) st = say_commit(out, head);
    sync->commit_said = st == MT_OK ? out->id : 0;
    if (st == MT_OK) st = mti_session_send_data(out->session, out, true);
    if (st != MT_OK) return st;
    out->session->nodes_out += sync->commit_nodes;
    out->nodes += sync->commit_nodes;
    return MT_OK;
}

static void fall_back(mti_outbound *out)
{
    out->mode = OUT_FEED;
    out->skipped = false;
    mti_session_flush_soon(out->session);
}

static void push_to(mti_outbound *out, const mt_push *push, const mt_cursor *head, bool echo)
{
    mti_sync *sync = out->sync;
    bool sends = !echo && encode(sync, push, &out->range) == MT_OK && sync->commit_nodes > 0;

    /* Of what is no further than before nobody is told again: it goes as it comes. */
    if ((out->skipped && head) || (!echo && !sync->commit_range)) {
        fall_back(out);
        return;
    }
    if (sends && (sync->commit.len > COMMIT_LEN_MAX || !has_room(out->session) ||
                  send_commit(out, head) != MT_OK)) {
        fall_back(out);
        return;
    }
    if (!head) return;
    out->position = *head;
    out->position_owed = !sends;
    if (!sends) mti_session_owes(out->session);
}

/* Whether the commit came from the peer of a session, on whatever link. */
static bool came_from(const mti_session *session, const mt_push *push)
{
    mt_bytes peer = {session->origin, sizeof session->origin};

    if (!push->origin) return false;
    return push->origin == session->connection ||
           mt_bytes_equal(mt_connection_peer(push->origin), peer);
}

static bool is_told(const mti_session *session, const mt_push *push)
{
    return push->group &&
           (push->group == session->sync->group || mt_group_has(push->group, session->connection));
}

/* Who is not to be told now keeps the position before the commit: it goes with the next. */
void mti_live_push(mti_sync *sync, const mt_push *push)
{
    mt_cursor head = sync->log.memory.head;
    const mt_cursor *known = sync->log.of_storage ? push->head : &head;

    sync->commit_range = NULL;
    sync->prompt = mti_is_awaited(push);
    for (mti_session *s = sync->sessions; s; s = s->next) {
        bool told, echo;
        if (s->stage != SESSION_ACTIVE) continue;
        told = is_told(s, push);
        echo = came_from(s, push);
        for (mti_outbound *out = s->outbound; out; out = out->next) {
            if (out->mode != OUT_LIVE || out->ended) continue;
            if (told) push_to(out, push, known, echo);
            else if (!echo) out->skipped |= mti_outbound_concerns(out, push->delta);
        }
    }
    sync->commit_range = NULL;
}
