/* test_gguf.c: the reader's checks, its typed look-ups, and that what is written reads back.
 *
 * Hostile files are made by tests/fuzz/make_corpus.py, which also lists in
 * data/gguf.expected what the reader has to say of each. */
#include "engine/gguf.h"
#include "tests/engine/files.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#define CORPUS FUZZ_CORPUS "/gguf/"

/* ---- Hostile files ----------------------------------------------------------------- */

static void check_verdict(const char *name, const char *how, enum eng_status got,
                          const struct eng_error *err, int status, const char *message)
{
    if ((int)got != status)
        fail_msg("%s (%s): status %d, expected %d: %s", name, how, (int)got, status, err->text);
    if (!strstr(err->text, message))
        fail_msg("%s (%s): says '%s', expected '%s' in it", name, how, err->text, message);
}

/* The same file as a block in memory, sized exactly so that a sanitizer sees any overrun,
 * and through the file system. */
static void check_file(const char *name, int status, const char *message)
{
    char path[1024];
    size_t len;
    struct eng_gguf *gguf;
    struct eng_error err = {""};
    snprintf(path, sizeof path, CORPUS "%s.gguf", name);
    char *text = read_whole(path, &len);
    char *block = malloc(len ? len : 1);
    assert_non_null(block);
    memcpy(block, text, len);
    enum eng_status got = eng_gguf_open_memory(block, len, &gguf, &err);
    check_verdict(name, "block", got, &err, status, message);
    eng_gguf_close(gguf);
    err.text[0] = 0;
    got = eng_gguf_open(path, &gguf, &err);
    check_verdict(name, "file", got, &err, status, message);
    eng_gguf_close(gguf);
    free(block);
    free(text);
}

static void test_verdicts(void **state)
{
    (void)state;
    size_t len, checked = 0;
    char *expected = read_whole(ENGINE_DATA "/gguf.expected", &len), *save;
    for (char *line = strtok_r(expected, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
        char *status = strchr(line, '\t');
        assert_non_null(status);
        *status++ = 0;
        char *message = strchr(status, '\t');
        assert_non_null(message);
        *message++ = 0;
        check_file(line, atoi(status), message);
        checked++;
    }
    assert_true(checked > 40);
    free(expected);
}

/* Every prefix of a good file is refused, or is good without what was cut off. */
static void test_every_truncation(void **state)
{
    (void)state;
    size_t len;
    char *text = read_whole(CORPUS "good.gguf", &len);
    for (size_t cut = 0; cut < len; cut++) {
        struct eng_gguf *gguf;
        char *block = malloc(cut ? cut : 1);
        assert_non_null(block);
        memcpy(block, text, cut);
        assert_int_equal(eng_gguf_open_memory(block, cut, &gguf, NULL), ENG_BAD_FILE);
        free(block);
    }
    free(text);
}

static void test_not_a_file(void **state)
{
    (void)state;
    struct eng_gguf *gguf;
    struct eng_error err;
    assert_int_equal(eng_gguf_open("/nonexistent/x.gguf", &gguf, &err), ENG_IO);
    assert_null(gguf);
    assert_non_null(strstr(err.text, "/nonexistent/x.gguf"));
    assert_int_equal(eng_gguf_open(ENGINE_DATA, &gguf, &err), ENG_IO);
    assert_non_null(strstr(err.text, "not a regular file"));
}

/* ---- Look-ups ---------------------------------------------------------------------- */

static struct eng_gguf *open_good(void)
{
    struct eng_gguf *gguf;
    struct eng_error err = {""};
    if (eng_gguf_open(CORPUS "good.gguf", &gguf, &err) != ENG_OK) fail_msg("%s", err.text);
    return gguf;
}

static void test_single_values(void **state)
{
    (void)state;
    struct eng_gguf *g = open_good();
    uint32_t u32 = 7;
    uint64_t u64;
    int64_t i64;
    float f32;
    bool flag = false;
    struct eng_string s;
    struct eng_error err;
    assert_int_equal(eng_gguf_get_u32(g, "a.u8", ENG_REQUIRED, &u32, &err), ENG_OK);
    assert_int_equal(u32, 200);
    assert_int_equal(eng_gguf_get_u32(g, "a.u32", ENG_REQUIRED, &u32, &err), ENG_OK);
    assert_int_equal(u32, 4000000000u);
    assert_int_equal(eng_gguf_get_u64(g, "a.u64", ENG_REQUIRED, &u64, &err), ENG_OK);
    assert_true(u64 == UINT64_MAX);
    assert_int_equal(eng_gguf_get_i64(g, "a.i8", ENG_REQUIRED, &i64, &err), ENG_OK);
    assert_true(i64 == -5);
    assert_int_equal(eng_gguf_get_i64(g, "a.i16", ENG_REQUIRED, &i64, &err), ENG_OK);
    assert_true(i64 == -300);
    assert_int_equal(eng_gguf_get_i64(g, "a.i64", ENG_REQUIRED, &i64, &err), ENG_OK);
    assert_true(i64 == INT64_MIN);
    assert_int_equal(eng_gguf_get_f32(g, "a.f32", ENG_REQUIRED, &f32, &err), ENG_OK);
    assert_true(f32 == 0.5f);
    assert_int_equal(eng_gguf_get_f32(g, "a.f64", ENG_REQUIRED, &f32, &err), ENG_OK);
    assert_true(isfinite(f32));
    assert_int_equal(eng_gguf_get_bool(g, "a.bool", ENG_REQUIRED, &flag, &err), ENG_OK);
    assert_true(flag);
    assert_int_equal(eng_gguf_get_string(g, "a.string", ENG_REQUIRED, &s, &err), ENG_OK);
    assert_true(eng_string_is(s, "a \"b\"\n"));
    eng_gguf_close(g);
}

static void test_wrong_expectations(void **state)
{
    (void)state;
    struct eng_gguf *g = open_good();
    uint32_t u32 = 7;
    uint64_t u64 = 7;
    int64_t i64 = 7;
    float f32 = 7;
    bool flag = false;
    struct eng_string s = {"x", 1};
    struct eng_array array = {0};
    struct eng_error err;
    assert_int_equal(eng_gguf_get_u32(g, "none", ENG_REQUIRED, &u32, &err), ENG_BAD_FILE);
    assert_string_equal(err.text, "GGUF key 'none' is missing");
    assert_int_equal(eng_gguf_get_u32(g, "none", ENG_OPTIONAL, &u32, &err), ENG_OK);
    assert_int_equal(eng_gguf_get_u32(g, "a.u64", ENG_OPTIONAL, &u32, &err), ENG_BAD_FILE);
    assert_non_null(strstr(err.text, "is 18446744073709551615, expected an integer"));
    assert_int_equal(eng_gguf_get_u32(g, "a.i8", ENG_REQUIRED, &u32, &err), ENG_BAD_FILE);
    assert_non_null(strstr(err.text, "is -5, expected"));
    assert_int_equal(eng_gguf_get_u64(g, "a.i8", ENG_REQUIRED, &u64, &err), ENG_BAD_FILE);
    assert_int_equal(eng_gguf_get_i64(g, "a.u64", ENG_REQUIRED, &i64, &err), ENG_BAD_FILE);
    assert_int_equal(eng_gguf_get_u32(g, "a.bool", ENG_REQUIRED, &u32, &err), ENG_BAD_FILE);
    assert_int_equal(eng_gguf_get_u32(g, "a.f32", ENG_REQUIRED, &u32, &err), ENG_BAD_FILE);
    assert_int_equal(eng_gguf_get_f32(g, "a.u8", ENG_REQUIRED, &f32, &err), ENG_BAD_FILE);
    assert_int_equal(eng_gguf_get_bool(g, "a.u8", ENG_REQUIRED, &flag, &err), ENG_BAD_FILE);
    assert_int_equal(eng_gguf_get_string(g, "b.strings", ENG_REQUIRED, &s, &err), ENG_BAD_FILE);
    assert_non_null(strstr(err.text, "is an array of string, expected a string"));
    assert_int_equal(eng_gguf_get_array(g, "b.ints", ENG_REQUIRED, ENG_STRINGS, &array, &err),
                     ENG_BAD_FILE);
    assert_int_equal(eng_gguf_get_array(g, "a.u8", ENG_REQUIRED, ENG_INTEGERS, &array, &err),
                     ENG_BAD_FILE);
    assert_true(u32 == 7 && u64 == 7 && i64 == 7 && f32 == 7 && !flag && s.len == 1);
    assert_true(array.left == 0);
    eng_gguf_close(g);
}

static void test_arrays(void **state)
{
    (void)state;
    struct eng_gguf *g = open_good();
    struct eng_array array;
    struct eng_string s;
    int64_t integer, sum = 0;
    float value;
    assert_int_equal(eng_gguf_get_array(g, "b.ints", ENG_REQUIRED, ENG_INTEGERS, &array, NULL),
                     ENG_OK);
    assert_false(eng_array_next_string(&array, &s));
    assert_false(eng_array_next_f32(&array, &value));
    while (eng_array_next_i64(&array, &integer))
        sum += integer;
    assert_true(sum == 32);
    assert_int_equal(eng_gguf_get_array(g, "b.floats", ENG_REQUIRED, ENG_FLOATS, &array, NULL),
                     ENG_OK);
    assert_true(eng_array_next_f32(&array, &value) && value == 1.5f);
    assert_true(eng_array_next_f32(&array, &value) && value == -2.0f);
    assert_false(eng_array_next_f32(&array, &value));
    assert_int_equal(eng_gguf_get_array(g, "b.strings", ENG_REQUIRED, ENG_STRINGS, &array, NULL),
                     ENG_OK);
    assert_true(eng_array_next_string(&array, &s) && s.len == 0);
    assert_true(eng_array_next_string(&array, &s) && eng_string_is(s, "x"));
    assert_true(eng_array_next_string(&array, &s) && eng_string_is(s, "yy"));
    assert_false(eng_array_next_string(&array, &s));
    assert_int_equal(eng_gguf_get_array(g, "b.empty", ENG_REQUIRED, ENG_STRINGS, &array, NULL),
                     ENG_OK);
    assert_false(eng_array_next_string(&array, &s));
    eng_gguf_close(g);
}

static void test_listing(void **state)
{
    (void)state;
    struct eng_gguf *g = open_good();
    char line[200];
    assert_int_equal(eng_gguf_key_count(g), 17);
    assert_string_equal(eng_gguf_key_at(g, 0)->name, "a.u8");
    assert_null(eng_gguf_key_at(g, 17));
    assert_string_equal(eng_key_format(eng_gguf_find_key(g, "a.i32"), line, sizeof line), "-70000");
    assert_string_equal(eng_key_format(eng_gguf_find_key(g, "a.bool"), line, sizeof line), "true");
    assert_string_equal(eng_key_format(eng_gguf_find_key(g, "a.string"), line, sizeof line),
                        "\"a \\\"b\\\"\\n\"");
    assert_string_equal(eng_key_format(eng_gguf_find_key(g, "b.ints"), line, sizeof line),
                        "i16[8] {1, -2, 3, 4, 5, 6, ...}");
    assert_string_equal(eng_key_format(eng_gguf_find_key(g, "b.strings"), line, sizeof line),
                        "string[3] {\"\", \"x\", \"yy\"}");
    assert_string_equal(eng_key_format(eng_gguf_find_key(g, "b.strings"), line, 10), "string[3]");
    assert_int_equal(eng_gguf_tensor_count(g), 2);
    const struct eng_tensor *b = eng_gguf_find_tensor(g, "b");
    assert_ptr_equal(b, eng_gguf_tensor_at(g, 1));
    assert_true(b->type == ENG_Q8_0 && b->bytes == 34 && b->dims[0] == 32 && b->dims[3] == 1);
    assert_null(eng_gguf_find_tensor(g, "c"));
    assert_null(eng_gguf_tensor_at(g, 2));
    eng_gguf_close(g);
}

/* ---- Writing ----------------------------------------------------------------------- */

static char *temporary_path(char *path, size_t capacity)
{
    const char *folder = getenv("TMPDIR");
    snprintf(path, capacity, "%s/espalier-gguf-%ld.gguf", folder ? folder : "/tmp", (long)getpid());
    return path;
}

static void test_written_reads_back(void **state)
{
    (void)state;
    char path[512];
    const float values[8] = {1, 2, 3, 4, 5, 6, 7, 8};
    const struct eng_block_q8_0 block = {0x3c00, {1, -2, 3}};
    const struct eng_string words[] = {{"one", 3}, {"", 0}};
    const int32_t numbers[] = {-1, 5};
    const uint64_t dims[] = {4, 2}, row[] = {32};
    struct eng_gguf *from = open_good(), *g;
    struct eng_error err = {""};
    struct eng_array array;
    struct eng_string s;
    struct eng_gguf_writer *w = eng_gguf_writer_new();
    assert_non_null(w);
    eng_gguf_put_string(w, "s", words[0]);
    eng_gguf_put_strings(w, "ss", words, 2);
    eng_gguf_put_i32s(w, "is", numbers, 2);
    eng_gguf_put_f32s(w, "fs", values, 8);
    eng_gguf_put_u32(w, "u", 9);
    eng_gguf_put_u64(w, "uu", UINT64_MAX);
    eng_gguf_put_i64(w, "i", -9);
    eng_gguf_put_f32(w, "f", 0.25f);
    eng_gguf_put_bool(w, "b", true);
    for (size_t i = 0; i < eng_gguf_key_count(from); i++)
        eng_gguf_put_key(w, eng_gguf_key_at(from, i));
    eng_gguf_put_tensor(w, "x", ENG_F32, 2, dims, values);
    eng_gguf_put_tensor(w, "y", ENG_Q8_0, 1, row, &block);
    if (eng_gguf_writer_save(w, temporary_path(path, sizeof path), &err)) fail_msg("%s", err.text);
    if (eng_gguf_open(path, &g, &err) != ENG_OK) fail_msg("%s", err.text);
    assert_int_equal(eng_gguf_key_count(g), 9 + eng_gguf_key_count(from));
    assert_int_equal(eng_gguf_get_array(g, "ss", ENG_REQUIRED, ENG_STRINGS, &array, &err), ENG_OK);
    assert_true(eng_array_next_string(&array, &s) && eng_string_is(s, "one"));
    for (size_t i = 0; i < eng_gguf_key_count(from); i++) {
        const struct eng_key *a = eng_gguf_key_at(from, i), *b = eng_gguf_find_key(g, a->name);
        assert_true(b && a->type == b->type && a->count == b->count && a->size == b->size);
        assert_memory_equal(a->bytes, b->bytes, a->size);
    }
    assert_memory_equal(eng_gguf_find_tensor(g, "x")->data, values, sizeof values);
    assert_memory_equal(eng_gguf_find_tensor(g, "y")->data, &block, sizeof block);
    eng_gguf_close(g);
    eng_gguf_close(from);
    eng_gguf_writer_free(w);
    unlink(path);
}

/* ---- Data that is made while it is written ------------------------------------------ */

struct maker {
    uint8_t fill;
    bool fails;
};

static enum eng_status make(void *user, void *out, uint64_t bytes, struct eng_error *err)
{
    const struct maker *maker = user;
    if (maker->fails) {
        snprintf(err->text, sizeof err->text, "nothing to make it of");
        return ENG_BAD_INPUT;
    }
    memset(out, maker->fill, (size_t)bytes);
    return ENG_OK;
}

static void test_made_tensors(void **state)
{
    (void)state;
    char path[512];
    const uint64_t dims[] = {5, 3};
    const float given[15] = {7};
    struct maker makers[] = {{0x11, false}, {0x22, false}};
    struct eng_gguf *g;
    struct eng_error err = {""};
    temporary_path(path, sizeof path);
    for (int fails = 0; fails < 2; fails++) {
        struct eng_gguf_writer *w = eng_gguf_writer_new();
        assert_non_null(w);
        makers[1].fails = fails;
        eng_gguf_put_made_tensor(w, "first", ENG_BF16, 2, dims, make, &makers[0]);
        eng_gguf_put_tensor(w, "given", ENG_F32, 2, dims, given);
        eng_gguf_put_made_tensor(w, "last", ENG_F16, 2, dims, make, &makers[1]);
        enum eng_status status = eng_gguf_writer_save(w, path, &err);
        eng_gguf_writer_free(w);
        assert_int_equal(status, fails ? ENG_BAD_INPUT : ENG_OK);
        if (fails) assert_string_equal(err.text, "nothing to make it of");
        /* The failed one leaves the file of the one before. */
        if (eng_gguf_open(path, &g, &err) != ENG_OK) fail_msg("%s", err.text);
        const struct eng_tensor *first = eng_gguf_find_tensor(g, "first");
        const struct eng_tensor *last = eng_gguf_find_tensor(g, "last");
        assert_int_equal(first->bytes, 30);
        for (size_t i = 0; i < 30; i++) {
            assert_int_equal(((const uint8_t *)first->data)[i], 0x11);
            assert_int_equal(((const uint8_t *)last->data)[i], 0x22);
        }
        assert_memory_equal(eng_gguf_find_tensor(g, "given")->data, given, sizeof given);
        eng_gguf_close(g);
    }
    unlink(path);
}

/* What would be no valid file leaves the old one alone. */
static void check_refused(struct eng_gguf_writer *w, const char *message)
{
    char path[512];
    struct stat st;
    struct eng_error err = {""};
    temporary_path(path, sizeof path);
    FILE *old = fopen(path, "w");
    assert_non_null(old);
    assert_true(fputs("old", old) >= 0);
    fclose(old);
    assert_int_equal(eng_gguf_writer_save(w, path, &err), ENG_BAD_INPUT);
    if (!strstr(err.text, message)) fail_msg("says '%s', expected '%s' in it", err.text, message);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_size, 3);
    unlink(path);
    eng_gguf_writer_free(w);
}

static void test_writer_refuses(void **state)
{
    (void)state;
    const float value[32] = {1};
    const uint64_t one[] = {1}, none[] = {0};
    struct eng_error err;
    struct eng_gguf_writer *w = eng_gguf_writer_new();
    eng_gguf_put_u32(w, "a", 1);
    eng_gguf_put_bool(w, "a", true);
    check_refused(w, "key 'a' occurs twice");
    w = eng_gguf_writer_new();
    eng_gguf_put_tensor(w, "t", ENG_F32, 1, one, value);
    eng_gguf_put_tensor(w, "t", ENG_F32, 1, one, value);
    check_refused(w, "tensor 't' occurs twice");
    w = eng_gguf_writer_new();
    eng_gguf_put_tensor(w, "t", ENG_Q8_0, 1, one, value);
    check_refused(w, "tensor 't'");
    w = eng_gguf_writer_new();
    eng_gguf_put_tensor(w, "t", ENG_F32, 1, none, value);
    check_refused(w, "tensor 't'");
    w = eng_gguf_writer_new();
    eng_gguf_put_u32(w, "", 1);
    check_refused(w, "name of 0 bytes");
    w = eng_gguf_writer_new();
    eng_gguf_put_u32(w, "general.alignment", 24);
    check_refused(w, "power of two");
    w = eng_gguf_writer_new();
    assert_int_equal(eng_gguf_writer_save(w, "/nonexistent/x.gguf", &err), ENG_IO);
    eng_gguf_writer_free(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_verdicts),
        cmocka_unit_test(test_every_truncation),
        cmocka_unit_test(test_not_a_file),
        cmocka_unit_test(test_single_values),
        cmocka_unit_test(test_wrong_expectations),
        cmocka_unit_test(test_arrays),
        cmocka_unit_test(test_listing),
        cmocka_unit_test(test_written_reads_back),
        cmocka_unit_test(test_made_tensors),
        cmocka_unit_test(test_writer_refuses),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
