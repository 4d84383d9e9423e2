/* Sets of tokens from what is open.
 *
 * The vocabulary is read once: most tokens can always come next, or never. Only those with a
 * bracket, a line's end or the end of a comment in them have to be looked at for each text, and
 * they are few. Where the text ends within a character, only tokens that go on with it are looked
 * at.
 */
#include "lsp/assist/follow.h"
#include "lsp/assist/writer.h"

#include <stdlib.h>
#include <string.h>

struct asst_vocabulary {
    const struct eng_model *model;
    uint64_t *text;      /* set: tokens that are text */
    uint64_t *sound;     /* set: well-formed by themselves, but for an unfinished end */
    int32_t *marked;     /* of these, what the tree may refuse */
    int32_t *continuing; /* tokens that begin within a character */
    size_t tokens, n_marked, n_continuing;
};

/* ---- Characters ------------------------------------------------------------------------ */

/* Bytes of a character by its first one; 0 when none starts so. */
static size_t character_bytes(unsigned char lead)
{
    if (lead < 0x80) return lead >= 0x20 || lead == '\t' || lead == '\n' || lead == '\r' ? 1 : 0;
    return lead >= 0xF5 ? 0 : lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : lead >= 0xC2 ? 2 : 0;
}

/* Are these n bytes the beginning of a character? n is at least 1 and no more than its bytes. */
static bool is_beginning(const char *text, size_t n)
{
    unsigned char lead = (unsigned char)text[0];
    for (size_t i = 1; i < n; i++)
        if (((unsigned char)text[i] & 0xC0) != 0x80) return false;
    if (n < 2) return true;
    unsigned char second = (unsigned char)text[1];
    bool overlong = (lead == 0xE0 && second < 0xA0) || (lead == 0xF0 && second < 0x90);
    bool beyond = (lead == 0xED && second > 0x9F) || (lead == 0xF4 && second > 0x8F);
    return !overlong && !beyond;
}

size_t asst_sound_length(const char *text, size_t len)
{
    size_t at = 0;
    while (at < len) {
        size_t n = character_bytes((unsigned char)text[at]);
        if (n == 0 || n > len - at || !is_beginning(text + at, n)) break;
        at += n;
    }
    return at;
}

/* As it stands, or with more behind it. */
static bool may_be_sound(const char *text, size_t len)
{
    size_t at = asst_sound_length(text, len);
    if (at == len) return true;
    size_t n = character_bytes((unsigned char)text[at]);
    return n > len - at && is_beginning(text + at, len - at);
}

/* Bytes at the end of text[len] that begin a character and do not end it. */
static size_t unfinished(const char *text, size_t len)
{
    for (size_t n = 1; n <= 3 && n <= len; n++) {
        size_t whole = character_bytes((unsigned char)text[len - n]);
        if (whole > 0) return whole > n && is_beginning(text + len - n, n) ? n : 0;
    }
    return 0;
}

static bool continues(const char *tail, size_t tail_len, const char *bytes, size_t n)
{
    char character[4] = {0};
    size_t need = character_bytes((unsigned char)tail[0]) - tail_len, take = n < need ? n : need;
    memcpy(character, tail, tail_len);
    memcpy(character + tail_len, bytes, take);
    return is_beginning(character, tail_len + take) && may_be_sound(bytes + take, n - take);
}

/* ---- The vocabulary -------------------------------------------------------------------- */

static bool is_marked(const char *bytes, size_t n)
{
    for (size_t i = 0; i < n; i++)
        switch (bytes[i]) {
        case ')':
        case ']':
        case '}':
        case '/':
        case '\n':
        case '\r':
            return true;
        default:
            break;
        }
    return false;
}

static void read_tokens(struct asst_vocabulary *v)
{
    for (int32_t id = 0; id < (int32_t)v->tokens; id++) {
        size_t n;
        const char *bytes = eng_token_text(v->model, id, &n);
        if (!bytes || n == 0) continue;
        eng_set_put(v->text, id, true);
        if (((unsigned char)bytes[0] & 0xC0) == 0x80) v->continuing[v->n_continuing++] = id;
        if (!may_be_sound(bytes, n)) continue;
        eng_set_put(v->sound, id, true);
        if (is_marked(bytes, n)) v->marked[v->n_marked++] = id;
    }
}

enum eng_status asst_vocabulary_new(const struct eng_model *model, struct asst_vocabulary **out,
                                    struct eng_error *err)
{
    size_t tokens = eng_model_info(model)->vocab, words = ENG_SET_WORDS(tokens);
    struct asst_vocabulary *v = *out = calloc(1, sizeof *v);
    if (!v) return asst_no_memory(err);
    v->model = model;
    v->tokens = tokens;
    v->text = calloc(2 * words, sizeof *v->text);
    v->marked = malloc(2 * tokens * sizeof *v->marked);
    if (!v->text || !v->marked) {
        asst_vocabulary_free(v);
        *out = NULL;
        return asst_no_memory(err);
    }
    v->sound = v->text + words;
    v->continuing = v->marked + tokens;
    read_tokens(v);
    return ENG_OK;
}

void asst_vocabulary_free(struct asst_vocabulary *vocabulary)
{
    if (!vocabulary) return;
    free(vocabulary->text);
    free(vocabulary->marked);
    free(vocabulary);
}

/* ---- Sets -------------------------------------------------------------------------------- */

void asst_follow_begin(struct asst_follow *follow, const struct asst_vocabulary *vocabulary,
                       const struct syn_hole *hole, bool grammar)
{
    *follow = (struct asst_follow){
        .vocabulary = vocabulary, .grammar = grammar, .has_tree = grammar && hole};
    if (follow->has_tree) syn_follow_begin(hole, &follow->begin);
}

bool asst_follow_admits(const struct asst_follow *f, const char *text, size_t len,
                        const char *bytes, size_t n)
{
    if (!f->grammar) return true;
    size_t tail = unfinished(text, len);
    if (tail > 0) return continues(text + len - tail, tail, bytes, n);
    if (!may_be_sound(bytes, n)) return false;
    if (!f->has_tree) return true;
    struct syn_follow at;
    syn_follow_at(&f->begin, text, len, &at);
    return syn_follow_admits(&at, bytes, n);
}

bool asst_follow_set(const struct asst_follow *f, const char *text, size_t len, uint64_t *set)
{
    const struct asst_vocabulary *v = f->vocabulary;
    size_t words = ENG_SET_WORDS(v->tokens), n, tail = f->grammar ? unfinished(text, len) : 0;
    memcpy(set, f->grammar ? v->sound : v->text, words * sizeof *set);
    if (tail > 0) {
        memset(set, 0, words * sizeof *set);
        for (size_t i = 0; i < v->n_continuing; i++) {
            const char *bytes = eng_token_text(v->model, v->continuing[i], &n);
            eng_set_put(set, v->continuing[i], continues(text + len - tail, tail, bytes, n));
        }
        return false;
    }
    if (!f->has_tree) return true;
    struct syn_follow at;
    syn_follow_at(&f->begin, text, len, &at);
    for (size_t i = 0; i < v->n_marked; i++) {
        const char *bytes = eng_token_text(v->model, v->marked[i], &n);
        if (!syn_follow_admits(&at, bytes, n)) eng_set_put(set, v->marked[i], false);
    }
    return true;
}
