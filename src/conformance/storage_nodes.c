/* storage_nodes.c - nodes: what is written is what is read. */
#include "conformance/storage_checks.h"

#include <stdio.h>
#include <string.h>

#define LARGE 300

/* Merges rows of one node with `count` fields f0000 and on. */
static mt_delta *large(mti_storage_caller *c, const char *uid, size_t count, uint64_t state)
{
    size_t size = count * (sizeof(mt_field) + 8);
    mt_field *fields = mti_trial_alloc(c->trial, size);
    mt_row row = {.uid = mt_str(uid), .fields = fields, .count = count};
    mt_delta *delta;
    char *names;

    if (!fields) return NULL;
    names = (char *)(fields + count);
    for (size_t i = 0; i < count; i++) {
        char *name = names + 8 * i;

        snprintf(name, 8, "f%04u", (unsigned)i % 10000);
        fields[i] =
            (mt_field){.name = mt_str(name), .value = mt_number((double)(i % 100)), .state = state};
    }
    delta = mti_storage_merge_rows(c, &row, 1);
    mti_trial_free(c->trial, fields, size);
    return delta;
}

void mti_storage_merge_large(mti_storage_caller *c, const char *uid, size_t count, uint64_t state)
{
    mti_storage_order order = {.delta = large(c, uid, count, state), .clock = 1};

    if (order.delta) mti_storage_write(c, &order, 0, NULL, NULL);
}

void mti_storage_check_new_is_empty(mti_storage_caller *c)
{
    static const uint8_t none[16];

    if (c->info.clock != 0 || c->info.clock_mode != 0 || c->info.log_first != 0)
        mti_trial_violate(c->trial, "a new storage knows of a clock or of changes");
    if (c->info.head.number != 0 || memcmp(c->info.head.boot, none, sizeof none) != 0)
        mti_trial_violate(c->trial, "a new storage knows of a head");
    mti_storage_expect_none(c, mt_str("ada"));
    mti_storage_expect_all(c);
}

void mti_storage_check_written_is_read(mti_storage_caller *c)
{
    mti_storage_merge(c, "{\"ada\":{\"@object\":{\"uid\":\"ada\"},"
                         "\"name\":{\"value\":\"Ada\",\"state\":4}}}");
    mti_storage_expect_all(c);
    mti_storage_merge(c, "{\"ada\":{\"@object\":{\"uid\":\"ada\"},"
                         "\"age\":{\"value\":36,\"state\":5},"
                         "\"name\":{\"value\":\"Ada Lovelace\",\"state\":7}},"
                         "\"bob\":{\"@object\":{\"uid\":\"bob\"}}}");
    mti_storage_expect_all(c);
    mti_storage_expect_none(c, mt_str("ad"));
    mti_storage_expect_none(c, mt_str("adaa"));
}

void mti_storage_check_markers_and_floors(mti_storage_caller *c)
{
    mti_storage_merge(c, "{\"ada\":{\"@object\":{\"uid\":\"ada\",\"floor\":3},"
                         "\"name\":{\"value\":\"Ada\",\"state\":4},"
                         "\"old\":{\"deleted\":true,\"state\":9}}}");
    mti_storage_expect_all(c);
    mti_storage_merge(c, "{\"ada\":{\"@object\":{\"uid\":\"ada\",\"floor\":9}}}");
    mti_storage_expect_all(c);
    mti_storage_merge(c, "{\"ada\":{\"@object\":{\"uid\":\"ada\",\"floor\":9},"
                         "\"name\":{\"value\":\"back\",\"state\":9007199254740991}}}");
    mti_storage_expect_all(c);
}

void mti_storage_check_every_value(mti_storage_caller *c)
{
    static uint8_t long_text[200000];
    mt_value values[] = {mt_null(),
                         mt_bool(false),
                         mt_bool(true),
                         mt_number(0),
                         mt_number(-1),
                         mt_number(0.1),
                         mt_number(5e-324),
                         mt_number(1.7976931348623157e308),
                         mt_int(INT64_C(9007199254740993)),
                         mt_int(INT64_MAX),
                         mt_text(""),
                         mt_text("a text \xF0\x9F\x98\x80"),
                         mt_string((mt_bytes){(const uint8_t *)"\0\n\"", 3}),
                         mt_blob((mt_bytes){NULL, 0}),
                         mt_blob((mt_bytes){(const uint8_t *)"\xFF\0\x80", 3}),
                         mt_edge_to("user/1"),
                         mt_string((mt_bytes){long_text, sizeof long_text})};
    char names[sizeof values / sizeof *values][4];
    mt_field fields[sizeof values / sizeof *values];
    mt_row row = {.uid = mt_str("all"), .fields = fields};
    mti_storage_order order = {.clock = 1};

    memset(long_text, 'x', sizeof long_text);
    for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
        snprintf(names[i], sizeof names[i], "v%02u", (unsigned)i % 100);
        fields[i] = (mt_field){.name = mt_str(names[i]), .value = values[i], .state = 1 + i};
    }
    row.count = sizeof values / sizeof *values;
    if (!(order.delta = mti_storage_merge_rows(c, &row, 1))) return;
    mti_storage_write(c, &order, 0, NULL, NULL);
    mti_storage_expect_all(c);
}

/* Uids and names of every length, some of which begin alike, and with all bytes that may be. */
void mti_storage_check_every_key(mti_storage_caller *c)
{
    static const char *const ends[] = {"\x01", "/", "~", "\x7F", "\xC3\xA9", "\xF4\x8F\xBF\xBF"};
    uint8_t text[MT_UID_LEN_MAX + 1];
    mt_field fields[2] = {{.state = 1}, {.name = mt_str("~"), .state = 2}};
    mt_row row = {.fields = fields, .count = 2};

    for (size_t len = 1; len <= MT_UID_LEN_MAX; len++) {
        const char *end = ends[len % 6];
        mti_storage_order order = {.clock = 1};

        memset(text, len % 7 ? 'u' : 'v', len);
        if (len > strlen(end)) memcpy(text + len - strlen(end), end, strlen(end));
        row.uid = (mt_bytes){text, len};
        fields[0].name = (mt_bytes){text, len == 1 ? 0 : len - 1 < 250 ? len - 1 : 1};
        if (mt_name_check(fields[0].name, NULL) != MT_OK) fields[0].name.len = 0;
        order.delta = mti_storage_merge_rows(c, &row, 1);
        if (order.delta) mti_storage_write(c, &order, 0, NULL, NULL);
    }
    mti_storage_expect_all(c);
}

void mti_storage_check_large_nodes(mti_storage_caller *c)
{
    mti_storage_merge_large(c, "grows", 10, 1);
    mti_storage_merge_large(c, "other", LARGE, 1);
    for (size_t count = 60; count < LARGE; count += 37) {
        mti_storage_merge_large(c, "grows", count, 2);
        mti_storage_expect_all(c);
    }
    mti_storage_merge(c, "{\"grows\":{\"@object\":{\"uid\":\"grows\"},"
                         "\"f0007\":{\"value\":\"another\",\"state\":5},"
                         "\"f0008\":{\"deleted\":true,\"state\":6}}}");
    mti_storage_expect_all(c);
    mti_storage_merge_large(c, "grows", 80, 7);
    mti_storage_merge(c, "{\"grows\":{\"@object\":{\"uid\":\"grows\",\"floor\":6}}}");
    mti_storage_expect_all(c);
    mti_storage_merge(c, "{\"grows\":{\"@object\":{\"uid\":\"grows\",\"floor\":7},"
                         "\"f0009\":{\"value\":1,\"state\":8}}}");
    mti_storage_expect_all(c);
    mti_storage_merge_large(c, "grows", LARGE, 9);
    mti_storage_expect_all(c);
}

/* What a read of some fields came to: of those that are there and were asked for, all. */
static void hear_part(void *arg, const mti_storage_request *request,
                      const mt_storage_answer *answer)
{
    mti_storage_caller *c = arg;
    const mt_storage_key *key = &request->keys[0];
    const mt_node *node = mt_graph_get(c->graph, key->uid);
    const mt_node *found = mt_graph_get(request->told.graph, key->uid);
    mt_field field, other;

    mti_storage_need_ok(c, request, answer);
    if (c->trial->broken) return;
    if (!found) {
        mti_trial_violate(c->trial, "a read of fields gives no row of a node that is there");
        return;
    }
    for (size_t i = 0; i < key->name_count && !c->trial->broken; i++) {
        bool has = mt_node_get_any(node, key->names[i], &field) == MT_OK;
        bool got = mt_node_get_any(found, key->names[i], &other) == MT_OK;

        if (has != got || (has && field.state != other.state))
            mti_trial_violate(c->trial, "the field %s was asked for and is not what it was",
                              mti_show(key->names[i]).text);
    }
    if (!request->told.partial && !mt_node_equal(node, found))
        mti_trial_violate(c->trial, "a node is not partial, and lacks something");
}

void mti_storage_check_parts(mti_storage_caller *c)
{
    mt_bytes names[] = {mt_str("f0001"), mt_str("f0008"), mt_str("f0299"), mt_str("none")};
    mt_storage_key key = {.names = names};

    mti_storage_merge_large(c, "large", LARGE, 3);
    mti_storage_merge_large(c, "small", 9, 3);
    mti_storage_merge(c, "{\"large\":{\"@object\":{\"uid\":\"large\",\"floor\":2},"
                         "\"f0008\":{\"deleted\":true,\"state\":6}}}");
    mti_storage_await(c);
    for (key.name_count = 0; key.name_count <= 4; key.name_count++) {
        key.uid = mt_str("large");
        mti_storage_read(c, &key, 1, 0, hear_part, c);
        key.uid = mt_str("small");
        mti_storage_read(c, &key, 1, 0, hear_part, c);
    }
    mti_storage_await(c);
    mti_storage_expect_none(c, mt_str("nobody"));
}

/* Nodes that storage has not seen all of, as they are after writes that left it out. */
void mti_storage_check_whole(mti_storage_caller *c)
{
    mt_field field = {.name = mt_str("x"), .value = mt_number(1), .state = 9};
    mt_row rows[] = {{.uid = mt_str("large"), .floor = 5},
                     {.uid = mt_str("small"), .fields = &field, .count = 1},
                     {.uid = mt_str("shrinks"), .floor = 5}};
    mti_storage_order order = {.whole = true, .clock = 1};

    mti_storage_merge_large(c, "large", LARGE, 3);
    mti_storage_merge_large(c, "shrinks", LARGE, 3);
    mti_storage_merge(c, "{\"small\":{\"@object\":{\"uid\":\"small\"}}}");
    mti_storage_await(c);
    mt_delta_free(mti_storage_merge_rows(c, rows, 3));
    mt_delta_free(large(c, "large", LARGE / 2, 9));
    field.name = mt_str("y");
    for (size_t i = 0; i < 3; i++) {
        rows[i].fields = &field;
        rows[i].count = 1;
    }
    order.delta = mti_storage_merge_rows(c, rows, 3);
    if (order.delta) mti_storage_write(c, &order, 0, NULL, NULL);
    mti_storage_expect_all(c);
}

void mti_storage_check_many(mti_storage_caller *c)
{
    const size_t count = 10000;
    size_t size = count * (sizeof(mt_row) + 12);
    mt_field field = {.name = mt_str("x"), .value = mt_edge_to("n00001"), .state = 1};
    mt_row *rows = mti_trial_alloc(c->trial, size);
    mti_storage_order order = {.clock = 1};

    if (!rows) return;
    for (size_t i = 0; i < count; i++) {
        char *uid = (char *)(rows + count) + 12 * i;

        snprintf(uid, 12, "n%05u", (unsigned)i % 100000);
        rows[i] = (mt_row){.uid = mt_str(uid), .fields = &field, .count = 1};
    }
    order.delta = mti_storage_merge_rows(c, rows, count);
    mti_trial_free(c->trial, rows, size);
    if (order.delta) mti_storage_write(c, &order, 0, NULL, NULL);
    mti_storage_expect_all(c);
}

/* What is left of the graph when some nodes were removed. */
static void forget(mti_storage_caller *c, const char *json)
{
    mt_graph_free(c->graph);
    c->graph = mti_storage_graph(c);
    mti_storage_merge(c, json);
}

void mti_storage_check_removed(mti_storage_caller *c)
{
    mt_bytes uids[] = {mt_str("ada"), mt_str("large"), mt_str("nobody")};

    mti_storage_merge(c, "{\"ada\":{\"@object\":{\"uid\":\"ada\"},\"x\":{\"value\":1,\"state\":9}},"
                         "\"adam\":{\"@object\":{\"uid\":\"adam\"},"
                         "\"x\":{\"value\":1,\"state\":1}}}");
    mti_storage_merge_large(c, "large", LARGE, 3);
    mti_storage_remove(c, uids, 3, NULL, NULL);
    mti_storage_expect_none(c, uids[0]);
    mti_storage_expect_none(c, uids[1]);
    /* They may come back, and are new then: nothing of before is left. */
    forget(c, "{\"ada\":{\"@object\":{\"uid\":\"ada\"},\"x\":{\"value\":2,\"state\":2}},"
              "\"adam\":{\"@object\":{\"uid\":\"adam\"},\"x\":{\"value\":1,\"state\":1}}}");
    mti_storage_merge_large(c, "large", 70, 2);
    mti_storage_expect_all(c);
}
