/* bench_model: writes the model that engines are compared on, with random weights.
 *
 *   bench_model FILE q8_0|q6_k|q4_k|q4_0|iq4_nl|f16 [VOCABULARY]
 *
 * 125.8 M parameters in the shape of Llama: 12 layers of 768, 12 heads, 4 for keys and values, a
 * gated inner layer of 2,048, a vocabulary of 32,768. Its tokens are single bytes; with VOCABULARY,
 * a GGUF file, that file's tokens, so that text has as many as it would have for a real model. The
 * suffix stands first in prompts with a hole. */
#include "tests/engine/random_model.h"

#include <stdio.h>
#include <string.h>

int main(int argc, char **argv)
{
    static const struct {
        const char *name;
        enum eng_tensor_type type;
    } types[] = {{"q8_0", ENG_Q8_0}, {"q6_k", ENG_Q6_K},     {"q4_k", ENG_Q4_K},
                 {"q4_0", ENG_Q4_0}, {"iq4_nl", ENG_IQ4_NL}, {"f16", ENG_F16}};
    enum { N_TYPES = sizeof types / sizeof types[0] };
    size_t type = 0;
    bool named = argc == 3 || argc == 4;
    while (named && type < N_TYPES && strcmp(argv[2], types[type].name) != 0)
        type++;
    if (!named || type == N_TYPES) {
        fprintf(stderr, "usage: bench_model FILE q8_0|q6_k|q4_k|q4_0|iq4_nl|f16 [VOCABULARY]\n");
        return 2;
    }
    struct random_model spec = {.architecture = "llama",
                                .activation = "swiglu",
                                .type = types[type].type,
                                .layers = 12,
                                .d_model = 768,
                                .heads = 12,
                                .kv_heads = 4,
                                .head_dim = 64,
                                .d_ff = 2048,
                                .vocab = 32768,
                                .context = 4096,
                                .vocabulary = argc == 4 ? argv[3] : NULL,
                                .fim_order = "spm",
                                .seed = 1};
    struct eng_error err = {""};
    if (random_model_write(&spec, argv[1], &err) == ENG_OK) return 0;
    fprintf(stderr, "bench_model: %s\n", err.text);
    return 2;
}
