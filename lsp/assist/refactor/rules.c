/* Reading rules: lines of keys, blocks of code.
 *
 * As strict as a compiler: a key that is not known, a form without its template and a name that the
 * sketch does not have are refused, as each is a slip that would quietly change less, or more, than
 * was meant.
 */
#include "lsp/assist/refactor/rules.h"
#include "grammars/grammars.h"
#include "lsp/assist/refactor/template.h"
#include "lsp/assist/text.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool refuse(struct syn_error *err, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static bool refuse(struct syn_error *err, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    if (err) vsnprintf(err->text, sizeof err->text, format, arguments);
    va_end(arguments);
    return false;
}

/* ---- Items ------------------------------------------------------------------------- */

/* "key: value", or a key and its block. */
struct item {
    char key[16];
    char *value; /* the reader's until it is taken */
    unsigned line;
};

struct reader {
    const char *text;
    size_t len, at;
    unsigned line; /* of `at`, from 1 */
};

static size_t line_len(const struct reader *r, size_t at)
{
    const char *newline = memchr(r->text + at, '\n', r->len - at);
    return newline ? (size_t)(newline - r->text) - at : r->len - at;
}

static void next_line(struct reader *r)
{
    r->at += line_len(r, r->at) + 1;
    r->line++;
}

static bool is_white(const char *text, size_t len)
{
    while (len > 0 && (text[len - 1] == ' ' || text[len - 1] == '\t' || text[len - 1] == '\r'))
        len--;
    return len == 0;
}

/* The lines that are further in, as far out as the first of them allows; NULL after a message. */
static char *read_block(struct reader *r, struct syn_error *err)
{
    struct asst_text out = {0};
    size_t indent = 0, empty = 0;
    const char *first = NULL;
    asst_text_put(&out, "", 0);
    for (; r->at < r->len; next_line(r)) {
        const char *line = r->text + r->at;
        size_t len = line_len(r, r->at), own = 0;
        if (is_white(line, len)) {
            empty++;
            continue;
        }
        while (own < len && (line[own] == ' ' || line[own] == '\t'))
            own++;
        if (own == 0) break;
        if (!first) {
            first = line;
            indent = own;
            empty = 0;
        } else {
            for (; empty > 0; empty--)
                asst_text_put(&out, "\n", 1);
            asst_text_put(&out, "\n", 1);
        }
        if (own < indent || memcmp(line, first, indent) != 0) {
            free(asst_text_take(&out, &len));
            refuse(err, "line %u: expected to be as far in as the block's first line", r->line);
            return NULL;
        }
        asst_text_put(&out, line + indent, len - indent);
    }
    char *text = asst_text_take(&out, &indent);
    if (!text) refuse(err, "out of memory");
    return text;
}

/* The next item. False at the end, and after a message: then err has text. */
static bool next_item(struct reader *r, struct item *out, struct syn_error *err)
{
    while (r->at < r->len &&
           (r->text[r->at] == '#' || is_white(r->text + r->at, line_len(r, r->at))))
        next_line(r);
    if (r->at >= r->len) return false;
    const char *line = r->text + r->at;
    size_t len = line_len(r, r->at), key = 0;
    while (key < len && line[key] >= 'a' && line[key] <= 'z')
        key++;
    if (key == 0 || key == len || key >= sizeof out->key || line[key] != ':')
        return refuse(err, "line %u: '%.*s': expected key: value", r->line,
                      (int)(len < 60 ? len : 60), line);
    snprintf(out->key, sizeof out->key, "%.*s", (int)key, line);
    out->line = r->line;
    line += key + 1;
    len -= key + 1;
    next_line(r);
    if (is_white(line, len)) {
        out->value = read_block(r, err);
        return out->value != NULL;
    }
    while (len > 0 && *line == ' ') {
        line++;
        len--;
    }
    while (len > 0 && (line[len - 1] == ' ' || line[len - 1] == '\r'))
        len--;
    out->value = strndup(line, len);
    return out->value || refuse(err, "out of memory");
}

/* ---- Keys -------------------------------------------------------------------------- */

struct reading {
    struct ref_rule *rule;
    const struct gram_language *lang;
    bool safe; /* of the forms that follow */
};

/* Puts the value into *place, behind what is there and an empty line when `adds`. */
static bool set_text(char **place, bool adds, const char *value, struct syn_error *err)
{
    size_t before = adds && *place ? strlen(*place) + 2 : 0, size = before + strlen(value) + 1;
    char *text = malloc(size);
    if (!text) return refuse(err, "out of memory");
    snprintf(text, size, "%s%s%s", before ? *place : "", before ? "\n\n" : "", value);
    free(*place);
    *place = text;
    return true;
}

static bool add_form(struct reading *r, const char *sketch, struct syn_error *err)
{
    struct ref_rule *rule = r->rule;
    if (rule->n_forms == REF_FORMS_MAX) return refuse(err, "more than %d forms", REF_FORMS_MAX);
    struct ref_form *form = &rule->forms[rule->n_forms];
    if (syn_sketch_new(r->lang, sketch, strlen(sketch), &form->sketch, err) != SYN_OK) return false;
    form->rule = rule;
    form->safe = r->safe;
    rule->n_forms++;
    return true;
}

/* The form that is being read, if it has no template yet; NULL after a message. */
static struct ref_form *open_form(const struct reading *r, struct syn_error *err)
{
    struct ref_rule *rule = r->rule;
    struct ref_form *form = rule->n_forms > 0 ? &rule->forms[rule->n_forms - 1] : NULL;
    if (form && !form->become) return form;
    refuse(err, "expected behind find:");
    return NULL;
}

static bool add_where(const struct reading *r, const char *value, struct syn_error *err)
{
    struct ref_form *form = open_form(r, err);
    return form && syn_sketch_require(form->sketch, value, strlen(value), err) == SYN_OK;
}

static bool set_become(const struct reading *r, const char *value, struct syn_error *err)
{
    struct ref_form *form = open_form(r, err);
    return form && ref_check(form->sketch, value, err) &&
           set_text(&form->become, false, value, err);
}

static bool add_case(const struct reading *r, const char *text, unsigned line,
                     struct syn_error *err)
{
    struct ref_rule *rule = r->rule;
    if (rule->n_cases == REF_CASES_MAX) return refuse(err, "more than %d tests", REF_CASES_MAX);
    struct ref_case *c = &rule->cases[rule->n_cases++];
    c->line = line;
    return set_text(&c->before, false, text, err);
}

static bool set_gives(const struct reading *r, const char *text, struct syn_error *err)
{
    struct ref_rule *rule = r->rule;
    struct ref_case *c = rule->n_cases > 0 ? &rule->cases[rule->n_cases - 1] : NULL;
    if (!c || c->after) return refuse(err, "expected behind test:");
    return set_text(&c->after, false, text, err);
}

static bool set_safe(struct reading *r, const char *value, struct syn_error *err)
{
    r->safe = strcmp(value, "yes") == 0;
    return r->safe || strcmp(value, "no") == 0 ||
           refuse(err, "safe '%.40s': expected yes or no", value);
}

static bool set_key(struct reading *r, const struct item *item, struct syn_error *err)
{
    const char *key = item->key, *value = item->value;
    if (r->rule->n_forms > 0 && strcmp(key, "become") != 0 && strcmp(key, "where") != 0 &&
        !r->rule->forms[r->rule->n_forms - 1].become)
        return refuse(err, "the form in front of it has no become:");
    if (strcmp(key, "title") == 0) return set_text(&r->rule->title, false, value, err);
    if (strcmp(key, "help") == 0) return set_text(&r->rule->help, true, value, err);
    if (strcmp(key, "safe") == 0) return set_safe(r, value, err);
    if (strcmp(key, "find") == 0) return add_form(r, value, err);
    if (strcmp(key, "where") == 0) return add_where(r, value, err);
    if (strcmp(key, "become") == 0) return set_become(r, value, err);
    if (strcmp(key, "test") == 0) return add_case(r, value, item->line, err);
    if (strcmp(key, "gives") == 0) return set_gives(r, value, err);
    return refuse(err, "'%s' is no key of a rule", key);
}

static bool read_text(struct reading *r, const char *text, size_t len, struct syn_error *err)
{
    struct reader reader = {text, len, 0, 1};
    struct item item;
    struct syn_error why = {""};
    if (memchr(text, 0, len)) return refuse(err, "a zero byte: expected text");
    if (len > REF_RULE_BYTES)
        return refuse(err, "%zu bytes: expected at most %u", len, REF_RULE_BYTES);
    while (next_item(&reader, &item, &why)) {
        bool ok = set_key(r, &item, &why);
        free(item.value);
        if (!ok) return refuse(err, "line %u: %.200s", item.line, why.text);
    }
    return !why.text[0] || refuse(err, "%s", why.text);
}

/* ---- Rules ------------------------------------------------------------------------- */

static void rule_free(struct ref_rule *rule)
{
    if (!rule) return;
    for (size_t i = 0; i < rule->n_forms; i++) {
        syn_sketch_free(rule->forms[i].sketch);
        free(rule->forms[i].become);
    }
    for (size_t i = 0; i < rule->n_cases; i++) {
        free(rule->cases[i].before);
        free(rule->cases[i].after);
    }
    free(rule->title);
    free(rule->help);
    free(rule);
}

static bool complete(struct ref_rule *rule, struct syn_error *err)
{
    if (!rule->title || !*rule->title) return refuse(err, "it has no title");
    if (rule->n_forms == 0) return refuse(err, "it has no find:");
    if (!rule->forms[rule->n_forms - 1].become) return refuse(err, "its last form has no become:");
    return rule->help || set_text(&rule->help, false, "", err);
}

static struct ref_rule *rule_new(const char *code, struct syn_error *err)
{
    struct ref_rule *rule = calloc(1, sizeof *rule);
    if (!rule) {
        refuse(err, "out of memory for a rule");
        return NULL;
    }
    if (strlen(code) < sizeof rule->code) {
        snprintf(rule->code, sizeof rule->code, "%s", code);
        return rule;
    }
    refuse(err, "a code of more than %zu bytes", sizeof rule->code - 1);
    free(rule);
    return NULL;
}

/* Takes the rule over. */
static bool put_rule(struct ref_rules *rules, struct ref_rule *rule, struct syn_error *err)
{
    size_t at = 0;
    while (at < rules->count && strcmp(rules->list[at]->code, rule->code) != 0)
        at++;
    if (at == REF_RULES_MAX) {
        rule_free(rule);
        return refuse(err, "more than %d rules", REF_RULES_MAX);
    }
    for (size_t i = 0; i < rule->n_forms; i++)
        rule->forms[i].number = at;
    if (at < rules->count)
        rule_free(rules->list[at]);
    else
        rules->count++;
    rules->list[at] = rule;
    return true;
}

bool ref_rules_add(struct ref_rules *rules, const char *code, const char *text, size_t len,
                   struct syn_error *err)
{
    if (syn_check_text(text, len, err) != SYN_OK) return false;
    struct reading r = {rule_new(code, err), rules->lang, false};
    const char *common = gram_refactor_text(code);
    if (!r.rule) return false;
    if ((!common || read_text(&r, common, strlen(common), err)) && read_text(&r, text, len, err) &&
        complete(r.rule, err))
        return put_rule(rules, r.rule, err);
    rule_free(r.rule);
    return false;
}

bool ref_rules_new(const struct gram_language *lang, bool built_in, struct ref_rules **out,
                   struct syn_error *err)
{
    struct ref_rules *rules = calloc(1, sizeof *rules);
    *out = NULL;
    if (!rules) return refuse(err, "out of memory for rules");
    rules->lang = lang;
    for (const struct gram_query *rule = lang->refactorings; built_in && rule->name; rule++) {
        struct syn_error why = {""};
        if (!ref_rules_add(rules, rule->name, rule->text, strlen(rule->text), &why)) {
            ref_rules_free(rules);
            return refuse(err, "%s/%s: %.150s", lang->id, rule->name, why.text);
        }
        rules->list[rules->count - 1]->built_in = true;
    }
    *out = rules;
    return true;
}

enum syn_status ref_rules_add_pattern(struct ref_rules *rules, const char *pattern,
                                      const char *become, const char **part, struct syn_error *err)
{
    struct reading r = {rule_new("pattern", err), rules->lang, true};
    *part = "pattern";
    if (!r.rule) return SYN_NO_MEMORY;
    bool ok = syn_check_text(pattern, strlen(pattern), err) == SYN_OK &&
              set_text(&r.rule->title, false, "This looks like the pattern", err) &&
              set_text(&r.rule->help, false, "", err) && add_form(&r, pattern, err);
    if (ok && become) {
        *part = "rewrite";
        ok = syn_check_text(become, strlen(become), err) == SYN_OK && set_become(&r, become, err);
    }
    if (ok) return put_rule(rules, r.rule, err) ? SYN_OK : SYN_BAD_GRAMMAR;
    rule_free(r.rule);
    return SYN_BAD_GRAMMAR;
}

void ref_rules_free(struct ref_rules *rules)
{
    if (!rules) return;
    for (size_t i = 0; i < rules->count; i++)
        rule_free(rules->list[i]);
    free(rules);
}

const struct ref_rule *ref_rules_find(const struct ref_rules *rules, const char *code)
{
    for (size_t i = 0; i < rules->count; i++)
        if (strcmp(rules->list[i]->code, code) == 0) return rules->list[i];
    return NULL;
}
