/* sync/sync.h - what the parts of the sync router share.
 *
 *     router     the contract: writes, reads, links that come and go       router.c
 *     session    with one peer, while its link is up: who it is            session.c, greeting.c
 *     outbound   what the peer subscribed to here: copy, feed, live        outbound.c, copy.c, feed.c,
 *                                                                          live.c, gather.c
 *     inbound    what we subscribed to there: take, store, acknowledge     inbound.c
 *     comparing  what differs from a peer that we have no position in common with: who asks      comparing.c
 *     prints     what a peer has of each range, told with its greeting                       prints.c
 *     compared   who answers, and sends                                    compared.c, sending.c
 *     index      prints and items of our nodes                             own_index.c
 *     refused    what of it was not taken, and may be later                refused.c
 *     pull       reads of what is not replicated here, and peers' of ours  pull.c, answer.c
 *     awaited    writes that wait for peers                                awaited.c
 *     log        which nodes changed: storage's, or one in memory          log.c, memory_log.c
 *     known      how far we came with each peer, and who we are            known.c
 *     status     how it stands with each, in words and as data             status.c */
#ifndef MTI_SYNC_H
#define MTI_SYNC_H

#include "db/copy.h"
#include "db/db.h"
#include "store/index.h"
#include "sync/answerer.h"
#include "sync/asker.h"
#include "sync/memory_log.h"
#include "sync/message.h"

#include <mytosis/binary.h>

typedef struct mti_sync mti_sync;
typedef struct mti_session mti_session;

/* What one side wants of the other, and gives it. */
typedef struct mti_wish {
    mti_range range;
    bool pull, push, once;
    bool told;      /* of a peer's: what it has of it ... */
    uint64_t print; /* ... when it greeted */
} mti_wish;

typedef struct mti_wishes {
    mti_wish *at;
    size_t count;
} mti_wishes;

/* ---- The log ---- */

typedef struct mti_sync_log {
    bool of_storage; /* it keeps one; else that in memory is used */
    mti_memory_log memory;
} mti_sync_log;

/* ---- The index ---- */

/* In memory, where the storage keeps none. */
typedef struct mti_own_index {
    enum { INDEX_NONE, INDEX_MAKING, INDEX_MADE } stage;
    mti_index index;
    mti_changes read;  /* by the stream that it is made from */
    mti_changes noted; /* commits since it began */
    uint64_t stream;   /* 0: none is under way */
    uint64_t nodes, forgotten;
    mt_error why;      /* it could not be made the last time ... */
    uint64_t again_ms; /* ... and is not tried again before */
    bool any;          /* rows of `uid` were read */
    uint8_t uid_len, uid[MT_UID_LEN_MAX];
    mti_print print;
    mt_status failed;
} mti_own_index;

/* ---- What a peer subscribed to ---- */

/* Rows that are made into messages: gather.c. */
typedef struct mti_gather {
    const mt_compressor *compressor; /* NULL: they are plain */
    mt_buf bytes;                    /* of all messages that have not gone */
    struct mti_gathered *messages;
    size_t first, count, cap;
    mt_binary_writer *writer;     /* of the one that is being filled; NULL: none is */
    size_t nodes, len;            /* in it: nodes that end in it, about how many bytes */
    bool within;                  /* its last node goes on */
    uint8_t last[MT_UID_LEN_MAX]; /* that node */
    size_t last_len;
} mti_gather;

/* How much of a subscription may be on its way at once. */
#define MTI_IN_FLIGHT_MAX ((size_t)1024 * 1024)

typedef enum mti_outbound_mode {
    OUT_CHECK,   /* the peer's print is compared with ours */
    OUT_ASKED,   /* the peer asks what differs, and is sent it */
    OUT_COMPARE, /* we ask, by our own subscription, and send what it lacks */
    OUT_COPY,    /* the range goes over, node by node */
    OUT_FEED,    /* what the log has goes over */
    OUT_LIVE     /* it has everything, and gets commits as they come */
} mti_outbound_mode;

/* Nodes on their way, that a comparison found. What was sent once in it is not sent again: of each node
 * these are the states above one and up to another. */
typedef struct mti_sending {
    const mti_sends *sends; /* BORROWED; NULL: none */
    size_t at;
    uint64_t number; /* of these: counted up */
    uint64_t nodes;  /* that had anything to send */
    void (*sent)(void *ctx, uint64_t nodes);
    void *ctx;
    mti_key_map above, up_to; /* by sums of uids */
} mti_sending;

typedef struct mti_compared mti_compared;

typedef struct mti_outbound {
    struct mti_outbound *next;
    mti_session *session; /* NULL: it is gone, and goes once nothing is under way for it */
    mti_sync *sync;
    uint64_t id;
    mti_range range;
    bool once, ended, dry;
    mti_outbound_mode mode;
    mt_cursor position; /* it was sent all before this; while copying: where the feed begins */
    bool skipped; /* while live: a commit after `position` was not sent, as its writer wished */
    bool position_owed; /* the peer does not know `position` yet */
    size_t in_flight;   /* bytes not acknowledged */
    uint64_t nodes, bytes, since_ms;
    /* what is under way: one request of the database at a time */
    bool busy, again; /* asked to step meanwhile */
    uint64_t stream;  /* the call that copies; 0: none */
    bool paused, last_read;
    uint8_t after[MT_UID_LEN_MAX]; /* copied up to here */
    size_t after_len;
    mti_gather rows;         /* on their way */
    mt_cursor next_position; /* of what is being read */
    bool sends;              /* rows up to there wait for room */
    mti_sending sending;
    mti_compared *compared; /* the peer's questions; NULL: none were asked */
    mti_block wants;
    size_t want_count;
} mti_outbound;

/* ---- What we subscribed to ---- */

typedef struct mti_comparing mti_comparing;

typedef struct mti_inbound {
    struct mti_inbound *next;
    uint64_t id;
    mti_range range;
    bool once, ended;
    unsigned grant;        /* how often the peer has said where it begins */
    bool all;              /* we had everything that there was */
    bool overflowed;       /* more was refused than can be noted: it begins anew the next time */
    mti_standing standing; /* what is stored here, or was refused */
    uint8_t after[MT_UID_LEN_MAX];
    uint64_t nodes, bytes, since_ms;
    uint64_t nodes_there;     /* as it was compared */
    mti_asker_result differ;  /* of a dry run */
    mt_error error;           /* the peer refused it */
    mti_comparing *comparing; /* NULL: nothing is compared */
    uint64_t rounds;          /* of all comparisons before */
    uint8_t key[8];           /* of the range, for the record */
    size_t known_at;          /* where that was among those that are known */
} mti_inbound;

/* A message of data that is being stored. */
typedef struct mti_arrival {
    struct mti_arrival *next;
    mti_session *session; /* NULL: it is gone */
    mti_sync *sync;
    uint64_t subscription;
    unsigned grant; /* what the subscription's was when it came */
    unsigned flags;
    mt_cursor position;
    uint8_t last[MT_UID_LEN_MAX]; /* the last node that is whole */
    size_t last_len;
    unsigned waits; /* writes that are not answered */
    bool refused;   /* its rows are tried one by one, or are noted */
    bool
        uncounted; /* a position that came with an ACK, or `message`: it is not acknowledged itself */
    unsigned message; /* no data: a message of this type, whose body waits for the data before it */
    mt_buf bytes;     /* rows, to try again */
    size_t len;       /* of the message */
} mti_arrival;

/* ---- A session ---- */

typedef enum mti_stage_of_session {
    SESSION_OFFLINE,
    SESSION_GREETING, /* HELLO was sent */
    SESSION_ACTIVE,
    SESSION_STANDBY,
    SESSION_ENDED /* by a BYE, ours or theirs */
} mti_session_stage;

/* A message of data that was sent. */
typedef struct mti_sent {
    uint64_t subscription;
    uint32_t size;
    bool live;
} mti_sent;

struct mti_session {
    mti_session *next;
    mti_sync *sync;
    mt_connection *connection; /* held */
    mt_subscription *events;
    mti_session_stage stage;
    uint8_t boot[16]; /* as the peer says it */
    uint8_t peer[16],
        origin[16]; /* its store and its boot, as they are known here: see greeting.c */
    bool greeted;   /* `peer` is known */
    bool sure;      /* the peer has heard our HELLO */
    bool deaf; /* it has not, and until a HELLO of its answers ours, it speaks of what was before */
    bool durable;
    bool compresses;             /* both have a compressor */
    bool compares, codes;        /* it does; both read coded tables */
    bool empty;                  /* it had nothing when it greeted */
    uint64_t nonce, their_nonce; /* of the session, never 0; theirs 0: not known */
    size_t window;               /* of theirs */
    mti_wishes theirs;
    mti_wishes own, writes; /* rights.c: of our ranges what it has a right to; what it may write */
    mti_outbound *outbound;
    mti_inbound *inbound;
    uint64_t last_subscription;
    /* data that was sent and not acknowledged, in order: a ring */
    mti_sent *sent;
    size_t sent_cap, sent_first, sent_count;
    uint64_t sent_number, acked_number;
    size_t live_in_flight;
    /* data that came, in order */
    mti_arrival *arrivals, **arrivals_end;
    size_t arriving;     /* bytes of data that is not handled */
    size_t positions_in; /* positions behind it */
    uint64_t handled, handled_told;
    size_t unacknowledged; /* bytes of data that was handled since then */
    bool prompt;           /* somebody waits for the next ACK */
    /* messages that found the connection full */
    mt_buf queue;
    mt_buf early; /* messages that came before we knew who we are */
    size_t queue_at;
    bool full;
    bool looked; /* it had no room when it was looked at last */
    mt_timer flush;
    mt_timer later;          /* the same */
    mt_timer delayed;        /* the next ACK */
    bool delays;             /* it is set */
    mt_timer positions;      /* tells those that are owed */
    bool owes;               /* it is set */
    mt_timer again;          /* greets once more after an error of ours */
    struct mti_asked *asked; /* reads of the peer, answered one after the other */
    size_t asked_len;        /* bytes of their keys */
    unsigned holds;          /* callers further up the stack */
    bool greets;             /* it is to begin anew: our wishes are others */
    bool gone;               /* it is freed when there are none */
    mt_status lost;          /* a message could not be sent: it ends with this */
    /* status */
    mt_error error;
    uint64_t greeted_at, since_ms, round_trip_ms;
    int64_t clock_ahead_ms; /* of the peer */
    unsigned lacks;         /* it does: MT_SYNC_LACKS_... */
    uint64_t round_trips;
    bool asks;            /* for what it subscribed to, and was not answered */
    uint64_t stalls_till; /* a subscription is full: till so much is acknowledged; 0: none is */
    uint64_t nodes_in, nodes_out, bytes_in, bytes_out;
    size_t noted; /* nodes that were refused, of this peer */
    mt_sync_state shown;
};

/* ---- The router ---- */

/* Where we stand with a peer. */
typedef struct mti_known {
    uint8_t peer[16];
    uint8_t key[8]; /* of the range */
    mt_cursor at;
    bool copying;
    bool unstored; /* the record is older */
    uint8_t after_len;
    uint8_t after[MT_UID_LEN_MAX];
} mti_known;

#define MTI_REFUSED_SUMS 256

typedef struct mti_refused mti_refused;
typedef struct mti_pulling mti_pulling;
typedef struct mti_awaited mti_awaited;

struct mti_sync {
    const mt_env *env;
    const mt_mem *mem;
    mt_db *db;
    mt_group *group;
    mti_wishes wishes;
    mt_timer greet_anew; /* they are others now */
    mt_status (*rights)(void *ctx, mt_connection *connection, mt_sync_rights *rights,
                        mt_error *why);
    void *rights_ctx;
    size_t window;
    const mt_compressor *compressor; /* NULL: none */
    uint64_t pull_ms;
    bool dry;
    uint8_t self[16], boot[16];
    bool identified; /* `self` and `known` were read */
    bool closing;
    mti_session *sessions;
    mt_timer missed; /* looks for connections that there was no memory for */
    mti_sync_log log;
    mti_own_index index;
    mti_known *known;
    size_t known_count, known_cap;
    size_t known_writes;  /* of standings alone, under way */
    mt_timer read_known;  /* reads them again */
    mt_timer store_known; /* writes those that are not stored */
    bool notes_unstored;  /* some of what was refused are not either */
    bool self_found;
    mti_refused *refused;
    mti_refused *refused_by[MTI_REFUSED_SUMS]; /* the same, by the sums of their uids */
    uint64_t refused_due_ms;                   /* when the soonest of them is due; 0: none is */
    mt_timer refused_due;                      /* asks for what may be taken now */
    mti_pulling *pulls;
    mti_awaited *awaited;
    bool prompt;    /* the commit at hand is waited for */
    mt_buf message; /* the one that is being written */
    mt_binary_reader *reader;
    /* the rows of the commit at hand, for several sessions */
    mt_buf commit;
    const mti_range *commit_range; /* NULL: nothing is in it */
    size_t commit_nodes;
    uint64_t commit_said; /* the subscription whose message is in `message`; 0: none */
    void (*changed)(void *ctx, mt_db *db);
    void *changed_ctx;
    mt_timer tell_changed;
};

/* router.c */
mt_status mti_wishes_new(const mt_mem *mem, size_t count, mti_wishes *out); /* all zero */
void mti_wishes_free(const mt_mem *mem, mti_wishes *wishes);
extern const mt_router_ops mti_sync_ops;

/* rights.c: asks what a peer may, and forgets it; the ranges of a session; and whether a peer may write a
 * node, and read a range. */
mt_status mti_rights_ask(mti_session *session, mt_error *err);
void mti_rights_forget(mti_session *session);
static inline const mti_wishes *mti_session_wishes(const mti_session *session)
{
    return session->sync->rights ? &session->own : &session->sync->wishes;
}
bool mti_rights_write(const mti_session *session, mt_bytes uid);
bool mti_rights_read(const mti_session *session, const mti_range *range); /* all of it */
bool mti_wishes_give(const mti_wishes *wishes, mt_bytes uid);

/* session.c */
mt_status mti_session_new(mti_sync *sync, mt_connection *connection);
void mti_session_free(mti_session *session);
mti_session *mti_session_of(const mti_sync *sync, const mt_connection *connection);
void mti_session_online(mti_session *session);
void mti_session_message(mti_session *session, mt_bytes bytes);
void mti_session_greet_all(mti_sync *sync);

/* Hooks that run meanwhile may take the link away: the session stays until it is released. */
void mti_session_hold(mti_session *session);
void mti_session_release(mti_session *session);

/* Whether its link is still there, and up: what was torn down may have had hooks that took it away. */
bool mti_session_is_linked(const mti_session *session);

/* Ends all that is between us but the link and reads of the peer. */
void mti_session_tear_down(mti_session *session);

/* Acknowledges all that was handled. */
void mti_session_answer(mti_session *session);

/* Sends the message that was said, in `sync->message`, or keeps it until there is room. If it cannot,
 * the session ends in the next turn, and begins anew. */
void mti_session_send(mti_session *session, const mti_say *say);

/* Sends it only if there is room. MT_AGAIN: there is none; then what waits goes on when there is. */
mt_status mti_session_send_now(mti_session *session, const mti_say *say);

/* Whether what is not live may be sent: else what waits goes on when it may. */
bool mti_session_has_room(mti_session *session);

/* Sends it as data, if there is room. MT_AGAIN: there is none. */
mt_status mti_session_send_data(mti_session *session, mti_outbound *out, bool live);

/* A live subscription has more than its peer knows: it is told after a while. */
void mti_session_owes(mti_session *session);

/* Something went wrong: tells the peer, ends what is between us, and begins anew after a while if
 * `again`. Without a text it is that of the status. */
void mti_session_fail(mti_session *session, mt_status status, const char *text, bool again);

/* Steps what may go on, and acknowledges, in the next turn. */
void mti_session_flush_soon(mti_session *session);
void mti_session_flush_later(mti_session *session); /* or after a moment */

/* Data was handled: acknowledges it, at once if there is much, or somebody waits; else after a while,
 * with what comes meanwhile. */
void mti_session_handled(mti_session *session, size_t len, bool prompt);

/* greeting.c */
void mti_greet(mti_session *session);           /* begins anew */
void mti_greeting_forget(mti_session *session); /* what the peer wishes */
void mti_greet_later(mti_session *session);
void mti_greet_again(void *arg); /* the timer's, of a session */
void mti_greeting_take(mti_session *session, mti_parse *in);
void mti_greeting_heard(mti_session *session); /* the peer has heard our HELLO */

/* status.c */
mti_sync *mti_sync_of(mt_db *db);           /* NULL: its router is another, as its error says */
void mti_status_note(mti_session *session); /* its state may be another one */

/* outbound.c */
void mti_outbound_start(mti_session *session, mti_parse *in);
void mti_outbound_stop(mti_session *session, uint64_t id);
void mti_outbound_end_all(mti_session *session);
void mti_outbound_step(mti_outbound *out);
void mti_outbound_step_all(mti_session *session);
void mti_outbound_acked(mti_session *session, uint64_t count);
void mti_outbound_release(mti_outbound *out); /* a request has answered: frees it if it is gone */
bool mti_outbound_has_room(const mti_outbound *out);

/* It has no room: if it is for what is on its way, it is noted that this has to be acknowledged first. */
void mti_outbound_stalls(const mti_outbound *out);

/* Whether it is about any of the nodes. */
bool mti_outbound_concerns(const mti_outbound *out, const mt_delta *delta);

/* Fails its session, if that is still there. */
void mti_outbound_fail(mti_outbound *out, mt_status status, const char *text);

void mti_outbound_say_subscribed(mti_outbound *out,
                                 uint64_t nodes); /* of ours, if they are compared */

/* Makes a message of data, with the position if the flags say so. */
mt_status mti_outbound_say_data(const mti_outbound *out, unsigned flags, const mt_cursor *position,
                                mt_bytes rows);

/* gather.c */
void mti_gather_init(mti_gather *rows, const mt_mem *mem);
void mti_gather_free(mti_gather *rows);

/* Adds a row to the message that is being filled, and ends that if it is long enough: within a node, as
 * one that is cut. MT_NO_MEMORY, or why it cannot be sent. */
mt_status mti_gather_add(mti_gather *rows, const mt_row *row);

/* The same with all of a node that is wanted. */
mt_status mti_gather_node(mti_gather *rows, const mt_node *node, const mt_storage_key *want);

/* The same with what of it is above a state, but for what is above a second and not above a third. `*any`:
 * there is anything. */
mt_status mti_gather_between(mti_gather *rows, const mt_node *node, uint64_t since, uint64_t above,
                             uint64_t up_to, bool *any);

/* Ends the message that is being filled, if there is anything in it. */
mt_status mti_gather_end(mti_gather *rows);

static inline bool mti_gather_waits(const mti_gather *rows)
{
    return rows->first < rows->count;
}

/* The first message that waits, BORROWED until it is taken out; false: none does. */
typedef struct mti_message {
    mt_bytes rows;
    size_t nodes;
    bool cut, last;
} mti_message;
bool mti_gather_first(const mti_gather *rows, mti_message *out);
void mti_gather_pop(mti_gather *rows);

/* Sends the messages that are ended, with `flags`, the last with `last` too. MT_AGAIN: some wait for
 * room. */
mt_status mti_gather_send(mti_outbound *out, unsigned flags, unsigned last);

/* Sends data without rows. */
mt_status mti_gather_send_none(mti_outbound *out, unsigned flags);

/* live.c: a commit for every session that has all before it. */
void mti_live_push(mti_sync *sync, const mt_push *push);

/* own_index.c */
typedef void mti_index_done(void *ctx, const mt_storage_answer *answer);
void mti_own_index_init(mti_sync *sync);
void mti_own_index_free(mti_sync *sync);
void mti_own_index_note(mti_sync *sync, const mt_push *push); /* if it is the one in memory */

/* How long until an index that is being made is asked again: it goes on meanwhile, or with that. */
#define MTI_INDEX_AGAIN_MS 1

/* Asks for the prints, or the items, of spans, BORROWED until this returns. `done` comes at once or later,
 * if this answers MT_OK, as storage answers. */
mt_status mti_own_index_ask(mti_sync *sync, bool items, const mt_storage_span *spans, size_t count,
                            mti_index_done *done, void *ctx);

bool mti_own_index_ready(const mti_sync *sync); /* asking it costs little */

/* prints.c: what is told with a greeting */
void mti_prints_tell(mti_session *session);
void mti_prints_take(mti_session *session, mti_parse *in);

/* Whether the peer told another print of just this range. */
bool mti_prints_differ(const mti_session *session, const mti_range *range, const mt_sum *living,
                       const mt_sum *deleted);

/* sending.c: nodes go over; then `sent` is called. They stay until then, or until the sending is dropped. */
void mti_sending_start(mti_outbound *out, const mti_sends *sends,
                       void (*sent)(void *ctx, uint64_t nodes), void *ctx);
void mti_sending_end(mti_outbound *out); /* with the comparison */
void mti_sending_step(mti_outbound *out);

/* compared.c: the peer's side of a comparison is heard */
void mti_compared_check(mti_outbound *out, const mti_sip128 *theirs, uint64_t nodes);
void mti_compared_take(mti_session *session, unsigned type, mti_parse *in);
void mti_compared_end(mti_outbound *out);
bool mti_compared_is_asked(
    const mti_outbound *out); /* the peer has, and has not said that it is done */

/* What is compared comes to an end: the feed goes on behind the position, or all is copied. */
void mti_outbound_feed(mti_outbound *out);
void mti_outbound_copy(mti_outbound *out);

/* comparing.c: we ask */
mt_status mti_comparing_new(mti_session *session, mti_inbound *in); /* then it subscribes */
void mti_comparing_end(mti_inbound *in);
void mti_comparing_fed(mti_inbound *in); /* what the peer asked is over: it goes on */
void mti_comparing_granted(mti_session *session, mti_inbound *in);
void mti_comparing_turn(mti_session *session); /* the next that waits for its turn asks */
void mti_comparing_refused(mti_inbound *in);
void mti_comparing_told(mti_inbound *in); /* the peer's print may be another */
void mti_comparing_take(mti_session *session, unsigned type, mti_parse *in);

/* The peer has another print of the same range, and is to be sent what it lacks. Answers whether we find
 * that out. */
bool mti_comparing_drives(mti_session *session, mti_outbound *out);

/* How far a comparison is: what is done, with how many of how many nodes that differ. */
typedef struct mti_progress {
    const char *what;
    uint64_t done, total; /* 0: not known */
    const char *making;   /* NULL; or the index is made first, so far */
} mti_progress;
mti_progress mti_comparing_progress(const mti_inbound *in);
mti_progress mti_sending_progress(const mti_outbound *out);

/* copy.c, feed.c */
void mti_copy_step(mti_outbound *out);
void mti_copy_end(mti_outbound *out);
void mti_feed_step(mti_outbound *out);

/* Whether any of the nodes holds what storage has not answered for: it may be undone here, and would
 * not come back from the peer, which had it from us. */
bool mti_feed_is_ahead(const mt_result *result);

/* inbound.c */
void mti_inbound_subscribe(mti_session *session); /* to what both wish */
void mti_inbound_granted(mti_session *session, mti_parse *in);
void mti_inbound_refused(mti_session *session, mti_parse *in);

/* That much differs: a dry run ends. */
void mti_inbound_differs(mti_inbound *in, const mt_env *env, const mti_asker_result *found);
void mti_inbound_data(mti_session *session, mti_parse *in);
void mti_inbound_say_subscribe(mti_session *session, const mti_inbound *in, const mti_sip128 *print,
                               uint64_t nodes);
void mti_inbound_message(mti_session *session, unsigned type, mti_parse *in); /* behind the data */
mti_inbound *mti_inbound_find(const mti_session *session, uint64_t id);
mti_outbound *mti_outbound_find(const mti_session *session, uint64_t id);
void mti_inbound_position(mti_session *session, uint64_t id, const mt_cursor *position);
void mti_inbound_end_all(mti_session *session);

bool mti_is_refusal(mt_status status); /* what failed did for what it is: it is passed over */
void mti_arrival_leave(mti_arrival *arrival); /* one write of it was answered */

/* refused.c */
typedef struct mti_refusals {
    size_t count, due;
    uint64_t soonest_ms; /* from now */
} mti_refusals;
mti_refusals mti_refused_of(const mti_session *session);
void mti_refused_arrival(mti_arrival *arrival, mt_status status, const char *text);
void mti_refused_note(mti_session *session, mt_bytes uid, mt_status status, const char *text,
                      uint64_t state);
bool mti_refused_found(mti_session *session, uint64_t id, const mt_row *rows, size_t count);
void mti_refused_read(mti_sync *sync, const mt_storage_record *record);
mt_status mti_refused_show(const mti_session *session,
                           mti_asker *asker); /* they are not asked for */
void mti_refused_fetch(void *arg);            /* the timer's, of the router */
void mti_refused_store(mti_sync *sync);       /* those that could not be, once more */
void mti_refused_end(mti_sync *sync);

/* pull.c */
mt_status mti_sync_pull_ask(mti_sync *sync, uint64_t id, const mt_pull *pull);
void mti_sync_pull_cancel(mti_sync *sync, uint64_t id);
void mti_sync_pull_found(mti_session *session, mti_parse *in);
void mti_sync_pull_asked(mti_session *session, mti_parse *in);
void mti_sync_pull_ready(mti_session *session); /* the peer has said what it gives */
void mti_answer_step(mti_session *session);     /* answer.c: goes on where there is room */
void mti_answer_end_all(mti_session *session);
void mti_sync_pull_leave(mti_session *session);   /* it will not answer */
void mti_sync_pull_put_off(mti_session *session); /* it begins anew, and is asked again then */
void mti_sync_pull_move(mti_session *from, mti_session *to); /* another link to the peer is used */
void mti_sync_pull_end_all(mti_sync *sync);

/* awaited.c */
bool mti_is_awaited(const mt_push *push); /* whether the write waits for peers */
mt_status mti_await(mti_sync *sync, uint64_t id, const mt_push *push);
void mti_awaited_check(mti_session *session); /* something was acknowledged, or sent */
void mti_awaited_leave(mti_session *session, bool gone);
void mti_awaited_end_all(mti_sync *sync);

/* log.c */
mt_status mti_log_init(mti_sync *sync, size_t max);
void mti_log_free(mti_sync *sync);
void mti_log_note(mti_sync *sync, const mt_push *push); /* if it is the one in memory */
mt_cursor mti_log_head(const mti_sync *sync);
bool mti_is_empty(const mti_sync *sync); /* nothing was ever written here */
bool mti_log_at_head(const mti_sync *sync, const mt_cursor *at);

typedef struct mti_log_answer {
    mt_status status;
    const char *text;
    const mt_storage_change *changes;
    size_t count;
    mt_cursor next;
    bool end, more;
} mti_log_answer;

/* Up to `limit` changes after a position. `done` comes at once or later, if this answers MT_OK, in
 * pieces: all but the last have `more`. */
mt_status mti_log_changes(mti_sync *sync, const mt_cursor *since, size_t limit,
                          void (*done)(void *ctx, const mti_log_answer *answer), void *ctx);

/* known.c */
void mti_known_read(mti_sync *sync); /* then sessions are greeted */
mti_known *mti_known_get(mti_sync *sync, const mti_session *session, mti_inbound *in);
mti_standing mti_known_standing(const mti_known *known); /* BORROWED */
mt_status mti_known_set(mti_sync *sync, const mti_session *session, mti_inbound *in);

/* Whether all standings with a peer are in the store. */
bool mti_known_is_stored(const mti_session *session);

/* Stores at once what is not stored of all standings; else it is after a while. */
void mti_known_store(void *arg);

/* The record of where we stand, in `buf`. Answers whether there is anything new to store. */
bool mti_known_record(mti_sync *sync, const mti_session *session, mti_inbound *in, mt_buf *buf,
                      mt_storage_record *out);
void mti_range_key(const mti_range *range, uint8_t key[8]);

/* Stores a record of ours, or, without a value, that there is none any more. */
mt_status mti_store_record(mti_sync *sync, const mt_storage_record *record, mt_done *done,
                           void *ctx);

#endif
