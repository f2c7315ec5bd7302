/* trust/record.h - what a space says of itself in the graph: a node for each record, below "@space/".
 *
 *     uid                  its one field, "record", bytes, at state 1
 *     @space/genesis       the genesis
 *     @space/tokens/ID     a chain; ID is that of its last token, in hexadecimal
 *     @space/revoked/ID    a revocation, and behind it the chain whose last token it takes back, which ID names
 *
 * Such a node is good by itself, whoever brings it: its signatures say all. It never changes, and is never
 * deleted. Of two that name one token the merge rule keeps one, and both are true. `err` is never NULL. */
#ifndef MTI_TRUST_RECORD_H
#define MTI_TRUST_RECORD_H

#include "trust/rights.h"

#include <mytosis/node.h>

#define MTI_RECORD_STATE 1
#define MTI_RECORD_UID_MAX 80 /* with a zero byte */
#define MTI_RECORD_LEN_MAX (MTI_REVOCATION_LEN + MTI_CHAIN_LEN_MAX)

typedef enum mti_record_kind {
    MTI_RECORD_GENESIS,
    MTI_RECORD_TOKEN,
    MTI_RECORD_REVOCATION
} mti_record_kind;

/* A record that was checked. */
typedef struct mti_record {
    mti_record_kind kind;
    uint8_t device[MT_KEY_LEN]; /* whom the chain is for */
    mti_grant grant;            /* what it gave before it was taken back, and within its time */
    mt_bytes chain;             /* BORROWED from the bytes */
    mti_revocation revocation;
    uint8_t rank; /* of who revokes: 1 is the root, 2 whom that gave a token, and so on */
} mti_record;

/* Whether a node lies where only records are. */
bool mti_record_is_place(mt_bytes uid);

/* The uid of a record, and a zero byte; `id` is that of the token, or NULL for the genesis. */
void mti_record_uid(mti_record_kind kind, const uint8_t *id, char out[MTI_RECORD_UID_MAX]);

/* Reads a record that stands at `uid`, and checks all of it. MT_MALFORMED: it is none. MT_UNSUPPORTED:
 * of a kind or version that is not known. MT_REFUSED: it is one of
 * another space, or of somebody who has no say in that. */
MT_MUST_USE mt_status mti_record_read(const mt_crypto *crypto, const mti_space *space, mt_bytes uid,
                                      mt_bytes bytes, mti_record *out, mt_error *err);

/* Reads the one that a row is, which must be the whole node. MT_REFUSED also: it is something else. */
MT_MUST_USE mt_status mti_record_of_row(const mt_crypto *crypto, const mti_space *space,
                                        const mt_row *row, mti_record *out, mt_error *err);

/* The field that a record is. BORROWED. */
mt_field mti_record_field(mt_bytes bytes);

#endif
