/* Scopes by kinds and field names.
 *
 * A name binds where the way up from it leads, through nothing but patterns, to a parameter or to
 * the field of a declaration, an assignment or a loop in which grammars keep what is bound. All
 * other occurrences read, but for names of members, of keyword arguments and of what is called.
 */
#include "syntax/visible.h"
#include "syntax/definition.h"

#include <string.h>

enum { PATTERN_LEVELS = 8 };

static TSFieldId field_id(const struct syn_document *doc, const char *name)
{
    return ts_language_field_id_for_name(doc->tables->grammar, name, (uint32_t)strlen(name));
}

void syn_fields_of(const struct syn_document *doc, struct syn_fields *out)
{
    *out = (struct syn_fields){.name = field_id(doc, "name"),
                               .declarator = field_id(doc, "declarator"),
                               .left = field_id(doc, "left"),
                               .pattern = field_id(doc, "pattern"),
                               .type = field_id(doc, "type"),
                               .value = field_id(doc, "value"),
                               .fallback = field_id(doc, "default_value"),
                               .function = field_id(doc, "function"),
                               .method = field_id(doc, "method"),
                               .condition = field_id(doc, "condition"),
                               .body = field_id(doc, "body")};
}

static bool is_one_of(const char *type, const char *const *types, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (strcmp(type, types[i]) == 0) return true;
    return false;
}

static bool has_block_scopes(const struct gram_language *lang)
{
    static const char *const whole[] = {"python", "ruby", "php", "bash", "haskell"};
    return !is_one_of(lang->id, whole, sizeof whole / sizeof *whole);
}

void syn_visible_begin(struct syn_visible *v, const struct syn_document *doc)
{
    v->doc = doc;
    v->blocks = has_block_scopes(doc->lang);
    v->count = v->n_scopes = 0;
    v->identifier = ts_language_symbol_for_name(doc->tables->grammar, "identifier", 10, true);
    syn_fields_of(doc, &v->fields);
}

bool syn_step_is_function(const struct syn_visible *v, const struct syn_step *step)
{
    if (step->field && step->field == v->fields.declarator) return false;
    if (step->kind == GRAM_KIND_FUNCTION)
        return !strstr(step->type, "type") && !strstr(step->type, "declarator");
    return step->kind == GRAM_KIND_DECLARATION &&
           (strstr(step->type, "function") || strstr(step->type, "method") ||
            strstr(step->type, "constructor"));
}

void syn_visible_enter(struct syn_visible *v, const struct syn_step *path, size_t depth)
{
    const struct syn_step *step = &path[depth - 1];
    uint32_t start = ts_node_start_byte(step->node);
    while (v->n_scopes > 0 && v->scopes[v->n_scopes - 1].end <= start)
        v->count = v->scopes[--v->n_scopes].names;
    bool scope = syn_step_is_function(v, step) || step->kind == GRAM_KIND_CLASS ||
                 (v->blocks && (step->kind == GRAM_KIND_BLOCK || step->kind == GRAM_KIND_LOOP ||
                                step->kind == GRAM_KIND_IF || step->kind == GRAM_KIND_TRY));
    if (!scope || v->n_scopes == SYN_VISIBLE_SCOPES) return;
    v->scopes[v->n_scopes].end = ts_node_end_byte(step->node);
    v->scopes[v->n_scopes++].names = v->count;
}

/* ---- Roles ------------------------------------------------------------------------- */

/* `*p`, `a[3]` in a declaration. */
static bool is_declarator(const struct syn_step *step)
{
    return strstr(step->type, "declarator") && step->kind != GRAM_KIND_FUNCTION &&
           step->kind != GRAM_KIND_ASSIGN;
}

/* What a pattern may be made of. */
static bool is_pattern(const struct syn_step *step)
{
    uint8_t kind = step->kind;
    return kind == GRAM_KIND_OTHER || kind == GRAM_KIND_LIST || kind == GRAM_KIND_PAREN ||
           kind == GRAM_KIND_UNARY || kind == GRAM_KIND_NAME || kind == GRAM_KIND_MAP ||
           kind == GRAM_KIND_DECLARATION || is_declarator(step);
}

/* A declaration of variables: no function, no type. */
static bool declares(const struct syn_visible *v, const struct syn_step *step)
{
    static const char *const others[] = {"class",  "struct", "interface", "enum",
                                         "record", "trait",  "namespace", "type"};
    if (step->kind == GRAM_KIND_ASSIGN || step->kind == GRAM_KIND_LOOP) return true;
    if (step->kind != GRAM_KIND_DECLARATION || syn_step_is_function(v, step)) return false;
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        if (strstr(step->type, others[i])) return false;
    return true;
}

static bool binds(const struct syn_visible *v, const struct syn_step *path, size_t depth)
{
    static const char *const binding[] = {"variable_declaration", "variable_list", "patterns",
                                          "for_numeric_clause", "formal_parameters"};
    const struct syn_fields *f = &v->fields;
    for (size_t level = 0; level < PATTERN_LEVELS && depth > 1; level++, depth--) {
        const struct syn_step *link = &path[depth - 1], *parent = &path[depth - 2];
        TSFieldId field = link->field;
        bool value = field && (field == f->type || field == f->value || field == f->fallback);
        if (value || (link->kind == GRAM_KIND_TYPE && !is_declarator(link))) return false;
        if (parent->kind == GRAM_KIND_PARAMETER || parent->kind == GRAM_KIND_PARAMETERS)
            return true;
        if (is_one_of(parent->type, binding, sizeof binding / sizeof *binding) &&
            (field == 0 || field == f->name))
            return true;
        bool bound = field && (field == f->name || field == f->declarator || field == f->left ||
                               field == f->pattern);
        if (bound &&
            (parent->kind == GRAM_KIND_DECLARATION || parent->kind == GRAM_KIND_ASSIGN ||
             parent->kind == GRAM_KIND_LOOP) &&
            !is_declarator(parent))
            return declares(v, parent);
        if (!is_pattern(parent)) return false;
    }
    return false;
}

/* Of the link to its parent alone. */
static bool names_something_else(const struct syn_visible *v, const struct syn_step *link,
                                 const struct syn_step *parent)
{
    const struct syn_fields *f = &v->fields;
    bool first = ts_node_eq(ts_node_child(parent->node, 0), link->node);
    if (link->field && (link->field == f->function || link->field == f->method ||
                        link->field == f->type || link->field == f->name))
        return true;
    if (parent->kind == GRAM_KIND_MEMBER || parent->kind == GRAM_KIND_PAIR)
        return (parent->kind == GRAM_KIND_MEMBER) != first;
    return parent->kind == GRAM_KIND_TYPE || parent->kind == GRAM_KIND_IMPORT ||
           parent->kind == GRAM_KIND_CLASS || syn_step_is_function(v, parent);
}

enum syn_name_role syn_visible_role(const struct syn_visible *v, const struct syn_step *path,
                                    size_t depth)
{
    const struct syn_step *link = &path[depth - 1];
    bool wrapped = strcmp(link->type, "variable_name") == 0; /* in PHP a node around a name */
    if (link->kind != GRAM_KIND_NAME || depth < 2) return SYN_ROLE_NONE;
    if (!wrapped && ts_node_child_count(link->node) > 0) return SYN_ROLE_NONE;
    if (binds(v, path, depth)) return SYN_ROLE_BINDS;
    if (names_something_else(v, link, &path[depth - 2])) return SYN_ROLE_NONE;
    return SYN_ROLE_READS;
}

/* ---- Names ------------------------------------------------------------------------- */

static struct syn_visible_name *find(struct syn_visible *v, struct syn_span span, TSSymbol symbol)
{
    uint32_t len = span.end - span.start;
    for (size_t i = v->count; i-- > 0;) {
        struct syn_span have = v->names[i].span;
        if (have.end - have.start == len && v->names[i].symbol == symbol &&
            memcmp(v->doc->text + have.start, v->doc->text + span.start, len) == 0)
            return &v->names[i];
    }
    return NULL;
}

struct syn_visible_name *syn_visible_find(struct syn_visible *v, TSNode name)
{
    struct syn_span span = {ts_node_start_byte(name), ts_node_end_byte(name)};
    return find(v, span, ts_node_symbol(name));
}

/* `{a, b}` in a pattern binds what is read as plain names. */
static TSSymbol symbol_of(const struct syn_visible *v, TSNode name)
{
    bool shorthand = strstr(ts_node_type(name), "shorthand") != NULL;
    return shorthand ? v->identifier : ts_node_symbol(name);
}

void syn_visible_bind(struct syn_visible *v, TSNode name)
{
    struct syn_span span = {ts_node_start_byte(name), ts_node_end_byte(name)};
    TSSymbol symbol = symbol_of(v, name);
    struct syn_visible_name *known = find(v, span, symbol);
    if (known)
        known->used = span.start;
    else if (v->count < SYN_VISIBLE_NAMES)
        v->names[v->count++] = (struct syn_visible_name){span, symbol, span.start};
}
