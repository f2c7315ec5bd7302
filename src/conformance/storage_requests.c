/* storage_requests.c - how requests are answered: once, in which order, and what they see of each
 * other. */
#include "conformance/storage_checks.h"

#include <stdio.h>
#include <string.h>

#define NONE ((mt_bytes){NULL, 0})
#define SERIES 60

void mti_storage_check_nothing(mti_storage_caller *c)
{
    mti_storage_order nothing = {.clock = 0};

    mti_storage_read(c, NULL, 0, 0, NULL, NULL);
    mti_storage_remove(c, NULL, 0, NULL, NULL);
    mti_storage_write(c, &nothing, 0, NULL, NULL);
    if (c->ops.list) mti_storage_list(c, NONE, NONE, 1, 0, NULL, NULL);
    if (c->ops.records) mti_storage_records(c, NONE, NONE, 1, NULL, NULL, NULL);
    if (c->ops.changes) mti_storage_changes(c, &c->head, 1, NULL, NULL, NULL);
    mti_storage_expect_all(c);
}

/* Writes `x` and, of another node, `y`, both with this number and at this state. */
static void write_pair(mti_storage_caller *c, uint64_t number, mti_storage_hear hear, void *arg)
{
    mt_field field = {.name = mt_str("x"), .value = mt_number((double)number), .state = number};
    mt_row rows[2] = {{.uid = mt_str("a"), .fields = &field, .count = 1},
                      {.uid = mt_str("b"), .fields = &field, .count = 1}};
    mti_storage_order order = {.delta = mti_storage_merge_rows(c, rows, 2), .clock = number};

    if (order.delta) mti_storage_write(c, &order, number, hear, arg);
}

/* The number that a pair has, in the node with this uid; 0 if there is none. */
static uint64_t number_of(const mti_storage_request *request, const char *uid)
{
    const mt_node *node = mt_graph_get(request->told.graph, mt_str(uid));
    mt_field field;

    return node && mt_node_get(node, mt_str("x"), &field) == MT_OK ? field.state : 0;
}

/* Reads both. */
static void read_pair(mti_storage_caller *c, uint64_t note, mti_storage_hear hear, void *arg)
{
    mt_storage_key keys[2] = {{.uid = mt_str("a"), .whole = true},
                              {.uid = mt_str("b"), .whole = true}};

    mti_storage_read(c, keys, 2, note, hear, arg);
}

void mti_storage_check_answered_once(mti_storage_caller *c)
{
    /* The caller knows what is under way, and refuses all other answers. */
    for (uint64_t i = 1; i <= 200; i++) {
        read_pair(c, 0, NULL, NULL);
        if (c->ops.list) mti_storage_list(c, NONE, NONE, 1 + i % 3, 0, NULL, NULL);
        if (i % 10 == 0) write_pair(c, i, NULL, NULL);
        if (i % 40 == 0) mti_storage_turn(c);
    }
    mti_storage_await(c);
    for (size_t turns = 0; turns < 100 && mti_storage_turn(c); turns++) {
    }
}

void mti_storage_check_order(mti_storage_caller *c)
{
    for (uint64_t number = 1; number <= SERIES; number++) write_pair(c, number, NULL, NULL);
    mti_storage_expect_all(c);
}

typedef struct pairs {
    mti_storage_caller *c;
    uint64_t answered; /* the last write of which that is so */
    uint64_t started;
} pairs;

static void hear_write(void *arg, const mti_storage_request *request,
                       const mt_storage_answer *answer)
{
    pairs *p = arg;

    mti_storage_need_ok(p->c, request, answer);
    if (request->note > p->answered) p->answered = request->note;
}

static void hear_pair(void *arg, const mti_storage_request *request,
                      const mt_storage_answer *answer)
{
    pairs *p = arg;
    uint64_t a = number_of(request, "a"), b = number_of(request, "b");

    mti_storage_need_ok(p->c, request, answer);
    if (a != b)
        mti_trial_violate(p->c->trial, "a read finds half of a write: %llu here and %llu there",
                          (unsigned long long)a, (unsigned long long)b);
    if (a < request->note || a > p->started)
        mti_trial_violate(p->c->trial, "a read finds write %llu, where %llu to %llu may be",
                          (unsigned long long)a, (unsigned long long)request->note,
                          (unsigned long long)p->started);
}

void mti_storage_check_atomic(mti_storage_caller *c)
{
    pairs p = {.c = c};

    while (p.started < SERIES && !c->trial->broken) {
        write_pair(c, ++p.started, hear_write, &p);
        read_pair(c, p.answered, hear_pair, &p);
        if (p.started % 3 == 0) mti_storage_turn(c);
    }
    mti_storage_await(c);
}

/* Asks for the nodes from inside the answer of the write. */
static void hear_write_and_read(void *arg, const mti_storage_request *request,
                                const mt_storage_answer *answer)
{
    pairs *p = arg;

    hear_write(p, request, answer);
    read_pair(p->c, request->note, hear_pair, p);
}

void mti_storage_check_seen(mti_storage_caller *c)
{
    pairs p = {.c = c};

    while (p.started < SERIES && !c->trial->broken) {
        write_pair(c, ++p.started, hear_write_and_read, &p);
        if (p.started % 5 == 0) mti_storage_await(c);
    }
    mti_storage_await(c);
}

/* The rows of an answer stay as they are while other requests are made inside it. */
static void hear_and_write(void *arg, const mti_storage_request *request,
                           const mt_storage_answer *answer)
{
    pairs *p = arg;
    size_t count = answer->row_count;
    mt_storage_row rows[2];
    uint8_t uids[2][4];

    mti_storage_need_ok(p->c, request, answer);
    if (count > 2) count = 2;
    for (size_t i = 0; i < count; i++) {
        rows[i] = answer->rows[i];
        memcpy(uids[i], rows[i].row.uid.data, rows[i].row.uid.len < 4 ? rows[i].row.uid.len : 4);
    }
    write_pair(p->c, ++p->started, hear_write, p);
    read_pair(p->c, 0, hear_pair, p);
    for (size_t i = 0; i < count; i++) {
        const mt_storage_row *row = &answer->rows[i];

        if (memcmp(&rows[i].row.uid, &row->row.uid, sizeof(mt_bytes)) != 0 ||
            rows[i].row.count != row->row.count || row->row.uid.len != 1 ||
            memcmp(row->row.uid.data, uids[i], 1) != 0 ||
            (row->row.count == 1 && row->row.fields[0].state != row->state_max))
            mti_trial_violate(p->c->trial, "an answer changes while it is looked at");
    }
}

void mti_storage_check_hold_still(mti_storage_caller *c)
{
    pairs p = {.c = c, .started = 1};

    write_pair(c, 1, hear_write, &p);
    mti_storage_await(c);
    for (size_t i = 0; i < 20 && !c->trial->broken; i++) {
        read_pair(c, 0, hear_and_write, &p);
        mti_storage_await(c);
    }
}

/* ---- Failures, and what is kept ---- */

static void hear_failure(void *arg, const mti_storage_request *request,
                         const mt_storage_answer *answer)
{
    mti_storage_caller *c = arg;

    (void)request;
    if (answer->status == MT_OK)
        mti_trial_violate(c->trial, "a write that was made to fail came to MT_OK");
}

void mti_storage_check_failed(mti_storage_caller *c)
{
    mt_graph *before = NULL;

    for (size_t round = 0; round < 3 && !c->trial->broken; round++) {
        mt_field field = {.name = mt_str("x"), .state = 10 + round};
        mt_row rows[2] = {{.uid = mt_str("a"), .fields = &field, .count = 1},
                          {.uid = mt_str("c"), .fields = &field, .count = 1}};
        mti_storage_order order = {.clock = 1, .key = "r", .value = "1"};

        mti_storage_merge_large(c, "large", 100 + 20 * round, 1 + round);
        write_pair(c, 1 + round, NULL, NULL);
        mti_storage_await(c);
        if (mt_graph_clone(c->graph, &before) != MT_OK) return;
        order.delta = mti_storage_merge_rows(c, rows, 2);
        c->subject->fail_write(c->subject->ctx);
        if (order.delta) mti_storage_write(c, &order, 0, hear_failure, c);
        mti_storage_await(c);
        mt_graph_free(c->graph);
        c->graph = before;
        mti_storage_expect_all(c);
    }
}

void mti_storage_check_reopened(mti_storage_caller *c)
{
    mti_storage_order order = {.key = "kept", .value = "1", .clock = 77, .clock_mode = 2};
    mt_cursor head;

    mti_storage_merge_large(c, "large", 300, 1);
    write_pair(c, 7, NULL, NULL);
    mti_storage_write(c, &order, 0, NULL, NULL);
    mti_storage_expect_all(c);
    head = c->head;
    for (size_t i = 0; i < 3 && !c->trial->broken; i++) {
        mti_storage_caller_close(c);
        if (!mti_storage_caller_open(c, false)) return;
        mti_storage_expect_all(c);
        if (c->ops.open && (c->info.clock != 77 || c->info.clock_mode != 2))
            mti_trial_violate(c->trial, "the clock was 77 in mode 2, and is %llu in mode %u",
                              (unsigned long long)c->info.clock, c->info.clock_mode);
        if (c->ops.changes && memcmp(&c->info.head, &head, sizeof head) != 0)
            mti_trial_violate(c->trial, "the head is another than before");
    }
    write_pair(c, 8, NULL, NULL);
    mti_storage_expect_all(c);
}
