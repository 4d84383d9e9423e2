/* Reading and packing blocks of the quantised types; blocks.h has both layouts.
 *
 * Packing copies: a vector set keeps one copy of every quantised matrix, after which the file's
 * own pages are touched only for embedding rows. What it buys is that a product needs no sum
 * across lanes and its order of summation is that of the plain loop in ref.c. Nothing is computed
 * here: codes and scales are moved, so that the packed form holds exactly the file's numbers.
 */
#include "engine/kernels/blocks.h"
#include "engine/kernels/half.h"

#include <string.h>

#define HALF_BLOCK (ENG_BLOCK_VALUES / 2)

/* ---- The file's blocks ------------------------------------------------------------- */

static void split_halves(const uint8_t *bytes, uint8_t code[ENG_BLOCK_VALUES])
{
    for (size_t i = 0; i < HALF_BLOCK; i++) {
        code[i] = bytes[i] & 15;
        code[i + HALF_BLOCK] = bytes[i] >> 4;
    }
}

/* Two blocks of Q4_K share 32 bytes: the first has the low halves, the second the high ones. */
static void codes_of_q4_k(const struct eng_block_q4_k *from, size_t sub,
                          uint8_t code[ENG_BLOCK_VALUES])
{
    const uint8_t *bytes = from->qs + sub / 2 * ENG_BLOCK_VALUES;
    unsigned shift = sub % 2 * 4;
    for (size_t i = 0; i < ENG_BLOCK_VALUES; i++)
        code[i] = bytes[i] >> shift & 15;
}

/* Half a super-block of Q6_K is four blocks: 64 bytes of low bits, of which the first two have
 * the low halves and the last two the high ones, and 32 bytes with two bits of each block. */
static void codes_of_q6_k(const struct eng_block_q6_k *from, size_t sub,
                          uint8_t code[ENG_BLOCK_VALUES])
{
    size_t half = sub / 4, quarter = sub % 4;
    const uint8_t *low = from->ql + half * 64 + quarter % 2 * ENG_BLOCK_VALUES;
    const uint8_t *high = from->qh + half * ENG_BLOCK_VALUES;
    unsigned low_shift = (unsigned)(quarter / 2 * 4), high_shift = (unsigned)(quarter * 2);
    for (size_t i = 0; i < ENG_BLOCK_VALUES; i++)
        code[i] = (uint8_t)((low[i] >> low_shift & 15) | (high[i] >> high_shift & 3) << 4);
}

static void read_codes(const void *rows, enum eng_tensor_type type, size_t block,
                       uint8_t code[ENG_BLOCK_VALUES])
{
    size_t super = block / ENG_SUPER_BLOCKS, sub = block % ENG_SUPER_BLOCKS;
    switch (type) {
    case ENG_Q4_0:
        split_halves(((const struct eng_block_q4_0 *)rows)[block].qs, code);
        break;
    case ENG_IQ4_NL:
        split_halves(((const struct eng_block_iq4_nl *)rows)[block].qs, code);
        break;
    case ENG_Q4_K:
        codes_of_q4_k((const struct eng_block_q4_k *)rows + super, sub, code);
        break;
    case ENG_Q6_K:
        codes_of_q6_k((const struct eng_block_q6_k *)rows + super, sub, code);
        break;
    default: /* ENG_Q8_0 */
        memcpy(code, ((const struct eng_block_q8_0 *)rows)[block].qs, ENG_BLOCK_VALUES);
        break;
    }
}

/* Eight scales and eight minima of 6 bits in 12 bytes: four of each in the low bits of bytes 0 to
 * 3 and 4 to 7; of the other four, bytes 8 to 11 have the low four bits, the scale's first, and
 * the free top bits of the bytes before them the rest. */
static void scales_of_q4_k(const uint8_t bytes[12], size_t sub, uint8_t *scale, uint8_t *minimum)
{
    if (sub < 4) {
        *scale = bytes[sub] & 63;
        *minimum = bytes[sub + 4] & 63;
    } else {
        *scale = (uint8_t)((bytes[sub + 4] & 15) | bytes[sub - 4] >> 6 << 4);
        *minimum = (uint8_t)(bytes[sub + 4] >> 4 | bytes[sub] >> 6 << 4);
    }
}

void eng_read_block(const void *rows, enum eng_tensor_type type, size_t block,
                    struct eng_block_values *out)
{
    size_t super = block / ENG_SUPER_BLOCKS, sub = block % ENG_SUPER_BLOCKS;
    uint8_t code[ENG_BLOCK_VALUES], scale, minimum;
    uint16_t d;
    int zero = type == ENG_Q4_0 ? 8 : type == ENG_Q6_K ? 32 : 0;

    read_codes(rows, type, block, code);
    for (size_t i = 0; i < ENG_BLOCK_VALUES; i++)
        out->q[i] =
            type == ENG_IQ4_NL ? eng_iq4_nl_values[code[i]] : (int8_t)((int8_t)code[i] - zero);
    out->run = ENG_BLOCK_VALUES;
    out->minimum = 0;
    switch (type) {
    case ENG_Q4_K: {
        const struct eng_block_q4_k *from = (const struct eng_block_q4_k *)rows + super;
        scales_of_q4_k(from->scales, sub, &scale, &minimum);
        out->scale[0] = eng_float_of_half(from->d) * (float)scale;
        out->minimum = eng_float_of_half(from->dmin) * (float)minimum;
        return;
    }
    case ENG_Q6_K: {
        const struct eng_block_q6_k *from = (const struct eng_block_q6_k *)rows + super;
        out->run = HALF_BLOCK;
        for (size_t i = 0; i < 2; i++)
            out->scale[i] = eng_float_of_half(from->d) * (float)from->scales[2 * sub + i];
        return;
    }
    case ENG_Q4_0:
        d = ((const struct eng_block_q4_0 *)rows)[block].d;
        break;
    case ENG_IQ4_NL:
        d = ((const struct eng_block_iq4_nl *)rows)[block].d;
        break;
    default: /* ENG_Q8_0 */
        d = ((const struct eng_block_q8_0 *)rows)[block].d;
        break;
    }
    out->scale[0] = eng_float_of_half(d);
}

/* ---- Packing ----------------------------------------------------------------------- */

/* Writes one row's codes of a block; vectors are lanes * 4 bytes apart. */
static void pack_codes(const uint8_t code[ENG_BLOCK_VALUES], enum eng_tensor_type type,
                       uint8_t flip, uint8_t *out, size_t vector)
{
    if (type == ENG_Q8_0) {
        for (size_t k = 0; k < 8; k++) {
            uint8_t four[4];
            for (size_t i = 0; i < 4; i++)
                four[i] = code[4 * k + i] ^ flip;
            memcpy(out + k * vector, four, 4);
        }
        return;
    }
    for (size_t v = 0; v < 4; v++) {
        uint8_t four[4];
        for (size_t i = 0; i < 4; i++)
            four[i] = (uint8_t)((code[8 * v + i] & 15) | (code[8 * v + 4 + i] & 15) << 4);
        memcpy(out + v * vector, four, 4);
    }
    for (size_t h = 0; type == ENG_Q6_K && h < 2; h++) {
        uint8_t four[4] = {0};
        for (size_t i = 0; i < HALF_BLOCK; i++)
            four[i % 4] |= (uint8_t)(code[HALF_BLOCK * h + i] >> 4 << i / 4 * 2);
        memcpy(out + (4 + h) * vector, four, 4);
    }
}

/* Writes one row's scales of a block; scales: the group's. */
static void pack_scales(const void *rows, enum eng_tensor_type type, size_t from, size_t block,
                        size_t lanes, size_t lane, uint8_t *scales)
{
    size_t super = block / ENG_SUPER_BLOCKS, sub = block % ENG_SUPER_BLOCKS;
    if (type == ENG_Q4_K) {
        const struct eng_block_q4_k *x =
            (const struct eng_block_q4_k *)rows + from / ENG_SUPER_BLOCKS;
        uint8_t *out = scales + super * lanes * 20, *bytes = out + (4 + 2 * sub) * lanes + lane;
        memcpy(out + lane * 2, &x->d, 2);
        memcpy(out + (lanes + lane) * 2, &x->dmin, 2);
        scales_of_q4_k(x->scales, sub, bytes, bytes + lanes);
    } else if (type == ENG_Q6_K) {
        const struct eng_block_q6_k *x =
            (const struct eng_block_q6_k *)rows + from / ENG_SUPER_BLOCKS;
        uint8_t *out = scales + super * lanes * 18, *bytes = out + (2 + 2 * sub) * lanes + lane;
        memcpy(out + lane * 2, &x->d, 2);
        memcpy(bytes, &x->scales[2 * sub], 1);
        memcpy(bytes + lanes, &x->scales[2 * sub + 1], 1);
    } else { /* all three begin with their scale */
        size_t bytes = 2 + eng_code_bytes(type);
        memcpy(scales + (block * lanes + lane) * 2, (const uint8_t *)rows + from * bytes, 2);
    }
}

void eng_pack(const void *rows, enum eng_tensor_type type, size_t cols, size_t outputs,
              size_t lanes, uint8_t flip, size_t first, size_t last, uint8_t *packed)
{
    size_t blocks = cols / ENG_BLOCK_VALUES, bytes = eng_group_bytes(type, lanes, cols);
    size_t block_bytes = lanes * eng_code_bytes(type);

    for (size_t g = first; g < last; g++) {
        uint8_t *codes = packed + g * bytes, *scales = codes + blocks * block_bytes;
        if ((g + 1) * lanes > outputs) memset(codes, 0, bytes);
        for (size_t lane = 0; lane < lanes && g * lanes + lane < outputs; lane++) {
            for (size_t b = 0; b < blocks; b++) {
                uint8_t code[ENG_BLOCK_VALUES];
                size_t from = (g * lanes + lane) * blocks + b;
                read_codes(rows, type, from, code);
                pack_codes(code, type, flip, codes + b * block_bytes + lane * 4, lanes * 4);
                pack_scales(rows, type, from, b, lanes, lane, scales);
            }
        }
    }
}
