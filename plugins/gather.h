/* plugins/gather.h - buffers that grow as bytes arrive, and errors in words. */
#ifndef MTI_GATHER_H
#define MTI_GATHER_H

#include <mytosis/bytes.h>
#include <mytosis/status.h>

/* Appends; `need` is how long the buffer is going to be, if that is known, which a peer may have said:
 * room is made for what is there, at most doubling, and never for more than that. MT_NO_MEMORY leaves
 * the buffer as it was. */
mt_status mti_gather(mt_buf *buf, const void *data, size_t len, size_t need);

/* Sets `*err`, if it is not NULL, and answers `status`. Knows what printf knows. */
mt_status mti_link_error(mt_error *err, mt_status status, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

#endif
