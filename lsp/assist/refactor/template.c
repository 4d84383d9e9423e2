/* Templates: names replaced, lines as far in as those they take the place of. */
#include "lsp/assist/refactor/template.h"
#include "grammars/grammars.h"
#include "lsp/assist/refactor/refactor.h"
#include "lsp/assist/text.h"
#include "syntax/bytes.h"

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

/* The step that most lines of a text that are further in than the one before take; a tab where more
 * lines begin with one than with blanks. */
static struct ref_step step_of(const char *text, size_t len)
{
    enum { WIDEST = 8, LINES = 4000 };
    size_t counts[WIDEST + 1] = {0}, before = 0, best = 0, at = 0, tabs = 0, spaced = 0;
    for (int i = 0; i < LINES && at < len; i++) {
        const char *newline = memchr(text + at, '\n', len - at);
        size_t end = newline ? (size_t)(newline - text) : len, blanks = 0;
        tabs += text[at] == '\t';
        while (at + blanks < end && text[at + blanks] == ' ')
            blanks++;
        bool empty = at + blanks == end || text[at + blanks] == '\r';
        spaced += !empty && blanks > 0;
        if (!empty && blanks > before + 1 && blanks - before <= WIDEST) counts[blanks - before]++;
        if (!empty) before = blanks;
        at = end + 1;
    }
    if (tabs > spaced) return (struct ref_step){'\t', 1};
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

bool ref_places_add(struct ref_places *places, const struct ref_place *place)
{
    if (places->count == places->capacity) {
        size_t capacity = places->capacity ? 2 * places->capacity : 16;
        struct ref_place *grown = realloc(places->list, capacity * sizeof *grown);
        if (!grown) return false;
        places->list = grown;
        places->capacity = capacity;
    }
    places->list[places->count++] = *place;
    return true;
}

bool ref_prepare(struct ref_places *places, const struct syn_document *doc)
{
    size_t len;
    struct walk walk = {.text = syn_document_text(doc, &len), .places = places};
    places->doc = doc;
    syn_document_walk(doc, note, &walk);
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
    const struct ref_form *form;
    const char *text;
    struct ref_step from, to; /* of the template, of the text */
    bool nested;
    uint32_t brackets;
    struct ref_parts parts;
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

/* Begins a part, with its bracket if it gets one; its bit, or REF_PARTS_MAX. */
static unsigned begin_part(struct filling *f, bool may, struct asst_text *out)
{
    if (!may || f->parts.count == REF_PARTS_MAX) return REF_PARTS_MAX;
    unsigned bit = (unsigned)f->parts.count++;
    if (f->brackets >> bit & 1) asst_text_put(out, "(", 1);
    f->parts.list[bit].bit = bit;
    f->parts.list[bit].span.start = (uint32_t)out->len;
    return bit;
}

static void end_part(struct filling *f, unsigned bit, struct asst_text *out)
{
    if (bit == REF_PARTS_MAX) return;
    f->parts.list[bit].span.end = (uint32_t)out->len;
    if (f->brackets >> bit & 1) asst_text_put(out, ")", 1);
}

static void fill(struct filling *f, size_t at, unsigned depth, struct asst_text *out);

/* What a name stands for, with the places of the same form in it rewritten: those behind place
 * `at`. */
static void put_name(struct filling *f, size_t at, struct syn_span span, const struct shift *shift,
                     unsigned depth, struct asst_text *out)
{
    const struct ref_places *p = f->places;
    for (size_t i = at + 1; f->nested && i < p->count && p->list[i].found.span.start < span.end;
         i++) {
        struct syn_span inner = p->list[i].found.span;
        bool within = inner.start >= span.start && inner.end <= span.end;
        if (!within || p->list[i].form != f->form || depth == NESTED) continue;
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

/* A line of the template that has nothing but this name, from `at` on, in it: it goes with what
 * stands for nothing. True when it did; *behind is moved past it. */
static bool drop_line(const char *template, const char *at, const char **behind,
                      struct asst_text *out)
{
    const char *start = at;
    while (start > template && (start[-1] == ' ' || start[-1] == '\t'))
        start--;
    bool alone = (start == template || start[-1] == '\n') && (**behind == '\n' || !**behind);
    if (!alone) return false;
    size_t n = out->len;
    while (n > 0 && (out->bytes[n - 1] == ' ' || out->bytes[n - 1] == '\t'))
        n--;
    if (n > 0 && out->bytes[n - 1] == '\n')
        n--;
    else if (n == 0 && **behind == '\n')
        ++*behind;
    out->len = n;
    if (out->bytes) out->bytes[n] = 0;
    return true;
}

/* ---- Gaps -------------------------------------------------------------------------- */

#define OPERATORS "&|=+-*/<>!?.:%^~"

/* A template is written in one style, the text may be in another: "if(x)", or a brace on a line of
 * its own. Where the template has two things beside each other that are so in the text, what is
 * between them there is kept. */
struct gaps {
    const char *text;
    size_t len;
    size_t at;  /* in the text, behind what the last element was there */
    bool known; /* whether it was there */
};

static bool is_white(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static size_t skip_white(const struct gaps *g, size_t at)
{
    while (at < g->len && is_white(g->text[at]))
        at++;
    return at;
}

/* A word, an operator, or another sign. */
static size_t token_len(const char *at)
{
    size_t n = 0;
    while (syn_is_word(at[n]))
        n++;
    return n ? n : strspn(at, OPERATORS) ? strspn(at, OPERATORS) : 1;
}

/* Does the text go on with what would be part of this token? */
static bool goes_on(const struct gaps *g, size_t at, const char *token)
{
    if (at >= g->len) return false;
    return syn_is_word(*token)         ? syn_is_word(g->text[at])
           : strchr(OPERATORS, *token) ? strchr(OPERATORS, g->text[at]) != NULL
                                       : false;
}

/* The gap in the text in front of an element that is there from `start` on; empty where there is no
 * such gap, then *has is false. */
static struct syn_span gap_before(const struct gaps *g, size_t start, bool *has)
{
    *has = g->known && skip_white(g, g->at) == start;
    return (struct syn_span){(uint32_t)g->at, (uint32_t)(*has ? start : g->at)};
}

/* Puts what is between two elements of the template: its own gap[len], or the text's. inner: what
 * the template's line begins with. */
static void put_gap(const struct filling *f, const char *gap, size_t len, struct syn_span old,
                    bool has, struct syn_span base, const char *inner, size_t inner_len,
                    struct asst_text *out)
{
    const char *text = f->text;
    bool breaks = memchr(text + old.start, '\n', old.end - old.start) != NULL;
    if (!has || (breaks && len == 0)) {
        asst_text_put(out, gap, len);
        return;
    }
    if (!breaks) {
        asst_text_put(out, text + old.start, old.end - old.start);
        return;
    }
    /* On a line of its own, as far in as the one before: so it is here. */
    struct syn_span before = indent_at(text, old.start), line = indent_at(text, old.end);
    if (before.end - before.start != line.end - line.start) {
        asst_text_put(out, gap, len);
        return;
    }
    bool returns = memchr(text + old.start, '\r', old.end - old.start) != NULL;
    asst_text_put(out, returns ? "\r\n" : "\n", returns ? 2 : 1);
    asst_text_put(out, text + base.start, base.end - base.start);
    put_inner(f, inner, inner_len, out);
}

/* ---- Lines ------------------------------------------------------------------------- */

/* A line of the template, from its first byte: what it begins with is the place's and its own. */
static const char *begin_line(const struct filling *f, const char *at, struct syn_span base,
                              size_t *inner, struct asst_text *out)
{
    *inner = strspn(at, " \t");
    asst_text_put(out, f->text + base.start, base.end - base.start);
    put_inner(f, at, *inner, out);
    return at + *inner;
}

/* Is the gap a new line behind one that is as far in as the place? Then what is in the text is as
 * far in as it has to be. inner: the template's line is further in. */
static bool keeps_line(const struct filling *f, struct syn_span old, bool has, struct syn_span base,
                       bool inner)
{
    if (!has || !memchr(f->text + old.start, '\n', old.end - old.start)) return false;
    struct syn_span before = indent_at(f->text, old.start);
    size_t len = before.end - before.start;
    struct syn_span line = indent_at(f->text, old.end);
    if (inner != (line.end - line.start > len)) return false;
    return len == base.end - base.start &&
           memcmp(f->text + before.start, f->text + base.start, len) == 0;
}

/* What a name of place number `place` stands for, on a line of the template that begins with
 * inner[len]. kept: it is as far in as it was. */
static void fill_name(struct filling *f, size_t place, int number, bool kept, struct syn_span base,
                      const char *inner, size_t len, unsigned depth, struct asst_text *out)
{
    const struct syn_found *found = &f->places->list[place].found;
    struct syn_span span = found->names[number], from = indent_at(f->text, span.start);
    struct asst_text to = {0};
    if (kept) {
        asst_text_put(&to, f->text + from.start, from.end - from.start);
    } else {
        asst_text_put(&to, f->text + base.start, base.end - base.start);
        put_inner(f, inner, len, &to);
    }
    const struct shift shift = {f->text + from.start, to.bytes, from.end - from.start, to.len};
    out->failed |= to.failed;
    unsigned bit = begin_part(f, depth == 0 && found->loose[number], out);
    if (!to.failed) put_name(f, place, span, &shift, depth, out);
    end_part(f, bit, out);
    free(to.bytes);
}

/* Where an element of the template is in the text, if it follows the last one there: a name's span,
 * or the same token. */
static size_t find_element(const struct filling *f, const struct gaps *g, const char *element,
                           size_t n, const struct syn_span *name)
{
    if (name) return name->start;
    size_t at = skip_white(g, g->at);
    bool same = g->known && g->len - at >= n && memcmp(f->text + at, element, n) == 0 &&
                !goes_on(g, at + n, element);
    return same ? at : SIZE_MAX;
}

static void fill(struct filling *f, size_t place, unsigned depth, struct asst_text *out)
{
    const struct syn_found *found = &f->places->list[place].found;
    struct syn_span base = indent_at(f->text, found->span.start);
    struct gaps gaps = {f->text, found->span.end, found->span.start, true};
    const char *template = f->form->become, *inner = "";
    size_t inner_len = 0; /* of the template's present line, beyond base */
    int number;
    asst_text_put(out, "", 0);
    unsigned bit = begin_part(f, depth == 0 && found->operand, out);
    for (const char *at = template; *at;) {
        const char *gap = at, *newline = NULL;
        for (; is_white(*at); at++)
            if (*at == '\n') newline = at;
        if (!*at) {
            asst_text_put(out, gap, (size_t)(at - gap));
            break;
        }
        size_t name_len = name_at(f->form->sketch, at, &number), n = name_len;
        struct syn_span none = {0, 0}, span = name_len && number >= 0 ? found->names[number] : none;
        bool empty = name_len && span.start == span.end, has, kept = false;
        if (!name_len) n = token_len(at);
        size_t there = empty ? SIZE_MAX : find_element(f, &gaps, at, n, name_len ? &span : NULL);
        struct syn_span old = gap_before(&gaps, there, &has);
        if (newline) {
            size_t lines = (size_t)(newline + 1 - gap);
            inner = newline + 1;
            inner_len = (size_t)(at - inner);
            kept = keeps_line(f, old, has, base, inner_len > 0);
            if (kept) {
                asst_text_put(out, f->text + old.start, old.end - old.start);
            } else {
                asst_text_put(out, gap, lines);
                begin_line(f, inner, base, &inner_len, out);
            }
        } else if (empty) {
            asst_text_put(out, gap, (size_t)(at - gap));
        } else {
            put_gap(f, gap, (size_t)(at - gap), old, has, base, inner, inner_len, out);
        }
        const char *behind = at + n;
        if (!name_len)
            asst_text_put(out, at, n);
        else if (!empty)
            fill_name(f, place, number, kept, base, inner, inner_len, depth, out);
        else if (!drop_line(template, at, &behind, out) && !drop_comma(out) && *behind == ',')
            behind += 1 + strspn(behind + 1, " \t");
        gaps.known = there != SIZE_MAX && !empty;
        if (gaps.known) gaps.at = name_len ? span.end : there + n;
        at = behind;
    }
    end_part(f, bit, out);
}

static char *fill_place(struct filling *f, const struct ref_places *places, size_t at, size_t *len)
{
    size_t all;
    struct asst_text out = {0};
    f->places = places;
    f->form = places->list[at].form;
    f->text = syn_document_text(places->doc, &all);
    f->from = step_of_template(f->form->become);
    f->to = places->step;
    fill(f, at, 0, &out);
    return asst_text_take(&out, len);
}

char *ref_fill(const struct ref_places *places, size_t at, bool nested, uint32_t brackets,
               size_t *len)
{
    struct filling f = {.nested = nested, .brackets = brackets};
    return fill_place(&f, places, at, len);
}

void ref_parts_of(const struct ref_places *places, size_t at, bool nested, uint32_t brackets,
                  struct ref_parts *out)
{
    struct filling f = {.nested = nested, .brackets = brackets};
    size_t len;
    char *text = fill_place(&f, places, at, &len);
    *out = f.parts;
    if (!text) out->count = 0;
    free(text);
}
