#include "plugins/tls_context.h"

#include "plugins/gather.h"
#include "plugins/socket.h"

#include <openssl/err.h>

#include <errno.h>
#include <string.h>

/* What the first byte of a record says. */
#define RECORD_ALERT 0x15
#define RECORD_HANDSHAKE 0x16

/* How much is received in one call: a peer that sends nothing but changes of keys would keep OpenSSL busy
 * in it for as long as it likes. More than a chunk of a link and the record behind it. */
#define RECEIVED_AT_ONCE ((size_t)64 * 1024)

struct mti_tls {
    const mt_mem *mem;
    const char *host; /* that of the context; empty: a server's side */
    SSL *ssl;
    int fd;
    int errno_seen;   /* of the system's last call */
    size_t received;  /* since a call began */
    int read_ended;   /* what reading came to for good: an errno, or AT_END; 0: it goes on */
    int write_ended;  /* the same of writing */
    bool read_waits;  /* for the socket to take more */
    bool write_waits; /* for the same */
    bool has_more;
    bool up;       /* hands are shaken */
    bool ended;    /* the peer was told that nothing more comes */
    bool cut;      /* the socket has ended */
    uint8_t first; /* byte that came, once one has */
    bool has_first;
    mt_error error;
};

/* The peer has told that nothing more comes. */
#define AT_END (-1)

bool mti_tls_known(void)
{
    return true;
}

/* ---- What OpenSSL sends and receives by ---- */

static bool is_plain(const mti_tls *t)
{
    return t->has_first && t->first != RECORD_HANDSHAKE && t->first != RECORD_ALERT;
}

/* Who does not speak TLS is not answered in it. */
static int bio_write(BIO *bio, const char *data, int len)
{
    mti_tls *t = BIO_get_data(bio);
    ssize_t sent;

    BIO_clear_retry_flags(bio);
    if (is_plain(t)) return len;
    sent = mti_fd_send(t->fd, (const uint8_t *)data, (size_t)len);
    if (sent >= 0) return (int)sent;
    t->errno_seen = (int)-sent;
    if (t->errno_seen == EAGAIN) BIO_set_retry_write(bio);
    return -1;
}

static int bio_read(BIO *bio, char *into, int cap)
{
    mti_tls *t = BIO_get_data(bio);
    ssize_t got = -EAGAIN;

    BIO_clear_retry_flags(bio);
    if (t->received < RECEIVED_AT_ONCE) got = mti_fd_read(t->fd, (uint8_t *)into, (size_t)cap);
    if (got == 0) t->cut = true;
    if (got > 0 && !t->has_first) {
        t->has_first = true;
        t->first = (uint8_t)into[0];
    }
    if (got > 0) t->received += (size_t)got;
    if (got >= 0) return (int)got;
    t->errno_seen = (int)-got;
    if (t->errno_seen == EAGAIN) BIO_set_retry_read(bio);
    return -1;
}

static long bio_control(BIO *bio, int command, long number, void *pointer)
{
    const mti_tls *t = BIO_get_data(bio);

    (void)number;
    (void)pointer;
    switch (command) {
    case BIO_CTRL_FLUSH: return 1; /* nothing is held back */
    case BIO_CTRL_EOF: return t->cut;
    default: return 0;
    }
}

BIO_METHOD *mti_tls_bio(void)
{
    BIO_METHOD *bio = BIO_meth_new(BIO_TYPE_SOURCE_SINK, "mytosis");

    if (bio && BIO_meth_set_write(bio, bio_write) && BIO_meth_set_read(bio, bio_read) &&
        BIO_meth_set_ctrl(bio, bio_control))
        return bio;
    BIO_meth_free(bio);
    return NULL;
}

/* ---- Its life ---- */

static bool prepare(mti_tls *t, const mti_tls_context *context)
{
    BIO *bio = BIO_new(context->bio);

    if (!bio) return false;
    BIO_set_data(bio, t);
    BIO_set_init(bio, 1);
    SSL_set_bio(t->ssl, bio, bio); /* MOVED */
    if (!SSL_set_app_data(t->ssl, t)) return false;
    if (!context->host[0]) {
        SSL_set_accept_state(t->ssl);
        return true;
    }
    SSL_set_connect_state(t->ssl);
    return context->is_address || SSL_set_tlsext_host_name(t->ssl, context->host);
}

mti_tls *mti_tls_new(const mti_tls_context *context, int fd)
{
    mti_tls *t = context->mem->resize(context->mem->ctx, NULL, 0, sizeof *t);

    if (!t) return NULL;
    memset(t, 0, sizeof *t);
    t->mem = context->mem;
    t->host = context->host;
    t->fd = fd;
    t->ssl = SSL_new(context->ssl);
    if (t->ssl && prepare(t, context)) return t;
    ERR_clear_error();
    mti_tls_free(t);
    return NULL;
}

void mti_tls_free(mti_tls *tls)
{
    if (!tls) return;
    SSL_free(tls->ssl);
    tls->mem->resize(tls->mem->ctx, tls, sizeof *tls, 0);
}

/* ---- What goes wrong ---- */

int mti_tls_on_verified(int ok, X509_STORE_CTX *store)
{
    SSL *ssl = X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx());
    mti_tls *t = SSL_get_app_data(ssl);

    if (!ok && t->error.status == MT_OK) mti_tls_refusal(store, t->host, &t->error);
    return ok;
}

/* A certificate that was refused has its words already. */
static void note_failure(mti_tls *t)
{
    unsigned long code = ERR_peek_last_error();

    if (t->error.status != MT_OK) return;
    if (is_plain(t)) {
        mti_link_error(&t->error, MT_IO, "the peer does not speak TLS");
    } else if (t->cut && t->up) {
        mti_link_error(&t->error, MT_IO, "the link was cut: the peer has not ended TLS");
    } else if (t->cut) {
        mti_link_error(&t->error, MT_IO, "the peer has ended the link before TLS was up");
    } else if (ERR_GET_REASON(code) == ERR_R_MALLOC_FAILURE) {
        mti_link_error(&t->error, MT_NO_MEMORY, "no memory for TLS");
    } else {
        mti_link_error(&t->error, MT_IO, "TLS failed: %s", mti_tls_reason());
    }
}

/* What a call of OpenSSL that did not succeed came to: an errno, or AT_END. Nothing is left in the
 * thread's queue of errors, where the application would find it. */
static int trouble(mti_tls *t, int result, bool *waits)
{
    int kind = SSL_get_error(t->ssl, result);

    *waits = kind == SSL_ERROR_WANT_WRITE;
    if (*waits || kind == SSL_ERROR_WANT_READ) return EAGAIN;
    if (kind == SSL_ERROR_ZERO_RETURN) return AT_END;
    if (kind != SSL_ERROR_SYSCALL || t->cut || t->errno_seen == 0) {
        note_failure(t);
        kind = SSL_ERROR_SSL;
    }
    ERR_clear_error();
    return kind == SSL_ERROR_SSL ? EPROTO : t->errno_seen;
}

/* ---- Shaking hands ---- */

/* OpenSSL has verified it, as the context demands, or hands were not shaken: that is looked at once
 * more, so that no mistake in a context goes unnoticed. */
static bool is_verified(const mti_tls *t)
{
    return !t->host[0] ||
           (SSL_get0_peer_certificate(t->ssl) && SSL_get_verify_mode(t->ssl) & SSL_VERIFY_PEER &&
            SSL_get_verify_result(t->ssl) == X509_V_OK);
}

/* 0: they are shaken; else an errno. */
static int shake_hands(mti_tls *t, bool *waits)
{
    int result;

    if (t->up) return 0;
    ERR_clear_error();
    if ((result = SSL_do_handshake(t->ssl)) != 1) {
        result = trouble(t, result, waits);
        if (result != AT_END) return result;
        t->cut = true;
        note_failure(t);
        return EPROTO;
    }
    if (!is_verified(t)) {
        mti_link_error(&t->error, MT_REFUSED, "the certificate was not verified");
        return EPROTO;
    }
    t->up = true;
    return 0;
}

/* ---- Reading and writing ---- */

/* A failure that came behind some bytes is told by the next call. */
ssize_t mti_tls_read(mti_tls *tls, uint8_t *into, size_t cap)
{
    size_t len = 0, got;
    int code = tls->read_ended;

    tls->read_waits = false;
    tls->received = 0;
    if (code == 0) code = shake_hands(tls, &tls->read_waits);
    while (code == 0 && len < cap) {
        int result;

        ERR_clear_error();
        result = SSL_read_ex(tls->ssl, into + len, cap - len, &got);
        if (result == 1) len += got;
        else code = trouble(tls, result, &tls->read_waits);
    }
    if (code != 0 && code != EAGAIN) tls->read_ended = code;
    tls->has_more = code == EAGAIN ? tls->received >= RECEIVED_AT_ONCE : len > 0;
    if (len > 0) return (ssize_t)len;
    return code == AT_END ? 0 : -code;
}

ssize_t mti_tls_write(mti_tls *tls, const uint8_t *data, size_t len)
{
    int code = tls->write_ended, result;
    size_t sent = 0;

    tls->write_waits = false;
    tls->received = 0;
    if (code == 0) code = shake_hands(tls, &tls->write_waits);
    if (code == 0) {
        ERR_clear_error();
        result = SSL_write_ex(tls->ssl, data, len, &sent);
        if (result != 1) code = trouble(tls, result, &tls->write_waits);
    }
    if (tls->received >= RECEIVED_AT_ONCE) tls->has_more = true;
    if (code == 0) return (ssize_t)sent;
    if (code == AT_END) code = EPIPE;
    if (code != EAGAIN) tls->write_ended = code;
    return -code;
}

bool mti_tls_end(mti_tls *tls)
{
    int result;

    tls->write_waits = false;
    if (!tls->up || tls->ended || tls->write_ended != 0 || tls->error.status != MT_OK) return true;
    ERR_clear_error();
    result = SSL_shutdown(tls->ssl);
    if (result < 0 && trouble(tls, result, &tls->write_waits) == EAGAIN) return false;
    tls->ended = true;
    return true;
}

bool mti_tls_write_waits(const mti_tls *tls)
{
    return tls->write_waits;
}

bool mti_tls_read_waits(const mti_tls *tls)
{
    return tls->read_waits;
}

bool mti_tls_has_more(const mti_tls *tls)
{
    return tls->has_more;
}

const mt_error *mti_tls_error(const mti_tls *tls)
{
    return &tls->error;
}

bool mti_tls_met_http(const mti_tls *tls)
{
    return is_plain(tls) && tls->first >= 'A' && tls->first <= 'Z';
}
