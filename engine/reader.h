/* reader.h: what opening a model passes around, and the checked access to the file's keys and
 * tensors that every part of opening shares. Internal to the engine.
 *
 * All functions return ENG_OK or fail with a text in err that names key or tensor, what was
 * found and what was expected.
 */
#ifndef ESPALIER_ENGINE_READER_H
#define ESPALIER_ENGINE_READER_H

#include "engine/model.h"

struct eng_reader {
    struct eng_model *model;
    const struct eng_gguf *gguf;
    const char *architecture;
    enum eng_weights weights;
    struct eng_error *err;
};

/* ENG_UNSUPPORTED for a file of an architecture that the engine does not run. */
enum eng_status eng_check_architecture(const struct eng_gguf *gguf, struct eng_error *err);

/* The name of an architecture's own key, "espalier.block_count", written to name. */
const char *eng_reader_key(const struct eng_reader *in, const char *suffix, char name[128]);

/* A count in [low, high]; *out stays as it is when an optional key is missing. */
enum eng_status eng_read_count(const struct eng_reader *in, const char *suffix, enum eng_need need,
                               uint32_t low, uint32_t high, uint32_t *out);

/* A tensor of exactly the given shape (0: no such dimension), of a type that the engine runs. */
enum eng_status eng_read_tensor(const struct eng_reader *in, const char *name, uint64_t d0,
                                uint64_t d1, uint64_t d2, const struct eng_tensor **out);

/* A matrix [outputs, cols], prepared for the products. */
enum eng_status eng_read_matrix(const struct eng_reader *in, const char *name, uint32_t outputs,
                                uint32_t cols, struct eng_matrix *out);

/* A matrix that is only looked up, where it lies in the file. */
enum eng_status eng_read_table(const struct eng_reader *in, const char *name, uint32_t rows,
                               uint32_t cols, struct eng_matrix *out);

/* A small tensor as a fp32 copy, the caller's to free. Every value has to be finite. */
enum eng_status eng_read_floats(const struct eng_reader *in, const char *name, uint32_t d0,
                                uint32_t d1, uint32_t d2, float **out);

/* All weights of the model; hyper-parameters, tokenizer and pool are there. */
enum eng_status eng_read_weights(const struct eng_reader *in);

#endif
