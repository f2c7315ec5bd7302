#include "db/stamp.h"

#include "base/bytes.h"
#include "db/branch.h"

#define EPOCH_MS UINT64_C(1577836800000) /* 2020-01-01T00:00:00Z */
#define COUNT_BITS 11
#define FUTURE_MS (10 * 60 * 1000)

/* ---- The clock ---- */

uint64_t mti_clock_now(const mt_db *db)
{
    uint64_t now = db->env->now_ms(db->env->ctx);

    if (now < EPOCH_MS) return 0;
    now -= EPOCH_MS;
    return now > MT_STATE_MAX >> COUNT_BITS ? MT_STATE_MAX : now << COUNT_BITS;
}

uint64_t mti_clock_take(mt_db *db)
{
    uint64_t now;

    db = mti_branch_root(db);
    if (db->mode == MT_CLOCK_LAMPORT) return 0;
    now = mti_clock_now(db);
    if (db->clock < MT_STATE_MAX) db->clock++;
    if (now > db->clock) db->clock = now;
    return db->clock;
}

mt_status mti_stamp_check(mt_db *db, const mt_row *rows, size_t count)
{
    uint64_t now = mti_clock_now(db), most;

    if (db->mode == MT_CLOCK_LAMPORT) return MT_OK;
    most = now + ((uint64_t)FUTURE_MS << COUNT_BITS);
    for (size_t i = 0; i < count; i++) {
        uint64_t highest = rows[i].floor;
        for (size_t j = 0; j < rows[i].count; j++)
            if (rows[i].fields[j].state > highest) highest = rows[i].fields[j].state;
        if (highest <= most || highest > MT_STATE_MAX) continue;
        return mti_db_fail(db, MT_STATE,
                           "node \"%.*s\": state %llu is %llu s ahead of the time of day; 600 are "
                           "the most",
                           MTI_SHOW(rows[i].uid), (unsigned long long)highest,
                           (unsigned long long)(((highest - now) >> COUNT_BITS) / 1000));
    }
    return MT_OK;
}

/* ---- Writes on their way ---- */

void mti_stamp_enter(mt_action *action)
{
    if (action->unmerged) return;
    action->unmerged = true;
    action->db->unmerged++;
}

static void overtaken_free(mt_db *db, mti_overtaken *o)
{
    mti_block_free(db->mem, &o->rows);
    mti_mem_free(db->mem, o, sizeof *o);
}

void mti_stamp_leave(mt_action *action)
{
    mt_db *db = action->db;

    if (!action->unmerged) return;
    action->unmerged = false;
    if (--db->unmerged > 0) return;
    mti_unblock(db);
    while (db->overtaken) {
        mti_overtaken *o = db->overtaken;
        db->overtaken = o->next;
        overtaken_free(db, o);
    }
}

/* Whether writes that were made before this one are still to be merged. */
static size_t earlier_count(const mt_action *action, mt_bytes uid, mt_bytes name)
{
    size_t count = 0;

    for (const mt_action *a = action->older; a; a = a->older) {
        const mt_row *rows = a->kind == CALL_WRITE ? a->as.write.rows.data : NULL;
        if (!a->unmerged) continue;
        for (size_t i = 0; i < a->as.write.count; i++) {
            if (!mt_bytes_equal(rows[i].uid, uid)) continue;
            for (size_t j = 0; j < rows[i].count; j++)
                count += mt_bytes_equal(rows[i].fields[j].name, name);
        }
    }
    return count;
}

static bool any_earlier(const mt_action *action)
{
    for (const mt_action *a = action->older; a && action->db->unmerged > 1; a = a->older)
        if (a->unmerged) return true;
    return false;
}

/* Remembers what was merged ahead of an earlier write. */
static mt_status overtake(mt_action *action, const mt_row *rows, size_t count)
{
    mt_db *db = action->db;
    mti_overtaken *o;

    if (!any_earlier(action)) return MT_OK;
    if (!(o = mti_mem_alloc(db->mem, sizeof *o))) return mti_no_memory(&db->error);
    memset(o, 0, sizeof *o);
    if (mti_rows_copy(db->mem, rows, count, SIZE_MAX, &o->rows) != MT_OK) {
        mti_mem_free(db->mem, o, sizeof *o);
        return mti_no_memory(&db->error);
    }
    o->id = action->id;
    o->state = action->as.write.state;
    o->count = count;
    o->next = db->overtaken;
    db->overtaken = o;
    return MT_OK;
}

/* Whether a write made later than this one has merged the field, or deleted the node. */
static bool is_overtaken(const mt_action *action, mt_bytes uid, const mt_bytes *name)
{
    for (const mti_overtaken *o = action->db->overtaken; o; o = o->next) {
        const mt_row *rows = o->rows.data;
        if (o->id < action->id) continue;
        for (size_t i = 0; i < o->count; i++) {
            if (!mt_bytes_equal(rows[i].uid, uid)) continue;
            if (rows[i].delete_node || !name) return true;
            for (size_t j = 0; j < rows[i].count; j++)
                if (mt_bytes_equal(rows[i].fields[j].name, *name)) return true;
        }
    }
    return false;
}

/* ---- Stamping one by one ---- */

static uint64_t state_here(const mt_node *node, mt_bytes name)
{
    uint64_t state = node ? mt_node_floor(node) : 0;
    mt_field field;

    if (node && mt_node_get_any(node, name, &field) == MT_OK && field.state > state)
        state = field.state;
    return state;
}

/* The state that a write with a clock needs to be above all that it overwrites, but for what later
 * writes put there. */
static uint64_t state_needed(mt_action *action, const mt_row *rows, size_t count)
{
    uint64_t needed = action->as.write.state;

    for (size_t i = 0; i < count; i++) {
        const mt_node *node = mt_graph_get(action->db->graph, rows[i].uid);
        if (!node || mt_node_state_max(node) < needed) continue;
        if (rows[i].delete_node && !is_overtaken(action, rows[i].uid, NULL))
            needed = mt_node_state_max(node) + 1;
        for (size_t j = 0; j < rows[i].count; j++) {
            uint64_t here = state_here(node, rows[i].fields[j].name);
            if (here >= needed && !is_overtaken(action, rows[i].uid, &rows[i].fields[j].name))
                needed = here + 1;
        }
    }
    return needed;
}

static uint64_t counted_state(mt_action *action, const mt_node *node, mt_bytes uid,
                              const mt_field *field)
{
    uint64_t here = state_here(node, field->name);

    if (is_overtaken(action, uid, &field->name)) return here > 1 ? here - 1 : 1;
    return here + 1 + earlier_count(action, uid, field->name);
}

/* Gives each row its states, as `needed` and the order of the program have it. */
static mt_status stamp_rows(mt_action *action, mt_row *rows, size_t count, uint64_t needed)
{
    mt_db *db = action->db;
    bool counts = db->mode == MT_CLOCK_LAMPORT;

    for (size_t i = 0; i < count; i++) {
        const mt_node *node = mt_graph_get(db->graph, rows[i].uid);
        mt_field *fields = (mt_field *)(uintptr_t)rows[i].fields; /* of our own copy */
        rows[i].floor = 0;
        if (rows[i].delete_node && counts) rows[i].floor = node ? mt_node_state_max(node) : 0;
        else if (rows[i].delete_node)
            rows[i].floor =
                (is_overtaken(action, rows[i].uid, NULL) ? action->as.write.state : needed) - 1;
        for (size_t j = 0; j < rows[i].count; j++) {
            bool late = is_overtaken(action, rows[i].uid, &fields[j].name);
            fields[j].state = late ? action->as.write.state : needed;
            if (counts) fields[j].state = counted_state(action, node, rows[i].uid, &fields[j]);
            if (counts && fields[j].state <= rows[i].floor) fields[j].state = rows[i].floor + 1;
            if (fields[j].state > MT_STATE_MAX)
                return mti_db_fail(db, MT_STATE, "node \"%.*s\": there is no state above 2^53 - 1",
                                   MTI_SHOW(rows[i].uid));
        }
        rows[i].delete_node = false;
    }
    return MT_OK;
}

static mt_status merge_stamped(mt_action *action, const mt_row *rows, size_t count)
{
    mt_db *db = action->db, *root = mti_branch_root(db);
    bool counts = db->mode == MT_CLOCK_LAMPORT;
    uint64_t needed = counts ? 0 : state_needed(action, rows, count);
    mti_block block;
    mt_status st;

    if (needed > action->as.write.state && needed <= root->clock) needed = root->clock + 1;
    if (mti_rows_copy(db->mem, rows, count, SIZE_MAX, &block) != MT_OK)
        return mti_no_memory(&db->error);
    st = stamp_rows(action, block.data, count, needed);
    if (st == MT_OK) {
        st = mt_graph_merge_rows(db->graph, block.data, count, &action->as.write.delta);
        if (st != MT_OK) db->error = *mt_graph_error(db->graph);
    }
    mti_block_free(db->mem, &block);
    if (st == MT_OK && !counts) action->as.write.state = needed;
    return st;
}

/* Merges with one state; most often it is above everything, as it was taken. */
static mt_status merge_patch(mt_action *action, const mt_row *rows, size_t count)
{
    mt_db *db = action->db, *root = mti_branch_root(db);
    uint64_t state = action->as.write.state, needed;
    mt_status st = mt_graph_patch(db->graph, rows, count, state, &action->as.write.delta);

    if (st == MT_STATE && state > 0) {
        needed = state_needed(action, rows, count);
        if (needed > state && needed <= root->clock) needed = root->clock + 1;
        if (needed > MT_STATE_MAX)
            return mti_db_fail(db, MT_STATE, "there is no state above 2^53 - 1");
        st = mt_graph_patch(db->graph, rows, count, needed, &action->as.write.delta);
        if (st == MT_OK) action->as.write.state = needed;
    }
    if (st != MT_OK) db->error = *mt_graph_error(db->graph);
    return st;
}

mt_status mti_stamp_merge(mt_action *action, const mt_row *rows, size_t count)
{
    mt_db *db = action->db, *root = mti_branch_root(db);
    bool counts = db->mode == MT_CLOCK_LAMPORT;
    mt_status st;

    /* What must be in order with other writes on their way goes field by field. */
    if (db->overtaken || (counts && any_earlier(action))) st = merge_stamped(action, rows, count);
    else st = merge_patch(action, rows, count);
    if (st != MT_OK) return st;
    if (action->as.write.state > root->clock) root->clock = action->as.write.state;
    if ((st = overtake(action, rows, count)) == MT_OK) return MT_OK;
    mti_graph_take_back(db->graph, action->as.write.delta);
    mt_delta_free(action->as.write.delta);
    action->as.write.delta = NULL;
    return st;
}
