#include "figure.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

double bench_now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static int compare_doubles(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return x < y ? -1 : x > y;
}

void bench_sort(double *values, size_t count)
{
    qsort(values, count, sizeof *values, compare_doubles);
}

double bench_percent(double a, double b)
{
    return a > 0 && b > 0 ? 100 * a / b : (double)NAN;
}

void bench_fail(const char *what, const char *why)
{
    fprintf(stderr, "bench: %s: %s\n", what, why);
    exit(1);
}

void bench_well(bool well, const char *what)
{
    if (!well) bench_fail(what, strerror(errno));
}

void bench_must(mt_status st, const char *what)
{
    if (st != MT_OK) bench_fail(what, mt_status_text(st));
}

void *bench_need(void *memory)
{
    if (!memory) bench_fail("memory", "there is none left");
    return memory;
}

void *bench_room(size_t count, size_t size)
{
    return bench_need(calloc(count, size));
}

static const char *scaled(double value, char *out, size_t size)
{
    if (value >= 1e6) snprintf(out, size, "%.2f M", value / 1e6);
    else if (value >= 1e4) snprintf(out, size, "%.1f k", value / 1e3);
    else snprintf(out, size, "%.2f", value);
    return out;
}

static void print_text(const figure *f, double median)
{
    char value[32], aim[32] = "-";
    const char *met = "";

    if (f->aim > 0) {
        scaled(f->aim, aim, sizeof aim);
        met = (f->least ? median <= f->aim : median >= f->aim) ? "met" : "MISSED";
    }
    printf("%-44s %12s %-12s %s%9s  %s\n", f->what, scaled(median, value, sizeof value), f->unit,
           f->aim > 0 ? (f->least ? "<= " : ">= ") : "   ", aim, met);
}

static void print_json(const figure *f, double median)
{
    printf("{\"name\":\"%s\",\"unit\":\"%s\",\"median\":%.6g,\"min\":%.6g,\"max\":%.6g,\"runs\":%d",
           f->name, f->unit, median, f->runs[0], f->runs[f->count - 1], f->count);
    if (f->aim > 0) printf(",\"aim\":%.6g", f->aim);
    puts("}");
}

static bool is_named(const figure *f, const char *name)
{
    size_t len = strlen(name);

    if (len > 0 && name[len - 1] == '_') return strncmp(f->name, name, len) == 0;
    return strcmp(f->name, name) == 0;
}

static bool chosen(const figure *f, const figures_options *options)
{
    for (int i = 0; i < options->name_count; i++)
        if (is_named(f, options->names[i])) return true;
    return options->name_count == 0;
}

static bool any_chosen(const figure *figures, size_t count, const figures_options *options)
{
    for (size_t i = 0; i < count; i++)
        if (chosen(&figures[i], options)) return true;
    return false;
}

static void print_usage(FILE *out, const char *program, const char *about, const figure *figures,
                        size_t count)
{
    fprintf(
        out,
        "usage: %s [--json] [--runs N] [FIGURE...]\n"
        "%sMedians of N runs (default 5, at most %d): a table, and then a line of JSON for each\n"
        "figure; --json: only the lines. FIGURE: a name, or the beginning of several, up to and\n"
        "with a _. Ratios, and what is indented, want the figures before them.\n",
        program, about, RUNS_MAX);
    for (size_t i = 0; i < count; i++)
        fprintf(out, "  %-34s %s\n", figures[i].name, figures[i].what);
}

/* Whether all was understood. */
static bool arguments_read(int argc, char **argv, figures_options *options)
{
    int first = 1;

    for (; first < argc && argv[first][0] == '-'; first++) {
        if (strcmp(argv[first], "--json") == 0) options->json = true;
        else if (strcmp(argv[first], "--runs") == 0 && first + 1 < argc)
            options->runs = (int)strtol(argv[++first], NULL, 10);
        else return false;
    }
    options->names = argv + first;
    options->name_count = argc - first;
    return options->runs >= 1 && options->runs <= RUNS_MAX;
}

bool figures_parse(int argc, char **argv, const char *about, const figure *figures, size_t count,
                   figures_options *options)
{
    bool helps = argc > 1 && strcmp(argv[1], "--help") == 0;

    *options = (figures_options){.runs = 5};
    if (helps || !arguments_read(argc, argv, options)) {
        print_usage(helps ? stdout : stderr, argv[0], about, figures, count);
        options->exit_code = helps ? 0 : 2;
        return false;
    }
    if (any_chosen(figures, count, options)) return true;
    fprintf(stderr, "%s: none of these figures is here\n", argv[0]);
    return false;
}

static void run_one(figure *f, void *ctx)
{
    double value = f->run ? f->run(ctx) : f->run_at(ctx, f->at);

    if (!isnan(value)) f->runs[f->count++] = value;
}

void figures_run(figure *figures, size_t count, const figures_options *options, void *ctx,
                 uint64_t *seed)
{
    for (int run = 0; run < options->runs; run++) {
        *seed = (uint64_t)run + 1;
        for (size_t i = 0; i < count; i++)
            if (chosen(&figures[i], options) && (!figures[i].once || run == 0))
                run_one(&figures[i], ctx);
        fprintf(stderr, "run %d of %d\r", run + 1, options->runs);
    }
    fputs("                \r", stderr);
    for (size_t i = 0; i < count; i++) {
        figure *f = &figures[i];
        if (f->count == 0) continue;
        bench_sort(f->runs, (size_t)f->count);
        if (!options->json) print_text(f, f->runs[f->count / 2]);
    }
    if (!options->json) puts("");
    for (size_t i = 0; i < count; i++)
        if (figures[i].count > 0) print_json(&figures[i], figures[i].runs[figures[i].count / 2]);
}
