/* formats.h: how many values a format string asks for. Private to syntax/. */
#ifndef ESPALIER_SYNTAX_FORMATS_H
#define ESPALIER_SYNTAX_FORMATS_H

#include <stdbool.h>
#include <stddef.h>

enum syn_format_style {
    SYN_FORMAT_PRINTF,  /* C: %d, %-*s, %% */
    SYN_FORMAT_PERCENT, /* Python's and Ruby's operator %: the same, %(name)s takes no place */
    SYN_FORMAT_BRACES   /* {}, {:>8}, {{ */
};

/* Values that text[len] takes from a list, in order. False when that cannot be told: places are
 * numbered or named, or something in it is not known. */
bool syn_format_count(enum syn_format_style style, const char *text, size_t len, size_t *count);

#endif
