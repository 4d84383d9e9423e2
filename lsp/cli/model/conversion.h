/* conversion.h: a copy of a model file with other types of tensors, or fewer rows and columns.
 *
 * Open it, say what is to be left of tensors (none: everything) and which types are wanted, then
 * write and report. Every tensor is made while the file is written, so one at a time is in memory.
 */
#ifndef ESPALIER_CLI_CONVERSION_H
#define ESPALIER_CLI_CONVERSION_H

#include "engine/quantize.h"
#include "lsp/cli/eval/eval.h"

/* Types by role; CLI_AS_IT_IS leaves those tensors' own. */
#define CLI_AS_IT_IS (-1)
struct cli_types {
    int of[ENG_ROLES]; /* enum eng_tensor_type */
};

struct cli_planned {
    struct cli_conversion *conversion; /* which therefore stays where it was opened */
    const struct eng_tensor *from;
    enum eng_role role;
    enum eng_tensor_type to;
    struct eng_kept kept;        /* arrays: the caller's, until the file is written */
    uint64_t dims[ENG_MAX_DIMS]; /* of what is left */
    uint64_t bytes;              /* the same */
    struct eng_loss loss;        /* once written */
    bool narrow;                 /* rows too short for the type that was wanted */
};

struct cli_conversion {
    struct cli *cli;
    struct eng_gguf *gguf;
    struct cli_planned *tensors; /* [count], in file order */
    size_t count;
    uint64_t bytes_before, bytes_after; /* of the files, once written */
};

/* What the verbs that convert are asked for. */
struct cli_conversion_options {
    const char *out, *type, *embeddings, *output, *tables;
    struct cli_list compare;
    long n, seed; /* for the comparison */
    bool force, json;
};

#define CLI_COMPARE_HELP                                                                           \
    "  --compare PATH    tells afterwards what the copy loses against IN on held-out files, as\n"  \
    "                    `model compare` does; further words are such files, too\n"                \
    "  --n N             holes of each language for it (default 100)\n"                            \
    "  --seed N          of the choice of holes (default 1)\n"                                     \
    "  --json            one JSON document\n"

/* Whether input and output make sense: words are IN and held-out files. False after a message. */
bool cli_conversion_check(const char *verb, const struct cli_conversion_options *options,
                          const char *const *words, size_t n_words);

/* False after a message: a name that is no type. */
bool cli_conversion_types(const struct cli_conversion_options *options, struct cli_types *out);

/* What the written file loses against IN where --compare asks for it: printed, or, where root is
 * not NULL, added to it. False after a message. */
bool cli_conversion_compare(struct cli *cli, const struct cli_conversion_options *options,
                            const char *const *words, size_t n_words, cJSON *root);

/* False after a message; cli_conversion_close either way. */
bool cli_conversion_open(struct cli *cli, const char *path, struct cli_conversion *out);
void cli_conversion_close(struct cli_conversion *conversion);

/* NULL when the file has no such tensor. */
struct cli_planned *cli_conversion_find(struct cli_conversion *conversion, const char *name);

/* Settles types, once dims say what is left. Rows that are no whole blocks of the wanted type get
 * the next finer one that fits them, which a note on stderr tells. False after a message: a
 * tensor would become larger and no better, and force is not set. */
bool cli_conversion_plan(struct cli_conversion *conversion, const struct cli_types *types,
                         bool force);

/* Writes `path` with the keys that the writer has; general.file_type is put here. */
bool cli_conversion_write(struct cli_conversion *conversion, struct eng_gguf_writer *writer,
                          const char *path);

/* The tensors by group and types: sizes before and after, and what was lost. */
void cli_conversion_print(const struct cli_conversion *conversion);
void cli_conversion_add_json(const struct cli_conversion *conversion, cJSON *root);

#endif
