/* A text that grows: by doubling, up to what a document may have. */
#include "lsp/assist/text.h"

#include <stdlib.h>
#include <string.h>

void asst_text_put(struct asst_text *text, const char *bytes, size_t len)
{
    if (text->failed || len > SYN_MAX_BYTES || text->len > SYN_MAX_BYTES) {
        text->failed = true;
        return;
    }
    if (text->len + len + 1 > text->capacity) {
        size_t capacity = 2 * (text->len + len) + 64;
        char *grown = realloc(text->bytes, capacity);
        text->failed = !grown;
        if (!grown) return;
        text->bytes = grown;
        text->capacity = capacity;
    }
    memcpy(text->bytes + text->len, bytes, len);
    text->len += len;
    text->bytes[text->len] = 0;
}

char *asst_text_take(struct asst_text *text, size_t *len)
{
    char *bytes = text->bytes;
    *len = text->len;
    if (text->failed) {
        free(bytes);
        bytes = NULL;
    }
    *text = (struct asst_text){0};
    return bytes;
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

struct syn_span asst_whole_lines(const char *text, size_t len, struct syn_span span)
{
    uint32_t start = span.start, end = span.end;
    while (start > 0 && is_blank(text[start - 1]))
        start--;
    while (end < len && is_blank(text[end]))
        end++;
    bool first = start == 0 || text[start - 1] == '\n';
    bool last = end == len || text[end] == '\n' || text[end] == '\r';
    if (!first || !last) return span;
    if (end < len && text[end] == '\r') end++;
    if (end < len && text[end] == '\n') end++;
    return (struct syn_span){start, end};
}
