/* A review: runs patterns, asks for opinions, makes findings of matches, takes away what a comment
 * excuses.
 *
 * Owns what becomes of a match: its words, its fix, its fingerprint, its place in the order. What
 * counts as a match is the rules'; where findings go is the caller's.
 */
#include "lsp/assist/review/review.h"
#include "grammars/grammars.h"
#include "lsp/assist/review/opinion.h"
#include "lsp/assist/review/suppress.h"
#include "lsp/assist/text.h"
#include "syntax/bytes.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { QUOTED = 60 /* bytes of a capture in a message */, NEAR_LINES = 4 };

const char *rev_finding_code(const struct rev_finding *f)
{
    return f->rule ? f->rule->code : REV_BARE_SUPPRESSION;
}

bool rev_finding_is_related(const struct rev_finding *f)
{
    return f->rule && f->rule->related && f->related.end > f->related.start;
}

/* ---- Templates --------------------------------------------------------------------- */

/* A capture's text; in a message on one line and cut. */
static void put_capture(struct asst_text *t, const char *text, struct syn_span span, bool message)
{
    size_t len = span.end - span.start, shown = 0;
    if (!message) {
        asst_text_put(t, text + span.start, len);
        return;
    }
    bool blank = false;
    for (size_t i = 0; i < len; i++) {
        char c = text[span.start + i];
        bool white = c == ' ' || c == '\t' || c == '\n' || c == '\r';
        if (shown >= QUOTED && ((unsigned char)c & 0xC0) != 0x80) {
            asst_text_put(t, "...", 3);
            return;
        }
        if (white && blank) continue;
        blank = white;
        asst_text_put(t, white ? " " : &c, 1);
        shown++;
    }
}

/* The template with captures' texts in it; the caller frees. NULL when memory ran out. *missing
 * (may be NULL): it names a capture that this match does not have. */
static char *fill(const struct rev_rule *rule, const char *template, const char *text,
                  const struct syn_match *match, bool message, bool *missing)
{
    struct asst_text out = {0};
    asst_text_put(&out, "", 0);
    for (const char *at = template; *at;) {
        char name[32];
        size_t len = *at == '{' ? strcspn(at, "}") : 0;
        int capture = -1;
        if (len > 1 && at[len] == '}' && len <= sizeof name) {
            snprintf(name, sizeof name, "%.*s", (int)(len - 1), at + 1);
            capture = syn_pattern_capture(rule->pattern, name);
        }
        if (capture < 0) {
            asst_text_put(&out, at++, 1);
            continue;
        }
        if (match->has[capture]) put_capture(&out, text, match->span[capture], message);
        if (missing) *missing |= !match->has[capture];
        at += len + 1;
    }
    size_t len;
    return asst_text_take(&out, &len);
}

/* ---- Findings ---------------------------------------------------------------------- */

struct review {
    const struct rev_rule *rule;
    const struct syn_document *doc;
    struct rev_findings *out;
    bool failed;
};

bool rev_findings_add(struct rev_findings *out, const struct rev_finding *finding)
{
    if (out->count == REV_FINDINGS_MAX) {
        out->left_out++;
        free(finding->fix.text);
        return true;
    }
    if (out->count == out->capacity) {
        size_t capacity = out->capacity ? 2 * out->capacity : 16;
        struct rev_finding *grown = realloc(out->list, capacity * sizeof *grown);
        if (!grown) {
            free(finding->fix.text);
            return false;
        }
        out->list = grown;
        out->capacity = capacity;
    }
    out->list[out->count++] = *finding;
    return true;
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

static bool on_match(const struct syn_match *match, void *user)
{
    struct review *review = user;
    const struct rev_rule *rule = review->rule;
    size_t len;
    const char *text = syn_document_text(review->doc, &len);
    if (!match->has[rule->finding]) return true;
    struct syn_span at = match->span[rule->finding];
    struct rev_finding finding = {.rule = rule,
                                  .severity = rule->severity,
                                  .confidence = rule->confidence,
                                  .start = at.start,
                                  .end = at.end};
    if (rule->related_at >= 0 && match->has[rule->related_at])
        finding.related = match->span[rule->related_at];
    char *message = fill(rule, rule->message, text, match, true, NULL);
    if (message) snprintf(finding.message, sizeof finding.message, "%s", message);
    bool failed = !message;
    free(message);
    if (rule->rewrite && match->has[rule->replace]) {
        struct syn_span span = match->span[rule->replace];
        finding.fix = (struct rev_fix){.start = span.start, .end = span.end, .safe = rule->safe};
        bool missing = false;
        finding.fix.text = fill(rule, rule->rewrite, text, match, false, &missing);
        failed |= !finding.fix.text;
        if (missing) {
            free(finding.fix.text);
            finding.fix.text = NULL;
        }
        if (finding.fix.text && !*finding.fix.text) {
            span = asst_whole_lines(text, len, span);
            finding.fix.start = span.start;
            finding.fix.end = span.end;
        }
    }
    review->failed = failed || !rev_findings_add(review->out, &finding);
    return !review->failed;
}

static int by_place(const void *a, const void *b)
{
    const struct rev_finding *x = a, *y = b;
    if (x->start != y->start) return x->start < y->start ? -1 : 1;
    if (x->end != y->end) return x->end > y->end ? -1 : 1;
    return strcmp(rev_finding_code(x), rev_finding_code(y));
}

/* Of one rule at one place the first stays. */
static void sort(struct rev_findings *out)
{
    size_t kept = 0;
    if (out->count > 1) qsort(out->list, out->count, sizeof *out->list, by_place);
    for (size_t i = 0; i < out->count; i++) {
        struct rev_finding *f = &out->list[i];
        bool again = kept > 0 && f->rule == out->list[kept - 1].rule &&
                     f->start == out->list[kept - 1].start && f->end == out->list[kept - 1].end;
        if (again)
            free(f->fix.text);
        else
            out->list[kept++] = *f;
    }
    out->count = kept;
}

/* ---- What does not parse ------------------------------------------------------------ */

struct broken {
    struct syn_span list[64];
    size_t count;
    bool many; /* more than that */
};

static bool note_broken(const struct syn_node *node, void *user)
{
    struct broken *b = user;
    if (!node->error && !node->missing) return true;
    b->many = b->count == sizeof b->list / sizeof *b->list;
    if (!b->many) b->list[b->count++] = (struct syn_span){node->start, node->end};
    return !b->many;
}

static size_t line_of(const struct syn_document *doc, uint32_t at)
{
    size_t line, column;
    syn_position_of(doc, at, SYN_UTF8, &line, &column);
    return line;
}

static bool is_near(const struct syn_document *doc, const struct broken *b,
                    const struct rev_finding *f)
{
    size_t first = line_of(doc, f->start), last = line_of(doc, f->end);
    for (size_t i = 0; i < b->count; i++)
        if (line_of(doc, b->list[i].start) <= last + NEAR_LINES &&
            first <= line_of(doc, b->list[i].end) + NEAR_LINES)
            return true;
    return false;
}

/* Around a place that does not parse the tree is a guess: nothing is told there, and nothing at all
 * of a text that is in another language than it seems. */
static void drop_doubtful(const struct syn_document *doc, struct rev_findings *out)
{
    struct broken broken = {.count = 0};
    size_t kept = 0;
    if (out->count == 0 || syn_document_cost(doc) == 0) return;
    syn_document_walk(doc, note_broken, &broken);
    for (size_t i = 0; i < out->count; i++) {
        if (broken.many || is_near(doc, &broken, &out->list[i]))
            free(out->list[i].fix.text);
        else
            out->list[kept++] = out->list[i];
    }
    out->count = kept;
}

/* ---- Fingerprints ------------------------------------------------------------------ */

static uint64_t mix(uint64_t hash, const char *bytes, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        if (is_blank(bytes[i]) || bytes[i] == '\n' || bytes[i] == '\r') continue;
        hash = syn_hash(hash, &bytes[i], 1);
    }
    return hash;
}

/* The name of the innermost definition around a place; 0 bytes for none. */
static struct syn_span around(const struct syn_symbol *symbols, size_t n, uint32_t at)
{
    struct syn_span name = {0, 0};
    for (size_t i = 0; i < n && symbols[i].start <= at; i++)
        if (symbols[i].end > at && symbols[i].kind != GRAM_KIND_IMPORT) name = symbols[i].name;
    return name;
}

bool rev_findings_mark(const struct syn_document *doc, struct rev_findings *out,
                       struct syn_error *err)
{
    enum { MAX_SYMBOLS = 20000 };
    size_t n = 0, len;
    const char *text = syn_document_text(doc, &len);
    if (out->count == 0) return true;
    struct syn_symbol *symbols = malloc(MAX_SYMBOLS * sizeof *symbols);
    bool ok = symbols && syn_symbols(doc, symbols, MAX_SYMBOLS, &n, err) == SYN_OK;
    for (size_t i = 0; ok && i < out->count; i++) {
        struct rev_finding *f = &out->list[i];
        struct syn_span name = around(symbols, n, f->start);
        uint64_t hash = mix(SYN_HASH_START, rev_finding_code(f), strlen(rev_finding_code(f)));
        hash = mix(hash ^ 1, text + name.start, name.end - name.start);
        hash = mix(hash ^ 2, text + f->start, f->end - f->start);
        for (size_t k = 0; k < i; k++) /* findings are few */
            if (out->list[k].fingerprint == hash) hash = mix(hash, "+", 1);
        f->fingerprint = hash;
    }
    free(symbols);
    return ok;
}

/* ---- The whole --------------------------------------------------------------------- */

static enum syn_status run_rules(const struct rev_rules *rules, const char *code,
                                 const struct syn_document *doc, size_t start, size_t end,
                                 struct rev_findings *out, struct syn_error *err)
{
    for (size_t i = 0; i < rules->count; i++) {
        struct review review = {.rule = rules->rules[i], .doc = doc, .out = out};
        if (code && strcmp(code, review.rule->code) != 0) continue;
        enum syn_status status =
            syn_pattern_run(review.rule->pattern, doc, start, end, on_match, &review, err);
        if (status != SYN_OK) return status;
        if (review.failed) return rev_no_memory(err);
    }
    return SYN_OK;
}

/* Of the same place a rule says it better: opinions, from `first` on, that overlap what a rule has
 * found go. */
static void drop_overlapping(struct rev_findings *out, size_t first)
{
    size_t kept = first;
    for (size_t i = first; i < out->count; i++) {
        struct rev_finding *f = &out->list[i];
        bool overlaps = false;
        for (size_t k = 0; k < first && !overlaps; k++)
            overlaps = out->list[k].start <= f->end && f->start <= out->list[k].end;
        if (overlaps)
            free(f->fix.text);
        else
            out->list[kept++] = *f;
    }
    out->count = kept;
}

enum syn_status rev_review(const struct rev_rules *rules, const char *code,
                           const struct rev_opinions *opinions, const struct syn_document *doc,
                           size_t start, size_t end, struct rev_findings *out,
                           struct syn_error *err)
{
    *out = (struct rev_findings){0};
    enum syn_status status = run_rules(rules, code, doc, start, end, out, err);
    size_t first = out->count;
    if (status == SYN_OK && opinions) status = rev_opine(opinions, code, doc, start, end, out, err);
    if (status != SYN_OK) return status;
    drop_overlapping(out, first);
    drop_doubtful(doc, out);
    sort(out);
    if (!rev_suppress(doc, out) || !rev_findings_mark(doc, out, err)) return rev_no_memory(err);
    return SYN_OK;
}

void rev_findings_free(struct rev_findings *out)
{
    for (size_t i = 0; i < out->count; i++)
        free(out->list[i].fix.text);
    free(out->list);
    *out = (struct rev_findings){0};
}
