/* store.h - the store that a command works on, named by --store or by MYTOSIS_STORE.
 *
 * Whatever reads and writes nodes does it through a database, and waits for each call, turning the store's own loop. */
#ifndef CLI_STORE_H
#define CLI_STORE_H

#include "member.h"
#include "options.h"
#include "remote_storage.h"
#include "storage.h"
#include "visit.h"

typedef struct cli_store {
    const char *path; /* as the user wrote it */
    mt_loop *loop;
    mt_db *db;
    cli_remote *remote; /* NULL: it is not held by a daemon */
    bool wants_peers;   /* a database of our own gets a router, for `peers` */
    bool dry_run;       /* that of a daemon, too, and it only finds out what differs */
    mt_group *peers;    /* OWNED; NULL: none */
    cli_space_file space_file;
    cli_member *
        member; /* OWNED; NULL: it is in no space, or held by a daemon. It has links if `wants_peers` */
    const mt_query_engine *engines; /* BORROWED */
    size_t engine_count;
    bool told;        /* what went wrong has been reported */
    size_t cache_len; /* how much memory nodes may take; 0: what is usual */
} cli_store;

/* Makes an empty store where there is none: store_init.c. EXIT_INPUT: there is something. Anything but EXIT_DONE has been
 * reported. */
cli_exit_code cli_store_make(const char *path, mt_clock clock);

/* The path, as the options or the environment have it. EXIT_USAGE, which has been reported: neither does. */
cli_exit_code cli_store_path(const cli_options *options, const char **out);

/* The storage at that path, as cli_storage_open. */
cli_exit_code cli_store_storage(const cli_options *options, cli_access access, cli_storage *out);

/* Opens the store that is there, OWNED: cli_store_close; `out` is all zero but for `cache_len`, `wants_peers`, `dry_run`, `engines`, and
 * a `loop`, which is MOVED; without one it makes its own. Anything but EXIT_DONE has been reported. */
cli_exit_code cli_store_open(const cli_options *options, cli_access access, cli_store *out);

/* Opens a database and waits until it is ready. Its storage and its router are MOVED, in any case, and its name is the path, which
 * is put before what fails. `*out` may have to be closed even so. */
mt_status cli_store_open_db(const mt_config *config, mt_db **out, mt_error *err);

/* Closes what was opened; one that was not is accepted. */
void cli_store_close(cli_store *store);

/* Says what a call came to that answered `status`, with the database's own words: "cannot write to notes.mdb: ...". */
cli_exit_code cli_store_complain(const cli_store *store, mt_status status, const char *action);

/* Turns the loop once; false: nothing will ever happen any more. */
bool cli_store_turn(const cli_store *store);

/* What a write came to, of which nothing is borrowed. */
typedef void cli_store_seen(void *ctx, const mt_delta *delta);

/* Writes rows as one commit and waits. `seen` (may be NULL) is shown what changed, if something did. Anything but EXIT_DONE
 * has been reported. */
cli_exit_code cli_store_write(const cli_store *store, const mt_row *rows, size_t count,
                              cli_store_seen *seen, void *ctx);

/* The same, and reports nothing. */
mt_status cli_store_patch(const cli_store *store, const mt_row *rows, size_t count,
                          cli_store_seen *seen, void *ctx, mt_error *err);

/* Merges a graph as one commit and waits. `future`: its states may be further ahead than ten minutes. */
mt_status cli_store_merge(const cli_store *store, const mt_graph *graph, bool future,
                          mt_error *err);

/* Both, of a store that a daemon holds: store_remote.c. What is written is stamped and merged there, beside the writes of
 * others. */
mt_status cli_store_remote_patch(const cli_store *store, const mt_row *rows, size_t count,
                                 cli_store_seen *seen, void *ctx, mt_error *err);
mt_status cli_store_remote_merge(const cli_store *store, const mt_graph *graph, bool future,
                                 mt_error *err);

/* The handle of a node, SHARED. EXIT_DIFFERENT: there is none. Anything but EXIT_DONE has been reported. */
cli_exit_code cli_store_node(const cli_store *store, mt_bytes uid, mt_handle **out);

/* Meets a peer once, by a router of our own, and waits: a database that was opened with `wants_peers`. On a terminal it is said
 * how far that is. `err` has a text if it is not MT_OK. Else as cli_visit_new: store_sync.c. */
mt_status cli_store_visit(const cli_store *store, const cli_peer_name *name, const char *ca,
                          cli_visit_facts *facts, mt_error *err);

/* Whether a node is what a space says of itself, which a list of `prefix` leaves out unless that asks for it. */
bool cli_store_left_out(mt_bytes prefix, mt_bytes uid);

/* Whether a word is a uid; EXIT_USAGE, which has been reported: it is none. */
cli_exit_code cli_store_check_uid(const char *word);

/* The prefix that a verb may be given as its one operand; without it, it is empty. EXIT_USAGE, which has been reported: no uid is
 * so long. */
cli_exit_code cli_store_prefix(const cli_options *options, mt_bytes *out);

/* The verbs. */
extern const cli_command cli_verb_init, cli_verb_status; /* store_init.c */
extern const cli_command cli_verb_write, cli_verb_link, cli_verb_rm,
    cli_verb_forget;                                        /* store_write.c */
extern const cli_command cli_verb_read;                     /* store_read.c */
extern const cli_command cli_verb_ls, cli_verb_log;         /* store_list.c */
extern const cli_command cli_verb_import;                   /* store_import.c */
extern const cli_command cli_verb_export;                   /* store_export.c */
extern const cli_command cli_verb_watch;                    /* store_watch.c */
extern const cli_command cli_verb_serve;                    /* serve.c */
extern const cli_command cli_verb_peers;                    /* store_peers.c */
extern const cli_command cli_verb_sync;                     /* store_sync.c */
extern const cli_command cli_verb_share;                    /* share.c */
extern const cli_command cli_verb_join;                     /* join.c */
extern const cli_command cli_verb_who, cli_verb_revoke;     /* who.c */
extern const cli_command cli_verb_doctor;                   /* store_doctor.c */
extern const cli_command cli_verb_backup, cli_verb_compact; /* store_backup.c */
extern const cli_command cli_verb_restore;                  /* store_restore.c */
extern const cli_command cli_verb_bench;                    /* store_bench.c */

#endif
