/* mytosis/mem.h - where memory comes from.
 *
 * mytosis holds no global state and calls no allocator of its own accord: each handle is given a
 * table like this one and uses nothing else. `mt_mem_system()` in <mytosis/system.h> is the one
 * for most programs. */
#ifndef MYTOSIS_MEM_H
#define MYTOSIS_MEM_H

#include <stddef.h>

/* One function does it all, as Lua's allocator does. It must be callable until the last handle
 * that was given the table is freed; the table itself is BORROWED for as long. */
typedef struct mt_mem {
    /* `ptr` NULL, `old_size` 0: allocate `size` bytes, aligned for any type (16 bytes). `size`
     * 0: free `ptr`, which was allocated with `old_size`; the answer is ignored. `ptr` may be
     * NULL. Otherwise: resize, keeping the content, moving it if need be. NULL says that there
     * is no memory; then `ptr` is as it was. */
    void *(*resize)(void *ctx, void *ptr, size_t old_size, size_t size);
    void *ctx;
} mt_mem;

#endif
