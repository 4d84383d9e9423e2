/* `espalier: ignore CODE REASON` in comments, and what silences other linters at the same place.
 *
 * A reason is asked for because the next reader will: without one nothing is excused. Comments are
 * found in the tree, so that the words in a string excuse nothing.
 */
#include "lsp/assist/review/suppress.h"
#include "grammars/grammars.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FILE_LINES = 20, MAX_NOTES = 1024, MAX_CODES = 8, LINE_BYTES = 1000 };

struct note {
    uint32_t start, end; /* of the comment */
    size_t line;         /* whose findings are excused; SIZE_MAX: all lines' */
    struct syn_span codes[MAX_CODES];
    size_t n_codes;
    bool reason;
};

struct notes {
    const struct syn_document *doc;
    struct note *list;
    size_t count;
};

enum syn_status rev_no_memory(struct syn_error *err)
{
    if (err) snprintf(err->text, sizeof err->text, "out of memory for a review");
    return SYN_NO_MEMORY;
}

static bool is_code(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
}

/* Codes with commas between them, from *at; moves it behind them. */
static void read_codes(const char *text, uint32_t end, uint32_t *at, struct note *note)
{
    for (bool more = true; more && note->n_codes < MAX_CODES;) {
        while (*at < end && text[*at] == ' ')
            (*at)++;
        uint32_t start = *at;
        while (*at < end && is_code(text[*at]))
            (*at)++;
        if (*at == start) return;
        note->codes[note->n_codes++] = (struct syn_span){start, *at};
        more = *at < end && text[*at] == ',';
        *at += more;
    }
}

/* A comment alone on its line speaks of the next one. */
static size_t line_of(const struct syn_document *doc, const char *text, uint32_t start)
{
    size_t line, column;
    syn_position_of(doc, start, SYN_UTF8, &line, &column);
    for (size_t i = syn_line_start(doc, line); i < start; i++)
        if (text[i] != ' ' && text[i] != '\t') return line;
    return line + 1;
}

static void read_note(struct notes *notes, uint32_t start, uint32_t end)
{
    static const char mark[] = "espalier: ignore";
    size_t len, line, column;
    const char *text = syn_document_text(notes->doc, &len);
    const char *found = strstr(text + start, mark);
    if (!found || found >= text + end || notes->count == MAX_NOTES) return;
    uint32_t at = (uint32_t)(found - text) + sizeof mark - 1;
    struct note note = {.start = start, .end = end};
    bool file = end - at >= 5 && memcmp(text + at, "-file", 5) == 0;
    syn_position_of(notes->doc, start, SYN_UTF8, &line, &column);
    if (file && line >= FILE_LINES) return;
    at += file ? 5 : 0;
    note.line = file ? SIZE_MAX : line_of(notes->doc, text, start);
    read_codes(text, end, &at, &note);
    for (; at < end && text[at] != '\n'; at++) /* a reason has letters */
        note.reason |= (text[at] >= 'a' && text[at] <= 'z') || (text[at] & 0x80);
    if (note.n_codes > 0) notes->list[notes->count++] = note;
}

static bool on_node(const struct syn_node *node, void *user)
{
    if (node->kind == GRAM_KIND_COMMENT) read_note(user, node->start, node->end);
    return true;
}

static bool excuses(const struct notes *notes, const struct note *note,
                    const struct rev_finding *finding)
{
    size_t len, line, column;
    const char *text = syn_document_text(notes->doc, &len), *code = rev_finding_code(finding);
    syn_position_of(notes->doc, finding->start, SYN_UTF8, &line, &column);
    if (!note->reason || (note->line != SIZE_MAX && note->line != line)) return false;
    for (size_t i = 0; i < note->n_codes; i++) {
        size_t n = note->codes[i].end - note->codes[i].start;
        if (strlen(code) == n && memcmp(code, text + note->codes[i].start, n) == 0) return true;
    }
    return false;
}

static bool is_excused(const struct notes *notes, const struct rev_finding *finding)
{
    for (size_t i = 0; i < notes->count; i++)
        if (excuses(notes, &notes->list[i], finding)) return true;
    return false;
}

/* Adds those without a reason, in order. */
static bool add_bare(const struct notes *notes, struct rev_findings *findings)
{
    for (size_t i = 0; i < notes->count; i++) {
        const struct note *note = &notes->list[i];
        if (note->reason) continue;
        struct rev_finding bare = {
            .severity = REV_WARNING, .confidence = 1, .start = note->start, .end = note->end};
        snprintf(bare.message, sizeof bare.message,
                 "this excuses nothing until a reason follows the code");
        if (!rev_findings_add(findings, &bare)) return false;
        for (size_t k = findings->count - 1;
             k > 0 && findings->list[k - 1].start > findings->list[k].start; k--) {
            struct rev_finding other = findings->list[k - 1];
            findings->list[k - 1] = findings->list[k];
            findings->list[k] = other;
        }
    }
    return true;
}

/* ---- What other linters are told --------------------------------------------------- */

/* On the finding's line, or on the one above: somebody has looked at it. */
static bool is_known_oddity(const struct syn_document *doc, const struct rev_finding *finding)
{
    static const char *const marks[] = {"NOLINT",
                                        "nolint",
                                        "noqa",
                                        "eslint-disable",
                                        "tslint:disable",
                                        "pylint: disable",
                                        "pylint:disable",
                                        "rubocop:disable",
                                        "noinspection",
                                        "phpcs:ignore",
                                        "@phpstan-ignore",
                                        "@psalm-suppress",
                                        "luacheck: ignore",
                                        "shellcheck disable",
                                        "#pragma warning disable",
                                        "biome-ignore",
                                        "@SuppressWarnings",
                                        "@Suppress(",
                                        "clippy::",
                                        "codespell:ignore"};
    char lines[2 * LINE_BYTES];
    size_t len, line, column;
    const char *text = syn_document_text(doc, &len);
    if (finding->rule && !finding->rule->built_in) return false;
    syn_position_of(doc, finding->start, SYN_UTF8, &line, &column);
    size_t start = syn_line_start(doc, line > 0 ? line - 1 : 0),
           end = syn_line_start(doc, line + 1);
    if (end - start >= sizeof lines) return false;
    memcpy(lines, text + start, end - start);
    lines[end - start] = 0;
    for (size_t i = 0; i < sizeof marks / sizeof *marks; i++)
        if (strstr(lines, marks[i])) return true;
    return false;
}

static void drop_known_oddities(const struct syn_document *doc, struct rev_findings *findings)
{
    size_t kept = 0;
    for (size_t i = 0; i < findings->count; i++) {
        if (is_known_oddity(doc, &findings->list[i])) {
            free(findings->list[i].fix.text);
            findings->suppressed++;
        } else {
            findings->list[kept++] = findings->list[i];
        }
    }
    findings->count = kept;
}

bool rev_suppress(const struct syn_document *doc, struct rev_findings *findings)
{
    size_t len;
    const char *text = syn_document_text(doc, &len);
    drop_known_oddities(doc, findings);
    if (!strstr(text, "espalier: ignore")) return true;
    struct notes notes = {.doc = doc, .list = malloc(MAX_NOTES * sizeof *notes.list)};
    if (!notes.list) return false;
    syn_document_walk(doc, on_node, &notes);
    size_t kept = 0;
    for (size_t i = 0; i < findings->count; i++) {
        if (is_excused(&notes, &findings->list[i])) {
            free(findings->list[i].fix.text);
            findings->suppressed++;
        } else {
            findings->list[kept++] = findings->list[i];
        }
    }
    findings->count = kept;
    bool ok = add_bare(&notes, findings);
    free(notes.list);
    return ok;
}
