/* keeper_recover.c - what changed since the leaves were stored.
 *
 *     LOG      entries of the log behind the watermark: what they name is to be looked at
 *     HEADS    a get of the nodes
 *     LARGE    of a large one, a get of the fields that are named, or a scan of all
 *     TAKE     what was found is taken into the index; then the next entries
 *
 * What an entry names may have changed again since, or may be gone: it is taken as it is now. */
#include "base/bytes.h"
#include "store/node_store.h"

#define ENTRIES_PAGE 256
#define FIELDS_PAGE 256

/* How many changes are looked at together. */
#define LOOK_MAX 2048

void mti_keeper_recover_begin(mti_keeper *keeper)
{
    keeper->recovery.from = keeper->meta.watermark;
    keeper->state = MTI_KEEPER_RECOVER;
    mti_keeper_recover_again(keeper);
}

void mti_keeper_recover_again(mti_keeper *keeper)
{
    mti_recovery *r = &keeper->recovery;

    mti_changes_clear(&r->look);
    mti_changes_clear(&r->found);
    r->large_at = r->large_count = 0;
    r->at = r->from;
    r->step = MTI_RECOVER_LOG;
    keeper->sorted = false;
}

static void note(mti_keeper *keeper, mti_change_kind kind, mt_bytes key, const mti_print *print)
{
    if (mti_changes_add(&keeper->recovery.found, kind, key, print) != MT_OK)
        mti_keeper_no_memory(keeper);
}

/* ---- LOG ---- */

static void look_begin(mti_keeper *keeper)
{
    mti_recovery *r = &keeper->recovery;

    if (mti_changes_sort(&r->look) != MT_OK) mti_keeper_no_memory(keeper);
    r->look_at = 0;
    r->step = MTI_RECOVER_HEADS;
}

static mt_status look_at_unlogged(mti_recovery *r)
{
    mt_status st = MT_OK;

    for (size_t i = 0; i < r->unlogged.count && st == MT_OK; i++) {
        const mti_element_change *change = &r->unlogged.at[i];
        st = mti_changes_add(&r->look, (mti_change_kind)change->kind,
                             mti_change_key(&r->unlogged, change), NULL);
    }
    return st;
}

static bool log_go(mti_asking *asking)
{
    mti_keeper *keeper = &asking->store->keeper;
    mti_recovery *r = &keeper->recovery;
    mti_key after, end;

    /* Writes of this opening may have trimmed what they did not need. */
    if (r->at < asking->store->log.trimmed && r->at < keeper->head) {
        mti_keeper_drop(keeper);
        return false;
    }
    if (r->at == r->from && r->look.count == 0 && look_at_unlogged(r) != MT_OK) {
        mti_keeper_no_memory(keeper);
        return false;
    }
    if (r->at >= keeper->head || r->look.count >= LOOK_MAX) {
        look_begin(keeper);
        return false;
    }
    mti_key_set_number(&after, MTI_KEY_LOG, r->at);
    mti_key_set_number(&end, MTI_KEY_LOG, keeper->head + 1);
    mti_ask_scan(asking, mti_key_bytes(&after), mti_key_bytes(&end),
                 mti_keeper_page(keeper, ENTRIES_PAGE));
    return true;
}

static mt_status look_at_entry(mti_recovery *r, const mti_log_entry *entry)
{
    mt_status st = mti_changes_add(&r->look, MTI_CHANGE_REMOVE, entry->uid, NULL);
    mt_bytes names = entry->names, name;
    uint8_t room[MTI_ELEMENT_KEY_MAX + 1];

    if (st == MT_OK && entry->all)
        return mti_changes_add(&r->look, MTI_CHANGE_FIELDS, entry->uid, NULL);
    for (size_t i = 0; i < entry->name_count && st == MT_OK; i++) {
        size_t len;
        mti_log_name_next(&names, &name);
        len = (size_t)(mti_key_put_field(room, entry->uid, name) - room);
        st = mti_changes_add(&r->look, MTI_CHANGE_REMOVE, (mt_bytes){room + 1, len - 1}, NULL);
    }
    return st;
}

static void log_take(mti_keeper *keeper, const mt_kv_answer *answer)
{
    mti_recovery *r = &keeper->recovery;
    mti_log_entry entry;
    uint64_t number;

    for (size_t i = 0; i < answer->count; i++) {
        const mt_kv_pair *pair = &answer->pairs[i];

        if (!mti_key_number(pair->key, MTI_KEY_LOG, &number) ||
            mti_log_entry_get(pair->key, pair->value, &entry, NULL) != MT_OK) {
            mti_keeper_drop(keeper);
            return;
        }
        if (look_at_entry(r, &entry) != MT_OK) {
            mti_keeper_no_memory(keeper);
            return;
        }
        r->at = number;
    }
    mti_keeper_spend(keeper, answer->count);
    if (!answer->more || answer->count == 0) r->at = keeper->head;
}

/* ---- HEADS ---- */

static const mti_element_change *looked(const mti_recovery *r, size_t at)
{
    return &r->look.at[r->look.order[at].at];
}

static mt_bytes looked_key(const mti_recovery *r, size_t at)
{
    return mti_change_key(&r->look, looked(r, at));
}

static bool heads_go(mti_asking *asking)
{
    mti_keeper *keeper = &asking->store->keeper;
    mti_recovery *r = &keeper->recovery;
    mti_lookup *get = &keeper->get;

    if (!mti_lookup_begin(get)) {
        mti_keeper_no_memory(keeper);
        return false;
    }
    for (; r->look_at < r->look.count && get->count < MTI_GET_MAX; r->look_at++) {
        const mti_element_change *change = looked(r, r->look_at);
        mt_bytes key = mti_change_key(&r->look, change);

        if (change->dead || change->kind == MTI_CHANGE_FIELDS || !mti_element_is_node(key))
            continue;
        mti_lookup_add(get, MTI_KEY_NODE, key, r->look_at);
    }
    if (get->count == 0) {
        r->step = MTI_RECOVER_TAKE;
        return false;
    }
    mti_ask_get(asking, get->keys, get->count);
    return true;
}

static void found_large(mti_keeper *keeper, size_t at, const mti_large *large)
{
    mti_recovery *r = &keeper->recovery;
    mti_large_found *items =
        mti_vector_reserve(keeper->mem, r->large, &r->large_cap, r->large_count + 1, sizeof *items);

    if (!items) {
        mti_keeper_no_memory(keeper);
        return;
    }
    r->large = items;
    items[r->large_count++] = (mti_large_found){at, *large};
}

static void take_head(mti_node_store *store, size_t at, const mt_kv_pair *pair)
{
    mti_keeper *keeper = &store->keeper;
    mt_bytes uid = looked_key(&keeper->recovery, at);
    mt_status st = MT_NOT_FOUND;
    mti_large large = {.few = false};
    mti_print print;
    bool is_large = false;

    if (pair->value.data)
        st = mti_keeper_read_node(store, pair->key, pair->value, &print, &is_large, &large);
    if (st == MT_NO_MEMORY) mti_keeper_no_memory(keeper);
    if (st == MT_OK) note(keeper, MTI_CHANGE_SET, uid, &print);
    else note(keeper, MTI_CHANGE_REMOVE, uid, NULL);
    if (st == MT_OK && is_large) found_large(keeper, at, &large);
    else note(keeper, MTI_CHANGE_FIELDS, uid, NULL);
}

static void heads_take(mti_node_store *store, const mt_kv_answer *answer)
{
    mti_keeper *keeper = &store->keeper;
    mti_lookup *get = &keeper->get;

    for (size_t i = 0; i < get->count; i++) {
        mt_kv_pair pair = {get->keys[i], answer->pairs[i].value};
        take_head(store, get->about[i], &pair);
    }
    mti_keeper_spend(keeper, get->count);
    get->count = 0;
    keeper->recovery.large_at = 0;
    keeper->recovery.name_at = 0;
    keeper->recovery.end.len = 0;
    keeper->recovery.step = MTI_RECOVER_LARGE;
}

/* ---- LARGE ---- */

static bool is_of(mt_bytes key, mt_bytes uid)
{
    return mt_bytes_equal(mti_element_uid(key), uid);
}

/* Whether all fields of a node are to be looked at. */
static bool all_fields(const mti_recovery *r, size_t at)
{
    mt_bytes uid = looked_key(r, at);

    for (; at < r->look.count && mt_bytes_equal(looked_key(r, at), uid); at++)
        if (looked(r, at)->kind == MTI_CHANGE_FIELDS) return true;
    return false;
}

static bool large_next(mti_recovery *r)
{
    r->large_at++;
    r->name_at = 0;
    r->end.len = 0;
    return false;
}

static bool names_go(mti_asking *asking, const mti_large_found *node)
{
    mti_keeper *keeper = &asking->store->keeper;
    mti_recovery *r = &keeper->recovery;
    mti_lookup *get = &keeper->get;
    mt_bytes uid = looked_key(r, node->at);

    if (!mti_lookup_begin(get)) {
        mti_keeper_no_memory(keeper);
        return false;
    }
    if (r->name_at == 0) r->name_at = node->at;
    for (; r->name_at < r->look.count && get->count < MTI_GET_MAX; r->name_at++) {
        mt_bytes key = looked_key(r, r->name_at);

        if (!is_of(key, uid)) break;
        if (!looked(r, r->name_at)->dead && !mti_element_is_node(key))
            mti_lookup_add(get, MTI_KEY_FIELD, key, r->name_at);
    }
    if (get->count == 0) return large_next(r);
    mti_ask_get(asking, get->keys, get->count);
    return true;
}

static bool large_go(mti_asking *asking)
{
    mti_keeper *keeper = &asking->store->keeper;
    mti_recovery *r = &keeper->recovery;
    const mti_large_found *node;

    if (r->large_at == r->large_count) {
        r->large_at = r->large_count = 0;
        r->step = MTI_RECOVER_HEADS;
        return false;
    }
    node = &r->large[r->large_at];
    if (!all_fields(r, node->at)) return names_go(asking, node);
    if (r->end.len == 0) {
        mti_key_set_fields(&r->after, &r->end, looked_key(r, node->at));
        note(keeper, MTI_CHANGE_FIELDS, looked_key(r, node->at), NULL);
    }
    mti_ask_scan(asking, mti_key_bytes(&r->after), mti_key_bytes(&r->end),
                 mti_keeper_page(keeper, FIELDS_PAGE));
    return true;
}

/* Takes a field; one that is not there any more is gone from the index too. */
static void take_field(mti_node_store *store, mti_large *large, mt_bytes uid, mt_bytes key,
                       mt_bytes value)
{
    mti_keeper *keeper = &store->keeper;
    mt_status st = MT_NOT_FOUND;
    mti_print print;

    if (value.data)
        st = mti_keeper_read_field(store, uid, large, mti_key_name(key, uid), value, &print);
    if (st == MT_NO_MEMORY) mti_keeper_no_memory(keeper);
    else if (st == MT_OK) note(keeper, MTI_CHANGE_SET, mti_key_rest(key), &print);
    else note(keeper, MTI_CHANGE_REMOVE, mti_key_rest(key), NULL);
}

static void large_take(mti_node_store *store, const mt_kv_answer *answer)
{
    mti_keeper *keeper = &store->keeper;
    mti_recovery *r = &keeper->recovery;
    mti_large_found *node = &r->large[r->large_at];
    mti_lookup *get = &keeper->get;
    mt_bytes uid = looked_key(r, node->at);

    mti_keeper_spend(keeper, answer->count);
    for (size_t i = 0; i < get->count; i++)
        take_field(store, &node->large, uid, get->keys[i], answer->pairs[i].value);
    if (get->count > 0) {
        get->count = 0;
        return;
    }
    for (size_t i = 0; i < answer->count; i++) {
        mt_bytes key = answer->pairs[i].key;

        if (key.len < uid.len + 2) continue;
        take_field(store, &node->large, uid, key, answer->pairs[i].value);
        memcpy(r->after.data, key.data, key.len);
        r->after.len = key.len;
    }
    if (!answer->more || answer->count == 0) large_next(r);
}

/* ---- TAKE ---- */

static bool take_go(mti_asking *asking)
{
    mti_keeper *keeper = &asking->store->keeper;
    mti_recovery *r = &keeper->recovery;
    size_t count = r->found.count;

    if (count > 0 && mti_keeper_apply(asking, &r->found)) return true;
    if (keeper->err.status != MT_OK || keeper->state != MTI_KEEPER_RECOVER) return false;
    keeper->lag += count;
    mti_changes_clear(&r->unlogged);
    r->from = r->at;
    mti_keeper_recover_again(keeper);
    if (r->from >= keeper->head) keeper->state = MTI_KEEPER_READY;
    mti_keeper_trim(keeper);
    return false;
}

/* ---- Steps ---- */

bool mti_keeper_recover_go(mti_asking *asking)
{
    mti_keeper *keeper = &asking->store->keeper;

    keeper->asked = MTI_ASKED_STATE;
    switch (keeper->recovery.step) {
    case MTI_RECOVER_LOG: return log_go(asking);
    case MTI_RECOVER_HEADS: return heads_go(asking);
    case MTI_RECOVER_LARGE: return large_go(asking);
    case MTI_RECOVER_TAKE: break;
    }
    return take_go(asking);
}

void mti_keeper_recover_take(mti_asking *asking, const mt_kv_answer *answer)
{
    mti_node_store *store = asking->store;

    switch (store->keeper.recovery.step) {
    case MTI_RECOVER_LOG: log_take(&store->keeper, answer); break;
    case MTI_RECOVER_HEADS: heads_take(store, answer); break;
    case MTI_RECOVER_LARGE: large_take(store, answer); break;
    case MTI_RECOVER_TAKE: break; /* only leaves are asked for */
    }
}
