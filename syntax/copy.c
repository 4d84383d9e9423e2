/* Copies of documents, for work that goes on while the original is edited.
 *
 * The copy has its own text, lines and parsers; the tree's nodes are shared, counted by
 * references that tree-sitter changes atomically, so neither side sees the other. A parse
 * that timed out is not carried over: it belongs to the original's parser.
 */
#include "syntax/document.h"

enum syn_status syn_document_copy(const struct syn_document *doc, struct syn_document **out,
                                  struct syn_error *err)
{
    enum syn_status status = syn_document_new(doc->lang, doc->text, doc->length, out, err);
    if (status != SYN_OK || !doc->tree) return status;
    (*out)->tree = ts_tree_copy(doc->tree);
    if (!(*out)->tree) {
        syn_document_free(*out);
        *out = NULL;
        return syn_fail(err, SYN_NO_MEMORY, "out of memory for a copy of the tree");
    }
    (*out)->parsed = doc->parsed;
    return SYN_OK;
}
