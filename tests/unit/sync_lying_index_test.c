/* Storages whose index is not there, fails, is late, or answers what was not asked: what is compared with them ends
 * with an error or a copy, and once they are as they should be the two become equal. */
#include "sync/message.h"
#include "test_meeting.h"

#include <mytosis/plugin/kv_memory.h>
#include <mytosis/plugin/node_store.h>
#include <mytosis/plugin/storage.h>
#include <stdio.h>
#include <string.h>

#define NODES 300u

typedef enum lie {
    TELLS_MORE,        /* two prints where one was asked for */
    TELLS_NOTHING,     /* none */
    DOES_NOT_START,    /* MT_IO */
    HAS_NO_MEMORY,     /* the same with MT_NO_MEMORY */
    FAILS,             /* its answer is MT_IO */
    IS_NOT_THERE,      /* its answer is MT_UNSUPPORTED */
    IS_NOT_READY,      /* its answer is MT_AGAIN, without a text */
    COMES_IN_PIECES,   /* the first of which has nothing */
    COMES_AFTER_A_CUT, /* the link goes, and then it fails */
    LIES
} lie;

/* What the index of one peer does, and when. */
static struct {
    lie how;
    size_t at, count; /* the number of the call; how many there were */
    const mt_storage_ops *inner;
    mt_storage_ops ops;
    const mt_storage_host *host; /* of an answer that is held; NULL: none is */
    uint64_t id;
} liar;

/* What is said of each, at least once. */
static const char *const reasons[LIES] = {
    [TELLS_MORE] = "the index answers other parts",
    [TELLS_NOTHING] = "the index answers other parts",
    [DOES_NOT_START] = "",
    [HAS_NO_MEMORY] = "",
    [FAILS] = "the index is damaged",
    [IS_NOT_THERE] = "",
    [IS_NOT_READY] = "",
    [COMES_IN_PIECES] = "",
    [COMES_AFTER_A_CUT] = "",
};

static mt_status lies(void *ctx, const mt_storage_host *host, uint64_t id,
                      const mt_storage_span *spans, size_t count, bool items)
{
    mt_storage_print prints[2] = {{.span = 0}, {.span = 0}};
    mt_storage_answer answer = {.status = MT_OK};

    switch (liar.how) {
    case TELLS_MORE: answer.prints = prints, answer.print_count = 2; break;
    case TELLS_NOTHING: break;
    case DOES_NOT_START: return MT_IO;
    case HAS_NO_MEMORY: return MT_NO_MEMORY;
    case FAILS: answer.status = MT_IO, answer.text = "the index is damaged"; break;
    case IS_NOT_THERE: answer.status = MT_UNSUPPORTED; break;
    case IS_NOT_READY: answer.status = MT_AGAIN; break;
    case COMES_IN_PIECES:
        answer.more = true;
        host->answer(host->ctx, id, &answer);
        return items ? liar.inner->items(ctx, host, id, spans, count)
                     : liar.inner->fingerprint(ctx, host, id, spans, count);
    case COMES_AFTER_A_CUT:
        liar.host = host;
        liar.id = id;
        return MT_OK;
    case LIES: break;
    }
    host->answer(host->ctx, id, &answer);
    return MT_OK;
}

static mt_status fingerprint(void *ctx, const mt_storage_host *host, uint64_t id,
                             const mt_storage_span *spans, size_t count)
{
    if (liar.count++ == liar.at) return lies(ctx, host, id, spans, count, false);
    return liar.inner->fingerprint(ctx, host, id, spans, count);
}

static mt_status items(void *ctx, const mt_storage_host *host, uint64_t id,
                       const mt_storage_span *spans, size_t count)
{
    if (liar.count++ == liar.at) return lies(ctx, host, id, spans, count, true);
    return liar.inner->items(ctx, host, id, spans, count);
}

/* ---- Two peers ---- */

static void open_peer(test_meeting *m, size_t at, bool is_liar, bool dry)
{
    mt_sync_options options = {.size = sizeof options, .dry_run = dry};
    mt_storage storage;
    mt_kv kv;

    CHECK(mt_kv_memory(&m->te.env, &kv) == MT_OK);
    CHECK(mt_node_store_new(&m->te.env, kv, NULL, &storage, NULL) == MT_OK);
    if (is_liar) {
        liar.inner = storage.ops;
        liar.ops = *storage.ops;
        liar.ops.fingerprint = fingerprint;
        liar.ops.items = items;
        storage.ops = &liar.ops;
    }
    test_meeting_open_with(m, at, &options, (mt_config){.storage = &storage});
    test_meeting_rest(m);
}

/* Both have the same but for a few, of which each has something. */
static void fill(mt_db *db, size_t who)
{
    mt_field field = {.name = mt_str("text")};
    mt_row row = {.fields = &field, .count = 1};
    mt_graph *graph;

    CHECK(mt_graph_new(test_mem(), NULL, &graph) == MT_OK);
    for (unsigned i = 0; i < NODES; i++) {
        char uid[16];
        bool differs = i % 100 == 10 * who;
        (void)snprintf(uid, sizeof uid, "user/%04u", i);
        row.uid = mt_str(uid);
        field.value = mt_text(differs ? "mine" : "the same");
        field.state = differs ? 6 : 5;
        CHECK(mt_graph_merge_rows(graph, &row, 1, NULL) == MT_OK);
    }
    CHECK(mt_commit_graph_wait(db, graph, NULL) == MT_OK);
    mt_graph_free(graph);
}

static bool take(void *ctx, mt_db *db, const mt_row *row)
{
    (void)db;
    CHECK(mt_graph_merge_rows(ctx, row, 1, NULL) == MT_OK);
    return true;
}

static bool are_equal(const test_meeting *m)
{
    mt_range all = {.deleted = true};
    mt_graph *has[2];
    bool equal;

    for (size_t i = 0; i < 2; i++) {
        CHECK(mt_graph_new(test_mem(), NULL, &has[i]) == MT_OK);
        CHECK(mt_stream_wait(m->peers[i].db, &all, take, has[i]) == MT_OK);
    }
    equal = mt_graph_equal(has[0], has[1]);
    for (size_t i = 0; i < 2; i++) mt_graph_free(has[i]);
    return equal;
}

static void answer_held(test_meeting *m)
{
    const mt_storage_host *host = liar.host;

    if (!host) return;
    CHECK(mt_pipe_cut(m->ends[0][0]) == MT_OK);
    test_env_run_for(&m->te, 10);
    liar.host = NULL;
    host->answer(host->ctx, liar.id, &(mt_storage_answer){.status = MT_IO});
    CHECK(mt_pipe_restore(m->ends[0][0]) == MT_OK);
}

/* Answers whether the index was asked so often, and counts how often the reason was shown. */
static bool meet(size_t who, lie how, size_t at, size_t dry, size_t *shown)
{
    bool reached;
    test_meeting m;

    memset(&liar, 0, sizeof liar);
    liar.how = how;
    liar.at = SIZE_MAX;
    test_meeting_begin(&m);
    for (size_t i = 0; i < 2; i++) open_peer(&m, i, i == who, i == dry);
    for (size_t i = 0; i < 2; i++) fill(m.peers[i].db, i);
    test_meeting_rest(&m);
    liar.count = 0;
    liar.at = at;
    test_meeting_join(&m, 0, 1);
    test_env_run_for(&m.te, 1000);
    answer_held(&m);
    reached = liar.count > at;
    liar.at = SIZE_MAX; /* it lies no more */
    *shown += strstr(test_standing_of(m.peers[who].db).error, reasons[how]) != NULL;
    test_env_run_for(&m.te, 20000);
    if (dry < 2) {
        CHECK(!are_equal(&m));
    } else {
        /* What was told to be malformed is not tried again until the link comes up again. */
        CHECK(mt_pipe_cut(m.ends[0][0]) == MT_OK);
        test_env_run_for(&m.te, 1000);
        CHECK(mt_pipe_restore(m.ends[0][0]) == MT_OK);
        test_env_run_for(&m.te, 20000);
        CHECK(are_equal(&m));
    }
    test_meeting_end(&m);
    return reached;
}

static void lies_at_each(size_t dry)
{
    for (size_t who = 0; who < 2; who++)
        for (int how = 0; how < LIES; how++) {
            size_t at = 0, shown = 0;
            while (meet(who, (lie)how, at, dry, &shown)) at++;
            CHECK(at > 1 && shown > 0);
        }
}

TEST(whatever_an_index_answers_the_two_become_equal_in_the_end)
{
    lies_at_each(SIZE_MAX);
}

TEST(whatever_an_index_answers_nothing_moves_in_a_dry_run)
{
    lies_at_each(0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(whatever_an_index_answers_the_two_become_equal_in_the_end),
        cmocka_unit_test(whatever_an_index_answers_nothing_moves_in_a_dry_run),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
