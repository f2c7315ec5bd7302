/* two_replicas.c - two replicas edit while apart, meet, and agree.
 *
 * Each writes without asking the other. One field is written by both: a conflict, which both
 * settle in the same way. A listener tells what each merge did. */
/* run by the tests */
#include <mytosis/mytosis.h>

#include <stdio.h>
#include <stdlib.h>

/* An example ends at the first error; a program would free what it holds and say more. */
static void must(mt_status status)
{
    if (status == MT_OK) return;
    fprintf(stderr, "two_replicas: %s\n", mt_status_text(status));
    exit(1);
}

static void print_field(mt_bytes uid, const mt_field *field)
{
    mt_buf text = {.mem = mt_mem_system()};

    must(mt_json_field(field, &text));
    printf("    %.*s %.*s %.*s", (int)uid.len, (const char *)uid.data, (int)field->name.len,
           (const char *)field->name.data, (int)text.len, (const char *)text.data);
    mt_buf_free(&text);
}

static void print_part(const mt_delta *delta, mt_delta_part part, const char *title)
{
    mt_delta_iter iter;
    mt_delta_node node;
    mt_field field;

    if (mt_delta_part_empty(delta, part)) return;
    printf("  %s\n", title);
    mt_delta_iter_init(&iter, delta, part);
    while (mt_delta_iter_node(&iter, &node)) {
        while (mt_delta_iter_field(&iter, &field)) {
            print_field(node.uid, &field);
            printf("\n");
        }
    }
}

static void print_conflicts(const mt_delta *delta)
{
    mt_delta_iter iter;
    mt_delta_node node;
    mt_conflict conflict;

    if (mt_delta_part_empty(delta, MT_CONFLICT)) return;
    printf("  conflict, an equal state that the incoming side won:\n");
    mt_delta_iter_init(&iter, delta, MT_CONFLICT);
    while (mt_delta_iter_node(&iter, &node)) {
        while (mt_delta_iter_conflict(&iter, &conflict)) {
            print_field(node.uid, &conflict.won);
            printf(" won over\n");
            print_field(node.uid, &conflict.lost);
            printf("\n");
        }
    }
}

/* An mt_graph_listener: called after each change, with a delta that lives until it returns. */
static void on_change(void *ctx, mt_graph *graph, const mt_delta *delta)
{
    (void)graph;
    printf("\n%s changed\n", (const char *)ctx);
    print_part(delta, MT_UPDATE, "update, what is new:");
    print_part(delta, MT_HISTORY, "history, what was overwritten or came too late:");
    print_conflicts(delta);
}

int main(void)
{
    const mt_mem *mem = mt_mem_system();
    const mt_bytes trip = mt_str("trip");
    mt_graph *phone = NULL;
    mt_graph *laptop = NULL;
    bool equal;

    /* Both begin with the same trip. A clone would be as good; peers start with a merge. */
    must(mt_graph_new(mem, NULL, &phone));
    must(mt_graph_new(mem, NULL, &laptop));
    must(mt_graph_set(phone, trip, mt_str("to"), mt_text("Lisbon")));
    must(mt_graph_set(phone, trip, mt_str("seats"), mt_number(2)));
    must(mt_graph_merge(laptop, phone, NULL));

    /* Apart: both set `seats` once, so both writes have state 2. `to` is changed once here and
     * twice there. */
    must(mt_graph_set(phone, trip, mt_str("seats"), mt_number(3)));
    must(mt_graph_set(phone, trip, mt_str("to"), mt_text("Porto")));
    must(mt_graph_set(phone, trip, mt_str("paid"), mt_bool(true)));
    must(mt_graph_set(laptop, trip, mt_str("seats"), mt_number(4)));
    must(mt_graph_set(laptop, trip, mt_str("to"), mt_text("Faro")));
    must(mt_graph_set(laptop, trip, mt_str("to"), mt_text("Madeira")));
    must(mt_graph_set(laptop, mt_str("hotel"), mt_str("for"), mt_edge(trip)));

    must(mt_graph_listen(phone, on_change, "phone"));
    must(mt_graph_listen(laptop, on_change, "laptop"));
    must(mt_graph_merge(phone, laptop, NULL));
    must(mt_graph_merge(laptop, phone, NULL));

    equal = mt_graph_equal(phone, laptop);
    printf("\nthe two are %s\n", equal ? "equal" : "NOT EQUAL");
    mt_graph_free(phone);
    mt_graph_free(laptop);
    return equal ? 0 : 1;
}
