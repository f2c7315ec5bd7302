/* Names that parts of programs in the documents use; blocks.py compiles them among these. */
#include <mytosis/mytosis.h>

#include <mytosis/plugin/socket.h>
#include <mytosis/plugin/sync.h>
#include <mytosis/sim.h>
#include <stdio.h>

extern const mt_env *env;
extern mt_db *db;
extern mt_error error;
extern mt_graph *graph;
extern mt_group *links;
extern mt_handle *node;
extern mt_status st;
