/* space.c - the members of a space that have come, and what each may.
 *
 *     papers -> chain -> checked -> grant of the device -> decided again for each session -> ranges
 */
#include "base/bytes.h"
#include "base/status.h"
#include "trust/genesis.h"
#include "trust/rights.h"

#include <mytosis/space.h>

/* So many have come at most, and so many were taken back. */
#define MEMBERS_MAX 4096u
#define REVOCATIONS_MAX 4096u

#define LOOK_MS 60000

/* A grant of everything but what is reserved is two ranges. */
#define RANGES_MAX (MT_TOKEN_PREFIXES_MAX + 1)

typedef struct member {
    uint8_t device[MT_DEVICE_LEN];
    mti_grant grant;
} member;

struct mt_space {
    const mt_env *env;
    mt_space_options options; /* `genesis` empty */
    mti_space about;
    member *members;
    size_t member_count, member_cap;
    mti_revocation *revocations;
    size_t revocation_count, revocation_cap;
    mt_timer expiry;
    bool expiry_set;
    uint64_t expires_ms; /* when the next grant ends; UINT64_MAX: none does */
    mt_sync_range read[RANGES_MAX], write[RANGES_MAX]; /* of the answer at hand */
};

/* ---- Its life ---- */

static void expired(void *arg);

static mti_moment moment_of(const mt_space *space)
{
    return (mti_moment){space->env->now_ms(space->env->ctx), space->revocations,
                        space->revocation_count};
}

mt_status mt_space_new(const mt_env *env, const mt_space_options *options, mt_space **out,
                       mt_error *err)
{
    mt_space_options own = {0};
    mti_genesis genesis;
    mt_error ignored;
    mt_space *space;
    mt_status st;

    if (!err) err = &ignored;
    memcpy(&own, options, options->size < sizeof own ? options->size : sizeof own);
    if (!own.crypto) return mti_fail(err, MT_INVALID, "a space needs a table of ciphers");
    if ((st = mti_genesis_read(own.crypto, own.genesis, &genesis, err)) != MT_OK) return st;
    if (!(space = mti_mem_alloc(env->mem, sizeof *space))) return mti_no_memory(err);
    memset(space, 0, sizeof *space);
    space->env = env;
    space->options = own;
    mti_genesis_id(own.crypto, own.genesis.data, space->about.id);
    memcpy(space->about.root, genesis.root, sizeof genesis.root);
    space->options.genesis = (mt_bytes){NULL, 0};
    space->expiry = (mt_timer){.fire = expired, .arg = space};
    *out = space;
    return MT_OK;
}

void mt_space_free(mt_space *space)
{
    const mt_mem *mem = space ? space->env->mem : NULL;

    if (!space) return;
    if (space->expiry_set) space->env->timer_stop(space->env->ctx, &space->expiry);
    mti_mem_free(mem, space->members, space->member_cap * sizeof *space->members);
    mti_mem_free(mem, space->revocations, space->revocation_cap * sizeof *space->revocations);
    mti_mem_free(mem, space, sizeof *space);
}

const uint8_t *mt_space_id(const mt_space *space)
{
    return space->about.id;
}

/* ---- Changes ---- */

/* Sets the timer to the soonest end of a grant that is good; it looks now and then, since the time of day may
 * jump. */
static void expire_later(mt_space *space)
{
    uint64_t now = space->env->now_ms(space->env->ctx), left_ms;

    space->expires_ms = UINT64_MAX;
    for (size_t i = 0; i < space->member_count; i++) {
        uint64_t end = space->members[i].grant.not_after;
        if (end > now && end < space->expires_ms) space->expires_ms = end;
    }
    if (space->expiry_set) space->env->timer_stop(space->env->ctx, &space->expiry);
    space->expiry_set = space->expires_ms != UINT64_MAX;
    if (!space->expiry_set) return;
    left_ms = space->expires_ms - now;
    space->env->timer_set(space->env->ctx, &space->expiry, left_ms < LOOK_MS ? left_ms : LOOK_MS);
}

static void tell(const mt_space *space)
{
    if (space->options.changed) space->options.changed(space->options.ctx);
}

static void expired(void *arg)
{
    mt_space *space = arg;
    bool is_over = space->env->now_ms(space->env->ctx) >= space->expires_ms;

    space->expiry_set = false;
    expire_later(space);
    if (is_over) tell(space);
}

mt_status mt_space_revoke(mt_space *space, mt_bytes revocation, mt_error *err)
{
    mti_revocation taken, *at;
    mt_error ignored;
    mt_status st;

    if (!err) err = &ignored;
    st = mti_revocation_decode(revocation, &taken, err);
    if (st == MT_OK) st = mti_revocation_verify(space->options.crypto, &taken, err);
    if (st != MT_OK) return st;
    if (space->revocation_count == REVOCATIONS_MAX)
        return mti_fail(err, MT_TOO_LARGE, "more than %u revocations", REVOCATIONS_MAX);
    at = mti_vector_reserve(space->env->mem, space->revocations, &space->revocation_cap,
                            space->revocation_count + 1, sizeof *at);
    if (!at) return mti_no_memory(err);
    space->revocations = at;
    at[space->revocation_count++] = taken;
    tell(space);
    return MT_OK;
}

/* ---- Coming ---- */

static member *member_of(const mt_space *space, const uint8_t *device)
{
    for (size_t i = 0; i < space->member_count; i++)
        if (memcmp(space->members[i].device, device, MT_DEVICE_LEN) == 0) return &space->members[i];
    return NULL;
}

/* Whoever comes again is known by what it shows now. */
static mt_status note(mt_space *space, const uint8_t *device, const mti_grant *grant, mt_error *why)
{
    member *known = member_of(space, device), *members;

    if (!known) {
        if (space->member_count == MEMBERS_MAX)
            return mti_fail(why, MT_FULL, "more than %u devices have come", MEMBERS_MAX);
        members = mti_vector_reserve(space->env->mem, space->members, &space->member_cap,
                                     space->member_count + 1, sizeof *members);
        if (!members) return mti_no_memory(why);
        space->members = members;
        known = &members[space->member_count++];
        memcpy(known->device, device, MT_DEVICE_LEN);
    }
    known->grant = *grant;
    expire_later(space);
    return MT_OK;
}

mt_status mt_space_admit(void *ctx, const mt_secure_visitor *visitor, mt_connection *connection,
                         mt_error *why)
{
    mt_space *space = ctx;
    mt_bytes tokens[MT_CHAIN_TOKENS_MAX];
    mti_moment moment = moment_of(space);
    mti_verdict verdict;
    mti_grant grant;
    size_t count;
    mt_status st;

    (void)connection;
    if (visitor->papers.len == 0)
        return mti_fail(why, MT_REFUSED, "%s", mti_verdict_text(MTI_VERDICT_NO_TOKEN));
    if ((st = mti_chain_decode(visitor->papers, tokens, &count, why)) != MT_OK) return st;
    verdict = mti_chain_check(space->options.crypto, &space->about, visitor->device, &moment,
                              tokens, count, &grant, why);
    if (verdict == MTI_VERDICT_ALLOWED) return note(space, visitor->device, &grant, why);
    why->status = MT_REFUSED;
    return MT_REFUSED;
}

/* ---- What it may ---- */

/* The ranges in which a grant allows an operation; the last verdict that was another is in `*refused`. */
static size_t ranges_of(const mti_grant *grant, mti_operation operation, const mti_moment *moment,
                        mt_sync_range out[RANGES_MAX], mti_verdict *refused)
{
    size_t count = 0;

    for (size_t i = 0; i < grant->prefix_count; i++) {
        mt_bytes prefix = {grant->prefixes[i], grant->prefix_lens[i]};
        mti_verdict verdict = mti_decide_prefix(grant, operation, prefix, moment);

        if (verdict != MTI_VERDICT_ALLOWED) {
            *refused = verdict;
        } else if (prefix.len > 0 || operation == MTI_OPERATION_READ) {
            out[count++] = (mt_sync_range){.prefix = prefix};
        } else {
            /* All but what is reserved: '0' is behind '/'. */
            out[count++] = (mt_sync_range){.end = mt_str(MTI_RESERVED_PREFIX)};
            out[count++] = (mt_sync_range){.first = mt_str("@space0")};
        }
    }
    return count;
}

mt_status mt_space_rights(void *ctx, mt_connection *connection, mt_sync_rights *rights,
                          mt_error *why)
{
    mt_space *space = ctx;
    const uint8_t *device = mt_connection_device(connection);
    const member *known = device ? member_of(space, device) : NULL;
    mti_verdict refused = MTI_VERDICT_NO_TOKEN;
    mti_moment moment = moment_of(space);

    if (known) {
        rights->read = space->read;
        rights->read_count =
            ranges_of(&known->grant, MTI_OPERATION_READ, &moment, space->read, &refused);
        rights->write = space->write;
        rights->write_count =
            ranges_of(&known->grant, MTI_OPERATION_WRITE, &moment, space->write, &refused);
        if (rights->read_count + rights->write_count > 0) return MT_OK;
    }
    return mti_fail(why, MT_REFUSED, "%s", mti_verdict_text(refused));
}
