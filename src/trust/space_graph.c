/* space_graph.c - the records of a space in a database: each is checked and taken in on its way there, wherever it
 * comes from, and all that there are when the database is opened. */
#include "base/bytes.h"
#include "base/status.h"
#include "trust/space.h"

/* ---- On their way ---- */

/* Whoever brings what is no record lies, and is heard no more; but for kinds and versions of records that are not known
 * here, which it may know. */
static void refuse(mt_action *action, mt_bytes uid, const mt_error *err)
{
    mt_connection *origin = mt_action_origin(action);
    mt_status st = err->status;
    mt_error why;

    mti_fail(&why, st, "%.*s: %s", (int)uid.len, (const char *)uid.data, err->text);
    if (origin && st != MT_UNSUPPORTED && st != MT_NO_MEMORY && st != MT_TOO_LARGE)
        mt_connection_drop(origin, &why);
    mt_action_refuse(action, st, why.text);
}

static size_t count_places(const mt_row *rows, size_t count)
{
    size_t places = 0;

    for (size_t i = 0; i < count; i++) places += mti_record_is_place(rows[i].uid);
    return places;
}

/* Takes in all rows that lie where records are, or none; `*uid` is then that of one that was not taken. */
static mt_status take_rows(mt_space *space, const mt_action *action, mti_record *records,
                           mt_bytes *uid, mt_error *err)
{
    size_t count, found = 0;
    const mt_row *rows = mt_action_rows(action, &count);
    mt_status st = MT_OK;

    for (size_t i = 0; i < count && st == MT_OK; i++) {
        if (!mti_record_is_place(rows[i].uid)) continue;
        *uid = rows[i].uid;
        if (!mt_action_stamped(action))
            return mti_fail(err, MT_REFUSED, "%s", mti_verdict_text(MTI_VERDICT_RESERVED));
        st = mti_record_of_row(space->options.crypto, &space->about, &rows[i], &records[found++],
                               err);
    }
    return st == MT_OK ? mti_space_take(space, records, found, err) : st;
}

static void guard(void *ctx, mt_action *action)
{
    mt_space *space = ctx;
    const mt_mem *mem = space->env->mem;
    size_t count, places;
    const mt_row *rows = mt_action_rows(action, &count);
    mt_bytes uid = {NULL, 0};
    mti_record *records;
    mt_error err;
    mt_status st;

    if ((places = count_places(rows, count)) == 0) {
        mt_action_pass(action);
        return;
    }
    if (!(records = mti_mem_alloc(mem, places * sizeof *records))) {
        mt_action_refuse(action, MT_NO_MEMORY, mt_status_text(MT_NO_MEMORY));
        return;
    }
    st = take_rows(space, action, records, &uid, &err);
    mti_mem_free(mem, records, places * sizeof *records);
    if (st == MT_OK) mt_action_pass(action);
    else refuse(action, uid, &err);
}

void mt_space_hooks(mt_space *space, mt_hook hooks[MT_SPACE_HOOKS])
{
    hooks[0] = (mt_hook){.point = MT_BEFORE_WRITE, .run = guard, .ctx = space};
    hooks[1] = (mt_hook){.point = MT_ON_UPDATE, .run = guard, .ctx = space};
    space->guarded = true;
}

/* ---- Those that there are ---- */

/* What is no record, in a store from before, is nothing to the space, and would have every peer drop us: it is forgotten. A
 * record that is not known here others may know. */
static bool found(void *ctx, mt_db *db, const mt_row *row)
{
    mt_space *space = ctx;
    mti_record record;
    mt_error err = {MT_OK, ""};
    mt_status st = mti_record_of_row(space->options.crypto, &space->about, row, &record, &err);

    if (st == MT_MALFORMED || st == MT_REFUSED)
        (void)!mt_forget(db, &row->uid, 1, NULL, NULL, NULL,
                         NULL); /* it is tried again the next time */
    if (st == MT_OK) st = mti_space_take(space, &record, 1, &err);
    if (st == MT_NO_MEMORY) space->follow_err = err;
    return true;
}

static void all_found(void *ctx, mt_db *db, const mt_result *result)
{
    mt_space *space = ctx;
    mt_result said = *result;

    if (said.status == MT_OK && space->follow_err.status != MT_OK) {
        said.status = space->follow_err.status;
        said.text = space->follow_err.text;
    }
    if (space->followed) space->followed(space->followed_ctx, db, &said);
}

mt_status mt_space_follow(mt_space *space, mt_db *db, mt_done *done, void *ctx)
{
    mt_range range = {.prefix = mt_str(MTI_RESERVED_PREFIX)};

    space->followed = done;
    space->followed_ctx = ctx;
    space->follow_err = (mt_error){MT_OK, ""};
    return mt_stream(db, &range, found, all_found, space, NULL);
}

/* ---- Telling ---- */

/* One record is a row. */
typedef struct told {
    char uid[MTI_RECORD_UID_MAX];
    mt_field field;
} told;

static mt_row row_of(told *to, mti_record_kind kind, const uint8_t *id, mt_bytes bytes)
{
    mti_record_uid(kind, id, to->uid);
    to->field = mti_record_field(bytes);
    return (mt_row){.uid = mt_str(to->uid), .fields = &to->field, .count = 1};
}

mt_status mt_space_publish(mt_space *space, mt_db *db, mt_bytes chain, mt_bytes revocation,
                           mt_done *done, void *ctx)
{
    uint8_t both[MTI_RECORD_LEN_MAX], id[MTI_ID_LEN];
    mt_bytes tokens[MT_CHAIN_TOKENS_MAX];
    told first, second;
    mt_row rows[2];
    size_t count;
    mt_error err;
    mt_status st = mti_chain_decode(chain, tokens, &count, &err);

    if (st != MT_OK || chain.len > MTI_CHAIN_LEN_MAX || revocation.len > MTI_REVOCATION_LEN)
        return MT_INVALID;
    mti_token_id(space->options.crypto, tokens[count - 1], id);
    rows[0] =
        row_of(&first, MTI_RECORD_GENESIS, NULL, (mt_bytes){space->genesis, sizeof space->genesis});
    rows[1] = row_of(&second, MTI_RECORD_TOKEN, id, chain);
    if (revocation.len > 0) {
        memcpy(both, revocation.data, revocation.len);
        memcpy(both + revocation.len, chain.data, chain.len);
        rows[1] = row_of(&second, MTI_RECORD_REVOCATION, id,
                         (mt_bytes){both, revocation.len + chain.len});
    }
    return mt_commit_rows(db, rows, 2, NULL, done, ctx, NULL);
}
