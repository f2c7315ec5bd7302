/* plugins/kv_lmdb_file.h - the file of an LMDB store: who holds it, and what is wrong with it.
 *
 * LMDB lets many processes open a store, but the engine wants it alone. So the file itself is
 * locked, with flock: a lock that is the file's whatever name leads to it, that also keeps a second
 * opening in the same process out, and that ends with its process however that ends. Readers share
 * it. The name of the holder is no part of the lock; it lies in PATH-owner, for the message. */
#ifndef MTI_KV_LMDB_FILE_H
#define MTI_KV_LMDB_FILE_H

#include <mytosis/plugin/kv_lmdb.h>

typedef struct mti_lmdb_file {
    const mt_mem *mem;
    char *path;       /* a copy, and behind it room for that of a file beside it */
    size_t path_size; /* with its zero */
    int fd;           /* locked; -1: not open */
    bool read_only;
    bool made;     /* by us, now */
    bool had_lock; /* LMDB's lock file was there before */
    uint64_t len;  /* when it was opened */
} mti_lmdb_file;

/* Sets `*err`, if it is not NULL, and answers `status`. Knows what printf knows. */
mt_status mti_lmdb_fail(mt_error *err, mt_status status, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* What a message calls the store: its path, of a long one the end. */
const char *mti_lmdb_file_name(const mti_lmdb_file *file);

/* Opens or makes the file and locks it. The options have no zeros that stand for defaults. Is closed
 * even if this fails. */
mt_status mti_lmdb_file_open(mti_lmdb_file *file, const mt_mem *mem, const char *path,
                             const mt_kv_lmdb_options *options, mt_error *err);

/* Who holds a store, as its own note says: 0, or a note of one that is gone: not known. */
long mti_lmdb_file_owner(const char *owner_path, char *name, size_t cap);

/* What a code of LMDB or of the system comes to: kv_lmdb.c. */
mt_status mti_lmdb_status(int rc);

/* Unlocks it. One that is not open is accepted. `undo`: the store did not open, so nothing that
 * was made is left. */
void mti_lmdb_file_close(mti_lmdb_file *file, bool undo);

/* The names of files that were made reach the disk, too. False: errno says why not. */
bool mti_lmdb_file_sync_folder(const mti_lmdb_file *file);

/* Whether nothing can be written to the end of the file for want of room. */
bool mti_lmdb_file_full(const mti_lmdb_file *file);

/* Has the file be `len` bytes. False: errno says why not. */
bool mti_lmdb_file_resize(const mti_lmdb_file *file, uint64_t len);

/* How long it is now, 0 if that is not known. */
uint64_t mti_lmdb_file_len(const mti_lmdb_file *file);

#endif
