/* extra.h: text of other files, as many tokens of it as there is room for.
 *
 * Who offers it, a workspace index or an editor's history, is not known here: snippets come as
 * values, the most important first, each a run of whole lines with its place in the order of
 * showing. They are taken whole while tokens last, one that does not fit is passed over for those
 * that do; what was taken is shown in the order of places, so that what changes rarely can stand in
 * front of what changes more often and stay in the cache.
 */
#ifndef ESPALIER_EXTRA_H
#define ESPALIER_EXTRA_H

#include "engine/engine.h"

#define ASST_EXTRA_SNIPPETS 192 /* that are looked at */

struct asst_snippet {
    const char *text; /* UTF-8, the caller's */
    size_t len;
    uint32_t place;
};

/* Borrowed for the time of a call. */
struct asst_extra {
    const struct asst_snippet *snippets;
    size_t count;
};

/* The tokens of what fits into max; out[max]. */
enum eng_status asst_extra_tokens(const struct eng_model *model, const struct asst_extra *extra,
                                  uint32_t max, int32_t *out, uint32_t *count,
                                  struct eng_error *err);

#endif
