/* fuzz/replay_main.c - runs a fuzz target on files, without libFuzzer: any compiler, any test run.
 *
 * Each argument is a file or a folder of files. Every input lies in a block of exactly its size, so that a
 * sanitizer sees the first byte read beyond it. */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void die(const char *what, const char *path)
{
    fprintf(stderr, "replay: cannot %s %s\n", what, path);
    exit(1);
}

static void run_file(const char *path, size_t size)
{
    FILE *file = fopen(path, "rb");
    uint8_t *data = malloc(size ? size : 1);

    if (!file || !data || fread(data, 1, size, file) != size) die("read", path);
    fclose(file);
    LLVMFuzzerTestOneInput(data, size);
    free(data);
}

/* Runs the regular files of a folder, in no particular order; answers how many. */
static size_t run_folder(const char *path)
{
    DIR *folder = opendir(path);
    struct dirent *entry;
    struct stat info;
    size_t count = 0;

    if (!folder) die("open", path);
    while ((entry = readdir(folder))) {
        char file[4096];
        int len = snprintf(file, sizeof file, "%s/%s", path, entry->d_name);

        if (len < 0 || (size_t)len >= sizeof file || stat(file, &info) != 0) die("find", file);
        if (!S_ISREG(info.st_mode)) continue;
        run_file(file, (size_t)info.st_size);
        count++;
    }
    closedir(folder);
    return count;
}

int main(int argc, char **argv)
{
    size_t count = 0;

    for (int i = 1; i < argc; i++) {
        struct stat info;

        if (stat(argv[i], &info) != 0) die("find", argv[i]);
        if (S_ISDIR(info.st_mode)) {
            count += run_folder(argv[i]);
        } else {
            run_file(argv[i], (size_t)info.st_size);
            count++;
        }
    }
    printf("%zu inputs\n", count);
    return count ? 0 : 1;
}
