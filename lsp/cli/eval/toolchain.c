/* toolchain.c: see toolchain.h. One row a language; a row's command lines name the tools by
 * number, "$0" and "$1", and "$M" stands for the main class of a Java program.
 */
#if defined(__linux__)
#define _GNU_SOURCE
#endif
#include "lsp/cli/eval/toolchain.h"

#include <glob.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { TOOLS_MAX = 2, WORDS_MAX = 14, BUILD_SECONDS = 60 };

#define GIB ((uint64_t)1 << 30)

struct row {
    const char *language, *source;
    const char *tools[TOOLS_MAX];
    const char *build[WORDS_MAX]; /* empty: nothing to build */
    const char *run[WORDS_MAX];
    const char *environment[6]; /* "$C" is the cache folder */
    uint64_t memory, address_space;
};

static const struct row rows[] = {
    {"python",
     "main.py",
     {"python3"},
     {NULL},
     {"$0", "-I", "-B", "main.py"},
     {NULL},
     2 * GIB,
     3 * GIB},
    {"javascript",
     "main.js",
     {"node"},
     {NULL},
     {"$0", "--max-old-space-size=1024", "main.js"},
     {NULL},
     3 * GIB,
     0},
    {"c",
     "main.c",
     {"gcc"},
     {"$0", "-std=gnu11", "-O1", "-w", "-o", "main", "main.c", "-lm"},
     {"./main"},
     {NULL},
     2 * GIB,
     3 * GIB},
    {"cpp",
     "main.cpp",
     {"g++"},
     {"$0", "-std=gnu++17", "-O1", "-w", "-o", "main", "main.cpp"},
     {"./main"},
     {NULL},
     2 * GIB,
     3 * GIB},
    {"java",
     "$M.java",
     {"javac", "java"},
     {"$0", "-J-Xmx768m", "-J-XX:+UseSerialGC", "$M.java"},
     {"$1", "-Xmx1024m", "-Xss64m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-cp", ".",
      "$M"},
     {NULL},
     4 * GIB,
     0},
    {"go",
     "main.go",
     {"go"},
     {"$0", "build", "-o", "main", "main.go"},
     {"./main"},
     {"GOCACHE=$C/go", "GOPATH=$C/path", "GO111MODULE=off", "CGO_ENABLED=0", "GOTOOLCHAIN=local"},
     4 * GIB,
     0},
    {"rust",
     "main.rs",
     {"rustc"},
     {"$0", "--edition=2021", "-Copt-level=1", "-Awarnings", "-o", "main", "main.rs"},
     {"./main"},
     {NULL},
     3 * GIB,
     0},
};
enum { N_ROWS = sizeof rows / sizeof *rows };

/* Besides what the tools need: where the system keeps what every program is linked with. */
static const char *const system_folders[] = {"/usr",
                                             "/bin",
                                             "/sbin",
                                             "/lib",
                                             "/lib32",
                                             "/lib64",
                                             "/libx32",
                                             "/opt",
                                             "/etc/alternatives",
                                             "/etc/ld.so.cache",
                                             "/etc/ld.so.conf",
                                             "/etc/ld.so.conf.d",
                                             "/etc/localtime",
                                             "/etc/ssl/openssl.cnf"};
enum { N_SYSTEM = sizeof system_folders / sizeof *system_folders };

struct cli_toolchains {
    char tool[N_ROWS][TOOLS_MAX][PATH_MAX]; /* "" when it is missing */
    char roots[CLI_CONFINE_MAX_PATHS][PATH_MAX];
    size_t n_roots;
    const char *readable[CLI_CONFINE_MAX_PATHS + 1];
};

static const struct row *find_row(const char *language)
{
    for (size_t i = 0; i < N_ROWS; i++)
        if (strcmp(rows[i].language, language) == 0) return &rows[i];
    return NULL;
}

/* ---- Finding ------------------------------------------------------------------------------- */

/* When root looks, programs will run as somebody else, who has to get there too. */
static bool is_open_to_all(const char *path)
{
    char real[PATH_MAX];
    struct stat info;
    if (!realpath(path, real)) return false;
    for (char *slash; real[0] && (slash = strrchr(real, '/')) != NULL; *slash = 0)
        if (stat(real, &info) != 0 || !(info.st_mode & S_IXOTH)) return false;
    return true;
}

static bool is_program(const char *path)
{
    struct stat info;
    return stat(path, &info) == 0 && S_ISREG(info.st_mode) && access(path, X_OK) == 0 &&
           (geteuid() != 0 || is_open_to_all(path));
}

static bool in_folders(const char *folders, const char *name, char *out)
{
    while (folders && *folders) {
        size_t len = strcspn(folders, ":");
        if (len > 0 && folders[0] == '/' &&
            snprintf(out, PATH_MAX, "%.*s/%s", (int)len, folders, name) < PATH_MAX &&
            is_program(out))
            return true;
        folders += len + (folders[len] == ':');
    }
    out[0] = 0;
    return false;
}

/* rustup's compilers, as what it puts on the path is a program that looks for them in files
 * that a sandbox has not. */
static bool in_rustup(const char *name, char *out)
{
    static const char *const channels[] = {"stable*", "*"};
    const char *home = getenv("RUSTUP_HOME"), *user = getenv("HOME");
    const char *base = home ? home : user ? user : "";
    bool ok = false;
    for (int i = 0; i < 2 && !ok; i++) {
        char pattern[PATH_MAX];
        glob_t found;
        snprintf(pattern, sizeof pattern, "%s%s/toolchains/%s/bin/%s", base, home ? "" : "/.rustup",
                 channels[i], name);
        if (glob(pattern, 0, NULL, &found) != 0) continue;
        ok = is_program(found.gl_pathv[0]) &&
             snprintf(out, PATH_MAX, "%s", found.gl_pathv[0]) < PATH_MAX;
        globfree(&found);
    }
    return ok;
}

static void add_readable(struct cli_toolchains *t, const char *path)
{
    for (size_t i = 0; i < N_SYSTEM; i++) {
        size_t len = strlen(system_folders[i]);
        if (strncmp(path, system_folders[i], len) == 0 && (path[len] == '/' || !path[len])) return;
    }
    if (t->n_roots + N_SYSTEM + 4 >= CLI_CONFINE_MAX_PATHS) return;
    snprintf(t->roots[t->n_roots++], PATH_MAX, "%s", path);
}

/* The folder that holds a tool's bin folder; never a whole file system. */
static void add_root(struct cli_toolchains *t, const char *tool)
{
    char real[PATH_MAX];
    if (!realpath(tool, real)) return;
    for (int up = 0; up < 2; up++) {
        char *slash = strrchr(real, '/');
        if (!slash || slash == real) return;
        *slash = 0;
    }
    const char *home = getenv("HOME");
    if (real[0] && !(home && strcmp(real, home) == 0)) add_readable(t, real);
}

static void find_tool(struct cli_toolchains *t, const char *name, char *out)
{
    static const char folders[] = "/usr/local/bin:/usr/bin:/bin:/usr/local/go/bin:/usr/lib/go/bin";
    bool found = in_folders(folders, name, out) ||
                 (strcmp(name, "rustc") == 0 && in_rustup(name, out)) ||
                 in_folders(getenv("PATH"), name, out);
    if (found) add_root(t, out);
}

struct cli_toolchains *cli_toolchains_find(void)
{
    struct cli_toolchains *t = calloc(1, sizeof *t);
    if (!t) return NULL;
    for (size_t i = 0; i < N_ROWS; i++)
        for (size_t k = 0; k < TOOLS_MAX && rows[i].tools[k]; k++)
            find_tool(t, rows[i].tools[k], t->tool[i][k]);
    glob_t java; /* Debian keeps Java's settings there */
    if (glob("/etc/java*", 0, NULL, &java) == 0) {
        for (size_t i = 0; i < java.gl_pathc && i < 4; i++)
            add_readable(t, java.gl_pathv[i]);
        globfree(&java);
    }
    size_t n = 0;
    for (size_t i = 0; i < N_SYSTEM; i++)
        t->readable[n++] = system_folders[i];
    for (size_t i = 0; i < t->n_roots; i++)
        t->readable[n++] = t->roots[i];
    return t;
}

void cli_toolchains_free(struct cli_toolchains *t)
{
    free(t);
}

const char *const *cli_toolchains_readable(const struct cli_toolchains *t)
{
    return t->readable;
}

bool cli_toolchains_has(const struct cli_toolchains *t, const char *language, const char **lacks)
{
    const struct row *row = find_row(language);
    *lacks = NULL;
    if (!row) return false;
    for (size_t k = 0; k < TOOLS_MAX && row->tools[k]; k++)
        if (!t->tool[row - rows][k][0]) {
            *lacks = row->tools[k];
            return false;
        }
    return true;
}

/* ---- Command lines ------------------------------------------------------------------------- */

/* The class whose main method is run: the public one, else the first. */
static void main_class(const char *text, char *out, size_t capacity)
{
    const char *at = strstr(text, "public class ");
    at = at ? at + 13 : strstr(text, "class ") ? strstr(text, "class ") + 6 : "Main";
    size_t n = 0;
    for (; *at && n + 1 < capacity; at++) {
        bool part = *at == '_' || *at == '$' || (*at >= '0' && *at <= '9') ||
                    (*at >= 'a' && *at <= 'z') || (*at >= 'A' && *at <= 'Z');
        if (!part) break;
        out[n++] = *at;
    }
    out[n] = 0;
    if (n == 0) snprintf(out, capacity, "Main");
}

/* Texts of one command line, its parts replaced. */
struct words {
    char text[WORDS_MAX][PATH_MAX];
    const char *word[WORDS_MAX + 1];
};

static void fill_words(const struct cli_toolchains *t, const struct row *row,
                       const char *const *from, size_t max, const char *class, const char *cache,
                       struct words *out)
{
    size_t n = 0;
    for (; n < max && from[n]; n++) {
        const char *mark = strchr(from[n], '$');
        const char *with = !mark            ? ""
                           : mark[1] == 'M' ? class
                           : mark[1] == 'C' ? cache
                                            : t->tool[row - rows][mark[1] - '0'];
        int head = mark ? (int)(mark - from[n]) : (int)strlen(from[n]);
        int len =
            snprintf(out->text[n], PATH_MAX, "%.*s%s%s", head, from[n], with, mark ? mark + 2 : "");
        if (len >= PATH_MAX) out->text[n][0] = 0; /* no tool is called so: it is not found */
        out->word[n] = out->text[n];
    }
    out->word[n] = NULL;
}

/* The main class is remembered by the only file that has its name. */
static void class_in_folder(const struct cli_sandbox *sandbox, char *out, size_t capacity)
{
    char pattern[PATH_MAX];
    glob_t found;
    snprintf(out, capacity, "Main");
    snprintf(pattern, sizeof pattern, "%s/*.java", cli_sandbox_folder(sandbox));
    if (glob(pattern, 0, NULL, &found) != 0) return;
    const char *name = strrchr(found.gl_pathv[0], '/');
    if (name) snprintf(out, capacity, "%.*s", (int)strcspn(name + 1, "."), name + 1);
    globfree(&found);
}

static bool run_words(const struct cli_toolchains *t, const struct row *row,
                      const char *const *command, const char *class, struct cli_sandbox *sandbox,
                      struct cli_program *program, struct cli_run *run)
{
    struct words *words = malloc(2 * sizeof *words);
    if (!words) return false;
    const char *cache = cli_sandbox_cache(sandbox);
    fill_words(t, row, command, WORDS_MAX - 1, class, cache, &words[0]);
    fill_words(t, row, row->environment, sizeof row->environment / sizeof *row->environment, class,
               cache, &words[1]);
    program->argv = words[0].word;
    program->environment = words[1].word;
    bool ok = cli_sandbox_run(sandbox, program, run);
    free(words);
    return ok;
}

bool cli_toolchain_build(const struct cli_toolchains *t, const char *language,
                         struct cli_sandbox *sandbox, const char *text, size_t len, bool *ok,
                         struct cli_run *run)
{
    const struct row *row = find_row(language);
    char class[128], name[160];
    *run = (struct cli_run){.ending = CLI_ENDED};
    *ok = false;
    if (!row) return false;
    main_class(text, class, sizeof class);
    snprintf(name, sizeof name, "%s%s", row->source[0] == '$' ? class : "",
             row->source + (row->source[0] == '$' ? 2 : 0));
    if (!cli_sandbox_clear(sandbox) || !cli_sandbox_put(sandbox, name, text, len)) return false;
    *ok = true;
    if (!row->build[0]) return true;
    struct cli_program program = {
        .limits = {BUILD_SECONDS, 4 * GIB, 0, CLI_SANDBOX_FOLDER_MAX, 256},
        .seconds = 3 * BUILD_SECONDS,
        .cached = true};
    if (!run_words(t, row, row->build, class, sandbox, &program, run)) return false;
    *ok = run->ending == CLI_ENDED && run->code == 0;
    return true;
}

bool cli_toolchain_run(const struct cli_toolchains *t, const char *language,
                       struct cli_sandbox *sandbox, const char *input, size_t input_len,
                       double seconds, struct cli_run *run)
{
    const struct row *row = find_row(language);
    char class[128];
    *run = (struct cli_run){.ending = CLI_NOT_STARTED};
    if (!row) return false;
    class_in_folder(sandbox, class, sizeof class);
    struct cli_program program = {
        .input = input,
        .input_len = input_len,
        .limits = {(unsigned)(seconds + 0.999), row->memory, row->address_space, 64u << 20, 256},
        .seconds = 3 * seconds + 5};
    return run_words(t, row, row->run, class, sandbox, &program, run);
}
