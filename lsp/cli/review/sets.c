/* Rules: ours for the languages of the files, and a folder's. */
#include "lsp/cli/review/sets.h"
#include "grammars/grammars.h"
#include "lsp/cli/cli.h"
#include "lsp/cli/rule_files.h"

#include <stdlib.h>

static bool add_rule(const char *code, const char *text, size_t len, void *user,
                     struct syn_error *err)
{
    return rev_rules_add(user, code, text, len, err);
}

/* The rules of a language, unless they are there. */
static bool load(struct cli_rule_sets *sets, const struct gram_language *lang, const char *folder)
{
    struct syn_error err = {"out of memory for rules"};
    struct rev_rules **rules = &sets->sets[gram_index(lang)];
    if (*rules) return true;
    if (!rev_rules_new(lang, rules, &err)) return cli_fail("%s", err.text) == CLI_OK;
    return !folder || cli_rule_files(folder, lang->id, ".scm", add_rule, *rules);
}

bool cli_rule_sets_load(const struct cli_files *files, const char *folder,
                        struct cli_rule_sets *out)
{
    const struct gram_language *c = gram_by_id("c");
    out->sets = calloc(gram_count(), sizeof *out->sets);
    bool ok = out->sets || cli_fail("out of memory for rules") == CLI_OK;
    for (size_t i = 0; ok && i < files->count; i++) {
        const struct gram_language *lang = files->list[i].lang;
        ok = load(out, lang, folder);
        /* A header may turn out to be C++ when it is read. */
        if (ok && lang == c) ok = load(out, gram_by_id("cpp"), folder);
    }
    return ok;
}

const struct rev_rules *cli_rule_sets_of(const struct cli_rule_sets *sets,
                                         const struct gram_language *lang)
{
    return sets->sets[gram_index(lang)];
}

void cli_rule_sets_free(struct cli_rule_sets *sets)
{
    for (size_t i = 0; sets->sets && i < gram_count(); i++)
        rev_rules_free(sets->sets[i]);
    free(sets->sets);
    sets->sets = NULL;
}
