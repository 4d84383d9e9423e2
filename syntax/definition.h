/* definition.h: what of a node is its header, and which names it defines. Private to syntax/.
 *
 * Read from the language-neutral kinds and from the field names that grammars share ("name",
 * "declarator", "left", "pattern", "parameters"), so that no language needs rules of its own.
 * Each call looks at a bounded number of nodes.
 */
#ifndef ESPALIER_SYNTAX_DEFINITION_H
#define ESPALIER_SYNTAX_DEFINITION_H

#include "syntax/document.h"

#define SYN_DEFINITION_NAMES 8
#define SYN_HEADER_LINES     6 /* of a header at most */

struct syn_definitions {
    const struct syn_document *doc;
    TSTreeCursor cursor; /* scratch: each call starts it anew */
    TSFieldId name, declarator, left, pattern, parameters;
};

/* Lines of the document, both ends included. */
struct syn_line_range {
    uint32_t first, last;
};

void syn_definitions_begin(struct syn_definitions *d, const struct syn_document *doc, TSNode root);
void syn_definitions_end(struct syn_definitions *d);

/* Kinds whose nodes define something: function, class, declaration, import. */
bool syn_kind_defines(uint8_t kind);

/* The node's kind; of an export, which is an import in the table of kinds, the kind of what it
 * exports. */
uint8_t syn_kind_defined(struct syn_definitions *d, TSNode node);

/* A bracket that opens something. */
bool syn_is_opener(char c);

/* End of the node without the white space that some grammars count as part of it. */
uint32_t syn_trimmed_end(const struct syn_document *doc, TSNode node);

/* True when the node spans several lines. */
bool syn_spans_lines(TSNode node);

/* A declaration with parameters: what its body holds is local to it. */
bool syn_is_function(struct syn_definitions *d, TSNode node);

/* From the node's first line, annotations left out, to where its body begins; the whole node
 * when it is short and has none. bracket: the line of a bracket that opens the body counts
 * even when nothing else is on it. */
struct syn_line_range syn_header_of(struct syn_definitions *d, TSNode node, bool bracket);

/* Length of the word that ends at or before *end, not before `from`, 0 for none; moves *end to
 * its start. */
uint32_t syn_word_before(const char *text, uint32_t from, uint32_t *end);

/* The words that the node defines, as spans of the document; returns how many. */
size_t syn_names_of(struct syn_definitions *d, TSNode node,
                    struct syn_span names[SYN_DEFINITION_NAMES]);

#endif
