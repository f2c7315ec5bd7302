#include "base/heap.h"

#include "base/assert.h"
#include "base/bytes.h"

#define STEP 16u      /* sizes up to 512 in steps of 16: classes 0 to 31 */
#define FINE_MAX 512u /* above, four classes to a doubling: classes 32 to 47 */
#define CLASS_SIZE_MAX 8192u
#define CHUNK_LEN_MIN ((size_t)4096)
#define CHUNK_LEN_MAX ((size_t)2 << 20)

/* MTI_HEAP_PASS_THROUGH: for tests that fail one allocation after the other. */
#if defined(__SANITIZE_ADDRESS__) || defined(MTI_HEAP_PASS_THROUGH)
#define PASS_THROUGH 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define PASS_THROUGH 1
#endif
#endif
#ifndef PASS_THROUGH
#define PASS_THROUGH 0
#endif

struct heap_chunk {
    struct heap_chunk *older;
    size_t len;
};

/* What a chunk begins with; objects behind it are aligned to as much. */
#define CHUNK_HEAD 16u
_Static_assert(sizeof(struct heap_chunk) <= CHUNK_HEAD, "a chunk's head has no room");

struct heap_large {
    struct heap_large *newer;
    struct heap_large *older;
    size_t len;
    size_t unused; /* keeps what follows aligned to 16 */
};

bool mti_heap_checked(void)
{
    return PASS_THROUGH;
}

void mti_heap_init(mti_heap *heap, const mt_mem *mem)
{
    memset(heap, 0, sizeof *heap);
    heap->mem = mem;
}

void mti_heap_end(mti_heap *heap)
{
    mti_assert(!PASS_THROUGH || heap->live == 0);
    while (heap->chunks) {
        struct heap_chunk *chunk = heap->chunks;
        heap->chunks = chunk->older;
        mti_mem_free(heap->mem, chunk, chunk->len);
    }
    while (heap->large) {
        struct heap_large *large = heap->large;
        heap->large = large->older;
        mti_mem_free(heap->mem, large, large->len);
    }
}

/* The class of a size, and the size that all objects of the class have. */
static inline unsigned class_of(size_t size, size_t *class_size)
{
    unsigned top, part;

    if (size <= FINE_MAX) {
        *class_size = (size + STEP - 1) & ~(size_t)(STEP - 1);
        return (unsigned)(*class_size / STEP) - 1;
    }
    /* 2^top < size <= 2^(top + 1), cut into quarters. */
    top = 63u - (unsigned)__builtin_clzll(size - 1);
    part = (unsigned)((size - 1) >> (top - 2)) & 3u;
    *class_size = (size_t)(part + 5) << (top - 2);
    return 32 + (top - 9) * 4 + part;
}

static void *large_alloc(mti_heap *heap, size_t size)
{
    struct heap_large *large;
    size_t len;

    if (!mti_size_add(size, sizeof *large, &len)) return NULL;
    large = mti_mem_alloc(heap->mem, len);
    if (!large) return NULL;
    large->len = len;
    large->newer = NULL;
    large->older = heap->large;
    if (heap->large) heap->large->newer = large;
    heap->large = large;
    heap->held += len;
    heap->used += len;
    heap->live++;
    return large + 1;
}

static void large_free(mti_heap *heap, void *object)
{
    struct heap_large *large = (struct heap_large *)object - 1;

    if (large->newer) large->newer->older = large->older;
    else heap->large = large->older;
    if (large->older) large->older->newer = large->newer;
    heap->held -= large->len;
    heap->used -= large->len;
    mti_mem_free(heap->mem, large, large->len);
}

/* Opens a new chunk. What is left of the old one is given up: it is smaller than one object. */
static bool chunk_open(mti_heap *heap)
{
    size_t len = heap->chunk_len ? heap->chunk_len * 2 : CHUNK_LEN_MIN;
    struct heap_chunk *chunk;

    if (len > CHUNK_LEN_MAX) len = CHUNK_LEN_MAX;
    if (len < 2 * CLASS_SIZE_MAX && heap->chunk_len) len = 2 * CLASS_SIZE_MAX;
    chunk = mti_mem_alloc(heap->mem, len);
    if (!chunk) return false;
    chunk->older = heap->chunks;
    chunk->len = len;
    heap->chunks = chunk;
    heap->chunk_len = len;
    heap->held += len;
    heap->next = (uint8_t *)chunk + CHUNK_HEAD;
    heap->left = len - CHUNK_HEAD;
    return true;
}

void *mti_heap_alloc(mti_heap *heap, size_t size)
{
    size_t class_size;
    unsigned class;
    void *object;

    if (PASS_THROUGH || size > CLASS_SIZE_MAX) return large_alloc(heap, size);
    class = class_of(size, &class_size);
    object = heap->freed[class];
    if (object) {
        memcpy(&heap->freed[class], object, sizeof(void *));
    } else {
        while (heap->left < class_size)
            if (!chunk_open(heap)) return NULL;
        object = heap->next;
        heap->next += class_size;
        heap->left -= class_size;
    }
    heap->live++;
    heap->used += class_size;
    return object;
}

void mti_heap_free(mti_heap *heap, void *object, size_t size)
{
    size_t class_size;
    unsigned class;

    if (!object) return;
    mti_assert(heap->live > 0);
    heap->live--;
    if (PASS_THROUGH || size > CLASS_SIZE_MAX) {
        large_free(heap, object);
        return;
    }
    class = class_of(size, &class_size);
    heap->used -= class_size;
    memcpy(object, &heap->freed[class], sizeof(void *));
    heap->freed[class] = object;
}
