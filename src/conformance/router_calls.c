/* router_calls.c - pushes and pulls: each is answered, whoever is there or goes. */
#include "conformance/router_checks.h"

#include <string.h>

static const mt_options awaiting = {.size = sizeof awaiting, .await_push = true};

void mti_router_check_opens_and_closes(mti_bed *bed)
{
    mt_db *db = mti_bed_open(bed);

    if (db) mti_stub_join(&bed->stubs[0], db);
    mti_bed_settle(bed);
    mti_bed_close(bed, 0);
}

void mti_router_check_alone(mti_bed *bed)
{
    if (!mti_bed_open(bed)) return;
    mti_bed_write(bed, 0, "ada", "alone", &awaiting);
    mti_bed_read(bed, 0, "nobody");
    mti_bed_await_calls(bed, "without a peer, a push or pull is not answered");
    if (!bed->trial->broken && !mti_bed_has(bed, 0, "ada", "alone"))
        mti_trial_violate(bed->trial, "what was written is not there");
}

void mti_router_check_pull_ends_with_peer(mti_bed *bed)
{
    mt_db *db = mti_bed_open(bed);

    if (!db) return;
    mti_stub_join(&bed->stubs[0], db);
    mti_stub_join(&bed->stubs[1], db);
    for (size_t i = 0; i < 10; i++) mti_bed_read(bed, 0, i % 2 ? "ada" : "bob");
    mti_bed_settle(bed);
    mti_stub_close(&bed->stubs[0]);
    mti_bed_settle(bed);
    mti_stub_leave(&bed->stubs[1]);
    mti_bed_await_calls(bed, "a pull is not answered although all who could be asked have gone");
}

void mti_router_check_push_ends_with_peer(mti_bed *bed)
{
    mt_db *db = mti_bed_open(bed);

    if (!db) return;
    mti_stub_join(&bed->stubs[0], db);
    for (size_t i = 0; i < 10; i++) mti_bed_write(bed, 0, "ada", "waits", &awaiting);
    mti_bed_settle(bed);
    mti_stub_close(&bed->stubs[0]);
    mti_bed_await_calls(bed, "a push is not answered although all who could be told have gone");
}

void mti_router_check_canceled(mti_bed *bed)
{
    mt_db *db = mti_bed_open(bed);
    mti_bed_call *calls[20];

    if (!db) return;
    mti_stub_join(&bed->stubs[0], db);
    for (size_t i = 0; i < 20; i++) calls[i] = mti_bed_read(bed, 0, i % 2 ? "ada" : "bob");
    mti_bed_settle(bed);
    for (size_t i = 0; i < 20; i += 2)
        if (calls[i]) mt_cancel(db, calls[i]->id);
    mti_bed_settle(bed);
    for (size_t i = 0; i < 10; i++) {
        mti_bed_call *call = mti_bed_read(bed, 0, "cyd");
        if (call) mt_cancel(db, call->id);
    }
    mti_stub_close(&bed->stubs[0]);
    mti_bed_await_calls(bed, "after some were canceled, a pull is not answered");
    mti_bed_read(bed, 0, "dan");
    mti_bed_write(bed, 0, "eve", "later", &awaiting);
    mti_bed_await_calls(bed, "after some were canceled, nothing more is answered");
}

void mti_router_check_closes_with_pending(mti_bed *bed)
{
    mt_db *db = mti_bed_open(bed);

    if (!db) return;
    mti_stub_join(&bed->stubs[0], db);
    mti_stub_join(&bed->stubs[1], db);
    for (size_t i = 0; i < 10; i++) {
        mti_bed_read(bed, 0, i % 2 ? "ada" : "bob");
        mti_bed_write(bed, 0, "cyd", "pending", i % 2 ? &awaiting : NULL);
    }
    mti_bed_settle(bed);
    mti_bed_close(bed, 0);
}

static bool holds(mt_bytes bytes, const char *text)
{
    size_t len = strlen(text);

    for (size_t i = 0; i + len <= bytes.len; i++)
        if (memcmp(bytes.data + i, text, len) == 0) return true;
    return false;
}

void mti_router_check_told_to_nobody(mti_bed *bed)
{
    static const char secret[] = "a text that is for nobody else";
    mt_db *db = mti_bed_open(bed);

    if (!db) return;
    mti_stub_join(&bed->stubs[0], db);
    mti_bed_settle(bed);
    bed->to_nobody = true;
    mti_bed_write(bed, 0, "ada", secret, NULL);
    mti_bed_settle(bed);
    for (size_t i = 0; i < MTI_STUB_KEPT; i++)
        if (holds(mt_buf_bytes(&bed->stubs[0].kept[i]), secret))
            mti_trial_violate(bed->trial, "a write of which nobody is to be told is sent");
}
