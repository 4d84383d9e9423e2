/* recall.c: see recall.h.
 *
 * Owns one array of token ids, the text behind the hole first, a gap, then the text in front
 * of it, to which what is decoded is pushed; and for each token the place before it that may
 * hold the same one (a hash chain), so that a look-up walks over the occurrences of the last
 * token only, nearest first, and a rewind is as simple as a push. It deliberately knows
 * nothing of trees: which guess may stand at the cursor is the candidate's business.
 */
#include "lsp/assist/recall.h"
#include "lsp/assist/tokens.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    GAP = -1,
    NONE = -1,
    SLOTS = 1u << 14,
    VISITS = 512,            /* occurrences looked at */
    PIECE_BYTES = 64 * 1024, /* of one line that are read */
    SURE_MAX = 7
};

struct asst_recall {
    const struct eng_model *model;
    uint32_t length, capacity;
    int32_t *ids;      /* [capacity] */
    int32_t *previous; /* [capacity]: the place before with a token of the same slot */
    int32_t last[SLOTS];
};

static enum eng_status no_memory(struct eng_error *err)
{
    if (err) snprintf(err->text, sizeof err->text, "out of memory for a document's tokens");
    return ENG_NO_MEMORY;
}

enum eng_status asst_recall_new(const struct eng_model *model, uint32_t more,
                                struct asst_recall **out, struct eng_error *err)
{
    struct asst_recall *r = *out = calloc(1, sizeof *r);
    if (!r) return no_memory(err);
    r->model = model;
    r->capacity = ASST_RECALL_BEFORE + ASST_RECALL_BEHIND + 1 + more;
    r->ids = malloc(r->capacity * sizeof *r->ids);
    r->previous = malloc(r->capacity * sizeof *r->previous);
    memset(r->last, 0xff, sizeof r->last); /* NONE */
    if (r->ids && r->previous) return ENG_OK;
    asst_recall_free(r);
    *out = NULL;
    return no_memory(err);
}

void asst_recall_free(struct asst_recall *r)
{
    if (!r) return;
    free(r->ids);
    free(r->previous);
    free(r);
}

enum eng_status asst_recall_copy(const struct asst_recall *recall, struct asst_recall **out,
                                 struct eng_error *err)
{
    uint32_t more = recall->capacity - (ASST_RECALL_BEFORE + ASST_RECALL_BEHIND + 1);
    enum eng_status status = asst_recall_new(recall->model, more, out, err);
    if (status != ENG_OK) return status;
    struct asst_recall *copy = *out;
    copy->length = recall->length;
    memcpy(copy->ids, recall->ids, recall->length * sizeof *copy->ids);
    memcpy(copy->previous, recall->previous, recall->length * sizeof *copy->previous);
    memcpy(copy->last, recall->last, sizeof copy->last);
    return ENG_OK;
}

static uint32_t slot_of(int32_t id)
{
    return (uint32_t)id * 0x9E3779B1u >> 18;
}
_Static_assert(SLOTS == 1u << (32 - 18), "a slot is the hash's upper bits");

void asst_recall_push(struct asst_recall *r, int32_t id)
{
    if (r->length >= r->capacity) return;
    int32_t *last = &r->last[slot_of(id)];
    r->ids[r->length] = id;
    r->previous[r->length] = *last;
    *last = (int32_t)r->length++;
}

void asst_recall_gap(struct asst_recall *r)
{
    asst_recall_push(r, GAP);
}

size_t asst_recall_length(const struct asst_recall *r)
{
    return r->length;
}

void asst_recall_rewind(struct asst_recall *r, size_t n)
{
    while (r->length > n) {
        r->length--;
        r->last[slot_of(r->ids[r->length])] = r->previous[r->length];
    }
}

/* ---- Reading ---------------------------------------------------------------------------- */

/* The part of the hole's own line on one side of it. */
struct piece {
    const char *text;
    size_t len;
    bool in_front;          /* of the hole */
    struct eng_token *held; /* what was allocated */
    struct eng_token *tokens;
    size_t count;
};

/* Its tokens: at most `most`, those next to the hole. Of a very long line only the bytes next to
 * the hole are read. The caller frees held. */
static enum eng_status read_piece(const struct asst_recall *r, struct piece *piece, size_t most,
                                  struct eng_error *err)
{
    size_t bytes = piece->len < PIECE_BYTES ? piece->len : PIECE_BYTES;
    const char *text = piece->text + (piece->in_front ? piece->len - bytes : 0);
    piece->held = piece->tokens = malloc((bytes + 8) * sizeof *piece->held);
    if (!piece->held) return no_memory(err);
    if (bytes == 0) return ENG_OK;
    enum eng_status status =
        eng_tokenize(r->model, text, bytes, piece->held, bytes + 8, &piece->count, err);
    if (status != ENG_OK) piece->count = 0;
    if (piece->count <= most) return status;
    if (piece->in_front) piece->tokens += piece->count - most;
    piece->count = most;
    return status;
}

static void push_piece(struct asst_recall *r, const struct piece *piece)
{
    for (size_t i = 0; i < piece->count; i++)
        asst_recall_push(r, piece->tokens[i].id);
}

/* Whole lines from `line` up to `end`, until n tokens are there. */
static enum eng_status push_lines(struct asst_recall *r, struct asst_tokens *cache, size_t line,
                                  size_t end, size_t n, struct eng_error *err)
{
    const struct asst_token *tokens;
    size_t count;
    for (; line < end && r->length < n; line++) {
        enum eng_status status = asst_tokens_line(cache, line, &tokens, &count, err);
        if (status != ENG_OK) return status;
        for (size_t i = 0; i < count && r->length < n; i++)
            asst_recall_push(r, tokens[i].id);
    }
    return ENG_OK;
}

/* The first line of those that hold the last n tokens in front of `line`. */
static enum eng_status first_line(struct asst_tokens *cache, size_t line, size_t n, size_t *first,
                                  struct eng_error *err)
{
    const struct asst_token *tokens;
    size_t count, all = 0;
    for (*first = line; *first > 0; (*first)--) {
        enum eng_status status = asst_tokens_line(cache, *first - 1, &tokens, &count, err);
        if (status != ENG_OK) return status;
        all += count;
        if (all > n) break;
    }
    return ENG_OK;
}

static enum eng_status push_behind(struct asst_recall *r, struct asst_tokens *cache,
                                   const struct asst_source *source, struct eng_error *err)
{
    size_t len, line, column, begin = r->length;
    const char *text = syn_document_text(source->doc, &len);
    syn_position_of(source->doc, source->hole_end, SYN_UTF8, &line, &column);
    struct piece rest = {.text = text + source->hole_end,
                         .len = syn_line_start(source->doc, line + 1) - source->hole_end};
    enum eng_status status = read_piece(r, &rest, ASST_RECALL_BEHIND, err);
    if (status == ENG_OK) push_piece(r, &rest);
    free(rest.held);
    if (status != ENG_OK) return status;
    return push_lines(r, cache, line + 1, syn_line_count(source->doc), begin + ASST_RECALL_BEHIND,
                      err);
}

static enum eng_status push_in_front(struct asst_recall *r, struct asst_tokens *cache,
                                     const struct asst_source *source, size_t heal_start,
                                     struct eng_error *err)
{
    size_t len, line, column, first = 0;
    const char *text = syn_document_text(source->doc, &len);
    syn_position_of(source->doc, source->hole_start, SYN_UTF8, &line, &column);
    size_t start = syn_line_start(source->doc, line);
    struct piece begun = {
        .text = text + start, .len = heal_start > start ? heal_start - start : 0, .in_front = true};
    enum eng_status status = read_piece(r, &begun, ASST_RECALL_BEFORE, err);
    size_t most = ASST_RECALL_BEFORE - begun.count;
    if (status == ENG_OK) status = first_line(cache, line, most, &first, err);
    if (status == ENG_OK) status = push_lines(r, cache, first, line, r->length + most, err);
    if (status == ENG_OK) push_piece(r, &begun);
    free(begun.held);
    return status;
}

enum eng_status asst_recall_read(struct asst_recall *r, const struct asst_source *source,
                                 size_t heal_start, struct eng_error *err)
{
    struct asst_tokens *own = NULL, *cache = source->tokens;
    enum eng_status status = cache ? ENG_OK : asst_tokens_new(r->model, &own, err);
    if (own) cache = own;
    if (status == ENG_OK) status = asst_tokens_sync(cache, source->doc, err);
    if (status == ENG_OK) status = push_behind(r, cache, source, err);
    asst_recall_gap(r);
    if (status == ENG_OK) status = push_in_front(r, cache, source, heal_start, err);
    asst_tokens_free(own);
    return status;
}

/* ---- Guessing --------------------------------------------------------------------------- */

/* Different followers, and how often each was seen after a match of which length. */
struct tally {
    int32_t id[ASST_RECALL_GUESSES];
    uint16_t seen[ASST_RECALL_GUESSES][ASST_RECALL_MATCH + 1];
    uint32_t count;
};

static void tally_add(struct tally *t, int32_t id, uint32_t length)
{
    uint32_t i = 0;
    while (i < t->count && t->id[i] != id)
        i++;
    if (i == ASST_RECALL_GUESSES) return;
    if (i == t->count) {
        t->id[i] = id;
        memset(t->seen[i], 0, sizeof t->seen[i]);
        t->count++;
    }
    t->seen[i][length]++;
}

static bool ends_line(const struct asst_recall *r, int32_t id)
{
    size_t len;
    const char *text = eng_token_text(r->model, id, &len);
    return text && len > 0 && (text[0] == '\n' || text[0] == '\r');
}

/* Tokens that match the last ones where place p is taken for the last. */
static uint32_t match_length(const struct asst_recall *r, uint32_t p)
{
    uint32_t n = r->length, length = 1;
    while (length < ASST_RECALL_MATCH && p >= length && r->ids[p - length] != GAP &&
           r->ids[p - length] == r->ids[n - 1 - length])
        length++;
    return length;
}

static void look_up(const struct asst_recall *r, int32_t end, struct tally *t)
{
    uint32_t n = r->length;
    int32_t last = r->ids[n - 1];
    int visits = 0;
    for (int32_t p = r->previous[n - 1]; p != NONE && visits < VISITS; p = r->previous[p]) {
        if (r->ids[p] != last) continue;
        visits++;
        int32_t next = r->ids[p + 1];
        if (next == GAP) continue;
        if (end >= 0 && ends_line(r, next)) next = end;
        tally_add(t, next, match_length(r, (uint32_t)p));
    }
}

void asst_recall_next(const struct asst_recall *r, int32_t end, struct asst_guesses *out)
{
    struct tally t = {.count = 0};
    *out = (struct asst_guesses){.open = 1};
    if (r->length == 0 || r->ids[r->length - 1] == GAP) return;
    look_up(r, end, &t);
    out->count = t.count;
    for (uint32_t i = 0; i < t.count; i++)
        out->id[i] = t.id[i];
    uint32_t counts[ASST_RECALL_GUESSES] = {0}, seen = 0, different = 0;
    for (uint32_t length = ASST_RECALL_MATCH; length > 0; length--) {
        for (uint32_t i = 0; i < t.count; i++) {
            different += counts[i] == 0 && t.seen[i][length] > 0;
            counts[i] += t.seen[i][length];
            seen += t.seen[i][length];
        }
        if (seen == 0) continue;
        if (out->length == 0) {
            out->length = length;
            out->followers = seen;
        }
        for (uint32_t i = 0; i < t.count; i++)
            out->p[i] += out->open * (float)counts[i] / (float)(seen + different);
        out->open *= (float)different / (float)(seen + different);
    }
}

size_t asst_recall_draft(const struct asst_recall *r, uint32_t least, size_t most, bool line,
                         int32_t *ids)
{
    uint32_t n = r->length, longest = least > 0 ? least - 1 : 0;
    size_t drafted = 0;
    int32_t best = NONE;
    int visits = 0;
    if (n == 0 || r->ids[n - 1] == GAP) return 0;
    for (int32_t p = r->previous[n - 1]; p != NONE && visits < VISITS; p = r->previous[p]) {
        if (r->ids[p] != r->ids[n - 1]) continue;
        visits++;
        uint32_t length = match_length(r, (uint32_t)p);
        if (length <= longest) continue;
        longest = length;
        best = p;
    }
    if (best == NONE) return 0;
    for (uint32_t p = (uint32_t)best + 1; p < n && drafted < most; p++) {
        if (r->ids[p] == GAP || (line && ends_line(r, r->ids[p]))) break;
        ids[drafted++] = r->ids[p];
    }
    return drafted;
}

/* ---- Mixing ----------------------------------------------------------------------------- */

void asst_recall_evidence(const struct asst_guesses *g, const float *logits, size_t vocab,
                          float feature[ASST_RECALL_FEATURES], double *log_sum)
{
    float top = logits[0], sure = 0;
    for (size_t i = 1; i < vocab; i++)
        top = logits[i] > top ? logits[i] : top;
    double sum = 0, weighted = 0;
    for (size_t i = 0; i < vocab; i++) {
        float e = expf(logits[i] - top);
        sum += (double)e;
        if (e > 0) weighted += (double)e * ((double)logits[i] - top);
    }
    *log_sum = top + log(sum);
    for (uint32_t i = 0; i < g->count; i++)
        sure = g->p[i] > sure ? g->p[i] : sure;
    double odds = sure < 1 ? log((double)sure / (1 - (double)sure) + 1e-9) : SURE_MAX;
    feature[ASST_RECALL_ONE] = 1;
    feature[ASST_RECALL_LENGTH] = (float)g->length;
    feature[ASST_RECALL_SURE] = (float)fmin(fmax(odds, -SURE_MAX), SURE_MAX);
    feature[ASST_RECALL_COUNT] = (float)log(1.0 + g->followers);
    feature[ASST_RECALL_BEST] = (float)-log(sum);
    feature[ASST_RECALL_ENTROPY] = (float)(log(sum) - weighted / sum);
}

double asst_recall_weight(const float weights[ASST_RECALL_FEATURES],
                          const float feature[ASST_RECALL_FEATURES])
{
    double z = 0;
    for (int i = 0; i < ASST_RECALL_FEATURES; i++)
        z += (double)weights[i] * (double)feature[i];
    return 1 / (1 + exp(-z));
}

void asst_recall_mix(const struct asst_guesses *g, const float weights[ASST_RECALL_FEATURES],
                     float *logits, size_t vocab)
{
    float feature[ASST_RECALL_FEATURES];
    double log_sum;
    if (g->count == 0) return;
    asst_recall_evidence(g, logits, vocab, feature, &log_sum);
    double w = asst_recall_weight(weights, feature), kept = 1 - w + w * (double)g->open;
    float less = (float)log(kept);
    for (size_t i = 0; i < vocab; i++)
        logits[i] += less;
    for (uint32_t i = 0; i < g->count; i++) {
        if ((size_t)g->id[i] >= vocab) continue;
        float *logit = &logits[g->id[i]];
        double p = exp((double)*logit - log_sum); /* kept * p_model already */
        *logit = (float)(log_sum + log(p + w * (double)g->p[i]));
    }
}
