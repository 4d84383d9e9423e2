/* session.h: one sequence: which tokens are cached, on which pages. Internal to the engine. */
#ifndef ESPALIER_ENGINE_SESSION_H
#define ESPALIER_ENGINE_SESSION_H

#include "engine/cache.h"
#include "engine/pass.h"

struct eng_session {
    const struct eng_model *model;
    uint32_t capacity; /* tokens */
    size_t n_pages;    /* that they need; padded: n_pages * ENG_CACHE_PAGE */
    size_t length;     /* tokens whose keys and values are complete in every layer */
    size_t synced;     /* of these, the ones that prefill has computed: all without tiles */
    bool has_logits;   /* logits are those of token length - 1 */
    size_t bytes;
    _Atomic int priority; /* enum eng_priority */
    void *block;          /* all of the arrays below */

    /* What is cached. */
    struct eng_input *inputs;   /* [capacity] */
    uint8_t *group;             /* [padded], segment with prefix and middle as one */
    int32_t *innermost;         /* [padded], chain[0] */
    struct eng_page **pages;    /* [n_pages], NULL where nothing was written */
    const uint8_t **page_bytes; /* [n_pages], of pages */
    struct eng_page **spare;    /* [n_pages], scratch */

    float *logits;      /* [vocab] */
    float *kept_logits; /* [vocab], of the last sync, whose sequence had kept_at tokens; 0: of none
                           that is still cached */
    size_t kept_at;
};

#endif
