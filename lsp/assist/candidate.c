/* candidate.c: trimming.
 *
 * The order matters: first what the neighbours on the right already say, then what the
 * tree cannot hold, then white space. The tree decides wherever it can: whether a bracket
 * at the end of a candidate doubles the one right of the cursor is asked by parsing both
 * readings, not by counting. Counting is the fallback for texts without a grammar.
 */
#include "lsp/assist/candidate.h"
#include "syntax/bytes.h"

#include <stdlib.h>
#include <string.h>

enum { OPEN_MAX = 32 };

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\v' || c == '\f';
}

static bool is_space(char c)
{
    return is_blank(c) || c == '\n' || c == '\r';
}

static size_t line_length(const char *text, size_t len)
{
    size_t n = 0;
    while (n < len && text[n] != '\n' && text[n] != '\r')
        n++;
    return n;
}

/* Leading blanks of a line, a tab counting to the next multiple of eight. */
static uint32_t indent_of(const char *line, size_t len, size_t *bytes)
{
    uint32_t columns = 0;
    size_t i = 0;
    for (; i < len && is_blank(line[i]); i++)
        columns += line[i] == '\t' ? 8 - columns % 8 : 1;
    if (bytes) *bytes = i;
    return columns;
}

/* ---- Brackets ------------------------------------------------------------------------ */

static char closer_of(char c)
{
    return c == '(' ? ')' : c == '[' ? ']' : c == '{' ? '}' : 0;
}

static bool is_closer(char c)
{
    return c == ')' || c == ']' || c == '}';
}

/* Closers in text that have no opener in it: how many, and the first of them into which[OPEN_MAX],
 * unless it is NULL. Quoted brackets count like others. */
static size_t surplus_closers(const char *text, size_t len, char *which)
{
    char stack[OPEN_MAX];
    size_t n = 0, surplus = 0;
    for (size_t i = 0; i < len; i++) {
        char closer = closer_of(text[i]);
        if (closer && n < OPEN_MAX)
            stack[n++] = closer;
        else if (is_closer(text[i]) && n > 0 && stack[n - 1] == text[i])
            n--;
        else if (is_closer(text[i])) {
            if (which && surplus < OPEN_MAX) which[surplus] = text[i];
            surplus++;
        }
    }
    return surplus;
}

/* Openers in text that nothing in it closes. */
static size_t left_open(const char *text, size_t len)
{
    size_t open = 0;
    for (size_t i = 0; i < len; i++) {
        if (closer_of(text[i])) open++;
        if (is_closer(text[i]) && open > 0) open--;
    }
    return open;
}

/* ---- The site ------------------------------------------------------------------------ */

enum syn_status asst_site_open(const struct syn_document *doc, size_t cursor, bool with_tree,
                               struct asst_site *out, struct syn_error *err)
{
    memset(out, 0, sizeof *out);
    size_t len, line, column;
    const char *text = syn_document_text(doc, &len);
    syn_position_of(doc, cursor, SYN_UTF8, &line, &column);
    size_t start = syn_line_start(doc, line);
    out->cursor = cursor;
    out->left_open = left_open(text + start, cursor - start);
    out->indent = indent_of(text + start, cursor - start, NULL);
    out->right_len = len - cursor < ASST_SITE_BYTES ? len - cursor : ASST_SITE_BYTES;
    out->rest_len = line_length(text + cursor, out->right_len);
    out->right = malloc(out->right_len + 1);
    if (!out->right) return SYN_NO_MEMORY;
    memcpy(out->right, text + cursor, out->right_len);
    out->right[out->right_len] = 0;
    if (!with_tree) return SYN_OK;
    enum syn_status status = syn_document_copy(doc, &out->doc, err);
    if (status == SYN_OK) status = syn_hole_open(out->doc, cursor, cursor, &out->hole, err);
    if (status != SYN_OK) asst_site_close(out);
    return status;
}

void asst_site_close(struct asst_site *site)
{
    syn_hole_free(site->hole);
    syn_document_free(site->doc);
    free(site->right);
    memset(site, 0, sizeof *site);
}

/* ---- Neighbours ---------------------------------------------------------------------- */

static void trim_end(const char *text, size_t *len)
{
    while (*len > 0 && is_space(text[*len - 1]))
        (*len)--;
}

/* Bytes at the end of text that equal the beginning of what stands right of the cursor on
 * its line (blanks in front of it aside). */
static size_t overlap(const struct asst_site *site, const char *text, size_t len)
{
    const char *rest = site->right;
    size_t rest_len = site->rest_len;
    while (rest_len > 0 && is_blank(*rest))
        rest++, rest_len--;
    for (size_t n = len < rest_len ? len : rest_len; n > 0; n--)
        if (memcmp(text + len - n, rest, n) == 0) return n;
    return 0;
}

/* Does the text close brackets that the rest of the line closes as well? Counted on the line alone.
 */
static bool doubles(const struct asst_site *site, const char *text, size_t len)
{
    size_t own = surplus_closers(text, len, NULL);
    return own > 0 && own + surplus_closers(site->right, site->rest_len, NULL) > site->left_open;
}

/* Is the text better without its end? The tree says so when that costs less; where both cost the
 * same, as in a file that is in pieces, brackets are counted; without a tree it is when the text
 * closes what it has not opened. */
static enum syn_status is_better_cut(const struct asst_site *site, const char *text, size_t len,
                                     size_t shorter, bool *better, struct syn_error *err)
{
    *better = shorter == 0 || surplus_closers(text, len, NULL) > 0;
    if (!site->hole || shorter == 0) return SYN_OK;
    struct syn_verdict with, without;
    enum syn_status status = syn_candidate_judge(site->hole, text, len, &with, err);
    if (status == SYN_OK) status = syn_candidate_judge(site->hole, text, shorter, &without, err);
    *better =
        status == SYN_OK &&
        (without.cost_all < with.cost_all ||
         (with.cost_all > 0 && without.cost_all == with.cost_all && doubles(site, text, len)));
    return status;
}

/* Drops from the end of the candidate what the rest of the line says again. */
static enum syn_status drop_overlap(const struct asst_site *site, const char *text, size_t *len,
                                    struct syn_error *err)
{
    size_t n = overlap(site, text, *len);
    if (n == 0) return SYN_OK;
    size_t shorter = *len - n;
    /* Half a word is no repetition. */
    if (shorter > 0 && syn_is_word(text[shorter]) && syn_is_word(text[shorter - 1])) return SYN_OK;
    bool better;
    enum syn_status status = is_better_cut(site, text, *len, shorter, &better, err);
    if (status == SYN_OK && better) *len = shorter;
    return status;
}

/* Next line of text[len] that is not blank, from *at on; false when there is none. */
static bool next_line(const char *text, size_t len, size_t *at, const char **line, size_t *line_len)
{
    while (*at < len) {
        const char *start = text + *at;
        size_t n = line_length(start, len - *at), lead;
        *at += n;
        if (*at < len) *at += (text[*at] == '\r' && *at + 1 < len && text[*at + 1] == '\n') ? 2 : 1;
        indent_of(start, n, &lead);
        *line = start + lead;
        *line_len = n - lead;
        trim_end(*line, line_len);
        if (*line_len > 0) return true;
    }
    return false;
}

/* Cuts the candidate where its lines begin to repeat the line below the cursor. A line of
 * nothing but brackets repeats nothing by itself: it must be the last, and not needed. */
static enum syn_status drop_repeated_lines(const struct asst_site *site, const char *text,
                                           size_t *len, struct syn_error *err)
{
    size_t below_at = site->rest_len, below_len, at = 0, line_len;
    const char *below, *line;
    if (!next_line(site->right, site->right_len, &below_at, &below, &below_len)) return SYN_OK;
    bool has_word = false;
    for (size_t i = 0; i < below_len; i++)
        has_word = has_word || syn_is_word(below[i]);

    while (next_line(text, *len, &at, &line, &line_len)) {
        if (line_len != below_len || memcmp(line, below, line_len) != 0) continue;
        size_t shorter = (size_t)(line - text);
        bool better = has_word;
        if (!has_word && at < *len) continue;
        enum syn_status status =
            has_word ? SYN_OK : is_better_cut(site, text, *len, shorter, &better, err);
        if (status == SYN_OK && better) *len = shorter;
        return status;
    }
    return SYN_OK;
}

/* ---- The tree ------------------------------------------------------------------------ */

static enum syn_status trim_by_tree(const struct asst_site *site, const char *text, size_t *len,
                                    enum asst_stop *stop, struct syn_error *err)
{
    struct syn_verdict verdict;
    enum syn_status status = syn_candidate_judge(site->hole, text, *len, &verdict, err);
    if (status != SYN_OK) return status;
    if (verdict.keep < *len) {
        *len = verdict.keep;
        *stop = verdict.closed ? ASST_STOP_CLOSED : ASST_STOP_INVALID;
    }
    return SYN_OK;
}

/* Closing brackets right of the cursor that are, one after the other, the first ones that the text
 * closes without having opened them. */
static size_t closed_before(const struct asst_site *site, const char *text, size_t len)
{
    char own[OPEN_MAX];
    size_t surplus = surplus_closers(text, len, own), n = 0;
    while (n < surplus && n < OPEN_MAX && n < site->rest_len && site->right[n] == own[n])
        n++;
    return n;
}

/* An editor may have closed brackets ahead of the person: `f(g(^))`, where the text goes on behind
 * them: `x), y`. It goes in their place where more of it can stay then, or where it would double
 * them and the tree has nothing against it. */
static enum syn_status try_in_place(const struct asst_site *site, const char *text, size_t len,
                                    size_t *kept, size_t *replaces, enum asst_stop *stop,
                                    struct syn_error *err)
{
    size_t n = site->hole ? closed_before(site, text, len) : 0;
    bool doubled = n > 0 && *kept == len && doubles(site, text, len);
    if (n == 0 || (!doubled && *kept + n >= len)) return SYN_OK;
    struct syn_hole *hole;
    struct syn_verdict in_place = {.keep = 0}, beside = {.keep = 0};
    enum syn_status status = syn_candidate_judge(site->hole, text, *kept, &beside, err);
    if (status == SYN_OK)
        status = syn_hole_open(site->doc, site->cursor, site->cursor + n, &hole, err);
    if (status != SYN_OK) return status;
    status = syn_candidate_judge(hole, text, len, &in_place, err);
    syn_hole_free(hole);
    bool better = doubled ? in_place.keep == len && in_place.cost_all <= beside.cost_all &&
                                beside.cost_all > 0
                          : in_place.keep > *kept + n;
    if (status != SYN_OK || !better || closed_before(site, text, in_place.keep) < n) return status;
    if (in_place.keep < len) *stop = ASST_STOP_INVALID;
    *kept = in_place.keep;
    *replaces = n;
    return SYN_OK;
}

enum syn_status asst_candidate_trim(const struct asst_site *site, char *text, size_t *len,
                                    size_t *replaces, enum asst_stop *stop, struct syn_error *err)
{
    *replaces = 0;
    trim_end(text, len);
    enum syn_status status = drop_repeated_lines(site, text, len, err);
    trim_end(text, len);
    if (status != SYN_OK || *len == 0) return status;
    size_t whole = *len;
    enum asst_stop before = *stop;
    status = drop_overlap(site, text, len, err);
    trim_end(text, len);
    size_t beside = *len;
    if (status == SYN_OK && *len > 0 && site->hole)
        status = trim_by_tree(site, text, len, stop, err);
    if (status == SYN_OK && (*len < beside || *len == whole)) {
        enum asst_stop in_place = before;
        status = try_in_place(site, text, whole, len, replaces, &in_place, err);
        if (*replaces > 0) *stop = in_place;
    }
    trim_end(text, len);
    return status;
}

/* Length of the closing keyword that text[len] starts with, 0 for none. */
static size_t closing_keyword_length(const char *text, size_t len)
{
    static const char *const keywords[] = {"end", "fi", "done", "esac"};
    for (size_t i = 0; i < sizeof keywords / sizeof *keywords; i++) {
        size_t n = strlen(keywords[i]);
        if (len >= n && memcmp(text, keywords[i], n) == 0 && (len == n || !syn_is_word(text[n])))
            return n;
    }
    return 0;
}

bool asst_is_closing_keyword(const char *text)
{
    size_t len = strlen(text);
    while (len > 0 && is_space(*text))
        text++, len--;
    trim_end(text, &len);
    return len > 0 && closing_keyword_length(text, len) == len;
}

bool asst_site_is_open(const struct asst_site *site)
{
    for (size_t i = 0; i < site->rest_len; i++)
        if (!is_blank(site->right[i])) return false;
    size_t at = site->rest_len, len;
    const char *below;
    if (!next_line(site->right, site->right_len, &at, &below, &len)) return true;
    const char *start = below;
    while (start > site->right && is_blank(start[-1]))
        start--;
    return indent_of(start, (size_t)(below - start), NULL) <= site->indent;
}

/* Where the line before the unfinished one starts; false when there is no such line. */
static bool last_whole_line(const char *text, size_t len, size_t *start)
{
    size_t end = len;
    while (end > 0 && text[end - 1] != '\n' && text[end - 1] != '\r')
        end--;
    if (end == 0) return false;
    size_t at = end - 1;
    if (at > 0 && text[at] == '\n' && text[at - 1] == '\r') at--;
    while (at > 0 && text[at - 1] != '\n' && text[at - 1] != '\r')
        at--;
    *start = at;
    return true;
}

size_t asst_block_end(const struct asst_site *site, const char *text, size_t len)
{
    size_t start, lead;
    if (!last_whole_line(text, len, &start) || start == 0) return SIZE_MAX;
    size_t n = line_length(text + start, len - start);
    uint32_t indent = indent_of(text + start, n, &lead);
    if (lead == n || indent > site->indent) return SIZE_MAX;
    /* `}` or `end` at the opener's own depth still belongs to the block. */
    const char *word = text + start + lead;
    bool ends = is_closer(word[0]) || closing_keyword_length(word, n - lead) > 0;
    return ends ? start + n : start;
}
