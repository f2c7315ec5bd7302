/* log.c - which nodes changed, for peers that were away: the storage's log, or, where there is none,
 * the last changes in memory. */
#include "sync/sync.h"

mt_status mti_log_init(mti_sync *sync, size_t max)
{
    sync->log.max = max;
    return sync->env->entropy(sync->env->ctx, sync->log.head.boot, sizeof sync->log.head.boot);
}

void mti_log_free(mti_sync *sync)
{
    mti_sync_log *log = &sync->log;

    for (size_t i = 0; i < log->count; i++) {
        mti_noted *noted = &log->noted[(log->head.number - i) & (log->cap - 1)];
        mti_mem_free(sync->mem, noted->uid, noted->uid_len);
    }
    mti_mem_free(sync->mem, log->noted, log->cap * sizeof *log->noted);
    log->noted = NULL;
    log->count = log->cap = 0;
}

mt_cursor mti_log_head(const mti_sync *sync)
{
    mt_cursor head = sync->log.head;

    if (sync->log.of_storage && !mt_db_head(sync->db, &head)) memset(&head, 0, sizeof head);
    return head;
}

bool mti_log_at_head(const mti_sync *sync, const mt_cursor *at)
{
    mt_cursor head = mti_log_head(sync);

    return memcmp(&head, at, sizeof head) == 0;
}

/* ---- In memory ---- */

static mt_status ring_grow(mti_sync *sync)
{
    mti_sync_log *log = &sync->log;
    size_t cap = log->cap ? 2 * log->cap : 64;
    mti_noted *wider = mti_mem_alloc(sync->mem, cap * sizeof *wider);

    if (!wider) return MT_NO_MEMORY;
    for (size_t i = 0; i < log->count; i++) {
        uint64_t number = log->head.number - i;
        wider[number & (cap - 1)] = log->noted[number & (log->cap - 1)];
    }
    mti_mem_free(sync->mem, log->noted, log->cap * sizeof *log->noted);
    log->noted = wider;
    log->cap = cap;
    return MT_OK;
}

static void forget_oldest(mti_sync *sync)
{
    mti_sync_log *log = &sync->log;
    mti_noted *oldest = &log->noted[(log->head.number - log->count + 1) & (log->cap - 1)];

    mti_mem_free(sync->mem, oldest->uid, oldest->uid_len);
    log->count--;
}

static mt_status note_node(mti_sync *sync, mt_bytes uid, mt_bytes origin)
{
    mti_sync_log *log = &sync->log;
    uint8_t *copy;
    mti_noted *noted;

    if (log->count >= log->max) forget_oldest(sync);
    if (log->count == log->cap && ring_grow(sync) != MT_OK) return MT_NO_MEMORY;
    if (!(copy = mti_mem_alloc(sync->mem, uid.len))) return MT_NO_MEMORY;
    memcpy(copy, uid.data, uid.len);
    noted = &log->noted[++log->head.number & (log->cap - 1)];
    noted->uid = copy;
    noted->uid_len = (uint8_t)uid.len;
    noted->origin_len = (uint8_t)origin.len;
    if (origin.len) memcpy(noted->origin, origin.data, origin.len);
    log->count++;
    return MT_OK;
}

/* What cannot be noted makes everybody who has not got it copy the whole: nothing before counts. */
void mti_log_note(mti_sync *sync, const mt_push *push)
{
    mt_bytes origin = {NULL, 0};
    mt_delta_iter iter;
    mt_delta_node node;

    if (sync->log.of_storage) return;
    if (push->origin) origin = mt_connection_peer(push->origin);
    mt_delta_iter_init(&iter, push->delta, MT_UPDATE);
    while (mt_delta_iter_node(&iter, &node)) {
        if (node.empty || note_node(sync, node.uid, origin) == MT_OK) continue;
        while (sync->log.count > 0) forget_oldest(sync);
        sync->log.head.number++;
    }
}

#define PIECE 64

/* The changes with these numbers, in pieces. */
static void show_noted(const mti_sync *sync, uint64_t from, uint64_t to,
                       void (*done)(void *ctx, const mti_log_answer *answer), void *ctx)
{
    const mti_sync_log *log = &sync->log;
    mt_storage_change changes[PIECE];
    mti_log_answer answer = {.changes = changes, .next = log->head};

    memset(changes, 0, sizeof changes);
    for (uint64_t number = from; number <= to; number++) {
        const mti_noted *noted = &log->noted[number & (log->cap - 1)];
        mt_storage_change *change = &changes[answer.count++];
        change->number = number;
        change->uid = (mt_bytes){noted->uid, noted->uid_len};
        change->all = true;
        change->origin = (mt_bytes){noted->origin, noted->origin_len};
        if (answer.count < PIECE || number == to) continue;
        answer.more = true;
        done(ctx, &answer);
        answer.count = 0;
    }
    answer.more = false;
    answer.next.number = to;
    answer.end = to == log->head.number;
    done(ctx, &answer);
}

static void changes_noted(mti_sync *sync, const mt_cursor *since, size_t limit,
                          void (*done)(void *ctx, const mti_log_answer *answer), void *ctx)
{
    const mti_sync_log *log = &sync->log;
    uint64_t head = log->head.number;
    uint64_t to = head - since->number > limit ? since->number + limit : head;
    mti_log_answer stale = {.status = MT_STALE, .text = "the log does not reach back to it"};

    if (memcmp(since->boot, log->head.boot, sizeof since->boot) != 0 || since->number > head ||
        head - since->number > log->count)
        done(ctx, &stale);
    else show_noted(sync, since->number + 1, to, done, ctx);
}

/* ---- Of storage ---- */

typedef struct asking {
    mti_sync *sync;
    void (*done)(void *ctx, const mti_log_answer *answer);
    void *ctx;
} asking;

static void storage_answered(void *ctx, mt_db *db, const mt_storage_answer *answer)
{
    asking *a = ctx, own = *a;
    mti_log_answer out = {.status = answer->status,
                          .text = answer->text,
                          .changes = answer->changes,
                          .count = answer->change_count,
                          .next = answer->next,
                          .end = answer->end,
                          .more = answer->more};

    (void)db;
    if (!answer->more) mti_mem_free(own.sync->mem, a, sizeof *a);
    own.done(own.ctx, &out);
}

mt_status mti_log_changes(mti_sync *sync, const mt_cursor *since, size_t limit,
                          void (*done)(void *ctx, const mti_log_answer *answer), void *ctx)
{
    asking *a;
    mt_status st;

    if (!sync->log.of_storage) {
        changes_noted(sync, since, limit, done, ctx);
        return MT_OK;
    }
    if (!(a = mti_mem_alloc(sync->mem, sizeof *a))) return MT_NO_MEMORY;
    *a = (asking){sync, done, ctx};
    st = mt_db_changes(sync->db, since, limit, storage_answered, a);
    if (st != MT_OK) mti_mem_free(sync->mem, a, sizeof *a);
    return st;
}
