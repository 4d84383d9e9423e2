/* Reading unified diffs: "---", "+++" and hunks, as diff.c and git write them. What git says
 * between files (diff, index, mode lines) is passed over. Taken back is only what fits exactly: no
 * fuzz, no offsets, as the diff was made of this very text.
 */
#include "lsp/cli/refactor/patch.h"
#include "lsp/assist/text.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool refuse(char why[CLI_PATCH_WHY], const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static bool refuse(char why[CLI_PATCH_WHY], const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(why, CLI_PATCH_WHY, format, arguments);
    va_end(arguments);
    return false;
}

/* ---- Lines ------------------------------------------------------------------------- */

struct line {
    const char *bytes; /* not zero-terminated */
    size_t len;        /* without the line end */
};

static bool next_line(const char *text, size_t end, size_t *at, struct line *out)
{
    if (*at >= end) return false;
    const char *newline = memchr(text + *at, '\n', end - *at);
    out->bytes = text + *at;
    out->len = newline ? (size_t)(newline - out->bytes) : end - *at;
    *at += out->len + 1;
    return true;
}

static bool starts(const struct line *line, const char *with)
{
    size_t n = strlen(with);
    return line->len >= n && memcmp(line->bytes, with, n) == 0;
}

/* ---- Files ------------------------------------------------------------------------- */

/* The name behind "+++ ", as it is or in quotes with escapes. */
static bool read_name(const struct line *line, char out[CLI_PATCH_PATH])
{
    const char *at = line->bytes + 4, *end = line->bytes + line->len;
    size_t n = 0;
    bool quoted = at < end && *at == '"';
    for (at += quoted; at < end && n + 1 < CLI_PATCH_PATH; at++) {
        if (quoted && *at == '"') break;
        if (!quoted && *at == '\t') break; /* a date behind it */
        if (quoted && *at == '\\' && at + 1 < end && at[1] >= '0' && at[1] <= '3' && end - at > 3) {
            out[n++] = (char)((at[1] - '0') * 64 + (at[2] & 7) * 8 + (at[3] & 7));
            at += 3;
        } else if (quoted && *at == '\\' && at + 1 < end) {
            at++;
            out[n++] = *at == 'n' ? '\n' : *at == 't' ? '\t' : *at == 'r' ? '\r' : *at;
        } else {
            out[n++] = *at;
        }
    }
    while (!quoted && n > 0 && out[n - 1] == '\r')
        n--;
    out[n] = 0;
    return n > 2 && strlen(out) == n && at <= end && n + 1 < CLI_PATCH_PATH;
}

static bool stays_below(const char *path)
{
    if (*path == '/' || *path == 0) return false;
    for (const char *at = path; at; at = strchr(at, '/') ? strchr(at, '/') + 1 : NULL) {
        size_t n = strcspn(at, "/");
        if (n == 0 || (n == 2 && memcmp(at, "..", 2) == 0)) return false;
    }
    return true;
}

/* Numbers of "@@ -from,n +to,m @@". */
struct hunk {
    size_t old_start, old_n, new_start, new_n;
};

static bool read_number(const char **at, const char *end, size_t *out)
{
    const char *first = *at;
    for (*out = 0; *at < end && **at >= '0' && **at <= '9' && *at - first < 9; ++*at)
        *out = *out * 10 + (size_t)(**at - '0');
    return *at > first;
}

static bool read_range(const char **at, const char *end, char sign, size_t *start, size_t *n)
{
    *n = 1;
    if (end - *at < 2 || **at != sign) return false;
    ++*at;
    if (!read_number(at, end, start)) return false;
    if (*at == end || **at != ',') return true;
    ++*at;
    return read_number(at, end, n);
}

static bool read_hunk(const struct line *line, struct hunk *out)
{
    const char *at = line->bytes + 3, *end = line->bytes + line->len;
    if (!starts(line, "@@ ") || !read_range(&at, end, '-', &out->old_start, &out->old_n))
        return false;
    if (at == end || *at++ != ' ') return false;
    return read_range(&at, end, '+', &out->new_start, &out->new_n) && end - at >= 3 &&
           memcmp(at, " @@", 3) == 0;
}

/* Moves *at behind the lines of the hunk. */
static bool skip_hunk(const char *patch, size_t len, size_t *at, struct hunk hunk)
{
    struct line line;
    while (hunk.old_n > 0 || hunk.new_n > 0) {
        if (!next_line(patch, len, at, &line)) return false;
        char sign = line.len > 0 ? *line.bytes : ' ';
        if (sign == '\\') continue;
        if ((sign != ' ' && sign != '-' && sign != '+') || (sign != '+' && hunk.old_n == 0) ||
            (sign != '-' && hunk.new_n == 0))
            return false;
        hunk.old_n -= sign != '+';
        hunk.new_n -= sign != '-';
    }
    size_t behind = *at;
    if (next_line(patch, len, &behind, &line) && starts(&line, "\\")) *at = behind;
    return true;
}

/* Behind "+++": the hunks. */
static bool read_hunks(const char *patch, size_t len, size_t *at, struct cli_patch_file *out,
                       char why[CLI_PATCH_WHY])
{
    struct line line;
    struct hunk hunk;
    out->from = *at;
    for (size_t begin = *at; next_line(patch, len, at, &line); begin = *at) {
        if (!starts(&line, "@@ ")) {
            *at = begin;
            break;
        }
        if (!read_hunk(&line, &hunk) || !skip_hunk(patch, len, at, hunk))
            return refuse(why, "%s: '%.*s' is no hunk, or is cut off", out->path,
                          (int)(line.len < 60 ? line.len : 60), line.bytes);
    }
    out->to = *at < len ? *at : len;
    return out->to > out->from || refuse(why, "%s: there are no hunks", out->path);
}

bool cli_patch_next(const char *patch, size_t len, size_t *at, struct cli_patch_file *out,
                    char why[CLI_PATCH_WHY])
{
    static const char *const between[] = {"diff ", "index ", "old mode", "new mode", "similarity"};
    struct line line;
    why[0] = 0;
    while (next_line(patch, len, at, &line)) {
        bool passed = line.len == 0;
        for (size_t i = 0; i < sizeof between / sizeof *between; i++)
            passed |= starts(&line, between[i]);
        if (passed) continue;
        struct line second;
        if (!starts(&line, "--- ") || !next_line(patch, len, at, &second) ||
            !starts(&second, "+++ "))
            return refuse(why, "'%.*s': expected the lines --- and +++ of a unified diff",
                          (int)(line.len < 60 ? line.len : 60), line.bytes);
        char name[CLI_PATCH_PATH];
        if (!read_name(&second, name) || memcmp(name, "b/", 2) != 0 || !stays_below(name + 2))
            return refuse(why, "'%.*s': expected b/ and a path below the present folder",
                          (int)(second.len < 80 ? second.len : 80), second.bytes);
        snprintf(out->path, sizeof out->path, "%s", name + 2);
        return read_hunks(patch, len, at, out, why);
    }
    return false;
}

/* ---- Taking back ------------------------------------------------------------------- */

struct taking {
    const char *text;
    size_t len, at; /* at: of the text, the first byte that is not yet taken over */
    size_t line;    /* that it is in, from 1 */
    struct asst_text out;
};

/* Takes over, or leaves out, a line of the text that has to be this one; ended: with a line end. */
static bool take_line(struct taking *t, const struct line *line, bool ended, bool keep)
{
    size_t n = line->len - 1 + ended;
    if (t->len - t->at < n || memcmp(t->text + t->at, line->bytes + 1, line->len - 1) != 0 ||
        (ended && t->text[t->at + n - 1] != '\n') || (!ended && t->at + n != t->len))
        return false;
    if (keep) asst_text_put(&t->out, t->text + t->at, n);
    t->at += n;
    t->line++;
    return true;
}

/* Takes over the lines in front of line number `line`. */
static bool take_until(struct taking *t, size_t line)
{
    size_t from = t->at;
    while (t->line < line && t->at < t->len) {
        const char *newline = memchr(t->text + t->at, '\n', t->len - t->at);
        t->at = newline ? (size_t)(newline - t->text) + 1 : t->len;
        t->line++;
    }
    asst_text_put(&t->out, t->text + from, t->at - from);
    return t->line == line;
}

static bool take_hunk(struct taking *t, const char *patch, size_t end, size_t *at, struct hunk hunk)
{
    struct line line;
    if (!take_until(t, hunk.new_n > 0 ? hunk.new_start : hunk.new_start + 1)) return false;
    while (hunk.old_n > 0 || hunk.new_n > 0) {
        static const struct line empty = {" ", 1};
        if (!next_line(patch, end, at, &line)) return false;
        if (line.len == 0) line = empty;
        size_t behind = *at;
        struct line note;
        bool ended = !(next_line(patch, end, &behind, &note) && starts(&note, "\\"));
        if (!ended) *at = behind;
        char sign = *line.bytes;
        if (sign == '-') {
            asst_text_put(&t->out, line.bytes + 1, line.len - 1);
            if (ended) asst_text_put(&t->out, "\n", 1);
        } else if (!take_line(t, &line, ended, sign == ' ')) {
            return false;
        }
        hunk.old_n -= sign != '+' && hunk.old_n > 0;
        hunk.new_n -= sign != '-' && hunk.new_n > 0;
    }
    return true;
}

char *cli_patch_reverse(const char *patch, const struct cli_patch_file *file, const char *text,
                        size_t text_len, size_t *len, char why[CLI_PATCH_WHY])
{
    struct taking t = {.text = text, .len = text_len, .line = 1};
    struct line line;
    struct hunk hunk;
    bool ok = true;
    asst_text_put(&t.out, "", 0);
    for (size_t at = file->from; ok && next_line(patch, file->to, &at, &line);)
        ok = read_hunk(&line, &hunk) && take_hunk(&t, patch, file->to, &at, hunk);
    if (ok) asst_text_put(&t.out, text + t.at, text_len - t.at);
    if (!ok) refuse(why, "%s: line %zu is not what the patch made", file->path, t.line);
    char *out = asst_text_take(&t.out, len);
    if (ok && !out) refuse(why, "%s: out of memory", file->path);
    if (ok) return out;
    free(out);
    return NULL;
}
