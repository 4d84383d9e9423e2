/* recent.h: what was edited or looked at last, in chunks that can be shown.
 *
 * A chunk is a run of whole lines: one definition, or some short ones that follow each other, or a
 * part of a long one. Each keeps the set of its words, so that the chunk that is most like
 * some other text can be found without looking at the text again.
 *
 * Pure. Making chunks and keeping them are two steps, as the first takes as long as a parse and
 * the second is done where others wait. One thread at a time.
 */
#ifndef ESPALIER_INDEX_RECENT_H
#define ESPALIER_INDEX_RECENT_H

#include "lsp/index/extract.h"

#define IDX_RECENT_FILES     8
#define IDX_RECENT_MAX_BYTES (256u * 1024u) /* of one text; of longer ones nothing is kept */
#define IDX_CHUNK_LINES      24
#define IDX_CHUNK_BYTES      1000
#define IDX_CHUNK_WORDS      96 /* different ones; what comes behind is not counted */
#define IDX_MAX_CHUNKS       1024

struct idx_chunk {
    uint32_t start, end; /* bytes of the text; whole lines */
    uint32_t words, n_words;
};

struct idx_chunks {
    const struct gram_language *lang;
    char *text;
    uint32_t text_len;
    struct idx_chunk *chunks;
    uint32_t count;
    uint32_t *words; /* hashes, each chunk's ascending */
    uint32_t n_words;
};

/* On IDX_OK free with idx_chunks_free. */
enum idx_status idx_chunks_make(const struct gram_language *lang, const char *text, size_t len,
                                struct idx_chunks *out);
void idx_chunks_free(struct idx_chunks *chunks);

struct idx_recents;

struct idx_recents *idx_recents_new(void); /* NULL: out of memory */
void idx_recents_free(struct idx_recents *recents);

/* Makes it the latest, takes the chunks over, and forgets the one that is the longest ago. */
void idx_recents_put(struct idx_recents *recents, const char *path, struct idx_chunks *chunks);
void idx_recents_remove(struct idx_recents *recents, const char *path);
size_t idx_recents_count(const struct idx_recents *recents);

/* Number i, the latest first; NULL past the last. */
const struct idx_chunks *idx_recents_at(const struct idx_recents *recents, size_t i,
                                        const char **path);

/* The next word of text [*at, end) of at least two bytes that does not start with a digit: its
 * length, and *at where it starts; 0 when there is none. */
size_t idx_word(const char *text, size_t end, size_t *at);

/* 32 bits of a word's hash. */
uint32_t idx_word_hash(const char *word, size_t len);

/* Sorts and leaves each value once; returns how many there are then. */
size_t idx_sort_words(uint32_t *words, size_t n);

/* Words in both, and in either; both ascending. */
void idx_compare_words(const uint32_t *a, size_t n_a, const uint32_t *b, size_t n_b, size_t *both,
                       size_t *either);

#endif
