/* The pre-tokenizer's byte rules, written down a second time: tests of structure must not
 * depend on the engine. */
#include "tests/syntax/pretoken.h"

#include <stdbool.h>
#include <string.h>

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\v' || c == '\f';
}

static bool is_word(char c, bool first)
{
    return c == '_' || (unsigned char)c >= 0x80 || (c >= 'a' && c <= 'z') ||
           (c >= 'A' && c <= 'Z') || (!first && c >= '0' && c <= '9');
}

/* End of the pre-token that starts at p, which is no white space. */
static size_t token_end(const char *text, size_t p, size_t to)
{
    static const char operators[] = "!#$%&*+-./:<=>?@\\^|~";
    size_t end = p + 1;
    char c = text[p];
    if (is_word(c, true)) {
        while (end < to && is_word(text[end], false))
            end++;
    } else if (c >= '0' && c <= '9') {
        while (end < to && end < p + 3 && text[end] >= '0' && text[end] <= '9')
            end++;
    } else if (c && strchr(operators, c)) {
        while (end < to && text[end] && strchr(operators, text[end]))
            end++;
    }
    return end;
}

static bool is_control(char c)
{
    return (unsigned char)c < 0x20 || c == 0x7f;
}

size_t pretoken_split(const char *text, size_t from, size_t to, size_t piece, struct syn_span *out,
                      size_t max)
{
    size_t n = 0;
    for (size_t p = from; p < to;) {
        size_t start = p, end;
        if (text[p] == '\n' || text[p] == '\r') {
            end = p + 1 + (text[p] == '\r' && p + 1 < to && text[p + 1] == '\n');
        } else {
            while (p < to && is_blank(text[p]))
                p++;
            bool joins = p > start && p < to && text[p - 1] == ' ' && !is_control(text[p]);
            if (p > start && (!joins || p - start > 1)) {
                end = joins ? p - 1 : p; /* the run, less a space that is joined */
            } else {
                end = token_end(text, p, to);
                if (piece && is_word(text[p], true))
                    for (; end - p > piece; start = p += piece, n++)
                        if (n < max)
                            out[n] = (struct syn_span){(uint32_t)start, (uint32_t)(p + piece)};
            }
        }
        if (n < max) out[n] = (struct syn_span){(uint32_t)start, (uint32_t)end};
        n++;
        p = end;
    }
    return n;
}
