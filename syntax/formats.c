/* Counts what format strings ask for: printf's conversions and braces.
 *
 * Only plain places are counted. A string with a numbered or named place, or a letter that no
 * printf knows, is one of which nothing is said.
 */
#include "syntax/formats.h"

#include <string.h>

/* Behind a '%' at text[at]: its end, and the values it takes; false when it is not understood. */
static bool conversion(const char *text, size_t len, size_t *at, size_t *count)
{
    size_t i = *at;
    if (i < len && text[i] == '%') {
        *at = i + 1;
        return true;
    }
    while (i < len && strchr("-+ #0'", text[i]))
        i++;
    for (int part = 0; part < 2; part++) { /* width, then precision */
        if (part == 1 && (i >= len || text[i] != '.')) break;
        i += part;
        if (i < len && text[i] == '*') {
            i++;
            (*count)++;
        } else {
            while (i < len && text[i] >= '0' && text[i] <= '9')
                i++;
        }
    }
    while (i < len && strchr("hlLqjzt", text[i]))
        i++;
    if (i >= len || !strchr("diouxXeEfFgGaAcCsSpnrv", text[i])) return false;
    (*count)++;
    *at = i + 1;
    return true;
}

static bool count_percents(const char *text, size_t len, size_t *count)
{
    for (size_t i = 0; i < len;) {
        if (text[i++] != '%') continue;
        if (!conversion(text, len, &i, count)) return false;
    }
    return true;
}

static bool count_braces(const char *text, size_t len, size_t *count)
{
    for (size_t i = 0; i < len; i++) {
        bool twice = i + 1 < len && text[i + 1] == text[i];
        if (text[i] == '{' && twice) {
            i++;
        } else if (text[i] == '{') {
            if (i + 1 >= len || (text[i + 1] != '}' && text[i + 1] != ':')) return false;
            while (i < len && text[i] != '}') {
                i++;
                if (i < len && (text[i] == '{' || text[i] == '$')) return false;
            }
            (*count)++;
        } else if (text[i] == '}' && twice) {
            i++;
        }
    }
    return true;
}

bool syn_format_count(enum syn_format_style style, const char *text, size_t len, size_t *count)
{
    *count = 0;
    return style == SYN_FORMAT_BRACES ? count_braces(text, len, count)
                                      : count_percents(text, len, count);
}
