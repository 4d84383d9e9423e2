/* Templates: names replaced, lines as far in as those they take the place of. */
#include "lsp/assist/refactor/template.h"
#include "grammars/grammars.h"
#include "lsp/assist/refactor/refactor.h"
#include "lsp/assist/text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A $NAME or $$$NAME at `at`, a zero-terminated text: its length, and the number of its name, -1
 * when the sketch has none; 0: there is none. "$$$" alone is no name here. */
static size_t name_at(const struct syn_sketch *sketch, const char *at, int *number)
{
    struct syn_span name;
    bool many;
    if (*at != '$') return 0;
    size_t n = syn_sketch_word(at, strlen(at), &many, &name);
    if (n == 0 || name.start == name.end) return 0;
    *number = syn_sketch_name(sketch, at + name.start, name.end - name.start);
    return n;
}

bool ref_check(const struct syn_sketch *sketch, const char *template, struct syn_error *err)
{
    int number;
    for (const char *at = template; *at;) {
        size_t n = name_at(sketch, at, &number);
        if (n > 0 && number < 0) {
            if (err)
                snprintf(err->text, sizeof err->text, "%.*s is not in the pattern", (int)n, at);
            return false;
        }
        at += n ? n : 1;
    }
    return true;
}

bool ref_uses(const struct syn_sketch *sketch, const char *template, int number)
{
    int found;
    for (const char *at = template; *at;) {
        size_t n = name_at(sketch, at, &found);
        if (n > 0 && found == number) return true;
        at += n ? n : 1;
    }
    return false;
}

/* ---- Text -------------------------------------------------------------------------- */

/* The white space that the line of this byte begins with. */
static struct syn_span indent_at(const char *text, size_t at)
{
    size_t start = at;
    while (start > 0 && text[start - 1] != '\n')
        start--;
    size_t end = start;
    while (end < at && (text[end] == ' ' || text[end] == '\t'))
        end++;
    return (struct syn_span){(uint32_t)start, (uint32_t)end};
}

/* The step that most lines of a text that are further in than the one before take; a tab where
 * lines begin with one. */
static struct ref_step step_of(const char *text, size_t len)
{
    enum { WIDEST = 8, LINES = 4000 };
    size_t counts[WIDEST + 1] = {0}, before = 0, best = 0, at = 0;
    for (int i = 0; i < LINES && at < len; i++) {
        const char *newline = memchr(text + at, '\n', len - at);
        size_t end = newline ? (size_t)(newline - text) : len, blanks = 0;
        if (text[at] == '\t') return (struct ref_step){'\t', 1};
        while (at + blanks < end && text[at + blanks] == ' ')
            blanks++;
        bool empty = at + blanks == end || text[at + blanks] == '\r';
        if (!empty && blanks > before + 1 && blanks - before <= WIDEST) counts[blanks - before]++;
        if (!empty) before = blanks;
        at = end + 1;
    }
    for (size_t n = 2; n <= WIDEST; n++)
        if (counts[n] > counts[best]) best = n;
    return (struct ref_step){best ? ' ' : 0, best};
}

/* Of a template: the least that a line of it begins with. */
static struct ref_step step_of_template(const char *template)
{
    struct ref_step step = {0, 0};
    for (const char *line = strchr(template, '\n'); line; line = strchr(line + 1, '\n')) {
        size_t n = strspn(line + 1, line[1] == '\t' ? "\t" : " ");
        if (n > 0 && line[1] == '\t') return (struct ref_step){'\t', 1};
        if (n > 0 && (step.n == 0 || n < step.n)) step = (struct ref_step){' ', n};
    }
    return step;
}

static bool add_span(struct ref_spans *spans, uint32_t start, uint32_t end)
{
    if (spans->count == spans->capacity) {
        size_t capacity = spans->capacity ? 2 * spans->capacity : 64;
        struct syn_span *grown = realloc(spans->list, capacity * sizeof *grown);
        if (!grown) return false;
        spans->list = grown;
        spans->capacity = capacity;
    }
    spans->list[spans->count++] = (struct syn_span){start, end};
    return true;
}

struct walk {
    const char *text;
    struct ref_places *places;
    bool failed;
};

static bool note(const struct syn_node *node, void *user)
{
    struct walk *w = user;
    struct ref_spans *to = node->kind == GRAM_KIND_COMMENT  ? &w->places->comments
                           : node->kind == GRAM_KIND_STRING ? &w->places->strings
                                                            : NULL;
    if (!to || node->start == node->end) return true;
    if (to->count > 0 && node->start < to->list[to->count - 1].end) return true; /* a part of one */
    if (node->kind == GRAM_KIND_STRING &&
        !memchr(w->text + node->start, '\n', node->end - node->start))
        return true;
    w->failed = !add_span(to, node->start, node->end);
    return !w->failed;
}

bool ref_prepare(struct ref_places *places)
{
    size_t len;
    struct walk walk = {.text = syn_document_text(places->doc, &len), .places = places};
    syn_document_walk(places->doc, note, &walk);
    places->step = step_of(walk.text, len);
    return !walk.failed;
}

void ref_places_free(struct ref_places *places)
{
    free(places->list);
    free(places->strings.list);
    free(places->comments.list);
}

size_t ref_spans_behind(const struct ref_spans *spans, size_t at)
{
    size_t from = 0, to = spans->count;
    while (from < to) {
        size_t middle = from + (to - from) / 2;
        if (spans->list[middle].end <= at)
            from = middle + 1;
        else
            to = middle;
    }
    return from;
}

/* Lines that begin in a string are not moved. */
static bool is_in_string(const struct ref_places *p, size_t at)
{
    size_t i = ref_spans_behind(&p->strings, at);
    return i < p->strings.count && p->strings.list[i].start < at;
}

/* How lines move: those that are as far in as `from` are as far in as `to`. */
struct shift {
    const char *from, *to;
    size_t from_len, to_len;
};

/* Bytes of a text, moved. kept: lines that begin in these strings are not; NULL for none, as of
 * what was written here. */
static void put_lines(struct asst_text *out, const char *text, struct syn_span span,
                      const struct ref_places *kept, const struct shift *shift)
{
    bool same =
        shift->from_len == shift->to_len && memcmp(shift->from, shift->to, shift->to_len) == 0;
    for (size_t at = span.start; at < span.end;) {
        const char *newline = memchr(text + at, '\n', span.end - at);
        size_t stop = newline ? (size_t)(newline - text) + 1 : span.end;
        asst_text_put(out, text + at, stop - at);
        at = stop;
        if (same || at >= span.end || (kept && is_in_string(kept, at)) || text[at] == '\n' ||
            span.end - at < shift->from_len || memcmp(text + at, shift->from, shift->from_len) != 0)
            continue;
        asst_text_put(out, shift->to, shift->to_len);
        at += shift->from_len;
    }
}

/* Takes ", " away in front of nothing; true when there was one. */
static bool drop_comma(struct asst_text *out)
{
    size_t n = out->len;
    while (n > 0 && (out->bytes[n - 1] == ' ' || out->bytes[n - 1] == '\t'))
        n--;
    if (n == 0 || out->bytes[n - 1] != ',') return false;
    out->len = n - 1;
    out->bytes[out->len] = 0;
    return true;
}

/* ---- Filling ----------------------------------------------------------------------- */

enum { NESTED = 100 /* places in each other that are rewritten */ };

struct filling {
    const struct ref_places *places;
    const char *template, *text;
    struct ref_step from, to; /* of the template, of the text */
};

/* What a line of the template begins with, in steps of the text. */
static void put_inner(const struct filling *f, const char *inner, size_t len, struct asst_text *out)
{
    size_t steps = 0, used = 0;
    bool known = f->from.n > 0 && f->to.byte;
    while (known && used + f->from.n <= len && inner[used] == f->from.byte) {
        used += f->from.n;
        steps++;
    }
    for (size_t i = 0; i < steps * f->to.n; i++)
        asst_text_put(out, &f->to.byte, 1);
    asst_text_put(out, inner + used, len - used);
}

static void fill(const struct filling *f, size_t at, unsigned depth, struct asst_text *out);

/* What a name stands for, with the places in it rewritten: those behind place `at`. */
static void put_name(const struct filling *f, size_t at, struct syn_span span,
                     const struct shift *shift, unsigned depth, struct asst_text *out)
{
    const struct ref_places *p = f->places;
    for (size_t i = at + 1; i < p->count && p->list[i].span.start < span.end; i++) {
        struct syn_span inner = p->list[i].span;
        if (inner.start < span.start || inner.end > span.end || depth == NESTED) continue;
        struct asst_text made = {0};
        put_lines(out, f->text, (struct syn_span){span.start, inner.start}, p, shift);
        fill(f, i, depth + 1, &made);
        out->failed |= made.failed;
        if (!made.failed)
            put_lines(out, made.bytes, (struct syn_span){0, (uint32_t)made.len}, NULL, shift);
        free(made.bytes);
        span.start = inner.end;
    }
    put_lines(out, f->text, span, p, shift);
}

static void fill(const struct filling *f, size_t place, unsigned depth, struct asst_text *out)
{
    const struct syn_found *found = &f->places->list[place];
    struct syn_span base = indent_at(f->text, found->span.start);
    const char *inner = "";
    size_t inner_len = 0; /* of the template's present line, beyond base */
    int number;
    asst_text_put(out, "", 0);
    for (const char *at = f->template; *at;) {
        size_t n = name_at(f->places->sketch, at, &number);
        if (n == 0) {
            asst_text_put(out, at, 1);
            if (*at++ != '\n') continue;
            asst_text_put(out, f->text + base.start, base.end - base.start);
            inner = at;
            inner_len = strspn(at, " \t");
            put_inner(f, inner, inner_len, out);
            at += inner_len;
            continue;
        }
        struct syn_span span = number >= 0 ? found->names[number] : (struct syn_span){0, 0};
        at += n;
        if (span.start == span.end) {
            if (!drop_comma(out) && *at == ',') at += 1 + strspn(at + 1, " \t");
            continue;
        }
        struct asst_text to = {0};
        asst_text_put(&to, f->text + base.start, base.end - base.start);
        put_inner(f, inner, inner_len, &to);
        struct syn_span from = indent_at(f->text, span.start);
        const struct shift shift = {f->text + from.start, to.bytes, from.end - from.start, to.len};
        out->failed |= to.failed;
        if (!to.failed) put_name(f, place, span, &shift, depth, out);
        free(to.bytes);
    }
}

char *ref_fill(const struct ref_places *places, const char *template, size_t at, size_t *len)
{
    size_t all;
    struct filling f = {.places = places,
                        .template = template,
                        .text = syn_document_text(places->doc, &all),
                        .from = step_of_template(template),
                        .to = places->step};
    struct asst_text out = {0};
    fill(&f, at, 0, &out);
    return asst_text_take(&out, len);
}
