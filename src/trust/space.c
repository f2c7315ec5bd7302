/* space.c - the members of a space that have come, and what each may.
 *
 *     papers -> chain -> checked -> grant of the device -> decided again for each session -> ranges
 */
#include "trust/space.h"

#include "base/bytes.h"
#include "base/status.h"

#define LOOK_MS 60000

/* So many have come at most. */
#define VISITORS_MAX 4096u

/* ---- Its life ---- */

static void expired(void *arg);

mti_moment mti_space_moment(const mt_space *space)
{
    return (mti_moment){space->env->now_ms(space->env->ctx), space->revocations,
                        space->revocation_count};
}

mt_status mt_space_new(const mt_env *env, const mt_space_options *options, mt_space **out,
                       mt_error *err)
{
    mt_space_options own = {0};
    uint32_t members_max;
    mti_space about;
    mt_error ignored;
    mt_space *space;
    mt_status st;

    if (!err) err = &ignored;
    memcpy(&own, options, options->size < sizeof own ? options->size : sizeof own);
    if (!own.crypto) return mti_fail(err, MT_INVALID, "a space needs a table of ciphers");
    st = mti_space_read(own.crypto, own.genesis, &about, &members_max, err);
    if (st != MT_OK) return st;
    if (!(space = mti_mem_alloc(env->mem, sizeof *space))) return mti_no_memory(err);
    memset(space, 0, sizeof *space);
    space->env = env;
    space->options = own;
    memcpy(space->genesis, own.genesis.data, sizeof space->genesis);
    space->members_max = members_max < VISITORS_MAX ? members_max : VISITORS_MAX;
    space->about = about;
    space->options.genesis = (mt_bytes){NULL, 0};
    space->expiry = (mt_timer){.fire = expired, .arg = space};
    space->expires_ms = UINT64_MAX;
    *out = space;
    return MT_OK;
}

void mt_space_free(mt_space *space)
{
    const mt_mem *mem = space ? space->env->mem : NULL;

    if (!space) return;
    if (space->expiry_set) space->env->timer_stop(space->env->ctx, &space->expiry);
    mti_mem_free(mem, space->visitors, space->visitor_cap * sizeof *space->visitors);
    mti_space_roll_free(space);
    mti_mem_free(mem, space, sizeof *space);
}

const uint8_t *mt_space_id(const mt_space *space)
{
    return space->about.id;
}

/* ---- Changes ---- */

static uint64_t soonest_end(mt_space *space, uint64_t now)
{
    uint64_t soonest = UINT64_MAX;

    for (size_t i = 0; i < space->visitor_count; i++) {
        mti_space_visitor *visitor = &space->visitors[i];
        if (visitor->ends_ms <= now) visitor->ends_ms = visitor->grant.not_after;
        if (visitor->ends_ms > now && visitor->ends_ms < soonest) soonest = visitor->ends_ms;
    }
    return soonest;
}

/* Sets the timer to the soonest end of a grant, or to now, where one was passed that has not been told. It looks now
 * and then, since the time of day may jump. */
static void expire_later(mt_space *space)
{
    uint64_t now = space->env->now_ms(space->env->ctx), left_ms = 0;

    if (space->expires_ms > now) {
        space->expires_ms = soonest_end(space, now);
        left_ms = space->expires_ms - now;
    }
    if (space->expiry_set) space->env->timer_stop(space->env->ctx, &space->expiry);
    space->expiry_set = space->expires_ms != UINT64_MAX;
    if (!space->expiry_set) return;
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
    if (is_over) space->expires_ms = UINT64_MAX;
    expire_later(space);
    if (is_over) tell(space);
}

/* ---- Coming ---- */

static mti_space_visitor *visitor_of(const mt_space *space, const uint8_t *device)
{
    for (size_t i = 0; i < space->visitor_count; i++)
        if (memcmp(space->visitors[i].device, device, MT_DEVICE_LEN) == 0)
            return &space->visitors[i];
    return NULL;
}

/* One whose grant is good no more makes room. */
static mti_space_visitor *past_visitor(const mt_space *space)
{
    mti_moment moment = mti_space_moment(space);

    for (size_t i = 0; i < space->visitor_count; i++)
        if (mti_decide(&space->visitors[i].grant, MTI_OPERATION_READ, mt_str(MTI_RESERVED_PREFIX),
                       &moment) != MTI_VERDICT_ALLOWED)
            return &space->visitors[i];
    return NULL;
}

/* NULL: why not is in `why`. */
static mti_space_visitor *visitor_add(mt_space *space, mt_error *why)
{
    mti_space_visitor *more;

    if (space->visitor_count >= space->members_max) {
        if (!(more = past_visitor(space)))
            (void)mti_fail(why, MT_FULL, "the space has room for %zu devices, which have come",
                           space->members_max);
        return more;
    }
    more = mti_vector_reserve(space->env->mem, space->visitors, &space->visitor_cap,
                              space->visitor_count + 1, sizeof *more);
    if (!more) {
        (void)mti_no_memory(why);
        return NULL;
    }
    space->visitors = more;
    return &more[space->visitor_count++];
}

/* Whoever comes again is known by what it shows now; what began with another grant ends with that. */
static mt_status note(mt_space *space, const uint8_t *device, const mti_grant *grant, mt_error *why)
{
    mti_space_visitor *visitor = visitor_of(space, device);
    uint64_t now = space->env->now_ms(space->env->ctx), ends = grant->not_after;

    if (visitor && visitor->ends_ms > now && visitor->ends_ms < ends) ends = visitor->ends_ms;
    if (!visitor && !(visitor = visitor_add(space, why))) return why->status;
    memcpy(visitor->device, device, MT_DEVICE_LEN);
    visitor->grant = *grant;
    visitor->ends_ms = ends;
    expire_later(space);
    return MT_OK;
}

mt_status mt_space_admit(void *ctx, const mt_secure_visitor *visitor, mt_connection *connection,
                         mt_error *why)
{
    mt_space *space = ctx;
    mt_bytes tokens[MT_CHAIN_TOKENS_MAX];
    mti_moment moment = mti_space_moment(space);
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

/* The ranges in which a grant allows an operation; the last verdict that was another is in `*refused`. Records are
 * read by whoever has one, and taken from anybody where they are guarded, since each is good by itself. */
static size_t ranges_of(const mt_space *space, const mti_grant *grant, mti_operation operation,
                        mt_sync_range out[MTI_SPACE_RANGES_MAX], mti_verdict *refused)
{
    const mt_bytes reserved = mt_str(MTI_RESERVED_PREFIX);
    bool records = operation == MTI_OPERATION_READ || space->guarded;
    mti_moment moment = mti_space_moment(space);
    mti_verdict verdict = mti_decide(grant, MTI_OPERATION_READ, reserved, &moment);
    size_t count = 0;

    if (verdict != MTI_VERDICT_ALLOWED) {
        *refused = verdict;
        return 0;
    }
    for (size_t i = 0; i < grant->prefix_count; i++) {
        mt_bytes prefix = {grant->prefixes[i], grant->prefix_lens[i]};

        verdict = mti_decide_prefix(grant, operation, prefix, &moment);
        if (verdict != MTI_VERDICT_ALLOWED) {
            *refused = verdict;
        } else if (prefix.len > 0 || records) {
            records = records && !mti_prefix_covers(prefix, reserved);
            out[count++] = (mt_sync_range){.prefix = prefix};
        } else {
            /* All but what is reserved: '0' is behind '/'. */
            out[count++] = (mt_sync_range){.end = reserved};
            out[count++] = (mt_sync_range){.first = mt_str("@space0")};
        }
    }
    if (records) out[count++] = (mt_sync_range){.prefix = reserved};
    return count;
}

mt_status mt_space_rights(void *ctx, mt_connection *connection, mt_sync_rights *rights,
                          mt_error *why)
{
    mt_space *space = ctx;
    const uint8_t *device = mt_connection_device(connection);
    const mti_space_visitor *known = device ? visitor_of(space, device) : NULL;
    mti_verdict refused = MTI_VERDICT_NO_TOKEN;

    if (known) {
        rights->read = space->read;
        rights->read_count =
            ranges_of(space, &known->grant, MTI_OPERATION_READ, space->read, &refused);
        rights->write = space->write;
        rights->write_count =
            ranges_of(space, &known->grant, MTI_OPERATION_WRITE, space->write, &refused);
        if (rights->read_count + rights->write_count > 0) return MT_OK;
    }
    return mti_fail(why, MT_REFUSED, "%s", mti_verdict_text(refused));
}

mt_status mt_space_may(const mt_space *space, const uint8_t *device, unsigned right, mt_bytes uid,
                       mt_error *why)
{
    const mti_space_visitor *known = device ? visitor_of(space, device) : NULL;
    mti_moment moment = mti_space_moment(space);
    mti_verdict verdict = MTI_VERDICT_NO_RIGHT;
    mt_error ignored;

    if (!why) why = &ignored;
    for (int operation = MTI_OPERATION_READ; operation <= MTI_OPERATION_ADMIN; operation++)
        if (right == 1u << operation)
            verdict =
                mti_decide(known ? &known->grant : NULL, (mti_operation)operation, uid, &moment);
    if (verdict == MTI_VERDICT_ALLOWED) return MT_OK;
    return mti_fail(why, MT_REFUSED, "%s", mti_verdict_text(verdict));
}
