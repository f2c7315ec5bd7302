/* plugins/socket_host.h - which hosts a server of HTTP answers to. Pure.
 *
 * Whoever owns a name can have it lead to an address of this machine (DNS rebinding): pages of that name
 * are then, to a browser, of the same origin as the server. Only Host tells, which says the name. An
 * address cannot be made to lead elsewhere, and so those of this machine are answered to, that which is
 * listened on, and, where all are listened on, any. Names other than localhost have to be listed. */
#ifndef MTI_SOCKET_HOST_H
#define MTI_SOCKET_HOST_H

#include <mytosis/bytes.h>
#include <mytosis/status.h>

typedef struct mti_hosts {
    const char *url;        /* where the server listens */
    const mt_bytes *listed; /* HOST, of any port, or HOST:PORT */
    size_t count;
} mti_hosts;

/* What to answer to a request to `host`: 200, go on; 400, it is no HOST[:PORT]; 421, it is another's. */
unsigned mti_hosts_check(const mti_hosts *hosts, mt_bytes host);

/* Whether a list is one. MT_INVALID: `err` shows what is not HOST or HOST:PORT. */
mt_status mti_hosts_list_check(const mt_bytes *listed, size_t count, mt_error *err);

#endif
