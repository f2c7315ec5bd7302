/* watch_prefix.c - events: all nodes of a room are watched by their prefix, one node by its uid.
 *
 * A listener is called once for each commit that touches what it is about, after it was stored, with
 * what changed; who else listens, and to how much, costs it nothing. It prints:
 *
 *     of all rooms
 *         rooms is new: messages=2
 *     in room 1
 *         room/1/a is new: text="Hello"
 *         room/1/b is new: text="Anybody?"
 *     in room 1
 *         room/1/b: text=-
 *     in room 1
 *         room/1/a is deleted
 */
/* run by the tests */
#include <mytosis/mytosis.h>

#include <stdio.h>
#include <stdlib.h>

/* An example ends at the first error. */
static void must(mt_status status)
{
    if (status == MT_OK) return;
    fprintf(stderr, "watch_prefix: %s\n", mt_status_text(status));
    exit(1);
}

static void print_field(const mt_field *field)
{
    mt_buf text = {.mem = mt_mem_system()};

    if (field->kind == MT_FIELD_VALUE) must(mt_value_json(&field->value, &text));
    printf(" %.*s=%.*s", (int)field->name.len, (const char *)field->name.data,
           text.len ? (int)text.len : 1, text.len ? (const char *)text.data : "-");
    mt_buf_free(&text);
}

/* Prints what changed of the nodes that the listener is about. */
static void heard(void *ctx, mt_db *db, const mt_event *event)
{
    mt_delta_iter iter = {.delta = NULL};
    mt_delta_node node;
    mt_field field;

    (void)db;
    printf("%s\n", (const char *)ctx);
    while (mt_event_node(event, &iter, &node)) {
        printf("    %.*s%s", (int)node.uid.len, (const char *)node.uid.data,
               node.created ? " is new:"
               : node.floor ? " is deleted"
                            : ":");
        while (mt_delta_iter_field(&iter, &field)) print_field(&field);
        printf("\n");
    }
}

static void set(mt_db *db, const char *uid, const char *name, mt_value value)
{
    mt_field field = {.name = mt_str(name), .value = value};
    mt_row row = {.uid = mt_str(uid), .fields = &field, .count = 1};

    must(mt_write_wait(db, &row, 1, NULL, NULL));
}

/* Two messages and the count of them, as one commit: one event. */
static void say_twice(mt_db *db)
{
    mt_field hello = {.name = mt_str("text"), .value = mt_text("Hello")};
    mt_field again = {.name = mt_str("text"), .value = mt_text("Anybody?")};
    mt_field count = {.name = mt_str("messages"), .value = mt_number(2)};
    mt_row rows[] = {{.uid = mt_str("room/1/a"), .fields = &hello, .count = 1},
                     {.uid = mt_str("room/1/b"), .fields = &again, .count = 1},
                     {.uid = mt_str("rooms"), .fields = &count, .count = 1}};

    must(mt_write_wait(db, rows, 3, NULL, NULL));
}

int main(void)
{
    char room[] = "in room 1", rooms[] = "of all rooms";
    mt_listening *one, *all;
    mt_db *db;

    must(mt_open(NULL, 0, &db, NULL));
    must(mt_on(db, &(mt_listen){.prefix = mt_str("room/1/")}, heard, room, &one));
    must(mt_on(db, &(mt_listen){.uid = mt_str("rooms")}, heard, rooms, &all));

    say_twice(db);
    set(db, "room/2/a", "text", mt_text("nobody hears this"));
    must(mt_delete_fields_wait(db, mt_str("room/1/b"), &(mt_bytes){(const uint8_t *)"text", 4}, 1,
                               NULL));
    must(mt_delete_wait(db, mt_str("room/1/a"), NULL));

    mt_off(one);
    set(db, "room/1/c", "text", mt_text("nor this"));
    mt_off(all);
    mt_close(db);
    return 0;
}
