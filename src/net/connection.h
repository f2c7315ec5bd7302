/* net/connection.h - what the layers above net keep with a connection. */
#ifndef MTI_CONNECTION_H
#define MTI_CONNECTION_H

#include <mytosis/plugin/network.h>

/* The router's own; NULL until it is set. It ends with the connection's events at the latest. */
void mti_connection_set_session(mt_connection *connection, void *session);
void *mti_connection_session(const mt_connection *connection);

#endif
