/* store/index_change.h - what has happened to elements since the index last took it in.
 *
 * Changes are noted in the order in which they happened, and taken in by key; of several about one
 * element the last holds. So it does no harm to note what is in the index already. */
#ifndef MTI_INDEX_CHANGE_H
#define MTI_INDEX_CHANGE_H

#include "store/index_leaf.h"

typedef enum mti_change_kind {
    MTI_CHANGE_SET,    /* the element is this */
    MTI_CHANGE_REMOVE, /* there is no such element */
    MTI_CHANGE_FIELDS  /* of this uid there are no fields, but for those that are set later */
} mti_change_kind;

typedef struct mti_element_change {
    uint32_t key_at; /* in the text */
    uint16_t key_len;
    uint8_t kind; /* mti_change_kind */
    bool dead;    /* a later one holds */
    mti_print print;
} mti_element_change;

/* A change in key order. */
typedef struct mti_change_place {
    uint64_t prefix; /* the first bytes that keys differ in, the first of them highest */
    uint32_t at;
} mti_change_place;

typedef struct mti_changes {
    mti_element_change *at; /* as they happened */
    size_t count, cap;
    mt_buf text;
    mti_change_place *order; /* once sorted; twice as many, half of them room to sort in */
    size_t order_cap;
} mti_changes;

void mti_changes_init(mti_changes *changes, const mt_mem *mem);
void mti_changes_free(mti_changes *changes);

/* Forgets all; keeps no more room than a few thousand take. */
void mti_changes_clear(mti_changes *changes);

/* Notes one; MTI_CHANGE_FIELDS with a uid as its key. MT_NO_MEMORY leaves all as it was. */
mt_status mti_changes_add(mti_changes *changes, mti_change_kind kind, mt_bytes key,
                          const mti_print *print);

/* Makes room for `extra` more, of keys with `len` bytes in all, so that noting them cannot fail.
 * MT_NO_MEMORY. */
mt_status mti_changes_reserve(mti_changes *changes, size_t extra, size_t len);

/* Fills `order`, and marks the dead. MT_NO_MEMORY. */
mt_status mti_changes_sort(mti_changes *changes);

static inline mt_bytes mti_change_key(const mti_changes *changes, const mti_element_change *change)
{
    return (mt_bytes){changes->text.data + change->key_at, change->key_len};
}

#endif
