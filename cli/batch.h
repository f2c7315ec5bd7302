/* batch.h - rows that are gathered, because those of a reader last only until the next one. */
#ifndef CLI_BATCH_H
#define CLI_BATCH_H

#include <mytosis/mytosis.h>

/* Members are private but for what is said. */
typedef struct cli_batch {
    size_t nodes;    /* that ended in it */
    size_t fields;   /* how many */
    size_t text_len; /* bytes of uids, names and values */
    mt_row *rows;
    size_t row_count, row_cap;
    mt_field *held;
    size_t held_cap;
    struct cli_batch_block *blocks; /* what holds the text; they never move */
} cli_batch;

/* Adds a row, COPIED. All zero is an empty batch. MT_NO_MEMORY. */
mt_status cli_batch_add(cli_batch *batch, const mt_row *row);

/* The rows, BORROWED until the batch next changes. */
const mt_row *cli_batch_rows(cli_batch *batch, size_t *count);

/* Empties it; its memory stays for the next rows. */
void cli_batch_clear(cli_batch *batch);

void cli_batch_free(cli_batch *batch);

#endif
