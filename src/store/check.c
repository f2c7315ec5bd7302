/* check.c - records that lie where nobody looks for them, because their keys were damaged.
 *
 * Whatever is looked for by its key, or listed, is found to be damaged when it is read. What is left are keys of
 * no kind, keys that are not of the form of their kind, and fields under the uid of a node that is not theirs. */
#include "base/bytes.h"
#include "base/status.h"
#include "crdt/record.h"
#include "store/node_store.h"

static mt_status is_stray(mt_bytes key, mt_error *err)
{
    return mti_fail(err, MT_MALFORMED, "the key \"%.*s\" is none that is known", MTI_SHOW(key));
}

static mt_status check_number(mt_bytes key, mt_error *err)
{
    uint64_t number;

    return mti_key_number(key, key.data[0], &number) ? MT_OK : is_stray(key, err);
}

static mt_status check_meta(mt_bytes key, mt_error *err)
{
    static const char *const known[] = {MTI_META_CLOCK, MTI_META_FORMAT, MTI_META_FORMAT_COPY,
                                        MTI_META_LOG};

    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (mt_bytes_equal(key, mt_str(known[i]))) return MT_OK;
    return is_stray(key, err);
}

/* What is no record at all is told of where its node is read. */
static mt_status check_field(mti_node_store *store, const mt_kv_pair *pair, mt_error *err)
{
    mti_piece *piece = &store->keeper.piece;
    mt_bytes rest = mti_key_rest(pair->key), uid = mti_element_uid(rest);
    mt_status st;
    mt_row row;

    if (uid.len == 0 || uid.len == rest.len) return is_stray(pair->key, err);
    mti_piece_clear(piece);
    if (mti_piece_reserve(piece, 1, pair->value.len) != MT_OK) return mti_no_memory(err);
    store->decoder.text = piece->text;
    st = mti_record_get(&store->decoder, pair->value, &row, piece->fields, NULL);
    if (st == MT_NO_MEMORY) return mti_no_memory(err);
    if (st != MT_OK || mt_bytes_equal(row.uid, uid)) return MT_OK;
    return mti_fail(err, MT_MALFORMED, "among the fields of node \"%.*s\" is one of \"%.*s\"",
                    MTI_SHOW(uid), MTI_SHOW(row.uid));
}

mt_status mti_store_check(mti_node_store *store, const mt_kv_pair *pair, mt_error *err)
{
    switch (pair->key.data[0]) {
    case MTI_KEY_BOOT:
    case MTI_KEY_LOG: return check_number(pair->key, err);
    case MTI_KEY_META: return check_meta(pair->key, err);
    case MTI_KEY_FIELD: return check_field(store, pair, err);
    case MTI_KEY_NODE:
    case MTI_KEY_RECORD: return MT_OK; /* they are listed */
    case MTI_KEY_INDEX: return MT_OK;  /* it would be made anew */
    default: return is_stray(pair->key, err);
    }
}
