/* conformance/router_bed.h - what routers are tried in: up to three databases with one each, links
 * between them, and peers that are no databases and say only what a check has them say. */
#ifndef MTI_ROUTER_BED_H
#define MTI_ROUTER_BED_H

#include "conformance/trial.h"

#include <mytosis/db.h>

#define MTI_BED_DBS 3
#define MTI_BED_LINKS 3
#define MTI_BED_STUBS 4
#define MTI_BED_CALLS 512
#define MTI_STUB_KEPT 32

typedef struct mti_bed mti_bed;

/* A peer that is no database: whatever it is sent it keeps, and counts. */
typedef struct mti_stub {
    mti_bed *bed;
    mt_connection *connection; /* held; NULL: there is none */
    mt_db *member_of;          /* NULL: of nobody's group */
    mt_status answer;          /* to what is sent to it */
    size_t sent;               /* messages so far */
    mt_buf kept[MTI_STUB_KEPT];
    mt_timer closing;
    bool gone; /* it is sent something although it has left: told once */
} mti_stub;

/* A link between two databases. */
typedef struct mti_bed_link {
    mt_connection *a, *b; /* held; NULL: there is none */
    mt_subscription *spies[2];
} mti_bed_link;

/* A call of a database, and what became of it. */
typedef struct mti_bed_call {
    mti_bed *bed;
    uint64_t id;
    bool answered;
    mt_status status;
    bool found; /* a read: there is such a node */
} mti_bed_call;

struct mti_bed {
    mti_trial *trial;
    const mt_conformance_router *subject;
    mt_db *dbs[MTI_BED_DBS];
    size_t db_count;
    bool to_nobody; /* a hook has writes told to nobody */
    mti_bed_link links[MTI_BED_LINKS];
    size_t link_count;
    mti_stub stubs[MTI_BED_STUBS];
    mti_bed_call calls[MTI_BED_CALLS];
    size_t call_count, answered;
    size_t traffic; /* messages that arrived over links */
    mt_timer timer;
    bool rang;
    bool ending; /* go on although the check is broken */
    uint64_t draw;
};

void mti_bed_begin(mti_bed *bed);

/* Closes all that is open, and sees that it closes. */
void mti_bed_end(mti_bed *bed);

/* Opens a database with a router of the subject. NULL: the check is broken. */
mt_db *mti_bed_open(mti_bed *bed);

/* Closes one before the end. */
void mti_bed_close(mti_bed *bed, size_t i);

/* Joins two databases by a link. */
void mti_bed_join(mti_bed *bed, size_t i, size_t j);

/* Cuts the link made first, or mends it. */
void mti_bed_cut(mti_bed *bed);
void mti_bed_mend(mti_bed *bed);

/* ---- Stubs ---- */

/* Makes a stub a member of a database's group, with a connection if it has none; one that is being
 * closed stays as it is. */
void mti_stub_join(mti_stub *stub, mt_db *db);

/* Takes it out of the group; its connection stays. */
void mti_stub_leave(mti_stub *stub);

/* Closes its connection, and lets go of it. */
void mti_stub_close(mti_stub *stub);

/* Has it say something. */
void mti_stub_say(mti_stub *stub, mt_bytes message);

/* ---- Calls ---- */

/* Writes a text to field "text" of a node; `options` may be NULL. */
mti_bed_call *mti_bed_write(mti_bed *bed, size_t i, const char *uid, const char *text,
                            const mt_options *options);
mti_bed_call *mti_bed_read(mti_bed *bed, size_t i, const char *uid);

/* Turns until every call has answered; that one does not is a violation that says `what`. */
void mti_bed_await_calls(mti_bed *bed, const char *what);

/* Turns until `done`, whose absence is a violation that says `what`. */
void mti_bed_await(mti_bed *bed, bool (*done)(const mti_bed *bed), const char *what);

/* Turns for the quiet time of the subject. */
void mti_bed_settle(mti_bed *bed);

/* Turns until no message has arrived for the quiet time. */
void mti_bed_rest(mti_bed *bed);

/* Whether a database has that text there. */
bool mti_bed_has(const mti_bed *bed, size_t i, const char *uid, const char *text);

/* A number below `bound`. */
size_t mti_bed_below(mti_bed *bed, size_t bound);

#endif
