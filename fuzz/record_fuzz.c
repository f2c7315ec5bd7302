/* fuzz/record_fuzz.c - any bytes, read as a record of a space that stands at any uid; and records that were put right,
 * so that input gets behind their hashes and signatures.
 *
 * The first byte of the input says what follows, from its lowest bit:
 *
 *     0 to 1   0 to 2 a genesis, a chain, or a revocation and a chain, at a uid of that kind; 3 the length of a uid,
 *              the uid, and a record
 *     2        of a chain or a revocation: it is put right, signatures are believed, and it is to be taken if its
 *              chain narrows
 *     3 to 4   the token of the chain whose issuer signs a revocation that is put right */
#include "counted.h"
#include "ordered.h"

#include "trust/genesis.h"
#include "trust/record.h"

#include <mytosis/host.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* ---- As it is ---- */

/* No space has the id zero, so that nothing is a record of it. */
static void anywhere(mt_bytes uid, mt_bytes bytes)
{
    static const mti_space space = {{0}, {0}};
    mti_record record;
    mt_error err = {MT_OK, ""};
    mt_status st = mti_record_read(mt_crypto_sodium(), &space, uid, bytes, &record, &err);

    REQUIRE(st == MT_MALFORMED || st == MT_UNSUPPORTED || st == MT_REFUSED);
    REQUIRE(err.status == st && err.text[0]);
}

static void at_place(mti_record_kind kind, mt_bytes bytes)
{
    uint8_t id[MTI_ID_LEN] = {0};
    char uid[MTI_RECORD_UID_MAX];

    mti_record_uid(kind, id, uid);
    anywhere(mt_str(uid), bytes);
}

static void at_uid(mt_bytes bytes)
{
    size_t len = bytes.len > 0 ? bytes.data[0] : 0;

    if (bytes.len < 1 + len) return;
    anywhere((mt_bytes){bytes.data + 1, len},
             (mt_bytes){bytes.data + 1 + len, bytes.len - 1 - len});
}

/* ---- Put right ---- */

typedef struct right {
    mt_crypto crypto;
    ordered chain;
    uint8_t id[MTI_ID_LEN]; /* of the last token */
    uint8_t bytes[MTI_RECORD_LEN_MAX];
    size_t len;
} right;

static bool put_right(right *r, mt_bytes bytes)
{
    mt_bytes tokens[MT_CHAIN_TOKENS_MAX];
    mt_error err;

    r->crypto = ordered_crypto();
    if (mti_chain_decode(bytes, tokens, &r->chain.count, &err) != MT_OK ||
        !ordered_make(&r->chain, &r->crypto, tokens))
        return false;
    mti_token_id(&r->crypto, r->chain.bytes[r->chain.count - 1], r->id);
    r->len += mti_chain_encode(r->chain.bytes, r->chain.count, r->bytes + r->len);
    return true;
}

/* Whether its chain is in order but for the time. */
static bool is_in_order(const right *r)
{
    const mti_token *last = &r->chain.tokens[r->chain.count - 1];
    mti_moment moment = {.now_ms = last->not_before};
    mti_grant grant;

    return mti_chain_check(&r->crypto, &r->chain.space, last->audience, &moment, r->chain.bytes,
                           r->chain.count, &grant, NULL) == MTI_VERDICT_ALLOWED;
}

/* It is taken where it belongs, if at all, and nowhere else. */
static void require_taken(const right *r, mti_record_kind kind, bool taken)
{
    const mt_bytes bytes = {r->bytes, r->len};
    char uid[MTI_RECORD_UID_MAX];
    mt_field field = mti_record_field(bytes);
    mt_row row = {.fields = &field, .count = 1};
    mti_record record;
    mt_error err = {MT_OK, ""};

    mti_record_uid(kind, r->id, uid);
    row.uid = mt_str(uid);
    REQUIRE((mti_record_of_row(&r->crypto, &r->chain.space, &row, &record, &err) == MT_OK) ==
            taken);
    REQUIRE((err.status == MT_OK) == taken);
    if (taken) {
        REQUIRE(record.kind == kind && record.grant.count == r->chain.count);
        REQUIRE(record.chain.data + record.chain.len == r->bytes + r->len);
    }
    uid[row.uid.len - 1] = uid[row.uid.len - 1] == '0' ? '1' : '0';
    REQUIRE(mti_record_of_row(&r->crypto, &r->chain.space, &row, &record, &err) != MT_OK);
}

static void chain(mt_bytes bytes)
{
    right r = {.len = 0};

    if (put_right(&r, bytes)) require_taken(&r, MTI_RECORD_TOKEN, is_in_order(&r));
}

static void revocation(mt_bytes bytes, size_t by)
{
    right r = {.len = MTI_REVOCATION_LEN};
    mti_revocation read;
    mt_error err;

    if (bytes.len < MTI_REVOCATION_LEN ||
        mti_revocation_decode((mt_bytes){bytes.data, MTI_REVOCATION_LEN}, &read, &err) != MT_OK)
        return;
    bytes = (mt_bytes){bytes.data + MTI_REVOCATION_LEN, bytes.len - MTI_REVOCATION_LEN};
    if (!put_right(&r, bytes)) return;
    memcpy(read.space, r.chain.space.id, sizeof read.space);
    memcpy(read.token, r.id, sizeof read.token);
    memcpy(read.by, r.chain.tokens[by % r.chain.count].issuer, sizeof read.by);
    mti_revocation_encode(&read, r.bytes);
    require_taken(&r, MTI_RECORD_REVOCATION, is_in_order(&r));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    mt_bytes bytes;
    bool mends;

    if (size == 0) return 0;
    bytes = (mt_bytes){data + 1, size - 1};
    mends = data[0] & 4;
    switch (data[0] % 4) {
    case 0: at_place(MTI_RECORD_GENESIS, bytes); break;
    case 1:
        if (mends) chain(bytes);
        else at_place(MTI_RECORD_TOKEN, bytes);
        break;
    case 2:
        if (mends) revocation(bytes, data[0] >> 3);
        else at_place(MTI_RECORD_REVOCATION, bytes);
        break;
    default: at_uid(bytes); break;
    }
    return 0;
}
