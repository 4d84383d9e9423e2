/* Diffs by Myers' greedy algorithm (An O(ND) Difference Algorithm and Its Variations, 1986), on
 * lines between the first and the last ones that differ. Texts that differ in more than a thousand
 * places are told as one change from there to there: right, if long.
 */
#include "lsp/cli/refactor/diff.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { CONTEXT = 3, MOST = 1000 /* lines put in and taken out that are looked for */ };

struct lines {
    const char *text;
    size_t *start; /* [count + 1] */
    size_t count;
    bool *changed; /* [count]: taken out, or put in */
};

static bool split(const char *text, size_t len, struct lines *out)
{
    *out = (struct lines){.text = text};
    for (size_t i = 0; i < len; i++)
        out->count += text[i] == '\n' || i + 1 == len;
    out->start = malloc((out->count + 1) * sizeof *out->start);
    out->changed = calloc(out->count + 1, sizeof *out->changed);
    if (!out->start || !out->changed) return false;
    size_t n = 0, at = 0;
    while (at < len) {
        const char *newline = memchr(text + at, '\n', len - at);
        out->start[n++] = at;
        at = newline ? (size_t)(newline - text) + 1 : len;
    }
    out->start[n] = len;
    return true;
}

static void free_lines(struct lines *lines)
{
    free(lines->start);
    free(lines->changed);
}

static bool same(const struct lines *a, size_t i, const struct lines *b, size_t k)
{
    size_t len = a->start[i + 1] - a->start[i];
    return len == b->start[k + 1] - b->start[k] &&
           memcmp(a->text + a->start[i], b->text + b->start[k], len) == 0;
}

/* ---- The shortest way ------------------------------------------------------------------- */

/* What is to be compared: lines [first, first + n) and [first, first + m). */
struct window {
    struct lines *a, *b;
    size_t first;
    int n, m;
};

static int slide(const struct window *w, int x, int diagonal)
{
    while (x < w->n && x - diagonal < w->m &&
           same(w->a, w->first + (size_t)x, w->b, w->first + (size_t)(x - diagonal)))
        x++;
    return x;
}

/* Is the way to this diagonal with d steps one down (a line put in) rather than to the right? */
static bool goes_down(const int *v, int diagonal, int d)
{
    return diagonal == -d || (diagonal != d && v[diagonal - 1] < v[diagonal + 1]);
}

/* Marks the steps that led here, from the last one to the first. */
static void mark(const struct window *w, int *const *trace, int d)
{
    int x = w->n, y = w->m;
    for (; d > 0; d--) {
        const int *v = trace[d - 1];
        int diagonal = x - y;
        bool down = goes_down(v, diagonal, d);
        int before = down ? diagonal + 1 : diagonal - 1, from = v[before];
        if (down)
            w->b->changed[w->first + (size_t)(from - before)] = true;
        else
            w->a->changed[w->first + (size_t)from] = true;
        x = from;
        y = from - before;
    }
}

static void mark_all(const struct window *w)
{
    for (int i = 0; i < w->n; i++)
        w->a->changed[w->first + (size_t)i] = true;
    for (int i = 0; i < w->m; i++)
        w->b->changed[w->first + (size_t)i] = true;
}

/* trace[d]: how far each diagonal came with d steps. False when memory ran out. */
static bool compare(const struct window *w)
{
    int most = w->n + w->m < MOST ? w->n + w->m : MOST;
    int **trace = calloc((size_t)most + 1, sizeof *trace), *v = NULL;
    bool ok = trace != NULL, found = false;
    int d = 0;
    for (; ok && !found && d <= most; d++) {
        int *row = calloc(2 * (size_t)d + 3, sizeof *row);
        if (!(ok = row != NULL)) break;
        trace[d] = row + d + 1; /* diagonals -d - 1 to d + 1 */
        for (int k = -d; k <= d && !found; k += 2) {
            int x = d == 0 ? 0 : goes_down(v, k, d) ? v[k + 1] : v[k - 1] + 1;
            trace[d][k] = x = slide(w, x, k);
            found = x >= w->n && x - k >= w->m;
        }
        v = trace[d];
    }
    if (found)
        mark(w, trace, d - 1);
    else if (ok)
        mark_all(w);
    for (int i = 0; trace && i <= most; i++)
        if (trace[i]) free(trace[i] - i - 1);
    free(trace);
    return ok;
}

static bool find_changes(struct lines *a, struct lines *b)
{
    size_t first = 0, n = a->count, m = b->count;
    while (first < n && first < m && same(a, first, b, first))
        first++;
    while (n > first && m > first && same(a, n - 1, b, m - 1)) {
        n--;
        m--;
    }
    const struct window w = {a, b, first, (int)(n - first), (int)(m - first)};
    return compare(&w);
}

/* ---- Printing --------------------------------------------------------------------------- */

static void print_line(FILE *out, char sign, const struct lines *lines, size_t i)
{
    size_t len = lines->start[i + 1] - lines->start[i];
    const char *text = lines->text + lines->start[i];
    putc(sign, out);
    fwrite(text, 1, len, out);
    if (len == 0 || text[len - 1] != '\n') fputs("\n\\ No newline at end of file\n", out);
}

/* As git does: names with a quote, a backslash or control characters in quotes. */
static void print_name(FILE *out, const char *sign, const char *side, const char *path)
{
    bool quoted = strpbrk(path, "\"\\\n\t\r") != NULL;
    while (*path == '/')
        path++;
    fprintf(out, "%s %s%s/", sign, quoted ? "\"" : "", side);
    for (; *path; path++) {
        unsigned char c = (unsigned char)*path;
        if (quoted && (c == '"' || c == '\\'))
            fprintf(out, "\\%c", c);
        else if (quoted && c < 0x20)
            fprintf(out, "\\%03o", c);
        else
            putc(c, out);
    }
    fputs(quoted ? "\"\n" : "\n", out);
}

/* A hunk: lines [i, i_end) of a become [k, k_end) of b. */
static void print_hunk(FILE *out, const struct lines *a, const struct lines *b, size_t i,
                       size_t i_end, size_t k, size_t k_end)
{
    fprintf(out, "@@ -%zu,%zu +%zu,%zu @@\n", i_end > i ? i + 1 : i, i_end - i,
            k_end > k ? k + 1 : k, k_end - k);
    while (i < i_end || k < k_end) {
        if (i < i_end && a->changed[i]) {
            print_line(out, '-', a, i++);
        } else if (k < k_end && b->changed[k]) {
            print_line(out, '+', b, k++);
        } else {
            print_line(out, ' ', a, i++);
            k++;
        }
    }
}

/* From a change at (i, k) on: the end of all that belongs into its hunk. */
static void hunk_end(const struct lines *a, const struct lines *b, size_t *i, size_t *k)
{
    size_t quiet = 0;
    while (*i < a->count || *k < b->count) {
        bool out = *i < a->count && a->changed[*i], in = *k < b->count && b->changed[*k];
        if (!out && !in && ++quiet > 2 * CONTEXT) break;
        if (out || in) quiet = 0;
        *i += out || !in;
        *k += !out;
    }
    size_t passed = quiet > 2 * CONTEXT ? 2 * CONTEXT : quiet;
    size_t back = passed > CONTEXT ? passed - CONTEXT : 0;
    *i -= back;
    *k -= back;
}

static void print_hunks(FILE *out, const struct lines *a, const struct lines *b)
{
    size_t i = 0, k = 0, since = 0; /* lines since the last hunk */
    while (i < a->count || k < b->count) {
        if ((i < a->count && a->changed[i]) || (k < b->count && b->changed[k])) {
            size_t lead = since < CONTEXT ? since : CONTEXT, i_end = i, k_end = k;
            hunk_end(a, b, &i_end, &k_end);
            print_hunk(out, a, b, i - lead, i_end, k - lead, k_end);
            i = i_end;
            k = k_end;
            since = 0;
        } else {
            i++;
            k++;
            since++;
        }
    }
}

bool cli_diff(FILE *out, const char *path, const char *old_text, size_t old_len,
              const char *new_text, size_t new_len)
{
    struct lines a = {0}, b = {0};
    if (old_len == new_len && memcmp(old_text, new_text, old_len) == 0) return true;
    bool ok = split(old_text, old_len, &a) && split(new_text, new_len, &b) && find_changes(&a, &b);
    if (ok) {
        print_name(out, "---", "a", path);
        print_name(out, "+++", "b", path);
        print_hunks(out, &a, &b);
    }
    free_lines(&a);
    free_lines(&b);
    return ok;
}
