#include "plugins/tls_context.h"

#include "plugins/gather.h"

#include <mytosis/plugin/socket.h>

#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

/* The longest file. The authorities of a whole system have some 250 KiB. */
#define FILE_LEN_MAX ((size_t)4 * 1024 * 1024)

/* Of TLS 1.2; those of 1.3 are all of this kind. */
#define CIPHERS "ECDHE+AESGCM:ECDHE+CHACHA20"

/* The one protocol that is spoken inside, as ALPN has it. */
static const unsigned char spoken[] = "\x08http/1.1";

/* ---- Files ---- */

/* Reads all of a file. NULL: `err` says why. What OpenSSL frees of it, it wipes out before. */
static BIO *file_read(const char *path, mt_error *err)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC), code;
    BIO *text = BIO_new(BIO_s_mem());
    unsigned char chunk[4096];
    ssize_t got = fd < 0 ? -1 : 1;
    size_t len = 0;

    if (text) (void)BIO_set_mem_eof_return(text, 0);
    while (text && got > 0 && len <= FILE_LEN_MAX) {
        do got = read(fd, chunk, sizeof chunk);
        while (got < 0 && errno == EINTR);
        if (got > 0 && BIO_write(text, chunk, (int)got) != got) break;
        if (got > 0) len += (size_t)got;
    }
    code = errno;
    OPENSSL_cleanse(chunk, sizeof chunk);
    if (fd >= 0) close(fd);
    if (text && got == 0) return text;
    BIO_free(text);
    if (got < 0) mti_link_error(err, MT_IO, "%.200s: cannot be read: %s", path, strerror(code));
    else if (len > FILE_LEN_MAX)
        mti_link_error(err, MT_TOO_LARGE, "%.200s: more than %zu bytes", path, FILE_LEN_MAX);
    else mti_link_error(err, MT_NO_MEMORY, "no memory for %.200s", path);
    return NULL;
}

/* A passphrase is not known, and never asked for on a terminal. */
static int no_passphrase(char *into, int cap, int writing, void *asked)
{
    (void)into;
    (void)cap;
    (void)writing;
    *(bool *)asked = true;
    return -1;
}

/* The next certificate. NULL: there is none, or, with `err` set, it is damaged. */
static X509 *certificate_next(BIO *text, const char *path, mt_error *err)
{
    X509 *certificate;
    bool asked = false;

    ERR_clear_error();
    if ((certificate = PEM_read_bio_X509(text, NULL, no_passphrase, &asked))) return certificate;
    if (ERR_GET_REASON(ERR_peek_last_error()) == PEM_R_NO_START_LINE) return NULL;
    mti_link_error(err, MT_INVALID, "%.200s: a certificate in it is damaged", path);
    return NULL;
}

static mt_status fail_none(const char *path, const char *what, mt_error *err)
{
    return mti_link_error(err, MT_INVALID, "%.200s: there is no %s in it, in PEM", path, what);
}

/* ---- Certificates and keys of servers ---- */

static mt_status check_time(const X509 *certificate, const char *path, mt_error *err)
{
    char words[MTI_TLS_WORDS_MAX];

    if (mti_tls_is_valid_now(certificate, words)) return MT_OK;
    return mti_link_error(err, MT_INVALID, "%.200s: the certificate %s", path, words);
}

static mt_status fail_use(const char *path, const char *what, mt_error *err)
{
    return mti_link_error(err, MT_INVALID, "%.200s: the %s cannot be used: %s", path, what,
                          mti_tls_reason());
}

/* The certificates behind the first, MOVED one by one. */
static mt_status use_chain(SSL_CTX *ssl, BIO *text, const char *path, mt_error *err)
{
    X509 *next;
    mt_status st;

    err->status = MT_OK;
    while ((next = certificate_next(text, path, err))) {
        if ((st = check_time(next, path, err)) == MT_OK && !SSL_CTX_add0_chain_cert(ssl, next))
            st = fail_use(path, "chain", err);
        if (st == MT_OK) continue;
        X509_free(next);
        return st;
    }
    return err->status;
}

/* `*own` is what the server shows of itself, OWNED. */
static mt_status use_certificates(SSL_CTX *ssl, const char *path, X509 **own, mt_error *err)
{
    BIO *text = file_read(path, err);
    mt_status st = text ? MT_OK : err->status;

    if (text) {
        err->status = MT_OK;
        *own = certificate_next(text, path, err);
        st = *own ? MT_OK : err->status;
        if (!*own && st == MT_OK) st = fail_none(path, "certificate", err);
    }
    if (st == MT_OK) st = check_time(*own, path, err);
    if (st == MT_OK && !SSL_CTX_use_certificate(ssl, *own)) st = fail_use(path, "certificate", err);
    if (st == MT_OK) st = use_chain(ssl, text, path, err);
    BIO_free(text);
    return st;
}

static mt_status use_key(SSL_CTX *ssl, const char *path, const char *cert_file, X509 *own,
                         mt_error *err)
{
    BIO *text = file_read(path, err);
    EVP_PKEY *key = NULL;
    bool asked = false;
    mt_status st = text ? MT_OK : err->status;

    ERR_clear_error();
    if (text) key = PEM_read_bio_PrivateKey(text, NULL, no_passphrase, &asked);
    if (text && !key) {
        st = asked ? mti_link_error(err, MT_INVALID,
                                    "%.200s: the key is behind a passphrase, which nobody can be "
                                    "asked for",
                                    path)
                   : fail_none(path, "private key", err);
    }
    if (key && !X509_check_private_key(own, key)) {
        st = mti_link_error(err, MT_INVALID,
                            "%.120s: it is not the key of the certificate in %.120s", path,
                            cert_file);
    } else if (key && !SSL_CTX_use_PrivateKey(ssl, key)) {
        st = fail_use(path, "key", err);
    }
    EVP_PKEY_free(key);
    BIO_free(text);
    return st;
}

static mt_status use_files(SSL_CTX *ssl, const char *cert_file, const char *key_file, mt_error *err)
{
    X509 *own = NULL;
    mt_status st = use_certificates(ssl, cert_file, &own, err);

    if (st == MT_OK) st = use_key(ssl, key_file, cert_file, own, err);
    X509_free(own);
    return st;
}

/* ---- Whom clients trust ---- */

static mt_status trust_file(SSL_CTX *ssl, const char *path, mt_error *err)
{
    BIO *text = file_read(path, err);
    X509 *next;
    size_t count = 0;

    if (!text) return err->status;
    err->status = MT_OK;
    while ((next = certificate_next(text, path, err))) {
        bool added = X509_STORE_add_cert(SSL_CTX_get_cert_store(ssl), next);

        X509_free(next);
        if (!added) {
            (void)fail_use(path, "certificate", err);
            break;
        }
        count++;
    }
    BIO_free(text);
    if (err->status == MT_OK && count == 0) (void)fail_none(path, "certificate", err);
    return err->status;
}

static mt_status trust(SSL_CTX *ssl, const char *ca_file, mt_error *err)
{
    if (ca_file) return trust_file(ssl, ca_file, err);
    if (SSL_CTX_set_default_verify_paths(ssl)) return MT_OK;
    return mti_link_error(err, MT_IO, "the authorities that the system trusts cannot be read: %s",
                          mti_tls_reason());
}

/* ---- Contexts ---- */

/* What a client offers besides HTTP/1.1 is left alone; a client that does not offer it means
 * another protocol, and is turned away. */
static int choose_protocol(SSL *ssl, const unsigned char **out, unsigned char *out_len,
                           const unsigned char *in, unsigned in_len, void *ctx)
{
    (void)ssl;
    (void)ctx;
    for (unsigned at = 0; at < in_len; at += 1u + in[at]) {
        if (in[at] != spoken[0] || in_len - at < sizeof spoken - 1) continue;
        if (memcmp(in + at, spoken, sizeof spoken - 1) != 0) continue;
        *out = in + at + 1;
        *out_len = in[at];
        return SSL_TLSEXT_ERR_OK;
    }
    return SSL_TLSEXT_ERR_ALERT_FATAL;
}

/* A configuration of the system may ask for more than this, and is heard. */
static bool set_strength(SSL_CTX *ssl)
{
    if (SSL_CTX_get_security_level(ssl) < 2) SSL_CTX_set_security_level(ssl, 2);
    if (SSL_CTX_get_min_proto_version(ssl) < TLS1_2_VERSION &&
        !SSL_CTX_set_min_proto_version(ssl, TLS1_2_VERSION))
        return false;
    SSL_CTX_set_options(ssl, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION | SSL_OP_NO_TICKET);
    SSL_CTX_set_session_cache_mode(ssl, SSL_SESS_CACHE_OFF);
    return SSL_CTX_set_num_tickets(ssl, 0) && SSL_CTX_set_cipher_list(ssl, CIPHERS);
}

/* How links use it: a write ends with a record, and goes on from wherever the bytes have moved; a link
 * between two records has no buffers. */
static void set_buffers(SSL_CTX *ssl)
{
    SSL_CTX_set_mode(ssl, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
                              SSL_MODE_RELEASE_BUFFERS);
    SSL_CTX_set_read_ahead(ssl, 1);
}

/* NULL: `err` says why. */
static mti_tls_context *context_new(const mt_mem *mem, const SSL_METHOD *method, mt_error *err)
{
    mti_tls_context *context = mem->resize(mem->ctx, NULL, 0, sizeof *context);

    ERR_clear_error();
    if (!context) {
        mti_link_error(err, MT_NO_MEMORY, "out of memory");
        return NULL;
    }
    memset(context, 0, sizeof *context);
    context->mem = mem;
    context->ssl = SSL_CTX_new(method);
    context->bio = mti_tls_bio();
    if (context->ssl && context->bio && set_strength(context->ssl)) {
        set_buffers(context->ssl);
        return context;
    }
    mti_link_error(err, MT_IO, "there is no TLS to be had: %s", mti_tls_reason());
    mti_tls_context_free(context);
    return NULL;
}

void mti_tls_context_free(mti_tls_context *context)
{
    if (!context) return;
    SSL_CTX_free(context->ssl);
    BIO_meth_free(context->bio);
    context->mem->resize(context->mem->ctx, context, sizeof *context, 0);
}

/* Gives out a context that is whole, or frees it, and says why. */
static mt_status context_give(mti_tls_context *context, const mt_error *own, mti_tls_context **out,
                              mt_error *err)
{
    ERR_clear_error();
    if (own->status == MT_OK) {
        *out = context;
    } else {
        mti_tls_context_free(context);
        if (err) *err = *own;
    }
    return own->status;
}

mt_status mti_tls_serve(const mt_mem *mem, const char *cert_file, const char *key_file,
                        mti_tls_context **out, mt_error *err)
{
    mt_error own = {.status = MT_OK};
    mti_tls_context *context = context_new(mem, TLS_server_method(), &own);

    if (context) {
        SSL_CTX_set_alpn_select_cb(context->ssl, choose_protocol, NULL);
        own.status = use_files(context->ssl, cert_file, key_file, &own);
    }
    return context_give(context, &own, out, err);
}

/* What a certificate must be for. A dot at the end of a name says that nothing follows, and is no part
 * of it. Names of subjects are no names of hosts, and a star stands for a whole label. */
static bool set_host(mti_tls_context *context, mt_bytes host)
{
    X509_VERIFY_PARAM *param = SSL_CTX_get0_param(context->ssl);

    if (host.len > 1 && host.data[host.len - 1] == '.') host.len--;
    if (host.len == 0 || host.len >= sizeof context->host) return false;
    memcpy(context->host, host.data, host.len);
    X509_VERIFY_PARAM_set_hostflags(param, X509_CHECK_FLAG_NEVER_CHECK_SUBJECT |
                                               X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
    SSL_CTX_set_verify(context->ssl, SSL_VERIFY_PEER, mti_tls_on_verified);
    context->is_address = X509_VERIFY_PARAM_set1_ip_asc(param, context->host);
    return context->is_address || X509_VERIFY_PARAM_set1_host(param, context->host, host.len);
}

mt_status mti_tls_dial(const mt_mem *mem, const char *ca_file, mt_bytes host, mti_tls_context **out,
                       mt_error *err)
{
    mt_error own = {.status = MT_OK};
    mti_tls_context *context = context_new(mem, TLS_client_method(), &own);

    if (context && set_host(context, host) &&
        SSL_CTX_set_alpn_protos(context->ssl, spoken, sizeof spoken - 1) == 0)
        own.status = trust(context->ssl, ca_file, &own);
    else if (context) mti_link_error(&own, MT_NO_MEMORY, "no memory for TLS");
    return context_give(context, &own, out, err);
}

/* ---- Checking files only ---- */

static mt_status check_files(const char *cert_file, const char *key_file, const char *ca_file,
                             mt_error *err)
{
    SSL_CTX *ssl = SSL_CTX_new(TLS_method());
    mt_status st = MT_OK;

    if (!ssl || !set_strength(ssl))
        st = mti_link_error(err, MT_IO, "there is no TLS to be had: %s", mti_tls_reason());
    if (st == MT_OK && cert_file) st = use_files(ssl, cert_file, key_file, err);
    if (st == MT_OK && ca_file) st = trust_file(ssl, ca_file, err);
    SSL_CTX_free(ssl);
    ERR_clear_error();
    return st;
}

mt_status mt_tls_check(const char *cert_file, const char *key_file, const char *ca_file,
                       mt_error *err)
{
    mt_error own;
    mt_status st;

    if (!cert_file != !key_file) {
        return mti_link_error(err, MT_INVALID,
                              cert_file ? "a certificate needs its key"
                                        : "a key needs its certificate");
    }
    st = check_files(cert_file, key_file, ca_file, &own);
    if (st != MT_OK && err) *err = own;
    return st;
}
