/* Rows become messages: none is longer than a link takes, and in each the nodes are in order. */
#include "sync/sync.h"
#include "test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static mt_row row_of(const char *uid, const mt_field *fields, size_t count)
{
    return (mt_row){.uid = mt_str(uid), .fields = fields, .count = count};
}

/* Takes a message out; answers how many fields are in it, and checks that it can be read. */
static size_t take(mti_gather *rows, bool cut)
{
    mt_binary_reader *reader;
    mti_message m;
    mt_row row;
    size_t fields = 0;
    mt_status st;

    CHECK(mti_gather_first(rows, &m));
    CHECK(m.cut == cut && m.rows.len < MT_MESSAGE_LEN_MAX - 1024);
    CHECK(mt_binary_reader_new(test_mem(), NULL, NULL, "rows", &reader) == MT_OK);
    CHECK(mt_binary_reader_feed(reader, m.rows, true) == MT_OK);
    while ((st = mt_binary_reader_next(reader, &row)) == MT_OK) fields += row.count;
    CHECK(st == MT_END);
    mt_binary_reader_free(reader);
    mti_gather_pop(rows);
    return fields;
}

TEST(nodes_that_come_in_another_order_are_in_messages_of_their_own)
{
    mt_field field = {.name = mt_str("x"), .value = mt_number(1), .state = 1};
    mt_row b = row_of("b", &field, 1), a = row_of("a", &field, 1);
    mti_gather rows;

    mti_gather_init(&rows, test_mem());
    CHECK(mti_gather_add(&rows, &b) == MT_OK && mti_gather_add(&rows, &a) == MT_OK);
    CHECK(mti_gather_end(&rows) == MT_OK);
    CHECK(take(&rows, false) == 1 && take(&rows, false) == 1 && !mti_gather_waits(&rows));
    mti_gather_free(&rows);
    CHECK(test_mem_live() == 0);
}

TEST(row_of_large_fields_goes_in_several_messages_all_but_the_last_cut)
{
    enum { COUNT = 20, LEN = 200000 };
    char *text = calloc(1, LEN), names[COUNT][4];
    mt_field fields[COUNT];
    mt_row row = row_of("a", fields, COUNT);
    mti_gather rows;
    size_t seen = 0;

    CHECK(text != NULL);
    for (size_t i = 0; i < COUNT; i++) {
        names[i][0] = (char)('a' + (char)i);
        fields[i] = (mt_field){.name = {(const uint8_t *)names[i], 1},
                               .value = mt_blob((mt_bytes){(const uint8_t *)text, LEN}),
                               .state = 1};
    }
    mti_gather_init(&rows, test_mem());
    CHECK(mti_gather_add(&rows, &row) == MT_OK && mti_gather_end(&rows) == MT_OK);
    CHECK(rows.count > 4);
    for (size_t i = 0, count = rows.count; i < count; i++) seen += take(&rows, i + 1 < count);
    CHECK(seen == COUNT);
    mti_gather_free(&rows);
    free(text);
    CHECK(test_mem_live() == 0);
}

/* ---- Nodes ---- */

#define FIELDS 200u

/* A node of many fields, deleted at state 3: of states 5 to 9, in turn. */
static mt_graph *graph_of_one(void)
{
    mt_graph *graph;
    mt_field field = {.value = mt_text("some text")};
    mt_row row = {.uid = mt_str("ada"), .fields = &field, .count = 1, .floor = 3};

    CHECK(mt_graph_new(test_mem(), NULL, &graph) == MT_OK);
    for (unsigned i = 0; i < FIELDS; i++) {
        char name[8];
        (void)snprintf(name, sizeof name, "f%04u", i);
        field.name = mt_str(name);
        field.state = 5 + i % 5;
        CHECK(mt_graph_merge_rows(graph, &row, 1, NULL) == MT_OK);
    }
    return graph;
}

typedef enum what { WHOLE, SOME_NAMES, NO_NAMES, BETWEEN, NOTHING_BETWEEN, WHATS } what;

/* Gathers some of it; `*fields`: how many. */
static mt_status gather(const mt_mem *mem, const mt_node *node, what kind, size_t *fields)
{
    static char texts[150][8];
    mt_bytes names[TEST_COUNT(texts)];
    mt_storage_key key = {.names = names, .whole = kind == WHOLE};
    mti_gather rows;
    bool any = false;
    mt_status st;

    for (size_t i = 0; i < TEST_COUNT(texts); i++) {
        (void)snprintf(texts[i], sizeof texts[i], "f%04u", (unsigned)(100 + i)); /* half of them */
        names[i] = mt_str(texts[i]);
    }
    if (kind == SOME_NAMES) key.name_count = TEST_COUNT(texts);
    mti_gather_init(&rows, mem);
    if (kind < BETWEEN) st = mti_gather_node(&rows, node, &key);
    else
        st = mti_gather_between(&rows, node, kind == BETWEEN ? 5 : 9, kind == BETWEEN ? 6 : 9, 8,
                                &any);
    if (st == MT_OK) st = mti_gather_end(&rows);
    if (st == MT_OK) CHECK(any == (kind == BETWEEN));
    *fields = 0;
    while (st == MT_OK && mti_gather_waits(&rows)) *fields += take(&rows, false);
    mti_gather_free(&rows);
    return st;
}

TEST(node_goes_as_far_as_it_is_wanted_and_there_is_memory)
{
    static const size_t fields[WHATS] = {FIELDS, 100, 0, 80, 0};
    mt_graph *graph = graph_of_one();
    const mt_node *node = mt_graph_get(graph, mt_str("ada"));

    for (int kind = WHOLE; kind < WHATS; kind++)
        for (size_t at = 0;; at++) {
            fail_mem memory = {.fail_at = at};
            size_t count;
            mt_status st = gather(fail_mem_hook(&memory), node, (what)kind, &count);
            CHECK(st == (memory.tripped ? MT_NO_MEMORY : MT_OK) && memory.live_bytes == 0);
            if (memory.tripped) continue;
            CHECK(count == fields[kind]);
            break;
        }
    mt_graph_free(graph);
    CHECK(test_mem_live() == 0);
}

TEST(node_that_was_never_written_is_no_row)
{
    static const mt_storage_key whole = {.whole = true};
    mti_gather rows;

    mti_gather_init(&rows, test_mem());
    CHECK(mti_gather_node(&rows, NULL, &whole) == MT_OK && mti_gather_end(&rows) == MT_OK);
    CHECK(!mti_gather_waits(&rows));
    mti_gather_free(&rows);
}

/* What waits goes while the next message is being filled. */
TEST(message_may_be_taken_out_while_another_is_filled)
{
    mt_field field = {.name = mt_str("x"), .value = mt_number(1), .state = 1};
    mt_row a = row_of("a", &field, 1), b = row_of("b", &field, 1);
    mti_gather rows;

    mti_gather_init(&rows, test_mem());
    CHECK(mti_gather_add(&rows, &a) == MT_OK && mti_gather_end(&rows) == MT_OK);
    CHECK(mti_gather_add(&rows, &b) == MT_OK);
    CHECK(take(&rows, false) == 1 && !mti_gather_waits(&rows));
    CHECK(mti_gather_end(&rows) == MT_OK && take(&rows, false) == 1);
    mti_gather_free(&rows);
    CHECK(test_mem_live() == 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nodes_that_come_in_another_order_are_in_messages_of_their_own),
        cmocka_unit_test(node_goes_as_far_as_it_is_wanted_and_there_is_memory),
        cmocka_unit_test(node_that_was_never_written_is_no_row),
        cmocka_unit_test(message_may_be_taken_out_while_another_is_filled),
        cmocka_unit_test(row_of_large_fields_goes_in_several_messages_all_but_the_last_cut),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
