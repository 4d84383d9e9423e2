/* shelf.c: one trail, filled from its end.
 *
 * The nearest texts have to be pushed last, and only tokenizing tells how many fit, so the tokens
 * are laid out backwards first. A gap stands between texts and behind the last.
 */
#include "lsp/assist/shelf.h"
#include "lsp/assist/trail.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

struct asst_shelf {
    atomic_uint holders;
    struct asst_trail trail;
};

static enum eng_status no_memory(struct eng_error *err)
{
    if (err) snprintf(err->text, sizeof err->text, "out of memory for the tokens of other files");
    return ENG_NO_MEMORY;
}

/* Lays the text's tokens and a gap in front of *start. */
static enum eng_status lay_out(const struct eng_model *model, const struct asst_shelf_text *text,
                               int32_t *ids, size_t *start, struct eng_error *err)
{
    size_t count = 0, capacity = text->len + 8;
    struct eng_token *tokens = malloc(capacity * sizeof *tokens);
    if (!tokens) return no_memory(err);
    enum eng_status status =
        eng_tokenize(model, text->text, text->len, tokens, capacity, &count, err);
    if (status == ENG_OK) ids[--*start] = ASST_TRAIL_GAP;
    while (status == ENG_OK && count > 0 && *start > 0)
        ids[--*start] = tokens[--count].id;
    free(tokens);
    return status;
}

enum eng_status asst_shelf_new(const struct eng_model *model, const struct asst_shelf_text *texts,
                               size_t n, struct asst_shelf **out, struct eng_error *err)
{
    int32_t *ids = malloc(ASST_SHELF_TOKENS * sizeof *ids);
    struct asst_shelf *shelf = *out = calloc(1, sizeof *shelf);
    size_t start = ASST_SHELF_TOKENS;
    enum eng_status status = ids && shelf ? ENG_OK : no_memory(err);
    for (size_t i = 0; i < n && start > 0 && status == ENG_OK; i++)
        status = lay_out(model, &texts[i], ids, &start, err);
    if (status == ENG_OK && !asst_trail_open(&shelf->trail, (uint32_t)(ASST_SHELF_TOKENS - start)))
        status = no_memory(err);
    for (size_t i = start; status == ENG_OK && i < ASST_SHELF_TOKENS; i++)
        asst_trail_push(&shelf->trail, ids[i]);
    free(ids);
    if (shelf) atomic_init(&shelf->holders, 1);
    if (status == ENG_OK) return ENG_OK;
    asst_shelf_release(shelf);
    *out = NULL;
    return status;
}

struct asst_shelf *asst_shelf_hold(struct asst_shelf *shelf)
{
    if (shelf) atomic_fetch_add(&shelf->holders, 1);
    return shelf;
}

void asst_shelf_release(struct asst_shelf *shelf)
{
    if (!shelf || atomic_fetch_sub(&shelf->holders, 1) > 1) return;
    asst_trail_close(&shelf->trail);
    free(shelf);
}

size_t asst_shelf_length(const struct asst_shelf *shelf)
{
    return shelf->trail.length;
}

const struct asst_trail *asst_shelf_trail(const struct asst_shelf *shelf)
{
    return &shelf->trail;
}
