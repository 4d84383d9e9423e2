/* Positions: lines and columns in the client's units, and back.
 *
 * Everything inside is bytes; this is the only file that knows of UTF-16 and UTF-32
 * columns. Columns are counted along one line, never along the text, so the cost is the
 * length of a line. Positions from outside are clamped, never refused: LSP asks for it.
 */
#include "syntax/document.h"

size_t syn_line_count(const struct syn_document *doc)
{
    return doc->lines.count;
}

size_t syn_line_start(const struct syn_document *doc, size_t line)
{
    return line < doc->lines.count ? doc->lines.start[line] : doc->length;
}

size_t syn_line_end(const struct syn_document *doc, size_t line)
{
    if (line + 1 >= doc->lines.count) return doc->length;
    size_t start = doc->lines.start[line], end = doc->lines.start[line + 1];
    if (end > start && doc->text[end - 1] == '\n') end--;
    if (end > start && doc->text[end - 1] == '\r') end--;
    return end;
}

/* Bytes and units of the character that starts at p. The text is known to be UTF-8. */
static size_t character_bytes(uint8_t first)
{
    return first < 0x80 ? 1 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
}

static size_t character_units(uint8_t first, enum syn_encoding enc)
{
    if (enc == SYN_UTF8) return character_bytes(first);
    return enc == SYN_UTF16 && first >= 0xf0 ? 2 : 1;
}

size_t syn_offset_of(const struct syn_document *doc, size_t line, size_t column,
                     enum syn_encoding enc)
{
    if (line >= doc->lines.count) return doc->length;
    size_t at = syn_line_start(doc, line), end = syn_line_end(doc, line);
    while (at < end) {
        uint8_t first = (uint8_t)doc->text[at];
        size_t units = character_units(first, enc);
        if (column < units) break;
        column -= units;
        at += character_bytes(first);
    }
    return at;
}

void syn_position_of(const struct syn_document *doc, size_t offset, enum syn_encoding enc,
                     size_t *line, size_t *column)
{
    if (offset > doc->length) offset = doc->length;
    *line = syn_lines_find(&doc->lines, offset);
    size_t at = syn_line_start(doc, *line), end = syn_line_end(doc, *line);
    if (offset < end) end = offset;
    size_t units = 0;
    while (at < end) {
        uint8_t first = (uint8_t)doc->text[at];
        size_t bytes = character_bytes(first);
        if (bytes > end - at) break; /* the offset lies inside this character */
        units += character_units(first, enc);
        at += bytes;
    }
    *column = units;
}
