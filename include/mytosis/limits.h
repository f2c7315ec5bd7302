/* mytosis/limits.h - how large a thing may be.
 *
 * Every limit has a default and an error that names it, and is checked before anything is
 * allocated on the word of whoever sent the data. */
#ifndef MYTOSIS_LIMITS_H
#define MYTOSIS_LIMITS_H

#include <mytosis/bytes.h>

MT_BEGIN_DECLS

/* Part of the data model, the same everywhere and for ever. */
#define MT_UID_LEN_MAX 255                      /* bytes of UTF-8, at least 1 */
#define MT_NAME_LEN_MAX 254                     /* bytes of UTF-8, may be 0 */
#define MT_STATE_MAX UINT64_C(9007199254740991) /* 2^53 - 1 */

/* Limits that an application may set. A member that is 0 stands for its default. */
typedef struct mt_limits {
    size_t size;          /* sizeof(mt_limits) as compiled: the struct grows at its end */
    size_t value_len_max; /* bytes of a string, of bytes: 256 KiB; never over 1 GiB */
    size_t frame_len_max; /* bytes of one plain binary frame: 1 MiB */
    size_t block_len_max; /* bytes of one compressed frame after decompression: 4 MiB */
    size_t expand_max;    /* how many times its size a compressed frame may grow: 64 */
} mt_limits;

/* Sets every member to its default. */
MT_API void mt_limits_init(mt_limits *limits);

MT_END_DECLS
#endif
