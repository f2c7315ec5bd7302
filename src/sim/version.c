/* version.c - what a peer of another version says, and understands: its messages are rewritten. */
#include "sim/world.h"

#include "sim/meter.h"

#include <string.h>

#define HELLO 0x02
#define UNKNOWN 0x41 /* odd: who does not know it skips it */
#define OURS 1
#define ID_LEN 16
#define MORE_FEATURES 0x78

static size_t features_at(mt_bytes message, size_t versions)
{
    size_t at = mti_sim_number(message, versions + 3, NULL) +
                (size_t)2 * ID_LEN; /* the clock, flags, ids */

    for (unsigned i = 0; i < 4; i++)
        at = mti_sim_number(message, at, NULL); /* session, heard, time, window */
    return at;
}

/* Where a HELLO has its versions; 0: it is none, or none of a peer that means well. */
static size_t versions_at(mt_bytes message)
{
    size_t at = 3;

    if (message.len < 3 || message.data[0] != OURS || message.data[1] != HELLO || message.data[2])
        return 0;
    return features_at(message, at) < message.len ? at : 0;
}

size_t mti_sim_hello_ranges(mt_bytes message)
{
    size_t versions = versions_at(message), at = versions ? features_at(message, versions) : 0;

    at = versions ? mti_sim_number(message, at, NULL) : 0;
    return at < message.len ? at : 0;
}

/* A later version may say more in each message, and messages that we do not know. */
static void say_more(mti_sim_peer *peer, mt_bytes message, mti_sim_instead *instead)
{
    static const uint8_t unknown[] = {OURS, UNKNOWN, 2, 'n', 'o', 't', 'e'};
    size_t more =
        message.len > 2 && message.data[2] == 0 ? (size_t)mti_sim_below(&peer->talk, 4) : 0;
    mti_sim_message *out = mti_sim_instead_add(instead, message, more);

    if (more > 0) {
        memmove(out->data + 3 + more, out->data + 3, out->len - 3);
        memset(out->data + 3, 'x', more);
        out->data[2] = (uint8_t)more;
        out->len += more;
    }
    if (mti_sim_once_in(&peer->talk, 6))
        mti_sim_instead_add(instead, (mt_bytes){unknown, sizeof unknown}, 0);
}

static void hello_of_later(mt_bytes message, size_t versions, mti_sim_instead *instead)
{
    static const char tail[] = "and more";
    mti_sim_message *out = mti_sim_instead_add(instead, message, sizeof tail);

    out->data[versions + 1] = OURS + 1;
    out->data[features_at(message, versions)] |= MORE_FEATURES;
    memcpy(out->data + out->len, tail, sizeof tail);
    out->len += sizeof tail;
}

void mti_sim_version_speaks(void *ctx, bool sent, mt_bytes message, mti_sim_instead *instead)
{
    mti_sim_peer *peer = ctx;
    const mti_sim_role *role = peer->role;
    size_t versions = versions_at(message);
    mti_sim_message *out;

    if (role->version == MTI_SIM_LATER && sent) {
        if (versions) hello_of_later(message, versions, instead);
        else say_more(peer, message, instead);
        return;
    }
    out = mti_sim_instead_add(instead, message, 0);
    if (!versions) return;
    if (role->version == MTI_SIM_EARLIER)
        out->data[features_at(message, versions)] &= role->features;
    if (role->version == MTI_SIM_FOREIGN)
        out->data[versions] = out->data[versions + 1] = sent ? OURS + 1 : OURS + 2;
}
