/* admin_client.h - one command that a daemon serves: what is shared by the files that do so. */
#ifndef CLI_ADMIN_CLIENT_H
#define CLI_ADMIN_CLIENT_H

#include "admin.h"
#include "link.h"

typedef struct cli_client cli_client;
typedef struct cli_asked cli_asked;
typedef struct cli_watch cli_watch;
typedef struct cli_visiting cli_visiting;

/* A client is not read, and gets no more of a list, while so much waits to be sent to it. */
#define CLIENT_QUEUED_MAX ((size_t)4 * 1024 * 1024)

struct cli_admin {
    cli_admin_options options;
    cli_client *clients;
    size_t count;
    size_t under_way; /* requests, also of clients that are gone */
    bool stopping;
    void (*stopped)(void *ctx);
    void *stopped_ctx;
    mt_timer timer;
    uint64_t patience_ms;
};

struct cli_client {
    cli_client *next;
    cli_admin *admin;
    cli_link *link;
    cli_asked *asked;
    size_t under_way, writes; /* requests; those of them that write */
    bool removing;      /* nothing else is taken: a remove waits for writes, or for its answer */
    cli_asked *waiting; /* that remove, while it waits for writes */
    cli_text remove;    /* its uids, as they came */
    cli_watch *watches;
    cli_visiting *visits;
};

/* A request that is under way. */
struct cli_asked {
    cli_asked *next;
    cli_client *client; /* NULL: gone; nobody waits for the answer */
    cli_admin *admin;
    uint64_t id;
    uint8_t kind;
    mt_storage_host host;
    uint64_t low, high, first; /* of an open: where the log begins */
    struct cli_listing *list;  /* of a list; OWNED */
    mt_bytes *uids;            /* of a remove; OWNED, and what they are is the client's */
    size_t uid_count;
};

/* Begins a request; NULL without memory. */
cli_asked *cli_asked_new(cli_client *client, uint8_t kind, uint64_t id);

/* Answers a request; the last piece ends it. */
void cli_asked_answer(cli_asked *asked, const mt_storage_answer *answer);

/* Ends a request that was answered by other means. */
void cli_asked_end(cli_asked *asked);

/* What starting a request came to: anything but MT_OK answers it. `text` says why; NULL: no more than `status` does. */
void cli_asked_started(cli_asked *asked, mt_status status, const char *text);

/* Says text, and whether more follows; or why there is none. */
void cli_client_say(cli_client *client, uint64_t id, mt_status status, mt_bytes text, bool more);

/* ---- Requests; anything but MT_OK: they did not begin, and are not answered ---- */

/* What there is to know of the store: admin_open.c. */
mt_status cli_client_open(cli_client *client, uint64_t id);

/* Nodes, page by page: admin_list.c. cli_client_list_on goes on with those that wait until there is room. */
mt_status cli_client_list(cli_client *client, uint64_t id, mt_bytes body);
void cli_client_list_on(cli_client *client);

/* Those that write: admin_write.c. */
mt_status cli_client_write(cli_client *client, uint64_t id, mt_bytes body);
mt_status cli_client_patch(cli_client *client, uint64_t id, mt_bytes body);
mt_status cli_client_remove(cli_client *client, uint64_t id, mt_bytes body);

/* A write was answered: a remove may have waited for it. */
void cli_client_wrote(cli_client *client);

/* Watching: admin_watch.c. */
mt_status cli_client_watch(cli_client *client, uint64_t id, mt_bytes body);
void cli_client_unwatch(cli_client *client);

/* What a space is asked: admin_space.c. */
mt_status cli_client_share(cli_client *client, uint64_t id, mt_bytes body);
mt_status cli_client_revoke(cli_client *client, uint64_t id, mt_bytes body);

/* Visiting a peer: admin_visit.c. */
mt_status cli_client_visit(cli_client *client, uint64_t id, mt_bytes body);
void cli_client_unvisit(cli_client *client);

#endif
