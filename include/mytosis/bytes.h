/* mytosis/bytes.h - runs of bytes: borrowed and owned.
 *
 * `mt_bytes` always borrows and is never freed; `mt_buf` always owns and is freed with
 * `mt_buf_free`. Neither is terminated by a zero byte: the length decides. */
#ifndef MYTOSIS_BYTES_H
#define MYTOSIS_BYTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Around the declarations of each header, so that C++ finds functions of C. */
#ifdef __cplusplus
#define MT_BEGIN_DECLS extern "C" {
#define MT_END_DECLS }
#else
#define MT_BEGIN_DECLS
#define MT_END_DECLS
#endif

/* What the shared library exports; and an answer that the compiler says is not looked at. */
#if defined(__GNUC__) || defined(__clang__)
#define MT_API __attribute__((visibility("default")))
#define MT_MUST_USE __attribute__((warn_unused_result))
#else
#define MT_API
#define MT_MUST_USE
#endif

#include <mytosis/mem.h>

MT_BEGIN_DECLS

/* A BORROWED run of `len` bytes at `data`. `data` may be NULL when `len` is 0. */
typedef struct mt_bytes {
    const uint8_t *data;
    size_t len;
} mt_bytes;

/* An OWNED, growing run of bytes. All zero is a valid empty buffer, but for `mem`, which whoever
 * fills the buffer needs: start with `mt_buf buf = {.mem = mem}`. */
typedef struct mt_buf {
    const mt_mem *mem;
    uint8_t *data;
    size_t len;
    size_t cap;
} mt_buf;

/* The bytes of a C string, without its zero byte. NULL gives the empty run. */
MT_API mt_bytes mt_str(const char *text);

/* Negative, zero or positive as `a` sorts before, equals or sorts after `b`: byte by byte, a
 * shorter prefix first. This is the order of uids and of field names everywhere. */
MT_API int mt_bytes_compare(mt_bytes a, mt_bytes b);

/* Whether both hold the same bytes. */
MT_API bool mt_bytes_equal(mt_bytes a, mt_bytes b);

/* What `buf` holds, BORROWED until the buffer next changes. */
MT_API mt_bytes mt_buf_bytes(const mt_buf *buf);

/* Frees what the buffer holds and leaves it empty, ready for more. NULL is accepted. */
MT_API void mt_buf_free(mt_buf *buf);

MT_END_DECLS
#endif
