/* Branches: private copies to edit, to commit and to rebase. */
#include "test.h"
#include "test_db.h"

#include <mytosis/json.h>
#include <stdlib.h>
#include <string.h>

typedef struct branched {
    test_db t;
    mt_db *source; /* t.db */
    mt_db *branch;
} branched;

/* A source with ada and charles in memory, and a branch of it. */
static void branched_begin(branched *b)
{
    test_db_memory(&b->t);
    b->source = b->t.db;
    test_set(b->source, "ada", "name", mt_text("Ada"));
    test_set(b->source, "charles", "name", mt_text("Charles"));
    CHECK(mt_branch(b->source, &b->branch) == MT_OK);
}

static void branched_end(branched *b)
{
    test_db_end(&b->t);
}

TEST(a_branch_sees_what_its_source_has)
{
    branched b;

    branched_begin(&b);
    test_field_is(b.branch, "ada", "name", "\"Ada\"");
    test_field_is(b.branch, "charles", "name", "\"Charles\"");
    test_field_is(b.branch, "nobody", "name", NULL);
    branched_end(&b);
}

TEST(rebase)
{
    branched b;

    branched_begin(&b);
    test_set(b.branch, "ada", "born", mt_number(1815));
    test_set(b.source, "ada", "name", mt_text("Ada King"));
    test_field_is(b.branch, "ada", "name", "\"Ada\"");
    CHECK(mt_rebase_wait(b.branch) == MT_OK);
    test_field_is(b.branch, "ada", "name", "\"Ada King\"");
    test_field_is(b.branch, "ada", "born", "1815");
    CHECK(mt_commit_wait(b.source, b.branch, NULL) == MT_OK);
    test_field_is(b.source, "ada", "born", "1815");
    branched_end(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_branch_sees_what_its_source_has),
        cmocka_unit_test(rebase),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
