#include "save.h"

#include "message.h"

#include <inttypes.h>
#include <string.h>
#include <unistd.h>

static bool ends_with(const char *path, const char *ending)
{
    size_t len = strlen(path), end = strlen(ending);

    return len > end && strcmp(path + len - end, ending) == 0;
}

cli_format cli_save_format(const cli_options *options, const char *path)
{
    const char *name = options->values[OPTION_FORMAT];

    if (name) return *name == 'j' ? FORMAT_JSON : *name == 'b' ? FORMAT_BINARY : FORMAT_COMPRESSED;
    if (ends_with(path, ".json")) return FORMAT_JSON;
    if (ends_with(path, ".mtg")) return FORMAT_BINARY;
    if (ends_with(path, ".mtz")) return FORMAT_COMPRESSED;
    return FORMAT_UNKNOWN;
}

/* ---- Row by row ---- */

cli_exit_code cli_save_begin(cli_saving *saving, const char *path, cli_format format)
{
    const mt_compressor *compressor = format == FORMAT_COMPRESSED ? mt_compressor_zstd() : NULL;
    bool is_binary = format == FORMAT_BINARY || format == FORMAT_COMPRESSED;
    cli_output *out = &saving->out;
    cli_exit_code code;

    memset(saving, 0, sizeof *saving);
    if (is_binary && strcmp(path, "-") == 0 && isatty(STDOUT_FILENO))
        return cli_complain(EXIT_USAGE,
                            "the binary form is not for a terminal; name a file or redirect it");
    if ((code = cli_output_file(out, path)) != EXIT_DONE) return code;
    if (is_binary)
        saving->status = mt_binary_writer_new(mt_mem_system(), NULL, compressor, &out->text.buf,
                                              &saving->binary);
    else cli_text_note(&out->text, mt_json_rows_begin(&saving->json, &out->text.buf));
    return EXIT_DONE;
}

bool cli_save_row(cli_saving *saving, const mt_row *row)
{
    cli_output *out = &saving->out;

    if (saving->status != MT_OK || out->text.status != MT_OK) return false;
    if (saving->binary) saving->status = mt_binary_row(saving->binary, row);
    else cli_text_note(&out->text, mt_json_row(&saving->json, row, &out->text.buf));
    cli_output_flow(out);
    return saving->status == MT_OK && out->text.status == MT_OK && !out->error && !out->quiet;
}

cli_exit_code cli_save_end(cli_saving *saving, cli_exit_code code)
{
    cli_output *out = &saving->out;

    if (code == EXIT_DONE && saving->status == MT_OK && out->text.status == MT_OK && !out->quiet) {
        if (saving->binary) saving->status = mt_binary_finish(saving->binary);
        else cli_text_note(&out->text, mt_json_rows_end(&saving->json, &out->text.buf));
    }
    if (code == EXIT_DONE && saving->status != MT_OK) {
        const char *why = saving->binary ? mt_binary_writer_error(saving->binary)->text
                                         : mt_status_text(saving->status);
        code = cli_complain(EXIT_SYSTEM, "cannot write %s: %s", out->name, why);
    }
    mt_binary_writer_free(saving->binary);
    return cli_output_end(out, code);
}

/* ---- All at once ---- */

cli_exit_code cli_save_graph(const char *path, cli_format format, const mt_graph *graph)
{
    cli_exit_code code;
    cli_saving saving;
    const mt_row *row;
    cli_rows rows;

    cli_progress("writing", strcmp(path, "-") == 0 ? "" : path);
    if ((code = cli_save_begin(&saving, path, format)) != EXIT_DONE) return code;
    if (saving.out.fd == STDOUT_FILENO) cli_progress_end();
    cli_rows_of_graph(&rows, graph, mt_str(NULL));
    while ((row = cli_rows_next(&rows)) && cli_save_row(&saving, row)) continue;
    return cli_save_end(&saving, EXIT_DONE);
}

void cli_save_rows(cli_output *out, cli_rows *rows)
{
    mt_json_writer writer;
    const mt_row *row;

    cli_text_note(&out->text, mt_json_rows_begin(&writer, &out->text.buf));
    while (out->text.status == MT_OK && (row = cli_rows_next(rows))) {
        cli_text_note(&out->text, mt_json_row(&writer, row, &out->text.buf));
        cli_output_flow(out);
    }
    if (out->text.status == MT_OK)
        cli_text_note(&out->text, mt_json_rows_end(&writer, &out->text.buf));
}

void cli_save_json(cli_output *out, const mt_graph *graph)
{
    cli_rows rows;

    cli_rows_of_graph(&rows, graph, mt_str(NULL));
    cli_save_rows(out, &rows);
}

void cli_save_delta(cli_output *out, const mt_delta *delta, mt_delta_part part)
{
    cli_rows rows;

    cli_rows_of_delta(&rows, delta, part);
    cli_save_rows(out, &rows);
    if (out->text.status == MT_OK) out->text.buf.len--;
}

void cli_save_conflict(cli_text *text, mt_bytes uid, const mt_conflict *conflict)
{
    mt_buf *buf = &text->buf;

    cli_text_str(text, "{\"uid\":");
    cli_text_note(text, mt_json_string(uid, buf));
    cli_text_str(text, ",\"field\":");
    cli_text_note(text, mt_json_string(conflict->won.name, buf));
    cli_text_str(text, ",\"won\":");
    cli_text_note(text, mt_json_field(&conflict->won, buf));
    cli_text_str(text, ",\"lost\":");
    cli_text_note(text, mt_json_field(&conflict->lost, buf));
    cli_text_str(text, "}");
}

void cli_save_number(cli_text *text, const char *name, uint64_t number)
{
    cli_text_printf(text, ",\"%s\":%" PRIu64, name, number);
}

void cli_save_name(cli_text *text, mt_bytes name)
{
    mt_value string = mt_string(name), bytes = mt_blob(name);
    bool is_text = mt_value_check(&string, NULL, NULL) == MT_OK;

    cli_text_note(text, mt_value_json(is_text ? &string : &bytes, &text->buf));
}
