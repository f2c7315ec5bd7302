#include "save.h"

#include "message.h"
#include "rows.h"

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

void cli_save_json(cli_output *out, const mt_graph *graph)
{
    mt_json_writer writer;
    const mt_row *row;
    cli_rows rows;

    cli_text_note(&out->text, mt_json_rows_begin(&writer, &out->text.buf));
    cli_rows_of_graph(&rows, graph, mt_str(NULL));
    while (out->text.status == MT_OK && (row = cli_rows_next(&rows))) {
        cli_text_note(&out->text, mt_json_row(&writer, row, &out->text.buf));
        cli_output_flow(out);
    }
    if (out->text.status == MT_OK)
        cli_text_note(&out->text, mt_json_rows_end(&writer, &out->text.buf));
}

static cli_exit_code save_binary(cli_output *out, const mt_compressor *compressor,
                                 const mt_graph *graph)
{
    mt_binary_writer *writer = NULL;
    cli_exit_code code = EXIT_DONE;
    const mt_row *row;
    cli_rows rows;
    mt_status st = mt_binary_writer_new(mt_mem_system(), NULL, compressor, &out->text.buf, &writer);

    cli_rows_of_graph(&rows, graph, mt_str(NULL));
    while (st == MT_OK && (row = cli_rows_next(&rows))) {
        st = mt_binary_row(writer, row);
        cli_output_flow(out);
    }
    if (st == MT_OK) st = mt_binary_finish(writer);
    if (st != MT_OK) {
        const char *why = writer ? mt_binary_writer_error(writer)->text : mt_status_text(st);
        code = cli_complain(EXIT_SYSTEM, "cannot write %s: %s", out->name, why);
    }
    mt_binary_writer_free(writer);
    return code;
}

cli_exit_code cli_save_graph(const char *path, cli_format format, const mt_graph *graph)
{
    const mt_compressor *compressor = format == FORMAT_COMPRESSED ? mt_compressor_zstd() : NULL;
    bool binary = format == FORMAT_BINARY || format == FORMAT_COMPRESSED;
    cli_exit_code code = EXIT_DONE;
    cli_output out;

    if (binary && strcmp(path, "-") == 0 && isatty(STDOUT_FILENO))
        return cli_complain(EXIT_USAGE,
                            "the binary form is not for a terminal; name a file or redirect it");
    cli_progress("writing", strcmp(path, "-") == 0 ? "" : path);
    if ((code = cli_output_file(&out, path)) != EXIT_DONE) return code;
    if (out.fd == STDOUT_FILENO) cli_progress_end();
    if (binary) code = save_binary(&out, compressor, graph);
    else cli_save_json(&out, graph);
    return cli_output_end(&out, code);
}
