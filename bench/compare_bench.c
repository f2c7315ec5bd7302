/* Comparisons: what it takes two peers without a position in common to find what differs.
 *
 * Each has an index of the same nodes. Before each run some of these are given to one side or changed at
 * one, half on each side; the machines are driven by hand, and what they send is put into the other index,
 * so that both are equal again for the next run. Bytes are those of all messages, both ways, without the
 * nodes that are sent; the CPU time is that of both sides, without putting nodes into an index.
 *
 * The bound beside: what names d of n nodes, if both knew all of them, takes log2 C(n, d) bits. Where
 * one side does not know the other's, each takes 8 bytes as 64-bit hash. */
#include "figure.h"
#include "store/index_query.h"
#include "sync/answerer.h"
#include "sync/asker.h"

#include <math.h>
#include <mytosis/host.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define STATE_FIRST UINT64_C(1760000000000) /* as clocks give them */
#define UID_ROOM 40

typedef enum keys { KEYS_NUMBERS, KEYS_UUIDS } keys;

/* Nodes of two sides. A version says what a node is: 0 that there is none. */
typedef struct nodes {
    keys keys;
    size_t count;
    uint64_t *uuids; /* in order; NULL: numbers */
    uint32_t *versions[2];
    mti_index sides[2]; /* the asker's, the answerer's */
    mti_changes changes[2];
} nodes;

typedef enum spread { SCATTERED, CLUSTERED, ONE_SIDED } spread;

typedef struct scenario {
    uint32_t count; /* of nodes, in thousands */
    keys keys;
    spread spread;
    uint32_t differing;
    bool codes;
    bool differs; /* that is known */
} scenario;

typedef struct result {
    uint64_t trips, bytes;
    double seconds;
} result;

#define SETS_MAX 4
#define SCENARIOS_MAX 64

typedef struct bench {
    uint64_t seed;
    uint64_t state; /* of what is drawn: splitmix64, Steele, Lea and Flood 2014 */
    nodes sets[SETS_MAX];
    size_t set_count;
    result results[SCENARIOS_MAX];
} bench;

/* ---- Nodes ---- */

static uint64_t mix(uint64_t z)
{
    z = (z ^ z >> 30) * UINT64_C(0xBF58476D1CE4E5B9);
    z = (z ^ z >> 27) * UINT64_C(0x94D049BB133111EB);
    return z ^ z >> 31;
}

static uint64_t draw(bench *b, uint64_t bound)
{
    return mix(b->state += UINT64_C(0x9E3779B97F4A7C15)) % bound;
}

static int by_number(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

    return x < y ? -1 : x > y;
}

static mt_bytes uid_of(const nodes *n, size_t i, char *out)
{
    uint64_t high, low;
    int len;

    if (!n->uuids) {
        len = snprintf(out, UID_ROOM, "user/%07zu", i);
        return (mt_bytes){(uint8_t *)out, (size_t)len};
    }
    high = n->uuids[i];
    low = mix(high);
    len = snprintf(out, UID_ROOM, "%08x-%04x-4%03x-a%03x-%012llx", (unsigned)(high >> 32),
                   (unsigned)(high >> 16 & 0xFFFF), (unsigned)(high & 0xFFF),
                   (unsigned)(low & 0xFFF), (unsigned long long)(low >> 16));
    return (mt_bytes){(uint8_t *)out, (size_t)len};
}

static size_t number_of(const nodes *n, mt_bytes uid)
{
    char room[UID_ROOM];
    size_t first = 0, count = n->count;

    if (!n->uuids) {
        for (size_t at = 5; at < uid.len; at++) first = first * 10 + (size_t)(uid.data[at] - '0');
        return first;
    }
    while (count > 0) {
        size_t half = count / 2;
        bool before = mt_bytes_compare(uid_of(n, first + half, room), uid) < 0;
        first += before ? half + 1 : 0;
        count = before ? count - half - 1 : half;
    }
    return first;
}

static uint64_t state_of(size_t i, uint32_t version)
{
    return STATE_FIRST + version * UINT64_C(86400000) + mix(i) % 80000000;
}

static void set(nodes *n, int side, size_t i, uint32_t version)
{
    char room[UID_ROOM];
    uint64_t hash = mix((uint64_t)i << 24 | version);
    mti_print print = {.living = {mix(hash), mix(hash + 1)}, .state_max = state_of(i, version)};

    n->versions[side][i] = version;
    bench_must(mti_changes_add(&n->changes[side], version ? MTI_CHANGE_SET : MTI_CHANGE_REMOVE,
                               uid_of(n, i, room), &print),
               "a change");
}

static void take_in(nodes *n, int side)
{
    mti_changes *changes = &n->changes[side];

    if (changes->count == 0) return;
    bench_must(mti_changes_sort(changes), "changes");
    bench_must(mti_index_apply(&n->sides[side], changes, NULL), "index");
    mti_changes_clear(changes);
}

static void nodes_make(nodes *n, size_t count, keys how)
{
    *n = (nodes){.keys = how, .count = count};
    if (how == KEYS_UUIDS) {
        n->uuids = bench_room(count, sizeof *n->uuids);
        for (size_t i = 0; i < count; i++) n->uuids[i] = mix(i) & ~(uint64_t)0xF000;
        qsort(n->uuids, count, sizeof *n->uuids, by_number);
    }
    for (int side = 0; side < 2; side++) {
        n->versions[side] = bench_room(count, sizeof *n->versions[side]);
        mti_index_init(&n->sides[side], mt_mem_system());
        mti_changes_init(&n->changes[side], mt_mem_system());
        for (size_t i = 0; i < count; i++) {
            set(n, side, i, 1);
            if (i % 500000 == 499999) take_in(n, side);
        }
        take_in(n, side);
    }
}

static void nodes_free(nodes *n)
{
    for (int side = 0; side < 2; side++) {
        free(n->versions[side]);
        mti_index_free(&n->sides[side]);
        mti_changes_free(&n->changes[side]);
    }
    free(n->uuids);
}

/* Those of a scenario, which are made when they are first asked for. */
static nodes *nodes_for(bench *b, const scenario *s)
{
    nodes *n = b->sets;
    size_t count = (size_t)s->count * 1000;

    for (; n < b->sets + b->set_count; n++)
        if (n->count == count && n->keys == s->keys) return n;
    if (b->set_count == SETS_MAX) bench_fail("nodes", "there are too many sets");
    b->set_count++;
    nodes_make(n, count, s->keys);
    return n;
}

/* Makes nodes differ: each once. */
static void disturb(bench *b, nodes *n, const scenario *s)
{
    size_t first = s->spread == CLUSTERED ? n->count - n->count / 100 : 0;

    for (uint32_t left = s->differing; left > 0;) {
        size_t i = first + draw(b, n->count - first);
        int side = (int)(left % 2);
        if (n->versions[0][i] != n->versions[1][i]) continue;
        set(n, side, i, s->spread == ONE_SIDED && left % 4 < 2 ? 0 : n->versions[side][i] + 1);
        left--;
    }
    take_in(n, 0);
    take_in(n, 1);
}

/* ---- Driving ---- */

typedef struct run {
    nodes *nodes;
    mti_asker asker;
    mti_answerer answerer;
    mt_buf message;
    double aside; /* seconds that are not counted */
    result result;
} run;

static double cpu_now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static void give_prints(run *r, int side)
{
    mt_storage_span *spans = side ? r->answerer.spans : r->asker.spans;
    size_t span_count = side ? r->answerer.span_count : r->asker.span_count, count;
    mt_storage_print *prints;

    bench_must(mti_prints_make(&r->nodes->sides[side], spans, span_count, &prints, &count),
               "prints");
    bench_must(side ? mti_answerer_prints(&r->answerer, prints, count)
                    : mti_asker_prints(&r->asker, prints, count),
               "prints");
    mti_mem_free(mt_mem_system(), prints, count * sizeof *prints);
}

static void give_items(run *r, int side)
{
    mti_item_walk walk = {.index = &r->nodes->sides[side],
                          .spans = side ? r->answerer.spans : r->asker.spans,
                          .span_count = side ? r->answerer.span_count : r->asker.span_count};
    mti_items items;

    while (mti_items_next(&walk, &items))
        bench_must(side ? mti_answerer_items(&r->answerer, items.at, items.count)
                        : mti_asker_items(&r->asker, items.at, items.count),
                   "items");
    bench_must(side ? mti_answerer_items_end(&r->answerer) : mti_asker_items_end(&r->asker),
               "items");
}

/* Puts what is sent into the other index, unless that has it newer. */
static void send(run *r, int side)
{
    const mti_sends *sends = side ? &r->answerer.sends : &r->asker.sends;
    nodes *n = r->nodes;
    double start = cpu_now();

    for (size_t at = 0; at < sends->count; at++) {
        size_t i = number_of(n, mti_send_uid(sends, &sends->at[at]));
        if (n->versions[!side][i] < n->versions[side][i]) set(n, !side, i, n->versions[side][i]);
    }
    take_in(n, !side);
    r->aside += cpu_now() - start;
    bench_must(side ? mti_answerer_sent(&r->answerer, 1) : mti_asker_sent(&r->asker), "sent");
}

static void hand_over(run *r, int side)
{
    mti_message_type due = side ? mti_answerer_due(&r->answerer) : mti_asker_due(&r->asker);
    mti_say say = mti_say_begin(&r->message, due);
    mt_error err = {MT_OK, ""};
    mti_parse in;
    unsigned type;
    mt_status st;

    if (side) mti_answerer_say(&r->answerer, &say);
    else mti_asker_say(&r->asker, &say);
    bench_must(mti_say_end(&say), "message");
    r->result.trips += side == 0;
    r->result.bytes += r->message.len;
    bench_must(mti_parse_head(mt_buf_bytes(&r->message), &type, &in, &err), "message");
    (void)mti_parse_number(&in, "the subscription");
    if (type == MTI_ASK) st = mti_answerer_ask(&r->answerer, &in);
    else if (type == MTI_WANT) st = mti_answerer_want(&r->answerer, &in);
    else if (type == MTI_ANSWER) st = mti_asker_answer(&r->asker, &in);
    else st = mti_asker_lack(&r->asker, &in);
    bench_must(st, "message");
}

static void step(run *r, int side)
{
    switch (side ? r->answerer.need : r->asker.need) {
    case MTI_NEED_NOTHING: break;
    case MTI_NEED_PRINTS: give_prints(r, side); break;
    case MTI_NEED_ITEMS: give_items(r, side); break;
    case MTI_NEED_SAY: hand_over(r, side); break;
    case MTI_NEED_SEND: send(r, side); break;
    }
}

static result compare(bench *b, nodes *n, const scenario *s)
{
    mti_comparison about = {.mem = mt_mem_system(),
                            .asker = draw(b, UINT64_MAX) | 1,
                            .answerer = draw(b, UINT64_MAX) | 1,
                            .subscription = 7,
                            .codes = s->codes};
    run r = {.nodes = n, .message = {.mem = mt_mem_system()}};
    double start = cpu_now();

    mti_asker_init(&r.asker, &about);
    mti_answerer_init(&r.answerer, &about);
    r.asker.gives = true;
    bench_must(mti_asker_begin(&r.asker, s->differs), "begin");
    while (r.asker.stage != ASKER_DONE) {
        step(&r, 1);
        step(&r, 0);
    }
    if (!r.asker.result.equal) bench_fail("comparison", "the two are not equal");
    mti_asker_free(&r.asker);
    mti_answerer_free(&r.answerer);
    mt_buf_free(&r.message);
    r.result.seconds = cpu_now() - start - r.aside;
    return r.result;
}

/* ---- Figures ---- */

static const scenario scenarios[] = {
#define ROWS(count, keys, spread, codes)                                               \
    {count, keys, spread, 10, codes, false}, {count, keys, spread, 100, codes, false}, \
        {count, keys, spread, 1000, codes, false},                                     \
    {                                                                                  \
        count, keys, spread, 10000, codes, false                                       \
    }
    {1000, KEYS_NUMBERS, SCATTERED, 0, true, false},
    {200, KEYS_NUMBERS, SCATTERED, 200, true, true},
    {200, KEYS_NUMBERS, SCATTERED, 200, false, true},
    ROWS(1000, KEYS_NUMBERS, SCATTERED, true),
    ROWS(1000, KEYS_NUMBERS, ONE_SIDED, true),
    ROWS(1000, KEYS_NUMBERS, CLUSTERED, true),
    ROWS(1000, KEYS_NUMBERS, SCATTERED, false),
    ROWS(1000, KEYS_NUMBERS, CLUSTERED, false),
    ROWS(1000, KEYS_UUIDS, SCATTERED, true),
    ROWS(10000, KEYS_NUMBERS, SCATTERED, true),
    ROWS(10000, KEYS_NUMBERS, SCATTERED, false),
};

/* Milliseconds of CPU. What else was found is kept for the figures behind it. */
static double time_of(void *ctx, unsigned at)
{
    bench *b = ctx;
    const scenario *s = &scenarios[at];
    nodes *n = nodes_for(b, s);

    b->state = b->seed * 1000 + at;
    disturb(b, n, s);
    b->results[at] = compare(b, n, s);
    return b->results[at].seconds * 1e3;
}

static double trips_of(void *ctx, unsigned at)
{
    return (double)((bench *)ctx)->results[at].trips;
}

static double bytes_of(void *ctx, unsigned at)
{
    return (double)((bench *)ctx)->results[at].bytes;
}

static double bytes_each(void *ctx, unsigned at)
{
    return bytes_of(ctx, at) / scenarios[at].differing;
}

static double bound_each(void *ctx, unsigned at)
{
    double n = scenarios[at].count * 1e3, d = scenarios[at].differing;

    (void)ctx;
    return (lgamma(n + 1) - lgamma(d + 1) - lgamma(n - d + 1)) / log(2) / 8 / d;
}

#define PART(name_, what_, unit_, run_, at_, aim_)                                       \
    {                                                                                    \
        .name = (name_), .what = (what_), .unit = (unit_), .aim = (aim_), .least = true, \
        .run_at = (run_), .at = (at_)                                                    \
    }
/* A row: its name, what it is, the number of its scenario, and aims. */
#define ROW(name, what, at, ms, trips, bytes)                          \
    PART(name "_cpu", what, "ms", time_of, at, ms),                    \
        PART(name "_trips", "  round trips", "", trips_of, at, trips), \
        PART(name "_bytes", "  bytes", "", bytes_of, at, bytes)
#define ROW_EACH(name, what, at, ms, trips, bytes)                                  \
    ROW(name, what, at, ms, trips, bytes),                                          \
        PART(name "_each", "  bytes for each that differs", "", bytes_each, at, 0), \
        PART(name "_bound", "  bound, if all were known", "", bound_each, at, 0)
#define ROWS_OF(name, what, at, ms, bytes)                                                         \
    ROW_EACH(name "_10", what ", 10", at, 0, 0, (bytes)*10 + 2000 * ((bytes) > 0)),                \
        ROW_EACH(name "_100", what ", 100", at + 1, 0, 0, (bytes)*100 + 2000 * ((bytes) > 0)),     \
        ROW_EACH(name "_1000", what ", 1,000", at + 2, 0, 0, (bytes)*1000 + 2000 * ((bytes) > 0)), \
        ROW_EACH(name "_10000", what ", 10,000", at + 3, ms, 0,                                    \
                 (bytes)*10000 + 2000 * ((bytes) > 0))

static figure figures[] = {
    ROW("equal", "1 M nodes that are equal", 0, 0, 1, 150),
    ROW_EACH("resync", "200 of 200,000 nodes", 1, 10, 2, 13000),
    ROW_EACH("resync_plain", "200 of 200,000, no codes", 2, 10, 3, 62000),
    ROWS_OF("scattered", "1 M nodes, scattered", 3, 30, 60),
    ROWS_OF("one_sided", "1 M nodes, half on one side alone", 7, 0, 60),
    ROWS_OF("clustered", "1 M nodes, in the last 1 %", 11, 0, 60),
    ROWS_OF("plain", "1 M nodes, scattered, no codes", 15, 0, 0),
    ROWS_OF("plain_clustered", "1 M nodes, in the last 1 %, no codes", 19, 0, 0),
    ROWS_OF("uuids", "1 M UUIDs, scattered", 23, 0, 60),
    /* Only with --large. */
    ROWS_OF("large", "10 M nodes, scattered", 27, 0, 60),
    ROWS_OF("large_plain", "10 M nodes, scattered, no codes", 31, 0, 0),
};

#define FIGURE_COUNT (sizeof figures / sizeof *figures)
#define LARGE_COUNT (2 * 4 * 5)

static bool takes_large(int *argc, char **argv)
{
    for (int i = 1; i < *argc; i++) {
        if (strcmp(argv[i], "--large") != 0) continue;
        memmove(&argv[i], &argv[i + 1], (size_t)(*argc - i) * sizeof *argv);
        --*argc;
        return true;
    }
    return false;
}

int main(int argc, char **argv)
{
    static const char about[] =
        "Counts the round trips and bytes, and times the CPU, by which two peers that have no\n"
        "position in common find what differs. --large: of 10 M nodes, too; takes 3 GB.\n";
    size_t count = FIGURE_COUNT - (takes_large(&argc, argv) ? 0 : LARGE_COUNT);
    figures_options options;
    bool runs = figures_parse(argc, argv, about, figures, count, &options);
    bench *b;

    if (!runs) return options.exit_code;
    b = bench_room(1, sizeof *b);
    figures_run(figures, count, &options, b, &b->seed);
    for (size_t i = 0; i < b->set_count; i++) nodes_free(&b->sets[i]);
    free(b);
    return 0;
}
