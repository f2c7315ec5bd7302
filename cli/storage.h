/* storage.h - a store as it rests: its storage, asked without a database in between.
 *
 * For what is about the store itself: making one, its log, checking every record. A store that is only read may be open
 * in several processes. */
#ifndef CLI_STORAGE_H
#define CLI_STORAGE_H

#include "command.h"

#include <mytosis/loop.h>
#include <mytosis/mytosis.h>
#include <mytosis/plugin/storage.h>

typedef enum cli_access {
    ACCESS_READ,   /* several at a time */
    ACCESS_CHECK,  /* the same, and all of its file is looked at before */
    ACCESS_WRITE,  /* one alone */
    ACCESS_ALONE,  /* the same, and no daemon either */
    ACCESS_MAKE,   /* there is none yet, or an empty file */
    ACCESS_SCRATCH /* the same, and what is written is not flushed */
} cli_access;

/* The storage at a path, OWNED; to read or write, that of the daemon that holds it, if one does: then the loop is turned.
 * Statuses and text are those of mt_kv_lmdb. */
mt_status cli_storage_at(const mt_env *env, const char *path, cli_access access, mt_storage *out,
                         mt_error *err);

/* Says why a store cannot be opened. */
cli_exit_code cli_storage_complain(const mt_error *err);

/* Takes a piece of an answer. */
typedef void cli_storage_take(void *ctx, const mt_storage_answer *answer);

typedef struct cli_storage {
    const char *path;
    mt_loop *loop;
    mt_env
        env; /* of a store that is made: without threads, so that a daemon begins with one alone */
    mt_storage storage;
    mt_storage_info info; /* as it was opened */
    mt_error err;         /* what the last call came to */
    mt_cursor next;       /* of changes: where to go on */
    bool end;             /* of list, changes, records: nothing follows */
    bool answered;
    cli_storage_take *take;
    void *ctx;
    mt_storage_host host;
} cli_storage;

/* Opens the store at a path, OWNED: cli_storage_close. Anything but EXIT_DONE has been reported. `out` stays where it is. */
cli_exit_code cli_storage_open(cli_storage *out, const char *path, cli_access access);

/* The same, and reports nothing: `out->err` says what it came to. After MT_OK, OWNED. */
mt_status cli_storage_try(cli_storage *out, const char *path, cli_access access);

/* Closes what was opened; one that is all zero is accepted. */
void cli_storage_close(cli_storage *storage);

/* The requests of the storage contract. Each waits for the whole answer, of which `take` (may be NULL) gets every piece,
 * also those that come before a failure; `err` says what that was. */
mt_status cli_storage_list(cli_storage *storage, mt_bytes after, size_t limit,
                           cli_storage_take *take, void *ctx);
mt_status cli_storage_read(cli_storage *storage, const mt_storage_key *keys, size_t count,
                           cli_storage_take *take, void *ctx);
mt_status cli_storage_changes(cli_storage *storage, const mt_cursor *since, size_t limit,
                              cli_storage_take *take, void *ctx);
mt_status cli_storage_records(cli_storage *storage, mt_bytes after, size_t limit,
                              cli_storage_take *take, void *ctx);
mt_status cli_storage_write(cli_storage *storage, const mt_storage_write *write);

/* Turns a loop until all is gone that was on it and has been closed; and frees it then. NULL is accepted. */
void cli_storage_loop_settle(mt_loop *loop);
void cli_storage_loop_free(mt_loop *loop);

/* How many bytes it takes; 0: not known. */
uint64_t cli_storage_bytes(const cli_storage *storage);

#endif
