/* What may stand in a hole.
 *
 * A language lists short texts, with "$C" and "$O" for the brackets that have to close and
 * to open there; this file works those out from the text on both sides and writes the
 * list for one hole. Fillings that cannot make the brackets match are left out: a parse
 * that must end in an error is the slowest kind.
 */
#include "syntax/filling.h"

#include "syntax/brackets.h"

#include <stdlib.h>
#include <string.h>

/* The filling with "$C" and "$O" replaced; openers that it has no place for come last. */
static size_t expand(const char *filling, const char *closers, const char *openers, char *out,
                     size_t max)
{
    size_t n = 0;
    bool opened = false, closed = false;
    while (*filling && n < max) {
        bool closes = filling[0] == '$' && filling[1] == 'C';
        bool opens = filling[0] == '$' && filling[1] == 'O';
        if (!closes && !opens) {
            out[n++] = *filling++;
            continue;
        }
        const char *text = closes ? closers : openers;
        size_t take = strlen(text) < max - n ? strlen(text) : max - n;
        memcpy(out + n, text, take);
        n += take;
        filling += 2;
        closed |= closes;
        opened |= opens;
    }
    if (!closed && *closers) return 0; /* it cannot match */
    for (const char *text = openers; !opened && *text && n < max; text++)
        out[n++] = *text;
    out[n] = 0;
    return n;
}

/* What has to close and to open between the texts left and right of the hole. */
static void match_around(const struct gram_language *lang, const char *before, size_t n_before,
                         const char *after, size_t n_after, char *closers, char *openers)
{
    struct syn_brackets left, right;
    syn_scan_brackets(&left, lang, (struct syn_quote){0}, before, n_before);
    struct syn_quote start =
        left.quote.mark == '/' ? left.quote : syn_scan_quote_before(lang, after, n_after);
    syn_scan_brackets(&right, lang, start, after, n_after);
    syn_match_brackets(&left, &right, start, closers, openers);
}

size_t syn_list_fillings(const struct syn_excerpt *x, const struct syn_document *doc,
                         const char *middle, size_t len, struct syn_filling *out, char *openers)
{
    const struct syn_tables *tables = doc->tables;
    char closers[SYN_MAX_OPENERS];
    char *before = malloc(x->hole + len + 1);
    if (!before) return 0;
    memcpy(before, x->text, x->hole);
    memcpy(before + x->hole, middle, len);
    match_around(doc->lang, before, x->hole + len, x->text + x->hole, x->length - x->hole, closers,
                 openers);
    free(before);

    size_t count = 0;
    for (size_t i = 0; i < tables->filling_count; i++) {
        struct syn_filling *f = &out[count];
        f->length = expand(tables->fillings[i], closers, openers, f->text, sizeof f->text - 1);
        bool known = f->length == 0; /* what differs in "$C" alone is often the same */
        for (size_t j = 0; j < count && !known; j++)
            known = !strcmp(out[j].text, f->text);
        count += !known;
    }
    return count;
}
