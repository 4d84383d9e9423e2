/* refactor.h: what rules find in a text, rewritten.
 *
 * A template is text in which $NAME and $$$NAME stand for what they stood for in the sketch; all
 * else is taken as it is. Lines of it, and those of what it puts in, are as far in as what they
 * take the place of; lines that begin inside a string are not touched. Where a $$$NAME stands for
 * nothing, the comma beside it goes, or its line. An expression gets brackets where it would fall
 * apart without them. A change that would lose a comment, or after which the text would parse
 * worse, is not made.
 *
 * Changes never overlap: of those that do, the outer one is made first, and the text that comes of
 * it is looked at again, until nothing is found any more.
 *
 * Threads: rules may be shared, documents and results belong to one.
 */
#ifndef ESPALIER_REFACTOR_H
#define ESPALIER_REFACTOR_H

#include "lsp/assist/refactor/rules.h"

#define REF_CHANGES_MAX 100000 /* of one text; more are counted and left out */
#define REF_PASSES_MAX  12
#define REF_LINE_MAX    100 /* bytes: rules make no lines longer than that out of shorter ones */

struct ref_change {
    const struct ref_form *form;
    struct syn_span span; /* bytes of the text that become */
    char *text;           /* this; NULL: nothing is to be changed */
    size_t len;
};

struct ref_changes {
    struct ref_change *list; /* by their starts; none overlap */
    size_t count, capacity;
};

/* What is wanted. */
struct ref_choice {
    const char *const *codes; /* [n_codes] of rules; 0 for all */
    size_t n_codes;
    bool unsafe; /* forms that are not safe as well */
    bool once;   /* what changes make is not looked at again; what is found inside of what a name
                    stands for is rewritten at once then */
};

struct ref_result {
    struct ref_changes first;  /* of the text as it was: those that are made at first */
    struct syn_document *made; /* after all changes, parsed; NULL: nothing changes */
    size_t *counts;            /* [rules->count] changes, of the text and of what came of it */
    size_t total;              /* of them */
    size_t refused, commented; /* not made: text would parse worse, comments would be lost */
    size_t left_out;           /* beyond the limit */
    bool again;                /* with once: what was made has something to change in it again */
    const struct ref_rule *endless; /* did not come to an end: then nothing is made */
};

/* *out is freed by the caller, whatever comes back. SYN_CANCELLED when the document's stop flag was
 * set. */
enum syn_status ref_run(const struct ref_rules *rules, const struct ref_choice *choice,
                        const struct syn_document *doc, struct ref_result *out,
                        struct syn_error *err);
void ref_result_free(struct ref_result *result);

/* False when no rule that is wanted can find anything in the text: without parsing it. */
bool ref_may_find(const struct ref_rules *rules, const struct ref_choice *choice, const char *text,
                  size_t len);

/* What an editor is offered: calls visit for each place that begins on one of the lines that bytes
 * [start, end] touch, or lies between them. Return false to stop. */
typedef bool (*ref_on_place)(const struct ref_form *form, struct syn_span span, void *user);
enum syn_status ref_offer(const struct ref_rules *rules, const struct ref_choice *choice,
                          const struct syn_document *doc, size_t start, size_t end,
                          ref_on_place visit, void *user, struct syn_error *err);

/* The changes of a rule: of its place `at` alone, or, NULL, of all its places that are in no other
 * one. result->first and ->made are set; no changes: there are none any more, or they would spoil
 * the text. */
enum syn_status ref_make(const struct ref_rules *rules, const struct ref_choice *choice,
                         const struct syn_document *doc, const struct syn_span *at,
                         struct ref_result *out, struct syn_error *err);

/* Tries one of a rule's tests, all its forms wanted. NULL when it holds; else what came instead,
 * the caller's to free, or of a text that failed why. */
char *ref_try_case(const struct ref_rules *rules, const struct ref_rule *rule,
                   const struct ref_case *one);

#endif
