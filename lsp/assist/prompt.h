/* prompt.h: from a document and a hole to the model's input sequence.
 *
 * The one place where byte spans, tree features and token ids become a sequence; serving,
 * evaluation and training (through the shared library of engine/training) all call it, so
 * that the model sees in use what it saw in training.
 *
 * Layouts (| marks special tokens; each takes the segment of the part it introduces, an
 * empty chain, and zeros elsewhere; |lang| introduces the whole: segment CONTEXT):
 *
 *   SPM    |lang| |fim_suffix| suffix |fim_middle| prefix middle |end|
 *   PSM    |lang| |fim_prefix| prefix |fim_suffix| suffix |fim_middle| middle |end|
 *   PLAIN  |lang| text |end|
 *
 * In SPM the |fim_middle| token has segment PREFIX: prefix and middle are one run, so
 * typing only extends the end. Token healing is part of the layout: the prefix is cut at
 * the healing point, and the middle starts with the bytes cut off. Special tokens that the
 * vocabulary lacks are left out (|lang|) or rule the layout out (the FIM tokens).
 *
 * The prefix window starts at a token boundary that is a multiple of `chunk` tokens
 * counted from the start of the file's prefix tokens, so that it moves rarely while
 * typing. The suffix starts right after the hole and is cut after suffix_max tokens.
 *
 * When the prefix does not fit and outline_max is not 0, up to that many tokens of its room go
 * to an outline: whole lines from in front of the window, chosen by the tree (enclosing
 * headers, definitions of names used in the window, signatures nearby; bodies are skipped).
 * They are ordinary prefix tokens, in document order, in front of the window's. What the
 * outline leaves of its share the window gets back, in whole chunks.
 *
 * An outline that changed with every keystroke would cost a prefill of the whole prefix each
 * time. So it depends on the text in front of the window and on the names in the window's
 * whole lines up to the token that is the last one however full the last chunk is, and not on
 * the cursor's line: it changes when the window moves, which costs that prefill anyway, when
 * the text above the cursor is edited, or when the suffix does.
 *
 * Text of other files, where the source has some and extra_max is not 0, stands in front of all
 * prefix tokens: lines as they are, tokens of the prefix's segment with empty records, as the
 * lines of an outline at a file's top level are. The window has the less room.
 *
 * Chains are mapped to positions of the sequence; an entry in front of the window or, for
 * a suffix token, in the prefix becomes -1.
 *
 * Not thread-safe per object; distinct prompts are independent.
 */
#ifndef ESPALIER_PROMPT_H
#define ESPALIER_PROMPT_H

#include "engine/engine.h"
#include "lsp/assist/extra.h"
#include "syntax/syntax.h"

struct asst_tokens;

enum asst_order { ASST_ORDER_SPM = 0, ASST_ORDER_PSM = 1, ASST_ORDER_PLAIN = 2 };

struct asst_prompt_options {
    enum asst_order order;
    uint32_t budget;      /* tokens of the whole sequence, room for the middle included */
    uint32_t middle_max;  /* tokens kept free for the middle */
    uint32_t suffix_max;  /* tokens of suffix at most */
    uint32_t chunk;       /* window granularity in tokens */
    uint32_t outline_max; /* tokens of outline at most, 0: none; ignored where they would leave
                             the window less than two chunks */
    uint32_t extra_max;   /* tokens of other files at most, 0: none; not more than a third of the
                             room that the suffix leaves */
};

/* The order and the outline that the model was made for (PLAIN when its vocabulary lacks the
 * FIM tokens) and sizes that fit its context. */
void asst_prompt_defaults(const struct eng_model *model, struct asst_prompt_options *out);

/* Where the text comes from. */
struct asst_source {
    const struct syn_document *doc;
    const struct syn_hole *hole;    /* opened for this very range, on doc or a copy of it;
                                       NULL: no tree, and every chain is empty */
    size_t hole_start, hole_end;    /* bytes of doc */
    struct asst_tokens *tokens;     /* this document's cache, synced by the call; NULL: none */
    const struct asst_extra *extra; /* of other files; NULL: none */
};

/* A parse's outcome as the engine's: SYN_NO_MEMORY is ENG_NO_MEMORY, SYN_CANCELLED ENG_CANCELLED,
 * any other failure ENG_BAD_INPUT, with the text of `why` in err (NULL: not wanted). */
enum eng_status asst_from_syntax(enum syn_status status, const struct syn_error *why,
                                 struct eng_error *err);

struct asst_prompt {
    struct eng_input *inputs; /* [capacity] */
    uint32_t length, capacity;
    size_t heal_start; /* byte of the document where the generated text starts */
    size_t hole_start, hole_end;
    struct syn_middle middle;   /* state to continue with; token indices are positions */
    bool has_tree;              /* middle is valid */
    size_t window_start;        /* byte where the prefix window starts; 0: at the file's start */
    uint32_t n_outline;         /* tokens of the outline in front of it */
    uint32_t extra_at, n_extra; /* tokens of other files: the first one's position, how many */
    uint32_t line_position;     /* position of the first token of the hole's line that is in
                                   the window and not white space alone */
};

/* Builds the sequence up to (not including) the middle for the hole. On success *out is
 * filled; free with asst_prompt_free. */
enum eng_status asst_prompt_build(const struct eng_model *model, const struct asst_source *source,
                                  const struct asst_prompt_options *options,
                                  struct asst_prompt *out, struct eng_error *err);
void asst_prompt_free(struct asst_prompt *prompt);

/* Appends one middle token with its record; the state advances. Allocates nothing. A
 * special token (<|end|>) gets an empty chain and leaves the state alone. */
enum eng_status asst_prompt_append(struct asst_prompt *prompt, const struct eng_model *model,
                                   int32_t id, struct eng_error *err);

/* The healed middle of a known text: tokens of document[heal_start, hole_start) + text. */
enum eng_status asst_prompt_append_text(struct asst_prompt *prompt, const struct eng_model *model,
                                        const struct syn_document *doc, const char *text,
                                        size_t len, struct eng_error *err);

/* A part of a complete text. */
struct asst_part {
    const struct syn_document *doc; /* parsed, when it has a language */
    struct asst_tokens *tokens;     /* its cache, or NULL */
    size_t start, end;              /* bytes; start is a line's start, or where an earlier part
                                       stopped */
    uint32_t budget;                /* tokens of the whole sequence */
    uint32_t outline_max;           /* tokens of an outline of what is in front of start, 0: none */
    size_t known; /* byte up to which the outline may use the names of the part itself; what is
                     behind it is to be predicted, and has no say. start or less: none */
};

/* The PLAIN sequence of a part of a complete text: |lang|, the outline, and the document's
 * tokens from byte start on, up to end bytes or budget tokens, whichever comes first, with the
 * features of the complete document; |end| follows when the document's end was reached. *stop:
 * the byte after the last token taken. */
enum eng_status asst_prompt_plain(const struct eng_model *model, const struct asst_part *part,
                                  struct asst_prompt *out, size_t *stop, struct eng_error *err);

#endif
