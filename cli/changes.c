#include "changes.h"

#include <string.h>

void cli_changes_init(cli_changes *changes, const mt_delta *delta, mt_bytes prefix)
{
    memset(changes, 0, sizeof *changes);
    changes->prefix = prefix;
    mt_delta_iter_init(&changes->update, delta, MT_UPDATE);
    mt_delta_iter_init(&changes->history, delta, MT_HISTORY);
}

static cli_node_fate judge_node(const cli_changes *c, const mt_delta_node *update,
                                const mt_delta_node *history)
{
    if (update->created) return NODE_CREATED;
    if (update->empty) return history->empty ? NODE_UNTOUCHED : NODE_LATE;
    if (update->floor && c->before && mt_node_count(c->before) > 0 && mt_node_count(c->after) == 0)
        return NODE_DELETED;
    return NODE_CHANGED;
}

static bool begins_with(mt_bytes uid, mt_bytes prefix)
{
    return prefix.len <= uid.len &&
           (prefix.len == 0 || memcmp(uid.data, prefix.data, prefix.len) == 0);
}

bool cli_changes_node(cli_changes *c, cli_node_change *out)
{
    mt_delta_node update, history;

    do {
        if (!mt_delta_iter_node(&c->update, &update) || !mt_delta_iter_node(&c->history, &history))
            return false;
    } while (!begins_with(update.uid, c->prefix));
    c->before = update.before;
    c->after = update.after;
    c->has_new = mt_delta_iter_field(&c->update, &c->new_field);
    c->has_old = mt_delta_iter_field(&c->history, &c->old_field);
    *out = (cli_node_change){update.uid, judge_node(c, &update, &history), update.floor};
    return true;
}

static bool find_any(const mt_node *node, mt_bytes name, mt_field *out)
{
    return node && mt_node_get_any(node, name, out) == MT_OK;
}

/* What is in history alone was there and is gone, or came too late. */
static void judge_old(const cli_changes *c, cli_field_change *out)
{
    mt_field before;

    out->has = find_any(c->after, out->name, &out->now);
    if (!out->has && find_any(c->before, out->name, &before) && before.state == out->old.state)
        out->fate = FIELD_GONE;
    else out->fate = FIELD_LATE;
}

static void judge_new(cli_field_change *out)
{
    if (out->now.kind == MT_FIELD_DELETED) out->fate = FIELD_DELETED;
    else if (out->had && out->old.state == out->now.state) out->fate = FIELD_CONFLICT;
    else if (out->had && out->old.kind == MT_FIELD_VALUE) out->fate = FIELD_CHANGED;
    else out->fate = FIELD_ADDED;
}

bool cli_changes_field(cli_changes *c, cli_field_change *out)
{
    int order;

    if (!c->has_new && !c->has_old) return false;
    order = !c->has_new   ? 1
            : !c->has_old ? -1
                          : mt_bytes_compare(c->new_field.name, c->old_field.name);
    memset(out, 0, sizeof *out);
    out->floor = mt_node_floor(c->after);
    out->name = order > 0 ? c->old_field.name : c->new_field.name;
    if (order >= 0) {
        out->had = true;
        out->old = c->old_field;
        c->has_old = mt_delta_iter_field(&c->history, &c->old_field);
    }
    if (order <= 0) {
        out->has = true;
        out->now = c->new_field;
        c->has_new = mt_delta_iter_field(&c->update, &c->new_field);
    }
    if (order > 0) judge_old(c, out);
    else judge_new(out);
    return true;
}

static void count_field(const cli_field_change *field, cli_change_counts *out)
{
    out->lines++;
    if (field->fate == FIELD_LATE) {
        out->fields_late++;
        return;
    }
    out->fields_changed++;
    if (field->had) out->fields_overwritten++;
}

static void count_conflicts(const mt_delta *delta, cli_change_counts *out)
{
    mt_delta_iter iter;
    mt_delta_node node;
    mt_conflict conflict;

    mt_delta_iter_init(&iter, delta, MT_CONFLICT);
    while (mt_delta_iter_node(&iter, &node))
        while (mt_delta_iter_conflict(&iter, &conflict)) out->conflicts++;
}

void cli_changes_count(cli_changes changes, cli_change_counts *out)
{
    cli_node_change node;
    cli_field_change field;

    memset(out, 0, sizeof *out);
    while (cli_changes_node(&changes, &node)) {
        if (node.fate == NODE_CREATED) out->nodes_created++;
        if (node.fate == NODE_DELETED) out->nodes_deleted++;
        if (node.fate == NODE_CHANGED) out->nodes_changed++;
        if (node.fate != NODE_UNTOUCHED) out->lines++;
        while (cli_changes_field(&changes, &field)) count_field(&field, out);
    }
    count_conflicts(changes.update.delta, out);
}
