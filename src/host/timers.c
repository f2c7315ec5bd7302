/* timers.c - a ring for timers without a delay, a pairing heap for the others.
 *
 * What the words of a timer are; one that is not set has no PREV:
 *
 *              in a ring        in the heap
 *     CHILD    the timer itself its first child
 *     NEXT     the next one     its next sibling
 *     PREV     the one before   the sibling before; of a first child, its parent; of the root, itself
 *     DUE_LOW, DUE_HIGH         when it is due, 32 bits each
 *     NUMBER                    counts the timers set, and may wrap around
 *
 * Timers are mostly deadlines, and mostly stopped: that takes a few stores for one that has no
 * children, and in the long run the logarithm of their number for any. */
#include "host/timers.h"

#include "base/assert.h"

enum { CHILD, NEXT, PREV, DUE_LOW, DUE_HIGH, NUMBER };

static mt_timer *get(const mt_timer *timer, int word)
{
    return timer->host[word];
}

static uint64_t due_of(const mt_timer *timer)
{
    return (uint64_t)(uintptr_t)timer->host[DUE_HIGH] << 32 | (uintptr_t)timer->host[DUE_LOW];
}

static void stamp(mti_timers *timers, mt_timer *timer, uint64_t due_ms)
{
    timer->host[DUE_LOW] = (void *)(uintptr_t)(uint32_t)due_ms;
    timer->host[DUE_HIGH] = (void *)(uintptr_t)(due_ms >> 32);
    timer->host[NUMBER] = (void *)timers->number++;
}

static bool before(const mt_timer *a, const mt_timer *b)
{
    uint64_t a_due = due_of(a), b_due = due_of(b);

    if (a_due != b_due) return a_due < b_due;
    return (intptr_t)((uintptr_t)a->host[NUMBER] - (uintptr_t)b->host[NUMBER]) < 0;
}

/* ---- Rings ---- */

static void ring_init(mt_timer *head)
{
    *head = (mt_timer){0};
    head->host[NEXT] = head->host[PREV] = head;
}

static bool ring_empty(const mt_timer *head)
{
    return head->host[NEXT] == head;
}

static void link_two(mt_timer *first, mt_timer *second)
{
    first->host[NEXT] = second;
    second->host[PREV] = first;
}

/* ---- The heap ---- */

/* Makes one heap of two, neither of them empty; the siblings of its root are the caller's. */
static mt_timer *meld(mt_timer *a, mt_timer *b)
{
    mt_timer *parent = before(b, a) ? b : a, *child = parent == a ? b : a;
    mt_timer *sibling = get(parent, CHILD);

    child->host[NEXT] = sibling;
    if (sibling) sibling->host[PREV] = child;
    child->host[PREV] = parent;
    parent->host[CHILD] = child;
    return parent;
}

/* Makes one heap of a list of siblings: first by pairs, then from the last pair to the first. */
static mt_timer *meld_siblings(mt_timer *list)
{
    mt_timer *pairs = NULL, *all = NULL;

    while (list) {
        mt_timer *a = list, *b = get(a, NEXT);

        list = b ? get(b, NEXT) : NULL;
        if (b) a = meld(a, b);
        a->host[NEXT] = pairs;
        pairs = a;
    }
    while (pairs) {
        mt_timer *pair = pairs;

        pairs = get(pair, NEXT);
        all = all ? meld(all, pair) : pair;
    }
    return all;
}

static void heap_root_set(mti_timers *timers, mt_timer *root)
{
    timers->root = root;
    if (!root) return;
    root->host[NEXT] = NULL;
    root->host[PREV] = root;
}

static void heap_remove(mti_timers *timers, mt_timer *timer)
{
    mt_timer *below = meld_siblings(get(timer, CHILD));
    mt_timer *prev = get(timer, PREV), *next = get(timer, NEXT);

    mti_assert(timers->root); /* else the timer was set elsewhere */
    if (timer == timers->root) {
        heap_root_set(timers, below);
        return;
    }
    if (prev->host[CHILD] == timer) prev->host[CHILD] = next;
    else prev->host[NEXT] = next;
    if (next) next->host[PREV] = prev;
    if (below) heap_root_set(timers, meld(timers->root, below));
}

/* ---- Both ---- */

void mti_timers_init(mti_timers *timers)
{
    ring_init(&timers->soon);
    ring_init(&timers->firing);
    timers->root = NULL;
    timers->number = 0;
}

void mti_timers_set_soon(mti_timers *timers, mt_timer *timer, uint64_t now_ms)
{
    mti_timers_stop(timers, timer);
    stamp(timers, timer, now_ms);
    timer->host[CHILD] = timer;
    link_two(get(&timers->soon, PREV), timer);
    link_two(timer, &timers->soon);
}

void mti_timers_set_due(mti_timers *timers, mt_timer *timer, uint64_t due_ms)
{
    mti_timers_stop(timers, timer);
    stamp(timers, timer, due_ms);
    timer->host[CHILD] = NULL;
    heap_root_set(timers, timers->root ? meld(timers->root, timer) : timer);
}

void mti_timers_stop(mti_timers *timers, mt_timer *timer)
{
    if (!timer->host[PREV]) return;
    if (timer->host[CHILD] == timer) link_two(get(timer, PREV), get(timer, NEXT));
    else heap_remove(timers, timer);
    timer->host[PREV] = NULL;
}

void mti_timers_round(mti_timers *timers)
{
    if (ring_empty(&timers->soon)) return;
    link_two(get(&timers->firing, PREV), get(&timers->soon, NEXT));
    link_two(get(&timers->soon, PREV), &timers->firing);
    ring_init(&timers->soon);
}

mt_timer *mti_timers_take(mti_timers *timers, uint64_t now_ms)
{
    mt_timer *next = ring_empty(&timers->firing) ? NULL : get(&timers->firing, NEXT);
    mt_timer *root = timers->root;

    if (root && due_of(root) <= now_ms && (!next || before(root, next))) next = root;
    if (next) mti_timers_stop(timers, next);
    return next;
}

bool mti_timers_any_soon(const mti_timers *timers)
{
    return !ring_empty(&timers->soon) || !ring_empty(&timers->firing);
}

uint64_t mti_timers_due_ms(const mti_timers *timers)
{
    return timers->root ? due_of(timers->root) : UINT64_MAX;
}
