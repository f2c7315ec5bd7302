/* Patches as messages: rows without states, which the binary form does not have.
 *
 *     patch    how many rows; each: uid, 1 if the node is deleted first, how many fields; each: name, kind, and a value's payload */
#include "admin_message.h"

#include <stdlib.h>
#include <string.h>

#define ROW_LEN_MIN 9
#define FIELD_LEN_MIN 5

/* The kind of a field that is deleted; those of values are theirs. */
#define KIND_DELETED 255

/* ---- Packing ---- */

static void put_value(cli_text *text, const mt_value *value)
{
    uint64_t bits = 0;

    switch (value->kind) {
    case MT_NULL: break;
    case MT_BOOL: cli_pack_number(text, value->as.boolean, 1); break;
    case MT_NUMBER:
        memcpy(&bits, &value->as.number, sizeof bits);
        cli_pack_number(text, bits, 8);
        break;
    case MT_INT: cli_pack_number(text, (uint64_t)value->as.integer, 8); break;
    case MT_STRING:
    case MT_BYTES:
    case MT_EDGE: cli_pack_bytes(text, value->as.bytes); break;
    }
}

static void put_field(cli_text *text, const mt_field *field)
{
    bool deleted = field->kind == MT_FIELD_DELETED;

    cli_pack_bytes(text, field->name);
    cli_pack_number(text, deleted ? KIND_DELETED : (uint64_t)field->value.kind, 1);
    if (!deleted) put_value(text, &field->value);
}

void cli_admin_put_patch(cli_text *text, const mt_row *rows, size_t count)
{
    cli_pack_number(text, count, 4);
    for (size_t i = 0; i < count; i++) {
        cli_pack_bytes(text, rows[i].uid);
        cli_pack_number(text, rows[i].delete_node, 1);
        cli_pack_number(text, rows[i].count, 4);
        for (size_t j = 0; j < rows[i].count; j++) put_field(text, &rows[i].fields[j]);
    }
}

/* ---- Unpacking ---- */

static bool take_value(cli_unpacking *from, uint64_t kind, mt_value *out)
{
    uint64_t bits;

    memset(out, 0, sizeof *out);
    switch (kind) {
    case MT_NULL: *out = mt_null(); break;
    case MT_BOOL: *out = mt_bool(cli_unpack_bool(from)); break;
    case MT_NUMBER:
        bits = cli_unpack_number(from, 8);
        *out = mt_number(0);
        memcpy(&out->as.number, &bits, sizeof bits);
        break;
    case MT_INT: *out = mt_int((int64_t)cli_unpack_number(from, 8)); break;
    case MT_STRING: *out = mt_string(cli_unpack_bytes(from)); break;
    case MT_BYTES: *out = mt_blob(cli_unpack_bytes(from)); break;
    case MT_EDGE: *out = mt_edge(cli_unpack_bytes(from)); break;
    default: return false;
    }
    return true;
}

static bool take_field(cli_unpacking *from, mt_field *out)
{
    uint64_t kind;

    *out = (mt_field){.name = cli_unpack_bytes(from)};
    kind = cli_unpack_number(from, 1);
    if (kind != KIND_DELETED) return take_value(from, kind, &out->value) && !from->failed;
    out->kind = MT_FIELD_DELETED;
    return !from->failed;
}

/* Each field takes some bytes, so that there are no more than would fit; what they hold is checked by the database. */
static bool take_rows(cli_unpacking *from, cli_admin_patch *out)
{
    mt_field *next = out->fields;

    for (size_t i = 0; i < out->count; i++) {
        mt_row *row = &out->rows[i];

        row->uid = cli_unpack_bytes(from);
        row->delete_node = cli_unpack_bool(from);
        row->count = cli_unpack_count(from, FIELD_LEN_MIN);
        row->fields = next;
        if (from->failed) return false;
        for (size_t j = 0; j < row->count; j++)
            if (!take_field(from, next++)) return false;
    }
    return cli_unpack_end(from);
}

mt_status cli_admin_take_patch(cli_unpacking *from, cli_admin_patch *out)
{
    mt_status st = MT_NO_MEMORY;

    out->count = cli_unpack_count(from, ROW_LEN_MIN);
    out->rows = calloc(out->count + 1, sizeof *out->rows);
    out->fields = calloc(from->rest.len / FIELD_LEN_MIN + 1, sizeof *out->fields);
    if (out->rows && out->fields) st = take_rows(from, out) ? MT_OK : MT_MALFORMED;
    if (st == MT_OK) return MT_OK;
    free(out->rows);
    free(out->fields);
    return st;
}
