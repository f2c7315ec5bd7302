#include "store/key.h"

#include "base/assert.h"

void mti_key_set(mti_key *key, uint8_t tag, mt_bytes rest)
{
    if (rest.len > sizeof key->data - 1) rest.len = sizeof key->data - 1;
    key->len = (size_t)(mti_key_put(key->data, tag, rest) - key->data);
}

void mti_key_set_number(mti_key *key, uint8_t tag, uint64_t number)
{
    key->len = (size_t)(mti_key_put_number(key->data, tag, number) - key->data);
}

void mti_key_set_fields(mti_key *before, mti_key *behind, mt_bytes uid)
{
    mti_assert(uid.len <= MT_UID_LEN_MAX);
    /* Without the zero byte it is no key of a field, and none lies between it and the first. */
    mti_key_set(before, MTI_KEY_FIELD, uid);
    *behind = *before;
    behind->data[behind->len++] = 1;
}

void mti_key_set_prefix(mti_key *before, mti_key *behind, uint8_t tag, mt_bytes prefix)
{
    mti_key_set(before, tag, prefix);
    *behind = *before;
    while (behind->data[behind->len - 1] == 0xFF) behind->len--;
    behind->data[behind->len - 1]++;
    if (before->data[before->len - 1] == 0) {
        before->len--;
        return;
    }
    before->data[before->len - 1]--;
    memset(before->data + before->len, 0xFF, sizeof before->data - before->len);
    before->len = sizeof before->data;
}

bool mti_key_number(mt_bytes key, uint8_t tag, uint64_t *number)
{
    *number = 0;
    if (key.len != MTI_KEY_NUMBER_LEN || key.data[0] != tag) return false;
    for (size_t i = 1; i < key.len; i++) *number = *number << 8 | key.data[i];
    return true;
}
