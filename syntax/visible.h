/* visible.h: which local names are known at a place, told while a tree is walked. Private to
 * syntax/.
 *
 * There are no types here and no rules of one language; a name is visible from where it is bound
 * to the end of the function, or of the block in languages whose blocks are scopes.
 */
#ifndef ESPALIER_SYNTAX_VISIBLE_H
#define ESPALIER_SYNTAX_VISIBLE_H

#include "syntax/document.h"

#define SYN_VISIBLE_NAMES  256 /* at a time; more are not seen */
#define SYN_VISIBLE_SCOPES 128

/* A node on the way from the root to where a walk is. */
struct syn_step {
    TSNode node;
    const char *type;
    TSFieldId field; /* in its parent; 0: none */
    uint8_t kind;
};

/* Fields that grammars share, as ids of one grammar; 0: it has none of that name. */
struct syn_fields {
    TSFieldId name, declarator, left, pattern, type, value, fallback, function, method, condition,
        body;
};
void syn_fields_of(const struct syn_document *doc, struct syn_fields *out);

struct syn_visible_name {
    struct syn_span span; /* where it was bound */
    TSSymbol symbol;      /* of its node */
    uint32_t used;        /* start of its last occurrence */
};

struct syn_visible {
    const struct syn_document *doc;
    struct syn_fields fields;
    bool blocks;         /* are scopes */
    TSSymbol identifier; /* of plain names; 0: none */
    struct syn_visible_name names[SYN_VISIBLE_NAMES];
    size_t count;
    struct {
        uint32_t end;
        size_t names;
    } scopes[SYN_VISIBLE_SCOPES];
    size_t n_scopes;
};

void syn_visible_begin(struct syn_visible *v, const struct syn_document *doc);

/* The walk has come to path[depth - 1]: leaves scopes that ended before it, enters its own. */
void syn_visible_enter(struct syn_visible *v, const struct syn_step *path, size_t depth);

/* A node that is a function, with its body. */
bool syn_step_is_function(const struct syn_visible *v, const struct syn_step *step);

/* What a name at path[depth - 1] does there. */
enum syn_name_role { SYN_ROLE_NONE, SYN_ROLE_BINDS, SYN_ROLE_READS };
enum syn_name_role syn_visible_role(const struct syn_visible *v, const struct syn_step *path,
                                    size_t depth);

/* Makes the name known, or notes that it occurs again. */
void syn_visible_bind(struct syn_visible *v, TSNode name);

/* The visible name of these bytes, or NULL. */
struct syn_visible_name *syn_visible_find(struct syn_visible *v, TSNode name);

#endif
