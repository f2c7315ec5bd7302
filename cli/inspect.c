#include "inspect.h"

#include "batch.h"
#include "clock.h"
#include "message.h"
#include "shown.h"

#include <stdlib.h>
#include <string.h>

/* How many are asked for at once. */
#define NODES_PAGE 256
#define CHANGES_PAGE 1000
#define RECORDS_PAGE 1000
#define TARGETS_PAGE 4096

/* How many edges are gathered before their nodes are looked for. */
#define EDGES_MAX 65536

typedef struct inspecting {
    cli_storage *storage;
    cli_inspection *seen;
    cli_batch targets; /* of edges: rows that have only uids */
    uint8_t after[MT_UID_LEN_MAX];
    size_t after_len;      /* of the last node that came; 0: none did */
    bool living, is_ahead; /* of the node at hand, so far */
    uint64_t len;          /* the same: bytes of its names and values */
    mt_status failed;      /* MT_NO_MEMORY */
} inspecting;

/* ---- Damage ---- */

static void note_damage(inspecting *in)
{
    cli_text *text = &in->seen->damage;

    if (in->seen->damaged++ >= DAMAGE_NAMED) return;
    cli_shown_raw(text, mt_str(in->storage->err.text));
    cli_text_str(text, "\n");
}

/* Whether what a request came to is no more than damage, which is noted; else that is said. */
static bool is_damage(inspecting *in, mt_status st, cli_exit_code *code)
{
    if (st == MT_MALFORMED || st == MT_UNSUPPORTED) {
        note_damage(in);
        return true;
    }
    *code = cli_complain(cli_exit_of(st), "%s: %s", in->storage->path, in->storage->err.text);
    return false;
}

/* ---- Nodes ---- */

static void count_state(inspecting *in, uint64_t state)
{
    if (state > in->seen->state_max) in->seen->state_max = state;
    if (state < in->seen->ahead_from) return;
    in->seen->ahead++;
    in->is_ahead = true;
}

static void count_field(inspecting *in, const mt_field *field)
{
    cli_inspection *seen = in->seen;
    bool living = field->kind == MT_FIELD_VALUE;

    count_state(in, field->state);
    seen->fields += living;
    seen->fields_deleted += !living;
    in->living |= living;
    in->len += field->name.len;
    if (!living || field->value.kind < MT_STRING) return;
    seen->value_len += field->value.as.bytes.len;
    in->len += field->value.as.bytes.len;
    if (field->value.kind != MT_EDGE) return;
    seen->edges++;
    if (cli_batch_add(&in->targets, &(mt_row){.uid = field->value.as.bytes}) != MT_OK)
        in->failed = MT_NO_MEMORY;
}

static void count_size(inspecting *in)
{
    size_t i = 0;

    while (i + 1 < INSPECT_SIZES && in->len >> i) i++;
    in->seen->sizes[i]++;
    in->len = 0;
}

static void end_node(inspecting *in, const mt_row *row)
{
    cli_inspection *seen = in->seen;

    if (row->floor) count_state(in, row->floor);
    seen->floors += row->floor > 0;
    seen->nodes += in->living;
    seen->nodes_deleted += !in->living;
    seen->ahead_nodes += in->is_ahead;
    in->living = in->is_ahead = false;
    count_size(in);
}

static void keep_place(inspecting *in, mt_bytes uid)
{
    if (uid.len == 0 || uid.len > sizeof in->after) return;
    memcpy(in->after, uid.data, uid.len);
    in->after_len = uid.len;
}

static void take_nodes(void *ctx, const mt_storage_answer *answer)
{
    inspecting *in = ctx;

    for (size_t i = 0; i < answer->row_count; i++) {
        const mt_row *row = &answer->rows[i].row;

        for (size_t j = 0; j < row->count; j++) count_field(in, &row->fields[j]);
        if (row->more) continue;
        end_node(in, row);
        keep_place(in, row->uid);
    }
}

static void take_places(void *ctx, const mt_storage_answer *answer)
{
    for (size_t i = 0; i < answer->row_count; i++)
        if (!answer->rows[i].row.more) keep_place(ctx, answer->rows[i].row.uid);
}

static mt_bytes place(const inspecting *in)
{
    return (mt_bytes){in->after, in->after_len};
}

/* A page tells of the first damage in it alone: so what lies from one place to another is read again node by node. */
static cli_exit_code name_damage(inspecting *in, mt_bytes from)
{
    uint8_t held[MT_UID_LEN_MAX], end_held[MT_UID_LEN_MAX];
    mt_bytes after = {held, from.len}, end = {end_held, in->after_len};
    cli_exit_code code = EXIT_DONE;
    bool all;

    if (from.len) memcpy(held, from.data, from.len);
    if (end.len) memcpy(end_held, in->after, end.len);
    do {
        mt_status st = cli_storage_list(in->storage, after, 1, take_places, in);

        if (st != MT_OK && !is_damage(in, st, &code)) return code;
        all = in->storage->end || mt_bytes_equal(place(in), after) ||
              mt_bytes_compare(place(in), end) >= 0;
        after.len = in->after_len;
        memcpy(held, in->after, in->after_len);
    } while (!all);
    /* There may be more behind the last sound node, where the page ended, or nothing does. */
    memcpy(in->after, end_held, end.len);
    in->after_len = end.len;
    return EXIT_DONE;
}

/* ---- Edges ---- */

static int compare_targets(const void *a, const void *b)
{
    return mt_bytes_compare(((const mt_row *)a)->uid, ((const mt_row *)b)->uid);
}

typedef struct looking {
    const mt_storage_key *keys;
    size_t count, at;
    bool found[TARGETS_PAGE];
} looking;

/* Rows come in the order of the keys. A part of a large node, of which no field was asked for, is taken to live. */
static void take_targets(void *ctx, const mt_storage_answer *answer)
{
    looking *l = ctx;

    for (size_t i = 0; i < answer->row_count; i++) {
        const mt_row *row = &answer->rows[i].row;
        bool living = answer->rows[i].partial;

        for (size_t j = 0; j < row->count && !living; j++)
            living = row->fields[j].kind == MT_FIELD_VALUE;
        for (size_t j = 0; j < l->count; j++, l->at = (l->at + 1) % l->count)
            if (mt_bytes_equal(l->keys[l->at].uid, row->uid)) break;
        if (living && mt_bytes_equal(l->keys[l->at].uid, row->uid)) l->found[l->at] = true;
    }
}

/* Looks for up to TARGETS_PAGE nodes; answers how many of the sorted rows that were. */
static size_t look_up(inspecting *in, const mt_row *rows, size_t count, cli_exit_code *code)
{
    mt_storage_key keys[TARGETS_PAGE];
    size_t edges[TARGETS_PAGE] = {0}, used = 0;
    looking l = {.keys = keys};
    mt_status st;

    for (; used < count; used++) {
        if (l.count == 0 || !mt_bytes_equal(keys[l.count - 1].uid, rows[used].uid)) {
            if (l.count == TARGETS_PAGE) break;
            keys[l.count++] = (mt_storage_key){.uid = rows[used].uid};
        }
        edges[l.count - 1]++;
    }
    st = cli_storage_read(in->storage, keys, l.count, take_targets, &l);
    /* What is damaged is told of where nodes are counted. */
    if (st != MT_OK && st != MT_MALFORMED && st != MT_UNSUPPORTED) (void)is_damage(in, st, code);
    for (size_t i = 0; i < l.count && st == MT_OK; i++)
        if (!l.found[i]) in->seen->edges_dangling += edges[i];
    return used;
}

static cli_exit_code check_edges(inspecting *in)
{
    cli_exit_code code = EXIT_DONE;
    mt_row *rows;
    size_t count, at = 0;

    rows = (mt_row *)(uintptr_t)cli_batch_rows(&in->targets, &count); /* ours to sort */
    if (count > 0) qsort(rows, count, sizeof *rows, compare_targets);
    while (at < count && code == EXIT_DONE) at += look_up(in, rows + at, count - at, &code);
    cli_batch_clear(&in->targets);
    return code;
}

/* ---- The parts of a store ---- */

static void show_progress(const inspecting *in)
{
    cli_text text;

    if (!cli_progress_due()) return;
    cli_text_init(&text);
    cli_text_count(&text, in->seen->nodes + in->seen->nodes_deleted, "node");
    cli_text_printf(&text, ", %s", in->storage->path);
    cli_progress_text("checking", &text);
}

static cli_exit_code inspect_nodes(inspecting *in)
{
    cli_exit_code code = EXIT_DONE;
    bool end = false;

    while (!end && code == EXIT_DONE && in->failed == MT_OK) {
        uint8_t held[MT_UID_LEN_MAX];
        mt_bytes from = {held, in->after_len};
        mt_status st;

        memcpy(held, in->after, in->after_len);
        st = cli_storage_list(in->storage, from, NODES_PAGE, take_nodes, in);
        /* A page without a node has no damage behind it that could be found. */
        end = in->storage->end || mt_bytes_equal(place(in), from);
        if (st == MT_MALFORMED || st == MT_UNSUPPORTED) code = name_damage(in, from);
        else if (st != MT_OK) (void)is_damage(in, st, &code);
        if (code == EXIT_DONE && (end || in->targets.row_count >= EDGES_MAX))
            code = check_edges(in);
        show_progress(in);
    }
    return code;
}

static void take_changes(void *ctx, const mt_storage_answer *answer)
{
    inspecting *in = ctx;

    in->seen->changes += answer->change_count;
}

/* Nobody may read the log past what is damaged there. */
static cli_exit_code inspect_log(inspecting *in)
{
    cli_storage *storage = in->storage;
    mt_cursor at = storage->info.head;
    cli_exit_code code = EXIT_DONE;
    mt_status st;

    if (storage->info.log_first == 0) return EXIT_DONE;
    at.number = storage->info.log_first - 1;
    if (at.number == 0) at = (mt_cursor){.number = 0};
    do {
        st = cli_storage_changes(storage, &at, CHANGES_PAGE, take_changes, in);
        at = storage->next;
    } while (st == MT_OK && !storage->end);
    if (st != MT_OK) (void)is_damage(in, st, &code);
    return code;
}

typedef struct record_place {
    inspecting *in;
    uint8_t key[256];
    size_t key_len;
} record_place;

static void take_records(void *ctx, const mt_storage_answer *answer)
{
    record_place *at = ctx;
    mt_bytes key;

    at->in->seen->records += answer->record_count;
    for (size_t i = 0; i < answer->record_count; i++)
        if (!cli_met_list_take(&at->in->seen->met, &answer->records[i]))
            at->in->failed = MT_NO_MEMORY;
    if (answer->record_count == 0) return;
    key = answer->records[answer->record_count - 1].key;
    at->key_len = key.len < sizeof at->key ? key.len : sizeof at->key;
    memcpy(at->key, key.data, at->key_len);
}

static cli_exit_code inspect_records(inspecting *in)
{
    record_place at = {.in = in}, from;
    cli_exit_code code = EXIT_DONE;
    uint64_t before;
    mt_status st;

    do {
        from = at;
        before = in->seen->records;
        st = cli_storage_records(in->storage, (mt_bytes){from.key, from.key_len}, RECORDS_PAGE,
                                 take_records, &at);
        if (st != MT_OK) (void)is_damage(in, st, &code);
    } while (code == EXIT_DONE && !in->storage->end && in->seen->records > before);
    return code;
}

cli_exit_code cli_inspect(cli_storage *storage, cli_inspection *out)
{
    inspecting in = {.storage = storage, .seen = out};
    bool lamport = storage->info.clock_mode == MT_CLOCK_LAMPORT;
    cli_exit_code code;

    memset(out, 0, sizeof *out);
    cli_text_init(&out->damage);
    out->now = cli_clock_now();
    out->ahead_from = lamport ? UINT64_MAX : cli_clock_after(out->now, CLOCK_AHEAD_MS_MAX) + 1;
    cli_progress("checking", storage->path);
    code = inspect_nodes(&in);
    if (code == EXIT_DONE) code = inspect_log(&in);
    if (code == EXIT_DONE) code = inspect_records(&in);
    cli_batch_free(&in.targets);
    cli_progress_end();
    if (code == EXIT_DONE && (in.failed != MT_OK || out->damage.status != MT_OK))
        code = cli_complain(EXIT_SYSTEM, "%s", mt_status_text(MT_NO_MEMORY));
    if (code != EXIT_DONE) cli_inspection_free(out);
    return code;
}

void cli_inspection_free(cli_inspection *inspection)
{
    cli_text_free(&inspection->damage);
    cli_met_list_free(&inspection->met);
}
