/* Opinions: evidence for slips, and findings of what the head makes of it.
 *
 * A name put in the place of another one leaves the other one with a use less: where it is never
 * used then, that is a reason to believe in a mistake that no likelihood shows.
 */
#include "lsp/assist/review/opinion.h"
#include "lsp/assist/review/head.h"
#include "lsp/assist/review/suppress.h"
#include "syntax/bytes.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* How often a word stands in text [start, end). */
static unsigned count(const char *text, size_t start, size_t end, const char *word, size_t len)
{
    unsigned n = 0;
    if (len == 0) return 0;
    for (size_t at = start; at + len <= end; at++) {
        const char *next = memchr(text + at, word[0], end - len + 1 - at);
        if (!next) break;
        at = (size_t)(next - text);
        if (memcmp(next, word, len) == 0 && (at == start || !syn_is_word(next[-1])) &&
            (at + len == end || !syn_is_word(next[len])))
            n++;
    }
    return n;
}

/* Bytes that two texts share at their starts and ends, of the longer one. */
static float likeness(const char *a, size_t a_len, const char *b, size_t b_len)
{
    size_t least = a_len < b_len ? a_len : b_len, most = a_len < b_len ? b_len : a_len;
    size_t front = 0, back = 0;
    while (front < least && a[front] == b[front])
        front++;
    while (back < least - front && a[a_len - 1 - back] == b[b_len - 1 - back])
        back++;
    return most > 0 ? (float)(front + back) / (float)most : 0;
}

static float quarter(float logarithm)
{
    float value = logarithm / 4;
    return value < -5 ? -5 : value > 5 ? 5 : value;
}

/* How often a name, and what would stand in its place, stand elsewhere. */
static void count_names(const char *text, const char *name, size_t len, const char *other,
                        size_t other_len, size_t start, size_t end, float *out)
{
    size_t at = (size_t)(name - text), line = at, stop = at + len;
    while (line > start && text[line - 1] != '\n')
        line--;
    while (stop < end && text[stop] != '\n')
        stop++;
    unsigned others = count(text, start, end, other, other_len);
    unsigned all = count(text, start, end, name, len), here = count(text, line, stop, name, len);
    out[REV_EVIDENCE_NAME_LEFT] = log1pf((float)(all > 0 ? all - 1 : 0));
    out[REV_EVIDENCE_OTHER_LEFT] = log1pf((float)others);
    out[REV_EVIDENCE_NAME_LINE] = log1pf((float)(here > 0 ? here - 1 : 0));
    out[REV_EVIDENCE_OTHER_LINE] = log1pf((float)count(text, line, stop, other, other_len));
    out[REV_EVIDENCE_UNREAD] = others <= 1;
}

void rev_evidence_of(const char *text, const struct syn_slips *slips, const struct rev_views *views,
                     size_t i, size_t start, size_t end, float out[REV_EVIDENCE_COUNT])
{
    const struct rev_view *view = &views->list[i];
    const struct syn_slip *slip = &slips->list[view->slip];
    const char *name = text + slip->place.start, *other = slips->texts + slip->text;
    size_t len = slip->place.end - slip->place.start;
    memset(out, 0, REV_EVIDENCE_COUNT * sizeof *out);
    out[REV_EVIDENCE_JOINT] = quarter(view->joint);
    out[REV_EVIDENCE_FIRST] = quarter(view->first);
    out[REV_EVIDENCE_OWN] = quarter(view->own);
    out[REV_EVIDENCE_RIVALS] = log1pf((float)view->rivals);
    out[REV_EVIDENCE_REST] = quarter(view->joint - view->first);
    out[REV_EVIDENCE_LIKE] = likeness(name, len, other, slip->len);
    if (views->n_own > 0) out[REV_EVIDENCE_MEAN] = (float)(views->sum_own / (double)views->n_own);
    if (slip->class == SYN_SLIP_NAME || slip->class == SYN_SLIP_COPY ||
        slip->class == SYN_SLIP_LITERAL)
        count_names(text, name, len, other, slip->len, start, end, out);
}

/* ---- Judging ----------------------------------------------------------------------- */

void rev_judge(const struct rev_head *head, const struct syn_document *doc,
               const struct syn_slips *slips, const struct rev_views *views, size_t start,
               size_t end, struct rev_opinion *out)
{
    float evidence[REV_EVIDENCE_COUNT], best = -INFINITY;
    double sum = 1;
    size_t at = 0, len;
    const char *text = syn_document_text(doc, &len);
    *out = (struct rev_opinion){0};
    for (size_t i = 0; i < views->count; i++) {
        const struct syn_slip *slip = &slips->list[views->list[i].slip];
        rev_evidence_of(text, slips, views, i, start, end, evidence);
        float score =
            rev_head_score(head, syn_document_language(doc), slip->class, views->seen, evidence);
        sum += exp((double)fminf(score, 80));
        if (score <= best) continue;
        best = score;
        at = i;
    }
    if (!(best >= rev_head_hint(head))) return;
    const struct syn_slip *slip = &slips->list[views->list[at].slip];
    *out = (struct rev_opinion){.speaks = true,
                                .class = slip->class,
                                .start = slip->place.start - (uint32_t)start,
                                .end = slip->place.end - (uint32_t)start,
                                .len = slip->len,
                                .score = best,
                                .probability = (float)(exp((double)fminf(best, 80)) / sum)};
    if (slip->len > 0) memcpy(out->text, slips->texts + slip->text, slip->len);
}

size_t rev_lines_of(const struct syn_document *doc, struct syn_span function, size_t *start,
                    size_t *end)
{
    size_t first, last, column;
    syn_position_of(doc, function.start, SYN_UTF8, &first, &column);
    syn_position_of(doc, function.end, SYN_UTF8, &last, &column);
    *start = syn_line_start(doc, first);
    *end = syn_line_start(doc, last + 1);
    return last - first + 1;
}

/* ---- Findings ---------------------------------------------------------------------- */

static const char help[] =
    "The model has read the function as it is and with this one change, and the changed one looks "
    "more like code that people write. It is an opinion of a small model, not a proof: have a "
    "look, "
    "and excuse it if the code is as it should be.";

#define OPINION(CODE, TITLE)                                                                       \
    {                                                                                              \
        .code = CODE, .severity = REV_HINT, .confidence = 0.5, .title = (char *)TITLE,             \
        .message = (char *)TITLE, .help = (char *)help, .built_in = true                           \
    }

static const struct rev_rule rules[SYN_SLIP_CLASSES] = {
    [SYN_SLIP_NAME] = OPINION("variable-misuse", "Another variable may be meant"),
    [SYN_SLIP_COPY] = OPINION("copy-paste-slip", "A copied line may not have been changed here"),
    [SYN_SLIP_OPERATOR] = OPINION("wrong-operator", "Another operator may be meant"),
    [SYN_SLIP_COMPARISON] = OPINION("wrong-comparison", "Another comparison may be meant"),
    [SYN_SLIP_LITERAL] = OPINION("wrong-literal", "Another value may be meant"),
    [SYN_SLIP_ARGUMENTS] = OPINION("swapped-arguments", "Arguments may be in the wrong order"),
    [SYN_SLIP_CONDITION] = OPINION("wrong-condition", "A condition may be the wrong way round"),
};

const struct rev_rule *rev_opinion_rules(size_t *count)
{
    *count = SYN_SLIP_CLASSES;
    return rules;
}

static void write_message(const char *text, const struct rev_opinion *opinion, size_t start,
                          char out[REV_MESSAGE_MAX])
{
    enum { SHOWN = 40 };
    int have = (int)(opinion->end - opinion->start), want = (int)opinion->len;
    if (opinion->class == SYN_SLIP_CONDITION)
        snprintf(out, REV_MESSAGE_MAX, "%s",
                 want > 0 ? "A negation may be missing here" : "This negation may be wrong");
    else if (opinion->class == SYN_SLIP_ARGUMENTS)
        snprintf(out, REV_MESSAGE_MAX, "These arguments may be meant the other way round: %.*s%s",
                 want < SHOWN ? want : SHOWN, opinion->text, want > SHOWN ? "..." : "");
    else
        snprintf(out, REV_MESSAGE_MAX, "'%.*s' may be meant here instead of '%.*s'",
                 want < SHOWN ? want : SHOWN, opinion->text, have < SHOWN ? have : SHOWN,
                 text + start + opinion->start);
}

/* A finding of an opinion on the function that starts at a byte. */
static bool add_opinion(const char *text, const struct rev_head *head,
                        const struct rev_opinion *opinion, size_t start, struct rev_findings *out)
{
    bool information = opinion->score >= rev_head_information(head);
    struct rev_finding finding = {.rule = &rules[opinion->class],
                                  .severity = information ? REV_INFORMATION : REV_HINT,
                                  .confidence = (double)opinion->probability,
                                  .start = (uint32_t)start + opinion->start,
                                  .end = (uint32_t)start + opinion->end};
    write_message(text, opinion, start, finding.message);
    finding.fix = (struct rev_fix){.start = finding.start, .end = finding.end};
    finding.fix.text = strndup(opinion->text, opinion->len);
    return finding.fix.text && rev_findings_add(out, &finding);
}

/* ---- Functions --------------------------------------------------------------------- */

struct opining {
    const struct rev_opinions *with;
    const char *code;
    const struct syn_document *doc;
    const char *text;
    const struct syn_slips *slips;
    struct rev_findings *out;
};

static enum eng_status read_function(const struct opining *o, size_t start, size_t end,
                                     struct rev_opinion *out, struct eng_error *err)
{
    struct rev_views views = {0};
    enum eng_status status = rev_reader_look(o->with->reader, o->doc, o->slips, start, end,
                                             o->with->cancel, &views, err);
    if (status == ENG_OK) rev_judge(o->with->head, o->doc, o->slips, &views, start, end, out);
    rev_views_free(&views);
    return status;
}

/* Is it one of those that nothing is to be said about? */
static bool is_accepted(const struct opining *o, size_t start, size_t end)
{
    struct rev_opinion opinion = {.speaks = false};
    uint64_t key = rev_memo_key_alone(o->doc, start, end);
    if (o->with->accept) rev_memo_keep(o->with->memo, key, &opinion);
    return o->with->accept || rev_memo_find(o->with->memo, key, &opinion);
}

static enum syn_status opine_on(const struct opining *o, size_t start, size_t end,
                                struct syn_error *err)
{
    struct rev_opinion opinion;
    struct eng_error why = {"out of memory"};
    enum eng_status status = ENG_OK;
    if (o->with->memo && is_accepted(o, start, end)) return SYN_OK;
    uint64_t key = rev_memo_key(o->doc, start, end);
    if (!o->with->memo || !rev_memo_find(o->with->memo, key, &opinion)) {
        o->out->unasked += o->with->remembered;
        if (o->with->remembered) return SYN_OK;
        status = read_function(o, start, end, &opinion, &why);
        if (status == ENG_OK && o->with->memo) rev_memo_keep(o->with->memo, key, &opinion);
    }
    if (status == ENG_OK) {
        if (!opinion.speaks || (o->code && strcmp(o->code, rules[opinion.class].code) != 0))
            return SYN_OK;
        if (add_opinion(o->text, o->with->head, &opinion, start, o->out)) return SYN_OK;
        status = ENG_NO_MEMORY;
    }
    if (status == ENG_NO_MEMORY) return rev_no_memory(err);
    if (err) snprintf(err->text, sizeof err->text, "%s", why.text);
    return status == ENG_CANCELLED ? SYN_CANCELLED : SYN_BAD_TEXT;
}

enum syn_status rev_opine(const struct rev_opinions *opinions, const char *code,
                          const struct syn_document *doc, size_t start, size_t end,
                          struct rev_findings *out, struct syn_error *err)
{
    enum { LINES_MIN = 3, LINES_MAX = 120 };
    struct syn_slips slips;
    size_t len, behind = 0;
    struct opining o = {opinions, code, doc, syn_document_text(doc, &len), &slips, out};
    enum syn_status status = syn_slips_find(doc, 0, len, &slips, err);
    for (size_t i = 0; i < slips.n_functions && status == SYN_OK; i++) {
        size_t from, to, lines = rev_lines_of(doc, slips.functions[i], &from, &to);
        /* Of functions in each other the outermost that is not too long. */
        if (from < behind || to <= start || from >= end || lines < LINES_MIN || lines > LINES_MAX)
            continue;
        behind = to;
        status = opine_on(&o, from, to, err);
    }
    syn_slips_free(&slips);
    return status;
}
