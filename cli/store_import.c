/* import: a graph from a file into a store, in commits of which several are on their way at a time.
 *
 *     source -> rows -> batch -> commit, commit, commit, commit -> database
 *
 * Rows are merged with the states that they have, so that to import again what was imported changes nothing: whatever
 * ended an import, repeating it gives the same store. */
#include "batch.h"
#include "clock.h"
#include "interrupt.h"
#include "message.h"
#include "report.h"
#include "source.h"
#include "store.h"

#include <inttypes.h>
#include <stdio.h>

/* A commit takes no more than this of each. */
#define COMMIT_NODES 1000
#define COMMIT_FIELDS 65536
#define COMMIT_TEXT_LEN ((size_t)1024 * 1024)

#define ON_THEIR_WAY 4

/* Nodes are rarely touched again: there is no use in keeping many. */
#define CACHE_LEN ((size_t)64 * 1024 * 1024)

typedef struct importing importing;

/* A commit: being gathered, on its way, or to be sent again. */
typedef struct sending {
    importing *import;
    cli_batch batch;
    bool busy;  /* on its way */
    bool again; /* the cache was full of what others held */
} sending;

struct importing {
    const cli_options *options;
    cli_store store;
    cli_source source;
    sending sent[ON_THEIR_WAY];
    sending *next;    /* the one that is being gathered */
    mt_error err;     /* what the first commit that failed came to */
    uint64_t nodes;   /* read */
    uint64_t fields;  /* read */
    uint64_t stored;  /* nodes that are in the store now */
    uint64_t changed; /* fields that this changed */
    uint64_t start_ms;
    bool alone; /* commits are sent one after the other */
};

/* ---- Commits ---- */

static void count_changes(importing *import, const mt_delta *delta)
{
    mt_delta_iter iter;
    mt_delta_node node;
    mt_field field;

    mt_delta_iter_init(&iter, delta, MT_UPDATE);
    while (mt_delta_iter_node(&iter, &node))
        while (mt_delta_iter_field(&iter, &field)) import->changed++;
}

/* The first that fails is what is said. */
static void fail(importing *import, mt_status status, const char *text)
{
    if (import->err.status == MT_OK) cli_error_note(&import->err, status, text);
}

static void committed(void *ctx, mt_db *db, const mt_result *result)
{
    sending *s = ctx;
    importing *import = s->import;

    (void)db;
    s->busy = false;
    s->again = result->status == MT_BUDGET && !import->alone;
    if (s->again) return;
    if (result->status != MT_OK) {
        fail(import, result->status, result->text);
        return;
    }
    import->stored += s->batch.nodes;
    if (result->delta) count_changes(import, result->delta);
    cli_batch_clear(&s->batch);
}

static bool any_busy(const importing *import)
{
    for (size_t i = 0; i < ON_THEIR_WAY; i++)
        if (import->sent[i].busy) return true;
    return false;
}

/* One that holds nothing; NULL: all are on their way. */
static sending *find_free(importing *import)
{
    for (size_t i = 0; i < ON_THEIR_WAY; i++) {
        sending *s = &import->sent[i];
        if (!s->busy && !s->again && s->batch.row_count == 0) return s;
    }
    return NULL;
}

static void send(importing *import, sending *s)
{
    mt_options options = {.size = sizeof options};
    const mt_row *rows;
    size_t count;
    mt_status st;

    options.allow_future = cli_options_has(import->options, OPTION_ALLOW_FUTURE);
    rows = cli_batch_rows(&s->batch, &count);
    s->busy = true;
    st = mt_commit_rows(import->store.db, rows, count, &options, committed, s, NULL);
    if (st == MT_OK) return;
    s->busy = false;
    fail(import, st, mt_db_error(import->store.db)->text);
}

static bool wait_while_busy(importing *import)
{
    while (any_busy(import))
        if (!cli_store_turn(&import->store)) return false;
    return import->err.status == MT_OK;
}

/* Waits until no commit is on its way, and sends what found the cache full once more, each alone: then only what it touches
 * itself is held. Parts of one large node get in each other's way like this. */
static bool wait_for_all(importing *import)
{
    bool done = wait_while_busy(import);

    import->alone = true;
    for (size_t i = 0; i < ON_THEIR_WAY && done; i++) {
        if (!import->sent[i].again) continue;
        send(import, &import->sent[i]);
        done = wait_while_busy(import);
    }
    import->alone = false;
    return done;
}

static bool any_again(const importing *import)
{
    for (size_t i = 0; i < ON_THEIR_WAY; i++)
        if (import->sent[i].again) return true;
    return false;
}

/* Finds room to gather the next commit in. */
static bool wait_for_room(importing *import)
{
    while (!(import->next = find_free(import)) && !any_again(import))
        if (!cli_store_turn(&import->store)) return false;
    if (any_again(import) && !wait_for_all(import)) return false;
    import->next = find_free(import);
    return import->err.status == MT_OK;
}

/* While the source has nothing, what was sent gets where it goes. */
static void use_idle(void *ctx)
{
    (void)wait_for_all(ctx);
}

/* Sends what was gathered. False: this or an earlier one failed. */
static bool send_next(importing *import)
{
    if (import->next->batch.row_count == 0) return true;
    send(import, import->next);
    return import->err.status == MT_OK && wait_for_room(import);
}

/* ---- Rows ---- */

static void show_progress(const importing *import)
{
    const cli_source *source = &import->source;
    uint64_t ms = cli_clock_ticks() - import->start_ms;
    cli_text text;

    if (!cli_progress_due()) return;
    cli_text_init(&text);
    if (source->size > 0)
        cli_text_printf(&text, "%" PRIu64 " %%, ", source->taken * 100 / source->size);
    cli_text_count(&text, import->nodes, "node");
    cli_text_str(&text, ", ");
    cli_text_number(&text, ms > 0 ? import->nodes * 1000 / ms : 0);
    cli_text_printf(&text, "/s, %s", source->name);
    cli_progress_text("importing", &text);
}

static mt_status take_row(importing *import, const mt_row *row)
{
    cli_batch *batch = &import->next->batch;
    mt_status st = cli_batch_add(batch, row);

    if (st != MT_OK) {
        fail(import, st, NULL);
        return st;
    }
    import->nodes += !row->more;
    import->fields += row->count;
    if (batch->nodes < COMMIT_NODES && batch->fields < COMMIT_FIELDS &&
        batch->text_len < COMMIT_TEXT_LEN)
        return MT_OK;
    show_progress(import);
    return send_next(import) ? MT_OK : import->err.status;
}

/* Reads the source to its end. MT_CANCELED: a signal came. */
static mt_status take_all(importing *import)
{
    mt_status st = MT_OK;
    const mt_row *rows;
    size_t count = 1;

    while (st == MT_OK && count > 0 && !cli_interrupted()) {
        st = cli_source_rows(&import->source, &rows, &count);
        if (st == MT_CANCELED) continue;
        for (size_t i = 0; i < count && st == MT_OK; i++) st = take_row(import, &rows[i]);
    }
    if (cli_interrupted()) return MT_CANCELED;
    return st == MT_OK && !send_next(import) ? import->err.status : st;
}

/* ---- The outcome ---- */

static cli_exit_code complain(const importing *import, mt_status st)
{
    const char *name = import->source.name, *hint = "";
    const mt_error *err = import->err.status != MT_OK ? &import->err : &import->source.err;
    char stored[64] = "";

    if (import->stored > 0)
        (void)snprintf(stored, sizeof stored, "; %" PRIu64 " nodes are imported", import->stored);
    if (st == MT_CANCELED)
        return cli_complain(EXIT_SYSTEM, "%s: interrupted%s; it may be imported again", name,
                            stored);
    if (err == &import->source.err) return cli_complain(cli_exit_of(st), "%s%s", err->text, stored);
    if (st == MT_STATE) hint = "; --allow-future takes it";
    return cli_complain(cli_exit_of(st), "%s: %s%s%s", name, err->text, hint, stored);
}

static cli_exit_code summarize(const importing *import)
{
    bool json = cli_options_has(import->options, OPTION_JSON);
    uint64_t ms = cli_clock_ticks() - import->start_ms;
    cli_output out;
    cli_text *text = &out.text;

    cli_report_output(import->options, &out);
    if (json) {
        cli_text_printf(text, "{\"nodes\":%" PRIu64 ",\"fields\":%" PRIu64, import->nodes,
                        import->fields);
        cli_text_printf(text, ",\"changed\":%" PRIu64 ",\"ms\":%" PRIu64 "}\n", import->changed,
                        ms);
    } else {
        cli_text_str(text, "imported ");
        cli_text_count(text, import->nodes, "node");
        cli_text_str(text, " with ");
        cli_text_count(text, import->fields, "field");
        cli_text_str(text, ", of which ");
        cli_text_number(text, import->changed);
        cli_text_printf(text, " changed the store, in %" PRIu64 ".%" PRIu64 " s\n", ms / 1000,
                        ms % 1000 / 100);
    }
    return cli_output_end(&out, EXIT_DONE);
}

static cli_exit_code import_all(importing *import)
{
    cli_exit_code code;
    mt_status st;

    import->start_ms = cli_clock_ticks();
    import->source.idle = use_idle;
    import->source.ctx = import;
    cli_progress("importing", import->source.name);
    cli_interrupt_watch();
    import->next = &import->sent[0];
    st = take_all(import);
    if (!wait_for_all(import) && (st == MT_OK || st == MT_CANCELED)) st = import->err.status;
    cli_progress_end();
    code = st == MT_OK ? summarize(import) : complain(import, st);
    return code;
}

static cli_exit_code run_import(const cli_options *options)
{
    importing import = {.options = options, .store.cache_len = CACHE_LEN};
    cli_exit_code code = cli_source_open(&import.source, options->operands[0]);

    for (size_t i = 0; i < ON_THEIR_WAY; i++) import.sent[i].import = &import;
    if (code == EXIT_DONE) code = cli_store_open(options, ACCESS_WRITE, &import.store);
    if (code == EXIT_DONE) code = import_all(&import);
    cli_store_close(&import.store);
    cli_source_close(&import.source);
    for (size_t i = 0; i < ON_THEIR_WAY; i++) cli_batch_free(&import.sent[i].batch);
    cli_interrupt_end();
    return code;
}

const cli_command cli_verb_import = {
    .name = "import",
    .path = "mytosis import",
    .operands = "an operand, FILE",
    .operand_min = 1,
    .operand_max = 1,
    .input_count = 1,
    .option_bits =
        OPTION_BIT(OPTION_STORE) | OPTION_BIT(OPTION_ALLOW_FUTURE) | OPTION_BIT(OPTION_JSON),
    .run = run_import,
    .help = "Usage: mytosis import [OPTION...] FILE\n"
            "\n"
            "Merges the graph in FILE into the store, with the states that it has. FILE is\n"
            "JSON, binary or compressed, as its content says; \"-\" is standard input. It may\n"
            "be larger than memory. An import that was interrupted, or failed, has stored\n"
            "what came before; it may be repeated, and ends as if nothing had happened.\n"
            "\n"
            "      --store PATH   the store; else MYTOSIS_STORE names it\n"
            "      --allow-future take states that are more than 10 minutes ahead of now,\n"
            "                     which are refused otherwise\n"
            "      --json         print what was imported, as JSON\n"
            "\n"
            "Example: mytosis import packages.mtz\n"
            "\n"
            "Exit codes: 0 done, 2 usage, 3 bad input, 4 writing failed or no memory.\n",
};
