/* candidate.h: from what the model wrote to what is worth showing.
 *
 * Works on a snapshot of the cursor's surroundings, never on the document. All functions
 * only ever shorten a text. Any thread; a site belongs to one thread at a time.
 */
#ifndef ESPALIER_CANDIDATE_H
#define ESPALIER_CANDIDATE_H

#include "lsp/assist/complete.h"

/* What stands around the cursor. Owned by the job. */
struct asst_site {
    struct syn_document *doc;   /* a copy for the hole; NULL without a language */
    struct syn_hole *hole;      /* NULL without a language */
    char *right;                /* text right of the cursor: the rest of its line, then lines
                                   after it, at most ASST_SITE_BYTES */
    size_t right_len, rest_len; /* of it, the rest of the cursor's line */
    size_t cursor;              /* byte of the document */
    size_t left_open;           /* brackets open in front of the cursor on its line */
    uint32_t indent;            /* columns of white space in front of the cursor's line */
};

#define ASST_SITE_BYTES 2048

enum syn_status asst_site_open(const struct syn_document *doc, size_t cursor, bool with_tree,
                               struct asst_site *out, struct syn_error *err);
/* True when nothing stands right of the cursor on its line and the next line of text below
 * is no deeper than the cursor's: there is room for a block. */
bool asst_site_is_open(const struct asst_site *site);

/* True for a keyword that does nothing but close a block ("end", "done"), line ends around
 * it aside. */
bool asst_is_closing_keyword(const char *text);

void asst_site_close(struct asst_site *site);

/* Shortens text[*len] to what may be inserted at the site; *len becomes 0 when nothing is
 * left. *stop becomes ASST_STOP_INVALID or ASST_STOP_CLOSED when the tree cut it. *replaces: of the
 * closing brackets right of the cursor, those in whose place it goes, as it closes them itself. */
enum syn_status asst_candidate_trim(const struct asst_site *site, char *text, size_t *len,
                                    size_t *replaces, enum asst_stop *stop, struct syn_error *err);

/* For a block being written: bytes of text to keep when its last line but the unfinished
 * one shows that the block has ended (it stands no deeper than the cursor's line), or
 * SIZE_MAX to go on. */
size_t asst_block_end(const struct asst_site *site, const char *text, size_t len);

#endif
