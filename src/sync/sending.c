/* sending.c - nodes that a comparison found go over, each from the state on that the other side has. */
#include "db/handle.h"
#include "db/read.h"
#include "base/checksum.h"
#include "sync/sync.h"

/* How many are read at once. */
#define STEP 64u

/* What was handed over is on its way, all of it. */
static void all_sent(mti_outbound *out)
{
    mti_sending *sending = &out->sending;

    sending->sends = NULL;
    sending->sent(sending->ctx, sending->nodes);
}

static void gathered(mti_outbound *out)
{
    mt_status st = mti_gather_end(&out->rows);

    if (st == MT_OK) st = mti_gather_send(out, 0, 0);
    if (st == MT_OK) mti_session_flush_soon(out->session);
    else if (st != MT_AGAIN) mti_outbound_fail(out, st, NULL);
}

static void wants_free(mti_outbound *out)
{
    mti_block_free(out->sync->mem, &out->wants);
    out->want_count = 0;
}

/* One block: the keys, in uid order, from which states on they go, and the uids. What is sent may be gone
 * when they have been read. */
typedef struct step {
    uint64_t number; /* of what was being sent */
    mt_storage_key keys[STEP];
    uint64_t since[STEP];
    uint8_t uids[STEP][MT_UID_LEN_MAX];
} step;

/* Sends of a node what it was not sent. */
static mt_status gather(mti_outbound *out, const mt_node *node, uint64_t since)
{
    mti_sending *s = &out->sending;
    uint64_t key, above, up_to;
    mti_key_slot *slot;
    bool any;
    mt_status st;

    if (!node) return MT_OK;
    key = mti_checksum(mt_node_uid(node), out->id) | 1;
    slot = mti_key_map_get(&s->above, key);
    above = slot ? slot->value : 0;
    slot = mti_key_map_get(&s->up_to, key);
    up_to = slot ? slot->value : 0;
    /* What was sent stays one stretch: what lies before this, if the peer has it, goes all the same. */
    if (up_to > 0 && since > up_to) since = up_to;
    st = mti_gather_between(&out->rows, node, since, above, up_to, &any);
    s->nodes += any;
    if (since < above || up_to == 0) above = since;
    if (st == MT_OK) st = mti_key_map_put(&s->above, key, above);
    if (st == MT_OK) st = mti_key_map_put(&s->up_to, key, mt_node_state_max(node));
    return st;
}

static void nodes_read(void *ctx, mt_db *db, const mt_result *result)
{
    mti_outbound *out = ctx;
    const step *wants = out->wants.data;
    mt_status st = result->status;

    (void)db;
    if (out->session && (!out->sending.sends || wants->number != out->sending.number)) {
        /* The comparison has ended meanwhile, or another has begun. */
        mti_session_flush_soon(out->session);
    } else if (out->session && st == MT_OK && mti_feed_is_ahead(result)) {
        mti_session_flush_later(out->session);
    } else if (out->session) {
        for (size_t i = 0; st == MT_OK && i < result->count; i++)
            st = gather(out, mti_handle_resident(result->nodes[i]), wants->since[i]);
        out->sending.at += out->want_count;
        if (st == MT_OK) gathered(out);
        else mti_outbound_fail(out, st, result->status != MT_OK ? result->text : NULL);
    }
    wants_free(out);
    mti_outbound_release(out);
}

/* The next few. */
static mt_status wants_make(mti_outbound *out)
{
    const mti_sends *sends = out->sending.sends;
    size_t left = sends->count - out->sending.at;
    step *wants = mti_mem_alloc(out->sync->mem, sizeof *wants);

    if (!wants) return MT_NO_MEMORY;
    out->wants = (mti_block){wants, sizeof *wants};
    wants->number = out->sending.number;
    out->want_count = left < STEP ? left : STEP;
    for (size_t i = 0; i < out->want_count; i++) {
        const mti_send *send = &sends->at[out->sending.at + i];
        mt_bytes uid = mti_send_uid(sends, send);
        size_t at = i;
        memcpy(wants->uids[i], uid.data, uid.len);
        for (; at > 0 && mt_bytes_compare(wants->keys[at - 1].uid, uid) > 0; at--) {
            wants->keys[at] = wants->keys[at - 1];
            wants->since[at] = wants->since[at - 1];
        }
        wants->keys[at] = (mt_storage_key){.uid = {wants->uids[i], uid.len}, .whole = true};
        wants->since[at] = send->since;
    }
    return MT_OK;
}

void mti_sending_step(mti_outbound *out)
{
    mt_status st;

    if (mti_gather_waits(&out->rows)) {
        gathered(out);
        return;
    }
    if (out->sending.at == out->sending.sends->count) {
        all_sent(out);
        return;
    }
    if ((st = wants_make(out)) == MT_OK) {
        out->busy = true;
        st = mti_read_raw(out->sync->db, ((step *)out->wants.data)->keys, out->want_count,
                          nodes_read, out);
        if (st == MT_OK) return;
        out->busy = false;
    }
    wants_free(out);
    mti_outbound_fail(out, st, NULL);
}

void mti_sending_start(mti_outbound *out, const mti_sends *sends,
                       void (*sent)(void *ctx, uint64_t nodes), void *ctx)
{
    mti_sending *s = &out->sending;

    s->sends = sends;
    s->number++;
    s->at = 0;
    s->nodes = 0;
    s->sent = sent;
    s->ctx = ctx;
    s->above.mem = s->up_to.mem = out->sync->mem;
    mti_session_flush_soon(out->session);
}

void mti_sending_end(mti_outbound *out)
{
    mti_sending *s = &out->sending;

    s->sends = NULL;
    if (s->above.mem) mti_key_map_free(&s->above);
    if (s->up_to.mem) mti_key_map_free(&s->up_to);
}

mti_progress mti_sending_progress(const mti_outbound *out)
{
    const mti_sending *s = &out->sending;

    if (!s->sends) return (mti_progress){.what = "comparing"};
    return (mti_progress){"sending", s->at, s->sends->count, NULL};
}
