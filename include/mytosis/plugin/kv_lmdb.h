/* mytosis/plugin/kv_lmdb.h - an ordered key-value engine on disk: LMDB, the embedded default.
 *
 * A store is one file, such as notes.mdb. Beside it lie notes.mdb-lock, which is LMDB's own, and,
 * while the store is held, notes.mdb-owner, which tells who holds it. Builds without LMDB
 * (MYTOSIS_WITH_LMDB=OFF) lack this engine.
 *
 * Reads answer at once and copy nothing. Commits answer at once, unless the environment has a
 * `work`: then each is made whole on another thread, and until it is answered reads find the state
 * before it. A commit made inside an answer waits until that answer was read.
 *
 * What has been answered with MT_OK survives a crash of the program and of the machine. A commit
 * that comes to MT_FULL (the disk, a quota, the address space) did nothing, and later ones may
 * succeed. After one that comes to MT_IO (writing or flushing failed) all later ones do, too: open
 * the store again, and trust what is there then. LMDB takes memory of its own from the C library,
 * and trusts its file: where its structure is broken, damage may hide what is there or end the
 * program. `check` finds that before. */
#ifndef MYTOSIS_PLUGIN_KV_LMDB_H
#define MYTOSIS_PLUGIN_KV_LMDB_H

#include <mytosis/plugin/kv.h>

MT_BEGIN_DECLS

/* All zero gives the defaults. */
typedef struct mt_kv_lmdb_options {
    size_t size;      /* sizeof(mt_kv_lmdb_options) as compiled */
    bool read_only;   /* nothing is written, no lock file either; commits come to MT_IO */
    bool must_exist;  /* a store that is not there is not made */
    bool no_sync;     /* commits are not flushed: after a crash of the machine the store may be
                       * damaged. For tests, and for what can be made again */
    uint32_t mode;    /* permissions of the files made; 0: 0600 */
    uint64_t map_len; /* of the first map, in bytes; it grows by itself. 0: 1 GiB, where pointers
                       * have 32 bits 64 MiB. It takes address space, not memory or disk */
    bool check;       /* every page in use is looked at before the store opens, which takes as long
                       * as reading all of it; where its structure is broken: MT_MALFORMED */
} mt_kv_lmdb_options;

/* Opens the store at `path`, or makes it; the engine is OWNED by the caller. `env` is BORROWED for
 * the engine's life, `path` and `options` (NULL: defaults) COPIED. MT_BUSY: the store is held, by
 * whom `err` says; it may be read by several, but written by one alone. MT_NOT_FOUND: there is
 * none, and none is to be made. MT_MALFORMED: the file is no store, or damaged. MT_INVALID: it is
 * no file. MT_FULL, MT_IO, MT_NO_MEMORY. A failure leaves no files behind. `err` may be NULL. */
MT_API MT_MUST_USE mt_status mt_kv_lmdb(const mt_env *env, const char *path,
                                        const mt_kv_lmdb_options *options, mt_kv *out,
                                        mt_error *err);

/* All zero gives the defaults. */
typedef struct mt_kv_lmdb_copy_options {
    size_t size; /* sizeof(mt_kv_lmdb_copy_options) as compiled */
    bool held;   /* whoever calls has locked the file, with flock: nobody writes, and no lock is
                  * taken */
} mt_kv_lmdb_copy_options;

/* Copies the store at `path` as it is at one moment, between two commits, to the file `to`, which is
 * made with mode 0600 or written over, and flushed; free pages are left out. Another process may hold
 * the store and go on writing; while none does, writers are kept out until this returns. Blocks, and
 * takes about as long as reading and writing all of it. For another process than the one that has the
 * store open: in that one it comes to MT_BUSY, as where the holder opened the store by another name.
 * MT_NOT_FOUND: there is no store. MT_MALFORMED: it is none, or damaged. MT_INVALID: it is no file.
 * MT_FULL, MT_IO, MT_NO_MEMORY. `options` and `err` may be NULL. What a copy that failed has left of
 * `to` is of no use. */
MT_API MT_MUST_USE mt_status mt_kv_lmdb_copy(const char *path, const char *to,
                                             const mt_kv_lmdb_copy_options *options, mt_error *err);

MT_END_DECLS
#endif
