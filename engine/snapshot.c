/* Parked sequences on disk.
 *
 * A snapshot is a GGUF file: who made it and the tables of sequences are keys, each page is a
 * tensor of as many fp32 values as its bytes fill. So the checked reader and the writer that
 * replaces a file at once are those of models. Besides what they check: a snapshot names the model
 * (a sum over all keys and samples of all tensors), the kernel set and the sizes that decide what
 * the bytes of a page mean, and a sum of all pages.
 *
 * What is read can do no harm even where the sum was forged: inputs of pages are only ever
 * compared, keys and values are numbers.
 */
#include "engine/cache.h"
#include "engine/error.h"
#include "engine/gguf.h"
#include "engine/model.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define VERSION 1u

/* Places of a tensor that enter the model's sum, and bytes at each. */
#define SAMPLES      16u
#define SAMPLE_BYTES 64u

/* FNV-1a over words of 64 bits; the last one is filled up with zeros. */
static uint64_t add_bytes(uint64_t sum, const void *bytes, size_t n)
{
    for (size_t i = 0; i < n; i += 8) {
        uint64_t word = 0;
        memcpy(&word, (const uint8_t *)bytes + i, n - i < 8 ? n - i : 8);
        sum = (sum ^ word) * UINT64_C(0x100000001b3);
        sum ^= sum >> 29;
    }
    return sum;
}

static uint64_t sum_of_model(const struct eng_model *model)
{
    uint64_t sum = UINT64_C(0xcbf29ce484222325);
    for (size_t i = 0; i < eng_gguf_key_count(model->gguf); i++) {
        const struct eng_key *key = eng_gguf_key_at(model->gguf, i);
        sum = add_bytes(sum, key->name, strlen(key->name));
        sum = add_bytes(sum, key->bytes, key->size);
    }
    for (size_t i = 0; i < eng_gguf_tensor_count(model->gguf); i++) {
        const struct eng_tensor *tensor = eng_gguf_tensor_at(model->gguf, i);
        uint64_t size[2] = {tensor->bytes, (uint64_t)tensor->type};
        sum = add_bytes(sum, size, sizeof size);
        for (uint64_t s = 0; s < SAMPLES; s++) {
            uint64_t at = tensor->bytes / SAMPLES * s, left = tensor->bytes - at;
            sum = add_bytes(sum, (const uint8_t *)tensor->data + at,
                            left < SAMPLE_BYTES ? (size_t)left : SAMPLE_BYTES);
        }
    }
    /* Keys and values of all layers but the first are what the policy of attention made them. */
    if (model->policy.kind == ENG_POLICY_AS_FILE) return sum;
    return add_bytes(sum, model->info.policy, strlen(model->info.policy));
}

void eng_model_forget_sequences(const struct eng_model *model)
{
    if (model->cache) eng_cache_forget(model->cache);
}

/* ---- Writing ------------------------------------------------------------------------- */

/* The parked sequences, and copies of their pages, each once. */
struct listing {
    struct eng_page **pages; /* [ENG_CACHE_PARKED, most_pages] */
    size_t lengths[ENG_CACHE_PARKED], n;
    int32_t *numbers; /* of the pages of all sequences, one after the other */
    size_t n_numbers;
    uint8_t *copies; /* [n_pages, page_bytes] */
    size_t n_pages, page_bytes;
};

/* The page's number among the n distinct ones before it, which it joins if it is new. Whether it is
 * needs no mark that somebody would have to clear: a number counts where the page stands there. */
static uint32_t number_of(struct eng_page *page, struct eng_page **distinct, size_t *n)
{
    if (page->number < *n && distinct[page->number] == page) return page->number;
    page->number = (uint32_t)*n;
    distinct[(*n)++] = page;
    return page->number;
}

/* Lists each page of the sequences once; the pool is held. */
static void number_pages(struct listing *l, size_t most_pages, struct eng_page **distinct)
{
    for (size_t s = 0; s < l->n; s++)
        for (size_t i = 0; i < eng_pages_of(l->lengths[s]); i++)
            l->numbers[l->n_numbers++] =
                (int32_t)number_of(l->pages[s * most_pages + i], distinct, &l->n_pages);
}

/* Copies the pages, which are not changed while the pool is held. */
static bool copy_pages(struct listing *l, struct eng_page *const *distinct)
{
    l->copies = malloc(l->n_pages * l->page_bytes + 1);
    for (size_t i = 0; l->copies && i < l->n_pages; i++)
        memcpy(l->copies + i * l->page_bytes, distinct[i]->bytes, l->page_bytes);
    return l->copies != NULL;
}

/* False when out of memory. */
static bool list_pages(const struct eng_model *model, struct listing *l)
{
    size_t most_pages = eng_cache_most_pages(model->cache), total = 0;
    l->page_bytes = eng_cache_page_bytes(model->cache);
    l->pages = calloc(ENG_CACHE_PARKED * most_pages, sizeof(struct eng_page *));
    if (!l->pages) return false;
    l->n = eng_cache_list(model->cache, l->pages, l->lengths);
    for (size_t s = 0; s < l->n; s++)
        total += eng_pages_of(l->lengths[s]);
    l->numbers = calloc(total + 1, sizeof *l->numbers);
    struct eng_page **distinct = calloc(total + 1, sizeof(struct eng_page *));
    bool good = l->numbers && distinct;
    if (good) {
        eng_pool_enter(model->pool);
        number_pages(l, most_pages, distinct);
        good = copy_pages(l, distinct);
        eng_pool_leave(model->pool);
    }
    free(distinct);
    for (size_t s = 0; s < l->n; s++)
        eng_pages_drop(model->cache, l->pages + s * most_pages, eng_pages_of(l->lengths[s]));
    return good;
}

static enum eng_status write_listing(const struct eng_model *model, const struct listing *l,
                                     const char *path, struct eng_error *err)
{
    struct eng_gguf_writer *writer = eng_gguf_writer_new();
    if (!writer) return eng_fail(err, ENG_NO_MEMORY, "out of memory for %s", path);
    int32_t lengths[ENG_CACHE_PARKED];
    for (size_t s = 0; s < l->n; s++)
        lengths[s] = (int32_t)l->lengths[s];
    struct eng_string kernels = {model->kernels->name, strlen(model->kernels->name)};
    eng_gguf_put_u32(writer, "snapshot.version", VERSION);
    eng_gguf_put_u64(writer, "snapshot.model", sum_of_model(model));
    eng_gguf_put_string(writer, "snapshot.kernels", kernels);
    eng_gguf_put_u64(writer, "snapshot.page_bytes", l->page_bytes);
    eng_gguf_put_u64(writer, "snapshot.sum", add_bytes(0, l->copies, l->n_pages * l->page_bytes));
    eng_gguf_put_i32s(writer, "snapshot.lengths", lengths, l->n);
    eng_gguf_put_i32s(writer, "snapshot.pages", l->numbers, l->n_numbers);
    for (size_t i = 0; i < l->n_pages; i++) {
        char name[32];
        uint64_t values = l->page_bytes / sizeof(float);
        snprintf(name, sizeof name, "page.%zu", i);
        eng_gguf_put_tensor(writer, name, ENG_F32, 1, &values, l->copies + i * l->page_bytes);
    }
    enum eng_status status = eng_gguf_writer_save(writer, path, err);
    eng_gguf_writer_free(writer);
    return status;
}

enum eng_status eng_model_save_sequences(const struct eng_model *model, const char *path,
                                         struct eng_error *err)
{
    struct listing l = {.n = 0};
    if (!model->cache)
        return eng_fail(err, ENG_UNSUPPORTED, "%s holds a vocabulary and no weights",
                        model->info.name);
    enum eng_status status = list_pages(model, &l)
                                 ? write_listing(model, &l, path, err)
                                 : eng_fail(err, ENG_NO_MEMORY, "out of memory for %s", path);
    free(l.pages);
    free(l.numbers);
    free(l.copies);
    return status;
}

/* ---- Reading ------------------------------------------------------------------------- */

/* What a file says that was checked. */
struct snapshot {
    const struct eng_gguf *gguf;
    const struct eng_tensor **pages; /* [n_pages] */
    size_t n_pages;
    size_t lengths[ENG_CACHE_PARKED], n;
    int32_t *numbers; /* of all sequences' pages, one after the other */
};

static enum eng_status expect(const char *name, uint64_t got, uint64_t want, struct eng_error *err)
{
    if (got == want) return ENG_OK;
    return eng_fail(err, ENG_BAD_FILE, "%s is %" PRIu64 ", expected %" PRIu64, name, got, want);
}

static enum eng_status check_maker(const struct eng_model *model, const struct eng_gguf *gguf,
                                   struct eng_error *err)
{
    uint64_t version = 0, sum = 0, page_bytes = 0;
    struct eng_string kernels = {"", 0};
    enum eng_status status =
        eng_gguf_get_u64(gguf, "snapshot.version", ENG_REQUIRED, &version, err);
    if (status == ENG_OK) status = expect("snapshot.version", version, VERSION, err);
    if (status == ENG_OK)
        status = eng_gguf_get_u64(gguf, "snapshot.model", ENG_REQUIRED, &sum, err);
    if (status == ENG_OK) status = expect("snapshot.model", sum, sum_of_model(model), err);
    if (status == ENG_OK)
        status = eng_gguf_get_string(gguf, "snapshot.kernels", ENG_REQUIRED, &kernels, err);
    if (status == ENG_OK && !eng_string_is(kernels, model->kernels->name))
        status = eng_fail(err, ENG_BAD_FILE, "made by the kernel set %.*s, expected %s",
                          (int)(kernels.len < 20 ? kernels.len : 20), kernels.text,
                          model->kernels->name);
    if (status == ENG_OK)
        status = eng_gguf_get_u64(gguf, "snapshot.page_bytes", ENG_REQUIRED, &page_bytes, err);
    if (status != ENG_OK) return status;
    return expect("snapshot.page_bytes", page_bytes, eng_cache_page_bytes(model->cache), err);
}

static enum eng_status read_pages(const struct eng_model *model, struct snapshot *s,
                                  struct eng_error *err)
{
    size_t page_bytes = eng_cache_page_bytes(model->cache);
    uint64_t sum = 0, want = 0;
    s->n_pages = eng_gguf_tensor_count(s->gguf);
    s->pages = calloc(s->n_pages + 1, sizeof *s->pages);
    if (!s->pages) return eng_fail(err, ENG_NO_MEMORY, "out of memory for kept sequences");
    for (size_t i = 0; i < s->n_pages; i++) {
        const struct eng_tensor *page = eng_gguf_tensor_at(s->gguf, i);
        char name[32];
        snprintf(name, sizeof name, "page.%zu", i);
        if (strcmp(page->name, name) != 0 || page->bytes != page_bytes)
            return eng_fail(err, ENG_BAD_FILE,
                            "tensor %zu is %s of %" PRIu64 " bytes, expected %s of %zu", i,
                            page->name, page->bytes, name, page_bytes);
        sum = add_bytes(sum, page->data, page_bytes);
        s->pages[i] = page;
    }
    enum eng_status status = eng_gguf_get_u64(s->gguf, "snapshot.sum", ENG_REQUIRED, &want, err);
    return status == ENG_OK ? expect("snapshot.sum", want, sum, err) : status;
}

static enum eng_status read_sequences(const struct eng_model *model, struct snapshot *s,
                                      struct eng_error *err)
{
    struct eng_array lengths, pages;
    int64_t value = 0;
    size_t wanted = 0, have = 0;
    enum eng_status status =
        eng_gguf_get_array(s->gguf, "snapshot.lengths", ENG_REQUIRED, ENG_INTEGERS, &lengths, err);
    if (status == ENG_OK)
        status =
            eng_gguf_get_array(s->gguf, "snapshot.pages", ENG_REQUIRED, ENG_INTEGERS, &pages, err);
    if (status != ENG_OK) return status;
    while (eng_array_next_i64(&lengths, &value)) {
        if (value < 1 || value > (int64_t)model->info.context || s->n == ENG_CACHE_PARKED)
            return eng_fail(err, ENG_BAD_FILE,
                            "sequence %zu has %" PRId64
                            " tokens, expected at most %u sequences of 1 to %" PRIu32,
                            s->n, value, ENG_CACHE_PARKED, model->info.context);
        s->lengths[s->n++] = (size_t)value;
        wanted += eng_pages_of((size_t)value);
    }
    s->numbers = calloc(wanted + 1, sizeof *s->numbers);
    if (!s->numbers) return eng_fail(err, ENG_NO_MEMORY, "out of memory for kept sequences");
    for (; eng_array_next_i64(&pages, &value); have++) {
        if (have == wanted || value < 0 || (uint64_t)value >= s->n_pages)
            return eng_fail(err, ENG_BAD_FILE, "page %zu of %zu is number %" PRId64 " of %zu", have,
                            wanted, value, s->n_pages);
        s->numbers[have] = (int32_t)value;
    }
    return expect("the count of snapshot.pages", have, wanted, err);
}

/* Pages for the sequences, the last used first, as long as there are some; then parks them, the
 * last used last. */
static enum eng_status restore(const struct eng_model *model, const struct snapshot *s,
                               size_t *loaded, struct eng_error *err)
{
    struct eng_page **made = calloc(s->n_pages + 1, sizeof *made);
    struct eng_page **row = NULL;
    size_t fit = 0, at = 0, page_bytes = eng_cache_page_bytes(model->cache);
    row = calloc(eng_cache_most_pages(model->cache), sizeof(struct eng_page *));
    if (!made || !row) {
        free(made);
        free(row);
        return eng_fail(err, ENG_NO_MEMORY, "out of memory for kept sequences");
    }
    for (bool room = true; room && fit < s->n; fit += room) {
        for (size_t i = 0; room && i < eng_pages_of(s->lengths[fit]); i++) {
            struct eng_page **page = &made[s->numbers[at + i]];
            if (*page) continue;
            *page = eng_page_spare(model->cache);
            room = *page != NULL;
            if (!room) break;
            memcpy((*page)->bytes, s->pages[s->numbers[at + i]]->data, page_bytes);
            (*page)->written = ENG_CACHE_PAGE;
        }
        if (room) at += eng_pages_of(s->lengths[fit]);
    }
    for (size_t n = fit; n-- > 0;) {
        at -= eng_pages_of(s->lengths[n]);
        for (size_t i = 0; i < eng_pages_of(s->lengths[n]); i++)
            row[i] = made[s->numbers[at + i]];
        eng_cache_park(model->cache, row, s->lengths[n]);
    }
    eng_pages_drop(model->cache, made, s->n_pages);
    *loaded = fit;
    free(made);
    free(row);
    return ENG_OK;
}

enum eng_status eng_model_load_sequences(const struct eng_model *model, const char *path,
                                         size_t *loaded, struct eng_error *err)
{
    struct eng_gguf *gguf = NULL;
    size_t n = 0;
    if (loaded) *loaded = 0;
    if (!model->cache)
        return eng_fail(err, ENG_UNSUPPORTED, "%s holds a vocabulary and no weights",
                        model->info.name);
    enum eng_status status = eng_gguf_open(path, &gguf, err);
    if (status != ENG_OK) return status;
    struct eng_error why;
    struct snapshot s = {.gguf = gguf};
    status = check_maker(model, gguf, &why);
    if (status == ENG_OK) status = read_pages(model, &s, &why);
    if (status == ENG_OK) status = read_sequences(model, &s, &why);
    if (status == ENG_OK) status = eng_cache_promise(model->cache, 0, &why); /* the limit's pages */
    if (status == ENG_OK) status = restore(model, &s, &n, &why);
    if (status == ENG_OK && loaded) *loaded = n;
    free(s.pages);
    free(s.numbers);
    eng_gguf_close(gguf);
    if (status != ENG_OK) eng_fail(err, status, "%s: %s", path, why.text);
    return status;
}
