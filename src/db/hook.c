/* The hooks of an action, one after the other, each answering now or later.
 *
 * A hook that answers before it returns is noticed by the loop that called it, so that a
 * thousand hooks that pass at once take no stack. */
#include "base/assert.h"
#include "base/bytes.h"
#include "db/call.h"
#include "db/fields.h"
#include "db/handle.h"
#include "db/read.h"
#include "db/write.h"

static bool hooks_end(const mt_action *action)
{
    return action->hook_at >= action->db->hooks[action->point].count;
}

/* Whether the pipeline ends here, by other means than a hook. What is merged goes on all the same,
 * whoever waits for it. */
static bool stopped(const mt_action *action)
{
    if (action->catching) return action->answered || action->answering;
    return mti_call_over(action) && !(action->kind == CALL_WRITE && action->as.write.merged);
}

/* Gives the action to its next hook. Answers whether that has answered already. */
static bool hook_run(mt_action *action)
{
    const mt_hook *hook = &action->db->hooks[action->point].items[action->hook_at];

    action->hook_answered = action->hook_refused = false;
    action->waits_for_hook = action->in_hook = true;
    mti_call_hold(action); /* the hook's: mti_call_release when it answers */
    hook->run(hook->ctx, action);
    action->in_hook = false;
    return action->hook_answered;
}

/* Whether what the next hook wants to see is at hand; else the hooks go on when it is. */
static bool is_prepared(mt_action *action)
{
    const mt_hook *hook = &action->db->hooks[action->point].items[action->hook_at];
    bool wants = hook->wants_full && action->kind == CALL_WRITE && !action->as.write.merged;

    return !wants || action->catching || mti_write_make_full(action, mti_hooks_go_on);
}

/* After a refusal: in catch there is another error now, else it is the end. */
static bool goes_on(mt_action *action)
{
    if (!action->hook_refused || action->catching) {
        action->hook_at++;
        return true;
    }
    mti_call_fail(action, action->refusal, action->text);
    return false;
}

void mti_hooks_go_on(mt_action *action)
{
    mti_call_hold(action);
    while (!stopped(action) && !hooks_end(action)) {
        if (is_prepared(action) && hook_run(action) && goes_on(action)) continue;
        mti_call_release(action);
        return;
    }
    if (!stopped(action) || action->catching) action->after_hooks(action);
    mti_call_release(action);
}

void mti_hooks_run(mt_action *action, mt_hook_point point, mti_stage *then)
{
    action->point = point;
    action->hook_at = 0;
    action->after_hooks = then;
    if (hooks_end(action)) then(action);
    else mti_hooks_go_on(action);
}

/* The hook has answered: now, or, within the call that asked it, when that has returned. */
static void hook_answer(mt_action *action)
{
    mti_assert(action->waits_for_hook);
    action->waits_for_hook = false;
    action->hook_answered = true;
    if (!action->in_hook && goes_on(action)) mti_hooks_go_on(action);
    mti_call_release(action);
}

void mt_action_pass(mt_action *action)
{
    hook_answer(action);
}

void mt_action_refuse(mt_action *action, mt_status status, const char *text)
{
    bool decides = action->catching ? !action->answering : !mti_call_over(action);

    action->hook_refused = true;
    action->refusal = status == MT_OK ? MT_REFUSED : status;
    if (decides) mti_call_set_text(action, text ? text : "a hook refused it");
    if (decides && action->catching) {
        action->status = action->refusal;
        mti_fail(action->caught, action->refusal, "%s", text ? text : "a hook refused it");
    }
    hook_answer(action);
}

/* ---- What a hook sees of every action ---- */

mt_db *mt_action_db(const mt_action *action)
{
    return action->db;
}

mt_hook_point mt_action_point(const mt_action *action)
{
    return action->point;
}

mt_options *mt_action_options(mt_action *action)
{
    return &action->options;
}

mt_group *mt_action_group(const mt_action *action)
{
    return action->group_set ? action->group : action->db->group;
}

void mt_action_set_group(mt_action *action, mt_group *group)
{
    if (group) mt_group_ref(group);
    mt_group_unref(action->group);
    action->group = group;
    action->group_set = true;
}

mt_connection *mt_action_origin(const mt_action *action)
{
    return action->origin;
}

const mt_error *mt_action_error(const mt_action *action)
{
    return action->catching ? action->caught : NULL;
}

/* ---- Reads ---- */

const mt_bytes *mt_action_keys(const mt_action *action, size_t *count)
{
    *count = action->kind == CALL_READ ? action->as.read.count : 0;
    return *count ? action->as.read.keys.data : NULL;
}

mt_status mt_action_set_keys(mt_action *action, const mt_bytes *keys, size_t count)
{
    mt_db *db = action->db;
    mti_block block;
    mt_status st;

    if (action->kind != CALL_READ || action->as.read.handles || action->catching)
        return mti_db_fail(db, MT_INVALID, "keys are set before a read of nodes only");
    if ((st = mti_read_check(db, keys, count)) != MT_OK) return st;
    if (mti_keys_copy(db->mem, keys, count, &block) != MT_OK) return mti_no_memory(&db->error);
    mti_block_free(db->mem, &action->as.read.keys);
    action->as.read.keys = block;
    action->as.read.count = count;
    return MT_OK;
}

mt_handle *const *mt_action_nodes(const mt_action *action, size_t *count)
{
    *count = 0;
    if (action->kind == CALL_READ) {
        *count = action->as.read.handle_count;
        return action->as.read.handles;
    }
    if (action->kind == CALL_FIELDS) {
        *count = action->as.fields.count;
        return action->as.fields.to;
    }
    if (action->kind == CALL_WRITE) {
        *count = action->as.write.handle_count;
        return action->as.write.handles;
    }
    return NULL;
}

void mt_action_set_node(mt_action *action, size_t at, mt_handle *node)
{
    mt_handle **handles = NULL;
    size_t count = 0;

    if (action->kind == CALL_READ) {
        handles = action->as.read.handles;
        count = action->as.read.handle_count;
    } else if (action->kind == CALL_FIELDS) {
        handles = action->as.fields.to;
        count = action->as.fields.count;
    }
    if (at >= count) return;
    if (node) mt_handle_ref(node);
    mt_handle_unref(handles[at]);
    handles[at] = node;
}

/* ---- Reads of fields ---- */

mt_handle *mt_action_node(const mt_action *action)
{
    return action->kind == CALL_FIELDS ? action->as.fields.node : NULL;
}

const mt_bytes *mt_action_names(const mt_action *action, size_t *count)
{
    *count = action->kind == CALL_FIELDS ? action->as.fields.name_count : 0;
    return *count ? action->as.fields.names.data : NULL;
}

mt_status mt_action_set_names(mt_action *action, const mt_bytes *names, size_t count)
{
    if (action->kind != CALL_FIELDS || action->as.fields.found)
        return mti_db_fail(action->db, MT_INVALID, "names are set before a read of fields only");
    return mti_fields_names(action, names, count);
}

mt_found_field *mt_action_fields(mt_action *action, size_t *count)
{
    *count = action->kind == CALL_FIELDS ? action->as.fields.count : 0;
    return *count ? action->as.fields.found : NULL;
}

/* ---- Writes ---- */

const mt_row *mt_action_rows(const mt_action *action, size_t *count)
{
    *count = action->kind == CALL_WRITE ? action->as.write.count : 0;
    return *count ? action->as.write.rows.data : NULL;
}

bool mt_action_stamped(const mt_action *action)
{
    return action->kind == CALL_WRITE && action->as.write.stamped;
}

mt_status mt_action_set_rows(mt_action *action, const mt_row *rows, size_t count)
{
    mt_db *db = action->db;
    mti_block block;
    mt_status st;

    if (action->kind != CALL_WRITE || action->as.write.merged || action->catching)
        return mti_db_fail(db, MT_INVALID, "rows are set before a write only");
    if ((st = mti_rows_check(db, rows, count)) != MT_OK) return st;
    st = mti_rows_copy(db->mem, rows, count, MTI_COMMIT_FIELDS_MAX, &block);
    if (st == MT_NO_MEMORY) return mti_no_memory(&db->error);
    if (st != MT_OK)
        return mti_db_fail(db, st, "a commit has at most %u fields", MTI_COMMIT_FIELDS_MAX);
    mti_write_set_rows(action, &block, count);
    return MT_OK;
}

const mt_graph *mt_action_full(const mt_action *action)
{
    return action->kind == CALL_WRITE ? action->as.write.full : NULL;
}

const mt_delta *mt_action_delta(const mt_action *action)
{
    return action->kind == CALL_WRITE ? action->as.write.delta : NULL;
}
