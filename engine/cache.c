/* The store of pages.
 *
 * Owns regions of reserved memory, cut into pages, and the table of parked sequences. A region is
 * made when a session is; nothing is allocated afterwards: a page that is wanted is a free one, or
 * one that a parked sequence gives up so that the limit is kept. That always suffices, as at least
 * so many pages exist as sessions were promised, and what parked sequences alone hold can be taken
 * from them.
 *
 * It deliberately knows neither what a record means nor how keys lie in a page. What is compared is
 * the inputs, which are kept in the pages themselves, so a parked sequence is a row of pointers.
 */
#if defined(__linux__)
#define _DEFAULT_SOURCE /* MAP_ANONYMOUS, MAP_NORESERVE */
#endif
#include "engine/cache.h"
#include "engine/error.h"
#include "engine/model.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

struct region {
    struct region *next;
    uint8_t *bytes; /* [pages * page_bytes], mapped */
    size_t pages;
    struct eng_page page[];
};

struct parked {
    struct eng_page **pages; /* [most_pages] */
    size_t length;           /* tokens; 0: a free place */
    uint64_t used;           /* when it was last of use */
};

struct eng_cache {
    const struct eng_model *model;
    enum eng_format format;
    size_t head_bytes, bounds_bytes, inputs_at, page_bytes;
    uint64_t limit;
    size_t most_pages; /* of one sequence */

    pthread_mutex_t mutex; /* all below */
    struct region *regions;
    struct eng_page *free_pages;
    size_t pages, held, promised;
    uint64_t clock;
    struct parked parked[ENG_CACHE_PARKED];
};

enum eng_status eng_cache_new(const struct eng_model *model, uint64_t limit, struct eng_cache **out,
                              struct eng_error *err)
{
    const struct eng_model_info *info = &model->info;
    struct eng_cache *c = *out = calloc(1, sizeof *c);
    if (!c) return eng_fail(err, ENG_NO_MEMORY, "out of memory for a cache");
    pthread_mutex_init(&c->mutex, NULL);
    c->model = model;
    c->limit = limit;
    /* Who stores weights in fp32 or halves wants more than a cache of halves keeps. */
    c->format = model->packed ? ENG_CACHE_F16 : ENG_CACHE_F32;
    if (model->packed && model->kernels->attend) c->format = ENG_CACHE_OF_SET;
    c->head_bytes = eng_format_bytes(model->kernels, c->format, info->head_dim);
    c->head_bytes = (c->head_bytes + 63) / 64 * 64;
    if (model->policy.kind == ENG_POLICY_THRESHOLD)
        c->bounds_bytes = eng_format_bounds(model->kernels, c->format, info->head_dim);
    c->bounds_bytes = (c->bounds_bytes + 63) / 64 * 64;
    c->inputs_at = (2 * c->head_bytes + c->bounds_bytes) * info->layers * info->kv_heads;
    c->page_bytes = c->inputs_at + ENG_CACHE_PAGE * sizeof(struct eng_input);
    c->page_bytes = (c->page_bytes + 4095) / 4096 * 4096;
    c->most_pages = eng_pages_of(info->context);
    struct eng_page **places = calloc(ENG_CACHE_PARKED * c->most_pages, sizeof *places);
    c->parked[0].pages = places;
    if (!places) {
        eng_cache_free(c);
        *out = NULL;
        return eng_fail(err, ENG_NO_MEMORY, "out of memory for a cache");
    }
    for (size_t i = 1; i < ENG_CACHE_PARKED; i++)
        c->parked[i].pages = places + i * c->most_pages;
    return ENG_OK;
}

void eng_cache_free(struct eng_cache *c)
{
    if (!c) return;
    while (c->regions) {
        struct region *region = c->regions;
        c->regions = region->next;
        munmap(region->bytes, region->pages * c->page_bytes);
        free(region);
    }
    free(c->parked[0].pages);
    pthread_mutex_destroy(&c->mutex);
    free(c);
}

enum eng_format eng_cache_format(const struct eng_cache *c)
{
    return c->format;
}

size_t eng_cache_head(const struct eng_cache *c, uint32_t layer, uint32_t kv_head)
{
    size_t number = (size_t)layer * c->model->info.kv_heads + kv_head;
    return (2 * c->head_bytes + c->bounds_bytes) * number;
}

size_t eng_cache_values(const struct eng_cache *c)
{
    return c->head_bytes;
}

size_t eng_cache_bounds(const struct eng_cache *c)
{
    return c->bounds_bytes > 0 ? 2 * c->head_bytes : 0;
}

size_t eng_cache_page_bytes(const struct eng_cache *c)
{
    return c->page_bytes;
}

struct eng_input *eng_page_inputs(const struct eng_cache *c, const struct eng_page *page)
{
    return (struct eng_input *)(page->bytes + c->inputs_at);
}

/* ---- Pages (mutex held) ------------------------------------------------------------- */

static enum eng_status add_region(struct eng_cache *c, size_t pages, struct eng_error *err)
{
    size_t bytes;
    struct region *region = NULL;
    bool fits = !__builtin_mul_overflow(pages, c->page_bytes, &bytes) && bytes < SIZE_MAX / 2;
    if (fits) region = calloc(1, sizeof *region + pages * sizeof region->page[0]);
    if (region)
        region->bytes = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
                             MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (!region || region->bytes == MAP_FAILED) {
        free(region);
        return eng_fail(err, ENG_NO_MEMORY,
                        "out of memory for %zu pages of keys and values of %zu "
                        "bytes",
                        pages, c->page_bytes);
    }
    region->pages = pages;
    region->next = c->regions;
    c->regions = region;
    c->pages += pages;
    for (size_t i = pages; i-- > 0;) {
        region->page[i].bytes = region->bytes + i * c->page_bytes;
        region->page[i].next_free = c->free_pages;
        c->free_pages = &region->page[i];
    }
    return ENG_OK;
}

static void let_go(struct eng_cache *c, struct eng_page *page)
{
    if (--page->holders > 0) return;
    page->next_free = c->free_pages;
    c->free_pages = page;
    c->held--;
}

static void forget(struct eng_cache *c, struct parked *parked)
{
    for (size_t i = 0; i < eng_pages_of(parked->length); i++)
        let_go(c, parked->pages[i]);
    parked->length = 0;
}

/* The parked sequence that was longest out of use, or a free place; NULL where there are but free
 * ones and one in use is wanted. */
static struct parked *oldest(struct eng_cache *c, bool in_use)
{
    struct parked *found = NULL;
    for (size_t i = 0; i < ENG_CACHE_PARKED; i++) {
        struct parked *p = &c->parked[i];
        if (p->length == 0 && in_use) continue;
        if (p->length == 0) return p;
        if (!found || p->used < found->used) found = p;
    }
    return found;
}

/* Pages that may be held. */
static size_t most_held(const struct eng_cache *c)
{
    size_t most = (size_t)(c->limit / c->page_bytes);
    return most < c->promised ? c->promised : most;
}

static struct eng_page *take_free(struct eng_cache *c)
{
    struct parked *least;
    while (c->held >= most_held(c) && (least = oldest(c, true)))
        forget(c, least);
    struct eng_page *page = c->free_pages;
    if (!page) return NULL; /* more is wanted than was promised */
    c->free_pages = page->next_free;
    page->holders = 1;
    page->written = 0;
    c->held++;
    return page;
}

/* ---- Sessions ----------------------------------------------------------------------- */

enum eng_status eng_cache_promise(struct eng_cache *c, size_t n, struct eng_error *err)
{
    enum eng_status status = ENG_OK;
    pthread_mutex_lock(&c->mutex);
    size_t wanted = c->promised + n, by_limit = (size_t)(c->limit / c->page_bytes);
    if (wanted < by_limit) wanted = by_limit;
    if (wanted > c->pages) status = add_region(c, wanted - c->pages, err);
    if (status == ENG_OK) c->promised += n;
    pthread_mutex_unlock(&c->mutex);
    return status;
}

void eng_cache_withdraw(struct eng_cache *c, size_t n)
{
    pthread_mutex_lock(&c->mutex);
    c->promised -= n;
    pthread_mutex_unlock(&c->mutex);
}

void eng_page_write(struct eng_cache *c, struct eng_page **page, size_t place, size_t end)
{
    pthread_mutex_lock(&c->mutex);
    struct eng_page *old = *page, *fresh = NULL;
    bool own = old && (old->holders == 1 || place >= old->written);
    if (!own) fresh = take_free(c);
    if (fresh) {
        if (old) memcpy(fresh->bytes, old->bytes, c->page_bytes);
        if (old) let_go(c, old);
        *page = fresh;
    } /* else all pages are sessions', and so this one is the caller's alone by now */
    (*page)->written = (uint32_t)end;
    pthread_mutex_unlock(&c->mutex);
}

void eng_pages_hold(struct eng_cache *c, struct eng_page *const *pages, size_t n)
{
    pthread_mutex_lock(&c->mutex);
    for (size_t i = 0; i < n; i++)
        pages[i]->holders++;
    pthread_mutex_unlock(&c->mutex);
}

void eng_pages_drop(struct eng_cache *c, struct eng_page **pages, size_t n)
{
    pthread_mutex_lock(&c->mutex);
    for (size_t i = 0; i < n; i++) {
        if (pages[i]) let_go(c, pages[i]);
        pages[i] = NULL;
    }
    pthread_mutex_unlock(&c->mutex);
}

/* ---- Parked sequences ---------------------------------------------------------------- */

static size_t common(const struct eng_cache *c, const struct parked *parked,
                     const struct eng_input *want, size_t n, bool records)
{
    size_t i = 0;
    for (; i < n && i < parked->length; i++) {
        const struct eng_page *page = parked->pages[i / ENG_CACHE_PAGE];
        if (!eng_same_input(&eng_page_inputs(c, page)[i % ENG_CACHE_PAGE], &want[i], records))
            break;
    }
    return i;
}

/* Is the shorter sequence the beginning of the longer one, page by page? */
static bool begins(struct eng_page *const *pages, size_t length, struct eng_page *const *of)
{
    for (size_t i = 0; i < eng_pages_of(length); i++)
        if (pages[i] != of[i]) return false;
    return true;
}

void eng_cache_park(struct eng_cache *c, struct eng_page *const *pages, size_t length)
{
    if (length == 0) return;
    pthread_mutex_lock(&c->mutex);
    struct parked *place = NULL;
    for (size_t i = 0; i < ENG_CACHE_PARKED && !place; i++) {
        struct parked *p = &c->parked[i];
        size_t shorter = p->length < length ? p->length : length;
        if (p->length == 0 || !begins(p->pages, shorter, pages)) continue;
        if (p->length >= length) { /* is there */
            p->used = ++c->clock;
            pthread_mutex_unlock(&c->mutex);
            return;
        }
        place = p;
    }
    for (size_t i = 0; i < eng_pages_of(length); i++)
        pages[i]->holders++;
    if (!place) place = oldest(c, false);
    forget(c, place);
    memcpy(place->pages, pages, eng_pages_of(length) * sizeof *pages);
    place->length = length;
    place->used = ++c->clock;
    pthread_mutex_unlock(&c->mutex);
}

size_t eng_cache_find(struct eng_cache *c, const struct eng_input *want, size_t n, size_t least,
                      bool records, struct eng_page **pages)
{
    pthread_mutex_lock(&c->mutex);
    struct parked *best = NULL;
    for (size_t i = 0; i < ENG_CACHE_PARKED; i++) {
        struct parked *p = &c->parked[i];
        size_t length = p->length > least ? common(c, p, want, n, records) : 0;
        if (length <= least) continue;
        best = p;
        least = length;
    }
    if (!best) {
        pthread_mutex_unlock(&c->mutex);
        return 0;
    }
    best->used = ++c->clock;
    for (size_t i = 0; i < eng_pages_of(least); i++) {
        pages[i] = best->pages[i];
        pages[i]->holders++;
    }
    pthread_mutex_unlock(&c->mutex);
    return least;
}

void eng_cache_forget(struct eng_cache *c)
{
    pthread_mutex_lock(&c->mutex);
    for (size_t i = 0; i < ENG_CACHE_PARKED; i++)
        forget(c, &c->parked[i]);
    pthread_mutex_unlock(&c->mutex);
}

size_t eng_cache_most_pages(const struct eng_cache *c)
{
    return c->most_pages;
}

size_t eng_cache_list(struct eng_cache *c, struct eng_page **pages, size_t *lengths)
{
    size_t n = 0;
    pthread_mutex_lock(&c->mutex);
    uint64_t before = UINT64_MAX;
    for (; n < ENG_CACHE_PARKED; n++) {
        const struct parked *next = NULL;
        for (size_t i = 0; i < ENG_CACHE_PARKED; i++) {
            const struct parked *p = &c->parked[i];
            if (p->length > 0 && p->used < before && (!next || p->used > next->used)) next = p;
        }
        if (!next) break;
        before = next->used;
        lengths[n] = next->length;
        for (size_t i = 0; i < eng_pages_of(next->length); i++) {
            pages[n * c->most_pages + i] = next->pages[i];
            next->pages[i]->holders++;
        }
    }
    pthread_mutex_unlock(&c->mutex);
    return n;
}

struct eng_page *eng_page_spare(struct eng_cache *c)
{
    pthread_mutex_lock(&c->mutex);
    bool room = c->held + c->promised < most_held(c); /* what sessions may ask for is not taken */
    struct eng_page *page = room ? take_free(c) : NULL;
    pthread_mutex_unlock(&c->mutex);
    return page;
}

uint64_t eng_cache_held(struct eng_cache *c)
{
    pthread_mutex_lock(&c->mutex);
    uint64_t bytes = (uint64_t)c->held * c->page_bytes;
    pthread_mutex_unlock(&c->mutex);
    return bytes;
}

size_t eng_cache_promised(struct eng_cache *c)
{
    pthread_mutex_lock(&c->mutex);
    size_t pages = c->promised;
    pthread_mutex_unlock(&c->mutex);
    return pages;
}
