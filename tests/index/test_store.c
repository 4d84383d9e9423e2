/* The store: entries come and go, names are found, limits hold; and its bytes on disk. */
#include "grammars/grammars.h"
#include "lsp/index/cache.h"
#include "lsp/index/near.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static const struct idx_limits wide = {64u << 20, 10000};

static struct idx_entry entry_of(const char *text)
{
    struct idx_entry entry;
    assert_int_equal(idx_extract(gram_by_id("c"), text, strlen(text), &entry), IDX_OK);
    return entry;
}

static enum idx_status put_in(struct idx_store *store, unsigned view, const char *path,
                              const char *text)
{
    struct idx_entry entry = entry_of(text);
    const struct idx_stamp stamp = {1000, strlen(text), idx_hash(text, strlen(text)), view};
    enum idx_status status = idx_store_put(store, path, &stamp, &entry);
    idx_entry_free(&entry);
    return status;
}

static enum idx_status put(struct idx_store *store, const char *path, const char *text)
{
    return put_in(store, IDX_DISK, path, text);
}

/* Paths of the files in which a view sees a name defined, in order of the paths, between spaces. */
static const char *who_sees(const struct idx_store *store, unsigned view, const char *name)
{
    static char out[4096];
    struct idx_ref refs[64];
    struct idx_file file;
    bool more;
    out[0] = 0;
    size_t n = idx_store_find(store, view, name, strlen(name), refs, 64, &more);
    for (char c = 'a'; c <= 'z'; c++) /* the tests' files are named by letters */
        for (size_t i = 0; i < n; i++) {
            assert_true(idx_store_file(store, refs[i].file, &file));
            if (strrchr(file.path, '/')[1] != c) continue;
            strcat(out, strrchr(file.path, '/') + 1);
            strcat(out, " ");
        }
    return out;
}

static const char *who_defines(const struct idx_store *store, const char *name)
{
    return who_sees(store, IDX_DISK, name);
}

static void names_are_found(void **state)
{
    (void)state;
    struct idx_store *store = idx_store_new(&wide);
    assert_int_equal(put(store, "/w/a.c", "int one(void);\nint two(void);\n"), IDX_OK);
    assert_int_equal(put(store, "/w/b.c", "int two(void);\nstruct three {\n    int four;\n};\n"),
                     IDX_OK);
    assert_string_equal(who_defines(store, "one"), "a.c ");
    assert_string_equal(who_defines(store, "two"), "a.c b.c ");
    assert_string_equal(who_defines(store, "four"), "b.c ");
    assert_string_equal(who_defines(store, "five"), "");
    /* Replaced: what it had is gone. */
    assert_int_equal(put(store, "/w/a.c", "int five(void);\n"), IDX_OK);
    assert_string_equal(who_defines(store, "two"), "b.c ");
    assert_string_equal(who_defines(store, "five"), "a.c ");
    assert_true(idx_store_remove(store, "/w/b.c", IDX_DISK));
    assert_false(idx_store_remove(store, "/w/b.c", IDX_DISK));
    assert_string_equal(who_defines(store, "two"), "");
    struct idx_store_info info;
    idx_store_info(store, &info);
    assert_int_equal(info.files, 1);
    assert_int_equal(info.symbols, 1);
    assert_true(idx_store_remove(store, "/w/a.c", IDX_DISK));
    idx_store_info(store, &info);
    assert_int_equal(info.bytes, 0);
    idx_store_free(store);
}

static void files_are_found_by_stem_and_folder(void **state)
{
    (void)state;
    struct idx_store *store = idx_store_new(&wide);
    put(store, "/w/src/ring.c", "int a;\n");
    put(store, "/w/include/ring.h", "int a;\n");
    put(store, "/w/src/other.c", "int a;\n");
    uint32_t found[8];
    assert_int_equal(idx_store_stem(store, IDX_DISK, "ring", 4, found, 8), 2);
    assert_int_equal(idx_store_stem(store, IDX_DISK, "ring", 4, found, 1), 1);
    assert_int_equal(idx_store_folder(store, IDX_DISK, "/w/src", 6, found, 8), 2);
    assert_int_equal(idx_store_folder(store, IDX_DISK, "/w", 2, found, 8), 0);
    idx_store_free(store);
}

static void limits_hold(void **state)
{
    (void)state;
    const struct idx_limits two_files = {1u << 20, 2};
    struct idx_store *store = idx_store_new(&two_files);
    assert_int_equal(put(store, "/w/a.c", "int a;\n"), IDX_OK);
    assert_int_equal(put(store, "/w/b.c", "int b;\n"), IDX_OK);
    assert_int_equal(put(store, "/w/c.c", "int c;\n"), IDX_FULL);
    assert_int_equal(put(store, "/w/b.c", "int bb;\n"), IDX_OK); /* no more than before */
    assert_string_equal(who_defines(store, "bb"), "b.c ");
    idx_store_free(store);
    const struct idx_limits few_bytes = {1000, 100};
    store = idx_store_new(&few_bytes);
    int n = 0;
    char path[32];
    do
        snprintf(path, sizeof path, "/w/%d.c", n);
    while (put(store, path, "int some_function(int with, int arguments);\n") == IDX_OK &&
           ++n < 100);
    struct idx_store_info info;
    idx_store_info(store, &info);
    assert_true(n > 0 && n < 10);
    assert_true(info.bytes <= few_bytes.bytes);
    idx_store_free(store);
}

static void what_is_unmarked_goes(void **state)
{
    (void)state;
    struct idx_store *store = idx_store_new(&wide);
    uint32_t file;
    put(store, "/w/a.c", "int a;\n");
    put(store, "/w/b.c", "int b;\n");
    put(store, "/other/c.c", "int c;\n");
    put(store, "/wide/d.c", "int d;\n");
    idx_store_unmark(store);
    assert_true(idx_store_at(store, IDX_DISK, "/w/a.c", &file));
    idx_store_mark(store, file);
    assert_int_equal(idx_store_sweep(store, "/w"), 1);
    assert_false(idx_store_at(store, IDX_DISK, "/w/b.c", &file));
    assert_true(idx_store_at(store, IDX_DISK, "/other/c.c", &file));
    assert_true(idx_store_at(store, IDX_DISK, "/wide/d.c", &file)); /* not below /w */
    idx_store_free(store);
}

/* A store against a plain list, under random puts and removals. */
static void random_changes_agree(void **state)
{
    (void)state;
    enum { FILES = 40, NAMES = 12 };
    bool has[FILES][NAMES] = {{false}};
    struct idx_store *store = idx_store_new(&wide);
    uint64_t seed = 7;
    for (int round = 0; round < 3000; round++) {
        seed = seed * UINT64_C(6364136223846793005) + 1442695040888963407u;
        unsigned f = (unsigned)(seed >> 33) % FILES, bits = (unsigned)(seed >> 40) & 0xfff;
        char path[32], text[1024] = "";
        snprintf(path, sizeof path, "/w/%u.c", f);
        for (int k = 0; k < NAMES; k++) {
            has[f][k] = bits != 0 && (bits >> k & 1);
            if (has[f][k]) snprintf(text + strlen(text), 40, "int name_%d;\n", k);
        }
        if (bits == 0 || bits % 5 == 0) {
            idx_store_remove(store, path, IDX_DISK);
            memset(has[f], 0, sizeof has[f]);
        } else {
            assert_int_equal(put(store, path, text), IDX_OK);
        }
        int k = round % NAMES;
        size_t expected = 0;
        for (int i = 0; i < FILES; i++)
            expected += has[i][k];
        char name[16];
        struct idx_ref refs[FILES];
        bool more;
        snprintf(name, sizeof name, "name_%d", k);
        assert_int_equal(idx_store_find(store, IDX_DISK, name, strlen(name), refs, FILES, &more),
                         expected);
        assert_false(more);
    }
    idx_store_free(store);
}

/* ---- On disk ------------------------------------------------------------------------- */

/* Two views of one file: what is typed in one is seen in that one. */
static void views_are_apart(void **state)
{
    (void)state;
    struct idx_store *store = idx_store_new(&wide);
    struct idx_store_info info;
    uint32_t found[8];
    assert_int_equal(put(store, "/w/a.c", "int saved(void);\n"), IDX_OK);
    assert_int_equal(put_in(store, 1, "/w/a.c", "int typed(void);\n"), IDX_OK);
    assert_int_equal(put_in(store, 64, "/w/b.c", "int fresh(void);\n"), IDX_OK);
    assert_string_equal(who_sees(store, 1, "saved"), "");
    assert_string_equal(who_sees(store, 1, "typed"), "a.c ");
    assert_string_equal(who_sees(store, 1, "fresh"), "");
    assert_string_equal(who_sees(store, 64, "saved"), "a.c ");
    assert_string_equal(who_sees(store, 64, "typed"), "");
    assert_string_equal(who_sees(store, 64, "fresh"), "b.c ");
    assert_string_equal(who_defines(store, "saved"), "a.c ");
    assert_int_equal(idx_store_folder(store, 1, "/w", 2, found, 8), 1);
    assert_int_equal(idx_store_folder(store, 64, "/w", 2, found, 8), 2);
    /* The file goes and comes again: the buffer stays in front of it. */
    idx_store_unmark(store);
    assert_int_equal(idx_store_sweep(store, "/w"), 1);
    assert_string_equal(who_sees(store, 64, "saved"), "");
    assert_int_equal(put(store, "/w/a.c", "int saved(void);\n"), IDX_OK);
    assert_string_equal(who_sees(store, 1, "saved"), "");
    /* Saved: the buffer is what the file is. */
    assert_int_equal(put(store, "/w/a.c", "int typed(void);\n"), IDX_OK);
    idx_store_info(store, &info);
    assert_int_equal(info.files, 2);
    assert_string_equal(who_sees(store, 1, "typed"), "a.c ");
    assert_string_equal(who_sees(store, 64, "typed"), "a.c ");
    assert_int_equal(put_in(store, 1, "/w/a.c", "int typed_on(void);\n"), IDX_OK);
    idx_store_end_view(store, 1);
    idx_store_end_view(store, 64);
    idx_store_info(store, &info);
    assert_int_equal(info.files, 1);
    assert_string_equal(who_sees(store, 1, "typed"), "a.c ");
    idx_store_free(store);
}

static void caches_are_read_back(void **state)
{
    (void)state;
    struct idx_store *store = idx_store_new(&wide), *copy = idx_store_new(&wide);
    put(store, "/w/a.c", "#include \"b.h\"\nstruct s {\n    int m;\n};\nint one(void);\n");
    put(store, "/w/b.c", "int two(void);\n");
    struct idx_entry typed = entry_of("int typed;\n");
    const struct idx_stamp stamp = {0, 1, 1, 1};
    assert_int_equal(idx_store_put(store, "/w/c.c", &stamp, &typed), IDX_OK);
    size_t len;
    char why[128], *bytes = idx_cache_write(store, &len);
    assert_non_null(bytes);
    assert_int_equal(idx_cache_read(bytes, len, copy, why), IDX_OK);
    assert_string_equal(who_defines(copy, "m"), "a.c ");
    assert_string_equal(who_defines(copy, "two"), "b.c ");
    assert_string_equal(who_defines(copy, "typed"), ""); /* was in no file */
    uint32_t a = 0, b = 0;
    struct idx_file x, y;
    assert_true(idx_store_at(store, IDX_DISK, "/w/a.c", &a) &&
                idx_store_at(copy, IDX_DISK, "/w/a.c", &b));
    idx_store_file(store, a, &x);
    idx_store_file(copy, b, &y);
    assert_int_equal(x.entry->count, y.entry->count);
    assert_memory_equal(x.entry->text, y.entry->text, x.entry->text_len);
    for (uint32_t i = 0; i < x.entry->count; i++) {
        assert_int_equal(x.entry->symbols[i].owner, y.entry->symbols[i].owner);
        assert_int_equal(x.entry->symbols[i].line, y.entry->symbols[i].line);
        assert_int_equal(x.entry->symbols[i].header, y.entry->symbols[i].header);
    }
    /* Any byte that is another one is seen, and nothing is taken. */
    for (size_t i = 0; i < len; i++) {
        struct idx_store *none = idx_store_new(&wide);
        struct idx_store_info info;
        bytes[i] ^= 0x20;
        assert_int_equal(idx_cache_read(bytes, len, none, why), IDX_BAD_FILE);
        assert_true(why[0] != 0);
        bytes[i] ^= 0x20;
        assert_int_equal(idx_cache_read(bytes, i, none, why), IDX_BAD_FILE);
        idx_store_info(none, &info);
        assert_int_equal(info.files, 0);
        idx_store_free(none);
    }
    free(bytes);
    idx_store_free(store);
    idx_store_free(copy);
}

static void files_are_for_their_owner(void **state)
{
    (void)state;
    char folder[] = "/tmp/espalier-index-XXXXXX", path[128], why[128];
    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/cache/espalier/index.bin", folder);
    struct idx_store *store = idx_store_new(&wide), *copy = idx_store_new(&wide);
    put(store, "/w/a.c", "int one(void);\n");
    assert_int_equal(idx_cache_load(path, copy, why), IDX_BAD_FILE);
    assert_string_equal(why, "");
    assert_true(idx_cache_save(path, store));
    assert_true(idx_cache_save(path, store)); /* again, over the first */
    struct stat info;
    assert_int_equal(stat(path, &info), 0);
    assert_int_equal(info.st_mode & 0777, 0600);
    assert_int_equal(idx_cache_load(path, copy, why), IDX_OK);
    assert_string_equal(who_defines(copy, "one"), "a.c ");
    assert_int_equal(truncate(path, info.st_size - 1), 0);
    assert_int_equal(idx_cache_load(path, copy, why), IDX_BAD_FILE);
    assert_string_equal(why, "not as long as it says");
    unlink(path);
    *strrchr(path, '/') = 0;
    assert_int_equal(stat(path, &info), 0);
    assert_int_equal(info.st_mode & 0777, 0700);
    rmdir(path);
    *strrchr(path, '/') = 0;
    rmdir(path);
    rmdir(folder);
    /* A place that cannot be written. */
    assert_false(idx_cache_save("/dev/null/none/index.bin", store));
    idx_store_free(store);
    idx_store_free(copy);
}

/* The base names of the files near one, the nearest first. */
static const char *who_is_near(const struct idx_store *store, const char *path, const char *root,
                               size_t max)
{
    static char out[256];
    uint32_t files[IDX_NEAR_FILES];
    out[0] = 0;
    size_t n = idx_near(store, IDX_DISK, path, root, gram_by_id("c"), files, max);
    for (size_t i = 0; i < n; i++) {
        struct idx_file file;
        assert_true(idx_store_file(store, files[i], &file));
        strcat(out, strrchr(file.path, '/') + 1);
        strcat(out, " ");
    }
    return out;
}

static void near_files_are_found(void **state)
{
    (void)state;
    struct idx_store *store = idx_store_new(&wide);
    static const char *const paths[] = {"/w/z.c",        "/w/src/net.c",  "/w/src/net_io.c",
                                        "/w/src/disk.c", "/w/src/near.c", "/w/lib/net.c",
                                        "/other/net.c"};
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++)
        assert_int_equal(put(store, paths[i], "int one(void);\n"), IDX_OK);
    assert_string_equal(who_is_near(store, "/w/src/net.c", "/w", 8),
                        "net_io.c near.c disk.c z.c net.c ");
    assert_string_equal(who_is_near(store, "/w/src/net.c", "/w", 2), "net_io.c near.c ");
    assert_string_equal(who_is_near(store, "/w/src/net.c", "/w", 0), "");
    assert_string_equal(who_is_near(store, "/w/src/new.c", "/other", 8), "net.c ");
    idx_store_free(store);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_are_found),
        cmocka_unit_test(files_are_found_by_stem_and_folder),
        cmocka_unit_test(near_files_are_found),
        cmocka_unit_test(limits_hold),
        cmocka_unit_test(what_is_unmarked_goes),
        cmocka_unit_test(random_changes_agree),
        cmocka_unit_test(views_are_apart),
        cmocka_unit_test(caches_are_read_back),
        cmocka_unit_test(files_are_for_their_owner),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
