/* admin_message_test.c - what a daemon and the commands say to each other, whole, cut short and garbled. */
#include "test.h"
#include <mytosis/mytosis.h>
#include <stdlib.h>
#include <string.h>

#include "admin_message.h"

#define ROUNDS 4000

/* ---- What is said ---- */

static const mt_bytes names[] = {{(const uint8_t *)"a", 1}, {(const uint8_t *)"b", 1}};

static void put_keys(cli_text *text)
{
    mt_storage_key keys[] = {{.uid = mt_str("ada"), .names = names, .name_count = 2},
                             {.uid = mt_str("bob"), .whole = true}};

    cli_admin_put_keys(text, keys, 2);
}

static void put_uids(cli_text *text)
{
    mt_bytes uids[] = {mt_str("ada"), mt_str("bob")};

    cli_admin_put_uids(text, uids, 2);
}

static void put_page(cli_text *text)
{
    cli_admin_put_page(text, mt_str("note/"), mt_str("note/7"), 12);
}

static void put_since(cli_text *text)
{
    mt_cursor since = {.boot = {1, 2, 3}, .number = 77};

    cli_admin_put_since(text, &since, 12);
}

static void put_write(cli_text *text)
{
    mt_storage_record records[] = {{mt_str("kept"), mt_str("1")}, {.key = mt_str("gone")}};
    mt_field field = {.name = mt_str("x"), .value = mt_text("text"), .state = 7};
    mt_row row = {.uid = mt_str("ada"), .fields = &field, .count = 1, .floor = 3};
    mt_storage_commit commits[2] = {{.delta = NULL}, {.whole = true}};
    mt_storage_write write = {commits, 2, records, 2, 9, 1};
    mt_graph *graph = NULL;
    mt_delta *delta = NULL;

    CHECK(mt_graph_new(mt_mem_system(), NULL, &graph) == MT_OK);
    CHECK(mt_graph_merge_rows(graph, &row, 1, &delta) == MT_OK);
    commits[0].delta = commits[1].delta = delta;
    cli_admin_put_write(text, &write, false);
    mt_delta_free(delta);
    mt_graph_free(graph);
}

static void put_merge(cli_text *text)
{
    mt_field field = {.name = mt_str("x"), .value = mt_text("text"), .state = 7};
    mt_row row = {.uid = mt_str("ada"), .fields = &field, .count = 1, .floor = 3};
    mt_graph *graph = NULL;

    CHECK(mt_graph_new(mt_mem_system(), NULL, &graph) == MT_OK);
    CHECK(mt_graph_merge_rows(graph, &row, 1, NULL) == MT_OK);
    cli_admin_put_merge(text, graph, true);
    mt_graph_free(graph);
}

static void put_patch(cli_text *text)
{
    mt_field fields[] = {{.name = mt_str("a"), .value = mt_number(0.5)},
                         {.name = mt_str("b"), .value = mt_bool(true)},
                         {.name = mt_str("c"), .value = mt_null()},
                         {.name = mt_str("d"), .value = mt_int(INT64_MAX)},
                         {.name = mt_str("e"), .value = mt_edge_to("bob")},
                         {.name = mt_str("f"), .kind = MT_FIELD_DELETED}};
    mt_row rows[] = {{.uid = mt_str("ada"), .fields = fields, .count = 6, .delete_node = true},
                     {.uid = mt_str("bob")}};

    cli_admin_put_patch(text, rows, 2);
}

static mt_status keep_body(void *ctx, mt_bytes body)
{
    cli_text *text = ctx;

    text->buf.len = 0;
    cli_text_add(text, body);
    return text->status;
}

static void put_answer(cli_text *text)
{
    mt_field fields[] = {{.name = mt_str("a"), .value = mt_text("text"), .state = 7},
                         {.name = mt_str("b"), .kind = MT_FIELD_DELETED, .state = 8}};
    mt_storage_row rows[] = {
        {.row = {.uid = mt_str("ada"), .fields = fields, .count = 1, .more = true}, .state_max = 8},
        {.row = {.uid = mt_str("ada"), .fields = fields + 1, .count = 1}, .state_max = 8},
        {.row = {.uid = mt_str("bob"), .fields = fields, .count = 1, .more = true},
         .state_max = 9,
         .partial = true}};
    mt_storage_change changes[] = {
        {.number = 3, .uid = mt_str("ada"), .names = names, .name_count = 2},
        {.number = 4, .uid = mt_str("bob"), .all = true, .origin = mt_str("o")}};
    mt_storage_record records[] = {{mt_str("kept"), mt_str("1")}};
    mt_storage_info info = {.clock = 5, .clock_mode = 1, .head.number = 6, .log_first = 1};
    mt_storage_answer answer = {.status = MT_MALFORMED,
                                .text = "damage",
                                .rows = rows,
                                .row_count = 3,
                                .changes = changes,
                                .change_count = 2,
                                .next.number = 9,
                                .end = true,
                                .info = &info,
                                .records = records,
                                .record_count = 1};

    CHECK(cli_admin_send_answer(&answer, 1234, keep_body, text) == MT_OK);
}

/* ---- What is understood ---- */

static mt_status take_keys(mt_bytes body)
{
    cli_unpacking from = {.rest = body};
    cli_admin_keys keys;
    mt_status st = cli_admin_take_keys(&from, &keys);

    if (st != MT_OK) return st;
    CHECK(keys.count <= body.len);
    free(keys.keys);
    free(keys.names);
    return st;
}

static mt_status take_uids(mt_bytes body)
{
    cli_unpacking from = {.rest = body};
    mt_bytes *uids;
    size_t count;
    mt_status st = cli_admin_take_uids(&from, &uids, &count);

    if (st != MT_OK) return st;
    for (size_t i = 0; i < count; i++) CHECK(mt_uid_check(uids[i], NULL) == MT_OK);
    free(uids);
    return st;
}

static mt_status take_page(mt_bytes body)
{
    cli_unpacking from = {.rest = body};
    cli_admin_page page;

    return cli_admin_take_page(&from, &page);
}

static mt_status take_since(mt_bytes body)
{
    cli_unpacking from = {.rest = body};
    mt_cursor since;
    size_t limit;

    return cli_admin_take_since(&from, &since, &limit);
}

static mt_status take_write(mt_bytes body)
{
    cli_unpacking from = {.rest = body};
    cli_admin_write write;
    mt_status st = cli_admin_take_write(&from, &write);

    if (st != MT_OK) return st;
    for (size_t i = 0; i < write.commit_count; i++) (void)cli_unpack_bytes(&from);
    free(write.records);
    return cli_unpack_end(&from) ? MT_OK : MT_MALFORMED;
}

static mt_status take_patch(mt_bytes body)
{
    cli_unpacking from = {.rest = body};
    cli_admin_patch patch;
    mt_status st = cli_admin_take_patch(&from, &patch);

    if (st != MT_OK) return st;
    free(patch.rows);
    free(patch.fields);
    return st;
}

static void look(void *ctx, uint64_t id, const mt_storage_answer *answer)
{
    size_t *rows = ctx;

    CHECK(id == 5);
    for (size_t i = 0; i < answer->row_count; i++)
        CHECK(mt_uid_check(answer->rows[i].row.uid, NULL) == MT_OK);
    *rows += answer->row_count;
}

static mt_status take_answer(mt_bytes body)
{
    size_t rows = 0;
    mt_storage_host host = {look, &rows};
    uint64_t bytes = 0;
    bool more = true;

    return cli_admin_give_answer(body, &host, 5, &more, &bytes);
}

static const struct form {
    void (*put)(cli_text *text);
    mt_status (*take)(mt_bytes body);
} forms[] = {{put_keys, take_keys},   {put_uids, take_uids},    {put_page, take_page},
             {put_since, take_since}, {put_write, take_write},  {put_merge, take_write},
             {put_patch, take_patch}, {put_answer, take_answer}};

/* ---- The tests ---- */

/* The bytes in a block of their own, so that a sanitizer sees what is read behind them. */
static mt_status take_copy(const struct form *form, mt_bytes body)
{
    uint8_t *copy = malloc(body.len ? body.len : 1);
    mt_status st;

    if (!copy) abort();
    if (body.len) memcpy(copy, body.data, body.len);
    st = form->take((mt_bytes){copy, body.len});
    free(copy);
    return st;
}

TEST(what_is_whole_is_understood_and_what_is_cut_short_is_not)
{
    for (size_t i = 0; i < TEST_COUNT(forms); i++) {
        cli_text text;

        cli_text_init(&text);
        forms[i].put(&text);
        CHECK(text.status == MT_OK);
        CHECK(take_copy(&forms[i], mt_buf_bytes(&text.buf)) == MT_OK);
        for (size_t len = 0; len < text.buf.len; len++)
            CHECK(take_copy(&forms[i], (mt_bytes){text.buf.data, len}) == MT_MALFORMED);
        cli_text_str(&text, "x");
        CHECK(take_copy(&forms[i], mt_buf_bytes(&text.buf)) == MT_MALFORMED);
        cli_text_free(&text);
    }
}

TEST(what_is_garbled_is_refused_or_understood_and_harms_nobody)
{
    test_rng rng = test_rng_new(8831);

    for (size_t i = 0; i < TEST_COUNT(forms); i++) {
        cli_text text;

        cli_text_init(&text);
        for (size_t round = 0; round < ROUNDS; round++) {
            size_t times = 1 + test_rng_below(&rng, 4);
            mt_status st;

            text.buf.len = 0;
            forms[i].put(&text);
            while (times-- > 0)
                text.buf.data[test_rng_below(&rng, text.buf.len)] = (uint8_t)test_rng_next(&rng);
            st = take_copy(&forms[i], mt_buf_bytes(&text.buf));
            CHECK(st == MT_OK || st == MT_MALFORMED || st == MT_NO_MEMORY);
        }
        cli_text_free(&text);
    }
}

static void compare(void *ctx, uint64_t id, const mt_storage_answer *answer)
{
    size_t *rows = ctx;

    (void)id;
    for (size_t i = 0; i < answer->row_count; i++, ++*rows) {
        const mt_storage_row *row = &answer->rows[i];

        CHECK(mt_bytes_equal(row->row.uid, mt_str(*rows < 2 ? "ada" : "bob")));
        CHECK(row->row.more == (*rows != 1) && row->partial == (*rows == 2));
        CHECK(row->state_max == (*rows == 2 ? 9 : 8));
        CHECK(answer->more);
    }
    if (answer->more) return;
    CHECK(answer->status == MT_MALFORMED && strcmp(answer->text, "damage") == 0 && answer->end);
    CHECK(answer->change_count == 2 && answer->changes[0].name_count == 2 &&
          answer->changes[1].all);
    CHECK(answer->record_count == 1 && answer->info->clock == 5 && answer->next.number == 9);
}

TEST(an_answer_arrives_as_it_was)
{
    size_t rows = 0;
    mt_storage_host host = {compare, &rows};
    uint64_t bytes = 0;
    bool more = true;
    cli_text text;

    cli_text_init(&text);
    put_answer(&text);
    CHECK(cli_admin_give_answer(mt_buf_bytes(&text.buf), &host, 5, &more, &bytes) == MT_OK);
    CHECK(rows == 3 && bytes == 1234 && !more);
    cli_text_free(&text);
}

TEST(a_patch_arrives_as_it_was)
{
    cli_unpacking from;
    cli_admin_patch patch;
    cli_text text;

    cli_text_init(&text);
    put_patch(&text);
    from = (cli_unpacking){.rest = mt_buf_bytes(&text.buf)};
    CHECK(cli_admin_take_patch(&from, &patch) == MT_OK);
    CHECK(patch.count == 2 && patch.rows[0].count == 6 && patch.rows[0].delete_node);
    CHECK(patch.rows[0].fields[0].value.as.number == 0.5);
    CHECK(patch.rows[0].fields[3].value.as.integer == INT64_MAX);
    CHECK(mt_bytes_equal(patch.rows[0].fields[4].value.as.bytes, mt_str("bob")));
    CHECK(patch.rows[0].fields[5].kind == MT_FIELD_DELETED && patch.rows[1].count == 0);
    free(patch.rows);
    free(patch.fields);
    cli_text_free(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_whole_is_understood_and_what_is_cut_short_is_not),
        cmocka_unit_test(what_is_garbled_is_refused_or_understood_and_harms_nobody),
        cmocka_unit_test(an_answer_arrives_as_it_was),
        cmocka_unit_test(a_patch_arrives_as_it_was),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
