/* tokenizer_parts.h: what the tokenizer's own files share: the tables built at load and the
 * cutting of text into pre-tokens. Nobody else includes this. */
#ifndef ESPALIER_ENGINE_TOKENIZER_PARTS_H
#define ESPALIER_ENGINE_TOKENIZER_PARTS_H

#include "engine/tokenizer.h"

/* ---- Pre-tokens (tokenizer_split.c) ------------------------------------------------ */

/* Merges never cross pre-tokens. */
enum eng_split {
    ENG_SPLIT_ESPALIER, /* the default model's byte rules */
    ENG_SPLIT_GPT2,     /* "gpt-2" and its like */
    ENG_SPLIT_LLAMA3,   /* "llama-bpe", "qwen2": punctuation may lead a word */
    ENG_SPLIT_NONE      /* SentencePiece: the whole text is one */
};

struct eng_split_rule {
    enum eng_split style;
    uint32_t digits;  /* digits of a number pre-token at most; 0: any number */
    bool whole_first; /* a pre-token that is a piece becomes it, whatever its merges */
};

/* End of the pre-token that starts at text[at]; at < len. */
size_t eng_split_next(const struct eng_split_rule *rule, const char *text, size_t len, size_t at);

/* As eng_heal_point. */
size_t eng_split_heal(const struct eng_split_rule *rule, const char *text, size_t len);

/* ---- Tables ------------------------------------------------------------------------ */

enum eng_piece_kind {
    ENG_PIECE_NORMAL = 0, /* takes part in merging */
    ENG_PIECE_BYTE,       /* one byte, the fallback of SentencePiece */
    ENG_PIECE_USER,       /* added by the file's author: has text, found by name, never merged */
    ENG_PIECE_CONTROL     /* has a name and no text */
};

struct eng_pair {
    int32_t left, right; /* left < 0: an empty slot */
    uint32_t rank;       /* lower is merged first */
    int32_t result;
};

struct eng_tokenizer {
    bool by_score;     /* "llama": merges are whatever adjacent texts form a piece */
    bool space_prefix; /* "llama": a space is put before the text */
    struct eng_split_rule split;
    uint32_t vocab;
    uint32_t *offsets; /* [vocab + 1] into bytes */
    char *bytes;       /* all pieces' text as bytes, one after the other */
    uint8_t *kinds;    /* [vocab] enum eng_piece_kind */
    bool *whole;       /* [vocab]: a pre-token of this text becomes this token */
    uint32_t *ranks;   /* [vocab], by_score only: equal scores have equal ranks */
    uint32_t *slots;   /* hash table of ids + 1 by text and specialness; 0 is empty */
    uint32_t slot_mask;
    struct eng_pair *pairs; /* hash table of merges; by_score has none */
    uint32_t pair_mask;
    int32_t byte_ids[256];
    int32_t end;
};

/* Id of the piece with this text, -1 when there is none. Special pieces (user and
 * control) and others are apart, as text never becomes a special token. */
int32_t eng_find_piece(const struct eng_tokenizer *t, const char *text, size_t len, bool special);

/* The merge of two adjacent ids, or NULL. */
const struct eng_pair *eng_find_pair(const struct eng_tokenizer *t, int32_t left, int32_t right);

/* ---- Merging (tokenizer_merge.c) --------------------------------------------------- */

/* Where tokens go: counts all, keeps what fits. */
struct eng_token_sink {
    struct eng_token *out;
    size_t capacity, count;
};

/* Memory for long pre-tokens, grown as needed and kept for the call. Zeroed at first. */
struct eng_merge_scratch {
    void *symbols, *heap;
    size_t capacity; /* symbols there is room for */
};
void eng_merge_scratch_free(struct eng_merge_scratch *scratch);

/* Merges the pre-token text[start, end) and appends its tokens. False: no memory. */
bool eng_merge(const struct eng_tokenizer *t, const char *text, uint32_t start, uint32_t end,
               struct eng_merge_scratch *scratch, struct eng_token_sink *sink);

#endif
