/* Takes single-line holes, half of them to the end of the line and half within it, and
 * compares: tokens before the hole in the repaired hole against the complete text; the
 * same hole in a text that never had a middle; and the middle's causal features against
 * the complete text. Times are CPU time, so that a busy machine does not show. */
#include "tests/syntax/measure.h"

#include "grammars/grammars.h"
#include "syntax/syntax.h"
#include "tests/syntax/pretoken.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define MAX_FILE (4u * 1024 * 1024)

static double now_us(void)
{
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

static uint32_t draw(uint64_t *state, uint32_t below)
{
    *state = *state * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(((*state >> 32) * below) >> 32);
}

static char *read_file(const char *path, size_t *len)
{
    FILE *file = fopen(path, "rb");
    if (!file) return NULL;
    char *text = malloc(MAX_FILE);
    *len = text ? fread(text, 1, MAX_FILE, file) : 0;
    fclose(file);
    return text;
}

static bool same_chain(const struct syn_record *a, const struct syn_record *b)
{
    return !memcmp(a->chain, b->chain, sizeof a->chain);
}

struct sample {
    const struct syn_document *doc;
    const char *text;
    size_t length;
    struct syn_span *spans; /* of the complete text */
    size_t n;
    struct syn_span *window;       /* of one hole */
    struct syn_record *want, *got; /* [n] */
};

/* Chooses a hole on a line that is not blank; false when this draw found none. */
static bool choose_hole(const struct sample *s, uint64_t *seed, size_t *start, size_t *end)
{
    size_t line = draw(seed, (uint32_t)syn_line_count(s->doc));
    size_t from = syn_line_start(s->doc, line), to = syn_line_end(s->doc, line);
    while (from < to && (s->text[from] == ' ' || s->text[from] == '\t'))
        from++;
    if (from == to) return false;
    *start = from + draw(seed, (uint32_t)(to - from));
    *end = draw(seed, 2) ? to : *start + 1 + draw(seed, (uint32_t)(to - *start));
    while (*start > from && ((unsigned char)s->text[*start] & 0xc0) == 0x80)
        (*start)--;
    while (*end < to && ((unsigned char)s->text[*end] & 0xc0) == 0x80)
        (*end)++;
    return true;
}

static void show_miss(const struct sample *s, const struct syn_hole *hole, size_t start, size_t end,
                      const struct syn_span *token, const struct syn_record *want,
                      const struct syn_record *got, const char *what)
{
    size_t from = start, to = end;
    while (from > 0 && s->text[from - 1] != '\n')
        from--;
    while (to < s->length && s->text[to] != '\n')
        to++;
    printf("%s: %.*s«%.*s»%.*s filling=[%s] cost=%u token=[%.*s] want=[%d %d] got=[%d %d] "
           "kind %s/%s\n",
           what, (int)(start - from), s->text + from, (int)(end - start), s->text + start,
           (int)(to - end), s->text + end, syn_hole_filling(hole), syn_hole_cost(hole),
           (int)(token->end - token->start), s->text + token->start, want->chain[0], want->chain[1],
           got->chain[0], got->chain[1], gram_kind_name(want->kind), gram_kind_name(got->kind));
}

static void compare_prefix(const struct sample *s, const struct syn_hole *hole, size_t start,
                           size_t end, size_t n_prefix, size_t n_suffix, struct measure_totals *t,
                           unsigned *show)
{
    bool shown = false;
    t->tokens += n_prefix;
    for (size_t i = 0; i < n_prefix; i++) {
        bool inner = s->got[i].chain[0] != s->want[i].chain[0];
        t->chain += !same_chain(&s->got[i], &s->want[i]);
        t->inner += inner;
        if (inner && *show && !shown) {
            show_miss(s, hole, start, end, &s->window[i], &s->want[i], &s->got[i], "prefix");
            (*show)--;
            shown = true;
        }
    }
    (void)n_suffix;
}

/* The same hole in a text that never had a middle: features must be the same. */
static bool leaks(struct measure_totals *t, const struct sample *s, size_t start, size_t end,
                  size_t n_prefix, size_t n_suffix)
{
    struct syn_document *doc;
    struct syn_hole *hole;
    size_t n = n_prefix + n_suffix;
    char *text = malloc(s->length);
    struct syn_span *spans = malloc((n + 1) * sizeof *spans);
    struct syn_record *got = malloc((n + 1) * sizeof *got);
    memcpy(text, s->text, start);
    memcpy(text + start, s->text + end, s->length - end);
    for (size_t i = 0; i < n; i++) {
        uint32_t shift = i < n_prefix ? 0 : (uint32_t)(end - start);
        spans[i] = (struct syn_span){s->window[i].start - shift, s->window[i].end - shift};
    }
    bool differ = true;
    if (syn_document_new(syn_document_language(s->doc), text, s->length - (end - start), &doc,
                         NULL) == SYN_OK) {
        double begin = syn_document_parse(doc, 0, NULL) == SYN_OK ? now_us() : 0;
        if (syn_hole_open(doc, start, start, &hole, NULL) == SYN_OK) {
            double took = now_us() - begin;
            t->cursor_us += took;
            t->quick += took < 1000;
            differ = syn_hole_features(hole, spans, n_prefix, n_suffix, got, NULL) != SYN_OK ||
                     memcmp(got, s->got, n * sizeof *got) != 0;
            syn_hole_free(hole);
        }
        syn_document_free(doc);
    }
    free(got);
    free(spans);
    free(text);
    return differ;
}

/* Runs the middle through the causal state; tokens [n_prefix, n_prefix + n_middle) of the
 * window are the middle's, s->want holds their features in the complete text. */
static void compare_middle(const struct sample *s, const struct syn_hole *hole, size_t start,
                           size_t end, size_t n_prefix, size_t n_middle, struct measure_totals *t,
                           unsigned *show)
{
    struct syn_middle m;
    syn_middle_begin(&m, hole, s->window, n_prefix);
    bool shown = false;
    for (size_t i = n_prefix; i < n_prefix + n_middle; i++) {
        struct syn_record got;
        syn_middle_next(&m, (int32_t)i, s->text + s->window[i].start,
                        s->window[i].end - s->window[i].start, &got);
        bool inner = got.chain[0] == s->want[i].chain[0];
        t->middle++;
        t->middle_inner += inner;
        t->middle_chain += same_chain(&got, &s->want[i]);
        if (!inner && *show && !shown) {
            show_miss(s, hole, start, end, &s->window[i], &s->want[i], &got, "middle");
            (*show)--;
            shown = true;
        }
    }
}

static void try_hole(const struct sample *s, size_t start, size_t end,
                     const struct measure_options *o, struct measure_totals *t, unsigned *show)
{
    /* The tokens of the complete text, those that the hole's start splits left to the
     * middle, as the prompt does when it heals. */
    size_t first = 0, middle = 0, after, last;
    while (middle < s->n && s->spans[middle].end <= start)
        middle++;
    for (after = middle; after < s->n && s->spans[after].end <= end; after++) {
    }
    for (last = after; last < s->n && s->spans[last].start < end; last++) {
    }
    if (middle > o->window) first = middle - o->window;
    size_t n_prefix = middle - first, n_middle = after - middle;
    size_t n_suffix = s->n - last < 64 ? s->n - last : 64;
    memcpy(s->window, s->spans + first, n_prefix * sizeof *s->window);
    memcpy(s->window + n_prefix, s->spans + last, n_suffix * sizeof *s->window);

    struct syn_hole *hole;
    double begin = now_us();
    if (syn_hole_open(s->doc, start, end, &hole, NULL) != SYN_OK) return;
    double opened = now_us();
    syn_hole_features(hole, s->window, n_prefix, n_suffix, s->got, NULL);
    t->feature_us += now_us() - opened;
    t->open_us += opened - begin;
    if (opened - begin > t->worst_us) t->worst_us = opened - begin;
    t->holes++;
    t->repaired += syn_hole_filling(hole)[0] != 0;
    t->unrepaired += syn_hole_cost(hole) > 0;

    syn_features(s->doc, s->window, n_prefix, s->want, NULL);
    compare_prefix(s, hole, start, end, n_prefix, n_suffix, t, show);
    t->leaks += leaks(t, s, start, end, n_prefix, n_suffix);

    memcpy(s->window + n_prefix, s->spans + middle, n_middle * sizeof *s->window);
    syn_features(s->doc, s->window, n_prefix + n_middle, s->want, NULL);
    compare_middle(s, hole, start, end, n_prefix, n_middle, t, show);
    syn_hole_free(hole);
}

void measure_file(const char *path, const struct measure_options *o, struct measure_totals *totals,
                  unsigned *show)
{
    size_t len = 0;
    char *text = read_file(path, &len);
    if (!text) return;
    const struct gram_language *lang = gram_by_path(path, text, len);
    struct syn_document *doc = NULL;
    if (lang && len > 0 && syn_document_new(lang, text, len, &doc, NULL) == SYN_OK &&
        syn_document_parse(doc, 0, NULL) == SYN_OK) {
        struct measure_totals *t = &totals[gram_index(lang)];
        struct sample s = {.doc = doc, .text = syn_document_text(doc, NULL), .length = len};
        s.n = pretoken_split(text, 0, len, o->piece, NULL, 0);
        s.spans = malloc(s.n * sizeof *s.spans);
        s.window = malloc(s.n * sizeof *s.window);
        s.want = malloc(s.n * sizeof *s.want);
        s.got = malloc(s.n * sizeof *s.got);
        pretoken_split(text, 0, len, o->piece, s.spans, s.n);
        uint64_t seed = 0x9e3779b97f4a7c15u ^ len;
        t->files++;
        t->bytes += (double)len;
        for (unsigned i = 0; i < o->holes; i++) {
            size_t start, end;
            if (choose_hole(&s, &seed, &start, &end)) try_hole(&s, start, end, o, t, show);
        }
        free(s.spans);
        free(s.window);
        free(s.want);
        free(s.got);
    }
    syn_document_free(doc);
    free(text);
}
