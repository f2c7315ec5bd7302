/* Two guests of a hub, with rights in some prefixes, which change now and then, and links that are cut. Nothing
 * is ever where it has no right to be, and in the end everything is where it has. */
#include "test_law.h"
#include "test_meeting.h"

#include <stdio.h>
#include <string.h>

#define GUESTS 2
#define PREFIXES 5
#define UIDS 7

static const char *const prefixes[PREFIXES] = {"a/", "ab/", "b/", "b/c/", ""};
static const char *const uids[UIDS] = {"a/1", "a/2", "a", "ab/1", "b/1", "b/c/1", "c"};

/* Prefixes as bits, now and ever. */
typedef struct guest {
    unsigned reads, writes, ever_reads, ever_writes;
    mt_connection *link; /* BORROWED */
} guest;

typedef struct world {
    test_case *c;
    test_meeting m;
    guest guests[GUESTS];
    mt_sync_range read[PREFIXES], write[PREFIXES]; /* of the answer at hand */
    unsigned written;
} world;

static bool covers(unsigned bits, const char *uid)
{
    for (size_t i = 0; i < PREFIXES; i++)
        if (bits >> i & 1 && strncmp(uid, prefixes[i], strlen(prefixes[i])) == 0) return true;
    return false;
}

static size_t list(unsigned bits, mt_sync_range out[PREFIXES])
{
    size_t count = 0;

    for (size_t i = 0; i < PREFIXES; i++)
        if (bits >> i & 1) out[count++] = (mt_sync_range){.prefix = mt_str(prefixes[i])};
    return count;
}

/* Connections of the hub are named after the guests. */
static mt_status rights_of(void *ctx, mt_connection *connection, mt_sync_rights *rights,
                           mt_error *why)
{
    world *w = ctx;
    const guest *g = &w->guests[mt_connection_id(connection).data[2] - '1'];

    (void)why;
    rights->read = w->read;
    rights->read_count = list(g->reads, w->read);
    rights->write = w->write;
    rights->write_count = list(g->writes, w->write);
    return MT_OK;
}

static void draw_rights(world *w, guest *g)
{
    g->reads = (unsigned)test_below(w->c, 1u << PREFIXES);
    g->writes = (unsigned)test_below(w->c, 1u << PREFIXES);
    g->ever_reads |= g->reads;
    g->ever_writes |= g->writes;
}

/* A text that says who wrote it. */
static void write_some(world *w)
{
    size_t author = test_below(w->c, 1 + GUESTS);
    char text[32];

    snprintf(text, sizeof text, "%zu %u", author, ++w->written);
    test_text_set(w->m.peers[author].db, uids[test_below(w->c, UIDS)], text);
}

static void happen(world *w)
{
    guest *g = &w->guests[test_below(w->c, GUESTS)];

    if (test_once_in(w->c, 8)) {
        draw_rights(w, g);
        HOLDS(mt_db_rights_changed(w->m.peers[0].db) == MT_OK);
    }
    if (test_once_in(w->c, 6)) HOLDS(mt_pipe_cut(g->link) == MT_OK);
    if (test_once_in(w->c, 3)) HOLDS(mt_pipe_restore(g->link) == MT_OK);
    if (test_once_in(w->c, 2)) test_env_run_for(&w->m.te, test_below(w->c, 200));
    write_some(w);
}

static uint64_t state_of(mt_db *db, const char *uid)
{
    const mt_node *node = mt_peek(db, mt_str(uid));
    mt_field field;

    return node && mt_node_get(node, mt_str("text"), &field) == MT_OK ? field.state : 0;
}

static size_t author_of(const world *w, size_t peer, const char *uid)
{
    const char *text = test_text_of(w->m.peers[peer].db, uid);

    return text ? (size_t)(text[0] - '0') : peer;
}

static void check(const world *w, size_t number, const char *uid)
{
    const guest *g = &w->guests[number - 1];
    uint64_t hub = state_of(w->m.peers[0].db, uid), theirs = state_of(w->m.peers[number].db, uid);

    if (author_of(w, 0, uid) == number) HOLDS(covers(g->ever_writes, uid));
    if (author_of(w, number, uid) != number) HOLDS(covers(g->ever_reads, uid));
    if (covers(g->reads, uid)) HOLDS(theirs >= hub);
    if (covers(g->writes, uid)) HOLDS(hub >= theirs);
}

static void nothing_is_where_it_may_not_be(test_case *c)
{
    world w = {.c = c};
    mt_sync_options options = {.size = sizeof options, .rights = rights_of, .rights_ctx = &w};

    test_meeting_begin(&w.m);
    test_meeting_open_with(&w.m, 0, &options, (mt_config){.size = 0});
    for (size_t i = 0; i < GUESTS; i++) {
        draw_rights(&w, &w.guests[i]);
        test_meeting_open(&w.m, i + 1, NULL);
    }
    for (size_t i = test_below(c, 10); i > 0; i--) write_some(&w);
    for (size_t i = 0; i < GUESTS; i++) w.guests[i].link = test_meeting_join(&w.m, 0, i + 1);
    for (size_t i = test_below(c, 40); i > 0; i--) happen(&w);
    for (size_t i = 0; i < GUESTS; i++) HOLDS(mt_pipe_restore(w.guests[i].link) == MT_OK);
    test_env_run_for(&w.m.te, 20000);
    for (size_t i = 1; i <= GUESTS; i++)
        for (size_t k = 0; k < UIDS; k++) check(&w, i, uids[k]);
    test_meeting_end(&w.m);
}

TEST(nothing_is_where_it_may_not_be_and_everything_where_it_may)
{
    test_law(2000, nothing_is_where_it_may_not_be);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_is_where_it_may_not_be_and_everything_where_it_may),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
