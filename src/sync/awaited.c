/* awaited.c - writes that wait until peers have them.
 *
 * A peer has a write when it has acknowledged all that it had been sent at the moment at which its
 * subscriptions had everything up to the write. What a peer acknowledges is in its storage, if it has
 * one: its HELLO says so. */
#include "sync/sync.h"

/* A peer that the write is for. */
typedef struct waited {
    mti_session *session; /* NULL: it has the write, or will not get it */
    bool sent;
    uint64_t target; /* how much it has to acknowledge, once it was sent */
    bool counted;
    uint8_t peer[16]; /* once it is counted */
} waited;

struct mti_awaited {
    mti_awaited *next;
    uint64_t id;
    const mt_delta *delta; /* pinned until the last answer */
    mt_cursor head;        /* the log, with the write in it */
    waited *peers;
    size_t count;
    uint32_t received, durable, wanted;
    bool counts_durable;
    bool patient; /* peers that are away may come back */
};

static void awaited_free(mti_sync *sync, mti_awaited *a)
{
    mti_awaited **at = &sync->awaited;

    while (*at != a) at = &(*at)->next;
    *at = a->next;
    mti_mem_free(sync->mem, a->peers, a->count * sizeof *a->peers);
    mti_mem_free(sync->mem, a, sizeof *a);
}

void mti_awaited_end_all(mti_sync *sync)
{
    while (sync->awaited) awaited_free(sync, sync->awaited);
}

/* Whether a position is at the write or behind it: it is of this opening then. Another may be of a log
 * that is not known here. */
static bool has_passed(const mt_cursor *position, const mt_cursor *head)
{
    return memcmp(position->boot, head->boot, sizeof head->boot) == 0 &&
           position->number >= head->number;
}

/* What is not stored here is not in the log either: who did not get it at once will not. */
static bool gets(const mti_sync *sync, const mti_session *session, const mt_push *push)
{
    bool live = true;

    if (!push->options->storage_none || !sync->log.of_storage) return true;
    for (const mti_outbound *out = session->outbound; out && live; out = out->next)
        live = out->mode == OUT_LIVE || !mti_outbound_concerns(out, push->delta);
    return live && session->stage == SESSION_ACTIVE;
}

/* Whether the peer was sent all of the write. `*at_all`: it subscribed to some of it. */
static bool was_sent(const mti_session *session, const mti_awaited *a, bool *at_all)
{
    bool sent = true;

    *at_all = false;
    for (const mti_outbound *out = session->outbound; out; out = out->next) {
        if (out->ended || !mti_outbound_concerns(out, a->delta)) continue;
        *at_all = true;
        sent &= out->mode == OUT_LIVE ||
                (out->mode == OUT_FEED && has_passed(&out->position, &a->head));
    }
    return sent && *at_all;
}

static void drop(waited *w)
{
    w->session = NULL;
}

/* Whether the peer has acknowledged the write already, on another link. */
static bool is_counted(const mti_awaited *a, const mti_session *s)
{
    for (size_t i = 0; i < a->count; i++)
        if (a->peers[i].counted && memcmp(a->peers[i].peer, s->peer, sizeof s->peer) == 0)
            return true;
    return false;
}

static void look_at(mti_awaited *a, waited *w)
{
    const mti_session *s = w->session;
    bool at_all;

    if (!s) return;
    if (s->stage != SESSION_ACTIVE) {
        if (!a->patient) drop(w);
        return;
    }
    if (!w->sent && was_sent(s, a, &at_all)) {
        w->sent = true;
        w->target = s->sent_number;
    } else if (!w->sent && !at_all && !a->patient) {
        drop(w);
    }
    if (!w->sent || s->acked_number < w->target) return;
    if (!is_counted(a, s)) {
        a->received++;
        if (s->durable) a->durable++;
        w->counted = true;
        memcpy(w->peer, s->peer, sizeof w->peer);
    }
    drop(w);
}

/* Answers what is known. */
static void answer(mti_sync *sync, mti_awaited *a)
{
    mt_push_answer tell = {.received = a->received, .durable = a->durable};
    mt_db *db = sync->db;
    uint64_t id = a->id;

    for (size_t i = 0; i < a->count; i++) tell.more |= a->peers[i].session != NULL;
    if (a->wanted > 0 && (a->counts_durable ? a->durable : a->received) >= a->wanted)
        tell.more = false;
    if (!tell.more) awaited_free(sync, a);
    mt_push_done(db, id, &tell);
}

/* Each answer may end any of them: the walk begins anew behind the number that it came to. */
static void check_all(mti_sync *sync)
{
    uint64_t below = UINT64_MAX;
    mti_awaited *a;

    do {
        for (a = sync->awaited; a && a->id >= below; a = a->next) continue;
        if (!a) return;
        below = a->id;
        for (size_t i = 0; i < a->count; i++) look_at(a, &a->peers[i]);
        answer(sync, a);
    } while (!sync->closing);
}

void mti_awaited_check(mti_session *session)
{
    if (session->sync->awaited) check_all(session->sync);
}

/* What it was sent is lost, if it is not there; `gone`: it will not come back. */
void mti_awaited_leave(mti_session *session, bool gone)
{
    mti_sync *sync = session->sync;

    for (mti_awaited *a = sync->awaited; a; a = a->next)
        for (size_t i = 0; i < a->count; i++) {
            if (a->peers[i].session != session) continue;
            a->peers[i].sent = false;
            if (gone) drop(&a->peers[i]);
        }
    if (sync->awaited && !sync->closing) check_all(sync);
}

static mt_status awaited_new(mti_sync *sync, uint64_t id, const mt_push *push, mti_awaited **out)
{
    mti_awaited *a = mti_mem_alloc(sync->mem, sizeof *a);
    size_t count = 0;

    if (!a) return MT_NO_MEMORY;
    memset(a, 0, sizeof *a);
    for (const mti_session *s = sync->sessions; s; s = s->next) count++;
    a->peers = mti_mem_alloc(sync->mem, count * sizeof *a->peers);
    if (count && !a->peers) {
        mti_mem_free(sync->mem, a, sizeof *a);
        return MT_NO_MEMORY;
    }
    a->count = count;
    a->id = id;
    a->delta = push->delta;
    a->head = mti_log_head(sync);
    a->patient = push->options->level >= MT_LEVEL_RECEIVED;
    a->counts_durable = push->options->level == MT_LEVEL_DURABLE_AT_PEERS;
    if (a->patient) a->wanted = push->options->peers ? push->options->peers : 1;
    count = 0;
    for (mti_session *s = sync->sessions; s; s = s->next, count++) {
        a->peers[count] = (waited){.session = NULL};
        if (push->group && mt_group_has(push->group, s->connection) &&
            s->connection != push->origin && !mt_connection_ephemeral(s->connection) &&
            gets(sync, s, push))
            a->peers[count].session = s;
    }
    *out = a;
    return MT_OK;
}

bool mti_is_awaited(const mt_push *push)
{
    return push->options->level >= MT_LEVEL_RECEIVED || push->options->await_push;
}

mt_status mti_await(mti_sync *sync, uint64_t id, const mt_push *push)
{
    mti_awaited *a;

    if (!mti_is_awaited(push)) {
        mt_push_done(sync->db, id, &(mt_push_answer){.status = MT_OK});
        return MT_OK;
    }
    if (awaited_new(sync, id, push, &a) != MT_OK) return MT_NO_MEMORY;
    a->next = sync->awaited; /* numbers fall */
    sync->awaited = a;
    for (size_t i = 0; i < a->count; i++) look_at(a, &a->peers[i]);
    answer(sync, a);
    return MT_OK;
}
