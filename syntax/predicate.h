/* predicate.h: what a match of a pattern has to satisfy. Private to syntax/. */
#ifndef ESPALIER_SYNTAX_PREDICATE_H
#define ESPALIER_SYNTAX_PREDICATE_H

#include "syntax/document.h"
#include "syntax/pattern.h"

#include <regex.h>

#define SYN_PREDICATE_WORDS 40

/* An argument: a capture, or a word that the query owns. */
struct syn_argument {
    int capture; /* -1: a word */
    const char *word;
    uint32_t len;
};

struct syn_predicate {
    const struct syn_predicate_form *form;
    bool negated;
    struct syn_argument arguments[SYN_PREDICATE_WORDS];
    uint32_t count;
    regex_t expression; /* of #match? */
    bool has_expression;
};

/* The nodes of a match, by capture. */
struct syn_matched {
    const struct syn_document *doc;
    bool has[SYN_PATTERN_CAPTURES];
    bool many[SYN_PATTERN_CAPTURES]; /* it stands for neighbours, from node to last, or for none */
    TSNode node[SYN_PATTERN_CAPTURES]; /* null: for none */
    TSNode last[SYN_PATTERN_CAPTURES]; /* where it stands for many */
};

/* Reads one predicate of a query; false after a message. */
bool syn_predicate_read(const TSQuery *query, const TSQueryPredicateStep *steps, uint32_t n,
                        struct syn_predicate *out, struct syn_error *err);
void syn_predicate_end(struct syn_predicate *predicate);

/* May it speak of many, as argument i? */
bool syn_predicate_takes_many(const struct syn_predicate *predicate, uint32_t i);

/* May move a capture on to what it found. */
bool syn_predicate_holds(const struct syn_predicate *predicate, struct syn_matched *match);

#endif
