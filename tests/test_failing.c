#include "test_law.h"
#include "test_trial.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* ---- What fails ---- */

void test_failing_init(test_failing *f)
{
    memset(f, 0, sizeof *f);
    test_failing_disarm(f);
}

void test_failing_arm(test_failing *f, test_point point)
{
    f->point = point;
    f->allocated = f->memory.count;
    f->engine.count = f->wire.count = 0;
    f->engine.status = MT_IO;
    f->engine.at_start = point.kind == TEST_POINT_CALL;
    switch (point.kind) {
    case TEST_POINT_ALLOCATION:
        f->memory.fail_at = point.at == SIZE_MAX ? SIZE_MAX : f->allocated + point.at;
        f->memory.from_then_on = point.from_then_on;
        return;
    case TEST_POINT_ANSWER:
    case TEST_POINT_CALL:
        f->engine.calls = MT_KV_FAULT_ALL;
        f->engine.fail_at = point.at;
        f->engine.from_then_on = point.from_then_on;
        return;
    case TEST_POINT_SEND: f->wire.how = TEST_WIRE_FAILS; break;
    case TEST_POINT_FULL: f->wire.how = TEST_WIRE_FULL; break;
    case TEST_POINT_CHOKE: f->wire.how = TEST_WIRE_CHOKES; break;
    case TEST_POINT_BREAK: f->wire.how = TEST_WIRE_BREAKS; break;
    case TEST_POINT_KINDS: return;
    }
    f->wire.fail_at = point.at;
    f->wire.from_then_on = point.from_then_on;
}

void test_failing_disarm(test_failing *f)
{
    f->memory.fail_at = SIZE_MAX;
    f->engine.calls = 0;
    f->wire.fail_at = UINT64_MAX;
}

size_t test_failing_count(const test_failing *f)
{
    switch (f->point.kind) {
    case TEST_POINT_ALLOCATION: return f->memory.count - f->allocated;
    case TEST_POINT_ANSWER:
    case TEST_POINT_CALL: return (size_t)f->engine.count;
    case TEST_POINT_SEND:
    case TEST_POINT_FULL:
    case TEST_POINT_CHOKE:
    case TEST_POINT_BREAK: return (size_t)f->wire.count;
    case TEST_POINT_KINDS: break;
    }
    return 0;
}

bool test_failing_tripped(const test_failing *f)
{
    return f->memory.tripped || f->engine.tripped || f->wire.tripped;
}

mt_status test_failing_status(const test_failing *f)
{
    if (f->memory.tripped) return MT_NO_MEMORY;
    return f->engine.tripped ? MT_IO : MT_OK;
}

/* ---- Points ---- */

/* How many of a kind are tried, of more that there may be. */
#define SLICE ((size_t)1000)

static const char *const kind_names[TEST_POINT_KINDS] = {"allocation", "answer", "call", "send",
                                                         "full",       "choke",  "break"};

/* The one that is tried, for whoever fails. */
static char tried[96];

_Noreturn void test_point_broken(const char *what, const char *file, int line)
{
    print_error("MYTOSIS_POINT=%s: %s\n", tried, what);
    _fail(file, line);
    abort();
}

static void aborted(int signal_number)
{
    (void)signal_number;
    (void)!write(STDERR_FILENO, tried, strlen(tried));
    (void)!write(STDERR_FILENO, "\n", 1);
}

typedef struct points {
    const char *name;
    size_t slice;
    size_t (*play)(const void *arg, test_point point);
    const void *arg;
    size_t tried, all;
} points;

static size_t play_point(points *p, test_point point)
{
    snprintf(tried, sizeof tried, "%s/%s%s/%zu", p->name, kind_names[point.kind],
             point.from_then_on ? "+" : "", point.at);
    return p->play(p->arg, point);
}

/* Every one of them, or every so many. */
static void play_kind(points *p, test_point_kind kind, bool from_then_on)
{
    test_point point = {kind, from_then_on, SIZE_MAX};
    size_t all = play_point(p, point), stride = all / p->slice;

    if (stride == 0) stride = 1;
    for (point.at = 0; point.at < all; point.at += stride) {
        play_point(p, point);
        p->tried++;
    }
    p->all += all;
}

/* "NAME/KIND/AT", as it was said of a point, if it is of these. */
static void play_named(points *p, const char *text)
{
    size_t len = strlen(p->name);

    if (strncmp(text, p->name, len) != 0 || text[len] != '/') return;
    text += len + 1;
    for (int kind = 0; kind < TEST_POINT_KINDS; kind++) {
        test_point point = {(test_point_kind)kind, false, 0};
        const char *rest = text + strlen(kind_names[kind]);
        if (strncmp(text, kind_names[kind], strlen(kind_names[kind])) != 0) continue;
        point.from_then_on = *rest == '+';
        point.at = (size_t)strtoull(rest + point.from_then_on + 1, NULL, 10);
        play_point(p, point);
    }
}

void test_points(const char *name, unsigned kinds,
                 size_t (*play)(const void *arg, test_point point), const void *arg)
{
    static size_t all_tried, all_points;
    const char *named = getenv("MYTOSIS_POINT");
    points p = {.name = name, .play = play, .arg = arg};

    signal(SIGABRT, aborted);
    if (named) {
        play_named(&p, named);
        return;
    }
    p.slice = test_times(TEST_AMOUNT(SLICE));
    for (int kind = 0; kind < TEST_POINT_KINDS; kind++) {
        if (!(kinds & 1u << kind)) continue;
        play_kind(&p, (test_point_kind)kind, false);
        play_kind(&p, (test_point_kind)kind, true);
    }
    all_tried += p.tried;
    all_points += p.all;
    print_message("[   POINTS ] %s: %zu of %zu; so far %zu of %zu\n", name, p.tried, p.all,
                  all_tried, all_points);
}
