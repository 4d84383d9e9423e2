/* Which files a walk comes to, and in which order: tests/index/walk/NAME.case:
 *
 *   # what it is about
 *   files:
 *   PATH [TEXT]                 written first; \n is a line end
 *   walk FOLDER:
 *   PATH ...                    what a walk of the folder finds, in its order; a single one of
 *                               these files is told to be covered, the other ones not
 *   outwards ROOT PATH:
 *   PATH ...                    the same for a walk outwards
 */
#include "lsp/index/walk.h"
#include "tests/scratch/scratch.h"
#include "tests/syntax/case_files.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

#define MAX_FILE  65536
#define MAX_FILES 64

struct tree {
    const char *name; /* of the case */
    char root[64];
    const char *files[MAX_FILES];
    size_t n_files;
};

static const char *at(const struct tree *tree, const char *path, char out[512])
{
    snprintf(out, 512, "%s/%s", tree->root, path);
    return out;
}

/* Writes "PATH TEXT", and cuts the line behind the path. */
static void write_file(struct tree *tree, char *line)
{
    char path[512], *text = strchr(line, ' ');
    if (text) *text++ = 0;
    at(tree, line, path);
    for (char *slash = path + strlen(tree->root) + 1; (slash = strchr(slash, '/')); slash++) {
        *slash = 0;
        mkdir(path, 0700);
        *slash = '/';
    }
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    for (; text && *text; text++) {
        bool end = text[0] == '\\' && text[1] == 'n';
        fputc(end ? '\n' : *text, file);
        text += end;
    }
    fclose(file);
    assert_true(tree->n_files < MAX_FILES);
    tree->files[tree->n_files++] = line;
}

/* The found paths, a line each. */
static const char *found_by(const struct tree *tree, struct idx_walk *walk)
{
    static char out[MAX_FILE];
    struct idx_found found;
    size_t len = 0;
    assert_non_null(walk);
    out[0] = 0;
    while (idx_walk_next(walk, &found))
        len += (size_t)snprintf(out + len, sizeof out - len, "%s\n",
                                found.path + strlen(tree->root) + 1);
    idx_walk_close(walk);
    return out;
}

static void check_single_files(const struct tree *tree, const char *folder, const char *found)
{
    char path[512], root[512], line[512];
    for (size_t i = 0; i < tree->n_files; i++) {
        snprintf(line, sizeof line, "%s\n", tree->files[i]);
        const char *in = strstr(found, line);
        bool there = in && (in == found || in[-1] == '\n');
        if (idx_walk_covers(at(tree, folder, root), at(tree, tree->files[i], path)) != there)
            fail_msg("%s: %s is %s in %s", tree->name, tree->files[i],
                     there ? "not covered, but found" : "covered, but not found", folder);
    }
}

/* Cuts the word, and its colon, off the line. */
static char *word(char **line)
{
    char *start = *line;
    *line += strcspn(start, " :");
    if (**line) *(*line)++ = 0;
    return start;
}

static void check_walk(const struct tree *tree, char *line, const char *expected)
{
    char folder[512], path[512];
    bool outwards = strcmp(word(&line), "outwards") == 0;
    const char *root = word(&line);
    const char *found = found_by(
        tree, outwards ? idx_walk_outwards(at(tree, root, folder), at(tree, word(&line), path))
                       : idx_walk_open(at(tree, root, folder), false));
    if (strcmp(found, expected) != 0)
        fail_msg("%s: %s: found\n%sexpected\n%s", tree->name, root, found, expected);
    if (!outwards) check_single_files(tree, root, found);
}

static bool is_walk(const char *line)
{
    return strncmp(line, "walk ", 5) == 0 || strncmp(line, "outwards ", 9) == 0;
}

static void holds(const char *name, void *user)
{
    static char file[MAX_FILE];
    struct tree tree = {.name = name, .root = "/tmp/espalier-walk-XXXXXX"};
    char expected[4096] = "", *walk = NULL;
    (void)user;
    assert_non_null(mkdtemp(tree.root));
    case_read(name, file, sizeof file);
    char *line = strstr(file, "files:\n");
    if (!line) fail_msg("%s: not understood", name);
    for (char *next = line + strlen("files:\n"); (line = next) && *line;) {
        next = line + strcspn(line, "\n");
        if (*next) *next++ = 0;
        if (is_walk(line)) {
            if (walk) check_walk(&tree, walk, expected);
            walk = line;
            expected[0] = 0;
        } else if (walk) {
            size_t len = strlen(expected);
            snprintf(expected + len, sizeof expected - len, "%s\n", line);
        } else {
            write_file(&tree, line);
        }
    }
    if (!walk) fail_msg("%s: no walk", name);
    check_walk(&tree, walk, expected);
    scratch_remove(tree.root);
}

static void all_cases_hold(void **state)
{
    (void)state;
    assert_true(case_each(CASES, holds, NULL) >= 5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(all_cases_hold)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
