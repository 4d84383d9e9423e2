/* What a file defines and loads, for those who look at it from other files.
 *
 * The same walk as for outlines, over the whole text: what it calls a definition here is one
 * there, and its header is the same lines. It adds what an outline has no use for: calls and
 * directives that load other files.
 */
#include "syntax/members.h"

#include <stdlib.h>

/* Adds what member i defines; first[i] is set to its first symbol, or -1. */
static void put_symbols(struct syn_members *m, size_t i, int32_t *first, struct syn_symbol *out,
                        size_t max, size_t *count)
{
    const struct syn_member *member = &m->list[i];
    struct syn_span names[SYN_DEFINITION_NAMES];
    bool import = member->kind == GRAM_KIND_IMPORT;
    size_t n = import ? 1 : syn_members_names(m, member, names);
    first[i] = -1;
    if (n == 0 || *count == max) return;
    struct syn_line_range lines = syn_header_of(&m->definitions, member->node, false);
    first[i] = (int32_t)*count;
    for (size_t k = 0; k < n && *count < max; k++)
        out[(*count)++] = (struct syn_symbol){
            .name = import ? (struct syn_span){member->start, member->end} : names[k],
            .first_line = lines.first,
            .last_line = lines.last,
            .owner = member->owner >= 0 ? first[member->owner] : -1,
            .start = member->start,
            .end = member->end,
            .kind = member->kind};
}

enum syn_status syn_symbols(const struct syn_document *doc, struct syn_symbol *out, size_t max,
                            size_t *count, struct syn_error *err)
{
    *count = 0;
    if (!doc->tree) return SYN_OK;
    TSNode root = ts_tree_root_node(doc->tree);
    struct syn_members m;
    syn_members_begin(&m, doc, root);
    m.loads = true;
    syn_members_walk(&m, root, (struct syn_scope){.owner = -1}, 0, (uint32_t)doc->length);
    int32_t *first = m.count && !m.failed ? malloc(m.count * sizeof *first) : NULL;
    bool ok = !m.failed && (first || m.count == 0);
    for (size_t i = 0; ok && i < m.count; i++)
        put_symbols(&m, i, first, out, max, count);
    free(first);
    syn_members_end(&m);
    return ok ? SYN_OK : syn_fail(err, SYN_NO_MEMORY, "out of memory for the symbols of a text");
}
