/* Checks for nothing: `x != null && x.y`, and the same without.
 *
 * Where a condition uses the members of a local name that nothing in front of it in the same
 * condition speaks of, a check may have been forgotten. Each language has its own ways to write
 * one. What can never be empty by its type is not known here.
 */
#include "syntax/slips.h"

#include <stdio.h>
#include <string.h>

enum { FORMS = 4, NAME_MAX_BYTES = 80 };

/* What stands in front; the name, then each of these. */
struct forms {
    const char *language, *list[FORMS];
};

static const struct forms known[] = {
    {"c", {" && ", " != NULL && "}},
    {"cpp", {" && ", " != nullptr && ", " != NULL && "}},
    {"java", {" != null && "}},
    {"kotlin", {" != null && "}},
    {"scala", {" != null && "}},
    {"csharp", {" != null && "}},
    {"javascript", {" && ", " !== null && ", " !== undefined && ", " != null && "}},
    {"typescript", {" && ", " !== null && ", " !== undefined && ", " != null && "}},
    {"tsx", {" && ", " !== null && ", " !== undefined && ", " != null && "}},
    {"python", {" and ", " is not None and "}},
    {"lua", {" and ", " ~= nil and "}},
    {"ruby", {" && "}},
    {"php", {" && ", " !== null && ", " != null && "}},
    {"go", {" != nil && "}},
};

static const struct forms *forms_of(const struct gram_language *lang)
{
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (strcmp(known[i].language, lang->id) == 0) return &known[i];
    return NULL;
}

/* ---- Names whose members are used ---------------------------------------------------- */

struct search {
    struct syn_slips_walk *w;
    TSNode name;
    bool found;
};

/* In C a struct's member needs no check, what a pointer points at does. */
static bool may_be_nothing(const struct syn_document *doc, TSNode parent)
{
    if (strcmp(doc->lang->id, "c") != 0 && strcmp(doc->lang->id, "cpp") != 0) return true;
    return syn_text_is(doc, ts_node_child(parent, 1), "->", 2) ||
           syn_kind_of(doc->tables, parent) == GRAM_KIND_INDEX;
}

static bool is_itself(const struct syn_document *doc, TSNode name)
{
    static const char *const words[] = {"self", "this", "$this", "cls", "super"};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (syn_text_is(doc, name, words[i], (uint32_t)strlen(words[i]))) return true;
    return false;
}

static bool uses_member(TSNode node, void *user)
{
    struct search *s = user;
    const struct syn_document *doc = s->w->doc;
    uint8_t kind = syn_kind_of(doc->tables, node);
    if (kind == GRAM_KIND_FUNCTION) return false; /* what is in it comes later, or never */
    if (kind != GRAM_KIND_NAME) return true;
    TSNode parent = ts_node_parent(node);
    uint8_t around = syn_kind_of(doc->tables, parent);
    bool object = (around == GRAM_KIND_MEMBER || around == GRAM_KIND_INDEX) &&
                  ts_node_start_byte(parent) == ts_node_start_byte(node);
    object = object || ts_node_eq(ts_node_child_by_field_name(parent, "receiver", 8), node);
    if (!object || !may_be_nothing(doc, parent) || is_itself(doc, node) ||
        ts_node_end_byte(node) - ts_node_start_byte(node) > NAME_MAX_BYTES ||
        !syn_visible_find(&s->w->visible, node))
        return true;
    s->name = node;
    s->found = true;
    return false;
}

/* The first local name in a node whose members are used. */
static bool find_used(struct syn_slips_walk *w, TSNode node, TSNode *out)
{
    struct search s = {.w = w};
    syn_each_node(node, uses_member, &s);
    *out = s.name;
    return s.found;
}

struct mention {
    const struct syn_document *doc;
    TSNode name;
};

static bool is_another(TSNode node, void *user)
{
    const struct mention *m = user;
    return !syn_same_text(m->doc, node, m->name);
}

static bool mentions(const struct syn_document *doc, TSNode node, TSNode name)
{
    struct mention m = {doc, name};
    return !syn_each_node(node, is_another, &m);
}

/* ---- Conditions ---------------------------------------------------------------------- */

static bool is_and(const struct syn_document *doc, TSNode node)
{
    TSNode sign = ts_node_child(node, 1);
    return syn_kind_of(doc->tables, node) == GRAM_KIND_BINARY && ts_node_child_count(node) == 3 &&
           (syn_text_is(doc, sign, "&&", 2) || syn_text_is(doc, sign, "and", 3));
}

static bool is_or(const struct syn_document *doc, TSNode node)
{
    TSNode sign = ts_node_child(node, 1);
    return syn_kind_of(doc->tables, node) == GRAM_KIND_BINARY &&
           (syn_text_is(doc, sign, "||", 2) || syn_text_is(doc, sign, "or", 2));
}

/* Is the name spoken of in front of where the walk is, in the same condition? */
static bool was_mentioned(const struct syn_slips_walk *w, TSNode name)
{
    for (size_t at = w->depth - 1; at > 0; at--) {
        TSNode parent = w->path[at - 1].node;
        bool logical = is_and(w->doc, parent) || is_or(w->doc, parent);
        if (!logical && w->path[at - 1].kind != GRAM_KIND_PAREN) return false;
        TSNode left = ts_node_child(parent, 0);
        if (logical && !ts_node_eq(left, w->path[at].node) && mentions(w->doc, left, name))
            return true;
    }
    return false;
}

/* A check of the name in this form; 0 when it does not fit. */
static size_t write_check(const struct syn_document *doc, TSNode name, const char *form,
                          char out[SYN_SLIP_TEXT_MAX])
{
    uint32_t start = ts_node_start_byte(name);
    int n = snprintf(out, SYN_SLIP_TEXT_MAX, "%.*s%s", (int)(ts_node_end_byte(name) - start),
                     doc->text + start, form);
    return n > 0 && n < SYN_SLIP_TEXT_MAX ? (size_t)n : 0;
}

/* What is tested here without "and" or "or": with a check in front. */
static void add_missing(struct syn_slips_walk *w, const struct forms *forms)
{
    const struct syn_step *step = &w->path[w->depth - 1];
    char text[SYN_SLIP_TEXT_MAX];
    TSNode name;
    bool simple = step->kind == GRAM_KIND_MEMBER || step->kind == GRAM_KIND_INDEX ||
                  step->kind == GRAM_KIND_CALL || step->kind == GRAM_KIND_UNARY ||
                  step->kind == GRAM_KIND_BINARY;
    /* To Scala's grammar all operators bind alike: what is put in front takes the first operand. */
    if (step->kind == GRAM_KIND_BINARY && strcmp(w->doc->lang->id, "scala") == 0) return;
    if (!simple || is_and(w->doc, step->node) || is_or(w->doc, step->node)) return;
    if (!find_used(w, step->node, &name) || was_mentioned(w, name)) return;
    uint32_t at = ts_node_start_byte(step->node);
    for (size_t i = 0; i < FORMS && forms->list[i]; i++) {
        size_t len = write_check(w->doc, name, forms->list[i], text);
        if (len > 0) syn_slips_add(w, SYN_SLIP_CHECK, (struct syn_span){at, at}, text, len);
    }
}

/* A check in front of what it is for: without it. */
static void add_dropped(struct syn_slips_walk *w, const struct forms *forms)
{
    const struct syn_document *doc = w->doc;
    TSNode node = w->path[w->depth - 1].node, name;
    char text[SYN_SLIP_TEXT_MAX];
    if (!is_and(doc, node)) return;
    TSNode left = ts_node_child(node, 0), right = ts_node_child(node, 2), check = left;
    uint8_t kind = syn_kind_of(doc->tables, right);
    if (is_and(doc, left)) check = ts_node_child(left, 2);
    if (kind == GRAM_KIND_PAREN || is_or(doc, right) || !find_used(w, right, &name)) return;
    bool before = !ts_node_eq(check, left) && mentions(doc, ts_node_child(left, 0), name);
    if (before || was_mentioned(w, name)) return;
    uint32_t start = ts_node_start_byte(check), end = ts_node_start_byte(right);
    for (size_t i = 0; i < FORMS && forms->list[i]; i++) {
        size_t len = write_check(doc, name, forms->list[i], text);
        if (len > 0 && len == end - start && memcmp(text, doc->text + start, len) == 0)
            syn_slips_add(w, SYN_SLIP_CHECK, (struct syn_span){start, end}, "", 0);
    }
}

void syn_slips_check(struct syn_slips_walk *w)
{
    const struct forms *forms = forms_of(w->doc->lang);
    const struct syn_step *step = &w->path[w->depth - 1];
    if (!forms || !ts_node_is_named(step->node) || ts_node_has_error(step->node) ||
        !syn_slips_is_tested(w))
        return;
    add_missing(w, forms);
    add_dropped(w, forms);
}
