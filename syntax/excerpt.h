/* excerpt.h: a short text that stands for a document around its hole. Private to syntax/. */
#ifndef ESPALIER_SYNTAX_EXCERPT_H
#define ESPALIER_SYNTAX_EXCERPT_H

#include "syntax/document.h"

struct syn_excerpt {
    char *text; /* [length] */
    uint32_t length;
    uint32_t hole; /* byte of text that the hole is at */
    TSPoint hole_point;
    TSTree *tree;            /* of text: nothing in the hole */
    uint32_t cost;           /* of that tree */
    bool clean_before;       /* no error starts before the hole in that tree */
    const _Atomic int *stop; /* the document's */
};

/* Cuts the excerpt out of the document without its bytes [start, end); empty is the tree of
 * that text. False when memory ran out; nothing is left allocated then. */
bool syn_excerpt_make(struct syn_excerpt *out, TSParser *parser, const struct syn_document *doc,
                      uint32_t start, uint32_t end, const TSTree *empty);
void syn_excerpt_free(struct syn_excerpt *excerpt);

/* A new tree of the excerpt with text in its hole. NULL when it took more than *steps, when
 * early is set and there was an error behind the hole (either way *reached tells how far it
 * came), or when memory ran out. */
TSTree *syn_excerpt_try(const struct syn_excerpt *excerpt, TSParser *parser, const char *text,
                        size_t len, bool early, uint32_t *steps, uint32_t *reached);

#endif
