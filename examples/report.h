/* report.h - what the larger examples share: the time, readable numbers, whole files. */
#ifndef EXAMPLES_REPORT_H
#define EXAMPLES_REPORT_H

#include <mytosis/mytosis.h>

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* Exit codes, as those of the mytosis command. */
#define EXIT_USAGE 2
#define EXIT_INPUT 3
#define EXIT_SYSTEM 4

/* Prints one line and ends the program. An example may; a library may not. */
static inline _Noreturn void fail(int code, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    vfprintf(stderr, format, args);
    va_end(args);
    fputc('\n', stderr);
    exit(code);
}

/* Ends the program unless `status` is MT_OK. `text` says more than the status, or is NULL. */
static inline void must(mt_status status, const char *what, const char *text)
{
    if (status == MT_OK) return;
    fail(status == MT_NO_MEMORY ? EXIT_SYSTEM : EXIT_INPUT, "%s: %s", what,
         text && *text ? text : mt_status_text(status));
}

static inline double seconds_now(void)
{
    struct timespec now;

    timespec_get(&now, TIME_UTC);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* A number with commas, such as 1,234,567. The text lives as long as the expression around it. */
typedef struct number_text {
    char text[32];
} number_text;

static inline number_text grouped(uint64_t number)
{
    number_text out;
    char *at = out.text + sizeof out.text;
    unsigned digits = 0;

    *--at = '\0';
    do {
        if (digits != 0 && digits % 3 == 0) *--at = ',';
        *--at = (char)('0' + number % 10);
        number /= 10;
        digits++;
    } while (number != 0);
    memmove(out.text, at, strlen(at) + 1);
    return out;
}

/* The whole of a file, or of standard input for "-": OWNED. Ends the program if it cannot be
 * read. */
static inline mt_buf read_file(const char *path)
{
    const mt_mem *mem = mt_mem_system();
    mt_buf buf = {.mem = mem};
    bool standard = strcmp(path, "-") == 0;
    FILE *file = standard ? stdin : fopen(path, "rb");
    size_t got;

    if (!file) fail(EXIT_INPUT, "%s: %s", path, strerror(errno));
    do {
        if (buf.cap - buf.len < 65536) {
            size_t cap = buf.cap == 0 ? (size_t)1 << 20 : 2 * buf.cap;
            uint8_t *data = mem->resize(mem->ctx, buf.data, buf.cap, cap);

            if (!data) fail(EXIT_SYSTEM, "%s: out of memory", path);
            buf.data = data;
            buf.cap = cap;
        }
        got = fread(buf.data + buf.len, 1, buf.cap - buf.len, file);
        buf.len += got;
    } while (got != 0);
    if (ferror(file)) fail(EXIT_INPUT, "%s: %s", path, strerror(errno));
    if (!standard) fclose(file);
    return buf;
}

/* Makes `bytes` the content of a file, or writes them to standard output for "-". Ends the
 * program if it cannot. */
static inline void write_file(const char *path, mt_bytes bytes)
{
    bool standard = strcmp(path, "-") == 0;
    FILE *file = standard ? stdout : fopen(path, "wb");

    if (!file || fwrite(bytes.data, 1, bytes.len, file) != bytes.len || fflush(file) != 0 ||
        (!standard && fclose(file) != 0)) {
        fail(EXIT_SYSTEM, "%s: %s", path, strerror(errno));
    }
}

/* Nodes and living fields of a graph. */
typedef struct graph_size {
    size_t nodes;
    size_t fields;
} graph_size;

static inline graph_size graph_size_of(const mt_graph *graph)
{
    graph_size size = {0};
    mt_graph_iter iter;
    const mt_node *node;

    mt_graph_iter_init(&iter, graph, mt_str(""), mt_str(""));
    while ((node = mt_graph_iter_next(&iter)) != NULL) {
        size.nodes += mt_node_count(node) != 0;
        size.fields += mt_node_count(node);
    }
    return size;
}

/* The graph as a binary file holds it, plain or compressed: OWNED. */
static inline mt_buf graph_bytes(const mt_graph *graph, const mt_compressor *compressor)
{
    const mt_mem *mem = mt_mem_system();
    mt_buf bytes = {.mem = mem};
    mt_binary_writer *writer = NULL;

    must(mt_binary_writer_new(mem, NULL, compressor, &bytes, &writer), "writing", NULL);
    must(mt_binary_graph(writer, graph), "writing", mt_binary_writer_error(writer)->text);
    must(mt_binary_finish(writer), "writing", mt_binary_writer_error(writer)->text);
    mt_binary_writer_free(writer);
    return bytes;
}

static inline mt_buf graph_json(const mt_graph *graph)
{
    mt_buf text = {.mem = mt_mem_system()};

    must(mt_json_graph(graph, &text), "writing", NULL);
    return text;
}

#endif
