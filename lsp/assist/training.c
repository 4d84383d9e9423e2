/* training.c: samples for training and evaluation.
 *
 * Owns the choice of spans (which bytes of a file become a middle) and nothing else: the
 * sequence is built by prompt.c, the features by syntax/, as in serving. It deliberately
 * keeps no corpus, mixes no batches and writes no files; the Python side does. Spans are
 * drawn here because syntax nodes are only at hand here.
 */
#include "lsp/assist/training.h"
#include "grammars/grammars.h"
#include "lsp/assist/prompt.h"
#include "lsp/assist/tokens.h"

#include <assert.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NODES_MAX 200000u
#define DRAWS     12     /* spans tried before a seed is given up */
#define PROSE     "text" /* the name of a document without a language */

struct node {
    uint32_t start, end, depth;
};

struct training_session {
    struct eng_model *model;
    struct asst_tokens *tokens;
    struct syn_document *doc;
    struct node *nodes; /* in document order; [NODES_MAX] at most */
    size_t n_nodes, capacity;
    char error[320];
};

static int fail(struct training_session *s, const char *what)
{
    snprintf(s->error, sizeof s->error, "%s", what);
    return -1;
}

struct training_session *training_open(const char *vocabulary)
{
    struct training_session *s = calloc(1, sizeof *s);
    if (!s) return NULL;
    struct eng_error err = {""};
    struct eng_model_options options = {.threads = 1, .vocab_only = true};
    if (eng_model_open(vocabulary, &options, &s->model, &err) != ENG_OK) fail(s, err.text);
    return s;
}

void training_close(struct training_session *s)
{
    if (!s) return;
    asst_tokens_free(s->tokens);
    syn_document_free(s->doc);
    if (s->model) eng_model_close(s->model);
    free(s->nodes);
    free(s);
}

const char *training_error(const struct training_session *s)
{
    return s ? s->error : "out of memory";
}

static bool collect(const struct syn_node *node, void *user)
{
    struct training_session *s = user;
    if (s->n_nodes == NODES_MAX) return false;
    if (s->n_nodes == s->capacity) {
        size_t capacity = s->capacity ? s->capacity * 2 : 1024;
        struct node *grown = realloc(s->nodes, capacity * sizeof *grown);
        if (!grown) return false;
        s->nodes = grown;
        s->capacity = capacity;
    }
    if (node->end > node->start)
        s->nodes[s->n_nodes++] = (struct node){node->start, node->end, node->depth};
    return true;
}

int training_document(struct training_session *s, const char *language, const char *text,
                      size_t len)
{
    struct syn_error syn = {""};
    struct eng_error eng = {""};
    const struct gram_language *lang = gram_by_id(language);
    if (!s->model) return -1;
    if (!lang && strcmp(language, PROSE) != 0) return fail(s, "no such language");
    asst_tokens_free(s->tokens);
    s->tokens = NULL;
    syn_document_free(s->doc);
    s->doc = NULL;
    s->n_nodes = 0;
    if (syn_document_new(lang, text, len, &s->doc, &syn) != SYN_OK) return fail(s, syn.text);
    if (syn_document_parse(s->doc, 0, &syn) != SYN_OK) return fail(s, syn.text);
    if (asst_tokens_new(s->model, &s->tokens, &eng) != ENG_OK) return fail(s, eng.text);
    syn_document_walk(s->doc, collect, s);
    return 0;
}

int64_t training_tokens(struct training_session *s)
{
    struct eng_error err = {""};
    if (!s->doc || asst_tokens_sync(s->tokens, s->doc, &err) != ENG_OK) return -1;
    int64_t total = 0;
    for (size_t line = 0; line < syn_line_count(s->doc); line++) {
        const struct asst_token *tokens;
        size_t count;
        if (asst_tokens_line(s->tokens, line, &tokens, &count, &err) != ENG_OK) return -1;
        total += (int64_t)count;
    }
    return total;
}

/* ---- Drawing spans ------------------------------------------------------------------ */

/* SplitMix64. */
static uint64_t draw(uint64_t *state)
{
    uint64_t z = (*state += 0x9e3779b97f4a7c15u);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

static size_t below(uint64_t *state, size_t n)
{
    return n ? (size_t)(draw(state) % n) : 0;
}

static bool chance(uint64_t *state, unsigned percent)
{
    return below(state, 100) < percent;
}

/* A length in [1, max], every octave as likely as any other. */
static size_t octave(uint64_t *state, size_t max)
{
    size_t top = 1;
    while (top * 2 <= max && chance(state, 85))
        top *= 2;
    return top + below(state, top);
}

struct span {
    size_t start, end;
};

static struct span span_of_node(const struct training_session *s, uint64_t *rng, size_t max)
{
    if (s->n_nodes == 0) return (struct span){0, 0};
    size_t at = below(rng, s->n_nodes);
    const struct node *first = &s->nodes[at];
    struct span span = {first->start, first->end};
    size_t len = span.end - span.start;
    if (len > max || (len < 8 && chance(rng, 65))) return (struct span){0, 0};
    if (chance(rng, 60)) return span;
    /* Go on over the siblings that follow. */
    for (size_t i = at + 1; i < s->n_nodes && s->nodes[i].depth >= first->depth; i++) {
        if (s->nodes[i].depth > first->depth) continue;
        if (s->nodes[i].end - span.start > max || chance(rng, 25)) break;
        span.end = s->nodes[i].end;
    }
    return span;
}

static struct span span_of_line(const struct training_session *s, uint64_t *rng, bool single)
{
    size_t len, lines = syn_line_count(s->doc), line = below(rng, lines);
    const char *text = syn_document_text(s->doc, &len);
    struct span span = {syn_line_start(s->doc, line), syn_line_end(s->doc, line)};
    while (span.start < span.end && (text[span.start] == ' ' || text[span.start] == '\t'))
        span.start++;
    if (chance(rng, 50)) span.start += below(rng, span.end - span.start);
    while (!single && line + 1 < lines && chance(rng, 15))
        span.end = syn_line_end(s->doc, ++line);
    return span;
}

static struct span span_of_bytes(const struct training_session *s, uint64_t *rng, size_t max)
{
    size_t len;
    syn_document_text(s->doc, &len);
    struct span span = {below(rng, len), 0};
    span.end = span.start + octave(rng, max);
    if (span.end > len) span.end = len;
    return span;
}

static bool continues_character(const char *text, size_t len, size_t at)
{
    return at < len && ((unsigned char)text[at] & 0xc0) == 0x80;
}

/* A usable span of the wanted sort, or an empty one. */
static struct span draw_span(const struct training_session *s, uint64_t *rng,
                             const struct training_options *o)
{
    size_t len, max = o->span_bytes;
    const char *text = syn_document_text(s->doc, &len);
    int sort = o->span;
    if (sort == TRAINING_SPAN_ANY)
        sort = chance(rng, 50) ? TRAINING_SPAN_NODE
                               : (chance(rng, 50) ? TRAINING_SPAN_LINE : TRAINING_SPAN_BYTES);
    struct span span = sort == TRAINING_SPAN_NODE   ? span_of_node(s, rng, max)
                       : sort == TRAINING_SPAN_LINE ? span_of_line(s, rng, o->single_line != 0)
                                                    : span_of_bytes(s, rng, max);
    while (continues_character(text, len, span.start))
        span.start--;
    while (continues_character(text, len, span.end))
        span.end++;
    bool ends_line = memchr(text + span.start, '\n', span.end - span.start) ||
                     memchr(text + span.start, '\r', span.end - span.start);
    if (span.end - span.start > max || (o->single_line && ends_line)) span = (struct span){0, 0};
    return span;
}

/* ---- Samples ------------------------------------------------------------------------ */

static void copy_out(const struct asst_prompt *p, struct training_sample *out)
{
    for (uint32_t i = 0; i < p->length; i++) {
        const struct eng_record *record = &p->inputs[i].record;
        out->ids[i] = p->inputs[i].id;
        memcpy(out->chain + (size_t)i * ENG_LEVELS, record->chain, sizeof record->chain);
        out->depth[i] = record->depth;
        out->kind[i] = record->kind;
        out->sibling[i] = record->sibling;
        out->segment[i] = record->segment;
    }
    out->length = p->length;
    out->window_start = p->window_start;
    out->outline = p->n_outline;
}

static struct asst_prompt_options prompt_options(const struct training_options *o, int order)
{
    return (struct asst_prompt_options){
        .order = (enum asst_order)order,
        .budget = o->budget,
        .middle_max = o->middle_max,
        .suffix_max = o->suffix_max,
        .chunk = o->chunk,
        .outline_max = o->outline_max,
    };
}

static int build_hole(struct training_session *s, struct span span, const char *text, size_t len,
                      int order, const struct training_options *o, struct training_sample *out)
{
    struct syn_error syn = {""};
    struct eng_error eng = {""};
    struct syn_hole *hole;
    if (syn_hole_open(s->doc, span.start, span.end, &hole, &syn) != SYN_OK)
        return fail(s, syn.text);
    struct asst_source source = {s->doc, hole, span.start, span.end, s->tokens, NULL};
    struct asst_prompt_options options = prompt_options(o, order);
    struct asst_prompt prompt;
    if (asst_prompt_build(s->model, &source, &options, &prompt, &eng) != ENG_OK) {
        syn_hole_free(hole);
        return fail(s, eng.text);
    }
    out->middle = prompt.length;
    out->heal_start = prompt.heal_start;
    out->hole_start = span.start;
    out->hole_end = span.end;
    out->order = order;
    enum eng_status status = asst_prompt_append_text(&prompt, s->model, s->doc, text, len, &eng);
    bool fits = status == ENG_OK && prompt.length - out->middle <= o->middle_max &&
                prompt.length < o->budget;
    if (fits)
        status =
            asst_prompt_append(&prompt, s->model, eng_special_token(s->model, "<|end|>"), &eng);
    if (fits && status == ENG_OK) copy_out(&prompt, out);
    asst_prompt_free(&prompt);
    syn_hole_free(hole);
    return fits && status == ENG_OK ? 0 : 1;
}

static int build_plain(struct training_session *s, uint64_t *rng, const struct training_options *o,
                       struct training_sample *out)
{
    size_t len, stop;
    syn_document_text(s->doc, &len);
    struct eng_error eng = {""};
    struct asst_prompt prompt;
    size_t lines = syn_line_count(s->doc);
    size_t line = chance(rng, 15) ? 0 : below(rng, lines > 12 ? lines - 8 : 1);
    struct asst_part part = {.doc = s->doc,
                             .tokens = s->tokens,
                             .start = syn_line_start(s->doc, line),
                             .end = len,
                             .budget = o->budget,
                             .outline_max = o->outline_max};
    if (asst_prompt_plain(s->model, &part, &prompt, &stop, &eng) != ENG_OK)
        return fail(s, eng.text);
    copy_out(&prompt, out);
    out->middle = prompt.length;
    out->order = TRAINING_ORDER_PLAIN;
    out->hole_start = out->hole_end = out->heal_start = stop;
    asst_prompt_free(&prompt);
    return out->length < 16 ? 1 : 0;
}

int training_draw(struct training_session *s, uint64_t seed, const struct training_options *o,
                  struct training_sample *out)
{
    if (!s->doc) return fail(s, "no document");
    uint64_t rng = seed;
    int order = o->order;
    if (order == TRAINING_ORDER_ANY)
        order = chance(&rng, 30)   ? TRAINING_ORDER_PLAIN
                : chance(&rng, 50) ? TRAINING_ORDER_SPM
                                   : TRAINING_ORDER_PSM;
    if (order == TRAINING_ORDER_PLAIN) return build_plain(s, &rng, o, out);
    size_t len;
    const char *text = syn_document_text(s->doc, &len);
    for (int i = 0; i < DRAWS; i++) {
        struct span span = draw_span(s, &rng, o);
        if (span.start >= span.end) continue;
        int result = build_hole(s, span, text + span.start, span.end - span.start, order, o, out);
        if (result <= 0) return result;
    }
    return 1;
}

int training_hole(struct training_session *s, uint64_t hole_start, uint64_t hole_end,
                  const char *text, size_t len, const struct training_options *o,
                  struct training_sample *out)
{
    if (!s->doc) return fail(s, "no document");
    size_t doc_len;
    const char *doc = syn_document_text(s->doc, &doc_len);
    if (hole_start > hole_end || hole_end > doc_len) return fail(s, "hole outside the document");
    struct span span = {hole_start, hole_end};
    if (!text) {
        text = doc + hole_start;
        len = hole_end - hole_start;
    }
    return build_hole(s, span, text, len, o->order, o, out);
}

/* ---- Classes ------------------------------------------------------------------------ */

static bool blank(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

/* Paints the bytes of each node over those of its parent, so that leaves win. user: the classes,
 * [bytes of the document]. */
static bool paint(const struct syn_node *node, void *user)
{
    uint8_t *classes = user;
    if (node->end <= node->start) return true;
    uint8_t under = classes[node->start];
    uint8_t class = TRAINING_CLASS_IDENTIFIER;
    char first = node->type[0];
    bool word = (first >= 'a' && first <= 'z') || (first >= 'A' && first <= 'Z') || first == '_';
    if (node->kind == GRAM_KIND_COMMENT)
        class = TRAINING_CLASS_COMMENT;
    else if (node->kind == GRAM_KIND_STRING || node->kind == GRAM_KIND_NUMBER)
        class = TRAINING_CLASS_LITERAL;
    else if (!node->named)
        class = word ? TRAINING_CLASS_KEYWORD : TRAINING_CLASS_OPERATOR;
    /* The quotes and escapes of a string are part of it; what it interpolates is not. */
    if ((under == TRAINING_CLASS_LITERAL || under == TRAINING_CLASS_COMMENT) &&
        node->kind == GRAM_KIND_OTHER)
        class = under;
    memset(classes + node->start, class, node->end - node->start);
    return true;
}

int training_classes(struct training_session *s, const uint64_t *starts, const uint64_t *ends,
                     size_t n, uint8_t *classes)
{
    if (!s->doc) return fail(s, "no document");
    size_t len;
    const char *text = syn_document_text(s->doc, &len);
    uint8_t *painted = calloc(len + 1, 1);
    if (!painted) return fail(s, "out of memory");
    syn_document_walk(s->doc, paint, painted);
    for (size_t i = 0; i < n; i++) {
        size_t at = starts[i];
        while (at < ends[i] && at < len && blank(text[at]))
            at++;
        classes[i] = at < ends[i] && at < len ? painted[at] : (uint8_t)TRAINING_CLASS_WHITESPACE;
    }
    free(painted);
    return 0;
}

/* ---- Relations ---------------------------------------------------------------------- */

static_assert(SYN_RELATION_COUNT <= TRAINING_HIDDEN, "hidden is no relation");

static void relations_of_query(const int16_t *chain, const uint8_t *segment, size_t i, size_t first,
                               uint8_t *out)
{
    const int16_t *own = chain + i * SYN_LEVELS;
    int16_t inner = own[0];
    if (inner >= 0)
        for (size_t j = (size_t)inner + 1; j <= i; j++)
            out[j] = chain[j * SYN_LEVELS] == inner && j < i ? SYN_RELATION_SIBLING
                                                             : SYN_RELATION_SAME_NODE;
    for (int level = SYN_LEVELS - 1; level >= 0; level--)
        if (own[level] >= 0) out[own[level]] = (uint8_t)(SYN_RELATION_ANCESTOR_1 + level);
    for (size_t j = first; j <= i; j++) {
        uint8_t a = segment[i] == SYN_SEGMENT_MIDDLE ? SYN_SEGMENT_PREFIX : segment[i];
        uint8_t b = segment[j] == SYN_SEGMENT_MIDDLE ? SYN_SEGMENT_PREFIX : segment[j];
        if (a != b) out[j] = SYN_RELATION_SEGMENT;
    }
}

void training_relations(const int16_t *chain, const uint8_t *segment, const int16_t *start,
                        size_t rows, size_t length, uint8_t *out)
{
    for (size_t row = 0; row < rows; row++) {
        for (size_t i = 0; i < length; i++) {
            uint8_t *line = out + (row * length + i) * length;
            size_t first = (size_t)start[row * length + i];
            memset(line, TRAINING_HIDDEN, length);
            memset(line + first, SYN_RELATION_ELSEWHERE, i - first + 1);
            relations_of_query(chain + row * length * SYN_LEVELS, segment + row * length, i, first,
                               line);
        }
    }
}
