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

void mti_gather_free(mti_outbound *out)
{
    mti_gather *rows = &out->rows;

    mt_binary_writer_free(rows->writer);
    mt_buf_free(&rows->bytes);
    mti_mem_free(out->sync->mem, rows->messages, rows->cap * sizeof(gathered));
}

mt_status mti_gather_end(mti_outbound *out)
{
    mti_gather *rows = &out->rows;
    size_t start = 0;
    gathered *more;
    mt_status st;

    if (!rows->writer) return MT_OK;
    more = mti_vector_reserve(out->sync->mem, rows->messages, &rows->cap, rows->count + 1,
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

/* About how many bytes a row takes. */
static size_t row_len(const mt_row *row)
{
    size_t len = 8 + row->uid.len;

    for (size_t i = 0; i < row->count; i++) {
        const mt_field *field = &row->fields[i];
        len += 8 + field->name.len;
        if (field->kind == MT_FIELD_VALUE &&
            (field->value.kind == MT_STRING || field->value.kind == MT_BYTES ||
             field->value.kind == MT_EDGE))
            len += field->value.as.bytes.len;
    }
    return len;
}

mt_status mti_gather_add(mti_outbound *out, const mt_row *row)
{
    mti_gather *rows = &out->rows;
    mt_row piece = *row;
    mt_status st = MT_OK;

    rows->bytes.mem = out->sync->mem;
    if (!rows->writer)
        st = mt_binary_writer_new(out->sync->mem, NULL, rows->compressor, &rows->bytes,
                                  &rows->writer);
    if (st != MT_OK) return st;
    rows->len += row_len(row);
    /* Where the message ends, the row does: the node goes on in the next. */
    if (rows->len >= CUT_LEN) piece.more = false;
    if ((st = mt_binary_row(rows->writer, &piece)) != MT_OK) return st;
    rows->within = row->more;
    rows->nodes += !row->more;
    return rows->len >= (rows->within ? CUT_LEN : MESSAGE_LEN) ? mti_gather_end(out) : MT_OK;
}

/* ---- Nodes as rows ---- */

#define ROW_FIELDS 64

typedef struct node_row {
    mti_outbound *out;
    mt_row row;
    mt_field fields[ROW_FIELDS];
} node_row;

static mt_status flush(node_row *n, bool more)
{
    mt_status st;

    n->row.fields = n->fields;
    n->row.more = more;
    st = mti_gather_add(n->out, &n->row);
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

mt_status mti_gather_node(mti_outbound *out, const mt_node *node, const mt_storage_key *want)
{
    node_row n = {.out = out};
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

/* ---- Sending ---- */

/* Sends one message of data. */
static mt_status send(mti_outbound *out, mt_bytes rows, unsigned flags)
{
    mti_say say = mti_say_begin(&out->sync->message, MTI_DATA);
    mt_status st;

    mti_say_number(&say, out->id);
    mti_say_number(&say, flags);
    if (flags & MTI_DATA_POSITION) {
        mti_say_fixed(&say, (mt_bytes){out->position.boot, sizeof out->position.boot});
        mti_say_number(&say, out->position.number);
    }
    mti_say_fixed(&say, rows);
    if ((st = mti_say_end(&say)) != MT_OK) return st;
    if ((st = mti_session_send_data(out->session, out, false)) != MT_OK) return st;
    if (flags & MTI_DATA_POSITION) out->position_owed = false;
    return MT_OK;
}

mt_status mti_gather_send(mti_outbound *out, unsigned flags, unsigned last)
{
    mti_gather *rows = &out->rows;

    while (rows->first < rows->count) {
        const gathered *m = &rows->messages[rows->first];
        mt_bytes bytes = {rows->bytes.data + m->start, m->end - m->start};
        bool is_last = rows->first + 1 == rows->count;
        mt_status st;

        if (!mti_outbound_has_room(out)) return MT_AGAIN;
        st = send(out, bytes, flags | (m->cut ? MTI_DATA_CUT : 0) | (is_last ? last : 0));
        if (st != MT_OK) return st;
        out->session->nodes_out += m->nodes;
        rows->first++;
    }
    if (!rows->writer) rows->bytes.len = rows->first = rows->count = 0;
    return MT_OK;
}

mt_status mti_gather_send_none(mti_outbound *out, unsigned flags)
{
    return send(out, (mt_bytes){NULL, 0}, flags);
}
