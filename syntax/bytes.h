/* bytes.h: what a byte of source text is, whatever the language; and a hash of bytes. */
#ifndef ESPALIER_SYNTAX_BYTES_H
#define ESPALIER_SYNTAX_BYTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

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

#define SYN_HASH_START UINT64_C(14695981039346656037)

/* FNV-1a of 64 bits (Fowler, Noll and Vo) of bytes behind those of before; not for secrets. */
static inline uint64_t syn_hash(uint64_t before, const void *bytes, size_t len)
{
    const unsigned char *at = (const unsigned char *)bytes;
    for (size_t i = 0; i < len; i++)
        before = (before ^ at[i]) * UINT64_C(1099511628211);
    return before;
}

#endif
