/* Rules: ours for the languages of the files, and a folder's. */
#include "lsp/cli/review/sets.h"
#include "grammars/grammars.h"
#include "lsp/cli/cli.h"

#include <dirent.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Adds folder/<language>/<code>.scm. */
static bool add_rules(struct rev_rules *rules, const char *folder)
{
    char path[2 * PATH_MAX];
    snprintf(path, sizeof path, "%s/%s", folder, rules->lang->id);
    DIR *dir = opendir(path);
    bool ok = true;
    for (struct dirent *entry; ok && dir && (entry = readdir(dir));) {
        char code[REV_CODE_MAX];
        size_t len = strlen(entry->d_name), text_len;
        if (len < 5 || strcmp(entry->d_name + len - 4, ".scm") != 0) continue;
        snprintf(path, sizeof path, "%s/%s/%s", folder, rules->lang->id, entry->d_name);
        char *text = cli_read_file(path, &text_len);
        struct syn_error err = {""};
        ok = text != NULL;
        if (ok && len - 4 >= sizeof code) {
            cli_fail("%s: a rule's name has at most %zu bytes", path, sizeof code - 1);
            ok = false;
        }
        if (ok) {
            snprintf(code, sizeof code, "%.*s", (int)(len - 4), entry->d_name);
            ok = rev_rules_add(rules, code, text, text_len, &err);
            if (!ok) cli_fail("%s: %s", path, err.text);
        }
        free(text);
    }
    if (dir) closedir(dir);
    return ok;
}

/* The rules of a language, unless they are there. */
static bool load(struct cli_rule_sets *sets, const struct gram_language *lang, const char *folder)
{
    struct syn_error err = {"out of memory for rules"};
    struct rev_rules **rules = &sets->sets[gram_index(lang)];
    if (*rules) return true;
    if (!rev_rules_new(lang, rules, &err)) return cli_fail("%s", err.text) == CLI_OK;
    return !folder || add_rules(*rules, folder);
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
