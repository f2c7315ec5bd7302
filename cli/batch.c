#include "batch.h"

#include <stdlib.h>
#include <string.h>

#define BLOCK_LEN ((size_t)1024 * 1024)

typedef struct cli_batch_block {
    struct cli_batch_block *next;
    size_t used, len;
    uint8_t bytes[];
} block;

/* ---- Memory ---- */

/* The array with room for `extra` more items of `size` bytes; NULL: no memory, and it is as it was. */
static void *reserve(void *items, size_t *cap, size_t count, size_t extra, size_t size)
{
    size_t wanted = *cap ? *cap : 256;
    void *grown;

    if (items && extra <= *cap - count) return items;
    while (wanted - count < extra) wanted *= 2;
    if ((grown = realloc(items, wanted * size))) *cap = wanted;
    return grown;
}

/* A copy of bytes that stays where it is. */
static bool keep(cli_batch *batch, mt_bytes *bytes)
{
    size_t len = bytes->len < BLOCK_LEN ? BLOCK_LEN : bytes->len;
    block *at = batch->blocks;

    if (bytes->len == 0) return true;
    if (!at || at->len - at->used < bytes->len) {
        if (!(at = malloc(sizeof *at + len))) return false;
        *at = (block){.next = batch->blocks, .len = len};
        batch->blocks = at;
    }
    memcpy(at->bytes + at->used, bytes->data, bytes->len);
    bytes->data = at->bytes + at->used;
    at->used += bytes->len;
    batch->text_len += bytes->len;
    return true;
}

/* ---- Rows ---- */

static bool keep_field(cli_batch *batch, mt_field *field)
{
    bool holds = field->kind == MT_FIELD_VALUE && field->value.kind >= MT_STRING;

    return keep(batch, &field->name) && (!holds || keep(batch, &field->value.as.bytes));
}

mt_status cli_batch_add(cli_batch *batch, const mt_row *row)
{
    mt_row *rows = reserve(batch->rows, &batch->row_cap, batch->row_count, 1, sizeof *rows);
    mt_field *held;

    if (!rows) return MT_NO_MEMORY;
    batch->rows = rows;
    held = reserve(batch->held, &batch->held_cap, batch->fields, row->count, sizeof *held);
    if (!held) return MT_NO_MEMORY;
    batch->held = held;
    rows += batch->row_count;
    *rows = *row;
    rows->fields = NULL; /* the array may move yet */
    rows->shape = NULL;
    rows->extension = (mt_bytes){NULL, 0};
    if (!keep(batch, &rows->uid)) return MT_NO_MEMORY;
    for (size_t i = 0; i < row->count; i++) {
        held[batch->fields + i] = row->fields[i];
        if (!keep_field(batch, &held[batch->fields + i])) return MT_NO_MEMORY;
    }
    batch->row_count++;
    batch->fields += row->count;
    batch->nodes += !row->more;
    return MT_OK;
}

const mt_row *cli_batch_rows(cli_batch *batch, size_t *count)
{
    mt_field *next = batch->held;

    for (size_t i = 0; i < batch->row_count; i++) {
        batch->rows[i].fields = next;
        next += batch->rows[i].count;
    }
    *count = batch->row_count;
    return batch->rows;
}

/* All blocks but one go. */
void cli_batch_clear(cli_batch *batch)
{
    block *kept = batch->blocks;

    while (kept && kept->next) {
        block *next = kept->next;

        free(kept);
        kept = next;
    }
    if (kept) kept->used = 0;
    batch->blocks = kept;
    batch->nodes = batch->fields = batch->text_len = batch->row_count = 0;
}

void cli_batch_free(cli_batch *batch)
{
    cli_batch_clear(batch);
    free(batch->blocks);
    free(batch->rows);
    free(batch->held);
    memset(batch, 0, sizeof *batch);
}
