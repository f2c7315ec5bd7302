/* known.c - who we are, and how far we came with each peer: records of the store, of which a copy is
 * in memory. Without a storage the copy is all there is. */
#include "sync/sync.h"

#include "base/checksum.h"

/* What is asked for anew, once something new is known, waits so long for a write that takes it along. */
#define STORE_MS 200

#define KNOWN_MAX 10000u

/* How long until they are read again, where that failed. */
#define READ_MS 1000
#define PAGE 256

/* Records: "sync/self" is our id; "sync/in/" peer range is a standing: docs/protocol.md. */
static const char self_key[] = "sync/self";
static const char in_key[] = "sync/in/";
#define IN_LEN (sizeof in_key - 1)

void mti_range_key(const mti_range *range, uint8_t key[8])
{
    uint64_t sum = mti_checksum(range->first, range->uids != NULL);

    sum = mti_checksum(range->end, sum);
    for (size_t i = 0; range->uids && i < range->uid_count; i++)
        sum = mti_checksum(range->uids[i], sum);
    for (int i = 0; i < 8; i++) key[i] = (uint8_t)(sum >> (8 * i));
}

static bool is_of(const mti_known *known, const mti_session *session, const mti_inbound *in)
{
    return memcmp(known->peer, session->peer, 16) == 0 && memcmp(known->key, in->key, 8) == 0;
}

/* A peer says much, and there may be many: where it was last is looked at first. */
mti_known *mti_known_get(mti_sync *sync, const mti_session *session, mti_inbound *in)
{
    size_t at = in->known_at;

    if (at < sync->known_count && is_of(&sync->known[at], session, in)) return &sync->known[at];
    for (at = 0; at < sync->known_count; at++)
        if (is_of(&sync->known[at], session, in)) break;
    in->known_at = at;
    return at < sync->known_count ? &sync->known[at] : NULL;
}

/* Forgets the one that has been there longest: its peer copies anew, if it comes again. */
static void forget_first(mti_sync *sync);

static mti_known *known_add(mti_sync *sync, const uint8_t peer[16], const uint8_t key[8])
{
    mti_known *more;

    if (sync->known_count >= KNOWN_MAX) forget_first(sync);
    more = mti_vector_reserve(sync->mem, sync->known, &sync->known_cap, sync->known_count + 1,
                              sizeof *more);
    if (!more) return NULL;
    sync->known = more;
    more = &sync->known[sync->known_count++];
    memset(more, 0, sizeof *more);
    memcpy(more->peer, peer, 16);
    memcpy(more->key, key, 8);
    return more;
}

/* ---- Storing ---- */

mt_status mti_store_record(mti_sync *sync, const mt_storage_record *record, mt_done *done,
                           void *ctx)
{
    mt_received what = {.records = record, .record_count = 1};

    return mt_db_receive_with(sync->db, NULL, &what, NULL, done, ctx, NULL);
}

mti_standing mti_known_standing(const mti_known *known)
{
    return (mti_standing){known->at,
                          known->copying ? MTI_STANDS_COPYING : MTI_STANDS_FEED,
                          {known->after, known->after_len}};
}

static void known_take(mti_known *known, const mti_standing *standing)
{
    known->at = standing->at;
    known->copying = standing->how == MTI_STANDS_COPYING;
    known->after_len = (uint8_t)standing->after.len;
    if (known->after_len) memcpy(known->after, standing->after.data, known->after_len);
}

static void say_known(const mti_known *known, mt_buf *buf)
{
    mti_standing standing = mti_known_standing(known);
    mti_say say = {.out = buf};

    mti_say_standing(&say, &standing);
    if (say.failed) buf->len = 0;
}

static void record_of(const mti_known *known, mt_buf *buf, mt_storage_record *out)
{
    size_t key_len = IN_LEN + 16 + 8;
    mti_say say = {.out = buf};

    buf->len = 0;
    mti_say_fixed(&say, (mt_bytes){(const uint8_t *)in_key, IN_LEN});
    mti_say_fixed(&say, (mt_bytes){known->peer, 16});
    mti_say_fixed(&say, (mt_bytes){known->key, 8});
    say_known(known, buf);
    out->key = (mt_bytes){buf->data, key_len};
    out->value = (mt_bytes){buf->data + key_len, buf->len > key_len ? buf->len - key_len : 0};
}

static void forget_first(mti_sync *sync)
{
    mt_buf buf = {.mem = sync->mem};
    mt_storage_record record;

    record_of(&sync->known[0], &buf, &record);
    if (record.value.len > 0) {
        record.value = (mt_bytes){NULL, 0};
        (void)!mti_store_record(sync, &record, NULL, NULL);
    }
    mt_buf_free(&buf);
    sync->known_count--;
    memmove(sync->known, sync->known + 1, sync->known_count * sizeof *sync->known);
}

bool mti_known_record(mti_sync *sync, const mti_session *session, mti_inbound *in, mt_buf *buf,
                      mt_storage_record *out)
{
    mti_known *known = mti_known_get(sync, session, in);

    if (!known || !known->unstored) return false;
    record_of(known, buf, out);
    if (out->value.len == 0) return false;
    known->unstored = false; /* what comes later of it is noted anew */
    return true;
}

static void stored(void *ctx, mt_db *db, const mt_result *result)
{
    mti_sync *sync = ctx;

    (void)db;
    (void)result; /* a position that was not stored is only older than it could be */
    sync->known_writes--;
}

/* Answers whether it is on its way, or need not be. */
static bool store_one(mti_sync *sync, mti_known *known, mt_buf *buf)
{
    mt_storage_record record;

    if (!known->unstored) return true;
    record_of(known, buf, &record);
    if (record.value.len == 0) return false;
    if (mti_store_record(sync, &record, stored, sync) != MT_OK) return false;
    sync->known_writes++;
    known->unstored = false;
    return true;
}

void mti_known_store(void *arg)
{
    mti_sync *sync = arg;
    mt_buf buf = {.mem = sync->mem};
    bool all = true;

    mti_refused_store(sync);
    for (size_t i = 0; i < sync->known_count && all; i++)
        all = store_one(sync, &sync->known[i], &buf);
    mt_buf_free(&buf);
    if (!all && !sync->closing) sync->env->timer_set(sync->env->ctx, &sync->store_known, STORE_MS);
}

bool mti_known_is_stored(const mti_session *session)
{
    const mti_sync *sync = session->sync;

    for (size_t i = 0; i < sync->known_count; i++)
        if (sync->known[i].unstored && memcmp(sync->known[i].peer, session->peer, 16) == 0)
            return false;
    return sync->known_writes == 0;
}

mt_status mti_known_set(mti_sync *sync, const mti_session *session, mti_inbound *in)
{
    mti_known *known = mti_known_get(sync, session, in);

    if (!known && !(known = known_add(sync, session->peer, in->key))) return MT_NO_MEMORY;
    known_take(known, &in->standing);
    if (!known->unstored && mti_db_has_storage(sync->db))
        sync->env->timer_set(sync->env->ctx, &sync->store_known, STORE_MS);
    known->unstored = mti_db_has_storage(sync->db);
    return MT_OK;
}

/* ---- Reading, when the database is opened ---- */

static void identified(mti_sync *sync)
{
    sync->identified = true;
    mti_session_greet_all(sync);
}

/* Without knowing who we are there is no session: it is tried again. */
static void read_later(mti_sync *sync)
{
    if (!sync->closing) sync->env->timer_set(sync->env->ctx, &sync->read_known, READ_MS);
}

static void self_stored(void *ctx, mt_db *db, const mt_result *result)
{
    (void)db;
    if (result->status == MT_OK) identified(ctx);
    else read_later(ctx);
}

/* The first opening with this router: what was drawn is our id from now on. */
static void store_self(mti_sync *sync)
{
    mt_storage_record record = {mt_str(self_key), {sync->self, sizeof sync->self}};

    if (mti_store_record(sync, &record, self_stored, sync) != MT_OK) read_later(sync);
}

/* A record that is none of ours is passed over: what it said is asked for anew. */
static void take_known(mti_sync *sync, const mt_storage_record *record)
{
    mt_error err;
    mti_parse in = mti_parse_of(record->value, "a record", &err);
    mti_standing standing;
    mti_known *known;

    if (record->key.len != IN_LEN + 24) return;
    mti_parse_standing(&in, &standing);
    if (mti_parse_end(&in) != MT_OK) return;
    known = known_add(sync, record->key.data + IN_LEN, record->key.data + IN_LEN + 16);
    if (known) known_take(known, &standing);
}

static void records_read(void *ctx, mt_db *db, const mt_storage_answer *answer)
{
    mti_sync *sync = ctx;
    const mt_storage_record *last = NULL;
    mt_status st;

    for (size_t i = 0; i < answer->record_count; i++) {
        last = &answer->records[i];
        if (mt_bytes_equal(last->key, mt_str(self_key)) && last->value.len == 16) {
            memcpy(sync->self, last->value.data, 16);
            sync->self_found = true;
        } else if (last->key.len > IN_LEN && memcmp(last->key.data, in_key, IN_LEN) == 0) {
            take_known(sync, last);
        } else {
            mti_refused_read(sync, last);
        }
    }
    if (answer->more) return;
    st = answer->status == MT_MALFORMED ? MT_OK : answer->status;
    if (st == MT_OK && !answer->end && last) {
        st = mt_db_records(db, mt_str("sync/"), last->key, PAGE, records_read, sync);
        if (st == MT_OK) return;
    }
    if (st != MT_OK) read_later(sync);
    else if (sync->self_found) identified(sync);
    else store_self(sync);
}

static void ready(void *ctx, mt_db *db, const mt_result *result)
{
    (void)db;
    if (result->status == MT_OK) identified(ctx);
}

static void read_all(void *arg)
{
    mti_sync *sync = arg;
    mt_bytes none = {NULL, 0};
    mt_status st;

    sync->known_count = 0;
    mti_refused_end(sync);
    st = mt_db_records(sync->db, mt_str("sync/"), none, PAGE, records_read, sync);
    if (st == MT_UNSUPPORTED) st = mt_db_ready(sync->db, ready, sync);
    if (st != MT_OK) read_later(sync);
}

void mti_known_read(mti_sync *sync)
{
    sync->store_known = (mt_timer){.fire = mti_known_store, .arg = sync};
    sync->read_known = (mt_timer){.fire = read_all, .arg = sync};
    read_all(sync);
}
