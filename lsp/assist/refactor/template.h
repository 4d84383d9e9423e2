/* template.h: a template with what was found in it. Private to refactor/. */
#ifndef ESPALIER_REFACTOR_TEMPLATE_H
#define ESPALIER_REFACTOR_TEMPLATE_H

#include "syntax/sketch.h"

/* One step further in. */
struct ref_step {
    char byte; /* 0: not known */
    size_t n;
};

/* By their starts; none overlap. */
struct ref_spans {
    struct syn_span *list;
    size_t count, capacity;
};

/* Number of the first one that ends behind byte `at`. */
size_t ref_spans_behind(const struct ref_spans *spans, size_t at);

/* What was found in a document: outer ones before those in them, by starts. */
struct ref_places {
    const struct syn_sketch *sketch;
    const struct syn_document *doc;
    struct syn_found *list;
    size_t count, capacity;
    struct ref_spans strings, comments; /* strings: of several lines */
    struct ref_step step;
};

/* Fills strings, comments and step from the document. False when memory ran out. */
bool ref_prepare(struct ref_places *places);
void ref_places_free(struct ref_places *places);

/* Does the template put in what this name stands for? */
bool ref_uses(const struct syn_sketch *sketch, const char *template, int name);

/* The template filled for place number `at`; what was found inside of what its names stand for is
 * rewritten there, too. The caller frees; NULL when memory ran out. */
char *ref_fill(const struct ref_places *places, const char *template, size_t at, size_t *len);

#endif
