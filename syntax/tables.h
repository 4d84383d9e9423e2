/* tables.h: a language's data files, compiled. Private to syntax/. */
#ifndef ESPALIER_SYNTAX_TABLES_H
#define ESPALIER_SYNTAX_TABLES_H

#include "grammars/grammars.h"

#include <stdbool.h>
#include <tree_sitter/api.h>

#define SYN_MAX_FILLINGS 64

struct syn_tables {
    const TSLanguage *grammar; /* NULL for a document without a language */
    uint8_t *kind;             /* [symbols]: enum gram_kind of a node symbol */
    uint32_t symbols;
    char *fillings[SYN_MAX_FILLINGS]; /* point into filling_text; "$C" is still in them */
    size_t filling_count;
    char *filling_text;
};

/* False when memory ran out. lang may be NULL. */
bool syn_tables_build(struct syn_tables *tables, const struct gram_language *lang);
void syn_tables_free(struct syn_tables *tables);

/* enum gram_kind of a node. */
uint8_t syn_kind_of(const struct syn_tables *tables, TSNode node);

#endif
