/* corpus.h: the files that an evaluation runs over.
 *
 * Folders are walked in sorted order. A folder named like a language (by its id) on the
 * way decides the language of what is below it, and the folder below that is the package;
 * elsewhere the file's name decides, and the package is the first folder below the one
 * that was named. Files of no known language, larger than CLI_CORPUS_FILE_MAX or not
 * UTF-8 are passed over and counted.
 */
#ifndef ESPALIER_CLI_CORPUS_H
#define ESPALIER_CLI_CORPUS_H

#include <stddef.h>
#include <stdint.h>

#include <stdbool.h>

#define CLI_CORPUS_FILE_MAX  (1024u * 1024u)
#define CLI_CORPUS_MAX_FILES 200000u

struct gram_language;

struct cli_file {
    char *path;
    const struct gram_language *lang;
    uint32_t package; /* number of the package, unique over languages */
    char *text;       /* NULL until loaded */
    size_t len;
};

struct cli_corpus {
    struct cli_file *files; /* sorted by language (registry order), then path */
    size_t count, capacity;
    char **packages; /* "language/name" */
    size_t n_packages, packages_capacity;
    size_t passed_over;
};

/* False after a message. */
bool cli_corpus_open(const char *const *paths, size_t n_paths, struct cli_corpus *out);
void cli_corpus_close(struct cli_corpus *corpus);

/* Loads the text of a file when it is not there yet; false (counted as passed over) when
 * it cannot be read or is not UTF-8. */
bool cli_corpus_load(struct cli_corpus *corpus, struct cli_file *file);
void cli_corpus_unload(struct cli_file *file);

/* Files [*first, *last) of a language; false when there are none. */
bool cli_corpus_range(const struct cli_corpus *corpus, const struct gram_language *lang,
                      size_t *first, size_t *last);

#endif
