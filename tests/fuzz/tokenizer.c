/* tokenizer.c: fuzz target. The first byte of the input chooses: below the number of
 * committed vocabularies, the rest is text for that one; else the rest is a vocabulary file,
 * and some text is tokenised with it if it loads.
 *
 * Held to: spans tile the text, token bytes are the text's, a smaller room gives the same
 * count, the healing point lies in the text and what precedes it tokenises the same. */
#include "engine/tokenizer.h"
#include "engine/gguf.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define REQUIRE(condition)                                                                         \
    do {                                                                                           \
        if (!(condition)) abort();                                                                 \
    } while (0)
#define MAX_TEXT 1024u /* longer text finds nothing more and takes its time */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *const names[] = {"espalier", "gpt2", "llama", "llama3", "qwen2", "starcoder"};
#define NAMES (sizeof names / sizeof *names)

static const struct eng_tokenizer *committed(size_t i)
{
    static struct eng_tokenizer *loaded[NAMES];
    if (!loaded[i]) {
        char path[1024];
        struct eng_gguf *gguf = NULL;
        struct eng_error err = {""};
        snprintf(path, sizeof path, VOCABULARIES "/%s/vocab.gguf", names[i]);
        if (eng_gguf_open(path, &gguf, &err) != ENG_OK ||
            eng_tokenizer_new(gguf, &loaded[i], &err) != ENG_OK) {
            fprintf(stderr, "%s\n", err.text);
            abort();
        }
        eng_gguf_close(gguf);
    }
    return loaded[i];
}

/* strict: the vocabulary is a good one, so tokens must spell the text. */
static void check_tokens(const struct eng_tokenizer *t, const char *text, size_t len,
                         const struct eng_token *tokens, size_t count, bool strict)
{
    size_t at = 0, piece_len;
    for (size_t i = 0; i < count; i++) {
        REQUIRE(tokens[i].start == at && tokens[i].end >= at && tokens[i].end <= len);
        REQUIRE(tokens[i].id >= 0 && (size_t)tokens[i].id < eng_tokenizer_vocab(t));
        at = tokens[i].end;
        const char *piece = eng_tokenizer_text(t, tokens[i].id, &piece_len);
        if (!strict) continue;
        size_t span = at - tokens[i].start;
        REQUIRE(piece && piece_len >= span && (i == 0 || piece_len == span));
        REQUIRE(memcmp(piece + (piece_len - span), text + tokens[i].start, span) == 0);
    }
    REQUIRE(at == len);
}

static void try_text(const struct eng_tokenizer *t, const char *text, size_t len, bool strict)
{
    static struct eng_token tokens[MAX_TEXT + 1], again[MAX_TEXT + 1];
    size_t count = 0, fewer = 0;
    struct eng_error err;
    if (len > MAX_TEXT) len = MAX_TEXT;
    REQUIRE(eng_tokenizer_encode(t, text, len, tokens, MAX_TEXT + 1, &count, &err) == ENG_OK);
    check_tokens(t, text, len, tokens, count, strict);
    if (count > 0) {
        REQUIRE(eng_tokenizer_encode(t, text, len, again, count - 1, &fewer, &err) ==
                ENG_BAD_INPUT);
        REQUIRE(fewer == count);
    }
    size_t heal = eng_tokenizer_heal_point(t, text, len);
    REQUIRE(heal <= len);
    for (size_t i = 0; i < count; i++)
        if (tokens[i].start >= heal)
            REQUIRE(!strict ||
                    eng_tokenizer_heal_allows(t, tokens[i].id, text + tokens[i].start,
                                              len - tokens[i].start) ||
                    i == 0);
}

/* The default model's rules: text before a pre-token's start does not depend on it. */
static void try_healing(const struct eng_tokenizer *t, const char *text, size_t len)
{
    static struct eng_token whole[MAX_TEXT + 1], part[MAX_TEXT + 1];
    size_t n_whole = 0, n_part = 0;
    if (len > MAX_TEXT) len = MAX_TEXT;
    size_t heal = eng_tokenizer_heal_point(t, text, len);
    eng_tokenizer_encode(t, text, len, whole, MAX_TEXT + 1, &n_whole, NULL);
    eng_tokenizer_encode(t, text, heal, part, MAX_TEXT + 1, &n_part, NULL);
    REQUIRE(n_part <= n_whole);
    for (size_t i = 0; i < n_part; i++)
        REQUIRE(whole[i].id == part[i].id && whole[i].end == part[i].end);
}

static void try_vocabulary(const uint8_t *data, size_t size)
{
    static const char text[] = " int main(void)\r\n{\treturn abc + 0x12345;  }\n\x80\xff  ab aabb";
    struct eng_gguf *gguf = NULL;
    struct eng_tokenizer *t = NULL;
    struct eng_error err;
    uint8_t *block = malloc(size ? size : 1);
    if (!block) return;
    if (size > 0) memcpy(block, data, size);
    if (eng_gguf_open_memory(block, size, &gguf, &err) == ENG_OK &&
        eng_tokenizer_new(gguf, &t, &err) == ENG_OK) {
        /* The file may go: the tokenizer keeps nothing of it. */
        eng_gguf_close(gguf);
        free(block);
        gguf = NULL;
        block = NULL;
        try_text(t, text, sizeof text - 1, false);
        try_text(t, (const char *)data, size < 256 ? size : 256, false);
        eng_tokenizer_special(t, "<|end|>");
    } else {
        REQUIRE(t == NULL);
    }
    eng_tokenizer_free(t);
    eng_gguf_close(gguf);
    free(block);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0) return 0;
    if (data[0] >= NAMES) {
        try_vocabulary(data + 1, size - 1);
        return 0;
    }
    const struct eng_tokenizer *t = committed(data[0]);
    try_text(t, (const char *)data + 1, size - 1, true);
    if (data[0] == 0) try_healing(t, (const char *)data + 1, size - 1);
    return 0;
}
