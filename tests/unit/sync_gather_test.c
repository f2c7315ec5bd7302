/* Rows become messages: none is longer than a link takes, and in each the nodes are in order. */
#include "sync/sync.h"
#include "test.h"

#include <stdlib.h>

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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nodes_that_come_in_another_order_are_in_messages_of_their_own),
        cmocka_unit_test(row_of_large_fields_goes_in_several_messages_all_but_the_last_cut),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
