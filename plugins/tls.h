/* plugins/tls.h - TLS between a socket and what goes over it, by OpenSSL.
 *
 *     frames, heads of HTTP ---> mti_socket ---> mti_tls ---> the system's socket
 *
 * A context is what the links of a server have in common, or the attempts of a dialed link. That of
 * a client is made with the name that a certificate must be for, and there is none without: what
 * it makes checks the chain and that name, and nothing switches that off.
 *
 * TLS 1.2 or 1.3, whose ciphers all authenticate what they encrypt; no renegotiation, compression,
 * tickets or early data. Nothing is buffered beyond the record that is on its way, so that what waits
 * to be sent waits in the socket's own buffer, unencrypted, and is bounded there. OpenSSL takes its
 * memory from malloc, and its randomness from the system. */
#ifndef MTI_TLS_H
#define MTI_TLS_H

#include <mytosis/bytes.h>
#include <mytosis/status.h>

#include <sys/types.h>

typedef struct mti_tls_context mti_tls_context;
typedef struct mti_tls mti_tls;

/* Whether this build has it. Without, the other functions answer MT_UNSUPPORTED. */
bool mti_tls_known(void);

/* A context of a server, with a chain of certificates, its own first, and the key, each in a file
 * (PEM), which are read now. MT_IO: one cannot be read. MT_INVALID: it is not what it should be, the
 * key is that of another certificate, or the certificate is not valid now. MT_NO_MEMORY. */
mt_status mti_tls_serve(const mt_mem *mem, const char *cert_file, const char *key_file,
                        mti_tls_context **out, mt_error *err);

/* A context of a client of `host`, a name or an address. `ca_file`: the authorities that are trusted,
 * read now; NULL: those of the system. Statuses as above. */
mt_status mti_tls_dial(const mt_mem *mem, const char *ca_file, mt_bytes host, mti_tls_context **out,
                       mt_error *err);

/* All that was made with it must be gone. NULL is accepted. */
void mti_tls_context_free(mti_tls_context *context);

/* TLS on a socket that is connected and does not block; `fd` is BORROWED. NULL: no memory. */
mti_tls *mti_tls_new(const mti_tls_context *context, int fd);
void mti_tls_free(mti_tls *tls);

/* Read and write, and before that shake hands. How many bytes, in reading 0 at the end, which the
 * peer has told; or a negative errno: -EAGAIN, -EPROTO if mti_tls_error says more. As many bytes are
 * read as there are. What was not written must come again, in front of what is written next. */
ssize_t mti_tls_read(mti_tls *tls, uint8_t *into, size_t cap);
ssize_t mti_tls_write(mti_tls *tls, const uint8_t *data, size_t len);

/* Tells the peer that nothing more comes, if it can still be told. False: not yet, the socket takes
 * nothing now. */
bool mti_tls_end(mti_tls *tls);

/* Whether writing, or reading, goes on once the socket takes more. */
bool mti_tls_write_waits(const mti_tls *tls);
bool mti_tls_read_waits(const mti_tls *tls);

/* Whether reading may give something though nothing new has come. */
bool mti_tls_has_more(const mti_tls *tls);

/* Why it failed, in words that stand for themselves. BORROWED. */
const mt_error *mti_tls_error(const mti_tls *tls);

/* Whether it failed since what came first was no TLS, but may be plain HTTP; nothing was answered. */
bool mti_tls_met_http(const mti_tls *tls);

#endif
