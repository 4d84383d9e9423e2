/* Reading rules: headers, and the pattern behind them.
 *
 * A header's errors are told as strictly as a query's: a key that is not known is a slip, and a
 * rule that quietly lost its severity would be worse than none.
 */
#include "lsp/assist/review/rules.h"
#include "grammars/grammars.h"
#include "syntax/bytes.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const severities[] = {"hint", "information", "warning", "error"};

const char *rev_severity_name(enum rev_severity severity)
{
    return severity < REV_SEVERITIES ? severities[severity] : "none";
}

enum rev_severity rev_severity_by_name(const char *name)
{
    for (int i = 0; i < REV_SEVERITIES; i++)
        if (strcmp(severities[i], name) == 0) return (enum rev_severity)i;
    return REV_SEVERITIES;
}

#if defined(__GNUC__)
__attribute__((format(printf, 2, 3)))
#endif
static bool
refuse(struct syn_error *err, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    if (err) vsnprintf(err->text, sizeof err->text, format, arguments);
    va_end(arguments);
    return false;
}

/* ---- Headers ----------------------------------------------------------------------- */

/* Puts the value into *place, behind what is there and an empty line when `adds`. */
static bool set_text(char **place, bool adds, const char *value, size_t len)
{
    size_t before = adds && *place && **place ? strlen(*place) + 2 : 0;
    char *text = malloc(before + len + 1);
    if (!text) return false;
    if (before) snprintf(text, before + 1, "%s\n\n", *place);
    memcpy(text + before, value, len);
    text[before + len] = 0;
    free(*place);
    *place = text;
    return true;
}

static bool set_severity(struct rev_rule *rule, const char *value, struct syn_error *err)
{
    rule->severity = rev_severity_by_name(value);
    return rule->severity != REV_SEVERITIES ||
           refuse(err, "severity '%.40s': expected error, warning, information or hint", value);
}

static bool set_confidence(struct rev_rule *rule, const char *value, struct syn_error *err)
{
    char *end;
    rule->confidence = strtod(value, &end);
    return (end != value && !*end && rule->confidence > 0 && rule->confidence <= 1) ||
           refuse(err, "confidence '%.40s': expected a number above 0, at most 1", value);
}

static bool set_safe(struct rev_rule *rule, const char *value, struct syn_error *err)
{
    rule->safe = strcmp(value, "yes") == 0;
    return rule->safe || strcmp(value, "no") == 0 ||
           refuse(err, "safe '%.40s': expected yes or no", value);
}

static bool set_tag(struct rev_rule *rule, const char *value, struct syn_error *err)
{
    rule->tag = strcmp(value, "unnecessary") == 0  ? REV_TAG_UNNECESSARY
                : strcmp(value, "deprecated") == 0 ? REV_TAG_DEPRECATED
                                                   : REV_TAG_NONE;
    return rule->tag != REV_TAG_NONE ||
           refuse(err, "tag '%.40s': expected unnecessary or deprecated", value);
}

/* One "key: value", without the comment's sign. */
static bool set_key(struct rev_rule *rule, const char *line, size_t len, struct syn_error *err)
{
    char key[16], value[64];
    size_t key_len = 0, at;
    while (key_len < len && line[key_len] != ':')
        key_len++;
    if (key_len == len || key_len >= sizeof key)
        return refuse(err, "'%.*s': expected key: value", (int)(len < 80 ? len : 80), line);
    snprintf(key, sizeof key, "%.*s", (int)key_len, line);
    for (at = key_len + 1; at < len && line[at] == ' ';)
        at++;
    const char *text = line + at;
    len -= at;
    while (len > 0 && (text[len - 1] == ' ' || text[len - 1] == '\r'))
        len--;
    snprintf(value, sizeof value, "%.*s", (int)len, text);
    if (strcmp(key, "severity") == 0) return set_severity(rule, value, err);
    if (strcmp(key, "confidence") == 0) return set_confidence(rule, value, err);
    if (strcmp(key, "safe") == 0) return set_safe(rule, value, err);
    if (strcmp(key, "tag") == 0) return set_tag(rule, value, err);
    char **place = strcmp(key, "message") == 0   ? &rule->message
                   : strcmp(key, "title") == 0   ? &rule->title
                   : strcmp(key, "help") == 0    ? &rule->help
                   : strcmp(key, "rewrite") == 0 ? &rule->rewrite
                   : strcmp(key, "related") == 0 ? &rule->related
                                                 : NULL;
    if (!place) return refuse(err, "'%s' is no key of a rule", key);
    return set_text(place, place == &rule->help, text, len) || refuse(err, "out of memory");
}

/* Reads header lines; commented: they start with "; ", and ";;" or the first other line ends or
 * interrupts them. *line: of the error, from 1. */
static bool read_header(struct rev_rule *rule, const char *text, size_t len, bool commented,
                        struct syn_error *err)
{
    unsigned number = 1;
    for (size_t at = 0; at < len; number++) {
        const char *line = text + at, *newline = memchr(line, '\n', len - at);
        size_t line_len = newline ? (size_t)(newline - line) : len - at;
        at += line_len + 1;
        if (commented) {
            if (line_len == 0 || line[0] != ';') return true;
            if (line_len > 1 && line[1] == ';') continue;
            line++;
            line_len--;
        }
        while (line_len > 0 && *line == ' ') {
            line++;
            line_len--;
        }
        struct syn_error why = {""};
        if (line_len > 0 && !set_key(rule, line, line_len, &why))
            return refuse(err, "line %u: %s", number, why.text);
    }
    return true;
}

/* ---- Rules ------------------------------------------------------------------------- */

static void rule_free(struct rev_rule *rule)
{
    if (!rule) return;
    syn_pattern_free(rule->pattern);
    free(rule->title);
    free(rule->message);
    free(rule->help);
    free(rule->rewrite);
    free(rule->related);
    free(rule);
}

static bool complete(struct rev_rule *rule, struct syn_error *err)
{
    if (!rule->message || !*rule->message) return refuse(err, "it has no message");
    if (!rule->title || !*rule->title) return refuse(err, "it has no title");
    rule->finding = syn_pattern_capture(rule->pattern, "finding");
    rule->replace = syn_pattern_capture(rule->pattern, "replace");
    rule->related_at = rule->related ? syn_pattern_capture(rule->pattern, "related") : -1;
    if (rule->finding < 0) return refuse(err, "its pattern does not capture @finding");
    if (rule->replace < 0) rule->replace = rule->finding;
    return true;
}

/* The rule, or NULL after a message. */
static struct rev_rule *rule_new(const struct gram_language *lang, const char *code,
                                 const char *text, size_t len, struct syn_error *err)
{
    struct rev_rule *rule = calloc(1, sizeof *rule);
    const char *common = gram_review_text(code);
    if (!rule) {
        refuse(err, "out of memory for a rule");
        return NULL;
    }
    rule->severity = REV_WARNING;
    rule->confidence = 0.9;
    bool ok = strlen(code) < sizeof rule->code || refuse(err, "a code of more than 63 bytes");
    if (ok) snprintf(rule->code, sizeof rule->code, "%s", code);
    ok = ok && (!common || read_header(rule, common, strlen(common), false, err)) &&
         read_header(rule, text, len, true, err) &&
         (rule->help || set_text(&rule->help, false, "", 0)) &&
         syn_pattern_new(lang, text, len, &rule->pattern, err) == SYN_OK && complete(rule, err);
    if (ok) return rule;
    rule_free(rule);
    return NULL;
}

bool rev_rules_add(struct rev_rules *rules, const char *code, const char *text, size_t len,
                   struct syn_error *err)
{
    if (syn_check_text(text, len, err) != SYN_OK) return false;
    size_t at = 0;
    while (at < rules->count && strcmp(rules->rules[at]->code, code) != 0)
        at++;
    if (at == REV_RULES_MAX) return refuse(err, "more than %d rules", REV_RULES_MAX);
    struct rev_rule *rule = rule_new(rules->lang, code, text, len, err);
    if (!rule) return false;
    rules->sum = syn_hash(syn_hash(rules->sum, code, strlen(code) + 1), text, len);
    if (at < rules->count)
        rule_free(rules->rules[at]);
    else
        rules->count++;
    rules->rules[at] = rule;
    return true;
}

bool rev_rules_new(const struct gram_language *lang, struct rev_rules **out, struct syn_error *err)
{
    struct rev_rules *rules = calloc(1, sizeof *rules);
    *out = NULL;
    if (!rules) return refuse(err, "out of memory for rules");
    rules->lang = lang;
    rules->sum = SYN_HASH_START;
    for (const struct gram_query *query = lang->rules; query->name; query++) {
        struct syn_error why = {""};
        if (!rev_rules_add(rules, query->name, query->text, strlen(query->text), &why)) {
            rev_rules_free(rules);
            return refuse(err, "%s/%s: %s", lang->id, query->name, why.text);
        }
        rules->rules[rules->count - 1]->built_in = true;
    }
    *out = rules;
    return true;
}

void rev_rules_free(struct rev_rules *rules)
{
    if (!rules) return;
    for (size_t i = 0; i < rules->count; i++)
        rule_free(rules->rules[i]);
    free(rules);
}

const struct rev_rule *rev_rules_find(const struct rev_rules *rules, const char *code)
{
    for (size_t i = 0; i < rules->count; i++)
        if (strcmp(rules->rules[i]->code, code) == 0) return rules->rules[i];
    return NULL;
}
