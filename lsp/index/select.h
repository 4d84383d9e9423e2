/* select.h: what of other files is worth showing at a place in one.
 *
 * Sources, each of which can be asked for:
 *
 *   IDX_USED      headers of the definitions, in other files, of names that the text around the
 *                 place uses; files that this one imports first, then its pair, its folder, and
 *                 the rest only where a name is rare. A member comes with the header of what it is
 *                 a member of. Names that this file defines itself are left out.
 *   IDX_RECENT    the chunks of recently edited or viewed files that are most like the text around
 *                 the place.
 *   IDX_PAIR      headers of the file's counterpart: header and source, code and its test.
 *   IDX_SIBLINGS  headers of the files in its folder with the most similar names.
 *
 * IDX_NEAR is a source as well, but no snippets come of it: whole files, see near.h.
 *
 * What is chosen depends on the store, the recents and the ranges of the query alone, so a caller
 * that moves the ranges rarely gets the same text at most keystrokes. Which definition a name means
 * is not resolved, as only a compiler could; a wrong one costs some tokens.
 *
 * The answer is a value: text is copied. Pure; the store is only read.
 */
#ifndef ESPALIER_INDEX_SELECT_H
#define ESPALIER_INDEX_SELECT_H

#include "lsp/index/recent.h"
#include "lsp/index/store.h"

enum idx_source { IDX_USED = 1, IDX_RECENT = 2, IDX_PAIR = 4, IDX_SIBLINGS = 8, IDX_NEAR = 16 };
#define IDX_ALL_SOURCES 31u

/* "used", "recent", "pair", "siblings" or "near"; and names between commas, "all" or "none" as a
 * set. */
const char *idx_source_name(enum idx_source source);
bool idx_sources_of(const char *list, unsigned *out);

#define IDX_SELECTION_MAX   192
#define IDX_SELECTION_BYTES (16u * 1024u)

struct idx_query {
    const char *path; /* of the file, as the store has it; what the store knows of it tells what
                         it imports and defines */
    unsigned view;    /* whose; see store.h */
    const char *root; /* only files below this folder; "": all */
    const struct gram_language *lang;
    const char *text;
    size_t near_start, near_end;   /* in front of the place: names used last count most */
    size_t after_start, after_end; /* behind it */
    unsigned sources;              /* of enum idx_source */
};

/* Whole lines of one other file. */
struct idx_snippet {
    uint32_t text, len; /* bytes of the selection's text */
    uint32_t place;     /* ascending: the order to show them in, what changes least first */
    uint8_t source;
};

struct idx_selection {
    struct idx_snippet snippets[IDX_SELECTION_MAX]; /* what matters most first */
    size_t count;
    char text[IDX_SELECTION_BYTES];
    size_t used;
};

/* recents may be NULL. Allocates nothing. */
void idx_select(const struct idx_store *store, const struct idx_recents *recents,
                const struct idx_query *query, struct idx_selection *out);

/* The ranges for a place on `line` of the document: whole lines in front of the line, and some
 * behind the line `last`, where what replaces nothing ends; lines are counted off in steps, so that
 * the ranges stay while somebody types a few of them. */
void idx_query_ranges(const struct syn_document *doc, size_t line, size_t last,
                      struct idx_query *out);

#endif
