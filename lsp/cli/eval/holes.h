/* holes.h: the samples of holes that evaluations ask models to fill.
 *
 *   line   to the end of a line of code: half of them from a token's start, half from
 *          behind the indentation
 *   multi  two to eight whole lines that are one syntax node or a run of sibling nodes,
 *          without comments
 *   span   any characters of code, no comment among them, both ends not white space
 *
 * Packages are drawn evenly, then files, then places. The same seed and files give the
 * same holes, whoever is asked to fill them.
 */
#ifndef ESPALIER_CLI_HOLES_H
#define ESPALIER_CLI_HOLES_H

#include "lsp/cli/eval/corpus.h"

enum cli_hole_kind { CLI_HOLE_LINE = 0, CLI_HOLE_MULTI, CLI_HOLE_SPAN, CLI_HOLE_KINDS };

/* Bytes of a hole at most; a line's limit is 240. */
#define CLI_HOLE_MAX_BYTES 512

struct cli_hole {
    struct cli_file *file; /* its text stays loaded */
    enum cli_hole_kind kind;
    size_t start, end; /* bytes: the truth, trailing white space left out */
    size_t suffix;     /* where the text behind the hole starts */
};

/* "line", "multi", "span". */
const char *cli_hole_kind_name(enum cli_hole_kind kind);
bool cli_hole_kind_of(const char *name, enum cli_hole_kind *out);

/* Appends up to wanted holes of files [first, last), which are of one language, with at least
 * `behind` bytes of their file in front of them. False when out of memory. */
bool cli_holes_draw(struct cli_corpus *corpus, size_t first, size_t last, enum cli_hole_kind kind,
                    size_t wanted, size_t behind, uint64_t seed, struct cli_hole *out,
                    size_t *count);

#endif
