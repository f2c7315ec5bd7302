/* kv_history.c - random histories of an engine against a plain model.
 *
 * The model knows a fixed set of keys, and of each the number of the value that it has, 0 for none;
 * bytes follow from the number. There is one such row of numbers for each of the last few commits:
 *
 *     after commit 7     0 12 12  0  3 ...
 *     after commit 8     0 12 14  0  3 ...
 *
 * What a get or scan finds must be one of these rows, as it is: none before the last commit that
 * was answered when it started, and none that has not started when it is answered. */
#include "conformance/kv_history.h"

#include <string.h>

#define KEYS 150
#define ROWS 32 /* more than commits are started in a round */
#define ROUND_MAX 24
#define OPS_MAX 12
#define ROUNDS_DEFAULT 400
#define KEY_LEN 24
#define VALUE_LEN_MAX 9000

typedef struct history {
    mti_kv_caller *c;
    uint64_t rng;
    uint64_t round;
    uint64_t started, answered; /* the last commit of which that is so */
    uint32_t last_number;
    mt_bytes keys[KEYS]; /* in order */
    uint32_t rows[ROWS][KEYS];
    uint8_t key_bytes[KEYS][KEY_LEN];
    uint8_t *long_bytes; /* the last keys are as long as may be */
    size_t long_len;
    uint8_t *values; /* room for those of a commit, and of one more */
} history;

static size_t below(history *h, size_t bound)
{
    return (size_t)(mti_trial_draw(&h->rng) % bound);
}

static const uint32_t *row_after(const history *h, uint64_t commit)
{
    return h->rows[commit % ROWS];
}

/* ---- Keys and values ---- */

static bool key_is_new(const history *h, size_t count, mt_bytes key)
{
    for (size_t i = 0; i < count; i++)
        if (mt_bytes_equal(h->keys[i], key)) return false;
    return true;
}

static void keys_sort(history *h)
{
    for (size_t i = 1; i < KEYS; i++) {
        mt_bytes key = h->keys[i];
        size_t at = i;

        for (; at > 0 && mt_bytes_compare(key, h->keys[at - 1]) < 0; at--)
            h->keys[at] = h->keys[at - 1];
        h->keys[at] = key;
    }
}

/* Few different bytes, so that many keys begin alike. */
static void keys_draw(history *h)
{
    static const uint8_t alphabet[] = {0x00, 0x01, 'a', 'b', 0x7F, 0x80, 0xFF};
    size_t count = 0;

    for (; count < 2; count++) {
        uint8_t *bytes = h->long_bytes + count * h->long_len;

        memset(bytes, 'a', h->long_len);
        bytes[h->long_len - 1] = (uint8_t)('a' + count);
        h->keys[count] = (mt_bytes){bytes, h->long_len};
    }
    while (count < KEYS) {
        uint8_t *bytes = h->key_bytes[count];
        mt_bytes key = {bytes, 1 + below(h, 1 + below(h, KEY_LEN))};

        for (size_t i = 0; i < key.len; i++) bytes[i] = alphabet[below(h, sizeof alphabet)];
        if (!key_is_new(h, count, key)) continue;
        h->keys[count++] = key;
    }
    keys_sort(h);
}

static size_t value_len(uint32_t number)
{
    uint64_t rng = number;
    uint64_t draw = mti_trial_draw(&rng);

    if (draw % 8 == 0) return 0;
    if (draw % 64 == 1) return (size_t)(draw / 64 % VALUE_LEN_MAX);
    return (size_t)(draw / 64 % 48);
}

/* Writes the bytes of a value to `out`, where there is room for VALUE_LEN_MAX. */
static mt_bytes value_make(uint32_t number, uint8_t *out)
{
    mt_bytes value = {out, value_len(number)};
    uint64_t rng = ~(uint64_t)number;

    for (size_t i = 0; i < value.len; i += 8) {
        uint64_t word = mti_trial_draw(&rng);

        for (size_t j = i; j < value.len && j < i + 8; j++) out[j] = (uint8_t)(word >> 8 * (j - i));
    }
    return value;
}

static bool value_is(history *h, uint32_t number, mt_bytes value)
{
    uint8_t *room = h->values + OPS_MAX * (size_t)VALUE_LEN_MAX;

    if (number == 0) return value.data == NULL;
    return value.data && mt_bytes_equal(value, value_make(number, room));
}

/* ---- Commits ---- */

static void commit_hear(void *arg, const mti_kv_request *request, const mt_kv_answer *answer)
{
    history *h = arg;

    mti_kv_need_ok(h->c, request, answer);
    if (request->note > h->answered) h->answered = request->note;
}

/* Draws an op, and applies it to the row. */
static mt_kv_op op_draw(history *h, uint32_t *row, uint8_t *room)
{
    size_t first = below(h, KEYS), draw = below(h, 100), end;
    mt_kv_op op = {.kind = MT_KV_PUT, .key = h->keys[first]};

    if (draw < 65) {
        row[first] = ++h->last_number;
        op.value = value_make(row[first], room);
    } else if (draw < 90) {
        op.kind = MT_KV_DELETE;
        row[first] = 0;
    } else {
        op.kind = MT_KV_DELETE_RANGE;
        end = below(h, 20) == 0 ? below(h, KEYS) : first + below(h, 6);
        if (end >= KEYS) end = KEYS - 1;
        op.value = h->keys[end];
        for (size_t i = first; i < end; i++) row[i] = 0;
    }
    return op;
}

static void commit_start(history *h)
{
    mt_kv_op ops[OPS_MAX];
    size_t count = 1 + below(h, OPS_MAX);
    const uint32_t *before = row_after(h, h->started);
    uint32_t *row = h->rows[++h->started % ROWS];

    memcpy(row, before, sizeof h->rows[0]);
    for (size_t i = 0; i < count; i++)
        ops[i] = op_draw(h, row, h->values + i * (size_t)VALUE_LEN_MAX);
    mti_kv_commit(h->c, ops, count, h->started, commit_hear, h);
}

/* ---- Reads ---- */

static void violate(history *h, const char *what, mt_bytes key)
{
    mti_trial_violate(h->c->trial, "seed %llu, round %llu: %s, first at the key %s",
                      (unsigned long long)h->c->subject->seed, (unsigned long long)h->round, what,
                      mti_show(key).text);
}

/* The place of a key, or of the first after it. */
static size_t key_find(const history *h, mt_bytes key)
{
    size_t low = 0, high = KEYS;

    while (low < high) {
        size_t middle = (low + high) / 2;

        if (mt_bytes_compare(h->keys[middle], key) < 0) low = middle + 1;
        else high = middle;
    }
    return low;
}

/* Where a get and a row part: the first pair, or the count. */
static size_t get_differs(history *h, const uint32_t *row, const mt_kv_answer *answer)
{
    size_t i = 0;

    while (i < answer->count &&
           value_is(h, row[key_find(h, answer->pairs[i].key)], answer->pairs[i].value))
        i++;
    return i;
}

static void get_hear(void *arg, const mti_kv_request *request, const mt_kv_answer *answer)
{
    history *h = arg;
    size_t best = 0;

    mti_kv_need_ok(h->c, request, answer);
    if (answer->status != MT_OK) return;
    for (uint64_t commit = request->note; commit <= h->started; commit++) {
        size_t at = get_differs(h, row_after(h, commit), answer);

        if (at == answer->count) return;
        if (at > best) best = at;
    }
    violate(h, "a get found what never was", answer->pairs[best].key);
}

static void get_start(history *h)
{
    mt_bytes keys[KEYS];
    size_t count = 0, step = 1 + below(h, 40);

    for (size_t i = below(h, step); i < KEYS; i += 1 + below(h, step)) keys[count++] = h->keys[i];
    mti_kv_get(h->c, keys, count, h->answered, get_hear, h);
}

/* Whether a scan is what the row has. If not, `*differs` is where they part. */
static bool scan_fits(history *h, const uint32_t *row, const mti_kv_request *request,
                      const mt_kv_answer *answer, mt_bytes *differs)
{
    mt_bytes after = request->keys[0], end = request->keys[1];
    size_t at = key_find(h, after), last = end.len > 0 ? key_find(h, end) : KEYS, i = 0;

    if (at < KEYS && mt_bytes_equal(h->keys[at], after)) at++;
    for (; at < last; at++) {
        if (row[at] == 0) continue;
        *differs = h->keys[at];
        if (i == answer->count) return answer->more;
        if (!mt_bytes_equal(answer->pairs[i].key, h->keys[at])) return false;
        if (!value_is(h, row[at], answer->pairs[i].value)) return false;
        i++;
    }
    if (i < answer->count) *differs = answer->pairs[i].key;
    return i == answer->count;
}

static void scan_hear(void *arg, const mti_kv_request *request, const mt_kv_answer *answer)
{
    history *h = arg;
    mt_bytes differs = {0};

    mti_kv_need_ok(h->c, request, answer);
    if (answer->status != MT_OK) return;
    for (uint64_t commit = request->note; commit <= h->started; commit++)
        if (scan_fits(h, row_after(h, commit), request, answer, &differs)) return;
    violate(h, "a scan found what never was", differs);
}

static void scan_start(history *h)
{
    mt_bytes after = {0}, end = {0};

    if (below(h, 4) > 0) after = h->keys[below(h, KEYS)];
    if (below(h, 4) > 0) end = h->keys[below(h, KEYS)];
    mti_kv_scan(h->c, after, end, 1 + below(h, 1 + below(h, 2 * KEYS)), h->answered, scan_hear, h);
}

/* ---- The run ---- */

static void round_run(history *h)
{
    for (size_t left = 1 + below(h, ROUND_MAX); left > 0 && !h->c->trial->broken; left--) {
        switch (below(h, 5)) {
        case 0:
        case 1: commit_start(h); break;
        case 2: get_start(h); break;
        case 3: scan_start(h); break;
        default: mti_kv_turn(h->c); break;
        }
    }
    mti_kv_await(h->c);
    h->answered = h->started;
}

static void history_live(history *h)
{
    size_t rounds = h->c->subject->rounds > 0 ? h->c->subject->rounds : ROUNDS_DEFAULT;
    bool persistent = h->c->subject->persistent;

    for (; h->round < rounds && !h->c->trial->broken; h->round++) {
        round_run(h);
        if (!persistent || h->round % (rounds / 4 + 1) != rounds / 8) continue;
        mti_kv_caller_close(h->c);
        if (!mti_kv_caller_open(h->c, false)) return;
    }
    mti_kv_scan(h->c, (mt_bytes){0}, (mt_bytes){0}, KEYS, h->answered, scan_hear, h);
    mti_kv_get(h->c, h->keys, KEYS, h->answered, get_hear, h);
    mti_kv_await(h->c);
}

void mti_kv_history_run(mti_kv_caller *c)
{
    size_t longest = c->kv.ops->key_len_max, values_len = (OPS_MAX + 1) * (size_t)VALUE_LEN_MAX;
    history *h = mti_trial_alloc(c->trial, sizeof *h);

    if (!h) return;
    memset(h, 0, sizeof *h);
    h->c = c;
    h->rng = c->subject->seed;
    h->long_len = longest < MTI_KV_TRIED_LEN_MAX ? longest : MTI_KV_TRIED_LEN_MAX;
    h->long_bytes = mti_trial_alloc(c->trial, 2 * h->long_len);
    h->values = mti_trial_alloc(c->trial, values_len);
    if (h->long_bytes && h->values) {
        keys_draw(h);
        history_live(h);
    }
    mti_trial_free(c->trial, h->long_bytes, 2 * h->long_len);
    mti_trial_free(c->trial, h->values, values_len);
    mti_trial_free(c->trial, h, sizeof *h);
}
