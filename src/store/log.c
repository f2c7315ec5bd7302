/* log.c - reading the sequence log, and the database's own records. */
#include "base/assert.h"
#include "base/bytes.h"
#include "base/status.h"
#include "store/node_store.h"

/* How many are read for one answer. */
#define PAGE_MAX 1024

/* ---- Changes ---- */

typedef struct asking_changes {
    mti_asking asking;
    mt_cursor since;
    size_t limit;
    uint64_t head; /* when they were asked for: what comes after may not be durable yet */
    mt_storage_change *changes;
    mt_bytes *names;
    size_t change_count, change_cap, name_count, name_cap;
} asking_changes;

static void changes_ask(mti_asking *asking)
{
    asking_changes *a = (asking_changes *)asking;
    mti_key after, end;

    a->head = asking->store->log.head;
    if (!mti_cursor_valid(asking->store, &a->since)) {
        mti_asking_fail(asking, MT_STALE, mt_status_text(MT_STALE));
        return;
    }
    if (a->limit == 0 || a->since.number >= a->head) {
        mt_storage_answer answer = {.next = a->since, .end = a->since.number >= a->head};

        mti_asking_end(asking, &answer);
        return;
    }
    mti_key_set_number(&after, MTI_KEY_LOG, a->since.number);
    mti_key_set_number(&end, MTI_KEY_LOG, a->head + 1);
    mti_ask_scan(asking, mti_key_bytes(&after), mti_key_bytes(&end),
                 a->limit < PAGE_MAX ? a->limit : PAGE_MAX);
}

static mt_status get_entry(const mt_kv_pair *pair, uint64_t *number, mti_log_entry *entry,
                           mt_error *err)
{
    mt_error why;
    mt_status st;

    if (!mti_key_number(pair->key, MTI_KEY_LOG, number))
        return mti_fail(err, MT_MALFORMED, "\"%.*s\" is no key of a change", MTI_SHOW(pair->key));
    st = mti_log_entry_get(pair->key, pair->value, entry, &why);
    if (st == MT_OK) return MT_OK;
    return mti_fail(err, st, "the log's record of change %llu: %s", (unsigned long long)*number,
                    why.text);
}

/* Makes room for all entries of a page, up to the first that is damaged. */
static mt_status changes_reserve(asking_changes *a, const mt_kv_answer *answer, size_t *count,
                                 mt_error *err)
{
    const mt_mem *mem = a->asking.store->mem;
    size_t names = 1;
    mti_log_entry entry = {.all = false};
    uint64_t number;
    void *made;

    for (*count = 0; *count < answer->count; ++*count) {
        if (get_entry(&answer->pairs[*count], &number, &entry, err) != MT_OK) break;
        names += entry.name_count;
    }
    made = mti_vector_reserve(mem, a->changes, &a->change_cap, *count + 1, sizeof *a->changes);
    if (!made) return MT_NO_MEMORY;
    a->changes = made;
    made = mti_vector_reserve(mem, a->names, &a->name_cap, names, sizeof *a->names);
    if (!made) return MT_NO_MEMORY;
    a->names = made;
    return MT_OK;
}

static void add_change(asking_changes *a, uint64_t number, const mti_log_entry *entry)
{
    mt_storage_change *change = &a->changes[a->change_count++];
    mt_bytes names = entry->names, name;

    *change = (mt_storage_change){.number = number,
                                  .uid = entry->uid,
                                  .names = a->names + a->name_count,
                                  .name_count = entry->name_count,
                                  .all = entry->all,
                                  .origin = entry->origin};
    while (mti_log_name_next(&names, &name)) a->names[a->name_count++] = name;
}

/* What is sound comes first; nobody may go on past what is damaged, for it is not known what that
 * was about. */
static void changes_answer(asking_changes *a, bool all, const mt_error *damage)
{
    mt_storage_answer answer = {.changes = a->changes, .change_count = a->change_count};

    answer.end = all && damage->status == MT_OK;
    if (answer.end) answer.next = mti_cursor_at(a->asking.store, a->head);
    else if (a->change_count > 0)
        answer.next = mti_cursor_at(a->asking.store, a->changes[a->change_count - 1].number);
    if (damage->status != MT_OK) {
        answer.more = true;
        if (answer.change_count > 0) mti_asking_tell(&a->asking, &answer);
        mti_asking_fail(&a->asking, damage->status, damage->text);
        return;
    }
    mti_asking_end(&a->asking, &answer);
}

static void changes_take(mti_asking *asking, const mt_kv_answer *answer)
{
    asking_changes *a = (asking_changes *)asking;
    mt_error damage = {MT_OK, ""};
    mti_log_entry entry = {.all = false};
    uint64_t number = 0;
    size_t count;

    if (answer->status != MT_OK) {
        mti_asking_fail(asking, answer->status, answer->text);
        return;
    }
    /* A write that was under way may have trimmed what the scan should have found. */
    if (!mti_cursor_valid(asking->store, &a->since)) {
        mti_asking_fail(asking, MT_STALE, mt_status_text(MT_STALE));
        return;
    }
    if (changes_reserve(a, answer, &count, &damage) != MT_OK) {
        mti_asking_fail(asking, MT_NO_MEMORY, mt_status_text(MT_NO_MEMORY));
        return;
    }
    for (size_t i = 0; i < count; i++) {
        mt_status st = get_entry(&answer->pairs[i], &number, &entry, NULL);

        mti_assert(st == MT_OK); /* as it was when room was made for it */
        add_change(a, number, &entry);
    }
    changes_answer(a, !answer->more || answer->count == 0, &damage);
}

static void changes_dispose(mti_asking *asking)
{
    asking_changes *a = (asking_changes *)asking;
    const mt_mem *mem = asking->store->mem;

    mti_mem_free(mem, a->changes, a->change_cap * sizeof *a->changes);
    mti_mem_free(mem, a->names, a->name_cap * sizeof *a->names);
}

mt_status mti_store_changes(void *ctx, const mt_storage_host *host, uint64_t id,
                            const mt_cursor *since, size_t limit)
{
    mti_node_store *store = ctx;
    asking_changes *a;

    if (!store->opened) return MT_INVALID;
    a = mti_asking_new(store, host, id, sizeof *a, changes_ask, changes_take);
    if (!a) return MT_NO_MEMORY;
    a->asking.dispose = changes_dispose;
    a->since = *since;
    a->limit = limit;
    mti_asking_run(&a->asking);
    return MT_OK;
}

/* ---- Records ---- */

typedef struct asking_records {
    mti_asking asking;
    mti_key after, end;
    size_t limit;
    mt_storage_record *records;
    size_t count, cap;
} asking_records;

static void records_ask(mti_asking *asking)
{
    asking_records *a = (asking_records *)asking;
    mt_storage_answer none = {.status = MT_OK};

    if (a->limit == 0) mti_asking_end(asking, &none);
    else
        mti_ask_scan(asking, mti_key_bytes(&a->after), mti_key_bytes(&a->end),
                     a->limit < PAGE_MAX ? a->limit : PAGE_MAX);
}

/* Adds a record; keeps the first damage. */
static void add_record(asking_records *a, const mt_kv_pair *pair, mt_error *damage)
{
    mt_storage_record record = {.key = mti_key_rest(pair->key)};

    if (mti_seal_open(pair->key, pair->value, &record.value)) a->records[a->count++] = record;
    else if (damage->status == MT_OK)
        mti_fail(damage, MT_MALFORMED, "the record \"%.*s\": the seal does not match the bytes",
                 MTI_SHOW(record.key));
}

static void records_take(mti_asking *asking, const mt_kv_answer *answer)
{
    asking_records *a = (asking_records *)asking;
    mt_error damage = {MT_OK, ""};
    mt_storage_answer out = {.end = !answer->more || answer->count == 0};
    mt_storage_record *records;

    if (answer->status != MT_OK) {
        mti_asking_fail(asking, answer->status, answer->text);
        return;
    }
    records = mti_vector_reserve(asking->store->mem, a->records, &a->cap, answer->count + 1,
                                 sizeof *records);
    if (!records) {
        mti_asking_fail(asking, MT_NO_MEMORY, mt_status_text(MT_NO_MEMORY));
        return;
    }
    a->records = records;
    for (size_t i = 0; i < answer->count; i++) add_record(a, &answer->pairs[i], &damage);
    out.records = a->records;
    out.record_count = a->count;
    if (damage.status != MT_OK) {
        out.more = true;
        if (a->count > 0) mti_asking_tell(asking, &out);
        out = (mt_storage_answer){.status = damage.status, .text = damage.text, .end = out.end};
    }
    mti_asking_end(asking, &out);
}

static void records_dispose(mti_asking *asking)
{
    asking_records *a = (asking_records *)asking;

    mti_mem_free(asking->store->mem, a->records, a->cap * sizeof *a->records);
}

mt_status mti_store_records(void *ctx, const mt_storage_host *host, uint64_t id, mt_bytes prefix,
                            mt_bytes after, size_t limit)
{
    mti_node_store *store = ctx;
    asking_records *a;
    mti_key from;

    if (!store->opened) return MT_INVALID;
    a = mti_asking_new(store, host, id, sizeof *a, records_ask, records_take);
    if (!a) return MT_NO_MEMORY;
    a->asking.dispose = records_dispose;
    a->limit = limit;
    mti_key_set_prefix(&a->after, &a->end, MTI_KEY_RECORD, prefix);
    mti_key_set(&from, MTI_KEY_RECORD, after);
    if (after.len > 0 && mt_bytes_compare(mti_key_bytes(&from), mti_key_bytes(&a->after)) > 0)
        a->after = from;
    mti_asking_run(&a->asking);
    return MT_OK;
}
