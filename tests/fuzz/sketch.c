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

/* Looks for the pattern, and puts a template of its names in its places. */
static void search(const struct gram_language *lang, const char *pattern, const char *text,
                   size_t len, const struct syn_sketch *one)
{
    struct syn_document *doc = NULL;
    struct ref_rules *rules;
    struct ref_result result = {0};
    const struct ref_choice choice = {.once = true};
    const char *part;
    if (!ref_rules_new(lang, false, &rules, NULL)) abort();
    const char *template = syn_sketch_name(one, "A", 1) >= 0 ? "f($A, $A)\n  $A" : "f()";
    if (ref_rules_add_pattern(rules, pattern, template, &part, NULL) != SYN_OK) abort();
    if (syn_document_new(lang, text, len, &doc, NULL) == SYN_OK &&
        syn_document_parse(doc, 0, NULL) == SYN_OK) {
        if (syn_sketch_run(&one, 1, doc, (struct syn_span){0, UINT32_MAX}, check, &len, NULL) !=
            SYN_OK)
            abort();
        if (ref_run(rules, &choice, doc, &result, NULL) != SYN_OK) abort();
        if (result.total > 0 && !ref_may_find(rules, &choice, text, len)) abort();
    }
    ref_result_free(&result);
    syn_document_free(doc);
    ref_rules_free(rules);
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
        search(lang, pattern, text, len, sketch);
    else if (!err.text[0])
        abort();
    syn_sketch_free(sketch);
    return 0;
}
