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
    if (shown->count > 0 && shown->on_end) shown->on_end(shown, shown->user);
    for (size_t i = 0; i < shown->count; i++)
        free(shown->texts[i].text);
    memset(shown, 0, sizeof *shown);
}

void lsp_shown_add(struct lsp_shown *shown, size_t place, const char *text, size_t len,
                   uint32_t replaces)
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
    shown->texts[shown->count++] = (struct lsp_shown_text){copy, len, replaces};
}

static bool goes_on(const struct lsp_shown_text *t, size_t at, const char *text, size_t len)
{
    return t->len - at >= len && memcmp(t->text + at, text, len) == 0;
}

/* Keeps the texts that go on with text[len] from `at` on, unless there are none. */
static bool keep_matching(struct lsp_shown *shown, size_t at, const char *text, size_t len)
{
    size_t kept = 0;
    bool any = false;
    for (size_t i = 0; i < shown->count; i++)
        any |= goes_on(&shown->texts[i], at, text, len);
    for (size_t i = 0; any && i < shown->count; i++) {
        if (goes_on(&shown->texts[i], at, text, len))
            shown->texts[kept++] = shown->texts[i];
        else
            free(shown->texts[i].text);
    }
    if (any) shown->count = kept;
    return any;
}

/* More than a key gives: one character, or a line's end with the indentation of the next line. */
static bool is_jump(const char *text, size_t len)
{
    size_t characters = 0, at = 0;
    for (size_t i = 0; i < len; i++)
        characters += ((unsigned char)text[i] & 0xc0) != 0x80;
    if (len > 0 && (text[0] == '\n' || text[0] == '\r'))
        while (at < len && strchr("\r\n\t ", text[at]))
            at++;
    return characters > 1 && at < len;
}

void lsp_shown_edit(struct lsp_shown *shown, size_t start, size_t end, const char *text, size_t len)
{
    if (shown->count == 0) return;
    size_t cursor = shown->place + shown->typed, at = start - shown->place;
    /* Some editors replace the typed word by the word and one character more. */
    if (start < shown->place || end != cursor || !keep_matching(shown, at, text, len)) {
        lsp_shown_forget(shown);
        return;
    }
    if (at + len > shown->typed)
        shown->jumped |= is_jump(text + (shown->typed - at), at + len - shown->typed);
    shown->typed = at + len;
}

size_t lsp_shown_rest(const struct lsp_shown *shown, size_t cursor,
                      struct lsp_shown_text rest[ASST_MAX_ITEMS])
{
    size_t count = 0;
    if (shown->count == 0 || cursor != shown->place + shown->typed) return 0;
    for (size_t i = 0; i < shown->count; i++) {
        const struct lsp_shown_text *t = &shown->texts[i];
        if (t->len > shown->typed)
            rest[count++] =
                (struct lsp_shown_text){t->text + shown->typed, t->len - shown->typed, t->replaces};
    }
    return count;
}
