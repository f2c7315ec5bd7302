/* sync/memory_log.h - which nodes changed last, where no storage keeps a log.
 *
 * Each field of a node is named in one entry, that of its last change; beside these there is one for what
 * may all have changed, since a peer that has the node is not to get all of it again for a field, for
 * each peer that this came from. So what is remembered does not grow with how often something changes.
 * As in the log of a storage (docs/store.md), whoever follows by number has seen each change or finds it
 * further on. */
#ifndef MTI_MEMORY_LOG_H
#define MTI_MEMORY_LOG_H

#include "store/log_entry.h"

#include <mytosis/plugin/storage.h>

typedef struct mti_noted mti_noted;

/* By its number. */
typedef struct mti_noted_at {
    uint64_t number;
    mti_noted *noted; /* NULL: a newer entry says what this one did */
} mti_noted_at;

typedef struct mti_memory_log {
    const mt_mem *mem;
    uint64_t seed; /* of the hash: what peers cannot know */
    mt_cursor head;
    uint64_t forgotten; /* all up to this one are */
    size_t max, count;
    mti_noted_at *at; /* in order of their numbers: `at_count` from `at_first` on */
    size_t at_first, at_count, at_cap;
    mti_noted **slots; /* by uid */
    size_t slot_cap;   /* a power of two, or 0 */
} mti_memory_log;

/* A log that remembers `max` entries, of the opening that is called `boot`. */
void mti_memory_log_init(mti_memory_log *log, const mt_mem *mem, size_t max, const uint8_t boot[16],
                         uint64_t seed);
void mti_memory_log_free(mti_memory_log *log);

/* Notes a change, which gets the next number. `names` are as in mti_log_entry, in order; none: all may
 * have changed. Without memory everything is forgotten, this change too. */
void mti_memory_log_note(mti_memory_log *log, mt_bytes uid, mt_bytes names, size_t name_count,
                         mt_bytes origin);

/* Shows up to `limit` changes after a position, in pieces, each BORROWED until `show` returns. `*next`:
 * where to go on. MT_STALE: the log does not reach back to it. */
mt_status mti_memory_log_changes(const mti_memory_log *log, const mt_cursor *since, size_t limit,
                                 void (*show)(void *ctx, const mt_storage_change *changes,
                                              size_t count),
                                 void *ctx, mt_cursor *next);

#endif
