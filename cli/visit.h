/* visit.h - meeting a peer once: a link to it, until both are equal. */
#ifndef CLI_VISIT_H
#define CLI_VISIT_H

#include "member.h"

#include <mytosis/mytosis.h>

typedef struct cli_visit cli_visit;

/* How far a visit is, or what it came to. */
typedef struct cli_visit_facts {
    uint64_t nodes_in, nodes_out, bytes_in, bytes_out;
    uint64_t ms;                             /* since it began */
    char words[128];                         /* "receiving notes/, 12,000 nodes" */
    uint64_t only_there, only_here, on_both; /* nodes that differ, by a dry run */
    uint64_t round_trip_ms, refused;         /* of the greeting; nodes of it that are not taken */
    int64_t clock_ahead_ms;                  /* of the peer */
    unsigned lacks;                          /* it does: MT_SYNC_LACKS_... */
    uint8_t peer[MT_PEER_LEN_MAX];           /* its id, once it is known */
    size_t peer_len;
    mt_status status; /* of why they do not go on, where they do not */
} cli_visit_facts;

/* Hears now and then how far it is, and then once how it ended: `why` is NULL while it goes on, and of status MT_OK where both are
 * equal. In the last call the visit may be freed. */
typedef void cli_visit_hear(void *ctx, const cli_visit_facts *facts, const mt_error *why);

/* Begins one, OWNED: `db` has the router of mytosis/plugin/sync.h, and `group` is its. `member`: of the space that the store is
 * in; NULL: none. `ca`: of wss://, the file of the
 * authorities that certify the peer; NULL: those of the system. All is BORROWED, but the two texts. Anything but MT_OK: `err`. */
mt_status cli_visit_new(mt_db *db, mt_group *group, const cli_member *member,
                        const cli_peer_name *name, const char *ca, cli_visit_hear *hear, void *ctx,
                        cli_visit **out, mt_error *err);

/* Ends it, wherever it is. NULL is accepted. */
void cli_visit_free(cli_visit *visit);

/* Prints what it came to. */
void cli_visit_print(const cli_visit_facts *facts, const char *url, bool json, cli_text *text);

/* The same of a dry run; answers whether anything differs. */
bool cli_visit_print_dry(const cli_visit_facts *facts, const char *url, bool json, cli_text *text);

#endif
