/* write, link, rm and forget: what changes nodes of a store. */
#include "fields.h"
#include "message.h"
#include "patch.h"
#include "report.h"
#include "save.h"
#include "store.h"

#include <mytosis/blocking.h>

#include <stdlib.h>
#include <string.h>

/* ---- One commit ---- */

/* What was written, for --json: a graph of the fields that changed, as they are now. */
static void print_update(void *ctx, const mt_delta *delta)
{
    cli_output *out = ctx;

    out->text.buf.len = 0;
    cli_save_delta(out, delta, MT_UPDATE);
}

/* Writes the rows; prints `uid` (may be NULL), or what changed. */
static cli_exit_code commit(const cli_options *options, const cli_store *store, const mt_row *rows,
                            size_t count, const char *uid)
{
    bool json = cli_options_has(options, OPTION_JSON);
    cli_exit_code code;
    cli_output out;

    cli_report_output(options, &out);
    if (json) cli_text_str(&out.text, "{}");
    code = cli_store_write(store, rows, count, json ? print_update : NULL, &out);
    if (code != EXIT_DONE) out.text.buf.len = 0;
    else if (json) cli_text_str(&out.text, "\n");
    else if (uid) cli_text_printf(&out.text, "%s\n", uid);
    return cli_output_end(&out, code);
}

/* ---- write ---- */

static cli_exit_code random_uid(char uid[MT_UID_RANDOM_LEN + 1])
{
    uint8_t entropy[16];

    if (mt_entropy(entropy, sizeof entropy) != MT_OK)
        return cli_complain(EXIT_SYSTEM, "the system gives no random bytes");
    mt_uid_random(entropy, uid);
    return EXIT_DONE;
}

static cli_exit_code write_fields(const cli_options *options)
{
    const char *word = options->operands[0];
    bool make = strcmp(word, "-") == 0;
    char made[MT_UID_RANDOM_LEN + 1];
    cli_store store = {.path = NULL};
    cli_fields fields = {.count = 0};
    cli_exit_code code;
    mt_row row = {.count = 0};

    code = make ? random_uid(made) : cli_store_check_uid(word);
    if (code == EXIT_DONE)
        code = cli_fields_read(options->operands + 1, options->operand_count - 1, &fields);
    if (code == EXIT_DONE) code = cli_store_open(options, ACCESS_WRITE, &store);
    row.uid = mt_str(make ? made : word);
    row.fields = fields.fields;
    row.count = fields.count;
    if (code == EXIT_DONE) code = commit(options, &store, &row, 1, make ? made : NULL);
    cli_store_close(&store);
    cli_fields_free(&fields);
    return code;
}

static cli_exit_code write_patch(const cli_options *options)
{
    cli_store store = {.path = NULL};
    cli_patch patch = {.fields = NULL};
    cli_exit_code code = cli_patch_read(options->values[OPTION_PATCH], &patch);

    cli_progress_end();
    if (code == EXIT_DONE) code = cli_store_open(options, ACCESS_WRITE, &store);
    if (code == EXIT_DONE) code = commit(options, &store, patch.rows, patch.row_count, NULL);
    cli_store_close(&store);
    cli_patch_free(&patch);
    return code;
}

static cli_exit_code run_write(const cli_options *options)
{
    if (cli_options_has(options, OPTION_PATCH)) {
        if (options->operand_count == 0) return write_patch(options);
        return cli_complain_usage(options, "--patch says all that is written");
    }
    if (options->operand_count >= 2) return write_fields(options);
    return cli_complain_usage(options, "write takes a UID and one field or more");
}

/* ---- link ---- */

static cli_exit_code run_link(const cli_options *options)
{
    const char *from = options->operands[0], *name = options->operands[1];
    const char *to = options->operands[2];
    mt_field field = {.name = mt_str(name), .value = mt_edge_to(to)};
    mt_row row = {.uid = mt_str(from), .fields = &field, .count = 1};
    cli_store store = {.path = NULL};
    cli_exit_code code = cli_store_check_uid(from);
    mt_error err;

    if (code == EXIT_DONE) code = cli_store_check_uid(to);
    if (code == EXIT_DONE && mt_name_check(field.name, &err) != MT_OK)
        code = cli_complain(EXIT_USAGE, "field \"%s\": %s", name, err.text);
    if (code == EXIT_DONE) code = cli_store_open(options, ACCESS_WRITE, &store);
    if (code == EXIT_DONE) code = commit(options, &store, &row, 1, NULL);
    cli_store_close(&store);
    return code;
}

/* ---- rm ---- */

/* Whether the node has all of the fields. */
static cli_exit_code find_fields(const cli_store *store, mt_handle *node, const mt_field *fields,
                                 size_t count)
{
    mt_options options = {.size = sizeof options, .edges_none = true};
    mt_field found;

    for (size_t i = 0; i < count; i++) {
        mt_status st = mt_field_wait(node, fields[i].name, &options, &found, NULL);

        if (st == MT_OK) continue;
        if (st != MT_NOT_FOUND) return cli_store_complain(store, st, "read");
        return cli_complain(EXIT_DIFFERENT, "%s", mt_db_error(store->db)->text);
    }
    return EXIT_DONE;
}

/* Nothing is deleted unless all of it is there. */
static cli_exit_code remove_all(const cli_options *options, const cli_store *store,
                                mt_field *fields, size_t count)
{
    mt_row row = {.uid = mt_str(options->operands[0]), .fields = fields, .count = count};
    mt_handle *node = NULL;
    cli_exit_code code;

    for (size_t i = 0; i < count; i++)
        fields[i] = (mt_field){.name = mt_str(options->operands[1 + i]), .kind = MT_FIELD_DELETED};
    row.delete_node = count == 0;
    code = cli_store_node(store, row.uid, &node);
    if (code == EXIT_DONE) code = find_fields(store, node, fields, count);
    if (code == EXIT_DONE) code = commit(options, store, &row, 1, NULL);
    mt_handle_unref(node);
    return code;
}

static cli_exit_code check_names(const cli_options *options)
{
    const char **names = options->operands + 1;
    mt_error err;

    for (size_t i = 0; i + 1 < options->operand_count; i++) {
        if (mt_name_check(mt_str(names[i]), &err) != MT_OK)
            return cli_complain(EXIT_USAGE, "field \"%s\": %s", names[i], err.text);
        for (size_t j = 0; j < i; j++)
            if (strcmp(names[i], names[j]) == 0)
                return cli_complain(EXIT_USAGE, "field \"%s\": it is named twice", names[i]);
    }
    return EXIT_DONE;
}

static cli_exit_code run_rm(const cli_options *options)
{
    size_t count = options->operand_count - 1;
    mt_field *fields = calloc(count + 1, sizeof *fields);
    cli_store store = {.path = NULL};
    cli_exit_code code;

    if (!fields) return cli_complain(EXIT_SYSTEM, "%s", mt_status_text(MT_NO_MEMORY));
    code = cli_store_check_uid(options->operands[0]);
    if (code == EXIT_DONE) code = check_names(options);
    if (code == EXIT_DONE) code = cli_store_open(options, ACCESS_WRITE, &store);
    if (code == EXIT_DONE) code = remove_all(options, &store, fields, count);
    cli_store_close(&store);
    free(fields);
    return code;
}

/* ---- forget ---- */

static cli_exit_code forget_all(const cli_options *options, const cli_store *store, mt_bytes *uids)
{
    size_t count = options->operand_count;
    mt_status st;

    for (size_t i = 0; i < count; i++) {
        mt_handle *node = NULL;
        cli_exit_code code;

        uids[i] = mt_str(options->operands[i]);
        code = cli_store_node(store, uids[i], &node);
        mt_handle_unref(node);
        if (code != EXIT_DONE) return code;
    }
    st = mt_forget_wait(store->db, uids, count, NULL);
    return st == MT_OK ? EXIT_DONE : cli_store_complain(store, st, "write to");
}

/* A store that has forgotten a revocation would let in whom that is about. */
static cli_exit_code check_forgotten(const char *word)
{
    cli_exit_code code = cli_store_check_uid(word);

    if (code != EXIT_DONE || !cli_store_left_out((mt_bytes){NULL, 0}, mt_str(word))) return code;
    return cli_complain(EXIT_USAGE, "%s is what the space says of itself, and is kept", word);
}

static cli_exit_code run_forget(const cli_options *options)
{
    size_t count = options->operand_count;
    mt_bytes *uids = calloc(count, sizeof *uids);
    cli_store store = {.path = NULL};
    cli_exit_code code = EXIT_DONE;

    if (!uids) return cli_complain(EXIT_SYSTEM, "%s", mt_status_text(MT_NO_MEMORY));
    for (size_t i = 0; i < count && code == EXIT_DONE; i++)
        code = check_forgotten(options->operands[i]);
    if (code == EXIT_DONE) code = cli_store_open(options, ACCESS_WRITE, &store);
    if (code == EXIT_DONE) code = forget_all(options, &store, uids);
    cli_store_close(&store);
    free(uids);
    return code;
}

/* ---- The verbs ---- */

const cli_command cli_verb_write = {
    .name = "write",
    .path = "mytosis write",
    .operands = "a UID and one field or more",
    .operand_max = SIZE_MAX,
    .option_bits = OPTION_BIT(OPTION_STORE) | OPTION_BIT(OPTION_PATCH) | OPTION_BIT(OPTION_JSON),
    .run = run_write,
    .help = "Usage: mytosis write [OPTION...] UID FIELD=text FIELD:=json FIELD@uid ...\n"
            "       mytosis write [OPTION...] --patch FILE\n"
            "\n"
            "Writes fields of a node as one commit. What follows the first \"=\" is text, the\n"
            "first \":=\" JSON, the first \"@\" the uid that an edge leads to; a backslash before\n"
            "them makes them part of the name. JSON is a number, true, null, \"text\",\n"
            "{\"int\":\"9007199254740993\"}, {\"bytes\":\"AQID\"}, {\"edge\":\"uid\"} or\n"
            "{\"deleted\":true}. The UID \"-\" makes a new one, which is printed.\n"
            "\n"
            "      --store PATH   the store; else MYTOSIS_STORE names it\n"
            "      --patch FILE   write all of a patch: {\"uid\":{\"field\":value}}; \"-\" is\n"
            "                     standard input\n"
            "      --json         print what changed, as JSON\n"
            "\n"
            "Example: mytosis write ada name='Ada Lovelace' born:=1815 friend@charles\n"
            "\n"
            "Exit codes: 0 done, 2 usage, 3 bad input, 4 writing failed or no memory.\n",
};

const cli_command cli_verb_link = {
    .name = "link",
    .path = "mytosis link",
    .operands = "three operands, FROM, FIELD and TO",
    .operand_min = 3,
    .operand_max = 3,
    .option_bits = OPTION_BIT(OPTION_STORE) | OPTION_BIT(OPTION_JSON),
    .run = run_link,
    .help = "Usage: mytosis link [OPTION...] FROM FIELD TO\n"
            "\n"
            "Writes an edge: the field FIELD of the node FROM leads to the node TO, which\n"
            "need not be there yet.\n"
            "\n"
            "      --store PATH   the store; else MYTOSIS_STORE names it\n"
            "      --json         print what changed, as JSON\n"
            "\n"
            "Example: mytosis link ada friend charles\n"
            "\n"
            "Exit codes: 0 done, 2 usage, 3 bad input, 4 writing failed or no memory.\n",
};

const cli_command cli_verb_rm = {
    .name = "rm",
    .path = "mytosis rm",
    .operands = "a UID, and then fields",
    .operand_min = 1,
    .operand_max = SIZE_MAX,
    .option_bits = OPTION_BIT(OPTION_STORE) | OPTION_BIT(OPTION_JSON),
    .run = run_rm,
    .help = "Usage: mytosis rm [OPTION...] UID [FIELD...]\n"
            "\n"
            "Deletes a node, or fields of it, here and at every peer that learns of it.\n"
            "Nothing is deleted unless all that is named is there. Fields are named as they\n"
            "are, dots and all.\n"
            "\n"
            "      --store PATH   the store; else MYTOSIS_STORE names it\n"
            "      --json         print what changed, as JSON\n"
            "\n"
            "Example: mytosis rm ada born friend\n"
            "\n"
            "Exit codes: 0 done, 1 there is no such node or field, 2 usage, 3 bad input,\n"
            "4 writing failed or no memory.\n",
};

const cli_command cli_verb_forget = {
    .name = "forget",
    .path = "mytosis forget",
    .operands = "one UID or more",
    .operand_min = 1,
    .operand_max = SIZE_MAX,
    .option_bits = OPTION_BIT(OPTION_STORE),
    .run = run_forget,
    .help = "Usage: mytosis forget [OPTION...] UID...\n"
            "\n"
            "Drops nodes from this store only: nothing tells peers, and who has them keeps\n"
            "them. To delete nodes everywhere, use rm.\n"
            "\n"
            "      --store PATH   the store; else MYTOSIS_STORE names it\n"
            "\n"
            "Example: mytosis forget photo/1815 photo/1816\n"
            "\n"
            "Exit codes: 0 done, 1 there is no such node, and none was dropped, 2 usage,\n"
            "3 bad input, 4 writing failed or no memory.\n",
};
