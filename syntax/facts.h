/* facts.h: what a tree says of its nodes, for predicates. Private to syntax/.
 *
 * All of these err to the side on which a finding is dropped: what cannot be told is told the way
 * that the function's comment names. */
#ifndef ESPALIER_SYNTAX_FACTS_H
#define ESPALIER_SYNTAX_FACTS_H

#include "syntax/predicate.h"

/* The same tokens, comments aside. */
bool syn_same_tokens(const struct syn_document *doc, TSNode a, TSNode b);

/* Calls nothing, assigns nothing, makes nothing new. */
bool syn_is_pure(const struct syn_document *doc, TSNode node);

/* Nothing named in it but comments. */
bool syn_is_empty(const struct syn_document *doc, TSNode node);

/* A comment in it, behind it on the line where it ends, or above the line where it starts. */
bool syn_is_commented(const struct syn_document *doc, TSNode node);

/* Control does not leave it at its end. calls: one that is known not to return ends it as well. */
bool syn_ends(const struct syn_document *doc, TSNode node, bool calls);

/* A name's only occurrence in the scope, where nothing in the scope is an error. */
bool syn_is_unread(const struct syn_document *doc, TSNode name, TSNode scope);

/* All other occurrences of the name in the scope are objects whose members are used; and, with n
 * functions, arguments of one of these, or compared. */
bool syn_stays(const struct syn_document *doc, TSNode name, TSNode scope,
               const struct syn_argument *functions, uint32_t n);

/* All that a branch of an if, a switch or a try consists of. */
bool syn_is_alone(const struct syn_document *doc, TSNode node);

/* A child of the container, before the one that holds the node, has the same tokens in the same
 * place: *out. Among a container's first two thousand children, with what is between them. */
bool syn_find_earlier(const struct syn_document *doc, TSNode node, TSNode container, TSNode *out);

/* A loop around the one that binds the name binds it as well, in the field of that name, and
 * reads the name once more behind the inner one. */
bool syn_rebinds_outer(const struct syn_document *doc, TSNode name, const char *field,
                       uint32_t len);

/* Calls visit for a node and all below it, in document order, until it returns false. False then.
 */
typedef bool (*syn_node_visit)(TSNode node, void *user);
bool syn_each_node(TSNode root, syn_node_visit visit, void *user);

bool syn_text_is(const struct syn_document *doc, TSNode node, const char *text, uint32_t len);
bool syn_same_text(const struct syn_document *doc, TSNode a, TSNode b);

#endif
