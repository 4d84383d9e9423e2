/* outline.h: lines from in front of a window that does not reach back to the file's start.
 *
 * syntax/ says which lines matter and in which order (syn_hole_outline); here they are taken
 * while tokens last: a part that does not fit is passed over for those that do. What was
 * chosen depends on the window's start, on whole lines of the window above the cursor's, and
 * on nothing in the cursor's line: see asst_prompt_options for what that is good for.
 */
#ifndef ESPALIER_OUTLINE_H
#define ESPALIER_OUTLINE_H

#include "lsp/assist/prompt.h"

/* A boundary between two tokens of a document. */
struct asst_place {
    size_t line, skip; /* tokens of the line in front of it */
    size_t byte;
};

struct asst_outline {
    uint32_t *lines; /* ascending */
    size_t n_lines;
    size_t tokens; /* of these lines, up to the place */
};

/* Where the given token of the document starts, counted from 0 over lines [0, n_lines); past
 * the last: the start of line n_lines. */
enum eng_status asst_place_of(const struct syn_document *doc, struct asst_tokens *cache,
                              size_t token, size_t n_lines, struct asst_place *out,
                              struct eng_error *err);

/* Lines in front of the place, of at most max tokens together. Names are read from the text
 * between it and byte near_end. cache is synced to source->doc. Without a hole the tree of the
 * complete document is asked. Free with asst_outline_free, also after a failure. */
enum eng_status asst_outline_choose(const struct asst_source *source, struct asst_tokens *cache,
                                    const struct asst_place *before, size_t near_end, uint32_t max,
                                    struct asst_outline *out, struct eng_error *err);

/* Leaves out what is not in front of an earlier place. */
enum eng_status asst_outline_trim(struct asst_outline *outline, struct asst_tokens *cache,
                                  const struct asst_place *before, struct eng_error *err);

void asst_outline_free(struct asst_outline *outline);

#endif
