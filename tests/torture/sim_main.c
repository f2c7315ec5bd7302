/* sim_main.c - seed after seed of the simulator, until time is up.
 *
 *     sim_torture --seconds 60 --seed 1       prints a line of a table, and of each failure how to replay it
 *     sim_torture --replay '8831' [--shrink]  one run, and what happens in it
 *
 * Exit: 0, 1 if a run failed, 2 if it was called wrongly. */
#include <mytosis/host.h>
#include <mytosis/sim.h>

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

typedef struct command {
    uint64_t seconds, seed, seeds; /* `seeds` 0: until time is up */
    const char *replay;
    bool shrink;
    mt_sim_options options;
} command;

typedef struct totals {
    uint64_t seeds, events, virtual_ms, failures;
    uint64_t edits, faults, crashes, acknowledged, liars, others;
    unsigned version_most;
} totals;

static double seconds_now(void)
{
    struct timespec now;

    timespec_get(&now, TIME_UTC);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static bool number_of(const char *text, uint64_t *out)
{
    char *end;

    if (!text || *text < '0' || *text > '9') return false;
    *out = strtoull(text, &end, 10);
    return *end == '\0';
}

static bool command_read(command *c, int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        const char *value = i + 1 < argc ? argv[i + 1] : NULL;
        uint64_t number = 0;
        bool known = true;
        if (strcmp(argv[i], "--shrink") == 0) {
            c->shrink = true;
            continue;
        }
        if (strcmp(argv[i], "--once") == 0) {
            c->options.once = true;
            continue;
        }
        i++;
        if (strcmp(argv[i - 1], "--replay") == 0 && value) {
            c->replay = value;
            continue;
        }
        if (!number_of(value, &number)) return false;
        if (strcmp(argv[i - 1], "--seconds") == 0) c->seconds = number;
        else if (strcmp(argv[i - 1], "--seed") == 0) c->seed = number;
        else if (strcmp(argv[i - 1], "--seeds") == 0) c->seeds = number;
        else if (strcmp(argv[i - 1], "--without") == 0) c->options.without = (uint32_t)number;
        else if (strcmp(argv[i - 1], "--peers") == 0) c->options.peers = (size_t)number;
        else if (strcmp(argv[i - 1], "--actions") == 0) c->options.actions = (size_t)number;
        else if (strcmp(argv[i - 1], "--version-max") == 0)
            c->options.version_max = (unsigned)number;
        else known = false;
        if (!known) return false;
    }
    return true;
}

/* The options that are not those of every run, as a replay needs them too. */
static void print_replay(const command *c, const char *program, const char *replay)
{
    printf("  replay: %s --replay '%s'", program, replay);
    if (c->options.without) printf(" --without %" PRIu32, c->options.without);
    if (c->options.peers) printf(" --peers %zu", c->options.peers);
    if (c->options.actions) printf(" --actions %zu", c->options.actions);
    if (c->options.version_max) printf(" --version-max %u", c->options.version_max);
    printf("\n");
}

static void add(totals *t, const mt_sim_report *report)
{
    t->seeds++;
    t->events += report->events;
    t->virtual_ms += report->virtual_ms;
    t->edits += report->edits;
    t->faults += report->faults;
    t->crashes += report->crashes;
    t->liars += report->liars;
    t->others += report->others;
    t->acknowledged += report->acknowledged;
    t->failures += report->check != NULL;
    if (report->version_most > t->version_most) t->version_most = report->version_most;
}

static int run_seeds(command *c, const char *program)
{
    double begin = seconds_now(), spent = 0;
    totals t = {0};

    while (c->seeds ? t.seeds < c->seeds : spent < (double)c->seconds) {
        mt_sim_report report;
        c->options.seed = c->seed + t.seeds;
        if (mt_sim_run(&c->options, &report) == MT_INVALID) return 2;
        add(&t, &report);
        spent = seconds_now() - begin;
        if (!report.check) continue;
        printf("FAILED: seed %" PRIu64 ": %s\n", c->options.seed, report.text);
        print_replay(c, program, report.replay);
        fflush(stdout);
    }
    if (spent <= 0) spent = 1e-9;
    printf("| simulation | %" PRIu64 " seeds | %" PRIu64 " events | %" PRIu64 " edits, %" PRIu64
           " acknowledged | %" PRIu64 " faults, %" PRIu64 " crashes, %" PRIu64 " liars, %" PRIu64
           " of other versions | %.1f virtual hours | %.0f s, "
           "%.0f events/s | a version crossed a link %u times at most | %" PRIu64 " failures |\n",
           t.seeds, t.events, t.edits, t.acknowledged, t.faults, t.crashes, t.liars, t.others,
           (double)t.virtual_ms / 3600000, spent,
           (double)t.events * (c->options.once ? 1 : 2) / spent, t.version_most, t.failures);
    return t.failures ? 1 : 0;
}

static int run_replay(command *c, const char *program)
{
    mt_buf text = {.mem = mt_mem_system()};
    mt_sim_report report;
    mt_status st;

    c->options.replay = c->replay;
    st = c->shrink ? mt_sim_shrink(&c->options, 0, &report) : mt_sim_run(&c->options, &report);
    if (st == MT_INVALID) return 2;
    if (st == MT_OK) {
        printf("all is well\n");
        return 0;
    }
    printf("FAILED: %s\n", report.text);
    print_replay(c, program, report.replay);
    c->options.replay = report.replay;
    if (mt_sim_describe(&c->options, &text) == MT_OK)
        printf("%.*s", (int)text.len, (const char *)text.data);
    mt_buf_free(&text);
    return 1;
}

int main(int argc, char **argv)
{
    command c = {.seconds = 10, .options = {.size = sizeof c.options}};

    if (command_read(&c, argc, argv)) {
        int code = c.replay ? run_replay(&c, argv[0]) : run_seeds(&c, argv[0]);
        if (code != 2) return code;
    }
    fprintf(stderr,
            "usage: %s [--seconds N | --seeds N] [--seed N] [--replay LINE [--shrink]] [--once]\n"
            "       [--without FAULTS] [--peers N] [--actions N] [--version-max N]\n",
            argv[0]);
    return 2;
}
