/* Trimming of candidates: the input's first line names the language, then come the text
 * left of the cursor, a zero byte, the text right of it, a zero byte, and the candidate.
 * Whatever these are, trimming only shortens, and nothing at all may always come next. */
#include "lsp/assist/candidate.h"
#include "grammars/grammars.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { PART_MAX = 4096 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const uint8_t *find(const uint8_t *from, const uint8_t *end, int byte)
{
    const uint8_t *at = from < end ? memchr(from, byte, (size_t)(end - from)) : NULL;
    return at ? at : end;
}

static void check_follow(const struct syn_hole *hole, const char *text, size_t len)
{
    struct syn_follow begin, at;
    syn_follow_begin(hole, &begin);
    for (size_t n = 0; n <= len; n += 1 + n / 2) {
        syn_follow_at(&begin, text, n, &at);
        if (!syn_follow_admits(&at, text + n, 0)) abort();
        if (!syn_follow_admits(&at, text + n, len - n) && at.unknown) abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const uint8_t *end = data + size, *line = find(data, end, '\n');
    char id[16] = "";
    if ((size_t)(line - data) < sizeof id) memcpy(id, data, (size_t)(line - data));
    const uint8_t *left = line < end ? line + 1 : end, *left_end = find(left, end, 0);
    const uint8_t *right = left_end < end ? left_end + 1 : end, *right_end = find(right, end, 0);
    const uint8_t *made = right_end < end ? right_end + 1 : end;
    size_t left_len = (size_t)(left_end - left), right_len = (size_t)(right_end - right);
    size_t len = (size_t)(end - made);
    if (left_len > PART_MAX || right_len > PART_MAX || len > PART_MAX) return 0;

    char *text = malloc(left_len + right_len + 1), *candidate = malloc(len ? len : 1);
    struct syn_document *doc = NULL;
    struct asst_site site;
    if (text && candidate) {
        memcpy(text, left, left_len);
        memcpy(text + left_len, right, right_len);
        memcpy(candidate, made, len);
        if (syn_document_new(gram_by_id(id), text, left_len + right_len, &doc, NULL) == SYN_OK &&
            syn_document_parse(doc, 0, NULL) == SYN_OK &&
            asst_site_open(doc, left_len, gram_by_id(id) != NULL, &site, NULL) == SYN_OK) {
            size_t kept = len, replaces, block = asst_block_end(&site, candidate, len);
            enum asst_stop stop = ASST_STOP_END;
            if (block != SIZE_MAX && block > len) abort();
            asst_site_is_open(&site);
            if (site.hole) check_follow(site.hole, candidate, len);
            if (asst_candidate_trim(&site, candidate, &kept, &replaces, &stop, NULL) == SYN_OK &&
                (kept > len || replaces > site.rest_len || memcmp(candidate, made, kept) != 0))
                abort();
            asst_site_close(&site);
        }
    }
    syn_document_free(doc);
    free(candidate);
    free(text);
    return 0;
}
