#include "crdt/fingerprint.h"

#include "base/word.h"
#include "crdt/rows.h"

#define KIND_DELETED 7u
#define KIND_FLOOR 8u
#define NAME_OF_FLOOR 255u

const mti_sipkey mti_space_key = {0, 0};

/* All hashes of one node begin with its uid. */
static mti_siphash begin(const mti_sipkey *key, mt_bytes uid)
{
    uint8_t text[(1 + MT_UID_LEN_MAX + 7) & ~7u];
    size_t len = (1 + uid.len + 7) & ~(size_t)7;
    mti_siphash hash;

    text[0] = (uint8_t)uid.len;
    memcpy(text + 1, uid.data, uid.len);
    memset(text + 1 + uid.len, 0, len - 1 - uid.len);
    mti_siphash_init(&hash, key);
    for (size_t at = 0; at < len; at += 8) mti_siphash_word(&hash, mti_load_le64(text + at));
    return hash;
}

static void add(mt_sum *sum, mti_sip128 hash)
{
    mt_sum one = {hash.lo, hash.hi};

    mti_sum_add(sum, &one);
}

/* The bytes of a value, of which those of a number are put into `room`. */
static mt_bytes value_bytes(const mt_value *value, uint8_t room[8])
{
    uint64_t word = 0;

    switch (value->kind) {
    case MT_NULL: return (mt_bytes){room, 0};
    case MT_BOOL: room[0] = value->as.boolean; return (mt_bytes){room, 1};
    case MT_NUMBER:
        memcpy(&word, &value->as.number, sizeof word);
        mti_store_le64(word, room);
        return (mt_bytes){room, 8};
    case MT_INT: mti_store_le64((uint64_t)value->as.integer, room); return (mt_bytes){room, 8};
    case MT_STRING:
    case MT_BYTES:
    case MT_EDGE: break;
    }
    return value->as.bytes;
}

static void add_field(mti_print *print, mti_siphash hash, const mt_field *field)
{
    bool deleted = field->kind == MT_FIELD_DELETED;
    uint64_t kind = deleted ? KIND_DELETED : (uint64_t)field->value.kind;
    uint8_t head[1 + MT_NAME_LEN_MAX], room[8];
    mt_bytes value = {room, 0};

    head[0] = (uint8_t)field->name.len;
    if (field->name.len) memcpy(head + 1, field->name.data, field->name.len);
    if (!deleted) value = value_bytes(&field->value, room);
    mti_siphash_word(&hash, field->state | kind << 56);
    add(deleted ? &print->deleted : &print->living,
        mti_siphash_end(hash, (mt_bytes){head, 1 + field->name.len}, value));
    if (field->state > print->state_max) print->state_max = field->state;
}

static void add_floor(mti_print *print, mti_siphash hash, uint64_t floor)
{
    static const uint8_t name = NAME_OF_FLOOR;

    mti_siphash_word(&hash, floor | (uint64_t)KIND_FLOOR << 56);
    add(&print->deleted, mti_siphash_end(hash, (mt_bytes){&name, 1}, (mt_bytes){NULL, 0}));
    if (floor > print->state_max) print->state_max = floor;
}

void mti_print_add_row(mti_print *print, const mti_sipkey *key, const mt_row *row, bool floor)
{
    mti_siphash hash = begin(key, row->uid);

    for (size_t i = 0; i < row->count; i++) add_field(print, hash, &row->fields[i]);
    if (floor && row->floor > 0) add_floor(print, hash, row->floor);
}

void mt_storage_item_add(mt_storage_item *item, const mt_row *row, bool first)
{
    mti_print print = {item->living, item->deleted, item->state_max};

    mti_print_add_row(&print, &mti_space_key, row, first);
    item->living = print.living;
    item->deleted = print.deleted;
    item->state_max = print.state_max;
}

mti_print mti_print_node(const mti_sipkey *key, const mt_node *node)
{
    mti_print print = {.state_max = 0};
    mti_node_rows rows;
    mt_row row;
    bool first = true;

    mti_node_rows_init(&rows, node);
    while (mti_node_rows_next(&rows, &row)) {
        mti_print_add_row(&print, key, &row, first);
        first = false;
    }
    return print;
}
