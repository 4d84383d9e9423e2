/* A review's rule as it may come from a workspace: read, compiled, run, and its fixes applied. */
#include "grammars/grammars.h"
#include "lsp/assist/review/review.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
const char *__lsan_default_suppressions(void);

/* tree-sitter forgets some bytes of a query that it refuses. */
const char *__lsan_default_suppressions(void)
{
    return "leak:ts_query__parse_pattern";
}

static void review(const struct rev_rules *rules, const char *text)
{
    struct syn_document *doc;
    struct rev_findings findings;
    size_t len = strlen(text), fixed_len, applied;
    if (syn_document_new(rules->lang, text, len, &doc, NULL) != SYN_OK) abort();
    if (syn_document_parse(doc, 0, NULL) != SYN_OK) abort();
    if (rev_review(rules, "fuzz", NULL, doc, 0, len, &findings, NULL) != SYN_OK) abort();
    char *fixed = rev_apply(doc, &findings, true, &fixed_len, &applied);
    if (!fixed || applied > findings.count) abort();
    free(fixed);
    rev_findings_free(&findings);
    syn_document_free(doc);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char text[] = "int f(int x, char *s) {\n"
                               "    if (x == x) x = x; /* one */ else return 1;\n"
                               "    for (int i = 0; i < 3; i++) printf(\"%d\", i, s);\n"
                               "    // espalier: ignore fuzz because\n"
                               "    return f(x, s) + s[1];\n"
                               "}\n";
    static struct rev_rules *rules; /* the built-in ones take long to compile */
    struct syn_error err;
    if (!rules && !rev_rules_new(gram_by_id("c"), &rules, &err)) abort();
    if (rev_rules_add(rules, "fuzz", (const char *)data, size, &err)) review(rules, text);
    return 0;
}
