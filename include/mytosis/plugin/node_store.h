/* mytosis/plugin/node_store.h - nodes over an ordered key-value engine: a storage made of a kv.
 *
 * Small nodes are one record, large ones a record per field. Beside them lie the sequence log of
 * what changed, the boots (openings) of the store, a fingerprint index, and records of the database's
 * own; all of it carries checksums. docs/store.md specifies it to the byte. */
#ifndef MYTOSIS_PLUGIN_NODE_STORE_H
#define MYTOSIS_PLUGIN_NODE_STORE_H

#include <mytosis/limits.h>
#include <mytosis/plugin/kv.h>
#include <mytosis/plugin/storage.h>

MT_BEGIN_DECLS

/* All zero gives the defaults. */
typedef struct mt_node_store_options {
    size_t size; /* sizeof(mt_node_store_options) as compiled */
    mt_limits limits;
    uint64_t log_max;     /* how many changes the log keeps: 1,000,000 */
    size_t small_len_max; /* a node whose record is larger has a record per field: 4,096 bytes */
    uint64_t
        index_lag; /* how many changes the stored fingerprint index may lack: 16,384, and more where
                           * it is large. After so many, a write stores what they changed of it */
    size_t index_bytes;   /* how much of it stays in memory beside the sums of its leaves: 16 MiB */
    bool no_fingerprints; /* there is none: no `fingerprint` and no `items`, and writes cost less */
    bool check; /* every key is looked at before the store opens: with one under which nobody
                           * would look, it does not open (MT_MALFORMED) */
} mt_node_store_options;

/* Makes a storage of an engine, which is MOVED if this succeeds. `env` is BORROWED for the
 * storage's life, `options` COPIED (NULL: defaults). MT_UNSUPPORTED: the engine's keys are too
 * short, or its table is of an abi that is not known. MT_NO_MEMORY. `err` may be NULL. */
MT_API MT_MUST_USE mt_status mt_node_store_new(const mt_env *env, mt_kv kv,
                                               const mt_node_store_options *options,
                                               mt_storage *out, mt_error *err);

MT_END_DECLS
#endif
