/* A table of opinions with one place for each of a number of hashes. */
#include "lsp/assist/review/memo.h"
#include "grammars/grammars.h"

#include <stdlib.h>
#include <string.h>

enum { PLACES = 4096, CONTEXT = 2048 }; /* bytes in front of a function that count */

struct rev_memo {
    struct {
        uint64_t key; /* 0: free */
        struct rev_opinion opinion;
    } places[PLACES];
};

struct rev_memo *rev_memo_new(void)
{
    return calloc(1, sizeof(struct rev_memo));
}

void rev_memo_free(struct rev_memo *memo)
{
    free(memo);
}

uint64_t rev_memo_key(const struct syn_document *doc, size_t start, size_t end)
{
    size_t len;
    const char *text = syn_document_text(doc, &len);
    const char *id = syn_document_language(doc)->id;
    uint64_t hash = UINT64_C(14695981039346656037);
    for (const char *p = id; *p; p++)
        hash = (hash ^ (uint8_t)*p) * UINT64_C(1099511628211);
    for (size_t i = start < CONTEXT ? 0 : start - CONTEXT; i < end; i++) {
        hash = (hash ^ (uint8_t)text[i]) * UINT64_C(1099511628211);
        if (i + 1 == start) hash ^= start < CONTEXT ? start : CONTEXT;
    }
    return hash ? hash : 1;
}

bool rev_memo_find(const struct rev_memo *memo, uint64_t key, struct rev_opinion *out)
{
    if (memo->places[key % PLACES].key != key) return false;
    *out = memo->places[key % PLACES].opinion;
    return true;
}

void rev_memo_keep(struct rev_memo *memo, uint64_t key, const struct rev_opinion *opinion)
{
    memo->places[key % PLACES].key = key;
    memo->places[key % PLACES].opinion = *opinion;
}
