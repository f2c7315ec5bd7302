/* answer.c - what peers ask for is read and sent, one read after the other, as there is room.
 *
 *     PULL -> asked -> some keys read -> rows as messages -> FOUND, FOUND ... -> the next keys -> the last FOUND
 */
#include "db/handle.h"
#include "db/order.h"
#include "db/read.h"
#include "sync/sync.h"

/* Keys of one message, and bytes of the keys of all that wait. */
#define KEYS_MAX 10000u
#define ASKED_LEN_MAX ((size_t)4 * 1024 * 1024)

/* Keys that are read at once. */
#define STEP 64

/* A read of a peer. */
typedef struct mti_asked {
    struct mti_asked *next;
    mti_sync *sync;
    mti_session *session; /* NULL: it is gone */
    uint64_t id;
    mti_block keys; /* in uid order */
    size_t count, at;
    mti_gather rows;
    bool reading;
    mt_status status;
} asked;

static void asked_free(asked *a)
{
    const mt_mem *mem = a->sync->mem;

    mti_gather_free(&a->rows);
    mti_block_free(mem, &a->keys);
    mti_mem_free(mem, a, sizeof *a);
}

void mti_answer_end_all(mti_session *session)
{
    asked *a;

    while ((a = session->asked)) {
        session->asked = a->next;
        a->session = NULL;
        if (!a->reading) asked_free(a);
    }
    session->asked_len = 0;
}

/* ---- Answering ---- */

static mti_say begin_found(mti_sync *sync, uint64_t id, bool more, mt_status status)
{
    mti_say say = mti_say_begin(&sync->message, MTI_FOUND);

    mti_say_number(&say, id);
    mti_say_byte(&say, more);
    mti_say_status(&say, status);
    return say;
}

/* Sends what was gathered. MT_AGAIN: there is no room for some of it. */
static mt_status send_rows(asked *a)
{
    mti_message m;
    mt_status st = MT_OK;

    while (st == MT_OK && mti_gather_first(&a->rows, &m)) {
        mti_say say;
        if (!mti_session_has_room(a->session)) return MT_AGAIN;
        say = begin_found(a->sync, a->id, true, MT_OK);
        mti_say_fixed(&say, m.rows);
        if ((st = mti_session_send_now(a->session, &say)) == MT_OK) mti_gather_pop(&a->rows);
    }
    return st;
}

static void was_read(void *ctx, mt_db *db, const mt_result *result);

static mt_status read_more(asked *a)
{
    const mt_bytes *keys = a->keys.data;
    size_t count = a->count - a->at < STEP ? a->count - a->at : STEP;
    mt_status st =
        mti_read_for_peer(a->sync->db, a->session->connection, &keys[a->at], count, was_read, a);

    if (st != MT_OK) return st;
    a->at += count;
    a->reading = true;
    return MT_OK;
}

/* The last answer, and the end of it. */
static void finish(asked *a)
{
    mti_session *session = a->session;
    mti_say say = begin_found(a->sync, a->id, false, a->status);

    mti_session_send(session, &say);
    session->asked = a->next;
    session->asked_len -= a->keys.size;
    asked_free(a);
}

void mti_answer_step(mti_session *session)
{
    asked *a;

    while ((a = session->asked) && !a->reading) {
        mt_status st = send_rows(a);

        if (st == MT_AGAIN) return;
        if (st != MT_OK) a->status = st;
        if (a->status == MT_OK && a->at < a->count && (st = read_more(a)) != MT_OK) a->status = st;
        if (!a->reading) finish(a);
    }
}

static mt_status gather(asked *a, const mt_result *result)
{
    static const mt_storage_key whole = {.whole = true};
    mt_status st = result->status;

    for (size_t i = 0; i < result->count && st == MT_OK; i++)
        if (result->nodes[i])
            st = mti_gather_node(&a->rows, mti_handle_resident(result->nodes[i]), &whole);
    return st == MT_OK ? mti_gather_end(&a->rows) : st;
}

static void was_read(void *ctx, mt_db *db, const mt_result *result)
{
    asked *a = ctx;

    (void)db;
    a->reading = false;
    if (!a->session) {
        asked_free(a);
        return;
    }
    a->status = gather(a, result);
    mti_session_flush_soon(a->session);
}

/* ---- Asked ---- */

/* The keys that are given to peers, in uid order. */
static mt_status keys_take(asked *a, mti_parse *in, mt_bytes *keys, size_t count)
{
    size_t kept = 0;
    mt_status st;

    for (size_t i = 0; i < count; i++) {
        mt_bytes uid = mti_parse_bytes(in, "a uid", MT_UID_LEN_MAX);
        if (mti_wishes_give(mti_session_wishes(a->session), uid)) keys[kept++] = uid;
    }
    if (mti_parse_end(in) != MT_OK) return MT_MALFORMED;
    for (size_t i = 0; i < kept; i++)
        if (mt_uid_check(keys[i], in->err) != MT_OK) return MT_INVALID;
    if (mti_keys_sort(a->sync->mem, keys, &kept) != MT_OK) return MT_NO_MEMORY;
    st = mti_keys_copy(a->sync->mem, keys, kept, &a->keys);
    a->count = st == MT_OK ? kept : 0;
    return st;
}

static mt_status asked_new(mti_session *session, uint64_t id, mti_parse *in, size_t count)
{
    mti_sync *sync = session->sync;
    mt_bytes *keys = mti_mem_alloc(sync->mem, (count + 1) * sizeof *keys);
    asked *a = keys ? mti_mem_alloc(sync->mem, sizeof *a) : NULL, **at = &session->asked;
    mt_status st = MT_NO_MEMORY;

    if (a) {
        memset(a, 0, sizeof *a);
        a->sync = sync;
        a->session = session;
        a->id = id;
        mti_gather_init(&a->rows, sync->mem);
        st = keys_take(a, in, keys, count);
        if (st == MT_OK && session->asked_len + a->keys.size > ASKED_LEN_MAX) st = MT_BUSY;
        if (st != MT_OK) asked_free(a);
    }
    mti_mem_free(sync->mem, keys, (count + 1) * sizeof *keys);
    if (st != MT_OK) return st;
    session->asked_len += a->keys.size;
    while (*at) at = &(*at)->next;
    *at = a;
    return MT_OK;
}

void mti_sync_pull_asked(mti_session *session, mti_parse *in)
{
    uint64_t id = mti_parse_number(in, "the read");
    uint64_t count = mti_parse_number(in, "the number of uids");
    mti_say say;
    mt_status st;

    if (count > KEYS_MAX || count > (size_t)(in->end - in->at))
        mti_parse_fail(in, "the number of uids", "more than there can be");
    if (in->failed) return;
    st = asked_new(session, id, in, (size_t)count);
    if (in->failed) return;
    if (st == MT_OK) {
        mti_session_flush_soon(session);
        return;
    }
    say = begin_found(session->sync, id, false, st);
    mti_session_send(session, &say);
}
