/* mytosis/system.h - memory and entropy of an ordinary system, by its C library alone.
 *
 * A program that brings its own needs neither. */
#ifndef MYTOSIS_SYSTEM_H
#define MYTOSIS_SYSTEM_H

#include <mytosis/mem.h>
#include <mytosis/status.h>

MT_BEGIN_DECLS

/* The C library's allocator; large pieces are asked for in huge pages where the system has them.
 * Static. Threads: any. */
MT_API const mt_mem *mt_mem_system(void);

/* Fills `out` from the system's random source. MT_IO: there is none. Threads: any. */
MT_API MT_MUST_USE mt_status mt_entropy(uint8_t *out, size_t len);

MT_END_DECLS
#endif
