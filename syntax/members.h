/* members.h: the definitions that a part of a tree holds. Private to syntax/. */
#ifndef ESPALIER_SYNTAX_MEMBERS_H
#define ESPALIER_SYNTAX_MEMBERS_H

#include "syntax/definition.h"

#define SYN_MEMBERS_NESTING 8 /* of scopes that the walk goes down */

/* A definition. */
struct syn_member {
    TSNode node;
    uint32_t start, end;
    uint32_t members; /* where the first of its own members starts, UINT32_MAX without any */
    int32_t owner;    /* the member of the list that it is a member of, -1 for none */
    uint8_t kind;
    bool enclosing; /* as the walk's scope says */
    bool local;
};

/* What is known of the nodes in which definitions stand; inherited by what is found in them. */
struct syn_scope {
    int32_t owner;
    bool enclosing, local;
    unsigned nesting;
};

struct syn_members {
    const struct syn_document *doc;
    struct syn_definitions definitions;
    TSTreeCursor cursor;
    bool loads;        /* calls that load other files count as imports */
    uint32_t from, to; /* bytes that the walk looks at */
    struct syn_member *list;
    size_t count, capacity; /* at most some ten thousand; what is beyond is left out */
    bool failed;            /* memory ran out */
};

void syn_members_begin(struct syn_members *m, const struct syn_document *doc, TSNode root);
void syn_members_end(struct syn_members *m);

/* Adds what stands in the node, in document order, and ends within bytes [from, to). */
void syn_members_walk(struct syn_members *m, TSNode node, struct syn_scope scope, uint32_t from,
                      uint32_t to);

/* The names that the member itself defines: a group of definitions has none. Returns how many. */
size_t syn_members_names(struct syn_members *m, const struct syn_member *member,
                         struct syn_span names[SYN_DEFINITION_NAMES]);

/* Some grammars have a node around all definitions of a scope, or all imports: it starts with
 * one, and the next thing in it is another. */
bool syn_members_is_group(const struct syn_members *m, TSNode node, uint8_t kind);

#endif
