/* tls_none.c - in place of TLS, in builds without it. */
#include "plugins/tls.h"

#include "plugins/gather.h"

#include <mytosis/plugin/socket.h>

#include <errno.h>

static mt_status unknown(mt_error *err)
{
    return mti_link_error(err, MT_UNSUPPORTED, "this build has no TLS, and knows no certificates");
}

bool mti_tls_known(void)
{
    return false;
}

mt_status mt_tls_check(const char *cert_file, const char *key_file, const char *ca_file,
                       mt_error *err)
{
    return cert_file || key_file || ca_file ? unknown(err) : MT_OK;
}

mt_status mti_tls_serve(const mt_mem *mem, const char *cert_file, const char *key_file,
                        mti_tls_context **out, mt_error *err)
{
    (void)mem;
    (void)cert_file;
    (void)key_file;
    (void)out;
    return unknown(err);
}

mt_status mti_tls_dial(const mt_mem *mem, const char *ca_file, mt_bytes host, mti_tls_context **out,
                       mt_error *err)
{
    (void)mem;
    (void)ca_file;
    (void)host;
    (void)out;
    return unknown(err);
}

void mti_tls_context_free(mti_tls_context *context)
{
    (void)context;
}

mti_tls *mti_tls_new(const mti_tls_context *context, int fd)
{
    (void)context;
    (void)fd;
    return NULL;
}

void mti_tls_free(mti_tls *tls)
{
    (void)tls;
}

ssize_t mti_tls_read(mti_tls *tls, uint8_t *into, size_t cap)
{
    (void)tls;
    (void)into;
    (void)cap;
    return -ENOSYS;
}

ssize_t mti_tls_write(mti_tls *tls, const uint8_t *data, size_t len)
{
    (void)tls;
    (void)data;
    (void)len;
    return -ENOSYS;
}

bool mti_tls_end(mti_tls *tls)
{
    (void)tls;
    return true;
}

bool mti_tls_write_waits(const mti_tls *tls)
{
    (void)tls;
    return false;
}

bool mti_tls_read_waits(const mti_tls *tls)
{
    (void)tls;
    return false;
}

bool mti_tls_has_more(const mti_tls *tls)
{
    (void)tls;
    return false;
}

const mt_error *mti_tls_error(const mti_tls *tls)
{
    (void)tls;
    return NULL;
}

bool mti_tls_met_http(const mti_tls *tls)
{
    (void)tls;
    return false;
}
