/* node_plan.c - the records of the nodes that a write touched.
 *
 * What is on disk follows from the node before the write, what is to be there from the node after it:
 *
 *     before          after     does
 *     small or none   small     puts the record
 *     small or none   large     puts the record of a large node, and one for each field
 *     large           large     puts the fields that changed, and the record if it changed too; deletes
 *                               the fields that a floor took away, or, if they are the most, all
 *     large           small     deletes all fields, puts the record
 *
 * A node of which only a part is in memory has more fields than a small one may have: others are read
 * whole. Else one could become shorter by a value that is written over, and rest as a large node while
 * it looks like a small one. */
#include "base/assert.h"
#include "base/bytes.h"
#include "base/status.h"
#include "crdt/delta.h"
#include "crdt/record.h"
#include "crdt/rows.h"
#include "store/node_store.h"

/* A node of more fields is large, however short they are. */
#define SMALL_FIELDS_MAX MTI_SHAPE_FIELDS_MAX

/* ---- Forms ---- */

/* Whether a node that is not partial is large. Mostly this is seen without making its record. */
static mt_status is_large(mti_node_store *store, const mt_node *node, bool *large)
{
    mt_buf *measure = &store->plan.measure;
    mti_node_rows rows;
    size_t bound;
    mt_row row;

    *large = true;
    if (!node->shape) return MT_OK;
    mti_node_rows_init(&rows, node);
    mti_node_rows_next(&rows, &row);
    bound = mti_record_bound(&row);
    *large = false;
    if (bound <= store->small_len_max) return MT_OK;
    measure->len = 0;
    if (mti_buf_reserve(measure, bound) != MT_OK) return MT_NO_MEMORY;
    *large = mti_record_put(&row, measure->data).len > store->small_len_max;
    return MT_OK;
}

static mt_status was_large(mti_node_store *store, const mt_node *before, bool *large)
{
    *large = before && mt_node_partial(before);
    return before && !*large ? is_large(store, before, large) : MT_OK;
}

/* ---- Records ---- */

/* Puts the record of a small node, if it is one. */
static mt_status put_small(mti_node_store *store, const mt_node *node, bool *small)
{
    mti_plan *plan = &store->plan;
    mt_bytes uid = mt_node_uid(node), frame;
    mti_node_rows rows;
    uint8_t *room, *end;
    mt_row row;

    *small = false;
    if (!node->shape) return MT_OK;
    mti_node_rows_init(&rows, node);
    mti_node_rows_next(&rows, &row);
    room = mti_batch_room(&plan->batch, 1 + uid.len + mti_record_bound(&row));
    if (!room) return MT_NO_MEMORY;
    end = mti_key_put(room, MTI_KEY_NODE, uid);
    frame = mti_record_put(&row, end);
    if (frame.len > store->small_len_max) return MT_OK;
    *small = true;
    if (mti_keeper_note_small(&store->keeper, node) != MT_OK) return MT_NO_MEMORY;
    mti_batch_take(&plan->batch, (size_t)(frame.data + frame.len - room));
    return mti_batch_add(&plan->batch, MT_KV_PUT, (mt_bytes){room, (size_t)(end - room)}, frame);
}

static mt_status put_large(mti_node_store *store, const mt_node *node)
{
    mti_large large = {
        .few = node->shape, .floor = mt_node_floor(node), .state_max = mt_node_state_max(node)};
    mti_plan *plan = &store->plan;
    mt_bytes uid = mt_node_uid(node), key = {NULL, 1 + uid.len};
    mt_row floor = {.uid = uid, .floor = large.floor};
    uint8_t *room = mti_batch_room(&plan->batch, key.len + MTI_LARGE_BOUND), *value, *end;

    if (!room || mti_keeper_note_large(&store->keeper, &floor) != MT_OK) return MT_NO_MEMORY;
    key.data = room;
    value = mti_key_put(room, MTI_KEY_NODE, uid);
    end = mti_large_put(key, &large, value);
    mti_batch_take(&plan->batch, (size_t)(end - room));
    return mti_batch_add(&plan->batch, MT_KV_PUT, key, (mt_bytes){value, (size_t)(end - value)});
}

static mt_status put_field(mti_node_store *store, mt_bytes uid, const mt_field *field)
{
    mti_plan *plan = &store->plan;
    mt_row row = {.uid = uid, .fields = field, .count = 1};
    size_t key_len = 2 + uid.len + field->name.len;
    uint8_t *room = mti_batch_room(&plan->batch, key_len + mti_record_bound(&row));
    mt_bytes frame;

    if (!room || mti_keeper_note_field(&store->keeper, uid, field) != MT_OK) return MT_NO_MEMORY;
    frame = mti_record_put(&row, mti_key_put_field(room, uid, field->name));
    mti_batch_take(&plan->batch, (size_t)(frame.data + frame.len - room));
    return mti_batch_add(&plan->batch, MT_KV_PUT, (mt_bytes){room, key_len}, frame);
}

static mt_status delete_field(mti_node_store *store, mt_bytes uid, mt_bytes name)
{
    mti_key key;

    if (mti_keeper_note_no_field(&store->keeper, uid, name) != MT_OK) return MT_NO_MEMORY;
    key.len = (size_t)(mti_key_put_field(key.data, uid, name) - key.data);
    return mti_plan_put(&store->plan, MT_KV_DELETE, mti_key_bytes(&key), (mt_bytes){NULL, 0});
}

static mt_status delete_fields(mti_node_store *store, mt_bytes uid)
{
    mti_key key, behind;

    if (mti_keeper_note_no_fields(&store->keeper, uid) != MT_OK) return MT_NO_MEMORY;
    store->plan.restructures = true;
    mti_key_set_fields(&key, &behind, uid);
    return mti_plan_put(&store->plan, MT_KV_DELETE_RANGE, mti_key_bytes(&key),
                        mti_key_bytes(&behind));
}

/* ---- Nodes ---- */

/* Puts all of a large node. */
static mt_status put_all(mti_node_store *store, const mt_node *node)
{
    mt_bytes uid = mt_node_uid(node);
    mt_status st = put_large(store, node);
    mt_field_iter iter;
    mt_field field;

    mt_field_iter_init(&iter, node, true);
    while (st == MT_OK && mt_field_iter_next(&iter, &field)) st = put_field(store, uid, &field);
    return st;
}

/* Puts a node that is whole, in its form, in the place of all that there may be on disk. */
static mt_status put_whole(mti_node_store *store, const mt_node *node)
{
    mt_status st = delete_fields(store, mt_node_uid(node));
    bool small = false;

    if (st == MT_OK) st = put_small(store, node, &small);
    return st == MT_OK && !small ? put_all(store, node) : st;
}

/* Puts a node that was a small one, or none. The log only names what changed; where it becomes large, all
 * its fields are elements of the index of their own. */
static mt_status put_over_small(mti_node_store *store, const mt_node *before, const mt_node *after)
{
    bool small = false;
    mt_status st = put_small(store, after, &small);

    if (st != MT_OK || small) return st;
    if (before) st = mti_keeper_mark(&store->keeper, &store->plan.batch, mt_node_uid(after));
    return st == MT_OK ? put_all(store, after) : st;
}

/* Puts the fields that a step changed, but for those that a later one changed again or took away.
 */
static mt_status put_changed(mti_node_store *store, const mti_touch *touch, const mti_step *step)
{
    mt_status st = MT_OK;
    mt_delta_iter iter;
    mt_delta_node node;
    mt_field field, now;

    mti_delta_iter_at(&iter, step->delta, MT_UPDATE, step->at);
    mt_delta_iter_node(&iter, &node);
    while (st == MT_OK && mt_delta_iter_field(&iter, &field)) {
        mt_status found =
            step->next ? mt_node_get_any(touch->after, field.name, &now) : MT_NOT_LOADED;

        if (found == MT_NOT_FOUND) continue;
        if (found == MT_OK && mti_field_compare(&field, &now) != 0) continue;
        st = put_field(store, node.uid, &field);
    }
    return st;
}

/* Whether a field of the node before was taken away by the floor of the node after. */
static bool is_dead(const mt_node *after, const mt_field *field)
{
    mt_field now;

    return field->state <= mt_node_floor(after) &&
           mt_node_get_any(after, field->name, &now) == MT_NOT_FOUND;
}

/* Deletes what a higher floor took away. `*all`: that was so much that it is less to write the node
 * anew, and nothing was done; so too where not all that is on disk is known. */
static mt_status delete_dead(mti_node_store *store, const mt_node *before, const mt_node *after,
                             bool *all)
{
    size_t dead = 0;
    mt_status st = MT_OK;
    mt_field_iter iter;
    mt_field field;

    *all = mt_node_partial(before);
    if (*all) return MT_OK;
    mt_field_iter_init(&iter, before, true);
    while (mt_field_iter_next(&iter, &field)) dead += is_dead(after, &field);
    *all = 2 * dead > mt_node_count_all(before);
    if (*all || dead == 0) return MT_OK;
    store->plan.restructures = true;
    mt_field_iter_init(&iter, before, true);
    while (st == MT_OK && mt_field_iter_next(&iter, &field))
        if (is_dead(after, &field)) st = delete_field(store, mt_node_uid(after), field.name);
    return st;
}

/* A large node that stays one. */
static mt_status put_changes(mti_node_store *store, const mti_touch *touch)
{
    const mt_node *before = touch->before, *after = touch->after;
    bool raised = mt_node_floor(after) > mt_node_floor(before), all = false;
    mt_status st = MT_OK;

    if (raised) st = delete_dead(store, before, after, &all);
    if (st != MT_OK) return st;
    if (all) return put_whole(store, after);
    if (raised || mt_node_state_max(after) != mt_node_state_max(before) ||
        !after->shape != !before->shape)
        st = put_large(store, after);
    for (size_t at = touch->first; at && st == MT_OK; at = store->plan.steps[at - 1].next)
        st = put_changed(store, touch, &store->plan.steps[at - 1]);
    return st;
}

/* A node of which only a part is at hand now, and which was whole before: all its steps by
 * themselves, so that each is of one of the kinds above. */
static mt_status put_steps(mti_node_store *store, const mti_touch *touch, mt_error *err)
{
    mt_status st = MT_OK;

    for (size_t at = touch->first, next; at && st == MT_OK; at = next) {
        mti_step *step = &store->plan.steps[at - 1];
        mti_touch one = {.first = at, .last = at};
        mt_delta_iter iter;
        mt_delta_node node;
        bool there;

        next = step->next;
        step->next = 0;
        mti_delta_iter_at(&iter, step->delta, MT_UPDATE, step->at);
        there = mt_delta_iter_node(&iter, &node);
        mti_assert(there);
        one.before = node.before;
        one.after = node.after;
        st = mti_plan_touch(store, &one, err);
    }
    return st;
}

static mt_status refuse_partial(const mti_touch *touch, mt_error *err)
{
    return mti_fail(err, MT_INVALID, "of the node \"%.*s\" only a part is given, and all is needed",
                    MTI_SHOW(mt_node_uid(touch->after)));
}

mt_status mti_plan_touch(mti_node_store *store, const mti_touch *touch, mt_error *err)
{
    const mt_node *before = touch->before, *after = touch->after;
    bool partial = mt_node_partial(after), large, small = false, floor_stays;
    mt_status st;

    if (touch->whole) return partial ? refuse_partial(touch, err) : put_whole(store, after);
    if ((st = was_large(store, before, &large)) != MT_OK) return st;
    if (!large && !partial) return put_over_small(store, before, after);
    if (!partial && (st = put_small(store, after, &small)) != MT_OK) return st;
    if (small) return delete_fields(store, mt_node_uid(after));
    floor_stays = large && mt_node_floor(after) == mt_node_floor(before);
    if (!partial || floor_stays) return put_changes(store, touch);
    mti_assert(touch->first != touch->last); /* no step raises the floor of a part */
    return put_steps(store, touch, err);
}
