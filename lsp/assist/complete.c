/* complete.c: the decode loop and what it stops for.
 *
 * Owns the job (prompt, site, limits) and the loop that turns a session's logits into
 * candidates. Everything that reads the document happens in prepare; run touches plain
 * values and the job's own snapshot, so the document may change or go away meanwhile. It
 * deliberately knows no request ids, versions or editors: whether a result is still wanted
 * is the caller's question, asked through the cancel flag.
 *
 * All memory a run needs is taken before the first token.
 */
#include "lsp/assist/complete.h"
#include "grammars/grammars.h"
#include "lsp/assist/candidate.h"
#include "lsp/assist/tokens.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { LINE_TOKENS = 48, BLOCK_TOKENS = 128, LOOP_PERIOD_MAX = 16, LOOP_REPEATS = 4 };

/* Drafts: tokens at most, and how many have to match for what followed them to be one. */
enum { DRAFT_MOST = 7, DRAFT_LEAST = 3 };
_Static_assert(DRAFT_MOST < ENG_BATCH, "a drafted run is evaluated in one pass");

struct asst_job {
    const struct eng_model *model;
    struct asst_prompt prompt;
    struct asst_site site;
    struct asst_recall *recall; /* the document's tokens; NULL: of no use here */
    bool mixes;                 /* they are mixed into the model's distribution, by the weights */
    bool drafts;                /* they are evaluated ahead */
    float recall_weights[ASST_RECALL_FEATURES];
    char *healed; /* bytes left of the cursor that the text has to begin with */
    size_t healed_len;
    uint32_t max_tokens, n;
    float temperature, min_confidence;
    uint64_t seed;
    bool block; /* may go on past the end of the line ... */
    bool free;  /* ... and where the block around the cursor ends */
    double prepare_ms;
};

static double now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static enum eng_status no_memory(struct eng_error *err)
{
    if (err) snprintf(err->text, sizeof err->text, "out of memory for a completion");
    return ENG_NO_MEMORY;
}

const char *asst_stop_name(enum asst_stop stop)
{
    static const char *const names[] = {"eot", "newline", "closed", "max_tokens", "invalid"};
    return names[stop];
}

/* ---- Prepare -------------------------------------------------------------------------- */

static bool opens_scope(uint8_t kind)
{
    switch (kind) {
    case GRAM_KIND_FUNCTION:
    case GRAM_KIND_CLASS:
    case GRAM_KIND_BLOCK:
    case GRAM_KIND_IF:
    case GRAM_KIND_LOOP:
    case GRAM_KIND_SWITCH:
    case GRAM_KIND_TRY:
        return true;
    default:
        return false;
    }
}

/* The last byte before the cursor on its line that is not blank, 0 when there is none. */
static char last_on_line(const struct asst_request *request)
{
    size_t len, line, column, at = request->cursor;
    const char *text = syn_document_text(request->doc, &len);
    syn_position_of(request->doc, at, SYN_UTF8, &line, &column);
    size_t start = syn_line_start(request->doc, line);
    while (at > start && (text[at - 1] == ' ' || text[at - 1] == '\t'))
        at--;
    return at > start ? text[at - 1] : 0;
}

/* Does a block open at the cursor? Right of it nothing may stand, nor a deeper line below,
 * and of the scopes that the tree has open at the cursor one must have begun on this line:
 * at the brace in front of the cursor; at the line's first word, when a colon stands there;
 * or where the tree lacks nothing but the scope's closing keyword. */
static bool block_opens(const struct asst_request *request, const struct asst_prompt *p,
                        const struct asst_site *site)
{
    if (!p->has_tree || !asst_site_is_open(site)) return false;
    char last = last_on_line(request);
    bool lacks_end = asst_is_closing_keyword(syn_hole_filling(site->hole));
    for (size_t i = p->middle.length; i-- > 0;) {
        int32_t start = p->middle.start[i];
        if (start < (int32_t)p->line_position) return false;
        if (last == '{' && p->middle.opener[i] == '{') return true;
        if (!opens_scope(p->middle.kind[i])) continue;
        if (last == ':' && start == (int32_t)p->line_position) return true;
        if (lacks_end) return true;
    }
    return false;
}

static enum eng_status keep_healed(struct asst_job *job, const struct asst_request *request,
                                   struct eng_error *err)
{
    size_t len;
    const char *text = syn_document_text(request->doc, &len);
    job->healed_len = request->cursor - job->prompt.heal_start;
    job->healed = malloc(job->healed_len + 1);
    if (!job->healed) return no_memory(err);
    memcpy(job->healed, text + job->prompt.heal_start, job->healed_len);
    return ENG_OK;
}

static uint32_t tokens_wanted(const struct asst_request *request, bool block, uint32_t middle_max)
{
    uint32_t n = request->max_tokens;
    if (n == 0) n = block ? BLOCK_TOKENS : LINE_TOKENS;
    if (n > ASST_MAX_TOKENS) n = ASST_MAX_TOKENS;
    return n < middle_max ? n : middle_max;
}

/* The document's tokens, where there are weights to mix them in by, or drafts are made of them. */
static enum eng_status read_recall(struct asst_job *job, const struct asst_request *request,
                                   const struct asst_source *source, struct eng_error *err)
{
    const struct eng_model_info *info = eng_model_info(job->model);
    const float *weights = request->recall;
    if (!weights && info->recalls) weights = info->recall;
    job->mixes = weights && !request->no_recall;
    job->drafts = !request->no_draft;
    if (!job->mixes && !job->drafts) return ENG_OK;
    if (job->mixes) memcpy(job->recall_weights, weights, sizeof job->recall_weights);
    enum eng_status status = asst_recall_new(job->model, ASST_MAX_TOKENS, &job->recall, err);
    if (status == ENG_OK)
        status = asst_recall_read(job->recall, source, job->prompt.heal_start, err);
    return status;
}

static enum eng_status prepare(struct asst_job *job, const struct asst_request *request,
                               struct eng_error *err)
{
    struct asst_prompt_options sizes;
    if (request->sizes)
        sizes = *request->sizes;
    else
        asst_prompt_defaults(job->model, &sizes);
    if (request->max_tokens > sizes.middle_max && request->max_tokens < sizes.budget / 2)
        sizes.middle_max = request->max_tokens;

    struct syn_error why = {"the text around the cursor could not be read"};
    bool tree = syn_document_language(request->doc) != NULL;
    enum syn_status syn = asst_site_open(request->doc, request->cursor, tree, &job->site, &why);
    enum eng_status status = asst_from_syntax(syn, &why, err);
    struct asst_tokens *own = NULL;
    if (status == ENG_OK && !request->tokens) status = asst_tokens_new(job->model, &own, err);
    struct asst_source source = {.doc = request->doc,
                                 .hole = job->site.hole,
                                 .hole_start = request->cursor,
                                 .hole_end = request->cursor,
                                 .tokens = own ? own : request->tokens};
    if (status == ENG_OK)
        status = asst_prompt_build(job->model, &source, &sizes, &job->prompt, err);
    if (status == ENG_OK) status = read_recall(job, request, &source, err);
    if (status == ENG_OK) status = keep_healed(job, request, err);
    asst_tokens_free(own);
    if (status != ENG_OK) return status;

    job->free = request->scope == ASST_SCOPE_TEXT;
    job->block =
        request->scope == ASST_SCOPE_BLOCK || job->free ||
        (request->scope == ASST_SCOPE_AUTO && block_opens(request, &job->prompt, &job->site));
    job->max_tokens = tokens_wanted(request, job->block, sizes.middle_max);
    job->n = request->n == 0 ? 1 : request->n > ASST_MAX_ITEMS ? ASST_MAX_ITEMS : request->n;
    job->temperature = request->temperature;
    job->seed = request->seed;
    job->min_confidence = asst_least_confidence(job->model, request->min_confidence);
    return ENG_OK;
}

enum eng_status asst_complete_prepare(const struct eng_model *model,
                                      const struct asst_request *request, struct asst_job **out,
                                      struct eng_error *err)
{
    double began = now_ms();
    *out = NULL;
    size_t len;
    syn_document_text(request->doc, &len);
    if (request->cursor > len) {
        if (err)
            snprintf(err->text, sizeof err->text, "cursor at byte %zu of a text of %zu bytes",
                     request->cursor, len);
        return ENG_BAD_INPUT;
    }
    struct asst_job *job = calloc(1, sizeof *job);
    if (!job) return no_memory(err);
    job->model = model;
    enum eng_status status = prepare(job, request, err);
    if (status != ENG_OK) {
        asst_job_free(job);
        return status;
    }
    job->prepare_ms = now_ms() - began;
    *out = job;
    return ENG_OK;
}

void asst_job_free(struct asst_job *job)
{
    if (!job) return;
    asst_prompt_free(&job->prompt);
    asst_site_close(&job->site);
    asst_recall_free(job->recall);
    free(job->healed);
    free(job);
}

bool asst_job_is_block(const struct asst_job *job)
{
    return job->block;
}

/* ---- Decode --------------------------------------------------------------------------- */

/* One candidate while it is written. text holds the healed bytes first. */
struct candidate {
    char text[ASST_MAX_TEXT_BYTES];
    size_t len;
    uint32_t tokens;
    float log_prob[ASST_MAX_TOKENS]; /* of each token ... */
    uint32_t start[ASST_MAX_TOKENS]; /* ... and the byte of text where it starts */
    enum asst_stop stop;
};

/* What may be drawn next. */
struct choice {
    const struct asst_job *job;
    const char *want; /* healed bytes still outstanding */
    size_t want_len;
    int32_t end;          /* <|end|>, or -1 */
    const int32_t *taken; /* not to be drawn where they would go beyond want: what earlier */
    size_t n_taken;       /* candidates began with */
};

static bool is_taken(const struct choice *c, int32_t id)
{
    for (size_t i = 0; i < c->n_taken; i++)
        if (c->taken[i] == id) return true;
    return false;
}

static bool may_draw(int32_t id, void *user)
{
    const struct choice *c = user;
    if (id == c->end) return c->want_len == 0 && !is_taken(c, id);
    size_t len;
    if (!eng_token_text(c->job->model, id, &len)) return false;
    if (len > c->want_len && is_taken(c, id)) return false;
    return c->want_len == 0 || eng_heal_allows(c->job->model, id, c->want, c->want_len);
}

/* log of the probability mass that the choice leaves, under the whole softmax. */
static double allowed_log_mass(const float *logits, size_t vocab, struct choice *c)
{
    float top = logits[0];
    for (size_t i = 1; i < vocab; i++)
        top = logits[i] > top ? logits[i] : top;
    double all = 0, allowed = 0;
    for (size_t i = 0; i < vocab; i++) {
        double e = exp((double)logits[i] - top);
        all += e;
        if (may_draw((int32_t)i, c)) allowed += e;
    }
    return allowed > 0 ? log(allowed / all) : 0;
}

/* Scratch of a run: everything the loop needs, allocated once. */
struct run {
    struct eng_session *session;
    struct asst_job *job;
    eng_cancel *cancel;
    struct eng_error *err;
    float *scratch; /* [vocab] */
    float *mixed;   /* [vocab], where recall is mixed in */
    float *rows;    /* [DRAFT_MOST + 1, vocab]: logits after the last accepted token when it was
                       evaluated, and after each of its draft's tokens; NULL without drafts */
    int32_t draft[DRAFT_MOST];
    size_t drafted, row; /* tokens of the draft; the row at hand, so many of them were right */
    bool ahead;          /* rows are of use, else the session's logits are */
    size_t vocab;
    int32_t end;
    int32_t taken[ASST_MAX_ITEMS];
    size_t n_taken;
    struct eng_sampler sampler;
    struct candidate *now;
    uint32_t generated, passes;
};

static bool is_cancelled(const struct run *r)
{
    return r->cancel && atomic_load_explicit(r->cancel, memory_order_relaxed) != 0;
}

/* The model's logits, and what the document itself says mixed in. */
static const float *next_logits(struct run *r)
{
    const float *logits = r->ahead ? r->rows + r->row * r->vocab : eng_session_logits(r->session);
    if (!r->mixed) return logits;
    struct asst_guesses guesses;
    asst_recall_next(r->job->recall, r->job->block ? -1 : r->end, &guesses);
    memcpy(r->mixed, logits, r->vocab * sizeof *logits);
    asst_recall_mix(&guesses, r->job->recall_weights, r->mixed, r->vocab);
    return r->mixed;
}

/* Draws one token; false when nothing may follow. */
static bool draw(struct run *r, struct choice *choice, int32_t *id)
{
    const float *logits = next_logits(r);
    float log_prob = 0;
    *id = eng_sample(&r->sampler, logits, r->vocab, may_draw, choice, r->scratch, &log_prob);
    if (*id < 0) return false;
    if (choice->want_len > 0) log_prob -= (float)allowed_log_mass(logits, r->vocab, choice);
    r->now->log_prob[r->now->tokens] = log_prob < 0 ? log_prob : 0;
    r->now->start[r->now->tokens++] = (uint32_t)r->now->len;
    r->generated++;
    return true;
}

/* Adds a token's bytes; false when the candidate ends here. */
static bool take_bytes(struct run *r, const char *bytes, size_t len)
{
    struct candidate *c = r->now;
    for (size_t i = 0; i < len; i++) {
        bool newline = bytes[i] == '\n' || bytes[i] == '\r';
        if (newline && !r->job->block && c->len >= r->job->healed_len) {
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
static bool block_ended(struct run *r)
{
    struct candidate *c = r->now;
    const struct asst_site *site = &r->job->site;
    size_t healed = r->job->healed_len;
    if (!r->job->block || r->job->free || c->len <= healed) return false;
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
static bool loops(struct run *r, uint32_t first)
{
    const struct eng_input *inputs = r->job->prompt.inputs;
    uint32_t n = r->job->prompt.length - first;
    for (uint32_t period = 1; period <= LOOP_PERIOD_MAX; period++) {
        uint32_t tail = period * (LOOP_REPEATS - 1), same = 0;
        if (tail + period > n || tail < 6) continue;
        const struct eng_input *end = inputs + first + n;
        while (same < tail && end[-1 - (int)same].id == end[-1 - (int)(same + period)].id)
            same++;
        if (same < tail || !has_word(r->job->model, end - period, period)) continue;
        for (uint32_t i = 0; i < tail; i++) {
            size_t len = 0;
            eng_token_text(r->job->model, end[-1 - (int)i].id, &len);
            r->now->len -= len < r->now->len ? len : r->now->len;
        }
        r->now->stop = ASST_STOP_INVALID;
        return true;
    }
    return false;
}

/* Puts the draft behind the prompt's last token, which is not evaluated yet: inputs[0] is that
 * token's, the prompt itself stays as long as it was. */
static enum eng_status lay_out_draft(struct run *r, size_t most)
{
    struct asst_job *job = r->job;
    uint32_t length = job->prompt.length;
    struct syn_middle middle = job->prompt.middle;
    size_t room = job->prompt.capacity - length;
    enum eng_status status = ENG_OK;
    most = most < room ? most : room;
    most = most < DRAFT_MOST ? most : DRAFT_MOST;
    r->drafted = asst_recall_draft(job->recall, DRAFT_LEAST, most, !job->block, r->draft);
    for (size_t i = 0; i < r->drafted && status == ENG_OK; i++)
        status = asst_prompt_append(&job->prompt, job->model, r->draft[i], r->err);
    job->prompt.length = length;
    job->prompt.middle = middle;
    return status;
}

/* Makes the logits after the prompt's last token available, of which it lacks nothing else; `left`
 * more tokens are wanted at most. What the document says comes next is evaluated along with
 * it: a few rows more cost little where reading the weights costs most. */
static enum eng_status evaluate(struct run *r, size_t left)
{
    struct asst_prompt *prompt = &r->job->prompt;
    const struct eng_input *last = &prompt->inputs[prompt->length - 1];
    if (r->ahead && r->row < r->drafted && r->draft[r->row] == last->id) {
        r->row++; /* the draft was right */
        return ENG_OK;
    }
    eng_session_rewind(r->session, prompt->length - 1);
    r->ahead = false;
    r->row = r->drafted = 0;
    r->passes++;
    if (r->rows) {
        enum eng_status status = lay_out_draft(r, left - 1);
        if (status != ENG_OK) return status;
    }
    if (r->drafted == 0) return eng_session_append(r->session, last, r->cancel, r->err);
    r->ahead = true;
    return eng_session_extend(r->session, last, r->drafted + 1, r->rows, r->cancel, r->err);
}

/* Decodes one candidate from a session that stands at the end of the prompt. */
static enum eng_status decode(struct run *r)
{
    struct asst_job *job = r->job;
    struct candidate *c = r->now;
    uint32_t first = job->prompt.length;
    bool begun = false; /* a token beyond the healed bytes was drawn */
    c->len = c->tokens = 0;
    c->stop = ASST_STOP_MAX_TOKENS;
    for (uint32_t step = 0; step < job->max_tokens; step++) {
        if (is_cancelled(r)) return ENG_CANCELLED;
        size_t done = c->len < job->healed_len ? c->len : job->healed_len;
        struct choice choice = {job,    job->healed + done, job->healed_len - done,
                                r->end, r->taken,           begun ? 0 : r->n_taken};
        int32_t id;
        if (!draw(r, &choice, &id)) return ENG_OK;
        size_t len = 0;
        const char *bytes = eng_token_text(job->model, id, &len);
        if (!begun && (id == r->end || len > choice.want_len)) {
            begun = true;
            if (r->n_taken < ASST_MAX_ITEMS) r->taken[r->n_taken++] = id;
        }
        if (id == r->end) {
            c->stop = ASST_STOP_END;
            return ENG_OK;
        }
        if (!take_bytes(r, bytes, len)) return ENG_OK;
        if (job->recall) asst_recall_push(job->recall, id);
        if (job->prompt.length >= job->prompt.capacity) return ENG_OK;
        enum eng_status status = asst_prompt_append(&job->prompt, job->model, id, r->err);
        if (status != ENG_OK) return status;
        if (block_ended(r) || loops(r, first)) return ENG_OK;
        if (step + 1 == job->max_tokens) return ENG_OK;
        status = evaluate(r, job->max_tokens - step - 1);
        if (status != ENG_OK) return status;
    }
    return ENG_OK;
}

/* ---- Items ---------------------------------------------------------------------------- */

/* Bytes of the character at text[0..len), 0 when it is none that a text buffer should get:
 * a byte-level vocabulary may write anything. */
static size_t character_length(const unsigned char *text, size_t len)
{
    unsigned char lead = text[0];
    if (lead < 0x80) return lead >= 0x20 || lead == '\t' || lead == '\n' || lead == '\r' ? 1 : 0;
    size_t n = lead >= 0xF5 ? 0 : lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : lead >= 0xC2 ? 2 : 0;
    if (n == 0 || n > len) return 0;
    for (size_t i = 1; i < n; i++)
        if ((text[i] & 0xC0) != 0x80) return 0;
    bool overlong = (lead == 0xE0 && text[1] < 0xA0) || (lead == 0xF0 && text[1] < 0x90);
    bool beyond = (lead == 0xED && text[1] > 0x9F) || (lead == 0xF4 && text[1] > 0x8F);
    return overlong || beyond ? 0 : n;
}

/* Length of the longest prefix that is well-formed text. */
static size_t sound_length(const char *text, size_t len)
{
    size_t at = 0, n = 1;
    while (at < len && (n = character_length((const unsigned char *)text + at, len - at)) > 0)
        at += n;
    return at;
}

/* What speaks for text[len], of which the model had written `length` bytes. */
static void weigh(const struct candidate *c, size_t healed, const char *text, size_t len,
                  size_t length, struct asst_evidence *out)
{
    bool cut = false, lines = false;
    for (size_t i = len; i < length; i++)
        cut |= text[i] != ' ' && text[i] != '\t' && text[i] != '\n' && text[i] != '\r';
    for (size_t i = 0; i < len; i++)
        lines |= text[i] == '\n' || text[i] == '\r';
    uint32_t kept = c->tokens;
    while (cut && kept > 0 && c->start[kept - 1] >= healed + len)
        kept--;
    double all = 0;
    for (uint32_t i = 0; i < c->tokens; i++)
        all += c->log_prob[i];
    asst_evidence_of(c->log_prob, kept, cut, !cut && c->stop == ASST_STOP_END, lines, out);
    out->mean_all = (float)exp(all / (c->tokens ? c->tokens : 1));
}

/* Turns the candidate into an item, unless nothing is left of it, it is there already, or
 * there is too little in its favour. */
static enum eng_status keep_item(struct run *r, struct asst_result *out)
{
    struct candidate *c = r->now;
    struct asst_job *job = r->job;
    if (c->len <= job->healed_len || memcmp(c->text, job->healed, job->healed_len) != 0)
        return ENG_OK;
    char *text = c->text + job->healed_len;
    size_t len = sound_length(text, c->len - job->healed_len);
    if (len < c->len - job->healed_len) c->stop = ASST_STOP_INVALID;
    size_t written = len;
    if (!out->raw) {
        out->raw = out->storage + job->n * ASST_MAX_TEXT_BYTES;
        memcpy(out->raw, text, len);
        out->raw[len] = 0;
        out->raw_len = len;
    }
    struct syn_error why = {"the candidate could not be judged"};
    enum syn_status syn = asst_candidate_trim(&job->site, text, &len, &c->stop, &why);
    if (syn != SYN_OK) return asst_from_syntax(syn, &why, r->err);
    if (len == 0) return ENG_OK;
    for (size_t i = 0; i < out->count; i++)
        if (out->items[i].len == len && memcmp(out->items[i].text, text, len) == 0) return ENG_OK;

    struct asst_item *item = &out->items[out->count];
    item->text = out->storage + out->count * ASST_MAX_TEXT_BYTES;
    memcpy(item->text, text, len);
    item->text[len] = 0;
    item->len = len;
    weigh(c, job->healed_len, text, len, written, &item->evidence);
    item->confidence = asst_confidence(job->model, &item->evidence);
    item->stop = c->stop;
    if (item->confidence >= job->min_confidence) out->count++;
    return ENG_OK;
}

static int by_confidence(const void *a, const void *b)
{
    const struct asst_item *x = a, *y = b;
    if (x->confidence != y->confidence) return x->confidence < y->confidence ? 1 : -1;
    return x->text < y->text ? -1 : 1; /* the earlier decoded */
}

enum eng_status asst_complete_prefill(struct eng_session *session, const struct asst_job *job,
                                      eng_cancel *cancel, struct eng_error *err)
{
    return eng_session_sync(session, job->prompt.inputs, job->prompt.length, cancel, NULL, err);
}

static enum eng_status run_all(struct run *r, struct asst_result *out)
{
    struct asst_job *job = r->job;
    struct syn_middle at_cursor = job->prompt.middle;
    uint32_t prompt_length = job->prompt.length;
    size_t recalled = job->recall ? asst_recall_length(job->recall) : 0;
    enum eng_status status = ENG_OK;
    for (uint32_t i = 0; status == ENG_OK && i < job->n; i++) {
        double began = now_ms();
        size_t cached = 0;
        status = eng_session_sync(r->session, job->prompt.inputs, prompt_length, r->cancel, &cached,
                                  r->err);
        double synced = now_ms();
        r->ahead = false;
        if (i == 0) {
            out->timings.prefill_ms = synced - began;
            out->timings.cached_tokens = (uint32_t)cached;
        }
        if (status == ENG_OK) status = decode(r);
        if (status == ENG_OK) status = keep_item(r, out);
        out->timings.decode_ms += now_ms() - (i == 0 ? synced : began);
        job->prompt.length = prompt_length;
        job->prompt.middle = at_cursor;
        if (job->recall) asst_recall_rewind(job->recall, recalled);
    }
    return status;
}

enum eng_status asst_complete_run(struct eng_session *session, struct asst_job *job,
                                  eng_cancel *cancel, struct asst_result *out,
                                  struct eng_error *err)
{
    memset(out, 0, sizeof *out);
    struct run r = {.session = session,
                    .job = job,
                    .cancel = cancel,
                    .err = err,
                    .vocab = eng_model_info(job->model)->vocab,
                    .end = eng_end_token(job->model),
                    .sampler = {job->temperature, 1.0f, job->seed}};
    r.scratch = malloc(r.vocab * sizeof *r.scratch);
    r.mixed = job->mixes ? malloc(r.vocab * sizeof *r.mixed) : NULL;
    r.rows = job->drafts ? malloc((DRAFT_MOST + 1) * r.vocab * sizeof *r.rows) : NULL;
    r.now = malloc(sizeof *r.now);
    out->storage = malloc(((size_t)job->n + 1) * ASST_MAX_TEXT_BYTES);
    enum eng_status status = ENG_OK;
    if (!r.scratch || (job->mixes && !r.mixed) || (job->drafts && !r.rows) || !r.now ||
        !out->storage)
        status = no_memory(err);
    if (status == ENG_OK) status = run_all(&r, out);
    out->timings.prepare_ms = job->prepare_ms;
    out->timings.prompt_tokens = job->prompt.length;
    out->timings.generated_tokens = r.generated;
    out->timings.passes = r.passes;
    free(r.scratch);
    free(r.rows);
    free(r.mixed);
    free(r.now);
    if (status != ENG_OK) asst_result_free(out);
    qsort(out->items, out->count, sizeof out->items[0], by_confidence);
    return status;
}

void asst_result_free(struct asst_result *result)
{
    if (!result) return;
    free(result->storage);
    memset(result, 0, sizeof *result);
}
