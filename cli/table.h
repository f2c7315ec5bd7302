/* table.h - lines in aligned columns.
 *
 * A table gathers some lines, then prints them: each column is as wide as its widest cell, and a column without any
 * is left out. It is meant for a block of a long listing, and used again for the next one. */
#ifndef CLI_TABLE_H
#define CLI_TABLE_H

#include "output.h"

#define TABLE_COLUMNS 6
#define TABLE_LINES 64

typedef struct cli_table_cell {
    size_t start, end; /* in `text` */
    cli_style style;
} cli_table_cell;

typedef struct cli_table {
    cli_text text;
    unsigned right; /* bits of the columns that are aligned to the right */
    size_t lines;
    cli_table_cell *open;
    cli_table_cell cells[TABLE_LINES][TABLE_COLUMNS];
} cli_table;

/* OWNED: cli_table_free. */
void cli_table_init(cli_table *table, unsigned right);
void cli_table_free(cli_table *table);

/* Begins a line; those before are printed first if the table is full of them. */
void cli_table_next(cli_table *table, cli_output *out);

/* Begins a cell of the line; its text is what is added to the answer until the next call. Cells come in any order, each
 * once; one that does not come is empty. */
cli_text *cli_table_cell_open(cli_table *table, size_t column, cli_style style);

/* Begins a line of what something is called, and how many of it there are; its next cell is open. */
cli_text *cli_table_named(cli_table *table, cli_output *out, const char *name);
cli_text *cli_table_counted(cli_table *table, cli_output *out, const char *name, uint64_t count);

/* Prints the lines and empties the table. */
void cli_table_print(cli_table *table, cli_output *out);

#endif
