/* plugins/tls_context.h - what the files of TLS know of one another. */
#ifndef MTI_TLS_CONTEXT_H
#define MTI_TLS_CONTEXT_H

#include "plugins/tls.h"

#include <openssl/bio.h>
#include <openssl/ssl.h>

/* The longest name of a host, with its zero. */
#define MTI_TLS_HOST_MAX 256

struct mti_tls_context {
    const mt_mem *mem;
    SSL_CTX *ssl;
    BIO_METHOD *bio;             /* the system's socket, for OpenSSL */
    char host[MTI_TLS_HOST_MAX]; /* whom a client means; empty: of a server */
    bool is_address;             /* which a server is not told by */
};

/* How OpenSSL sends and receives: plugins/tls.c. NULL: no memory. */
BIO_METHOD *mti_tls_bio(void);

/* Notes why a certificate is refused while it is verified: plugins/tls.c. */
int mti_tls_on_verified(int ok, X509_STORE_CTX *store);

/* ---- Certificates in words: plugins/tls_words.c ---- */

/* What OpenSSL says went wrong last. Static. */
const char *mti_tls_reason(void);

/* Why the certificate that a verification has come to is refused. */
void mti_tls_refusal(X509_STORE_CTX *store, const char *host, mt_error *err);

/* Whether a certificate is valid now; else `out` says since or from when not: "has expired, on 2026-01-31". */
#define MTI_TLS_WORDS_MAX 64
bool mti_tls_is_valid_now(const X509 *certificate, char out[MTI_TLS_WORDS_MAX]);

#endif
