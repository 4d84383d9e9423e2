/* tables.h: a language's data files, compiled. Private to syntax/. */
#ifndef ESPALIER_SYNTAX_TABLES_H
#define ESPALIER_SYNTAX_TABLES_H

#include "grammars/grammars.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <tree_sitter/api.h>

#define SYN_MAX_FILLINGS 64

/* Not changed after it was made; shared by a document, its copies and its holes, which may
 * be on different threads, and freed with the last of them. */
struct syn_tables {
    atomic_uint holders;
    const TSLanguage *grammar;
    uint8_t *kind; /* [symbols]: enum gram_kind of a node symbol */
    uint32_t symbols;
    char *fillings[SYN_MAX_FILLINGS]; /* point into filling_text; "$C" is still in them */
    size_t filling_count;
    char *filling_text;
};

/* NULL when memory ran out. */
struct syn_tables *syn_tables_new(const struct gram_language *lang);
struct syn_tables *syn_tables_hold(struct syn_tables *tables);
void syn_tables_release(struct syn_tables *tables);

/* enum gram_kind of a node. */
uint8_t syn_kind_of(const struct syn_tables *tables, TSNode node);

#endif
