/* bytes.h: what a byte of source text is, whatever the language. */
#ifndef ESPALIER_SYNTAX_BYTES_H
#define ESPALIER_SYNTAX_BYTES_H

#include <stdbool.h>

/* A blank or a line end, as isspace has it in the C locale. */
static inline bool syn_is_space(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

/* A byte of a name or a number; every byte of a character beyond ASCII is. */
static inline bool syn_is_word(char c)
{
    return c == '_' || (unsigned char)c >= 0x80 || (c >= '0' && c <= '9') ||
           (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

#endif
