/* prompt.c: document and hole to input sequence.
 *
 * Owns the layout: which bytes become tokens, which tokens fit, where each stands, and
 * how the tree's records, which index the tokens of this window, are mapped to positions
 * of the sequence. It keeps nothing between calls: what is worth keeping (tokens by line)
 * is the caller's asst_tokens. It deliberately looks at no text right of what the layout
 * takes, and no feature of the middle: both would tell the model in training what it
 * cannot know in use.
 *
 * The number of prefix tokens in front of the window decides where the window starts, so
 * the prefix is counted from the file's start; with a cache that is a sum over lines.
 */
#include "lsp/assist/prompt.h"
#include "grammars/grammars.h"
#include "lsp/assist/outline.h"
#include "lsp/assist/tokens.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static_assert(SYN_LEVELS == ENG_LEVELS, "records of both sides have one shape");
static_assert((int)SYN_RELATION_COUNT == ENG_RELATIONS, "relations of both sides agree");

static enum eng_status fail(struct eng_error *err, enum eng_status status, const char *format, ...)
{
    if (err) {
        va_list args;
        va_start(args, format);
        vsnprintf(err->text, sizeof err->text, format, args);
        va_end(args);
    }
    return status;
}

enum eng_status asst_from_syntax(enum syn_status status, const struct syn_error *why,
                                 struct eng_error *err)
{
    if (status == SYN_OK) return ENG_OK;
    return fail(err,
                status == SYN_NO_MEMORY   ? ENG_NO_MEMORY
                : status == SYN_CANCELLED ? ENG_CANCELLED
                                          : ENG_BAD_INPUT,
                "%s", why->text);
}

static const char *document_text(const struct syn_document *doc)
{
    size_t len;
    return syn_document_text(doc, &len);
}

/* ---- Special tokens ---------------------------------------------------------------- */

/* Names of the FIM tokens: ours (Qwen's are the same), then those of other families of
 * code models, which all use the PSM layout. */
static const struct fim_names {
    const char *start, *prefix, *suffix, *middle;
} fim_families[] = {
    {NULL, "<|fim_prefix|>", "<|fim_suffix|>", "<|fim_middle|>"},
    {"<｜begin▁of▁sentence｜>", "<｜fim▁begin｜>", "<｜fim▁hole｜>", "<｜fim▁end｜>"},
    {NULL, "<fim_prefix>", "<fim_suffix>", "<fim_middle>"},
    {"<s>", "▁<PRE>", "▁<SUF>", "▁<MID>"},
};

struct specials {
    int32_t start; /* <|lang:ID|>, or what a foreign model wants in front, or -1 */
    int32_t prefix, suffix, middle, end;
    bool fim;
};

static struct specials find_specials(const struct eng_model *model,
                                     const struct gram_language *lang)
{
    struct specials s = {-1, -1, -1, -1, eng_end_token(model), false};
    if (lang) {
        char name[64];
        snprintf(name, sizeof name, "<|lang:%s|>", lang->id);
        s.start = eng_special_token(model, name);
    }
    for (size_t i = 0; i < sizeof fim_families / sizeof *fim_families && !s.fim; i++) {
        const struct fim_names *names = &fim_families[i];
        s.prefix = eng_special_token(model, names->prefix);
        s.suffix = eng_special_token(model, names->suffix);
        s.middle = eng_special_token(model, names->middle);
        s.fim = s.prefix >= 0 && s.suffix >= 0 && s.middle >= 0;
        if (s.fim && names->start && s.start < 0) s.start = eng_special_token(model, names->start);
    }
    if (!s.fim && s.start < 0) s.start = eng_special_token(model, "<s>");
    return s;
}

/* An eighth of the budget, within bounds that engine/training/samples.py has as well. */
static uint32_t default_suffix(uint32_t budget)
{
    uint32_t suffix = budget / 8;
    if (suffix < 96) suffix = 96;
    if (suffix > 256) suffix = 256;
    return suffix < budget / 4 ? suffix : budget / 4;
}

void asst_prompt_defaults(const struct eng_model *model, struct asst_prompt_options *out)
{
    const struct eng_model_info *info = eng_model_info(model);
    uint32_t budget = info->context < 2048 ? info->context : 2048;
    *out = (struct asst_prompt_options){
        .order = info->fim_order == ENG_FIM_SPM ? ASST_ORDER_SPM : ASST_ORDER_PSM,
        .budget = budget,
        .middle_max = budget / 8 < 96 ? budget / 8 : 96,
        .suffix_max = default_suffix(budget),
        .chunk = budget / 16 < 64 ? budget / 16 + 1 : 64,
        .outline_max = info->outline < budget / 2 ? info->outline : budget / 2,
    };
    if (!find_specials(model, NULL).fim) out->order = ASST_ORDER_PLAIN;
}

/* ---- The window: which tokens of the document take part ----------------------------- */

/* Tokens of the document: prefix tokens, then suffix tokens, each array [capacity]. */
struct window {
    struct syn_span *spans;
    struct syn_record *records;
    int32_t *ids;
    int32_t *extra; /* [n_extra]: tokens of other files, which have no place in the document */
    uint32_t n_extra;
    size_t n_prefix, n_suffix, capacity;
    size_t n_line;    /* of the prefix tokens, those on the hole's line */
    size_t n_outline; /* of the prefix tokens, those of the outline, which come first */
    size_t start;     /* byte where the others start */
};

static void window_free(struct window *w)
{
    free(w->spans);
    free(w->records);
    free(w->ids);
    free(w->extra);
}

static bool window_alloc(struct window *w, size_t capacity)
{
    *w = (struct window){.capacity = capacity};
    w->spans = malloc((capacity + 1) * sizeof *w->spans);
    w->records = calloc(capacity + 1, sizeof *w->records);
    w->ids = malloc((capacity + 1) * sizeof *w->ids);
    return w->spans && w->records && w->ids;
}

/* A part of one line, tokenised by itself. */
struct piece {
    struct eng_token *tokens;
    size_t count;
};

static enum eng_status tokenize_piece(const struct eng_model *model, const char *text, size_t len,
                                      struct piece *out, struct eng_error *err)
{
    *out = (struct piece){0};
    if (len == 0) return ENG_OK;
    out->tokens = malloc((len + 8) * sizeof *out->tokens);
    if (!out->tokens) return fail(err, ENG_NO_MEMORY, "out of memory for %zu bytes of text", len);
    enum eng_status status = eng_tokenize(model, text, len, out->tokens, len + 8, &out->count, err);
    if (status != ENG_OK) {
        free(out->tokens);
        *out = (struct piece){0};
    }
    return status;
}

static void put(struct window *w, size_t at, int32_t id, size_t start, size_t end)
{
    w->ids[at] = id;
    w->spans[at] = (struct syn_span){(uint32_t)start, (uint32_t)end};
}

/* Appends the tokens of `line` from the skip-th on at *at, up to limit entries in all. */
static enum eng_status put_line(struct window *w, struct asst_tokens *cache, size_t line,
                                size_t byte, size_t skip, size_t *at, size_t limit,
                                struct eng_error *err)
{
    const struct asst_token *tokens;
    size_t count;
    enum eng_status status = asst_tokens_line(cache, line, &tokens, &count, err);
    if (status != ENG_OK) return status;
    for (size_t i = 0; i < count && *at < limit; i++) {
        if (i >= skip) put(w, (*at)++, tokens[i].id, byte, byte + tokens[i].bytes);
        byte += tokens[i].bytes;
    }
    return ENG_OK;
}

/* Suffix tokens from hole_end on: the rest of the line, then whole lines. */
static enum eng_status take_suffix(struct window *w, const struct eng_model *model,
                                   const struct asst_source *source, struct asst_tokens *cache,
                                   size_t limit, struct eng_error *err)
{
    size_t line, column, byte = source->hole_end, at = 0;
    syn_position_of(source->doc, byte, SYN_UTF8, &line, &column);
    const char *text = document_text(source->doc);
    struct piece rest;
    size_t next = syn_line_start(source->doc, line + 1);
    enum eng_status status = tokenize_piece(model, text + byte, next - byte, &rest, err);
    for (size_t i = 0; i < rest.count && at < limit; i++)
        put(w, at++, rest.tokens[i].id, byte + rest.tokens[i].start, byte + rest.tokens[i].end);
    free(rest.tokens);
    size_t lines = syn_line_count(source->doc);
    for (line++; status == ENG_OK && line < lines && at < limit; line++)
        status = put_line(w, cache, line, syn_line_start(source->doc, line), 0, &at, limit, err);
    w->n_suffix = at;
    return status;
}

/* First prefix token of the window: a multiple of chunk, as small as the room allows. */
static size_t window_start(size_t total, size_t room, size_t chunk)
{
    if (total <= room) return 0;
    size_t start = total - room;
    if (chunk == 0 || room < chunk) return start;
    return (start + chunk - 1) / chunk * chunk;
}

/* What the window is cut from: whole lines in front of the hole's, and a piece of that. */
struct prefix {
    size_t line;       /* the hole's */
    struct piece last; /* of it, up to the healing point */
    size_t last_byte;  /* where that piece starts */
    size_t total;      /* tokens in all */
};

static enum eng_status read_prefix(struct prefix *p, const struct eng_model *model,
                                   const struct asst_source *source, struct asst_tokens *cache,
                                   size_t heal_start, struct eng_error *err)
{
    const struct asst_token *tokens;
    size_t count;
    p->last_byte = syn_line_start(source->doc, p->line);
    enum eng_status status = tokenize_piece(model, document_text(source->doc) + p->last_byte,
                                            heal_start - p->last_byte, &p->last, err);
    for (size_t i = 0; status == ENG_OK && i < p->line; i++) {
        status = asst_tokens_line(cache, i, &tokens, &count, err);
        p->total += count;
    }
    p->total += p->last.count;
    return status;
}

/* Chooses the outline and where the window starts behind it, which is *start when the outline
 * takes its whole share; room: tokens for both. */
static enum eng_status choose_outline(struct asst_outline *outline, const struct prefix *p,
                                      const struct asst_source *source, struct asst_tokens *cache,
                                      const struct asst_prompt_options *o, size_t room,
                                      size_t *start, struct eng_error *err)
{
    struct asst_place place, near;
    size_t first = window_start(p->total, room - o->outline_max, o->chunk);
    size_t sure = first + (room - o->outline_max) - o->chunk; /* in the window until it moves */
    enum eng_status status = asst_place_of(source->doc, cache, first, p->line, &place, err);
    if (status == ENG_OK) status = asst_place_of(source->doc, cache, sure, p->line, &near, err);
    if (status != ENG_OK) return status;
    size_t near_end = syn_line_start(source->doc, near.line);
    if (near_end < place.byte) near_end = place.byte;
    /* A window that starts in the hole's line is longer than all lines in front of it. */
    if (place.line < p->line)
        status = asst_outline_choose(source, cache, &place, near_end, o->outline_max, outline, err);
    *start = first;
    size_t chunk = o->chunk ? o->chunk : 1;
    while (status == ENG_OK) {
        size_t back = (o->outline_max - outline->tokens) / chunk * chunk;
        if (first - back == *start) break;
        *start = first - back;
        status = asst_place_of(source->doc, cache, *start, p->line, &place, err);
        if (status == ENG_OK) status = asst_outline_trim(outline, cache, &place, err);
    }
    return status;
}

/* Writes the prefix tokens of the lines in the outline, which end where token `start` does. */
static enum eng_status put_outline(struct window *w, const struct asst_outline *outline,
                                   const struct asst_source *source, struct asst_tokens *cache,
                                   struct eng_error *err)
{
    size_t at = 0;
    enum eng_status status = ENG_OK;
    for (size_t i = 0; status == ENG_OK && i < outline->n_lines; i++) {
        size_t line = outline->lines[i];
        status = put_line(w, cache, line, syn_line_start(source->doc, line), 0, &at,
                          outline->tokens, err);
    }
    w->n_outline = at;
    return status;
}

/* Writes the prefix tokens from number start on behind the outline. */
static enum eng_status put_near(struct window *w, const struct prefix *p, size_t start,
                                const struct asst_source *source, struct asst_tokens *cache,
                                struct eng_error *err)
{
    const struct asst_token *tokens;
    size_t at = w->n_outline, n = at + p->total - start, seen = 0, count;
    enum eng_status status = ENG_OK;
    for (size_t i = 0; status == ENG_OK && i < p->line; i++) {
        status = asst_tokens_line(cache, i, &tokens, &count, err);
        if (status == ENG_OK && seen + count > start) {
            size_t skip = seen < start ? start - seen : 0;
            status = put_line(w, cache, i, syn_line_start(source->doc, i), skip, &at, n, err);
        }
        seen += count;
    }
    for (size_t i = 0; status == ENG_OK && i < p->last.count; i++)
        if (seen + i >= start)
            put(w, at++, p->last.tokens[i].id, p->last_byte + p->last.tokens[i].start,
                p->last_byte + p->last.tokens[i].end);
    w->n_prefix = n;
    w->n_line = p->last.count < p->total - start ? p->last.count : p->total - start;
    if (start > 0 && n > w->n_outline) w->start = w->spans[w->n_outline].start;
    return status;
}

/* Prefix tokens up to heal_start, which lies on `line`; moves the suffix tokens behind. */
static enum eng_status take_prefix(struct window *w, const struct eng_model *model,
                                   const struct asst_source *source, struct asst_tokens *cache,
                                   size_t line, size_t heal_start,
                                   const struct asst_prompt_options *o, struct eng_error *err)
{
    struct prefix p = {.line = line};
    struct asst_outline outline = {0};
    enum eng_status status = read_prefix(&p, model, source, cache, heal_start, err);
    size_t room = w->capacity - w->n_suffix, start = window_start(p.total, room, o->chunk);
    bool outlined = o->outline_max > 0 && source->hole && p.total > room &&
                    room >= (size_t)o->outline_max + 2 * (size_t)o->chunk;
    if (status == ENG_OK && outlined)
        status = choose_outline(&outline, &p, source, cache, o, room, &start, err);
    size_t n = p.total - start + outline.tokens;
    if (status == ENG_OK) {
        memmove(w->spans + n, w->spans, w->n_suffix * sizeof *w->spans);
        memmove(w->ids + n, w->ids, w->n_suffix * sizeof *w->ids);
        status = put_outline(w, &outline, source, cache, err);
    }
    if (status == ENG_OK) status = put_near(w, &p, start, source, cache, err);
    asst_outline_free(&outline);
    free(p.last.tokens);
    return status;
}

/* ---- The sequence ------------------------------------------------------------------- */

/* Where the window's tokens stand in the sequence. */
struct layout {
    size_t n_prefix;
    int32_t prefix_at, suffix_at;
    int32_t extra_at;
};

static int32_t map_index(const struct layout *l, int32_t index, bool suffix)
{
    if (index < 0 || ((size_t)index >= l->n_prefix) != suffix) return -1;
    return suffix ? l->suffix_at + index - (int32_t)l->n_prefix : l->prefix_at + index;
}

static void push_special(struct asst_prompt *p, int32_t id, uint8_t segment)
{
    if (id < 0) return;
    struct eng_input *in = &p->inputs[p->length++];
    *in = (struct eng_input){.id = id, .record.segment = segment};
    for (int l = 0; l < ENG_LEVELS; l++)
        in->record.chain[l] = -1;
}

static void push_tokens(struct asst_prompt *p, const struct window *w, const struct layout *l,
                        bool suffix)
{
    size_t from = suffix ? w->n_prefix : 0, to = w->n_prefix + (suffix ? w->n_suffix : 0);
    for (size_t i = from; i < to; i++) {
        const struct syn_record *record = &w->records[i];
        struct eng_input *in = &p->inputs[p->length++];
        in->id = w->ids[i];
        for (int level = 0; level < ENG_LEVELS; level++)
            in->record.chain[level] = map_index(l, record->chain[level], suffix);
        in->record.depth = record->depth;
        in->record.kind = record->kind;
        in->record.sibling = record->sibling;
        in->record.segment = suffix ? SYN_SEGMENT_SUFFIX : SYN_SEGMENT_PREFIX;
    }
}

/* The prefix part: what other files have to say, then the document's own. */
static void push_prefix(struct asst_prompt *p, const struct window *w, struct layout *l)
{
    l->extra_at = (int32_t)p->length;
    for (uint32_t i = 0; i < w->n_extra; i++)
        push_special(p, w->extra[i], SYN_SEGMENT_PREFIX);
    l->prefix_at = (int32_t)p->length;
    push_tokens(p, w, l, false);
}

static void push_window(struct asst_prompt *p, const struct window *w, const struct specials *s,
                        enum asst_order order, struct layout *l)
{
    push_special(p, s->start, SYN_SEGMENT_CONTEXT);
    l->n_prefix = w->n_prefix;
    if (order == ASST_ORDER_SPM) {
        push_special(p, s->suffix, SYN_SEGMENT_SUFFIX);
        l->suffix_at = (int32_t)p->length;
        push_tokens(p, w, l, true);
        push_special(p, s->middle, SYN_SEGMENT_PREFIX);
        push_prefix(p, w, l);
        return;
    }
    if (order == ASST_ORDER_PSM) push_special(p, s->prefix, SYN_SEGMENT_PREFIX);
    push_prefix(p, w, l);
    if (order != ASST_ORDER_PSM) return;
    push_special(p, s->suffix, SYN_SEGMENT_SUFFIX);
    l->suffix_at = (int32_t)p->length;
    push_tokens(p, w, l, true);
    push_special(p, s->middle, SYN_SEGMENT_MIDDLE);
}

/* Records without a tree: empty chains. */
static void empty_records(struct window *w)
{
    for (size_t i = 0; i < w->n_prefix + w->n_suffix; i++) {
        memset(&w->records[i], 0, sizeof w->records[i]);
        for (int l = 0; l < SYN_LEVELS; l++)
            w->records[i].chain[l] = -1;
    }
}

/* The first token of the hole's line that is not white space alone; n_prefix when there is
 * none. */
static size_t first_on_line(const struct window *w, const struct syn_document *doc)
{
    const char *text = document_text(doc);
    for (size_t i = w->n_prefix - w->n_line; i < w->n_prefix; i++)
        for (size_t at = w->spans[i].start; at < w->spans[i].end; at++)
            if (text[at] != ' ' && text[at] != '\t') return i;
    return w->n_prefix;
}

/* The middle's state counts in tokens of the window; make it count in positions. */
static void begin_middle(struct asst_prompt *p, const struct asst_source *source,
                         const struct window *w, const struct layout *l)
{
    memset(&p->middle, 0, sizeof p->middle);
    p->has_tree = source->hole != NULL;
    if (!p->has_tree) return;
    syn_middle_begin(&p->middle, source->hole, w->spans, w->n_prefix);
    for (size_t i = 0; i < p->middle.length; i++)
        p->middle.start[i] = map_index(l, p->middle.start[i], false);
    for (int level = 0; level < SYN_LEVELS; level++)
        p->middle.last.chain[level] = map_index(l, p->middle.last.chain[level], false);
}

static enum eng_status check_options(const struct asst_prompt_options *o,
                                     const struct asst_source *source, const struct specials *s,
                                     size_t *room, struct eng_error *err)
{
    size_t len;
    syn_document_text(source->doc, &len);
    if (source->hole_start > source->hole_end || source->hole_end > len)
        return fail(err, ENG_BAD_INPUT, "hole %zu..%zu outside a text of %zu bytes",
                    source->hole_start, source->hole_end, len);
    if (o->order != ASST_ORDER_PLAIN && !s->fim)
        return fail(err, ENG_BAD_INPUT, "the model's vocabulary has no fill-in-the-middle tokens");
    uint64_t fixed = (uint64_t)o->middle_max + 5; /* special tokens, <|end|> included */
    if (o->budget <= fixed)
        return fail(err, ENG_BAD_INPUT,
                    "a budget of %u tokens leaves no room beside a middle of %u",
                    (unsigned)o->budget, (unsigned)o->middle_max);
    *room = o->budget - (size_t)fixed;
    return ENG_OK;
}

/* Tokens of other files; the window gets what they leave. */
static enum eng_status take_extra(struct window *w, const struct eng_model *model,
                                  const struct asst_source *source,
                                  const struct asst_prompt_options *o, struct eng_error *err)
{
    if (!source->extra || source->extra->count == 0) return ENG_OK;
    size_t third = (w->capacity - w->n_suffix) / 3;
    uint32_t max = o->extra_max < third ? o->extra_max : (uint32_t)third;
    if (max == 0) return ENG_OK;
    w->extra = malloc(max * sizeof *w->extra);
    if (!w->extra) return fail(err, ENG_NO_MEMORY, "out of memory for %u tokens", (unsigned)max);
    enum eng_status status =
        asst_extra_tokens(model, source->extra, max, w->extra, &w->n_extra, err);
    w->capacity -= w->n_extra;
    return status;
}

static enum eng_status take_window(struct window *w, const struct eng_model *model,
                                   const struct asst_source *source, struct asst_tokens *cache,
                                   const struct asst_prompt_options *o, size_t *heal_start,
                                   struct eng_error *err)
{
    enum eng_status status = asst_tokens_sync(cache, source->doc, err);
    size_t suffix_max = o->order == ASST_ORDER_PLAIN ? 0 : o->suffix_max;
    if (suffix_max > w->capacity) suffix_max = w->capacity;
    if (status == ENG_OK) status = take_suffix(w, model, source, cache, suffix_max, err);
    if (status == ENG_OK) status = take_extra(w, model, source, o, err);
    if (status != ENG_OK) return status;

    size_t line, column;
    syn_position_of(source->doc, source->hole_start, SYN_UTF8, &line, &column);
    size_t line_start = syn_line_start(source->doc, line);
    const char *text = document_text(source->doc);
    *heal_start =
        line_start + eng_heal_point(model, text + line_start, source->hole_start - line_start);
    status = take_prefix(w, model, source, cache, line, *heal_start, o, err);
    if (status != ENG_OK) return status;
    if (!source->hole) {
        empty_records(w);
        return ENG_OK;
    }
    struct syn_error why = {""};
    enum syn_status syn =
        syn_hole_features(source->hole, w->spans, w->n_prefix, w->n_suffix, w->records, &why);
    return asst_from_syntax(syn, &why, err);
}

static enum eng_status prompt_alloc(struct asst_prompt *p, uint32_t capacity, struct eng_error *err)
{
    memset(p, 0, sizeof *p);
    p->inputs = malloc(((size_t)capacity + 1) * sizeof *p->inputs);
    if (!p->inputs) return fail(err, ENG_NO_MEMORY, "out of memory for a prompt");
    p->capacity = capacity;
    return ENG_OK;
}

enum eng_status asst_prompt_build(const struct eng_model *model, const struct asst_source *source,
                                  const struct asst_prompt_options *options,
                                  struct asst_prompt *out, struct eng_error *err)
{
    memset(out, 0, sizeof *out);
    struct specials s = find_specials(model, syn_document_language(source->doc));
    struct asst_tokens *own = NULL;
    struct window w = {0};
    struct layout l = {0};
    size_t room = 0;
    enum eng_status status = check_options(options, source, &s, &room, err);
    if (status == ENG_OK && !source->tokens) status = asst_tokens_new(model, &own, err);
    if (status == ENG_OK && !window_alloc(&w, room))
        status = fail(err, ENG_NO_MEMORY, "out of memory for a window of %zu tokens", room);
    if (status == ENG_OK) status = prompt_alloc(out, options->budget, err);
    if (status == ENG_OK)
        status = take_window(&w, model, source, own ? own : source->tokens, options,
                             &out->heal_start, err);
    if (status == ENG_OK) {
        out->window_start = w.start;
        out->n_outline = (uint32_t)w.n_outline;
        out->hole_start = source->hole_start;
        out->hole_end = source->hole_end;
        push_window(out, &w, &s, options->order, &l);
        out->extra_at = (uint32_t)l.extra_at;
        out->n_extra = w.n_extra;
        out->line_position = (uint32_t)l.prefix_at + (uint32_t)first_on_line(&w, source->doc);
        begin_middle(out, source, &w, &l);
    } else {
        asst_prompt_free(out);
    }
    window_free(&w);
    asst_tokens_free(own);
    return status;
}

void asst_prompt_free(struct asst_prompt *prompt)
{
    if (!prompt) return;
    free(prompt->inputs);
    memset(prompt, 0, sizeof *prompt);
}

/* A node that starts at the token itself is no level of its chain: what a node is is not
 * known before its first token is. */
static void copy_chain(struct eng_record *out, const struct syn_record *record, int32_t position)
{
    int n = 0;
    for (int l = 0; l < SYN_LEVELS; l++) {
        if (record->chain[l] < position)
            out->chain[n++] = record->chain[l];
        else if (out->depth > 0)
            out->depth--;
    }
    while (n < ENG_LEVELS)
        out->chain[n++] = -1;
}

enum eng_status asst_prompt_append(struct asst_prompt *p, const struct eng_model *model, int32_t id,
                                   struct eng_error *err)
{
    if (p->length >= p->capacity)
        return fail(err, ENG_BAD_INPUT, "the sequence has reached its %u tokens",
                    (unsigned)p->capacity);
    size_t len;
    const char *text = eng_token_text(model, id, &len);
    if (!text || !p->has_tree) {
        push_special(p, id, SYN_SEGMENT_MIDDLE);
        return ENG_OK;
    }
    struct eng_input *in = &p->inputs[p->length];
    struct syn_record record;
    syn_middle_next(&p->middle, (int32_t)p->length, text, len, &record);
    in->id = id;
    in->record.depth = record.depth;
    copy_chain(&in->record, &record, (int32_t)p->length);
    in->record.kind = record.kind;
    in->record.sibling = record.sibling;
    in->record.segment = SYN_SEGMENT_MIDDLE;
    p->length++;
    return ENG_OK;
}

/* End of the line that starts at `from`: after its terminator. */
static size_t line_end(const char *text, size_t from, size_t len)
{
    while (from < len && text[from] != '\n' && text[from] != '\r')
        from++;
    if (from < len && text[from] == '\r')
        from++;
    else if (from < len)
        return from + 1;
    return from < len && text[from] == '\n' ? from + 1 : from;
}

enum eng_status asst_prompt_append_text(struct asst_prompt *p, const struct eng_model *model,
                                        const struct syn_document *doc, const char *text,
                                        size_t len, struct eng_error *err)
{
    size_t healed = p->hole_start - p->heal_start, all = healed + len;
    char *joined = malloc(all + 1);
    if (!joined) return fail(err, ENG_NO_MEMORY, "out of memory for %zu bytes of text", all);
    memcpy(joined, document_text(doc) + p->heal_start, healed);
    memcpy(joined + healed, text, len);
    enum eng_status status = ENG_OK;
    for (size_t at = 0; status == ENG_OK && at < all;) {
        size_t end = line_end(joined, at, all);
        struct piece piece;
        status = tokenize_piece(model, joined + at, end - at, &piece, err);
        for (size_t i = 0; status == ENG_OK && i < piece.count; i++)
            status = asst_prompt_append(p, model, piece.tokens[i].id, err);
        free(piece.tokens);
        at = end;
    }
    free(joined);
    return status;
}

/* ---- Whole texts -------------------------------------------------------------------- */

/* The outline of what is in front of the part; then the part's tokens, which take_suffix writes
 * to the front, move behind it. */
static enum eng_status take_plain(struct window *w, const struct eng_model *model,
                                  const struct asst_part *part, struct asst_tokens *cache,
                                  struct eng_error *err)
{
    const struct syn_document *doc = part->doc;
    struct asst_source source = {.doc = doc, .hole_start = part->start, .hole_end = part->start};
    struct asst_outline outline = {0};
    struct asst_place place = {.byte = part->start};
    size_t column;
    syn_position_of(doc, part->start, SYN_UTF8, &place.line, &column);
    enum eng_status status = asst_tokens_sync(cache, doc, err);
    if (status == ENG_OK && part->outline_max > 0 && part->outline_max < w->capacity)
        status = asst_outline_choose(&source, cache, &place,
                                     part->known > part->start ? part->known : part->start,
                                     part->outline_max, &outline, err);
    if (status == ENG_OK)
        status = take_suffix(w, model, &source, cache, w->capacity - outline.tokens, err);
    size_t n = w->n_suffix;
    while (n > 0 && w->spans[n - 1].end > part->end)
        n--;
    memmove(w->spans + outline.tokens, w->spans, n * sizeof *w->spans);
    memmove(w->ids + outline.tokens, w->ids, n * sizeof *w->ids);
    if (status == ENG_OK) status = put_outline(w, &outline, &source, cache, err);
    w->n_prefix = n += outline.tokens;
    w->n_suffix = 0;
    w->start = part->start;
    asst_outline_free(&outline);
    if (status != ENG_OK || !syn_document_language(doc)) {
        empty_records(w);
        return status;
    }
    struct syn_error why = {""};
    enum syn_status syn = syn_features(doc, w->spans, n, w->records, &why);
    return asst_from_syntax(syn, &why, err);
}

enum eng_status asst_prompt_plain(const struct eng_model *model, const struct asst_part *part,
                                  struct asst_prompt *out, size_t *stop, struct eng_error *err)
{
    memset(out, 0, sizeof *out);
    size_t len;
    syn_document_text(part->doc, &len);
    if (part->start > part->end || part->end > len || part->budget < 3)
        return fail(err, ENG_BAD_INPUT, "no room for bytes %zu..%zu of %zu in %u tokens",
                    part->start, part->end, len, (unsigned)part->budget);
    struct specials s = find_specials(model, syn_document_language(part->doc));
    struct asst_tokens *own = NULL;
    struct window w = {0};
    struct layout l = {0};
    enum eng_status status = part->tokens ? ENG_OK : asst_tokens_new(model, &own, err);
    if (status == ENG_OK && !window_alloc(&w, part->budget - 2))
        status = fail(err, ENG_NO_MEMORY, "out of memory for a window of %u tokens",
                      (unsigned)part->budget);
    if (status == ENG_OK) status = prompt_alloc(out, part->budget, err);
    if (status == ENG_OK) status = take_plain(&w, model, part, own ? own : part->tokens, err);
    if (status == ENG_OK) {
        push_window(out, &w, &s, ASST_ORDER_PLAIN, &l);
        out->window_start = w.start;
        out->n_outline = (uint32_t)w.n_outline;
        *stop = w.n_prefix > w.n_outline ? w.spans[w.n_prefix - 1].end : part->start;
        if (*stop == len) push_special(out, s.end, SYN_SEGMENT_PREFIX);
    } else {
        asst_prompt_free(out);
    }
    window_free(&w);
    asst_tokens_free(own);
    return status;
}
