/* Tests of the language registry and of each language's data files: every node type of
 * every grammar has a kind and every listed type exists, fillings are well-formed, queries
 * compile, files are recognised, and the samples parse without a syntax error. */
#include "grammars/grammars.h"

#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <tree_sitter/api.h>

struct kind_line {
    const char *type;
    size_t type_len;
    enum gram_kind kind;
};

/* Next "type kind" line at *text; false at the end. */
static bool next_kind_line(const struct gram_language *lang, const char **text,
                           struct kind_line *out)
{
    while (**text == '#' || **text == '\n') {
        const char *eol = strchr(*text, '\n');
        assert_non_null(eol);
        *text = eol + 1;
    }
    if (!**text) return false;
    const char *eol = strchr(*text, '\n');
    const char *space = strchr(*text, ' ');
    assert_non_null(eol);
    assert_non_null(space);
    *out = (struct kind_line){*text, (size_t)(space - *text),
                              gram_kind_by_name(space + 1, (size_t)(eol - space - 1))};
    if (space > eol || out->kind == GRAM_KIND_COUNT)
        fail_msg("grammars/%s/kinds: expected \"type kind\" in: %.*s", lang->id, (int)(eol - *text),
                 *text);
    *text = eol + 1;
    return true;
}

static bool kind_is_listed(const struct gram_language *lang, const char *type)
{
    const char *text = lang->kinds;
    struct kind_line line;
    while (next_kind_line(lang, &text, &line))
        if (strlen(type) == line.type_len && memcmp(type, line.type, line.type_len) == 0)
            return true;
    return false;
}

static void every_node_type_has_a_kind(void **state)
{
    (void)state;
    for (size_t i = 0; i < gram_count(); i++) {
        const struct gram_language *lang = gram_at(i);
        const TSLanguage *grammar = lang->grammar();
        for (uint32_t symbol = 0; symbol < ts_language_symbol_count(grammar); symbol++) {
            if (ts_language_symbol_type(grammar, (TSSymbol)symbol) != TSSymbolTypeRegular) continue;
            const char *type = ts_language_symbol_name(grammar, (TSSymbol)symbol);
            if (!kind_is_listed(lang, type))
                fail_msg("grammars/%s/kinds: node type %s has no kind", lang->id, type);
        }
    }
}

static void every_listed_type_exists_once(void **state)
{
    (void)state;
    for (size_t i = 0; i < gram_count(); i++) {
        const struct gram_language *lang = gram_at(i);
        const char *text = lang->kinds;
        struct kind_line line, later;
        while (next_kind_line(lang, &text, &line)) {
            if (!ts_language_symbol_for_name(lang->grammar(), line.type, (uint32_t)line.type_len,
                                             true))
                fail_msg("grammars/%s/kinds: the grammar has no node type %.*s", lang->id,
                         (int)line.type_len, line.type);
            const char *rest = text;
            while (next_kind_line(lang, &rest, &later))
                if (later.type_len == line.type_len &&
                    memcmp(later.type, line.type, line.type_len) == 0)
                    fail_msg("grammars/%s/kinds: %.*s is listed twice", lang->id,
                             (int)line.type_len, line.type);
        }
    }
}

static void kind_names_are_inverse(void **state)
{
    (void)state;
    for (unsigned kind = 0; kind < GRAM_KIND_COUNT; kind++) {
        const char *name = gram_kind_name(kind);
        assert_int_equal(gram_kind_by_name(name, strlen(name)), kind);
    }
    assert_string_equal(gram_kind_name(GRAM_KIND_COUNT), "other");
    assert_int_equal(gram_kind_by_name("functio", 7), GRAM_KIND_COUNT);
    assert_int_equal(gram_kind_by_name("", 0), GRAM_KIND_COUNT);
}

static void fillings_are_short_and_known(void **state)
{
    (void)state;
    for (size_t i = 0; i < gram_count(); i++) {
        const struct gram_language *lang = gram_at(i);
        int count = 0;
        for (const char *line = lang->fillings; *line;) {
            const char *eol = strchr(line, '\n');
            assert_non_null(eol);
            if (*line != '#' && eol > line) {
                count++;
                if (eol - line > 40)
                    fail_msg("grammars/%s/fillings: too long: %.*s", lang->id, (int)(eol - line),
                             line);
                for (const char *p = line; p < eol; p++)
                    if (*p == '\\' && !strchr("nt\\#", *++p))
                        fail_msg("grammars/%s/fillings: unknown escape in: %.*s", lang->id,
                                 (int)(eol - line), line);
            }
            line = eol + 1;
        }
        assert_in_range(count, 8, 40);
    }
}

static void queries_compile(void **state)
{
    (void)state;
    for (size_t i = 0; i < gram_count(); i++) {
        const struct gram_language *lang = gram_at(i);
        assert_non_null(gram_query_text(lang, "comments"));
        assert_null(gram_query_text(lang, "no-such-query"));
        for (const struct gram_query *query = lang->queries; query->name; query++) {
            uint32_t offset = 0;
            TSQueryError error = TSQueryErrorNone;
            TSQuery *compiled = ts_query_new(lang->grammar(), query->text,
                                             (uint32_t)strlen(query->text), &offset, &error);
            if (!compiled)
                fail_msg("grammars/%s/queries/%s.scm: error %d at: %.30s", lang->id, query->name,
                         (int)error, query->text + offset);
            ts_query_delete(compiled);
        }
    }
}

/* Cases come from the file lookups, one "path|first line|id" a line. */
static void files_are_recognised(void **state)
{
    (void)state;
    FILE *file = fopen(CASES_DIR "/lookups", "r");
    assert_non_null(file);
    char row[256];
    while (fgets(row, sizeof row, file)) {
        if (row[0] == '#') continue;
        row[strcspn(row, "\n")] = '\0';
        char *text = strchr(row, '|');
        assert_non_null(text);
        *text++ = '\0';
        char *expected = strchr(text, '|');
        assert_non_null(expected);
        *expected++ = '\0';
        bool has_text = strcmp(text, "-") != 0;
        const struct gram_language *found =
            gram_by_path(row, has_text ? text : NULL, has_text ? strlen(text) : 0);
        const char *id = found ? found->id : "-";
        if (strcmp(id, expected) != 0)
            fail_msg("path \"%s\", text \"%s\": found %s, expected %s", row, text, id, expected);
    }
    fclose(file);
    assert_null(gram_by_path(NULL, NULL, 0));
}

static void languages_are_found_by_every_name(void **state)
{
    (void)state;
    assert_int_equal(gram_count(), 17);
    assert_null(gram_at(gram_count()));
    assert_null(gram_by_id(NULL));
    assert_null(gram_by_id("cobol"));
    for (size_t i = 0; i < gram_count(); i++) {
        const struct gram_language *lang = gram_at(i);
        char path[64];
        assert_ptr_equal(gram_by_id(lang->id), lang);
        for (const char *const *id = lang->lsp_ids; *id; id++)
            assert_ptr_equal(gram_by_id(*id), lang);
        for (const char *const *extension = lang->extensions; *extension; extension++) {
            snprintf(path, sizeof path, "dir.with.dots/name%s", *extension);
            assert_ptr_equal(gram_by_path(path, NULL, 0), lang);
        }
        for (const char *const *name = lang->filenames; *name; name++)
            assert_ptr_equal(gram_by_path(*name, NULL, 0), lang);
        for (const char *const *name = lang->interpreters; *name; name++) {
            snprintf(path, sizeof path, "#!/usr/bin/env %s\n", *name);
            assert_ptr_equal(gram_by_path("script", path, strlen(path)), lang);
        }
    }
}

static char *read_all(const char *path, size_t *len)
{
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    size_t capacity = 1u << 20;
    char *text = malloc(capacity);
    assert_non_null(text);
    *len = fread(text, 1, capacity, file);
    assert_true(*len > 0 && *len < capacity);
    fclose(file);
    return text;
}

/* The first node that is ERROR or MISSING, in document order. */
static TSNode first_error(TSNode node)
{
    if (ts_node_is_error(node) || ts_node_is_missing(node)) return node;
    for (uint32_t i = 0; i < ts_node_child_count(node); i++) {
        TSNode child = ts_node_child(node, i);
        if (ts_node_has_error(child)) return first_error(child);
    }
    return node;
}

static int check_sample(const struct gram_language *lang, const char *path)
{
    size_t len;
    char *text = read_all(path, &len);
    assert_ptr_equal(gram_by_path(path, text, len), lang);
    TSParser *parser = ts_parser_new();
    assert_true(ts_parser_set_language(parser, lang->grammar()));
    TSTree *tree = ts_parser_parse_string(parser, NULL, text, (uint32_t)len);
    assert_non_null(tree);
    TSNode root = ts_tree_root_node(tree);
    if (ts_node_has_error(root)) {
        TSPoint at = ts_node_start_point(first_error(root));
        fail_msg("%s:%u:%u: syntax error", path, at.row + 1, at.column + 1);
    }
    ts_tree_delete(tree);
    ts_parser_delete(parser);
    free(text);
    return 1;
}

static void samples_parse_without_errors(void **state)
{
    (void)state;
    for (size_t i = 0; i < gram_count(); i++) {
        const struct gram_language *lang = gram_at(i);
        char path[512];
        snprintf(path, sizeof path, SAMPLES_DIR "/%s", lang->id);
        DIR *folder = opendir(path);
        if (!folder) fail_msg("%s: no samples", path);
        int count = 0;
        for (struct dirent *entry; (entry = readdir(folder));) {
            if (entry->d_name[0] == '.') continue;
            int n = snprintf(path, sizeof path, SAMPLES_DIR "/%s/%s", lang->id, entry->d_name);
            assert_in_range(n, 1, sizeof path - 1);
            count += check_sample(lang, path);
        }
        closedir(folder);
        assert_in_range(count, 2, 64);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_node_type_has_a_kind),
        cmocka_unit_test(every_listed_type_exists_once),
        cmocka_unit_test(kind_names_are_inverse),
        cmocka_unit_test(fillings_are_short_and_known),
        cmocka_unit_test(queries_compile),
        cmocka_unit_test(files_are_recognised),
        cmocka_unit_test(languages_are_found_by_every_name),
        cmocka_unit_test(samples_parse_without_errors),
    };
    return cmocka_run_group_tests_name("grammars", tests, NULL, NULL);
}
