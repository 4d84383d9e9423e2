/* identity: do all kernel sets write the same?
 *
 *   identity MODEL [--prompts N] [--tokens N] [--context N] [--allow N] [--rounding X] FILE...
 *
 * Makes N prompts at places in the files (default 200, of 256 tokens) as a completion would, and
 * lets each kernel set that this processor has continue them by the likeliest token (24 of them, or
 * to the model's end token). Prints for each set how many continuations are those of the first set
 * ("ref", the arithmetic written down plainly), and how far its logits are from that one's where
 * both still stand behind the same tokens. Where a set goes another way, `margin` is by how much
 * the first set preferred its own token: no more than twice the logits' difference by rounding.
 *
 * Exits with 1 when a set differs at more than --allow prompts, or anywhere by a margin above
 * --rounding, or its logits by more: then it is not rounding. */
#include "grammars/grammars.h"
#include "lsp/assist/prompt.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_FILE = 1 << 20, MAX_TOKENS = 64, MAX_PROMPTS = 2000 };

struct settings {
    const char *model, *const *files;
    size_t n_files, prompts, tokens, allow;
    uint32_t context;
    double rounding;
};

/* One prompt, and how the first set continues it. */
struct task {
    struct asst_prompt prompt;
    int32_t want[MAX_TOKENS];
    float *logits; /* [n + 1, vocab]: in front of each of them, and of what would come then */
    size_t n;
};

struct outcome {
    size_t prompts, same, tokens;
    double difference, squares, margin; /* largest; of all logits compared; largest */
    size_t compared;
};

static int fail(const char *what, const char *why)
{
    fprintf(stderr, "identity: %s: %s\n", what, why);
    return 2;
}

/* ---- Prompts ----------------------------------------------------------------------------- */

static char *read_file(const char *path, size_t *len)
{
    FILE *file = fopen(path, "rb");
    char *text = malloc(MAX_FILE);
    *len = file && text ? fread(text, 1, MAX_FILE, file) : 0;
    if (file) fclose(file);
    return text;
}

/* The prompt at the n-th of `of` places of a document, at a token of a line. */
static bool make_prompt(const struct eng_model *model, const struct syn_document *doc,
                        const struct settings *s, size_t n, size_t of, struct asst_prompt *out)
{
    struct asst_prompt_options sizes;
    struct syn_hole *hole;
    struct eng_error err = {""};
    size_t line = (syn_line_count(doc) - 1) * (2 * n + 1) / (2 * of);
    size_t start = syn_line_start(doc, line), end = syn_line_end(doc, line);
    size_t at = start + (end - start) * (n % 3) / 3;
    const char *text = syn_document_text(doc, NULL);
    while (at < end && ((unsigned char)text[at] & 0xC0) == 0x80)
        at++;
    asst_prompt_defaults(model, &sizes);
    if (sizes.budget > s->context) sizes.budget = s->context;
    sizes.middle_max = (uint32_t)s->tokens;
    sizes.suffix_max = s->context / 4;
    sizes.chunk = 16;
    if (syn_hole_open(doc, at, end, &hole, NULL) != SYN_OK) return false;
    const struct asst_source source = {doc, hole, at, end, NULL, NULL};
    bool ok = asst_prompt_build(model, &source, &sizes, out, &err) == ENG_OK;
    if (!ok) fprintf(stderr, "identity: %s\n", err.text);
    syn_hole_free(hole);
    return ok;
}

/* As many prompts of each file. Returns how many there are. */
static size_t make_prompts(const struct eng_model *model, const struct settings *s,
                           struct task *tasks)
{
    size_t made = 0, each = (s->prompts + s->n_files - 1) / s->n_files;
    for (size_t f = 0; f < s->n_files; f++) {
        size_t len;
        char *text = read_file(s->files[f], &len);
        const struct gram_language *lang = gram_by_path(s->files[f], text, len);
        struct syn_document *doc = NULL;
        if (syn_document_new(lang, text, len, &doc, NULL) == SYN_OK &&
            syn_document_parse(doc, 0, NULL) == SYN_OK)
            for (size_t n = 0; n < each && made < s->prompts; n++)
                made += make_prompt(model, doc, s, n, each, &tasks[made].prompt);
        syn_document_free(doc);
        free(text);
    }
    return made;
}

/* ---- Continuations ------------------------------------------------------------------------ */

static int32_t likeliest(const float *logits, size_t vocab)
{
    size_t best = 0;
    for (size_t i = 1; i < vocab; i++)
        if (logits[i] > logits[best]) best = i;
    return (int32_t)best;
}

/* Adds to the outcome how far two rows of logits are apart. */
static void compare_rows(const float *want, const float *got, size_t vocab, struct outcome *out)
{
    for (size_t i = 0; i < vocab; i++) {
        double difference = fabs((double)got[i] - want[i]);
        if (!(difference <= out->difference)) out->difference = difference; /* keeps NaN */
        out->squares += difference * difference;
    }
    out->compared += vocab;
}

/* Continues the task's prompt. first: writes what it says into the task, else compares. The prompt
 * is left as it was. */
static enum eng_status go_on(const struct eng_model *model, struct eng_session *session,
                             const struct settings *s, struct task *t, bool first,
                             struct outcome *out, struct eng_error *err)
{
    size_t vocab = eng_model_info(model)->vocab;
    int32_t end = eng_end_token(model);
    struct asst_prompt prompt = t->prompt;
    bool same = true;
    enum eng_status status =
        eng_session_sync(session, prompt.inputs, prompt.length, NULL, NULL, err);
    for (size_t n = 0; n < s->tokens && status == ENG_OK && same; n++) {
        const float *logits = eng_session_logits(session);
        int32_t id = likeliest(logits, vocab);
        if (first) {
            memcpy(t->logits + n * vocab, logits, vocab * sizeof *logits);
            t->want[t->n++] = id;
        } else {
            const float *want = t->logits + n * vocab;
            compare_rows(want, logits, vocab, out);
            same = id == t->want[n];
            double margin = (double)want[t->want[n]] - want[id];
            if (!same && !(margin <= out->margin)) out->margin = margin;
        }
        out->tokens += same;
        if (id == end || !same) break;
        status = asst_prompt_append(&prompt, model, id, err);
        if (status == ENG_OK)
            status = eng_session_append(session, &prompt.inputs[prompt.length - 1], NULL, err);
    }
    out->prompts++;
    out->same += same;
    return status;
}

static enum eng_status open_set(const char *set, const char *path, struct eng_model **model,
                                struct eng_session **session, struct eng_error *err)
{
    setenv("ESPALIER_CPU", set, 1);
    enum eng_status status = eng_model_open(path, NULL, model, err);
    if (status != ENG_OK) return status;
    status = eng_session_new(*model, 0, session, err);
    if (status != ENG_OK) eng_model_close(*model);
    return status;
}

/* All tasks by one kernel set. */
static enum eng_status run_set(const char *set, const struct settings *s, struct task *tasks,
                               size_t *n, bool first, struct outcome *out, struct eng_error *err)
{
    struct eng_model *model;
    struct eng_session *session;
    *out = (struct outcome){0};
    enum eng_status status = open_set(set, s->model, &model, &session, err);
    if (status != ENG_OK) return status;
    if (first) *n = make_prompts(model, s, tasks);
    size_t vocab = eng_model_info(model)->vocab;
    for (size_t i = 0; i < *n && status == ENG_OK; i++) {
        if (first) tasks[i].logits = malloc(s->tokens * vocab * sizeof(float));
        status =
            tasks[i].logits ? go_on(model, session, s, &tasks[i], first, out, err) : ENG_NO_MEMORY;
    }
    eng_session_free(session);
    eng_model_close(model);
    return status;
}

static bool print_row(const char *set, const struct settings *s, const struct outcome *o)
{
    double mean = o->compared ? sqrt(o->squares / (double)o->compared) : 0;
    printf("| %s | %zu of %zu | %zu | %.1e | %.1e | %.1e |\n", set, o->same, o->prompts, o->tokens,
           o->difference, mean, o->margin);
    fflush(stdout);
    return o->prompts - o->same <= s->allow && o->difference <= s->rounding &&
           o->margin <= s->rounding;
}

/* ---- Command line -------------------------------------------------------------------------- */

static bool read_settings(int argc, char **argv, struct settings *s)
{
    if (argc < 3) return false;
    *s = (struct settings){.model = argv[1],
                           .prompts = 200,
                           .tokens = 24,
                           .context = 256,
                           .allow = SIZE_MAX,
                           .rounding = INFINITY};
    int i = 2;
    for (; i + 1 < argc && strncmp(argv[i], "--", 2) == 0; i += 2) {
        unsigned long value = strtoul(argv[i + 1], NULL, 10);
        if (strcmp(argv[i], "--prompts") == 0) s->prompts = value;
        if (strcmp(argv[i], "--tokens") == 0) s->tokens = value;
        if (strcmp(argv[i], "--context") == 0) s->context = (uint32_t)value;
        if (strcmp(argv[i], "--allow") == 0) s->allow = value;
        if (strcmp(argv[i], "--rounding") == 0) s->rounding = strtod(argv[i + 1], NULL);
    }
    s->files = (const char *const *)argv + i;
    s->n_files = (size_t)(argc - i);
    return s->n_files > 0 && s->prompts > 0 && s->prompts <= MAX_PROMPTS && s->tokens > 0 &&
           s->tokens <= MAX_TOKENS;
}

int main(int argc, char **argv)
{
    static const char *const sets[] = {"ref", "avx2", "avxvnni",     "avx512",  "avx512vnni",
                                       "amx", "neon", "neondotprod", "neoni8mm"};
    struct settings s;
    if (!read_settings(argc, argv, &s)) return fail("usage", "identity MODEL [OPTION]... FILE...");
    struct task *tasks = calloc(s.prompts, sizeof *tasks);
    if (!tasks) return fail("prompts", "out of memory");
    size_t n = 0;
    bool good = true, first = true;
    printf("| set | same continuations | same tokens | largest difference | mean | margin |\n"
           "|---|---|---|---|---|---|\n");
    for (size_t i = 0; i < sizeof sets / sizeof *sets; i++) {
        struct outcome outcome;
        struct eng_error err = {""};
        enum eng_status status = run_set(sets[i], &s, tasks, &n, first, &outcome, &err);
        if (status == ENG_UNSUPPORTED) continue; /* not this processor's */
        if (status != ENG_OK) return fail(sets[i], err.text);
        good &= print_row(sets[i], &s, &outcome);
        first = false;
    }
    for (size_t i = 0; i < n; i++) {
        asst_prompt_free(&tasks[i].prompt);
        free(tasks[i].logits);
    }
    free(tasks);
    return good && n == s.prompts ? 0 : 1;
}
