/* The log in memory: what it says to whoever follows it, and what it forgets. */
#include "sync/memory_log.h"
#include "test.h"
#include "test_law.h"

#include <stdio.h>
#include <string.h>

static const uint8_t boot[16] = "opening";

static mti_memory_log log_of(size_t max)
{
    mti_memory_log log;

    mti_memory_log_init(&log, test_mem(), max, boot, 8831);
    return log;
}

/* Notes a change of fields with names of one letter; none: all. */
static void note(mti_memory_log *log, const char *uid, const char *letters, const char *origin)
{
    uint8_t names[64], *at = names;
    size_t count = strlen(letters);

    for (size_t i = 0; i < count; i++)
        at = mti_log_name_put((mt_bytes){(const uint8_t *)letters + i, 1}, at);
    mti_memory_log_note(log, mt_str(uid), (mt_bytes){names, (size_t)(at - names)}, count,
                        mt_str(origin));
}

static void print(void *ctx, const mt_storage_change *changes, size_t count)
{
    char *text = ctx;

    for (size_t i = 0; i < count; i++) {
        const mt_storage_change *c = &changes[i];
        char *at = text + strlen(text);
        at += sprintf(at, "%s%d:%.*s", *text ? " " : "", (int)c->number, (int)c->uid.len,
                      (const char *)c->uid.data);
        at += sprintf(at, c->all ? "*" : ".");
        for (size_t k = 0; k < c->name_count; k++)
            at += sprintf(at, "%.*s", (int)c->names[k].len, (const char *)c->names[k].data);
        if (c->origin.len) sprintf(at, "<%.*s", (int)c->origin.len, (const char *)c->origin.data);
    }
}

/* All that it says behind a number. */
static void says(const mti_memory_log *log, uint64_t since, const char *text)
{
    mt_cursor at = log->head, next;
    char said[500] = "";

    at.number = since;
    CHECK(mti_memory_log_changes(log, &at, 100, print, said, &next) == MT_OK);
    CHECK(next.number == log->head.number);
    assert_string_equal(said, text);
}

static mt_status reads(const mti_memory_log *log, uint64_t since)
{
    mt_cursor at = log->head, next;
    char said[500] = "";

    at.number = since;
    return mti_memory_log_changes(log, &at, 100, print, said, &next);
}

TEST(field_is_named_where_it_changed_last_and_nowhere_else)
{
    mti_memory_log log = log_of(10);

    note(&log, "ada", "bx", "");
    note(&log, "bob", "x", "");
    note(&log, "ada", "ac", "");
    says(&log, 0, "1:ada.bx 2:bob.x 3:ada.ac");
    note(&log, "ada", "abc", "");
    says(&log, 0, "1:ada.x 2:bob.x 4:ada.abc");
    note(&log, "ada", "x", "");
    says(&log, 2, "4:ada.abc 5:ada.x");
    CHECK(log.count == 3);
    mti_memory_log_free(&log);
}

TEST(field_of_a_node_that_was_made_before_is_named_alone)
{
    mti_memory_log log = log_of(10);

    note(&log, "ada", "", "");
    note(&log, "ada", "a", "");
    note(&log, "ada", "b", "");
    says(&log, 0, "1:ada* 2:ada.a 3:ada.b");
    says(&log, 2, "3:ada.b");
    note(&log, "ada", "", "");
    says(&log, 0, "4:ada*");
    mti_memory_log_free(&log);
}

TEST(changes_stay_those_of_the_peer_that_they_came_from)
{
    mti_memory_log log = log_of(10);

    note(&log, "ada", "ac", "p");
    note(&log, "ada", "ab", "q");
    says(&log, 0, "1:ada.c<p 2:ada.ab<q");
    note(&log, "bob", "", "p");
    note(&log, "bob", "a", "p");
    note(&log, "bob", "", "q");
    says(&log, 2, "3:bob*<p 4:bob.a<p 5:bob*<q");
    note(&log, "bob", "", "p");
    says(&log, 2, "5:bob*<q 6:bob*<p");
    mti_memory_log_free(&log);
}

/* Or each change of a node of many fields would take as long as it has fields. */
TEST(of_a_node_with_many_entries_the_newest_64_are_looked_at)
{
    mti_memory_log log = log_of(1000);
    char said[4000] = "";
    mt_cursor since = log.head, next;

    for (uint8_t i = 0; i < 100; i++) {
        uint8_t name[2] = {1, (uint8_t)(i + 100)};
        mti_memory_log_note(&log, mt_str("ada"), (mt_bytes){name, 2}, 1, mt_str(""));
    }
    for (uint8_t i = 0; i < 100; i += 50) {
        uint8_t name[2] = {1, (uint8_t)(i + 100)};
        mti_memory_log_note(&log, mt_str("ada"), (mt_bytes){name, 2}, 1, mt_str(""));
    }
    CHECK(log.count == 101); /* the second was found, the first was not */
    CHECK(mti_memory_log_changes(&log, &since, 200, print, said, &next) == MT_OK);
    mti_memory_log_free(&log);
}

TEST(oldest_nodes_are_forgotten_and_whoever_needs_them_is_told)
{
    mti_memory_log log = log_of(2);

    note(&log, "ada", "a", "");
    for (int i = 0; i < 1000; i++) note(&log, "bob", "b", "");
    says(&log, 0, "1:ada.a 1001:bob.b");
    note(&log, "cyd", "c", "");
    CHECK(reads(&log, 0) == MT_STALE);
    says(&log, 1, "1001:bob.b 1002:cyd.c");
    CHECK(reads(&log, 1003) == MT_STALE);
    log.head.boot[0] ^= 1;
    says(&log, 1002, "");
    mti_memory_log_free(&log);
}

TEST(position_of_another_opening_is_not_known)
{
    mti_memory_log log = log_of(2);
    mt_cursor other = {"another", 0}, next;

    CHECK(mti_memory_log_changes(&log, &other, 1, print, NULL, &next) == MT_STALE);
    says(&log, 0, "");
    mti_memory_log_free(&log);
}

TEST(without_memory_all_is_forgotten_and_the_end_stays_known)
{
    fail_mem memory = {.fail_at = SIZE_MAX};
    const mt_mem *mem = fail_mem_hook(&memory);
    mti_memory_log log;

    mti_memory_log_init(&log, mem, 10, boot, 8831);
    note(&log, "ada", "a", "");
    memory.fail_at = memory.count;
    note(&log, "ada", "b", "");
    CHECK(memory.tripped && reads(&log, 1) == MT_STALE);
    says(&log, 2, "");
    note(&log, "ada", "c", "");
    says(&log, 2, "3:ada.c");
    mti_memory_log_free(&log);
    CHECK(memory.live_bytes == 0);
}

/* ---- Whoever follows it ---- */

#define UIDS 12
#define NAMES 4

typedef struct following {
    const mti_memory_log *log;
    mt_cursor at;
    bool due[UIDS][NAMES]; /* changed since it was last told */
} following;

static void take(void *ctx, const mt_storage_change *changes, size_t count)
{
    following *f = ctx;

    for (size_t i = 0; i < count; i++) {
        bool *due = f->due[changes[i].uid.data[0] - 'a'];
        if (changes[i].all) memset(due, 0, NAMES * sizeof *due);
        for (size_t k = 0; k < changes[i].name_count; k++)
            due[changes[i].names[k].data[0] - 'A'] = false;
    }
}

static void follow(following *f, size_t limit)
{
    mt_cursor next;

    HOLDS(mti_memory_log_changes(f->log, &f->at, limit, take, f, &next) == MT_OK);
    HOLDS(next.number >= f->at.number);
    f->at = next;
}

static void change(test_case *c, mti_memory_log *log, following *f)
{
    char uid[2] = {(char)('a' + test_below(c, UIDS)), 0}, names[NAMES + 1] = "";
    bool all = test_once_in(c, 6);
    size_t count = 0;

    for (size_t k = 0; k < NAMES; k++) {
        if (!all && !test_once_in(c, 3)) continue;
        f->due[uid[0] - 'a'][k] = true;
        if (!all) names[count++] = (char)('A' + k);
    }
    if (!all && count == 0) {
        names[count++] = 'A';
        f->due[uid[0] - 'a'][0] = true;
    }
    names[count] = 0;
    note(log, uid, names, test_once_in(c, 2) ? "p" : "");
}

static void whoever_follows_sees_each_change(test_case *c)
{
    mti_memory_log log = log_of(100);
    following f = {.log = &log, .at = log.head};
    static const bool none[UIDS][NAMES];

    for (size_t i = test_below(c, 200); i > 0; i--) {
        change(c, &log, &f);
        if (test_once_in(c, 3)) follow(&f, 1 + test_below(c, 3));
    }
    HOLDS(log.count <= UIDS * (NAMES + 2));
    while (f.at.number < log.head.number) follow(&f, 1 + test_below(c, 5));
    HOLDS(memcmp(f.due, none, sizeof none) == 0);
    mti_memory_log_free(&log);
}

TEST(whoever_follows_page_by_page_while_others_write_sees_each_change)
{
    test_law(2000, whoever_follows_sees_each_change);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(field_is_named_where_it_changed_last_and_nowhere_else),
        cmocka_unit_test(field_of_a_node_that_was_made_before_is_named_alone),
        cmocka_unit_test(changes_stay_those_of_the_peer_that_they_came_from),
        cmocka_unit_test(of_a_node_with_many_entries_the_newest_64_are_looked_at),
        cmocka_unit_test(oldest_nodes_are_forgotten_and_whoever_needs_them_is_told),
        cmocka_unit_test(position_of_another_opening_is_not_known),
        cmocka_unit_test(without_memory_all_is_forgotten_and_the_end_stays_known),
        cmocka_unit_test(whoever_follows_page_by_page_while_others_write_sees_each_change),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
