#include "test_meeting.h"

#include <stdio.h>
#include <string.h>

void test_meeting_begin(test_meeting *m)
{
    memset(m, 0, sizeof *m);
    m->live_before = test_mem_live();
    test_env_init(&m->te, 8831, test_mem());
}

mt_db *test_meeting_open_with(test_meeting *m, size_t at, const mt_sync_options *options,
                              mt_config config)
{
    const mt_config *configs[1] = {&config};
    test_meeting_peer *p = &m->peers[at];
    mt_router router;

    CHECK(mt_group_new(test_mem(), &p->links) == MT_OK);
    CHECK(mt_router_sync(&m->te.env, options, &router, NULL) == MT_OK);
    config.size = sizeof config;
    config.env = &m->te.env;
    config.router = &router;
    config.group = p->links;
    CHECK(mt_open(configs, 1, &p->db, NULL) == MT_OK);
    return p->db;
}

mt_db *test_meeting_open(test_meeting *m, size_t at, const mt_sync_range *range)
{
    mt_sync_options options = {
        .size = sizeof options, .ranges = range, .range_count = range != NULL};

    return test_meeting_open_with(m, at, &options, (mt_config){.size = 0});
}

void test_meeting_of_two(test_meeting *m)
{
    test_meeting_begin(m);
    test_meeting_open(m, 0, NULL);
    test_meeting_open(m, 1, NULL);
}

mt_connection *test_meeting_join_with(test_meeting *m, size_t a, size_t b, mt_pipe_options options)
{
    char ids[2][16];
    mt_connection **ends = m->ends[m->pipes];

    snprintf(ids[0], sizeof ids[0], "to%zu#%zu", b, m->pipes);
    snprintf(ids[1], sizeof ids[1], "to%zu#%zu", a, m->pipes++);
    options.size = sizeof options;
    options.a_id = mt_str(ids[0]);
    options.b_id = mt_str(ids[1]);
    CHECK(mt_pipe_new(&m->te.env, &options, &ends[0], &ends[1], NULL) == MT_OK);
    CHECK(mt_group_add(m->peers[a].links, ends[0]) == MT_OK);
    CHECK(mt_group_add(m->peers[b].links, ends[1]) == MT_OK);
    return ends[0];
}

mt_connection *test_meeting_join(test_meeting *m, size_t a, size_t b)
{
    return test_meeting_join_with(m, a, b, (mt_pipe_options){.size = 0});
}

void test_meeting_end(test_meeting *m)
{
    for (size_t i = 0; i < m->pipes; i++)
        for (size_t k = 0; k < 2; k++) {
            mt_connection_close(m->ends[i][k]);
            mt_connection_unref(m->ends[i][k]);
        }
    for (size_t i = 0; i < TEST_MEETING_MAX; i++) {
        if (m->peers[i].db) mt_close(m->peers[i].db);
        mt_group_unref(m->peers[i].links);
    }
    test_env_run(&m->te);
    test_env_end(&m->te);
    CHECK(test_mem_live() == m->live_before);
}

void test_meeting_rest(test_meeting *m)
{
    test_env_run_for(&m->te, 3000);
}

void test_text_set(mt_db *db, const char *uid, const char *text)
{
    mt_field field = {.name = mt_str("text"), .value = mt_text(text)};
    mt_row row = {.uid = mt_str(uid), .fields = &field, .count = 1};

    CHECK(mt_write_wait(db, &row, 1, NULL, NULL) == MT_OK);
}

/* The text of a node that is in memory here; NULL: there is none. */
const char *test_text_of(mt_db *db, const char *uid)
{
    static char text[64];
    const mt_node *node = mt_peek(db, mt_str(uid));
    mt_field field;

    if (!node || mt_node_get(node, mt_str("text"), &field) != MT_OK) return NULL;
    CHECK(field.value.as.bytes.len < sizeof text);
    memcpy(text, field.value.as.bytes.data, field.value.as.bytes.len);
    text[field.value.as.bytes.len] = '\0';
    return text;
}

bool test_text_is(mt_db *db, const char *uid, const char *text)
{
    const char *there = test_text_of(db, uid);

    return there && strcmp(there, text) == 0;
}

static void see(void *ctx, const mt_sync_peer *one)
{
    test_standing *s = ctx;

    if (s->count++) return;
    s->peer = *one;
    snprintf(s->text, sizeof s->text, "%s", one->text);
    snprintf(s->error, sizeof s->error, "%s", one->error);
}

test_standing test_standing_of(mt_db *db)
{
    test_standing s = {.count = 0};

    CHECK(mt_db_status(db, see, &s) == MT_OK);
    return s;
}

void test_outcome_note(void *ctx, mt_db *db, const mt_result *result)
{
    test_outcome *o = ctx;

    (void)db;
    o->count++;
    o->status = result->status;
    o->received = result->received;
}
