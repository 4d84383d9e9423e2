/* Walking a folder.
 *
 * Owns the stack of open folders, each with its names, sorted, and its rules. One entry of the
 * system is looked at a step, so a caller can stop between any two. File systems that cannot be
 * read are gaps, not errors: an index of the rest is better than none.
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
    struct idx_ignore *rules[RULE_FILES];
};

struct idx_walk {
    struct level levels[IDX_WALK_DEPTH];
    size_t depth; /* levels in use */
    char path[IDX_MAX_PATH];
    bool no_ignore;
    uint64_t ignored, beyond;
};

/* ---- Rules ------------------------------------------------------------------------------ */

static struct idx_ignore *read_rules(const char *folder, const char *name)
{
    char path[IDX_MAX_PATH + 16];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    struct stat info;
    if (lstat(path, &info) != 0 || !S_ISREG(info.st_mode)) return NULL;
    FILE *file = fopen(path, "rb");
    if (!file) return NULL;
    char *text = malloc(IDX_IGNORE_MAX_BYTES);
    size_t len = text ? fread(text, 1, IDX_IGNORE_MAX_BYTES, file) : 0;
    fclose(file);
    struct idx_ignore *rules = text ? idx_ignore_read(text, len) : NULL;
    free(text);
    return rules;
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
    for (int k = 0; k < RULE_FILES; k++)
        idx_ignore_free(level->rules[k]);
}

static void read_names(struct idx_walk *walk, struct level *level)
{
    size_t capacity = 0;
    DIR *dir = opendir(walk->path);
    for (struct dirent *entry; dir && (entry = readdir(dir)) != NULL;) {
        if (is_left_out(entry->d_name)) continue;
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
    read_names(walk, level);
}

struct idx_walk *idx_walk_open(const char *folder, bool no_ignore)
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
    open_level(walk);
    return walk;
}

void idx_walk_close(struct idx_walk *walk)
{
    if (!walk) return;
    while (walk->depth > 0)
        close_level(walk);
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

void idx_walk_passed(const struct idx_walk *walk, uint64_t *ignored, uint64_t *beyond)
{
    *ignored = walk->ignored;
    *beyond = walk->beyond;
}

bool idx_walk_covers(const char *folder, const char *path)
{
    struct idx_walk *walk = calloc(1, sizeof *walk);
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
