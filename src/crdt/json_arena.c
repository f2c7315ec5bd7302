#include "crdt/json.h"

#define CHUNK_LEN (64 * 1024)

struct json_chunk {
    struct json_chunk *older;
    size_t len;
    uint8_t bytes[];
};

static void drop_newest(mti_json_arena *arena)
{
    struct json_chunk *chunk = arena->chunk;

    arena->chunk = chunk->older;
    mti_mem_free(arena->mem, chunk, sizeof *chunk + chunk->len);
}

void mti_json_arena_end(mti_json_arena *arena)
{
    while (arena->chunk) drop_newest(arena);
}

uint8_t *mti_json_arena_take(mti_json_arena *arena, size_t len)
{
    struct json_chunk *chunk = arena->chunk;
    size_t room = len > CHUNK_LEN ? len : CHUNK_LEN, size;

    if (!chunk || chunk->len - arena->used < len) {
        if (!mti_size_add(sizeof *chunk, room, &size)) return NULL;
        chunk = mti_mem_alloc(arena->mem, size);
        if (!chunk) return NULL;
        chunk->older = arena->chunk;
        chunk->len = room;
        arena->chunk = chunk;
        arena->used = 0;
    }
    arena->used += len;
    return chunk->bytes + arena->used - len;
}

void mti_json_arena_rewind(mti_json_arena *arena, mti_json_arena mark)
{
    while (arena->chunk != mark.chunk) drop_newest(arena);
    arena->used = mark.used;
}

void mti_json_arena_reset(mti_json_arena *arena)
{
    while (arena->chunk && (arena->chunk->older || arena->chunk->len > CHUNK_LEN)) {
        drop_newest(arena);
    }
    arena->used = 0;
}
