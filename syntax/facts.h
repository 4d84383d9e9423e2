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

/* A function with its body; where a grammar has a part of it as "function", too, all of it. */
bool syn_is_routine(const struct syn_document *doc, TSNode node);

/* A truth value of the language's own: a comparison, a negation, "and" or "or" of such, or true or
 * false. operators[n]: others whose results are. */
bool syn_is_boolean(const struct syn_document *doc, TSNode node,
                    const struct syn_argument *operators, uint32_t n);

/* Only whether it holds counts: it is a condition, or "and", "or" and "not" in one. */
bool syn_is_tested(const struct syn_document *doc, TSNode node);

/* What a node without a kind of its own is all of: itself, or the node in it. */
TSNode syn_unwrapped(const struct syn_document *doc, TSNode node);

/* The node and a semicolon, perhaps, is all of its parent, a statement. */
bool syn_is_wrapper(const struct syn_document *doc, TSNode parent, TSNode node);

/* The function or the loop that ends where the statement does; else the block or the like that
 * goes on behind it. */
TSNode syn_ended_by(const struct syn_document *doc, TSNode node);

/* Has it a token that is written as the name is? */
bool syn_mentions(const struct syn_document *doc, TSNode node, TSNode name);

/* Does the name stand behind the node, in the function around it or, outside of any, in the file?
 */
bool syn_is_read_behind(const struct syn_document *doc, TSNode name, TSNode node);

/* Nothing named but it and comments is in what it is in. */
bool syn_is_only_child(const struct syn_document *doc, TSNode node);

/* The last word of the node's text is in no other place of the scope's text, comments and strings
 * included. */
bool syn_is_unmentioned(const struct syn_document *doc, TSNode node, TSNode scope);

/* Does the name stand in the scope once, beside this one? */
bool syn_is_used_once(const struct syn_document *doc, TSNode name, TSNode scope);

/* Is the name in the scope given a value, stepped, or its address taken? */
bool syn_is_assigned(const struct syn_document *doc, TSNode name, TSNode scope);

/* An expression with operands, which may fall apart where it stands beside an operator. */
bool syn_is_loose(const struct syn_document *doc, TSNode node);
bool syn_is_operand(const struct syn_document *doc, TSNode node);

/* What the name was bound to is closed by a statement further down in the same block, one with the
 * name and one of the words in it, and there is a return or throw in between, *out, in a statement
 * that does not speak of the name; ifs right behind the binding do not count: they ask whether it
 * went well. */
bool syn_is_left_open(const struct syn_document *doc, TSNode name, const struct syn_argument *words,
                      uint32_t n, TSNode *out);

/* Calls visit for a node and all below it, in document order, until it returns false. False then.
 */
typedef bool (*syn_node_visit)(TSNode node, void *user);
bool syn_each_node(TSNode root, syn_node_visit visit, void *user);

/* The same of those that touch these bytes alone. */
bool syn_each_node_within(TSNode root, struct syn_span within, syn_node_visit visit, void *user);

bool syn_text_is(const struct syn_document *doc, TSNode node, const char *text, uint32_t len);
bool syn_same_text(const struct syn_document *doc, TSNode a, TSNode b);

#endif
