/* Groups against a model: each is the set of what was added to it and of what its sources hold and
 * let pass. Whatever is done to them, also inside their own events, the two agree; and who listens
 * to the events of a group knows its members. */
#include "test_law.h"
#include "test_link.h"

#define LINKS 12
#define GROUPS 10
#define SOURCES 24

/* Connections are bits. The last four have the ids of the first four. */
#define TWINS 8
#define OTHER_TYPE 0x249u /* every third */
#define ALL 0xFFFu

typedef struct edge {
    size_t source;
    unsigned passes;
    bool whole; /* it has no test */
} edge;

typedef struct model {
    mt_group *group;
    unsigned own;
    edge edges[SOURCES];
    size_t edge_count;
    bool held;       /* by the test; else, if at all, by those who follow it */
    unsigned mask;   /* what the test of a filter reads */
    unsigned told;   /* the members, as the events have it */
    bool listens;    /* to the messages */
    struct world *w; /* of the events */
    mt_subscription *events;
    mt_subscription *messages;
} model;

typedef struct world {
    test_case *c;
    test_link links[LINKS];
    unsigned dead; /* connections that were closed */
    model groups[GROUPS];
    size_t nested; /* events that we are in */
    bool quiet;    /* nothing is done inside events */
} world;

/* ---- The model ---- */

static unsigned members(const world *w, size_t g)
{
    const model *m = &w->groups[g];
    unsigned bits = m->own;

    for (size_t i = 0; i < m->edge_count; i++) {
        bits |= members(w, m->edges[i].source) & m->edges[i].passes;
    }
    return bits;
}

static bool follows(const world *w, size_t g, size_t source)
{
    const model *m = &w->groups[g];

    if (g == source) return true;
    for (size_t i = 0; i < m->edge_count; i++) {
        if (follows(w, m->edges[i].source, source)) return true;
    }
    return false;
}

static bool is_alive(const world *w, size_t g)
{
    if (w->groups[g].held) return true;
    for (size_t f = 0; f < GROUPS; f++) {
        if (f != g && w->groups[f].group && follows(w, f, g) && w->groups[f].held) return true;
    }
    return false;
}

/* Whether two connections of one id are in one group. */
static bool clashes(const world *w)
{
    for (size_t g = 0; g < GROUPS; g++) {
        unsigned bits = w->groups[g].group ? members(w, g) : 0;

        if (bits & bits >> TWINS) return true;
    }
    return false;
}

static bool has_whole(const world *w, size_t g, size_t source)
{
    const model *m = &w->groups[g];

    for (size_t i = 0; i < m->edge_count; i++) {
        if (m->edges[i].source == source && m->edges[i].whole) return true;
    }
    return false;
}

static void edge_add(world *w, size_t g, edge add)
{
    model *m = &w->groups[g];

    HOLDS(m->edge_count < SOURCES);
    m->edges[m->edge_count++] = add;
}

/* ---- Listening ---- */

static size_t index_of(const world *w, const mt_connection *connection)
{
    const test_link *link = mt_connection_ctx(connection, &test_link_ops);

    if (!link) link = mt_connection_ctx(connection, &test_link_other_ops);
    return (size_t)(link - w->links);
}

static void act(world *w);

static void on_group_event(void *ctx, const void *event)
{
    model *m = ctx;
    world *w = m->w;
    const mt_group_event *told = event;
    unsigned bit = 1u << index_of(w, told->connection);

    HOLDS(told->group == m->group);
    HOLDS((told->kind == MT_GROUP_ADDED) == !(m->told & bit));
    m->told ^= bit;
    if (w->quiet || w->nested >= 3 || !test_once_in(w->c, 3)) return;
    w->nested++;
    act(w);
    w->nested--;
}

static void group_begin(world *w, size_t g)
{
    model *m = &w->groups[g];
    const mt_subscriber subscriber = {on_group_event, NULL, m};

    m->held = true;
    m->w = w;
    m->told = 0;
    for (size_t i = 0; i < mt_group_count(m->group); i++) {
        m->told |= 1u << index_of(w, mt_group_at(m->group, i));
    }
    HOLDS(m->told == members(w, g));
    HOLDS(mt_event_stream_subscribe(mt_group_events(m->group), &subscriber, &m->events) == MT_OK);
}

/* ---- What is done ---- */

static size_t any_group(world *w)
{
    size_t g = test_below(w->c, GROUPS);

    while (!w->groups[g].held) g = (g + 1) % GROUPS;
    return g;
}

static bool passes_mask(void *ctx, const mt_connection *connection)
{
    const model *m = ctx;

    return m->mask & 1u << index_of(m->w, connection);
}

static void do_add(world *w)
{
    size_t g = any_group(w), i = test_below(w->c, LINKS);
    model *m = &w->groups[g];
    mt_connection *connection = w->links[i].connection;
    unsigned before = m->own;
    mt_status expected = MT_OK;

    m->own |= 1u << i;
    if (w->dead & 1u << i) expected = MT_CLOSED;
    else if (clashes(w)) expected = MT_BUSY;
    if (expected != MT_OK) m->own = before;
    HOLDS(mt_group_add(m->group, connection) == expected);
}

static void do_remove(world *w)
{
    size_t g = any_group(w), i = test_below(w->c, LINKS);
    model *m = &w->groups[g];
    bool there = m->own & 1u << i;

    m->own &= ~(1u << i);
    HOLDS(mt_group_remove(m->group, w->links[i].connection) == (there ? MT_OK : MT_NOT_FOUND));
}

static void do_follow(world *w)
{
    size_t g = any_group(w), source = any_group(w);
    model *m = &w->groups[g];
    mt_group *of = w->groups[source].group;

    if (has_whole(w, g, source)) {
        HOLDS(mt_group_follow(m->group, of) == MT_OK);
    } else if (follows(w, source, g)) {
        HOLDS(mt_group_follow(m->group, of) == MT_TOO_LARGE);
    } else {
        edge_add(w, g, (edge){source, ALL, true});
        if (clashes(w)) {
            m->edge_count--;
            HOLDS(mt_group_follow(m->group, of) == MT_BUSY);
        } else {
            HOLDS(mt_group_follow(m->group, of) == MT_OK);
        }
    }
}

static void do_unfollow(world *w)
{
    model *m = &w->groups[any_group(w)];
    size_t source = any_group(w), kept = 0;
    bool there;

    for (size_t i = 0; i < m->edge_count; i++) {
        if (m->edges[i].source != source) m->edges[kept++] = m->edges[i];
    }
    there = kept != m->edge_count;
    m->edge_count = kept;
    HOLDS(mt_group_unfollow(m->group, w->groups[source].group) == (there ? MT_OK : MT_NOT_FOUND));
}

/* Makes the group of a model that has no edges yet. False: it cannot be. */
static bool make(world *w, size_t g)
{
    size_t a = any_group(w), b = any_group(w);
    mt_group *of_a = w->groups[a].group, *of_b = w->groups[b].group;
    model *m = &w->groups[g];

    switch (test_below(w->c, 4)) {
    case 0: HOLDS(mt_group_new(test_mem(), &m->group) == MT_OK); return true;
    case 1:
        edge_add(w, g, (edge){a, m->mask, false});
        HOLDS(mt_group_filter(of_a, &m->group, passes_mask, m) == MT_OK);
        return true;
    case 2:
        edge_add(w, g, (edge){a, OTHER_TYPE, false});
        HOLDS(mt_group_select(of_a, mt_str("other"), &m->group) == MT_OK);
        return true;
    default: break;
    }
    edge_add(w, g, (edge){a, ALL, true});
    if (a != b) edge_add(w, g, (edge){b, ALL, true});
    if (members(w, g) & members(w, g) >> TWINS) {
        HOLDS(mt_group_union(of_a, of_b, &m->group) == MT_BUSY);
        return false;
    }
    HOLDS(mt_group_union(of_a, of_b, &m->group) == MT_OK);
    return true;
}

static void do_new(world *w)
{
    size_t g = 0;

    while (g < GROUPS && w->groups[g].group) g++;
    if (g == GROUPS) return;
    w->groups[g] = (model){.w = w, .mask = (unsigned)test_rng_next(&w->c->rng) & ALL};
    /* What has still to be told is told now, while the model has no group yet. */
    w->quiet = true;
    if (make(w, g)) group_begin(w, g);
    w->quiet = false;
}

static void do_let_go(world *w)
{
    size_t g = any_group(w), others = 0;
    model *m = &w->groups[g];
    mt_subscription *events = m->events, *messages = m->messages;

    for (size_t i = 0; i < GROUPS; i++) others += i != g && w->groups[i].held;
    if (others == 0) return;
    m->events = m->messages = NULL;
    m->held = m->listens = false;
    mt_subscription_dispose(events);
    mt_subscription_dispose(messages);
    mt_group_unref(m->group);
    for (size_t i = 0; i < GROUPS; i++) {
        if (!is_alive(w, i)) w->groups[i] = (model){.group = NULL};
    }
}

static void on_message(void *ctx, const void *event)
{
    (void)ctx;
    (void)event;
}

static void do_listen(world *w)
{
    const mt_subscriber subscriber = {on_message, NULL, NULL};
    model *m = &w->groups[any_group(w)];
    mt_subscription *messages = m->messages;

    m->messages = NULL;
    if (!(m->listens = !m->listens)) {
        mt_subscription_dispose(messages);
    } else {
        HOLDS(mt_event_stream_subscribe(mt_group_messages(m->group), &subscriber, &m->messages) ==
              MT_OK);
    }
}

/* The groups hear of it one after the other: nothing else is done meanwhile. */
static void do_close(world *w)
{
    size_t i = test_below(w->c, LINKS);

    w->dead |= 1u << i;
    for (size_t g = 0; g < GROUPS; g++) w->groups[g].own &= ~(1u << i);
    w->quiet = true;
    mt_connection_closed(w->links[i].connection, NULL);
    w->quiet = false;
}

static void act(world *w)
{
    switch (test_below(w->c, 16)) {
    case 0:
    case 1: do_new(w); break;
    case 2: do_let_go(w); break;
    case 3:
    case 4: do_follow(w); break;
    case 5: do_unfollow(w); break;
    case 6: do_listen(w); break;
    case 7:
        if (w->nested == 0 && test_once_in(w->c, 8)) do_close(w);
        break;
    case 8:
    case 9:
    case 10: do_remove(w); break;
    default: do_add(w);
    }
}

/* ---- The law ---- */

static void group_agrees(const world *w, size_t g)
{
    const model *m = &w->groups[g];
    unsigned bits = members(w, g), found = 0;
    mt_connection *before = NULL;

    for (size_t i = 0; i < mt_group_count(m->group); i++) {
        mt_connection *at = mt_group_at(m->group, i);

        if (before) {
            HOLDS(mt_bytes_compare(mt_connection_id(before), mt_connection_id(at)) < 0);
            HOLDS(mt_group_after(m->group, mt_connection_id(before)) == at);
        }
        HOLDS(mt_group_get(m->group, mt_connection_id(at)) == at && mt_group_has(m->group, at));
        found |= 1u << index_of(w, at);
        before = at;
    }
    HOLDS(found == bits);
    HOLDS(!m->held || m->told == bits);
}

static void world_agrees(const world *w)
{
    unsigned heard = 0;

    for (size_t g = 0; g < GROUPS; g++) {
        if (!w->groups[g].group) continue;
        group_agrees(w, g);
        if (w->groups[g].listens) heard |= members(w, g);
    }
    for (size_t i = 0; i < LINKS; i++) {
        if (!(w->dead & 1u << i)) HOLDS(w->links[i].started == ((heard & 1u << i) != 0));
    }
}

static void groups_are_sets(test_case *c)
{
    world *w = test_take(&c->arena, sizeof *w);

    w->c = c;
    for (size_t i = 0; i < LINKS; i++) {
        const char id[2] = {(char)('a' + i % TWINS), '\0'};

        HOLDS(test_link_new(&w->links[i], test_mem(),
                            OTHER_TYPE & 1u << i ? &test_link_other_ops : &test_link_ops, id,
                            0) == MT_OK);
    }
    HOLDS(mt_group_new(test_mem(), &w->groups[0].group) == MT_OK);
    group_begin(w, 0);
    for (size_t step = 0; step < 150; step++) {
        act(w);
        world_agrees(w);
    }
    for (size_t g = 0; g < GROUPS; g++) {
        mt_subscription_dispose(w->groups[g].events);
        mt_subscription_dispose(w->groups[g].messages);
        if (w->groups[g].held) mt_group_unref(w->groups[g].group);
    }
    for (size_t i = 0; i < LINKS; i++) test_link_end(&w->links[i]);
}

TEST(a_group_is_the_set_of_its_own_and_of_what_it_follows)
{
    test_law(3000, groups_are_sets);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_group_is_the_set_of_its_own_and_of_what_it_follows),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
