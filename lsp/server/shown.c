/* shown.c: following edits along a suggestion.
 *
 * What was typed is kept by its length alone: it is the start of the texts that are left. A text
 * that does not go on as the person does is dropped for good, so that after deleting a character
 * only those come back that were still there. An editor that closes a bracket by itself inserts
 * behind the cursor what no suggestion has there, and so forgets it: the suggestion was made for a
 * text without that bracket.
 */
#include "lsp/server/shown.h"

#include <stdlib.h>
#include <string.h>

void lsp_shown_forget(struct lsp_shown *shown)
{
    for (size_t i = 0; i < shown->count; i++)
        free(shown->texts[i].text);
    memset(shown, 0, sizeof *shown);
}

void lsp_shown_add(struct lsp_shown *shown, size_t place, const char *text, size_t len)
{
    if (shown->count == ASST_MAX_ITEMS) return;
    char *copy = malloc(len + 1);
    if (!copy) {
        lsp_shown_forget(shown);
        return;
    }
    memcpy(copy, text, len);
    copy[len] = 0;
    shown->place = place;
    shown->texts[shown->count++] = (struct lsp_shown_text){copy, len};
}

/* Keeps the texts that go on with text[len] where the typed part ends. */
static void keep_matching(struct lsp_shown *shown, const char *text, size_t len)
{
    size_t kept = 0, at = shown->typed;
    for (size_t i = 0; i < shown->count; i++) {
        struct lsp_shown_text *t = &shown->texts[i];
        if (t->len - at >= len && memcmp(t->text + at, text, len) == 0)
            shown->texts[kept++] = *t;
        else
            free(t->text);
    }
    shown->count = kept;
}

void lsp_shown_edit(struct lsp_shown *shown, size_t start, size_t end, const char *text, size_t len)
{
    if (shown->count == 0) return;
    size_t cursor = shown->place + shown->typed;
    if (start < shown->place || end != cursor) {
        lsp_shown_forget(shown);
        return;
    }
    /* Some editors replace the typed word by the word and one character more. */
    shown->typed = start - shown->place;
    keep_matching(shown, text, len);
    shown->typed += len;
    if (shown->count == 0) lsp_shown_forget(shown);
}

size_t lsp_shown_rest(const struct lsp_shown *shown, size_t cursor,
                      struct lsp_shown_text rest[ASST_MAX_ITEMS])
{
    size_t count = 0;
    if (shown->count == 0 || cursor != shown->place + shown->typed) return 0;
    for (size_t i = 0; i < shown->count; i++) {
        const struct lsp_shown_text *t = &shown->texts[i];
        if (t->len > shown->typed)
            rest[count++] = (struct lsp_shown_text){t->text + shown->typed, t->len - shown->typed};
    }
    return count;
}
