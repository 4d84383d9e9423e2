/* Readers: the probabilities of slips.
 *
 * Owns the order of evaluation: once over a part, then back from its end, so that each slip finds
 * the keys and values of all that is in front of it and nothing is evaluated twice but what a slip
 * changes. A slip changes one line, and lines tokenise on their own. It does not say what is a bug;
 * opinion.c does.
 */
#include "lsp/assist/review/view.h"
#include "lsp/assist/prompt.h"
#include "lsp/assist/tokens.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    CONTEXT = 512,      /* tokens in front of the part that is read */
    PART_TOKENS = 1024, /* of the part */
    BEHIND = 32,        /* tokens behind a slip's line that count */
    LINE_BYTES = 400,   /* of a line with a slip in it; longer ones have none */
    LINE_TOKENS = 256,
    DEEP = 16,     /* slips of a part that are read on with, and one more ... */
    PER_DEEP = 12, /* ... for each of so many candidates, up to */
    DEEP_MAX = 64,
    PER_PLACE = 2, /* of one class at a place */
};

/* A slip whose first token is less likely by so much is not read on with. */
#define FLOOR -8.0f

/* A slip that is being read. */
struct candidate {
    struct rev_view view;
    uint32_t at;     /* position of the first token that differs */
    uint32_t rest;   /* position of the first token behind the line */
    uint32_t ids, n; /* the slip's tokens from there to the line's end: in reader->ids */
};

struct rev_reader {
    const struct eng_model *model;
    struct eng_session *session;
    struct asst_tokens *tokens; /* of the text that was read last */
    size_t vocab;
    uint32_t capacity; /* tokens */
    float *logits;     /* [ENG_BATCH, vocab] */
    float *own;        /* [capacity]: log P of the token at a position */
    uint32_t *offset;  /* [capacity]: byte where it starts */
    int32_t *ids;      /* of candidates */
    size_t n_ids, ids_capacity;
    struct candidate *candidates;
    size_t n_candidates, candidates_capacity;
};

/* What is read: a part of a document as inputs. */
struct part {
    const struct syn_document *doc;
    const char *text;
    struct asst_tokens *tokens;
    size_t start, stop; /* bytes whose slips are looked at */
    struct asst_prompt prompt;
    uint32_t first; /* position of the token at start */
};

static enum eng_status no_memory(struct eng_error *err)
{
    if (err) snprintf(err->text, sizeof err->text, "out of memory for reading a text");
    return ENG_NO_MEMORY;
}

void rev_reader_free(struct rev_reader *r)
{
    if (!r) return;
    eng_session_free(r->session);
    asst_tokens_free(r->tokens);
    free(r->logits);
    free(r->own);
    free(r->offset);
    free(r->ids);
    free(r->candidates);
    free(r);
}

enum eng_status rev_reader_new(const struct eng_model *model, struct rev_reader **out,
                               struct eng_error *err)
{
    const struct eng_model_info *info = eng_model_info(model);
    enum { LEAST = CONTEXT + 2 * (LINE_TOKENS + BEHIND), MOST = 2048 };
    *out = NULL;
    if (info->context < LEAST) {
        if (err)
            snprintf(err->text, sizeof err->text,
                     "the model's context of %u tokens is too small to review with: expected %d",
                     info->context, (int)LEAST);
        return ENG_BAD_INPUT;
    }
    struct rev_reader *r = calloc(1, sizeof *r);
    if (!r) return no_memory(err);
    r->model = model;
    r->vocab = info->vocab;
    r->capacity = info->context < MOST ? info->context : MOST;
    r->logits = malloc(ENG_BATCH * r->vocab * sizeof *r->logits);
    r->own = malloc(r->capacity * sizeof *r->own);
    r->offset = malloc(r->capacity * sizeof *r->offset);
    bool room = r->logits && r->own && r->offset;
    enum eng_status status =
        room ? eng_session_new(model, r->capacity, &r->session, err) : no_memory(err);
    if (status == ENG_OK) status = asst_tokens_new(model, &r->tokens, err);
    if (status != ENG_OK) {
        rev_reader_free(r);
        return status;
    }
    eng_session_set_priority(r->session, ENG_PRIORITY_REVIEW);
    *out = r;
    return ENG_OK;
}

/* ---- Logits ------------------------------------------------------------------------ */

/* exp(x) for x <= 0, within 1e-5 of it, in operations that compilers put into vectors: 2^n times a
 * polynomial of the rest. */
static inline float fast_exp(float x)
{
    float t = x * 1.44269504f, whole, f;
    t = t < -120 ? -120 : t;
    whole = (float)(int32_t)(t - 0.5f);
    f = (t - whole) * 0.69314718f;
    float p = 1 + f * (1 + f * (0.5f + f * (0.16666667f + f * (0.041666667f + f * 0.0083333f))));
    union {
        uint32_t bits;
        float value;
    } power = {(uint32_t)((int32_t)whole + 127) << 23};
    return p * power.value;
}

/* log of the sum of exp(logits). */
static float log_sum(const float *logits, size_t vocab)
{
    float top = logits[0], sum = 0;
    for (size_t i = 1; i < vocab; i++)
        top = logits[i] > top ? logits[i] : top;
    enum { LANES = 8 };
    float lanes[LANES] = {0};
    size_t i = 0;
    for (; i + LANES <= vocab; i += LANES)
        for (size_t k = 0; k < LANES; k++)
            lanes[k] += fast_exp(logits[i + k] - top);
    for (; i < vocab; i++)
        sum += fast_exp(logits[i] - top);
    for (size_t k = 0; k < LANES; k++)
        sum += lanes[k];
    return top + logf(sum);
}

/* ---- The part ---------------------------------------------------------------------- */

/* Line where the context of the part that starts at `start` begins. */
static enum eng_status context_start(const struct part *p, size_t *out, struct eng_error *err)
{
    size_t line, column, n, taken = 0;
    const struct asst_token *list;
    syn_position_of(p->doc, p->start, SYN_UTF8, &line, &column);
    while (line > 0) {
        enum eng_status status = asst_tokens_line(p->tokens, line - 1, &list, &n, err);
        if (status != ENG_OK) return status;
        if (taken + n > CONTEXT) break;
        taken += n;
        line--;
    }
    *out = syn_line_start(p->doc, line);
    return ENG_OK;
}

/* Fills the part's prompt up to `end`, or as much of it as fits. */
static enum eng_status open_part(struct rev_reader *r, struct part *p, size_t end,
                                 struct eng_error *err)
{
    size_t from = 0, at, len;
    enum eng_status status = context_start(p, &from, err);
    if (status != ENG_OK) return status;
    uint32_t room = r->capacity - LINE_TOKENS - BEHIND;
    uint32_t budget = CONTEXT + PART_TOKENS < room ? CONTEXT + PART_TOKENS : room;
    struct asst_part part = {
        .doc = p->doc, .tokens = p->tokens, .start = from, .end = end, .budget = budget};
    status = asst_prompt_plain(r->model, &part, &p->prompt, &p->stop, err);
    if (status != ENG_OK) return status;
    while (p->prompt.length > 0 &&
           !eng_token_text(r->model, p->prompt.inputs[p->prompt.length - 1].id, &len))
        p->prompt.length--; /* <|end|> */
    at = from;
    p->first = p->prompt.length;
    for (uint32_t i = 0; i < p->prompt.length; i++) {
        bool text = eng_token_text(r->model, p->prompt.inputs[i].id, &len) != NULL;
        r->offset[i] = (uint32_t)at;
        if (text && at >= p->start && i > 0 && i < p->first) p->first = i;
        at += text ? len : 0;
    }
    return ENG_OK;
}

/* Position of the token that starts at this byte, or of the next one; binary search. */
static uint32_t position_of(const struct rev_reader *r, const struct part *p, size_t byte)
{
    uint32_t low = 0, high = p->prompt.length;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (r->offset[middle] < byte)
            low = middle + 1;
        else
            high = middle;
    }
    /* Special tokens have the offset of what follows them. */
    size_t len;
    while (low < p->prompt.length && !eng_token_text(r->model, p->prompt.inputs[low].id, &len))
        low++;
    return low;
}

/* ---- Candidates -------------------------------------------------------------------- */

static bool keep_ids(struct rev_reader *r, struct candidate *c, const struct eng_token *tokens,
                     size_t n)
{
    if (r->n_ids + n > r->ids_capacity) {
        size_t capacity = 2 * (r->n_ids + n) + 1024;
        int32_t *grown = realloc(r->ids, capacity * sizeof *grown);
        if (!grown) return false;
        r->ids = grown;
        r->ids_capacity = capacity;
    }
    c->ids = (uint32_t)r->n_ids;
    c->n = (uint32_t)n;
    for (size_t i = 0; i < n; i++)
        r->ids[r->n_ids++] = tokens[i].id;
    return true;
}

/* The line with the slip in it; false when it is too long. */
static bool write_line(const struct part *p, const struct syn_slips *slips,
                       const struct syn_slip *slip, size_t line, size_t end, char *out, size_t *len)
{
    size_t before = slip->place.start - line, after = end - slip->place.end;
    *len = before + slip->len + after;
    if (*len > LINE_BYTES) return false;
    memcpy(out, p->text + line, before);
    if (slip->len > 0) memcpy(out + before, slips->texts + slip->text, slip->len);
    memcpy(out + before + slip->len, p->text + slip->place.end, after);
    return true;
}

/* Adds the slip as a candidate, if it can be one. */
static enum eng_status add_candidate(struct rev_reader *r, const struct part *p,
                                     const struct syn_slips *slips, uint32_t index,
                                     struct eng_error *err)
{
    const struct syn_slip *slip = &slips->list[index];
    struct candidate c = {.view.slip = index};
    struct eng_token tokens[LINE_TOKENS];
    char bytes[LINE_BYTES];
    size_t line, column, len, n;
    syn_position_of(p->doc, slip->place.start, SYN_UTF8, &line, &column);
    size_t start = syn_line_start(p->doc, line), end = syn_line_start(p->doc, line + 1);
    if (end > p->stop || slip->place.end > end ||
        !write_line(p, slips, slip, start, end, bytes, &len))
        return ENG_OK;
    enum eng_status status = eng_tokenize(r->model, bytes, len, tokens, LINE_TOKENS, &n, err);
    if (status == ENG_BAD_INPUT) return ENG_OK; /* too many tokens */
    if (status != ENG_OK) return status;
    uint32_t at = position_of(r, p, start), same = 0;
    c.rest = position_of(r, p, end);
    while (same < n && at + same < c.rest && p->prompt.inputs[at + same].id == tokens[same].id)
        same++;
    c.at = at + same;
    if (same == n || c.at >= c.rest || c.at < p->first) return ENG_OK;
    if (r->n_candidates == r->candidates_capacity) {
        size_t capacity = r->candidates_capacity ? 2 * r->candidates_capacity : 64;
        struct candidate *grown = realloc(r->candidates, capacity * sizeof *grown);
        if (!grown) return no_memory(err);
        r->candidates = grown;
        r->candidates_capacity = capacity;
    }
    if (!keep_ids(r, &c, tokens + same, n - same)) return no_memory(err);
    r->candidates[r->n_candidates++] = c;
    return ENG_OK;
}

/* First slip whose place starts at or behind a byte. */
static uint32_t first_slip(const struct syn_slips *slips, size_t byte)
{
    size_t low = 0, high = slips->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (slips->list[middle].place.start < byte)
            low = middle + 1;
        else
            high = middle;
    }
    return (uint32_t)low;
}

static enum eng_status gather(struct rev_reader *r, const struct part *p,
                              const struct syn_slips *slips, size_t *seen, struct eng_error *err)
{
    enum eng_status status = ENG_OK;
    uint32_t place = UINT32_MAX, from = 0;
    r->n_candidates = r->n_ids = 0;
    for (uint32_t i = first_slip(slips, p->start);
         status == ENG_OK && i < slips->count && slips->list[i].place.start < p->stop; i++) {
        status = add_candidate(r, p, slips, i, err);
        ++*seen;
    }
    for (uint32_t i = 0; i <= r->n_candidates; i++) { /* how many there are at each place */
        uint32_t start =
            i < r->n_candidates ? slips->list[r->candidates[i].view.slip].place.start : UINT32_MAX;
        if (start == place && i < r->n_candidates) continue;
        for (uint32_t k = from; k < i; k++)
            r->candidates[k].view.rivals = i - from;
        place = start;
        from = i;
    }
    return status;
}

/* ---- From left to right ------------------------------------------------------------ */

static int by_position(const void *a, const void *b)
{
    const struct candidate *x = a, *y = b;
    if (x->at != y->at) return x->at < y->at ? -1 : 1;
    return x->view.slip < y->view.slip ? -1 : x->view.slip > y->view.slip;
}

/* Notes what the logits in front of position `at` say of it; *next: the first candidate there. */
static void note_position(struct rev_reader *r, const struct part *p, uint32_t at,
                          const float *logits, size_t *next)
{
    float sum = log_sum(logits, r->vocab);
    r->own[at] = logits[p->prompt.inputs[at].id] - sum;
    for (; *next < r->n_candidates && r->candidates[*next].at == at; ++*next) {
        struct candidate *c = &r->candidates[*next];
        c->view.own = r->own[at];
        c->view.first = logits[r->ids[c->ids]] - sum - r->own[at];
    }
}

static enum eng_status read_part(struct rev_reader *r, const struct part *p, eng_cancel *cancel,
                                 struct rev_views *out, struct eng_error *err)
{
    const struct asst_prompt *prompt = &p->prompt;
    size_t next = 0;
    qsort(r->candidates, r->n_candidates, sizeof *r->candidates, by_position);
    enum eng_status status =
        eng_session_sync(r->session, prompt->inputs, p->first, cancel, NULL, err);
    if (status != ENG_OK) return status;
    note_position(r, p, p->first, eng_session_logits(r->session), &next);
    for (uint32_t at = p->first; at < prompt->length;) {
        size_t n = prompt->length - at < ENG_BATCH ? prompt->length - at : ENG_BATCH;
        status = eng_session_extend(r->session, prompt->inputs + at, n, r->logits, cancel, err);
        if (status != ENG_OK) return status;
        for (size_t i = 0; i < n && at + i + 1 < prompt->length; i++)
            note_position(r, p, (uint32_t)(at + i + 1), r->logits + i * r->vocab, &next);
        at += (uint32_t)n;
    }
    for (uint32_t at = p->first; at < prompt->length; at++) {
        out->sum_own += (double)r->own[at];
        out->n_own++;
        if (r->own[at] >= out->odd_own) continue;
        out->odd_own = r->own[at];
        out->odd = r->offset[at];
    }
    return ENG_OK;
}

/* ---- With a slip ------------------------------------------------------------------- */

/* Adds the log P of inputs [1, n), where the first is what the session's last logits were about. */
static enum eng_status read_on(struct rev_reader *r, const struct eng_input *inputs, size_t n,
                               float *sum, eng_cancel *cancel, struct eng_error *err)
{
    for (size_t at = 0; at < n;) {
        size_t take = n - at < ENG_BATCH ? n - at : ENG_BATCH;
        enum eng_status status =
            eng_session_extend(r->session, inputs + at, take, r->logits, cancel, err);
        if (status != ENG_OK) return status;
        for (size_t i = 0; i < take && at + i + 1 < n; i++) {
            const float *logits = r->logits + i * r->vocab;
            *sum += logits[inputs[at + i + 1].id] - log_sum(logits, r->vocab);
        }
        at += take;
    }
    return ENG_OK;
}

/* A slip leaves the tree around it: its tokens take the records of those in whose place they
 * stand, the last one's where there are more. */
static enum eng_status look_on(struct rev_reader *r, const struct part *p, struct candidate *c,
                               eng_cancel *cancel, struct eng_error *err)
{
    struct eng_input inputs[LINE_TOKENS + BEHIND];
    uint32_t n = 0, end = c->rest + BEHIND;
    if (end > p->prompt.length) end = p->prompt.length;
    for (; n < c->n; n++) {
        uint32_t from = c->at + n < c->rest ? c->at + n : c->rest - 1;
        inputs[n] = p->prompt.inputs[from];
        inputs[n].id = r->ids[c->ids + n];
    }
    for (uint32_t i = c->rest; i < end; i++)
        inputs[n++] = p->prompt.inputs[i];
    float sum = c->view.first + c->view.own, had = 0;
    for (uint32_t i = c->at; i < end; i++)
        had += r->own[i];
    eng_session_rewind(r->session, c->at);
    enum eng_status status = read_on(r, inputs, n, &sum, cancel, err);
    c->view.joint = sum - had;
    return status;
}

/* ---- The whole --------------------------------------------------------------------- */

static int by_first(const void *a, const void *b)
{
    const struct candidate *x = a, *y = b;
    if (x->view.first != y->view.first) return x->view.first > y->view.first ? -1 : 1;
    return x->view.slip < y->view.slip ? -1 : x->view.slip > y->view.slip;
}

/* Keeps those that are read on with: the likeliest by their first token, of each place the best
 * ones. Long parts have more. */
static void choose_deep(struct rev_reader *r, const struct syn_slips *slips)
{
    size_t n = 0, most = DEEP + r->n_candidates / PER_DEEP;
    if (most > DEEP_MAX) most = DEEP_MAX;
    qsort(r->candidates, r->n_candidates, sizeof *r->candidates, by_first);
    for (size_t i = 0; i < r->n_candidates && n < most; i++) {
        const struct syn_slip *slip = &slips->list[r->candidates[i].view.slip];
        size_t rivals = 0;
        for (size_t k = 0; k < n; k++) {
            const struct syn_slip *other = &slips->list[r->candidates[k].view.slip];
            rivals += other->class == slip->class && other->place.start == slip->place.start;
        }
        if (r->candidates[i].view.first < FLOOR) break;
        if (rivals < PER_PLACE) r->candidates[n++] = r->candidates[i];
    }
    r->n_candidates = n;
    qsort(r->candidates, n, sizeof *r->candidates, by_position);
}

/* The last place first, so that what is in front of each is there. */
static enum eng_status look_deep(struct rev_reader *r, const struct part *p, eng_cancel *cancel,
                                 struct eng_error *err)
{
    enum eng_status status = ENG_OK;
    for (size_t i = r->n_candidates; i-- > 0 && status == ENG_OK;)
        status = look_on(r, p, &r->candidates[i], cancel, err);
    return status;
}

static int by_slip(const void *a, const void *b)
{
    const struct rev_view *x = a, *y = b;
    return x->slip < y->slip ? -1 : x->slip > y->slip;
}

static bool keep_views(const struct rev_reader *r, struct rev_views *out)
{
    size_t needed = out->count + r->n_candidates;
    if (needed > out->capacity) {
        struct rev_view *grown = realloc(out->list, 2 * needed * sizeof *grown);
        if (!grown) return false;
        out->list = grown;
        out->capacity = 2 * needed;
    }
    for (size_t i = 0; i < r->n_candidates; i++)
        out->list[out->count++] = r->candidates[i].view;
    if (out->count > 1) qsort(out->list, out->count, sizeof *out->list, by_slip);
    return true;
}

static enum eng_status look(struct rev_reader *r, struct part *p, const struct syn_slips *slips,
                            size_t end, eng_cancel *cancel, struct rev_views *out,
                            struct eng_error *err)
{
    enum eng_status status = open_part(r, p, end, err);
    if (status != ENG_OK) return status;
    status = gather(r, p, slips, &out->seen, err);
    if (status == ENG_OK && r->n_candidates > 0) status = read_part(r, p, cancel, out, err);
    if (status == ENG_OK && r->n_candidates > 0) {
        choose_deep(r, slips);
        status = look_deep(r, p, cancel, err);
    }
    if (status == ENG_OK && !keep_views(r, out)) status = no_memory(err);
    asst_prompt_free(&p->prompt);
    return status;
}

enum eng_status rev_reader_look(struct rev_reader *r, const struct syn_document *doc,
                                const struct syn_slips *slips, size_t start, size_t end,
                                eng_cancel *cancel, struct rev_views *out, struct eng_error *err)
{
    enum eng_status status = asst_tokens_sync(r->tokens, doc, err);
    size_t len;
    struct part p = {
        .doc = doc, .text = syn_document_text(doc, &len), .tokens = r->tokens, .start = start};
    if (end > len) end = len;
    while (status == ENG_OK && p.start < end) {
        status = look(r, &p, slips, end, cancel, out, err);
        if (status == ENG_OK && p.stop < end) { /* the line it ended in again, from its start */
            size_t line, column;
            syn_position_of(doc, p.stop, SYN_UTF8, &line, &column);
            size_t again = syn_line_start(doc, line);
            p.start = again > p.start ? again : syn_line_start(doc, line + 1);
        } else {
            p.start = end;
        }
    }
    return status;
}

void rev_views_free(struct rev_views *views)
{
    free(views->list);
    *views = (struct rev_views){0};
}
