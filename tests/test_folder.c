#include "test_folder.h"
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void need(bool truth, const char *what)
{
    if (truth) return;
    fprintf(stderr, "test_folder: ");
    perror(what);
    abort();
}

void test_folder_begin(test_folder *folder)
{
    const char *base = getenv("TMPDIR");
    int len = snprintf(folder->path, sizeof folder->path, "%s/mytosis-XXXXXX",
                       base && *base ? base : "/tmp");

    need(len > 0 && (size_t)len < sizeof folder->path, "TMPDIR is too long");
    need(mkdtemp(folder->path) != NULL, folder->path);
}

const char *test_folder_file(test_folder *folder, const char *name)
{
    snprintf(folder->file, sizeof folder->file, "%s/%s", folder->path, name);
    return folder->file;
}

/* Counts the files, and removes them if asked to. */
static size_t each_file(const test_folder *folder, bool removes)
{
    DIR *dir = opendir(folder->path);
    struct dirent *entry;
    size_t count = 0;

    need(dir != NULL, folder->path);
    while ((entry = readdir(dir)) != NULL) {
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0) continue;
        count++;
        if (removes) need(unlinkat(dirfd(dir), entry->d_name, 0) == 0, entry->d_name);
    }
    closedir(dir);
    return count;
}

size_t test_folder_count(const test_folder *folder)
{
    return each_file(folder, false);
}

void test_folder_end(test_folder *folder)
{
    each_file(folder, true);
    need(rmdir(folder->path) == 0, folder->path);
}
