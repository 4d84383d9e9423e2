/* Embeddings of hashed n-grams: reading their tables and looking them up. ngram.h says what they
 * are; engine/training/model.py has the same hash.
 *
 * Collisions are not resolved: two n-grams in one bucket share a row, and training has seen them
 * share it. The tables are never copied nor packed; a row is expanded when it is asked for.
 */
#include "engine/ngram.h"
#include "engine/error.h"
#include "engine/reader.h"

#include <inttypes.h>

#define MAX_BUCKETS (1u << 24)
#define MAX_LENGTH  4096u

enum eng_status eng_ngram_read_keys(const struct eng_reader *in)
{
    struct eng_ngram *ngram = &in->model->ngram;
    struct eng_array orders = {0};
    char key[128];
    eng_reader_key(in, "ngram.orders", key);
    enum eng_status status =
        eng_gguf_get_array(in->gguf, key, ENG_OPTIONAL, ENG_INTEGERS, &orders, in->err);
    if (status != ENG_OK || !eng_gguf_find_key(in->gguf, key)) return status;
    if (orders.left < 1 || orders.left > ENG_NGRAM_ORDERS)
        return eng_fail(in->err, ENG_UNSUPPORTED, "%s has %" PRIu64 " entries, expected 1 to %d",
                        key, orders.left, ENG_NGRAM_ORDERS);
    ngram->count = (uint32_t)orders.left;
    for (uint32_t i = 0; i < ngram->count; i++) {
        int64_t order = 0;
        if (!eng_array_next_i64(&orders, &order) || order < 2 || order > ENG_NGRAM_ORDER_MAX)
            return eng_fail(in->err, ENG_UNSUPPORTED,
                            "%s[%" PRIu32 "] is %" PRId64 ", expected 2 to %d", key, i, order,
                            ENG_NGRAM_ORDER_MAX);
        ngram->order[i] = (uint32_t)order;
    }
    status = eng_read_count(in, "ngram.buckets", ENG_REQUIRED, 1, MAX_BUCKETS, &ngram->buckets);
    if (status != ENG_OK) return status;
    return eng_read_count(in, "ngram.length", ENG_REQUIRED, 1, MAX_LENGTH, &ngram->length);
}

enum eng_status eng_ngram_read_weights(const struct eng_reader *in)
{
    struct eng_ngram *ngram = &in->model->ngram;
    enum eng_status status = ENG_OK;
    if (ngram->count == 0) return ENG_OK;
    for (uint32_t i = 0; i < ngram->count && status == ENG_OK; i++) {
        char name[64];
        snprintf(name, sizeof name, "ngram_embd.%" PRIu32 ".weight", i);
        status = eng_read_table(in, name, ngram->buckets, ngram->length, &ngram->table[i]);
    }
    if (status != ENG_OK) return status;
    return eng_read_matrix(in, "ngram_proj.weight", in->model->info.d_model,
                           ngram->count * ngram->length, &ngram->projection);
}

uint32_t eng_ngram_bucket(const struct eng_input *inputs, size_t position, uint32_t order,
                          uint32_t buckets)
{
    static const uint32_t factor[ENG_NGRAM_ORDER_MAX] = {0x9e3779b1u, 0x85ebca77u, 0xc2b2ae3du,
                                                         0x27d4eb2fu};
    uint32_t h = ((uint32_t)inputs[position].id + 1) * factor[0];
    for (uint32_t k = 1; k < order; k++) {
        uint32_t before = k <= position ? (uint32_t)inputs[position - k].id + 1 : 0;
        h ^= before * factor[k];
        h = (h ^ (h >> 15)) * 0x2c1b3c6du;
    }
    h = (h ^ (h >> 13)) * 0x297a2d39u;
    return (h ^ (h >> 16)) % buckets;
}

void eng_ngram_gather(const struct eng_ngram *ngram, const struct eng_input *inputs,
                      size_t position, float *out)
{
    for (uint32_t i = 0; i < ngram->count; i++) {
        uint32_t bucket = eng_ngram_bucket(inputs, position, ngram->order[i], ngram->buckets);
        eng_matrix_row(&ngram->table[i], bucket, out + (size_t)i * ngram->length);
    }
}
