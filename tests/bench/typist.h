/* typist.h: somebody who writes a part of a file again, and an editor that helps.
 *
 * A region is cut out of a file and typed key by key: slips of a neighbouring key that are taken
 * back at once, line ends that bring the next line's indentation along, and round and square
 * brackets that close themselves, so that the closing one stands right of the cursor until it is
 * typed over. Pure: text and edits; when, and who is told, is the caller's.
 */
#ifndef ESPALIER_TESTS_BENCH_TYPIST_H
#define ESPALIER_TESTS_BENCH_TYPIST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TYPIST_MAX_TEXT    262144u
#define TYPIST_MAX_CLOSERS 32

struct typist {
    const char *target; /* the file as it was; borrowed */
    size_t target_len, region_end;
    char text[TYPIST_MAX_TEXT]; /* as it is: target[0, cursor) closers target[region_end, ...) */
    size_t len, cursor;
    char closers[TYPIST_MAX_CLOSERS]; /* the next one first */
    size_t n_closers;
    bool slipped; /* the last key was a wrong one */
    bool closes_brackets;
    uint64_t random;
};

/* Bytes [start, end) of the text became `inserted`. */
struct typist_edit {
    size_t start, end;
    char inserted[512];
    unsigned pause_ms; /* before it, of a practised hand */
    bool changes;      /* else only the cursor moved, over a bracket */
};

/* Chooses whole lines of text[len], zero-terminated, to be typed: some `most` bytes from between a
 * quarter and six tenths of it that open no more brackets than they close, so that what is left is
 * in order. False when there are none. */
bool typist_region(const char *text, size_t len, size_t most, uint64_t seed, size_t *start,
                   size_t *end);

/* Cuts target[start, end) out. False when the file is too long. */
bool typist_open(struct typist *typist, const char *target, size_t len, size_t start, size_t end,
                 bool closes_brackets, uint64_t seed);

/* The next key; false when the region is written. */
bool typist_key(struct typist *typist, struct typist_edit *out);

/* Would [start, end) become `inserted`, and the cursor stand behind it: is that what the typist is
 * about to write? Then it is done where take is set. */
bool typist_wants(struct typist *typist, size_t start, size_t end, const char *inserted, bool take);

/* Lines and columns of bytes, from 0, of the text as it is. */
void typist_position(const struct typist *typist, size_t at, size_t *line, size_t *column);
size_t typist_offset(const struct typist *typist, size_t line, size_t column);

/* A random number below n. */
unsigned typist_below(struct typist *typist, unsigned n);

#endif
