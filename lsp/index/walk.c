/* Walking a folder.
 *
 * Owns the stack of open folders, each with its names, sorted, and its rules. One entry of the
 * system is looked at a step, so a caller can stop between any two. File systems that cannot be
 * read are gaps, not errors: an index of the rest is better than none.
 *
 * A walk that goes outwards from a folder starts with the folders above it on the stack. They are
 * listed when their turn comes, and pass over what was walked before.
 *
 * Rules of folders above the one that is walked are read once, as far as the repository's root.
 */
#include "lsp/index/walk.h"
#include "grammars/grammars.h"
#include "lsp/index/ignore.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* Files of rules, those that count more first. */
static const char *const rule_files[] = {".ignore", ".gitignore"};
enum { RULE_FILES = 2 };

struct level {
    char **names;
    size_t count, next;
    size_t path_len; /* of the folder's path */
    bool listed;     /* names are those of the folder */
    char *walked;    /* a name that was walked before, or NULL */
    struct idx_ignore *rules[RULE_FILES];
};

/* Rules of a folder above. */
struct outer {
    size_t path_len;
    struct idx_ignore *rules;
};

struct idx_walk {
    struct level levels[IDX_WALK_DEPTH];
    size_t depth; /* levels in use */
    struct outer outer[(IDX_WALK_DEPTH + 1) * RULE_FILES];
    size_t n_outer; /* the nearest folder's first */
    char path[IDX_MAX_PATH];
    bool no_ignore;
    uint64_t ignored, beyond, looked_at;
};

/* ---- Rules ------------------------------------------------------------------------------ */

/* At most max bytes of a regular file, zero-terminated, the caller's to free; NULL: there is none.
 */
static char *read_small(const char *folder, const char *name, size_t max, size_t *len)
{
    char path[IDX_MAX_PATH + 32];
    struct stat info;
    int n = snprintf(path, sizeof path, "%s/%s", folder, name);
    if (n < 0 || (size_t)n >= sizeof path || lstat(path, &info) != 0 || !S_ISREG(info.st_mode))
        return NULL;
    FILE *file = fopen(path, "rb");
    if (!file) return NULL;
    char *text = malloc(max + 1);
    *len = text ? fread(text, 1, max, file) : 0;
    fclose(file);
    if (text) text[*len] = 0;
    return text;
}

static struct idx_ignore *read_rules(const char *folder, const char *name)
{
    size_t len;
    char *text = read_small(folder, name, IDX_IGNORE_MAX_BYTES, &len);
    struct idx_ignore *rules = text ? idx_ignore_read(text, len) : NULL;
    free(text);
    return rules;
}

/* Puts a path that a file of git's names, relative to the folder, into out; false: it names none.
 */
static bool follow(const char *folder, const char *file, const char *mark, char out[IDX_MAX_PATH])
{
    size_t len;
    char *text = read_small(folder, file, IDX_MAX_PATH - 1, &len);
    bool found = text && strncmp(text, mark, strlen(mark)) == 0;
    if (found) {
        const char *name = text + strlen(mark);
        int n = (int)strcspn(name, "\r\n");
        int wrote = name[0] == '/' ? snprintf(out, IDX_MAX_PATH, "%.*s", n, name)
                                   : snprintf(out, IDX_MAX_PATH, "%s/%.*s", folder, n, name);
        found = n > 0 && wrote > 0 && wrote < IDX_MAX_PATH;
    }
    free(text);
    return found;
}

/* The rules of a repository that stand in no folder of it. Where .git is a file, it names the
 * folder that is meant, and that one may name another, which several working trees have in common.
 */
static struct idx_ignore *read_excludes(const char *root)
{
    char git[IDX_MAX_PATH], named[IDX_MAX_PATH];
    int n = snprintf(git, sizeof git, "%s/.git", root);
    if (n < 0 || (size_t)n >= sizeof git) return NULL;
    if (follow(root, ".git", "gitdir: ", named)) strcpy(git, named);
    if (follow(git, "commondir", "", named)) strcpy(git, named);
    return read_rules(git, "info/exclude");
}

static void add_outer(struct idx_walk *walk, size_t path_len, struct idx_ignore *rules)
{
    if (rules && walk->n_outer < sizeof walk->outer / sizeof *walk->outer)
        walk->outer[walk->n_outer++] = (struct outer){path_len, rules};
    else
        idx_ignore_free(rules);
}

static bool is_repository(const char *folder)
{
    char path[IDX_MAX_PATH + 8];
    struct stat info;
    snprintf(path, sizeof path, "%s/.git", folder);
    return lstat(path, &info) == 0;
}

/* The rules of the folders above this one, if it lies in a repository. */
static void read_outer(struct idx_walk *walk, const char *folder)
{
    char at[IDX_MAX_PATH];
    size_t lens[IDX_WALK_DEPTH], n = 0, len = strlen(folder);
    memcpy(at, folder, len + 1);
    while (!is_repository(at)) {
        while (len > 0 && at[--len] != '/')
            ;
        at[len] = 0;
        if (len == 0 || n == IDX_WALK_DEPTH) return;
        lens[n++] = len;
    }
    for (size_t i = 0; i < n; i++) {
        memcpy(at, folder, lens[i]);
        at[lens[i]] = 0;
        for (int k = 0; k < RULE_FILES; k++)
            add_outer(walk, lens[i], read_rules(at, rule_files[k]));
    }
    add_outer(walk, len, read_excludes(at));
}

/* Names that no rule file has to say. */
static bool is_left_out(const char *name)
{
    return name[0] == '.' || strcmp(name, "node_modules") == 0 || strcmp(name, "__pycache__") == 0;
}

/* The path of the walk, which lies in the deepest open folder. */
static bool is_ignored(const struct idx_walk *walk, bool is_folder)
{
    for (size_t i = walk->depth; i-- > 0;) {
        const struct level *level = &walk->levels[i];
        for (int k = 0; k < RULE_FILES; k++) {
            if (!level->rules[k]) continue;
            enum idx_verdict verdict =
                idx_ignore_match(level->rules[k], walk->path + level->path_len + 1, is_folder);
            if (verdict != IDX_UNDECIDED) return verdict == IDX_IGNORED;
        }
    }
    for (size_t i = 0; i < walk->n_outer; i++) {
        const struct outer *outer = &walk->outer[i];
        enum idx_verdict verdict =
            idx_ignore_match(outer->rules, walk->path + outer->path_len + 1, is_folder);
        if (verdict != IDX_UNDECIDED) return verdict == IDX_IGNORED;
    }
    return false;
}

/* ---- Folders ---------------------------------------------------------------------------- */

static int by_name(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static void close_level(struct idx_walk *walk)
{
    struct level *level = &walk->levels[--walk->depth];
    for (size_t i = 0; i < level->count; i++)
        free(level->names[i]);
    free(level->names);
    free(level->walked);
    for (int k = 0; k < RULE_FILES; k++)
        idx_ignore_free(level->rules[k]);
}

static void read_names(struct idx_walk *walk, struct level *level)
{
    size_t capacity = 0;
    walk->path[level->path_len] = 0;
    level->listed = true;
    DIR *dir = opendir(walk->path);
    for (struct dirent *entry; dir && (entry = readdir(dir)) != NULL;) {
        if (is_left_out(entry->d_name)) continue;
        if (level->walked && strcmp(entry->d_name, level->walked) == 0) continue;
        if (level->count == IDX_WALK_NAMES) {
            walk->beyond++;
            continue;
        }
        if (level->count == capacity) {
            capacity = capacity ? capacity * 2 : 32;
            char **grown = realloc(level->names, capacity * sizeof *grown);
            if (!grown) break;
            level->names = grown;
        }
        char *copy = malloc(strlen(entry->d_name) + 1);
        if (!copy) break;
        level->names[level->count++] = strcpy(copy, entry->d_name);
    }
    if (dir) closedir(dir);
    if (level->count) qsort(level->names, level->count, sizeof *level->names, by_name);
}

/* Opens the folder at walk->path. */
static void open_level(struct idx_walk *walk)
{
    if (walk->depth == IDX_WALK_DEPTH) {
        walk->beyond++;
        return;
    }
    struct level *level = &walk->levels[walk->depth++];
    *level = (struct level){.path_len = strlen(walk->path)};
    for (int k = 0; k < RULE_FILES && !walk->no_ignore; k++)
        level->rules[k] = read_rules(walk->path, rule_files[k]);
}

/* With the folder in its path, and nothing open. NULL: out of memory. */
static struct idx_walk *new_walk(const char *folder, bool no_ignore)
{
    struct idx_walk *walk = calloc(1, sizeof *walk);
    if (!walk) return NULL;
    walk->no_ignore = no_ignore;
    size_t len = strlen(folder);
    while (len > 1 && folder[len - 1] == '/')
        len--;
    if (len >= IDX_MAX_PATH || len < 2) return walk; /* a whole machine is no workspace */
    memcpy(walk->path, folder, len);
    walk->path[len] = 0;
    if (!no_ignore) read_outer(walk, walk->path);
    return walk;
}

struct idx_walk *idx_walk_open(const char *folder, bool no_ignore)
{
    struct idx_walk *walk = new_walk(folder, no_ignore);
    if (walk && walk->path[0]) open_level(walk);
    return walk;
}

struct idx_walk *idx_walk_outwards(const char *root, const char *path)
{
    struct idx_walk *walk = new_walk(root, false);
    if (!walk || !walk->path[0] || !idx_is_below(path, walk->path)) return walk;
    size_t from = strlen(walk->path);
    open_level(walk);
    for (size_t n; path[from + (n = strcspn(path + from + 1, "/")) + 1]; from += 1 + n) {
        struct level *level = &walk->levels[walk->depth - 1];
        if (walk->depth == IDX_WALK_DEPTH || from + 1 + n >= IDX_MAX_PATH) break;
        memcpy(walk->path, path, from + 1 + n);
        walk->path[from + 1 + n] = 0;
        if (is_left_out(walk->path + from + 1) || is_ignored(walk, true)) break;
        level->walked = strndup(path + from + 1, n);
        open_level(walk);
    }
    return walk;
}

void idx_walk_close(struct idx_walk *walk)
{
    if (!walk) return;
    while (walk->depth > 0)
        close_level(walk);
    while (walk->n_outer > 0)
        idx_ignore_free(walk->outer[--walk->n_outer].rules);
    free(walk);
}

/* ---- Steps ------------------------------------------------------------------------------ */

static bool found(struct idx_walk *walk, const struct stat *info, struct idx_found *out)
{
    const struct gram_language *lang = gram_by_path(walk->path, NULL, 0);
    if (!lang) return false;
    *out = (struct idx_found){.path = walk->path,
                              .lang = lang,
                              .modified = (int64_t)info->st_mtim.tv_sec * 1000000000 +
                                          info->st_mtim.tv_nsec,
                              .size = (uint64_t)info->st_size};
    return true;
}

bool idx_walk_next(struct idx_walk *walk, struct idx_found *out)
{
    while (walk->depth > 0) {
        struct level *level = &walk->levels[walk->depth - 1];
        if (!level->listed) read_names(walk, level);
        if (level->next == level->count) {
            close_level(walk);
            continue;
        }
        const char *name = level->names[level->next++];
        size_t len = strlen(name);
        struct stat info;
        if (level->path_len + 1 + len >= IDX_MAX_PATH) {
            walk->beyond++;
            continue;
        }
        walk->path[level->path_len] = '/';
        memcpy(walk->path + level->path_len + 1, name, len + 1);
        if (lstat(walk->path, &info) != 0) continue;
        bool folder = S_ISDIR(info.st_mode);
        if (!folder && !S_ISREG(info.st_mode)) continue;
        walk->looked_at++;
        if (is_ignored(walk, folder)) {
            walk->ignored++;
            continue;
        }
        if (folder)
            open_level(walk);
        else if (found(walk, &info, out))
            return true;
    }
    return false;
}

uint64_t idx_walk_looked_at(const struct idx_walk *walk)
{
    return walk->looked_at;
}

void idx_walk_passed(const struct idx_walk *walk, uint64_t *ignored, uint64_t *beyond)
{
    *ignored = walk->ignored;
    *beyond = walk->beyond;
}

bool idx_walk_covers(const char *folder, const char *path)
{
    struct idx_walk *walk = new_walk(folder, false);
    size_t base = strlen(folder), len = strlen(path);
    bool covered = walk && base > 0 && len < IDX_MAX_PATH && idx_is_below(path, folder);
    for (size_t from = base; covered && from < len;) {
        size_t to = from + 1 + strcspn(path + from + 1, "/");
        memcpy(walk->path, path, from);
        walk->path[from] = 0;
        struct level *level = &walk->levels[walk->depth++];
        level->path_len = from;
        for (int k = 0; k < RULE_FILES; k++)
            level->rules[k] = read_rules(walk->path, rule_files[k]);
        memcpy(walk->path, path, to);
        walk->path[to] = 0;
        covered = !is_left_out(walk->path + from + 1) && !is_ignored(walk, path[to] != 0) &&
                  walk->depth < IDX_WALK_DEPTH;
        from = to;
    }
    idx_walk_close(walk);
    return covered && gram_by_path(path, NULL, 0) != NULL;
}
