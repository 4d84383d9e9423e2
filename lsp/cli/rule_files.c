/* Rules in folders, one a file, a folder for each language. */
#include "lsp/cli/rule_files.h"
#include "lsp/cli/cli.h"

#include <dirent.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { CODE_MAX = 64 /* bytes of a name, with the zero */ };

static bool add_file(const char *path, const char *name, size_t len, cli_on_rule add, void *user)
{
    char code[CODE_MAX];
    struct syn_error err = {""};
    size_t text_len;
    if (len >= sizeof code)
        return cli_fail("%s: a rule's name has at most %zu bytes", path, sizeof code - 1) == CLI_OK;
    snprintf(code, sizeof code, "%.*s", (int)len, name);
    char *text = cli_read_file(path, &text_len);
    bool ok = text != NULL;
    if (ok && !add(code, text, text_len, user, &err))
        ok = cli_fail("%s: %s", path, err.text) == CLI_OK;
    free(text);
    return ok;
}

bool cli_rule_files(const char *folder, const char *language, const char *suffix, cli_on_rule add,
                    void *user)
{
    char path[2 * PATH_MAX];
    struct dirent **entries;
    size_t suffix_len = strlen(suffix);
    bool ok = true;
    snprintf(path, sizeof path, "%s/%s", folder, language);
    int n = scandir(path, &entries, NULL, alphasort);
    for (int i = 0; i < n; i++) {
        const char *name = entries[i]->d_name;
        size_t len = strlen(name);
        if (ok && len > suffix_len && strcmp(name + len - suffix_len, suffix) == 0) {
            snprintf(path, sizeof path, "%s/%s/%s", folder, language, name);
            ok = add_file(path, name, len - suffix_len, add, user);
        }
        free(entries[i]);
    }
    if (n >= 0) free(entries);
    return ok;
}

const char *cli_rule_folder(const char *stated, const char *usual)
{
    struct stat info;
    if (stated) return stated;
    return stat(usual, &info) == 0 && S_ISDIR(info.st_mode) ? usual : NULL;
}
