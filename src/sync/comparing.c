/* comparing.c - we have no position of a peer's log, and find out what we lack, and what it lacks.
 *
 *     the print of the range -> SUBSCRIBE with it -> SUBSCRIBED: equal; or all is copied; or what differs
 *     is to be found out, by us, or by the peer if it has begun already: of two that subscribed to the same
 *     range of each other, the one whose opening has the lower id asks for both
 *
 * asker.c says what comes next. One range is compared at a time, so that answers do not wait for others. There
 * is no limit to how long a peer takes: its index may have to be made, of any size, and one that never asks, or
 * never answers, holds up nobody but itself. */
#include "sync/sync.h"

typedef enum phase {
    PHASE_PRINT, /* of our nodes, before we subscribe */
    PHASE_SAID,  /* we have, and wait for the answer */
    PHASE_READY, /* it is our turn to ask, when nothing else is compared */
    PHASE_ASKS,
    PHASE_WAITS /* the peer asks */
} phase;

struct mti_comparing {
    mti_inbound *in; /* NULL: it has gone */
    mti_session *session;
    mti_sync *sync;
    phase phase;
    mti_asker asker;
    bool busy;              /* the index is asked */
    bool stepping;          /* further up the stack */
    bool waits;             /* for the index to be made */
    bool differs;           /* that the ranges do is known */
    mt_sum living, deleted; /* ours, when we subscribed, */
    uint64_t nodes;         /* and how many we had */
    uint64_t wanted,
        nodes_before; /* that are to come; those that had come before they were asked for */
    /* where our log ended: what came later is in none of what was looked at, or may not be */
    bool prints;          /* the peer has a print of ours, and ... */
    mt_cursor subscribed; /* ... this is when it was made, */
    mt_cursor began;      /* when we began to ask, */
    mt_cursor printed;    /* when the last print of all was made */
    mt_error making;      /* how far the index is */
    mt_timer again;
};

static void step(mti_comparing *c);

static void destroy(mti_comparing *c)
{
    c->sync->env->timer_stop(c->sync->env->ctx, &c->again);
    mti_asker_free(&c->asker);
    mti_mem_free(c->sync->mem, c, sizeof *c);
}

/* What we would have sent the peer by what we found. */
static mti_outbound *other_way(const mti_comparing *c)
{
    mti_outbound *out = c->session->outbound;

    while (out && (out->mode != OUT_COMPARE || !mti_range_equal(&out->range, &c->in->range)))
        out = out->next;
    return out;
}

static void look_again(void *arg)
{
    mti_comparing *c = arg;

    c->waits = false;
    step(c);
}

static mti_comparing *comparing_new(mti_session *session, mti_inbound *in)
{
    mti_sync *sync = session->sync;
    mti_comparing *c = mti_mem_alloc(sync->mem, sizeof *c);
    mti_comparison about = {.mem = sync->mem,
                            .asker = session->nonce,
                            .answerer = session->their_nonce,
                            .subscription = in->id,
                            .first = in->range.first,
                            .end = in->range.end,
                            .codes = session->codes};

    if (!c) return NULL;
    memset(c, 0, sizeof *c);
    c->in = in;
    c->session = session;
    c->sync = sync;
    c->again = (mt_timer){.fire = look_again, .arg = c};
    mti_asker_init(&c->asker, &about);
    c->asker.dry = sync->dry;
    c->asker.round = in->rounds;
    return in->comparing = c;
}

mt_status mti_comparing_new(mti_session *session, mti_inbound *in)
{
    mti_comparing *c = comparing_new(session, in);

    if (!c) return MT_NO_MEMORY;
    step(c);
    return MT_OK;
}

void mti_comparing_turn(mti_session *session)
{
    mti_inbound *in = session->inbound;

    while (in && !(in->comparing && in->comparing->phase == PHASE_ASKS)) in = in->next;
    /* Whom it sends to may have gone. */
    if (in && in->comparing->asker.need != MTI_NEED_SEND) return;
    for (in = in ? in : session->inbound; in; in = in->next)
        if (in->comparing && in->comparing->phase >= PHASE_READY &&
            in->comparing->phase <= PHASE_ASKS)
            break;
    if (in) step(in->comparing);
}

/* It is over. If both were equal, it was at `equal`; else it is NULL. `copies`: all is copied, the other
 * way too. */
static void end(mti_comparing *c, const mt_cursor *equal, bool copies)
{
    mti_session *session = c->session;
    mti_outbound *out = other_way(c);

    if (c->sync->dry) mti_inbound_differs(c->in, c->sync->env, &c->asker.result);
    if (out && equal) out->position = *equal;
    mti_comparing_end(c->in);
    if (out) {
        mti_sending_end(out);
        if (copies) mti_outbound_copy(out);
        else if (mti_compared_is_asked(out)) out->mode = OUT_ASKED; /* it had begun to ask, too */
        else mti_outbound_feed(out);
    }
    mti_comparing_turn(session);
    mti_status_note(session);
}

void mti_comparing_end(mti_inbound *in)
{
    mti_comparing *c = in->comparing;

    if (!c) return;
    in->rounds = c->asker.round; /* no key is used twice */
    in->comparing = NULL;
    c->in = NULL;
    if (!c->busy && !c->stepping) destroy(c);
}

void mti_comparing_fed(mti_inbound *in)
{
    if (in->comparing && in->comparing->phase == PHASE_WAITS) mti_comparing_end(in);
}

/* Without an index there is nothing to compare: all is copied; now, or when both begin anew. */
static void copy_all(mti_comparing *c, const char *text)
{
    mti_session *session = c->session;
    mti_inbound *in = c->in;

    if (c->phase == PHASE_PRINT) {
        end(c, NULL, true);
        mti_inbound_say_subscribe(session, in, NULL, 0);
        return;
    }
    memset(&in->standing, 0, sizeof in->standing);
    (void)mti_known_set(c->sync, session, in);
    mti_session_fail(session, MT_UNSUPPORTED, text, true);
}

static void fail(mti_comparing *c, mt_status status, const char *text)
{
    bool again = status == MT_NO_MEMORY || !mti_is_refusal(status);

    if (c->in && status == MT_UNSUPPORTED && !c->sync->dry) copy_all(c, text);
    else if (c->in) mti_session_fail(c->session, status, text, again);
}

/* ---- Who asks ---- */

/* Whether we ask, of two who both may. */
static bool is_first(const mti_session *session)
{
    return memcmp(session->sync->boot, session->boot, sizeof session->boot) < 0;
}

static mti_inbound *same_range(const mti_session *session, const mti_range *range)
{
    mti_inbound *in = session->inbound;

    while (in && (!in->comparing || !mti_range_equal(&in->range, range))) in = in->next;
    return in;
}

/* Of the wishes that have all of a range, which of its bounds are theirs: a bit for each that there is of
 * neither, the first, the end, and both. */
static unsigned bounds_of(const mti_wishes *wishes, bool pull, const mti_range *range)
{
    unsigned kinds = 0;

    for (size_t i = 0; i < wishes->count; i++) {
        const mti_wish *wish = &wishes->at[i];
        mt_bytes end = wish->range.end;
        int first = mt_bytes_compare(wish->range.first, range->first);
        bool ends = mt_bytes_equal(end, range->end);
        bool beyond = end.len == 0 || (range->end.len > 0 && mt_bytes_compare(end, range->end) > 0);
        if (!(pull ? wish->pull : wish->push) || wish->range.uids) continue;
        if (first <= 0 && (ends || beyond)) kinds |= 1u << ((first == 0) | ends << 1);
    }
    return kinds;
}

/* Whether the peer subscribes to the same of us, so that one of the two asks for both: something that it
 * pulls and something that we push have just this in common. There may be a thousand of each: what each two
 * of them have in common is not made for every range. */
static bool is_mutual(const mti_comparing *c)
{
    unsigned theirs = bounds_of(&c->session->theirs, true, &c->in->range);
    unsigned ours = bounds_of(mti_session_wishes(c->session), false, &c->in->range);

    for (unsigned i = 0; i < 16; i++)
        if (theirs >> i % 4 & 1 && ours >> i / 4 & 1 && (i % 4 | i / 4) == 3) return true;
    return false;
}

/* If the peer told another print, whoever of the two is to ask does so at once. */
static void see_told(mti_comparing *c)
{
    if (c->phase != PHASE_SAID || (!is_first(c->session) && is_mutual(c))) return;
    if (!mti_prints_differ(c->session, &c->in->range, &c->living, &c->deleted)) return;
    c->differs = true;
    c->phase = PHASE_READY;
    mti_session_flush_soon(c->session);
}

void mti_comparing_told(mti_inbound *in)
{
    see_told(in->comparing);
}

bool mti_comparing_drives(mti_session *session, mti_outbound *out)
{
    mti_inbound *in = same_range(session, &out->range);
    mti_comparing *c = in ? in->comparing : NULL;

    if (!c || !is_first(session) || c->phase == PHASE_WAITS) return false;
    /* What was found already was found for us alone. */
    if (c->phase == PHASE_ASKS && (c->asker.result.passes > 1 || c->asker.result.asks > 0))
        return false;
    if (c->phase == PHASE_ASKS) out->position = c->began;
    c->asker.gives = c->differs = true;
    if (c->phase == PHASE_SAID) {
        c->phase = PHASE_READY;
        mti_session_flush_soon(session);
    }
    return true;
}

void mti_comparing_refused(mti_inbound *in)
{
    if (in->comparing) end(in->comparing, NULL, true);
}

/* It sends all that it has. We have little beside that, and it may find out what: a copy would send back what
 * comes meanwhile. */
static void copied(mti_comparing *c)
{
    mti_outbound *out = other_way(c);

    if (out && c->prints && !mti_compared_is_asked(out)) {
        mti_sending_end(out);
        out->mode = OUT_ASKED;
        mti_outbound_say_subscribed(out, c->nodes);
        mti_session_flush_soon(c->session);
    }
    end(c, NULL, true);
}

void mti_comparing_granted(mti_session *session, mti_inbound *in)
{
    mti_comparing *c = in->comparing;

    if (in->ended) return;
    if (in->range.uids && in->standing.how >= MTI_STANDS_ASKED) {
        mti_session_fail(session, MT_MALFORMED, "a list is not compared", false);
        return;
    }
    /* Its log has lost the place where we were. Of what it may not read we tell it nothing, and get all. */
    if (!c && in->standing.how == MTI_STANDS_ASKED && !mti_rights_read(session, &in->range)) {
        memset(&in->standing, 0, sizeof in->standing);
        mti_inbound_say_subscribe(session, in, NULL, 0);
        return;
    }
    if (!c && in->standing.how == MTI_STANDS_ASKED) {
        if ((c = comparing_new(session, in))) c->phase = PHASE_SAID;
        else mti_session_fail(session, MT_NO_MEMORY, NULL, true);
    }
    if (!c) return;
    switch ((mti_standing_how)in->standing.how) {
    case MTI_STANDS_FEED: /* as we do, it has nothing else before there */
        if (!c->sync->dry && !mt_connection_ephemeral(session->connection))
            (void)mti_known_set(c->sync, session, in);
        end(c, &c->subscribed, !c->prints);
        break;
    case MTI_STANDS_COPYING: copied(c); break;
    case MTI_STANDS_ASKED:
        c->differs = true;
        if (c->phase == PHASE_SAID || c->phase == PHASE_WAITS) c->phase = PHASE_READY;
        mti_comparing_turn(session);
        break;
    case MTI_STANDS_COMPARED:
        if (c->phase != PHASE_PRINT) c->phase = PHASE_WAITS;
        break;
    }
}

/* ---- What the index holds ---- */

static void subscribe(mti_comparing *c, const mt_storage_print *ours)
{
    mti_inbound *in = c->in;
    mti_tag_key key = mti_tag_key_of(c->session->nonce, c->session->their_nonce, in->id, 0);
    mti_sip128 print = mti_tag_print(&key, &ours->living, &ours->deleted);

    /* Who has nothing is sent all. */
    if (ours->count == 0 && !c->sync->dry) {
        end(c, NULL, true);
        mti_inbound_say_subscribe(c->session, in, NULL, 0);
        return;
    }
    c->prints = true;
    c->living = ours->living;
    c->deleted = ours->deleted;
    c->nodes = ours->count;
    c->phase = c->differs ? PHASE_READY : PHASE_SAID;
    see_told(c);
    mti_inbound_say_subscribe(c->session, in, &print, ours->count);
}

static void take_answer(mti_comparing *c, const mt_storage_answer *answer)
{
    mti_asker *a = &c->asker;
    mt_status st = MT_OK;

    if (c->phase == PHASE_PRINT) {
        if (!answer->more && answer->print_count == 1) subscribe(c, answer->prints);
        else if (!answer->more) fail(c, MT_MALFORMED, "the index answers other parts");
        return;
    }
    if (a->need == MTI_NEED_PRINTS && !answer->more)
        st = mti_asker_prints(a, answer->prints, answer->print_count);
    else if (a->need == MTI_NEED_ITEMS) {
        st = mti_asker_items(a, answer->items, answer->item_count);
        if (st == MT_OK && !answer->more) st = mti_asker_items_end(a);
    }
    if (st != MT_OK) fail(c, st, a->error.text);
}

static void looked(void *ctx, const mt_storage_answer *answer)
{
    mti_comparing *c = ctx;
    bool outer = c->stepping;

    c->stepping = true; /* it stays until this returns */
    if (!answer->more) c->busy = false;
    c->making.text[0] = '\0';
    if (c->in && answer->status == MT_AGAIN) {
        mti_fail(&c->making, MT_AGAIN, "%s",
                 answer->text ? answer->text : "the index is being made");
        c->waits = true;
        c->sync->env->timer_set(c->sync->env->ctx, &c->again, MTI_INDEX_AGAIN_MS);
    } else if (c->in && answer->status != MT_OK) {
        fail(c, answer->status, answer->text);
    } else if (c->in) {
        take_answer(c, answer);
    }
    c->stepping = outer;
    if (c->busy || outer) return;
    if (c->in) step(c);
    else destroy(c);
}

static void look(mti_comparing *c)
{
    mti_asker *a = &c->asker;
    mt_storage_span all = {a->about.first, a->about.end, 0};
    bool first = c->phase == PHASE_PRINT;
    mt_status st;

    if (first) c->subscribed = mti_log_head(c->sync);
    if (!first && a->need == MTI_NEED_PRINTS && a->span_count == 1)
        c->printed = mti_log_head(c->sync);

    c->busy = true;
    st = mti_own_index_ask(c->sync, !first && a->need == MTI_NEED_ITEMS, first ? &all : a->spans,
                           first ? 1 : a->span_count, looked, c);
    if (st == MT_OK) return;
    c->busy = false;
    fail(c, st, mt_db_error(c->sync->db)->text);
}

/* ---- Going on ---- */

static void say(mti_comparing *c)
{
    mti_say say = mti_say_begin(&c->sync->message, mti_asker_due(&c->asker));
    uint64_t wanted = c->asker.want_count;

    mti_asker_say(&c->asker, &say);
    if (c->asker.stage == ASKER_LACK) {
        c->wanted = wanted;
        c->nodes_before = c->in->nodes;
    }
    c->session->asks = true;
    mti_session_send(c->session, &say);
}

static void sent(void *ctx, uint64_t nodes)
{
    mti_comparing *c = ctx;

    (void)nodes;
    if (mti_asker_sent(&c->asker) == MT_OK) step(c);
    else fail(c, MT_NO_MEMORY, NULL);
}

/* Nodes that the peer lacks go over, if it is we who find that out for it. */
static void give(mti_comparing *c)
{
    mti_outbound *out = other_way(c);

    if (out && out->sending.sends) return;
    if (out) mti_sending_start(out, &c->asker.sends, sent, c);
    else sent(c, 0);
}

static void finish(mti_comparing *c)
{
    mti_say say = mti_say_begin(&c->sync->message, MTI_COMPARED);

    if (!c->asker.result.copy) {
        mti_say_number(&say, c->in->id);
        mti_say_byte(&say, c->asker.result.equal);
        mti_session_send(c->session, &say);
    }
    end(c, c->asker.result.equal ? &c->printed : NULL, c->asker.result.copy);
}

static mt_status begin(mti_comparing *c)
{
    mt_status st = mti_refused_show(c->session, &c->asker);

    c->began = mti_log_head(c->sync);
    if (st == MT_OK) st = mti_asker_begin(&c->asker, c->differs);
    if (st == MT_OK) c->phase = PHASE_ASKS;
    return st;
}

static bool is_turn(const mti_comparing *c)
{
    for (const mti_inbound *in = c->session->inbound; in; in = in->next)
        if (in->comparing && in->comparing->phase == PHASE_ASKS) return false;
    return true;
}

/* Does what can be done at once. What is asked of the index may be answered within the call. */
static void go_on(mti_comparing *c)
{
    while (c->in && !c->busy && !c->waits) {
        mti_need_kind need = c->asker.need;
        if (c->phase == PHASE_READY) {
            if (!is_turn(c)) return;
            if (begin(c) != MT_OK) fail(c, MT_NO_MEMORY, NULL);
        } else if (c->phase == PHASE_PRINT) look(c);
        else if (c->phase != PHASE_ASKS || c->asker.stage == ASKER_DONE) return;
        else if (need == MTI_NEED_PRINTS || need == MTI_NEED_ITEMS) look(c);
        else if (need == MTI_NEED_SAY) say(c);
        else return;
    }
}

static void step(mti_comparing *c)
{
    if (c->stepping) return;
    c->stepping = true;
    go_on(c);
    c->stepping = false;
    if (!c->in && !c->busy) destroy(c);
    else if (!c->in || c->busy || c->waits || c->phase != PHASE_ASKS) return;
    else if (c->asker.stage == ASKER_DONE) finish(c);
    else if (c->asker.need == MTI_NEED_SEND) give(c);
}

/* ---- What the peer says ---- */

void mti_comparing_take(mti_session *session, unsigned type, mti_parse *in)
{
    mti_inbound *sub = mti_inbound_find(session, mti_parse_number(in, "the subscription"));
    mti_comparing *c = sub ? sub->comparing : NULL;
    mt_status st;

    /* What was asked before the peer said that it asks needs no answer any more. */
    if (in->failed || !c || c->phase == PHASE_WAITS) return;
    if (session->asks) session->round_trips++;
    session->asks = false;
    st = type == MTI_ANSWER ? mti_asker_answer(&c->asker, in) : mti_asker_lack(&c->asker, in);
    if (st == MT_OK) step(c);
    else fail(c, st, c->asker.error.text);
}

mti_progress mti_comparing_progress(const mti_inbound *in)
{
    const mti_comparing *c = in->comparing;
    const mti_outbound *out = other_way(c);
    mti_progress p = {.what = "comparing"};

    if (c->making.text[0]) p.making = c->making.text;
    if (out && out->sending.sends) return mti_sending_progress(out);
    if (c->phase != PHASE_ASKS || c->asker.stage != ASKER_LACK || c->wanted == 0) return p;
    return (mti_progress){"receiving", in->nodes - c->nodes_before, c->wanted, NULL};
}
