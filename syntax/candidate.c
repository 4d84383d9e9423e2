/* Which part of a candidate fits.
 *
 * A candidate is put into the hole of the excerpt and parsed. It fits if that costs no more
 * than the repaired hole does. Text that is cut off in the middle of something is no error:
 * a candidate that does not fit as it stands is tried with the endings that the language
 * lists, closers first. Brackets that somebody would have to open after the candidate are a
 * different matter: they mean that it closed what is not its own.
 *
 * Whether the cursor's own bracket or block was closed is read off the text, not the tree:
 * the first closer without an opener, or a line that stands further left than the cursor's.
 */
#include "syntax/brackets.h"
#include "syntax/hole.h"

#include <stdlib.h>
#include <string.h>

enum { MAX_ENDINGS = 8, MAX_CUTS = 512, MAX_STEPS = 1000 };

struct judge {
    const struct syn_hole *hole;
    char openers[SYN_MAX_OPENERS]; /* that the hole needs without any candidate */
    struct syn_filling *endings;   /* [SYN_MAX_FILLINGS] */
    char *joined;                  /* the candidate and an ending */
    uint32_t steps;                /* of the parser that are left for all attempts */
};

/* Cost of the excerpt with joined[len] in its hole; UINT32_MAX when it is soon seen to be
 * more than nothing. */
static uint32_t cost_of(struct judge *j, size_t len, bool to_the_end)
{
    uint32_t reached;
    TSTree *tree = syn_excerpt_try(j->hole->excerpt, j->hole->doc->parser, j->joined, len,
                                   !to_the_end, &j->steps, &reached);
    if (!tree) return UINT32_MAX;
    uint32_t cost = syn_tree_cost(tree);
    ts_tree_delete(tree);
    return cost;
}

/* The least cost of the candidate's first len bytes, as they are or with an ending. */
static uint32_t judge_prefix(struct judge *j, const char *text, size_t len)
{
    uint32_t allowed = j->hole->excerpt_cost;
    memcpy(j->joined, text, len);
    uint32_t best = cost_of(j, len, true);
    if (best <= allowed) return best;
    char openers[SYN_MAX_OPENERS];
    size_t count =
        syn_list_fillings(j->hole->excerpt, j->hole->doc, text, len, j->endings, openers);
    if (strcmp(openers, j->openers) != 0) return best;
    for (size_t i = 0; i < count && i < MAX_ENDINGS && best > allowed; i++) {
        memcpy(j->joined + len, j->endings[i].text, j->endings[i].length);
        uint32_t cost = cost_of(j, len + j->endings[i].length, allowed > 0);
        if (cost < best) best = cost;
    }
    return best;
}

/* Writes the places where the candidate may be cut, ascending: between its tokens. */
static size_t list_cuts(const char *text, size_t len, uint32_t *cuts)
{
    size_t n = 0;
    for (size_t i = 1; i < len && n < MAX_CUTS; i++) {
        if (syn_is_word(text[i - 1]) && syn_is_word(text[i])) continue;
        if (syn_is_space(text[i - 1]) || ((uint8_t)text[i] & 0xc0) == 0x80) continue;
        cuts[n++] = (uint32_t)i;
    }
    return n;
}

static size_t indent_of(const char *line, size_t len)
{
    size_t n = 0;
    while (n < len && (line[n] == ' ' || line[n] == '\t'))
        n++;
    return n;
}

/* Where the line that starts at `at` closes the block around the cursor: after it, if it is
 * made of closers or a word that ends blocks; before it, if it is anything else. */
static size_t dedent_end(const char *text, size_t len, size_t at, size_t indent)
{
    size_t first = at + indent, end = first;
    while (end < len && text[end] != '\n')
        end++;
    static const char *const enders[] = {"end", "fi", "done", "esac"};
    bool closes = strchr(")]}", text[first]) != NULL;
    for (size_t i = 0; i < sizeof enders / sizeof *enders; i++)
        closes |= !strncmp(text + first, enders[i], strlen(enders[i])) &&
                  !syn_is_word(text[first + strlen(enders[i])]);
    if (closes) return end;
    while (at > 0 && syn_is_space(text[at - 1]))
        at--;
    return at;
}

/* The end of what belongs to the block around the cursor; SIZE_MAX when the candidate does
 * not close it. text is zero-terminated. */
static size_t block_end(const struct syn_hole *hole, const char *text, size_t len)
{
    const struct syn_document *doc = hole->doc;
    size_t start = syn_line_start(doc, syn_lines_find(&doc->lines, hole->start));
    size_t own = indent_of(doc->text + start, hole->start - start);
    for (size_t at = 0; at < len; at++) {
        if (text[at] != '\n') continue;
        size_t indent = indent_of(text + at + 1, len - at - 1), first = at + 1 + indent;
        if (first < len && text[first] != '\n' && text[first] != '\r' && indent < own)
            return dedent_end(text, len, at + 1, indent);
    }
    return SIZE_MAX;
}

/* Does the candidate close the bracket that holds the cursor? */
static bool closes_bracket(const struct syn_hole *hole, const char *text, size_t len)
{
    const struct syn_excerpt *x = hole->excerpt;
    struct syn_brackets around, inside;
    syn_scan_brackets(&around, hole->doc->lang, (struct syn_quote){0}, x->text, x->hole);
    syn_scan_brackets(&inside, hole->doc->lang, around.quote, text, len);
    return inside.surplus_count > 0;
}

static void judge(struct judge *j, const char *text, size_t len, struct syn_verdict *out)
{
    const struct syn_hole *hole = j->hole;
    uint32_t cuts[MAX_CUTS], allowed = hole->excerpt_cost;
    out->cost_all = out->cost = judge_prefix(j, text, len);
    out->keep = len;
    size_t closed_at = block_end(hole, text, len);
    if (closed_at < len) {
        out->keep = closed_at;
        out->cost = judge_prefix(j, text, closed_at);
    }
    if (out->cost > allowed) { /* the longest prefix that fits, by bisection */
        size_t fits = 0, fails = list_cuts(text, out->keep, cuts);
        uint32_t cost = allowed;
        while (fits < fails) {
            size_t mid = fits + (fails - fits) / 2;
            uint32_t at = judge_prefix(j, text, cuts[mid]);
            if (at <= allowed) {
                fits = mid + 1;
                cost = at;
            } else {
                fails = mid;
            }
        }
        out->keep = fits > 0 ? cuts[fits - 1] : 0;
        out->cost = cost;
    }
    out->closed =
        out->keep > 0 && (out->keep == closed_at || closes_bracket(hole, text, out->keep));
}

enum syn_status syn_candidate_judge(const struct syn_hole *hole, const char *text, size_t len,
                                    struct syn_verdict *out, struct syn_error *err)
{
    *out = (struct syn_verdict){.keep = len};
    if (len > SYN_MAX_BYTES - hole->doc->length)
        return syn_fail(err, SYN_TOO_LARGE, "candidate of %zu bytes: expected at most %zu", len,
                        SYN_MAX_BYTES - hole->doc->length);
    if (!hole->tree || len == 0) return SYN_OK;
    struct judge j = {.hole = hole, .steps = MAX_STEPS};
    if (!hole->excerpt->text) { /* the hole was clean without one */
        if (!syn_excerpt_make(hole->excerpt, hole->doc->parser, hole->doc, hole->start, hole->end,
                              hole->tree))
            return syn_unless_stopped(
                hole->doc, syn_fail(err, SYN_NO_MEMORY, "out of memory for an excerpt"), err);
    }
    j.endings = calloc(SYN_MAX_FILLINGS, sizeof *j.endings);
    j.joined = malloc(len + SYN_MAX_FILLING);
    char *copy = malloc(len + 1); /* with a zero byte at its end */
    bool ready = j.endings && j.joined && copy;
    if (ready) {
        memcpy(copy, text, len);
        copy[len] = 0;
        syn_list_fillings(hole->excerpt, hole->doc, "", 0, j.endings, j.openers);
        judge(&j, copy, len, out);
    }
    free(copy);
    free(j.joined);
    free(j.endings);
    return syn_unless_stopped(
        hole->doc, ready ? SYN_OK : syn_fail(err, SYN_NO_MEMORY, "out of memory for a candidate"),
        err);
}
