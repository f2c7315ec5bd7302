/* lie.c - what a peer does that lies: it writes what it likes into a database of its own, which nothing guards, and
 * what it says to others is changed, left out, or said again. */
#include "sim/world.h"

#include "sim/meter.h"
#include "sim/room.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MINUTE_MS UINT64_C(60000)
#define GARBAGE_LEN_MAX 200
#define MOOD_MAX 60 /* messages */
#define SUBSCRIBE 0x08
#define LIST 1u

/* ---- In data ---- */

/* A state that no honest peer would give now. None between: what is taken by some, and by others only when so much time
 * has passed, is not known to all in the end. */
static uint64_t some_state(mti_sim_draws *d, uint64_t now_ms)
{
    uint64_t now = mti_sim_state_at(now_ms);

    switch (mti_sim_below(d, 5)) {
    case 0: return 1;
    case 1: return 1 + mti_sim_below(d, now);
    case 2: return now;
    case 3: return now + (9 * MINUTE_MS << MTI_SIM_STATE_BITS);
    default: return MT_STATE_MAX - mti_sim_spread(d, 1000);
    }
}

static void write_anything(mt_sim *sim, mti_sim_peer *peer)
{
    static const char *const places[] = {"user", "note", "other", "@space/tokens", "@space"};
    mti_sim_draws *d = &sim->draws;
    mt_options options = {.size = sizeof options, .allow_future = true};
    char uid[48], name[16], text[32];
    mt_field field = {.name = {(const uint8_t *)name, 0}};
    mt_row row = {.fields = &field, .count = 1};

    snprintf(uid, sizeof uid, "%s/%u", places[mti_sim_below(d, sizeof places / sizeof *places)],
             (unsigned)mti_sim_below(d, sim->uids));
    snprintf(name, sizeof name, "f%u", (unsigned)mti_sim_below(d, sim->names));
    snprintf(text, sizeof text, "a lie of %zu", peer->number);
    row.uid = mt_str(uid);
    field.name = mt_str(name);
    field.value = mt_text(text);
    field.state = some_state(d, peer->env.now_ms(peer->env.ctx));
    if (mti_sim_once_in(d, 6)) field.kind = MT_FIELD_DELETED;
    if (mti_sim_once_in(d, 8)) row.floor = some_state(d, peer->env.now_ms(peer->env.ctx));
    (void)!mt_commit_rows(peer->db, &row, 1, &options, NULL, NULL, NULL);
}

void mti_sim_lie(mt_sim *sim, mti_sim_peer *peer)
{
    mti_sim_draws *d = &sim->draws;

    peer->mood = (unsigned)mti_sim_below(d, MOOD_MAX);
    for (uint64_t i = mti_sim_below(d, 4); i > 0; i--) write_anything(sim, peer);
}

/* ---- In what is said ---- */

static void keep(mti_sim_peer *peer, mt_bytes message)
{
    mti_sim_message *old = &peer->heard[mti_sim_below(&peer->talk, MTI_SIM_HEARD)];

    free(old->data);
    *old = (mti_sim_message){mti_sim_new(message.len, 1), message.len};
    if (message.len > 0) memcpy(old->data, message.data, message.len);
}

static void say_again(mti_sim_peer *peer, mti_sim_instead *instead)
{
    const mti_sim_message *old = &peer->heard[mti_sim_below(&peer->talk, MTI_SIM_HEARD)];

    if (!old->data) return;
    mti_sim_ledger_said(peer, (mt_bytes){old->data, old->len});
    mti_sim_instead_add(instead, (mt_bytes){old->data, old->len}, 0);
}

static void say_garbage(mti_sim_peer *peer, mti_sim_instead *instead)
{
    uint8_t garbage[GARBAGE_LEN_MAX];
    size_t len = (size_t)mti_sim_below(&peer->talk, sizeof garbage);

    for (size_t i = 0; i < len; i++) garbage[i] = (uint8_t)mti_sim_draw(&peer->talk);
    if (len > 2) { /* of a type that there is */
        garbage[0] = 1;
        garbage[1] = (uint8_t)(2 * mti_sim_below(&peer->talk, 18));
        garbage[2] = 0;
    }
    mti_sim_instead_add(instead, (mt_bytes){garbage, len}, 0);
}

static void change_bytes(mti_sim_peer *peer, mti_sim_message *out)
{
    for (uint64_t i = 1 + mti_sim_spread(&peer->talk, 8); i > 0 && out->len > 0; i--)
        out->data[mti_sim_below(&peer->talk, out->len)] ^=
            (uint8_t)(1 + mti_sim_below(&peer->talk, 255));
}

/* ---- In what is heard ---- */

/* Behind a text that begins there. */
static size_t past_text(mt_bytes in, size_t at)
{
    uint64_t len;

    at = mti_sim_number(in, at, &len);
    return at < in.len && len < in.len - at ? at + (size_t)len : in.len;
}

/* Where a SUBSCRIBE has the flags of its range; 0: it is none, or of a list. */
static size_t range_at(mt_bytes in)
{
    size_t at = 3;

    if (in.len < 3 || in.data[1] != SUBSCRIBE || in.data[2] != 0) return 0;
    at = mti_sim_number(in, at, NULL);
    return at < in.len && !(in.data[at] & LIST) ? at : 0;
}

/* Whatever others want of it, it hears that they want and give everything; so it sends what they did not ask for. */
static void hear_of_everything(mt_bytes message, mti_sim_instead *instead)
{
    static const uint8_t everything[] = {1, 6, 0,
                                         0}; /* one range, pulled and given, without ends */
    size_t ranges = mti_sim_hello_ranges(message), range = range_at(message), rest;
    mti_sim_message *out;

    if (ranges) {
        out = mti_sim_instead_add(instead, (mt_bytes){message.data, ranges}, sizeof everything);
        memcpy(out->data + ranges, everything, sizeof everything);
        out->len += sizeof everything;
    } else if (range) {
        rest = past_text(message, past_text(message, range + 1));
        out = mti_sim_instead_add(instead, message, 2);
        out->data[range + 1] = out->data[range + 2] = 0;
        memcpy(out->data + range + 3, message.data + rest, message.len - rest);
        out->len = range + 3 + message.len - rest;
    } else mti_sim_instead_add(instead, message, 0);
}

/* In a space the others know who speaks: there it also says what it was told itself. Elsewhere whoever says what another
 * said is taken for that one. */
void mti_sim_lie_speaks(void *ctx, bool sent, mt_bytes message, mti_sim_instead *instead)
{
    mti_sim_peer *peer = ctx;
    mti_sim_message *out = NULL;

    if (sent || peer->sim->plan->space) keep(peer, message);
    if (!sent && peer->role->pushes) {
        hear_of_everything(message, instead);
        return;
    }
    if (!sent || peer->mood == 0 || !mti_sim_once_in(&peer->talk, 3)) {
        mti_sim_instead_add(instead, message, 0);
        return;
    }
    peer->mood--;
    switch (mti_sim_below(&peer->talk, 7)) {
    case 0: break; /* nothing */
    case 1: say_again(peer, instead); break;
    case 2: say_garbage(peer, instead); break;
    case 3:
        out = mti_sim_instead_add(instead, message, 0);
        out->len = (size_t)mti_sim_below(&peer->talk, out->len + 1);
        break;
    case 4:
        mti_sim_instead_add(instead, message, 0);
        mti_sim_instead_add(instead, message, 0);
        break;
    case 5:
        mti_sim_instead_add(instead, message, 0);
        say_again(peer, instead);
        break;
    default: change_bytes(peer, mti_sim_instead_add(instead, message, 0));
    }
}
