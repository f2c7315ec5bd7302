/* greeting.c - two peers find out who they are, and what they want of each other.
 *
 * A HELLO has a number of its session, drawn anew whenever its sender begins anew, and the number of the
 * one that it answers, if it does. What is said in a session whose numbers both know counts; so:
 *
 *     a number that is new      a peer that has begun anew: if we have spoken with it, so do we; it is
 *                               answered in any case
 *     the number that we know   the peer has heard ours; or it is not sure of us, and is told that we are
 *                               there
 *
 * Who draws another number in the midst of things is deaf until a HELLO answers that: what comes before was
 * said to the session that is over.
 *
 * Whoever hears nothing says its HELLO again. */
#include "base/siphash.h"
#include "base/word.h"
#include "sync/sync.h"

/* How long until it is said again, and after an error of ours until all begins anew. */
#define AGAIN_MS 5000

/* ---- Saying ---- */

static void put_hello(mti_session *session)
{
    mti_sync *sync = session->sync;
    mti_hello hello = {.version_min = MTI_SYNC_VERSION,
                       .version_max = MTI_SYNC_VERSION,
                       .clock = (uint8_t)mt_db_clock(sync->db),
                       .flags = (mti_db_has_storage(sync->db) ? MTI_HELLO_DURABLE : 0) |
                                (mti_is_empty(sync) ? MTI_HELLO_EMPTY : 0),
                       .peer = {sync->self, sizeof sync->self},
                       .boot = {sync->boot, sizeof sync->boot},
                       .nonce = session->nonce,
                       .heard = session->their_nonce,
                       .now_ms = sync->env->now_ms(sync->env->ctx),
                       .window = sync->window,
                       .features = MTI_FEATURE_COMPARES | MTI_FEATURE_CODES |
                                   (sync->compressor ? MTI_FEATURE_COMPRESSED : 0)};
    const mti_wishes *wishes = mti_session_wishes(session);
    mti_say say = mti_say_begin(&sync->message, MTI_HELLO);

    mti_say_hello(&say, &hello);
    mti_say_number(&say, wishes->count);
    for (size_t i = 0; i < wishes->count; i++) {
        const mti_wish *wish = &wishes->at[i];
        mti_say_range(&say, &wish->range,
                      (wish->pull ? MTI_RANGE_PULL : 0) | (wish->push ? MTI_RANGE_PUSH : 0) |
                          (wish->once ? MTI_RANGE_ONCE : 0));
    }
    mti_session_send(session, &say);
}

static void say_hello(mti_session *session)
{
    put_hello(session);
    mti_prints_tell(session);
    mti_greet_later(session);
}

void mti_greet_later(mti_session *session)
{
    session->sync->env->timer_set(session->sync->env->ctx, &session->again, AGAIN_MS);
}

void mti_greeting_forget(mti_session *session)
{
    mti_wishes_free(session->sync->mem, &session->theirs);
}

static void draw_number(mti_session *session)
{
    const mt_env *env = session->sync->env;
    uint32_t drawn = 0;

    /* Another than the last, at least. */
    if (env->entropy(env->ctx, (uint8_t *)&drawn, sizeof drawn) != MT_OK)
        drawn = (uint32_t)session->nonce;
    session->nonce = (uint64_t)drawn + 1;
    session->sure = false;
    session->deaf = session->their_nonce != 0;
    session->greeted_at = env->ticks_ms(env->ctx);
    session->lost = MT_OK;
}

/* Ends what there was, since all begins anew. Answers whether the link is still there. */
static bool clear(mti_session *session)
{
    mti_session_tear_down(session);
    mti_sync_pull_put_off(session);
    return mti_session_is_linked(session);
}

/* Begins anew. Answers whether it has: the link is there, and the peer may come. */
static bool begin(mti_session *session, uint64_t their_nonce)
{
    mt_error err;
    mt_status st;

    if (!clear(session)) return false;
    mti_greeting_forget(session);
    session->stage = SESSION_GREETING;
    session->their_nonce = their_nonce;
    draw_number(session);
    if ((st = mti_rights_ask(session, &err)) == MT_OK) say_hello(session);
    else mti_session_fail(session, st, err.text, st == MT_NO_MEMORY);
    mti_status_note(session);
    return st == MT_OK;
}

void mti_greet(mti_session *session)
{
    mti_session_hold(session);
    (void)begin(session, 0);
    mti_session_release(session);
}

void mti_greeting_heard(mti_session *session)
{
    if (session->sure) return;
    session->sure = true;
    session->sync->env->timer_stop(session->sync->env->ctx, &session->again);
}

/* ---- Two links to one peer ---- */

static mti_session *twin_of(const mti_session *session)
{
    for (mti_session *s = session->sync->sessions; s; s = s->next)
        if (s != session && s->stage == SESSION_ACTIVE &&
            memcmp(s->origin, session->origin, 16) == 0)
            return s;
    return NULL;
}

/* Both know both numbers, so that both use the same link. */
static uint64_t rank_of(const mti_session *session)
{
    return session->nonce ^ session->their_nonce;
}

static void activate(mti_session *session)
{
    mti_session *twin = twin_of(session);

    if (twin && rank_of(twin) < rank_of(session)) {
        session->stage = SESSION_STANDBY;
        mti_greeting_heard(session);
        mti_sync_pull_move(session, twin);
        return;
    }
    if (twin) {
        mti_session_hold(twin);
        mti_session_tear_down(twin);
        mti_sync_pull_move(twin, session);
        if (mti_session_is_linked(twin)) twin->stage = SESSION_STANDBY;
        mti_status_note(twin);
        mti_session_release(twin);
    }
    if (mti_session_is_linked(session)) session->stage = SESSION_ACTIVE;
}

/* A number drawn anew may rank a session behind one that stands by. The peer, to which the two may have
 * come in another order, may use that one; so both begin it anew, until they agree. */
static void agree(mti_session *session)
{
    mti_session *s = session->sync->sessions;

    while (s && (s->stage != SESSION_STANDBY || memcmp(s->origin, session->origin, 16) != 0 ||
                 rank_of(s) > rank_of(session)))
        s = s->next;
    if (s) mti_greet(s);
}

/* Goes on with what both wish. */
static void go(mti_session *session)
{
    activate(session);
    if (session->stage == SESSION_ACTIVE) {
        mti_inbound_subscribe(session);
        mti_sync_pull_ready(session);
    }
    mti_status_note(session);
    if (session->stage == SESSION_ACTIVE) agree(session);
}

/* The peer has not shown that it heard our HELLO: what followed that it may have dropped. */
static void go_again(mti_session *session)
{
    if (!clear(session)) return;
    draw_number(session);
    say_hello(session);
    go(session);
}

void mti_greet_again(void *arg)
{
    mti_session *session = arg;

    mti_session_hold(session);
    if (session->stage == SESSION_ENDED) mti_greet(session);
    else if (session->stage == SESSION_GREETING) say_hello(session);
    else if (session->stage != SESSION_OFFLINE) go_again(session);
    mti_session_release(session);
}

/* ---- Hearing ---- */

static bool hello_suits(mti_session *session, const mti_hello *hello)
{
    mti_sync *sync = session->sync;
    mt_error line;

    if (hello->version_min > MTI_SYNC_VERSION || hello->version_max < MTI_SYNC_VERSION) {
        session->lacks = MT_SYNC_LACKS_VERSION;
        mti_fail(&line, MT_UNSUPPORTED, "the peer speaks versions %u to %u, this one %u",
                 (unsigned)hello->version_min, (unsigned)hello->version_max, MTI_SYNC_VERSION);
    } else if (hello->clock != (uint8_t)mt_db_clock(sync->db))
        mti_fail(&line, MT_INVALID, "the clocks of the two are not of one kind");
    else if (memcmp(hello->boot.data, sync->boot, 16) == 0)
        mti_fail(&line, MT_INVALID, "the peer is this very database");
    else return true;
    mti_session_fail(session, line.status, line.text, false);
    return false;
}

static mt_status wishes_take(mti_session *session, mti_parse *in)
{
    uint64_t count = mti_parse_number(in, "the number of ranges");
    mt_status st = MT_OK;

    if (count > MT_SYNC_RANGES_MAX) mti_parse_fail(in, "the number of ranges", "too many");
    if (in->failed) return MT_MALFORMED;
    if (mti_wishes_new(session->sync->mem, (size_t)count, &session->theirs) != MT_OK)
        return mti_no_memory(in->err);
    for (size_t i = 0; i < count && st == MT_OK; i++) {
        mti_wish *wish = &session->theirs.at[i];
        unsigned flags;
        st = mti_parse_range(in, session->sync->mem, &wish->range, &flags);
        wish->pull = flags & MTI_RANGE_PULL;
        wish->push = flags & MTI_RANGE_PUSH;
        wish->once = flags & MTI_RANGE_ONCE;
    }
    if (st == MT_OK) (void)mti_parse_rest(in); /* what a later version adds */
    return st == MT_OK ? mti_parse_end(in) : st;
}

/* An id that a peer says is its own is taken with the device that it has proven to be, if it has: what is known of
 * one device, no other can claim. */
static void name(const mti_session *session, mt_bytes said, uint8_t out[16])
{
    const uint8_t *device = mt_connection_device(session->connection);
    mti_siphash hash;
    mti_sip128 id;

    memcpy(out, said.data, 16);
    if (!device) return;
    mti_siphash_init(&hash, &(mti_sipkey){mti_load_le64(device), mti_load_le64(device + 8)});
    for (size_t i = 16; i < 32; i += 8) mti_siphash_word(&hash, mti_load_le64(device + i));
    id = mti_siphash_end(hash, said, (mt_bytes){NULL, 0});
    mti_store_le64(id.lo, out);
    mti_store_le64(id.hi, out + 8);
}

/* A peer may say any time; what is beyond a million years is none. */
static int64_t ahead_of(uint64_t theirs, uint64_t ours)
{
    const uint64_t most = UINT64_C(1) << 55;

    if (theirs > most || ours > most) return 0;
    return (int64_t)theirs - (int64_t)ours;
}

/* Of what this side can. */
static unsigned lacks_of(const mti_sync *sync, uint64_t features)
{
    unsigned lacks = 0;

    if (sync->compressor && !(features & MTI_FEATURE_COMPRESSED))
        lacks |= MT_SYNC_LACKS_COMPRESSION;
    if (!(features & MTI_FEATURE_COMPARES)) lacks |= MT_SYNC_LACKS_COMPARING;
    if (!(features & MTI_FEATURE_CODES)) lacks |= MT_SYNC_LACKS_CODES;
    return lacks;
}

static void hello_note(mti_session *session, const mti_hello *hello)
{
    mti_sync *sync = session->sync;

    memcpy(session->boot, hello->boot.data, 16);
    name(session, hello->peer, session->peer);
    name(session, hello->boot, session->origin);
    (void)!mt_connection_set_peer(session->connection, (mt_bytes){session->origin, 16});
    session->greeted = true;
    session->noted = mti_refused_of(session).count;
    session->durable = hello->flags & MTI_HELLO_DURABLE;
    session->compresses = sync->compressor && hello->features & MTI_FEATURE_COMPRESSED;
    session->compares = hello->features & MTI_FEATURE_COMPARES;
    session->empty = hello->flags & MTI_HELLO_EMPTY;
    session->codes = hello->features & MTI_FEATURE_CODES;
    session->lacks = lacks_of(sync, hello->features);
    session->their_nonce = hello->nonce;
    session->window = hello->window < SIZE_MAX ? (size_t)hello->window : SIZE_MAX;
    session->round_trip_ms = sync->env->ticks_ms(sync->env->ctx) - session->greeted_at;
    session->round_trips++;
    session->clock_ahead_ms = ahead_of(hello->now_ms, sync->env->now_ms(sync->env->ctx));
    session->error.text[0] = '\0';
}

static void wait_for_answer(mti_session *session)
{
    if (!clear(session)) return;
    mti_greeting_forget(session);
    session->stage = SESSION_GREETING;
    session->their_nonce = 0;
    mti_status_note(session);
}

/* Whether both have begun anew at once: each answers what the other said before, be it the last or, where the link
 * took nothing for a while, one long before. If both answered that again, and again, there would be no end; so one
 * of them waits: what it said last is still on its way, and is answered. */
static bool waits_for_answer(const mti_session *session, const mti_hello *hello)
{
    const mti_sync *sync = session->sync;

    return !session->sure && hello->heard != 0 && hello->heard != session->nonce &&
           memcmp(sync->boot, hello->boot.data, sizeof sync->boot) > 0;
}

/* The peer has begun anew. */
static void take_new(mti_session *session, const mti_hello *hello, mti_parse *in)
{
    bool knows_us = hello->heard == session->nonce;
    mt_status st;

    if (waits_for_answer(session, hello)) {
        wait_for_answer(session);
        (void)mti_parse_rest(in);
        return;
    }
    if (session->stage != SESSION_GREETING || session->their_nonce != 0) {
        bool goes_on = knows_us ? clear(session) : begin(session, hello->nonce);
        if (!goes_on || !mti_session_is_linked(session)) {
            (void)mti_parse_rest(in);
            return;
        }
    }
    mti_greeting_forget(session);
    if (!hello_suits(session, hello)) return;
    if ((st = wishes_take(session, in)) != MT_OK) {
        mti_session_fail(session, st, in->err->text, st == MT_NO_MEMORY);
        return;
    }
    hello_note(session, hello);
    session->sure = false;
    if (knows_us) {
        /* It listens from here on. */
        put_hello(session);
        session->deaf = false;
        mti_greeting_heard(session);
    }
    go(session);
}

void mti_greeting_take(mti_session *session, mti_parse *in)
{
    bool goes_on = session->stage == SESSION_ACTIVE || session->stage == SESSION_STANDBY;
    mti_hello hello;

    if (mti_parse_hello(in, &hello) != MT_OK) {
        mti_session_fail(session, MT_MALFORMED, in->err->text, false);
        return;
    }
    /* Of the session that is over. If it were taken for a new one where nothing can be stored, the two would greet each
     * other without end. */
    if (session->stage == SESSION_ENDED && hello.nonce == session->their_nonce) {
        (void)mti_parse_rest(in);
    } else if (!goes_on || hello.nonce != session->their_nonce) {
        take_new(session, &hello, in);
    } else {
        if (hello.heard != session->nonce) mti_session_answer(session);
        else mti_greeting_heard(session);
        session->deaf = session->deaf && hello.heard != session->nonce;
        (void)mti_parse_rest(in);
    }
}
