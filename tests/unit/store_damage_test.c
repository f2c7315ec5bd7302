/* store_damage_test.c - every byte of every record, and of every key, changed: it is found or does no
 * harm, what is damaged is never served, and all else is read as before. */
#include "store/key.h"
#include "test_shelf.h"
#include <stdio.h>
#include <string.h>

static void write_all(test_shelf *shelf)
{
    shelf->options.log_max = 6;
    shelf->options.small_len_max = 100;
    test_shelf_write(shelf, "ada name='Ada Lovelace'@4 age=7@5, bob^3 x=~@5 friend=&ada@6", "");
    test_shelf_write(shelf, "few a='a text that makes the record of this node a long one'@1", "p");
    test_shelf_write_large(shelf, "big", 66, 5);
    CHECK(test_shelf_record(shelf, "peer/p", "12") == MT_OK);
    test_shelf_reopen(shelf);
    test_shelf_write(shelf, "ada age=8@6, eve x=1@1, cy x=1@1, dan x=1@1, fay x=1@1", "p");
    test_shelf_write(shelf, "ada age=9@7", "");
    CHECK(test_shelf_record(shelf, "peer/q", "13") == MT_OK);
}

/* ---- What is read from a damaged store ---- */

/* Whether a row says nothing but what is so. */
static void row_is_sound(const mt_graph *graph, const mt_storage_row *row)
{
    const mt_node *node = mt_graph_get(graph, row->row.uid);
    mt_field field;

    HOLDS(node && row->row.floor == mt_node_floor(node));
    HOLDS(row->state_max == mt_node_state_max(node));
    for (size_t i = 0; i < row->row.count; i++) {
        HOLDS(mt_node_get_any(node, row->row.fields[i].name, &field) == MT_OK);
        HOLDS(ref_field_equal(&field, &row->row.fields[i]));
    }
}

/* Reads each node by itself. At most one is damaged; the others are all there. Answers how many are
 * not. */
static size_t nodes_are_sound(test_asker *s, const mt_graph *graph)
{
    const mt_bytes all = {NULL, 0};
    size_t lost = 0;
    mt_graph_iter iter;
    const mt_node *node;

    mt_graph_iter_init(&iter, graph, all, all);
    while ((node = mt_graph_iter_next(&iter))) {
        mt_storage_key key = {.uid = mt_node_uid(node), .whole = true};
        size_t fields = 0;
        test_reply r;

        test_ask_read(s, &r, &key, 1);
        HOLDS(r.done && (r.status == MT_OK || r.status == MT_MALFORMED));
        for (size_t i = 0; i < r.row_count; i++) {
            row_is_sound(graph, &r.rows[i]);
            fields += r.rows[i].row.count;
        }
        lost += r.status != MT_OK || r.row_count == 0 || fields < mt_node_count_all(node);
        if (r.status == MT_MALFORMED)
            HOLDS(strstr(r.text, (const char[]){(char)key.uid.data[0], (char)key.uid.data[1], 0}));
        test_reply_end(&r);
    }
    return lost;
}

/* Lists everything: no more is left out than `lost` nodes, and what is said is so. */
static void list_is_sound(test_asker *s, const mt_graph *graph, size_t lost)
{
    size_t count = 0;
    test_reply r;

    test_ask_list(s, &r, mt_str(""), mt_str(""), 100);
    HOLDS(r.done && (r.status == MT_OK || r.status == MT_MALFORMED) && r.end);
    for (size_t i = 0; i < r.row_count; i++) {
        row_is_sound(graph, &r.rows[i]);
        count += !r.rows[i].row.more;
    }
    HOLDS(count + lost >= mt_graph_count(graph) && count <= mt_graph_count(graph));
    test_reply_end(&r);
}

/* What the log and the records say is what they said. */
static void rest_is_sound(test_asker *s, const test_reply *changes, const test_reply *records,
                          mt_cursor since)
{
    test_reply r;

    test_ask_changes(s, &r, &since, 100);
    HOLDS(r.done);
    if (r.status == MT_OK && r.change_count == changes->change_count)
        for (size_t i = 0; i < r.change_count; i++) {
            HOLDS(r.changes[i].number == changes->changes[i].number);
            HOLDS(mt_bytes_equal(r.changes[i].uid, changes->changes[i].uid));
            HOLDS(r.changes[i].all == changes->changes[i].all);
            HOLDS(r.changes[i].name_count == changes->changes[i].name_count);
            HOLDS(mt_bytes_equal(r.changes[i].origin, changes->changes[i].origin));
        }
    HOLDS(r.status == MT_OK || r.status == MT_MALFORMED || r.status == MT_STALE);
    test_reply_end(&r);
    test_ask_records(s, &r, mt_str(""), mt_str(""), 100);
    HOLDS(r.done && (r.status == MT_OK || r.status == MT_MALFORMED));
    HOLDS(r.record_count + 1 >= records->record_count);
    for (size_t i = 0; i < r.record_count; i++) {
        size_t same = 0;

        for (size_t j = 0; j < records->record_count; j++)
            same += mt_bytes_equal(r.records[i].key, records->records[j].key) &&
                    mt_bytes_equal(r.records[i].value, records->records[j].value);
        HOLDS(same == 1);
    }
    test_reply_end(&r);
}

/* ---- Damage ---- */

typedef struct sound {
    test_reply changes, records;
    mt_cursor since;
} sound;

/* Opens the store anew, and reads all. A node is lost where its own records are damaged. */
static void look(test_shelf *shelf, const sound *before, bool node)
{
    size_t lost;

    test_shelf_reopen(shelf);
    lost = nodes_are_sound(&shelf->s, shelf->graph);
    HOLDS(node ? lost <= 1 : lost == 0);
    list_is_sound(&shelf->s, shelf->graph, lost);
    rest_is_sound(&shelf->s, &before->changes, &before->records, before->since);
}

static void damage_value(test_shelf *shelf, const sound *before, const mt_kv_pair *pair)
{
    bool node = pair->key.data[0] == 'n' || pair->key.data[0] == 'f';
    mt_buf value = {.mem = test_mem(), .len = pair->value.len, .cap = pair->value.len};

    value.data = value.mem->resize(NULL, NULL, 0, value.cap);
    for (size_t i = 0; i < value.len; i++) {
        memcpy(value.data, pair->value.data, value.len);
        value.data[i] ^= (uint8_t)(1u << i % 8);
        test_shelf_put(shelf, pair->key, &value);
        look(shelf, before, node);
    }
    value.len--;
    memcpy(value.data, pair->value.data, value.len);
    test_shelf_put(shelf, pair->key, &value);
    look(shelf, before, node);
    value.len = 0;
    test_shelf_put(shelf, pair->key, &value);
    look(shelf, before, node);
    value.len = value.cap;
    memcpy(value.data, pair->value.data, value.len);
    test_shelf_put(shelf, pair->key, &value);
    mt_buf_free(&value);
}

/* Moves a record to another key: the one it had with a bit changed. */
static void damage_key(test_shelf *shelf, const sound *before, const mt_kv_pair *pair)
{
    bool node = pair->key.data[0] == 'n' || pair->key.data[0] == 'f';
    mt_buf value = {.data = (uint8_t *)(uintptr_t)pair->value.data, .len = pair->value.len};

    for (size_t i = 1; i < pair->key.len; i++) {
        uint8_t data[MT_KV_KEY_LEN_MAX];
        mt_bytes key = {data, pair->key.len};
        mt_buf there;

        memcpy(data, pair->key.data, key.len);
        data[i] ^= (uint8_t)(1u << i % 8);
        there = test_shelf_get(shelf, key);
        test_shelf_put(shelf, pair->key, NULL);
        test_shelf_put(shelf, key, &value);
        look(shelf, before, node || there.len);
        test_shelf_put(shelf, key, there.len ? &there : NULL);
        test_shelf_put(shelf, pair->key, &value);
        mt_buf_free(&there);
    }
}

static void each_pair(void (*damage)(test_shelf *shelf, const sound *before,
                                     const mt_kv_pair *pair))
{
    test_shelf shelf = {0};
    test_pairs all = {{0}, NULL, 0, 0};
    mt_kv_host host = {test_pairs_take, &all};
    sound before;
    test_reply r;

    test_shelf_begin(&shelf);
    write_all(&shelf);
    test_shelf_reopen(&shelf);
    CHECK(shelf.engine.ops->scan(shelf.engine.ctx, &host, 1, mt_str(""), mt_str(""), 1000) ==
          MT_OK);
    test_ask_changes(&shelf.s, &r, &(mt_cursor){{0}, 0}, 1);
    CHECK(r.status == MT_STALE);
    before.since = test_shelf_write(&shelf, "", "");
    before.since.number = 3;
    before.changes = test_asker_changes(&shelf.s, before.since, 100);
    CHECK(before.changes.change_count >= 4);
    test_ask_records(&shelf.s, &before.records, mt_str(""), mt_str(""), 10);
    for (size_t i = 0; i < all.count; i++) {
        /* Of the many fields of the large node, some. */
        if (all.pairs[i].key.data[0] == 'f' && i % 16 != 0) continue;
        damage(&shelf, &before, &all.pairs[i]);
    }
    test_shelf_reopen(&shelf);
    test_asker_is(&shelf.s, shelf.graph);
    test_reply_end(&before.changes);
    test_reply_end(&before.records);
    test_arena_end(&all.arena);
    test_shelf_end(&shelf);
}

TEST(every_changed_byte_of_a_record_is_found_or_does_no_harm)
{
    each_pair(damage_value);
}

TEST(a_record_under_another_key_is_found_out)
{
    each_pair(damage_key);
}

/* ---- What it says ---- */

static void read_says(test_shelf *shelf, const char *uid, const char *text)
{
    mt_storage_key key = {.uid = mt_str(uid), .whole = true};
    test_reply r;

    test_ask_read(&shelf->s, &r, &key, 1);
    CHECK(r.done && r.status == MT_MALFORMED);
    assert_string_equal(r.text, text);
    test_reply_end(&r);
}

static void spoil(test_shelf *shelf, mt_bytes key)
{
    mt_buf value = test_shelf_get(shelf, key);

    value.data[value.len / 2] ^= 4;
    test_shelf_put(shelf, key, &value);
    mt_buf_free(&value);
}

TEST(damage_is_told_by_name)
{
    const mt_bytes field_key = {(const uint8_t *)"fbig\0f002", 9};
    test_shelf shelf = {0};
    test_reply r;
    mt_buf value;

    test_shelf_begin(&shelf);
    test_shelf_write_large(&shelf, "big", 66, 5);
    test_shelf_write(&shelf, "ada x=1@1, bob x=1@1, cy x=1@1", "");
    CHECK(test_shelf_record(&shelf, "peer/p", "12") == MT_OK);
    value = test_shelf_get(&shelf, mt_str("nbob"));
    test_shelf_put(&shelf, mt_str("ncy"), &value);
    mt_buf_free(&value);
    read_says(&shelf, "cy", "the record of node \"cy\": it is of the node \"bob\"");
    spoil(&shelf, mt_str("nada"));
    read_says(&shelf, "ada", "the record of node \"ada\": the checksum does not match the bytes");
    spoil(&shelf, field_key);
    read_says(&shelf, "big",
              "the record of node \"big\", field \"f002\": the checksum does not match the bytes");
    spoil(&shelf, mt_str("nbig"));
    read_says(&shelf, "big", "the record of node \"big\": the seal does not match the bytes");
    spoil(&shelf, mt_str("rpeer/p"));
    test_ask_records(&shelf.s, &r, mt_str(""), mt_str(""), 10);
    CHECK(r.status == MT_MALFORMED && r.end);
    assert_string_equal(r.text, "the record \"peer/p\": the seal does not match the bytes");
    spoil(&shelf, (mt_bytes){(const uint8_t *)"l\0\0\0\0\0\0\0\3", 9});
    test_ask_changes(&shelf.s, &r, &(mt_cursor){{0}, 0}, 10);
    CHECK(r.status == MT_MALFORMED && r.change_count == 2);
    assert_string_equal(r.text, "the log's record of change 3: the seal does not match the bytes");
    test_reply_end(&r);
    test_shelf_end(&shelf);
}

static void move(test_shelf *shelf, mt_bytes from, mt_bytes to)
{
    mt_buf value = test_shelf_get(shelf, from);

    CHECK(value.len > 0);
    test_shelf_put(shelf, to, &value);
    mt_buf_free(&value);
}

static mt_bytes key_of(mti_key *key, uint8_t tag, const char *uid, const char *name)
{
    if (name)
        key->len = (size_t)(mti_key_put_field(key->data, mt_str(uid), mt_str(name)) - key->data);
    else mti_key_set(key, tag, mt_str(uid));
    return mti_key_bytes(key);
}

#define FIFTY "a name which is so long that no message has all of"

/* A message shows 64 bytes of a name. */
TEST(long_names_of_what_is_damaged_are_cut)
{
    static const char uid[] = FIFTY " it, and so it is cut",
                      other[] = FIFTY " it, and so is another";
    mti_key from, to;
    test_shelf shelf = {.options.small_len_max = 120};
    char rows[1024];
    test_reply r;

    test_shelf_begin(&shelf);
    snprintf(rows, sizeof rows, "%s x=1@1, %s x=1@1", "ada", "bob");
    test_shelf_write(&shelf, rows, "");
    test_shelf_write_large(&shelf, uid, 66, 5);
    test_shelf_write_large(&shelf, other, 66, 5);
    CHECK(test_shelf_record(&shelf, uid, "12") == MT_OK);
    move(&shelf, key_of(&from, 'n', "ada", NULL), key_of(&to, 'n', FIFTY FIFTY, NULL));
    read_says(&shelf, FIFTY FIFTY,
              "the record of node \"" FIFTY "a name which i\": it is of the node \"ada\"");
    move(&shelf, key_of(&from, 'f', other, "f001"), key_of(&to, 'f', uid, "f001"));
    read_says(&shelf, uid,
              "the record of node \"" FIFTY " it, and so it\", field \"f001\": it is of the node "
              "\"" FIFTY " it, and so is\"");
    spoil(&shelf, key_of(&from, 'n', uid, NULL));
    read_says(&shelf, uid,
              "the record of node \"" FIFTY " it, and so it\": the seal does not match the bytes");
    spoil(&shelf, key_of(&from, 'r', uid, NULL));
    test_ask_records(&shelf.s, &r, mt_str(""), mt_str(""), 10);
    CHECK(r.status == MT_MALFORMED);
    assert_string_equal(r.text, "the record \"" FIFTY
                                " it, and so it\": the seal does not match the bytes");
    test_reply_end(&r);
    test_shelf_end(&shelf);
}

/* A field under the name of another; two fields in one record; a floor in it; a state below its node's floor. */
TEST(a_record_that_is_not_of_its_field_is_found_out)
{
    static const char long_name[] = FIFTY FIFTY;
    mti_key from, to;
    test_shelf shelf = {0};
    test_reply r;

    test_shelf_begin(&shelf);
    test_shelf_write_large(&shelf, "big", 66, 5);
    test_shelf_write(&shelf, "two a=1@9 b=1@9, one^9 a=1@10, old a=1@2", "");
    move(&shelf, key_of(&from, 'f', "big", "f001"), key_of(&to, 'f', "big", long_name));
    read_says(&shelf, "big",
              "the record of node \"big\", field \"" FIFTY "a name which i\": it is of the field "
              "\"f001\"");
    test_shelf_put(&shelf, mti_key_bytes(&to), NULL);
    test_shelf_reads(&shelf, "big", "f002", false, "\"big\": \"f002\"=7@5 partial max 5");
    test_ask_list(&shelf.s, &r, mt_str(""), mt_str(""), 100);
    CHECK(r.status == MT_OK);
    test_reply_end(&r);
    test_shelf_end(&shelf);
}

/* The record of a small node lies where one of a field does, of a node of that uid. */
TEST(a_record_of_a_node_is_none_of_a_field)
{
    const char *const rows[] = {"big a=1@9 b=1@9", "big^9 f001=1@10"};

    for (size_t i = 0; i < TEST_COUNT(rows); i++) {
        test_shelf shelf = {0}, other = {0};
        mti_key key;
        mt_buf value;

        test_shelf_begin(&shelf);
        test_shelf_begin(&other);
        test_shelf_write_large(&shelf, "big", 66, 5);
        test_shelf_write(&other, rows[i], "");
        value = test_shelf_get(&other, mt_str("nbig"));
        test_shelf_put(&shelf, key_of(&key, 'f', "big", "f001"), &value);
        mt_buf_free(&value);
        read_says(&shelf, "big",
                  "the record of node \"big\", field \"f001\": it is not of a single field");
        test_shelf_end(&other);
        test_shelf_end(&shelf);
    }
}

TEST(a_field_that_its_nodes_floor_took_away_is_found_out)
{
    test_shelf shelf = {0}, other = {0};
    mt_buf value;

    test_shelf_begin(&shelf);
    test_shelf_begin(&other);
    test_shelf_write_large(&shelf, "big", 66, 5);
    test_shelf_write_large(&other, "big", 66, 9);
    test_shelf_write(&other, "big^8", "");
    value = test_shelf_get(&other, mt_str("nbig"));
    test_shelf_put(&shelf, mt_str("nbig"), &value);
    mt_buf_free(&value);
    read_says(
        &shelf, "big",
        "the record of node \"big\", field \"f000\": its state 5 is not above its node's floor, 8");
    test_shelf_end(&other);
    test_shelf_end(&shelf);
}

TEST(of_two_damaged_records_the_first_is_told)
{
    test_shelf shelf = {0};
    test_reply r;

    test_shelf_begin(&shelf);
    CHECK(test_shelf_record(&shelf, "a", "1") == MT_OK);
    CHECK(test_shelf_record(&shelf, "b", "1") == MT_OK);
    test_shelf_write(&shelf, "ada x=1@1, bob x=1@1", "");
    spoil(&shelf, mt_str("ra"));
    spoil(&shelf, mt_str("rb"));
    spoil(&shelf, mt_str("nada"));
    spoil(&shelf, mt_str("nbob"));
    test_ask_records(&shelf.s, &r, mt_str(""), mt_str(""), 10);
    CHECK(r.status == MT_MALFORMED && r.record_count == 0);
    assert_string_equal(r.text, "the record \"a\": the seal does not match the bytes");
    test_reply_end(&r);
    test_ask_list(&shelf.s, &r, mt_str(""), mt_str(""), 10);
    CHECK(r.status == MT_MALFORMED && r.row_count == 0);
    assert_string_equal(r.text,
                        "the record of node \"ada\": the checksum does not match the bytes");
    test_reply_end(&r);
    test_shelf_end(&shelf);
}

/* Who took it for whole would write it anew without that field, and leave its record behind. */
TEST(a_large_node_of_which_a_field_is_damaged_is_not_whole)
{
    const mt_bytes field_key = {(const uint8_t *)"fbig\0f002", 9};
    mt_storage_key key = {.uid = mt_str("big"), .whole = true};
    test_shelf shelf = {0};
    test_reply r;

    test_shelf_begin(&shelf);
    test_shelf_write_large(&shelf, "big", 66, 5);
    test_ask_read(&shelf.s, &r, &key, 1);
    CHECK(r.status == MT_OK && !r.rows[r.row_count - 1].partial);
    test_reply_end(&r);
    spoil(&shelf, field_key);
    test_ask_read(&shelf.s, &r, &key, 1);
    CHECK(r.status == MT_MALFORMED && r.row_count > 0 && r.rows[r.row_count - 1].partial);
    test_reply_end(&r);
    test_shelf_end(&shelf);
}

TEST(of_many_nodes_the_sound_ones_come_all_the_same)
{
    mt_storage_key keys[] = {{.uid = mt_str("ada")}, {.uid = mt_str("bob")}, {.uid = mt_str("cy")}};
    test_shelf shelf = {0};
    test_reply r;

    test_shelf_begin(&shelf);
    test_shelf_write(&shelf, "ada x=1@1, bob x=1@1, cy x=1@1", "");
    spoil(&shelf, mt_str("nbob"));
    test_ask_read(&shelf.s, &r, keys, 3);
    CHECK(r.status == MT_MALFORMED && r.row_count == 2 && r.pieces == 2);
    test_reply_end(&r);
    test_ask_list(&shelf.s, &r, mt_str(""), mt_str(""), 1);
    CHECK(r.status == MT_OK && r.row_count == 1 && !r.end);
    test_reply_end(&r);
    /* A list goes on past damage, until there are as many nodes as it may have. */
    test_ask_list(&shelf.s, &r, mt_str(""), mt_str("ada"), 1);
    CHECK(r.status == MT_MALFORMED && r.row_count == 1 && r.end);
    test_reply_end(&r);
    test_shelf_end(&shelf);
}

TEST(a_damaged_node_may_be_written_over_or_removed)
{
    mt_bytes uid = mt_str("bob");
    test_shelf shelf = {0};
    test_reply r;

    test_shelf_begin(&shelf);
    test_shelf_write(&shelf, "ada x=1@1, bob x=1@1", "");
    spoil(&shelf, mt_str("nbob"));
    test_shelf_write(&shelf, "bob y=1@2", "");
    test_asker_is(&shelf.s, shelf.graph);
    spoil(&shelf, mt_str("nbob"));
    test_ask_remove(&shelf.s, &r, &uid, 1);
    CHECK(r.status == MT_OK);
    test_shelf_reads(&shelf, "bob", NULL, true, "");
    test_shelf_end(&shelf);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_changed_byte_of_a_record_is_found_or_does_no_harm),
        cmocka_unit_test(a_record_under_another_key_is_found_out),
        cmocka_unit_test(damage_is_told_by_name),
        cmocka_unit_test(long_names_of_what_is_damaged_are_cut),
        cmocka_unit_test(a_record_that_is_not_of_its_field_is_found_out),
        cmocka_unit_test(a_record_of_a_node_is_none_of_a_field),
        cmocka_unit_test(a_field_that_its_nodes_floor_took_away_is_found_out),
        cmocka_unit_test(of_two_damaged_records_the_first_is_told),
        cmocka_unit_test(a_large_node_of_which_a_field_is_damaged_is_not_whole),
        cmocka_unit_test(of_many_nodes_the_sound_ones_come_all_the_same),
        cmocka_unit_test(a_damaged_node_may_be_written_over_or_removed),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
