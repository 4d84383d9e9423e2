/* quantize.h: fp32 weights to the types that model files store, and whole tensors of one file to
 * those of another.
 *
 * The way back is eng_expand_weights (model.h). Types: F32, F16, BF16, Q8_0, Q4_0, IQ4_NL, Q4_K,
 * Q6_K, which are those that the engine runs.
 *
 * Threads: everything here may be called from any thread; eng_convert_tensor starts and joins
 * helpers of its own. Its result does not depend on their number.
 */
#ifndef ESPALIER_ENGINE_QUANTIZE_H
#define ESPALIER_ENGINE_QUANTIZE_H

#include "engine/gguf.h"

/* ---- Values ------------------------------------------------------------------------ */

/* Whether this type can be written, and read back. */
bool eng_can_quantize(enum eng_tensor_type type);

/* Index of the first of n values that the type cannot hold, which is no finite number or too
 * large; n when there is none. */
size_t eng_find_unfit(enum eng_tensor_type type, const float *values, size_t n);

/* n fitting values, a multiple of the type's block, to out: as many bytes as eng_type_bytes says.
 *
 * F16 and BF16 round to nearest, ties to even. Q8_0 makes the largest magnitude of a block 127. The
 * types of fewer bits take, of the scales (and minima) that they try, those with the least squared
 * error. Values that lie on a grid of Q8_0, Q4_0 or IQ4_NL with the end of the grid among them, as
 * blocks of such a file do, come back as they were. */
void eng_quantize(enum eng_tensor_type type, const float *values, size_t n, void *out);

/* ---- Tensors ----------------------------------------------------------------------- */

/* What a tensor is to the architectures that the engine runs. */
enum eng_role {
    ENG_ROLE_OTHER = 0,    /* norms, tables of the structure term, frequencies: small, kept F32 */
    ENG_ROLE_EMBEDDING,    /* of tokens; the output matrix as well where there is none */
    ENG_ROLE_OUTPUT,       /* the output matrix */
    ENG_ROLE_TABLE,        /* of n-grams */
    ENG_ROLE_ATTENTION,    /* q, k, v, output */
    ENG_ROLE_FEED_FORWARD, /* up, gate, down, and the projection of n-grams */
    ENG_ROLES
};
enum eng_role eng_role_of(const char *tensor);

/* Opens a file of an architecture that the engine runs, whose matrices are of types that it
 * reads. What else is wrong with a model only eng_model_open finds. */
enum eng_status eng_open_weights(const char *path, struct eng_gguf **out, struct eng_error *err);

/* Rows and columns that are kept of a tensor seen as a matrix of dims[0] columns: ascending
 * indices. NULL: all. */
struct eng_kept {
    const uint32_t *rows, *cols;
    size_t n_rows, n_cols;
};

/* Sums of squares of all values that went into a tensor, and of what they lost. */
struct eng_loss {
    double error, power;
};

/* What is kept of a tensor as another type: out has rows * cols values. Rows that keep their type
 * and all their columns are copied as they are. A value that `to` cannot hold is ENG_BAD_INPUT, in
 * words that name tensor and index. threads: as in eng_model_options. */
enum eng_status eng_convert_tensor(const struct eng_tensor *from, const struct eng_kept *kept,
                                   enum eng_tensor_type to, int threads, void *out,
                                   struct eng_loss *loss, struct eng_error *err);

/* Sums of magnitudes (L1 norms) of each row and of each column, in fp64: rows [count of rows],
 * cols [dims[0]]; either may be NULL. */
enum eng_status eng_sum_magnitudes(const struct eng_tensor *tensor, double *rows, double *cols,
                                   struct eng_error *err);

#endif
