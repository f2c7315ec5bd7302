/* trust/space.h - what a space knows: who has come, who was given a token, and what was taken back.
 *
 *     space.c         its life, and what each device may
 *     space_roll.c    tokens and revocations that are known
 *     space_graph.c   their records in a database */
#ifndef MTI_SPACE_H
#define MTI_SPACE_H

#include "trust/genesis.h"
#include "trust/record.h"

#include <mytosis/space.h>

/* A grant of everything is one range, and records are another. */
#define MTI_SPACE_RANGES_MAX (MT_TOKEN_PREFIXES_MAX + 1)

/* Who has come, and the grant that it showed last. */
typedef struct mti_space_visitor {
    uint8_t device[MT_DEVICE_LEN];
    mti_grant grant;
    uint64_t ends_ms; /* when that ends, or one before it with which a session may have begun */
} mti_space_visitor;

/* A token that was given to a device, by the id of the token. */
typedef struct mti_space_given {
    uint8_t device[MT_DEVICE_LEN];
    mti_grant grant;
    uint8_t *chain; /* OWNED */
    size_t chain_len;
} mti_space_given;

struct mt_space {
    const mt_env *env;
    mt_space_options options; /* `genesis` empty */
    uint8_t genesis[MTI_GENESIS_LEN];
    size_t members_max;
    mti_space about;
    mti_space_visitor *visitors;
    size_t visitor_count, visitor_cap;
    mti_space_given *given;
    size_t given_count, given_cap;
    mti_revocation *revocations;
    size_t revocation_count, revocation_cap;
    uint8_t *ranks; /* of each revocation: who revokes, as in a record; 0: this program itself */
    size_t rank_cap;
    bool guarded; /* a database has its hooks: records may come from peers */
    mt_timer expiry;
    bool expiry_set;
    uint64_t expires_ms; /* when the next grant ends; UINT64_MAX: none does */
    mt_done *followed;   /* of mt_space_follow */
    void *followed_ctx;
    mt_error follow_err;
    mt_sync_range read[MTI_SPACE_RANGES_MAX],
        write[MTI_SPACE_RANGES_MAX]; /* of the answer at hand */
};

/* What counts now. */
mti_moment mti_space_moment(const mt_space *space);

/* Takes in what records say, which were checked: all or none. MT_TOO_LARGE: one is a revocation that has no room.
 * MT_NO_MEMORY. */
MT_MUST_USE mt_status mti_space_take(mt_space *space, const mti_record *records, size_t count,
                                     mt_error *err);

/* Frees what is known. */
void mti_space_roll_free(mt_space *space);

#endif
