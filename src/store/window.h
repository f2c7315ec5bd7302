/* store/window.h - which nodes were logged last, and where, so that a newer entry of the log can
 * absorb older ones.
 *
 * Two generations of a hash table. What is logged goes into the younger one; when that is full, the
 * older one is forgotten and the younger one takes its place. So the window holds the last 8,192 to
 * 16,384 nodes, in bounded memory, and forgets without any list of who was first. It only saves
 * space in the log: to forget is always allowed. */
#ifndef MTI_WINDOW_H
#define MTI_WINDOW_H

#include <mytosis/bytes.h>
#include <mytosis/status.h>

/* A generation is full when it has so many nodes, or so many bytes. */
#define MTI_WINDOW_NODES 8192
#define MTI_WINDOW_BYTES ((size_t)1024 * 1024)

/* An entry that names fields. */
typedef struct mti_logged_names {
    uint64_t number;
    mt_bytes origin;
    mt_bytes names; /* as in mti_log_entry */
    size_t name_count;
} mti_logged_names;

/* How many of these are known of a node. */
#define MTI_LOGGED_MAX 8

/* The entries of a node in the log that newer ones may absorb: one that says `all`, and those that name
 * fields, each field in one of them. */
typedef struct mti_logged {
    uint64_t all_number; /* 0: there is none */
    mt_bytes all_origin;
    mti_logged_names named[MTI_LOGGED_MAX]; /* the oldest first */
    size_t named_count;
    uint32_t touch; /* of the write that logged it: the caller's own */
} mti_logged;

/* Where a record is. The hash beside it spares a look at the records of other nodes. */
typedef struct mti_window_slot {
    uint32_t place; /* counted from 1 in words of 8 bytes; 0: none */
    uint32_t hash;
} mti_window_slot;

typedef struct mti_generation {
    uint8_t *data;
    size_t len, cap;
    mti_window_slot *slots;
    size_t slot_cap; /* a power of two, or 0 */
    size_t count;
} mti_generation;

typedef struct mti_window {
    const mt_mem *mem;
    uint64_t seed; /* of the hash: what peers cannot know, so that none can make uids collide */
    mti_generation young, old;
} mti_window;

void mti_window_init(mti_window *window, const mt_mem *mem, uint64_t seed);
void mti_window_free(mti_window *window);

/* Forgets everything. */
void mti_window_clear(mti_window *window);

/* What is known of a node, BORROWED until the next put; false: nothing. */
bool mti_window_find(const mti_window *window, mt_bytes uid, mti_logged *out);

/* Puts what is known of a node, COPIED, in the place of what was known. Its views must not be of
 * the window. MT_NO_MEMORY: the window holds what it held. */
mt_status mti_window_put(mti_window *window, mt_bytes uid, const mti_logged *logged);

#endif
