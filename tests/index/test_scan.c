/* Walks and scans of a folder that the test makes: what is left out, what is read again. */
#include "grammars/grammars.h"
#include "lsp/index/near.h"
#include "lsp/index/scan.h"
#include "tests/scratch/scratch.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

struct tree {
    char root[64];
    struct idx_store *store;
    struct idx_target target;
    int locks, depth; /* of the guard */
};

static const char *at(const struct tree *tree, const char *name)
{
    static char path[4][512];
    static int next;
    next = (next + 1) % 4;
    snprintf(path[next], sizeof path[next], "%s/%s", tree->root, name);
    return path[next];
}

/* Makes the folders on the way. */
static void write_file(const struct tree *tree, const char *name, const char *text)
{
    char path[512];
    snprintf(path, sizeof path, "%s", at(tree, name));
    for (char *slash = path + strlen(tree->root) + 1; (slash = strchr(slash, '/')); slash++) {
        *slash = 0;
        mkdir(path, 0700);
        *slash = '/';
    }
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(text, 1, strlen(text), file), strlen(text));
    fclose(file);
}

/* A time in seconds, so that a change is one whatever the clock's grain. */
static void set_time(const struct tree *tree, const char *name, long seconds)
{
    const struct timespec times[2] = {{.tv_sec = seconds}, {.tv_sec = seconds}};
    assert_int_equal(utimensat(AT_FDCWD, at(tree, name), times, 0), 0);
}

static void lock(void *user)
{
    struct tree *tree = user;
    assert_int_equal(tree->depth++, 0);
    tree->locks++;
}

static void unlock(void *user)
{
    struct tree *tree = user;
    assert_int_equal(--tree->depth, 0);
}

static int make_tree(void **state)
{
    const struct idx_limits limits = {8u << 20, 1000};
    struct tree *tree = calloc(1, sizeof *tree);
    strcpy(tree->root, "/tmp/espalier-scan-XXXXXX");
    if (!mkdtemp(tree->root)) return -1;
    tree->store = idx_store_new(&limits);
    tree->target = (struct idx_target){
        .store = tree->store, .guard = {lock, unlock, tree}, .max_file = 10000, .view = 1};
    *state = tree;
    return 0;
}

static int remove_tree(void **state)
{
    struct tree *tree = *state;
    scratch_remove(tree->root);
    idx_store_free(tree->store);
    free(tree);
    return 0;
}

/* Names of what a walk finds, between spaces. */
static const char *walked(const struct tree *tree, bool no_ignore)
{
    static char out[4096];
    struct idx_found found;
    struct idx_walk *walk = idx_walk_open(tree->root, no_ignore);
    out[0] = 0;
    while (idx_walk_next(walk, &found)) {
        strcat(out, found.path + strlen(tree->root) + 1);
        strcat(out, " ");
    }
    idx_walk_close(walk);
    return out;
}

static struct idx_counts scan(const struct tree *tree)
{
    struct idx_counts counts;
    struct idx_scan *scan = idx_scan_open(&tree->target, tree->root, false);
    while (idx_scan_step(scan))
        ;
    idx_scan_counts(scan, &counts);
    idx_scan_close(scan);
    return counts;
}

static bool defines(const struct tree *tree, const char *name)
{
    struct idx_ref ref;
    bool more;
    return idx_store_find(tree->store, tree->target.view, name, strlen(name), &ref, 1, &more) > 0;
}

static void walks_leave_out(void **state)
{
    struct tree *tree = *state;
    write_file(tree, "a.c", "int a;\n");
    write_file(tree, "notes.txt", "no code\n");
    write_file(tree, ".hidden/b.c", "int b;\n");
    write_file(tree, "node_modules/m/c.js", "let c;\n");
    write_file(tree, ".gitignore", "build/\n*.gen.c\n/sub/skipped.c\n");
    write_file(tree, "build/d.c", "int d;\n");
    write_file(tree, "x.gen.c", "int e;\n");
    write_file(tree, "sub/f.c", "int f;\n");
    write_file(tree, "sub/skipped.c", "int g;\n");
    write_file(tree, "sub/build/h.c", "int h;\n");
    write_file(tree, "sub/.gitignore", "!y.gen.c\nlocal.c\n");
    write_file(tree, "sub/y.gen.c", "int i;\n");
    write_file(tree, "sub/local.c", "int j;\n");
    write_file(tree, "sub/deep/local.c", "int k;\n");
    write_file(tree, "local.c", "int l;\n");
    write_file(tree, "other/.ignore", "!build/\n");
    write_file(tree, "other/build/m.c", "int m;\n");
    assert_int_equal(symlink(tree->root, at(tree, "sub/loop")), 0);
    assert_string_equal(walked(tree, false), "a.c local.c other/build/m.c sub/f.c sub/y.gen.c ");
    assert_string_equal(walked(tree, true),
                        "a.c build/d.c local.c other/build/m.c sub/build/h.c sub/deep/local.c "
                        "sub/f.c sub/local.c sub/skipped.c sub/y.gen.c x.gen.c ");
    /* A single path gets the same answer as in a walk. */
    assert_true(idx_walk_covers(tree->root, at(tree, "sub/y.gen.c")));
    assert_true(idx_walk_covers(tree->root, at(tree, "other/build/m.c")));
    assert_false(idx_walk_covers(tree->root, at(tree, "sub/build/h.c")));
    assert_false(idx_walk_covers(tree->root, at(tree, "sub/deep/local.c")));
    assert_false(idx_walk_covers(tree->root, at(tree, ".hidden/b.c")));
    assert_false(idx_walk_covers(tree->root, at(tree, "notes.txt")));
    assert_false(idx_walk_covers(tree->root, "/tmp/a.c"));
}

static void only_changes_are_read(void **state)
{
    struct tree *tree = *state;
    write_file(tree, "a.c", "int first;\n");
    write_file(tree, "b.c", "int second;\n");
    set_time(tree, "a.c", 1000);
    set_time(tree, "b.c", 1000);
    struct idx_counts counts = scan(tree);
    assert_int_equal(counts.indexed, 2);
    assert_true(tree->locks > 0);
    counts = scan(tree);
    assert_int_equal(counts.unchanged, 2);
    set_time(tree, "a.c", 2000);
    counts = scan(tree);
    assert_int_equal(counts.same_text, 1);
    assert_int_equal(counts.unchanged, 1);
    write_file(tree, "a.c", "int third;\n");
    set_time(tree, "a.c", 3000);
    unlink(at(tree, "b.c"));
    counts = scan(tree);
    assert_int_equal(counts.indexed, 1);
    assert_int_equal(counts.removed, 1);
    assert_true(defines(tree, "third"));
    assert_false(defines(tree, "first"));
    assert_false(defines(tree, "second"));
}

static void bad_files_are_passed_over(void **state)
{
    struct tree *tree = *state;
    char *large = malloc(20001);
    memset(large, '\n', 20000);
    large[20000] = 0;
    write_file(tree, "large.c", large);
    memset(large, 'x', 9000);
    large[9000] = 0;
    write_file(tree, "minified.js", large);
    write_file(tree, "bytes.c", "int a; \xff\xfe\n");
    write_file(tree, "fine.c", "int fine;\n");
    free(large);
    struct idx_counts counts = scan(tree);
    assert_int_equal(counts.files, 4);
    assert_int_equal(counts.large, 1);
    assert_int_equal(counts.minified, 1);
    assert_int_equal(counts.binary, 1);
    assert_int_equal(counts.indexed, 1);
    /* A file that has become one of these goes. */
    write_file(tree, "fine.c", "\xff\n");
    set_time(tree, "fine.c", 5);
    scan(tree);
    assert_false(defines(tree, "fine"));
}

/* Texts near a file, in order, without their last byte. */
static const char *texts_of(struct idx_texts *texts)
{
    static char out[8192];
    size_t len = 0;
    for (size_t i = 0; i < texts->n; i++)
        len += (size_t)snprintf(out + len, sizeof out - len, "%.*s|", (int)texts->at[i].len - 1,
                                texts->at[i].text);
    idx_texts_free(texts);
    return out;
}

/* Looked for outwards or chosen from an index, the files near by are the same. */
static void outwards_is_what_the_index_has(void **state)
{
    struct tree *tree = *state;
    static const char *const folders[] = {"", "m/", "m/n/", "m/n/o/", "m/p/", "q/", "m/n/gone/"};
    static const char *const names[] = {"a.c", "ab.h", "b.cpp", "c.py", "m.c", "zz.c"};
    char path[256], text[256], expected[8192];
    for (size_t i = 0; i < sizeof folders / sizeof *folders; i++)
        for (size_t k = 0; k < sizeof names / sizeof *names; k++) {
            snprintf(path, sizeof path, "%s%s", folders[i], names[k]);
            snprintf(text, sizeof text, "int in_%zu_%zu;\n", i, k);
            write_file(tree, path, text);
        }
    write_file(tree, ".gitignore", "gone/\n");
    write_file(tree, "m/n/bytes.c", "\xff\xfe\n");
    scan(tree);
    for (size_t i = 0; i < sizeof folders / sizeof *folders; i++)
        for (size_t k = 0; k < sizeof names / sizeof *names; k++) {
            struct idx_texts texts;
            snprintf(path, sizeof path, "%s/%s%s", tree->root, folders[i], names[k]);
            const struct gram_language *lang = gram_by_path(path, NULL, 0);
            idx_near_texts(&tree->target, NULL, path, tree->root, lang, &texts);
            assert_true(texts.n >= 5);
            strcpy(expected, texts_of(&texts));
            idx_near_texts_outwards(tree->root, path, lang, tree->target.max_file, &texts);
            assert_string_equal(texts_of(&texts), expected);
        }
}

static void single_files_follow(void **state)
{
    struct tree *tree = *state;
    write_file(tree, "a.c", "int first;\n");
    assert_int_equal(idx_update_file(&tree->target, tree->root, at(tree, "a.c")), IDX_OK);
    assert_true(defines(tree, "first"));
    /* An editor's text counts for more than the file, until it is closed. */
    static const char typed[] = "int typed;\n";
    assert_int_equal(
        idx_update_text(&tree->target, at(tree, "a.c"), gram_by_id("c"), typed, sizeof typed - 1),
        IDX_OK);
    assert_int_equal(idx_update_file(&tree->target, tree->root, at(tree, "a.c")), IDX_OK);
    scan(tree);
    assert_true(defines(tree, "typed"));
    assert_false(defines(tree, "first"));
    idx_release(&tree->target, at(tree, "a.c"));
    assert_int_equal(idx_update_file(&tree->target, tree->root, at(tree, "a.c")), IDX_OK);
    assert_true(defines(tree, "first"));
    assert_false(defines(tree, "typed"));
    unlink(at(tree, "a.c"));
    assert_int_equal(idx_update_file(&tree->target, tree->root, at(tree, "a.c")), IDX_OK);
    assert_false(defines(tree, "first"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(walks_leave_out, make_tree, remove_tree),
        cmocka_unit_test_setup_teardown(only_changes_are_read, make_tree, remove_tree),
        cmocka_unit_test_setup_teardown(bad_files_are_passed_over, make_tree, remove_tree),
        cmocka_unit_test_setup_teardown(outwards_is_what_the_index_has, make_tree, remove_tree),
        cmocka_unit_test_setup_teardown(single_files_follow, make_tree, remove_tree),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
