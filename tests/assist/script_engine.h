/* script_engine.h: an engine that writes what it is told.
 *
 * Defines the eng_ functions that lsp/assist uses, over a vocabulary of single bytes. The
 * logits follow scripts: at the end of the prompt each script's first byte is likely, the
 * first script's most; after that, the bytes of the first script that agrees with what was
 * written, and <|end|> at its end. A script is what follows the cursor; healed bytes in
 * front of it are worked out from `line`.
 */
#ifndef ESPALIER_TESTS_SCRIPT_ENGINE_H
#define ESPALIER_TESTS_SCRIPT_ENGINE_H

#include "engine/engine.h"

#define SCRIPT_MAX 4

struct eng_model {
    const char *script[SCRIPT_MAX];
    size_t length[SCRIPT_MAX];
    size_t count;
    bool has_language_tokens;
    struct eng_model_info info;
    eng_cancel *cancel_flag; /* raised after cancel_after appended tokens, when set */
    size_t cancel_after;
};

enum { SCRIPT_VOCAB = 6 + 256, SCRIPT_END = 0 };

/* line: the text left of the cursor on its line. The strings must stay alive; *storage
 * receives what to free. */
void script_model_init(struct eng_model *model, const char *line, const char *const *scripts,
                       size_t count, char **storage);

#endif
