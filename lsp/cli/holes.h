/* holes.h: the sample of single-line holes that `eval fim` scores on. */
#ifndef ESPALIER_CLI_HOLES_H
#define ESPALIER_CLI_HOLES_H

#include "lsp/cli/corpus.h"

struct cli_hole {
    struct cli_file *file; /* its text stays loaded */
    size_t start, end;     /* bytes: the truth, trailing white space left out */
    size_t line_end;       /* end of the line's content: where the suffix starts */
};

/* Appends up to wanted holes of one language: packages evenly, then files, then lines of
 * code; half of them start at a random token's start, half behind the indentation. The
 * same seed and files give the same holes. False when out of memory. */
bool cli_holes_draw(struct cli_corpus *corpus, size_t first, size_t last, size_t wanted,
                    uint64_t seed, struct cli_hole *out, size_t *count);

#endif
