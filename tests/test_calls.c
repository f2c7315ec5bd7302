#include "test_calls.h"

#include "test_notation.h"

#include <string.h>

/* ---- Answers ---- */

static void note_nodes(test_call *call, const mt_result *result)
{
    size_t len = 0;

    call->nodes[0] = '\0';
    for (size_t i = 0; i < result->count && result->nodes; i++) {
        mt_bytes uid = mt_str("-");
        if (result->nodes[i]) uid = mt_handle_uid(result->nodes[i]);
        if (len + uid.len + 2 > sizeof call->nodes) return; /* enough of them */
        if (len > 0) call->nodes[len++] = ' ';
        memcpy(call->nodes + len, uid.data, uid.len);
        len += uid.len;
        call->nodes[len] = '\0';
    }
}

static void done(void *ctx, mt_db *db, const mt_result *result)
{
    test_call *call = ctx;

    test_answered(&call->a, db, result);
    CHECK(call->a.count == 1 && call->returned);
    if (call->id) CHECK(result->id == call->id);
    note_nodes(call, result);
    if (call->heard && call->nodes[0])
        test_heard_add(call->heard, "%s:%s(%s)", call->name, mt_status_name(result->status),
                       call->nodes);
    else if (call->heard)
        test_heard_add(call->heard, "%s:%s", call->name, mt_status_name(result->status));
    if (call->then) call->then(call, db);
}

void test_call_is(const test_call *call, mt_status status, const char *text)
{
    if (call->a.count == 0) fail_msg("the call has not answered");
    if (call->a.status != status)
        fail_msg("the call answered %s: %s", mt_status_name(call->a.status), call->a.text);
    if (text) assert_string_equal(call->a.text, text);
    if (status == MT_OK) assert_string_equal(call->a.text, "");
}

/* ---- Starts ---- */

static uint64_t *begin(test_call *call)
{
    memset(&call->a, 0, sizeof call->a);
    call->returned = false;
    call->id = 0;
    return call->no_id ? NULL : &call->id;
}

static mt_status begun(test_call *call, mt_status st)
{
    call->returned = true;
    CHECK(st != MT_OK || call->no_id || call->id > 0);
    return st;
}

/* The words of a text, BORROWED from it. */
static size_t words(const char *text, mt_bytes *out, size_t cap)
{
    size_t count = 0;

    while (*text) {
        size_t len = strcspn(text, " ");
        CHECK(count < cap);
        out[count++] = (mt_bytes){(const uint8_t *)text, len};
        text += len;
        while (*text == ' ') text++;
    }
    return count;
}

typedef mt_status write_fn(mt_db *db, const mt_row *rows, size_t count, const mt_options *options,
                           mt_done *done, void *ctx, uint64_t *id);

static mt_status call_with_rows(test_call *call, mt_db *db, const char *rows,
                                const mt_options *options, write_fn *fn)
{
    test_arena arena = {.left = 0};
    size_t count;
    mt_row *read = test_rows_read(&arena, rows, &count);
    uint64_t *id = begin(call);
    mt_status st = begun(call, fn(db, read, count, options, done, call, id));

    test_arena_end(&arena);
    return st;
}

mt_status test_call_write(test_call *call, mt_db *db, const char *rows, const mt_options *options)
{
    return call_with_rows(call, db, rows, options, mt_write);
}

mt_status test_call_rows(test_call *call, mt_db *db, const char *rows, const mt_options *options)
{
    return call_with_rows(call, db, rows, options, mt_commit_rows);
}

mt_status test_call_receive(test_call *call, mt_db *db, mt_connection *from, const char *rows,
                            const mt_options *options)
{
    test_arena arena = {.left = 0};
    size_t count;
    mt_row *read = test_rows_read(&arena, rows, &count);
    uint64_t *id = begin(call);
    mt_status st = begun(call, mt_db_receive(db, from, read, count, options, done, call, id));

    test_arena_end(&arena);
    return st;
}

mt_status test_call_delete(test_call *call, mt_db *db, const char *uid, const mt_options *options)
{
    uint64_t *id = begin(call);

    return begun(call, mt_delete(db, mt_str(uid), options, done, call, id));
}

mt_status test_call_read(test_call *call, mt_db *db, const char *uids, const mt_options *options)
{
    mt_bytes keys[64];
    size_t count = words(uids, keys, TEST_COUNT(keys));
    uint64_t *id = begin(call);

    return begun(call, mt_nodes(db, keys, count, options, done, call, id));
}

mt_status test_call_fields(test_call *call, mt_handle *node, const char *names,
                           const mt_options *options)
{
    mt_bytes keys[64];
    size_t count = words(names, keys, TEST_COUNT(keys));
    uint64_t *id = begin(call);

    return begun(call, mt_fields(node, keys, count, options, done, call, id));
}

mt_status test_call_forget(test_call *call, mt_db *db, const char *uids, const mt_options *options)
{
    mt_bytes keys[64];
    size_t count = words(uids, keys, TEST_COUNT(keys));
    uint64_t *id = begin(call);

    return begun(call, mt_forget(db, keys, count, options, done, call, id));
}

/* ---- Results that are waited for ---- */

void test_stage_init(test_stage *s)
{
    memset(s, 0, sizeof *s);
    test_db_begin(&s->t);
    test_storage_init(&s->ts, &s->t.te.env);
}

void test_stage_open(test_stage *s, const mt_config *config)
{
    mt_config on = {.size = sizeof on,
                    .env = &s->t.te.env,
                    .storage = &s->ts.storage,
                    .hooks = s->hooks,
                    .hook_count = s->hook_count};
    const mt_config *both[2] = {&on, config};

    if (mt_db_open(both, config ? 2 : 1, &s->db, &s->t.error) != MT_OK)
        fail_msg("the database does not open: %s", s->t.error.text);
    s->t.db = s->db;
    if (s->ts.when != TEST_HELD) test_env_run(&s->t.te);
}

void test_stage_hook(test_stage *s, test_hook *hook, mt_hook_point point)
{
    CHECK(s->hook_count < TEST_COUNT(s->hooks));
    hook->heard = &s->heard;
    s->hooks[s->hook_count++] = test_hook_at(hook, point);
}

void test_stage_begin(test_stage *s, const mt_config *config)
{
    test_stage_init(s);
    test_stage_open(s, config);
    test_heard_is(&s->ts.heard, "open");
}

static void closed(void *ctx)
{
    *(mt_db **)ctx = NULL;
}

void test_stage_close(test_stage *s)
{
    if (s->t.db) mt_db_close(s->t.db, closed, &s->t.db);
    for (;;) {
        test_env_run(&s->t.te);
        if (!s->ts.requests) break;
        test_storage_answer_all(&s->ts);
    }
    CHECK(s->t.db == NULL && s->ts.open == 0);
    s->db = NULL;
}

void test_stage_end(test_stage *s)
{
    test_stage_close(s);
    test_storage_end(&s->ts);
    test_db_end(&s->t);
}

static void succeeds(mt_db *db, const test_call *call, mt_status st)
{
    const mt_env *env = mt_db_env(db);

    if (st != MT_OK) fail_msg("%s: %s", mt_status_name(st), mt_db_error(db)->text);
    while (call->a.count == 0)
        if (env->turn(env->ctx) != MT_OK) fail_msg("nothing is left that could answer");
    test_call_is(call, MT_OK, NULL);
}

void test_write(mt_db *db, const char *rows)
{
    test_call call = {.name = "write"};

    succeeds(db, &call, test_call_write(&call, db, rows, NULL));
}

void test_commit(mt_db *db, const char *rows)
{
    test_call call = {.name = "commit"};

    succeeds(db, &call, test_call_rows(&call, db, rows, NULL));
}

static void snapshot_is(const mt_node *node, const char *uid, const char *json)
{
    mt_buf text = {.mem = test_mem()};

    if (node) CHECK(mt_node_snapshot(node, &text) == MT_OK);
    if (!node && json) fail_msg("%s is not there", uid);
    if (node && (!json || !mt_bytes_equal(mt_buf_bytes(&text), mt_str(json))))
        fail_msg("%s is %.*s, not %s", uid, (int)text.len, text.data, json ? json : "gone");
    mt_buf_free(&text);
}

void test_peek_is(mt_db *db, const char *uid, const char *json)
{
    snapshot_is(mt_peek(db, mt_str(uid)), uid, json);
}

void test_read_is(mt_db *db, const char *uid, const char *json)
{
    mt_handle *node = NULL;
    mt_status st = mt_read_wait(db, mt_str(uid), NULL, &node);

    if (st == MT_OK && node) st = mt_fields_wait(node, NULL, 0, NULL);
    if (st != MT_OK) fail_msg("%s: %s", mt_status_name(st), mt_db_error(db)->text);
    snapshot_is(node ? mt_handle_node(node) : NULL, uid, json);
    mt_handle_unref(node);
}

mt_handle *test_hold_node(mt_db *db, const char *uid)
{
    mt_handle *node = NULL;
    mt_status st = mt_read_wait(db, mt_str(uid), NULL, &node);

    if (st != MT_OK) fail_msg("%s: %s", mt_status_name(st), mt_db_error(db)->text);
    if (!node) fail_msg("%s is not there", uid);
    return node;
}

/* ---- Hooks ---- */

static void hook_run(void *ctx, mt_action *action)
{
    test_hook *hook = ctx;

    hook->count++;
    if (hook->heard) test_heard_add(hook->heard, "%s", hook->name);
    if (hook->then) hook->then(hook, action);
    if (hook->does == TEST_PASSES) {
        mt_action_pass(action);
    } else if (hook->does == TEST_REFUSES) {
        mt_action_refuse(action, hook->status ? hook->status : MT_REFUSED, hook->text);
    } else {
        CHECK(hook->held_count < TEST_COUNT(hook->held));
        hook->held[hook->held_count++] = action;
    }
}

mt_hook test_hook_at(test_hook *hook, mt_hook_point point)
{
    return (mt_hook){.point = point, .run = hook_run, .ctx = hook};
}

static mt_action *take_held(test_hook *hook, size_t at)
{
    mt_action *action;

    CHECK(at < hook->held_count);
    action = hook->held[at];
    hook->held_count--;
    memmove(&hook->held[at], &hook->held[at + 1], (hook->held_count - at) * sizeof(mt_action *));
    return action;
}

void test_hook_pass(test_hook *hook, size_t at)
{
    mt_action_pass(take_held(hook, at));
}

void test_hook_refuse(test_hook *hook, size_t at)
{
    mt_action_refuse(take_held(hook, at), hook->status ? hook->status : MT_REFUSED, hook->text);
}

/* ---- Events ---- */

static void add_word(char *line, size_t cap, mt_bytes word)
{
    size_t len = strlen(line);

    CHECK(len + word.len + 1 < cap);
    memcpy(line + len, word.data, word.len);
    line[len + word.len] = '\0';
}

static void listener(void *ctx, mt_db *db, const mt_event *event)
{
    test_watch *watch = ctx;
    mt_delta_iter iter = {.delta = NULL};
    mt_delta_node node;
    char nodes[96] = "";

    watch->count++;
    watch->commit = event->commit;
    while (watch->heard && mt_event_node(event, &iter, &node)) {
        if (nodes[0]) add_word(nodes, sizeof nodes, mt_str(","));
        add_word(nodes, sizeof nodes, node.uid);
    }
    if (watch->heard)
        test_heard_add(watch->heard, "%s:%s(%s)", watch->name,
                       event->kind == MT_EVENT_UPDATE    ? "update"
                       : event->kind == MT_EVENT_HISTORY ? "history"
                                                         : "conflict",
                       nodes);
    if (watch->then) watch->then(watch, db, event);
}

mt_status test_watch_try(test_watch *watch, mt_db *db, const mt_listen *listen)
{
    watch->listening = NULL;
    return mt_on(db, listen, listener, watch, &watch->listening);
}

void test_watch_on(test_watch *watch, mt_db *db, unsigned kinds, const char *what)
{
    mt_listen listen = {.kinds = kinds};
    size_t len = strlen(what);

    if (len > 0 && what[len - 1] == '*') listen.prefix = (mt_bytes){(const uint8_t *)what, len - 1};
    else listen.uid = mt_str(what);
    if (test_watch_try(watch, db, &listen) != MT_OK) fail_msg("%s", mt_db_error(db)->text);
}

void test_watch_off(test_watch *watch)
{
    mt_off(watch->listening);
    watch->listening = NULL;
}
