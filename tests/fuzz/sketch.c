/* Sketches: a language by the first byte, a pattern, a zero byte, a text: any pattern is refused
 * with a reason or looked for without harm; what is found lies in the text, and a template of all
 * names can be filled. */
#include "grammars/grammars.h"
#include "lsp/assist/refactor/refactor.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool check(size_t which, const struct syn_found *found, void *user)
{
    if (which != 0) abort();
    size_t len = *(size_t *)user;
    if (found->span.start > found->span.end || found->span.end > len) abort();
    for (size_t i = 0; i < SYN_SKETCH_NAMES; i++)
        if (found->names[i].start > found->names[i].end || found->names[i].end > len) abort();
    return true;
}

static void search(const struct syn_sketch *sketch, const struct gram_language *lang,
                   const char *text, size_t len)
{
    struct syn_document *doc = NULL;
    const struct syn_sketch *one = sketch;
    struct ref_changes changes;
    size_t refused;
    if (syn_document_new(lang, text, len, &doc, NULL) == SYN_OK &&
        syn_document_parse(doc, 0, NULL) == SYN_OK) {
        if (syn_sketch_run(&one, 1, doc, check, &len, NULL) != SYN_OK) abort();
        const char *template = syn_sketch_name(sketch, "A", 1) >= 0 ? "f($A, $A)\n  $A" : "f()";
        if (!ref_check(sketch, template, NULL)) abort();
        if (ref_find(sketch, template, doc, &changes, NULL) != SYN_OK) abort();
        if (changes.count > 0 && !syn_sketch_may_match(sketch, text, len)) abort();
        struct syn_document *made;
        if (ref_apply(doc, &changes, &made, &refused, NULL) != SYN_OK) abort();
        syn_document_free(made);
        ref_changes_free(&changes);
    }
    syn_document_free(doc);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2) return 0;
    const struct gram_language *lang = gram_at(data[0] % gram_count());
    const uint8_t *end = memchr(data + 1, 0, size - 1);
    if (!end) return 0;
    const char *pattern = (const char *)data + 1, *text = (const char *)end + 1;
    size_t pattern_len = (size_t)(end - data) - 1, len = size - 2 - pattern_len;
    struct syn_error err = {""};
    struct syn_sketch *sketch;
    enum syn_status status = syn_sketch_new(lang, pattern, pattern_len, &sketch, &err);
    if (status == SYN_OK)
        search(sketch, lang, text, len);
    else if (!err.text[0])
        abort();
    syn_sketch_free(sketch);
    return 0;
}
