/* base/status.h - setting a status and its message in one step. */
#ifndef MTI_STATUS_H
#define MTI_STATUS_H

#include <mytosis/status.h>

/* Writes the message and answers `status`, so that the two agree: `return mti_fail(err, MT_...,
 * "...", ...)`. `err` may be NULL. Knows %s, %.*s, %c, %d, %u, %zu, %llu and %%, nothing else:
 * the core has no stdio. Bytes that are not printable ASCII or UTF-8 are shown as \xNN. */
mt_status mti_fail(mt_error *err, mt_status status, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* mti_fail for MT_NO_MEMORY, of which there is nothing more to say. */
mt_status mti_no_memory(mt_error *err);

/* For `%.*s`: the length of a run, cut to what a message can show. */
#define MTI_SHOW(bytes) mti_shown_len((bytes).len), (const char *)(bytes).data

static inline int mti_shown_len(size_t len)
{
    return len < 64 ? (int)len : 64;
}

#endif
