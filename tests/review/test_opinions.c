/* Opinions: the reader against plain evaluation, heads that are refused, and what becomes of an
 * opinion as a finding.
 *
 *   test_opinions MODEL FOLDER
 *
 * MODEL: the shipped one, with its head beside it; FOLDER: to write into: among others low.review,
 * the same head that speaks up at once, with which findings are looked at here and by a session of
 * the server. */
#include "engine/gguf.h"
#include "grammars/grammars.h"
#include "lsp/assist/prompt.h"
#include "lsp/assist/review/head.h"
#include "lsp/assist/review/memo.h"
#include "lsp/assist/review/opinion.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const char text[] =
    "#include <stddef.h>\n"
    "\n"
    "struct grid {\n"
    "    int width, height;\n"
    "    double *cells;\n"
    "};\n"
    "\n"
    "static double grid_at(const struct grid *g, int row, int column)\n"
    "{\n"
    "    if (row < 0 || row >= g->height || column < 0 || column >= g->width) return 0;\n"
    "    return g->cells[row * g->width + column];\n"
    "}\n"
    "\n"
    "double grid_sum(const struct grid *g)\n"
    "{\n"
    "    double sum = 0;\n"
    "    for (int row = 0; row < g->height; row++)\n"
    "        for (int column = 0; column < g->width; column++)\n"
    "            sum += grid_at(g, column, row);\n"
    "    return sum;\n"
    "}\n";

/* Two arguments the wrong way round. */
static const char java[] = "import java.util.*;\n"
                           "\n"
                           "class Graph {\n"
                           "    private final Map<String, List<String>> users = new HashMap<>();\n"
                           "\n"
                           "    void add(String name, String user) {\n"
                           "        List<String> list = users.get(name);\n"
                           "        if (list == null) {\n"
                           "            list = new ArrayList<>();\n"
                           "            users.put(list, name);\n"
                           "        }\n"
                           "        list.add(user);\n"
                           "    }\n"
                           "}\n";

static const char *model_path, *folder;

struct fixture {
    struct eng_model *model;
    struct rev_reader *reader;
    struct rev_head *head;
    struct syn_document *doc;
    struct syn_slips slips;
};

static void set_text(struct fixture *f, const char *id, const char *bytes, size_t len)
{
    syn_slips_free(&f->slips);
    syn_document_free(f->doc);
    assert_int_equal(syn_document_new(gram_by_id(id), bytes, len, &f->doc, NULL), SYN_OK);
    assert_int_equal(syn_document_parse(f->doc, 0, NULL), SYN_OK);
    assert_int_equal(syn_slips_find(f->doc, 0, len, &f->slips, NULL), SYN_OK);
}

/* The shipped head with another threshold. */
static void write_low_head(void)
{
    char path[1024];
    struct eng_gguf *file;
    snprintf(path, sizeof path, "%.*s.review", (int)(strlen(model_path) - strlen(".gguf")),
             model_path);
    if (eng_gguf_open(path, &file, NULL) != ENG_OK) return;
    struct eng_gguf_writer *w = eng_gguf_writer_new();
    for (size_t i = 0; i < eng_gguf_key_count(file); i++) {
        const struct eng_key *key = eng_gguf_key_at(file, i);
        if (strcmp(key->name, "espalier.review.hint") != 0) eng_gguf_put_key(w, key);
    }
    eng_gguf_put_f32(w, "espalier.review.hint", -20);
    for (size_t i = 0; i < eng_gguf_tensor_count(file); i++) {
        const struct eng_tensor *t = eng_gguf_tensor_at(file, i);
        eng_gguf_put_tensor(w, t->name, t->type, t->n_dims, t->dims, t->data);
    }
    snprintf(path, sizeof path, "%s/low.review", folder);
    eng_gguf_writer_save(w, path, NULL);
    eng_gguf_writer_free(w);
    eng_gguf_close(file);
}

static int begin(void **state)
{
    char low[1024];
    write_low_head();
    snprintf(low, sizeof low, "%s/low.gguf", folder);
    struct fixture *f = calloc(1, sizeof *f);
    struct eng_error err = {""};
    if (!f || eng_model_open(model_path, NULL, &f->model, &err) != ENG_OK ||
        rev_reader_new(f->model, &f->reader, &err) != ENG_OK ||
        rev_head_open(low, f->model, &f->head, &err) != ENG_OK) {
        printf("%s\n", err.text);
        return 1;
    }
    set_text(f, "c", text, strlen(text));
    *state = f;
    return 0;
}

static int end(void **state)
{
    struct fixture *f = *state;
    if (!f) return 0;
    syn_slips_free(&f->slips);
    syn_document_free(f->doc);
    rev_head_free(f->head);
    rev_reader_free(f->reader);
    eng_model_close(f->model);
    free(f);
    return 0;
}

/* ---- The reader -------------------------------------------------------------------- */

/* Log P of each token of a text's first `end` bytes, all evaluated anew; returns how many. */
static size_t plain(const struct fixture *f, const struct syn_document *doc, size_t end,
                    int32_t *ids, double *log_p)
{
    struct asst_prompt prompt;
    struct asst_part part = {.doc = doc, .start = 0, .end = end, .budget = 1500};
    struct eng_session *session;
    size_t stop, vocab = eng_model_info(f->model)->vocab, n;
    assert_int_equal(asst_prompt_plain(f->model, &part, &prompt, &stop, NULL), ENG_OK);
    float *logits = malloc((size_t)prompt.length * vocab * sizeof *logits);
    assert_non_null(logits);
    assert_int_equal(eng_session_new(f->model, 2048, &session, NULL), ENG_OK);
    assert_int_equal(
        eng_session_logits_all(session, prompt.inputs, prompt.length, 0, logits, NULL, NULL),
        ENG_OK);
    for (n = 0; n + 1 < prompt.length; n++) {
        const float *row = logits + n * vocab;
        double sum = 0, top = (double)row[0];
        for (size_t i = 1; i < vocab; i++)
            top = fmax(top, (double)row[i]);
        for (size_t i = 0; i < vocab; i++)
            sum += exp((double)row[i] - top);
        ids[n] = prompt.inputs[n + 1].id;
        log_p[n] = (double)row[ids[n]] - top - log(sum);
    }
    eng_session_free(session);
    asst_prompt_free(&prompt);
    free(logits);
    return n;
}

/* The text with a slip in it. */
static struct syn_document *changed(const struct fixture *f, const struct syn_slip *slip)
{
    struct syn_document *doc;
    assert_int_equal(syn_document_new(gram_by_id("c"), text, strlen(text), &doc, NULL), SYN_OK);
    assert_int_equal(syn_document_edit(doc, slip->place.start, slip->place.end,
                                       f->slips.texts + slip->text, slip->len, NULL),
                     SYN_OK);
    assert_int_equal(syn_document_parse(doc, 0, NULL), SYN_OK);
    return doc;
}

/* The sum over all tokens differs by what the view says where the text ends within the tokens that
 * count; else the first token does. */
static void the_reader_agrees_with_plain_evaluation(void **state)
{
    struct fixture *f = *state;
    set_text(f, "c", text, strlen(text));
    static int32_t ids[1500], other[1500];
    static double log_p[1500], with[1500];
    struct rev_views views = {0};
    size_t len = strlen(text), near_end = 0;
    size_t n = plain(f, f->doc, len, ids, log_p);
    assert_int_equal(rev_reader_look(f->reader, f->doc, &f->slips, 0, len, NULL, &views, NULL),
                     ENG_OK);
    assert_true(views.count >= 8);
    assert_true(views.seen == f->slips.count);
    for (size_t i = 0; i < views.count; i++) {
        const struct rev_view *v = &views.list[i];
        const struct syn_slip *slip = &f->slips.list[v->slip];
        struct syn_document *doc = changed(f, slip);
        size_t all,
            m = plain(f, doc, len + slip->len - (slip->place.end - slip->place.start), other, with);
        size_t at = 0;
        double joint = 0;
        syn_document_text(doc, &all);
        while (ids[at] == other[at])
            at++;
        assert_true(fabs((double)v->own - log_p[at]) < 0.02);
        for (size_t k = at; k < n; k++)
            joint -= log_p[k];
        for (size_t k = at; k < m; k++)
            joint += with[k];
        if (n - at < 24) { /* all that is behind it counts */
            near_end++;
            if (fabs(joint - (double)v->joint) > 0.1)
                fail_msg("slip %u: joint %g, plain %g", v->slip, (double)v->joint, joint);
        }
        syn_document_free(doc);
    }
    assert_true(near_end > 0);
    rev_views_free(&views);
}

static void what_is_cancelled_stops(void **state)
{
    struct fixture *f = *state;
    eng_cancel cancel = 1;
    struct rev_opinions opinions = {.reader = f->reader, .head = f->head, .cancel = &cancel};
    struct rev_findings out = {0};
    assert_int_equal(rev_opine(&opinions, NULL, f->doc, 0, strlen(text), &out, NULL),
                     SYN_CANCELLED);
    assert_int_equal(out.count, 0);
    rev_findings_free(&out);
}

/* ---- Findings ---------------------------------------------------------------------- */

static void review(struct fixture *f, struct rev_opinions *opinions, struct rev_findings *out)
{
    struct rev_rules none = {.lang = gram_by_id("java")};
    size_t len;
    syn_document_text(f->doc, &len);
    assert_int_equal(rev_review(&none, NULL, opinions, f->doc, 0, len, out, NULL), SYN_OK);
}

static void an_opinion_is_a_finding(void **state)
{
    struct fixture *f = *state;
    struct rev_memo *memo = rev_memo_new();
    struct rev_opinions opinions = {.reader = f->reader, .head = f->head, .memo = memo};
    struct rev_findings first, second;
    assert_non_null(memo);
    set_text(f, "java", java, strlen(java));
    opinions.remembered = true;
    review(f, &opinions, &first);
    assert_int_equal(first.count, 0);
    rev_findings_free(&first);
    opinions.remembered = false;
    review(f, &opinions, &first);
    assert_int_equal(first.count, 1);
    const struct rev_finding *found = &first.list[0];
    assert_string_equal(rev_finding_code(found), "swapped-arguments");
    assert_true(found->severity <= REV_INFORMATION);
    assert_true(found->confidence > 0 && found->confidence < 1);
    assert_false(found->fix.safe);
    assert_string_equal(found->fix.text, "name, list");
    opinions.remembered = true;
    review(f, &opinions, &second);
    assert_int_equal(second.count, 1);
    assert_true(second.list[0].fingerprint == found->fingerprint);
    rev_findings_free(&second);
    rev_findings_free(&first);
    rev_memo_free(memo);
}

/* An edit in front of a function asks again; the opinion may stay. */
static void memories_are_of_one_text(void **state)
{
    struct fixture *f = *state;
    struct rev_opinion opinion = {.speaks = true, .score = 2}, found;
    struct rev_memo *memo = rev_memo_new();
    assert_non_null(memo);
    set_text(f, "java", java, strlen(java));
    uint64_t key = rev_memo_key(f->doc, 120, 200);
    assert_true(key != rev_memo_key(f->doc, 121, 200));
    assert_true(key != rev_memo_key(f->doc, 120, 201));
    rev_memo_keep(memo, key, &opinion);
    assert_true(rev_memo_find(memo, key, &found) && found.speaks);
    assert_int_equal(syn_document_edit(f->doc, 0, 6, "IMPORT", 6, NULL), SYN_OK);
    assert_false(rev_memo_find(memo, rev_memo_key(f->doc, 120, 200), &found));
    rev_memo_free(memo);
}

/* ---- Heads ------------------------------------------------------------------------- */

static void refuse(const struct fixture *f, const char *name, const char *what)
{
    char path[1024];
    struct rev_head *head;
    struct eng_error err = {""};
    snprintf(path, sizeof path, "%s/%s.gguf", folder, name);
    assert_true(rev_head_open(path, f->model, &head, &err) != ENG_OK);
    assert_null(head);
    if (!strstr(err.text, what)) fail_msg("%s: \"%s\" does not say \"%s\"", name, err.text, what);
}

/* A head with one number wrong. */
static void write_head(const char *name, const char *model, size_t units, float hint, float weight)
{
    char path[1024];
    struct eng_gguf_writer *w = eng_gguf_writer_new();
    struct eng_string languages[] = {{"c", 1}}, classes[] = {{"name", 4}, {"arguments", 9}};
    enum { INPUTS = REV_EVIDENCE_COUNT + 4 };
    static float hidden[INPUTS * 4], bias[4];
    uint64_t dims[] = {INPUTS, units}, one[] = {units};
    hidden[0] = weight;
    eng_gguf_put_string(w, "general.architecture", (struct eng_string){"espalier-review", 15});
    eng_gguf_put_string(w, "espalier.review.model", (struct eng_string){model, strlen(model)});
    eng_gguf_put_strings(w, "espalier.review.classes", classes, 2);
    eng_gguf_put_strings(w, "espalier.review.languages", languages, 1);
    eng_gguf_put_f32(w, "espalier.review.bias", -1);
    eng_gguf_put_f32(w, "espalier.review.hint", hint);
    eng_gguf_put_f32(w, "espalier.review.information", 2);
    eng_gguf_put_tensor(w, "hidden.weight", ENG_F32, 2, dims, hidden);
    eng_gguf_put_tensor(w, "hidden.bias", ENG_F32, 1, one, bias);
    eng_gguf_put_tensor(w, "score.weight", ENG_F32, 1, one, bias);
    snprintf(path, sizeof path, "%s/%s.review", folder, name);
    assert_int_equal(eng_gguf_writer_save(w, path, NULL), ENG_OK);
    eng_gguf_writer_free(w);
}

static void bad_heads_are_refused(void **state)
{
    const struct fixture *f = *state;
    const char *name = eng_model_info(f->model)->name;
    char path[1024];
    struct rev_head *head;
    refuse(f, "missing", "missing.review");
    write_head("other", "another model", 4, 0, 1);
    refuse(f, "other", "another model");
    write_head("order", name, 4, 3, 1);
    refuse(f, "order", "threshold");
    write_head("number", name, 4, 0, NAN);
    refuse(f, "number", "no number");
    write_head("good", name, 4, 0, 1);
    snprintf(path, sizeof path, "%s/good.gguf", folder);
    assert_int_equal(rev_head_open(path, f->model, &head, NULL), ENG_OK);
    float evidence[REV_EVIDENCE_COUNT] = {5};
    assert_true(rev_head_score(head, gram_by_id("c"), SYN_SLIP_NAME, 3, evidence) == -1);
    assert_true(rev_head_score(head, gram_by_id("go"), SYN_SLIP_NAME, 3, evidence) == -1);
    assert_true(rev_head_score(head, gram_by_id("c"), SYN_SLIP_COPY, 3, evidence) == -INFINITY);
    rev_head_free(head);
    snprintf(path, sizeof path, "%s/good.review", folder);
    FILE *file = fopen(path, "r+b");
    assert_non_null(file);
    assert_int_equal(fwrite("no GGUF", 1, 7, file), 7);
    assert_int_equal(fclose(file), 0);
    refuse(f, "good", "good.review");
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_reader_agrees_with_plain_evaluation),
        cmocka_unit_test(what_is_cancelled_stops), cmocka_unit_test(an_opinion_is_a_finding),
        cmocka_unit_test(memories_are_of_one_text), cmocka_unit_test(bad_heads_are_refused)};
    if (argc != 3) {
        fprintf(stderr, "usage: test_opinions MODEL FOLDER\n");
        return 2;
    }
    model_path = argv[1];
    folder = argv[2];
    return cmocka_run_group_tests(tests, begin, end);
}
