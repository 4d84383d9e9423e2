/* eval_slips.c: `espalier eval slips`: does the model see a mistake where one was made?
 *
 * Functions of released code are read as they are, and once more with one slip in them, of a class
 * drawn evenly among those that the function allows. What is right is known: the function as it is
 * has no bug (or few), and in the other one the slip that undoes the first is the repair. With
 * --pairs both texts are given: real mistakes, and what mended them.
 */
#include "grammars/grammars.h"
#include "lsp/assist/review/head.h"
#include "lsp/cli/eval/eval.h"
#include "lsp/locate.h"
#include "syntax/bytes.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    FUNCTIONS = 100, /* of each language, where nothing else was asked for */
    PER_FILE = 3,    /* functions of one file at most */
    LINES_MIN = 4,
    LINES_MAX = 120,
    SLIPS_MIN = 4,
    TRIES = 40, /* files opened for a function wanted, at most */
};

struct bench {
    struct cli_eval *eval;
    struct rev_reader *reader;
    struct rev_head *head; /* NULL: the model has none */
    FILE *rows;
    size_t n_functions;
};

/* A text with its tree and slips. */
struct subject {
    struct syn_document *doc;
    struct syn_slips slips;
};

static void close_subject(struct subject *s)
{
    syn_slips_free(&s->slips);
    syn_document_free(s->doc);
    *s = (struct subject){0};
}

static bool open_subject(const struct gram_language *lang, const char *text, size_t len,
                         struct subject *out)
{
    *out = (struct subject){0};
    if (syn_document_new(lang, text, len, &out->doc, NULL) == SYN_OK &&
        syn_document_parse(out->doc, 0, NULL) == SYN_OK &&
        syn_slips_find(out->doc, 0, len, &out->slips, NULL) == SYN_OK)
        return true;
    close_subject(out);
    return false;
}

/* ---- Rows -------------------------------------------------------------------------- */

/* What was injected; class SYN_SLIP_CLASSES: nothing. */
struct injected {
    uint8_t class;
    uint32_t at;        /* byte of the changed text */
    const char *repair; /* what stood there */
    size_t len;         /* of it */
    size_t now;         /* bytes that stand there now */
};

static bool is_repair(const struct subject *s, const struct syn_slip *slip,
                      const struct injected *in)
{
    return in->class < SYN_SLIP_CLASSES && slip->place.start == in->at &&
           slip->place.end == in->at + in->now && slip->len == in->len &&
           memcmp(s->slips.texts + slip->text, in->repair, in->len) == 0;
}

static bool is_near(const struct injected *in, uint32_t start, uint32_t end)
{
    return in->class < SYN_SLIP_CLASSES && start <= in->at + in->now && end >= in->at;
}

/* A row of floats: function, language, package, injected class, class, repair, near, slips, then
 * the evidence. A first row of each reading has class -1: its "own" is the least likely token's. */
enum { ROW_HEAD = 8 };

static void write_row(struct bench *b, const float head[ROW_HEAD],
                      const float evidence[REV_EVIDENCE_COUNT])
{
    fwrite(head, sizeof *head, ROW_HEAD, b->rows);
    fwrite(evidence, sizeof *evidence, REV_EVIDENCE_COUNT, b->rows);
}

static void write_rows(struct bench *b, const struct cli_file *file, const struct subject *s,
                       size_t start, size_t end, const struct rev_views *views,
                       const struct injected *in)
{
    size_t len;
    const char *text = syn_document_text(s->doc, &len);
    float head[ROW_HEAD] = {(float)b->n_functions,
                            (float)gram_index(file->lang),
                            (float)file->package,
                            in->class < SYN_SLIP_CLASSES ? in->class : -1,
                            -1,
                            0,
                            is_near(in, views->odd, views->odd + 1),
                            (float)views->seen};
    float evidence[REV_EVIDENCE_COUNT] = {0};
    evidence[REV_EVIDENCE_OWN] = views->odd_own;
    write_row(b, head, evidence);
    for (size_t i = 0; i < views->count; i++) {
        const struct rev_view *v = &views->list[i];
        const struct syn_slip *slip = &s->slips.list[v->slip];
        rev_evidence_of(text, &s->slips, views, i, start, end, evidence);
        head[4] = slip->class;
        head[5] = is_repair(s, slip, in);
        head[6] = is_near(in, slip->place.start, slip->place.end);
        write_row(b, head, evidence);
    }
}

/* In opinions.tsv: number, whether there is a slip, whether the head speaks up, whether at its
 * place. */
static bool write_opinion(const struct bench *b, const struct subject *s, size_t start, size_t end,
                          const struct rev_views *views, const struct injected *in)
{
    char path[4096];
    struct rev_opinion opinion;
    if (!b->eval->write || !b->head) return true;
    rev_judge(b->head, s->doc, &s->slips, views, start, end, &opinion);
    snprintf(path, sizeof path, "%s/opinions.tsv", b->eval->write);
    FILE *list = fopen(path, "ab");
    if (!list) return cli_fail("%s: cannot be written", path) == CLI_OK;
    fprintf(list, "%zu\t%d\t%d\t%d\n", b->n_functions, in->class < SYN_SLIP_CLASSES, opinion.speaks,
            opinion.speaks &&
                is_near(in, (uint32_t)start + opinion.start, (uint32_t)start + opinion.end));
    return fclose(list) == 0;
}

static bool read_function(struct bench *b, const struct cli_file *file, const struct subject *s,
                          size_t start, size_t end, const struct injected *in)
{
    struct rev_views views = {0};
    struct eng_error err = {"out of memory"};
    bool ok =
        rev_reader_look(b->reader, s->doc, &s->slips, start, end, NULL, &views, &err) == ENG_OK;
    if (ok) {
        write_rows(b, file, s, start, end, &views, in);
        ok = write_opinion(b, s, start, end, &views, in);
    } else {
        cli_fail("%s: %s", file->path, err.text);
    }
    rev_views_free(&views);
    return ok;
}

/* ---- Injection --------------------------------------------------------------------- */

static bool can_be_made(const struct syn_slip *slip, size_t start, size_t end)
{
    return slip->place.start >= start && slip->place.end <= end;
}

/* A slip in bytes [start, end) of a class drawn evenly among those there are; -1: none. */
static long draw_slip(const struct syn_slips *slips, size_t start, size_t end, uint64_t *seed)
{
    size_t n[SYN_SLIP_CLASSES] = {0}, classes = 0;
    for (size_t i = 0; i < slips->count; i++)
        n[slips->list[i].class] += can_be_made(&slips->list[i], start, end);
    for (size_t c = 0; c < SYN_SLIP_CLASSES; c++)
        classes += n[c] > 0;
    if (classes == 0) return -1;
    size_t class = 0;
    for (size_t k = cli_random_below(seed, classes) + 1; k > 0; class ++)
        k -= n[class] > 0;
    class --;
    size_t k = cli_random_below(seed, n[class]);
    for (size_t i = 0; i < slips->count; i++) {
        const struct syn_slip *slip = &slips->list[i];
        if (slip->class != class || !can_be_made(slip, start, end)) continue;
        if (k-- == 0) return (long)i;
    }
    return -1;
}

/* The text with the slip in it; the caller frees. NULL when memory ran out. */
static char *with_slip(const struct cli_file *file, const struct syn_slips *slips,
                       const struct syn_slip *slip, size_t *len)
{
    size_t cut = slip->place.end - slip->place.start;
    *len = file->len - cut + slip->len;
    char *out = malloc(*len + 1);
    if (!out) return NULL;
    memcpy(out, file->text, slip->place.start);
    memcpy(out + slip->place.start, slips->texts + slip->text, slip->len);
    memcpy(out + slip->place.start + slip->len, file->text + slip->place.end,
           file->len - slip->place.end);
    return out;
}

/* ---- Texts, for other tools ---------------------------------------------------------- */

static bool write_text(const struct bench *b, const char *what, const char *extension,
                       const char *text, size_t len)
{
    char path[4096];
    snprintf(path, sizeof path, "%s/%zu.%s%s", b->eval->write, b->n_functions, what, extension);
    FILE *file = fopen(path, "wb");
    bool ok = file && fwrite(text, 1, len, file) == len;
    if (file && fclose(file) != 0) ok = false;
    if (!ok) cli_fail("%s: cannot be written", path);
    return ok;
}

/* NUMBER.right.EXT, NUMBER.wrong.EXT, and in cases.tsv: number, language, class, the slip's line,
 * the function's lines. */
static bool write_case(const struct bench *b, const struct cli_file *file,
                       const struct subject *wrong, size_t start, size_t end,
                       const struct injected *in)
{
    char path[4096];
    size_t len, line, first, last, column;
    if (!b->eval->write) return true;
    const char *text = syn_document_text(wrong->doc, &len), *extension = file->lang->extensions[0];
    syn_position_of(wrong->doc, in->at, SYN_UTF8, &line, &column);
    syn_position_of(wrong->doc, start, SYN_UTF8, &first, &column);
    syn_position_of(wrong->doc, end, SYN_UTF8, &last, &column);
    snprintf(path, sizeof path, "%s/cases.tsv", b->eval->write);
    FILE *list = fopen(path, "ab");
    if (!list) return cli_fail("%s: cannot be written", path) == CLI_OK;
    fprintf(list, "%zu\t%s\t%s\t%zu\t%zu\t%zu\n", b->n_functions, file->lang->id,
            syn_slip_class_name(in->class), line + 1, first + 1, last);
    return fclose(list) == 0 && write_text(b, "right", extension, file->text, file->len) &&
           write_text(b, "wrong", extension, text, len);
}

/* Reads the function with a slip in it. *done: there was one that could be made and undone. */
static bool read_mutant(struct bench *b, const struct cli_file *file, const struct subject *right,
                        size_t start, size_t end, uint64_t *seed, bool *done)
{
    enum { ATTEMPTS = 8 };
    bool ok = true;
    *done = false;
    for (int i = 0; ok && i < ATTEMPTS && !*done; i++) {
        long k = draw_slip(&right->slips, start, end, seed);
        if (k < 0) break;
        const struct syn_slip *slip = &right->slips.list[k];
        size_t len, cut = slip->place.end - slip->place.start;
        char *text = with_slip(file, &right->slips, slip, &len);
        struct subject wrong;
        if (!text || !open_subject(file->lang, text, len, &wrong)) {
            free(text);
            return cli_fail("out of memory") == CLI_OK;
        }
        struct injected in = {slip->class, slip->place.start, file->text + slip->place.start, cut,
                              slip->len};
        bool found = syn_document_cost(wrong.doc) <= syn_document_cost(right->doc);
        for (size_t s = 0; found && s < wrong.slips.count && !*done; s++)
            *done = is_repair(&wrong, &wrong.slips.list[s], &in);
        if (*done)
            ok = write_case(b, file, &wrong, start, end + slip->len - cut, &in) &&
                 read_function(b, file, &wrong, start, end + slip->len - cut, &in);
        close_subject(&wrong);
        free(text);
    }
    return ok;
}

/* ---- Functions --------------------------------------------------------------------- */

/* The whole lines of a function that is neither small nor large. */
static bool lines_of(const struct subject *s, size_t function, size_t *start, size_t *end)
{
    size_t lines = rev_lines_of(s->doc, s->slips.functions[function], start, end), slips = 0;
    for (size_t i = 0; i < s->slips.count; i++)
        slips += s->slips.list[i].place.start >= *start && s->slips.list[i].place.end <= *end;
    return lines >= LINES_MIN && lines <= LINES_MAX && slips >= SLIPS_MIN;
}

static bool read_file(struct bench *b, const struct cli_file *file, size_t wanted, uint64_t *seed,
                      size_t *count)
{
    struct subject s;
    bool ok = true;
    size_t taken = 0, behind = 0;
    if (!open_subject(file->lang, file->text, file->len, &s))
        return cli_fail("out of memory") == CLI_OK;
    for (size_t k = 0;
         ok && k < 2 * PER_FILE && taken < PER_FILE && *count < wanted && s.slips.n_functions > 0;
         k++) {
        size_t f = cli_random_below(seed, s.slips.n_functions), start, end;
        bool done = false;
        struct injected none = {.class = SYN_SLIP_CLASSES};
        if (!lines_of(&s, f, &start, &end) || start < behind) continue;
        behind = end; /* no function twice */
        ok = read_mutant(b, file, &s, start, end, seed, &done);
        if (!ok || !done) continue;
        ok = read_function(b, file, &s, start, end, &none);
        b->n_functions++;
        taken++;
        ++*count;
    }
    close_subject(&s);
    return ok;
}

static bool read_language(struct bench *b, const struct gram_language *lang, size_t l)
{
    struct cli_eval *eval = b->eval;
    struct cli_corpus *c = &eval->corpus;
    size_t first, last, count = 0, wanted = eval->n ? (size_t)eval->n : FUNCTIONS;
    uint64_t seed = (uint64_t)eval->seed * 1000003u + l;
    bool ok = true;
    if (!cli_corpus_range(c, lang, &first, &last)) return true;
    for (size_t tries = 0; ok && count < wanted && tries < TRIES * wanted; tries++) {
        struct cli_file *file = &c->files[first + cli_random_below(&seed, last - first)];
        if (!cli_corpus_load(c, file)) continue;
        cli_progress(eval->cli, "%s: function %zu of %zu", lang->id, count + 1, wanted);
        ok = read_file(b, file, wanted, &seed, &count);
        cli_corpus_unload(file);
    }
    cli_progress_end(eval->cli);
    return ok;
}

/* ---- Pairs ------------------------------------------------------------------------- */

/* What has to be put where to make the right text of the wrong one, in whole words. */
static struct injected difference(const char *wrong, size_t wrong_len, const char *right,
                                  size_t right_len)
{
    size_t start = 0, behind = 0;
    while (start < wrong_len && start < right_len && wrong[start] == right[start])
        start++;
    while (behind < wrong_len - start && behind < right_len - start &&
           wrong[wrong_len - behind - 1] == right[right_len - behind - 1])
        behind++;
    while (start > 0 && syn_is_word(wrong[start - 1]))
        start--;
    while (behind > 0 && syn_is_word(wrong[wrong_len - behind]))
        behind--;
    return (struct injected){.class = SYN_SLIP_CLASSES,
                             .at = (uint32_t)start,
                             .repair = right + start,
                             .len = right_len - behind - start,
                             .now = wrong_len - behind - start};
}

/* The function around a byte whose lines are neither few nor many; false: there is none. */
static bool function_at(const struct subject *s, size_t at, size_t *start, size_t *end)
{
    for (size_t i = s->slips.n_functions; i-- > 0;) {
        struct syn_span f = s->slips.functions[i];
        if (f.start <= at && at < f.end && lines_of(s, i, start, end)) return true;
    }
    return false;
}

/* Reads the function that a mistake was mended in as it was and as it became, where the mistake is
 * one of our slips. */
static bool read_pair(struct bench *b, const struct cli_file *file, const struct subject *wrong,
                      const struct subject *right)
{
    size_t wrong_len, right_len, start, end;
    const char *text = syn_document_text(wrong->doc, &wrong_len);
    const char *fixed = syn_document_text(right->doc, &right_len);
    struct injected in = difference(text, wrong_len, fixed, right_len);
    const struct injected none = {.class = SYN_SLIP_CLASSES};
    for (size_t i = 0; i < wrong->slips.count && in.class == SYN_SLIP_CLASSES; i++) {
        const struct syn_slip *slip = &wrong->slips.list[i];
        if (slip->place.start == in.at && slip->place.end == in.at + in.now &&
            slip->len == in.len && memcmp(wrong->slips.texts + slip->text, in.repair, in.len) == 0)
            in.class = slip->class;
    }
    if (in.class == SYN_SLIP_CLASSES) return true;
    bool ok = true, first = function_at(wrong, in.at, &start, &end);
    if (first) ok = read_function(b, file, wrong, start, end, &in);
    if (ok && first && function_at(right, in.at, &start, &end))
        ok = read_function(b, file, right, start, end, &none);
    b->n_functions += first;
    return ok;
}

/* NUMBER.wrong.EXT and NUMBER.right.EXT beside it, as --write leaves them. */
static bool read_pairs(struct bench *b)
{
    struct cli_corpus *c = &b->eval->corpus;
    bool ok = true;
    for (size_t i = 0; ok && i < c->count; i++) {
        struct cli_file *file = &c->files[i];
        const char *mark = strstr(cli_base_name(file->path), ".wrong.");
        char path[4096];
        size_t len;
        if (!mark || !cli_corpus_load(c, file)) continue;
        snprintf(path, sizeof path, "%.*s.right.%s", (int)(mark - file->path), file->path,
                 mark + 7);
        char *right_text = cli_read_file(path, &len);
        struct subject wrong = {0}, right = {0};
        ok = right_text != NULL;
        if (ok && open_subject(file->lang, file->text, file->len, &wrong) &&
            open_subject(file->lang, right_text, len, &right))
            ok = read_pair(b, file, &wrong, &right);
        close_subject(&wrong);
        close_subject(&right);
        free(right_text);
        cli_corpus_unload(file);
    }
    return ok;
}

int cli_eval_slips(struct cli_eval *eval)
{
    struct bench b = {.eval = eval, .rows = stdout};
    struct eng_model *model = NULL;
    struct eng_error err = {"out of memory"};
    char path[LSP_CONFIG_PATH_MAX];
    struct lsp_locate_error why;
    const char *stated = eval->models.count ? eval->models.values[0] : eval->cli->model_path;
    if (!lsp_locate_model(stated, &eval->cli->config, eval->cli->program, path, &why))
        return cli_fail("%s", why.text);
    if (!cli_open_model(eval->cli, path, &model)) return CLI_ERROR;
    bool ok = rev_reader_new(model, &b.reader, &err) == ENG_OK;
    if (!ok) cli_fail("%s", err.text);
    if (ok && eval->write && rev_head_open(path, model, &b.head, &err) != ENG_OK)
        cli_log(eval->cli, LSP_LOG_WARN, "no opinions are written: %s", err.text);
    if (ok && eval->pairs) ok = read_pairs(&b);
    for (size_t l = 0; ok && !eval->pairs && l < gram_count(); l++)
        ok = read_language(&b, gram_at(l), l);
    rev_head_free(b.head);
    rev_reader_free(b.reader);
    eng_model_close(model);
    return ok ? CLI_OK : CLI_ERROR;
}
