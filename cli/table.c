#include "table.h"

#include "shown.h"

#include <string.h>

/* Columns of blank between two columns. */
#define GAP 2

/* What is wider sticks out of its column, instead of moving all other lines. */
#define WIDTH_MAX 80

void cli_table_init(cli_table *table, unsigned right)
{
    cli_text_init(&table->text);
    table->right = right;
    table->lines = 0;
    table->open = NULL;
}

void cli_table_free(cli_table *table)
{
    cli_text_free(&table->text);
}

static void close_cell(cli_table *table)
{
    if (table->open) table->open->end = table->text.buf.len;
    table->open = NULL;
}

cli_text *cli_table_cell_open(cli_table *table, size_t column, cli_style style)
{
    close_cell(table);
    table->open = &table->cells[table->lines - 1][column];
    table->open->start = table->text.buf.len;
    table->open->style = style;
    return &table->text;
}

static mt_bytes cell_bytes(const cli_table *table, const cli_table_cell *cell)
{
    if (cell->end == cell->start) return mt_str(NULL);
    return (mt_bytes){table->text.buf.data + cell->start, cell->end - cell->start};
}

static void add_blank(cli_output *out, size_t count)
{
    while (count-- > 0) cli_text_str(&out->text, " ");
}

/* Blank is written only before a cell, so that no line ends with it. */
static void print_line(const cli_table *table, const cli_table_cell *cells, const size_t *widths,
                       cli_output *out)
{
    size_t owed = 0;

    for (size_t i = 0; i < TABLE_COLUMNS; i++) {
        mt_bytes bytes = cell_bytes(table, &cells[i]);
        size_t width = cli_shown_columns(bytes), left = widths[i] > width ? widths[i] - width : 0;

        if (widths[i] == 0) continue;
        if (bytes.len > 0) {
            add_blank(out, owed + (table->right >> i & 1 ? left : 0));
            if (cells[i].style) cli_output_style(out, cells[i].style);
            cli_text_add(&out->text, bytes);
            if (cells[i].style) cli_output_style(out, STYLE_PLAIN);
            owed = table->right >> i & 1 ? 0 : left;
        } else {
            owed += left;
        }
        owed += GAP;
    }
    cli_text_str(&out->text, "\n");
    cli_output_flow(out);
}

void cli_table_print(cli_table *table, cli_output *out)
{
    size_t widths[TABLE_COLUMNS] = {0};

    close_cell(table);
    cli_text_note(&out->text, table->text.status);
    for (size_t line = 0; line < table->lines; line++) {
        for (size_t i = 0; i < TABLE_COLUMNS; i++) {
            size_t width = cli_shown_columns(cell_bytes(table, &table->cells[line][i]));
            if (width > WIDTH_MAX) width = WIDTH_MAX;
            if (width > widths[i]) widths[i] = width;
        }
    }
    for (size_t line = 0; line < table->lines; line++)
        print_line(table, table->cells[line], widths, out);
    table->lines = 0;
    table->text.buf.len = 0;
}

void cli_table_next(cli_table *table, cli_output *out)
{
    close_cell(table);
    if (table->lines == TABLE_LINES) cli_table_print(table, out);
    memset(table->cells[table->lines++], 0, sizeof table->cells[0]);
}

cli_text *cli_table_named(cli_table *table, cli_output *out, const char *name)
{
    cli_table_next(table, out);
    cli_text_str(cli_table_cell_open(table, 0, STYLE_BOLD), name);
    return cli_table_cell_open(table, 1, STYLE_PLAIN);
}

cli_text *cli_table_counted(cli_table *table, cli_output *out, const char *name, uint64_t count)
{
    cli_text_number(cli_table_named(table, out, name), count);
    return cli_table_cell_open(table, 2, STYLE_PLAIN);
}
