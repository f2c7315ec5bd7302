/* graph.h - `mytosis graph`: graphs in files, without a store. */
#ifndef CLI_GRAPH_H
#define CLI_GRAPH_H

#include "command.h"

extern const cli_command cli_graph_merge, cli_graph_patch;                    /* graph_merge.c */
extern const cli_command cli_graph_rebase, cli_graph_overlap, cli_graph_diff; /* graph_compare.c */
extern const cli_command cli_graph_show;                                      /* graph_show.c */
extern const cli_command cli_graph_convert;                                   /* graph_convert.c */
extern const cli_command cli_graph_group;                                     /* graph.c */

#endif
