/* recall.c: see recall.h.
 *
 * Owns one trail of tokens: the text behind the hole first, a gap, then the text in front of it, to
 * which what is decoded is pushed. The shelf is somebody else's, and looked at in the same way. It
 * deliberately knows nothing of trees: which guess may stand at the cursor is the candidate's
 * business.
 */
#include "lsp/assist/recall.h"
#include "lsp/assist/tokens.h"
#include "lsp/assist/trail.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    VISITS = 512,            /* occurrences looked at, in the document and on the shelf each */
    PIECE_BYTES = 64 * 1024, /* of one line that are read */
    SURE_MAX = 7
};

struct asst_recall {
    const struct eng_model *model;
    const struct asst_trail *shelf; /* NULL: none */
    struct asst_trail own;
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
    if (asst_trail_open(&r->own, ASST_RECALL_BEFORE + ASST_RECALL_BEHIND + 1 + more)) return ENG_OK;
    asst_recall_free(r);
    *out = NULL;
    return no_memory(err);
}

void asst_recall_free(struct asst_recall *r)
{
    if (!r) return;
    asst_trail_close(&r->own);
    free(r);
}

enum eng_status asst_recall_copy(const struct asst_recall *recall, struct asst_recall **out,
                                 struct eng_error *err)
{
    uint32_t more = recall->own.capacity - (ASST_RECALL_BEFORE + ASST_RECALL_BEHIND + 1);
    enum eng_status status = asst_recall_new(recall->model, more, out, err);
    if (status != ENG_OK) return status;
    (*out)->shelf = recall->shelf;
    asst_trail_copy(&(*out)->own, &recall->own);
    return ENG_OK;
}

void asst_recall_look_at(struct asst_recall *r, const struct asst_shelf *shelf)
{
    r->shelf = shelf ? asst_shelf_trail(shelf) : NULL;
}

void asst_recall_push(struct asst_recall *r, int32_t id)
{
    asst_trail_push(&r->own, id);
}

void asst_recall_gap(struct asst_recall *r)
{
    asst_trail_push(&r->own, ASST_TRAIL_GAP);
}

size_t asst_recall_length(const struct asst_recall *r)
{
    return r->own.length;
}

void asst_recall_rewind(struct asst_recall *r, size_t n)
{
    asst_trail_rewind(&r->own, (uint32_t)n);
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
    for (; line < end && r->own.length < n; line++) {
        enum eng_status status = asst_tokens_line(cache, line, &tokens, &count, err);
        if (status != ENG_OK) return status;
        for (size_t i = 0; i < count && r->own.length < n; i++)
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
    size_t len, line, column, begin = r->own.length;
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
    if (status == ENG_OK) status = push_lines(r, cache, first, line, r->own.length + most, err);
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

/* The last token, whose places are looked for; ASST_TRAIL_GAP: there is nothing to go on from. */
static int32_t last_token(const struct asst_recall *r)
{
    return r->own.length > 0 ? r->own.ids[r->own.length - 1] : ASST_TRAIL_GAP;
}

/* Tokens that match the last ones where place p of a trail is taken for the last. */
static uint32_t match_length(const struct asst_recall *r, const struct asst_trail *trail,
                             uint32_t p)
{
    uint32_t n = r->own.length, length = 1;
    while (length < ASST_RECALL_MATCH && p >= length && length < n &&
           trail->ids[p - length] != ASST_TRAIL_GAP &&
           trail->ids[p - length] == r->own.ids[n - 1 - length])
        length++;
    return length;
}

/* Goes over the trail's places of the last token, from place p on. */
static void look_up(const struct asst_recall *r, const struct asst_trail *trail, int32_t p,
                    int32_t end, struct tally *t)
{
    int32_t last = last_token(r);
    for (int visits = 0; p != ASST_TRAIL_NONE && visits < VISITS;
         p = asst_trail_before(trail, (uint32_t)p)) {
        if (trail->ids[p] != last) continue;
        visits++;
        int32_t next = trail->ids[p + 1];
        if (next == ASST_TRAIL_GAP) continue;
        if (end >= 0 && ends_line(r, next)) next = end;
        tally_add(t, next, match_length(r, trail, (uint32_t)p));
    }
}

void asst_recall_next(const struct asst_recall *r, int32_t end, struct asst_guesses *out)
{
    struct tally t = {.count = 0};
    int32_t last = last_token(r);
    *out = (struct asst_guesses){.open = 1};
    if (last == ASST_TRAIL_GAP) return;
    look_up(r, &r->own, asst_trail_before(&r->own, r->own.length - 1), end, &t);
    if (r->shelf) look_up(r, r->shelf, asst_trail_last(r->shelf, last), end, &t);
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

/* The place of the longest match that is longer than *longest, from place p of the trail on. */
static int32_t longest_match(const struct asst_recall *r, const struct asst_trail *trail, int32_t p,
                             uint32_t *longest)
{
    int32_t best = ASST_TRAIL_NONE, last = last_token(r);
    for (int visits = 0; p != ASST_TRAIL_NONE && visits < VISITS;
         p = asst_trail_before(trail, (uint32_t)p)) {
        if (trail->ids[p] != last) continue;
        visits++;
        uint32_t length = match_length(r, trail, (uint32_t)p);
        if (length <= *longest) continue;
        *longest = length;
        best = p;
    }
    return best;
}

size_t asst_recall_draft(const struct asst_recall *r, uint32_t least, size_t most, bool line,
                         int32_t *ids)
{
    const struct asst_trail *from = &r->own;
    uint32_t longest = least > 0 ? least - 1 : 0;
    int32_t last = last_token(r);
    size_t drafted = 0;
    if (last == ASST_TRAIL_GAP) return 0;
    int32_t best = longest_match(r, from, asst_trail_before(from, from->length - 1), &longest);
    int32_t other = r->shelf ? longest_match(r, r->shelf, asst_trail_last(r->shelf, last), &longest)
                             : ASST_TRAIL_NONE;
    if (other != ASST_TRAIL_NONE) {
        from = r->shelf;
        best = other;
    }
    if (best == ASST_TRAIL_NONE) return 0;
    for (uint32_t p = (uint32_t)best + 1; p < from->length && drafted < most; p++) {
        if (from->ids[p] == ASST_TRAIL_GAP || (line && ends_line(r, from->ids[p]))) break;
        ids[drafted++] = from->ids[p];
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
