/* plugins/socket_server.h - who listens, and what its links share. */
#ifndef MTI_SOCKET_SERVER_H
#define MTI_SOCKET_SERVER_H

#include "plugins/socket_link.h"

#include <sys/stat.h>

/* What is to be answered to a plain request. */
struct mt_http_response {
    unsigned status; /* 0: nothing was said yet */
    bool failed;     /* there was no memory for what was said */
    char type[64];
    mt_buf body;
};

struct mt_server {
    const mt_env *env;
    mt_server_options options; /* its origins and hosts lie behind it */
    mti_link_limits limits;
    mti_url_kind kind;
    bool is_local;        /* nobody reaches it from beyond this machine */
    mti_tls_context *tls; /* NULL: of other URLs than wss:// */
    mt_group *group;
    uv_poll_t poll;
    int fd;             /* -1: closed */
    bool open;          /* `poll` is */
    bool closed;        /* by the application */
    mt_timer rest;      /* until accepting is tried again */
    mti_link *links;    /* that were accepted */
    size_t link_count;  /* of them */
    size_t young_count; /* without a connection */
    uint64_t accepted;  /* ever */
    dev_t device;       /* of the Unix socket that was made, */
    ino_t inode;        /* to know it again */
    size_t size;        /* with what lies behind it */
    char url[MTI_ADDRESS_TEXT_MAX + MT_CONNECTION_ID_LEN_MAX];
    char path[MT_CONNECTION_ID_LEN_MAX + 1]; /* of the Unix socket, if one was made; of WebSocket */
};

#endif
