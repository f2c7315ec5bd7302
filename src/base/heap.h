/* base/heap.h - small objects out of large chunks.
 *
 * Graphs hold millions of small objects, and the allocator that the application gave us may be
 * slow or wasteful with them. A heap takes chunks that double from 4 KiB to 2 MiB (so that the
 * host can back them with huge pages) and cuts objects of a few dozen sizes from them. A freed
 * object goes onto the list of its size; chunks are given back all together, when the heap ends.
 * Objects over 8 KiB are passed through.
 *
 * Under AddressSanitizer every object is passed through, so that the sanitizer sees each. */
#ifndef MTI_HEAP_H
#define MTI_HEAP_H

#include <mytosis/bytes.h>

#define MTI_HEAP_CLASSES 48

typedef struct mti_heap {
    const mt_mem *mem;
    size_t held;               /* bytes taken from `mem` */
    size_t live;               /* objects handed out and not freed */
    size_t used;               /* bytes in them, as their classes have it */
    struct heap_chunk *chunks; /* newest first */
    struct heap_large *large;  /* passed through */
    uint8_t *next;             /* the free end of the newest chunk */
    size_t left;
    size_t chunk_len; /* of the newest chunk */
    void *freed[MTI_HEAP_CLASSES];
} mti_heap;

/* Whether objects are passed through, so that whoever ends a heap should free each of them
 * first. */
bool mti_heap_checked(void);

void mti_heap_init(mti_heap *heap, const mt_mem *mem);

/* Gives everything back, whatever is still handed out. */
void mti_heap_end(mti_heap *heap);

/* `size` bytes, at least 1, aligned to 16; NULL without memory. */
void *mti_heap_alloc(mti_heap *heap, size_t size);

/* Takes back an object of `size` bytes. NULL is accepted. */
void mti_heap_free(mti_heap *heap, void *object, size_t size);

#endif
