/* gather.c - rows become messages, which wait until there is room for them. */
#include "sync/sync.h"

/* A message ends when it has about so many bytes; within one node, when it has that many. */
#define MESSAGE_LEN ((size_t)64 * 1024)
#define CUT_LEN ((size_t)512 * 1024)

typedef struct mti_gathered {
    size_t start, end; /* in the bytes */
    size_t nodes;
    bool cut;
} gathered;

void mti_gather_init(mti_gather *rows, const mt_mem *mem)
{
    memset(rows, 0, sizeof *rows);
    rows->bytes.mem = mem;
}

void mti_gather_free(mti_gather *rows)
{
    mt_binary_writer_free(rows->writer);
    mti_mem_free(rows->bytes.mem, rows->messages, rows->cap * sizeof(gathered));
    mt_buf_free(&rows->bytes);
}

mt_status mti_gather_end(mti_gather *rows)
{
    size_t start = 0;
    gathered *more;
    mt_status st;

    if (!rows->writer) return MT_OK;
    more = mti_vector_reserve(rows->bytes.mem, rows->messages, &rows->cap, rows->count + 1,
                              sizeof *more);
    if (!more) return MT_NO_MEMORY;
    rows->messages = more;
    if ((st = mt_binary_finish(rows->writer)) != MT_OK) return st;
    if (rows->count > 0) start = more[rows->count - 1].end;
    more[rows->count++] = (gathered){start, rows->bytes.len, rows->nodes, rows->within};
    mt_binary_writer_free(rows->writer);
    rows->writer = NULL;
    rows->nodes = rows->len = 0;
    return MT_OK;
}

/* About how many bytes a field takes. */
static size_t field_len(const mt_field *field)
{
    bool has_bytes = field->kind == MT_FIELD_VALUE &&
                     (field->value.kind == MT_STRING || field->value.kind == MT_BYTES ||
                      field->value.kind == MT_EDGE);

    return 8 + field->name.len + (has_bytes ? field->value.as.bytes.len : 0);
}

/* How many fields of a row, from the first, fit into the message; one at least, if there is one. */
static size_t fields_that_fit(mti_gather *rows, const mt_row *row)
{
    size_t count = 0;

    while (count < row->count && (count == 0 || rows->len < CUT_LEN))
        rows->len += field_len(&row->fields[count++]);
    return count;
}

/* Where the message ends, the row does: the node goes on in the next. */
static mt_status add_piece(mti_gather *rows, mt_row *left, bool more)
{
    mt_row piece = *left;
    mt_status st = MT_OK;

    if (!rows->writer)
        st = mt_binary_writer_new(rows->bytes.mem, NULL, rows->compressor, &rows->bytes,
                                  &rows->writer);
    if (st != MT_OK) return st;
    rows->len += 8 + left->uid.len;
    piece.count = fields_that_fit(rows, left);
    if (piece.count < left->count) piece.shape = left->shape = NULL;
    left->fields = left->count ? left->fields + piece.count : NULL;
    left->count -= piece.count;
    rows->within = left->count > 0 || more;
    piece.more = rows->within && rows->len < CUT_LEN;
    if ((st = mt_binary_row(rows->writer, &piece)) != MT_OK) return st;
    rows->nodes += !rows->within;
    return rows->len >= (rows->within ? CUT_LEN : MESSAGE_LEN) ? mti_gather_end(rows) : MT_OK;
}

/* Storage may give nodes in any order; within a message they are in that of their uids. */
static bool is_behind(const mti_gather *rows, mt_bytes uid)
{
    mt_bytes last = {rows->last, rows->last_len};

    return rows->writer && !rows->within && mt_bytes_compare(uid, last) <= 0;
}

mt_status mti_gather_add(mti_gather *rows, const mt_row *row)
{
    mt_row left = *row;
    mt_status st = MT_OK;

    if (is_behind(rows, row->uid)) st = mti_gather_end(rows);
    if (st != MT_OK) return st;
    memcpy(rows->last, row->uid.data, row->uid.len);
    rows->last_len = row->uid.len;
    do {
        st = add_piece(rows, &left, row->more);
    } while (st == MT_OK && left.count > 0);
    return st;
}

/* ---- Nodes as rows ---- */

#define ROW_FIELDS 64

typedef struct node_row {
    mti_gather *rows;
    mt_row row;
    mt_field fields[ROW_FIELDS];
} node_row;

static mt_status flush(node_row *n, bool more)
{
    mt_status st;

    n->row.fields = n->fields;
    n->row.more = more;
    st = mti_gather_add(n->rows, &n->row);
    n->row.count = 0;
    return st;
}

static mt_status put(node_row *n, const mt_field *field)
{
    mt_status st = MT_OK;

    if (n->row.count == ROW_FIELDS) st = flush(n, true);
    n->fields[n->row.count++] = *field;
    return st;
}

mt_status mti_gather_node(mti_gather *rows, const mt_node *node, const mt_storage_key *want)
{
    node_row n = {.rows = rows};
    mt_field_iter iter;
    mt_field field;
    mt_status st = MT_OK;

    if (!node || mt_node_state_max(node) == 0) return MT_OK;
    n.row.uid = mt_node_uid(node);
    n.row.floor = want->whole ? mt_node_floor(node) : 0;
    if (!want->whole) {
        for (size_t i = 0; i < want->name_count && st == MT_OK; i++)
            if (mt_node_get_any(node, want->names[i], &field) == MT_OK) st = put(&n, &field);
        return st == MT_OK && n.row.count > 0 ? flush(&n, false) : st;
    }
    mt_field_iter_init(&iter, node, true);
    while (st == MT_OK && mt_field_iter_next(&iter, &field)) st = put(&n, &field);
    return st == MT_OK ? flush(&n, false) : st;
}

mt_status mti_gather_between(mti_gather *rows, const mt_node *node, uint64_t since, uint64_t above,
                             uint64_t up_to, bool *any)
{
    node_row n = {.rows = rows};
    uint64_t floor = mt_node_floor(node);
    mt_field_iter iter;
    mt_field field;
    mt_status st = MT_OK;

    n.row.uid = mt_node_uid(node);
    if (floor > since && (floor <= above || floor > up_to)) n.row.floor = floor;
    *any = n.row.floor > 0;
    mt_field_iter_init(&iter, node, true);
    while (st == MT_OK && mt_field_iter_next(&iter, &field)) {
        if (field.state <= since || (field.state > above && field.state <= up_to)) continue;
        *any = true;
        st = put(&n, &field);
    }
    return st == MT_OK && *any ? flush(&n, false) : st;
}

/* ---- Sending ---- */

/* Sends one message of data. */
static mt_status send(mti_outbound *out, mt_bytes rows, unsigned flags)
{
    mt_status st = mti_outbound_say_data(out, flags, &out->position, rows);

    if (st != MT_OK) return st;
    if ((st = mti_session_send_data(out->session, out, false)) != MT_OK) return st;
    if (flags & MTI_DATA_POSITION) out->position_owed = false;
    return MT_OK;
}

bool mti_gather_first(const mti_gather *rows, mti_message *out)
{
    const gathered *m;

    if (rows->first == rows->count) return false;
    m = &rows->messages[rows->first];
    out->rows = (mt_bytes){rows->bytes.data + m->start, m->end - m->start};
    out->nodes = m->nodes;
    out->cut = m->cut;
    out->last = rows->first + 1 == rows->count;
    return true;
}

void mti_gather_pop(mti_gather *rows)
{
    rows->first++;
    if (rows->first == rows->count && !rows->writer)
        rows->bytes.len = rows->first = rows->count = 0;
}

mt_status mti_gather_send(mti_outbound *out, unsigned flags, unsigned last)
{
    mti_message m;
    mt_status st;

    while (mti_gather_first(&out->rows, &m)) {
        if (!mti_outbound_has_room(out)) {
            mti_outbound_stalls(out);
            return MT_AGAIN;
        }
        st = send(out, m.rows, flags | (m.cut ? MTI_DATA_CUT : 0) | (m.last ? last : 0));
        if (st != MT_OK) return st;
        out->session->nodes_out += m.nodes;
        out->nodes += m.nodes;
        mti_gather_pop(&out->rows);
    }
    return MT_OK;
}

mt_status mti_gather_send_none(mti_outbound *out, unsigned flags)
{
    return send(out, (mt_bytes){NULL, 0}, flags);
}
