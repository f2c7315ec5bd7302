/* sync/asker.h - the side of a comparison that asks: compare.h.
 *
 *     pass    prints of our parts -> ASK -> ANSWER -> smaller parts that differ, and ASK again; or
 *             items, and so the nodes that differ -> nodes are sent, and WANT -> what comes is stored,
 *             and LACK -> nodes are sent -> the print of all: equal, or the next pass
 *
 * What it has sent once it does not send again in the same state, and what the caller knows to be refused
 * it does not ask for: so a comparison ends also where two cannot become equal. */
#ifndef MTI_ASKER_H
#define MTI_ASKER_H

#include "sync/lists.h"
#include "sync/trail.h"

typedef enum mti_asker_stage {
    ASKER_BEGIN,  /* prints of our parts, of the whole range or of those that are open */
    ASKER_ASK,    /* an ASK is due */
    ASKER_ANSWER, /* the answer is to come */
    ASKER_MATCH,  /* prints of the parts that the answer has */
    ASKER_CELLS,  /* items, for our own table */
    ASKER_NAMES,  /* items again: those that the table names */
    ASKER_LISTS,  /* items, beside lists of theirs */
    ASKER_GIVE,   /* items of parts of which they have nothing */
    ASKER_SEND,   /* nodes, before WANT */
    ASKER_WANT,   /* a WANT is due */
    ASKER_LACK,   /* what was wanted is to come, and the LACK behind it */
    ASKER_FILL,   /* nodes that they lack are sent */
    ASKER_LAST,   /* the print of all */
    ASKER_DONE
} mti_asker_stage;

/* What a comparison has come to. */
typedef struct mti_asker_result {
    bool equal; /* the whole range was found to be equal */
    bool copy;  /* so much differs that all is to be copied, both ways */
    uint64_t passes;
    uint64_t theirs; /* of the first pass: nodes that only they have, ... */
    uint64_t ours;   /* only we have, ... */
    uint64_t
        both; /* both have, and differ. Lists do not tell: then these count as theirs and ours */
    uint64_t left; /* of the last pass: nodes that differ, and are refused or were sent before */
    uint64_t asks; /* messages that had to be answered */
} mti_asker_result;

typedef struct mti_asker {
    mti_comparison about;
    mti_asker_stage stage;
    mti_need_kind need;
    bool dry;               /* only to find out how much differs */
    bool gives;             /* what they lack is to be sent: else they find out for themselves */
    mt_storage_span *spans; /* PRINTS, ITEMS: what of */
    size_t span_count;
    mti_sends sends; /* SEND */
    mti_asker_result result;
    uint64_t round;
    mti_tag_key key;
    uint64_t expected; /* about how many differ, by all that was seen in this pass; 0: not known */
    uint64_t asked;    /* nodes of ours in the parts; 0: not known */
    bool open;         /* all of the parts are known to differ */
    uint32_t divide;   /* BEGIN: into how many parts */
    bool cut;          /* bounds are as short as they get */
    bool marked;       /* the parts are those of their last answer that are marked */
    mt_buf marks;
    size_t print_len;
    mti_parts parts;  /* that are asked about, or that the answer has */
    mti_parts rest;   /* that differ and are not listed yet */
    mti_parts wanted; /* of which we have nothing */
    mti_parts given;  /* of which they have nothing */
    mti_cells cells, own;
    uint64_t coded; /* nodes in our own */
    mti_trail trail;
    mti_parts near;    /* where nodes that differ are */
    mti_key_map names; /* what the table names, and the differences of values */
    bool stuck;        /* it held more */
    mti_lists lists;
    mti_sends offers;
    mti_coded *wants; /* keys or tags, and states */
    size_t want_count, want_cap;
    bool by_tags;
    mti_sip128 their_print;
    mti_key_map sent;         /* in this comparison: sums of uids, and what they were */
    mti_sends refused;        /* of theirs, here; in order once it has begun */
    size_t refused_at;        /* LISTS */
    mti_key_map refused_keys; /* of them, with the key of the question */
    uint64_t moved;           /* nodes that go one way or the other in this pass */
    uint64_t looks, nodes;    /* what it has done, and how much there is */
    mt_error error;
} mti_asker;

/* The range's bounds are BORROWED. `gives`, `dry` are set before it begins. */
void mti_asker_init(mti_asker *asker, const mti_comparison *about);
void mti_asker_free(mti_asker *asker);

/* Notes a node of theirs that is refused here. MT_NO_MEMORY. */
mt_status mti_asker_refuse(mti_asker *asker, mt_bytes uid);

/* Begins; `differs`: the whole is known to differ. */
mt_status mti_asker_begin(mti_asker *asker, bool differs);

/* Take what the index holds. A failure says in `error` what is wrong. */
mt_status mti_asker_prints(mti_asker *asker, const mt_storage_print *prints, size_t count);
mt_status mti_asker_items(mti_asker *asker, const mt_storage_item *items, size_t count);
mt_status mti_asker_items_end(mti_asker *asker);

/* Take what follows the subscription in a message; that of a LACK when all data before it is stored. */
mt_status mti_asker_answer(mti_asker *asker, mti_parse *in);
mt_status mti_asker_lack(mti_asker *asker, mti_parse *in);

/* What was to be sent has been. */
mt_status mti_asker_sent(mti_asker *asker);

/* The message that is due, and its body. */
mti_message_type mti_asker_due(const mti_asker *asker);
void mti_asker_say(mti_asker *asker, mti_say *say);

#endif
