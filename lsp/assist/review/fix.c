/* Fixes put into a text.
 *
 * What comes out parses no worse than what went in: otherwise a fix that does not fit its
 * surroundings is found by halving, and left out.
 */
#include "grammars/grammars.h"
#include "lsp/assist/review/review.h"

#include <stdlib.h>
#include <string.h>

static bool is_wanted(const struct rev_finding *f, bool unsafe, uint32_t from)
{
    return f->fix.text && (f->fix.safe || unsafe) && f->fix.start >= from;
}

/* The text with the first `most` of the wanted fixes in it. */
static char *apply(const char *text, size_t len, const struct rev_findings *findings, bool unsafe,
                   size_t most, size_t *out_len, size_t *applied)
{
    size_t room = len + 1;
    for (size_t i = 0; i < findings->count; i++)
        if (findings->list[i].fix.text) room += strlen(findings->list[i].fix.text);
    char *out = malloc(room);
    uint32_t from = 0;
    *out_len = *applied = 0;
    if (!out) return NULL;
    for (size_t i = 0; i < findings->count && *applied < most; i++) {
        const struct rev_finding *f = &findings->list[i];
        if (!is_wanted(f, unsafe, from)) continue;
        memcpy(out + *out_len, text + from, f->fix.start - from);
        *out_len += f->fix.start - from;
        memcpy(out + *out_len, f->fix.text, strlen(f->fix.text));
        *out_len += strlen(f->fix.text);
        from = f->fix.end;
        ++*applied;
    }
    memcpy(out + *out_len, text + from, len - from);
    *out_len += len - from;
    out[*out_len] = 0;
    return out;
}

static bool parses_as_well(const struct syn_document *doc, const char *text, size_t len)
{
    struct syn_document *changed;
    if (syn_document_new(syn_document_language(doc), text, len, &changed, NULL) != SYN_OK)
        return false;
    bool well = syn_document_parse(changed, 0, NULL) == SYN_OK &&
                syn_document_cost(changed) <= syn_document_cost(doc);
    syn_document_free(changed);
    return well;
}

char *rev_apply(const struct syn_document *doc, const struct rev_findings *findings, bool unsafe,
                size_t *len, size_t *applied)
{
    size_t text_len;
    const char *text = syn_document_text(doc, &text_len);
    size_t good = 0, bad = findings->count + 1; /* so many at first: fine; not fine */
    for (size_t most = findings->count; bad - good > 1; most = good + (bad - good) / 2) {
        char *out = apply(text, text_len, findings, unsafe, most, len, applied);
        if (!out) return NULL;
        if (parses_as_well(doc, out, *len))
            good = most;
        else
            bad = most;
        free(out);
    }
    return apply(text, text_len, findings, unsafe, good, len, applied);
}
