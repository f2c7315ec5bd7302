/* writing.c - writes and removals, one after the other.
 *
 *     queue     first: (keeper's turn) -> trim? -> plan -> (readers leave) -> commit -> done or undone
 *               second: waits
 *
 * The engine is given one commit at a time. So each is planned on what is really there, and one that
 * fails leaves nothing to be taken back but its own plan. Whoever has many small commits unites them
 * in one write, as the database does, and then they share one fsync. */
#include "base/assert.h"
#include "base/bytes.h"
#include "store/readers.h"

typedef struct writing {
    mti_asking asking;
    const mt_storage_write *write; /* NULL: a removal */
    mt_bytes *uids;                /* of a removal, with their text behind them */
    size_t uid_count, uid_size;
    mti_trim trim;
    enum { BEGIN, KEEP, TRIM, PLAN, COMMIT } stage;
} writing;

/* ---- The queue ---- */

/* Starts the first write, if none is under way, and those behind it as far as they go at once. */
static void writes_run(mti_node_store *store)
{
    if (store->writes_running) return;
    store->writes_running = true;
    while (store->writes && !store->writing) {
        store->writing = true;
        mti_asking_run(store->writes);
    }
    store->writes_running = false;
}

static void queue_add(mti_node_store *store, mti_asking *asking)
{
    asking->next = NULL;
    if (store->last_write) store->last_write->next = asking;
    else store->writes = asking;
    store->last_write = asking;
}

void mti_writes_add(mti_asking *asking)
{
    mti_node_store *store = asking->store;

    mti_store_enter(store);
    queue_add(store, asking);
    writes_run(store);
    mti_store_leave(store);
}

static void queue_take_first(mti_node_store *store)
{
    store->writes = store->writes->next;
    if (!store->writes) store->last_write = NULL;
    store->writing = false;
}

void mti_writes_yield(mti_asking *asking)
{
    mti_assert(asking->next != NULL);
    queue_take_first(asking->store);
    mti_writes_add(asking);
}

void mti_writes_end(mti_asking *asking, const mt_storage_answer *answer)
{
    mti_node_store *store = asking->store;

    queue_take_first(store);
    mti_restructure_end(store);
    mti_asking_end(asking, answer);
    mti_readers_wake(store);
    writes_run(store);
}

static void writing_fail(writing *w, mt_status status, const char *text)
{
    mt_storage_answer answer = {.status = status, .text = text};

    mti_writes_end(&w->asking, &answer);
}

static void writing_done(writing *w)
{
    mt_storage_answer answer = {.status = MT_OK};

    mti_plan_done(w->asking.store);
    answer.next = mti_cursor_at(w->asking.store, w->asking.store->log.head);
    mti_writes_end(&w->asking, &answer);
}

/* ---- Trimming ---- */

/* How many entries the log may have more than it should before it is trimmed, so that it is not
 * trimmed for each of them; and how many go at once. */
#define TRIM_SLACK_MAX 1024
#define TRIM_AT_ONCE 4096

/* Whether the log is too long; then `*count` says how many of its oldest entries to look for. */
static bool trim_wanted(const mti_node_store *store, size_t *count)
{
    uint64_t slack = store->log_max / 8, over;

    if (slack > TRIM_SLACK_MAX) slack = TRIM_SLACK_MAX;
    if (store->log.count <= store->log_max || store->log.count - store->log_max <= slack)
        return false;
    over = store->log.count - store->log_max;
    *count = over < TRIM_AT_ONCE ? (size_t)over : TRIM_AT_ONCE;
    return true;
}

/* Notes the oldest entries. The last one stays, whatever the log is thought to hold. */
static void trim_take(writing *w, const mt_kv_answer *answer)
{
    mti_log *log = &w->asking.store->log;
    uint64_t number;

    /* If that was all of them, their number is known for sure now. */
    if (!answer->more) log->count = answer->count;
    for (size_t i = 0; i < answer->count; i++) {
        if (log->count - w->trim.count <= w->asking.store->log_max) break;
        if (!mti_key_number(answer->pairs[i].key, MTI_KEY_LOG, &number)) continue;
        if (number >= log->head) break;
        w->trim.last = number;
        w->trim.count++;
    }
}

static void trim_ask(writing *w)
{
    mti_node_store *store = w->asking.store;
    mti_key after, end;
    size_t count;

    if (!trim_wanted(store, &count)) {
        w->asking.ready = true;
        return;
    }
    mti_key_set_number(&after, MTI_KEY_LOG, 0);
    mti_key_set_number(&end, MTI_KEY_LOG, MTI_NUMBER_END);
    mti_ask_scan(&w->asking, mti_key_bytes(&after), mti_key_bytes(&end), count);
}

/* ---- Stages ---- */

static void plan(writing *w)
{
    mti_node_store *store = w->asking.store;
    mt_error err = {MT_OK, ""};
    mt_status st;

    if (w->write) st = mti_plan_write(store, w->write, &w->trim, &err);
    else st = mti_plan_remove(store, w->uids, w->uid_count, &err);
    if (st != MT_OK) {
        writing_fail(w, st, err.status == st ? err.text : mt_status_text(st));
        return;
    }
    if (store->plan.restructures && !mti_restructure_begin(store)) return;
    w->asking.ready = true;
}

static void commit(writing *w)
{
    mti_batch *batch = &w->asking.store->plan.batch;

    if (batch->count == 0) {
        writing_done(w);
        return;
    }
    mti_ask_commit(&w->asking, batch->ops, batch->count);
    mti_keeper_make_prints(&w->asking.store->keeper);
}

static void writing_go(mti_asking *asking)
{
    writing *w = (writing *)asking;

    switch (w->stage) {
    case BEGIN:
        w->stage = mti_keeper_wanted(&asking->store->keeper) ? KEEP : TRIM;
        if (w->stage == KEEP) mti_keeper_begin(&asking->store->keeper, false);
        asking->ready = true;
        break;
    case KEEP:
        if (mti_keeper_go(asking) == MTI_KEEPING_WAITS) break;
        w->stage = TRIM;
        asking->ready = true;
        break;
    case TRIM:
        w->stage = PLAN;
        trim_ask(w);
        break;
    case PLAN:
        w->stage = COMMIT;
        plan(w);
        break;
    case COMMIT: commit(w); break;
    }
}

static void writing_take(mti_asking *asking, const mt_kv_answer *answer)
{
    writing *w = (writing *)asking;

    if (w->stage == KEEP) {
        mti_keeper_take(asking, answer);
    } else if (w->stage == PLAN && answer->status == MT_OK) {
        trim_take(w, answer);
    } else if (answer->status == MT_OK) {
        writing_done(w);
    } else {
        if (w->stage == COMMIT) mti_plan_undo(asking->store);
        writing_fail(w, answer->status, answer->text);
    }
}

static void writing_dispose(mti_asking *asking)
{
    writing *w = (writing *)asking;

    mti_mem_free(asking->store->mem, w->uids, w->uid_size);
}

/* ---- Requests ---- */

mt_status mti_store_write(void *ctx, const mt_storage_host *host, uint64_t id,
                          const mt_storage_write *write)
{
    mti_node_store *store = ctx;
    writing *w;

    if (!store->opened) return MT_INVALID;
    w = mti_asking_new(store, host, id, sizeof *w, writing_go, writing_take);
    if (!w) return MT_NO_MEMORY;
    w->write = write;
    mti_writes_add(&w->asking);
    return MT_OK;
}

static mt_status copy_uids(writing *w, const mt_bytes *uids, size_t count)
{
    uint8_t *text;

    w->uid_size = count * sizeof *uids + 1;
    for (size_t i = 0; i < count; i++) {
        if (uids[i].len == 0 || uids[i].len > MT_UID_LEN_MAX) return MT_INVALID;
        w->uid_size += uids[i].len;
    }
    w->uids = mti_mem_alloc(w->asking.store->mem, w->uid_size);
    if (!w->uids) return MT_NO_MEMORY;
    w->uid_count = count;
    text = (uint8_t *)&w->uids[count];
    for (size_t i = 0; i < count; i++) {
        memcpy(text, uids[i].data, uids[i].len);
        w->uids[i] = (mt_bytes){text, uids[i].len};
        text += uids[i].len;
    }
    return MT_OK;
}

mt_status mti_store_remove(void *ctx, const mt_storage_host *host, uint64_t id,
                           const mt_bytes *uids, size_t count)
{
    mti_node_store *store = ctx;
    mt_status st;
    writing *w;

    if (!store->opened) return MT_INVALID;
    w = mti_asking_new(store, host, id, sizeof *w, writing_go, writing_take);
    if (!w) return MT_NO_MEMORY;
    w->asking.dispose = writing_dispose;
    st = copy_uids(w, uids, count);
    if (st == MT_OK) mti_writes_add(&w->asking);
    else mti_asking_drop(&w->asking);
    return st;
}
