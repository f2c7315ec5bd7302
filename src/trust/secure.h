/* trust/secure.h - a secured connection inside.
 *
 *     application          outer: mt_connection, of messages
 *                            |  ^
 *                          sealed -- handshake              one session of each link
 *                            v  |
 *     transport            link: mt_connection, of sealed parts
 *
 *     DOWN --- the link comes up ---> SHAKING --- both have proven who they are ---> UP
 *      ^------------- the link goes down, or is dropped for what went wrong ----------|
 */
#ifndef MTI_SECURE_H
#define MTI_SECURE_H

#include "trust/handshake.h"
#include "trust/sealed.h"

#include <mytosis/plugin/network.h>
#include <mytosis/secure.h>

typedef enum mti_secured_stage {
    MTI_SECURED_DOWN,
    MTI_SECURED_SHAKING,
    MTI_SECURED_UP
} mti_secured_stage;

typedef struct mti_secured {
    mt_secure *secure; /* SHARED, as is `link` */
    mt_connection *link;
    mt_connection *outer; /* BORROWED; NULL: not yet, or no more */
    mt_subscription *messages, *events;
    mti_secured_stage stage;
    mt_timer timer; /* of a handshake; of what is held; in the end of what is to be sent */
    bool timer_set;
    bool listening;           /* somebody listens to the outer one */
    bool deaf;                /* its first message was bad: it is left waiting */
    bool closing;             /* it was closed: the link follows when all is sent */
    bool end_said;            /* and that nothing follows is among it */
    bool full;                /* a send was answered with MT_AGAIN */
    mti_handshake *handshake; /* while it goes on */
    mti_handshake *used; /* the one that calls the application: it is freed by whoever called it */
    mti_sealed sealed;
    mt_buf waiting; /* parts that the link had no room for */
    size_t waiting_at;
    mt_buf held; /* a message that nobody listened to, of which there is one at most */
    bool holds;
    mt_error why; /* what went wrong last */

    /* Whom it leads to, if it was dialed. */
    bool dialed, with_ticket;
    uint8_t device[MT_DEVICE_LEN], ticket[MT_TICKET_ID_LEN], ticket_key[MT_KEY_LEN];

    struct mti_half_open *among;       /* NULL: it is not half open */
    struct mti_secured *older, *newer; /* there */
} mti_secured;

/* Links that were accepted and are not through with their handshake, of one kind. */
typedef struct mti_half_open {
    mti_secured *oldest, *newest;
    size_t count, max;
} mti_half_open;

struct mt_secure {
    const mt_env *env;
    size_t refs;
    mt_secure_options options; /* `seed` and `space` NULL, and `papers` is: */
    mt_buf papers;
    mti_identity identity;
    uint8_t space[MT_SPACE_LEN];
    mt_secure_counts counts;
    mti_half_open silent, knocked; /* before and after a first message that is good */
    mt_buf out, in;                /* room for the message at hand, of whichever connection */
};

/* secure.c: half-open ones. One that enters may end the oldest of its kind. */
void mti_secure_enter(mti_secured *s, mti_half_open *among);
void mti_secure_leave(mti_secured *s);

/* secured.c */
mt_status mti_secured_new(mt_secure *secure, mt_connection *link, const mt_secure_peer *peer,
                          mt_connection **out, mt_error *err);
mti_secured *mti_secured_of(const mt_connection *connection); /* NULL: it is none */

/* Ends the session, and the link with it. */
void mti_secured_fail(mti_secured *s, const mt_error *why);

#endif
