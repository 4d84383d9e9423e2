/* What has to hold of a sketch's places.
 *
 * The predicates are those of patterns and read by the same code: a query is made around them whose
 * captures are the sketch's names. It is never run.
 */
#include "syntax/sketches.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const parts[] = {"match", "function", "file"};

/* Are these lists of "(#...)" alone? */
static bool are_predicates(const char *text, size_t len)
{
    size_t depth = 0;
    for (size_t i = 0; i < len; i++) {
        if (text[i] == '"') {
            for (i++; i < len && text[i] != '"'; i++)
                i += text[i] == '\\';
            if (i >= len) return false;
        } else if (text[i] == '(') {
            if (depth++ == 0 && (i + 1 == len || text[i + 1] != '#')) return false;
        } else if (text[i] == ')') {
            if (depth-- == 0) return false;
        } else if (depth == 0 && !strchr(" \t\r\n", text[i])) {
            return false;
        }
    }
    return depth == 0;
}

static int part_of(const struct syn_sketch *sketch, const char *name, uint32_t len)
{
    for (int i = 0; i < SYN_SKETCH_PARTS - SYN_SKETCH_MATCH; i++)
        if (strlen(parts[i]) == len && memcmp(parts[i], name, len) == 0)
            return SYN_SKETCH_MATCH + i;
    return syn_sketch_name(sketch, name, len);
}

/* "((_) @match @A ... predicates)", the caller's to free. */
static char *query_text(const struct syn_sketch *sketch, const char *text, size_t len)
{
    enum { HEAD = 32 + SYN_SKETCH_NAMES * 80 };
    char *out = malloc(HEAD + len + 2);
    if (!out) return NULL;
    size_t at = (size_t)snprintf(out, HEAD, "((_)");
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
        at += (size_t)snprintf(out + at, HEAD - at, " @%s", parts[i]);
    for (size_t i = 0; i < sketch->n_names; i++)
        at += (size_t)snprintf(out + at, HEAD - at, " @%s", sketch->names[i]);
    memcpy(out + at, text, len);
    memcpy(out + at + len, ")", 2);
    return out;
}

/* Names that stand for many are spoken of only where that has a meaning. */
static bool may_take(const struct syn_sketch *sketch, const struct syn_predicate *p,
                     struct syn_error *err)
{
    for (uint32_t i = 0; i < p->count; i++) {
        int capture = p->arguments[i].capture;
        int part = capture < 0 ? -1 : sketch->where.parts[capture];
        if (part < 0 || part >= SYN_SKETCH_NAMES || !sketch->many[part]) continue;
        if (syn_predicate_takes_many(p, i)) continue;
        syn_fail(err, SYN_BAD_GRAMMAR, "@%s stands for many: a predicate asks for one node",
                 sketch->names[part]);
        return false;
    }
    return true;
}

static enum syn_status read_all(struct syn_sketch *sketch, struct syn_error *err)
{
    struct syn_sketch_where *where = &sketch->where;
    uint32_t n, begin = 0, len;
    const TSQueryPredicateStep *steps = ts_query_predicates_for_pattern(where->query, 0, &n);
    for (uint32_t i = 0; i < ts_query_capture_count(where->query); i++) {
        const char *name = ts_query_capture_name_for_id(where->query, i, &len);
        where->parts[i] = part_of(sketch, name, len);
    }
    where->list = calloc((size_t)n + 1, sizeof *where->list);
    if (!where->list) return syn_fail(err, SYN_NO_MEMORY, "out of memory for predicates");
    for (uint32_t i = 0; i < n; i++) {
        if (steps[i].type != TSQueryPredicateStepTypeDone) continue;
        struct syn_predicate *p = &where->list[where->n];
        bool read = syn_predicate_read(where->query, steps + begin, i - begin, p, err);
        if (!read) syn_predicate_end(p);
        if (!read) return SYN_BAD_GRAMMAR;
        where->n++;
        if (!may_take(sketch, p, err)) return SYN_BAD_GRAMMAR;
        begin = i + 1;
    }
    return SYN_OK;
}

enum syn_status syn_sketch_require(struct syn_sketch *sketch, const char *text, size_t len,
                                   struct syn_error *err)
{
    if (len > SYN_PATTERN_BYTES)
        return syn_fail(err, SYN_TOO_LARGE, "predicates of %zu bytes: expected at most %d", len,
                        SYN_PATTERN_BYTES);
    if (!are_predicates(text, len) || memchr(text, 0, len))
        return syn_fail(err, SYN_BAD_GRAMMAR, "expected predicates, (#name? @NAME ...)");
    char *query = query_text(sketch, text, len);
    if (!query) return syn_fail(err, SYN_NO_MEMORY, "out of memory for predicates");
    uint32_t offset;
    TSQueryError why;
    /* Predicates know no grammar; with a small one the query is made in no time. */
    const TSLanguage *any = gram_by_id("lua")->grammar();
    sketch->where.query = ts_query_new(any, query, (uint32_t)strlen(query), &offset, &why);
    enum syn_status status =
        sketch->where.query ? read_all(sketch, err)
        : why == TSQueryErrorCapture
            ? syn_fail(err, SYN_BAD_GRAMMAR,
                       "%.60s: a predicate speaks of what is no name of the "
                       "pattern",
                       query + offset)
            : syn_fail(err, SYN_BAD_GRAMMAR, "expected predicates, (#name? @NAME ...)");
    free(query);
    return status;
}

void syn_sketch_where_free(struct syn_sketch_where *where)
{
    for (uint32_t i = 0; i < where->n; i++)
        syn_predicate_end(&where->list[i]);
    free(where->list);
    if (where->query) ts_query_delete(where->query);
}
