/* sync/compare.h - how two peers that have no position in common find what differs.
 *
 * One asks and the other answers, about one range of nodes; each over its own index of prints and items.
 * Both are machines without a clock, a link or a store: they are told what the peer said and what the index
 * holds, and say what they need next.
 *
 *     ASK      prints of parts; or parts that are known to differ
 *     ANSWER   which of them differ, and of these
 *                nothing more, if none does
 *                prints of smaller parts, where too many differ to say more
 *                a coded table of their nodes (cells.h), where about so many nodes differ as it takes
 *                lists of their nodes' tags, where they are short
 *     WANT     nodes that the asker lacks, by keys or tags, and from which state on, and whole parts of
 *              which it has nothing; nodes of its own that it may have newer
 *     LACK     of these, those that the answerer lacks, behind all that was wanted; and the print of the
 *              whole range as it is then. If that is not the asker's too, the next pass begins
 *
 * The sketch of it is range-based set reconciliation: Aljoscha Meyer, "Range-Based Set Reconciliation"
 * (2023); tables instead of the last splits as in partition reconciliation: Yaron Minsky and Ari
 * Trachtenberg, "Practical Set Reconciliation" (2002).
 *
 * Whatever a peer says, a machine does bounded work for it, and what a comparison ends with was compared
 * with 128 bits under a key that was not used before. */
#ifndef MTI_COMPARE_H
#define MTI_COMPARE_H

#include "sync/cells.h"
#include "sync/parts.h"
#include "sync/tags.h"

/* ---- Limits ---- */

/* Parts of one message, and those that may be open. */
#define MTI_COMPARE_PARTS_MAX 8192u

/* Parts that a range is divided into first: fewer bytes than a packet has. */
#define MTI_COMPARE_PARTS_FIRST 128u

/* Nodes whose tags one answer lists, and how many of a part are few. */
#define MTI_COMPARE_LIST_MAX 65536u
#define MTI_COMPARE_LIST_FEW 64u

/* What is wanted, and offered, at once. */
#define MTI_COMPARE_WANTS_MAX 65536u

/* Nodes that are sent in one pass: what goes beyond that, the next finds again. */
#define MTI_COMPARE_SENDS_MAX 262144u

/* Bytes of a print that is not the last word: two parts that differ look alike once in 2^32 times. */
#define MTI_COMPARE_PRINT_LEN 4u
#define MTI_COMPARE_PRINT_WIDE 16u

/* How often an asker goes through all of it. */
#define MTI_COMPARE_PASSES_MAX 16u

/* What an answerer does for one comparison at most: messages, and nodes that it looks at, as many times
 * those of the range, and some more. */
#define MTI_COMPARE_ASKS_MAX 512u
#define MTI_COMPARE_LOOKS_TIMES 64u
#define MTI_COMPARE_LOOKS_MORE 1000000u

/* ---- Messages ---- */

#define MTI_ASK_CODES 1u /* the asker reads coded tables */
#define MTI_ASK_OPEN 2u  /* all parts are known to differ: there are no prints */

typedef enum mti_answer_form {
    MTI_ANSWER_EQUAL = 0, /* all, or those that differ the answerer has nothing of */
    MTI_ANSWER_CELLS = 1,
    MTI_ANSWER_PARTS = 2,
    MTI_ANSWER_LISTS = 3
} mti_answer_form;
#define MTI_ANSWER_EMPTY \
    0x80u /* beside the form: there are parts of which the answerer has nothing */

#define MTI_WANT_TAGS 1u /* what is wanted is named by tags; else by keys */
#define MTI_WANT_COPY 2u /* so much differs that all is to be copied */

/* ---- What a machine needs of its index ---- */

typedef enum mti_need_kind {
    MTI_NEED_NOTHING, /* it waits for the peer, or for nothing at all */
    MTI_NEED_PRINTS,
    MTI_NEED_ITEMS,
    MTI_NEED_SAY, /* there is a message to send: mti_asker_say, mti_answerer_say */
    MTI_NEED_SEND /* nodes in `sends` are to be sent; then mti_asker_sent, mti_answerer_sent */
} mti_need_kind;

/* A node to be sent: its fields whose state is above one, 0 for all. */
typedef struct mti_send {
    uint32_t uid_at; /* in the text */
    uint8_t uid_len;
    uint64_t since;
} mti_send;

typedef struct mti_sends {
    mti_send *at;
    size_t count, cap;
    mt_buf text;
} mti_sends;

void mti_sends_init(mti_sends *sends, const mt_mem *mem);
void mti_sends_free(mti_sends *sends);
void mti_sends_clear(mti_sends *sends);
mt_status mti_sends_add(mti_sends *sends, mt_bytes uid, uint64_t since);

static inline mt_bytes mti_send_uid(const mti_sends *sends, const mti_send *send)
{
    return (mt_bytes){sends->text.data + send->uid_at, send->uid_len};
}

/* What both machines are about. */
typedef struct mti_comparison {
    const mt_mem *mem;
    uint64_t asker, answerer; /* the numbers of their sessions */
    uint64_t subscription;
    mt_bytes first, end; /* of the range: BORROWED */
    bool codes;          /* both read coded tables */
} mti_comparison;

/* ---- Numbers by keys ---- */

/* Open addressing with linear probing, at most half full. Keys are hashes, not 0. */
typedef struct mti_key_slot {
    uint64_t key; /* 0: free */
    uint64_t value;
} mti_key_slot;

typedef struct mti_key_map {
    const mt_mem *mem;
    mti_key_slot *slots;
    size_t count, cap; /* a power of two, or 0 */
} mti_key_map;

void mti_key_map_free(mti_key_map *map);

/* Makes room for `count` keys in an empty map. MT_NO_MEMORY. */
mt_status mti_key_map_reserve(mti_key_map *map, size_t count);

/* Puts a value, instead of that which is there. MT_NO_MEMORY. */
mt_status mti_key_map_put(mti_key_map *map, uint64_t key, uint64_t value);

/* The slot of a key; NULL: it is not there. */
mti_key_slot *mti_key_map_get(const mti_key_map *map, uint64_t key);

/* ---- Lists of nodes with states ---- */

/* n: number | n times: shared: number | rest: long text | state: zigzag of the difference to the one
 * before. */
void mti_say_sends(mti_say *say, const mti_sends *sends);
void mti_parse_sends(mti_parse *in, mti_sends *sends);

/* ---- Estimates ---- */

/* Rather more than estimated, so that a table seldom fails. */
uint64_t mti_compare_margin(uint64_t estimate);

/* How many differences there are, if `hit` of `parts` were hit by them, all as likely: as many as it takes
 * on average to hit so many. */
uint64_t mti_compare_estimate(uint64_t parts, uint64_t hit);

/* Whether so many are hit that it says little. */
bool mti_compare_is_full(uint64_t parts, uint64_t hit);

#endif
