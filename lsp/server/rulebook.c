/* Rules by language, behind one mutex: compiling takes up to 0.2 s and happens once a language. */
#include "lsp/server/rulebook.h"
#include "grammars/grammars.h"

#include <stdlib.h>
#include <uv.h>

struct lsp_rulebook {
    uv_mutex_t mutex;
    struct rev_rules **rules; /* [gram_count()], NULL: not yet */
    struct ref_rules **refactorings;
};

struct lsp_rulebook *lsp_rulebook_new(void)
{
    struct lsp_rulebook *book = calloc(1, sizeof *book);
    if (!book) return NULL;
    book->rules = calloc(gram_count(), sizeof *book->rules);
    book->refactorings = calloc(gram_count(), sizeof *book->refactorings);
    if (book->rules && book->refactorings && uv_mutex_init(&book->mutex) == 0) return book;
    free(book->rules);
    free(book->refactorings);
    free(book);
    return NULL;
}

void lsp_rulebook_free(struct lsp_rulebook *book)
{
    if (!book) return;
    for (size_t i = 0; i < gram_count(); i++)
        rev_rules_free(book->rules[i]);
    for (size_t i = 0; i < gram_count(); i++)
        ref_rules_free(book->refactorings[i]);
    free(book->rules);
    free(book->refactorings);
    uv_mutex_destroy(&book->mutex);
    free(book);
}

const struct rev_rules *lsp_rulebook_of(struct lsp_rulebook *book, const struct gram_language *lang,
                                        struct syn_error *err)
{
    size_t i = gram_index(lang);
    uv_mutex_lock(&book->mutex);
    if (!book->rules[i] && !rev_rules_new(lang, &book->rules[i], err)) book->rules[i] = NULL;
    const struct rev_rules *rules = book->rules[i];
    uv_mutex_unlock(&book->mutex);
    return rules;
}

const struct ref_rules *lsp_rulebook_refactorings(struct lsp_rulebook *book,
                                                  const struct gram_language *lang,
                                                  struct syn_error *err)
{
    size_t i = gram_index(lang);
    uv_mutex_lock(&book->mutex);
    if (!book->refactorings[i] && !ref_rules_new(lang, true, &book->refactorings[i], err))
        book->refactorings[i] = NULL;
    const struct ref_rules *rules = book->refactorings[i];
    uv_mutex_unlock(&book->mutex);
    return rules;
}
