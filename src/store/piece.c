#include "store/piece.h"

#include "base/bytes.h"
#include "base/status.h"
#include "crdt/record.h"

/* What a piece has at most: little enough to stay in a cache while it is handed out. */
#define ROWS_MAX 512
#define FIELDS_MAX 2048
#define TEXT_MAX ((size_t)64 * 1024)

void mti_piece_free(mti_piece *piece)
{
    mti_mem_free(piece->mem, piece->rows, piece->row_cap * sizeof *piece->rows);
    mti_mem_free(piece->mem, piece->fields, piece->field_cap * sizeof *piece->fields);
    mti_mem_free(piece->mem, piece->text, piece->text_cap);
}

static size_t smaller(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* A field takes at least two bytes of a record; so does an edge, which is text of its own, mostly
 * short. */
mt_status mti_piece_reserve(mti_piece *piece, size_t count, size_t len)
{
    size_t fields = MTI_DECODED_FIELDS_MAX + smaller(len / 2, FIELDS_MAX);
    size_t text = MTI_DECODED_TEXT_MAX + smaller(2 * smaller(len, TEXT_MAX), TEXT_MAX);
    void *made;

    /* A row more than there are records: the one that ends a node. */
    made = mti_vector_reserve(piece->mem, piece->rows, &piece->row_cap,
                              smaller(count, ROWS_MAX) + 2, sizeof *piece->rows);
    if (!made) return MT_NO_MEMORY;
    piece->rows = made;
    made = mti_vector_reserve(piece->mem, piece->fields, &piece->field_cap, fields,
                              sizeof *piece->fields);
    if (!made) return MT_NO_MEMORY;
    piece->fields = made;
    made = mti_vector_reserve(piece->mem, piece->text, &piece->text_cap, text, 1);
    if (!made) return MT_NO_MEMORY;
    piece->text = made;
    return MT_OK;
}

bool mti_piece_has_room(const mti_piece *piece)
{
    return piece->row_cap - piece->row_count >= 2 &&
           piece->field_cap - piece->field_count >= MTI_DECODED_FIELDS_MAX &&
           piece->text_cap - piece->text_len >= MTI_DECODED_TEXT_MAX;
}

/* Reads a record behind what the piece has. */
static mt_status get_record(mti_piece *piece, mti_decoder *decoder, mt_bytes uid, mt_bytes value,
                            mt_row *row, mt_error *err)
{
    mt_status st;

    decoder->text = piece->text + piece->text_len;
    st = mti_record_get(decoder, value, row, piece->fields + piece->field_count, err);
    if (st != MT_OK) return st;
    if (mt_bytes_equal(row->uid, uid)) return MT_OK;
    return mti_fail(err, MT_MALFORMED, "it is of the node \"%.*s\"", MTI_SHOW(row->uid));
}

/* Takes the room that the record which was just read uses. */
static void take_room(mti_piece *piece, const mti_decoder *decoder, const mt_row *row)
{
    piece->field_count += row->count;
    piece->text_len = (size_t)(decoder->text - piece->text);
}

static uint64_t state_max_of(const mt_row *row)
{
    uint64_t max = row->floor;

    for (size_t i = 0; i < row->count; i++)
        if (row->fields[i].state > max) max = row->fields[i].state;
    return max;
}

mt_status mti_piece_add_node(mti_piece *piece, mti_decoder *decoder, mt_bytes uid, mt_bytes value,
                             mt_error *err)
{
    mt_storage_row *out = &piece->rows[piece->row_count];
    mt_error why;
    mt_status st;

    *out = (mt_storage_row){.partial = false};
    st = get_record(piece, decoder, uid, value, &out->row, &why);
    if (st != MT_OK)
        return mti_fail(err, st, "the record of node \"%.*s\": %s", MTI_SHOW(uid), why.text);
    out->row.uid = uid;
    out->state_max = state_max_of(&out->row);
    take_room(piece, decoder, &out->row);
    piece->row_count++;
    return MT_OK;
}

void mti_piece_add_large(mti_piece *piece, mt_bytes uid, const mti_large *large, bool partial)
{
    mt_storage_row *out = &piece->rows[piece->row_count++];

    *out = (mt_storage_row){
        .row = {.uid = uid, .fields = piece->fields + piece->field_count, .floor = large->floor},
        .state_max = large->state_max,
        .partial = partial};
    piece->open = true;
}

static mt_status check_field(const mti_large *large, const mt_row *row, mt_bytes name,
                             mt_error *err)
{
    const mt_field *field = row->fields;

    if (row->count != 1 || row->floor != 0)
        return mti_fail(err, MT_MALFORMED, "it is not of a single field");
    if (!mt_bytes_equal(field->name, name))
        return mti_fail(err, MT_MALFORMED, "it is of the field \"%.*s\"", MTI_SHOW(field->name));
    if (field->state > large->floor) return MT_OK;
    return mti_fail(err, MT_MALFORMED, "its state %llu is not above its node's floor, %llu",
                    (unsigned long long)field->state, (unsigned long long)large->floor);
}

mt_status mti_piece_add_field(mti_piece *piece, mti_decoder *decoder, mt_bytes uid,
                              mti_large *large, bool partial, mt_bytes name, mt_bytes value,
                              mt_error *err)
{
    mt_storage_row *out;
    mt_error why;
    mt_row row;
    mt_status st = get_record(piece, decoder, uid, value, &row, &why);

    if (st == MT_OK) st = check_field(large, &row, name, &why);
    if (st != MT_OK)
        return mti_fail(err, st, "the record of node \"%.*s\", field \"%.*s\": %s", MTI_SHOW(uid),
                        MTI_SHOW(name), why.text);
    if (row.extension.len) mti_piece_close(piece, true);
    if (row.fields->state > large->state_max) large->state_max = row.fields->state;
    if (!piece->open) mti_piece_add_large(piece, uid, large, partial);
    out = &piece->rows[piece->row_count - 1];
    out->row.count++;
    out->state_max = large->state_max;
    take_room(piece, decoder, &row);
    if (row.extension.len) {
        out->row.extension = row.extension;
        mti_piece_close(piece, true);
    }
    return MT_OK;
}

void mti_piece_close(mti_piece *piece, bool more)
{
    if (piece->open) piece->rows[piece->row_count - 1].row.more = more;
    piece->open = false;
}
