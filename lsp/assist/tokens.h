/* tokens.h: the tokens of one document, kept line by line.
 *
 * Pre-tokens never cross a line's end, so each line tokenises on its own, and a keystroke
 * costs one line. A cache is synced to the document's present text before use; it finds
 * out by itself which lines are new and tokenises a line only when it is asked for.
 *
 * The cache keeps its own copy of the text and borrows the model. Any thread may hold or free it;
 * all else belongs to one thread at a time. Sizes are bounded by the document (SYN_MAX_BYTES).
 */
#ifndef ESPALIER_TOKENS_H
#define ESPALIER_TOKENS_H

#include "engine/engine.h"
#include "syntax/syntax.h"

struct asst_tokens;

/* One token of a line. */
struct asst_token {
    int32_t id;
    uint32_t bytes;
};

/* The model must outlive the cache. */
enum eng_status asst_tokens_new(const struct eng_model *model, struct asst_tokens **out,
                                struct eng_error *err);
/* One holder more, or less; the last one frees it. Both take NULL. */
struct asst_tokens *asst_tokens_hold(struct asst_tokens *tokens);
void asst_tokens_free(struct asst_tokens *tokens);

/* Makes the cache describe the document's present text; what is unchanged is kept. On
 * ENG_NO_MEMORY the cache is empty and may be synced again. */
enum eng_status asst_tokens_sync(struct asst_tokens *tokens, const struct syn_document *doc,
                                 struct eng_error *err);

/* Tokens of one line of the synced text, its terminator included. Valid until the next
 * sync. */
enum eng_status asst_tokens_line(struct asst_tokens *tokens, size_t line,
                                 const struct asst_token **out, size_t *count,
                                 struct eng_error *err);

/* Lines whose tokens were computed since asst_tokens_new: what a keystroke costs. */
size_t asst_tokens_work(const struct asst_tokens *tokens);

#endif
