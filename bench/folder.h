/* bench/folder.h - a folder for the stores of a bench, where it was started: what is durable is to be
 * on a disk, which /tmp may not be. */
#ifndef BENCH_FOLDER_H
#define BENCH_FOLDER_H

#include <stddef.h>

typedef struct bench_folder {
    char path[64];
} bench_folder;

/* Makes one, `bench-NAME-` and six letters. */
bench_folder bench_folder_new(const char *name);

/* Empties it: the next store begins anew. */
void bench_folder_clear(const bench_folder *folder);

/* Removes it with all that is in it. */
void bench_folder_free(bench_folder *folder);

#endif
