/* test_folder.h - a folder for the files of a test, gone with all in it when the test ends. */
#ifndef TEST_FOLDER_H
#define TEST_FOLDER_H

#include "test.h"

typedef struct test_folder {
    char path[64];
    char file[128]; /* what test_folder_file answered last */
} test_folder;

/* Makes a folder below TMPDIR or /tmp. Ends the program if that cannot be. */
void test_folder_begin(test_folder *folder);

/* Removes the folder and the files in it. */
void test_folder_end(test_folder *folder);

/* The path of a file in it. BORROWED until the next call. */
const char *test_folder_file(test_folder *folder, const char *name);

/* How many files are in it. */
size_t test_folder_count(const test_folder *folder);

#endif
