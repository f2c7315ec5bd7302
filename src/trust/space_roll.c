/* space_roll.c - the tokens that were given and those that were taken back, as far as records tell. */
#include "base/bytes.h"
#include "base/status.h"
#include "trust/space.h"

/* So many of each are kept in mind. */
#define GIVEN_MAX 4096u
#define REVOCATIONS_MAX 4096u

/* ---- Revocations ---- */

static bool is_known(const mt_space *space, const mti_revocation *revocation)
{
    for (size_t i = 0; i < space->revocation_count; i++)
        if (memcmp(space->revocations[i].token, revocation->token, MTI_ID_LEN) == 0 &&
            memcmp(space->revocations[i].by, revocation->by, MT_KEY_LEN) == 0)
            return true;
    return false;
}

/* The place of the one that goes where there is no room: of those by who stands lowest, the first. Whoever may delegate can
 * make many, and none of them keeps out one by who stands above. */
static size_t lowest(const mt_space *space)
{
    size_t at = 0;

    for (size_t i = 1; i < space->revocation_count; i++)
        if (space->ranks[i] > space->ranks[at]) at = i;
    return at;
}

/* Room for one, if there is none for all: those by who stands lower give way. */
static mt_status find_room(const mt_space *space, const mti_revocation *revocation, uint8_t rank,
                           mt_error *err)
{
    if (space->revocation_count < REVOCATIONS_MAX || space->ranks[lowest(space)] > rank ||
        is_known(space, revocation))
        return MT_OK;
    return mti_fail(err, MT_TOO_LARGE, "more than %u revocations", REVOCATIONS_MAX);
}

static size_t at_most(size_t need, size_t max)
{
    return need < max ? need : max;
}

static mt_status reserve_revocations(mt_space *space, size_t count, mt_error *err)
{
    const mt_mem *mem = space->env->mem;
    size_t need = at_most(space->revocation_count + count, REVOCATIONS_MAX);
    mti_revocation *revocations;
    uint8_t *ranks;

    revocations = mti_vector_reserve(mem, space->revocations, &space->revocation_cap, need,
                                     sizeof *revocations);
    if (!revocations) return mti_no_memory(err);
    space->revocations = revocations;
    ranks = mti_vector_reserve(mem, space->ranks, &space->rank_cap, need, sizeof *ranks);
    if (!ranks) return mti_no_memory(err);
    space->ranks = ranks;
    return MT_OK;
}

/* Answers whether it is one more. It has room, or gives way itself. */
static bool take_revocation(mt_space *space, const mti_revocation *revocation, uint8_t rank)
{
    size_t at = space->revocation_count;

    if (is_known(space, revocation)) return false;
    if (at < REVOCATIONS_MAX) space->revocation_count++;
    else if (space->ranks[at = lowest(space)] <= rank) return false;
    space->revocations[at] = *revocation;
    space->ranks[at] = rank;
    return true;
}

static void tell(const mt_space *space)
{
    if (space->options.changed) space->options.changed(space->options.ctx);
}

mt_status mt_space_revoke(mt_space *space, mt_bytes revocation, mt_error *err)
{
    mti_revocation taken;
    mt_error ignored;
    mt_status st;

    if (!err) err = &ignored;
    st = mti_revocation_decode(revocation, &taken, err);
    if (st == MT_OK) st = mti_revocation_verify(space->options.crypto, &taken, err);
    if (st == MT_OK) st = find_room(space, &taken, 0, err);
    if (st == MT_OK) st = reserve_revocations(space, 1, err);
    if (st == MT_OK && take_revocation(space, &taken, 0)) tell(space);
    return st;
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

    if (record->kind == MTI_RECORD_GENESIS || space->given_count == GIVEN_MAX ||
        is_given(space, &record->grant))
        return MT_OK;
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

static void forget_tokens(mt_space *space, size_t from)
{
    while (space->given_count > from) {
        const mti_space_given *given = &space->given[--space->given_count];
        mti_mem_free(space->env->mem, given->chain, given->chain_len);
    }
}

/* Puts the last ones where they belong: they are in the order in which they begin to be good. */
static void sort_tokens(mt_space *space, size_t from)
{
    for (; from < space->given_count; from++) {
        mti_space_given moved = space->given[from];
        size_t at = from;

        for (; at > 0 && space->given[at - 1].grant.not_before > moved.grant.not_before; at--)
            space->given[at] = space->given[at - 1];
        space->given[at] = moved;
    }
}

/* ---- Both ---- */

/* Takes the tokens, and has room for the revocations. */
static mt_status prepare(mt_space *space, const mti_record *records, size_t count, mt_error *err)
{
    size_t revocations = 0;
    mt_status st = MT_OK;

    for (size_t i = 0; i < count && st == MT_OK; i++) {
        const mti_record *record = &records[i];
        if (record->kind == MTI_RECORD_REVOCATION) {
            revocations++;
            st = find_room(space, &record->revocation, record->rank, err);
        }
        if (st == MT_OK) st = take_token(space, record, err);
    }
    if (st == MT_OK && revocations > 0) st = reserve_revocations(space, revocations, err);
    return st;
}

mt_status mti_space_take(mt_space *space, const mti_record *records, size_t count, mt_error *err)
{
    size_t before = space->given_count;
    mt_status st = prepare(space, records, count, err);
    bool changes = false;

    if (st != MT_OK) {
        forget_tokens(space, before);
        return st;
    }
    sort_tokens(space, before);
    for (size_t i = 0; i < count; i++)
        if (records[i].kind == MTI_RECORD_REVOCATION)
            changes |= take_revocation(space, &records[i].revocation, records[i].rank);
    if (changes) tell(space);
    return MT_OK;
}

void mti_space_roll_free(mt_space *space)
{
    const mt_mem *mem = space->env->mem;

    forget_tokens(space, 0);
    mti_mem_free(mem, space->given, space->given_cap * sizeof *space->given);
    mti_mem_free(mem, space->revocations, space->revocation_cap * sizeof *space->revocations);
    mti_mem_free(mem, space->ranks, space->rank_cap * sizeof *space->ranks);
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
