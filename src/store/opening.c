/* opening.c - what a store knows of itself when it is opened. Nothing is written.
 *
 *     META     a get of what is kept about the store
 *     EMPTY    no format: a scan for anything at all, for then it is no node store
 *     BOOTS    a scan of the boots
 *     FIRST    the oldest entry of the log
 *     LAST     the newest one, looked for by halves, since engines only scan forwards: some dozen scans
 *              for a single pair each
 *     NEWEST   what it says
 *     CHECK    a scan of all keys, if they are to be looked at
 *
 * The number of the newest entry is the head of the log, and what it says of the clock holds for the
 * store. Where it is damaged, the clock is that of the last record that says one by itself, or none,
 * and the log is taken to be as long as its numbers. */
#include "base/bytes.h"
#include "base/status.h"
#include "store/content.h"
#include "store/node_store.h"

#define BOOTS_PAGE MTI_BOOTS_MAX
#define CHECK_PAGE 256

typedef struct opening {
    mti_asking asking;
    enum { META, EMPTY, BOOTS, FIRST, LAST, NEWEST, CHECK } stage;
    mti_key after, end;
    uint64_t first;     /* the number of the oldest entry; 0: none */
    uint64_t low, high; /* an entry is at `low`, or that is 0; none at `high` or after it */
    uint64_t probe;     /* LAST: is there one at or after this? */
    uint64_t hint;      /* the log ended here or later; 0: not known */
    uint64_t step;
    bool bounded;        /* `high` was found, and not only assumed */
    bool passes;         /* the next scan goes on behind `after` */
    uint64_t clock_head; /* where the log ended when the clock was written by itself */
    mt_buf index_meta;   /* the meta record of the fingerprint index, if there is one */
    bool has_index;
} opening;

static void key_copy(mti_key *key, mt_bytes bytes)
{
    memcpy(key->data, bytes.data, bytes.len);
    key->len = bytes.len;
}

static void fail(opening *o, mt_status status, const char *text)
{
    mti_asking_fail(&o->asking, status, text);
}

static void finish(opening *o)
{
    mti_node_store *store = o->asking.store;
    mt_storage_info info = {.clock = store->log.clock,
                            .clock_mode = store->log.clock_mode,
                            .head = mti_cursor_at(store, store->log.head),
                            .log_first = o->first};
    mt_storage_answer answer = {.info = &info};

    if (store->check && o->stage != CHECK) {
        o->stage = CHECK;
        o->after.len = 0;
        return;
    }
    store->plan.next = store->log;
    store->opened = true;
    mti_keeper_opened(store, !store->log.formatted, o->has_index, mt_buf_bytes(&o->index_meta));
    mti_asking_end(&o->asking, &answer);
}

/* ---- META ---- */

static const char *const meta_keys[] = {MTI_META_CLOCK, MTI_META_FORMAT, MTI_META_FORMAT_COPY,
                                        MTI_META_LOG};
enum { META_CLOCK, META_FORMAT, META_FORMAT_COPY, META_LOG, META_INDEX, META_COUNT };

static void meta_ask(opening *o)
{
    mt_bytes keys[META_COUNT];

    for (size_t i = 0; i < META_INDEX; i++) keys[i] = mt_str(meta_keys[i]);
    keys[META_INDEX] = mti_index_meta_key();
    mti_ask_get(&o->asking, keys, META_COUNT);
}

static bool meta_open(const mt_kv_answer *answer, size_t i, mt_bytes *content)
{
    mt_bytes value = answer->pairs[i].value;

    return value.data && mti_seal_open(mt_str(meta_keys[i]), value, content);
}

/* The format stands there twice, and one of them is enough. */
static mt_status read_format(opening *o, const mt_kv_answer *answer, mt_error *err)
{
    mti_node_store *store = o->asking.store;
    uint64_t format, small_len_max;
    mt_bytes in;

    if (!answer->pairs[META_FORMAT].value.data && !answer->pairs[META_FORMAT_COPY].value.data)
        return MT_NOT_FOUND;
    if (!meta_open(answer, META_FORMAT, &in) && !meta_open(answer, META_FORMAT_COPY, &in))
        return mti_fail(err, MT_MALFORMED,
                        "what the store says of its format is damaged in both copies");
    if (!mti_content_number(&in, &format))
        return mti_fail(err, MT_MALFORMED, "the store's format is no number");
    if (format != MTI_STORE_FORMAT)
        return mti_fail(err, MT_UNSUPPORTED, "the store has format %llu, and only %d is known here",
                        (unsigned long long)format, MTI_STORE_FORMAT);
    if (!mti_content_number(&in, &small_len_max) || in.len > 0 || small_len_max == 0 ||
        small_len_max > SIZE_MAX / 2)
        return mti_fail(err, MT_MALFORMED, "the store's format is not of its form");
    store->small_len_max = (size_t)small_len_max;
    store->log.formatted = true;
    return MT_OK;
}

static void read_clock(opening *o, const mt_kv_answer *answer)
{
    mti_log *log = &o->asking.store->log;
    uint64_t head, clock;
    uint8_t mode;
    mt_bytes in;

    if (!meta_open(answer, META_CLOCK, &in) || !mti_content_number(&in, &head) ||
        !mti_content_number(&in, &clock) || !mti_content_byte(&in, &mode) || in.len > 0)
        return;
    o->clock_head = head;
    log->clock = clock;
    log->clock_mode = mode;
}

/* Where the log begins, and where it once ended. If that is damaged, nobody knows what was trimmed. */
static void read_bounds(opening *o, const mt_kv_answer *answer)
{
    uint64_t *trimmed = &o->asking.store->log.trimmed;
    mt_bytes in;

    if (!answer->pairs[META_LOG].value.data) return;
    if (meta_open(answer, META_LOG, &in) && mti_content_number(&in, trimmed) &&
        mti_content_number(&in, &o->hint) && in.len == 0)
        return;
    *trimmed = UINT64_MAX;
    o->hint = 0;
}

/* What is known of the fingerprint index is looked at when the log is known. */
static mt_status keep_index_meta(opening *o, mt_bytes value)
{
    o->has_index = value.data != NULL;
    o->index_meta.len = 0;
    return mti_buf_append(&o->index_meta, value.data, value.len);
}

static void meta_take(opening *o, const mt_kv_answer *answer)
{
    mt_error err = {MT_OK, ""};
    mt_status st;

    st = read_format(o, answer, &err);
    if (st != MT_OK && st != MT_NOT_FOUND) {
        fail(o, st, err.text);
        return;
    }
    read_clock(o, answer);
    read_bounds(o, answer);
    if (keep_index_meta(o, answer->pairs[META_INDEX].value) != MT_OK) {
        fail(o, MT_NO_MEMORY, mt_status_text(MT_NO_MEMORY));
        return;
    }
    o->stage = st == MT_OK ? BOOTS : EMPTY;
}

static void empty_take(opening *o, const mt_kv_answer *answer)
{
    if (answer->count > 0)
        fail(o, MT_MALFORMED, "it is no node store: there is data, and no format");
    else finish(o);
}

/* ---- BOOTS ---- */

static void boots_ask(opening *o)
{
    if (o->after.len == 0) mti_key_set_number(&o->after, MTI_KEY_BOOT, 0);
    mti_key_set_number(&o->end, MTI_KEY_BOOT, MTI_NUMBER_END);
    mti_ask_scan(&o->asking, mti_key_bytes(&o->after), mti_key_bytes(&o->end), BOOTS_PAGE);
}

static void boots_take(opening *o, const mt_kv_answer *answer)
{
    mti_node_store *store = o->asking.store;

    for (size_t i = 0; i < answer->count; i++) {
        const mt_kv_pair *pair = &answer->pairs[i];
        mti_boot boot = {.known = false};
        mt_bytes id;

        if (!mti_key_number(pair->key, MTI_KEY_BOOT, &boot.first)) continue;
        if (mti_seal_open(pair->key, pair->value, &id) && id.len == sizeof boot.id) {
            memcpy(boot.id, id.data, sizeof boot.id);
            boot.known = true;
        }
        if (mti_boots_reserve(store) != MT_OK) {
            fail(o, MT_NO_MEMORY, mt_status_text(MT_NO_MEMORY));
            return;
        }
        mti_boots_add(store, &boot);
        mti_key_set_number(&o->after, MTI_KEY_BOOT, boot.first);
    }
    if (!answer->more || answer->count == 0) o->stage = FIRST;
}

/* ---- FIRST, LAST, NEWEST ---- */

/* Asks for the first entry at or after a number, or behind a key that is none of an entry. */
static void entry_ask(opening *o, uint64_t number)
{
    if (!o->passes) mti_key_set_number(&o->after, MTI_KEY_LOG, number - 1);
    o->passes = false;
    mti_key_set_number(&o->end, MTI_KEY_LOG, MTI_NUMBER_END);
    mti_ask_scan(&o->asking, mti_key_bytes(&o->after), mti_key_bytes(&o->end), 1);
}

/* Whether there is a key that is none of an entry, which is passed then: there may be entries behind it. */
static bool passes(opening *o, const mt_kv_answer *answer)
{
    mt_bytes key = answer->count > 0 ? answer->pairs[0].key : (mt_bytes){NULL, 0};
    uint64_t number;

    if (key.len == 0 || mti_key_number(key, MTI_KEY_LOG, &number)) return false;
    key_copy(&o->after, key);
    return o->passes = true;
}

static bool entry_found(const mt_kv_answer *answer, uint64_t *number)
{
    return answer->count > 0 && mti_key_number(answer->pairs[0].key, MTI_KEY_LOG, number);
}

/* Whether there is anything between `low` and `high` to look for; then where: further on by ever
 * longer steps, and once an end is known, by halves. */
static bool probe_next(opening *o)
{
    if (o->high - o->low <= 1) return false;
    o->probe = o->low + (o->high - o->low) / 2;
    if (!o->bounded && o->step < o->probe - o->low) {
        o->probe = o->low + o->step;
        o->step *= 4;
    }
    return true;
}

static void first_take(opening *o, const mt_kv_answer *answer)
{
    mti_node_store *store = o->asking.store;
    uint64_t boot = store->boot_count > 0 ? store->boots[store->boot_count - 1].first : 0;
    uint64_t start = boot > o->hint ? boot : o->hint;

    if (!entry_found(answer, &o->first)) {
        if (store->log.trimmed == UINT64_MAX) store->log.trimmed = 0;
        finish(o);
        return;
    }
    o->low = o->first;
    o->high = MTI_NUMBER_END;
    o->step = 64;
    o->stage = LAST;
    /* The last opening that logged something has an entry, and the log does not become shorter. */
    if (start > o->low && start < o->high) o->probe = start;
    else if (!probe_next(o)) o->stage = NEWEST;
}

static void last_take(opening *o, const mt_kv_answer *answer)
{
    uint64_t number;

    if (entry_found(answer, &number) && number >= o->probe) {
        o->low = number;
    } else {
        o->high = o->probe;
        o->bounded = true;
    }
    if (!probe_next(o)) o->stage = NEWEST;
}

/* What the newest entry says holds for the store. */
static void newest_take(opening *o, const mt_kv_answer *answer)
{
    mti_log *log = &o->asking.store->log;
    mti_log_entry entry;

    log->head = o->low;
    if (log->trimmed > log->head) log->trimmed = log->head;
    log->count = log->head - log->trimmed;
    if (answer->count > 0 &&
        mti_log_entry_get(answer->pairs[0].key, answer->pairs[0].value, &entry, NULL) == MT_OK) {
        if (entry.last) log->count = entry.count;
        if (entry.last && o->clock_head < log->head) log->clock_mode = entry.clock_mode;
        if (entry.clock > log->clock) log->clock = entry.clock;
    }
    finish(o);
}

/* ---- CHECK ---- */

static void check_take(opening *o, const mt_kv_answer *answer)
{
    mt_error err = {MT_OK, ""};

    for (size_t i = 0; i < answer->count; i++) {
        if (mti_store_check(o->asking.store, &answer->pairs[i], &err) != MT_OK) {
            fail(o, err.status, err.text);
            return;
        }
        key_copy(&o->after, answer->pairs[i].key);
    }
    if (!answer->more || answer->count == 0) finish(o);
}

/* ---- Stages ---- */

static void opening_go(mti_asking *asking)
{
    opening *o = (opening *)asking;

    switch (o->stage) {
    case META: meta_ask(o); break;
    case EMPTY: mti_ask_scan(asking, (mt_bytes){NULL, 0}, (mt_bytes){NULL, 0}, 1); break;
    case BOOTS: boots_ask(o); break;
    case FIRST: entry_ask(o, 1); break;
    case LAST: entry_ask(o, o->probe); break;
    case NEWEST: entry_ask(o, o->low); break;
    case CHECK:
        mti_ask_scan(asking, mti_key_bytes(&o->after), (mt_bytes){NULL, 0}, CHECK_PAGE);
        break;
    }
}

static void opening_take(mti_asking *asking, const mt_kv_answer *answer)
{
    opening *o = (opening *)asking;

    if (answer->status != MT_OK) {
        fail(o, answer->status, answer->text);
        return;
    }
    if (o->stage >= FIRST && o->stage <= NEWEST && passes(o, answer)) return;
    switch (o->stage) {
    case META: meta_take(o, answer); break;
    case EMPTY: empty_take(o, answer); break;
    case BOOTS: boots_take(o, answer); break;
    case FIRST: first_take(o, answer); break;
    case LAST: last_take(o, answer); break;
    case NEWEST: newest_take(o, answer); break;
    case CHECK: check_take(o, answer); break;
    }
}

static void opening_dispose(mti_asking *asking)
{
    mt_buf_free(&((opening *)asking)->index_meta);
}

mt_status mti_store_open(void *ctx, const mt_storage_host *host, uint64_t id)
{
    mti_node_store *store = ctx;
    opening *o;

    if (store->opened) return MT_INVALID;
    if (!(o = mti_asking_new(store, host, id, sizeof *o, opening_go, opening_take)))
        return MT_NO_MEMORY;
    o->asking.dispose = opening_dispose;
    o->index_meta.mem = store->mem;
    memset(&store->log, 0, sizeof store->log);
    store->boot_count = 0;
    mti_asking_run(&o->asking);
    return MT_OK;
}
