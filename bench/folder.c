#include "folder.h"

#include "figure.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

bench_folder bench_folder_new(const char *name)
{
    bench_folder folder;

    snprintf(folder.path, sizeof folder.path, "bench-%s-XXXXXX", name);
    if (!mkdtemp(folder.path)) bench_fail(folder.path, "cannot be made");
    return folder;
}

void bench_folder_clear(const bench_folder *folder)
{
    DIR *dir = opendir(folder->path);
    struct dirent *entry;
    char path[512];

    if (!dir) bench_fail(folder->path, "cannot be read");
    while ((entry = readdir(dir))) {
        if (entry->d_name[0] == '.') continue;
        snprintf(path, sizeof path, "%s/%s", folder->path, entry->d_name);
        unlink(path);
    }
    closedir(dir);
}

void bench_folder_free(bench_folder *folder)
{
    bench_folder_clear(folder);
    rmdir(folder->path);
}
