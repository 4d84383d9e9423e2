/* template.h: templates with what was found in them. Private to refactor/. */
#ifndef ESPALIER_REFACTOR_TEMPLATE_H
#define ESPALIER_REFACTOR_TEMPLATE_H

#include "lsp/assist/refactor/rules.h"

/* False after a message when the template names what the sketch does not have. */
bool ref_check(const struct syn_sketch *sketch, const char *template, struct syn_error *err);

/* Does the template put in what this name stands for? */
bool ref_uses(const struct syn_sketch *sketch, const char *template, int name);

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

struct ref_place {
    struct syn_found found;
    const struct ref_form *form;
};

/* What was found in a document: outer ones before those in them, by starts. */
struct ref_places {
    const struct syn_document *doc;
    struct ref_place *list;
    size_t count, capacity;
    struct ref_spans strings, comments; /* strings: of several lines */
    struct ref_step step;
};

bool ref_places_add(struct ref_places *places, const struct ref_place *place); /* false: memory */
void ref_places_free(struct ref_places *places);

/* Fills strings, comments and step from the document. False when memory ran out. */
bool ref_prepare(struct ref_places *places, const struct syn_document *doc);

/* Parts of a filled template that may need brackets: all of it, and what loose names stand for. */
enum { REF_PARTS_MAX = 24 };
struct ref_parts {
    struct {
        struct syn_span span; /* bytes of the filled text, without the brackets themselves */
        unsigned bit;         /* of `brackets` */
    } list[REF_PARTS_MAX];
    size_t count;
};

/* The template filled for place number `at`, with brackets around the parts whose bits are set.
 * nested: what was found by the same form inside of what its names stand for is rewritten there,
 * too. The caller frees; NULL when memory ran out. */
char *ref_fill(const struct ref_places *places, size_t at, bool nested, uint32_t brackets,
               size_t *len);

/* Where the parts lie in that text. */
void ref_parts_of(const struct ref_places *places, size_t at, bool nested, uint32_t brackets,
                  struct ref_parts *out);

#endif
