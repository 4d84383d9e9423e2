/* prompt.h: from a document and a hole to the model's input sequence.
 *
 * The one place where byte spans, tree features and token ids become a sequence; serving,
 * evaluation and training (through the shared library of engine/training) all call it, so
 * that the model sees in use what it saw in training.
 *
 * Layouts (| marks special tokens; each takes the segment of the part it introduces, an
 * empty chain, and zeros elsewhere):
 *
 *   SPM    |lang| |fim_suffix| suffix |fim_middle| prefix middle |end|
 *   PSM    |lang| |fim_prefix| prefix |fim_suffix| suffix |fim_middle| middle |end|
 *   PLAIN  |lang| text |end|
 *
 * In SPM the |fim_middle| token has segment PREFIX: prefix and middle are one run, so
 * typing only extends the end. Token healing is part of the layout: the prefix is cut at
 * the healing point, and the middle starts with the bytes cut off.
 *
 * The prefix window starts at a token boundary that is a multiple of `chunk` tokens
 * counted from the start of the file's prefix tokens, so that it moves rarely while
 * typing. The suffix starts right after the hole and is cut after suffix_max tokens.
 *
 * Not thread-safe per object; distinct prompts are independent.
 */
#ifndef ESPALIER_PROMPT_H
#define ESPALIER_PROMPT_H

#include "engine/engine.h"
#include "syntax/syntax.h"

enum asst_order { ASST_ORDER_SPM = 0, ASST_ORDER_PSM = 1, ASST_ORDER_PLAIN = 2 };

struct asst_prompt_options {
    enum asst_order order;
    uint32_t budget;     /* tokens of the whole sequence, room for the middle included */
    uint32_t middle_max; /* tokens kept free for the middle */
    uint32_t suffix_max; /* tokens of suffix at most */
    uint32_t chunk;      /* window granularity in tokens */
};

struct asst_prompt {
    struct eng_input *inputs; /* [capacity] */
    uint32_t length, capacity;
    size_t heal_start;        /* byte of the document where the generated text starts */
    size_t hole_start, hole_end;
    struct syn_middle middle; /* state to continue with; token indices are positions */
};

/* Builds the sequence up to (not including) the middle for the hole. On success *out is
 * filled; free with asst_prompt_free. */
enum eng_status asst_prompt_build(const struct eng_model *model, const struct syn_document *doc,
                                  const struct syn_hole *hole,
                                  const struct asst_prompt_options *options,
                                  struct asst_prompt *out, struct eng_error *err);
void asst_prompt_free(struct asst_prompt *prompt);

/* Appends one middle token with its record; the state advances. */
enum eng_status asst_prompt_append(struct asst_prompt *prompt, const struct eng_model *model,
                                   int32_t id, struct eng_error *err);

/* The healed middle of a known text: tokens of document[heal_start, hole_start) + text. */
enum eng_status asst_prompt_append_text(struct asst_prompt *prompt,
                                        const struct eng_model *model,
                                        const struct syn_document *doc, const char *text,
                                        size_t len, struct eng_error *err);

#endif
