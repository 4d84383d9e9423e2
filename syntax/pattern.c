/* Patterns: queries that are compiled once and run over many trees.
 *
 * tree-sitter matches the shapes; what else a match has to satisfy is read into a list for each
 * S-expression (predicate.c), as the core leaves predicates to its callers. A query's text comes
 * from files of a workspace as well as from ours: all its errors are told with the line.
 */
#include "syntax/predicate.h"

#include <stdlib.h>
#include <string.h>

enum { MATCH_LIMIT = 4096 }; /* matches that are open at once; more are dropped, the oldest first */

struct syn_pattern {
    TSQuery *query;
    uint32_t *first; /* [expressions + 1] into predicates */
    struct syn_predicate *predicates;
    uint32_t n_predicates;
};

/* ---- Compiling --------------------------------------------------------------------- */

static unsigned line_of(const char *text, uint32_t offset)
{
    unsigned line = 1;
    for (uint32_t i = 0; i < offset && text[i]; i++)
        line += text[i] == '\n';
    return line;
}

static enum syn_status query_error(const char *text, uint32_t len, uint32_t offset,
                                   TSQueryError why, struct syn_error *err)
{
    static const char *const reasons[] = {
        [TSQueryErrorSyntax] = "expected a query", [TSQueryErrorNodeType] = "no such node type",
        [TSQueryErrorField] = "no such field",     [TSQueryErrorCapture] = "no such capture",
        [TSQueryErrorStructure] = "cannot match",  [TSQueryErrorLanguage] = "not this language"};
    if (offset > len) offset = len;
    size_t word = strcspn(text + offset, " \t\r\n()[]");
    return syn_fail(err, SYN_BAD_GRAMMAR, "line %u: %s at '%.*s'", line_of(text, offset),
                    reasons[why], (int)(word < 40 ? word : 40), text + offset);
}

/* Offset of an empty string, which tree-sitter does not expect; SIZE_MAX when there is none. */
static size_t find_empty_string(const char *text)
{
    for (const char *at = text; *at; at++) {
        if (*at == ';') at += strcspn(at, "\n");
        if (!*at) break;
        if (*at != '"') continue;
        if (at[1] == '"') return (size_t)(at - text);
        for (at++; *at && *at != '"'; at++)
            if (*at == '\\' && at[1]) at++;
        if (!*at) break;
    }
    return SIZE_MAX;
}

/* Reads the predicates of expression `index`; out of place: only counts them. */
static uint32_t count_predicates(const TSQuery *query, uint32_t index)
{
    uint32_t n, count = 0;
    const TSQueryPredicateStep *steps = ts_query_predicates_for_pattern(query, index, &n);
    for (uint32_t i = 0; i < n; i++)
        count += steps[i].type == TSQueryPredicateStepTypeDone;
    return count;
}

static bool read_predicates(struct syn_pattern *p, uint32_t index, struct syn_error *err)
{
    uint32_t n, begin = 0;
    const TSQueryPredicateStep *steps = ts_query_predicates_for_pattern(p->query, index, &n);
    for (uint32_t i = 0; i < n; i++) {
        if (steps[i].type != TSQueryPredicateStepTypeDone) continue;
        if (!syn_predicate_read(p->query, steps + begin, i - begin, &p->predicates[p->n_predicates],
                                err))
            return false;
        p->n_predicates++;
        begin = i + 1;
    }
    return true;
}

static enum syn_status compile(struct syn_pattern *p, const char *text, struct syn_error *err)
{
    uint32_t expressions = ts_query_pattern_count(p->query), total = 0;
    if (ts_query_capture_count(p->query) > SYN_PATTERN_CAPTURES)
        return syn_fail(err, SYN_BAD_GRAMMAR, "%u captures: expected at most %u",
                        ts_query_capture_count(p->query), SYN_PATTERN_CAPTURES);
    for (uint32_t i = 0; i < expressions; i++)
        total += count_predicates(p->query, i);
    p->first = calloc(expressions + 1, sizeof *p->first);
    p->predicates = calloc(total + 1, sizeof *p->predicates);
    if (!p->first || !p->predicates)
        return syn_fail(err, SYN_NO_MEMORY, "out of memory for a pattern");
    for (uint32_t i = 0; i < expressions; i++) {
        struct syn_error why = {""};
        p->first[i] = p->n_predicates;
        if (!read_predicates(p, i, &why))
            return syn_fail(err, SYN_BAD_GRAMMAR, "line %u: %s",
                            line_of(text, ts_query_start_byte_for_pattern(p->query, i)), why.text);
    }
    p->first[expressions] = p->n_predicates;
    return SYN_OK;
}

enum syn_status syn_pattern_new(const struct gram_language *lang, const char *text, size_t len,
                                struct syn_pattern **out, struct syn_error *err)
{
    *out = NULL;
    if (len > SYN_PATTERN_BYTES)
        return syn_fail(err, SYN_TOO_LARGE, "a pattern of %zu bytes: expected at most %u", len,
                        SYN_PATTERN_BYTES);
    struct syn_pattern *p = calloc(1, sizeof *p);
    char *copy = p ? strndup(text, len) : NULL; /* messages quote what follows the error */
    if (!copy) {
        free(p);
        return syn_fail(err, SYN_NO_MEMORY, "out of memory for a pattern");
    }
    TSQueryError why = TSQueryErrorSyntax;
    size_t empty = find_empty_string(copy);
    uint32_t size = (uint32_t)strlen(copy), offset = (uint32_t)empty;
    if (empty == SIZE_MAX) p->query = ts_query_new(lang->grammar(), copy, size, &offset, &why);
    enum syn_status status =
        p->query ? compile(p, copy, err) : query_error(copy, size, offset, why, err);
    free(copy);
    if (status != SYN_OK)
        syn_pattern_free(p);
    else
        *out = p;
    return status;
}

void syn_pattern_free(struct syn_pattern *p)
{
    if (!p) return;
    for (uint32_t i = 0; i < p->n_predicates; i++)
        syn_predicate_end(&p->predicates[i]);
    free(p->predicates);
    free(p->first);
    if (p->query) ts_query_delete(p->query);
    free(p);
}

int syn_pattern_capture(const struct syn_pattern *p, const char *name)
{
    uint32_t n = ts_query_capture_count(p->query), len;
    for (uint32_t i = 0; i < n; i++) {
        const char *have = ts_query_capture_name_for_id(p->query, i, &len);
        if (len == strlen(name) && memcmp(have, name, len) == 0) return (int)i;
    }
    return -1;
}

/* ---- Running ----------------------------------------------------------------------- */

/* False when a node of it has an error in it. */
static bool take_nodes(const TSQueryMatch *match, struct syn_matched *out)
{
    memset(out->has, 0, sizeof out->has);
    for (uint16_t i = 0; i < match->capture_count; i++) {
        const TSQueryCapture *c = &match->captures[i];
        if (ts_node_has_error(c->node)) return false;
        if (out->has[c->index]) continue;
        out->has[c->index] = true;
        out->node[c->index] = c->node;
    }
    return true;
}

static struct syn_match spans_of(const struct syn_matched *matched)
{
    struct syn_match out;
    memcpy(out.has, matched->has, sizeof out.has);
    for (size_t i = 0; i < SYN_PATTERN_CAPTURES; i++)
        if (out.has[i])
            out.span[i] = (struct syn_span){ts_node_start_byte(matched->node[i]),
                                            ts_node_end_byte(matched->node[i])};
    return out;
}

static bool satisfies(const struct syn_pattern *p, uint32_t expression, struct syn_matched *matched)
{
    for (uint32_t i = p->first[expression]; i < p->first[expression + 1]; i++)
        if (!syn_predicate_holds(&p->predicates[i], matched)) return false;
    return true;
}

enum syn_status syn_pattern_run(const struct syn_pattern *p, const struct syn_document *doc,
                                size_t start, size_t end, syn_on_match visit, void *user,
                                struct syn_error *err)
{
    if (!doc->tree) return SYN_OK;
    TSQueryCursor *cursor = ts_query_cursor_new();
    ts_query_cursor_set_match_limit(cursor, MATCH_LIMIT);
    ts_query_cursor_set_byte_range(cursor, (uint32_t)start, (uint32_t)end);
    ts_query_cursor_exec(cursor, p->query, ts_tree_root_node(doc->tree));
    struct syn_matched matched = {.doc = doc};
    TSQueryMatch match;
    while (!syn_is_stopped(doc->stop) && ts_query_cursor_next_match(cursor, &match)) {
        if (!take_nodes(&match, &matched) || !satisfies(p, match.pattern_index, &matched)) continue;
        struct syn_match spans = spans_of(&matched);
        if (!visit(&spans, user)) break;
    }
    ts_query_cursor_delete(cursor);
    return syn_unless_stopped(doc, SYN_OK, err);
}
