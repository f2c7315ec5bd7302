/* The first program of the README: a store on disk, two nodes, an edge followed, an event heard. It prints:
 *
 *     people: 2 nodes changed
 *     Ada's friend was born in 1791
 */
/* run by the tests */
#include <mytosis/mytosis.h>
#include <stdio.h>

static void heard(void *name, mt_db *db, const mt_event *event)
{
    (void)db;
    printf("%s: %zu nodes changed\n", (const char *)name, event->count);
}

int main(void)
{
    mt_field ada = {.name = mt_str("friend"), .value = mt_edge_to("charles")};
    mt_field charles = {.name = mt_str("born"), .value = mt_number(1791)};
    mt_row rows[] = {{.uid = mt_str("ada"), .fields = &ada, .count = 1},
                     {.uid = mt_str("charles"), .fields = &charles, .count = 1}};
    mt_handle *node, *to;
    mt_db *db;
    bool ok = mt_open_path("people.mdb", NULL, &db, NULL) == MT_OK &&
              mt_on(db, &(mt_listen){0}, heard, "people", NULL) == MT_OK &&
              mt_write_wait(db, rows, 2, NULL, &node) == MT_OK &&
              mt_field_wait(node, mt_str("friend"), NULL, &ada, &to) == MT_OK &&
              mt_handle_get(to, mt_str("born"), &charles) == MT_OK;
    if (ok) printf("Ada's friend was born in %g\n", charles.value.as.number);
    if (ok) mt_close(db);
    return ok ? 0 : 1;
}
