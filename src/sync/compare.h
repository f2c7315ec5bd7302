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
#define MTI_COMPARE_PARTS_MAX 32768u

/* Parts that a range is divided into first: fewer bytes than a packet has. Twice as many where it is known
 * that something differs, since then tables may follow at once. */
#define MTI_COMPARE_PARTS_FIRST 128u
#define MTI_COMPARE_PARTS_DIFFER 256u

/* Nodes whose tags one answer lists. */
#define MTI_COMPARE_LIST_MAX 131072u

/* Cells of a table: less than a message may have bytes for. */
#define MTI_COMPARE_CELLS_MAX 60000u

/* What is wanted, and offered, at once. */
#define MTI_COMPARE_WANTS_MAX 65536u

/* Nodes that are sent in one pass: what goes beyond that, the next finds again. */
#define MTI_COMPARE_SENDS_MAX 262144u

/* Bytes of a print that is not the last word: two parts that differ look alike once in 2^24 times, and
 * then the next pass finds them. */
#define MTI_COMPARE_PRINT_LEN 3u
#define MTI_COMPARE_PRINT_WIDE 16u

/* Bytes of bounds in one message, and of uids that are offered. */
#define MTI_COMPARE_TEXT_MAX 524288u

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
#define MTI_ASK_MARKS 4u /* and they are some of those of the last answer */

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

/* Open addressing with linear probing, at most half full, behind a filter: of many keys that are looked
 * for few are there, and four bits a slot, which the nearest cache has room for, tell that of most. Keys
 * are hashes, not 0. */
typedef struct mti_key_slot {
    uint64_t key; /* 0: free */
    uint64_t value;
} mti_key_slot;

typedef struct mti_key_map {
    const mt_mem *mem;
    mti_key_slot *slots; /* and the filter behind them, in one block */
    size_t count, cap;   /* slots: a power of two, or 0 */
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

/* ---- Nodes that are wanted ---- */

/* n: number | n times: state: number, more than the one before | key or tag: 4 or 3 bytes, lowest first.
 * Puts them into that order. */
void mti_say_wants(mti_say *say, mti_coded *wants, size_t count, size_t len);

/* ---- Estimates ---- */

/* What is known of a range where it was compared: that `open` of `parts` parts differ, and have `nodes`
 * nodes of ours. */
typedef struct mti_seen {
    uint64_t parts, open, nodes;
    uint64_t expected; /* about how many nodes differ, rather too many than too few; 0: not known */
} mti_seen;

/* Fills `expected` from what else was seen. */
void mti_seen_expect(mti_seen *seen);

/* Into how many parts those that differ are to be divided; 0: they are small enough as they are. `codes`:
 * tables are read; `trip`: it takes another round trip. */
uint64_t mti_seen_divide(const mti_seen *seen, bool codes, bool trip);

/* Whether a table says it in fewer bytes than lists. */
bool mti_seen_codes(const mti_seen *seen);

#endif
