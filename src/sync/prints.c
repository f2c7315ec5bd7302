/* prints.c - what a peer has of each range, told with its greeting: who sees that it has something else asks
 * at once, and not only when it was told.
 *
 * Nothing rests on it: a peer that tells none, or whose print is old by now, is found out by what is
 * subscribed to. */
#include "base/word.h"
#include "sync/sync.h"

/* Ranges that are told, at most. */
#define TOLD_MAX 16u

#define PRINT_LEN 8u

typedef struct telling {
    mti_sync *sync;
    uint64_t nonce; /* of the session */
    size_t wish;
} telling;

static uint64_t print_of(uint64_t nonce, uint64_t wish, const mt_sum *living, const mt_sum *deleted)
{
    mti_tag_key key = mti_tag_key_of(nonce, 0, wish, 0);

    return mti_tag_print(&key, living, deleted).lo;
}

static mti_session *session_of(const mti_sync *sync, uint64_t nonce)
{
    mti_session *s = sync->sessions;

    while (s && s->nonce != nonce) s = s->next;
    return s && s->stage != SESSION_OFFLINE && s->stage != SESSION_ENDED ? s : NULL;
}

static void made(void *ctx, const mt_storage_answer *answer)
{
    telling *t = ctx;
    mti_session *session = session_of(t->sync, t->nonce);
    uint8_t print[PRINT_LEN];
    mti_say say;

    if (answer->more) return;
    if (session && answer->status == MT_OK && answer->print_count == 1) {
        mti_store_le64(
            print_of(t->nonce, t->wish, &answer->prints->living, &answer->prints->deleted), print);
        say = mti_say_begin(&t->sync->message, MTI_PRINTS);
        mti_say_number(&say, t->wish);
        mti_say_fixed(&say, (mt_bytes){print, sizeof print});
        mti_session_send(session, &say);
    }
    mti_mem_free(t->sync->mem, t, sizeof *t);
}

void mti_prints_tell(mti_session *session)
{
    const mti_wishes *wishes = mti_session_wishes(session);
    mti_sync *sync = session->sync;

    for (size_t i = 0; i < wishes->count && i < TOLD_MAX; i++) {
        const mti_wish *wish = &wishes->at[i];
        mt_storage_span span = {wish->range.first, wish->range.end, 0};
        telling *t;
        if (!wish->push || wish->range.uids || !mti_own_index_ready(sync)) continue;
        if (!(t = mti_mem_alloc(sync->mem, sizeof *t))) return;
        *t = (telling){sync, session->nonce, i};
        if (mti_own_index_ask(sync, false, &span, 1, made, t) == MT_OK) continue;
        mti_mem_free(sync->mem, t, sizeof *t);
    }
}

void mti_prints_take(mti_session *session, mti_parse *in)
{
    uint64_t at = mti_parse_number(in, "the number of the range");
    mt_bytes print = mti_parse_fixed(in, "the print", PRINT_LEN);
    mti_wish *wish;

    if (mti_parse_end(in) != MT_OK || at >= session->theirs.count) return;
    wish = &session->theirs.at[at];
    wish->told = true;
    wish->print = mti_load_le64(print.data);
    for (mti_inbound *sub = session->inbound; sub; sub = sub->next)
        if (sub->comparing && mti_range_equal(&sub->range, &wish->range)) mti_comparing_told(sub);
}

bool mti_prints_differ(const mti_session *session, const mti_range *range, const mt_sum *living,
                       const mt_sum *deleted)
{
    for (size_t i = 0; i < session->theirs.count; i++) {
        const mti_wish *wish = &session->theirs.at[i];
        if (!wish->told || !mti_range_equal(range, &wish->range)) continue;
        return print_of(session->their_nonce, i, living, deleted) != wish->print;
    }
    return false;
}
