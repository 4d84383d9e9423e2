/* rules.h: what a review looks for, as data.
 *
 * A rule is a text: a header of comment lines "; key: value", then the S-expressions of a pattern
 * (syntax/pattern.h). Ours are files grammars/<language>/review/<code>.scm; what they have in
 * common over all languages stands in grammars/review/<code>, header lines without ";". A file of
 * ours that says "; as: <language>" and nothing else stands for that language's. A user's rule has
 * the same form.
 *
 *   message     one line, "{capture}" stands for its text; required
 *   title       what the rule is about; required
 *   help        why it matters and what to do; may be given several times, a paragraph each
 *   related     what is said of the place @related, which has to do with the finding
 *   severity    error, warning, information or hint (default: warning)
 *   tag         unnecessary or deprecated: how editors show it (default: neither)
 *   confidence  share of findings that are right (default: 0.9)
 *   rewrite     what is to stand where @replace is (or @finding, without one); empty: nothing, and
 *               its line goes if it was alone on it. Captures as in messages.
 *   safe        yes: the rewrite keeps the program's meaning, or is surely what was meant (default:
 *               no, then it is only offered)
 *
 * The pattern has to capture @finding. @replace and @related are special; all other names are the
 * rule's own.
 *
 * Rules are not changed after they were made and may be used from several threads at once.
 */
#ifndef ESPALIER_REVIEW_RULES_H
#define ESPALIER_REVIEW_RULES_H

#include "syntax/pattern.h"

#define REV_CODE_MAX  64 /* bytes, with the zero */
#define REV_RULES_MAX 512

enum rev_severity { REV_HINT, REV_INFORMATION, REV_WARNING, REV_ERROR, REV_SEVERITIES };

enum rev_tag { REV_TAG_NONE, REV_TAG_UNNECESSARY, REV_TAG_DEPRECATED };

struct rev_rule {
    char code[REV_CODE_MAX]; /* "self-assignment" */
    enum rev_severity severity;
    enum rev_tag tag;
    double confidence;
    char *related;                /* NULL: nothing */
    char *title, *message, *help; /* help: paragraphs with an empty line between; "" for none */
    char *rewrite;                /* NULL: none */
    bool safe;
    bool built_in; /* not the user's */
    struct syn_pattern *pattern;
    int finding, replace, related_at; /* captures; -1: there is none */
};

/* Of one language. */
struct rev_rules {
    const struct gram_language *lang;
    struct rev_rule *rules[REV_RULES_MAX];
    size_t count;
    uint64_t sum; /* a hash of their codes and texts, in the order in which they were added */
};

/* The built-in ones. False after a message: out of memory, as a build tests its own rules. */
bool rev_rules_new(const struct gram_language *lang, struct rev_rules **out, struct syn_error *err);
void rev_rules_free(struct rev_rules *rules);

/* Adds a rule, or puts it in the place of the one of this code. False after a message that names
 * the line. */
bool rev_rules_add(struct rev_rules *rules, const char *code, const char *text, size_t len,
                   struct syn_error *err);

const struct rev_rule *rev_rules_find(const struct rev_rules *rules, const char *code);

/* "warning" for REV_WARNING, and back; REV_SEVERITIES when it is none. */
const char *rev_severity_name(enum rev_severity severity);
enum rev_severity rev_severity_by_name(const char *name);

#endif
