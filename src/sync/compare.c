#include "sync/compare.h"

#include "base/assert.h"
#include "base/word.h"

#include <mytosis/limits.h>

/* ---- Nodes to be sent ---- */

void mti_sends_init(mti_sends *sends, const mt_mem *mem)
{
    memset(sends, 0, sizeof *sends);
    sends->text.mem = mem;
}

void mti_sends_free(mti_sends *sends)
{
    const mt_mem *mem = sends->text.mem;

    mti_mem_free(mem, sends->at, sends->cap * sizeof *sends->at);
    mt_buf_free(&sends->text);
    mti_sends_init(sends, mem);
}

void mti_sends_clear(mti_sends *sends)
{
    sends->count = sends->text.len = 0;
}

mt_status mti_sends_add(mti_sends *sends, mt_bytes uid, uint64_t since)
{
    mti_send *at =
        mti_vector_reserve(sends->text.mem, sends->at, &sends->cap, sends->count + 1, sizeof *at);

    if (!at) return MT_NO_MEMORY;
    sends->at = at;
    if (sends->text.len + uid.len > UINT32_MAX) return MT_NO_MEMORY;
    at[sends->count] = (mti_send){(uint32_t)sends->text.len, (uint8_t)uid.len, since};
    if (mti_buf_append(&sends->text, uid.data, uid.len) != MT_OK) return MT_NO_MEMORY;
    sends->count++;
    return MT_OK;
}

/* ---- Numbers by keys ---- */

#define CAP_MIN 8u
#define FILTER_BITS 4u /* to a slot */

static size_t block_len(size_t cap)
{
    return cap * sizeof(mti_key_slot) + cap * FILTER_BITS / 8;
}

void mti_key_map_free(mti_key_map *map)
{
    mti_mem_free(map->mem, map->slots, block_len(map->cap));
    *map = (mti_key_map){.mem = map->mem};
}

static uint64_t spread(uint64_t key)
{
    return key * UINT64_C(0x9E3779B97F4A7C15);
}

static mti_key_slot *slot_of(const mti_key_map *map, uint64_t key)
{
    size_t mask = map->cap - 1, at = (size_t)(spread(key) >> 32) & mask;

    while (map->slots[at].key != 0 && map->slots[at].key != key) at = (at + 1) & mask;
    return &map->slots[at];
}

/* A key's bit of the filter. */
static size_t bit_of(const mti_key_map *map, uint64_t key)
{
    return (size_t)(spread(key) >> 40) & (map->cap * FILTER_BITS - 1);
}

static uint8_t *filter_of(const mti_key_map *map)
{
    return (uint8_t *)&map->slots[map->cap];
}

static void set(mti_key_map *map, uint64_t key, uint64_t value)
{
    size_t bit = bit_of(map, key);

    *slot_of(map, key) = (mti_key_slot){key, value};
    filter_of(map)[bit / 8] |= (uint8_t)(1u << bit % 8);
}

mt_status mti_key_map_reserve(mti_key_map *map, size_t count)
{
    mti_key_map made = {.mem = map->mem, .count = map->count, .cap = CAP_MIN};

    while (made.cap / 2 < count) made.cap *= 2;
    if (made.cap <= map->cap) return MT_OK;
    if (!(made.slots = mti_mem_alloc(map->mem, block_len(made.cap)))) return MT_NO_MEMORY;
    memset(made.slots, 0, block_len(made.cap));
    for (size_t i = 0; i < map->cap; i++)
        if (map->slots[i].key != 0) set(&made, map->slots[i].key, map->slots[i].value);
    mti_key_map_free(map);
    *map = made;
    return MT_OK;
}

mt_status mti_key_map_put(mti_key_map *map, uint64_t key, uint64_t value)
{
    if (mti_key_map_reserve(map, map->count + 1) != MT_OK) return MT_NO_MEMORY;
    map->count += slot_of(map, key)->key == 0;
    set(map, key, value);
    return MT_OK;
}

mti_key_slot *mti_key_map_get(const mti_key_map *map, uint64_t key)
{
    mti_key_slot *slot;
    size_t bit;

    if (map->cap == 0) return NULL;
    bit = bit_of(map, key);
    if (!(filter_of(map)[bit / 8] >> bit % 8 & 1)) return NULL;
    slot = slot_of(map, key);
    return slot->key != 0 ? slot : NULL;
}

/* ---- Lists of nodes with states ---- */

void mti_say_sends(mti_say *say, const mti_sends *sends)
{
    mt_bytes before = {NULL, 0};
    uint64_t state = 0;

    mti_say_number(say, sends->count);
    for (size_t i = 0; i < sends->count; i++) {
        mt_bytes uid = mti_send_uid(sends, &sends->at[i]);
        size_t shared = 0;
        while (shared < before.len && shared < uid.len && before.data[shared] == uid.data[shared])
            shared++;
        mti_say_number(say, shared);
        mti_say_bytes(say, (mt_bytes){uid.data + shared, uid.len - shared});
        mti_say_number(say, mti_zigzag(sends->at[i].since - state));
        before = uid;
        state = sends->at[i].since;
    }
}

void mti_parse_sends(mti_parse *in, mti_sends *sends)
{
    uint64_t count = mti_parse_number(in, "the number of nodes"), state = 0;
    uint8_t uid[MT_UID_LEN_MAX];
    size_t len = 0;

    if (count > MTI_COMPARE_WANTS_MAX || count > (size_t)(in->end - in->at))
        mti_parse_fail(in, "the number of nodes", "more than there can be");
    for (uint64_t i = 0; i < count && !in->failed; i++) {
        uint64_t shared = mti_parse_number(in, "a uid");
        mt_bytes rest = mti_parse_bytes(in, "a uid", MT_UID_LEN_MAX);
        if (!in->failed &&
            (shared > len || shared + rest.len > MT_UID_LEN_MAX || shared + rest.len == 0))
            mti_parse_fail(in, "a uid", "longer than it can be, or empty");
        state += mti_unzigzag(mti_parse_number(in, "a state"));
        if (!in->failed && state > MT_STATE_MAX) mti_parse_fail(in, "a state", "out of range");
        if (in->failed) return;
        if (rest.len) memcpy(uid + shared, rest.data, rest.len);
        len = (size_t)shared + rest.len;
        if (mti_sends_add(sends, (mt_bytes){uid, len}, state) == MT_OK) continue;
        (void)mti_no_memory(in->err);
        in->failed = true;
    }
}

/* ---- Nodes that are wanted ---- */

static bool is_behind(const mti_coded *a, const mti_coded *b)
{
    return a->value != b->value ? a->value > b->value : a->key > b->key;
}

static void sift(mti_coded *wants, size_t root, size_t count)
{
    mti_coded moving = wants[root];

    for (size_t child; (child = 2 * root + 1) < count; root = child) {
        if (child + 1 < count && is_behind(&wants[child + 1], &wants[child])) child++;
        if (!is_behind(&wants[child], &moving)) break;
        wants[root] = wants[child];
    }
    wants[root] = moving;
}

static void wants_sort(mti_coded *wants, size_t count)
{
    for (size_t i = count / 2; i-- > 0;) sift(wants, i, count);
    while (count > 1) {
        mti_coded last = wants[--count];
        wants[count] = wants[0];
        wants[0] = last;
        sift(wants, 0, count);
    }
}

void mti_say_wants(mti_say *say, mti_coded *wants, size_t count, size_t len)
{
    uint64_t state = 0;

    wants_sort(wants, count);
    mti_say_number(say, count);
    for (size_t i = 0; i < count; i++) {
        uint8_t key[8];
        mti_store_le64(wants[i].key, key);
        mti_say_number(say, wants[i].value - state);
        mti_say_fixed(say, (mt_bytes){key, len});
        state = wants[i].value;
    }
}

/* ---- Estimates ---- */

/* A leaf of an index has some 48 nodes, and no part is smaller; a few parts more are asked for, so that
 * there are as many as leaves. */
#define PART_NODES 36u

/* Bytes of a part: its bound and its print. */
#define PART_LEN 6u

/* Bytes that a node which differs takes where it is listed, and not where a table has it: its uid. */
#define OFFER_LEN 8u

/* Fewer nodes than this are looked at rather than asked about: without another round trip, with one, and
 * with one where the parts are small already, so that it takes as many bytes again as a table. */
#define LOOK_SOME 2048u
#define LOOK_MANY 262144u
#define LOOK_MOST 1048576u

static uint64_t root_of(uint64_t number)
{
    uint64_t root = 0;

    for (uint64_t bit = (uint64_t)1 << 31; bit > 0; bit >>= 1)
        if ((root | bit) * (root | bit) <= number) root |= bit;
    return root;
}

/* As many differences hit `open` of `parts` on average, if all are as likely: the sum of parts / (parts - i).
 * With x of them for each part, the deviation of what was hit makes one of what is said, whose square is
 * parts (e^x - 1 - x); and e^x is parts / (parts - open). Two deviations are added, and a
 * little more. Where
 * next to all are hit, nothing is known. */
void mti_seen_expect(mti_seen *seen)
{
    uint64_t parts = seen->parts, open = seen->open, whole = parts - open;
    uint64_t sum = 0, square; /* the sum in 256ths */

    seen->expected = 0;
    if (whole < (parts < 16 ? 1 : 8)) return;
    for (uint64_t i = 0; i < open; i++) sum += parts * 256 / (parts - i);
    sum = (sum + 255) / 256;
    square = parts * open / whole;
    square = square > sum ? square - sum : 0;
    seen->expected = sum + root_of(4 * square) + sum / 32 + 1;
}

bool mti_seen_codes(const mti_seen *seen)
{
    size_t cells = mti_cells_count_for((size_t)seen->expected);

    return seen->expected > 0 && cells <= MTI_COMPARE_CELLS_MAX &&
           cells * MTI_CELL_LEN < seen->nodes * MTI_TAG_LEN + seen->expected * OFFER_LEN;
}

/* With a table, a few times as many parts as nodes differ leave a quarter of the nodes to be looked at, for
 * about as many bytes as the table has; and so many at least that a cluster is seen as one. With lists,
 * p parts and d lists of e / p nodes take the fewest bytes where p^2 is 3 e d / PART_LEN. */
uint64_t mti_seen_divide(const mti_seen *seen, bool codes, bool trip)
{
    uint64_t total, most = seen->nodes / PART_NODES;
    uint64_t expected = seen->expected < seen->nodes ? seen->expected : seen->nodes;

    mti_assert(seen->open > 0);
    if (most > MTI_COMPARE_PARTS_MAX) most = MTI_COMPARE_PARTS_MAX;
    if (seen->expected == 0) {
        total = 32 * seen->open;
        if (total < MTI_COMPARE_PARTS_FIRST) total = MTI_COMPARE_PARTS_FIRST;
    } else if (codes && mti_seen_codes(seen)) {
        bool small = seen->parts > 2 * MTI_COMPARE_PARTS_FIRST && seen->parts >= 2 * expected;
        if (small && (!trip || seen->nodes < LOOK_MOST)) return 0;
        if (seen->nodes < (trip ? LOOK_MANY : LOOK_SOME)) return 0;
        total = 7 * expected / 2;
        if (total < MTI_COMPARE_PARTS_FIRST) total = MTI_COMPARE_PARTS_FIRST;
    } else {
        total = root_of(seen->nodes * expected * MTI_TAG_LEN / PART_LEN);
    }
    if (total > most) total = most;
    return total >= 2 * seen->open ? total : 0;
}
