/* met.h - when a store has last met each of its peers: records of its own, beside the positions that the router keeps.
 *
 *     "met/" peer: up to 32 bytes          time: 8 bytes, in ms since 1970, the lowest first | link: the rest
 *     "sync/in/" peer: 16 bytes, ...       a position: docs/protocol.md
 *
 * They are noted when a peer is live, and once an hour as long as it is. */
#ifndef CLI_MET_H
#define CLI_MET_H

#include "findings.h"

#include <mytosis/mytosis.h>
#include <mytosis/plugin/storage.h>

/* Who was not met for longer is worth a word. */
#define MET_STALE_MS (UINT64_C(30) * 24 * 3600 * 1000)

/* Notes that a peer is met now. Anything but MT_OK: `done` is not called. */
mt_status cli_met_note(mt_db *db, mt_bytes peer, mt_bytes link, mt_done *done, void *ctx);

/* ---- Of a daemon ---- */

typedef struct cli_met_noted {
    uint8_t peer[MT_PEER_LEN_MAX];
    size_t len;
    char link[MT_CONNECTION_ID_LEN_MAX + 1];
    size_t link_len;
    uint64_t ticks; /* when it was noted last; 0: never */
    bool is_due;
} cli_met_noted;

typedef struct cli_met {
    mt_db *db; /* NULL: it has not begun, or has ended */
    const mt_env *env;
    mt_timer timer;
    bool is_soon; /* it fires within a moment */
    cli_met_noted *noted;
    size_t count;
} cli_met;

/* Begins to note who is met: cli_met_look looks at once, and what it sees is stored a moment later. Stays where it is. OWNED: cli_met_end, before the database
 * is closed. One that is all zero is accepted there and in cli_met_look. */
void cli_met_begin(cli_met *met, mt_db *db);
void cli_met_look(cli_met *met);
void cli_met_end(cli_met *met);

/* ---- Of a store that is looked at ---- */

typedef struct cli_met_peer {
    uint8_t peer[MT_PEER_LEN_MAX];
    size_t len;
    uint64_t at_ms;
    char link[MT_CONNECTION_ID_LEN_MAX + 1];
    bool has_position;
} cli_met_peer;

/* All zero to begin with. OWNED: cli_met_list_free. */
typedef struct cli_met_list {
    cli_met_peer *peers;
    size_t count;
} cli_met_list;

/* Takes a record, of whatever, in key order. False: there is no memory. */
bool cli_met_list_take(cli_met_list *list, const mt_storage_record *record);

/* Notes those that were not met for long and of which a position is kept. */
void cli_met_list_examine(const cli_met_list *list, uint64_t now_ms, cli_findings *findings);

void cli_met_list_free(cli_met_list *list);

#endif
