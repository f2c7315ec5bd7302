/* log_plan.c - what a write adds to the log and takes from it.
 *
 * Each node that a commit touches gets an entry with the next number. What older entries of the node say
 * and the new one says again is taken from them, as far as the window knows them: an entry that says
 * nothing any more is deleted, or not written at all. So each field of a node is named once, where it
 * changed last; a reader at any number has seen each change, or will find it further on, in whatever
 * order reading and writing go, and nobody who has a change is told of it again because the node has
 * changed elsewhere.
 *
 *     older says    newer says    of the older one is left
 *     names         names         the names that the newer one lacks
 *     names         all           nothing, if both came from the same peer
 *     all           all           nothing, if both came from the same peer
 *     all           names         all of it, unless both are of one write, from one peer: then the newer
 *                                 one says `all`. Else a peer that has the node would get all of it
 *                                 again for a field
 *
 * Of a node with more entries that name fields than the window keeps, the oldest two become one, if they
 * are no more than 64 names together. One that unites what came from different peers came from nobody,
 * so that each is sent what it lacks, and one or two get some fields of their own back, which changes
 * nothing there. */
#include "base/bytes.h"
#include "base/status.h"
#include "store/node_store.h"

/* ---- Absorbing ---- */

/* Deletes the run of absorbed entries that was gathered. */
static mt_status delete_run(mti_plan *plan)
{
    uint64_t first = plan->run, end = plan->run_end;
    mti_key key, behind;

    plan->run = plan->run_end = 0;
    if (first == end) return MT_OK;
    mti_key_set_number(&key, MTI_KEY_LOG, first);
    mti_key_set_number(&behind, MTI_KEY_LOG, end);
    if (first + 1 == end)
        return mti_plan_put(plan, MT_KV_DELETE, mti_key_bytes(&key), (mt_bytes){NULL, 0});
    return mti_plan_put(plan, MT_KV_DELETE_RANGE, mti_key_bytes(&key), mti_key_bytes(&behind));
}

/* Takes an entry out of the log. Nodes that were written together are often written together again,
 * and then their entries follow one another. */
static mt_status absorb(mti_node_store *store, uint64_t number)
{
    mti_plan *plan = &store->plan;
    mt_status st = MT_OK;

    if (number <= plan->next.trimmed) return MT_OK;
    if (plan->next.count > 0) plan->next.count--;
    if (number > store->log.head) {
        plan->entries[number - store->log.head - 1].dead = true;
        return MT_OK;
    }
    if (number != plan->run_end) {
        st = delete_run(plan);
        plan->run = number;
    }
    plan->run_end = number + 1;
    return st;
}

/* ---- What changed ---- */

static mti_log_entry entry_of(mti_plan *plan, const mt_storage_commit *commit,
                              const mt_delta_node *node, mt_delta_iter *iter)
{
    mti_log_entry entry = {.uid = node->uid, .origin = commit->origin};

    if (!commit->whole)
        entry.names = mti_log_names_of(iter, node, plan->names.data, &entry.name_count);
    entry.all = entry.name_count == 0;
    return entry;
}

/* ---- What older entries still say ---- */

/* Views of the window are gone once it is put to. */
static mt_status keep(mti_plan *plan, mt_bytes *text)
{
    uint8_t *room;

    if (text->len == 0) return MT_OK;
    if (!(room = mti_batch_room(&plan->batch, text->len))) return MT_NO_MEMORY;
    memcpy(room, text->data, text->len);
    mti_batch_take(&plan->batch, text->len);
    text->data = room;
    return MT_OK;
}

/* Writes an older entry anew, with other names: one of this write, or one that is in the store. */
static mt_status rewrite(mti_node_store *store, mt_bytes uid, const mti_logged_names *named)
{
    mti_plan *plan = &store->plan;
    mti_log_entry entry = {.uid = uid,
                           .origin = named->origin,
                           .names = named->names,
                           .name_count = named->name_count};
    uint8_t *room, *start;
    size_t len;

    if (named->number <= plan->next.trimmed) return MT_OK;
    room = mti_batch_room(&plan->batch, MTI_KEY_NUMBER_LEN + mti_log_entry_bound(&entry));
    if (!room) return MT_NO_MEMORY;
    start = mti_key_put_number(room, MTI_KEY_LOG, named->number);
    len = (size_t)(mti_log_entry_put(&entry, start) - start);
    mti_batch_take(&plan->batch, MTI_KEY_NUMBER_LEN + len + MTI_SEAL_LEN);
    if (named->number > store->log.head) {
        mti_new_entry *written = &plan->entries[named->number - store->log.head - 1];
        written->key = room;
        written->len = len;
        return MT_OK;
    }
    len = (size_t)(mti_seal_put((mt_bytes){room, MTI_KEY_NUMBER_LEN}, start, start + len) - start);
    return mti_batch_add(&plan->batch, MT_KV_PUT, (mt_bytes){room, MTI_KEY_NUMBER_LEN},
                         (mt_bytes){start, len});
}

/* Takes names from an older entry. `named->name_count` is 0 if it says nothing any more. */
static mt_status take_names(mti_node_store *store, mt_bytes uid, mt_bytes names,
                            mti_logged_names *named)
{
    mti_plan *plan = &store->plan;
    mti_log_names rest = mti_log_names_without(named->names, names, NULL);
    uint8_t *room;

    if (rest.count == named->name_count) return MT_OK;
    named->name_count = rest.count;
    if (rest.count == 0) return absorb(store, named->number);
    if (!(room = mti_batch_room(&plan->batch, rest.len))) return MT_NO_MEMORY;
    mti_log_names_without(named->names, names, room);
    mti_batch_take(&plan->batch, rest.len);
    named->names = (mt_bytes){room, rest.len};
    return rewrite(store, uid, named);
}

/* Leaves out those that say nothing any more. */
static void drop_empty(mti_logged *logged)
{
    size_t count = 0;

    for (size_t i = 0; i < logged->named_count; i++)
        if (logged->named[i].name_count > 0) logged->named[count++] = logged->named[i];
    logged->named_count = count;
}

/* Makes one entry of the oldest two, or forgets the oldest, which then stays as it is. */
static mt_status unite_oldest(mti_node_store *store, mt_bytes uid, mti_logged *logged)
{
    mti_plan *plan = &store->plan;
    mti_logged_names *oldest = &logged->named[0], *next = &logged->named[1];
    mti_log_names sum = mti_log_names_unite(oldest->names, next->names, NULL);
    mt_status st = MT_OK;
    uint8_t *room;

    if (sum.count <= MTI_LOG_NAMES_MAX) {
        if (!(room = mti_batch_room(&plan->batch, sum.len))) return MT_NO_MEMORY;
        mti_log_names_unite(oldest->names, next->names, room);
        mti_batch_take(&plan->batch, sum.len);
        next->names = (mt_bytes){room, sum.len};
        next->name_count = sum.count;
        if (!mt_bytes_equal(oldest->origin, next->origin)) next->origin.len = 0;
        st = rewrite(store, uid, next);
        if (st == MT_OK) st = absorb(store, oldest->number);
    }
    oldest->name_count = 0;
    drop_empty(logged);
    return st;
}

/* ---- Uniting ---- */

/* An entry that says `all`. */
static mt_status unite_all(mti_node_store *store, const mti_log_entry *entry, mti_logged *logged)
{
    mt_status st = MT_OK;

    if (logged->all_number && mt_bytes_equal(logged->all_origin, entry->origin))
        st = absorb(store, logged->all_number);
    logged->all_number = store->plan.next.head;
    logged->all_origin = entry->origin;
    for (size_t i = 0; i < logged->named_count && st == MT_OK; i++) {
        if (!mt_bytes_equal(logged->named[i].origin, entry->origin)) continue;
        st = absorb(store, logged->named[i].number);
        logged->named[i].name_count = 0;
    }
    drop_empty(logged);
    return st;
}

/* An entry that names fields. */
static mt_status unite_names(mti_node_store *store, const mti_log_entry *entry, mti_logged *logged)
{
    mt_status st = MT_OK;

    for (size_t i = 0; i < logged->named_count && st == MT_OK; i++)
        st = take_names(store, entry->uid, entry->names, &logged->named[i]);
    drop_empty(logged);
    if (st == MT_OK && logged->named_count == MTI_LOGGED_MAX)
        st = unite_oldest(store, entry->uid, logged);
    if (st != MT_OK) return st;
    logged->named[logged->named_count++] =
        (mti_logged_names){store->plan.next.head, entry->origin, entry->names, entry->name_count};
    return MT_OK;
}

/* Whether an entry of this write says something of the node. */
static bool is_of_this_write(const mti_node_store *store, const mti_logged *logged)
{
    size_t count = logged->named_count;

    return logged->all_number > store->log.head ||
           (count > 0 && logged->named[count - 1].number > store->log.head);
}

static mt_status keep_all(mti_plan *plan, mti_logged *logged)
{
    mt_status st = keep(plan, &logged->all_origin);

    for (size_t i = 0; i < logged->named_count && st == MT_OK; i++) {
        st = keep(plan, &logged->named[i].origin);
        if (st == MT_OK) st = keep(plan, &logged->named[i].names);
    }
    return st;
}

/* Unites an entry with what the window knows of its node, and has the window know it. */
static mt_status unite(mti_node_store *store, mti_log_entry *entry, size_t *touch)
{
    mti_plan *plan = &store->plan;
    mti_logged logged = {0};
    mt_status st = MT_OK;

    if (mti_window_find(&plan->window, entry->uid, &logged)) st = keep_all(plan, &logged);
    if (st != MT_OK) return st;
    if (is_of_this_write(store, &logged)) *touch = logged.touch;
    logged.touch = (uint32_t)*touch;
    if (!entry->all && logged.all_number > store->log.head &&
        mt_bytes_equal(logged.all_origin, entry->origin))
        entry->all = true;
    if (entry->all) st = unite_all(store, entry, &logged);
    else st = unite_names(store, entry, &logged);
    return st == MT_OK ? mti_window_put(&plan->window, entry->uid, &logged) : st;
}

/* ---- Entries ---- */

static mt_status add_entry(mti_plan *plan, const mti_log_entry *entry)
{
    size_t room_len = MTI_KEY_NUMBER_LEN + mti_log_entry_bound(entry);
    uint8_t *room = mti_batch_room(&plan->batch, room_len), *start;
    mti_new_entry *entries = mti_vector_reserve(plan->batch.mem, plan->entries, &plan->entry_cap,
                                                plan->entry_count + 1, sizeof *entries);

    if (!entries) return MT_NO_MEMORY;
    plan->entries = entries;
    if (!room) return MT_NO_MEMORY;
    start = mti_key_put_number(room, MTI_KEY_LOG, plan->next.head);
    entries += plan->entry_count++;
    *entries =
        (mti_new_entry){.key = room, .len = (size_t)(mti_log_entry_put(entry, start) - start)};
    mti_batch_take(&plan->batch, MTI_KEY_NUMBER_LEN + entries->len + MTI_SEAL_LEN);
    plan->next.count++;
    return MT_OK;
}

mt_status mti_plan_log(mti_node_store *store, const mt_storage_commit *commit,
                       const mt_delta_node *node, mt_delta_iter *iter, size_t count, size_t *touch)
{
    mti_plan *plan = &store->plan;
    mti_log_entry entry;
    mt_status st;

    *touch = count;
    if (plan->next.head + 1 >= MTI_NUMBER_END) return MT_FULL;
    if ((st = mti_buf_reserve(&plan->names, MTI_LOG_NAMES_LEN_MAX)) != MT_OK) return st;
    entry = entry_of(plan, commit, node, iter);
    plan->next.head++;
    if ((st = unite(store, &entry, touch)) != MT_OK) return st;
    return add_entry(plan, &entry);
}

/* The last entry gets the clock, for which it moves: there was no room. */
static mt_status add_clock(mti_plan *plan, mti_new_entry *last)
{
    size_t len = MTI_KEY_NUMBER_LEN + last->len;
    uint8_t *room = mti_batch_room(&plan->batch, len + MTI_LOG_CLOCK_BOUND + MTI_SEAL_LEN), *end;

    if (!room) return MT_NO_MEMORY;
    memcpy(room, last->key, len);
    end = mti_log_entry_put_clock(plan->next.clock, plan->next.clock_mode, plan->next.count,
                                  room + MTI_KEY_NUMBER_LEN, room + len);
    last->key = room;
    last->len = (size_t)(end - room) - MTI_KEY_NUMBER_LEN;
    mti_batch_take(&plan->batch, MTI_KEY_NUMBER_LEN + last->len + MTI_SEAL_LEN);
    return MT_OK;
}

static mt_status put_entries(mti_plan *plan)
{
    mt_status st = add_clock(plan, &plan->entries[plan->entry_count - 1]);

    for (size_t i = 0; i < plan->entry_count && st == MT_OK; i++) {
        mti_new_entry *entry = &plan->entries[i];
        mt_bytes key = {entry->key, MTI_KEY_NUMBER_LEN};
        uint8_t *start = entry->key + MTI_KEY_NUMBER_LEN, *end = start + entry->len;

        if (entry->dead) continue;
        end = mti_seal_put(key, start, end);
        st = mti_batch_add(&plan->batch, MT_KV_PUT, key, (mt_bytes){start, (size_t)(end - start)});
    }
    return st;
}

/* ---- Boot, clock, trimming ---- */

static mt_status draw_boot(mti_node_store *store, mt_error *err)
{
    if (store->boot_drawn) return MT_OK;
    if (store->env->entropy(store->env->ctx, store->boot_id, sizeof store->boot_id) != MT_OK)
        return mti_fail(err, MT_IO, "there is no randomness for the id of this opening");
    store->boot_drawn = true;
    return MT_OK;
}

/* The first change that is logged in an opening begins a boot. */
static mt_status put_boot(mti_node_store *store, mt_error *err)
{
    mti_plan *plan = &store->plan;
    mti_key key;
    mt_status st;

    if (store->log.booted) return MT_OK;
    if ((st = draw_boot(store, err)) != MT_OK) return st;
    if ((st = mti_boots_reserve(store)) != MT_OK) return st;
    mti_key_set_number(&key, MTI_KEY_BOOT, store->log.head + 1);
    st = mti_plan_put_sealed(plan, mti_key_bytes(&key),
                             (mt_bytes){store->boot_id, sizeof store->boot_id});
    plan->next.booted = true;
    if (st != MT_OK || store->boot_count < MTI_BOOTS_MAX) return st;
    mti_key_set_number(&key, MTI_KEY_BOOT, store->boots[0].first);
    return mti_plan_put(plan, MT_KV_DELETE, mti_key_bytes(&key), (mt_bytes){NULL, 0});
}

/* A clock that goes with no entry. */
static mt_status put_clock(mti_node_store *store)
{
    mti_plan *plan = &store->plan;
    uint8_t content[2 * MTI_VARINT_LEN_MAX + 1], *end = content;

    if (plan->next.clock == store->log.clock && plan->next.clock_mode == store->log.clock_mode)
        return MT_OK;
    end = mti_varint_put(end, plan->next.head);
    end = mti_varint_put(end, plan->next.clock);
    *end++ = plan->next.clock_mode;
    return mti_plan_put_sealed(plan, mt_str(MTI_META_CLOCK),
                               (mt_bytes){content, (size_t)(end - content)});
}

/* Where the log begins and ends, whenever it was trimmed and every so many changes: opening the store
 * looks for the newest entry from there on. */
#define HEAD_EVERY 4096

static mt_status put_bounds(mti_node_store *store)
{
    mti_plan *plan = &store->plan;
    uint8_t content[2 * MTI_VARINT_LEN_MAX], *end = content;

    if (plan->next.trimmed == store->log.trimmed &&
        plan->next.head / HEAD_EVERY == store->log.head / HEAD_EVERY)
        return MT_OK;
    end = mti_varint_put(end, plan->next.trimmed);
    end = mti_varint_put(end, plan->next.head);
    return mti_plan_put_sealed(plan, mt_str(MTI_META_LOG),
                               (mt_bytes){content, (size_t)(end - content)});
}

/* Deletes the oldest entries, as it was begun with. */
static mt_status delete_oldest(mti_node_store *store)
{
    mti_plan *plan = &store->plan;
    mti_key key, behind;

    if (plan->next.trimmed == store->log.trimmed) return MT_OK;
    mti_key_set_number(&key, MTI_KEY_LOG, 0);
    mti_key_set_number(&behind, MTI_KEY_LOG, plan->next.trimmed + 1);
    return mti_plan_put(plan, MT_KV_DELETE_RANGE, mti_key_bytes(&key), mti_key_bytes(&behind));
}

void mti_plan_log_begin(mti_node_store *store, const mti_trim *trim)
{
    mti_log *next = &store->plan.next;

    if (trim->last == 0) return;
    next->trimmed = trim->last;
    next->count -= trim->count < next->count ? trim->count : next->count;
}

mt_status mti_plan_log_end(mti_node_store *store, mt_error *err)
{
    mti_plan *plan = &store->plan;
    mt_status st;

    if (plan->entry_count == 0) {
        /* Without an entry that says how many are left, none are deleted. */
        plan->next.trimmed = store->log.trimmed;
        plan->next.count = store->log.count;
        return put_clock(store);
    }
    if ((st = delete_run(plan)) != MT_OK) return st;
    if ((st = delete_oldest(store)) != MT_OK) return st;
    if ((st = put_bounds(store)) != MT_OK) return st;
    if ((st = put_boot(store, err)) != MT_OK) return st;
    return put_entries(plan);
}
