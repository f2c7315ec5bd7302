/* mytosis/secure.h - connections that are encrypted, and whose other end is known.
 *
 * A connection of any transport is put into one that has the same messages, and says who sends them:
 *
 *     mt_connection *link, *peer;
 *     mt_dial(env, "tcp://127.0.0.1:4200", NULL, &link, &err);
 *     mt_secure_dial(secure, link, &(mt_secure_peer){.size = sizeof(mt_secure_peer), .device = key}, &peer,
 *                    &err);
 *     mt_group_add(group, peer);
 *
 * A device is known by its public key, 32 bytes, and a space by an id that its devices share. When the link
 * is up the two ends prove who they are: Noise XX with X25519, ChaCha20-Poly1305 and BLAKE2b (revision 34 of
 * its specification; docs/protocol.md has the bytes), in which the device's key signs the session's. Only
 * then the connection goes online, and mt_connection_device says who is there. Who dials says whom it
 * expects, and stops before it has shown itself if somebody else is there. Who does not know the space gets
 * no answer. A session has new keys, and another set after each GiB; a link that comes back has a new session.
 *
 * A message takes 17 bytes more, and one of more than 2,097,135 bytes goes in two. Threads: that of the
 * environment. */
#ifndef MYTOSIS_SECURE_H
#define MYTOSIS_SECURE_H

#include <mytosis/crypto.h>
#include <mytosis/env.h>
#include <mytosis/network.h>

MT_BEGIN_DECLS

/* Bytes of the key of a device, of the name of a space, and of the id of a ticket; and the most
 * of what a device shows for its rights. */
#define MT_DEVICE_LEN 32
#define MT_SPACE_LEN 32
#define MT_TICKET_ID_LEN 16
#define MT_PAPERS_LEN_MAX 2048

/* What the secured connections of a device share. SHARED. */
typedef struct mt_secure mt_secure;

/* Who wants to be at the other end of a connection, and has proven it. BORROWED until the call returns. */
typedef struct mt_secure_visitor {
    uint32_t size;
    const uint8_t *device; /* its public key, MT_DEVICE_LEN bytes */
    mt_bytes papers;       /* what it has to show for itself */
    const uint8_t *
        ticket; /* the id of the ticket that it has, and has proven to have; NULL: it came without */
} mt_secure_visitor;

/* How a link is secured. */
typedef struct mt_secure_options {
    uint32_t size;           /* sizeof(mt_secure_options) as compiled */
    const mt_crypto *crypto; /* BORROWED, as long as it lives */
    const uint8_t
        *seed; /* the device's secret, MT_KEY_LEN random bytes: COPIED, and wiped in the end */
    const uint8_t *space; /* MT_SPACE_LEN bytes: COPIED */
    mt_bytes
        papers; /* what the device has to show for itself, at most MT_PAPERS_LEN_MAX bytes, shown to each
                      * other device in the handshake: COPIED */

    /* Whether a device may be at the other end; nothing but its papers has gone over yet. MT_OK, or why not, in
     * `why` too. `connection` is the secured one. NULL: those that are dialed may, and nobody else. */
    mt_status (*admit)(void *ctx, const mt_secure_visitor *visitor, mt_connection *connection,
                       mt_error *why);

    /* The key of a ticket that somebody comes with, MT_KEY_LEN bytes. MT_NOT_FOUND: there is none, or it is
     * not good any more. NULL: no ticket is. That it is asked for proves nothing yet: see `admit`. */
    mt_status (*ticket)(void *ctx, const uint8_t id[MT_TICKET_ID_LEN], uint8_t key[MT_KEY_LEN]);
    void *ctx;

    uint64_t handshake_ms; /* as long as a handshake may take: 5 s */
    size_t
        half_open_max; /* links that were accepted, and have begun one as who knows the space: 64. One
                            * more ends the oldest of them */
    size_t silent_max; /* and that have not: 1,024; a process must be allowed as many descriptors */
} mt_secure_options;

/* MT_INVALID: no crypto, seed or space. MT_NO_MEMORY. `err` may be NULL. */
MT_API MT_MUST_USE mt_status mt_secure_new(const mt_env *env, const mt_secure_options *options,
                                           mt_secure **out, mt_error *err);

/* One holder more, one less; each secured connection is one. NULL is accepted. */
MT_API mt_secure *mt_secure_ref(mt_secure *secure);
MT_API void mt_secure_unref(mt_secure *secure);

/* The device's own public key. BORROWED. */
MT_API const uint8_t *mt_secure_device(const mt_secure *secure);

/* Whom a link leads to. */
typedef struct mt_secure_peer {
    uint32_t size;
    const uint8_t *device; /* its public key, MT_DEVICE_LEN bytes: nobody else is talked to */
    const uint8_t
        *ticket; /* of who comes for the first time: the ticket's id, and its key; else NULL */
    const uint8_t *ticket_key;
} mt_secure_peer;

/* Put a connection that leads to a peer, or one that was accepted, into a secured one of the same id, which
 * is offline until the peer has proven who it is. `link` is SHARED; nobody else listens to it any more, and
 * closing the secured one closes it. What is wrong with a peer ends the link, and one that connects by itself
 * tries again. MT_INVALID: no device is named, or a ticket without its key, or the link is one of the same
 * mt_secure. MT_NO_MEMORY. */
MT_API MT_MUST_USE mt_status mt_secure_dial(mt_secure *secure, mt_connection *link,
                                            const mt_secure_peer *peer, mt_connection **out,
                                            mt_error *err);
MT_API MT_MUST_USE mt_status mt_secure_accept(mt_secure *secure, mt_connection *link,
                                              mt_connection **out, mt_error *err);

/* Accepts every link of a group, such as that of a server: a group of secured ones. OWNED. MT_NO_MEMORY. */
typedef struct mt_secure_server mt_secure_server;
MT_API MT_MUST_USE mt_status mt_secure_serve(mt_secure *secure, mt_group *links,
                                             mt_secure_server **out, mt_error *err);

/* The secured ones, of which each is offline until its device has proven who it is. BORROWED, as long as the
 * server lives. */
MT_API mt_group *mt_secure_server_group(const mt_secure_server *server);

/* Accepts no more, and closes those that nobody else holds. NULL is accepted. */
MT_API void mt_secure_server_free(mt_secure_server *server);

/* Why the last handshake of a secured connection failed, or its session ended; MT_OK: none has. NULL: it is no
 * secured connection. BORROWED. */
MT_API const mt_error *mt_secure_error(const mt_connection *connection);

/* The connection that a secured one lies in; NULL: it is no secured one. BORROWED, as long as that is there. */
MT_API mt_connection *mt_secure_link(const mt_connection *connection);

/* What has become of handshakes. */
typedef struct mt_secure_counts {
    uint64_t begun, done, failed;
    uint64_t evicted; /* of those that failed: to make room */
    size_t half_open; /* accepted, and under way */
    size_t silent;    /* of these: nothing came of them yet that a device says */
} mt_secure_counts;

/* What was counted so far. */
MT_API mt_secure_counts mt_secure_counts_of(const mt_secure *secure);

MT_END_DECLS
#endif
