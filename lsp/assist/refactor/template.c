/* Templates: names replaced, lines as far in as those they take the place of. */
#include "lsp/assist/refactor/template.h"
#include "grammars/grammars.h"
#include "lsp/assist/refactor/refactor.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A $NAME or $$$NAME at `at`: its length, and what of it is the name; 0: there is none. */
static size_t name_at(const char *at, const char **name, size_t *len)
{
    size_t n = strncmp(at, "$$$", 3) == 0 ? 3 : 1;
    if (*at != '$') return 0;
    *name = at + n;
    *len = strspn(*name, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_");
    return *len > 0 && !strchr("0123456789", **name) ? n + *len : 0;
}

bool ref_check(const struct syn_sketch *sketch, const char *template, struct syn_error *err)
{
    const char *name;
    size_t len;
    for (const char *at = template; *at;) {
        size_t n = name_at(at, &name, &len);
        if (n > 0 && syn_sketch_name(sketch, name, len) < 0) {
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
    const char *name;
    size_t len;
    for (const char *at = template; *at;) {
        size_t n = name_at(at, &name, &len);
        if (n > 0 && syn_sketch_name(sketch, name, len) == number) return true;
        at += n ? n : 1;
    }
    return false;
}

/* ---- Text -------------------------------------------------------------------------- */

struct out {
    char *bytes;
    size_t len, capacity;
    bool failed;
};

static void put(struct out *out, const char *bytes, size_t len)
{
    if (len > SYN_MAX_BYTES) out->failed = true;
    if (out->failed || out->len + len + 1 > out->capacity) {
        size_t capacity = 2 * (out->len + len) + 64;
        char *grown = out->failed ? NULL : realloc(out->bytes, capacity);
        if (!grown) {
            out->failed = true;
            return;
        }
        out->bytes = grown;
        out->capacity = capacity;
    }
    memcpy(out->bytes + out->len, bytes, len);
    out->len += len;
    out->bytes[out->len] = 0;
}

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

/* Where strings begin and end: lines that begin in one are not moved. */
struct strings {
    struct syn_span within, *list;
    size_t count, capacity;
    bool failed;
};

static bool note_string(const struct syn_node *node, void *user)
{
    struct strings *s = user;
    if (node->kind != GRAM_KIND_STRING || node->end <= s->within.start ||
        node->start >= s->within.end)
        return true;
    if (s->count == s->capacity) {
        size_t capacity = s->capacity ? 2 * s->capacity : 16;
        struct syn_span *grown = realloc(s->list, capacity * sizeof *grown);
        if (!grown) {
            s->failed = true;
            return false;
        }
        s->list = grown;
        s->capacity = capacity;
    }
    s->list[s->count++] = (struct syn_span){node->start, node->end};
    return true;
}

static bool is_in_string(const struct strings *s, size_t at)
{
    for (size_t i = 0; i < s->count; i++)
        if (s->list[i].start < at && at < s->list[i].end) return true;
    return false;
}

/* How lines move: those that are as far in as `from` are as far in as `to`. */
struct shift {
    const char *from, *to;
    size_t from_len, to_len;
};

/* Bytes of a text, moved. kept: lines that begin in these strings are not; NULL for none, as of
 * what was written here. */
static void put_lines(struct out *out, const char *text, struct syn_span span,
                      const struct strings *kept, const struct shift *shift)
{
    bool same =
        shift->from_len == shift->to_len && memcmp(shift->from, shift->to, shift->to_len) == 0;
    for (size_t at = span.start; at < span.end;) {
        const char *newline = memchr(text + at, '\n', span.end - at);
        size_t stop = newline ? (size_t)(newline - text) + 1 : span.end;
        put(out, text + at, stop - at);
        at = stop;
        if (same || at >= span.end || (kept && is_in_string(kept, at)) || text[at] == '\n' ||
            span.end - at < shift->from_len || memcmp(text + at, shift->from, shift->from_len) != 0)
            continue;
        put(out, shift->to, shift->to_len);
        at += shift->from_len;
    }
}

/* Takes ", " away in front of nothing; true when there was one. */
static bool drop_comma(struct out *out)
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
    struct strings strings;
};

static void fill(const struct filling *f, size_t at, unsigned depth, struct out *out);

/* What a name stands for, with the places in it rewritten: those behind place `at`. */
static void put_name(const struct filling *f, size_t at, struct syn_span span,
                     const struct shift *shift, unsigned depth, struct out *out)
{
    const struct ref_places *p = f->places;
    for (size_t i = at + 1; i < p->count && p->list[i].span.start < span.end; i++) {
        struct syn_span inner = p->list[i].span;
        if (inner.start < span.start || inner.end > span.end || depth == NESTED) continue;
        struct out made = {0};
        put_lines(out, f->text, (struct syn_span){span.start, inner.start}, &f->strings, shift);
        fill(f, i, depth + 1, &made);
        out->failed |= made.failed;
        if (!made.failed)
            put_lines(out, made.bytes, (struct syn_span){0, (uint32_t)made.len}, NULL, shift);
        free(made.bytes);
        span.start = inner.end;
    }
    put_lines(out, f->text, span, &f->strings, shift);
}

static void fill(const struct filling *f, size_t place, unsigned depth, struct out *out)
{
    const struct syn_found *found = &f->places->list[place];
    struct syn_span base = indent_at(f->text, found->span.start);
    const char *name, *inner = "";
    size_t len, inner_len = 0; /* of the template's present line, beyond base */
    put(out, "", 0);
    for (const char *at = f->template; *at;) {
        size_t n = name_at(at, &name, &len);
        if (n == 0) {
            put(out, at, 1);
            if (*at++ != '\n') continue;
            put(out, f->text + base.start, base.end - base.start);
            inner = at;
            inner_len = strspn(at, " \t");
            continue;
        }
        int number = syn_sketch_name(f->places->sketch, name, len);
        struct syn_span span = number >= 0 ? found->names[number] : (struct syn_span){0, 0};
        at += n;
        if (span.start == span.end) {
            if (!drop_comma(out) && *at == ',') at += 1 + strspn(at + 1, " \t");
            continue;
        }
        struct out to = {0};
        put(&to, f->text + base.start, base.end - base.start);
        put(&to, inner, inner_len);
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
    const struct syn_found *found = &places->list[at];
    struct filling f = {.places = places,
                        .template = template,
                        .text = syn_document_text(places->doc, &all),
                        .strings = {.within = found->span}};
    struct out out = {0};
    if (memchr(f.text + found->span.start, '\n', found->span.end - found->span.start))
        syn_document_walk(places->doc, note_string, &f.strings);
    fill(&f, at, 0, &out);
    free(f.strings.list);
    *len = out.len;
    if (!out.failed && !f.strings.failed) return out.bytes;
    free(out.bytes);
    return NULL;
}
