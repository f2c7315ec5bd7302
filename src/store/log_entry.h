/* store/log_entry.h - a record of the sequence log: of one node, what changed.
 *
 *     flags | uid | [origin] | [names] | [clock, mode, count] | [extension] | seal
 */
#ifndef MTI_LOG_ENTRY_H
#define MTI_LOG_ENTRY_H

#include "base/varint.h"
#include "store/seal.h"

#include <mytosis/delta.h>
#include <mytosis/limits.h>
#include <mytosis/status.h>

/* An entry of more names says `all` instead. */
#define MTI_LOG_NAMES_MAX 64

/* The most bytes that a list of names has. */
#define MTI_LOG_NAMES_LEN_MAX ((size_t)MTI_LOG_NAMES_MAX * (1 + MT_NAME_LEN_MAX))

#define MTI_ORIGIN_LEN_MAX 255

/* How many bytes the clock takes at most, with its mode and the count. */
#define MTI_LOG_CLOCK_BOUND (2 * MTI_VARINT_LEN_MAX + 1)

typedef struct mti_log_entry {
    mt_bytes uid;
    mt_bytes origin;   /* empty: written here */
    bool all;          /* any field may have changed, and the floor */
    mt_bytes names;    /* else these: of each its length in a byte, then the name; in order */
    size_t name_count; /* 1 to MTI_LOG_NAMES_MAX */
    bool last;         /* of what was written at once; the rest is there only then */
    uint64_t clock;
    uint8_t clock_mode;
    uint64_t count; /* entries in the log, this one included */
} mti_log_entry;

/* How much room an entry takes at most, with its clock and seal. */
size_t mti_log_entry_bound(const mti_log_entry *entry);

/* Writes an entry without clock and seal; answers where it ends. */
uint8_t *mti_log_entry_put(const mti_log_entry *entry, uint8_t *at);

/* Puts the clock at the end of an entry that begins at `start`; answers where it ends now. */
uint8_t *mti_log_entry_put_clock(uint64_t clock, uint8_t mode, uint64_t count, uint8_t *start,
                                 uint8_t *end);

/* Reads what lies under a key. MT_MALFORMED, MT_UNSUPPORTED. */
mt_status mti_log_entry_get(mt_bytes key, mt_bytes value, mti_log_entry *out, mt_error *err);

/* Puts a name at the end of a list; answers where it ends. */
uint8_t *mti_log_name_put(mt_bytes name, uint8_t *at);

/* Lists the fields of a node that a delta changed, in `out`, of MTI_LOG_NAMES_LEN_MAX bytes, and takes
 * them off `iter`. `*count` is 0 where any field may have changed: the node was made, its floor rose, or
 * they are too many. */
mt_bytes mti_log_names_of(mt_delta_iter *iter, const mt_delta_node *node, uint8_t *out,
                          size_t *count);

/* Takes the next name off the front of a list that was checked; false at its end. */
bool mti_log_name_next(mt_bytes *names, mt_bytes *out);

/* How large a list of names is. */
typedef struct mti_log_names {
    size_t count, len; /* `len` in bytes */
} mti_log_names;

/* The names of two lists, each in order; and those of the first that the second lacks. They are written
 * to `out`, if that is not NULL; of what is left, it may be where the first list is. */
mti_log_names mti_log_names_unite(mt_bytes a, mt_bytes b, uint8_t *out);
mti_log_names mti_log_names_without(mt_bytes a, mt_bytes b, uint8_t *out);

#endif
