/* crdt/dictionary.h - the field names and the shapes of one binary frame, numbered as they come.
 *
 * A shape is the list of names that a row has, as the numbers of its names. Both are kept in
 * crit-bit trees: finding one costs a step per bit at most, whatever names a peer chooses, where a
 * hash table would have worst cases to be found.
 *
 *     names   0 "age"   1 "bio"   2 "name"
 *     shapes  0 [0 1 2]   1 [2]
 */
#ifndef MTI_DICTIONARY_H
#define MTI_DICTIONARY_H

#include <mytosis/bytes.h>
#include <mytosis/status.h>

/* The most names, and the most shapes, that one frame may have. */
#define MTI_DICTIONARY_MAX 65536

/* How many names a shape may have. */
#define MTI_SHAPE_NAMES_MAX 64

#define MTI_DICTIONARY_NONE UINT32_MAX

/* A run of at most 255 bytes, by its place. */
typedef struct mti_run {
    uint32_t at;
    uint32_t len;
} mti_run;

/* A set of runs. */
typedef struct mti_runs {
    mti_run *items; /* by number */
    struct fork *forks;
    size_t item_cap;
    size_t fork_cap;
    uint32_t count;
    uint32_t root;
} mti_runs;

typedef struct mti_dictionary {
    const mt_mem *mem;
    const uint8_t *texts; /* what the names' places count from; set by whoever adds names */
    mti_runs names;
    mti_runs shapes;
    uint16_t *list; /* the numbers of the names of all shapes */
    size_t list_cap;
    size_t list_count;
} mti_dictionary;

void mti_dictionary_init(mti_dictionary *dictionary, const mt_mem *mem);
void mti_dictionary_free(mti_dictionary *dictionary);

/* Forgets all, keeps the memory. */
void mti_dictionary_clear(mti_dictionary *dictionary);

/* The number of a name or a shape; MTI_DICTIONARY_NONE if it is not there. */
uint32_t mti_dictionary_find_name(const mti_dictionary *dictionary, mt_bytes name);
uint32_t mti_dictionary_find_shape(const mti_dictionary *dictionary, const uint16_t *names,
                                   size_t count);

/* Adds a name that is not there: `len` bytes at `texts + at`, BORROWED until the dictionary is
 * cleared. There are fewer than MTI_DICTIONARY_MAX. MT_NO_MEMORY changes nothing. */
mt_status mti_dictionary_add_name(mti_dictionary *dictionary, size_t at, size_t len);

/* Adds a shape that is not there, COPIED. As above. */
mt_status mti_dictionary_add_shape(mti_dictionary *dictionary, const uint16_t *names, size_t count);

/* A name or a shape by its number, BORROWED until the next one is added. */
static inline mt_bytes mti_dictionary_name(const mti_dictionary *dictionary, uint32_t number)
{
    mti_run run = dictionary->names.items[number];

    return (mt_bytes){dictionary->texts + run.at, run.len};
}

static inline const uint16_t *mti_dictionary_shape(const mti_dictionary *dictionary,
                                                   uint32_t number, size_t *count)
{
    mti_run run = dictionary->shapes.items[number];

    *count = run.len / sizeof(uint16_t);
    return dictionary->list + run.at / sizeof(uint16_t);
}

#endif
