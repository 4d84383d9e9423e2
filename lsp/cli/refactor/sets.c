/* Refactorings: ours for the languages of the files, a folder's, or one pattern. */
#include "lsp/cli/refactor/sets.h"
#include "grammars/grammars.h"
#include "lsp/assist/refactor/refactor.h"
#include "lsp/cli/cli.h"
#include "lsp/cli/rule_files.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool add_rule(const char *code, const char *text, size_t len, void *user,
                     struct syn_error *err)
{
    return ref_rules_add(user, code, text, len, err);
}

/* The rules of a language, unless they are there. */
static bool load(struct cli_refactorings *sets, const struct gram_language *lang,
                 const char *folder)
{
    struct syn_error err = {"out of memory for rules"};
    struct ref_rules **rules = &sets->sets[gram_index(lang)];
    if (*rules) return true;
    if (!ref_rules_new(lang, true, rules, &err)) return cli_fail("%s", err.text) == CLI_OK;
    return !folder || cli_rule_files(folder, lang->id, ".rule", add_rule, *rules);
}

static bool begin(struct cli_refactorings *out)
{
    out->sets = calloc(gram_count(), sizeof *out->sets);
    return out->sets || cli_fail("out of memory for rules") == CLI_OK;
}

bool cli_refactorings_load(const struct cli_files *files, const char *folder,
                           struct cli_refactorings *out)
{
    const struct gram_language *c = gram_by_id("c");
    bool ok = begin(out);
    for (size_t i = 0; ok && i < files->count; i++) {
        const struct gram_language *lang = files->list[i].lang;
        ok = load(out, lang, folder);
        /* A header may turn out to be C++ when it is read. */
        if (ok && lang == c) ok = load(out, gram_by_id("cpp"), folder);
    }
    return ok;
}

bool cli_refactorings_pattern(const char *language, const char *pattern, const char *become,
                              struct cli_refactorings *out)
{
    struct syn_error err = {"out of memory"};
    char extension[64];
    const char *part;
    snprintf(extension, sizeof extension, "x%s%s", *language == '.' ? "" : ".", language);
    const struct gram_language *lang = gram_by_id(language);
    if (!lang) lang = gram_by_path(extension, NULL, 0);
    if (!begin(out)) return false;
    if (!lang)
        return cli_fail("--lang %s: no language that is known; see espalier version", language) ==
               CLI_OK;
    struct ref_rules **rules = &out->sets[gram_index(lang)];
    if (!ref_rules_new(lang, false, rules, &err)) return cli_fail("%s", err.text) == CLI_OK;
    if (ref_rules_add_pattern(*rules, pattern, become, &part, &err) == SYN_OK) return true;
    return cli_fail("--%s '%.200s': %s", part, *part == 'p' ? pattern : become, err.text) == CLI_OK;
}

const struct ref_rules *cli_refactorings_of(const struct cli_refactorings *sets,
                                            const struct gram_language *lang)
{
    return lang ? sets->sets[gram_index(lang)] : NULL;
}

void cli_refactorings_free(struct cli_refactorings *sets)
{
    for (size_t i = 0; sets->sets && i < gram_count(); i++)
        ref_rules_free(sets->sets[i]);
    free(sets->sets);
    sets->sets = NULL;
}

static bool is_named(const char *code, const char *const *codes, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (strcmp(codes[i], code) == 0) return true;
    return n == 0;
}

/* The rule's tests, counted; false when one fails. */
static bool test_rule(const struct ref_rules *rules, const struct ref_rule *rule, size_t *count)
{
    bool ok = true;
    for (size_t i = 0; i < rule->n_cases; i++, ++*count) {
        const struct ref_case *one = &rule->cases[i];
        char *came = ref_try_case(rules, rule, one);
        if (!came) continue;
        fprintf(stderr, "espalier: %s/%s: the test in line %u gives\n%s\n", rules->lang->id,
                rule->code, one->line, came);
        free(came);
        ok = false;
    }
    return ok;
}

bool cli_refactorings_test(const struct cli_refactorings *sets, const char *const *codes, size_t n)
{
    size_t count = 0, failures = 0;
    for (size_t i = 0; i < gram_count(); i++) {
        const struct ref_rules *rules = sets->sets[i];
        for (size_t k = 0; rules && k < rules->count; k++)
            if (is_named(rules->list[k]->code, codes, n))
                failures += !test_rule(rules, rules->list[k], &count);
    }
    printf("%zu tests, %zu rules fail\n", count, failures);
    return failures == 0;
}

void cli_refactorings_list(const struct cli_refactorings *sets)
{
    for (size_t i = 0; i < gram_count(); i++) {
        const struct ref_rules *rules = sets->sets[i];
        for (size_t k = 0; rules && k < rules->count; k++) {
            size_t safe = 0;
            for (size_t f = 0; f < rules->list[k]->n_forms; f++)
                safe += rules->list[k]->forms[f].safe;
            printf("%-11s %-32s %-7s %s\n", rules->lang->id, rules->list[k]->code,
                   safe == rules->list[k]->n_forms ? "safe"
                   : safe > 0                      ? "in part"
                                                   : "unsafe",
                   rules->list[k]->title);
        }
    }
}
