/* blocks.h: the quantised types, block by block: how a file stores them and how the vector sets
 * have them packed.
 *
 * Any of them is read 32 values at a time: a run of values shares a scale, and value i is
 * scale[i / run] * q[i] - minimum. The types differ in how q is written (the code), in the run
 * (16 values of Q6_K, 32 of all others) and in where the scales come from: half floats in Q8_0,
 * Q4_0 and IQ4_NL; in Q4_K and Q6_K a half float for 256 values times a small integer for each run,
 * which fp32 holds exactly.
 *
 * Packed form. The rows of a matrix are taken in groups of as many as the set has lanes, so that
 * one vector holds the same four columns of all rows of a group. A group is first the codes,
 * then the scales, padded to 64 bytes. Codes, [block][vector][lanes][4]:
 *   Q8_0    8 vectors, one for each four columns; XORed with the set's flip
 *   Q4_0, IQ4_NL, Q4_K
 *           4 vectors; a byte's low half is of the columns 8v to 8v + 3, its high half of the four
 *           behind them
 *   Q6_K    4 such vectors with the low four bits, then 2 with the high two: bits 2f and 2f + 1 of
 *           vector h are of the columns 16h + 4f to 16h + 4f + 3
 * Scales:
 *   Q8_0, Q4_0, IQ4_NL   [block][lanes] halves
 *   Q4_K    for each 8 blocks [lanes] halves d, [lanes] halves dmin, then [8]{[lanes] bytes of
 *           scale, [lanes] bytes of minimum}
 *   Q6_K    for each 8 blocks [lanes] halves d, then [16][lanes] bytes of scale with sign
 * That is as large as the file's rows, but for Q4_K, whose scales and minima get 8 bits of their
 * own instead of 6: 4.625 bits a weight in place of 4.5.
 */
#ifndef ESPALIER_ENGINE_KERNELS_BLOCKS_H
#define ESPALIER_ENGINE_KERNELS_BLOCKS_H

#include "engine/gguf.h"

#define ENG_BLOCK_VALUES 32u /* values of one block here, whatever the file's blocks are */
#define ENG_SUPER_BLOCKS 8u  /* such blocks in a block of Q4_K or Q6_K */

struct eng_block_values {
    int8_t q[ENG_BLOCK_VALUES];
    size_t run; /* values of one scale */
    float scale[2];
    float minimum; /* 0 but for Q4_K */
};

/* Types whose products take activations of 8 bits. */
static inline bool eng_is_quantized(enum eng_tensor_type type)
{
    return type == ENG_Q8_0 || type == ENG_Q4_0 || type == ENG_IQ4_NL || type == ENG_Q4_K ||
           type == ENG_Q6_K;
}

/* Values 32 * block to 32 * block + 31 of rows of a quantised type. */
void eng_read_block(const void *rows, enum eng_tensor_type type, size_t block,
                    struct eng_block_values *out);

static inline size_t eng_code_bytes(enum eng_tensor_type type)
{
    return type == ENG_Q8_0 ? 32 : type == ENG_Q6_K ? 24 : 16;
}

/* Bytes of a group's codes, and of the whole group; blocks is a multiple of ENG_SUPER_BLOCKS
 * for Q4_K and Q6_K. */
static inline size_t eng_group_codes(enum eng_tensor_type type, size_t lanes, size_t blocks)
{
    return blocks * lanes * eng_code_bytes(type);
}

static inline size_t eng_group_bytes(enum eng_tensor_type type, size_t lanes, size_t cols)
{
    size_t blocks = cols / ENG_BLOCK_VALUES, scales = blocks * 2;
    if (type == ENG_Q4_K) scales = blocks / ENG_SUPER_BLOCKS * 20;
    if (type == ENG_Q6_K) scales = blocks / ENG_SUPER_BLOCKS * 18;
    return (eng_group_codes(type, lanes, blocks) + scales * lanes + 63) / 64 * 64;
}

/* Packs the groups [first, last) of a matrix; rows that it lacks are zero. */
void eng_pack(const void *rows, enum eng_tensor_type type, size_t cols, size_t outputs,
              size_t lanes, uint8_t flip, size_t first, size_t last, uint8_t *packed);

#endif
