/* rules.h: what is rewritten, as data.
 *
 * A rule is a text of lines "key: value", or of a key and a block, which is the lines behind it
 * that are further in (as far in as the first of them is not part of the block); "#" begins a line
 * that says nothing. Ours are files grammars/<language>/refactor/<code>.rule; what they have in
 * common over all languages, title and help, stands in grammars/refactor/<code>. A file of ours
 * that says "; as: <language>" and nothing else stands for that language's. A user's rule has the
 * same form.
 *
 *   title   what the rule does, as a command; required
 *   help    why; may be given several times, a paragraph each
 *   safe    yes: the forms that follow keep the program's meaning; no (the default): as far as can
 *           be seen
 *   find    a sketch (syntax/sketch.h): begins a form; a rule has one or more
 *   where   predicates that its places have to satisfy
 *   become  the template for them (refactor.h); nothing: they go, with their lines if they were
 *           alone on them; required of each form
 *   test    a text in which ...
 *   gives   ... this comes of the rule, unsafe forms included; without it: the text stays
 *
 * Rules are not changed after they were made and may be used from several threads at once.
 */
#ifndef ESPALIER_REFACTOR_RULES_H
#define ESPALIER_REFACTOR_RULES_H

#include "syntax/sketch.h"

#define REF_CODE_MAX   64      /* bytes, with the zero */
#define REF_RULES_MAX  256     /* of a language */
#define REF_FORMS_MAX  32      /* of a rule */
#define REF_CASES_MAX  64      /* ... */
#define REF_RULE_BYTES 262144u /* of its text */

struct ref_rule;

/* One of the forms in which a rule finds what it is about. */
struct ref_form {
    const struct ref_rule *rule;
    size_t number; /* of the rule among the language's */
    struct syn_sketch *sketch;
    char *become;
    bool safe;
};

struct ref_case {
    char *before, *after; /* after NULL: nothing changes */
    unsigned line;        /* of the rule's text */
};

struct ref_rule {
    char code[REF_CODE_MAX]; /* "redundant-else" */
    char *title, *help;      /* help: paragraphs with an empty line between; "" for none */
    bool built_in;           /* not the user's */
    struct ref_form forms[REF_FORMS_MAX];
    size_t n_forms;
    struct ref_case cases[REF_CASES_MAX];
    size_t n_cases;
};

/* Of one language. */
struct ref_rules {
    const struct gram_language *lang;
    struct ref_rule *list[REF_RULES_MAX];
    size_t count;
};

/* built_in: with ours. False after a message: out of memory, as a build tests its own rules. */
bool ref_rules_new(const struct gram_language *lang, bool built_in, struct ref_rules **out,
                   struct syn_error *err);
void ref_rules_free(struct ref_rules *rules); /* takes NULL */

/* Adds a rule, or puts it in the place of the one of this code. False after a message that names
 * the line. */
bool ref_rules_add(struct ref_rules *rules, const char *code, const char *text, size_t len,
                   struct syn_error *err);

/* Adds a rule of one form, "pattern". become NULL: its places are only found. */
enum syn_status ref_rules_add_pattern(struct ref_rules *rules, const char *pattern,
                                      const char *become, const char **part, struct syn_error *err);

const struct ref_rule *ref_rules_find(const struct ref_rules *rules, const char *code);

#endif
