/* filling.h: what may stand in a hole. Private to syntax/. */
#ifndef ESPALIER_SYNTAX_FILLING_H
#define ESPALIER_SYNTAX_FILLING_H

#include "syntax/excerpt.h"

#define SYN_MAX_FILLING 256
#define SYN_MAX_OPENERS 72

struct syn_filling {
    char text[SYN_MAX_FILLING];
    size_t length;
    uint32_t reached; /* how far the parser came before it met an error */
    bool given_up;    /* the cost is not known: there was an error soon */
};

/* Writes the fillings of the document's language for what follows middle[len] in the
 * excerpt's hole to out[SYN_MAX_FILLINGS], the most likely first, and returns how many
 * there are. openers[SYN_MAX_OPENERS] receives the brackets that must be opened there. */
size_t syn_list_fillings(const struct syn_excerpt *x, const struct syn_document *doc,
                         const char *middle, size_t len, struct syn_filling *out, char *openers);

#endif
