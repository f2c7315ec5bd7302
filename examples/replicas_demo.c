/* replicas_demo.c - two replicas of a package index are edited apart, merged both ways, and
 * equal to the byte.
 *
 *     replicas_demo packages.mtg FOLDER
 *
 * The file is what packages_to_graph makes. Left and right each load it and edit it without
 * asking the other: on some hundred packages they cross in every way there is. A third replica
 * is then given nothing but what each of them changed, and in the other order. FOLDER gets
 * left.mtg and right.mtg as they were before they met, and merged.mtg.
 *
 * The edits come from a seed: the same file gives the same graphs, whenever and wherever this
 * runs. */
#include "report.h"

#define EDITED_PACKAGES 480
#define SHOWN_EVERY 25 /* one conflict in so many is printed */
#define SEED UINT64_C(20260101)

typedef struct replica {
    const char *name;
    mt_graph *graph;
    /* Edits made. */
    size_t written;
    size_t deleted;
    size_t nodes_deleted;
    /* Fields of the other that lost to this one at an equal state. */
    size_t won;
    size_t won_by_deleting; /* with the whole node */
} replica;

/* ---- Printing ---- */

/* One line: what was done since `*start`, which becomes now, and how long it took. */
static void step(double *start, const char *format, ...)
{
    va_list args;

    printf("%9.1f ms  ", (seconds_now() - *start) * 1000);
    va_start(args, format);
    vprintf(format, args);
    va_end(args);
    printf("\n");
    *start = seconds_now();
}

static double per_field(size_t bytes, size_t fields)
{
    return fields == 0 ? 0 : (double)bytes / (double)fields;
}

/* FNV-1a, 64 bits: enough to see by eye that two runs, or two machines, made the same bytes. */
static uint64_t checksum(mt_bytes bytes)
{
    uint64_t sum = UINT64_C(0xcbf29ce484222325);

    for (size_t i = 0; i < bytes.len; i++) sum = (sum ^ bytes.data[i]) * UINT64_C(0x100000001b3);
    return sum;
}

/* A field's value, cut to fit a column. */
typedef struct value_text {
    char text[32];
} value_text;

static value_text shown(const mt_field *field)
{
    value_text out = {"(deleted)"};
    mt_buf json = {.mem = mt_mem_system()};

    if (field->kind == MT_FIELD_DELETED) return out;
    must(mt_value_json(&field->value, &json), "printing", NULL);
    (void)snprintf(out.text, sizeof out.text, "%.*s", (int)json.len, (const char *)json.data);
    mt_buf_free(&json);
    return out;
}

/* How much of a name fits a column. */
static int column(mt_bytes name, int width)
{
    return name.len < (size_t)width ? (int)name.len : width;
}

/* ---- Loading ---- */

static mt_graph *load(const char *name, mt_bytes bytes)
{
    mt_graph *graph = NULL;
    mt_error err = {0};

    must(mt_binary_load(mt_mem_system(), NULL, mt_compressor_zstd(), name, bytes, &graph, &err),
         name, err.text);
    return graph;
}

static void save(const char *folder, const char *name, mt_bytes bytes)
{
    char path[4096];

    if (snprintf(path, sizeof path, "%s/%s", folder, name) >= (int)sizeof path) {
        fail(EXIT_USAGE, "the name of the folder is too long");
    }
    write_file(path, bytes);
}

/* ---- Editing ---- */

/* A small generator (splitmix64): seeded, and the same everywhere. */
static uint64_t next_random(uint64_t *seed)
{
    uint64_t z = *seed += UINT64_C(0x9e3779b97f4a7c15);

    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

static void write_text(replica *r, mt_bytes uid, const char *name, const char *text)
{
    must(mt_graph_set(r->graph, uid, mt_str(name), mt_text(text)), r->name, NULL);
    r->written++;
}

static void delete_field(replica *r, mt_bytes uid, const char *name)
{
    must(mt_graph_remove(r->graph, uid, mt_str(name)), r->name, NULL);
    r->deleted++;
}

static void delete_node(replica *r, mt_bytes uid)
{
    must(mt_graph_remove_node(r->graph, uid), r->name, NULL);
    r->nodes_deleted++;
}

/* A new node with an edge to the package. Both replicas may make the same one. */
static void write_note(replica *r, mt_bytes package, size_t number, const char *level)
{
    char uid[32];

    (void)snprintf(uid, sizeof uid, "note/%04zu", number);
    write_text(r, mt_str(uid), "suggests", level);
    must(mt_graph_set(r->graph, mt_str(uid), mt_str("about"), mt_edge(package)), r->name, NULL);
    r->written++;
}

/* Lets the two cross on one package, in one of eight ways; which of them is which changes. */
static void edit_package(replica *one, replica *other, mt_bytes uid, size_t number, uint64_t random)
{
    static const char *const levels[] = {"required", "important", "standard", "optional", "extra"};
    const char *level = levels[random % 5];
    const char *another = levels[(random % 5 + 1 + random / 5 % 4) % 5];

    switch (number % 8) {
    case 0: /* both write the same field once: equal states, a conflict */
    case 1:
        write_text(one, uid, "Priority", level);
        write_text(other, uid, "Priority", another);
        break;
    case 2: /* one deletes what the other rewrites: equal states, the value stays */
        delete_field(one, uid, "Description");
        write_text(other, uid, "Description", "to be described anew");
        break;
    case 3: /* one writes twice: the higher state stays, no conflict */
        write_text(one, uid, "Priority", level);
        write_text(one, uid, "Priority", another);
        write_text(other, uid, "Priority", level);
        break;
    case 4: /* one deletes the node that the other writes to: what was written lives */
        delete_node(one, uid);
        write_text(other, uid, "Priority", another);
        break;
    case 5: /* both delete the node */
        delete_node(one, uid);
        delete_node(other, uid);
        break;
    case 6: /* each writes another field: both stay */
        write_text(one, uid, "Priority", another);
        write_text(other, uid, "Homepage", "https://www.example.org/");
        break;
    case 7: /* both make the same new node, and one more each */
        write_note(one, uid, number, level);
        write_note(other, uid, number, another);
        write_note(one, uid, 1000 + number, level);
        write_note(other, uid, 2000 + number, another);
        break;
    default: break;
    }
}

/* The packages to edit, drawn without repetition: uids BORROWED from `index`, the array OWNED. */
static mt_bytes *draw_packages(const mt_graph *index, uint64_t *seed, size_t *count)
{
    mt_bytes *uids = malloc((mt_graph_count(index) + 1) * sizeof *uids);
    size_t found = 0;
    mt_graph_iter iter;
    const mt_node *node;

    if (!uids) fail(EXIT_SYSTEM, "out of memory");
    mt_graph_iter_init(&iter, index, mt_str("package/"), mt_str(""));
    while ((node = mt_graph_iter_next(&iter)) != NULL) uids[found++] = mt_node_uid(node);
    *count = found / 2 < EDITED_PACKAGES ? found / 2 : EDITED_PACKAGES;
    for (size_t i = 0; i < *count; i++) {
        size_t drawn = i + (size_t)(next_random(seed) % (found - i));
        mt_bytes uid = uids[i];

        uids[i] = uids[drawn];
        uids[drawn] = uid;
    }
    return uids;
}

static void edit(const mt_graph *index, replica *left, replica *right)
{
    uint64_t seed = SEED;
    double start = seconds_now();
    size_t count;
    mt_bytes *uids = draw_packages(index, &seed, &count);
    const replica *both[] = {left, right};

    for (size_t i = 0; i < count; i++) {
        uint64_t random = next_random(&seed);
        bool swap = random >> 63 != 0;

        edit_package(swap ? right : left, swap ? left : right, uids[i], i, random);
    }
    step(&start, "edit both, on the same %zu packages:", count);
    for (size_t i = 0; i < 2; i++) {
        printf("%13s  %5s writes %zu fields, deletes %zu fields and %zu nodes\n", "", both[i]->name,
               both[i]->written, both[i]->deleted, both[i]->nodes_deleted);
    }
    free(uids);
}

/* ---- Merging ---- */

/* Counts the conflicts that `winner` won, and prints some. */
static void report_conflicts(const mt_delta *delta, replica *winner)
{
    mt_delta_iter iter;
    mt_delta_node node;
    mt_conflict conflict;

    mt_delta_iter_init(&iter, delta, MT_CONFLICT);
    while (mt_delta_iter_node(&iter, &node)) {
        while (mt_delta_iter_conflict(&iter, &conflict)) {
            if (conflict.won.kind == MT_FIELD_DELETED) {
                winner->won_by_deleting++;
            } else if (winner->won++ % SHOWN_EVERY == 0) {
                printf("  %-6s %-32.*s %-12.*s %-22s %s\n", winner->name, column(node.uid, 32),
                       (const char *)node.uid.data, column(conflict.won.name, 12),
                       (const char *)conflict.won.name.data, shown(&conflict.won).text,
                       shown(&conflict.lost).text);
            }
        }
    }
}

static void merge(replica *into, const replica *from, mt_delta **delta)
{
    double start = seconds_now();

    must(mt_graph_merge(into->graph, from->graph, delta), into->name,
         mt_graph_error(into->graph)->text);
    step(&start, "merge %s into %s", from->name, into->name);
}

static void merge_both_ways(replica *left, replica *right)
{
    mt_delta *into_left = NULL;
    mt_delta *into_right = NULL;

    merge(left, right, &into_left);
    merge(right, left, &into_right);
    printf("\nIn conflict, written by both at the same state; the greater JSON text stays. Some of "
           "them:\n"
           "  %-6s %-32s %-12s %-22s %s\n",
           "won", "node", "field", "stays", "goes");
    report_conflicts(into_left, right);
    report_conflicts(into_right, left);
    printf(
        "In all: left won %zu, right won %zu. %s fields went with nodes that one side deleted.\n",
        left->won, right->won, grouped(left->won_by_deleting + right->won_by_deleting).text);
    mt_delta_free(into_left);
    mt_delta_free(into_right);
}

/* ---- Comparing ---- */

/* What a replica changed since the index, as bytes for another peer: OWNED. */
static mt_buf changes(const replica *r, const mt_graph *index)
{
    double start = seconds_now();
    mt_graph *diff = NULL;
    mt_error err = {0};
    mt_buf bytes;

    must(mt_graph_diff(r->graph, index, &diff, &err), r->name, err.text);
    bytes = graph_bytes(diff, NULL);
    step(&start, "diff %s against the index: what it changed is %s bytes", r->name,
         grouped(bytes.len).text);
    mt_graph_free(diff);
    return bytes;
}

static void merge_bytes(mt_graph *graph, mt_bytes bytes)
{
    mt_graph *incoming = load("changes", bytes);

    must(mt_graph_merge(graph, incoming, NULL), "merge", mt_graph_error(graph)->text);
    mt_graph_free(incoming);
}

typedef mt_buf encode(const mt_graph *graph);

static mt_buf binary(const mt_graph *graph)
{
    return graph_bytes(graph, NULL);
}

static mt_buf compressed(const mt_graph *graph)
{
    return graph_bytes(graph, mt_compressor_zstd());
}

/* Prints whether both give the same bytes, and answers. The time is that of encoding and
 * comparing both. */
static bool compare(const replica *left, const replica *right, const char *form, encode *encoded)
{
    double start = seconds_now();
    mt_buf one = encoded(left->graph);
    mt_buf other = encoded(right->graph);
    bool same = mt_bytes_equal(mt_buf_bytes(&one), mt_buf_bytes(&other));
    size_t fields;

    mt_buf_free(&other);
    printf("%9.1f ms  ", (seconds_now() - start) * 1000);
    fields = graph_size_of(left->graph).fields;
    printf("%-12s %-10s %13s %9.1f   %016" PRIx64 "\n", form, same ? "the same" : "DIFFERENT",
           grouped(one.len).text, per_field(one.len, fields), checksum(mt_buf_bytes(&one)));
    mt_buf_free(&one);
    return same;
}

/* A replica that gets only what the others changed, in the other order, ends where they do. */
static bool third_agrees(const mt_graph *index, const replica *left, const mt_buf *from_left,
                         const mt_buf *from_right)
{
    double start = seconds_now();
    mt_graph *third = NULL;
    bool same;

    must(mt_graph_clone(index, &third), "third", NULL);
    merge_bytes(third, mt_buf_bytes(from_right));
    merge_bytes(third, mt_buf_bytes(from_left));
    step(&start, "merge only the changes into a third replica, right's first");
    same = mt_graph_equal(left->graph, third);
    step(&start, "compare it with left: %s", same ? "equal" : "DIFFERENT");
    mt_graph_free(third);
    return same;
}

/* ---- The program ---- */

static void save_graph(const char *folder, const char *name, const mt_graph *graph)
{
    mt_buf bytes = graph_bytes(graph, NULL);

    save(folder, name, mt_buf_bytes(&bytes));
    mt_buf_free(&bytes);
}

/* Gives the index to two replicas, as bytes. */
static mt_graph *give(const char *path, replica *left, replica *right)
{
    double start = seconds_now();
    mt_buf bytes = read_file(path);
    mt_graph *index = load(path, mt_buf_bytes(&bytes));
    graph_size size = graph_size_of(index);

    step(&start, "load the index: %s nodes, %s fields; in memory %.0f bytes a field",
         grouped(size.nodes).text, grouped(size.fields).text,
         per_field(mt_graph_memory(index), size.fields));
    mt_buf_free(&bytes);
    bytes = graph_bytes(index, NULL);
    step(&start, "encode it: %s bytes, %.1f a field", grouped(bytes.len).text,
         per_field(bytes.len, size.fields));
    left->graph = load("left", mt_buf_bytes(&bytes));
    step(&start, "load them into left");
    right->graph = load("right", mt_buf_bytes(&bytes));
    step(&start, "load them into right");
    mt_buf_free(&bytes);
    return index;
}

int main(int argc, char **argv)
{
    replica left = {.name = "left"};
    replica right = {.name = "right"};
    mt_graph *index;
    mt_buf from_left;
    mt_buf from_right;
    bool same;

    if (argc != 3) fail(EXIT_USAGE, "usage: replicas_demo GRAPH FOLDER");
    index = give(argv[1], &left, &right);
    edit(index, &left, &right);
    save_graph(argv[2], "left.mtg", left.graph);
    save_graph(argv[2], "right.mtg", right.graph);
    from_left = changes(&left, index);
    from_right = changes(&right, index);
    merge_both_ways(&left, &right);
    save_graph(argv[2], "merged.mtg", left.graph);

    printf("\nAgreed?       %-12s %-10s %13s %9s   %s\n", "as", "bytes are", "bytes", "a field",
           "FNV-1a, 64 bits");
    same = compare(&left, &right, "JSON", graph_json);
    same &= compare(&left, &right, "binary", binary);
    same &= compare(&left, &right, "compressed", compressed);
    same &= third_agrees(index, &left, &from_left, &from_right);
    printf("%s\n", same ? "All replicas agree." : "THE REPLICAS DIFFER.");

    mt_buf_free(&from_left);
    mt_buf_free(&from_right);
    mt_graph_free(index);
    mt_graph_free(left.graph);
    mt_graph_free(right.graph);
    return same ? 0 : 1;
}
