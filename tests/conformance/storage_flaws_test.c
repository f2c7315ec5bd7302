/* storage_flaws_test.c - storages with one flaw each, and the check that finds it.
 *
 * A flawed storage is the node store over memory, which answers at once, with something changed on the
 * way in or out. */
#include "test_env.h"
#include "test_law.h"
#include <mytosis/conformance.h>
#include <mytosis/plugin/kv_memory.h>
#include <mytosis/plugin/node_store.h>
#include <stdio.h>
#include <string.h>

typedef enum flaw {
    NO_FLAW,
    LOSES_FLOORS,
    LOSES_MARKERS,
    CLAIMS_TO_BE_WHOLE,
    LOWERS_STATES,
    ANSWERS_TWICE,
    NEVER_ANSWERS,
    IGNORES_REMOVAL,
    IGNORES_WHOLE,
    LISTS_BACKWARDS,
    LISTS_TOO_MUCH,
    IGNORES_AFTER,
    SKIPS_CHANGES,
    KNOWS_ALL_CURSORS,
    FORGETS_ORIGINS_WERE_MIXED,
    LOSES_RECORDS,
    LOSES_THE_CLOCK,
    SAYS_END_EARLY,
    HAS_NO_ITEMS,
    MISCOUNTS,
    ADDS_UP_WRONGLY,
    ADDS_MARKERS_TO_THE_LIVING,
    LOSES_PARTS,
    LOSES_AN_ITEM,
    LOWERS_ITEM_STATES,
    ADDS_UP_WHAT_WAS_BEFORE
} flaw;

typedef struct flawed {
    test_env te;
    flaw flaw;
    mt_kv kept;
    mt_kv_ops kept_ops;
    mt_storage_ops ops;
    mt_storage inner;
    mt_storage_host inside;
    const mt_storage_host *host; /* of the call that is under way */
    size_t answers;
    char found[128]; /* the first check that broke */
} flawed;

/* ---- On the way out ---- */

#define MANY 600

/* Changes an answer, in a copy. */
static void spoil_rows(flawed *f, mt_storage_answer *answer, mt_storage_row *rows)
{
    static mt_field fields[MANY];

    for (size_t i = 0; i < answer->row_count && i < MANY; i++) {
        rows[i] = answer->rows[i];
        if (f->flaw == LOSES_FLOORS) rows[i].row.floor = 0;
        if (f->flaw == CLAIMS_TO_BE_WHOLE) rows[i].partial = false;
        if (f->flaw == LOSES_MARKERS && rows[i].row.count < MANY) {
            mt_row *row = &rows[i].row;
            size_t kept = 0;

            for (size_t j = 0; j < row->count; j++)
                if (row->fields[j].kind == MT_FIELD_VALUE) fields[kept++] = row->fields[j];
            row->fields = fields;
            row->count = kept;
        }
        if (f->flaw == LOWERS_STATES && rows[i].row.count == 1 && rows[i].state_max > 1) {
            fields[0] = rows[i].row.fields[0];
            fields[0].state = rows[i].state_max = 1;
            rows[i].row.fields = fields;
        }
    }
    answer->rows = rows;
}

static void spoil_prints(const flawed *f, mt_storage_answer *answer)
{
    static mt_storage_print prints[MANY];
    static mt_storage_item items[MANY];

    for (size_t i = 0; i < answer->print_count && i < MANY; i++) {
        prints[i] = answer->prints[i];
        if (f->flaw == MISCOUNTS && prints[i].count > 1) prints[i].count--;
        if (f->flaw == ADDS_UP_WRONGLY) prints[i].living.hi ^= 1;
        if (f->flaw != ADDS_MARKERS_TO_THE_LIVING) continue;
        prints[i].living.lo += prints[i].deleted.lo;
        prints[i].deleted.lo = 0;
    }
    for (size_t i = 0; i < answer->item_count && i < MANY; i++) {
        items[i] = answer->items[i];
        if (f->flaw == LOWERS_ITEM_STATES) items[i].state_max--;
    }
    if (answer->print_count) answer->prints = prints;
    if (answer->item_count) answer->items = items;
    if (f->flaw == LOSES_PARTS && answer->print_count > 1) answer->print_count--;
    if (f->flaw == LOSES_AN_ITEM && answer->item_count > 1) answer->item_count--;
}

static void give(void *ctx, uint64_t id, const mt_storage_answer *answer)
{
    flawed *f = ctx;
    static mt_storage_row rows[MANY];
    const mt_storage_host *host = f->host;
    mt_storage_answer out = *answer;
    mt_storage_info info;

    f->answers++;
    if (f->flaw == NEVER_ANSWERS && f->answers == 3) return;
    if (f->flaw != NO_FLAW && f->flaw <= LOWERS_STATES) spoil_rows(f, &out, rows);
    if (f->flaw == LISTS_BACKWARDS && out.row_count == 2 && !out.rows[0].row.more) {
        rows[0] = out.rows[1];
        rows[1] = out.rows[0];
        out.rows = rows;
    }
    if (f->flaw == SKIPS_CHANGES && out.change_count > 1) out.changes++, out.change_count--;
    if (f->flaw == SAYS_END_EARLY && !out.more) out.end = true;
    if (f->flaw == LOSES_RECORDS && out.record_count > 1) out.record_count--;
    if (f->flaw == LOSES_THE_CLOCK && out.info) {
        info = *out.info;
        info.clock = 0;
        out.info = &info;
    }
    spoil_prints(f, &out);
    host->answer(host->ctx, id, &out);
    if (f->flaw == ANSWERS_TWICE && f->answers == 5) host->answer(host->ctx, id, &out);
}

/* ---- On the way in ---- */

/* Calls may be made inside answers. */
#define INSIDE(f, host_given, call)           \
    const mt_storage_host *outer = (f)->host; \
    mt_status st;                             \
                                              \
    (f)->host = host_given;                   \
    st = (f)->inner.ops->call;                \
    (f)->host = outer;                        \
    return st

static mt_status f_open(void *ctx, const mt_storage_host *host, uint64_t id)
{
    flawed *f = ctx;
    INSIDE(f, host, open(f->inner.ctx, &f->inside, id));
}

static mt_status f_read(void *ctx, const mt_storage_host *host, uint64_t id,
                        const mt_storage_key *keys, size_t count)
{
    flawed *f = ctx;
    INSIDE(f, host, read(f->inner.ctx, &f->inside, id, keys, count));
}

static mt_status f_write(void *ctx, const mt_storage_host *host, uint64_t id,
                         const mt_storage_write *write)
{
    flawed *f = ctx;
    mt_storage_commit commit;
    mt_storage_write own = *write;

    if (own.commit_count == 1) {
        commit = own.commits[0];
        own.commits = &commit;
        if (f->flaw == IGNORES_WHOLE) commit.whole = false;
        if (f->flaw == FORGETS_ORIGINS_WERE_MIXED) commit.origin = mt_str("p");
    }
    INSIDE(f, host, write(f->inner.ctx, &f->inside, id, &own));
}

static mt_status f_remove(void *ctx, const mt_storage_host *host, uint64_t id, const mt_bytes *uids,
                          size_t count)
{
    flawed *f = ctx;

    if (f->flaw == IGNORES_REMOVAL) count = 0;
    INSIDE(f, host, remove(f->inner.ctx, &f->inside, id, uids, count));
}

static mt_status f_list(void *ctx, const mt_storage_host *host, uint64_t id, mt_bytes prefix,
                        mt_bytes after, size_t limit)
{
    flawed *f = ctx;

    if (f->flaw == IGNORES_AFTER) after.len = 0;
    if (f->flaw == LISTS_TOO_MUCH) limit++;
    INSIDE(f, host, list(f->inner.ctx, &f->inside, id, prefix, after, limit));
}

static mt_status f_changes(void *ctx, const mt_storage_host *host, uint64_t id,
                           const mt_cursor *since, size_t limit)
{
    flawed *f = ctx;
    mt_storage_answer none = {.next = *since, .end = true};
    mt_storage_answer *answer = &none;

    if (f->flaw == KNOWS_ALL_CURSORS && since->number > 0) {
        host->answer(host->ctx, id, answer);
        return MT_OK;
    }
    INSIDE(f, host, changes(f->inner.ctx, &f->inside, id, since, limit));
}

static mt_status f_records(void *ctx, const mt_storage_host *host, uint64_t id, mt_bytes prefix,
                           mt_bytes after, size_t limit)
{
    flawed *f = ctx;
    INSIDE(f, host, records(f->inner.ctx, &f->inside, id, prefix, after, limit));
}

static mt_status f_fingerprint(void *ctx, const mt_storage_host *host, uint64_t id,
                               const mt_storage_span *spans, size_t count)
{
    flawed *f = ctx;
    mt_storage_print none = {.span = 0};
    mt_storage_answer before = {.prints = &none, .print_count = 1};

    if (f->flaw == ADDS_UP_WHAT_WAS_BEFORE && count == 1 && spans->parts == 1) {
        host->answer(host->ctx, id, &before);
        return MT_OK;
    }
    INSIDE(f, host, fingerprint(f->inner.ctx, &f->inside, id, spans, count));
}

static mt_status f_items(void *ctx, const mt_storage_host *host, uint64_t id,
                         const mt_storage_span *spans, size_t count)
{
    flawed *f = ctx;
    INSIDE(f, host, items(f->inner.ctx, &f->inside, id, spans, count));
}

static void f_close(void *ctx)
{
    mt_storage_close(&((flawed *)ctx)->inner);
}

/* ---- Looking for it ---- */

static void stay_open(void *ctx)
{
    (void)ctx;
}

static mt_status flawed_open(void *ctx, bool fresh, mt_storage *out, mt_error *err)
{
    flawed *f = ctx;
    mt_status st;

    if (fresh) {
        mt_kv_close(&f->kept);
        CHECK(mt_kv_memory(&f->te.env, &f->kept) == MT_OK);
    }
    f->kept_ops = *f->kept.ops;
    f->kept_ops.close = stay_open;
    st = mt_node_store_new(&f->te.env, (mt_kv){&f->kept_ops, f->kept.ctx}, NULL, &f->inner, err);
    f->inside = (mt_storage_host){give, f};
    f->answers = 0;
    f->ops = (mt_storage_ops){.abi = MT_STORAGE_ABI,
                              .size = sizeof f->ops,
                              .name = "flawed",
                              .open = f_open,
                              .read = f_read,
                              .write = f_write,
                              .remove = f_remove,
                              .close = f_close,
                              .list = f_list,
                              .changes = f_changes,
                              .records = f_records,
                              .fingerprint = f_fingerprint,
                              .items = f->flaw == HAS_NO_ITEMS ? NULL : f_items};
    *out = (mt_storage){&f->ops, f};
    return st;
}

static void note(void *ctx, const char *check, const char *violation)
{
    flawed *f = ctx;

    if (violation && !f->found[0]) snprintf(f->found, sizeof f->found, "%s", check);
}

static void is_found_by(flaw which, const char *check)
{
    flawed f = {.flaw = which};
    mt_conformance_storage suite = {.size = sizeof suite,
                                    .env = &f.te.env,
                                    .open = flawed_open,
                                    .persistent = true,
                                    .seed = 1,
                                    .rounds = 20,
                                    .ctx = &f,
                                    .report = note};
    mt_status st;

    test_env_init(&f.te, 1, test_mem());
    st = mt_conformance_storage_run(&suite, NULL);
    assert_string_equal(f.found, check);
    CHECK(st == (*check ? MT_REFUSED : MT_OK));
    mt_kv_close(&f.kept);
    CHECK(test_mem_live() == 0);
    test_env_end(&f.te);
}

TEST(a_storage_without_a_flaw_passes)
{
    is_found_by(NO_FLAW, "");
}

TEST(rows_that_lack_something_are_found)
{
    is_found_by(LOSES_FLOORS, "delete markers and floors are kept");
    is_found_by(LOSES_MARKERS, "delete markers and floors are kept");
    is_found_by(LOWERS_STATES, "what was written is read, and what was written over it");
    is_found_by(CLAIMS_TO_BE_WHOLE, "of a node, the fields that are asked for come");
}

TEST(answers_too_many_or_too_few_are_found)
{
    is_found_by(ANSWERS_TWICE, "a new storage is empty");
    is_found_by(NEVER_ANSWERS, "a new storage is empty");
}

TEST(what_is_ignored_is_found)
{
    is_found_by(IGNORES_REMOVAL, "what was removed is gone, and may come back");
    is_found_by(IGNORES_WHOLE, "a commit that is to be written whole leaves nothing of before");
    is_found_by(IGNORES_AFTER, "a list has the nodes of its range in uid order");
}

TEST(lists_that_are_none_are_found)
{
    is_found_by(LISTS_BACKWARDS, "what was written is read, and what was written over it");
    is_found_by(LISTS_TOO_MUCH, "each request is answered once");
    is_found_by(SAYS_END_EARLY, "a list has the nodes of its range in uid order");
    is_found_by(LOSES_RECORDS, "records are found again");
}

TEST(logs_that_miss_something_are_found)
{
    is_found_by(SKIPS_CHANGES, "changes name what changed, and no more");
    is_found_by(KNOWS_ALL_CURSORS, "changes name what changed, and no more");
    is_found_by(FORGETS_ORIGINS_WERE_MIXED, "who follows the changes misses nothing");
    is_found_by(LOSES_THE_CLOCK, "a storage that is opened again has all that it had");
}

TEST(sums_that_are_wrong_are_found)
{
    is_found_by(HAS_NO_ITEMS, "the table has all that a host needs");
    is_found_by(MISCOUNTS, "what was written is read, and what was written over it");
    is_found_by(ADDS_UP_WRONGLY, "a new storage is empty");
    is_found_by(ADDS_MARKERS_TO_THE_LIVING, "delete markers and floors are kept");
    is_found_by(LOSES_PARTS, "uids and names of every length are told apart");
    is_found_by(LOSES_AN_ITEM, "what was written is read, and what was written over it");
    is_found_by(LOWERS_ITEM_STATES, "what was written is read, and what was written over it");
    is_found_by(ADDS_UP_WHAT_WAS_BEFORE,
                "what a write did is in the fingerprints after its answer");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_storage_without_a_flaw_passes),
        cmocka_unit_test(rows_that_lack_something_are_found),
        cmocka_unit_test(answers_too_many_or_too_few_are_found),
        cmocka_unit_test(what_is_ignored_is_found),
        cmocka_unit_test(lists_that_are_none_are_found),
        cmocka_unit_test(logs_that_miss_something_are_found),
        cmocka_unit_test(sums_that_are_wrong_are_found),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
