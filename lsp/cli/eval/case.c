/* case.c: one hole: the document an editor would hold, the request it would send, and what an
 * answer is worth. Scores need nothing but texts and the tree; no model.
 */
#include "lsp/cli/eval/contest.h"

#include <stdlib.h>
#include <string.h>

enum { LINE_TOKENS = 64, LONG_TOKENS = 192 };

/* A fresh parse of the text without the truth: what a model is asked must not depend on what
 * was parsed before. */
bool cli_case_open(const struct cli_hole *hole, struct cli_case *out)
{
    const struct cli_file *file = hole->file;
    *out = (struct cli_case){.hole = hole};
    size_t right = file->len - hole->suffix;
    char *text = malloc(hole->start + right + 1);
    if (!text) return false;
    memcpy(text, file->text, hole->start);
    memcpy(text + hole->start, file->text + hole->suffix, right);
    bool ok = syn_document_new(file->lang, text, hole->start + right, &out->doc, NULL) == SYN_OK &&
              syn_document_parse(out->doc, 0, NULL) == SYN_OK;
    free(text);
    if (!ok) cli_case_close(out);
    return ok;
}

void cli_case_close(struct cli_case *open)
{
    syn_document_free(open->doc);
    open->doc = NULL;
}

static size_t without_end(const struct cli_hole *hole, const char *text, size_t len)
{
    const char *space = hole->kind == CLI_HOLE_LINE ? " \t" : " \t\r\n";
    while (len > 0 && text[len - 1] && strchr(space, text[len - 1]))
        len--;
    return len;
}

/* ERROR/MISSING cost of the file with text[len] in the hole; the document is as before then,
 * but not parsed. SYN_BAD_TEXT when that would be no text. */
static enum syn_status cost_with(struct cli_case *open, const char *text, size_t len,
                                 uint32_t *cost)
{
    size_t at = open->hole->start;
    enum syn_status status = syn_document_edit(open->doc, at, at, text, len, NULL);
    if (status != SYN_OK) return status;
    status = syn_document_parse(open->doc, 0, NULL);
    if (status == SYN_OK) *cost = syn_document_cost(open->doc);
    enum syn_status back = syn_document_edit(open->doc, at, at + len, "", 0, NULL);
    return status == SYN_OK ? back : status;
}

/* What is not valid may still fit. */
static bool judge(struct cli_case *open, const char *text, size_t len, struct cli_score *out)
{
    struct syn_hole *hole = NULL;
    struct syn_verdict verdict;
    size_t at = open->hole->start;
    bool ok = syn_document_parse(open->doc, 0, NULL) == SYN_OK &&
              syn_hole_open(open->doc, at, at, &hole, NULL) == SYN_OK &&
              syn_candidate_judge(hole, text, len, &verdict, NULL) == SYN_OK;
    if (ok) out->fits = verdict.keep == len;
    syn_hole_free(hole);
    return ok;
}

bool cli_case_score(struct cli_case *open, const char *text, size_t len, struct cli_score *out)
{
    const struct cli_hole *hole = open->hole;
    const char *truth = hole->file->text + hole->start;
    size_t truth_len = hole->end - hole->start;
    len = without_end(hole, text, len);
    bool exact = len == truth_len && memcmp(text, truth, len) == 0;
    *out =
        (struct cli_score){exact, cli_edit_similarity(text, len, truth, truth_len), exact, exact};
    if (exact) return true;
    if (!open->has_truth_cost) {
        if (cost_with(open, truth, truth_len, &open->truth_cost) != SYN_OK) return false;
        open->has_truth_cost = true;
    }
    uint32_t cost = UINT32_MAX;
    enum syn_status status = cost_with(open, text, len, &cost);
    out->valid = out->fits = status == SYN_OK && cost <= open->truth_cost;
    if (status == SYN_OK && !out->valid) return judge(open, text, len, out);
    return status == SYN_OK || status == SYN_BAD_TEXT;
}

void cli_case_request(const struct cli_case *open, const struct eng_model *model,
                      const struct cli_eval *eval, struct asst_prompt_options *sizes,
                      struct asst_request *out)
{
    bool line = open->hole->kind == CLI_HOLE_LINE;
    asst_prompt_defaults(model, sizes);
    if (eval->context && (uint32_t)eval->context < sizes->budget)
        sizes->budget = (uint32_t)eval->context;
    if (eval->outline >= 0) sizes->outline_max = (uint32_t)eval->outline;
    if (eval->extra >= 0) sizes->extra_max = (uint32_t)eval->extra;
    *out = (struct asst_request){.doc = open->doc,
                                 .cursor = open->hole->start,
                                 .scope = line ? ASST_SCOPE_LINE : ASST_SCOPE_TEXT,
                                 .max_tokens = line ? LINE_TOKENS : LONG_TOKENS,
                                 .sizes = sizes,
                                 .recall = eval->recall,
                                 .no_recall = eval->no_recall,
                                 .no_grammar = eval->no_grammar};
}
