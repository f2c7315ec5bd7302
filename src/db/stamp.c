#include "db/stamp.h"

#include "base/bytes.h"
#include "db/branch.h"
#include "db/rank.h"

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

/* ---- Merging with one state ---- */

static mt_status no_state(mt_db *db)
{
    return mti_db_fail(db, MT_STATE, "there is no state above 2^53 - 1");
}

static uint64_t state_here(const mt_node *node, mt_bytes name)
{
    uint64_t state = node ? mt_node_floor(node) : 0;
    mt_field field;

    if (node && mt_node_get_any(node, name, &field) == MT_OK && field.state > state)
        state = field.state;
    return state;
}

/* The state of a write with a clock: above all that it overwrites. */
static uint64_t state_above(const mt_action *action, const mt_row *rows, size_t count)
{
    uint64_t state = action->as.write.state;

    for (size_t i = 0; i < count; i++) {
        const mt_node *node = mt_graph_get(action->db->graph, rows[i].uid);
        if (!node || mt_node_state_max(node) < state) continue;
        if (rows[i].delete_node) state = mt_node_state_max(node) + 1;
        for (size_t j = 0; j < rows[i].count; j++) {
            uint64_t here = state_here(node, rows[i].fields[j].name);
            if (here >= state) state = here + 1;
        }
    }
    return state;
}

/* The clock follows what was given. A merge never moves it. */
static void clock_follow(mt_db *db, uint64_t state)
{
    mt_db *root = mti_branch_root(db);

    if (root->mode != MT_CLOCK_LAMPORT && state > root->clock) root->clock = state;
}

/* Most often the state is above everything, as it was taken. */
static mt_status merge_patch(mt_action *action, const mt_row *rows, size_t count)
{
    mti_writing *w = &action->as.write;
    mt_db *db = action->db;
    uint64_t state = w->state;
    mt_status st = mt_graph_patch(db->graph, rows, count, state, &w->delta);

    if (st == MT_STATE && state > 0) {
        state = state_above(action, rows, count);
        if (state > MT_STATE_MAX) return no_state(db);
        st = mt_graph_patch(db->graph, rows, count, state, &w->delta);
    }
    if (st == MT_OK) clock_follow(db, state);
    else db->error = *mt_graph_error(db->graph);
    return st;
}

/* ---- Merging by rank ---- */

/* Whether a state is in the way of a write: not below it, nor of one that was made later. */
static bool is_in_the_way(const mt_action *action, uint64_t mine, uint64_t state)
{
    return state >= mine && !mti_rank_is_later(action, mine, state);
}

/* The state that a row needs where its rank is `mine`: above what is there, but for what writes
 * made later have put there. */
static uint64_t row_state(const mt_action *action, const mt_node *node, const mt_row *row,
                          uint64_t mine)
{
    uint64_t state = mine, highest = node ? mt_node_state_max(node) : 0;

    if (row->delete_node && is_in_the_way(action, mine, highest)) state = highest + 1;
    for (size_t i = 0; i < row->count; i++) {
        uint64_t here = state_here(node, row->fields[i].name);
        if (here >= state && is_in_the_way(action, mine, here)) state = here + 1;
    }
    return state;
}

/* The states of a row whose node has no ranks, where states count: each field its own. */
static uint64_t count_fields(const mt_node *node, mt_row *row, mt_field *fields)
{
    uint64_t highest = 0;

    row->floor = row->delete_node && node ? mt_node_state_max(node) : 0;
    for (size_t i = 0; i < row->count; i++) {
        uint64_t here = state_here(node, fields[i].name);
        fields[i].state = (here > row->floor ? here : row->floor) + 1;
        if (fields[i].state > highest) highest = fields[i].state;
    }
    return highest;
}

/* `*highest` becomes at least the highest state that the row gets. */
static mt_status stamp_row(mt_action *action, mt_row *row, uint64_t *highest)
{
    const mt_node *node = mt_graph_get(action->db->graph, row->uid);
    mt_field *fields = (mt_field *)(uintptr_t)row->fields; /* of our own copy */
    uint64_t state;

    if (mti_rank_state(action, row->uid, node ? mt_node_state_max(node) : 0, &state) != MT_OK)
        return mti_no_memory(&action->db->error);
    if (state == 0 && action->as.write.state == 0) {
        state = count_fields(node, row, fields);
    } else {
        state = state ? row_state(action, node, row, state) : state_above(action, row, 1);
        row->floor = row->delete_node ? state - 1 : 0;
        for (size_t i = 0; i < row->count; i++) fields[i].state = state;
    }
    row->delete_node = false;
    if (state > *highest) *highest = state;
    return state > MT_STATE_MAX ? no_state(action->db) : MT_OK;
}

static mt_status merge_ranked(mt_action *action, const mt_row *rows, size_t count)
{
    mt_db *db = action->db;
    uint64_t highest = action->as.write.state;
    mti_block block;
    mt_row *stamped;
    size_t kept = 0;
    mt_status st = MT_OK;

    if (mti_rows_copy(db->mem, rows, count, SIZE_MAX, &block) != MT_OK)
        return mti_no_memory(&db->error);
    stamped = block.data;
    for (size_t i = 0; i < count && st == MT_OK; i++) {
        stamped[kept] = stamped[i];
        st = stamp_row(action, &stamped[kept], &highest);
        /* To delete what is not there does not bring it into being. */
        if (stamped[kept].count > 0 || stamped[kept].floor > 0) kept++;
    }
    if (st == MT_OK) {
        st = mt_graph_merge_rows(db->graph, stamped, kept, &action->as.write.delta);
        if (st != MT_OK) db->error = *mt_graph_error(db->graph);
    }
    mti_block_free(db->mem, &block);
    if (st == MT_OK) clock_follow(db, highest);
    return st;
}

mt_status mti_stamp_merge(mt_action *action, const mt_row *rows, size_t count)
{
    return mti_rank_is_free(action) ? merge_patch(action, rows, count)
                                    : merge_ranked(action, rows, count);
}
