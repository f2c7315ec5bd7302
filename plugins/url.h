/* plugins/url.h - where a peer is, as text: tcp://HOST:PORT, ws://HOST:PORT/PATH, wss:, unix:PATH. */
#ifndef MTI_URL_H
#define MTI_URL_H

#include <mytosis/plugin/socket.h>

typedef enum mti_url_kind { MTI_URL_TCP = 0, MTI_URL_UNIX, MTI_URL_WS } mti_url_kind;

/* The longest path of a Unix socket: what every system has room for, less the zero. */
#define MTI_UNIX_PATH_MAX 103

/* Its parts BORROW from the text. */
typedef struct mti_url {
    mti_url_kind kind;
    bool is_tls;    /* wss:// */
    bool bracketed; /* the host is an IPv6 address */
    uint16_t port;
    mt_bytes host;
    mt_bytes path; /* of a Unix socket; of WebSocket: from its slash, "/" if there is none */
} mti_url;

/* Reads one. The statuses are those of mt_url_check, which also looks at what may be listened on. */
mt_status mti_url_read(const char *url, mti_url *out, mt_error *err);

/* The name of a transport, static. */
const char *mti_url_type(mti_url_kind kind);

#endif
