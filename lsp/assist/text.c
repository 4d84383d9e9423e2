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

/* Behind the end of the line. */
static uint32_t next_line(const char *text, uint32_t len, uint32_t at)
{
    while (at < len && text[at] != '\n')
        at++;
    return at < len ? at + 1 : at;
}

static bool is_empty(const char *text, uint32_t at, uint32_t end)
{
    while (at < end && (is_blank(text[at]) || text[at] == '\r' || text[at] == '\n'))
        at++;
    return at == end;
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
    end = next_line(text, (uint32_t)len, end);
    /* Of two empty lines around it one is enough, and none at the start. */
    bool after_none = start == 0 || (start >= 2 && text[start - 2] == '\n') ||
                      (start >= 3 && text[start - 2] == '\r' && text[start - 3] == '\n');
    uint32_t behind = next_line(text, (uint32_t)len, end);
    if (after_none && behind > end && is_empty(text, end, behind)) end = behind;
    return (struct syn_span){start, end};
}
