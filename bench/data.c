#include "data.h"

#include "figure.h"

#include <stdlib.h>
#include <string.h>

uint32_t bench_random(bench_rng *rng, uint32_t below)
{
    /* splitmix64, Steele, Lea and Flood 2014. */
    uint64_t z = rng->state += UINT64_C(0x9e3779b97f4a7c15);

    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return (uint32_t)(((z ^ z >> 31) >> 32) * below >> 32);
}

static void uid_write(char *out, uint32_t index)
{
    memcpy(out, "user/", 5);
    for (size_t i = UID_LEN; i-- > 5; index /= 10) out[i] = (char)('0' + index % 10);
    out[UID_LEN] = 0;
}

static void letters(char *out, size_t len, bench_rng *rng)
{
    static const char alphabet[] = "abcdefghijklmnopqrstuvwxyz012345";

    for (size_t i = 0; i < len; i++) out[i] = alphabet[bench_random(rng, 32)];
}

void bench_node_fill(bench_node *node, uint32_t index, bench_rng *rng)
{
    uid_write(node->uid, index);
    uid_write(node->friend_uid, bench_random(rng, NODES));
    letters(node->name, sizeof node->name, rng);
    letters(node->bio, sizeof node->bio, rng);
    node->active = bench_random(rng, 2);
    node->age = bench_random(rng, 100);
}

static mt_bytes run(const char *data, size_t len)
{
    mt_bytes bytes = {(const uint8_t *)data, len};
    return bytes;
}

mt_field bench_field(const bench_node *node, unsigned which)
{
    static const char *const names[FIELDS] = {"active", "age", "bio", "friend", "name"};
    mt_field field = {.name = mt_str(names[which])};

    switch (which) {
    case ACTIVE: field.value = mt_bool(node->active); break;
    case AGE: field.value = mt_number(node->age); break;
    case BIO: field.value = mt_string(run(node->bio, sizeof node->bio)); break;
    case FRIEND: field.value = mt_edge(run(node->friend_uid, UID_LEN)); break;
    default: field.value = mt_string(run(node->name, sizeof node->name)); break;
    }
    return field;
}

bench_set bench_set_new(size_t count, uint64_t seed, uint64_t state)
{
    bench_set set = {bench_room(count, sizeof *set.nodes),
                     bench_room(count * FIELDS, sizeof *set.fields),
                     bench_room(count, sizeof *set.rows), count};
    bench_rng rng = {seed};

    for (size_t i = 0; i < count; i++) {
        bench_node_fill(&set.nodes[i], (uint32_t)i, &rng);
        for (unsigned k = 0; k < FIELDS; k++) {
            set.fields[i * FIELDS + k] = bench_field(&set.nodes[i], k);
            set.fields[i * FIELDS + k].state = state;
        }
        set.rows[i].uid = run(set.nodes[i].uid, UID_LEN);
        set.rows[i].fields = &set.fields[i * FIELDS];
        set.rows[i].count = FIELDS;
    }
    return set;
}

void bench_set_free(bench_set *set)
{
    free(set->nodes);
    free(set->fields);
    free(set->rows);
}
