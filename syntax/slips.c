/* Slips: one walk over the tree that asks at each node what else might stand there.
 *
 * Owns which edits there are. Names come from visible.c, statements that repeat each other from
 * copies.c; operators, numbers, arguments and negations are told here, from tokens and kinds. No
 * edit is left out for being silly: who ranks them knows better.
 */
#include "syntax/slips.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const class_names[SYN_SLIP_CLASSES] = {
    "name", "copy", "operator", "comparison", "literal", "arguments", "condition"};

const char *syn_slip_class_name(unsigned class)
{
    return class < SYN_SLIP_CLASSES ? class_names[class] : "unknown";
}

/* ---- The list ---------------------------------------------------------------------- */

/* One more element at the end of a list; NULL when memory ran out. */
static void *one_more(void **list, size_t *count, size_t *capacity, size_t size)
{
    if (*count == *capacity) {
        size_t grown = *capacity ? 2 * *capacity : 64;
        void *moved = realloc(*list, grown * size);
        if (!moved) return NULL;
        *list = moved;
        *capacity = grown;
    }
    return (char *)*list + (*count)++ * size;
}

void syn_slips_add(struct syn_slips_walk *w, enum syn_slip_class class, struct syn_span place,
                   const char *text, size_t len)
{
    struct syn_slips *out = w->out;
    if (w->failed || len > SYN_SLIP_TEXT_MAX || out->count >= SYN_SLIP_PER_TEXT) return;
    if (place.end < w->from || place.start >= w->to) return;
    if (out->texts_len + len > out->texts_capacity) {
        size_t capacity = 2 * (out->texts_len + len) + 1024;
        char *grown = realloc(out->texts, capacity);
        if (!grown) {
            w->failed = true;
            return;
        }
        out->texts = grown;
        out->texts_capacity = capacity;
    }
    struct syn_slip *slip =
        one_more((void **)&out->list, &out->count, &out->capacity, sizeof *slip);
    if (!slip) {
        w->failed = true;
        return;
    }
    *slip = (struct syn_slip){.place = place,
                              .text = (uint32_t)out->texts_len,
                              .len = (uint32_t)len,
                              .function = w->n_functions ? w->function[w->n_functions - 1] : -1,
                              .class = (uint8_t) class};
    if (len > 0) memcpy(out->texts + out->texts_len, text, len);
    out->texts_len += len;
}

static struct syn_span span_of(TSNode node)
{
    return (struct syn_span){ts_node_start_byte(node), ts_node_end_byte(node)};
}

static void add_word(struct syn_slips_walk *w, enum syn_slip_class class, TSNode node,
                     const char *word)
{
    syn_slips_add(w, class, span_of(node), word, strlen(word));
}

/* ---- Names ------------------------------------------------------------------------- */

/* The others, last used first. */
static void add_other_names(struct syn_slips_walk *w, TSNode node,
                            const struct syn_visible_name *self)
{
    const struct syn_visible *v = &w->visible;
    const char *text = w->doc->text;
    const struct syn_visible_name *best[SYN_SLIP_NAMES];
    size_t n = 0;
    for (size_t i = 0; i < v->count; i++) {
        const struct syn_visible_name *name = &v->names[i];
        if (name == self || name->symbol != self->symbol) continue;
        size_t at = n < SYN_SLIP_NAMES ? n++ : n;
        while (at > 0 && best[at - 1]->used < name->used) {
            if (at < SYN_SLIP_NAMES) best[at] = best[at - 1];
            at--;
        }
        if (at < SYN_SLIP_NAMES) best[at] = name;
    }
    for (size_t i = 0; i < n; i++)
        syn_slips_add(w, SYN_SLIP_NAME, span_of(node), text + best[i]->span.start,
                      best[i]->span.end - best[i]->span.start);
}

static void visit_name(struct syn_slips_walk *w)
{
    TSNode node = w->path[w->depth - 1].node;
    enum syn_name_role role = syn_visible_role(&w->visible, w->path, w->depth);
    if (role == SYN_ROLE_BINDS) {
        syn_visible_bind(&w->visible, node);
    } else if (role == SYN_ROLE_READS) {
        struct syn_visible_name *name = syn_visible_find(&w->visible, node);
        if (!name) return;
        add_other_names(w, node, name);
        name->used = ts_node_start_byte(node);
    }
}

/* ---- Operators --------------------------------------------------------------------- */

struct exchange {
    const char *have, *others[2];
    uint8_t class;
};

static const struct exchange exchanges[] = {
    {"+", {"-", NULL}, SYN_SLIP_OPERATOR},        {"-", {"+", NULL}, SYN_SLIP_OPERATOR},
    {"*", {"/", NULL}, SYN_SLIP_OPERATOR},        {"/", {"*", NULL}, SYN_SLIP_OPERATOR},
    {"&&", {"||", NULL}, SYN_SLIP_OPERATOR},      {"||", {"&&", NULL}, SYN_SLIP_OPERATOR},
    {"and", {"or", NULL}, SYN_SLIP_OPERATOR},     {"or", {"and", NULL}, SYN_SLIP_OPERATOR},
    {"&", {"|", NULL}, SYN_SLIP_OPERATOR},        {"|", {"&", NULL}, SYN_SLIP_OPERATOR},
    {"<<", {">>", NULL}, SYN_SLIP_OPERATOR},      {">>", {"<<", NULL}, SYN_SLIP_OPERATOR},
    {"+=", {"-=", NULL}, SYN_SLIP_OPERATOR},      {"-=", {"+=", NULL}, SYN_SLIP_OPERATOR},
    {"<", {"<=", ">"}, SYN_SLIP_COMPARISON},      {"<=", {"<", ">="}, SYN_SLIP_COMPARISON},
    {">", {">=", "<"}, SYN_SLIP_COMPARISON},      {">=", {">", "<="}, SYN_SLIP_COMPARISON},
    {"==", {"!=", NULL}, SYN_SLIP_COMPARISON},    {"!=", {"==", NULL}, SYN_SLIP_COMPARISON},
    {"===", {"!==", NULL}, SYN_SLIP_COMPARISON},  {"!==", {"===", NULL}, SYN_SLIP_COMPARISON},
    {"~=", {"==", NULL}, SYN_SLIP_COMPARISON},    {"/=", {"==", NULL}, SYN_SLIP_COMPARISON},
    {"-eq", {"-ne", NULL}, SYN_SLIP_COMPARISON},  {"-ne", {"-eq", NULL}, SYN_SLIP_COMPARISON},
    {"-lt", {"-le", "-gt"}, SYN_SLIP_COMPARISON}, {"-le", {"-lt", "-ge"}, SYN_SLIP_COMPARISON},
    {"-gt", {"-ge", "-lt"}, SYN_SLIP_COMPARISON}, {"-ge", {"-gt", "-le"}, SYN_SLIP_COMPARISON},
};

/* What `word` becomes where a language spells it in another way. */
static const char *spelled(const struct syn_slips_walk *w, const char *word)
{
    const char *id = w->doc->lang->id;
    if (strcmp(word, "!=") != 0) return word;
    return strcmp(id, "lua") == 0 ? "~=" : strcmp(id, "haskell") == 0 ? "/=" : word;
}

static void visit_operator(struct syn_slips_walk *w)
{
    const struct syn_step *step = &w->path[w->depth - 1], *parent = step - 1;
    bool in_test = strcmp(step->type, "test_operator") == 0;
    bool assigns = parent->kind == GRAM_KIND_ASSIGN;
    if (parent->kind != GRAM_KIND_BINARY && !assigns && !in_test) return;
    if (parent->kind == GRAM_KIND_BINARY && ts_node_child_count(parent->node) < 3) return;
    bool haskell = strcmp(w->doc->lang->id, "haskell") == 0;
    for (size_t i = 0; i < sizeof exchanges / sizeof *exchanges; i++) {
        const struct exchange *e = &exchanges[i];
        size_t len = strlen(e->have);
        bool augments = len == 2 && e->have[1] == '=' && strchr("+-", e->have[0]);
        if (!syn_text_is(w->doc, step->node, e->have, (uint32_t)len)) continue;
        if (assigns != augments && !in_test) continue;
        if (haskell != (strcmp(e->have, "/=") == 0) && strcmp(e->have, "/=") == 0) continue;
        for (size_t k = 0; k < 2 && e->others[k]; k++)
            add_word(w, e->class, step->node, spelled(w, e->others[k]));
        return;
    }
}

/* ---- Literals ---------------------------------------------------------------------- */

static void visit_literal(struct syn_slips_walk *w)
{
    static const char *const truths[][2] = {
        {"true", "false"}, {"false", "true"}, {"True", "False"}, {"False", "True"}};
    enum { DIGITS = 6, TEXT = 24 };
    const struct syn_step *step = &w->path[w->depth - 1];
    uint32_t start = ts_node_start_byte(step->node), len = ts_node_end_byte(step->node) - start;
    if (step[-1].kind == GRAM_KIND_NUMBER) return; /* a part of one */
    for (size_t i = 0; i < sizeof truths / sizeof *truths; i++)
        if (syn_text_is(w->doc, step->node, truths[i][0], (uint32_t)strlen(truths[i][0])))
            add_word(w, SYN_SLIP_LITERAL, step->node, truths[i][1]);
    char digits[TEXT];
    if (len > DIGITS) return;
    memcpy(digits, w->doc->text + start, len);
    digits[len] = 0;
    if (strspn(digits, "0123456789") != len || (digits[0] == '0' && len > 1)) return;
    long value = strtol(digits, NULL, 10);
    snprintf(digits, sizeof digits, "%ld", value + 1);
    add_word(w, SYN_SLIP_LITERAL, step->node, digits);
    if (value == 0) return;
    snprintf(digits, sizeof digits, "%ld", value - 1);
    add_word(w, SYN_SLIP_LITERAL, step->node, digits);
}

/* ---- Arguments --------------------------------------------------------------------- */

static bool can_move(const struct syn_slips_walk *w, TSNode node)
{
    uint8_t kind = syn_kind_of(w->doc->tables, node);
    return kind != GRAM_KIND_PAIR && kind != GRAM_KIND_FUNCTION && kind != GRAM_KIND_COMMENT &&
           kind != GRAM_KIND_BLOCK && kind != GRAM_KIND_ERROR && !syn_spans_lines(node);
}

/* Named children i and i + 1 of an argument list change places; what is between them stays. */
static void visit_arguments(struct syn_slips_walk *w)
{
    TSNode list = w->path[w->depth - 1].node;
    const char *text = w->doc->text;
    char joined[SYN_SLIP_TEXT_MAX];
    uint32_t n = ts_node_named_child_count(list);
    for (uint32_t i = 0; i + 1 < n && i < 16; i++) {
        TSNode a = ts_node_named_child(list, i), b = ts_node_named_child(list, i + 1);
        struct syn_span x = span_of(a), y = span_of(b);
        bool close = ts_node_end_point(a).row == ts_node_start_point(b).row;
        size_t gap = y.start - x.end, len = y.end - x.start;
        if (!close || len > sizeof joined || !can_move(w, a) || !can_move(w, b)) continue;
        if (syn_same_text(w->doc, a, b) || !memchr(text + x.end, ',', gap)) continue;
        memcpy(joined, text + y.start, y.end - y.start);
        memcpy(joined + (y.end - y.start), text + x.end, gap);
        memcpy(joined + (y.end - y.start) + gap, text + x.start, x.end - x.start);
        syn_slips_add(w, SYN_SLIP_ARGUMENTS, (struct syn_span){x.start, y.end}, joined, len);
    }
}

/* ---- Conditions -------------------------------------------------------------------- */

static const char *negation_of(const struct gram_language *lang)
{
    if (strcmp(lang->id, "python") == 0 || strcmp(lang->id, "lua") == 0) return "not ";
    if (strcmp(lang->id, "haskell") == 0 || strcmp(lang->id, "bash") == 0) return NULL;
    return "!";
}

/* Whether it is taken for true or false: a condition, or an operand of "and" or "or". */
static bool is_tested(const struct syn_slips_walk *w)
{
    static const char *const logical[] = {"&&", "||", "and", "or"};
    size_t at = w->depth - 1;
    while (at > 1 && (w->path[at - 1].kind == GRAM_KIND_PAREN ||
                      strstr(w->path[at - 1].type, "condition_clause")))
        at--;
    const struct syn_step *link = &w->path[at], *parent = link - 1;
    if (parent->kind == GRAM_KIND_BINARY) {
        TSNode operator= ts_node_child(parent->node, 1);
        if (ts_node_eq(operator, link->node)) return false; /* it has a name in some grammars */
        for (size_t i = 0; i < sizeof logical / sizeof *logical; i++)
            if (syn_text_is(w->doc, operator, logical[i], (uint32_t)strlen(logical[i])))
                return true;
        return false;
    }
    return link->field && link->field == w->visible.fields.condition &&
           (parent->kind == GRAM_KIND_IF || parent->kind == GRAM_KIND_LOOP ||
            parent->kind == GRAM_KIND_CONDITIONAL);
}

/* What a negation can stand in front of without brackets. */
static bool is_simple(uint8_t kind)
{
    return kind == GRAM_KIND_NAME || kind == GRAM_KIND_CALL || kind == GRAM_KIND_MEMBER ||
           kind == GRAM_KIND_INDEX;
}

/* What is tested: with a negation; a negation that is: without it. */
static void visit_condition(struct syn_slips_walk *w)
{
    const struct syn_step *step = &w->path[w->depth - 1];
    const char *negation = negation_of(w->doc->lang), *text = w->doc->text;
    size_t len = negation ? strlen(negation) : 0;
    uint32_t start = ts_node_start_byte(step->node), end = ts_node_end_byte(step->node);
    if (len == 0 || !ts_node_is_named(step->node)) return;
    bool simple = is_simple(step->kind);
    if ((!simple && step->kind != GRAM_KIND_UNARY) || !is_tested(w)) return;
    bool negated = end - start > len && memcmp(text + start, negation, len) == 0;
    if (simple && !negated) { /* `!a.b` may be a member of `!a` to a grammar */
        syn_slips_add(w, SYN_SLIP_CONDITION, (struct syn_span){start, start}, negation, len);
        return;
    }
    uint32_t children = ts_node_child_count(step->node);
    TSNode operand = ts_node_child(step->node, children - 1);
    if (!negated || (!simple && (ts_node_start_byte(operand) != start + len ||
                                 !is_simple(syn_kind_of(w->doc->tables, operand)))))
        return;
    syn_slips_add(w, SYN_SLIP_CONDITION, (struct syn_span){start, start + (uint32_t)len}, "", 0);
}

/* ---- The walk ---------------------------------------------------------------------- */

static void enter_function(struct syn_slips_walk *w)
{
    const struct syn_step *step = &w->path[w->depth - 1];
    uint32_t start = ts_node_start_byte(step->node);
    struct syn_slips *out = w->out;
    while (w->n_functions > 0 && out->functions[w->function[w->n_functions - 1]].end <= start)
        w->n_functions--;
    if (!syn_step_is_function(&w->visible, step) || w->n_functions == SYN_SLIP_NESTING) return;
    struct syn_span *span = one_more((void **)&out->functions, &out->n_functions,
                                     &out->functions_capacity, sizeof *span);
    if (!span) {
        w->failed = true;
        return;
    }
    *span = span_of(step->node);
    w->function[w->n_functions++] = (int32_t)out->n_functions - 1;
}

/* False: nothing below it is of interest. */
static bool visit(struct syn_slips_walk *w)
{
    const struct syn_step *step = &w->path[w->depth - 1];
    enter_function(w);
    syn_visible_enter(&w->visible, w->path, w->depth);
    if (w->depth < 2) return true;
    bool leaf = ts_node_child_count(step->node) == 0;
    if (step->kind == GRAM_KIND_NAME) {
        visit_name(w);
        if (strcmp(step->type, "variable_name") == 0) return false;
    }
    if (step->kind == GRAM_KIND_NUMBER) visit_literal(w);
    if (step->kind == GRAM_KIND_ARGUMENTS) visit_arguments(w);
    visit_condition(w);
    if (leaf) visit_operator(w);
    if (ts_node_is_named(step->node) && !leaf) syn_slips_copy(w);
    return step->kind != GRAM_KIND_STRING && step->kind != GRAM_KIND_COMMENT &&
           !ts_node_is_error(step->node);
}

static void put_step(struct syn_slips_walk *w, const TSTreeCursor *cursor)
{
    TSNode node = ts_tree_cursor_current_node(cursor);
    w->path[w->depth++] = (struct syn_step){.node = node,
                                            .type = ts_node_type(node),
                                            .field = ts_tree_cursor_current_field_id(cursor),
                                            .kind = syn_kind_of(w->doc->tables, node)};
}

/* The walk is at path[index]; what comes next there is its next sibling. */
static void pass_sibling(struct syn_slips_walk *w, size_t index)
{
    const struct syn_step *step = &w->path[index];
    if (ts_node_is_named(step->node) && step->kind != GRAM_KIND_COMMENT)
        w->before[index] = step->node;
}

/* To the next node that is not below the present one. */
static bool leave(struct syn_slips_walk *w, TSTreeCursor *cursor)
{
    while (w->depth > 1) {
        w->depth--;
        if (ts_tree_cursor_goto_next_sibling(cursor)) {
            pass_sibling(w, w->depth);
            return true;
        }
        ts_tree_cursor_goto_parent(cursor);
    }
    return false;
}

static void walk(struct syn_slips_walk *w)
{
    TSTreeCursor cursor = ts_tree_cursor_new(ts_tree_root_node(w->doc->tree));
    bool more = true;
    while (more && !w->failed && !syn_is_stopped(w->doc->stop)) {
        put_step(w, &cursor);
        TSNode node = w->path[w->depth - 1].node;
        bool inside = ts_node_start_byte(node) < w->to && visit(w) && w->depth < SYN_SLIP_DEPTH &&
                      ts_tree_cursor_goto_first_child(&cursor);
        if (inside) w->before[w->depth] = (TSNode){0};
        more = inside || leave(w, &cursor);
    }
    ts_tree_cursor_delete(&cursor);
}

static int by_place(const void *a, const void *b)
{
    const struct syn_slip *x = a, *y = b;
    if (x->place.start != y->place.start) return x->place.start < y->place.start ? -1 : 1;
    if (x->class != y->class) return x->class < y->class ? -1 : 1;
    return x->text < y->text ? -1 : x->text > y->text; /* as they were found */
}

enum syn_status syn_slips_find(const struct syn_document *doc, size_t start, size_t end,
                               struct syn_slips *out, struct syn_error *err)
{
    *out = (struct syn_slips){0};
    if (!doc->tree) return SYN_OK;
    struct syn_slips_walk *w = calloc(1, sizeof *w);
    if (!w) return syn_fail(err, SYN_NO_MEMORY, "out of memory for the slips of a text");
    w->doc = doc;
    w->out = out;
    w->from = (uint32_t)start;
    w->to = end > UINT32_MAX ? UINT32_MAX : (uint32_t)end;
    syn_visible_begin(&w->visible, doc);
    walk(w);
    bool failed = w->failed;
    free(w);
    if (failed) return syn_fail(err, SYN_NO_MEMORY, "out of memory for the slips of a text");
    if (out->count > 1) qsort(out->list, out->count, sizeof *out->list, by_place);
    return syn_unless_stopped(doc, SYN_OK, err);
}

void syn_slips_free(struct syn_slips *slips)
{
    free(slips->list);
    free(slips->texts);
    free(slips->functions);
    *slips = (struct syn_slips){0};
}
