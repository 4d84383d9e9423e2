/* nodes.c: see nodes.h. One walk over the tree; it keeps what stands on lines of its own and
 * forgets the rest.
 */
#include "lsp/cli/eval/nodes.h"
#include "grammars/grammars.h"

#include <stdlib.h>
#include <string.h>

enum { DEPTH_MAX = 512 };

struct collector {
    const struct syn_document *doc;
    const char *text;
    size_t len;
    struct cli_nodes *out;
    uint32_t path[DEPTH_MAX]; /* numbers of the nodes from the root down */
    uint32_t number;
    bool failed;
};

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

static bool grow(void **array, size_t size, size_t used, size_t *capacity)
{
    if (used < *capacity) return true;
    size_t wanted = *capacity ? *capacity * 2 : 256;
    void *grown = wanted <= CLI_NODES_MAX ? realloc(*array, wanted * size) : NULL;
    if (!grown) return false;
    *array = grown;
    *capacity = wanted;
    return true;
}

/* Does the node begin its line and end its line, a separator behind it aside? *end becomes
 * the end of what stands there. */
static bool has_its_lines(const struct collector *c, uint32_t start, uint32_t *end)
{
    size_t at = start;
    while (at > 0 && is_blank(c->text[at - 1]))
        at--;
    if (at > 0 && c->text[at - 1] != '\n' && c->text[at - 1] != '\r') return false;
    at = *end;
    while (at < c->len && (is_blank(c->text[at]) || c->text[at] == ',' || c->text[at] == ';'))
        at++;
    if (at < c->len && c->text[at] != '\n' && c->text[at] != '\r') return false;
    while (at > *end && is_blank(c->text[at - 1]))
        at--;
    *end = (uint32_t)at;
    return true;
}

static bool keep_comment(struct collector *c, const struct syn_node *node)
{
    struct cli_nodes *out = c->out;
    if (!grow((void **)&out->comments, sizeof *out->comments, out->n_comments,
              &out->comments_capacity))
        return false;
    out->comments[out->n_comments++] = (struct syn_span){node->start, node->end};
    return true;
}

static bool keep_node(struct collector *c, const struct syn_node *node, uint32_t parent)
{
    struct cli_nodes *out = c->out;
    uint32_t end = node->end;
    /* Some grammars count the line's end as part of the statement. */
    while (end > node->start && strchr(" \t\r\n", c->text[end - 1]))
        end--;
    if (end == node->start || !has_its_lines(c, node->start, &end)) return true;
    const struct cli_node *last = out->n_nodes ? &out->nodes[out->n_nodes - 1] : NULL;
    if (last && last->start == node->start && last->end == end) return true; /* its only child */
    if (!grow((void **)&out->nodes, sizeof *out->nodes, out->n_nodes, &out->nodes_capacity))
        return false;
    size_t first, final, column;
    syn_position_of(c->doc, node->start, SYN_UTF8, &first, &column);
    syn_position_of(c->doc, end, SYN_UTF8, &final, &column);
    out->nodes[out->n_nodes++] =
        (struct cli_node){node->start, end, (uint32_t)first, (uint32_t) final, parent};
    return true;
}

static bool visit(const struct syn_node *node, void *user)
{
    struct collector *c = user;
    if (node->depth >= DEPTH_MAX) return true;
    c->path[node->depth] = ++c->number;
    if (node->depth == 0 || !node->named || node->error || node->missing) return true;
    uint32_t parent = c->path[node->depth - 1];
    c->failed =
        !(node->kind == GRAM_KIND_COMMENT ? keep_comment(c, node) : keep_node(c, node, parent));
    return !c->failed;
}

bool cli_nodes_collect(const struct syn_document *doc, struct cli_nodes *out)
{
    memset(out, 0, sizeof *out);
    struct collector c = {.doc = doc, .out = out};
    c.text = syn_document_text(doc, &c.len);
    syn_document_walk(doc, visit, &c);
    if (c.failed) cli_nodes_free(out);
    return !c.failed;
}

void cli_nodes_free(struct cli_nodes *nodes)
{
    free(nodes->nodes);
    free(nodes->comments);
    memset(nodes, 0, sizeof *nodes);
}

bool cli_nodes_has_comment(const struct cli_nodes *nodes, size_t start, size_t end)
{
    for (size_t i = 0; i < nodes->n_comments && nodes->comments[i].start < end; i++)
        if (nodes->comments[i].end > start) return true;
    return false;
}

size_t cli_nodes_next(const struct cli_nodes *nodes, const char *text, size_t i)
{
    const struct cli_node *node = &nodes->nodes[i];
    size_t next = i + 1;
    while (next < nodes->n_nodes && nodes->nodes[next].start < node->end)
        next++;
    if (next == nodes->n_nodes || nodes->nodes[next].parent != node->parent) return SIZE_MAX;
    for (size_t at = node->end; at < nodes->nodes[next].start; at++)
        if (!strchr(" \t\r\n", text[at]) || !text[at]) return SIZE_MAX;
    return next;
}
