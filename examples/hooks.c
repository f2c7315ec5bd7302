/* hooks.c - hooks of writes: one refuses what cannot be, one adds who wrote it.
 *
 * A hook sees each write before it happens and answers once, now or later: pass, or refuse. What
 * was refused leaves no trace. It prints:
 *
 *     Bob has written: {"age":36,"by":"Bob"}
 *     Eve is refused: an age is a number, and not below zero
 *     Eve is refused: an age is a number, and not below zero
 *     Eve has written: {"age":37,"by":"Eve"}
 */
/* run by the tests */
#include <mytosis/mytosis.h>

#include <stdio.h>
#include <stdlib.h>

/* An example ends at the first error. */
static void must(mt_status status)
{
    if (status == MT_OK) return;
    fprintf(stderr, "hooks: %s\n", mt_status_text(status));
    exit(1);
}

/* An age is a number, and nobody is of negative age. */
static void validate(void *ctx, mt_action *action)
{
    size_t count;
    const mt_row *rows = mt_action_rows(action, &count);

    (void)ctx;
    for (size_t i = 0; i < count; i++) {
        for (size_t j = 0; j < rows[i].count; j++) {
            const mt_field *field = &rows[i].fields[j];
            if (!mt_bytes_equal(field->name, mt_str("age")) || field->kind != MT_FIELD_VALUE)
                continue;
            if (field->value.kind == MT_NUMBER && field->value.as.number >= 0) continue;
            mt_action_refuse(action, MT_REFUSED, "an age is a number, and not below zero");
            return;
        }
    }
    mt_action_pass(action);
}

/* Adds a field to each node that is written: the name that the caller gave in the options. */
static void stamp(void *ctx, mt_action *action)
{
    const char *who = mt_action_options(action)->app;
    size_t count;
    const mt_row *rows = mt_action_rows(action, &count);
    mt_row *stamped = calloc(count + 1, sizeof *stamped);

    (void)ctx;
    if (!stamped) must(MT_NO_MEMORY);
    for (size_t i = 0; i < count; i++) {
        mt_field *fields = calloc(rows[i].count + 1, sizeof *fields);
        if (!fields) must(MT_NO_MEMORY);
        for (size_t j = 0; j < rows[i].count; j++) fields[j] = rows[i].fields[j];
        fields[rows[i].count] = (mt_field){.name = mt_str("by"), .value = mt_text(who)};
        stamped[i] = rows[i];
        stamped[i].fields = fields;
        stamped[i].count++;
    }
    must(mt_action_set_rows(action, stamped, count)); /* they are copied */
    for (size_t i = 0; i < count; i++) free((void *)stamped[i].fields);
    free(stamped);
    mt_action_pass(action);
}

static void write_age(mt_db *db, char *who, mt_value age)
{
    mt_options options = {.size = sizeof options, .app = who};
    mt_field field = {.name = mt_str("age"), .value = age};
    mt_row row = {.uid = mt_str("ada"), .fields = &field, .count = 1};
    mt_buf text = {.mem = mt_mem_system()};
    mt_handle *ada;

    if (mt_write_wait(db, &row, 1, &options, &ada) != MT_OK) {
        printf("%s is refused: %s\n", who, mt_db_error(db)->text);
        return;
    }
    must(mt_node_snapshot(mt_handle_node(ada), &text));
    printf("%s has written: %.*s\n", who, (int)text.len, (const char *)text.data);
    mt_buf_free(&text);
    mt_handle_unref(ada);
}

int main(void)
{
    const mt_hook hooks[] = {{.point = MT_BEFORE_WRITE, .run = validate},
                             {.point = MT_BEFORE_WRITE, .run = stamp}};
    mt_config config = {.size = sizeof config, .hooks = hooks, .hook_count = 2};
    const mt_config *configs[] = {&config};
    char bob[] = "Bob", eve[] = "Eve";
    mt_db *db;

    must(mt_open(configs, 1, &db, NULL));
    write_age(db, bob, mt_number(36));
    write_age(db, eve, mt_number(-1));
    write_age(db, eve, mt_text("old"));
    write_age(db, eve, mt_number(37));
    mt_close(db);
    return 0;
}
