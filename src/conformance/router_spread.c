/* router_spread.c - what routers may promise beyond the contract: that peers hear of writes, pass
 * them on, are asked, and catch up. */
#include "conformance/router_checks.h"

#include <stdio.h>

static bool all_have(const mti_bed *bed, const char *uid, const char *text)
{
    for (size_t i = 0; i < bed->db_count; i++)
        if (bed->dbs[i] && !mti_bed_has(bed, i, uid, text)) return false;
    return true;
}

/* Databases in a row, each joined to the next. */
static void open_row(mti_bed *bed, size_t count)
{
    for (size_t i = 0; i < count; i++) mti_bed_open(bed);
    for (size_t i = 1; i < count; i++) mti_bed_join(bed, i - 1, i);
    mti_bed_settle(bed);
}

static bool all_have_ada(const mti_bed *bed)
{
    return all_have(bed, "ada", "written");
}

static bool all_have_bob(const mti_bed *bed)
{
    return all_have(bed, "bob", "written too");
}

void mti_router_check_tells(mti_bed *bed)
{
    open_row(bed, 2);
    mti_bed_write(bed, 0, "ada", "written", NULL);
    mti_bed_await(bed, all_have_ada, "what is written does not arrive at a peer");
    mti_bed_write(bed, 1, "bob", "written too", NULL);
    mti_bed_await(bed, all_have_bob, "what is written does not arrive at a peer");
}

void mti_router_check_comes_to_rest(mti_bed *bed)
{
    open_row(bed, 3);
    mti_bed_join(bed, 2, 0);
    mti_bed_settle(bed);
    mti_bed_write(bed, 0, "ada", "written", NULL);
    mti_bed_write(bed, 1, "bob", "written too", NULL);
    mti_bed_await(bed, all_have_ada, "what is written does not arrive in a ring");
    mti_bed_await(bed, all_have_bob, "what is written does not arrive in a ring");
    mti_bed_rest(bed);
}

void mti_router_check_bad_peer(mti_bed *bed)
{
    uint8_t bytes[64];

    open_row(bed, 2);
    for (size_t i = 0; i < 200 && !bed->trial->broken; i++) {
        mt_bytes message = {bytes, mti_bed_below(bed, sizeof bytes)};
        for (size_t at = 0; at < message.len; at++) bytes[at] = (uint8_t)mti_bed_below(bed, 256);
        if (i % 20 == 0) mti_bed_settle(bed);
        mti_stub_join(&bed->stubs[0], bed->dbs[0]);
        mti_stub_say(&bed->stubs[0], message);
    }
    mti_bed_write(bed, 0, "ada", "written", NULL);
    mti_bed_await(bed, all_have_ada, "since one peer says nonsense, another hears nothing");
    mti_bed_write(bed, 1, "bob", "written too", NULL);
    mti_bed_await(bed, all_have_bob, "since one peer says nonsense, another is not heard");
}

void mti_router_check_relays(mti_bed *bed)
{
    open_row(bed, 3);
    mti_bed_write(bed, 0, "ada", "written", NULL);
    mti_bed_await(bed, all_have_ada, "what one peer wrote does not arrive at another");
    mti_bed_write(bed, 2, "bob", "written too", NULL);
    mti_bed_await(bed, all_have_bob, "what one peer wrote does not arrive at another");
}

static const mt_options untold = {.size = sizeof untold, .network_none = true};

void mti_router_check_asks(mti_bed *bed)
{
    mti_bed_call *read;

    open_row(bed, 2);
    mti_bed_write(bed, 0, "ada", "written", &untold);
    mti_bed_settle(bed);
    read = mti_bed_read(bed, 1, "ada");
    mti_bed_await_calls(bed, "a read of what a peer has is not answered");
    if (!bed->trial->broken && (!read->found || !mti_bed_has(bed, 1, "ada", "written")))
        mti_trial_violate(bed->trial, "a node that a peer has is not found");
    read = mti_bed_read(bed, 1, "nobody");
    mti_bed_await_calls(bed, "a read of what nobody has is not answered");
    if (!bed->trial->broken && read->found)
        mti_trial_violate(bed->trial, "a node that nobody has is found");
}

void mti_router_check_asks_again(mti_bed *bed)
{
    char uid[16];

    open_row(bed, 2);
    for (size_t i = 0; i < 100; i++) {
        snprintf(uid, sizeof uid, "node%zu", i);
        mti_bed_write(bed, 0, uid, "written", &untold);
    }
    for (size_t i = 0; i < 100; i++) {
        mti_bed_call *read;
        snprintf(uid, sizeof uid, "node%zu", i);
        read = mti_bed_read(bed, 1, uid);
        if (read && i % 7 == 3) mt_cancel(bed->dbs[1], read->id);
    }
    mti_bed_await_calls(bed, "of many reads at once, one is not answered");
    mti_bed_read(bed, 1, "node3");
    mti_bed_await_calls(bed, "after many reads, one is not answered");
    if (!bed->trial->broken && !mti_bed_has(bed, 1, "node3", "written"))
        mti_trial_violate(bed->trial, "after many reads, a node that a peer has is not found");
}

/* ---- Catching up ---- */

void mti_router_check_catches_up(mti_bed *bed)
{
    open_row(bed, 2);
    mti_bed_cut(bed);
    mti_bed_settle(bed);
    mti_bed_write(bed, 0, "ada", "written", NULL);
    mti_bed_write(bed, 1, "bob", "written too", NULL);
    mti_bed_settle(bed);
    mti_bed_mend(bed);
    mti_bed_await(bed, all_have_ada, "what was written while cut off does not arrive");
    mti_bed_await(bed, all_have_bob, "what was written while cut off does not arrive");
}

#define HISTORY_UIDS 6

static void uid_of(size_t i, char out[8])
{
    snprintf(out, 8, "node%zu", i);
}

static bool same(const mt_node *a, const mt_node *b)
{
    return a && b ? mt_node_equal(a, b) : a == b;
}

static bool all_equal(const mti_bed *bed)
{
    char uid[8];

    for (size_t n = 0; n < HISTORY_UIDS; n++) {
        uid_of(n, uid);
        for (size_t i = 1; i < bed->db_count; i++)
            if (!same(mt_peek(bed->dbs[0], mt_str(uid)), mt_peek(bed->dbs[i], mt_str(uid))))
                return false;
    }
    return true;
}

void mti_router_check_any_history(mti_bed *bed)
{
    char uid[8], text[16];

    open_row(bed, 3);
    for (size_t i = 0; i < 150 && !bed->trial->broken; i++) {
        uid_of(mti_bed_below(bed, HISTORY_UIDS), uid);
        snprintf(text, sizeof text, "%zu", i);
        switch (mti_bed_below(bed, 6)) {
        case 0: mti_bed_cut(bed); break;
        case 1: mti_bed_mend(bed); break;
        case 2: mti_bed_settle(bed); break;
        default: mti_bed_write(bed, mti_bed_below(bed, MTI_BED_DBS), uid, text, NULL); break;
        }
    }
    mti_bed_mend(bed);
    mti_bed_await(bed, all_equal, "after cuts and writes, databases do not become equal");
    mti_bed_rest(bed);
    if (!bed->trial->broken && !all_equal(bed))
        mti_trial_violate(bed->trial, "databases that were equal do not stay so");
}
