/* The decode loop: what turns logits into the text of a candidate, and what it stops for.
 *
 * Reads no document: what judging needs is in the job. All memory is taken when a writer is opened.
 * Deliberately absent: the order in which several writers take turns, and what becomes of a
 * finished text; both are complete.c's.
 */
#include "lsp/assist/writer.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LOOP_PERIOD_MAX = 16, LOOP_REPEATS = 4 };
_Static_assert(ASST_DRAFT_MOST < ENG_BATCH, "a drafted run is evaluated in one pass");

/* ---- Opening --------------------------------------------------------------------------- */

enum eng_status asst_no_memory(struct eng_error *err)
{
    if (err) snprintf(err->text, sizeof err->text, "out of memory for a completion");
    return ENG_NO_MEMORY;
}

enum eng_status asst_writer_open(struct asst_writer *w, struct asst_run *run,
                                 struct eng_session *session, bool first)
{
    const struct asst_job *job = run->job;
    w->run = run;
    w->session = session;
    w->prompt = job->prompt;
    w->recall = job->recall;
    w->begun = w->ended = w->ahead = false;
    w->rows = NULL;
    w->candidate.len = w->candidate.tokens = 0;
    w->candidate.stop = ASST_STOP_MAX_TOKENS;
    if (first) {
        if (job->drafts) w->rows = malloc((ASST_DRAFT_MOST + 1) * run->vocab * sizeof *w->rows);
        return job->drafts && !w->rows ? asst_no_memory(run->err) : ENG_OK;
    }
    w->recall = NULL;
    w->prompt.inputs = malloc(w->prompt.capacity * sizeof *w->prompt.inputs);
    if (!w->prompt.inputs) return asst_no_memory(run->err);
    memcpy(w->prompt.inputs, job->prompt.inputs, w->prompt.length * sizeof *w->prompt.inputs);
    return job->mixes ? asst_recall_copy(job->recall, &w->recall, run->err) : ENG_OK;
}

void asst_writer_close(struct asst_writer *w)
{
    if (!w->run) return;
    const struct asst_job *job = w->run->job;
    free(w->rows);
    if (w->prompt.inputs != job->prompt.inputs) free(w->prompt.inputs);
    if (w->recall != job->recall) asst_recall_free(w->recall);
}

/* ---- Drawing --------------------------------------------------------------------------- */

/* Of the healed bytes, those that are not written yet. */
static size_t outstanding(const struct asst_writer *w, const char **want)
{
    const struct asst_job *job = w->run->job;
    size_t done = w->candidate.len < job->healed_len ? w->candidate.len : job->healed_len;
    *want = job->healed + done;
    return job->healed_len - done;
}

/* Does a candidate of its own begin with the token already? */
static bool is_taken(const struct asst_writer *w, int32_t id)
{
    for (size_t i = 0; i < w->run->n_taken && !w->begun; i++)
        if (w->run->taken[i] == id) return true;
    return false;
}

/* Tokens that go on with the healed bytes. */
static void allow_healing(const struct asst_writer *w, const char *want, size_t want_len)
{
    const struct asst_run *run = w->run;
    const struct eng_model *model = run->job->model;
    for (int32_t id = 0; id < (int32_t)run->vocab; id++) {
        size_t len;
        bool may = eng_token_text(model, id, &len) && (len <= want_len || !is_taken(w, id)) &&
                   eng_heal_allows(model, id, want, want_len);
        eng_set_put(run->allowed, id, may);
    }
}

/* Of these, not those that go on beyond them with what cannot come. */
static void refuse_beyond(const struct asst_writer *w, size_t want_len)
{
    const struct asst_run *run = w->run;
    for (int32_t id = 0; id < (int32_t)run->vocab; id++) {
        if (!eng_set_has(run->allowed, id)) continue;
        size_t len;
        const char *bytes = eng_token_text(run->job->model, id, &len);
        if (len > want_len &&
            !asst_follow_admits(&run->job->follow, "", 0, bytes + want_len, len - want_len))
            eng_set_put(run->allowed, id, false);
    }
}

/* Tokens that may follow what is written, all healed bytes included. */
static void allow_next(const struct asst_writer *w)
{
    const struct asst_run *run = w->run;
    const struct asst_candidate *c = &w->candidate;
    size_t healed = run->job->healed_len;
    bool may_end =
        asst_follow_set(&run->job->follow, c->text + healed, c->len - healed, run->allowed);
    if (run->end >= 0) eng_set_put(run->allowed, run->end, may_end);
    for (size_t i = 0; i < run->n_taken && !w->begun; i++)
        eng_set_put(run->allowed, run->taken[i], false);
}

/* log of the probability mass of the set, under the whole softmax. */
static double log_mass(const float *logits, size_t vocab, const uint64_t *set)
{
    float top = logits[0];
    for (size_t i = 1; i < vocab; i++)
        top = logits[i] > top ? logits[i] : top;
    double all = 0, inside = 0;
    for (size_t i = 0; i < vocab; i++) {
        double e = exp((double)logits[i] - top);
        all += e;
        if (eng_set_has(set, (int32_t)i)) inside += e;
    }
    return inside > 0 ? log(inside / all) : 0;
}

/* The model's logits, and what the document itself says mixed in. */
static const float *next_logits(struct asst_writer *w)
{
    const struct asst_run *run = w->run;
    const float *logits = w->ahead ? w->rows + w->row * run->vocab : eng_session_logits(w->session);
    if (!run->mixed) return logits;
    struct asst_guesses guesses;
    asst_recall_next(w->recall, run->job->block ? -1 : run->end, &guesses);
    memcpy(run->mixed, logits, run->vocab * sizeof *logits);
    asst_recall_mix(&guesses, run->job->recall_weights, run->mixed, run->vocab);
    return run->mixed;
}

/* Draws one token; false when nothing may follow. Its probability is the model's, or, while healed
 * bytes are written, that among the tokens which write them: what they say is known. What the
 * grammar refuses keeps its share: a model that wanted it is less sure of the rest. */
static bool draw(struct asst_writer *w, int32_t *id)
{
    struct asst_run *run = w->run;
    struct asst_candidate *c = &w->candidate;
    const float *logits = next_logits(w);
    const char *want;
    size_t want_len = outstanding(w, &want);
    double healing = 0;
    float log_prob = 0;
    if (want_len > 0) {
        allow_healing(w, want, want_len);
        healing = log_mass(logits, run->vocab, run->allowed);
        refuse_beyond(w, want_len);
    } else {
        allow_next(w);
    }
    *id = eng_sample(&run->sampler, logits, run->vocab, run->allowed, run->scratch, &log_prob);
    if (*id < 0) return false;
    log_prob -= (float)healing;
    c->log_prob[c->tokens] = log_prob < 0 ? log_prob : 0;
    c->start[c->tokens++] = (uint32_t)c->len;
    run->generated++;
    return true;
}

/* ---- Where a text ends ------------------------------------------------------------------ */

/* Adds a token's bytes; false when the candidate ends here. */
static bool take_bytes(struct asst_writer *w, const char *bytes, size_t len)
{
    struct asst_candidate *c = &w->candidate;
    const struct asst_job *job = w->run->job;
    for (size_t i = 0; i < len; i++) {
        bool newline = bytes[i] == '\n' || bytes[i] == '\r';
        if (newline && !job->block && c->len >= job->healed_len) {
            c->stop = ASST_STOP_NEWLINE;
            return false;
        }
        if (c->len + 1 >= sizeof c->text) {
            c->stop = ASST_STOP_MAX_TOKENS;
            return false;
        }
        c->text[c->len++] = bytes[i];
    }
    return true;
}

/* At a line's end: has the block ended, with the node that held the cursor or with a line
 * no deeper than the cursor's? */
static bool block_ended(struct asst_writer *w)
{
    struct asst_candidate *c = &w->candidate;
    const struct asst_job *job = w->run->job;
    const struct asst_site *site = &job->site;
    size_t healed = job->healed_len;
    if (!job->block || job->free || c->len <= healed) return false;
    const char *text = c->text + healed, last = c->text[c->len - 1];
    if (last != '\n' && last != '\r') return false;
    size_t len = c->len - healed, keep = asst_block_end(site, text, len);
    struct syn_verdict verdict;
    if (keep == SIZE_MAX && site->hole &&
        syn_candidate_judge(site->hole, text, len, &verdict, NULL) == SYN_OK && verdict.closed)
        keep = verdict.keep;
    if (keep == SIZE_MAX) return false;
    c->len = healed + keep;
    c->stop = ASST_STOP_CLOSED;
    return true;
}

static bool has_word(const struct eng_model *model, const struct eng_input *inputs, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++) {
        size_t len = 0;
        const char *text = eng_token_text(model, inputs[i].id, &len);
        for (size_t k = 0; k < len; k++)
            if ((text[k] | 0x20) >= 'a' && (text[k] | 0x20) <= 'z') return true;
    }
    return false;
}

/* Small models fall into loops (rows of numbers, blanks and rules are none). When the last tokens
 * say one thing LOOP_REPEATS times, its repetitions are taken back and the candidate ends. */
static bool loops(struct asst_writer *w)
{
    const struct asst_job *job = w->run->job;
    const struct eng_input *inputs = w->prompt.inputs;
    uint32_t first = job->prompt.length, n = w->prompt.length - first;
    for (uint32_t period = 1; period <= LOOP_PERIOD_MAX; period++) {
        uint32_t tail = period * (LOOP_REPEATS - 1), same = 0;
        if (tail + period > n || tail < 6) continue;
        const struct eng_input *end = inputs + first + n;
        while (same < tail && end[-1 - (int)same].id == end[-1 - (int)(same + period)].id)
            same++;
        if (same < tail || !has_word(job->model, end - period, period)) continue;
        for (uint32_t i = 0; i < tail; i++) {
            size_t len = 0;
            eng_token_text(job->model, end[-1 - (int)i].id, &len);
            w->candidate.len -= len < w->candidate.len ? len : w->candidate.len;
        }
        w->candidate.stop = ASST_STOP_INVALID;
        return true;
    }
    return false;
}

/* ---- Turns ------------------------------------------------------------------------------- */

const struct eng_input *asst_writer_input(const struct asst_writer *w)
{
    return &w->prompt.inputs[w->prompt.length - 1];
}

/* Takes a token that was drawn; false when the candidate ends with it. */
static bool take(struct asst_writer *w, int32_t id, enum eng_status *status)
{
    struct asst_run *run = w->run;
    const struct asst_job *job = run->job;
    size_t len = 0;
    const char *want, *bytes = eng_token_text(job->model, id, &len);
    if (!w->begun && (id == run->end || len > outstanding(w, &want))) {
        w->begun = true;
        if (run->n_taken < ASST_MAX_ITEMS) run->taken[run->n_taken++] = id;
    }
    if (id == run->end) {
        w->candidate.stop = ASST_STOP_END;
        return false;
    }
    if (!take_bytes(w, bytes, len)) return false;
    if (w->recall) asst_recall_push(w->recall, id);
    if (w->prompt.length >= w->prompt.capacity) return false;
    *status = asst_prompt_append(&w->prompt, job->model, id, run->err);
    if (*status != ENG_OK || block_ended(w) || loops(w)) return false;
    return w->candidate.tokens < job->max_tokens;
}

enum eng_status asst_writer_step(struct asst_writer *w)
{
    struct asst_run *run = w->run;
    enum eng_status status = ENG_OK;
    if (run->cancel && atomic_load_explicit(run->cancel, memory_order_relaxed))
        return ENG_CANCELLED;
    int32_t id;
    w->ended = !draw(w, &id) || !take(w, id, &status);
    return status;
}

/* Puts the draft behind the last token, which is not evaluated yet; the prompt stays as long as it
 * was. */
static enum eng_status lay_out_draft(struct asst_writer *w)
{
    const struct asst_job *job = w->run->job;
    struct asst_prompt *prompt = &w->prompt;
    uint32_t length = prompt->length;
    struct syn_middle middle = prompt->middle;
    size_t most = job->max_tokens - w->candidate.tokens - 1, room = prompt->capacity - length;
    enum eng_status status = ENG_OK;
    most = most < room ? most : room;
    most = most < ASST_DRAFT_MOST ? most : ASST_DRAFT_MOST;
    w->drafted = asst_recall_draft(w->recall, ASST_DRAFT_LEAST, most, !job->block, w->draft);
    for (size_t i = 0; i < w->drafted && status == ENG_OK; i++)
        status = asst_prompt_append(prompt, job->model, w->draft[i], w->run->err);
    prompt->length = length;
    prompt->middle = middle;
    return status;
}

/* What the document says comes next is evaluated along with the token: a few rows more cost little
 * where reading the weights costs most. */
enum eng_status asst_writer_evaluate(struct asst_writer *w)
{
    struct asst_run *run = w->run;
    const struct eng_input *last = asst_writer_input(w);
    if (w->ahead && w->row < w->drafted && w->draft[w->row] == last->id) {
        w->row++; /* the draft was right */
        return ENG_OK;
    }
    eng_session_rewind(w->session, w->prompt.length - 1);
    w->ahead = false;
    w->row = w->drafted = 0;
    run->passes++;
    if (w->rows) {
        enum eng_status status = lay_out_draft(w);
        if (status != ENG_OK) return status;
    }
    if (w->drafted == 0) return eng_session_append(w->session, last, run->cancel, run->err);
    w->ahead = true;
    return eng_session_extend(w->session, last, w->drafted + 1, w->rows, run->cancel, run->err);
}
