/* shelf.h: texts beside the document: what other files wrote after words like the last ones.
 *
 * A project repeats itself from file to file: names, calls, idioms. The tokens of the files next to
 * the document stand on a shelf, and recall (recall.h) looks there after it has looked in the
 * document itself. Nothing of it goes through the model, so it costs no part of the window and
 * hardly any time.
 *
 * Made once, then only read: any number of threads may look at it. Held and released by count; the
 * model has to outlive it.
 */
#ifndef ESPALIER_SHELF_H
#define ESPALIER_SHELF_H

#include "engine/engine.h"

/* Tokens on it at most. */
#define ASST_SHELF_TOKENS 32768u

struct asst_shelf_text {
    const char *text;
    size_t len;
};

struct asst_shelf;

/* The texts in the order of importance: the first is looked at first, and what finds no room of the
 * last is left out (of a text that finds some, its end is kept). *out has one holder, the caller.
 */
enum eng_status asst_shelf_new(const struct eng_model *model, const struct asst_shelf_text *texts,
                               size_t n, struct asst_shelf **out, struct eng_error *err);

/* One holder more, or less, which frees it with the last one. Both take NULL. */
struct asst_shelf *asst_shelf_hold(struct asst_shelf *shelf);
void asst_shelf_release(struct asst_shelf *shelf);

size_t asst_shelf_length(const struct asst_shelf *shelf);

/* For recall.c. */
struct asst_trail;
const struct asst_trail *asst_shelf_trail(const struct asst_shelf *shelf);

#endif
