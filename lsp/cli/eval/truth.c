/* truth.c: see truth.h. */
#include "lsp/cli/eval/truth.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

bool cli_truth_open(struct cli *cli, const char *path, struct cli_truth *t)
{
    struct eng_error err = {"out of memory"};
    *t = (struct cli_truth){0};
    if (!cli_open_model(cli, path, &t->model)) return false;
    const struct eng_model_info *info = eng_model_info(t->model);
    t->vocab = info->vocab;
    t->max_rows = CLI_LOGITS_MAX_BYTES / (t->vocab * sizeof *t->logits);
    if (t->max_rows > info->context) t->max_rows = info->context;
    t->logits = malloc(t->max_rows * t->vocab * sizeof *t->logits);
    t->rows = malloc(t->max_rows * sizeof *t->rows);
    if (t->logits && t->rows && eng_session_new(t->model, 0, &t->session, &err) == ENG_OK)
        return true;
    cli_fail("%s: %s", info->name, err.text);
    return false;
}

void cli_truth_close(struct cli_truth *t)
{
    eng_session_free(t->session);
    eng_model_close(t->model);
    free(t->logits);
    free(t->rows);
    *t = (struct cli_truth){0};
}

enum eng_status cli_truth_build(struct cli_truth *t, const struct cli_case *open,
                                const struct cli_eval *eval, struct eng_error *err)
{
    struct asst_prompt_options sizes;
    struct asst_request request;
    cli_case_request(open, t->model, eval, &sizes, &request);
    if (open->hole->kind != CLI_HOLE_LINE) /* as asst_complete_prepare does */
        sizes.middle_max =
            request.max_tokens < sizes.budget / 2 ? request.max_tokens : sizes.middle_max;
    struct syn_hole *hole = NULL;
    struct syn_error why = {"out of memory"};
    enum syn_status syn =
        syn_hole_open(open->doc, open->hole->start, open->hole->start, &hole, &why);
    enum eng_status status = asst_from_syntax(syn, &why, err);
    struct asst_source source = {open->doc, hole, open->hole->start, open->hole->start, NULL, NULL};
    if (status == ENG_OK) status = asst_prompt_build(t->model, &source, &sizes, &t->prompt, err);
    if (status == ENG_OK) {
        t->middle = t->prompt.length;
        status = asst_prompt_append_text(&t->prompt, t->model, open->doc,
                                         open->hole->file->text + open->hole->start,
                                         open->hole->end - open->hole->start, err);
        if (status != ENG_OK) asst_prompt_free(&t->prompt);
    }
    syn_hole_free(hole);
    return status;
}

static struct cli_row sum_row(const float *logits, size_t vocab)
{
    struct cli_row out = {0, 0};
    for (size_t i = 1; i < vocab; i++)
        if (logits[i] > logits[out.top]) out.top = i;
    for (size_t i = 0; i < vocab; i++)
        out.log_sum += expf(logits[i] - logits[out.top]);
    out.log_sum = log(out.log_sum) + logits[out.top];
    return out;
}

enum eng_status cli_truth_read(struct cli_truth *t, uint32_t before, struct eng_error *err)
{
    uint32_t n = t->prompt.length, wanted = n - t->middle + before + 1;
    if (wanted > t->max_rows) wanted = (uint32_t)t->max_rows;
    t->first = n > wanted ? n - wanted : 0;
    enum eng_status status =
        eng_session_logits_all(t->session, t->prompt.inputs, n, t->first, t->logits, NULL, err);
    for (uint32_t i = 0; status == ENG_OK && i < n - t->first; i++)
        t->rows[i] = sum_row(t->logits + (size_t)i * t->vocab, t->vocab);
    return status;
}
