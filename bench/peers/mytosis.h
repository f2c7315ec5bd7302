/* bench/peers/mytosis.h - what the two files of mytosis share. */
#ifndef PEERS_MYTOSIS_H
#define PEERS_MYTOSIS_H

#include "peers.h"

#include <mytosis/db.h>

/* One commit each, waited for. */
void peers_db_write(mt_db *db, const peers_input *in, size_t first, size_t count);
void peers_db_edit(mt_db *db, const peers_input *in, const peers_edit *edits, size_t count);

void peers_node_digest(const mt_node *node, peers_digest *digest);

/* As in peers_subject. */
void peers_db_meet(const peers_input *in, peers_meeting *meeting);

#endif
