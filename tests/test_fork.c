#include "test_fork.h"

#include "test_notation.h"

#include <string.h>

const mt_config test_counts = {.size = sizeof test_counts, .clock = MT_CLOCK_LAMPORT};

mt_db *test_branch_of(mt_db *source)
{
    mt_db *branch = NULL;

    if (mt_branch(source, &branch) != MT_OK) fail_msg("%s", mt_db_error(source)->text);
    return branch;
}

void test_fork_config(test_fork *f, const char *nodes, const mt_config *config)
{
    test_stage_init(&f->s);
    if (nodes) test_storage_put(&f->s.ts, nodes);
    test_stage_open(&f->s, config);
    f->source = f->s.db;
    f->branch = test_branch_of(f->source);
    f->s.ts.heard.len = 0;
}

void test_fork_stored(test_fork *f, const char *nodes)
{
    test_fork_config(f, nodes, &test_counts);
}

void test_fork_memory(test_fork *f, const char *rows)
{
    memset(f, 0, sizeof *f);
    test_db_begin(&f->s.t);
    test_db_open(&f->s.t, &test_counts);
    f->source = f->s.t.db;
    test_write(f->source, rows);
    f->branch = test_branch_of(f->source);
}

void test_fork_end(test_fork *f)
{
    if (f->s.ts.env) test_stage_end(&f->s);
    else test_db_end(&f->s.t);
}

void test_rebase(mt_db *branch)
{
    if (mt_rebase_wait(branch) != MT_OK) fail_msg("%s", mt_db_error(branch)->text);
}

void test_commit_branch(mt_db *db, mt_db *branch)
{
    if (mt_commit_wait(db, branch, NULL) != MT_OK) fail_msg("%s", mt_db_error(db)->text);
}

void test_edits_are(mt_db *branch, const char *nodes)
{
    mt_graph *edits = NULL;

    CHECK(mt_branch_edits(branch, &edits) == MT_OK);
    test_graph_says(edits, nodes);
    mt_graph_free(edits);
}
