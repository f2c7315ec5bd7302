#include "db/fields.h"

#include "base/bytes.h"
#include "db/load.h"
#include "db/order.h"

void mti_fields_free(mt_action *action)
{
    mti_fields_reading *f = &action->as.fields;
    const mt_mem *mem = action->db->mem;

    for (size_t i = 0; f->to && i < f->count; i++) mt_handle_unref(f->to[i]);
    mti_mem_free(mem, f->to, f->cap * sizeof(mt_handle *));
    mti_mem_free(mem, f->found, f->cap * sizeof *f->found);
    mti_block_free(mem, &f->names);
    mt_handle_unref(f->node);
    if (!f->family) return;
    mti_node_release(f->family, f->shown);
    mti_family_release(f->family);
}

void mti_fields_result(const mt_action *action, mt_result *result)
{
    if (action->status != MT_OK) return;
    result->fields = action->as.fields.found;
    result->nodes = action->as.fields.to;
    result->count = action->as.fields.count;
}

mt_status mti_fields_names(mt_action *action, const mt_bytes *names, size_t count)
{
    mt_db *db = action->db;
    mti_block block = {NULL, 0};
    mt_status st;

    for (size_t i = 0; i < count; i++)
        if ((st = mt_name_check(names[i], &db->error)) != MT_OK) return st;
    if (count > 0 && mti_keys_copy(db->mem, names, count, &block) != MT_OK)
        return mti_no_memory(&db->error);
    mti_block_free(db->mem, &action->as.fields.names);
    action->as.fields.names = block;
    action->as.fields.name_count = count;
    return MT_OK;
}

/* ---- What there is ---- */

static bool reserve(mt_action *action, size_t count)
{
    mti_fields_reading *f = &action->as.fields;
    const mt_mem *mem = action->db->mem;

    f->cap = count ? count : 1;
    f->found = mti_mem_alloc(mem, f->cap * sizeof *f->found);
    f->to = mti_mem_alloc(mem, f->cap * sizeof(mt_handle *));
    if (f->found) memset(f->found, 0, f->cap * sizeof *f->found);
    if (f->to) memset(f->to, 0, f->cap * sizeof(mt_handle *));
    return f->found && f->to;
}

/* The fields as they are now. The node is held: what is shown stays as it is until the answer
 * has been given. */
static void look_up(mt_action *action)
{
    mti_fields_reading *f = &action->as.fields;
    const mt_bytes *names = f->names.data;
    mt_field_iter iter;

    for (size_t i = 0; i < f->count && f->name_count > 0; i++) {
        mt_found_field *found = &f->found[i];
        found->found = f->shown && mt_node_get(f->shown, names[i], &found->field) == MT_OK;
        if (!found->found) found->field.name = names[i];
    }
    if (!f->shown || f->name_count > 0) return;
    mt_field_iter_init(&iter, f->shown, false);
    for (size_t i = 0; i < f->count; i++)
        f->found[i].found = mt_field_iter_next(&iter, &f->found[i].field);
}

static void hold_shown(mt_action *action)
{
    mti_fields_reading *f = &action->as.fields;
    mt_db *db = action->db;

    f->shown = mti_tree_get(&db->graph->nodes, &mti_node_kind, mt_handle_uid(f->node));
    if (!f->shown) return;
    mti_hold(f->shown);
    f->family = db->graph->family;
    mti_family_hold(f->family);
}

static bool is_edge(const mt_found_field *found)
{
    return found->found && found->field.value.kind == MT_EDGE;
}

/* ---- Stages, from the last ---- */

static void fields_load(mt_action *action);

static void fields_end(mt_action *action)
{
    mti_hooks_run(action, MT_AFTER_READ_FIELDS, mti_call_finish);
}

/* The node of the edge that is number `at` among them. Where a hook has asked for more nodes or
 * fewer, places mean nothing, and the uid tells. */
static mt_handle *node_of_edge(const mt_result *result, size_t at, size_t count, mt_bytes uid)
{
    if (result->count == count) return result->nodes[at];
    for (size_t i = 0; i < result->count; i++)
        if (result->nodes[i] && mt_bytes_equal(mt_handle_uid(result->nodes[i]), uid))
            return result->nodes[i];
    return NULL;
}

static void take_nodes(mti_fields_reading *f, const mt_result *result)
{
    size_t count = 0, at = 0;

    for (size_t i = 0; i < f->count; i++) count += is_edge(&f->found[i]);
    for (size_t i = 0; i < f->count; i++) {
        mt_handle *node;
        if (!is_edge(&f->found[i])) continue;
        node = node_of_edge(result, at++, count, f->found[i].field.value.as.bytes);
        if (node) f->to[i] = mt_handle_ref(node);
    }
}

/* The nodes that edges lead to have come. */
static void resolved(void *ctx, mt_db *db, const mt_result *result)
{
    mt_action *action = ctx;

    (void)db;
    if (result->status != MT_OK) {
        mti_call_fail(action, result->status, result->text);
    } else if (!mti_call_over(action)) {
        take_nodes(&action->as.fields, result);
        fields_end(action);
    }
    mti_call_release(action);
}

static void resolve(mt_action *action)
{
    mti_fields_reading *f = &action->as.fields;
    mt_db *db = action->db;
    mt_bytes *uids = mti_mem_alloc(db->mem, f->cap * sizeof *uids);
    mt_options options = action->options;
    size_t count = 0;
    mt_status st;

    if (!uids) {
        mti_call_fail(action, MT_NO_MEMORY, NULL);
        return;
    }
    for (size_t i = 0; i < f->count; i++)
        if (is_edge(&f->found[i])) uids[count++] = f->found[i].field.value.as.bytes;
    if (count == 0 || options.edges_none) {
        mti_mem_free(db->mem, uids, f->cap * sizeof *uids);
        fields_end(action);
        return;
    }
    options.deadline_ms = 0;
    mti_call_hold(action);
    st = mt_nodes(db, uids, count, &options, resolved, action, NULL);
    mti_mem_free(db->mem, uids, f->cap * sizeof *uids);
    if (st == MT_OK) return;
    mti_call_fail(action, st, db->error.text);
    mti_call_release(action);
}

static void fields_collect(mt_action *action)
{
    mti_fields_reading *f = &action->as.fields;
    size_t count = f->name_count;

    hold_shown(action);
    if (count == 0 && f->shown) count = mt_node_count(f->shown);
    if (!reserve(action, count)) {
        mti_call_fail(action, MT_NO_MEMORY, NULL);
        return;
    }
    f->count = count;
    look_up(action);
    resolve(action);
}

/* Loads what is asked for; `names` are ours. */
static mt_status load_named(mt_action *action, mt_bytes *names, bool *waits)
{
    mti_fields_reading *f = &action->as.fields;
    mti_need need = {.handle = f->node, .names = names, .name_count = f->name_count};

    need.whole = f->name_count == 0;
    need.force = action->options.force && !f->forced;
    if (mti_keys_sort(action->db->mem, names, &need.name_count) != MT_OK)
        return mti_no_memory(&action->db->error);
    f->forced = true;
    return mti_load(action, &need, 1, fields_load, waits);
}

static void fields_load(mt_action *action)
{
    mti_fields_reading *f = &action->as.fields;
    size_t size = f->name_count * sizeof(mt_bytes);
    mt_db *db = action->db;
    mt_bytes *names = NULL;
    bool waits = false;
    mt_status st = MT_OK;

    if (!action->options.storage_none) {
        names = mti_mem_alloc(db->mem, size);
        if (size && !names) st = mti_no_memory(&db->error);
        if (names) memcpy(names, f->names.data, size);
        if (st == MT_OK) st = load_named(action, names, &waits);
        mti_mem_free(db->mem, names, size);
    }
    if (st != MT_OK) mti_call_fail(action, st, db->error.text);
    else if (!waits && !mti_call_over(action)) fields_collect(action);
}

static void fields_start(mt_action *action)
{
    if (mti_call_may_start(action)) mti_hooks_run(action, MT_BEFORE_READ_FIELDS, fields_load);
}

mt_status mt_fields(mt_handle *handle, const mt_bytes *names, size_t count,
                    const mt_options *options, mt_done *done, void *ctx, uint64_t *id)
{
    mt_db *db = handle->db;
    mt_action *action;
    mt_status st = mti_call_new(db, CALL_FIELDS, options, done, ctx, &action);

    if (st != MT_OK) return st;
    action->as.fields.node = mt_handle_ref(handle);
    if ((st = mti_fields_names(action, names, count)) != MT_OK) {
        mti_call_drop(action);
        return st;
    }
    mti_call_start(action, fields_start, true, id);
    return MT_OK;
}
