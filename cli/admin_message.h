/* admin_message.h - what a daemon and the commands say to each other.
 *
 *     command -> daemon                          daemon -> command, with the id of the request
 *     OPEN READ WRITE REMOVE LIST CHANGES        ANSWER: of the storage contract, in pieces
 *     RECORDS: requests of that contract
 *     PATCH: a write that the daemon stamps
 *     STATUS PEERS VISIT WATCH WHO DOCTOR: a form, an ask     TEXT: a status, whether more follows, and what to print
 *
 * So a command works on the store of a daemon as on one of its own: through a database whose storage is the daemon. Nodes
 * travel in the binary form, which has checksums; everything is checked when it is unpacked. */
#ifndef CLI_ADMIN_MESSAGE_H
#define CLI_ADMIN_MESSAGE_H

#include "pack.h"

#include <mytosis/plugin/storage.h>

typedef enum cli_admin_kind {
    ADMIN_OPEN = 1, /* nothing */
    ADMIN_READ,     /* keys */
    ADMIN_WRITE,    /* a write */
    ADMIN_REMOVE,   /* uids */
    ADMIN_LIST,     /* a page */
    ADMIN_CHANGES,  /* a cursor, a limit */
    ADMIN_RECORDS,  /* a page */
    ADMIN_PATCH,    /* rows without states; the answer has what changed as rows */
    ADMIN_STATUS,   /* a form */
    ADMIN_PEERS,    /* a form */
    ADMIN_VISIT,    /* a form, a URL, perhaps a --ca; all texts but the last say how far it is */
    ADMIN_WATCH,    /* a form, MT_EVENT_..., a prefix */
    ADMIN_WHO,      /* a form */
    ADMIN_SHARE,    /* an invitation */
    ADMIN_REVOKE,   /* the first digits of a device */
    ADMIN_DOCTOR,   /* a form: is_long: what was found, else what a report says of it */
    ADMIN_ANSWER = 64,
    ADMIN_TEXT = 65
} cli_admin_kind;

/* ---- Requests ---- */

void cli_admin_put_keys(cli_text *text, const mt_storage_key *keys, size_t count);
void cli_admin_put_uids(cli_text *text, const mt_bytes *uids, size_t count);
void cli_admin_put_page(cli_text *text, mt_bytes prefix, mt_bytes after, size_t limit);
void cli_admin_put_since(cli_text *text, const mt_cursor *since, size_t limit);

/* The commits, the records and the clock; who commits came from is not told. `future`: states may be far ahead. */
void cli_admin_put_write(cli_text *text, const mt_storage_write *write, bool future);

/* A write that is a graph as one commit. */
void cli_admin_put_merge(cli_text *text, const mt_graph *graph, bool future);

/* Rows as mt_write takes them: admin_patch.c. */
void cli_admin_put_patch(cli_text *text, const mt_row *rows, size_t count);

/* Keys and what belongs to them, in uid order and each once. OWNED: free `keys`, then `names`. All uids and names have been
 * checked, and are BORROWED from the message. */
typedef struct cli_admin_keys {
    mt_storage_key *keys;
    mt_bytes *names;
    size_t count;
} cli_admin_keys;

/* MT_MALFORMED; MT_NO_MEMORY. */
mt_status cli_admin_take_keys(cli_unpacking *from, cli_admin_keys *out);
mt_status cli_admin_take_uids(cli_unpacking *from, mt_bytes **out, size_t *count);

typedef struct cli_admin_page {
    mt_bytes prefix, after;
    size_t limit;
} cli_admin_page;

mt_status cli_admin_take_page(cli_unpacking *from, cli_admin_page *out);
mt_status cli_admin_take_since(cli_unpacking *from, mt_cursor *since, size_t *limit);

/* A write, unpacked but for its commits: each is a run of bytes that follows, rows in the binary form, or none. OWNED: free
 * `records`. */
typedef struct cli_admin_write {
    bool future;
    uint64_t clock;
    uint8_t clock_mode;
    mt_storage_record *records;
    size_t record_count;
    size_t commit_count;
} cli_admin_write;

mt_status cli_admin_take_write(cli_unpacking *from, cli_admin_write *out);

/* A patch, which nobody has checked. OWNED: free `rows`, then `fields`. */
typedef struct cli_admin_patch {
    mt_row *rows;
    mt_field *fields;
    size_t count;
} cli_admin_patch;

mt_status cli_admin_take_patch(cli_unpacking *from, cli_admin_patch *out);

/* ---- Answers ---- */

/* Sends one message of an answer. Anything but MT_OK ends it. */
typedef mt_status cli_admin_send(void *ctx, mt_bytes body);

/* Sends a piece of an answer as one message or more, of which only the last is the last if the piece is. `bytes`: how many the
 * storage takes, if it says what was opened. MT_NO_MEMORY, MT_MALFORMED: rows that cannot be sent; or what `send` answers. */
mt_status cli_admin_send_answer(const mt_storage_answer *answer, uint64_t bytes,
                                cli_admin_send *send, void *ctx);

/* Gives the answer in a message to a host, in pieces that are all marked `more` but for the last of the last message.
 * `*more`: others follow. `*bytes` is set if it says what was opened. MT_MALFORMED, MT_NO_MEMORY: what was given by then was
 * marked `more`, and the host waits for the end. */
mt_status cli_admin_give_answer(mt_bytes body, const mt_storage_host *host, uint64_t id, bool *more,
                                uint64_t *bytes);

/* ---- What is printed ---- */

typedef struct cli_admin_form {
    bool json, color, all, is_long; /* as --json, --color, --all and --long say */
} cli_admin_form;

void cli_admin_put_form(cli_text *text, const cli_admin_form *form);
void cli_admin_take_form(cli_unpacking *from, cli_admin_form *out);

#endif
