/* tiny_model OUT [STRUCTURE]: writes a small model with random weights and a byte
 * vocabulary, for tests that need some model but not a good one. */
#include "tests/engine/random_model.h"

#include <stdio.h>

int main(int argc, char **argv)
{
    if (argc < 2) return 2;
    struct random_model spec = {.architecture = "espalier",
                                .structure = argc > 2 ? argv[2] : NULL,
                                .activation = "relu2",
                                .type = ENG_Q8_0,
                                .layers = 2,
                                .d_model = 64,
                                .heads = 4,
                                .kv_heads = 2,
                                .head_dim = 16,
                                .d_ff = 128,
                                .vocab = 262,
                                .context = 512,
                                .tied = true,
                                .qk_norm = true,
                                .seed = 7};
    struct eng_error err = {"out of memory"};
    if (random_model_write(&spec, argv[1], &err) == ENG_OK) return 0;
    fprintf(stderr, "tiny_model: %s\n", err.text);
    return 2;
}
