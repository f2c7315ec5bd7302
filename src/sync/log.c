/* log.c - which nodes changed, for peers that were away: the storage's log, or, where there is none,
 * the last changes in memory. */
#include "sync/sync.h"

mt_status mti_log_init(mti_sync *sync, size_t max)
{
    const mt_env *env = sync->env;
    uint8_t boot[16];
    uint64_t seed;

    if (env->entropy(env->ctx, boot, sizeof boot) != MT_OK ||
        env->entropy(env->ctx, (uint8_t *)&seed, sizeof seed) != MT_OK)
        return MT_IO;
    mti_memory_log_init(&sync->log.memory, sync->mem, max, boot, seed);
    return MT_OK;
}

void mti_log_free(mti_sync *sync)
{
    mti_memory_log_free(&sync->log.memory);
}

mt_cursor mti_log_head(const mti_sync *sync)
{
    mt_cursor head = sync->log.memory.head;

    if (sync->log.of_storage && !mt_db_head(sync->db, &head)) memset(&head, 0, sizeof head);
    return head;
}

bool mti_is_empty(const mti_sync *sync)
{
    if (sync->log.of_storage || !mti_db_has_storage(sync->db))
        return mti_log_head(sync).number == 0;
    return false; /* a storage that has no log may have anything */
}

bool mti_log_at_head(const mti_sync *sync, const mt_cursor *at)
{
    mt_cursor head = mti_log_head(sync);

    return memcmp(&head, at, sizeof head) == 0;
}

/* ---- In memory ---- */

void mti_log_note(mti_sync *sync, const mt_push *push)
{
    uint8_t room[MTI_LOG_NAMES_LEN_MAX];
    mt_bytes origin = {NULL, 0};
    mt_delta_iter iter;
    mt_delta_node node;

    if (sync->log.of_storage) return;
    if (push->origin) origin = mt_connection_peer(push->origin);
    mt_delta_iter_init(&iter, push->delta, MT_UPDATE);
    while (mt_delta_iter_node(&iter, &node)) {
        size_t count;
        mt_bytes names = mti_log_names_of(&iter, &node, room, &count);
        if (!node.empty) mti_memory_log_note(&sync->log.memory, node.uid, names, count, origin);
    }
}

typedef struct showing {
    void (*done)(void *ctx, const mti_log_answer *answer);
    void *ctx;
} showing;

static void show(void *ctx, const mt_storage_change *changes, size_t count)
{
    const showing *s = ctx;
    mti_log_answer piece = {.changes = changes, .count = count, .more = true};

    s->done(s->ctx, &piece);
}

static void changes_noted(const mti_sync *sync, const mt_cursor *since, size_t limit,
                          void (*done)(void *ctx, const mti_log_answer *answer), void *ctx)
{
    const mti_memory_log *log = &sync->log.memory;
    showing s = {done, ctx};
    mti_log_answer last = {.status = MT_OK};

    last.status = mti_memory_log_changes(log, since, limit, show, &s, &last.next);
    if (last.status != MT_OK) last.text = "the log does not reach back to it";
    else last.end = last.next.number == log->head.number;
    done(ctx, &last);
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
