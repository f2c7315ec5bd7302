/* sim/filter.h - a connection around another, whose messages are changed on their way. */
#ifndef MTI_SIM_FILTER_H
#define MTI_SIM_FILTER_H

#include <mytosis/plugin/network.h>

typedef struct mti_sim_message {
    uint8_t *data;
    size_t len;
} mti_sim_message;

/* What goes on in the place of a message: none, one, or several, in order. */
typedef struct mti_sim_instead {
    mti_sim_message *messages;
    size_t count, cap;
} mti_sim_instead;

/* A message more, COPIED, with room for some bytes behind it. Answers it, to be changed; BORROWED until the next. */
mti_sim_message *mti_sim_instead_add(mti_sim_instead *instead, mt_bytes message, size_t room);

/* What to do with a message that is sent, or (`sent` false) has come. */
typedef void mti_sim_change(void *ctx, bool sent, mt_bytes message, mti_sim_instead *instead);

/* Puts a connection, SHARED, into one that changes what it carries. It has the same id, and is SHARED, held by
 * the caller. */
mt_connection *mti_sim_filter_new(mt_connection *inner, mti_sim_change *change, void *ctx);

#endif
