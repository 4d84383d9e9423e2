/* locate.c: finding the default model, and the places of what a server keeps and of the daemon.
 *
 * Owns the search order and names, nothing else: it opens no file and keeps no result.
 */
#include "lsp/locate.h"
#include "syntax/bytes.h"

#include <dirent.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static bool copy_path(char out[LSP_CONFIG_PATH_MAX], const char *path, struct lsp_locate_error *err)
{
    if (strlen(path) < LSP_CONFIG_PATH_MAX) {
        strcpy(out, path);
        return true;
    }
    snprintf(err->text, sizeof err->text, "the model's path is longer than %d bytes",
             LSP_CONFIG_PATH_MAX - 1);
    return false;
}

/* Folder of the executable, "." when it cannot be told. */
static void executable_folder(const char *program, char out[LSP_CONFIG_PATH_MAX])
{
    ssize_t n = readlink("/proc/self/exe", out, LSP_CONFIG_PATH_MAX - 1);
    if (n > 0)
        out[n] = 0;
    else if (program)
        snprintf(out, LSP_CONFIG_PATH_MAX, "%s", program);
    char *slash = n > 0 || program ? strrchr(out, '/') : NULL;
    if (slash)
        *slash = 0;
    else
        strcpy(out, ".");
}

/* The first *.gguf of a folder by name. */
static bool first_model(const char *folder, char out[LSP_CONFIG_PATH_MAX])
{
    DIR *dir = opendir(folder);
    if (!dir) return false;
    char best[256] = "";
    for (struct dirent *entry; (entry = readdir(dir)) != NULL;) {
        size_t len = strlen(entry->d_name);
        if (len <= 5 || len >= sizeof best || strcmp(entry->d_name + len - 5, ".gguf") != 0)
            continue;
        if (!best[0] || strcmp(entry->d_name, best) < 0) strcpy(best, entry->d_name);
    }
    closedir(dir);
    int n = best[0] ? snprintf(out, LSP_CONFIG_PATH_MAX, "%s/%s", folder, best) : -1;
    return n > 0 && n < LSP_CONFIG_PATH_MAX;
}

bool lsp_locate_model(const char *explicit_path, const struct lsp_config *config,
                      const char *program, char out[LSP_CONFIG_PATH_MAX],
                      struct lsp_locate_error *err)
{
    if (explicit_path) return copy_path(out, explicit_path, err);
    const char *variable = getenv("ESPALIER_MODEL");
    if (variable && *variable) return copy_path(out, variable, err);
    if (config && config->model[0]) return copy_path(out, config->model, err);

    static const char *const folders[] = {"engine/models", "share/espalier/models"};
    char base[LSP_CONFIG_PATH_MAX], tried[2][LSP_CONFIG_PATH_MAX + 64];
    executable_folder(program, base);
    for (int i = 0; i < 2; i++) {
        snprintf(tried[i], sizeof tried[i], "%s/../%s", base, folders[i]);
        if (first_model(tried[i], out)) return true;
    }
    snprintf(err->text, sizeof err->text,
             "no model found: tried --model, ESPALIER_MODEL, \"model\" in the configuration, "
             "%.4000s/*.gguf and %.4000s/*.gguf",
             tried[0], tried[1]);
    return false;
}

bool lsp_locate_rules(const char *program, char out[LSP_CONFIG_PATH_MAX])
{
    static const char *const folders[] = {"grammars/review", "share/doc/espalier/rules"};
    char base[LSP_CONFIG_PATH_MAX];
    struct stat info;
    executable_folder(program, base);
    char *slash = base[0] == '/' ? strrchr(base, '/') : NULL;
    if (!slash) return false;
    *slash = 0;
    for (int i = 0; i < 2; i++) {
        int n = snprintf(out, LSP_CONFIG_PATH_MAX, "%s/%s", base, folders[i]);
        if (n > 0 && n < LSP_CONFIG_PATH_MAX && stat(out, &info) == 0 && S_ISDIR(info.st_mode))
            return true;
    }
    return false;
}

/* The folder for what is kept and can be made anew. */
static bool cache_folder(char out[LSP_CONFIG_PATH_MAX])
{
    const char *base = getenv("XDG_CACHE_HOME"), *home = getenv("HOME");
    bool stated = base && *base;
    if (!stated && !(home && *home)) return false;
    int len = snprintf(out, LSP_CONFIG_PATH_MAX, "%s%s/espalier", stated ? base : home,
                       stated ? "" : "/.cache");
    return len > 0 && len < LSP_CONFIG_PATH_MAX;
}

/* <cache folder>/espalier/KIND-HASH.SUFFIX, by the hash of some texts. */
static bool locate_cache(const char *kind, const char *suffix, const char *const *parts, size_t n,
                         char out[LSP_CONFIG_PATH_MAX])
{
    char folder[LSP_CONFIG_PATH_MAX];
    uint64_t name = SYN_HASH_START;
    for (size_t i = 0; i < n; i++)
        name = syn_hash(name, parts[i], strlen(parts[i]) + 1);
    if (!cache_folder(folder)) return false;
    int len =
        snprintf(out, LSP_CONFIG_PATH_MAX, "%s/%s-%016" PRIx64 ".%s", folder, kind, name, suffix);
    return len > 0 && len < LSP_CONFIG_PATH_MAX;
}

uint64_t lsp_file_sum(uint64_t sum, const char *path)
{
    struct stat file;
    if (stat(path, &file) != 0) return sum;
    const int64_t identity[] = {(int64_t)file.st_dev, (int64_t)file.st_ino, (int64_t)file.st_size,
                                (int64_t)file.st_mtim.tv_sec, (int64_t)file.st_mtim.tv_nsec};
    return syn_hash(sum, identity, sizeof identity);
}

uint64_t lsp_program_sum(void)
{
    uint64_t sum = syn_hash(SYN_HASH_START, ESPALIER_VERSION, sizeof ESPALIER_VERSION);
    return lsp_file_sum(sum, "/proc/self/exe");
}

/* What tells daemons apart: the program's file, and what of the environment they read. */
static uint64_t daemon_name(void)
{
    static const char *const variables[] = {"HOME",           "XDG_CONFIG_HOME",
                                            "XDG_CACHE_HOME", "XDG_STATE_HOME",
                                            "ESPALIER_CPU",   "ESPALIER_PREFILL"};
    uint64_t name = lsp_program_sum();
    for (size_t i = 0; i < sizeof variables / sizeof *variables; i++) {
        const char *value = getenv(variables[i]);
        if (!value) value = "";
        name = syn_hash(name, value, strlen(value) + 1);
    }
    return name;
}

bool lsp_locate_socket(char *out, size_t max)
{
    const char *runtime = getenv("XDG_RUNTIME_DIR");
    uint64_t name = daemon_name();
    char folder[LSP_CONFIG_PATH_MAX];
    int n = -1;
    if (runtime && *runtime == '/')
        n = snprintf(out, max, "%s/espalier/%016" PRIx64 ".sock", runtime, name);
    else if (cache_folder(folder) && *folder == '/')
        n = snprintf(out, max, "%s/%016" PRIx64 ".sock", folder, name);
    if (n < 0 || (size_t)n >= max)
        n = snprintf(out, max, "/tmp/espalier-%ld/%016" PRIx64 ".sock", (long)geteuid(), name);
    return n > 0 && (size_t)n < max;
}

bool lsp_locate_snapshot(const char *model, const char *folder, char out[LSP_CONFIG_PATH_MAX])
{
    const char *const parts[2] = {model, folder};
    return locate_cache("sequences", "gguf", parts, 2, out);
}

bool lsp_locate_index(const char *const *folders, size_t n, char out[LSP_CONFIG_PATH_MAX])
{
    return locate_cache("index", "bin", folders, n, out);
}

bool lsp_locate_reviewed(char out[LSP_CONFIG_PATH_MAX])
{
    return locate_cache("reviewed", "bin", NULL, 0, out);
}

bool lsp_locate_history(char out[LSP_CONFIG_PATH_MAX])
{
    const char *base = getenv("XDG_STATE_HOME"), *home = getenv("HOME");
    bool stated = base && *base == '/';
    if (!stated && !(home && *home == '/')) return false;
    int n = snprintf(out, LSP_CONFIG_PATH_MAX, "%s%s/espalier/history.sqlite", stated ? base : home,
                     stated ? "" : "/.local/state");
    return n > 0 && n < LSP_CONFIG_PATH_MAX;
}
