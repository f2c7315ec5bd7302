/* compared.c - a peer that has no position of ours finds out what it lacks: it asks, and is answered.
 *
 *     SUBSCRIBE with a print -> equal: the feed goes on from here
 *                            -> far fewer nodes than ours: all is copied
 *                            -> we ask, if we do already (comparing.c); else the peer does
 *     ASK, WANT              -> answerer.c, which looks into our index; nodes go over; ANSWER, LACK
 *     COMPARED               -> the feed goes on from where it was when the peer subscribed
 *
 * What the peer sent before it asks is stored before that is looked at: see mti_inbound_message. */
#include "sync/sync.h"

/* Ranges that one peer compares at once: each takes memory here. Ours asks about one after the other. */
#define AT_ONCE_MAX 8u

/* Of a peer that has less than a part of ours, hardly anything could be left out. */
#define FEW_NODES 8u

struct mti_compared {
    mti_outbound *out; /* NULL: it has gone */
    mti_sync *sync;
    mti_answerer answerer;
    bool checks; /* the print that came with the subscription is looked at */
    mti_sip128 theirs;
    uint64_t nodes;
    bool asked;        /* the peer has asked */
    bool busy;         /* the index is asked */
    bool stepping;     /* further up the stack */
    mt_cursor printed; /* where our log ended when the last print of all was made */
    bool waits;        /* for the index to be made */
    unsigned next;     /* a message that came before this was answered; 0: none */
    mt_buf body;       /* its */
    mt_timer again;
};

static void step(mti_compared *c);

static void destroy(mti_compared *c)
{
    const mt_mem *mem = c->sync->mem;

    c->sync->env->timer_stop(c->sync->env->ctx, &c->again);
    mti_answerer_free(&c->answerer);
    mt_buf_free(&c->body);
    mti_mem_free(mem, c, sizeof *c);
}

void mti_compared_end(mti_outbound *out)
{
    mti_compared *c = out->compared;

    mti_sending_end(out);
    if (!c) return;
    out->compared = NULL;
    c->out = NULL;
    if (!c->busy && !c->stepping) destroy(c);
}

bool mti_compared_is_asked(const mti_outbound *out)
{
    return out->compared && (out->compared->next || out->compared->answerer.asks > 0);
}

static void look_again(void *arg)
{
    mti_compared *c = arg;

    c->waits = false;
    step(c);
}

static mti_compared *compared_of(mti_outbound *out)
{
    mti_session *session = out->session;
    mti_comparison about = {.mem = out->sync->mem,
                            .asker = session->their_nonce,
                            .answerer = session->nonce,
                            .subscription = out->id,
                            .first = out->range.first,
                            .end = out->range.end,
                            .codes = session->codes};
    mti_compared *c = out->compared;

    if (c) return c;
    if (!(c = mti_mem_alloc(out->sync->mem, sizeof *c))) return NULL;
    memset(c, 0, sizeof *c);
    c->out = out;
    c->sync = out->sync;
    c->body.mem = out->sync->mem;
    c->again = (mt_timer){.fire = look_again, .arg = c};
    mti_answerer_init(&c->answerer, &about);
    return out->compared = c;
}

static void fail(mti_compared *c, mt_status status, const char *text)
{
    mti_outbound *out = c->out;
    bool again = status == MT_NO_MEMORY || !mti_is_refusal(status);

    /* Without an index there is nothing to compare. */
    if (out && status == MT_UNSUPPORTED && !out->dry) mti_outbound_copy(out);
    else if (out) mti_session_fail(out->session, status, text, again);
}

/* ---- The subscription's print ---- */

static void settle(mti_compared *c, const mt_storage_print *ours)
{
    mti_outbound *out = c->out;
    mti_tag_key key =
        mti_tag_key_of(c->answerer.about.asker, c->answerer.about.answerer, out->id, 0);
    mti_sip128 print = mti_tag_print(&key, &ours->living, &ours->deleted);

    c->checks = false;
    if (print.lo == c->theirs.lo && print.hi == c->theirs.hi) out->mode = OUT_FEED;
    else if (out->dry) out->mode = OUT_ASKED;
    else if (ours->count == 0) out->mode = OUT_FEED;
    else if (c->nodes < ours->count / FEW_NODES) out->mode = OUT_COPY;
    else out->mode = OUT_ASKED;
    if (out->mode == OUT_ASKED && !out->dry && mti_comparing_drives(out->session, out))
        out->mode = OUT_COMPARE;
    mti_outbound_say_subscribed(out, ours->count);
    out->ended = out->dry && out->mode == OUT_FEED;
    if (out->mode == OUT_FEED || out->mode == OUT_COPY) mti_compared_end(out);
    mti_session_flush_soon(out->session);
    mti_status_note(out->session);
}

void mti_compared_check(mti_outbound *out, const mti_sip128 *theirs, uint64_t nodes)
{
    mti_compared *c = compared_of(out);

    if (!c) {
        mti_outbound_fail(out, MT_NO_MEMORY, NULL);
        return;
    }
    c->checks = true;
    c->theirs = *theirs;
    c->nodes = nodes;
    step(c);
}

/* ---- What the index holds ---- */

static void take_answer(mti_compared *c, const mt_storage_answer *answer)
{
    mti_answerer *a = &c->answerer;
    mt_status st = MT_OK;

    if (c->checks) {
        if (!answer->more && answer->print_count == 1) settle(c, answer->prints);
        else if (!answer->more) fail(c, MT_MALFORMED, "the index answers other parts");
        return;
    }
    if (a->need == MTI_NEED_PRINTS && !answer->more)
        st = mti_answerer_prints(a, answer->prints, answer->print_count);
    else if (a->need == MTI_NEED_ITEMS) {
        st = mti_answerer_items(a, answer->items, answer->item_count);
        if (st == MT_OK && !answer->more) st = mti_answerer_items_end(a);
    }
    if (st != MT_OK) fail(c, st, a->error.text);
}

static void looked(void *ctx, const mt_storage_answer *answer)
{
    mti_compared *c = ctx;
    bool outer = c->stepping;

    c->stepping = true; /* it stays until this returns */
    if (!answer->more) c->busy = false;
    if (c->out && answer->status == MT_AGAIN) {
        c->waits = true;
        c->sync->env->timer_set(c->sync->env->ctx, &c->again, MTI_INDEX_AGAIN_MS);
    } else if (c->out && answer->status != MT_OK) {
        fail(c, answer->status, answer->text);
    } else if (c->out) {
        take_answer(c, answer);
    }
    c->stepping = outer;
    if (c->busy || outer) return;
    if (c->out) step(c);
    else destroy(c);
}

static void look(mti_compared *c)
{
    mti_answerer *a = &c->answerer;
    mt_storage_span all = {a->about.first, a->about.end, 0};
    bool items = !c->checks && a->need == MTI_NEED_ITEMS;
    mt_status st;

    if (!c->checks && a->need == MTI_NEED_PRINTS && a->span_count == 1)
        c->printed = mti_log_head(c->sync);
    c->busy = true;
    st = mti_own_index_ask(c->sync, items, c->checks ? &all : a->spans,
                           c->checks ? 1 : a->span_count, looked, c);
    if (st == MT_OK) return;
    c->busy = false;
    fail(c, st, mt_db_error(c->sync->db)->text);
}

/* ---- Going on ---- */

static void say(mti_compared *c)
{
    mti_say say = mti_say_begin(&c->sync->message, mti_answerer_due(&c->answerer));

    mti_answerer_say(&c->answerer, &say);
    mti_session_send(c->out->session, &say);
}

static void sent(void *ctx, uint64_t nodes)
{
    mti_compared *c = ctx;

    if (mti_answerer_sent(&c->answerer, nodes) == MT_OK) step(c);
    else fail(c, MT_NO_MEMORY, NULL);
}

static void take_next(mti_compared *c);

/* Does what can be done at once. What is asked of the index may be answered within the call. */
static void step(mti_compared *c)
{
    if (c->stepping) return;
    c->stepping = true;
    while (c->out && !c->busy && !c->waits) {
        mti_need_kind need = c->answerer.need;
        if (c->checks || need == MTI_NEED_PRINTS || need == MTI_NEED_ITEMS) look(c);
        else if (need == MTI_NEED_SAY) say(c);
        else if (need == MTI_NEED_NOTHING && c->next) take_next(c);
        else break;
    }
    c->stepping = false;
    if (!c->out && !c->busy) {
        destroy(c);
    } else if (c->out && !c->busy && c->answerer.need == MTI_NEED_SEND && !c->out->sending.sends) {
        mti_sending_start(c->out, &c->answerer.sends, sent, c);
    }
}

/* ---- What the peer says ---- */

static void take(mti_compared *c, unsigned type, mti_parse *in)
{
    mt_status st =
        type == MTI_WANT ? mti_answerer_want(&c->answerer, in) : mti_answerer_ask(&c->answerer, in);

    if (st != MT_OK) fail(c, st, c->answerer.error.text);
    else if (c->answerer.copies && !c->out->dry) mti_outbound_copy(c->out);
}

static void take_next(mti_compared *c)
{
    mt_buf body = c->body;
    mt_error err = {.status = MT_OK};
    mti_parse in = mti_parse_of(mt_buf_bytes(&body), "a question", &err);
    unsigned type = c->next;

    c->body = (mt_buf){.mem = body.mem};
    c->next = 0;
    take(c, type, &in);
    mt_buf_free(&body);
}

/* It is over. If all was equal, there is nothing to send of what was written before that was seen. */
static void take_compared(mti_outbound *out, mti_parse *in)
{
    bool equal = mti_parse_byte(in, "whether all is equal");

    if (mti_parse_end(in) != MT_OK || out->mode != OUT_ASKED) return;
    if (equal && out->compared) out->position = out->compared->printed;
    out->ended = out->dry;
    mti_outbound_feed(out);
}

/* Notes that the peer asks. Answers whether it may, besides what else it does. */
static bool may_ask(mti_compared *c)
{
    size_t count = 0;

    for (const mti_outbound *out = c->out->session->outbound; out; out = out->next)
        count += out != c->out && out->compared && out->compared->asked;
    return c->asked = c->asked || count < AT_ONCE_MAX;
}

void mti_compared_take(mti_session *session, unsigned type, mti_parse *in)
{
    uint64_t id = mti_parse_number(in, "the subscription");
    mti_outbound *out = mti_outbound_find(session, id);
    mti_compared *c;
    mt_bytes body;

    /* It may ask before it hears that it need not, or is to be sent all. */
    if (in->failed || !out || (out->mode != OUT_CHECK && out->mode != OUT_ASKED)) return;
    if (type == MTI_COMPARED) {
        take_compared(out, in);
        return;
    }
    c = compared_of(out);
    body = mti_parse_rest(in);
    if (c && c->next) {
        mti_parse_fail(in, "the question", "two before are not answered");
        return;
    }
    if (c && !may_ask(c)) {
        fail(c, MT_TOO_LARGE, "it compares too many ranges at once");
        return;
    }
    if (!c || mti_buf_append(&c->body, body.data, body.len) != MT_OK) {
        mti_outbound_fail(out, MT_NO_MEMORY, NULL);
        return;
    }
    c->next = type;
    step(c);
}
