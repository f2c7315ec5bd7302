#include "db/join.h"

#include "base/bytes.h"
#include "db/order.h"

/* A field, and which row it is of. */
typedef struct piece {
    mt_field field;
    size_t row;
} piece;

typedef struct joining {
    const mt_mem *mem;
    const mt_row *rows;
    mti_order order; /* of the rows, by uid; equal ones as they came */
    piece *pieces;   /* of one node */
    size_t piece_count, field_count;
    mt_row *out;
    size_t out_count;
    mt_field *to; /* where the next field goes */
} joining;

static const mt_row *row_at(const joining *j, size_t i)
{
    return &j->rows[j->order.at[i]];
}

/* The pieces of one node. What comes before the node is deleted is gone. */
static void gather(joining *j, size_t first, size_t end)
{
    j->piece_count = 0;
    for (size_t i = first; i < end; i++) {
        const mt_row *row = row_at(j, i);
        if (row->delete_node) j->piece_count = 0;
        for (size_t f = 0; f < row->count; f++) {
            piece p = {row->fields[f], i};
            j->pieces[j->piece_count++] = p;
        }
    }
}

/* The last of each name, in name order. */
static mt_status put_fields(joining *j, mt_row *row)
{
    mti_order names;

    if (j->piece_count == 0 || !j->pieces) return MT_OK;
    if (mti_order_all(j->mem, &j->pieces->field.name, sizeof *j->pieces, j->piece_count, &names) !=
        MT_OK)
        return MT_NO_MEMORY;
    for (size_t i = 0; i < names.count; i++) {
        const piece *p = &j->pieces[names.at[i]];
        const piece *next = i + 1 < names.count ? &j->pieces[names.at[i + 1]] : NULL;
        if (next && next->row != p->row && mt_bytes_equal(next->field.name, p->field.name))
            continue;
        j->to[row->count++] = p->field;
    }
    j->to += row->count;
    mti_order_free(j->mem, &names);
    return MT_OK;
}

static mt_status join_rows(joining *j, size_t first, size_t end)
{
    mt_row *row = &j->out[j->out_count++];

    *row = *row_at(j, first);
    if (end - first == 1) return MT_OK;
    row->fields = j->to;
    row->count = 0;
    for (size_t i = first; i < end; i++) row->delete_node |= row_at(j, i)->delete_node;
    gather(j, first, end);
    return put_fields(j, row);
}

static mt_status join_all(joining *j, size_t count)
{
    mt_status st = MT_OK;

    for (size_t first = 0, end; first < count && st == MT_OK; first = end) {
        end = first + 1;
        while (end < count && mt_bytes_equal(row_at(j, end)->uid, row_at(j, first)->uid)) end++;
        st = join_rows(j, first, end);
    }
    return st;
}

mt_status mti_rows_join(const mt_mem *mem, const mt_row *rows, size_t count, mti_block *out,
                        size_t *out_count)
{
    joining j = {.mem = mem, .rows = rows};
    mti_block block = {NULL, count * sizeof *rows};
    mt_status st = mti_order_all(mem, &rows->uid, sizeof *rows, count, &j.order);

    if (st != MT_OK) return st;
    for (size_t i = 0; i < count; i++) j.field_count += rows[i].count;
    block.size += j.field_count * sizeof *j.to;
    block.data = mti_mem_alloc(mem, block.size);
    j.pieces = mti_mem_alloc(mem, (j.field_count + 1) * sizeof *j.pieces);
    st = MT_NO_MEMORY;
    if (block.data && j.pieces) {
        j.out = block.data;
        j.to = (mt_field *)&j.out[count];
        st = join_all(&j, count);
    }
    mti_mem_free(mem, j.pieces, (j.field_count + 1) * sizeof *j.pieces);
    mti_order_free(mem, &j.order);
    if (st != MT_OK) mti_block_free(mem, &block);
    else *out = block, *out_count = j.out_count;
    return st;
}
