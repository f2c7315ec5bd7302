/* system.c - memory and entropy of an ordinary system.
 *
 * Graphs take their memory in large chunks, and new memory in huge pages is several times as fast
 * as in small ones. So pieces of at least a huge page begin at the start of one, and the system is
 * asked to back them so. That is Linux; elsewhere memory is what realloc gives. */
#include <mytosis/system.h>

#include <stdlib.h>

#ifdef __linux__
#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>

#define HUGE_PAGE ((size_t)2 * 1024 * 1024)

static void *large_alloc(size_t size)
{
    void *made = NULL;

    if (posix_memalign(&made, HUGE_PAGE, size) != 0) return NULL;
#ifdef MADV_HUGEPAGE
    /* Only whole pages: the rest would cost up to 2 MiB more. A system that cannot do it is no
     * failure. */
    (void)madvise(made, size - size % HUGE_PAGE, MADV_HUGEPAGE);
#endif
    return made;
}

static void *resize(void *ptr, size_t old_size, size_t size)
{
    void *made;

    if (size < HUGE_PAGE) return realloc(ptr, size);
    made = large_alloc(size);
    if (!made || !ptr) return made;
    memcpy(made, ptr, old_size < size ? old_size : size);
    free(ptr);
    return made;
}

mt_status mt_entropy(uint8_t *out, size_t len)
{
    while (len > 0) {
        ssize_t got = getrandom(out, len, 0);

        if (got < 0 && errno == EINTR) continue;
        if (got <= 0) return MT_IO;
        out += got;
        len -= (size_t)got;
    }
    return MT_OK;
}

#else
#include <unistd.h>
#ifdef __APPLE__
#include <sys/random.h>
#endif

#define ENTROPY_MAX 256u /* of one call */

static void *resize(void *ptr, size_t old_size, size_t size)
{
    (void)old_size;
    return realloc(ptr, size);
}

mt_status mt_entropy(uint8_t *out, size_t len)
{
    while (len > 0) {
        size_t some = len < ENTROPY_MAX ? len : ENTROPY_MAX;

        if (getentropy(out, some) != 0) return MT_IO;
        out += some;
        len -= some;
    }
    return MT_OK;
}
#endif

static void *system_resize(void *ctx, void *ptr, size_t old_size, size_t size)
{
    (void)ctx;
    if (size > 0) return resize(ptr, old_size, size);
    free(ptr);
    return NULL;
}

const mt_mem *mt_mem_system(void)
{
    static const mt_mem system_mem = {system_resize, NULL};

    return &system_mem;
}
