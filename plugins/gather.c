#include "plugins/gather.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define FIRST_CAP 512

mt_status mti_gather(mt_buf *buf, const void *data, size_t len, size_t need)
{
    size_t end = buf->len + len, cap = buf->cap * 2;
    uint8_t *grown;

    if (len == 0) return MT_OK;
    if (end > buf->cap) {
        if (cap < FIRST_CAP) cap = FIRST_CAP;
        if (cap > need) cap = need;
        if (cap < end) cap = end;
        grown = buf->mem->resize(buf->mem->ctx, buf->data, buf->cap, cap);
        if (!grown) return MT_NO_MEMORY;
        buf->data = grown;
        buf->cap = cap;
    }
    memcpy(buf->data + buf->len, data, len);
    buf->len = end;
    return MT_OK;
}

mt_status mti_link_error(mt_error *err, mt_status status, const char *format, ...)
{
    va_list args;

    if (!err) return status;
    err->status = status;
    va_start(args, format);
    vsnprintf(err->text, sizeof err->text, format, args);
    va_end(args);
    return status;
}
