/* store_flip_test.c - the file of a small store, with each of its bytes changed once.
 *
 * The store is a node store over LMDB with nodes small and large, a log, records and a fingerprint index.
 * One bit of one byte of its file is changed; then it is opened, and all is read: each node, the list, the
 * log, the records. What is served is always what was written. tests/unit/store_damage_test.c has more of
 * the records themselves, whatever the engine.
 *
 * Of a record: somebody says that it is damaged, or all is there as it was. Of a key, if the store is not
 * checked: the record may also be where nobody looks for it. All else is LMDB's own: pages' heads, where in a page its pairs are, which
 * pages are the newest. That carries no checksums and LMDB trusts it, so such damage may hide what is
 * there, bring back the commit before, or end the program; how often is told. So the file is read in a
 * process of its own.
 *
 * Every so many bytes are changed, and with MYTOSIS_FULL=1 all of them; MYTOSIS_SEED=N changes byte N
 * alone. */
#include "base/bytes.h"
#include "test_asker.h"
#include "test_folder.h"
#include "test_notation.h"
#include <mytosis/plugin/kv_lmdb.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define FILE_LEN_MAX ((size_t)1 << 20)
#define MOMENTS_MAX 8
#define LOOK_SECONDS 20

typedef enum outcome {
    NOT_LOOKED,
    FOUND,    /* an error says so */
    HARMLESS, /* all is there */
    OLDER,    /* all is there as it was one commit before */
    LOST,     /* something is not there, and nobody says so */
    WRONG,    /* something is served that was never written */
    ENDED,    /* the program was ended */
    OUTCOMES
} outcome;

static const char *const outcome_names[OUTCOMES] = {"not looked at", "found", "harmless", "older",
                                                    "lost",          "wrong", "ended"};

/* Whose a byte is. */
typedef enum byte_kind { OF_LMDB, OF_KEY, OF_RECORD, BYTE_KINDS } byte_kind;

static const char *const kind_names[BYTE_KINDS] = {"of LMDB's own", "of keys", "of records"};

/* The worst that a changed one may come to: where LMDB is believed, and where its structure and all keys are
 * checked before. Then the commit before comes back in the bits that say which one is the last. */
static const outcome kind_worst[2][BYTE_KINDS] = {{ENDED, LOST, HARMLESS},
                                                  {OLDER, HARMLESS, HARMLESS}};

/* What was there after a commit. */
typedef struct moment {
    mt_graph *graph;
    mt_buf rest; /* the log and the records, in words */
} moment;

typedef struct bed {
    test_folder folder;
    test_env te;
    moment moments[MOMENTS_MAX];
    size_t moment_count;
    mt_graph *graph;
    mt_cursor start; /* before all changes */
    uint8_t *file;
    size_t len;
    uint8_t *kinds; /* of each byte */
    bool marked_all;
    mt_bytes marked_to;
    test_arena arena;
    char image[160];
} bed;

/* What the processes have in common. */
typedef struct shared {
    size_t at;
    uint8_t outcomes[FILE_LEN_MAX];
} shared;

/* ---- In words ---- */

static void add_line(mt_buf *out, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void add_line(mt_buf *out, const char *format, ...)
{
    char line[512];
    va_list args;
    int len;

    va_start(args, format);
    len = vsnprintf(line, sizeof line, format, args);
    va_end(args);
    HOLDS(len >= 0 && (size_t)len < sizeof line);
    HOLDS(mti_buf_append(out, line, (size_t)len) == MT_OK);
}

#define SHOWN(bytes) (int)(bytes).len, (const char *)(bytes).data

static void add_change(mt_buf *out, const mt_storage_change *change)
{
    add_line(out, "%llu %.*s all %d since %llu from '%.*s':", (unsigned long long)change->number,
             SHOWN(change->uid), change->all, (unsigned long long)change->since,
             SHOWN(change->origin));
    for (size_t i = 0; i < change->name_count; i++) add_line(out, " %.*s", SHOWN(change->names[i]));
    add_line(out, "\n");
}

static void add_record(mt_buf *out, const mt_storage_record *record)
{
    add_line(out, "record %.*s=%.*s\n", SHOWN(record->key), SHOWN(record->value));
}

/* Whether a line of its own is in the text. */
static bool has_line(const mt_buf *text, const mt_buf *line)
{
    for (size_t at = 0; at + line->len <= text->len; at++)
        if ((at == 0 || text->data[at - 1] == '\n') &&
            memcmp(text->data + at, line->data, line->len) == 0)
            return true;
    return false;
}

/* ---- The store ---- */

static bool checked;

static mt_status kv_open(bed *b, const char *path, mt_kv *kv)
{
    mt_kv_lmdb_options options = {
        .size = sizeof options, .no_sync = true, .map_len = 1 << 22, .check = checked};

    return mt_kv_lmdb(&b->te.env, path, &options, kv, NULL);
}

static mt_node_store_options store_options(void)
{
    return (mt_node_store_options){
        .size = sizeof(mt_node_store_options), .small_len_max = 100, .check = checked};
}

static void write_rows(bed *b, test_asker *s, const char *rows, const char *origin)
{
    mt_delta *delta = NULL;

    test_worked(b->graph, test_merge_rows(b->graph, rows, &delta));
    test_asker_write(s, delta, origin);
}

static void write_large(bed *b, test_asker *s, const char *uid)
{
    char rows[8192];
    int len = snprintf(rows, sizeof rows, "%s", uid);

    for (int i = 0; i < 66; i++)
        len += snprintf(rows + len, sizeof rows - (size_t)len, " f%03d='the text of %d'@5", i, i);
    write_rows(b, s, rows, "");
}

static void write_record(test_asker *s, const char *key, const char *value)
{
    mt_storage_record record = {.key = mt_str(key), .value = mt_str(value)};
    mt_storage_write write = {.records = &record, .record_count = 1};
    test_reply r;

    test_ask_write(s, &r, &write);
    test_await(s, &r);
    test_reply_worked(&r);
    test_reply_end(&r);
}

/* What the log and the records say; false: an error is said. */
static bool read_rest(bed *b, test_asker *s, mt_buf *out)
{
    bool well;
    test_reply r;

    test_ask_changes(s, &r, &b->start, 1000);
    test_await(s, &r);
    well = r.status == MT_OK;
    for (size_t i = 0; i < r.change_count; i++) add_change(out, &r.changes[i]);
    test_reply_end(&r);
    test_ask_records(s, &r, mt_str(""), mt_str(""), 1000);
    test_await(s, &r);
    well = well && r.status == MT_OK;
    for (size_t i = 0; i < r.record_count; i++) add_record(out, &r.records[i]);
    test_reply_end(&r);
    return well;
}

static void keep_moment(bed *b, test_asker *s)
{
    moment *m = &b->moments[b->moment_count++];

    m->graph = test_clone(b->graph);
    m->rest.mem = test_mem();
    HOLDS(read_rest(b, s, &m->rest));
}

static void bed_write(bed *b, const char *path)
{
    mt_node_store_options options = store_options();
    test_asker s;
    mt_kv kv;

    HOLDS(kv_open(b, path, &kv) == MT_OK);
    test_asker_init(&s, &b->te, kv, &options);
    b->start = test_asker_write(&s, NULL, "");
    HOLDS(b->start.number == 0);
    write_rows(b, &s, "ada name='Ada Lovelace'@4 age=7@5, bob^3 x=~@5 friend=&ada@6", "");
    write_large(b, &s, "big");
    write_record(&s, "peer/p", "12");
    write_rows(b, &s, "few a='a text that makes the record of this node a long one'@1", "p");
    write_rows(b, &s, "ada age=8@6, eve x=1@1, cy x=1@1, dan x=1@1, fay x=1@1", "p");
    write_rows(b, &s, "cy^9, dan x=~@2", "");
    write_record(&s, "peer/q", "13");
    test_asker_end(&s);
    HOLDS(kv_open(b, path, &kv) == MT_OK);
    test_asker_init(&s, &b->te, kv, &options);
    keep_moment(b, &s);
    write_rows(b, &s, "ada age=9@7", "");
    keep_moment(b, &s);
    write_rows(b, &s, "eve x=2@3", "q");
    keep_moment(b, &s);
    test_asker_end(&s);
}

static void bed_begin(bed *b)
{
    char path[160];
    FILE *file;

    memset(b, 0, sizeof *b);
    test_folder_begin(&b->folder);
    test_env_init(&b->te, 1, test_mem());
    b->graph = test_graph_new();
    snprintf(path, sizeof path, "%s", test_folder_file(&b->folder, "store.mdb"));
    snprintf(b->image, sizeof b->image, "%s", test_folder_file(&b->folder, "image.mdb"));
    bed_write(b, path);
    b->file = calloc(1, FILE_LEN_MAX);
    b->kinds = calloc(FILE_LEN_MAX, 1);
    HOLDS(b->file && b->kinds && (file = fopen(path, "rb")) != NULL);
    b->len = fread(b->file, 1, FILE_LEN_MAX, file);
    HOLDS(b->len > 8192 && b->len < FILE_LEN_MAX);
    fclose(file);
}

static void bed_end(bed *b)
{
    for (size_t i = 0; i < b->moment_count; i++) {
        mt_graph_free(b->moments[i].graph);
        mt_buf_free(&b->moments[i].rest);
    }
    mt_graph_free(b->graph);
    free(b->file);
    free(b->kinds);
    test_arena_end(&b->arena);
    test_env_end(&b->te);
    test_folder_end(&b->folder);
}

/* ---- What is read from a damaged one ---- */

static bool row_is_of(const mt_graph *graph, const mt_storage_row *row)
{
    const mt_node *node = mt_graph_get(graph, row->row.uid);
    mt_field field;

    if (!node || row->row.floor != mt_node_floor(node)) return false;
    if (row->state_max != mt_node_state_max(node)) return false;
    for (size_t i = 0; i < row->row.count; i++)
        if (mt_node_get_any(node, row->row.fields[i].name, &field) != MT_OK ||
            !ref_field_equal(&field, &row->row.fields[i]))
            return false;
    return true;
}

/* What a damaged store served. */
typedef struct served {
    mt_graph *graph;
    mt_buf rest;
    size_t listed;
    bool well;  /* no error was said */
    bool sound; /* nothing was served that was never written */
} served;

static void take_rows(const bed *b, served *is, const test_reply *r)
{
    is->well = is->well && r->status == MT_OK;
    for (size_t i = 0; i < r->row_count; i++) {
        bool known = false;

        for (size_t m = 0; m < b->moment_count; m++)
            known = known || row_is_of(b->moments[m].graph, &r->rows[i]);
        is->sound = is->sound && known;
        /* A field that came twice, say, is refused by whoever reads. */
        if (known && mt_graph_merge_rows(is->graph, &r->rows[i].row, 1, NULL) != MT_OK)
            is->well = false;
    }
}

/* All nodes, one by one, and listed. */
static void read_nodes(const bed *b, test_asker *s, served *is)
{
    const mt_bytes all = {NULL, 0};
    mt_graph_iter iter;
    const mt_node *node;
    test_reply r;

    mt_graph_iter_init(&iter, b->graph, all, all);
    while ((node = mt_graph_iter_next(&iter))) {
        mt_storage_key key = {.uid = mt_node_uid(node), .whole = true};

        test_ask_read(s, &r, &key, 1);
        test_await(s, &r);
        take_rows(b, is, &r);
        test_reply_end(&r);
    }
    test_ask_list(s, &r, mt_str(""), mt_str(""), 1000);
    test_await(s, &r);
    take_rows(b, is, &r);
    for (size_t i = 0; i < r.row_count; i++) is->listed += !r.rows[i].row.more;
    test_reply_end(&r);
}

/* Whether each line of one text is a line of some moment's. */
static bool lines_are_known(const bed *b, const mt_buf *rest)
{
    for (size_t at = 0, end; at < rest->len; at = end) {
        mt_buf line = {.data = rest->data + at};
        bool known = false;

        for (end = at; rest->data[end] != '\n'; end++) {
        }
        line.len = ++end - at;
        for (size_t m = 0; m < b->moment_count; m++)
            known = known || has_line(&b->moments[m].rest, &line);
        if (!known) return false;
    }
    return true;
}

static outcome outcome_of(const bed *b, const served *is)
{
    if (!is->sound || !lines_are_known(b, &is->rest)) return WRONG;
    if (!is->well) return FOUND;
    for (size_t m = b->moment_count; m-- > 0;) {
        const moment *then = &b->moments[m];

        if (mt_graph_equal(is->graph, then->graph) && is->listed == mt_graph_count(then->graph) &&
            mt_bytes_equal(mt_buf_bytes(&is->rest), mt_buf_bytes(&then->rest)))
            return m + 1 == b->moment_count ? HARMLESS : OLDER;
    }
    return LOST;
}

static outcome look(bed *b)
{
    served is = {.graph = test_graph_new(), .rest = {.mem = test_mem()}, .sound = true};
    mt_node_store_options options = store_options();
    outcome out;
    test_reply opened;
    test_asker s;
    mt_kv kv;

    if (kv_open(b, b->image, &kv) == MT_OK &&
        test_asker_try(&s, &b->te, kv, &options, &opened) == MT_OK) {
        is.well = true;
        read_nodes(b, &s, &is);
        is.well = read_rest(b, &s, &is.rest) && is.well;
        test_asker_end(&s);
    }
    out = outcome_of(b, &is);
    mt_graph_free(is.graph);
    mt_buf_free(&is.rest);
    return out;
}

/* ---- Damage ---- */

static void image_write(const bed *b, size_t at)
{
    FILE *file = fopen(b->image, "wb");

    b->file[at] ^= (uint8_t)(1u << at % 8);
    HOLDS(file && fwrite(b->file, 1, b->len, file) == b->len);
    HOLDS(fclose(file) == 0);
    b->file[at] ^= (uint8_t)(1u << at % 8);
}

/* Looks at as many as it can; it may be ended by one. */
static _Noreturn void look_on(bed *b, shared *sh, size_t stride)
{
    signal(SIGSEGV, SIG_DFL);
    signal(SIGBUS, SIG_DFL);
    for (; sh->at < b->len; sh->at += stride) {
        alarm(LOOK_SECONDS);
        image_write(b, sh->at);
        sh->outcomes[sh->at] = (uint8_t)look(b);
    }
    _exit(0);
}

static void look_at_all(bed *b, shared *sh, size_t stride)
{
    while (sh->at < b->len) {
        pid_t child;
        int status;

        fflush(NULL);
        HOLDS((child = fork()) >= 0);
        if (child == 0) look_on(b, sh, stride);
        HOLDS(waitpid(child, &status, 0) == child);
        if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return;
        sh->outcomes[sh->at] = ENDED;
        sh->at += stride;
    }
}

/* ---- Which bytes are whose ---- */

/* Wherever a pair lies, in pages of now and of before. Long records lie in pages of their own. */
static void mark(bed *b, const mt_kv_pair *pair)
{
    mt_bytes key = pair->key, value = pair->value;

    for (size_t at = 0; at + value.len <= b->len; at++) {
        bool after_key = at >= key.len && memcmp(b->file + at - key.len, key.data, key.len) == 0;

        if ((!after_key && value.len < 16) || memcmp(b->file + at, value.data, value.len) != 0)
            continue;
        memset(b->kinds + at, OF_RECORD, value.len);
        if (after_key) memset(b->kinds + at - key.len, OF_KEY, key.len);
    }
}

static void mark_pairs(void *ctx, uint64_t id, const mt_kv_answer *answer)
{
    bed *b = ctx;

    (void)id;
    HOLDS(answer->status == MT_OK);
    for (size_t i = 0; i < answer->count; i++) {
        mark(b, &answer->pairs[i]);
        b->marked_to = test_copy(&b->arena, answer->pairs[i].key);
    }
    b->marked_all = !answer->more;
}

/* All that is no key and no record is LMDB's own. */
static void mark_all(bed *b)
{
    mt_kv_host host = {mark_pairs, b};
    mt_kv kv;

    HOLDS(kv_open(b, test_folder_file(&b->folder, "store.mdb"), &kv) == MT_OK);
    while (!b->marked_all)
        HOLDS(kv.ops->scan(kv.ctx, &host, 1, b->marked_to, mt_str(""), 1000) == MT_OK);
    mt_kv_close(&kv);
}

static size_t tell(const bed *b, const shared *sh, byte_kind kind)
{
    size_t count[OUTCOMES] = {0}, bad = 0;

    for (size_t i = 0; i < b->len; i++) {
        outcome is = (outcome)sh->outcomes[i];

        if (b->kinds[i] != kind) continue;
        count[is]++;
        if (is != WRONG && is <= kind_worst[checked][kind]) continue;
        print_error("MYTOSIS_SEED=%zu: %s, a byte %s\n", i, outcome_names[is], kind_names[kind]);
        bad++;
    }
    print_message("[  FLIPS   ] bytes %s:", kind_names[kind]);
    for (int i = FOUND; i < OUTCOMES; i++) print_message(" %zu %s", count[i], outcome_names[i]);
    print_message("\n");
    return bad;
}

static void flip_all(void)
{
    const char *only = getenv("MYTOSIS_SEED");
    size_t stride = test_full() ? 1 : 37, bad = 0, looked = 0;
    shared *sh = mmap(NULL, sizeof *sh, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    static bed b;

    HOLDS(sh != MAP_FAILED);
    bed_begin(&b);
    mark_all(&b);
    if (only) {
        sh->at = strtoull(only, NULL, 10);
        stride = b.len;
    }
    look_at_all(&b, sh, stride);
    for (int kind = 0; kind < BYTE_KINDS; kind++) bad += tell(&b, sh, (byte_kind)kind);
    for (size_t i = 0; i < b.len; i++) looked += sh->outcomes[i] != NOT_LOOKED;
    print_message("[  FLIPS   ] %zu of the %zu bytes of the file\n", looked, b.len);
    bed_end(&b);
    munmap(sh, sizeof *sh);
    assert_int_equal(bad, 0);
}

TEST(a_byte_that_was_changed_is_found_or_does_no_harm)
{
    checked = true;
    flip_all();
}

TEST(where_lmdb_is_believed_nothing_is_served_that_was_never_written)
{
    checked = false;
    flip_all();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_byte_that_was_changed_is_found_or_does_no_harm),
        cmocka_unit_test(where_lmdb_is_believed_nothing_is_served_that_was_never_written),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
