/* shown.h: the suggestions that an editor shows in a document, while the person types on.
 *
 * Who types what is suggested goes on seeing the rest of it, at once and without the model: the
 * rest is what the model said, and another one halfway through would be a distraction. So a
 * document remembers what was answered last, and follows its own edits: text that is typed or
 * accepted at the suggestions' place moves it on, deleting that text moves it back, and whatever
 * else happens to the document forgets it.
 *
 * Pure; belongs to the document's thread.
 */
#ifndef ESPALIER_SERVER_SHOWN_H
#define ESPALIER_SERVER_SHOWN_H

#include "lsp/assist/complete.h"

/* What is known of the first text when it is shown. */
struct lsp_shown_facts {
    uint64_t at; /* uv_hrtime */
    double latency_ms, confidence;
    bool asked;           /* by hand */
    const char *language; /* lives as long as the program */
};

struct lsp_shown {
    size_t place; /* byte of the document where the texts are to be inserted */
    size_t typed; /* bytes of them that are in the document by now */
    size_t count;
    struct lsp_shown_text {
        char *text; /* owned */
        size_t len;
        uint32_t replaces;   /* bytes behind the place that it stands in place of */
    } texts[ASST_MAX_ITEMS]; /* the first one's start is what was typed; so is that of all others
                                that are still possible */
    bool jumped;             /* a part of it came in at once: it was taken, not typed */
    struct lsp_shown_facts facts;
    void (*on_end)(const struct lsp_shown *shown,
                   void *user); /* may be NULL: before it is forgotten */
    void *user;
};

void lsp_shown_forget(struct lsp_shown *shown);

/* Adds a text that is shown at `place`; out of memory forgets all. Those of one place are added one
 * after the other, to a state that is empty at first. */
void lsp_shown_add(struct lsp_shown *shown, size_t place, const char *text, size_t len,
                   uint32_t replaces);

/* The document's bytes [start, end) become text[len]; called before or after it is done. */
void lsp_shown_edit(struct lsp_shown *shown, size_t start, size_t end, const char *text,
                    size_t len);

/* What is left of the texts at a cursor, in their order: into rest, which points into shown. 0 when
 * nothing is shown there, or all of it is typed. */
size_t lsp_shown_rest(const struct lsp_shown *shown, size_t cursor,
                      struct lsp_shown_text rest[ASST_MAX_ITEMS]);

#endif
