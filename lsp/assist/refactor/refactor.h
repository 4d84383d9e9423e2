/* refactor.h: what a sketch finds, rewritten.
 *
 * A template is text in which $NAME and $$$NAME stand for what they stood for in the sketch; all
 * else is taken as it is. Lines of it, and those of what it puts in, are as far in as what they
 * take the place of; lines that begin inside a string are not touched. Where a $$$NAME stands for
 * nothing, the comma beside it goes. What was found inside of what a name stands for is rewritten
 * as well; what the template makes is not looked at again.
 *
 * Threads: sketches and templates may be shared, a document and changes belong to one.
 */
#ifndef ESPALIER_REFACTOR_H
#define ESPALIER_REFACTOR_H

#include "syntax/sketch.h"

#define REF_CHANGES_MAX 100000 /* of one text; more are counted and left out */

struct ref_change {
    struct syn_span span; /* bytes of the text that become */
    char *text;           /* this; NULL: nothing is to be changed */
    size_t len;
};

struct ref_changes {
    struct ref_change *list; /* by their starts; none overlap */
    size_t count, capacity;
    size_t inside, left_out; /* found in others, and beyond the limit */
    size_t commented;        /* not made, as a comment would be lost */
};

/* False after a message when the template names what the sketch does not have. */
bool ref_check(const struct syn_sketch *sketch, const char *template, struct syn_error *err);

/* All places in a parsed document; template NULL: nothing is changed. *out is freed by the caller,
 * whatever comes back. */
enum syn_status ref_find(const struct syn_sketch *sketch, const char *template,
                         const struct syn_document *doc, struct ref_changes *out,
                         struct syn_error *err);
void ref_changes_free(struct ref_changes *changes);

/* *out: the text with those changes in it after which it parses no worse, parsed, the caller's to
 * free; NULL when there are none. The others are taken out of the list, *refused tells how many. */
enum syn_status ref_apply(const struct syn_document *doc, struct ref_changes *changes,
                          struct syn_document **out, size_t *refused, struct syn_error *err);

#endif
