/* arena.h: memory of one message, freed whole.
 *
 * Blocks are taken from the heap as needed, up to the maximum that is stated at creation.
 * Nothing is freed singly. An arena belongs to one thread at a time.
 */
#ifndef ESPALIER_SERVER_ARENA_H
#define ESPALIER_SERVER_ARENA_H

#include <stddef.h>

struct lsp_arena_block;

/* Zeroed but for max it is an empty arena. */
struct lsp_arena {
    struct lsp_arena_block *blocks;
    size_t used, size; /* of the newest block */
    size_t total, max; /* bytes handed out, and the most that may be */
};

void lsp_arena_init(struct lsp_arena *arena, size_t max);
void lsp_arena_free(struct lsp_arena *arena);

/* count * size bytes, zeroed, aligned for any type. NULL when the maximum or the heap is
 * exhausted, or the product does not fit. */
void *lsp_arena_alloc(struct lsp_arena *arena, size_t count, size_t size);

/* A zero-terminated copy of text[len]. */
char *lsp_arena_copy(struct lsp_arena *arena, const char *text, size_t len);

#endif
