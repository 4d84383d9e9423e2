/* holes.c: drawing holes.
 *
 * Owns the choice and nothing of the scoring. Boundaries follow classes of bytes and the
 * tree rather than one model's tokens, so that every contestant gets the same holes.
 */
#include "lsp/cli/eval/holes.h"
#include "grammars/grammars.h"
#include "lsp/cli/eval/nodes.h"
#include "lsp/cli/eval/stats.h"

#include <stdlib.h>
#include <string.h>

enum { TRIES_PER_HOLE = 60, LINE_MIN = 3, LINE_MAX = 240 };
enum { LINES_MIN = 2, LINES_MAX = 8, TRIES_PER_FILE = 16, SPAN_OCTAVES = 8 };

const char *cli_hole_kind_name(enum cli_hole_kind kind)
{
    static const char *const names[CLI_HOLE_KINDS] = {"line", "multi", "span"};
    return names[kind];
}

bool cli_hole_kind_of(const char *name, enum cli_hole_kind *out)
{
    for (int i = 0; i < CLI_HOLE_KINDS; i++)
        if (strcmp(cli_hole_kind_name((enum cli_hole_kind)i), name) == 0) {
            *out = (enum cli_hole_kind)i;
            return true;
        }
    return false;
}

/* ---- Lines ----------------------------------------------------------------------------- */

static int byte_class(unsigned char c)
{
    if (c == ' ' || c == '\t') return 0;
    if (c == '_' || c >= 0x80 || (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') ||
        (c >= 'A' && c <= 'Z'))
        return 1;
    if (strchr("()[]{};,\"'`", c)) return 2 + c; /* each alone */
    return 2;
}

static bool has_word(const char *text, size_t from, size_t to)
{
    for (size_t i = from; i < to; i++)
        if (byte_class((unsigned char)text[i]) == 1) return true;
    return false;
}

/* A comment as far as a line by itself tells. */
static bool is_comment(const struct gram_language *lang, const char *line, size_t len)
{
    size_t n = strlen(lang->line_comment);
    if (len >= n && memcmp(line, lang->line_comment, n) == 0) return true;
    return line[0] == '*' ||
           (len > 1 && (memcmp(line, "/*", 2) == 0 || memcmp(line, "{-", 2) == 0));
}

/* Picks line and start within a file; false when the line drawn is no line of code. */
static bool draw_line(struct cli_file *file, uint64_t *random, struct cli_hole *out)
{
    const char *text = file->text;
    size_t at = cli_random_below(random, file->len), from = at, end = at;
    while (from > 0 && text[from - 1] != '\n' && text[from - 1] != '\r')
        from--;
    while (end < file->len && text[end] != '\n' && text[end] != '\r')
        end++;
    out->suffix = end;
    while (from < end && byte_class((unsigned char)text[from]) == 0)
        from++;
    while (end > from && byte_class((unsigned char)text[end - 1]) == 0)
        end--;
    if (end - from < LINE_MIN || end - from > LINE_MAX) return false;
    if (is_comment(file->lang, text + from, end - from)) return false;
    if (!has_word(text, from, end)) return false;

    size_t starts[LINE_MAX], n = 0;
    for (size_t i = from + 1; i < end; i++) {
        int left = byte_class((unsigned char)text[i - 1]),
            right = byte_class((unsigned char)text[i]);
        if (right != 0 && (left != right || left > 2)) starts[n++] = i;
    }
    bool whole = cli_random_below(random, 2) == 0 || n == 0;
    out->start = whole ? from : starts[cli_random_below(random, n)];
    out->end = end;
    return true;
}

/* ---- Whole lines and any characters ---------------------------------------------------- */

static bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\v' || c == '\f';
}

/* A node and some of the siblings after it, two to eight lines together. */
static bool draw_run(const struct cli_nodes *nodes, const char *text, uint64_t *random,
                     struct cli_hole *out)
{
    if (nodes->n_nodes == 0) return false;
    size_t i = cli_random_below(random, nodes->n_nodes);
    const struct cli_node *first = &nodes->nodes[i], *last = first;
    uint32_t lines =
        LINES_MIN + (uint32_t)cli_random_below(random, (size_t)LINES_MAX - LINES_MIN + 1);
    while ((i = cli_nodes_next(nodes, text, i)) != SIZE_MAX) {
        const struct cli_node *next = &nodes->nodes[i];
        if (next->last_line - first->first_line + 1 > lines ||
            next->end - first->start > CLI_HOLE_MAX_BYTES)
            break;
        last = next;
    }
    uint32_t got = last->last_line - first->first_line + 1;
    if (got < LINES_MIN || got > LINES_MAX || last->end - first->start > CLI_HOLE_MAX_BYTES)
        return false;
    out->start = first->start;
    out->end = last->end;
    return true;
}

/* Up to 255 bytes, every octave of lengths as likely as any other. */
static bool draw_span(const char *text, size_t len, uint64_t *random, struct cli_hole *out)
{
    size_t top = (size_t)1 << cli_random_below(random, SPAN_OCTAVES);
    size_t start = cli_random_below(random, len);
    size_t end = start + top + cli_random_below(random, top);
    if (end > len) end = len;
    while (start > 0 && ((unsigned char)text[start] & 0xC0) == 0x80)
        start--;
    while (end < len && ((unsigned char)text[end] & 0xC0) == 0x80)
        end++;
    while (start < end && is_space(text[start]))
        start++;
    while (end > start && is_space(text[end - 1]))
        end--;
    out->start = start;
    out->end = end;
    return end > start;
}

/* Either of them within a file; false when no try gave one. */
static bool draw_by_tree(struct cli_file *file, enum cli_hole_kind kind, uint64_t *random,
                         struct cli_hole *out)
{
    struct syn_document *doc = NULL;
    struct cli_nodes nodes = {0};
    bool ok = syn_document_new(file->lang, file->text, file->len, &doc, NULL) == SYN_OK &&
              syn_document_parse(doc, 0, NULL) == SYN_OK && cli_nodes_collect(doc, &nodes);
    bool found = false;
    for (int i = 0; ok && !found && i < TRIES_PER_FILE; i++)
        found = (kind == CLI_HOLE_MULTI ? draw_run(&nodes, file->text, random, out)
                                        : draw_span(file->text, file->len, random, out)) &&
                has_word(file->text, out->start, out->end) &&
                !cli_nodes_has_comment(&nodes, out->start, out->end);
    out->suffix = out->end;
    while (found && kind == CLI_HOLE_MULTI && out->suffix < file->len &&
           byte_class((unsigned char)file->text[out->suffix]) == 0)
        out->suffix++; /* blanks at the line's end belong to nobody */
    cli_nodes_free(&nodes);
    syn_document_free(doc);
    return found;
}

/* ---- Drawing ----------------------------------------------------------------------------- */

static bool draw_in_file(struct cli_file *file, enum cli_hole_kind kind, uint64_t *random,
                         struct cli_hole *out)
{
    out->file = file;
    out->kind = kind;
    return kind == CLI_HOLE_LINE ? draw_line(file, random, out)
                                 : draw_by_tree(file, kind, random, out);
}

static bool is_drawn(const struct cli_hole *holes, size_t n, const struct cli_hole *hole)
{
    for (size_t i = 0; i < n; i++)
        if (holes[i].file == hole->file && holes[i].start == hole->start) return true;
    return false;
}

/* The files of [first, last) grouped by package: starts[p] .. starts[p + 1] of order. */
static bool group_by_package(const struct cli_corpus *c, size_t first, size_t last, size_t *order,
                             size_t *starts, size_t *n_packages)
{
    size_t at = 0, n = 0;
    bool *seen = calloc(c->n_packages + 1, sizeof *seen);
    if (!seen) return false;
    for (size_t i = first; i < last; i++) {
        uint32_t package = c->files[i].package;
        if (seen[package]) continue;
        seen[package] = true;
        starts[n++] = at;
        for (size_t k = i; k < last; k++)
            if (c->files[k].package == package) order[at++] = k;
    }
    starts[n] = at;
    *n_packages = n;
    free(seen);
    return true;
}

bool cli_holes_draw(struct cli_corpus *corpus, size_t first, size_t last, enum cli_hole_kind kind,
                    size_t wanted, size_t behind, uint64_t seed, struct cli_hole *out,
                    size_t *count)
{
    size_t n_packages = 0, begin = *count;
    size_t *order = malloc((last - first + 1) * sizeof *order);
    size_t *starts = malloc((last - first + 1) * sizeof *starts);
    bool ok = order && starts && group_by_package(corpus, first, last, order, starts, &n_packages);
    for (size_t tries = 0; ok && *count - begin < wanted && tries < wanted * TRIES_PER_HOLE;
         tries++) {
        size_t p = cli_random_below(&seed, n_packages);
        size_t i = order[starts[p] + cli_random_below(&seed, starts[p + 1] - starts[p])];
        struct cli_file *file = &corpus->files[i];
        struct cli_hole hole;
        if (!cli_corpus_load(corpus, file) || file->len < behind) continue;
        if (!draw_in_file(file, kind, &seed, &hole) || hole.start < behind) continue;
        if (!is_drawn(out + begin, *count - begin, &hole)) out[(*count)++] = hole;
    }
    free(order);
    free(starts);
    return ok;
}
