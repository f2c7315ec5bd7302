/* space_roll.c - the tokens that were given and those that were taken back, as far as records tell. */
#include "base/bytes.h"
#include "base/status.h"
#include "trust/space.h"

/* So many of each are kept in mind. */
#define GIVEN_MAX 4096u
#define REVOCATIONS_MAX 4096u

void mti_space_roll_free(mt_space *space)
{
    const mt_mem *mem = space->env->mem;

    for (size_t i = 0; i < space->given_count; i++)
        mti_mem_free(mem, space->given[i].chain, space->given[i].chain_len);
    mti_mem_free(mem, space->given, space->given_cap * sizeof *space->given);
    mti_mem_free(mem, space->revocations, space->revocation_cap * sizeof *space->revocations);
    mti_mem_free(mem, space->depths, space->depth_cap * sizeof *space->depths);
}

/* ---- Revocations ---- */

static bool is_known(const mt_space *space, const mti_revocation *revocation)
{
    for (size_t i = 0; i < space->revocation_count; i++)
        if (memcmp(space->revocations[i].token, revocation->token, MTI_ID_LEN) == 0 &&
            memcmp(space->revocations[i].by, revocation->by, MT_KEY_LEN) == 0)
            return true;
    return false;
}

/* The place of the one that goes where there is no room: of those about the longest chain, the first. Who is deep in
 * the tree can make many, and none of them keeps out one from nearer to the root. */
static size_t deepest(const mt_space *space)
{
    size_t at = 0;

    for (size_t i = 1; i < space->revocation_count; i++)
        if (space->depths[i] > space->depths[at]) at = i;
    return at;
}

static mt_status reserve_revocation(mt_space *space, mt_error *err)
{
    const mt_mem *mem = space->env->mem;
    size_t need = space->revocation_count + 1;
    mti_revocation *revocations;
    uint8_t *depths;

    revocations = mti_vector_reserve(mem, space->revocations, &space->revocation_cap, need,
                                     sizeof *revocations);
    if (!revocations) return mti_no_memory(err);
    space->revocations = revocations;
    depths = mti_vector_reserve(mem, space->depths, &space->depth_cap, need, sizeof *depths);
    if (!depths) return mti_no_memory(err);
    space->depths = depths;
    return MT_OK;
}

static mt_status take_revocation(mt_space *space, const mti_revocation *revocation, uint8_t depth,
                                 mt_error *err)
{
    size_t at = space->revocation_count;
    mt_status st;

    if (is_known(space, revocation)) return MT_OK;
    if (at == REVOCATIONS_MAX) {
        at = deepest(space);
        if (space->depths[at] <= depth)
            return mti_fail(err, MT_TOO_LARGE, "more than %u revocations", REVOCATIONS_MAX);
    } else {
        if ((st = reserve_revocation(space, err)) != MT_OK) return st;
        space->revocation_count++;
    }
    space->revocations[at] = *revocation;
    space->depths[at] = depth;
    if (space->options.changed) space->options.changed(space->options.ctx);
    return MT_OK;
}

mt_status mt_space_revoke(mt_space *space, mt_bytes revocation, mt_error *err)
{
    mti_revocation taken;
    mt_error ignored;
    mt_status st;

    if (!err) err = &ignored;
    st = mti_revocation_decode(revocation, &taken, err);
    if (st == MT_OK) st = mti_revocation_verify(space->options.crypto, &taken, err);
    return st == MT_OK ? take_revocation(space, &taken, 0, err) : st;
}

/* ---- Tokens ---- */

static const uint8_t *token_of(const mti_grant *grant)
{
    return grant->ids[grant->count - 1];
}

static bool is_given(const mt_space *space, const mti_grant *grant)
{
    for (size_t i = 0; i < space->given_count; i++)
        if (memcmp(token_of(&space->given[i].grant), token_of(grant), MTI_ID_LEN) == 0) return true;
    return false;
}

/* One that there is no room for is not shown, and good all the same. */
static mt_status take_token(mt_space *space, const mti_record *record, mt_error *err)
{
    mti_space_given *given;
    uint8_t *chain;

    if (space->given_count == GIVEN_MAX || is_given(space, &record->grant)) return MT_OK;
    given = mti_vector_reserve(space->env->mem, space->given, &space->given_cap,
                               space->given_count + 1, sizeof *given);
    if (!given) return mti_no_memory(err);
    space->given = given;
    if (!(chain = mti_mem_alloc(space->env->mem, record->chain.len))) return mti_no_memory(err);
    memcpy(chain, record->chain.data, record->chain.len);
    given += space->given_count++;
    memcpy(given->device, record->device, MT_DEVICE_LEN);
    given->grant = record->grant;
    given->chain = chain;
    given->chain_len = record->chain.len;
    return MT_OK;
}

mt_status mti_space_take(mt_space *space, const mti_record *record, mt_error *err)
{
    mt_status st = MT_OK;

    if (record->kind == MTI_RECORD_GENESIS) return MT_OK;
    if (record->kind == MTI_RECORD_REVOCATION)
        st = take_revocation(space, &record->revocation, record->grant.count, err);
    return st == MT_OK ? take_token(space, record, err) : st;
}

/* ---- Showing ---- */

/* Whether it was taken back, whatever the time. */
static bool is_revoked(const mt_space *space, const mti_grant *grant)
{
    mti_moment moment = mti_space_moment(space);

    moment.now_ms = grant->not_before;
    return mti_decide(grant, MTI_OPERATION_READ, mt_str(MTI_RESERVED_PREFIX), &moment) ==
           MTI_VERDICT_REVOKED;
}

void mt_space_members(const mt_space *space, void (*show)(void *ctx, const mt_space_member *member),
                      void *ctx)
{
    for (size_t i = 0; i < space->given_count; i++) {
        const mti_space_given *given = &space->given[i];
        const mti_grant *grant = &given->grant;
        mt_bytes prefixes[MT_TOKEN_PREFIXES_MAX];
        mt_space_member member = {.size = sizeof member,
                                  .token = {.size = sizeof member.token,
                                            .rights = grant->rights,
                                            .device = given->device,
                                            .prefixes = prefixes,
                                            .prefix_count = grant->prefix_count,
                                            .not_before_ms = grant->not_before,
                                            .not_after_ms = grant->not_after},
                                  .issuer = grant->issuers[grant->count - 1],
                                  .chain = {given->chain, given->chain_len},
                                  .revoked = is_revoked(space, grant)};

        for (size_t k = 0; k < grant->prefix_count; k++)
            prefixes[k] = (mt_bytes){grant->prefixes[k], grant->prefix_lens[k]};
        show(ctx, &member);
    }
}
