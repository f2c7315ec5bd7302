/* What applications add: query engines and extensions, by name. */
#include "base/bytes.h"
#include "db/call.h"
#include "db/extension.h"

static bool same_name(const char *a, const char *b)
{
    return mt_bytes_equal(mt_str(a), mt_str(b));
}

/* ---- Gathering ---- */

static mt_status add_extension(mt_db *db, const mt_extension *extension)
{
    mt_extension *all;

    for (size_t i = 0; i < db->extension_count; i++) {
        mt_extension *at = &db->extensions[i];
        if (at->extends != extension->extends || !same_name(at->name, extension->name)) continue;
        *at = *extension;
        return MT_OK;
    }
    all = mti_vector_reserve(db->mem, db->extensions, &db->extension_cap, db->extension_count + 1,
                             sizeof *all);
    if (!all) return MT_NO_MEMORY;
    db->extensions = all;
    all[db->extension_count++] = *extension;
    return MT_OK;
}

mt_status mti_extensions_add(mt_db *db, const mt_extension *extensions, size_t count)
{
    mt_status st = MT_OK;

    for (size_t i = 0; i < count && st == MT_OK; i++) st = add_extension(db, &extensions[i]);
    return st;
}

static mt_status add_engine(mt_db *db, const mt_query_engine *engine)
{
    mt_query_engine *all;

    for (size_t i = 0; i < db->engine_count; i++) {
        if (!same_name(db->engines[i].name, engine->name)) continue;
        db->engines[i] = *engine;
        return MT_OK;
    }
    all = mti_vector_reserve(db->mem, db->engines, &db->engine_cap, db->engine_count + 1,
                             sizeof *all);
    if (!all) return MT_NO_MEMORY;
    db->engines = all;
    all[db->engine_count++] = *engine;
    return MT_OK;
}

mt_status mti_engines_add(mt_db *db, const mt_query_engine *engines, size_t count)
{
    mt_status st = MT_OK;

    for (size_t i = 0; i < count && st == MT_OK; i++) st = add_engine(db, &engines[i]);
    return st;
}

void mti_extensions_free(mt_db *db)
{
    mti_mem_free(db->mem, db->extensions, db->extension_cap * sizeof *db->extensions);
    mti_mem_free(db->mem, db->engines, db->engine_cap * sizeof *db->engines);
}

/* ---- Finding ---- */

static const mt_extension *find_extension(const mt_db *db, const char *name, mt_extends extends)
{
    for (size_t i = 0; i < db->extension_count; i++)
        if (db->extensions[i].extends == extends && same_name(db->extensions[i].name, name))
            return &db->extensions[i];
    return NULL;
}

const mt_extension *mt_db_extension(const mt_db *db, const char *name)
{
    return find_extension(db, name, MT_EXTENDS_DB);
}

const mt_extension *mt_handle_extension(const mt_handle *handle, const char *name)
{
    return find_extension(handle->db, name, MT_EXTENDS_NODE);
}

static const mt_query_engine *find_engine(const mt_db *db, const char *name)
{
    for (size_t i = 0; i < db->engine_count; i++)
        if (same_name(db->engines[i].name, name)) return &db->engines[i];
    return NULL;
}

/* Refuses an engine that is not there, naming those that are. */
static mt_status no_engine(mt_db *db, const char *name)
{
    mt_error line = {MT_OK, ""};

    if (db->engine_count == 0)
        return mti_db_fail(db, MT_NOT_FOUND, "there is no query engine \"%s\", nor any other",
                           name);
    mti_fail(&line, MT_OK, "\"%s\"", db->engines[0].name);
    for (size_t i = 1; i < db->engine_count; i++) {
        mt_error longer;
        mti_fail(&longer, MT_OK, "%s, \"%s\"", line.text, db->engines[i].name);
        line = longer;
    }
    return mti_db_fail(db, MT_NOT_FOUND, "there is no query engine \"%s\"; those known are %s",
                       name, line.text);
}

/* ---- Queries ---- */

void mt_query_done(mt_db *db, uint64_t id, mt_status status, const char *text, mt_bytes answer)
{
    mt_action *action = mti_call_by_id(db, id);
    mti_block block;

    if (!action || action->kind != CALL_QUERY || !action->as.query.executing) return;
    action->as.query.executing = false;
    if (mti_call_over(action)) {
        mti_call_release(action);
        return;
    }
    if (status != MT_OK) {
        mti_call_fail(action, status, text);
    } else if (mti_keys_copy(db->mem, &answer, 1, &block) != MT_OK) {
        mti_call_fail(action, MT_NO_MEMORY, NULL);
    } else {
        action->as.query.answer = block;
        mti_call_finish(action);
    }
    mti_call_release(action);
}

static void query_start(mt_action *action)
{
    mti_querying *q = &action->as.query;
    mt_db *db = action->db;
    mt_status st;

    if (!mti_call_may_start(action)) return;
    q->executing = true;
    mti_call_hold(action);
    st = q->engine.execute(q->engine.ctx, db, action->id, *(const mt_bytes *)q->query.data,
                           &action->options);
    if (st == MT_OK || !q->executing) return;
    q->executing = false;
    mti_call_fail(action, st, NULL);
    mti_call_release(action);
}

mt_status mt_query(mt_db *db, const char *engine, mt_bytes query, const mt_options *options,
                   mt_done *done, void *ctx, uint64_t *id)
{
    const mt_query_engine *found = find_engine(db, engine);
    mt_action *action;
    mt_status st;

    if (!found) return no_engine(db, engine);
    if ((st = mti_call_new(db, CALL_QUERY, options, done, ctx, &action)) != MT_OK) return st;
    action->as.query.engine = *found;
    if (mti_keys_copy(db->mem, &query, 1, &action->as.query.query) != MT_OK) {
        mti_call_drop(action);
        return mti_no_memory(&db->error);
    }
    mti_call_start(action, query_start, true, id);
    return MT_OK;
}
