/* cache.h: pages of keys and values, and the sequences that are kept for later. Internal.
 *
 * All sessions of a model take pages of ENG_CACHE_PAGE positions, for all layers and heads, from
 * one store. A page may belong to several holders, sessions and parked sequences. It is shared by
 * copy-on-write: who holds it alone writes where it likes; of a page that others hold as well, the
 * positions that were written are never changed, those after them belong to who comes first.
 *
 * A parked sequence is what a session held before its caller wanted something else: its pages and
 * inputs, nothing copied. A session that is asked for a sequence of which more is parked than it
 * holds itself takes it from here. Parked sequences fill what the limit leaves beside the pages
 * that sessions need, and the one that was longest out of use makes room for the next.
 *
 * Threads: any; a mutex guards who holds what. The bytes of pages are read and written by who holds
 * the model's pool.
 */
#ifndef ESPALIER_ENGINE_CACHE_H
#define ESPALIER_ENGINE_CACHE_H

#include "engine/attend.h"

#include <string.h>

struct eng_model;

/* Sequences that can be parked at a time. */
#define ENG_CACHE_PARKED 64u

/* Tokens of a page. Its bytes: the keys and values of each head of each layer, with bounds of the
 * keys where the policy of attention looks at them, then the inputs. */
struct eng_page {
    uint8_t *bytes;
    uint32_t holders; /* of the store alone, under its mutex */
    uint32_t written; /* positions that a holder may rely on */
    struct eng_page *next_free;
    uint32_t number; /* in a list of pages that is being written, under the pool */
};

struct eng_cache;

/* limit: bytes of all pages; what sessions need is there even beyond it. Pages take memory when
 * they are first written. */
enum eng_status eng_cache_new(const struct eng_model *model, uint64_t limit, struct eng_cache **out,
                              struct eng_error *err);
void eng_cache_free(struct eng_cache *cache); /* takes NULL */

enum eng_format eng_cache_format(const struct eng_cache *cache);
/* Where in a page a head's keys lie; its values follow after eng_cache_values bytes. */
size_t eng_cache_head(const struct eng_cache *cache, uint32_t layer, uint32_t kv_head);
size_t eng_cache_values(const struct eng_cache *cache);
/* And its bounds after so many; 0 in a model whose policy needs none. */
size_t eng_cache_bounds(const struct eng_cache *cache);
size_t eng_cache_page_bytes(const struct eng_cache *cache);
struct eng_input *eng_page_inputs(const struct eng_cache *cache, const struct eng_page *page);

/* Sees to it that a session can always have n pages more than those promised before; the
 * counterpart gives n back. */
enum eng_status eng_cache_promise(struct eng_cache *cache, size_t n, struct eng_error *err);
void eng_cache_withdraw(struct eng_cache *cache, size_t n);

/* A page to write positions from `place` on into, instead of *page (NULL for none): *page itself,
 * a new one, or a copy. Replaces *page, and marks [place, end) as written. Never fails within what
 * was promised. The calling thread holds the pool. */
void eng_page_write(struct eng_cache *cache, struct eng_page **page, size_t place, size_t end);

/* One holder more for n pages, which somebody holds. */
void eng_pages_hold(struct eng_cache *cache, struct eng_page *const *pages, size_t n);

/* Gives up n pages, sets them to NULL. */
void eng_pages_drop(struct eng_cache *cache, struct eng_page **pages, size_t n);

/* Keeps the first `length` tokens of a sequence for later. */
void eng_cache_park(struct eng_cache *cache, struct eng_page *const *pages, size_t length);

/* Looks for the parked sequence that begins most like want[0..n), in more than `least` tokens.
 * Takes hold of the pages of what they have in common, into pages, and returns its length; 0 when
 * there is none. records: whether inputs differ that have the same id. */
size_t eng_cache_find(struct eng_cache *cache, const struct eng_input *want, size_t n, size_t least,
                      bool records, struct eng_page **pages);

void eng_cache_forget(struct eng_cache *cache); /* all parked sequences */

/* Copies the table of parked sequences, the last used first, and takes hold of their pages: pages
 * [ENG_CACHE_PARKED, eng_cache_most_pages], lengths [ENG_CACHE_PARKED]. Returns how many there
 * are. */
size_t eng_cache_list(struct eng_cache *cache, struct eng_page **pages, size_t *lengths);
size_t eng_cache_most_pages(const struct eng_cache *cache);

/* A page that nobody needs, for the caller to fill; NULL when there is none. */
struct eng_page *eng_page_spare(struct eng_cache *cache);

/* Bytes of all pages that are held, and pages that sessions are promised. */
uint64_t eng_cache_held(struct eng_cache *cache);
size_t eng_cache_promised(struct eng_cache *cache);

_Static_assert(sizeof(struct eng_record) == 4 * ENG_LEVELS + 4, "records compare as bytes");

/* records: whether the model looks at them. */
static inline bool eng_same_input(const struct eng_input *a, const struct eng_input *b,
                                  bool records)
{
    return a->id == b->id && (!records || memcmp(&a->record, &b->record, sizeof a->record) == 0);
}

static inline size_t eng_pages_of(size_t tokens)
{
    return (tokens + ENG_CACHE_PAGE - 1) / ENG_CACHE_PAGE;
}

#endif
