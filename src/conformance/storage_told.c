/* storage_told.c - whether an answer of a storage is of the form that it should have. */
#include "conformance/storage_told.h"

#include <mytosis/value.h>

#include <string.h>

/* ---- Rows ---- */

static bool was_asked_for(const mti_storage_request *r, mt_bytes uid, const mt_storage_key **key)
{
    for (size_t i = 0; i < r->count; i++) {
        if (!mt_bytes_equal(r->keys[i].uid, uid)) continue;
        *key = &r->keys[i];
        return true;
    }
    return false;
}

static bool has_prefix(mt_bytes text, mt_bytes prefix)
{
    return text.len >= prefix.len &&
           (prefix.len == 0 || memcmp(text.data, prefix.data, prefix.len) == 0);
}

static void check_field(mti_trial *t, mti_storage_told *told, mt_bytes uid, const mt_field *field,
                        bool first)
{
    mt_bytes last = {told->name, told->name_len};
    mt_error err = {MT_OK, ""};

    if (mt_name_check(field->name, &err) != MT_OK ||
        (field->kind == MT_FIELD_VALUE && mt_value_check(&field->value, NULL, &err) != MT_OK))
        mti_trial_violate(t, "a field of %s is none: %.200s", mti_show(uid).text, err.text);
    else if (field->kind != MT_FIELD_VALUE && field->kind != MT_FIELD_DELETED)
        mti_trial_violate(t, "the field %s is of the unknown kind %d", mti_show(field->name).text,
                          (int)field->kind);
    else if (!first && mt_bytes_compare(last, field->name) >= 0)
        mti_trial_violate(t, "the field %s of %s comes after %s", mti_show(field->name).text,
                          mti_show(uid).text, mti_show(last).text);
    else if (field->state <= told->floor || field->state > told->state_max)
        mti_trial_violate(t, "the field %s of %s has the state %llu, its node %llu to %llu",
                          mti_show(field->name).text, mti_show(uid).text,
                          (unsigned long long)field->state, (unsigned long long)told->floor,
                          (unsigned long long)told->state_max);
    if (t->broken) return;
    told->name_len = field->name.len;
    if (field->name.len) memcpy(told->name, field->name.data, field->name.len);
    if (field->state > told->seen) told->seen = field->state;
}

/* The first row of a node. */
static void begin_node(mti_trial *t, mti_storage_request *r, const mt_storage_row *row)
{
    mti_storage_told *told = &r->told;
    mt_bytes uid = row->row.uid, last = {told->uid, told->uid_len};
    const mt_storage_key *key = NULL;
    mt_error err = {MT_OK, ""};

    if (mt_uid_check(uid, &err) != MT_OK) {
        mti_trial_violate(t, "a row has no uid: %.200s", err.text);
        return;
    }
    if (r->kind == MTI_STORAGE_READ && !was_asked_for(r, uid, &key))
        mti_trial_violate(t, "a row of %s, which was not asked for", mti_show(uid).text);
    else if (mt_graph_get(told->graph, uid))
        mti_trial_violate(t, "the rows of %s do not follow one another", mti_show(uid).text);
    else if (row->partial && (!key || key->whole))
        mti_trial_violate(t, "%s was asked for whole, and is partial", mti_show(uid).text);
    else if (r->kind == MTI_STORAGE_LIST && told->nodes > 0 && mt_bytes_compare(last, uid) >= 0)
        mti_trial_violate(t, "%s is listed after %s", mti_show(uid).text, mti_show(last).text);
    else if (r->kind == MTI_STORAGE_LIST && ++told->nodes > r->limit)
        mti_trial_violate(t, "more than %zu nodes are listed", r->limit);
    else if (r->kind == MTI_STORAGE_LIST &&
             (!has_prefix(uid, r->prefix) ||
              (r->after.len && mt_bytes_compare(uid, r->after) <= 0)))
        mti_trial_violate(t, "%s is listed, which is outside of what was asked for",
                          mti_show(uid).text);
    told->uid_len = uid.len;
    memcpy(told->uid, uid.data, uid.len);
    told->floor = told->seen = row->row.floor;
    told->state_max = row->state_max;
    told->partial = row->partial;
    told->name_len = 0;
}

static void goes_on(mti_trial *t, mti_storage_told *told, const mt_storage_row *row)
{
    mt_bytes last = {told->uid, told->uid_len};

    if (!mt_bytes_equal(last, row->row.uid))
        mti_trial_violate(t, "%s goes on, and then comes %s", mti_show(last).text,
                          mti_show(row->row.uid).text);
    else if (row->row.floor != told->floor || row->partial != told->partial)
        mti_trial_violate(t, "the rows of %s differ in their floor, or in what is partial",
                          mti_show(last).text);
    else if (row->state_max < told->state_max)
        mti_trial_violate(t, "the highest state of %s falls", mti_show(last).text);
    told->state_max = row->state_max;
}

static void check_row(mti_trial *t, mti_storage_request *r, const mt_storage_row *row)
{
    mti_storage_told *told = &r->told;
    bool first = !told->within;

    if (told->within) goes_on(t, told, row);
    else begin_node(t, r, row);
    if (!t->broken && (row->row.delete_node || row->row.shape))
        mti_trial_violate(t, "a row of %s says what only others say", mti_show(row->row.uid).text);
    for (size_t i = 0; i < row->row.count && !t->broken; i++)
        check_field(t, told, row->row.uid, &row->row.fields[i], first && i == 0);
    told->within = row->row.more;
    if (t->broken || told->within || told->partial || told->seen == told->state_max) return;
    mti_trial_violate(t, "the highest state of %s is said to be %llu, and is %llu",
                      mti_show(row->row.uid).text, (unsigned long long)told->state_max,
                      (unsigned long long)told->seen);
}

static void check_rows(mti_trial *t, mti_storage_request *r, const mt_storage_answer *answer)
{
    for (size_t i = 0; i < answer->row_count && !t->broken; i++) {
        check_row(t, r, &answer->rows[i]);
        if (t->broken) return;
        if (mt_graph_merge_rows(r->told.graph, &answer->rows[i].row, 1, NULL) != MT_OK)
            mti_trial_violate(t, "a row is refused: %.200s", mt_graph_error(r->told.graph)->text);
    }
    if (!answer->more && r->told.within)
        mti_trial_violate(t, "the last row of all says that another follows");
}

/* ---- Changes and records ---- */

static void check_change(mti_trial *t, mti_storage_request *r, const mt_storage_change *change)
{
    mt_error err = {MT_OK, ""};

    if (++r->items > r->limit) mti_trial_violate(t, "more than %zu changes came", r->limit);
    else if (change->number <= r->last_number)
        mti_trial_violate(t, "change %llu comes after %llu", (unsigned long long)change->number,
                          (unsigned long long)r->last_number);
    else if (mt_uid_check(change->uid, &err) != MT_OK)
        mti_trial_violate(t, "a change of no uid: %.200s", err.text);
    else if (!change->all && change->name_count == 0)
        mti_trial_violate(t, "change %llu says nothing", (unsigned long long)change->number);
    r->last_number = change->number;
    for (size_t i = 1; i < change->name_count; i++)
        if (mt_bytes_compare(change->names[i - 1], change->names[i]) >= 0)
            mti_trial_violate(t, "a change names %s after %s", mti_show(change->names[i]).text,
                              mti_show(change->names[i - 1]).text);
}

static void check_record(mti_trial *t, mti_storage_request *r, const mt_storage_record *record)
{
    if (++r->items > r->limit) mti_trial_violate(t, "more than %zu records came", r->limit);
    else if (!has_prefix(record->key, r->prefix) ||
             (r->after.len && mt_bytes_compare(record->key, r->after) <= 0))
        mti_trial_violate(t, "the record %s is outside of what was asked for",
                          mti_show(record->key).text);
    else if (!record->value.data)
        mti_trial_violate(t, "the record %s has no value", mti_show(record->key).text);
}

static void check_records(mti_trial *t, mti_storage_request *r, const mt_storage_answer *answer)
{
    for (size_t i = 0; i < answer->record_count && !t->broken; i++) {
        check_record(t, r, &answer->records[i]);
        if (i > 0 && mt_bytes_compare(answer->records[i - 1].key, answer->records[i].key) >= 0)
            mti_trial_violate(t, "records are not in the order of their keys");
    }
}

/* ---- Prints and items ---- */

/* Each span has a print that begins with it, and others behind that. */
static void check_prints(mti_trial *t, const mti_storage_request *r,
                         const mt_storage_answer *answer)
{
    const mt_storage_print *before = NULL;
    size_t spans = 0;

    for (size_t i = 0; i < answer->print_count && !t->broken; i++) {
        const mt_storage_print *print = &answer->prints[i];

        if (!before || before->span != print->span) {
            if (print->span != spans++ || print->span >= r->count)
                mti_trial_violate(t, "a print is of span %zu, where one of %zu comes", print->span,
                                  spans - 1);
            else if (!mt_bytes_equal(print->first, r->spans[print->span].first))
                mti_trial_violate(t, "the first part of a span begins with %s",
                                  mti_show(print->first).text);
        } else if (mt_bytes_compare(before->first, print->first) >= 0 ||
                   (r->spans[print->span].end.len > 0 &&
                    mt_bytes_compare(print->first, r->spans[print->span].end) >= 0)) {
            mti_trial_violate(t, "a part of a span begins with %s, where none does",
                              mti_show(print->first).text);
        }
        before = print;
    }
    if (answer->status == MT_OK && spans != r->count && !t->broken)
        mti_trial_violate(t, "there are prints of %zu spans, not %zu", spans, r->count);
}

static void check_items(mti_trial *t, mti_storage_request *r, const mt_storage_answer *answer)
{
    mti_storage_told *told = &r->told;

    for (size_t i = 0; i < answer->item_count && !t->broken; i++) {
        mt_bytes uid = answer->items[i].uid, last = {told->uid, told->uid_len};
        mt_error err = {MT_OK, ""};

        if (mt_uid_check(uid, &err) != MT_OK) {
            mti_trial_violate(t, "an item has no uid: %.200s", err.text);
            return;
        }
        if (r->items++ > 0 && mt_bytes_compare(last, uid) >= 0)
            mti_trial_violate(t, "the item %s comes after %s", mti_show(uid).text,
                              mti_show(last).text);
        told->uid_len = uid.len;
        memcpy(told->uid, uid.data, uid.len);
    }
}

/* ---- Answers ---- */

const char *mti_storage_kind_name(mti_storage_kind kind)
{
    static const char *const names[] = {"open",    "read",    "write",       "remove",       "list",
                                        "changes", "records", "fingerprint", "list of items"};

    return names[kind];
}

static bool status_fits(mti_storage_kind kind, mt_status status)
{
    switch (status) {
    case MT_OK:
    case MT_NO_MEMORY:
    case MT_IO:
    case MT_FULL:
    case MT_MALFORMED: return true;
    case MT_STALE: return kind == MTI_STORAGE_CHANGES;
    case MT_AGAIN: return kind == MTI_STORAGE_FINGERPRINT || kind == MTI_STORAGE_ITEMS;
    case MT_TOO_LARGE:
    case MT_UNSUPPORTED:
    case MT_INVALID: return kind != MTI_STORAGE_CHANGES;
    default: return false;
    }
}

static bool may_come_in_pieces(mti_storage_kind kind)
{
    return kind == MTI_STORAGE_READ || kind == MTI_STORAGE_LIST || kind == MTI_STORAGE_CHANGES ||
           kind == MTI_STORAGE_RECORDS || kind == MTI_STORAGE_ITEMS;
}

void mti_storage_told_check(mti_trial *t, mti_storage_request *r, const mt_storage_answer *answer)
{
    const char *name = mti_storage_kind_name(r->kind);
    bool rows = r->kind == MTI_STORAGE_READ || r->kind == MTI_STORAGE_LIST;

    if (!status_fits(r->kind, answer->status))
        mti_trial_violate(t, "a %s came to %s, which it never does", name,
                          mt_status_name(answer->status));
    else if (answer->more && answer->status != MT_OK)
        mti_trial_violate(t, "a failure says that more of the %s follows", name);
    else if (answer->more && !may_come_in_pieces(r->kind))
        mti_trial_violate(t, "a %s is answered in pieces", name);
    else if (!rows && answer->row_count > 0)
        mti_trial_violate(t, "a %s is answered with rows", name);
    else if (r->kind == MTI_STORAGE_OPEN && answer->status == MT_OK && !answer->info)
        mti_trial_violate(t, "to be opened says nothing of the storage");
    if (t->broken) return;
    if (rows) check_rows(t, r, answer);
    if (r->kind == MTI_STORAGE_RECORDS) check_records(t, r, answer);
    if (r->kind == MTI_STORAGE_FINGERPRINT) check_prints(t, r, answer);
    if (r->kind == MTI_STORAGE_ITEMS) check_items(t, r, answer);
    if (r->kind != MTI_STORAGE_CHANGES) return;
    for (size_t i = 0; i < answer->change_count && !t->broken; i++)
        check_change(t, r, &answer->changes[i]);
}
