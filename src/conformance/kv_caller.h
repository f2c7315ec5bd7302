/* conformance/kv_caller.h - a host of an engine that trusts nothing.
 *
 * It keeps a list of what was asked. Each answer must be of a request on it, and of the form that
 * its kind has; what the engine borrowed is spoiled the moment it should have let go of it. */
#ifndef MTI_KV_CALLER_H
#define MTI_KV_CALLER_H

#include "conformance/trial.h"

typedef enum mti_kv_kind { MTI_KV_GET, MTI_KV_SCAN, MTI_KV_COMMIT } mti_kv_kind;

typedef struct mti_kv_request mti_kv_request;

/* Hears an answer that is well formed, while it is being given: MT_OK or not. */
typedef void (*mti_kv_hear)(void *arg, const mti_kv_request *request, const mt_kv_answer *answer);

struct mti_kv_request {
    mti_kv_request *next;
    size_t size; /* of the request and all it holds */
    uint64_t id;
    mti_kv_kind kind;
    const mt_bytes *keys; /* get: `count`; scan: after, end */
    size_t count;
    size_t limit;
    mt_kv_op *ops; /* commit: `count` */
    mti_kv_hear hear;
    void *arg;
    uint64_t note; /* the asker's own */
};

typedef struct mti_kv_caller {
    mti_trial *trial;
    const mt_conformance_kv *subject;
    mt_kv kv;
    mt_kv_host host;
    uint64_t last_id;
    mti_kv_request *under_way;
} mti_kv_caller;

/* Opens the subject's engine. False: it did not open, which is a violation. */
bool mti_kv_caller_open(mti_kv_caller *c, bool fresh);

/* Waits for what is under way, closes the engine and sees that it is silent. One that is not open
 * is accepted. */
void mti_kv_caller_close(mti_kv_caller *c);

/* Start requests; all is COPIED. `hear` may be NULL: then a failure is a violation. */
void mti_kv_get(mti_kv_caller *c, const mt_bytes *keys, size_t count, uint64_t note,
                mti_kv_hear hear, void *arg);
void mti_kv_scan(mti_kv_caller *c, mt_bytes after, mt_bytes end, size_t limit, uint64_t note,
                 mti_kv_hear hear, void *arg);
void mti_kv_commit(mti_kv_caller *c, const mt_kv_op *ops, size_t count, uint64_t note,
                   mti_kv_hear hear, void *arg);

/* As the last, for a commit that may be refused at its start: then `hear` gets that status, too. */
void mti_kv_commit_or_fail(mti_kv_caller *c, const mt_kv_op *ops, size_t count, mti_kv_hear hear,
                           void *arg);

/* Turns until nothing is under way. */
void mti_kv_await(mti_kv_caller *c);

/* One turn of the loop. False: nothing will ever come. */
bool mti_kv_turn(mti_kv_caller *c);

/* Longer keys than this are not tried. */
#define MTI_KV_TRIED_LEN_MAX 4096

/* Scans from `after` to `end`, page by page of `limit`, and gives each pair to `each`. Waits. */
void mti_kv_walk(mti_kv_caller *c, mt_bytes after, mt_bytes end, size_t limit,
                 void (*each)(void *arg, const mt_kv_pair *pair), void *arg);

/* A violation, unless the status is MT_OK. */
void mti_kv_need_ok(mti_kv_caller *c, const mti_kv_request *request, const mt_kv_answer *answer);

/* ---- In words: keys and values without spaces, each expectation awaited ---- */

/* Commits "a=1 b= -c d..f": put a and b, delete c, delete from d to before f. */
void mti_kv_apply(mti_kv_caller *c, const char *text);

/* Expects that all the engine holds is "a=1 b=". */
void mti_kv_expect_all(mti_kv_caller *c, const char *pairs);

/* Expects the same of what is after `after` and before `end`; empty: all before, all behind. */
void mti_kv_expect_range(mti_kv_caller *c, const char *after, const char *end, const char *pairs);

/* Expects of a get of these keys "a=1 b= c?", where there is no c. */
void mti_kv_expect_get(mti_kv_caller *c, const char *pairs);

#endif
