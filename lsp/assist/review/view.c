/* Readers: the probabilities of slips.
 *
 * Owns the order of evaluation: once over a part, then back from its end, so that each slip finds
 * the keys and values of all that is in front of it and nothing is evaluated twice but what a slip
 * changes. A slip changes one line, and lines tokenise on their own. It does not say what is a bug;
 * opinion.c does.
 */
#include "lsp/assist/review/view.h"
#include "lsp/assist/prompt.h"
#include "lsp/assist/recall.h"
#include "lsp/assist/tokens.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    LINE_BYTES = 400,
    LINE_TOKENS = 256,
    PART_TOKENS = 1024,
    MIDDLE_TOKENS = 384,
    DEEP_MAX = 64
};

/* A slip that is being read. */
struct candidate {
    struct rev_view view;
    uint32_t at;      /* position of the first token that differs */
    uint32_t rest;    /* position of the first token behind the line */
    uint32_t ids, n;  /* the slip's tokens from there to the line's end: in reader->ids */
    size_t line, end; /* bytes of the line, its terminator included */
};

struct rev_reader {
    const struct eng_model *model;
    struct eng_session *session;
    struct rev_reading options;
    size_t vocab;
    uint32_t capacity;          /* tokens */
    float *logits;              /* [ENG_BATCH, vocab] */
    float *own;                 /* [capacity]: log P of the token at a position */
    float *states;              /* [capacity, d_model] after a position; NULL: not wanted */
    float *kept;                /* [DEEP_MAX, 3, d_model]: of candidates */
    float *last;                /* [ENG_BATCH, d_model] */
    size_t width;               /* d_model */
    struct asst_recall *recall; /* NULL: the model has no weights for it */
    float *mixed;               /* [vocab] */
    uint32_t *offset;           /* [capacity]: byte where it starts */
    int32_t *ids;               /* of candidates */
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
    free(r->logits);
    free(r->own);
    free(r->states);
    free(r->kept);
    free(r->last);
    free(r->mixed);
    asst_recall_free(r->recall);
    free(r->offset);
    free(r->ids);
    free(r->candidates);
    free(r);
}

enum eng_status rev_reader_new(const struct eng_model *model, const struct rev_reading *options,
                               struct rev_reader **out, struct eng_error *err)
{
    const struct eng_model_info *info = eng_model_info(model);
    struct rev_reader *r = calloc(1, sizeof *r);
    *out = NULL;
    if (!r) return no_memory(err);
    if (options) r->options = *options;
    if (r->options.context == 0) r->options.context = 512;
    if (r->options.behind == 0) r->options.behind = 32;
    if (r->options.deep == 0) r->options.deep = 16;
    if (r->options.middles == 0) r->options.middles = 4;
    if (r->options.floor == 0) r->options.floor = -8;
    r->model = model;
    r->vocab = info->vocab;
    r->width = info->d_model;
    r->capacity = info->context < 2048 ? info->context : 2048;
    r->logits = malloc(ENG_BATCH * r->vocab * sizeof *r->logits);
    r->own = malloc(r->capacity * sizeof *r->own);
    r->offset = malloc(r->capacity * sizeof *r->offset);
    r->mixed = malloc(r->vocab * sizeof *r->mixed);
    bool room = r->logits && r->own && r->offset && r->mixed;
    if (r->options.states) {
        r->states = malloc((size_t)r->capacity * r->width * sizeof *r->states);
        r->kept = malloc((size_t)DEEP_MAX * 3 * r->width * sizeof *r->kept);
        r->last = malloc(ENG_BATCH * r->width * sizeof *r->last);
        room &= r->states && r->kept && r->last;
    }
    enum eng_status status =
        room ? eng_session_new(model, r->capacity, &r->session, err) : no_memory(err);
    if (status == ENG_OK && info->recalls)
        status = asst_recall_new(model, LINE_TOKENS, &r->recall, err);
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
static enum eng_status context_start(struct rev_reader *r, const struct part *p, size_t *out,
                                     struct eng_error *err)
{
    size_t line, column, n, taken = 0;
    const struct asst_token *list;
    syn_position_of(p->doc, p->start, SYN_UTF8, &line, &column);
    while (line > 0) {
        enum eng_status status = asst_tokens_line(p->tokens, line - 1, &list, &n, err);
        if (status != ENG_OK) return status;
        if (taken + n > r->options.context) break;
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
    enum eng_status status = context_start(r, p, &from, err);
    if (status != ENG_OK) return status;
    uint32_t room = r->capacity - LINE_TOKENS - r->options.behind;
    uint32_t budget =
        r->options.context + PART_TOKENS < room ? r->options.context + PART_TOKENS : room;
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
    c.line = syn_line_start(p->doc, line);
    c.end = syn_line_start(p->doc, line + 1);
    if (c.end > p->stop || slip->place.end > c.end ||
        !write_line(p, slips, slip, c.line, c.end, bytes, &len))
        return ENG_OK;
    enum eng_status status = eng_tokenize(r->model, bytes, len, tokens, LINE_TOKENS, &n, err);
    if (status == ENG_BAD_INPUT) return ENG_OK; /* too many tokens */
    if (status != ENG_OK) return status;
    uint32_t at = position_of(r, p, c.line), same = 0;
    c.rest = position_of(r, p, c.end);
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
    size_t next = 0, reused = 0;
    qsort(r->candidates, r->n_candidates, sizeof *r->candidates, by_position);
    enum eng_status status =
        eng_session_sync(r->session, prompt->inputs, p->first, cancel, &reused, err);
    if (status != ENG_OK) return status;
    out->tokens += p->first - reused;
    note_position(r, p, p->first, eng_session_logits(r->session), &next);
    for (uint32_t at = p->first; at < prompt->length;) {
        size_t n = prompt->length - at < ENG_BATCH ? prompt->length - at : ENG_BATCH;
        float *states = r->states ? r->states + at * r->width : NULL;
        status =
            eng_session_extend(r->session, prompt->inputs + at, n, r->logits, states, cancel, err);
        if (status != ENG_OK) return status;
        out->tokens += n;
        for (size_t i = 0; i < n && at + i + 1 < prompt->length; i++)
            note_position(r, p, (uint32_t)(at + i + 1), r->logits + i * r->vocab, &next);
        at += (uint32_t)n;
    }
    for (uint32_t at = p->first; at < prompt->length; at++)
        if (r->own[at] < out->odd_own) {
            out->odd_own = r->own[at];
            out->odd = r->offset[at];
        }
    return ENG_OK;
}

/* ---- With a slip ------------------------------------------------------------------- */

/* Of a token, by these logits. */
static float log_of(struct rev_reader *r, const float *logits, int32_t id, bool recalls)
{
    if (recalls) {
        struct asst_guesses guesses;
        asst_recall_next(r->recall, -1, &guesses);
        if (guesses.count > 0) {
            memcpy(r->mixed, logits, r->vocab * sizeof *r->mixed);
            asst_recall_mix(&guesses, eng_model_info(r->model)->recall, r->mixed, r->vocab);
            logits = r->mixed;
        }
    }
    return logits[id] - log_sum(logits, r->vocab);
}

/* Adds the log P of inputs [0, n), the first of which the session's last logits were about.
 * recalls: mixed with what the document says elsewhere; state: set to that after the last one. */
static enum eng_status read_on(struct rev_reader *r, const struct eng_input *inputs, size_t n,
                               bool recalls, float *sum, float *state, eng_cancel *cancel,
                               struct eng_error *err)
{
    for (size_t at = 0; at < n;) {
        size_t take = n - at < ENG_BATCH ? n - at : ENG_BATCH;
        enum eng_status status = eng_session_extend(r->session, inputs + at, take, r->logits,
                                                    state ? r->last : NULL, cancel, err);
        if (status != ENG_OK) return status;
        for (size_t i = 0; i < take; i++) {
            if (recalls) asst_recall_push(r->recall, inputs[at + i].id);
            if (at + i + 1 < n)
                *sum += log_of(r, r->logits + i * r->vocab, inputs[at + i + 1].id, recalls);
        }
        at += take;
        if (state && at == n)
            memcpy(state, r->last + (take - 1) * r->width, r->width * sizeof *state);
    }
    return ENG_OK;
}

/* A slip leaves the tree around it: its tokens take the records of those in whose place they
 * stand, the last one's where there are more. */
static enum eng_status look_on(struct rev_reader *r, const struct part *p, struct candidate *c,
                               eng_cancel *cancel, size_t *evaluated, struct eng_error *err)
{
    struct eng_input inputs[LINE_TOKENS + 256];
    uint32_t behind = r->options.behind < 256 ? r->options.behind : 256;
    uint32_t n = 0, end = c->rest + behind;
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
    *evaluated += n;
    enum eng_status status =
        read_on(r, inputs, n, false, &sum, c->view.states ? c->view.states + 2 * r->width : NULL,
                cancel, err);
    c->view.joint = c->view.middle = sum - had;
    if (c->view.states && c->at > p->first) {
        size_t bytes = r->width * sizeof *r->states;
        memcpy(c->view.states, r->states + (c->at - 1) * r->width, bytes);
        memcpy(c->view.states + r->width, r->states + (end - 1) * r->width, bytes);
    }
    return status;
}

/* ---- As a middle ------------------------------------------------------------------- */

/* Log P of a line's text between what is before and behind it. */
static enum eng_status middle_of(struct rev_reader *r, const struct part *p,
                                 struct asst_prompt *prompt, const char *text, size_t len,
                                 float *out, eng_cancel *cancel, size_t *evaluated,
                                 struct eng_error *err)
{
    uint32_t length = prompt->length, n;
    struct syn_middle state = prompt->middle;
    int32_t end = eng_end_token(r->model);
    enum eng_status status = asst_prompt_append_text(prompt, r->model, p->doc, text, len, err);
    if (status == ENG_OK && end >= 0) status = asst_prompt_append(prompt, r->model, end, err);
    n = prompt->length - length;
    size_t reused = 0;
    if (status == ENG_OK)
        status = eng_session_sync(r->session, prompt->inputs, length, cancel, &reused, err);
    if (status == ENG_OK && n > 0) {
        size_t read = r->recall ? asst_recall_length(r->recall) : 0;
        const float *logits = eng_session_logits(r->session);
        *out = log_of(r, logits, prompt->inputs[length].id, r->recall != NULL);
        status = read_on(r, prompt->inputs + length, n, r->recall != NULL, out, NULL, cancel, err);
        if (r->recall) asst_recall_rewind(r->recall, read);
        *evaluated += length - reused + n;
    }
    prompt->length = length;
    prompt->middle = state;
    return status;
}

static enum eng_status look_between(struct rev_reader *r, const struct part *p,
                                    const struct syn_slips *slips, struct candidate *list, size_t n,
                                    eng_cancel *cancel, size_t *evaluated, struct eng_error *err)
{
    size_t line, column;
    syn_position_of(p->doc, list[0].line, SYN_UTF8, &line, &column);
    struct asst_source source = {.doc = p->doc,
                                 .tokens = p->tokens,
                                 .hole_start = list[0].line,
                                 .hole_end = syn_line_end(p->doc, line)};
    struct asst_prompt_options options;
    asst_prompt_defaults(r->model, &options);
    if (options.order == ASST_ORDER_PLAIN) return ENG_OK;
    options.budget = MIDDLE_TOKENS + LINE_TOKENS;
    options.middle_max = LINE_TOKENS;
    options.suffix_max = MIDDLE_TOKENS / 3;
    options.outline_max = options.extra_max = 0;
    struct asst_prompt prompt;
    struct syn_hole *hole = NULL;
    bool structured = eng_model_info(r->model)->structure != ENG_STRUCTURE_NONE;
    if (structured &&
        syn_hole_open(p->doc, source.hole_start, source.hole_end, &hole, NULL) != SYN_OK)
        return ENG_OK;
    source.hole = hole;
    float text = 0;
    size_t len = source.hole_end - source.hole_start;
    enum eng_status status = asst_prompt_build(r->model, &source, &options, &prompt, err);
    if (r->recall) asst_recall_rewind(r->recall, 0);
    if (status == ENG_OK) {
        if (r->recall) status = asst_recall_read(r->recall, &source, prompt.heal_start, err);
        if (status == ENG_OK)
            status = middle_of(r, p, &prompt, p->text + list[0].line, len, &text, cancel, evaluated,
                               err);
        for (size_t i = 0; i < n && status == ENG_OK; i++) {
            const struct syn_slip *slip = &slips->list[list[i].view.slip];
            char bytes[LINE_BYTES];
            float with = 0;
            if (!write_line(p, slips, slip, list[i].line, source.hole_end, bytes, &len)) continue;
            status = middle_of(r, p, &prompt, bytes, len, &with, cancel, evaluated, err);
            list[i].view.middle = with - text;
        }
        asst_prompt_free(&prompt);
    }
    syn_hole_free(hole);
    return status;
}

/* ---- The whole --------------------------------------------------------------------- */

static int by_first(const void *a, const void *b)
{
    const struct candidate *x = a, *y = b;
    if (x->view.first != y->view.first) return x->view.first > y->view.first ? -1 : 1;
    return x->view.slip < y->view.slip ? -1 : x->view.slip > y->view.slip;
}

static int by_joint(const void *a, const void *b)
{
    const struct candidate *x = a, *y = b;
    if (x->view.joint != y->view.joint) return x->view.joint > y->view.joint ? -1 : 1;
    return x->view.slip < y->view.slip ? -1 : x->view.slip > y->view.slip;
}

static int by_line(const void *a, const void *b)
{
    const struct candidate *x = a, *y = b;
    return x->line < y->line ? -1 : x->line > y->line;
}

/* Keeps those that are read on with: the likeliest by their first token, of each place the best
 * ones. Long parts have more. */
static void choose_deep(struct rev_reader *r, const struct syn_slips *slips)
{
    enum { PER_PLACE = 2, PER_DEEP = 12 };
    size_t n = 0, most = r->options.deep + r->n_candidates / PER_DEEP;
    if (most > DEEP_MAX) most = DEEP_MAX;
    qsort(r->candidates, r->n_candidates, sizeof *r->candidates, by_first);
    for (size_t i = 0; i < r->n_candidates && n < most; i++) {
        const struct syn_slip *slip = &slips->list[r->candidates[i].view.slip];
        size_t rivals = 0;
        for (size_t k = 0; k < n; k++) {
            const struct syn_slip *other = &slips->list[r->candidates[k].view.slip];
            rivals += other->class == slip->class && other->place.start == slip->place.start;
        }
        if (r->candidates[i].view.first < r->options.floor) break;
        if (rivals < PER_PLACE) r->candidates[n++] = r->candidates[i];
    }
    r->n_candidates = n;
    qsort(r->candidates, n, sizeof *r->candidates, by_position);
    for (size_t i = 0; i < n && r->kept; i++) {
        r->candidates[i].view.states = r->kept + i * 3 * r->width;
        memset(r->candidates[i].view.states, 0, 3 * r->width * sizeof *r->kept);
    }
}

static enum eng_status look_deep(struct rev_reader *r, const struct part *p,
                                 const struct syn_slips *slips, eng_cancel *cancel,
                                 size_t *evaluated, struct eng_error *err)
{
    enum eng_status status = ENG_OK;
    for (size_t i = r->n_candidates; i-- > 0 && status == ENG_OK;)
        status = look_on(r, p, &r->candidates[i], cancel, evaluated, err);
    if (status != ENG_OK) return status;
    qsort(r->candidates, r->n_candidates, sizeof *r->candidates, by_joint);
    size_t n = r->n_candidates < r->options.middles ? r->n_candidates : r->options.middles;
    qsort(r->candidates, n, sizeof *r->candidates, by_line);
    for (size_t i = 0, k; i < n && status == ENG_OK; i = k) {
        for (k = i; k < n && r->candidates[k].line == r->candidates[i].line; k++)
            continue;
        status = look_between(r, p, slips, &r->candidates[i], k - i, cancel, evaluated, err);
    }
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
        status = look_deep(r, p, slips, cancel, &out->tokens, err);
    }
    if (status == ENG_OK && !keep_views(r, out)) status = no_memory(err);
    asst_prompt_free(&p->prompt);
    return status;
}

enum eng_status rev_reader_look(struct rev_reader *r, const struct syn_document *doc,
                                struct asst_tokens *tokens, const struct syn_slips *slips,
                                size_t start, size_t end, eng_cancel *cancel, struct rev_views *out,
                                struct eng_error *err)
{
    struct asst_tokens *own = NULL;
    enum eng_status status = ENG_OK;
    if (!tokens) status = asst_tokens_new(r->model, &own, err);
    if (!tokens) tokens = own;
    if (status == ENG_OK) status = asst_tokens_sync(tokens, doc, err);
    size_t len;
    struct part p = {
        .doc = doc, .text = syn_document_text(doc, &len), .tokens = tokens, .start = start};
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
    asst_tokens_free(own);
    return status;
}

void rev_views_free(struct rev_views *views)
{
    free(views->list);
    *views = (struct rev_views){0};
}
