/* router_peers.c - peers that come and go, are full, or say what no peer would. */
#include "conformance/router_checks.h"

#include <string.h>

static const mt_options awaiting = {.size = sizeof awaiting, .await_push = true};

/* Still as good as new: calls are answered, and what is written is there. */
static void check_works(mti_bed *bed, const char *what)
{
    mti_bed_write(bed, 0, "works", "still", NULL);
    mti_bed_await_calls(bed, what);
    if (!bed->trial->broken && !mti_bed_has(bed, 0, "works", "still"))
        mti_trial_violate(bed->trial, "%s: what was written is not there", what);
}

void mti_router_check_left_hears_nothing(mti_bed *bed)
{
    mt_db *db = mti_bed_open(bed);

    if (!db) return;
    mti_stub_join(&bed->stubs[0], db);
    mti_bed_write(bed, 0, "ada", "first", NULL);
    mti_bed_settle(bed);
    mti_stub_leave(&bed->stubs[0]);
    for (size_t i = 0; i < 5; i++) mti_bed_write(bed, 0, "ada", "later", NULL);
    mti_bed_read(bed, 0, "nobody");
    mti_bed_settle(bed);
    check_works(bed, "after a peer has left, calls are not answered");
}

void mti_router_check_full_links(mti_bed *bed)
{
    static const mt_status answers[] = {MT_AGAIN, MT_OFFLINE, MT_TOO_LARGE, MT_NO_MEMORY};
    mt_db *db = mti_bed_open(bed);

    for (size_t i = 0; db && i < 4; i++) {
        bed->stubs[i].answer = answers[i];
        mti_stub_join(&bed->stubs[i], db);
    }
    for (size_t i = 0; db && i < 20; i++) {
        mti_bed_write(bed, 0, "ada", "refused", NULL);
        mti_bed_read(bed, 0, "nobody");
    }
    mti_bed_settle(bed);
    for (size_t i = 0; db && i < 4; i++) mti_stub_close(&bed->stubs[i]);
    if (db) check_works(bed, "with links that take nothing, calls are not answered");
}

/* One event in the life of a group. */
static void come_or_go(mti_bed *bed, mt_db *db)
{
    mti_stub *stub = &bed->stubs[mti_bed_below(bed, MTI_BED_STUBS)];

    switch (mti_bed_below(bed, 4)) {
    case 0: mti_stub_leave(stub); break;
    case 1:
        if (mti_bed_below(bed, 3) == 0) mti_stub_close(stub);
        break;
    default:
        stub->answer = mti_bed_below(bed, 4) ? MT_OK : MT_AGAIN;
        mti_stub_join(stub, db);
        break;
    }
}

void mti_router_check_comings_and_goings(mti_bed *bed)
{
    static const char *const uids[] = {"ada", "bob", "cyd", "dan"};
    mt_db *db = mti_bed_open(bed);

    for (size_t i = 0; db && i < 300 && !bed->trial->broken; i++) {
        const char *uid = uids[mti_bed_below(bed, 4)];
        mti_bed_call *call = NULL;
        switch (mti_bed_below(bed, 5)) {
        case 0: mti_bed_write(bed, 0, uid, "here", mti_bed_below(bed, 2) ? &awaiting : NULL); break;
        case 1: call = mti_bed_read(bed, 0, mti_bed_below(bed, 2) ? uid : "nobody"); break;
        case 2: mti_bed_settle(bed); break;
        default: come_or_go(bed, db); break;
        }
        if (call && mti_bed_below(bed, 3) == 0) mt_cancel(db, call->id);
    }
    for (size_t i = 0; i < MTI_BED_STUBS; i++) mti_stub_close(&bed->stubs[i]);
    if (db) check_works(bed, "after many comings and goings, calls are not answered");
}

/* ---- What is no message ---- */

/* Has a stub say something that a check made; it joins again where it was thrown out. */
static void say(mti_bed *bed, mt_db *db, const uint8_t *bytes, size_t len)
{
    mti_stub *stub = &bed->stubs[0];
    mt_bytes message = {bytes, len};

    if (bed->trial->broken) return;
    if (!stub->connection || mt_connection_ended(stub->connection)) mti_bed_settle(bed);
    mti_stub_join(stub, db);
    mti_stub_say(stub, message);
    if (mti_bed_below(bed, 8) == 0) mti_bed_settle(bed);
}

void mti_router_check_garbage(mti_bed *bed)
{
    mt_db *db = mti_bed_open(bed);
    uint8_t bytes[600];

    for (size_t i = 0; db && i < 400; i++) {
        size_t len = mti_bed_below(bed, mti_bed_below(bed, 2) ? 12 : sizeof bytes);
        for (size_t at = 0; at < len; at++) bytes[at] = (uint8_t)mti_bed_below(bed, 256);
        say(bed, db, bytes, len);
    }
    if (db) check_works(bed, "after random bytes, calls are not answered");
}

/* Damages a message: changes, cuts, repeats. */
static size_t damage(mti_bed *bed, uint8_t *bytes, size_t len, size_t cap)
{
    size_t times = 1 + mti_bed_below(bed, 3);

    for (size_t i = 0; i < times && len > 0; i++) {
        size_t at = mti_bed_below(bed, len), count = 1 + mti_bed_below(bed, len - at);
        switch (mti_bed_below(bed, 4)) {
        case 0: len = at; break;
        case 1:
            memmove(bytes + at, bytes + at + count, len - at - count);
            len -= count;
            break;
        case 2:
            if (len + count > cap) break;
            memmove(bytes + at + count, bytes + at, len - at);
            len += count;
            break;
        default: bytes[at] = (uint8_t)mti_bed_below(bed, 256); break;
        }
    }
    return len;
}

/* Says to the router what it has said itself, damaged or not. */
static void say_again(mti_bed *bed, mt_db *db)
{
    mti_stub *stub = &bed->stubs[0];
    const mt_buf *kept = &stub->kept[mti_bed_below(bed, MTI_STUB_KEPT)];
    uint8_t bytes[2000];
    size_t len = kept->len < sizeof bytes ? kept->len : sizeof bytes;

    if (len > 0) memcpy(bytes, kept->data, len);
    if (mti_bed_below(bed, 8)) len = damage(bed, bytes, len, sizeof bytes);
    say(bed, db, bytes, len);
}

void mti_router_check_damaged(mti_bed *bed)
{
    mt_db *db = mti_bed_open(bed);
    char text[] = "text number 00";

    if (!db) return;
    mti_stub_join(&bed->stubs[0], db);
    for (size_t i = 0; i < 12; i++) {
        text[13] = (char)('0' + i % 10);
        mti_bed_write(bed, 0, i % 2 ? "ada" : "bob", text, NULL);
        mti_bed_read(bed, 0, "nobody");
        mti_bed_settle(bed);
    }
    for (size_t i = 0; i < 600; i++) say_again(bed, db);
    mti_stub_close(&bed->stubs[0]);
    check_works(bed, "after damaged messages, calls are not answered");
}

void mti_router_check_closes_while_talking(mti_bed *bed)
{
    for (size_t i = 0; i < MTI_BED_DBS; i++) mti_bed_open(bed);
    mti_bed_join(bed, 0, 1);
    mti_bed_join(bed, 1, 2);
    for (size_t i = 0; i < 10; i++) {
        mti_bed_write(bed, i % MTI_BED_DBS, "ada", "talk", NULL);
        mti_bed_read(bed, (i + 1) % MTI_BED_DBS, "nobody");
    }
    mti_bed_close(bed, 1);
    for (size_t i = 0; i < bed->link_count; i++) mt_connection_close(bed->links[i].a);
    if (!bed->trial->broken) check_works(bed, "after a peer was closed, calls are not answered");
}
