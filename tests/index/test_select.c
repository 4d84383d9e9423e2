/* What of other files is chosen: tests/index/select/NAME.case:
 *
 *   # what it is about
 *   at: PATH LINE       the place: in front of this line, from 1
 *   sources: LIST
 *   ==== PATH           a file; the last line of the name may say "(recent)"
 *   its text
 *   ==== expect
 *   SOURCE|LINE         the lines of the snippets in the order of showing
 *
 * With a case as argument: prints what comes out. */
#include "grammars/grammars.h"
#include "lsp/index/scan.h"
#include "lsp/index/select.h"
#include "tests/syntax/case_files.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define MAX_FILE 65536

struct place {
    char path[256], text[MAX_FILE];
    unsigned line;
    size_t len;
};

struct workspace {
    struct idx_store *store;
    struct idx_recents *recents;
    struct idx_target target;
    struct idx_selection selection;
};

static void open_workspace(struct workspace *w)
{
    const struct idx_limits limits = {16u << 20, 1000};
    w->store = idx_store_new(&limits);
    w->recents = idx_recents_new();
    w->target = (struct idx_target){.store = w->store, .max_file = 1u << 20, .view = 1};
}

static void close_workspace(struct workspace *w)
{
    idx_store_free(w->store);
    idx_recents_free(w->recents);
}

static void add_file(struct workspace *w, const char *path, const char *text, size_t len,
                     bool recent)
{
    const struct gram_language *lang = gram_by_path(path, NULL, 0);
    assert_non_null(lang);
    assert_int_equal(idx_update_text(&w->target, path, lang, text, len), IDX_OK);
    struct idx_chunks chunks;
    if (!recent) return;
    assert_int_equal(idx_chunks_make(lang, text, len, &chunks), IDX_OK);
    idx_recents_put(w->recents, path, &chunks);
}

static void query_at(struct workspace *w, const struct place *place, unsigned sources)
{
    const struct gram_language *lang = gram_by_path(place->path, NULL, 0);
    struct syn_document *doc = case_document(lang, place->text, place->len);
    struct idx_query query = {.path = place->path,
                              .view = w->target.view,
                              .root = "/w",
                              .lang = lang,
                              .text = place->text,
                              .sources = sources};
    idx_query_ranges(doc, place->line - 1, place->line - 1, &query);
    idx_select(w->store, w->recents, &query, &w->selection);
    syn_document_free(doc);
}

static int by_place(const void *a, const void *b)
{
    const struct idx_snippet *x = a, *y = b;
    return x->place < y->place ? -1 : x->place > y->place;
}

static void describe(struct idx_selection *s, char *out, size_t max)
{
    size_t used = 0;
    out[0] = 0;
    qsort(s->snippets, s->count, sizeof *s->snippets, by_place);
    for (size_t i = 0; i < s->count; i++) {
        const char *at = s->text + s->snippets[i].text, *end = at + s->snippets[i].len;
        assert_true(at < end && end[-1] == '\n');
        while (at < end) {
            const char *newline = memchr(at, '\n', (size_t)(end - at));
            used +=
                (size_t)snprintf(out + used, max - used, "%s|%.*s\n",
                                 idx_source_name(s->snippets[i].source), (int)(newline - at), at);
            assert_true(used < max);
            at = newline + 1;
        }
    }
}

static void check_case(const char *path, bool print)
{
    static char file[MAX_FILE], got[MAX_FILE];
    static struct workspace w;
    static struct place place;
    char list[128];
    case_read(path, file, sizeof file);
    unsigned sources;
    const char *head = strstr(file, "at: ");
    if (!head || sscanf(head, "at: %255s %u sources: %127s", place.path, &place.line, list) != 3 ||
        !idx_sources_of(list, &sources))
        fail_msg("%s: not understood", path);
    open_workspace(&w);
    char *at = strstr(file, "\n==== ");
    while (at && strncmp(at, "\n==== expect\n", 13) != 0) {
        char name[256], *text = strchr(at + 1, '\n') + 1, *end = strstr(text - 1, "\n==== ");
        assert_non_null(end);
        size_t len = (size_t)(end + 1 - text);
        sscanf(at, "\n==== %255s", name);
        const char *mark = strstr(at, "(recent)");
        add_file(&w, name, text, len, mark && mark < text);
        if (strcmp(name, place.path) == 0) {
            memcpy(place.text, text, len);
            place.len = len;
        }
        at = end;
    }
    assert_non_null(at);
    query_at(&w, &place, sources);
    describe(&w.selection, got, sizeof got);
    const char *expect = at + strlen("\n==== expect\n");
    if (print)
        printf("%.*s%s", (int)(expect - file), file, got);
    else if (strcmp(got, expect) != 0)
        fail_msg("%s: got\n%sexpected\n%s", path, got, expect);
    close_workspace(&w);
}

static void holds(const char *path, void *user)
{
    (void)user;
    check_case(path, false);
}

static void all_cases_hold(void **state)
{
    (void)state;
    assert_true(case_each(CASES, holds, NULL) >= 5);
}

/* While a line is typed, and two more, what is chosen stays; what the other lines of the step
 * bring comes after. */
static void typing_changes_nothing(void **state)
{
    static struct workspace w;
    static struct place place;
    static struct idx_selection first;
    static const char other[] = "int helper_one(int a);\nint helper_two(int b);\n";
    static const char start[] = "#include \"o.h\"\n\nint f(void)\n{\n    helper_one(1);\n\n\n\n";
    static const char typed[] = "    return helper_two(2) + helper_one(\n    helper_two";
    (void)state;
    open_workspace(&w);
    add_file(&w, "/w/o.h", other, sizeof other - 1, false);
    strcpy(place.path, "/w/p.c");
    for (size_t n = 0; n < sizeof typed; n++) {
        place.len =
            (size_t)snprintf(place.text, sizeof place.text, "%s%.*s\n}\n", start, (int)n, typed);
        place.line = 9 + (n > 42);
        query_at(&w, &place, IDX_USED);
        assert_int_equal(w.selection.count, 1);
        if (n == 0) first = w.selection;
        assert_memory_equal(first.text, w.selection.text, first.used);
    }
    close_workspace(&w);
}

/* Two stores that got the same files in another order answer alike. */
static void order_of_files_does_not_matter(void **state)
{
    static struct workspace w[2];
    static struct place place;
    (void)state;
    strcpy(place.path, "/w/z.c");
    place.len = (size_t)sprintf(place.text, "int f(void)\n{\n    shared_name();\n\n\n\n\n}\n");
    place.line = 7;
    for (int k = 0; k < 2; k++) {
        open_workspace(&w[k]);
        for (int i = 0; i < 3; i++) {
            char path[32], text[64];
            int number = k ? 2 - i : i;
            snprintf(path, sizeof path, "/w/%c.c", 'a' + number);
            int len = sprintf(text, "int shared_name(int from_%d);\n", number);
            add_file(&w[k], path, text, (size_t)len, false);
        }
        query_at(&w[k], &place, IDX_USED);
        assert_int_equal(w[k].selection.count, 1);
    }
    assert_memory_equal(w[0].selection.text, w[1].selection.text, w[0].selection.used);
    close_workspace(&w[0]);
    close_workspace(&w[1]);
}

static void recents_are_bounded(void **state)
{
    struct idx_recents *recents = idx_recents_new();
    static char large[IDX_RECENT_MAX_BYTES + 1];
    const char *path;
    struct idx_chunks chunks;
    (void)state;
    for (int i = 0; i < IDX_RECENT_FILES + 3; i++) {
        char name[32];
        snprintf(name, sizeof name, "/w/%d.c", i);
        assert_int_equal(idx_chunks_make(gram_by_id("c"), "int a;\n", 7, &chunks), IDX_OK);
        idx_recents_put(recents, name, &chunks);
    }
    assert_int_equal(idx_recents_count(recents), IDX_RECENT_FILES);
    assert_non_null(idx_recents_at(recents, 0, &path));
    assert_string_equal(path, "/w/10.c");
    assert_null(idx_recents_at(recents, IDX_RECENT_FILES, &path));
    memset(large, '\n', sizeof large);
    assert_int_equal(idx_chunks_make(gram_by_id("c"), large, sizeof large, &chunks), IDX_TOO_LARGE);
    idx_recents_free(recents);
}

/* Chunks are whole lines, in order, and never too long. */
static void chunks_are_lines(void **state)
{
    static char text[MAX_FILE];
    struct idx_chunks chunks;
    (void)state;
    size_t len = case_read(SAMPLES "/c/ring_buffer.c", text, sizeof text), end = 0;
    assert_int_equal(idx_chunks_make(gram_by_id("c"), text, len, &chunks), IDX_OK);
    assert_true(chunks.count > 4);
    for (uint32_t i = 0; i < chunks.count; i++) {
        const struct idx_chunk *c = &chunks.chunks[i];
        assert_true(c->start >= end && c->end > c->start && c->end <= len);
        assert_true(c->end - c->start <= IDX_CHUNK_BYTES);
        assert_true(c->start == 0 || text[c->start - 1] == '\n');
        assert_true(text[c->end - 1] == '\n');
        for (uint32_t k = 1; k < c->n_words; k++)
            assert_true(chunks.words[c->words + k - 1] < chunks.words[c->words + k]);
        end = c->end;
    }
    idx_chunks_free(&chunks);
}

int main(int argc, char **argv)
{
    if (argc > 1) {
        check_case(argv[1], true);
        return 0;
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_cases_hold),
        cmocka_unit_test(typing_changes_nothing),
        cmocka_unit_test(order_of_files_does_not_matter),
        cmocka_unit_test(recents_are_bounded),
        cmocka_unit_test(chunks_are_lines),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
