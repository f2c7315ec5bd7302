#include "trust/record.h"

#include "base/status.h"
#include "trust/genesis.h"

#include <string.h>

static const char tokens_place[] = MTI_RESERVED_PREFIX "tokens/";
static const char revoked_place[] = MTI_RESERVED_PREFIX "revoked/";
static const char genesis_uid[] = MTI_RESERVED_PREFIX "genesis";
static const char field_name[] = "record";

bool mti_record_is_place(mt_bytes uid)
{
    return mti_prefix_covers(mt_str(MTI_RESERVED_PREFIX), uid);
}

void mti_record_uid(mti_record_kind kind, const uint8_t *id, char out[MTI_RECORD_UID_MAX])
{
    static const char digits[] = "0123456789abcdef";
    const char *place = kind == MTI_RECORD_TOKEN        ? tokens_place
                        : kind == MTI_RECORD_REVOCATION ? revoked_place
                                                        : genesis_uid;
    size_t len = strlen(place);

    memcpy(out, place, len);
    for (size_t i = 0; kind != MTI_RECORD_GENESIS && i < MTI_ID_LEN; i++) {
        out[len++] = digits[id[i] >> 4];
        out[len++] = digits[id[i] & 15];
    }
    out[len] = '\0';
}

/* ---- Reading ---- */

static mt_status read_genesis(const mt_crypto *crypto, const mti_space *space, mt_bytes bytes,
                              mt_error *err)
{
    uint8_t id[MTI_ID_LEN];
    mti_genesis genesis;
    mt_status st = mti_genesis_read(crypto, bytes, &genesis, err);

    if (st != MT_OK) return st;
    mti_genesis_id(crypto, bytes.data, id);
    if (memcmp(id, space->id, sizeof id) == 0) return MT_OK;
    return mti_fail(err, MT_REFUSED, "the genesis of another space");
}

/* Whoever it is for shows no more than this; whether it is time, and whether it was taken back, is asked when
 * it is shown. */
static mt_status read_chain(const mt_crypto *crypto, const mti_space *space, mt_bytes bytes,
                            mti_record *out, mt_error *err)
{
    mt_bytes tokens[MT_CHAIN_TOKENS_MAX];
    mti_moment moment = {.now_ms = 0};
    mti_token last;
    size_t count;
    mt_status st = mti_chain_decode(bytes, tokens, &count, err);

    if (st == MT_OK) st = mti_token_decode(tokens[count - 1], &last, err);
    if (st != MT_OK) return st;
    out->chain = bytes;
    memcpy(out->device, last.audience, MT_KEY_LEN);
    moment.now_ms = last.not_before;
    if (mti_chain_check(crypto, space, last.audience, &moment, tokens, count, &out->grant, err) ==
        MTI_VERDICT_ALLOWED)
        return MT_OK;
    return err->status;
}

/* The rank of who issued a token of the chain, the first of which was by the root; 0: it is nobody of these. */
static uint8_t rank_of(const mti_grant *grant, const uint8_t *key)
{
    for (uint8_t i = 0; i < grant->count; i++)
        if (memcmp(key, grant->issuers[i], MT_KEY_LEN) == 0) return (uint8_t)(i + 1);
    return 0;
}

static mt_status read_revocation(const mt_crypto *crypto, const mti_space *space, mt_bytes bytes,
                                 mti_record *out, mt_error *err)
{
    mt_bytes head = {bytes.data, MTI_REVOCATION_LEN}, rest;
    const mti_revocation *revocation = &out->revocation;
    mt_status st;

    if (bytes.len <= MTI_REVOCATION_LEN)
        return mti_fail(err, MT_MALFORMED, "a revocation without the chain that it is about");
    rest = (mt_bytes){bytes.data + MTI_REVOCATION_LEN, bytes.len - MTI_REVOCATION_LEN};
    st = mti_revocation_decode(head, &out->revocation, err);
    if (st == MT_OK) st = read_chain(crypto, space, rest, out, err);
    if (st != MT_OK) return st;
    if (memcmp(revocation->space, space->id, MTI_ID_LEN) != 0)
        return mti_fail(err, MT_REFUSED, "a revocation of another space");
    if (memcmp(revocation->token, out->grant.ids[out->grant.count - 1], MTI_ID_LEN) != 0)
        return mti_fail(err, MT_REFUSED, "a revocation of another token than its chain's last");
    if ((out->rank = rank_of(&out->grant, revocation->by)) == 0)
        return mti_fail(err, MT_REFUSED, "a revocation by a device that the token is not under");
    return mti_revocation_verify(crypto, revocation, err);
}

static bool begins(mt_bytes uid, const char *place)
{
    size_t len = strlen(place);

    return uid.len > len && memcmp(uid.data, place, len) == 0;
}

/* Whether a record stands where it says of itself. */
static mt_status check_place(const mti_record *record, mt_bytes uid, mt_error *err)
{
    char right[MTI_RECORD_UID_MAX];

    mti_record_uid(record->kind, record->grant.ids[record->grant.count - 1], right);
    if (mt_bytes_equal(uid, mt_str(right))) return MT_OK;
    return mti_fail(err, MT_REFUSED, "a record that belongs to %s", right);
}

mt_status mti_record_read(const mt_crypto *crypto, const mti_space *space, mt_bytes uid,
                          mt_bytes bytes, mti_record *out, mt_error *err)
{
    mt_status st;

    memset(out, 0, sizeof *out);
    if (mt_bytes_equal(uid, mt_str(genesis_uid))) {
        out->kind = MTI_RECORD_GENESIS;
        return read_genesis(crypto, space, bytes, err);
    }
    if (begins(uid, tokens_place)) {
        out->kind = MTI_RECORD_TOKEN;
        st = read_chain(crypto, space, bytes, out, err);
    } else if (begins(uid, revoked_place)) {
        out->kind = MTI_RECORD_REVOCATION;
        st = read_revocation(crypto, space, bytes, out, err);
    } else {
        return mti_fail(err, MT_UNSUPPORTED, "no record that is known here has its place there");
    }
    return st == MT_OK ? check_place(out, uid, err) : st;
}

/* ---- Rows ---- */

mt_field mti_record_field(mt_bytes bytes)
{
    return (mt_field){
        .name = mt_str(field_name), .value = mt_blob(bytes), .state = MTI_RECORD_STATE};
}

mt_status mti_record_of_row(const mt_crypto *crypto, const mti_space *space, const mt_row *row,
                            mti_record *out, mt_error *err)
{
    const mt_field *field = row->fields;

    if (row->delete_node || row->floor > 0)
        return mti_fail(err, MT_REFUSED, "records of a space are not deleted");
    if (row->count != 1 || row->more || field->kind != MT_FIELD_VALUE ||
        field->value.kind != MT_BYTES || field->state != MTI_RECORD_STATE ||
        !mt_bytes_equal(field->name, mt_str(field_name)))
        return mti_fail(err, MT_REFUSED, "the name is reserved for what the space says of itself");
    return mti_record_read(crypto, space, row->uid, field->value.as.bytes, out, err);
}
