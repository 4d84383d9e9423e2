/* Snippets of other files, by token budget.
 *
 * Owns the choice by size and nothing else: what matters is the offerer's to say. Like an outline
 * they are lines as they stand in their files, one after the other, which is what the model has
 * been trained on; no paths, no comments around them.
 */
#include "lsp/assist/extra.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SNIPPET_BYTES = 8192, LEAST_TOKENS = 4 };

/* A snippet that was taken: its tokens in the order of importance. */
struct taken {
    uint32_t place, at, count;
};

static int by_place(const void *a, const void *b)
{
    const struct taken *x = a, *y = b;
    if (x->place != y->place) return x->place < y->place ? -1 : 1;
    return x->at < y->at ? -1 : x->at > y->at;
}

/* Appends the snippet's tokens at *n if they fit. */
static enum eng_status take(const struct eng_model *model, const struct asst_snippet *snippet,
                            struct eng_token *scratch, uint32_t max, int32_t *ids, uint32_t *n,
                            struct eng_error *err)
{
    size_t count = 0;
    if (snippet->len == 0 || snippet->len > SNIPPET_BYTES) return ENG_OK;
    enum eng_status status =
        eng_tokenize(model, snippet->text, snippet->len, scratch, SNIPPET_BYTES + 8, &count, err);
    if (status != ENG_OK || count > max - *n) return status;
    for (size_t i = 0; i < count; i++)
        ids[(*n)++] = scratch[i].id;
    return ENG_OK;
}

enum eng_status asst_extra_tokens(const struct eng_model *model, const struct asst_extra *extra,
                                  uint32_t max, int32_t *out, uint32_t *count,
                                  struct eng_error *err)
{
    struct taken taken[ASST_EXTRA_SNIPPETS];
    size_t n_taken = 0;
    uint32_t n = 0;
    struct eng_token *scratch = malloc((SNIPPET_BYTES + 8) * sizeof *scratch);
    int32_t *ids = malloc(((size_t)max + 1) * sizeof *ids);
    enum eng_status status = scratch && ids ? ENG_OK : ENG_NO_MEMORY;
    if (status != ENG_OK && err)
        snprintf(err->text, sizeof err->text, "out of memory for snippets");
    for (size_t i = 0; status == ENG_OK && i < extra->count && n_taken < ASST_EXTRA_SNIPPETS; i++) {
        if (max - n < LEAST_TOKENS) break;
        uint32_t at = n;
        status = take(model, &extra->snippets[i], scratch, max, ids, &n, err);
        if (n > at) taken[n_taken++] = (struct taken){extra->snippets[i].place, at, n - at};
    }
    *count = 0;
    if (status == ENG_OK) {
        if (n_taken) qsort(taken, n_taken, sizeof *taken, by_place);
        for (size_t i = 0; i < n_taken; i++) {
            memcpy(out + *count, ids + taken[i].at, taken[i].count * sizeof *out);
            *count += taken[i].count;
        }
    }
    free(scratch);
    free(ids);
    return status;
}
