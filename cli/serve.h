/* serve.h - a daemon: a store that is held, served to the commands of this machine and to peers.
 *
 *     start   store, database, peers, admin socket; each may fail, and then what was started ends again
 *     run     until SIGTERM or SIGINT
 *     stop    commands get their answers, the database is closed, then links and sockets */
#ifndef CLI_SERVE_H
#define CLI_SERVE_H

#include "admin.h"
#include "config.h"
#include "log.h"
#include "member.h"
#include "met.h"
#include "sandbox.h"
#include "table.h"

#include <mytosis/loop.h>
#include <mytosis/plugin/router.h>
#include <mytosis/plugin/socket.h>
#include <mytosis/plugin/sync.h>

/* Somebody who was not let in, or what it did was not taken. */
#define REFUSALS_KEPT 8
typedef struct cli_refusal {
    uint64_t at_ms; /* since 1970 */
    char link[MT_CONNECTION_ID_LEN_MAX + 1];
    bool is_known; /* who it was */
    uint8_t device[MT_DEVICE_LEN];
    char why[MT_ERROR_TEXT_MAX];
} cli_refusal;

/* Those that are named, those that plugins connect to, and those that are known from before. */
#define CLI_DIALED_MAX (2 * OPTION_LISTED_MAX + SPACE_PEERS_MAX)

typedef struct cli_serving {
    cli_config config;
    cli_log log;
    const char *path;
    mt_loop *loop;
    const mt_env *env;
    cli_shared_storage *storage;
    mt_db *db;
    cli_admin *admin;
    mt_server *socket; /* of the commands */
    mt_subscription *comers;
    mt_server *listeners[OPTION_LISTED_MAX]; /* of the peers */
    size_t listener_count;
    mt_secure_server *secured[OPTION_LISTED_MAX]; /* of each listener, in a space */
    mt_connection *dialed[CLI_DIALED_MAX];
    size_t dialed_count;
    mt_timer first_look; /* whether those that are dialed are there */
    mt_group *peers;
    mt_subscription *peer_events;
    cli_met met; /* when they are met */
    cli_space_file space_file;
    uint8_t seed[MT_KEY_LEN];
    cli_member *member; /* NULL: the store is in no space, and links are plain */
    cli_refusal refusals[REFUSALS_KEPT];
    uint64_t refusal_count;
    const cli_invitation *share; /* what a ticket is printed for once it runs; NULL: none */
    uint64_t start_ms;           /* in ticks */
    cli_sandbox_result sandbox;
    bool stopping;
} cli_serving;

/* ---- The peers: serve_peers.c ---- */

/* The group of the peers and the router, for a database. OWNED: cli_serve_peers_end, and the router is MOVED to the database.
 * MT_NO_MEMORY, with `err`. */
mt_status cli_serve_peers_new(cli_serving *s, mt_router *router, mt_error *err);

/* Listens and connects, once the database is open. What fails is in `err`. */
mt_status cli_serve_peers_begin(cli_serving *s, mt_error *err);

/* Closes all of it; what was not begun is accepted. */
void cli_serve_peers_end(cli_serving *s);

/* Whether it is stored how far we came with each of them. */
bool cli_serve_peers_stored(const cli_serving *s);

/* All of them as mytosis peers shows them: serve_peers_list.c. */
void cli_serve_peers_print(const cli_serving *s, const cli_admin_form *form, cli_output *out);

/* The state in a word, and what went wrong last, with the peer or in dialing it. */
const char *cli_peer_state_name(mt_sync_state state);
const char *cli_peer_error(const mt_sync_peer *peer);

/* Why one that is dialed is not there, or was not what it should be; NULL: it is, or was not tried yet. */
const mt_error *cli_dialed_error(const mt_connection *connection);

/* How many peers are known, and how many of them are equal: serve_peers_status.c. */
void cli_serve_peers_count(const cli_serving *s, size_t *peers, size_t *live);

/* What there is of them as metrics: families, each with a sample for every peer. */
void cli_serve_peers_metrics(const cli_serving *s, cli_text *text);

/* Logs each peer whose state is another than when it was last looked at. */
void cli_serve_peers_tell(cli_serving *s);

/* ---- Its space: serve_space.c ---- */

/* Reads whether there is one, and the key of the device. Anything but EXIT_DONE has been reported. */
cli_exit_code cli_serve_space_load(cli_serving *s);

/* Makes the member before the database is opened, and takes in what that has afterwards; without a space both do nothing. */
mt_status cli_serve_space_begin(cli_serving *s, mt_error *err);
mt_status cli_serve_space_follow(cli_serving *s, mt_error *err);

/* Notes where it listens, with the ports that were taken, if the settings say where: mytosis serve does so again, without them.
 * Anything but EXIT_DONE has been reported. */
cli_exit_code cli_serve_space_note(cli_serving *s);

/* Frees all of it, once the links are gone. */
void cli_serve_space_end(cli_serving *s);

/* Adds the line of a ticket, for whoever comes to a listener. */
mt_status cli_serve_share(cli_serving *s, const cli_invitation *invitation, cli_text *line,
                          mt_error *err);

/* Notes and logs that somebody was refused; and what was noted, for mytosis status. */
void cli_serve_refused(cli_serving *s, mt_connection *connection, const char *why);
void cli_serve_refusals_print(const cli_serving *s, cli_table *table, cli_output *out);
void cli_serve_refusals_save(const cli_serving *s, cli_text *text);

/* Adds bytes to a line of the log. */
void cli_serve_log_hex(cli_serving *s, const char *key, const uint8_t *bytes, size_t len);

/* Serves until a signal comes, with a configuration that is MOVED: serve.c. `share`: for what a ticket is printed; may be NULL. */
cli_exit_code cli_serve_with(cli_config *config, const cli_invitation *share);

/* ---- What is found in how it stands with the peers: serve_doctor.c ---- */

void cli_serve_doctor_print(const cli_serving *s, const cli_admin_form *form, cli_output *out);

/* ---- Its sandbox: serve_sandbox.c ---- */

/* What a daemon with these settings still needs. OWNED: cli_sandbox_free. */
void cli_serve_sandbox(const cli_config *config, const cli_space_file *space, cli_sandbox *out);

/* Enters it, if it is wanted. */
mt_status cli_serve_sandbox_enter(cli_serving *s, mt_error *err);

/* Logs what there is of it. */
void cli_serve_sandbox_tell(cli_serving *s);

/* ---- What it says of itself: serve_status.c ---- */

/* For cli_admin_options; ctx: cli_serving. */
void cli_serve_print(void *ctx, uint8_t kind, const cli_admin_form *form, cli_output *out);

/* The same as OpenMetrics: what GET /metrics is answered with. */
void cli_serve_metrics(const cli_serving *s, cli_text *text);

/* Answers GET /healthz and /metrics; ctx: cli_serving. */
void cli_serve_http(void *ctx, mt_bytes path, mt_http_response *response);

#endif
