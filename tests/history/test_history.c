/* The history's file: sums, the limit, two writers, and files that are none of ours. */
#include "lsp/history/filter.h"

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
#include <sqlite3.h>

struct place {
    char folder[64], path[128];
};

static int make_place(void **state)
{
    struct place *place = calloc(1, sizeof *place);
    snprintf(place->folder, sizeof place->folder, "/tmp/history-XXXXXX");
    if (!place || !mkdtemp(place->folder)) return -1;
    snprintf(place->path, sizeof place->path, "%s/a/b/history.sqlite", place->folder);
    *state = place;
    return 0;
}

static int leave_place(void **state)
{
    struct place *place = *state;
    char below[128];
    unlink(place->path);
    snprintf(below, sizeof below, "%s/a/b", place->folder);
    rmdir(below);
    snprintf(below, sizeof below, "%s/a", place->folder);
    rmdir(below);
    rmdir(place->folder);
    free(place);
    return 0;
}

static struct history *open_history(const struct place *place)
{
    struct history *history;
    struct hist_error err = {.busy = false};
    if (!hist_open(place->path, true, &history, &err)) fail_msg("%s", err.text);
    return history;
}

static void add(struct history *history, const struct hist_suggestion *rows, size_t n)
{
    struct hist_error err = {.busy = false};
    if (!hist_add(history, rows, n, &err)) fail_msg("%s", err.text);
}

static struct hist_totals sum(struct history *history, const char *language, int64_t since)
{
    struct hist_totals out;
    struct hist_error err = {.busy = false};
    if (!hist_sum(history, language, since, 750, &out, &err)) fail_msg("%s", err.text);
    return out;
}

static void note_language(const char *language, void *user)
{
    strcat(user, language);
    strcat(user, ";");
}

static void test_sums(void **state)
{
    struct history *history = open_history(*state);
    static const char odd[] = "it's; \"DROP TABLE suggestion\" --";
    const struct hist_suggestion rows[] = {
        {100, "c", "m", false, 10, 1000, 0.5, 20, 2, 20, HIST_ACCEPTED},
        {101, "c", "m", false, 30, 100, 0.5, 10, 1, 4, HIST_PARTIAL}, /* short, but kept */
        {102, "c", "m", true, 20, 100, 0.5, 10, 1, 0, HIST_IGNORED},  /* too short */
        {103, "python", odd, false, 40, 800, 0.5, 8, 1, 0, HIST_IGNORED},
        {104, odd, "m", false, 50, 900, 0.5, 6, 1, 6, HIST_TYPED},
    };
    add(history, rows, 5);
    struct hist_totals all = sum(history, NULL, 0), c = sum(history, "c", 0);
    assert_int_equal(all.shown, 4);
    assert_int_equal(all.glimpsed, 1);
    assert_int_equal(all.characters, 44);
    assert_int_equal(all.kept, 30);
    for (int outcome = 0; outcome < HIST_OUTCOMES; outcome++)
        assert_int_equal(all.outcomes[outcome], 1);
    assert_true(all.latency_p50_ms == 30 && all.latency_p95_ms == 40);
    assert_int_equal(c.shown, 2);
    assert_int_equal(c.glimpsed, 1);
    assert_int_equal(sum(history, odd, 0).kept, 6);
    assert_int_equal(sum(history, NULL, 103).shown, 2);
    assert_int_equal(sum(history, NULL, 1000).shown, 0);
    char names[256] = "";
    struct hist_error err;
    assert_true(hist_languages(history, 0, note_language, names, &err));
    char expected[256];
    snprintf(expected, sizeof expected, "c;%s;python;", odd);
    assert_string_equal(names, expected);
    assert_true(hist_clear(history, &err));
    assert_int_equal(sum(history, NULL, 0).shown, 0);
    hist_close(history);
}

/* Outcomes of suggestions whose confidence is even between 0 and 1, of which `share` times the
 * confidence are taken. */
static struct hist_filter fit_share(double share, size_t n)
{
    static double confidence[4000];
    static bool taken[4000];
    struct hist_filter filter;
    uint64_t seed = 3;
    for (size_t i = 0; i < n; i++) {
        seed = seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
        confidence[i] = ((double)i + 0.5) / (double)n;
        taken[i] = (double)(seed >> 40) / (1 << 24) < share * confidence[i];
    }
    hist_fit(confidence, taken, n, &filter);
    return filter;
}

static void test_filter(void **state)
{
    const struct hist_filter fair = fit_share(1, 4000), picky = fit_share(0.4, 4000),
                             few = fit_share(0.4, 5), none = fit_share(1, 0);
    (void)state;
    assert_float_equal(fair.a, 0, 0.15);
    assert_float_equal(fair.b, 1, 0.1);
    assert_float_equal(hist_threshold(&fair, 0.2), 0.2, 0.03);
    assert_true(hist_threshold(&picky, 0.2) > 0.3);
    assert_true(hist_threshold(&few, 0.2) < hist_threshold(&picky, 0.2));
    assert_float_equal(hist_threshold(&none, 0.2), 0.2, 0);
    assert_int_equal(none.outcomes, 0);
    /* Bounds, and what is no confidence. */
    const struct hist_filter never = {-50, 1, 100}, always = {50, 1, 100}, blind = {0, -1, 100};
    assert_float_equal(hist_threshold(&never, 0.2), 0.8, 1e-9);
    assert_float_equal(hist_threshold(&never, 0.5), 0.9, 1e-9);
    assert_float_equal(hist_threshold(&always, 0.2), 0.05, 1e-9);
    assert_float_equal(hist_threshold(&blind, 0.2), 0.2, 0);
    assert_float_equal(hist_threshold(&never, 0), 0, 0);
    assert_float_equal(hist_threshold(&never, -1), -1, 0);
    const double odd[] = {0, 1, -3, 7, NAN};
    const bool all[] = {true, false, true, false, true};
    struct hist_filter filter;
    hist_fit(odd, all, 5, &filter);
    assert_true(filter.a == filter.a && filter.b == filter.b);
}

/* What is learned from: the model's own rows that came while typing and could be read. */
static void test_learning(void **state)
{
    struct history *history = open_history(*state);
    struct hist_filter filter;
    struct hist_error err = {.busy = false};
    const struct hist_suggestion rows[] = {
        {1, "c", "m", false, 1, 1000, 0.5, 1, 1, 0, HIST_IGNORED},
        {2, "c", "m", false, 1, 10, 0.5, 1, 1, 1, HIST_TYPED},
        {3, "c", "m", false, 1, 10, 0.5, 1, 1, 0, HIST_IGNORED},    /* too short */
        {4, "c", "m", true, 1, 1000, 0.5, 1, 1, 0, HIST_IGNORED},   /* asked for */
        {5, "c", "two", false, 1, 1000, 0.5, 1, 1, 0, HIST_IGNORED} /* another model's */
    };
    assert_true(hist_learn(history, "m", HIST_VISIBLE_MS, &filter, &err));
    assert_int_equal(filter.outcomes, 0);
    add(history, rows, 5);
    assert_true(hist_learn(history, "m", HIST_VISIBLE_MS, &filter, &err));
    assert_int_equal(filter.outcomes, 2);
    assert_float_equal(filter.a, 0, 1e-6); /* one taken of two at even odds */
    static struct hist_suggestion many[HIST_LEARN_ROWS];
    for (size_t i = 0; i < HIST_LEARN_ROWS; i++)
        many[i] = rows[0];
    add(history, many, HIST_LEARN_ROWS);
    assert_true(hist_learn(history, "m", HIST_VISIBLE_MS, &filter, &err));
    assert_int_equal(filter.outcomes, HIST_LEARN_ROWS);
    assert_true(filter.a < -3);
    hist_close(history);
}

/* Only the owner may read it, whatever the umask. */
static void test_private(void **state)
{
    const struct place *place = *state;
    struct stat status;
    mode_t before = umask(0);
    hist_close(open_history(place));
    umask(before);
    assert_int_equal(stat(place->path, &status), 0);
    assert_int_equal(status.st_mode & 0777, 0600);
}

static void test_limit(void **state)
{
    struct history *history = open_history(*state);
    static struct hist_suggestion rows[HIST_MAX_ROWS + 10];
    for (size_t i = 0; i < HIST_MAX_ROWS + 10; i++)
        rows[i] = (struct hist_suggestion){(int64_t)i, "c", "m", false, 1,           1000,
                                           0.5,        1,   1,   0,     HIST_IGNORED};
    add(history, rows, HIST_MAX_ROWS + 10);
    assert_int_equal(sum(history, NULL, 0).shown, HIST_MAX_ROWS);
    assert_int_equal(sum(history, NULL, 10).shown, HIST_MAX_ROWS); /* the oldest went */
    hist_close(history);
}

/* Two servers of one user: what one adds the other sees, and neither loses anything. */
static void test_two(void **state)
{
    struct history *a = open_history(*state), *b = open_history(*state);
    const struct hist_suggestion row = {1, "c", "m", false, 1, 1000, 0.5, 1, 1, 1, HIST_ACCEPTED};
    for (int i = 0; i < 50; i++) {
        add(a, &row, 1);
        add(b, &row, 1);
    }
    assert_int_equal(sum(a, NULL, 0).shown, 100);
    hist_close(b);
    hist_close(a);
}

/* Somebody who holds the file is no reason to give up. */
static void test_held(void **state)
{
    const struct place *place = *state;
    const struct hist_suggestion row = {100, "c", "m", false, 10,          1000,
                                        0.5, 20,  2,   0,     HIST_IGNORED};
    struct history *history = open_history(place);
    struct hist_error err = {.busy = false};
    sqlite3 *other;
    assert_int_equal(sqlite3_open(place->path, &other), SQLITE_OK);
    assert_int_equal(sqlite3_exec(other, "BEGIN EXCLUSIVE", NULL, NULL, NULL), SQLITE_OK);
    assert_false(hist_add(history, &row, 1, &err));
    assert_true(err.busy);
    assert_non_null(strstr(err.text, place->path));
    sqlite3_close(other);
    add(history, &row, 1);
    assert_int_equal(sum(history, NULL, 0).shown, 1);
    hist_close(history);
    assert_false(hist_open("relative", true, &history, &err));
    assert_false(err.busy);
}

static void refuses(const char *path, const char *why)
{
    struct history *history;
    struct hist_error err = {.busy = false};
    assert_false(hist_open(path, true, &history, &err));
    assert_null(history);
    assert_non_null(strstr(err.text, why));
}

static void write_file(const char *path, const void *bytes, size_t n)
{
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, n, file), n);
    assert_int_equal(fclose(file), 0);
}

static void test_foreign_files(void **state)
{
    const struct place *place = *state;
    static uint8_t bytes[65536];
    struct history *history;
    struct hist_error err;
    refuses("history.sqlite", "no absolute path");
    refuses("/dev/null/none/history.sqlite", "/dev/null");
    refuses("/tmp", "no file");
    assert_true(hist_open(place->path, false, &history, &err)); /* not there: no error */
    assert_null(history);

    hist_close(open_history(place));
    FILE *file = fopen(place->path, "rb");
    size_t len = fread(bytes, 1, sizeof bytes, file);
    fclose(file);
    assert_true(len > 100 && len < sizeof bytes);
    bytes[63] = 9; /* user_version, the last byte of a big-endian number at 60 */
    write_file(place->path, bytes, len);
    refuses(place->path, "newer version");
    memset(bytes, 'x', len);
    write_file(place->path, bytes, len);
    refuses(place->path, place->path);
}

/* A file with some of its bytes changed: an error or sums, never anything worse. */
static void test_damaged(void **state)
{
    const struct place *place = *state;
    static uint8_t bytes[65536];
    struct history *history = open_history(place);
    struct hist_suggestion row = {1, "c", "m", false, 1, 1000, 0.5, 1, 1, 1, HIST_ACCEPTED};
    for (int i = 0; i < 100; i++)
        add(history, &row, 1);
    hist_close(history);
    FILE *file = fopen(place->path, "rb");
    size_t len = fread(bytes, 1, sizeof bytes, file);
    fclose(file);
    uint64_t seed = 1;
    for (int round = 0; round < 300; round++) {
        uint8_t *damaged = malloc(len);
        memcpy(damaged, bytes, len);
        for (int i = 0; i < 1 + round % 20; i++) {
            seed = seed * 6364136223846793005u + 1442695040888963407u;
            damaged[(seed >> 33) % len] = (uint8_t)(seed >> 25);
        }
        write_file(place->path, damaged, round % 3 ? len : (seed >> 33) % len);
        free(damaged);
        struct hist_error err = {.busy = false};
        struct hist_totals totals;
        if (!hist_open(place->path, true, &history, &err)) {
            assert_int_not_equal(err.text[0], 0);
            continue;
        }
        hist_sum(history, NULL, 0, 750, &totals, &err);
        if (hist_sum(history, "c", 0, 750, &totals, &err)) assert_true(totals.shown <= 1000);
        hist_add(history, &row, 1, &err);
        hist_close(history);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_sums, make_place, leave_place),
        cmocka_unit_test(test_filter),
        cmocka_unit_test_setup_teardown(test_learning, make_place, leave_place),
        cmocka_unit_test_setup_teardown(test_private, make_place, leave_place),
        cmocka_unit_test_setup_teardown(test_limit, make_place, leave_place),
        cmocka_unit_test_setup_teardown(test_two, make_place, leave_place),
        cmocka_unit_test_setup_teardown(test_held, make_place, leave_place),
        cmocka_unit_test_setup_teardown(test_foreign_files, make_place, leave_place),
        cmocka_unit_test_setup_teardown(test_damaged, make_place, leave_place),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
