/* The samples in vectors/store: what a node store holds, as the pairs of an engine in hexadecimal, beside
 * the graph, the log and the records that are read from it.
 *
 * Each sample is made by a few writes, which are below; its bytes are compared, so that to change one is
 * to change the format. */
#include "base/bytes.h"
#include "test_binary.h"
#include "test_json.h"
#include "test_shelf.h"
#include <mytosis/json.h>
#include <stdio.h>
#include <string.h>

/* ---- Files ---- */

static mt_bytes file_of(const char *name, const char *form)
{
    char path[100];

    snprintf(path, sizeof path, "store/%s.%s", name, form);
    return test_vectors(path);
}

/* Puts the pairs of a file into an engine: in each line a key and a value. */
static void load_pairs(test_shelf *shelf, const char *name)
{
    mt_bytes text = file_of(name, "hex");
    char *line = (char *)(uintptr_t)text.data, *end;

    for (; (end = strchr(line, '\n')); line = end + 1) {
        char *value = strchr(line, ' ');
        mt_buf key_bytes, value_bytes;

        *end = *value = 0;
        key_bytes = test_hex(line);
        value_bytes = test_hex(value + 1);
        test_shelf_put(shelf, mt_buf_bytes(&key_bytes), &value_bytes);
        mt_buf_free(&key_bytes);
        mt_buf_free(&value_bytes);
        *end = '\n';
        *value = ' ';
    }
    test_vectors_free(text);
}

static void add_hex(mt_buf *out, mt_bytes bytes, char end)
{
    char digits[3];

    for (size_t i = 0; i < bytes.len; i++) {
        snprintf(digits, sizeof digits, "%02x", bytes.data[i]);
        CHECK(mti_buf_append(out, digits, 2) == MT_OK);
    }
    CHECK(mti_buf_append(out, &end, 1) == MT_OK);
}

static void take_pairs(void *ctx, uint64_t id, const mt_kv_answer *answer)
{
    CHECK(id == 1 && answer->status == MT_OK && !answer->more);
    for (size_t i = 0; i < answer->count; i++) {
        add_hex(ctx, answer->pairs[i].key, ' ');
        add_hex(ctx, answer->pairs[i].value, '\n');
    }
}

/* Holds that an engine has the pairs of a file. */
static void check_pairs(test_shelf *shelf, const char *name)
{
    mt_bytes expected = file_of(name, "hex");
    mt_buf text = {.mem = test_mem()};
    mt_kv_host host = {take_pairs, &text};

    CHECK(shelf->engine.ops->scan(shelf->engine.ctx, &host, 1, mt_str(""), mt_str(""), 1000) ==
          MT_OK);
    if (!mt_bytes_equal(mt_buf_bytes(&text), expected))
        fail_msg("%.*sis written for %s.hex", (int)text.len, (const char *)text.data, name);
    mt_buf_free(&text);
    test_vectors_free(expected);
}

/* Holds that a store says what a file says of it. */
static void check_read(test_shelf *shelf, const char *name, const char *log, const char *records,
                       mt_cursor since)
{
    mt_bytes text = file_of(name, "json");
    mt_graph *graph = NULL;
    mt_error err = {0};

    if (mt_json_load(test_mem(), NULL, name, text, &graph, &err) != MT_OK) fail_msg("%s", err.text);
    test_vectors_free(text);
    test_asker_is(&shelf->s, graph);
    test_shelf_log(shelf, since, log);
    test_shelf_records(shelf, "", "", 10, records);
    mt_graph_free(graph);
}

/* ---- Samples ---- */

static void write_example(test_shelf *shelf)
{
    test_shelf_write(shelf,
                     "user/1 age=36@5 friend=&user/2@5 name='Ada'@5, "
                     "user/2 age=41.5@5 name='Charles'@6",
                     "");
}

static void write_large(test_shelf *shelf)
{
    shelf->options.small_len_max = 60;
    test_shelf_reopen(shelf);
    test_shelf_write(shelf, "big^3, few a='0123456789'@1 b='0123456789'@2 c='0123456789'@2 d=~@1",
                     "");
    test_shelf_write_large(shelf, "big", 65, 5);
    test_shelf_write(shelf, "big f001=8@6", "p");
}

/* Two openings, a log that was trimmed, peers, records, a clock that moved by itself. */
static void write_log(test_shelf *shelf)
{
    mt_storage_record record = {mt_str("peer/p"), mt_str("12")};
    mt_storage_write write = {.records = &record, .record_count = 1, .clock = 300, .clock_mode = 2};
    test_reply r;

    shelf->options.log_max = 4;
    test_shelf_reopen(shelf);
    test_shelf_write(shelf, "a x=1@1, b x=1@1, c x=1@1 y=1@1, d x=1@1", "");
    test_shelf_write(shelf, "c x=2@2, d x=2@2", "p");
    test_shelf_reopen(shelf);
    test_shelf_write(shelf, "c y=2@2", "p");
    test_shelf_write(shelf, "c x=3@3 y=3@3", "q");
    test_shelf_write(shelf, "c z=1@1, e^2", "p");
    test_ask_write(&shelf->s, &r, &write);
    test_await(&shelf->s, &r);
    test_reply_worked(&r);
}

/* An index that was stored, and lacks a write and a node that was forgotten since. */
static void write_index(test_shelf *shelf)
{
    mt_bytes uid = mt_str("b");
    test_reply r;

    shelf->options.small_len_max = 60;
    shelf->options.index_lag = 4;
    test_shelf_reopen(shelf);
    test_shelf_write(shelf,
                     "a x=1@1 y=~@2, b x=1@1, "
                     "few^1 a='0123456789'@2 b='0123456789'@2 c='0123456789'@3 d=~@4, z^3",
                     "");
    test_shelf_write(shelf, "few a='abcdefghij'@5", "");
    test_ask_remove(&shelf->s, &r, &uid, 1);
    test_await(&shelf->s, &r);
    test_reply_worked(&r);
}

typedef struct sample {
    const char *name;
    void (*write)(test_shelf *shelf);
    uint64_t since;
    const char *log, *records;
} sample;

static const sample samples[] = {
    {"example", write_example, 0, "1:user/1* 2:user/2*", "."},
    {"large", write_large, 0, "2:few* 3:big* 4:big(f001)<p", "."},
    {"log", write_log, 6, "8:c(x y)<q 9:c(z)<p 10:e*<p", "peer/p=12."},
    {"index", write_index, 0, "1:a* 2:b* 3:few* 4:z* 5:few(a)", "."},
};

TEST(samples_are_written)
{
    for (size_t i = 0; i < TEST_COUNT(samples); i++) {
        test_shelf shelf = {0};

        test_shelf_begin(&shelf);
        samples[i].write(&shelf);
        check_pairs(&shelf, samples[i].name);
        test_shelf_end(&shelf);
    }
}

TEST(samples_are_read)
{
    for (size_t i = 0; i < TEST_COUNT(samples); i++) {
        const sample *s = &samples[i];
        test_shelf shelf = {0};
        mt_cursor since = {{0}, 0};
        test_reply opened;

        test_shelf_begin(&shelf);
        load_pairs(&shelf, s->name);
        test_asker_end(&shelf.s);
        test_shelf_open(&shelf);
        test_ask_changes(&shelf.s, &opened, &since, 10);
        CHECK(opened.status == (s->since ? MT_STALE : MT_OK));
        test_reply_end(&opened);
        since = test_shelf_write(&shelf, "", "");
        since.number = s->since;
        if (!s->since) memset(&since, 0, sizeof since);
        check_read(&shelf, s->name, s->log, s->records, since);
        test_shelf_end(&shelf);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(samples_are_written),
        cmocka_unit_test(samples_are_read),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
