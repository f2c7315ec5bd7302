/* deliveries_test.c - three replicas, a few operations, and every order in which all of it can happen.
 *
 * At each step one of the replicas writes a field, deletes one or deletes a node, or one of the messages
 * that are under way arrives somewhere. What is sent is what the codec makes of the change, and what
 * arrives is read by the codec and merged. All orders are tried, depth first; a state that was seen
 * before is not followed again. A state is what the three hold, and of each message what it is and who
 * has got it.
 *
 *     operation -> message -> to the others, in any order, however late
 *
 * Equal graphs have equal bytes, so they have one number, and each of the library's answers is asked for
 * once: what an operation makes of a graph, and what a message makes of one. Those answers are compared
 * with the reference. So that nothing hides behind the numbers, one path in many is walked once more from
 * its beginning with graphs that live through all of it.
 *
 * In every state: a message that has come changes nothing when it comes again; what it deleted is not
 * there; and a copy of all that one replica has does to another what the messages do that it has got.
 * Where all has arrived, all three are equal. MYTOSIS_FULL=1 has more operations. */
#include "base/checksum.h"
#include "test_binary.h"
#include "test_graph.h"
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define REPLICAS 3
#define OPERATIONS_MAX 6
#define OPS_MAX 10 /* of two nodes with two fields each */
#define STEPS_MAX (OPERATIONS_MAX * REPLICAS)
#define EVERYWHERE ((1u << REPLICAS) - 1)
#define NONE UINT32_MAX
#define REPLAYED_ONE_IN 4099

/* ---- Numbers by number ---- */

/* Keys are not 0. */
typedef struct table {
    uint64_t *keys, *values; /* `values` may be NULL */
    size_t count, slots;
    bool has_values;
} table;

static uint64_t mix(uint64_t x)
{
    x ^= x >> 32;
    x *= 0xD6E8FEB86659FD93u;
    x ^= x >> 32;
    x *= 0xD6E8FEB86659FD93u;
    return x ^ x >> 32;
}

static void *zeros(size_t count, size_t size)
{
    void *made = calloc(count, size);

    if (!made) abort();
    return made;
}

/* Where the key is, or may be put. */
static size_t table_slot(const table *t, uint64_t key)
{
    size_t at = (size_t)mix(key) & (t->slots - 1);

    while (t->keys[at] && t->keys[at] != key) at = (at + 1) & (t->slots - 1);
    return at;
}

static void table_grow(table *t)
{
    table old = *t;

    t->slots = old.slots ? 2 * old.slots : 1024;
    t->keys = zeros(t->slots, sizeof *t->keys);
    if (t->has_values) t->values = zeros(t->slots, sizeof *t->values);
    for (size_t i = 0; i < old.slots; i++) {
        size_t at;

        if (!old.keys[i]) continue;
        at = table_slot(t, old.keys[i]);
        t->keys[at] = old.keys[i];
        if (t->has_values) t->values[at] = old.values[i];
    }
    free(old.keys);
    free(old.values);
}

/* False: it is there already. */
static bool table_add(table *t, uint64_t key, uint64_t value)
{
    size_t at;

    if (10 * t->count >= 7 * t->slots) table_grow(t);
    at = table_slot(t, key);
    if (t->keys[at]) return false;
    t->keys[at] = key;
    if (t->has_values) t->values[at] = value;
    t->count++;
    return true;
}

static bool table_has(const table *t, uint64_t key)
{
    return t->slots && t->keys[table_slot(t, key)];
}

static bool table_find(const table *t, uint64_t key, uint64_t *value)
{
    if (!table_has(t, key)) return false;
    *value = t->values[table_slot(t, key)];
    return true;
}

static void table_end(table *t)
{
    free(t->keys);
    free(t->values);
}

/* ---- Graphs by their bytes ---- */

typedef struct numbered {
    mt_buf bytes;
    mt_graph *graph;
    uint32_t copy; /* the message that says all of it; NONE: not asked for yet */
} numbered;

typedef struct numbers {
    numbered *items;
    size_t count, room;
    table by_sum; /* the number of the last item with this sum */
} numbers;

/* The number of what has these bytes, which are MOVED; NONE if it is new. */
static uint32_t number_of(numbers *n, mt_buf *bytes, uint64_t *sum)
{
    mt_bytes view = {bytes->data, bytes->len};
    uint64_t at;

    *sum = mti_checksum(view, 0) | 1;
    if (!table_find(&n->by_sum, *sum, &at)) return NONE;
    HOLDS(mt_bytes_equal(view, (mt_bytes){n->items[at].bytes.data, n->items[at].bytes.len}));
    mt_buf_free(bytes);
    return (uint32_t)at;
}

static uint32_t number_add(numbers *n, uint64_t sum, mt_buf bytes, mt_graph *graph)
{
    if (n->count == n->room) {
        n->room = n->room ? 2 * n->room : 64;
        n->items = realloc(n->items, n->room * sizeof *n->items);
        if (!n->items) abort();
    }
    HOLDS(table_add(&n->by_sum, sum, n->count));
    n->items[n->count] = (numbered){bytes, graph, NONE};
    return (uint32_t)n->count++;
}

static void numbers_end(numbers *n)
{
    for (size_t i = 0; i < n->count; i++) {
        mt_buf_free(&n->items[i].bytes);
        mt_graph_free(n->items[i].graph);
    }
    table_end(&n->by_sum);
    free(n->items);
}

/* ---- What is explored ---- */

typedef enum op_kind { OP_WRITE, OP_DELETE_FIELD, OP_DELETE_NODE } op_kind;

typedef struct operation {
    op_kind kind;
    const char *uid, *name;
} operation;

typedef struct sent {
    uint32_t message;
    uint32_t got; /* a bit for each replica */
} sent;

typedef struct world {
    uint32_t graph[REPLICAS];
    uint32_t count;
    sent sent[OPERATIONS_MAX];
} world;

/* Either an operation, or the arrival of a message. */
typedef struct step {
    unsigned replica, op;
    uint32_t message; /* NONE: an operation */
} step;

typedef struct explorer {
    operation ops[OPS_MAX];
    unsigned op_count, most;
    numbers graphs, messages;
    table seen, patches;
    uint32_t
        *merges; /* of graph and message: the number of what they make, and 1; 0: not asked yet */
    size_t merge_side, merge_count;
    mt_buf out; /* of the writer */
    mt_binary_writer *writer;
    mt_binary_reader *reader;
    step path[STEPS_MAX];
    size_t depth, states, quiet, replayed;
} explorer;

static void print_path(const explorer *e)
{
    for (size_t i = 0; i < e->depth; i++) {
        const step *s = &e->path[i];

        if (s->message == NONE)
            print_error("%u: %s %s.%s\n", s->replica,
                        e->ops[s->op].kind == OP_WRITE          ? "write"
                        : e->ops[s->op].kind == OP_DELETE_FIELD ? "delete"
                                                                : "delete all of",
                        e->ops[s->op].uid, e->ops[s->op].name);
        else print_error("%u: gets message %u\n", s->replica, s->message);
    }
}

/* As HOLDS, and says how it came to this. */
#define REACHED(e, truth) \
    ((truth) ? (void)0 : (print_path(e), test_broken(#truth, __FILE__, __LINE__)))

/* ---- The library ---- */

static mt_buf written(explorer *e)
{
    mt_buf made;

    HOLDS(mt_binary_finish(e->writer) == MT_OK);
    made = e->out;
    e->out = (mt_buf){.mem = test_mem()};
    return made;
}

static mt_buf graph_bytes(explorer *e, const mt_graph *graph)
{
    HOLDS(mt_binary_graph(e->writer, graph) == MT_OK);
    return written(e);
}

static uint32_t graph_number(explorer *e, mt_graph *graph)
{
    mt_buf bytes = graph_bytes(e, graph);
    uint64_t sum;
    uint32_t number = number_of(&e->graphs, &bytes, &sum);

    if (number == NONE) return number_add(&e->graphs, sum, bytes, graph);
    HOLDS(mt_graph_equal(graph, e->graphs.items[number].graph));
    mt_graph_free(graph);
    return number;
}

static uint32_t message_number(explorer *e, mt_buf bytes)
{
    mt_graph *graph = NULL;
    uint64_t sum;
    uint32_t number = number_of(&e->messages, &bytes, &sum);

    if (number != NONE) return number;
    HOLDS(mt_binary_load(test_mem(), NULL, NULL, "message", (mt_bytes){bytes.data, bytes.len},
                         &graph, NULL) == MT_OK);
    return number_add(&e->messages, sum, bytes, graph);
}

static void merge_message(explorer *e, mt_graph *graph, mt_bytes bytes)
{
    const mt_row *rows;
    size_t count;
    mt_status st;

    mt_binary_reader_reset(e->reader);
    HOLDS(mt_binary_reader_feed(e->reader, bytes, true) == MT_OK);
    while ((st = mt_binary_reader_rows(e->reader, &rows, &count)) == MT_OK)
        test_worked(graph, mt_graph_merge_rows(graph, rows, count, NULL));
    HOLDS(st == MT_END);
}

/* Does an operation; answers what is sent, OWNED, which is empty if nothing changed. */
static mt_buf operate(explorer *e, mt_graph *graph, unsigned op, unsigned replica)
{
    const mt_value values[REPLICAS] = {mt_text("\xEF\xBF\xBF"), mt_text("\xF0\x9F\x98\x80"),
                                       mt_number(9)};
    const operation *o = &e->ops[op];
    mt_field field = {.name = mt_str(o->name), .value = values[replica]};
    mt_row row = {.uid = mt_str(o->uid), .fields = &field, .count = 1};
    mt_buf bytes = {.mem = test_mem()};
    mt_delta *delta = NULL;

    if (o->kind == OP_DELETE_FIELD) {
        field.kind = MT_FIELD_DELETED;
        field.value = mt_null();
    }
    row.delete_node = o->kind == OP_DELETE_NODE;
    row.count = o->kind != OP_DELETE_NODE;
    test_worked(graph, mt_graph_patch(graph, &row, 1, 0, &delta));
    if (mt_delta_changed(delta)) {
        HOLDS(mt_binary_delta(e->writer, delta, MT_UPDATE) == MT_OK);
        bytes = written(e);
    }
    mt_delta_free(delta);
    return bytes;
}

/* ---- Its answers, each asked for once ---- */

/* Nothing is alive that a message deletes. */
static void stays_deleted(const explorer *e, const mt_graph *graph, const mt_graph *message)
{
    const mt_bytes all = {NULL, 0};
    mt_graph_iter nodes;
    const mt_node *node;

    mt_graph_iter_init(&nodes, message, all, all);
    while ((node = mt_graph_iter_next(&nodes))) {
        const mt_node *there = mt_graph_get(graph, mt_node_uid(node));
        mt_field_iter fields;
        mt_field field, living;

        REACHED(e, there != NULL);
        mt_field_iter_init(&fields, node, true);
        while (mt_field_iter_next(&fields, &field))
            if (field.kind == MT_FIELD_DELETED && mt_node_get(there, field.name, &living) == MT_OK)
                REACHED(e, living.state >= field.state);
        mt_field_iter_init(&fields, there, false);
        while (mt_field_iter_next(&fields, &living)) REACHED(e, living.state > mt_node_floor(node));
    }
}

static void merge_is(const explorer *e, const mt_graph *before, const mt_graph *message,
                     const mt_graph *after)
{
    test_arena arena = {.left = 0};
    ref_graph current = test_read(&arena, before), incoming = test_read(&arena, message);
    ref_graph expected = ref_merge(&current, &incoming, NULL), is = test_read(&arena, after);

    REACHED(e, ref_equal(&expected, &is));
    test_arena_end(&arena);
}

static void merges_grow(explorer *e)
{
    uint32_t *old = e->merges;
    size_t side = e->merge_side;

    e->merge_side = side ? 2 * side : 64;
    e->merges = zeros(e->merge_side * e->merge_side, sizeof *e->merges);
    for (size_t i = 0; i < side; i++)
        memcpy(e->merges + i * e->merge_side, old + i * side, side * sizeof *old);
    free(old);
}

static uint32_t deliver(explorer *e, uint32_t graph, uint32_t message)
{
    const numbered *m = &e->messages.items[message];
    mt_graph *after;
    uint32_t number;

    while (graph >= e->merge_side || message >= e->merge_side) merges_grow(e);
    if ((number = e->merges[graph * e->merge_side + message]) != 0) return number - 1;
    after = test_clone(e->graphs.items[graph].graph);
    merge_message(e, after, (mt_bytes){m->bytes.data, m->bytes.len});
    merge_is(e, e->graphs.items[graph].graph, m->graph, after);
    stays_deleted(e, after, m->graph);
    number = graph_number(e, after);
    e->merges[graph * e->merge_side + message] = number + 1;
    e->merge_count++;
    return number;
}

/* False: it changes nothing. */
static bool patch(explorer *e, uint32_t graph, unsigned op, unsigned replica, uint32_t *after,
                  uint32_t *message)
{
    uint64_t key = ((uint64_t)graph + 1) << 16 | op << 4 | replica, value;
    mt_graph *made;
    mt_buf bytes;

    if (!table_find(&e->patches, key, &value)) {
        made = test_clone(e->graphs.items[graph].graph);
        bytes = operate(e, made, op, replica);
        *message = bytes.len ? message_number(e, bytes) : NONE;
        *after = graph_number(e, made);
        if (*message == NONE) REACHED(e, *after == graph);
        else REACHED(e, deliver(e, graph, *message) == *after);
        value = (uint64_t)*after << 32 | *message;
        HOLDS(table_add(&e->patches, key, value));
    }
    *after = (uint32_t)(value >> 32);
    *message = (uint32_t)value;
    return *message != NONE;
}

static uint32_t copy_of(explorer *e, uint32_t graph)
{
    mt_buf bytes;

    if (e->graphs.items[graph].copy == NONE) {
        bytes = graph_bytes(e, e->graphs.items[graph].graph);
        e->graphs.items[graph].copy = message_number(e, bytes);
    }
    return e->graphs.items[graph].copy;
}

/* ---- What must hold ---- */

static void state_is_sound(explorer *e, const world *w)
{
    bool quiet = true;

    for (unsigned r = 0; r < REPLICAS; r++) {
        for (size_t i = 0; i < w->count; i++)
            if (w->sent[i].got >> r & 1)
                REACHED(e, deliver(e, w->graph[r], w->sent[i].message) == w->graph[r]);
        for (unsigned to = 0; to < REPLICAS; to++) {
            uint32_t by_messages = w->graph[to];

            if (to == r) continue;
            for (size_t i = 0; i < w->count; i++)
                if (w->sent[i].got >> r & 1)
                    by_messages = deliver(e, by_messages, w->sent[i].message);
            REACHED(e, deliver(e, w->graph[to], copy_of(e, w->graph[r])) == by_messages);
        }
    }
    for (size_t i = 0; i < w->count; i++) quiet = quiet && w->sent[i].got == EVERYWHERE;
    if (!quiet) return;
    REACHED(e, w->graph[0] == w->graph[1] && w->graph[1] == w->graph[2]);
    e->quiet++;
}

/* The path once more, with graphs that live. Every message comes twice. */
static void replay(explorer *e, const world *w)
{
    mt_buf made[OPERATIONS_MAX];
    mt_graph *graphs[REPLICAS];
    uint32_t numbers_made[OPERATIONS_MAX];
    size_t count = 0, i;

    for (i = 0; i < REPLICAS; i++) graphs[i] = test_graph_new();
    for (size_t at = 0; at < e->depth; at++) {
        const step *s = &e->path[at];

        if (s->message == NONE) {
            made[count] = operate(e, graphs[s->replica], s->op, s->replica);
            numbers_made[count] = message_number(e, made[count]);
            made[count] = e->messages.items[numbers_made[count]].bytes;
            count++;
            continue;
        }
        for (i = 0; i < count && numbers_made[i] != s->message; i++) {
        }
        REACHED(e, i < count);
        for (int times = 0; times < 2; times++)
            merge_message(e, graphs[s->replica], (mt_bytes){made[i].data, made[i].len});
    }
    for (i = 0; i < REPLICAS; i++) REACHED(e, graph_number(e, graphs[i]) == w->graph[i]);
    e->replayed++;
}

/* ---- All orders ---- */

/* The same whatever the order in which messages were sent. */
static uint64_t world_sum(const world *w)
{
    uint64_t all = 0, sum;

    for (size_t i = 0; i < w->count; i++)
        all += mix(((uint64_t)w->sent[i].message << 8 | w->sent[i].got) + 0x9E3779B97F4A7C15u);
    sum = mix(all + w->count);
    for (unsigned r = 0; r < REPLICAS; r++) sum = mix(sum ^ (w->graph[r] + 0x9E3779B97F4A7C15u));
    return sum | 1;
}

/* What a step leads to. */
typedef struct child {
    world w;
    step s;
    uint64_t sum;
} child;

#define CHILDREN_MAX (REPLICAS * (OPERATIONS_MAX + OPS_MAX))

/* The table is far larger than any cache: so that its answers are waited for together, each is asked for
 * long before it is looked at. */
static void add_child(const explorer *e, child *made, step s)
{
    made->s = s;
    made->sum = world_sum(&made->w);
    if (e->seen.slots) __builtin_prefetch(&e->seen.keys[mix(made->sum) & (e->seen.slots - 1)]);
}

static size_t find_children(explorer *e, const world *w, child *children)
{
    uint32_t after, message;
    size_t count = 0;

    for (unsigned r = 0; r < REPLICAS; r++) {
        for (size_t i = 0; i < w->count; i++) {
            child *made = &children[count];

            if (w->sent[i].got >> r & 1) continue;
            made->w = *w;
            made->w.sent[i].got |= 1u << r;
            made->w.graph[r] = deliver(e, w->graph[r], w->sent[i].message);
            add_child(e, &children[count++], (step){r, 0, w->sent[i].message});
        }
        for (unsigned op = 0; op < e->op_count && w->count < e->most; op++) {
            child *made = &children[count];

            if (!patch(e, w->graph[r], op, r, &after, &message)) continue;
            made->w = *w;
            made->w.sent[made->w.count++] = (sent){message, 1u << r};
            made->w.graph[r] = after;
            add_child(e, &children[count++], (step){r, op, NONE});
        }
    }
    return count;
}

static void explore(explorer *e, const world *w)
{
    child children[CHILDREN_MAX];
    size_t count = find_children(e, w, children), fresh = 0;

    state_is_sound(e, w);
    if (e->states++ % REPLAYED_ONE_IN == 0) replay(e, w);
    for (size_t i = 0; i < count; i++)
        if (!table_has(&e->seen, children[i].sum)) children[fresh++] = children[i];
    for (size_t i = 0; i < fresh; i++) {
        if (!table_add(&e->seen, children[i].sum, 0)) continue;
        e->path[e->depth++] = children[i].s;
        explore(e, &children[i].w);
        e->depth--;
    }
}

static void explorer_init(explorer *e, unsigned nodes, unsigned fields, unsigned most)
{
    static const char *const uids[] = {"n", "m"}, *const names[] = {"x", "y"};

    memset(e, 0, sizeof *e);
    e->most = most;
    for (unsigned n = 0; n < nodes; n++) {
        for (unsigned f = 0; f < fields; f++) {
            e->ops[e->op_count++] = (operation){OP_WRITE, uids[n], names[f]};
            e->ops[e->op_count++] = (operation){OP_DELETE_FIELD, uids[n], names[f]};
        }
        e->ops[e->op_count++] = (operation){OP_DELETE_NODE, uids[n], ""};
    }
    e->graphs.by_sum.has_values = e->messages.by_sum.has_values = true;
    e->patches.has_values = true;
    e->out.mem = test_mem();
    HOLDS(mt_binary_writer_new(test_mem(), NULL, NULL, &e->out, &e->writer) == MT_OK);
    HOLDS(mt_binary_reader_new(test_mem(), NULL, NULL, "message", &e->reader) == MT_OK);
}

static void explorer_end(explorer *e)
{
    numbers_end(&e->graphs);
    numbers_end(&e->messages);
    table_end(&e->seen);
    free(e->merges);
    table_end(&e->patches);
    mt_binary_writer_free(e->writer);
    mt_binary_reader_free(e->reader);
    mt_buf_free(&e->out);
}

/* How long it takes is told; nothing else comes of the time. */
static double seconds_now(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static size_t all_orders(unsigned nodes, unsigned fields, unsigned most)
{
    static explorer e;
    double begin = seconds_now(), took;
    world w = {.count = 0};

    explorer_init(&e, nodes, fields, most);
    w.graph[0] = w.graph[1] = w.graph[2] = graph_number(&e, test_graph_new());
    explore(&e, &w);
    took = seconds_now() - begin;
    print_message("[  STATES  ] %zu: %u node(s), %u field(s), %u operations; %zu quiet, %zu walked "
                  "again; %zu graphs, %zu messages, %zu merges; %.0f states/s\n",
                  e.states, nodes, fields, most, e.quiet, e.replayed, e.graphs.count,
                  e.messages.count, e.merge_count, (double)e.states / took);
    explorer_end(&e);
    return e.states;
}

TEST(whatever_the_order_of_deliveries_all_end_equal)
{
    static const struct {
        unsigned nodes, fields, most, most_full;
    } scopes[] = {{1, 1, 5, 6}, {1, 2, 4, 5}, {2, 1, 4, 5}, {2, 2, 3, 4}};
    size_t live = test_mem_live(), states = 0;

    for (size_t i = 0; i < TEST_COUNT(scopes); i++)
        states += all_orders(scopes[i].nodes, scopes[i].fields,
                             test_full() ? scopes[i].most_full : scopes[i].most - TEST_SANITIZED);
    print_message("[  STATES  ] %zu in all\n", states);
    if (test_full()) assert_true(states >= 1000000);
    assert_int_equal(test_mem_live(), live);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(whatever_the_order_of_deliveries_all_end_equal),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
