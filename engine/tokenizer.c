/* tokenizer.c: a vocabulary's tables, built at load, and what is asked of them.
 *
 * Owns reading tokenizer.ggml.* into struct eng_tokenizer: pieces as bytes in one pool, a
 * hash table from text to id, a hash table from adjacent ids to the merge's rank and result.
 * Files write byte-level pieces in GPT-2's printable form, where each byte is one character
 * (a space is U+0120); they are turned back into bytes here, once, so that nothing after
 * load knows of that form. SentencePiece's mark for a space, U+2581, becomes a space.
 *
 * Deliberately left out: special tokens are never recognised in text (code that contains
 * "<|end|>" is just text), no BOS is added (the caller builds the sequence), and no
 * normalisation is done, so spans always tile the input. User-defined tokens that other
 * programs match in text before anything else are therefore not produced either.
 *
 * Hash tables are open-addressed with linear probing at a load of at most one half. */
#include "engine/error.h"
#include "engine/gguf.h"
#include "engine/tokenizer_parts.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- Hash tables ------------------------------------------------------------------- */

static uint32_t mix(uint64_t x)
{
    x ^= x >> 32;
    x *= 0xd6e8feb86659fd93u;
    x ^= x >> 32;
    x *= 0xd6e8feb86659fd93u;
    return (uint32_t)(x >> 32);
}

static uint32_t hash_text(const char *text, size_t len, bool special)
{
    uint64_t h = special ? 0x9e3779b97f4a7c15u : 0xcbf29ce484222325u;
    for (; len >= 8; text += 8, len -= 8) {
        uint64_t word;
        memcpy(&word, text, sizeof word);
        h = (h ^ word) * 0xff51afd7ed558ccdu;
        h ^= h >> 32;
    }
    for (; len > 0; text++, len--)
        h = (h ^ (unsigned char)*text) * 0x100000001b3u;
    return mix(h);
}

static uint32_t hash_pair(int32_t left, int32_t right)
{
    return mix((uint64_t)(uint32_t)left << 32 | (uint32_t)right);
}

/* A power of two of at least 2 * n. */
static size_t table_size(size_t n)
{
    size_t size = 16;
    while (size < 2 * n)
        size *= 2;
    return size;
}

static bool is_special(const struct eng_tokenizer *t, uint32_t id)
{
    return t->kinds[id] == ENG_PIECE_USER || t->kinds[id] == ENG_PIECE_CONTROL;
}

/* The slot that holds the piece with this text, or the empty one where it belongs. */
static uint32_t find_slot(const struct eng_tokenizer *t, const char *text, size_t len, bool special)
{
    uint32_t slot = hash_text(text, len, special) & t->slot_mask;
    for (; t->slots[slot]; slot = (slot + 1) & t->slot_mask) {
        uint32_t id = t->slots[slot] - 1;
        if (t->offsets[id + 1] - t->offsets[id] == len && is_special(t, id) == special &&
            memcmp(t->bytes + t->offsets[id], text, len) == 0)
            break;
    }
    return slot;
}

int32_t eng_find_piece(const struct eng_tokenizer *t, const char *text, size_t len, bool special)
{
    return (int32_t)t->slots[find_slot(t, text, len, special)] - 1;
}

static uint32_t find_pair_slot(const struct eng_tokenizer *t, int32_t left, int32_t right)
{
    uint32_t slot = hash_pair(left, right) & t->pair_mask;
    while (t->pairs[slot].left >= 0 &&
           (t->pairs[slot].left != left || t->pairs[slot].right != right))
        slot = (slot + 1) & t->pair_mask;
    return slot;
}

const struct eng_pair *eng_find_pair(const struct eng_tokenizer *t, int32_t left, int32_t right)
{
    const struct eng_pair *pair = &t->pairs[find_pair_slot(t, left, right)];
    return pair->left >= 0 ? pair : NULL;
}

/* ---- Printable forms --------------------------------------------------------------- */

/* The next code point of s, advancing *at; -1 when it is not UTF-8. Pieces hold nothing
 * beyond the basic plane that matters here, so four-byte forms are -1 as well. */
static int32_t next_code_point(struct eng_string s, size_t *at)
{
    const unsigned char *p = (const unsigned char *)s.text + *at;
    size_t left = s.len - *at;
    if (p[0] < 0x80) {
        *at += 1;
        return p[0];
    }
    if ((p[0] & 0xe0) == 0xc0 && left >= 2) {
        *at += 2;
        return (p[0] & 0x1f) << 6 | (p[1] & 0x3f);
    }
    if ((p[0] & 0xf0) == 0xe0 && left >= 3) {
        *at += 3;
        return (p[0] & 0x0f) << 12 | (p[1] & 0x3f) << 6 | (p[2] & 0x3f);
    }
    return -1;
}

/* The byte that GPT-2's table writes as this code point, -1 when none. Printable bytes
 * stand for themselves; the others take the code points from 256 on, in order. */
static int32_t byte_of_code_point(int32_t c)
{
    if ((c >= 0x21 && c <= 0x7e) || (c >= 0xa1 && c <= 0xac) || (c >= 0xae && c <= 0xff)) return c;
    if (c < 256 || c > 256 + 67) return -1;
    int32_t n = c - 256;            /* the n-th unprintable byte: */
    if (n <= 0x20) return n;        /* 0x00 .. 0x20 */
    if (n <= 0x42) return n + 0x5e; /* 0x7f .. 0xa0 */
    return 0xad;
}

/* Turns a byte-level piece into bytes at out, which has room for s.len. False when it is
 * not in printable form. */
static bool decode_byte_level(struct eng_string s, char *out, size_t *len)
{
    *len = 0;
    for (size_t at = 0; at < s.len;) {
        int32_t c = next_code_point(s, &at);
        int32_t byte = c < 0 ? -1 : byte_of_code_point(c);
        if (byte < 0) return false;
        out[(*len)++] = (char)byte;
    }
    return true;
}

static void decode_space_marks(struct eng_string s, char *out, size_t *len)
{
    *len = 0;
    for (size_t at = 0; at < s.len;) {
        if (s.len - at >= 3 && memcmp(s.text + at, "\xe2\x96\x81", 3) == 0) {
            out[(*len)++] = ' ';
            at += 3;
        } else {
            out[(*len)++] = s.text[at++];
        }
    }
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    return -1;
}

/* The byte of a fallback piece "<0x0A>", -1 for any other. */
static int byte_of_fallback(struct eng_string s)
{
    if (s.len != 6 || memcmp(s.text, "<0x", 3) != 0 || s.text[5] != '>') return -1;
    int high = hex_digit(s.text[3]), low = hex_digit(s.text[4]);
    return high < 0 || low < 0 ? -1 : high * 16 + low;
}

/* ---- Pieces ------------------------------------------------------------------------ */

/* tokenizer.ggml.token_type as files have it. */
enum { TYPE_NORMAL = 1, TYPE_UNKNOWN, TYPE_CONTROL, TYPE_USER, TYPE_UNUSED, TYPE_BYTE };

static enum eng_piece_kind kind_of_type(int64_t type)
{
    switch (type) {
    case TYPE_NORMAL:
        return ENG_PIECE_NORMAL;
    case TYPE_USER:
        return ENG_PIECE_USER;
    case TYPE_BYTE:
        return ENG_PIECE_BYTE;
    default:
        return ENG_PIECE_CONTROL;
    }
}

/* Appends the bytes of piece id to the pool at offset at and settles its kind. */
static size_t put_piece(struct eng_tokenizer *t, uint32_t id, struct eng_string s, int64_t type,
                        char *at)
{
    enum eng_piece_kind kind = kind_of_type(type);
    size_t len = s.len;
    int byte = kind == ENG_PIECE_BYTE ? byte_of_fallback(s) : -1;
    if (byte >= 0) {
        *at = (char)byte;
        len = 1;
    } else if (kind == ENG_PIECE_NORMAL && t->by_score) {
        decode_space_marks(s, at, &len);
    } else if (kind != ENG_PIECE_NORMAL || !decode_byte_level(s, at, &len)) {
        /* Names of special tokens, and added words outside the byte alphabet. */
        if (kind == ENG_PIECE_NORMAL) kind = ENG_PIECE_USER;
        if (kind == ENG_PIECE_BYTE) kind = ENG_PIECE_CONTROL;
        memcpy(at, s.text, s.len);
        len = s.len;
    }
    t->kinds[id] = (uint8_t)kind;
    return len;
}

static enum eng_status no_memory(struct eng_error *err)
{
    return eng_fail(err, ENG_NO_MEMORY, "no memory for the vocabulary");
}

static enum eng_status load_pieces(struct eng_tokenizer *t, const struct eng_gguf *gguf,
                                   struct eng_error *err)
{
    struct eng_array tokens = {0}, types = {0};
    struct eng_string s;
    enum eng_status status =
        eng_gguf_get_array(gguf, "tokenizer.ggml.tokens", ENG_REQUIRED, ENG_STRINGS, &tokens, err);
    if (status != ENG_OK) return status;
    status = eng_gguf_get_array(gguf, "tokenizer.ggml.token_type", ENG_OPTIONAL, ENG_INTEGERS,
                                &types, err);
    if (status != ENG_OK) return status;
    if (tokens.left == 0 || tokens.left > ENG_MAX_VOCAB)
        return eng_fail(err, ENG_BAD_FILE, "vocabulary of %" PRIu64 " tokens, expected 1 to %u",
                        tokens.left, ENG_MAX_VOCAB);
    if (types.left && types.left != tokens.left)
        return eng_fail(err, ENG_BAD_FILE, "%" PRIu64 " token types for %" PRIu64 " tokens",
                        types.left, tokens.left);
    /* The stored form is never shorter than the bytes, so its size is room enough. */
    size_t vocab = (size_t)tokens.left, room = (size_t)(tokens.end - tokens.at), used = 0;
    size_t slots = table_size(vocab);
    t->vocab = (uint32_t)vocab;
    t->offsets = malloc((vocab + 1) * sizeof *t->offsets);
    t->kinds = malloc(vocab);
    t->bytes = malloc(room);
    t->slots = calloc(slots, sizeof *t->slots);
    t->slot_mask = (uint32_t)(slots - 1);
    if (!t->offsets || !t->kinds || !t->bytes || !t->slots) return no_memory(err);
    for (uint32_t id = 0; id < t->vocab && eng_array_next_string(&tokens, &s); id++) {
        int64_t type = TYPE_NORMAL;
        eng_array_next_i64(&types, &type);
        t->offsets[id] = (uint32_t)used;
        used += put_piece(t, id, s, type, t->bytes + used);
        t->offsets[id + 1] = (uint32_t)used;
        if (t->kinds[id] == ENG_PIECE_BYTE) continue;
        /* Of equal pieces the first is found. */
        uint32_t slot =
            find_slot(t, t->bytes + t->offsets[id], used - t->offsets[id], is_special(t, id));
        if (!t->slots[slot]) t->slots[slot] = id + 1;
    }
    return ENG_OK;
}

/* Every byte needs a token, so that any text can be tokenised. Byte-level vocabularies have
 * them as ordinary pieces; by score, fallback pieces, else the unknown token. */
static enum eng_status load_byte_ids(struct eng_tokenizer *t, const struct eng_gguf *gguf,
                                     struct eng_error *err)
{
    uint32_t unknown = UINT32_MAX;
    if (t->by_score) {
        enum eng_status status =
            eng_gguf_get_u32(gguf, "tokenizer.ggml.unknown_token_id", ENG_OPTIONAL, &unknown, err);
        if (status != ENG_OK) return status;
    }
    for (int byte = 0; byte < 256; byte++) {
        char c = (char)byte;
        t->byte_ids[byte] = t->by_score ? -1 : eng_find_piece(t, &c, 1, false);
    }
    for (uint32_t id = 0; id < t->vocab; id++) {
        if (t->kinds[id] != ENG_PIECE_BYTE) continue;
        int32_t *slot = &t->byte_ids[(unsigned char)t->bytes[t->offsets[id]]];
        if (*slot < 0) *slot = (int32_t)id;
    }
    for (int byte = 0; byte < 256; byte++) {
        if (t->byte_ids[byte] >= 0) continue;
        if (unknown >= t->vocab)
            return eng_fail(err, ENG_BAD_FILE, "the vocabulary has no token for byte 0x%02x", byte);
        t->byte_ids[byte] = (int32_t)unknown;
    }
    return ENG_OK;
}

/* ---- Merges ------------------------------------------------------------------------ */

/* One line "a b" of the list. scratch has room for s.len bytes. */
static enum eng_status put_merge(struct eng_tokenizer *t, struct eng_string s, uint32_t rank,
                                 char *scratch, struct eng_error *err)
{
    const char *space = s.len > 2 ? memchr(s.text + 1, ' ', s.len - 2) : NULL;
    size_t left_len = 0, right_len = 0;
    if (space) {
        struct eng_string a = {s.text, (size_t)(space - s.text)};
        struct eng_string b = {space + 1, s.len - a.len - 1};
        if (!decode_byte_level(a, scratch, &left_len) ||
            !decode_byte_level(b, scratch + left_len, &right_len))
            space = NULL;
    }
    if (!space)
        return eng_fail(err, ENG_BAD_FILE, "merge %" PRIu32 " is not two byte-level pieces", rank);
    struct eng_pair pair = {.rank = rank};
    pair.left = eng_find_piece(t, scratch, left_len, false);
    pair.right = eng_find_piece(t, scratch + left_len, right_len, false);
    pair.result = eng_find_piece(t, scratch, left_len + right_len, false);
    if (pair.left < 0 || pair.right < 0 || pair.result < 0)
        return eng_fail(err, ENG_BAD_FILE, "merge %" PRIu32 " '%.*s' is not in the vocabulary",
                        rank, s.len < 100 ? (int)s.len : 100, s.text);
    struct eng_pair *slot = &t->pairs[find_pair_slot(t, pair.left, pair.right)];
    if (slot->left < 0) *slot = pair;
    return ENG_OK;
}

static enum eng_status load_merges(struct eng_tokenizer *t, const struct eng_gguf *gguf,
                                   struct eng_error *err)
{
    struct eng_array merges = {0};
    struct eng_string s;
    enum eng_status status =
        eng_gguf_get_array(gguf, "tokenizer.ggml.merges", ENG_REQUIRED, ENG_STRINGS, &merges, err);
    if (status != ENG_OK) return status;
    if (merges.left > ENG_MAX_VOCAB)
        return eng_fail(err, ENG_BAD_FILE, "%" PRIu64 " merges, expected at most %u", merges.left,
                        ENG_MAX_VOCAB);
    size_t slots = table_size((size_t)merges.left);
    t->pairs = malloc(slots * sizeof *t->pairs);
    t->pair_mask = (uint32_t)(slots - 1);
    char *scratch = malloc((size_t)(merges.end - merges.at) + 1);
    if (!t->pairs || !scratch) {
        free(scratch);
        return no_memory(err);
    }
    for (size_t i = 0; i < slots; i++)
        t->pairs[i] = (struct eng_pair){.left = -1};
    for (uint32_t rank = 0; status == ENG_OK && eng_array_next_string(&merges, &s); rank++)
        status = put_merge(t, s, rank, scratch, err);
    free(scratch);
    return status;
}

/* Finds the pieces that a pre-token of the same text always becomes. Other pieces can only
 * be reached inside longer text, if at all. */
static enum eng_status load_whole(struct eng_tokenizer *t, struct eng_error *err)
{
    struct eng_merge_scratch scratch = {0};
    bool *whole = calloc(t->vocab, sizeof *whole);
    if (!whole) return no_memory(err);
    for (uint32_t id = 0; id < t->vocab; id++) {
        struct eng_token token = {.id = -1};
        struct eng_token_sink sink = {&token, 1, 0};
        if (t->kinds[id] != ENG_PIECE_NORMAL || t->offsets[id] == t->offsets[id + 1]) continue;
        if (!eng_merge(t, t->bytes, t->offsets[id], t->offsets[id + 1], &scratch, &sink)) {
            eng_merge_scratch_free(&scratch);
            free(whole);
            return no_memory(err);
        }
        whole[id] = t->split.whole_first || (sink.count == 1 && token.id == (int32_t)id);
    }
    eng_merge_scratch_free(&scratch);
    t->whole = whole;
    return ENG_OK;
}

struct scored {
    float score;
    uint32_t id;
};

static int by_score_down(const void *a, const void *b)
{
    const struct scored *x = a, *y = b;
    if (x->score != y->score) return x->score > y->score ? -1 : 1;
    return (x->id > y->id) - (x->id < y->id);
}

/* Scores become ranks, so that both kinds of vocabulary merge by the same comparison. */
static enum eng_status load_scores(struct eng_tokenizer *t, const struct eng_gguf *gguf,
                                   struct eng_error *err)
{
    struct eng_array scores = {0};
    enum eng_status status =
        eng_gguf_get_array(gguf, "tokenizer.ggml.scores", ENG_REQUIRED, ENG_FLOATS, &scores, err);
    if (status != ENG_OK) return status;
    if (scores.left != t->vocab)
        return eng_fail(err, ENG_BAD_FILE, "%" PRIu64 " scores for %" PRIu32 " tokens", scores.left,
                        t->vocab);
    struct scored *order = malloc(t->vocab * sizeof *order);
    t->ranks = malloc(t->vocab * sizeof *t->ranks);
    if (!order || !t->ranks) {
        free(order);
        return no_memory(err);
    }
    for (uint32_t id = 0; id < t->vocab; id++) {
        order[id] = (struct scored){0, id};
        eng_array_next_f32(&scores, &order[id].score);
        if (isnan(order[id].score)) order[id].score = -INFINITY;
    }
    qsort(order, t->vocab, sizeof *order, by_score_down);
    for (uint32_t i = 0, rank = 0; i < t->vocab; i++) {
        if (i > 0 && order[i].score != order[i - 1].score) rank++;
        t->ranks[order[i].id] = rank;
    }
    free(order);
    return ENG_OK;
}

/* ---- Loading ----------------------------------------------------------------------- */

/* Values of tokenizer.ggml.pre, with "" for a file that has none. */
static enum eng_status load_split(struct eng_tokenizer *t, const struct eng_gguf *gguf,
                                  struct eng_error *err)
{
    static const struct {
        const char *name;
        struct eng_split_rule rule;
    } rules[] = {
        {"espalier", {ENG_SPLIT_ESPALIER, 3, false}},
        {"", {ENG_SPLIT_GPT2, 0, false}},
        {"default", {ENG_SPLIT_GPT2, 0, false}},
        {"gpt-2", {ENG_SPLIT_GPT2, 0, false}},
        {"starcoder", {ENG_SPLIT_GPT2, 1, false}},
        {"refact", {ENG_SPLIT_GPT2, 1, false}},
        {"smollm", {ENG_SPLIT_GPT2, 1, false}},
        {"codeshell", {ENG_SPLIT_GPT2, 1, false}},
        {"llama-bpe", {ENG_SPLIT_LLAMA3, 3, true}},
        {"llama3", {ENG_SPLIT_LLAMA3, 3, true}},
        {"qwen2", {ENG_SPLIT_LLAMA3, 1, false}},
        {"deepseek-r1-qwen", {ENG_SPLIT_LLAMA3, 1, false}},
    };
    struct eng_string pre = {"", 0};
    enum eng_status status =
        eng_gguf_get_string(gguf, "tokenizer.ggml.pre", ENG_OPTIONAL, &pre, err);
    if (status != ENG_OK) return status;
    for (size_t i = 0; i < sizeof rules / sizeof *rules; i++)
        if (eng_string_is(pre, rules[i].name)) {
            t->split = rules[i].rule;
            return ENG_OK;
        }
    return eng_fail(err, ENG_UNSUPPORTED,
                    "tokenizer.ggml.pre is '%.*s', expected espalier, gpt-2, default, starcoder, "
                    "refact, smollm, codeshell, llama-bpe, llama3, qwen2 or deepseek-r1-qwen",
                    pre.len < 60 ? (int)pre.len : 60, pre.text);
}

static enum eng_status load(struct eng_tokenizer *t, const struct eng_gguf *gguf,
                            struct eng_error *err)
{
    struct eng_string model = {"", 0};
    uint32_t end = UINT32_MAX;
    enum eng_status status =
        eng_gguf_get_string(gguf, "tokenizer.ggml.model", ENG_REQUIRED, &model, err);
    if (status != ENG_OK) return status;
    t->by_score = eng_string_is(model, "llama");
    if (!t->by_score && !eng_string_is(model, "gpt2"))
        return eng_fail(err, ENG_UNSUPPORTED,
                        "tokenizer.ggml.model is '%.*s', expected gpt2 or llama",
                        model.len < 60 ? (int)model.len : 60, model.text);
    if ((status = load_pieces(t, gguf, err)) != ENG_OK) return status;
    if ((status = load_byte_ids(t, gguf, err)) != ENG_OK) return status;
    status = eng_gguf_get_u32(gguf, "tokenizer.ggml.eos_token_id", ENG_OPTIONAL, &end, err);
    if (status != ENG_OK) return status;
    t->end = end < t->vocab ? (int32_t)end : -1;
    if (t->by_score) {
        t->split.style = ENG_SPLIT_NONE;
        t->space_prefix = true;
        status = eng_gguf_get_bool(gguf, "tokenizer.ggml.add_space_prefix", ENG_OPTIONAL,
                                   &t->space_prefix, err);
        return status != ENG_OK ? status : load_scores(t, gguf, err);
    }
    if ((status = load_split(t, gguf, err)) != ENG_OK) return status;
    status = load_merges(t, gguf, err);
    return status != ENG_OK ? status : load_whole(t, err);
}

enum eng_status eng_tokenizer_new(const struct eng_gguf *gguf, struct eng_tokenizer **out,
                                  struct eng_error *err)
{
    *out = NULL;
    struct eng_tokenizer *t = calloc(1, sizeof *t);
    if (!t) return no_memory(err);
    enum eng_status status = load(t, gguf, err);
    if (status != ENG_OK)
        eng_tokenizer_free(t);
    else
        *out = t;
    return status;
}

void eng_tokenizer_free(struct eng_tokenizer *t)
{
    if (!t) return;
    free(t->offsets);
    free(t->bytes);
    free(t->kinds);
    free(t->whole);
    free(t->ranks);
    free(t->slots);
    free(t->pairs);
    free(t);
}

/* ---- Encoding ---------------------------------------------------------------------- */

static bool encode_text(const struct eng_tokenizer *t, const char *text, size_t len,
                        struct eng_token_sink *sink)
{
    struct eng_merge_scratch scratch = {0};
    bool done = true;
    for (size_t at = 0, end; done && at < len; at = end) {
        end = eng_split_next(&t->split, text, len, at);
        done = eng_merge(t, text, (uint32_t)at, (uint32_t)end, &scratch, sink);
    }
    eng_merge_scratch_free(&scratch);
    return done;
}

/* The space put in front is no byte of the input: spans move back by one, so the first
 * token's may be empty. */
static bool encode_with_space(const struct eng_tokenizer *t, const char *text, size_t len,
                              struct eng_token_sink *sink)
{
    char *spaced = malloc(len + 1);
    if (!spaced) return false;
    spaced[0] = ' ';
    memcpy(spaced + 1, text, len);
    bool done = encode_text(t, spaced, len + 1, sink);
    free(spaced);
    for (size_t i = 0; i < sink->count && i < sink->capacity; i++) {
        struct eng_token *token = &sink->out[i];
        token->start -= token->start > 0;
        token->end--;
    }
    return done;
}

enum eng_status eng_tokenizer_encode(const struct eng_tokenizer *t, const char *text, size_t len,
                                     struct eng_token *out, size_t capacity, size_t *count,
                                     struct eng_error *err)
{
    struct eng_token_sink sink = {out, capacity, 0};
    *count = 0;
    if (len > ENG_MAX_TEXT)
        return eng_fail(err, ENG_BAD_INPUT, "text of %zu bytes, expected at most %u", len,
                        ENG_MAX_TEXT);
    if (len == 0) return ENG_OK;
    if (!(t->space_prefix ? encode_with_space : encode_text)(t, text, len, &sink))
        return eng_fail(err, ENG_NO_MEMORY, "no memory to tokenise %zu bytes", len);
    *count = sink.count;
    if (sink.count > capacity)
        return eng_fail(err, ENG_BAD_INPUT, "text of %zu tokens, room for %zu", sink.count,
                        capacity);
    return ENG_OK;
}

/* ---- Looking up -------------------------------------------------------------------- */

size_t eng_tokenizer_vocab(const struct eng_tokenizer *t)
{
    return t->vocab;
}

const char *eng_tokenizer_text(const struct eng_tokenizer *t, int32_t id, size_t *len)
{
    *len = 0;
    if (id < 0 || (uint32_t)id >= t->vocab || t->kinds[id] == ENG_PIECE_CONTROL) return NULL;
    *len = t->offsets[id + 1] - t->offsets[id];
    return t->bytes + t->offsets[id];
}

int32_t eng_tokenizer_special(const struct eng_tokenizer *t, const char *name)
{
    return eng_find_piece(t, name, strlen(name), true);
}

size_t eng_tokenizer_heal_point(const struct eng_tokenizer *t, const char *text, size_t len)
{
    return eng_split_heal(&t->split, text, len);
}

bool eng_tokenizer_heal_allows(const struct eng_tokenizer *t, int32_t id, const char *want,
                               size_t want_len)
{
    size_t len;
    const char *text = eng_tokenizer_text(t, id, &len);
    if (want_len == 0) return true;
    if (!text || len == 0) return false;
    return memcmp(text, want, len < want_len ? len : want_len) == 0;
}

/* ---- The same by model ------------------------------------------------------------- */

enum eng_status eng_tokenize(const struct eng_model *model, const char *text, size_t len,
                             struct eng_token *out, size_t capacity, size_t *count,
                             struct eng_error *err)
{
    return eng_tokenizer_encode(eng_model_tokenizer(model), text, len, out, capacity, count, err);
}

const char *eng_token_text(const struct eng_model *model, int32_t id, size_t *len)
{
    return eng_tokenizer_text(eng_model_tokenizer(model), id, len);
}

int32_t eng_special_token(const struct eng_model *model, const char *name)
{
    return eng_tokenizer_special(eng_model_tokenizer(model), name);
}

int32_t eng_end_token(const struct eng_model *model)
{
    return eng_model_tokenizer(model)->end;
}

size_t eng_heal_point(const struct eng_model *model, const char *text, size_t len)
{
    return eng_tokenizer_heal_point(eng_model_tokenizer(model), text, len);
}

bool eng_heal_allows(const struct eng_model *model, int32_t id, const char *want, size_t want_len)
{
    return eng_tokenizer_heal_allows(eng_model_tokenizer(model), id, want, want_len);
}
