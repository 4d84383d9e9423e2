/* text.h: a text that grows, and lines of one. */
#ifndef ESPALIER_ASSIST_TEXT_H
#define ESPALIER_ASSIST_TEXT_H

#include "syntax/syntax.h"

/* Begins as {0}; bytes is NULL until something was put, then there is a zero behind. */
struct asst_text {
    char *bytes; /* the owner's to free */
    size_t len, capacity;
    bool
        failed; /* memory ran out, or it would be larger than a document may be: it grows no more */
};

void asst_text_put(struct asst_text *text, const char *bytes, size_t len);

/* The bytes, which are then the caller's; NULL, and all is freed, when it failed. */
char *asst_text_take(struct asst_text *text, size_t *len);

/* What goes, with its lines if it is alone on them, and an empty one if there is one on each side.
 */
struct syn_span asst_whole_lines(const char *text, size_t len, struct syn_span span);

#endif
