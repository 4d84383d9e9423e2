/* nodes.h: what of a file's tree the choice of holes needs: runs of whole lines, and where
 * the comments are. Drawing happens in holes.c. */
#ifndef ESPALIER_CLI_NODES_H
#define ESPALIER_CLI_NODES_H

#include "syntax/syntax.h"

/* A node that has its lines to itself, but for a comma or semicolon behind it. */
struct cli_node {
    uint32_t start, end; /* end: of what stands on its last line */
    uint32_t first_line, last_line;
    uint32_t parent; /* equal for siblings */
};

struct cli_nodes {
    struct cli_node *nodes; /* in document order */
    size_t n_nodes, nodes_capacity;
    struct syn_span *comments; /* ascending */
    size_t n_comments, comments_capacity;
};

#define CLI_NODES_MAX 262144u

/* Of a parsed document. False when out of memory. */
bool cli_nodes_collect(const struct syn_document *doc, struct cli_nodes *out);
void cli_nodes_free(struct cli_nodes *nodes);

/* Does [start, end) touch a comment? */
bool cli_nodes_has_comment(const struct cli_nodes *nodes, size_t start, size_t end);

/* The node after nodes[i] among its siblings, if nothing but white space lies between them;
 * SIZE_MAX when there is none. */
size_t cli_nodes_next(const struct cli_nodes *nodes, const char *text, size_t i);

#endif
