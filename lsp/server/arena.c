/* arena.c: memory of one message.
 *
 * A list of blocks; the newest serves requests from its front. A request that does not fit
 * opens a new block at least as large, so no request is ever split and the waste stays
 * under one block. Freeing walks the list once.
 */
#include "lsp/server/arena.h"

#include <stdalign.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define BLOCK_BYTES 4096u

struct lsp_arena_block {
    struct lsp_arena_block *older;
    max_align_t data[];
};

void lsp_arena_init(struct lsp_arena *arena, size_t max)
{
    *arena = (struct lsp_arena){.max = max};
}

void lsp_arena_free(struct lsp_arena *arena)
{
    while (arena->blocks) {
        struct lsp_arena_block *older = arena->blocks->older;
        free(arena->blocks);
        arena->blocks = older;
    }
    lsp_arena_init(arena, arena->max);
}

void *lsp_arena_alloc(struct lsp_arena *arena, size_t count, size_t size)
{
    if (size != 0 && count > arena->max / size) return NULL;
    size_t bytes = count * size;
    size_t align = alignof(max_align_t);
    bytes = (bytes + align - 1) / align * align; /* cannot overflow: max is far below SIZE_MAX */
    if (bytes > arena->max - arena->total) return NULL;
    if (!arena->blocks || bytes > arena->size - arena->used) {
        size_t room = bytes > BLOCK_BYTES ? bytes : BLOCK_BYTES;
        struct lsp_arena_block *block = malloc(sizeof *block + room);
        if (!block) return NULL;
        block->older = arena->blocks;
        arena->blocks = block;
        arena->size = room;
        arena->used = 0;
    }
    void *out = (char *)arena->blocks->data + arena->used;
    arena->used += bytes;
    arena->total += bytes;
    return memset(out, 0, bytes);
}

char *lsp_arena_copy(struct lsp_arena *arena, const char *text, size_t len)
{
    if (len >= arena->max) return NULL;
    char *copy = lsp_arena_alloc(arena, len + 1, 1);
    if (copy && len) memcpy(copy, text, len);
    return copy;
}
