/* changes.h - a delta as a person thinks of it: what became of each field.
 *
 * Walks update and history side by side; both name the same nodes. */
#ifndef CLI_CHANGES_H
#define CLI_CHANGES_H

#include <mytosis/mytosis.h>

typedef enum cli_node_fate {
    NODE_UNTOUCHED, /* nothing changed and nothing came too late */
    NODE_LATE,      /* something came too late, and nothing changed */
    NODE_CHANGED,
    NODE_CREATED,
    NODE_DELETED /* a floor took what was alive */
} cli_node_fate;

typedef struct cli_node_change {
    mt_bytes uid;
    cli_node_fate fate;
    uint64_t floor; /* the new one; 0: it is as before */
} cli_node_change;

typedef enum cli_field_fate {
    FIELD_ADDED,    /* `now`, where nothing was alive */
    FIELD_CHANGED,  /* from `old` to `now` */
    FIELD_CONFLICT, /* the same, and both have the same state */
    FIELD_DELETED,  /* `now` is a delete marker */
    FIELD_GONE,     /* `old` is below the floor now */
    FIELD_LATE      /* `old` came too late; `now`, if there is one, stays */
} cli_field_fate;

typedef struct cli_field_change {
    mt_bytes name;
    cli_field_fate fate;
    bool had, has; /* whether `old` and `now` mean something */
    mt_field old, now;
    uint64_t floor; /* of the node after the change */
} cli_field_change;

/* Members are private. The delta is BORROWED while it is used. */
typedef struct cli_changes {
    const mt_node *before, *after; /* of the node at hand; `before` NULL: there was none */
    mt_delta_iter update, history;
    mt_field new_field, old_field;
    bool has_new, has_old;
    mt_bytes prefix;
} cli_changes;

/* Of the nodes whose uid has `prefix`, which is BORROWED too; empty: of all. */
void cli_changes_init(cli_changes *changes, const mt_delta *delta, mt_bytes prefix);
bool cli_changes_node(cli_changes *changes, cli_node_change *out);
bool cli_changes_field(cli_changes *changes, cli_field_change *out);

typedef struct cli_change_counts {
    size_t nodes_created, nodes_deleted, nodes_changed; /* each node once */
    size_t fields_changed;                              /* added, changed, deleted and gone */
    size_t fields_overwritten;                          /* of these, with something there before */
    size_t fields_late;
    size_t conflicts;
    size_t lines; /* nodes but the untouched ones, and fields: of a full listing */
} cli_change_counts;

/* Goes through all of it once. */
void cli_changes_count(cli_changes changes, cli_change_counts *out);

#endif
