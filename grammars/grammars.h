/* grammars.h: which languages Espalier knows.
 *
 * One immutable table, one row a language. A row ties together what the rest of the
 * program needs to know of a language: how its files are recognised, its compiled
 * tree-sitter grammar, and the data files of its folder (embedded at build time):
 *
 *   grammars/<id>/kinds      node-type to language-neutral kind, one pair a line
 *   grammars/<id>/fillings   candidate texts for the hole at the cursor, one a line
 *   grammars/<id>/queries/   tree-sitter queries (*.scm)
 *   grammars/<id>/review/    what a review looks for (lsp/assist/review/rules.h); what a rule has
 *                            in common over the languages is in grammars/review/
 *   grammars/<id>/refactor/  what is rewritten (lsp/assist/refactor/rules.h); in common:
 *                            grammars/refactor/
 *
 * Adding a language is one folder, one pinned npm package and one row in languages.def.
 *
 * Everything returned is static and never freed; all functions may be called from any
 * thread.
 */
#ifndef ESPALIER_GRAMMARS_H
#define ESPALIER_GRAMMARS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct TSLanguage;

/* The language-neutral node kinds. The numbers are stored in model files and training
 * data: append, never renumber. GRAM_KIND_OTHER is what an unlisted node maps to. */
enum gram_kind {
    GRAM_KIND_OTHER = 0,
    GRAM_KIND_FILE,        /* root */
    GRAM_KIND_ERROR,       /* ERROR */
    GRAM_KIND_FUNCTION,    /* function, method, lambda definition */
    GRAM_KIND_CLASS,       /* class, struct, trait, interface, enum, module */
    GRAM_KIND_DECLARATION, /* variable, constant, field, type alias */
    GRAM_KIND_PARAMETERS,  /* formal parameter list */
    GRAM_KIND_PARAMETER,   /* one formal parameter */
    GRAM_KIND_TYPE,        /* type expression, type arguments */
    GRAM_KIND_BLOCK,       /* braces or indented suite, class body */
    GRAM_KIND_STATEMENT,   /* any other statement, expression statement */
    GRAM_KIND_IF,          /* if, unless, else branch */
    GRAM_KIND_LOOP,        /* for, while, do, comprehension clause */
    GRAM_KIND_SWITCH,      /* switch, match, case arms */
    GRAM_KIND_TRY,         /* try, catch, finally, defer, with */
    GRAM_KIND_JUMP,        /* return, break, continue, throw, yield */
    GRAM_KIND_IMPORT,      /* import, include, use, package */
    GRAM_KIND_CALL,        /* call, new, macro invocation */
    GRAM_KIND_ARGUMENTS,   /* actual argument list */
    GRAM_KIND_MEMBER,      /* member access, qualified name */
    GRAM_KIND_INDEX,       /* subscript, slice */
    GRAM_KIND_BINARY,      /* binary, logical, comparison, range */
    GRAM_KIND_UNARY,       /* unary, cast, await, not, reference */
    GRAM_KIND_ASSIGN,      /* assignment, augmented assignment, initialiser */
    GRAM_KIND_CONDITIONAL, /* ternary */
    GRAM_KIND_PAREN,       /* parenthesised expression, tuple */
    GRAM_KIND_LIST,        /* array, list, set, initialiser list, expression list */
    GRAM_KIND_MAP,         /* object or dictionary literal */
    GRAM_KIND_PAIR,        /* key and value, keyword argument */
    GRAM_KIND_NAME,        /* identifier and its like */
    GRAM_KIND_STRING,      /* string, character, template, regex */
    GRAM_KIND_NUMBER,      /* number, boolean, null */
    GRAM_KIND_COMMENT,     /* comment, documentation */
    GRAM_KIND_PREPROC,     /* preprocessor, decorator, attribute, pragma */
    GRAM_KIND_COUNT
};

struct gram_query {
    const char *name; /* file name without ".scm" */
    const char *text; /* zero-terminated query source */
};

struct gram_language {
    const char *id;                  /* "c", "csharp", "typescript", "tsx" ... */
    const char *name;                /* as people write it: "C#" */
    const char *const *lsp_ids;      /* LSP languageId values, NULL-terminated */
    const char *const *extensions;   /* with the dot, NULL-terminated */
    const char *const *filenames;    /* whole base names, NULL-terminated */
    const char *const *interpreters; /* names on a "#!" line, NULL-terminated */
    const struct TSLanguage *(*grammar)(void);
    const char *line_comment;              /* "//", "#", "--" */
    const char *kinds;                     /* text of grammars/<id>/kinds */
    const char *fillings;                  /* text of grammars/<id>/fillings */
    const char *contexts;                  /* text of grammars/<id>/contexts */
    const struct gram_query *queries;      /* ends with a row whose name is NULL */
    const struct gram_query *rules;        /* as queries: those of grammars/<id>/review/ ... */
    const struct gram_query *refactorings; /* ... and of grammars/<id>/refactor/ */
};

size_t gram_count(void);

/* Row i, or NULL when i >= gram_count(). */
const struct gram_language *gram_at(size_t i);

/* The row of a language of this table. */
size_t gram_index(const struct gram_language *lang);

/* By our id, or by any LSP languageId. NULL when unknown. */
const struct gram_language *gram_by_id(const char *id);

/* By path (base name, then the longest known extension), then by the "#!" line at the
 * start of text. A header ".h" is C unless lines of its text begin as only C++ does. text may be
 * NULL. NULL when unknown. */
const struct gram_language *gram_by_path(const char *path, const char *text, size_t text_len);

/* "function" for GRAM_KIND_FUNCTION and so on; "other" for anything out of range. */
const char *gram_kind_name(unsigned kind);

/* Inverse of gram_kind_name; GRAM_KIND_COUNT when unknown. */
enum gram_kind gram_kind_by_name(const char *name, size_t len);

/* Text of query NAME, or NULL when the language has none. */
const char *gram_query_text(const struct gram_language *lang, const char *name);

/* Text of grammars/review/<code>, or of grammars/refactor/<code>; NULL when there is none. */
const char *gram_review_text(const char *code);
const char *gram_refactor_text(const char *code);

#endif
