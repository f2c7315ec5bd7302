#include "db/copy.h"

#include "base/bytes.h"

void mti_block_free(const mt_mem *mem, mti_block *block)
{
    mti_mem_free(mem, block->data, block->size);
    block->data = NULL;
    block->size = 0;
}

/* Copies bytes to `*at`, which moves on, and lets `bytes` lie there. */
static void move_bytes(mt_bytes *bytes, uint8_t **at)
{
    if (bytes->len == 0) return;
    memcpy(*at, bytes->data, bytes->len);
    bytes->data = *at;
    *at += bytes->len;
}

mt_status mti_keys_copy(const mt_mem *mem, const mt_bytes *keys, size_t count, mti_block *out)
{
    size_t size = count * sizeof *keys;
    mt_bytes *copy;
    uint8_t *at;

    for (size_t i = 0; i < count; i++) size += keys[i].len;
    copy = mti_mem_alloc(mem, size ? size : 1);
    if (!copy) return MT_NO_MEMORY;
    at = (uint8_t *)&copy[count];
    for (size_t i = 0; i < count; i++) {
        copy[i] = keys[i];
        move_bytes(&copy[i], &at);
    }
    out->data = copy;
    out->size = size ? size : 1;
    return MT_OK;
}

mt_status mti_records_copy(const mt_mem *mem, const mt_storage_record *records, size_t count,
                           mti_block *out)
{
    size_t size = count * sizeof *records;
    mt_storage_record *copy;
    uint8_t *at;

    for (size_t i = 0; i < count; i++) size += records[i].key.len + records[i].value.len;
    copy = mti_mem_alloc(mem, size ? size : 1);
    if (!copy) return MT_NO_MEMORY;
    at = (uint8_t *)&copy[count];
    for (size_t i = 0; i < count; i++) {
        copy[i] = records[i];
        move_bytes(&copy[i].key, &at);
        move_bytes(&copy[i].value, &at);
    }
    out->data = copy;
    out->size = size ? size : 1;
    return MT_OK;
}

static bool holds_bytes(const mt_field *field)
{
    return field->kind == MT_FIELD_VALUE &&
           (field->value.kind == MT_STRING || field->value.kind == MT_BYTES ||
            field->value.kind == MT_EDGE);
}

static bool add_row_size(const mt_row *row, size_t *size, size_t *fields)
{
    size_t array;

    if (!mti_size_mul(row->count, sizeof(mt_field), &array)) return false;
    if (!mti_size_add(*size, array + row->uid.len, size)) return false;
    *fields += row->count;
    for (size_t i = 0; i < row->count; i++) {
        const mt_field *field = &row->fields[i];
        size_t len = field->name.len + (holds_bytes(field) ? field->value.as.bytes.len : 0);
        if (!mti_size_add(*size, len, size)) return false;
    }
    return true;
}

mt_status mti_rows_copy(const mt_mem *mem, const mt_row *rows, size_t count, size_t fields_max,
                        mti_block *out)
{
    size_t size = count * sizeof *rows, fields = 0;
    mt_field *field;
    uint8_t *at;
    mt_row *copy;

    for (size_t i = 0; i < count; i++)
        if (!add_row_size(&rows[i], &size, &fields) || fields > fields_max) return MT_TOO_LARGE;
    copy = mti_mem_alloc(mem, size ? size : 1);
    if (!copy) return MT_NO_MEMORY;
    field = (mt_field *)&copy[count];
    at = (uint8_t *)&field[fields];
    for (size_t i = 0; i < count; i++) {
        copy[i] = rows[i];
        copy[i].fields = field;
        copy[i].shape = NULL;
        copy[i].extension.data = NULL;
        copy[i].extension.len = 0;
        move_bytes(&copy[i].uid, &at);
        for (size_t j = 0; j < rows[i].count; j++, field++) {
            *field = rows[i].fields[j];
            move_bytes(&field->name, &at);
            if (holds_bytes(field)) move_bytes(&field->value.as.bytes, &at);
        }
    }
    out->data = copy;
    out->size = size ? size : 1;
    return MT_OK;
}
