/* registry.c: the language table and the look-ups over it.
 *
 * The rows come from languages.def; the text of each language's data files is embedded at
 * build time. What the texts mean (how kinds resolve to node symbols, how a filling is
 * expanded) belongs to syntax/; the registry only hands them out. Everything here is
 * constant, so nothing locks and nothing is freed. A table of this size is searched
 * linearly: look-ups happen when a file is opened, not per token. */
#include "grammars/grammars.h"

#include <string.h>

#include "embedded.h"

#define LANGUAGE(id, name, symbol, source, comment, lsp_ids, extensions, filenames, interpreters)  \
    const struct TSLanguage *symbol(void);
#include "grammars/languages.def"
#undef LANGUAGE

#define LIST(...) ((const char *const[]){__VA_ARGS__})
#define LANGUAGE(id, name, symbol, source, comment, lsp_ids, extensions, filenames, interpreters)  \
    {#id,                                                                                          \
     name,                                                                                         \
     lsp_ids,                                                                                      \
     extensions,                                                                                   \
     filenames,                                                                                    \
     interpreters,                                                                                 \
     symbol,                                                                                       \
     comment,                                                                                      \
     gram_data_##id##_kinds,                                                                       \
     gram_data_##id##_fillings,                                                                    \
     gram_data_##id##_contexts,                                                                    \
     gram_data_##id##_queries,                                                                     \
     gram_data_##id##_rules,                                                                       \
     gram_data_##id##_refactorings},
static const struct gram_language languages[] = {
#include "grammars/languages.def"
};
#undef LANGUAGE
#undef LIST

static const char *const kind_names[] = {
    "other",     "file",  "error",  "function",    "class",     "declaration", "parameters",
    "parameter", "type",  "block",  "statement",   "if",        "loop",        "switch",
    "try",       "jump",  "import", "call",        "arguments", "member",      "index",
    "binary",    "unary", "assign", "conditional", "paren",     "list",        "map",
    "pair",      "name",  "string", "number",      "comment",   "preproc",
};
_Static_assert(sizeof kind_names / sizeof *kind_names == GRAM_KIND_COUNT,
               "one name for each node kind");

size_t gram_count(void)
{
    return sizeof languages / sizeof *languages;
}

const struct gram_language *gram_at(size_t i)
{
    return i < gram_count() ? &languages[i] : NULL;
}

size_t gram_index(const struct gram_language *lang)
{
    return (size_t)(lang - languages);
}

static bool list_has(const char *const *list, const char *text, size_t len)
{
    for (; *list; list++)
        if (strlen(*list) == len && memcmp(*list, text, len) == 0) return true;
    return false;
}

const struct gram_language *gram_by_id(const char *id)
{
    if (!id) return NULL;
    size_t len = strlen(id);
    for (size_t i = 0; i < gram_count(); i++)
        if (strcmp(languages[i].id, id) == 0) return &languages[i];
    for (size_t i = 0; i < gram_count(); i++)
        if (list_has(languages[i].lsp_ids, id, len)) return &languages[i];
    return NULL;
}

static const struct gram_language *by_filename(const char *base, size_t len)
{
    for (size_t i = 0; i < gram_count(); i++)
        if (list_has(languages[i].filenames, base, len)) return &languages[i];
    return NULL;
}

/* Tries the extension from every dot on, the leftmost (longest) first. A name that is all
 * extension (".c") is a hidden file without one. */
static const struct gram_language *by_extension(const char *base, size_t len)
{
    for (size_t dot = 1; dot < len; dot++) {
        if (base[dot] != '.') continue;
        for (size_t i = 0; i < gram_count(); i++)
            if (list_has(languages[i].extensions, base + dot, len - dot)) return &languages[i];
    }
    return NULL;
}

/* One word of the "#!" line: skips white space, sets *word and returns the word's length;
 * 0 at the end of the line. */
static size_t next_word(const char **cursor, const char *end, const char **word)
{
    const char *p = *cursor;
    while (p < end && (*p == ' ' || *p == '\t'))
        p++;
    *word = p;
    while (p < end && *p != ' ' && *p != '\t')
        p++;
    *cursor = p;
    return (size_t)(p - *word);
}

static size_t strip_directory(const char **word, size_t len)
{
    size_t base = len;
    while (base > 0 && (*word)[base - 1] != '/')
        base--;
    *word += base;
    return len - base;
}

/* "#!/usr/bin/env -S VAR=1 python3.11 -u" names python: the directory goes, so do env with
 * its options and assignments, and a version number at the end. */
static const struct gram_language *by_interpreter(const char *text, size_t text_len)
{
    if (!text || text_len < 3 || text[0] != '#' || text[1] != '!') return NULL;
    const char *cursor = text + 2, *end = text + 2, *word;
    while (end < text + text_len && *end != '\n' && *end != '\r')
        end++;
    size_t len = next_word(&cursor, end, &word);
    len = strip_directory(&word, len);
    if (len == 3 && memcmp(word, "env", 3) == 0) {
        do
            len = next_word(&cursor, end, &word);
        while (len > 0 && (word[0] == '-' || memchr(word, '=', len)));
        len = strip_directory(&word, len);
    }
    while (len > 0) {
        for (size_t i = 0; i < gram_count(); i++)
            if (list_has(languages[i].interpreters, word, len)) return &languages[i];
        char last = word[len - 1];
        if (!(last >= '0' && last <= '9') && last != '.' && last != '-') break;
        len--;
    }
    return NULL;
}

/* Does some line of the first 64 KiB begin as only C++ does? Headers of both are called ".h". */
static bool is_cpp(const char *text, size_t len)
{
    static const char *const words[] = {
        "namespace ", "class ",   "template<",  "template <", "using ",
        "public:",    "private:", "protected:", "virtual ",   "constexpr "};
    size_t end = len < 65536 ? len : 65536;
    for (size_t at = 0; at < end;) {
        while (at < end && (text[at] == ' ' || text[at] == '\t'))
            at++;
        for (size_t i = 0; i < sizeof words / sizeof *words; i++)
            if (end - at > strlen(words[i]) && memcmp(text + at, words[i], strlen(words[i])) == 0)
                return true;
        const char *newline = memchr(text + at, '\n', end - at);
        at = newline ? (size_t)(newline - text) + 1 : end;
    }
    return false;
}

const struct gram_language *gram_by_path(const char *path, const char *text, size_t text_len)
{
    const struct gram_language *found = NULL;
    if (path) {
        size_t len = strlen(path);
        const char *base = path;
        for (size_t i = 0; i < len; i++)
            if (path[i] == '/' || path[i] == '\\') base = path + i + 1;
        len -= (size_t)(base - path);
        found = by_filename(base, len);
        if (!found) found = by_extension(base, len);
        bool header = found && text && len > 2 && memcmp(base + len - 2, ".h", 2) == 0;
        if (header && is_cpp(text, text_len)) found = gram_by_id("cpp");
    }
    return found ? found : by_interpreter(text, text_len);
}

const char *gram_kind_name(unsigned kind)
{
    return kind < GRAM_KIND_COUNT ? kind_names[kind] : kind_names[GRAM_KIND_OTHER];
}

enum gram_kind gram_kind_by_name(const char *name, size_t len)
{
    for (unsigned kind = 0; kind < GRAM_KIND_COUNT; kind++)
        if (strlen(kind_names[kind]) == len && memcmp(kind_names[kind], name, len) == 0)
            return (enum gram_kind)kind;
    return GRAM_KIND_COUNT;
}

const char *gram_query_text(const struct gram_language *lang, const char *name)
{
    for (const struct gram_query *query = lang->queries; query->name; query++)
        if (strcmp(query->name, name) == 0) return query->text;
    return NULL;
}

static const char *text_of(const struct gram_query *list, const char *name)
{
    for (; list->name; list++)
        if (strcmp(list->name, name) == 0) return list->text;
    return NULL;
}

const char *gram_review_text(const char *code)
{
    return text_of(gram_data_review, code);
}

const char *gram_refactor_text(const char *code)
{
    return text_of(gram_data_refactor, code);
}
