/* undo.c - an editor's undo: each commit gives a delta, and a delta the patch that undoes it.
 *
 * The history of a delta is what the commit has overwritten. An event lends its delta; a clone of it keeps
 * what was there before, and shares the rest with the database. An undo is a write like any other: peers
 * and listeners hear of it. It prints:
 *
 *     written      {"text":"apples, bread","title":"Shopping"}
 *     renamed      {"text":"apples, bread","title":"Groceries"}
 *     deleted      nothing
 *     to come back text="apples, bread" title="Groceries"
 *     undone       {"text":"apples, bread","title":"Groceries"}
 *     to come back title="Shopping"
 *     undone       {"text":"apples, bread","title":"Shopping"}
 *     to come back nothing
 *     undone       {"title":"Shopping"}
 *     to come back nothing
 *     undone       nothing
 */
/* run by the tests */
#include <mytosis/mytosis.h>

#include <stdio.h>
#include <stdlib.h>

/* An example ends at the first error. */
static void must(mt_status status)
{
    if (status == MT_OK) return;
    fprintf(stderr, "undo: %s\n", mt_status_text(status));
    exit(1);
}

typedef struct editor {
    mt_db *db;
    mt_delta *done[16]; /* what was done, the last on top */
    size_t count;
} editor;

/* The application's mark of writes that undo, so that they are not noted to be undone. */
static char undoing[] = "undo";

static void note(void *ctx, mt_db *db, const mt_event *event)
{
    editor *e = ctx;

    (void)db;
    if (event->origin || event->app == undoing || e->count == 16) return;
    must(mt_delta_clone(event->delta, &e->done[e->count++]));
}

/* What the delta of a commit has as history: fields as they were before it. */
static void print_history(const mt_delta *delta)
{
    mt_delta_iter iter;
    mt_delta_node node;
    mt_field field;

    printf("to come back");
    if (mt_delta_part_empty(delta, MT_HISTORY)) printf(" nothing");
    mt_delta_iter_init(&iter, delta, MT_HISTORY);
    while (mt_delta_iter_node(&iter, &node)) {
        while (mt_delta_iter_field(&iter, &field)) {
            mt_buf text = {.mem = mt_mem_system()};

            must(mt_value_json(&field.value, &text));
            printf(" %.*s=%.*s", (int)field.name.len, (const char *)field.name.data, (int)text.len,
                   (const char *)text.data);
            mt_buf_free(&text);
        }
    }
    printf("\n");
}

static void undo(editor *e)
{
    mt_options options = {.size = sizeof options, .app = undoing};
    mt_delta *delta = e->done[--e->count];
    const mt_row *rows;
    mt_patch *patch;
    size_t count;

    print_history(delta);
    must(mt_delta_revert(delta, &patch));
    rows = mt_patch_rows(patch, &count);
    must(mt_write_wait(e->db, rows, count, &options, NULL));
    mt_patch_free(patch);
    mt_delta_free(delta);
}

static void set(mt_db *db, const char *name, const char *text)
{
    mt_field field = {.name = mt_str(name), .value = mt_text(text)};
    mt_row row = {.uid = mt_str("note"), .fields = &field, .count = 1};

    must(mt_write_wait(db, &row, 1, NULL, NULL));
}

static void show(const editor *e, const char *what)
{
    const mt_node *node = mt_peek(e->db, mt_str("note"));
    mt_buf text = {.mem = mt_mem_system()};

    if (node) must(mt_node_snapshot(node, &text));
    if (node) printf("%-12s %.*s\n", what, (int)text.len, (const char *)text.data);
    else printf("%-12s nothing\n", what);
    mt_buf_free(&text);
}

int main(void)
{
    mt_listening *listening;
    editor e = {.count = 0};

    must(mt_open(NULL, 0, &e.db, NULL));
    must(mt_on(e.db, &(mt_listen){.prefix = mt_str("note")}, note, &e, &listening));

    set(e.db, "title", "Shopping");
    set(e.db, "text", "apples, bread");
    show(&e, "written");
    set(e.db, "title", "Groceries");
    show(&e, "renamed");
    must(mt_delete_wait(e.db, mt_str("note"), NULL));
    show(&e, "deleted");

    while (e.count > 0) {
        undo(&e);
        show(&e, "undone");
    }
    mt_off(listening);
    mt_close(e.db);
    return 0;
}
