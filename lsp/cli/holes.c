/* holes.c: drawing holes.
 *
 * Owns the choice and nothing of the scoring. Boundaries follow classes of bytes rather
 * than one model's tokens, so that every contestant gets the same holes.
 */
#include "lsp/cli/holes.h"
#include "grammars/grammars.h"
#include "lsp/cli/stats.h"

#include <stdlib.h>
#include <string.h>

enum { TRIES_PER_HOLE = 60, LINE_MIN = 3, LINE_MAX = 240 };

static int byte_class(unsigned char c)
{
    if (c == ' ' || c == '\t') return 0;
    if (c == '_' || c >= 0x80 || (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') ||
        (c >= 'A' && c <= 'Z'))
        return 1;
    if (strchr("()[]{};,\"'`", c)) return 2 + c; /* each alone */
    return 2;
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
static bool draw_in_file(struct cli_file *file, uint64_t *random, struct cli_hole *out)
{
    const char *text = file->text;
    size_t at = cli_random_below(random, file->len), from = at, end = at;
    while (from > 0 && text[from - 1] != '\n' && text[from - 1] != '\r')
        from--;
    while (end < file->len && text[end] != '\n' && text[end] != '\r')
        end++;
    out->line_end = end;
    while (from < end && byte_class((unsigned char)text[from]) == 0)
        from++;
    while (end > from && byte_class((unsigned char)text[end - 1]) == 0)
        end--;
    if (end - from < LINE_MIN || end - from > LINE_MAX) return false;
    if (is_comment(file->lang, text + from, end - from)) return false;
    bool has_word = false;
    for (size_t i = from; i < end; i++)
        has_word = has_word || byte_class((unsigned char)text[i]) == 1;
    if (!has_word) return false;

    size_t starts[LINE_MAX], n = 0;
    for (size_t i = from + 1; i < end; i++) {
        int left = byte_class((unsigned char)text[i - 1]),
            right = byte_class((unsigned char)text[i]);
        if (right != 0 && (left != right || left > 2)) starts[n++] = i;
    }
    bool whole = cli_random_below(random, 2) == 0 || n == 0;
    out->start = whole ? from : starts[cli_random_below(random, n)];
    out->end = end;
    out->file = file;
    return true;
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

bool cli_holes_draw(struct cli_corpus *corpus, size_t first, size_t last, size_t wanted,
                    uint64_t seed, struct cli_hole *out, size_t *count)
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
        if (!cli_corpus_load(corpus, file) || !draw_in_file(file, &seed, &hole)) continue;
        if (!is_drawn(out + begin, *count - begin, &hole)) out[(*count)++] = hole;
    }
    free(order);
    free(starts);
    return ok;
}
