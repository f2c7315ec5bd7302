/* storage_lists.c - lists of nodes, and of the database's own records. */
#include "conformance/storage_checks.h"

#include <stdio.h>
#include <string.h>

#define NONE ((mt_bytes){NULL, 0})

/* ---- Nodes ---- */

/* What a list should say: the first nodes of the graph in a range, up to a limit or fewer. */
static void hear_list(void *arg, const mti_storage_request *request,
                      const mt_storage_answer *answer)
{
    mti_storage_caller *c = arg;
    size_t listed = mt_graph_count(request->told.graph), count = 0;
    const mt_node *node, *found;
    mt_graph_iter iter;

    mti_storage_need_ok(c, request, answer);
    if (c->trial->broken) return;
    mt_graph_iter_init(&iter, c->graph, request->prefix, request->after);
    while (!c->trial->broken && (node = mt_graph_iter_next(&iter))) {
        if (request->after.len && mt_bytes_compare(mt_node_uid(node), request->after) <= 0)
            continue;
        if (count++ == listed) {
            if (answer->end)
                mti_trial_violate(c->trial, "a list says that it ended, and it did not");
            if (listed == 0 && request->limit > 0)
                mti_trial_violate(c->trial, "a list is empty, and not at its end");
            return;
        }
        found = mt_graph_get(request->told.graph, mt_node_uid(node));
        if (!found || !mt_node_equal(found, node))
            mti_trial_violate(c->trial, "%s is listed %s", mti_show(mt_node_uid(node)).text,
                              found ? "as another node" : "nowhere");
    }
    if (!c->trial->broken && count != listed)
        mti_trial_violate(c->trial, "a list has %zu nodes, not %zu", listed, count);
}

void mti_storage_check_lists(mti_storage_caller *c)
{
    static const char *const bounds[] = {"", "a", "user", "user/", "user/2", "user0", "z"};

    mti_storage_merge(c, "{\"a\":{\"@object\":{\"uid\":\"a\"},\"x\":{\"value\":1,\"state\":1}},"
                         "\"user\":{\"@object\":{\"uid\":\"user\"},"
                         "\"x\":{\"deleted\":true,\"state\":1}},"
                         "\"user/1\":{\"@object\":{\"uid\":\"user/1\",\"floor\":3}},"
                         "\"user/2\":{\"@object\":{\"uid\":\"user/2\"}},"
                         "\"user0\":{\"@object\":{\"uid\":\"user0\"}},"
                         "\"\xF4\x8F\xBF\xBF\":{\"@object\":{\"uid\":\"\xF4\x8F\xBF\xBF\"}}}");
    mti_storage_merge_large(c, "user/large", 200, 1);
    mti_storage_await(c);
    for (size_t i = 0; i < 7; i++)
        for (size_t j = 0; j < 7; j++)
            for (size_t limit = 0; limit < 8; limit += 1 + limit / 3)
                mti_storage_list(c, mt_str(bounds[i]), mt_str(bounds[j]), limit, 0, hear_list, c);
    mti_storage_list(c, mt_str("\xF4\x8F\xBF\xBF"), NONE, 9, 0, hear_list, c);
    mti_storage_await(c);
}

/* Pages of a list, until one says that it ended. */
typedef struct pages {
    mti_storage_caller *c;
    mt_graph *graph; /* all that came */
    size_t uid_len;
    uint8_t uid[MT_UID_LEN_MAX];
    bool end;
    size_t count;
} pages;

static void hear_page(void *arg, const mti_storage_request *request,
                      const mt_storage_answer *answer)
{
    pages *p = arg;

    mti_storage_need_ok(p->c, request, answer);
    p->end = answer->end || p->c->trial->broken;
    p->count++;
    if (request->told.nodes == 0 && !p->end)
        mti_trial_violate(p->c->trial, "a page is empty, and not the last");
    p->uid_len = request->told.uid_len;
    memcpy(p->uid, request->told.uid, p->uid_len);
    if (mt_graph_merge(p->graph, request->told.graph, NULL) != MT_OK)
        mti_trial_violate(p->c->trial, "the suite fails");
}

void mti_storage_check_pages(mti_storage_caller *c)
{
    char json[128];

    for (unsigned i = 0; i < 120; i++) {
        snprintf(json, sizeof json,
                 "{\"n%u\":{\"@object\":{\"uid\":\"n%u\"},\"x\":{\"value\":%u,\"state\":1}}}", i, i,
                 i);
        mti_storage_merge(c, json);
        if (i % 40 == 0) mti_storage_merge_large(c, json, 100, 1);
    }
    mti_storage_await(c);
    for (size_t limit = 1; limit < 140 && !c->trial->broken; limit += limit) {
        pages p = {.c = c, .graph = mti_storage_graph(c)};

        while (!p.end && !c->trial->broken && p.count < 1000) {
            mti_storage_list(c, NONE, (mt_bytes){p.uid, p.uid_len}, limit, 0, hear_page, &p);
            mti_storage_await(c);
        }
        mti_storage_same(c, "all pages", p.graph, c->graph);
        mt_graph_free(p.graph);
    }
}

/* ---- Records ---- */

/* What records say, "a=1 b=", put together from as many answers as it takes. */
typedef struct said {
    mti_storage_caller *c;
    char text[512];
    size_t len, count;
    size_t key_len;
    uint8_t key[256]; /* the last */
    bool end;
} said;

static void take_records(void *arg, const mt_storage_answer *answer)
{
    said *s = arg;

    for (size_t i = 0; i < answer->record_count && s->len < sizeof s->text; i++, s->count++) {
        mt_bytes key = answer->records[i].key;

        s->len += (size_t)snprintf(s->text + s->len, sizeof s->text - s->len, "%s%s=%s",
                                   s->len ? " " : "", mti_show(key).text,
                                   mti_show(answer->records[i].value).text);
        s->key_len = key.len < sizeof s->key ? key.len : sizeof s->key;
        memcpy(s->key, key.data, s->key_len);
    }
}

static void hear_records(void *arg, const mti_storage_request *request,
                         const mt_storage_answer *answer)
{
    said *s = arg;

    mti_storage_need_ok(s->c, request, answer);
    if (!answer->end && request->items == 0 && request->limit > 0)
        mti_trial_violate(s->c->trial, "there are no records, and that is not their end");
    s->end = answer->end || s->c->trial->broken;
}

static void expect_records(mti_storage_caller *c, const char *prefix, const char *after,
                           size_t limit, const char *says)
{
    said s = {.c = c};
    mt_bytes from = mt_str(after);

    while (!s.end && s.count < limit) {
        mti_storage_records(c, mt_str(prefix), from, limit - s.count, take_records, hear_records,
                            &s);
        mti_storage_await(c);
        if (c->trial->broken) return;
        from = (mt_bytes){s.key, s.key_len};
    }
    if (strcmp(s.text, says) != 0)
        mti_trial_violate(c->trial, "records are \"%.150s\", not \"%.100s\"", s.text, says);
}

static void put_record(mti_storage_caller *c, const char *key, const char *value)
{
    mti_storage_order order = {.key = key, .value = value};

    mti_storage_write(c, &order, 0, NULL, NULL);
}

void mti_storage_check_records(mti_storage_caller *c)
{
    char key[256];

    memset(key, 'k', 255);
    key[255] = 0;
    expect_records(c, "", "", 10, "");
    put_record(c, "peer/b", "2");
    put_record(c, "peer/a", "1");
    put_record(c, "other", "x");
    put_record(c, "peers", "");
    mti_storage_await(c);
    expect_records(c, "", "", 10, "other=x peer/a=1 peer/b=2 peers=");
    expect_records(c, "peer/", "", 10, "peer/a=1 peer/b=2");
    expect_records(c, "peer/", "peer/a", 10, "peer/b=2");
    expect_records(c, "", "other", 1, "peer/a=1");
    put_record(c, "peer/a", "3");
    put_record(c, "other", NULL);
    put_record(c, "never", NULL);
    put_record(c, key, "long");
    mti_storage_await(c);
    expect_records(c, "peer", "", 10, "peer/a=3 peer/b=2 peers=");
    expect_records(c, "o", "", 10, "");
    expect_records(c, "kkk", "l", 10, "");
    mti_storage_expect_all(c);
}
