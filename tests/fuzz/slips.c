/* Slips of any text, in the language that its first byte chooses: places and texts lie where they
 * have to, a part has no more than the whole, and each can be made. */
#include "grammars/grammars.h"
#include "syntax/slip.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const struct syn_slips *slips, size_t len)
{
    for (size_t i = 0; i < slips->count; i++) {
        const struct syn_slip *s = &slips->list[i];
        if (s->place.start > s->place.end || s->place.end > len) abort();
        if (s->len > SYN_SLIP_TEXT_MAX || (size_t)s->text + s->len > slips->texts_len) abort();
        if (s->class >= SYN_SLIP_CLASSES) abort();
        if (s->function >= 0 && (size_t)s->function >= slips->n_functions) abort();
        if (i > 0 && slips->list[i - 1].place.start > s->place.start) abort();
    }
    for (size_t i = 0; i < slips->n_functions; i++)
        if (slips->functions[i].start > slips->functions[i].end || slips->functions[i].end > len)
            abort();
}

/* Some of them, made. */
static void make(struct syn_document *doc, const struct syn_slips *slips)
{
    enum { MADE = 4 };
    for (size_t i = 0; i < slips->count && i < MADE; i++) {
        const struct syn_slip *s = &slips->list[slips->count - 1 - i]; /* the last one first */
        if (i > 0 && s->place.end > slips->list[slips->count - i].place.start) continue;
        if (syn_document_edit(doc, s->place.start, s->place.end, slips->texts + s->text, s->len,
                              NULL) != SYN_OK)
            abort();
    }
    if (syn_document_parse(doc, 0, NULL) != SYN_OK) abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct syn_document *doc;
    struct syn_slips all, part;
    if (size < 2 || size > 20000) return 0;
    const struct gram_language *lang = gram_at(data[0] % gram_count());
    size_t len = size - 1;
    if (syn_document_new(lang, (const char *)data + 1, len, &doc, NULL) != SYN_OK)
        return 0; /* not UTF-8 */
    if (syn_document_parse(doc, 0, NULL) != SYN_OK) abort();
    if (syn_slips_find(doc, 0, len, &all, NULL) != SYN_OK) abort();
    if (syn_slips_find(doc, len / 3, 2 * len / 3, &part, NULL) != SYN_OK) abort();
    check(&all, len);
    check(&part, len);
    if (part.count > all.count) abort();
    make(doc, &all);
    syn_slips_free(&part);
    syn_slips_free(&all);
    syn_document_free(doc);
    return 0;
}
