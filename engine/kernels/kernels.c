/* Which kernel set runs here, and the packed form of Q8_0 and Q4_0 weights that the vector
 * sets read.
 *
 * Packing copies: a vector set keeps one copy of every quantised matrix (34 bytes per 32
 * weights, as Q8_0 has in the file), after which the file's own pages are touched only for
 * embedding rows. What it buys is that one vector holds the same four columns of 8 or 16
 * weight rows, so that a product needs no sum across lanes and its order of summation is
 * that of the plain loop in ref.c.
 */
#include "engine/kernels/kernels.h"
#include "engine/hardware.h"

#include <string.h>

static bool runs_here(const struct eng_kernels *set)
{
    struct eng_cpu cpu;
    if (!set) return false;
    eng_cpu_detect(&cpu);
    if (set == eng_kernels_avx2()) return cpu.avx2;
    if (set == eng_kernels_avxvnni()) return cpu.avx2 && cpu.avx_vnni;
    if (set == eng_kernels_avx512()) return cpu.avx512;
    if (set == eng_kernels_avx512_vnni()) return cpu.avx512_vnni;
    if (set == eng_kernels_amx()) return cpu.amx && cpu.avx512_vnni && cpu.avx512_bf16;
    return true;
}

const struct eng_kernels *eng_kernels_choose(const char *name)
{
    const struct eng_kernels *const best_first[] = {
        eng_kernels_amx(),  eng_kernels_avx512_vnni(), eng_kernels_avx512(), eng_kernels_avxvnni(),
        eng_kernels_avx2(), eng_kernels_neon(),        eng_kernels_ref()};
    for (size_t i = 0; i < sizeof best_first / sizeof best_first[0]; i++) {
        const struct eng_kernels *set = best_first[i];
        if (runs_here(set) && (!name || strcmp(name, set->name) == 0)) return set;
    }
    return NULL;
}

size_t eng_packed_group_bytes(size_t lanes, size_t cols)
{
    size_t blocks = cols / ENG_Q8_VALUES;
    size_t bytes = blocks * lanes * (ENG_Q8_VALUES + sizeof(uint16_t));
    return (bytes + 63) / 64 * 64;
}

const struct eng_block_q8_0 *eng_q8_block(const void *rows, enum eng_tensor_type type, size_t block,
                                          struct eng_block_q8_0 *unpacked)
{
    if (type == ENG_Q8_0) return (const struct eng_block_q8_0 *)rows + block;
    const struct eng_block_q4_0 *from = (const struct eng_block_q4_0 *)rows + block;
    unpacked->d = from->d;
    for (size_t i = 0; i < ENG_Q8_VALUES / 2; i++) {
        unpacked->qs[i] = (int8_t)((from->qs[i] & 15) - 8);
        unpacked->qs[i + ENG_Q8_VALUES / 2] = (int8_t)((from->qs[i] >> 4) - 8);
    }
    return unpacked;
}

void eng_pack_q8(const struct eng_kernels *kernels, const void *rows, enum eng_tensor_type type,
                 size_t cols, size_t outputs, size_t first, size_t last, uint8_t *packed)
{
    size_t lanes = kernels->lanes, blocks = cols / ENG_Q8_VALUES;
    size_t group_bytes = eng_packed_group_bytes(lanes, cols);

    for (size_t g = first; g < last; g++) {
        uint8_t *values = packed + g * group_bytes;
        uint8_t *scales = values + blocks * lanes * ENG_Q8_VALUES;
        for (size_t lane = 0; lane < lanes; lane++) {
            size_t row = g * lanes + lane;
            for (size_t b = 0; b < blocks; b++) {
                static const struct eng_block_q8_0 zero;
                struct eng_block_q8_0 unpacked;
                const struct eng_block_q8_0 *block =
                    row < outputs ? eng_q8_block(rows, type, row * blocks + b, &unpacked) : &zero;
                memcpy(scales + (b * lanes + lane) * sizeof block->d, &block->d, sizeof block->d);
                for (size_t i = 0; i < ENG_Q8_VALUES; i++)
                    values[((b * 8 + i / 4) * lanes + lane) * 4 + i % 4] =
                        (uint8_t)block->qs[i] ^ kernels->flip;
            }
        }
    }
}
