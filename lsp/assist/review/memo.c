/* A table of opinions with one place for each of a number of hashes. */
#include "lsp/assist/review/memo.h"
#include "grammars/grammars.h"
#include "syntax/bytes.h"

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

/* context: bytes in front. */
static uint64_t key_of(const struct syn_document *doc, size_t context, size_t start, size_t end)
{
    size_t len;
    const char *text = syn_document_text(doc, &len), *id = syn_document_language(doc)->id;
    uint64_t hash = syn_hash(SYN_HASH_START ^ context, id, strlen(id));
    hash = syn_hash(hash, text + start - context, end - start + context);
    return hash ? hash : 1;
}

uint64_t rev_memo_key(const struct syn_document *doc, size_t start, size_t end)
{
    return key_of(doc, start < CONTEXT ? start : CONTEXT, start, end) | 1;
}

uint64_t rev_memo_key_alone(const struct syn_document *doc, size_t start, size_t end)
{
    return key_of(doc, 0, start, end) & ~UINT64_C(1);
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
