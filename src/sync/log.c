/* log.c - which nodes changed, for peers that were away: the storage's log, or, where there is none,
 * the last changes in memory. */
#include "sync/sync.h"

/* How many names a change in memory has at most, and how many changes are shown at once. */
#define NAMES_MAX 8
#define PIECE 32

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
        mti_mem_free(sync->mem, noted->text, noted->text_len);
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

    mti_mem_free(sync->mem, oldest->text, oldest->text_len);
    log->count--;
}

/* The fields of a node that changed; of more than there is room for, none: then it is any. */
typedef struct changed_names {
    mt_bytes name[NAMES_MAX];
    size_t count, len;
} changed_names;

static changed_names names_of(mt_delta_iter *iter, const mt_delta_node *node)
{
    changed_names found = {.count = 0};
    mt_field field;
    bool any = node->created || node->floor > 0;

    while (!any && mt_delta_iter_field(iter, &field)) {
        any = found.count == NAMES_MAX;
        if (any) break;
        found.name[found.count++] = field.name;
        found.len += 1 + field.name.len;
    }
    if (any) found.count = found.len = 0;
    return found;
}

static mt_status note_node(mti_sync *sync, mt_bytes uid, const changed_names *names,
                           mt_bytes origin)
{
    mti_sync_log *log = &sync->log;
    size_t len = uid.len + names->len;
    mti_noted *noted;
    uint8_t *at;

    if (log->count >= log->max) forget_oldest(sync);
    if (log->count == log->cap && ring_grow(sync) != MT_OK) return MT_NO_MEMORY;
    if (!(at = mti_mem_alloc(sync->mem, len))) return MT_NO_MEMORY;
    noted = &log->noted[++log->head.number & (log->cap - 1)];
    noted->text = at;
    noted->text_len = (uint32_t)len;
    noted->uid_len = (uint8_t)uid.len;
    noted->name_count = (uint8_t)names->count;
    noted->origin_len = (uint8_t)origin.len;
    if (origin.len) memcpy(noted->origin, origin.data, origin.len);
    memcpy(at, uid.data, uid.len);
    at += uid.len;
    for (size_t i = 0; i < names->count; i++) {
        *at++ = (uint8_t)names->name[i].len;
        if (names->name[i].len) memcpy(at, names->name[i].data, names->name[i].len);
        at += names->name[i].len;
    }
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
        changed_names changed = names_of(&iter, &node);
        if (node.empty || note_node(sync, node.uid, &changed, origin) == MT_OK) continue;
        while (sync->log.count > 0) forget_oldest(sync);
        sync->log.head.number++;
    }
}

/* A change as those of storage are; its names go to `room`. */
static void show_one(const mti_noted *noted, uint64_t number, mt_bytes room[NAMES_MAX],
                     mt_storage_change *out)
{
    const uint8_t *at = noted->text + noted->uid_len;

    for (size_t i = 0; i < noted->name_count; i++) {
        room[i] = (mt_bytes){at + 1, *at};
        at += 1 + *at;
    }
    *out = (mt_storage_change){.number = number,
                               .uid = {noted->text, noted->uid_len},
                               .names = room,
                               .name_count = noted->name_count,
                               .all = noted->name_count == 0,
                               .origin = {noted->origin, noted->origin_len}};
}

/* The changes with these numbers, in pieces. */
static void show_noted(const mti_sync *sync, uint64_t from, uint64_t to,
                       void (*done)(void *ctx, const mti_log_answer *answer), void *ctx)
{
    const mti_sync_log *log = &sync->log;
    mt_storage_change changes[PIECE];
    mt_bytes room[PIECE][NAMES_MAX];
    mti_log_answer answer = {.changes = changes, .next = log->head};

    for (uint64_t number = from; number <= to; number++) {
        size_t at = answer.count++;
        show_one(&log->noted[number & (log->cap - 1)], number, room[at], &changes[at]);
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
