/* A rule that rewrites, as it may come from a workspace: read, its tests run, and run over a text:
 * what comes of it parses as well as before and has nothing more to change. */
#include "grammars/grammars.h"
#include "lsp/assist/refactor/refactor.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
const char *__lsan_default_suppressions(void);

/* tree-sitter forgets some bytes of a query that it refuses. */
const char *__lsan_default_suppressions(void)
{
    return "leak:ts_query__parse_pattern";
}

static void run(const struct ref_rules *rules, const char *text)
{
    const struct ref_choice choice = {.unsafe = true};
    struct syn_document *doc;
    struct ref_result first, second;
    size_t len = strlen(text);
    if (syn_document_new(rules->lang, text, len, &doc, NULL) != SYN_OK) abort();
    if (syn_document_parse(doc, 0, NULL) != SYN_OK) abort();
    if (ref_run(rules, &choice, doc, &first, NULL) != SYN_OK) abort();
    if (first.made) {
        if (syn_document_cost(first.made) > syn_document_cost(doc)) abort();
        if (ref_run(rules, &choice, first.made, &second, NULL) != SYN_OK) abort();
        if (second.made || second.total > 0) abort();
        ref_result_free(&second);
    }
    ref_result_free(&first);
    syn_document_free(doc);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char text[] = "int f(int x, char *s) {\n"
                               "    if (x == x) x = x; /* one */ else return 1;\n"
                               "    if (x) { if (s) { g(); return 2; } else { h(); } }\n"
                               "    for (int i = 0; i < 3; i++) printf(\"%d\", i, s);\n"
                               "    return f(x, s) + s[1];\n"
                               "}\n";
    struct ref_rules *rules;
    struct syn_error err = {""};
    if (!ref_rules_new(gram_by_id("c"), false, &rules, &err)) abort();
    if (ref_rules_add(rules, "fuzz", (const char *)data, size, &err)) {
        for (size_t i = 0; i < rules->list[0]->n_cases; i++)
            free(ref_try_case(rules, rules->list[0], &rules->list[0]->cases[i]));
        run(rules, text);
    } else if (!err.text[0]) {
        abort();
    }
    ref_rules_free(rules);
    return 0;
}
