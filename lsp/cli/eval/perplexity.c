/* eval_perplexity.c: `espalier eval perplexity`.
 *
 * Bits per byte of whole files, read in windows that overlap by half: but for a file's
 * first window, a token counts only where it has at least half a window before it. With an
 * outline in front of a window, that is half of what the outline leaves; names for it come
 * from the half that does not count. The
 * unit is the byte, so that models with different vocabularies, and compressors, compare.
 * <|end|> is not counted: a compressor is not asked where the file ends either.
 */
#include "grammars/grammars.h"
#include "lsp/assist/prompt.h"
#include "lsp/assist/tokens.h"
#include "lsp/cli/eval/eval.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_MODELS = 16, WINDOW_MAX = 2048 };

/* Bits of one file under each model. */
struct file_bits {
    const struct cli_file *file;
    double bits[MAX_MODELS];
    double bytes;
};

struct study {
    struct cli_eval *eval;
    struct file_bits *files;
    size_t n_files, n_models;
    const char *name[MAX_MODELS];
};

/* One model at work. */
struct meter {
    const struct eng_model *model;
    struct eng_session *session;
    float *logits; /* [window, vocab] */
    size_t vocab;
    uint32_t window, outline;
};

/* -log2 of the softmax of logits[vocab] at id. */
static double bits_of(const float *logits, size_t vocab, int32_t id)
{
    float top = logits[0];
    for (size_t i = 1; i < vocab; i++)
        top = logits[i] > top ? logits[i] : top;
    double sum = 0;
    for (size_t i = 0; i < vocab; i++)
        sum += exp((double)logits[i] - top);
    return (log(sum) + top - logits[id]) / log(2.0);
}

/* Bits of the tokens of the window whose first byte is at `from` or behind; byte is where
 * the window's text starts. */
static enum eng_status window_bits(struct meter *m, const struct asst_prompt *p, size_t byte,
                                   size_t from, double *bits, struct eng_error *err)
{
    uint32_t first = 0, outline = p->n_outline; /* first position to be predicted and counted */
    size_t at = byte, len;
    while (first < p->length) {
        bool text = eng_token_text(m->model, p->inputs[first].id, &len) != NULL;
        if (text && outline == 0 && at >= from) break;
        if (text && outline > 0)
            outline--;
        else
            at += text ? len : 0;
        first++;
    }
    if (first == 0) { /* nothing in front: all tokens are equally likely */
        *bits += log2((double)m->vocab);
        first = 1;
    }
    uint32_t last = p->length;
    while (last > first && !eng_token_text(m->model, p->inputs[last - 1].id, &len))
        last--;
    if (first >= last) return ENG_OK;
    /* The logits at a position are about the token after it. */
    enum eng_status status =
        eng_session_logits_all(m->session, p->inputs, last - 1, first - 1, m->logits, NULL, err);
    for (uint32_t i = first; status == ENG_OK && i < last; i++)
        *bits += bits_of(m->logits + (size_t)(i - first) * m->vocab, m->vocab, p->inputs[i].id);
    return status;
}

static enum eng_status document_bits(struct meter *m, const struct syn_document *doc, double *bits,
                                     struct eng_error *err)
{
    size_t len, start = 0, counted = 0;
    syn_document_text(doc, &len);
    struct asst_tokens *tokens = NULL;
    enum eng_status status = asst_tokens_new(m->model, &tokens, err);
    while (status == ENG_OK && counted < len) {
        struct asst_prompt prompt;
        size_t stop;
        struct asst_part part = {.doc = doc,
                                 .tokens = tokens,
                                 .start = start,
                                 .end = len,
                                 .budget = m->window,
                                 .outline_max = m->outline,
                                 .known = counted};
        status = asst_prompt_plain(m->model, &part, &prompt, &stop, err);
        if (status != ENG_OK) break;
        if (stop <= counted) { /* one token alone fills no window: cannot happen twice */
            asst_prompt_free(&prompt);
            start = counted;
            continue;
        }
        status = window_bits(m, &prompt, start, counted, bits, err);
        asst_prompt_free(&prompt);
        counted = stop;
        /* The next window starts at the line that holds the middle of this one. */
        size_t line, column, middle = start + (stop - start) / 2;
        syn_position_of(doc, middle, SYN_UTF8, &line, &column);
        size_t next = syn_line_start(doc, line);
        start = next > start ? next : stop;
    }
    asst_tokens_free(tokens);
    return status;
}

static bool measure_file(struct meter *m, struct cli_corpus *corpus, struct cli_file *file,
                         double *bits)
{
    struct syn_document *doc = NULL;
    struct syn_error why = {"out of memory"};
    struct eng_error err = {"out of memory"};
    if (!cli_corpus_load(corpus, file)) return true;
    bool ok = syn_document_new(file->lang, file->text, file->len, &doc, &why) == SYN_OK &&
              syn_document_parse(doc, 0, &why) == SYN_OK;
    if (!ok) cli_fail("%s: %s", file->path, why.text);
    if (ok && document_bits(m, doc, bits, &err) != ENG_OK) {
        cli_fail("%s: %s", file->path, err.text);
        ok = false;
    }
    syn_document_free(doc);
    cli_corpus_unload(file);
    return ok;
}

static bool run_model(struct study *s, const char *path, size_t k)
{
    struct cli_eval *eval = s->eval;
    struct eng_model *model = NULL;
    struct eng_error err = {"out of memory"};
    if (!cli_open_model(eval->cli, path, &model)) return false;
    s->name[k] = path ? cli_base_name(path) : "default";
    const struct eng_model_info *info = eng_model_info(model);
    struct meter m = {.model = model, .vocab = info->vocab};
    size_t fits = CLI_LOGITS_MAX_BYTES / (m.vocab * sizeof *m.logits);
    m.window = info->context < WINDOW_MAX ? info->context : WINDOW_MAX;
    if (m.window > fits) m.window = (uint32_t)fits;
    if (eval->context && (uint32_t)eval->context < m.window) m.window = (uint32_t)eval->context;
    m.outline = eval->outline > 0 ? (uint32_t)eval->outline : 0;
    m.logits = malloc((size_t)m.window * m.vocab * sizeof *m.logits);
    bool ok = m.logits && eng_session_new(model, m.window, &m.session, &err) == ENG_OK;
    if (!ok) cli_fail("%s", err.text);
    for (size_t i = 0; ok && i < s->n_files; i++) {
        cli_progress(eval->cli, "%s: file %zu of %zu", s->name[k], i + 1, s->n_files);
        struct cli_file *file = (struct cli_file *)s->files[i].file;
        ok = measure_file(&m, &eval->corpus, file, &s->files[i].bits[k]);
    }
    cli_progress_end(eval->cli);
    eng_session_free(m.session);
    free(m.logits);
    cli_log_attended(eval->cli, model);
    eng_model_close(model);
    return ok;
}

/* ---- Which files ----------------------------------------------------------------------- */

/* All files of each language, or n drawn from them, in the order of the list. */
static bool choose_files(struct study *s)
{
    struct cli_corpus *c = &s->eval->corpus;
    s->files = calloc(c->count, sizeof *s->files);
    bool *taken = calloc(c->count, sizeof *taken);
    size_t wanted = s->eval->n ? (size_t)s->eval->n : SIZE_MAX, first, last;
    for (size_t l = 0; s->files && taken && l < gram_count(); l++) {
        if (!cli_corpus_range(c, gram_at(l), &first, &last)) continue;
        uint64_t seed = (uint64_t)s->eval->seed * 1000003u + l;
        size_t n = wanted < last - first ? wanted : last - first;
        for (size_t k = 0; k < n;) {
            size_t i =
                n == last - first ? first + k : first + cli_random_below(&seed, last - first);
            k += !taken[i];
            taken[i] = true;
        }
        for (size_t i = first; i < last; i++) {
            if (!taken[i] || !cli_corpus_load(c, &c->files[i])) continue;
            s->files[s->n_files++] =
                (struct file_bits){.file = &c->files[i], .bytes = (double)c->files[i].len};
            cli_corpus_unload(&c->files[i]);
        }
    }
    bool ok = s->files && taken && s->n_files > 0;
    if (!ok) cli_fail(s->files && taken ? "no file could be read" : "out of memory");
    free(taken);
    return ok;
}

/* ---- Report ---------------------------------------------------------------------------- */

static struct cli_interval bits_per_byte(const struct study *s, size_t k, size_t from, size_t to)
{
    struct cli_interval out = {0, 0, 0};
    size_t n = to - from;
    double *values = malloc(2 * n * sizeof *values);
    uint32_t *cluster = malloc(n * sizeof *cluster);
    for (size_t i = 0; values && cluster && i < n; i++) {
        values[i] = s->files[from + i].bits[k];
        values[n + i] = s->files[from + i].bytes;
        cluster[i] = s->files[from + i].file->package;
    }
    if (values && cluster)
        out = cli_bootstrap(values, values + n, cluster, n, (uint64_t)s->eval->seed);
    free(values);
    free(cluster);
    return out;
}

static void report_rows(const struct study *s, cJSON *languages, const char *name, size_t from,
                        size_t to)
{
    double bytes = 0;
    for (size_t i = from; i < to; i++)
        bytes += s->files[i].bytes;
    cJSON *row = languages ? cJSON_CreateObject() : NULL, *results = NULL;
    if (row) {
        cJSON_AddStringToObject(row, "language", name);
        cJSON_AddNumberToObject(row, "files", (double)(to - from));
        cJSON_AddNumberToObject(row, "bytes", bytes);
        results = cJSON_AddArrayToObject(row, "results");
    }
    for (size_t k = 0; k < s->n_models; k++) {
        struct cli_interval bits = bits_per_byte(s, k, from, to);
        if (!row) {
            printf("%-11s %5zu %9.0f  %-28.28s  %.3f [%.3f, %.3f]\n", name, to - from, bytes,
                   s->name[k], bits.mean, bits.low, bits.high);
            continue;
        }
        cJSON *result = cJSON_CreateObject();
        cJSON_AddStringToObject(result, "model", s->name[k]);
        cli_add_interval(result, "bits_per_byte", bits);
        cJSON_AddItemToArray(results, result);
    }
    if (row) cJSON_AddItemToArray(languages, row);
}

static void report(const struct study *s)
{
    cJSON *root = s->eval->json ? cJSON_CreateObject() : NULL, *languages = NULL;
    if (root) {
        cJSON_AddNumberToObject(root, "seed", (double)s->eval->seed);
        cJSON_AddNumberToObject(root, "outline",
                                s->eval->outline > 0 ? (double)s->eval->outline : 0);
        languages = cJSON_AddArrayToObject(root, "languages");
        cJSON *files = cJSON_AddArrayToObject(root, "files");
        for (size_t i = 0; i < s->n_files; i++) {
            cJSON *file = cJSON_CreateObject();
            cJSON_AddStringToObject(file, "path", s->files[i].file->path);
            cJSON_AddStringToObject(file, "language", s->files[i].file->lang->id);
            cJSON_AddItemToArray(files, file);
        }
    } else {
        printf("%-11s %5s %9s  %-28s  %s\n", "language", "files", "bytes", "model",
               "bits per byte");
    }
    for (size_t from = 0, to; from < s->n_files; from = to) {
        const struct gram_language *lang = s->files[from].file->lang;
        for (to = from; to < s->n_files && s->files[to].file->lang == lang; to++)
            continue;
        report_rows(s, languages, lang->id, from, to);
    }
    report_rows(s, languages, "all", 0, s->n_files);
    if (root) cli_print_json(root);
}

int cli_eval_perplexity(struct cli_eval *eval)
{
    struct study s = {.eval = eval, .n_models = eval->models.count ? eval->models.count : 1};
    bool ok = choose_files(&s);
    for (size_t k = 0; ok && k < s.n_models; k++)
        ok = run_model(&s, eval->models.count ? eval->models.values[k] : NULL, k);
    if (ok) report(&s);
    free(s.files);
    return ok ? CLI_OK : CLI_ERROR;
}
