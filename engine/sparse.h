/* sparse.h: layers that attend to a part of what is cached, chosen by the tree. Internal.
 *
 * In a model with espalier.attention.window, the layers whose bits are set in
 * espalier.attention.sparse_layers see of the tokens before i only
 *
 *   the last `window` ones, the first `header` ones of the sequence,
 *   the starts of i's enclosing nodes, and the starts of earlier siblings in the innermost one.
 *
 * The cached keys lie in blocks of ENG_KEY_LANES positions; a block without any such token is not
 * looked at. What a token attends to depends on its own record and position alone, and so do its
 * bits: they do not change with the tokens that are evaluated together.
 */
#ifndef ESPALIER_ENGINE_SPARSE_H
#define ESPALIER_ENGINE_SPARSE_H

#include "engine/pass.h"

struct eng_reader;

/* The relation of a token that is not attended to; its entry in a table of additive terms is
 * ENG_HIDDEN_TERM, which leaves exactly nothing after the softmax. */
#define ENG_HIDDEN      15u
#define ENG_HIDDEN_TERM (-1e30f)

/* Reads the keys; window stays 0 for a model without. */
enum eng_status eng_sparse_read_keys(const struct eng_reader *in);

bool eng_sparse_layer(const struct eng_model *model, uint32_t layer);

/* Chooses for the tokens of a pass, whose relations are in pass->relation: fills pass->chosen and
 * pass->chosen_blocks, or for a policy that goes by positions the latter alone. The calling thread
 * holds the pool. */
void eng_sparse_choose(struct eng_pass *pass);

/* The blocks that one of the pass's rows looks at, a bit each. */
static inline const uint64_t *eng_sparse_blocks(const struct eng_pass *pass, size_t row)
{
    return pass->chosen_blocks + row * ENG_BLOCK_WORDS(pass->padded / ENG_KEY_LANES);
}

/* The blocks that any of the pass's rows [first_row, first_row + rows) looks at, a bit each; valid
 * until the thread's next call. */
const uint64_t *eng_sparse_union(const struct eng_pass *pass, size_t first_row, size_t rows,
                                 int thread);

#endif
