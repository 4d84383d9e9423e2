/* bench_model: writes the model that engines are compared on, with random weights.
 *
 *   bench_model FILE q8_0|q6_k|q4_k|q4_0|iq4_nl|f16
 *
 * 125.8 M parameters in the shape of Llama: 12 layers of 768, 12 heads, 4 for keys and values, a
 * gated inner layer of 2,048, a vocabulary of 32,768. */
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
    while (argc == 3 && type < N_TYPES && strcmp(argv[2], types[type].name) != 0)
        type++;
    if (argc != 3 || type == N_TYPES) {
        fprintf(stderr, "usage: bench_model FILE q8_0|q6_k|q4_k|q4_0|iq4_nl|f16\n");
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
                                .seed = 1};
    struct eng_error err = {""};
    if (random_model_write(&spec, argv[1], &err) == ENG_OK) return 0;
    fprintf(stderr, "bench_model: %s\n", err.text);
    return 2;
}
