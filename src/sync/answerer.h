/* sync/answerer.h - the side of a comparison that is asked: compare.h.
 *
 *     ASK  -> prints of its parts -> which differ -> items of those, or prints of smaller ones -> ANSWER
 *     WANT -> items of the parts that are open -> nodes are sent -> the print of all -> LACK
 *
 * It remembers the parts that its last answer called different, and those that it had, and no more. */
#ifndef MTI_ANSWERER_H
#define MTI_ANSWERER_H

#include "sync/trail.h"

typedef enum mti_answerer_stage {
    ANSWERER_IDLE,
    ANSWERER_PRINTS, /* of the parts that were asked about */
    ANSWERER_FINER,  /* of parts of those that differ */
    ANSWERER_CELLS,  /* items, for a coded table */
    ANSWERER_LISTS,  /* items, for lists */
    ANSWERER_SAY,
    ANSWERER_FIND,   /* items, for what is wanted */
    ANSWERER_GATHER, /* items of parts that are wanted whole */
    ANSWERER_SEND,   /* what was found */
    ANSWERER_LAST,   /* the print of all */
    ANSWERER_SAY_LACK
} mti_answerer_stage;

typedef struct mti_answerer {
    mti_comparison about;
    mti_answerer_stage stage;
    mti_need_kind need;
    mt_storage_span *spans; /* PRINTS, ITEMS: what of */
    size_t span_count;
    mti_sends sends; /* SEND */
    bool copies;     /* all is to be copied instead */
    /* the last ASK */
    uint64_t round, expected;
    uint64_t theirs; /* nodes of theirs in its parts; 0: not known */
    mti_seen seen;
    size_t print_len;
    unsigned flags;
    mti_tag_key key;
    mti_parts asked; /* its parts; then those that differ are `open` */
    mti_parts open;
    size_t empty_count; /* of `asked`: the answerer has nothing there */
    bool *empty;
    size_t empty_cap;
    /* its answer */
    mti_answer_form form;
    mti_parts finer; /* or those that are wanted whole */
    uint32_t divide; /* into how many parts each that differs is divided */
    bool cut;        /* their bounds are as short as they get */
    bool uneven;     /* one of them has more nodes than a list */
    mti_cells cells;
    mti_trail trail;
    mt_buf tags;       /* of lists: a count of 4 bytes before each part's */
    size_t listed, at; /* parts that are listed; the one that items come of */
    size_t tags_at;    /* where the count of that one stands */
    /* the last WANT */
    mti_key_map wanted; /* keys or tags + 1, and since which state */
    unsigned want_flags;
    mti_parts near; /* where they are */
    mti_sends offers, lacks;
    size_t offer_at;
    uint64_t found, sent; /* of what was wanted */
    mti_sip128 print;
    /* what it has done */
    uint64_t asks, looks, nodes;
    mt_error error;
} mti_answerer;

/* Takes the range's bounds as they are: BORROWED. */
void mti_answerer_init(mti_answerer *answerer, const mti_comparison *about);
void mti_answerer_free(mti_answerer *answerer);

/* Take what follows the subscription in a message. A failure says in `error` what is wrong: the session
 * ends with it. MT_MALFORMED, MT_TOO_LARGE (it asks for more than a comparison takes), MT_NO_MEMORY. */
mt_status mti_answerer_ask(mti_answerer *answerer, mti_parse *in);
mt_status mti_answerer_want(mti_answerer *answerer, mti_parse *in);

/* Take what the index holds. */
mt_status mti_answerer_prints(mti_answerer *answerer, const mt_storage_print *prints, size_t count);
mt_status mti_answerer_items(mti_answerer *answerer, const mt_storage_item *items, size_t count);
mt_status mti_answerer_items_end(mti_answerer *answerer);

/* What was to be sent has been: of so many nodes there was anything that was not sent before. */
mt_status mti_answerer_sent(mti_answerer *answerer, uint64_t nodes);

/* The message that is due. */
mti_message_type mti_answerer_due(const mti_answerer *answerer);
void mti_answerer_say(mti_answerer *answerer, mti_say *say);

#endif
