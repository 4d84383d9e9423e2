/* place.c: places on the command line.
 *
 * A place outside the file is an error here, not clamped as an editor's would be: who
 * writes a number on the command line means that number.
 */
#include "lsp/cli/place.h"
#include "lsp/cli/cli.h"

#include <string.h>

enum { DIGITS_MAX = 9 };

/* Reads decimal digits backwards from *at; false when there are none or too many. */
static bool number_before(const char *word, size_t *at, size_t *out)
{
    size_t value = 0, scale = 1, end = *at;
    while (*at > 0 && word[*at - 1] >= '0' && word[*at - 1] <= '9' && end - *at < DIGITS_MAX) {
        value += (size_t)(word[--*at] - '0') * scale;
        scale *= 10;
    }
    *out = value;
    return *at < end && value > 0;
}

bool cli_place_parse(const char *word, struct cli_place *out, size_t *path_len)
{
    size_t at = strlen(word);
    *path_len = 0;
    if (!number_before(word, &at, &out->column)) return false;
    if (at == 0 || word[--at] != ':') return false;
    if (!number_before(word, &at, &out->line)) return false;
    if (at == 0) return true;
    if (at == 1 || word[--at] != ':') return false;
    *path_len = at;
    return true;
}

bool cli_place_offset(const struct syn_document *doc, const char *path,
                      const struct cli_place *place, size_t *out)
{
    size_t lines = syn_line_count(doc), len;
    const char *text = syn_document_text(doc, &len);
    if (place->line > lines) {
        cli_fail("%s: line %zu does not exist, the file has %zu", path, place->line, lines);
        return false;
    }
    size_t start = syn_line_start(doc, place->line - 1), end = syn_line_end(doc, place->line - 1);
    if (place->column - 1 > end - start) {
        cli_fail("%s: column %zu does not exist, line %zu ends at column %zu", path, place->column,
                 place->line, end - start + 1);
        return false;
    }
    *out = start + place->column - 1;
    if (*out < len && ((unsigned char)text[*out] & 0xC0) == 0x80) {
        cli_fail("%s: column %zu of line %zu is inside a character", path, place->column,
                 place->line);
        return false;
    }
    return true;
}
