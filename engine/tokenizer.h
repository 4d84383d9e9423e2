/* tokenizer.h: text to tokens and back, by the vocabulary of a GGUF file. Internal to the
 * engine and its tests; everybody else goes through eng_tokenize and its neighbours in
 * engine.h, which do the same on a model's tokenizer.
 *
 * A tokenizer copies what it needs from the file, is immutable afterwards and may be used
 * from any number of threads. */
#ifndef ESPALIER_ENGINE_TOKENIZER_H
#define ESPALIER_ENGINE_TOKENIZER_H

#include "engine/engine.h"

#define ENG_MAX_VOCAB (4u * 1024u * 1024u)
#define ENG_MAX_TEXT  (256u * 1024u * 1024u) /* bytes tokenised in one call */

struct eng_gguf;
struct eng_tokenizer;

/* Reads tokenizer.ggml.*: model "gpt2" (byte-level BPE by a list of merges) or "llama"
 * (SentencePiece BPE by scores). Others are ENG_UNSUPPORTED. */
enum eng_status eng_tokenizer_new(const struct eng_gguf *gguf, struct eng_tokenizer **out,
                                  struct eng_error *err);
void eng_tokenizer_free(struct eng_tokenizer *tokenizer); /* takes NULL */

size_t eng_tokenizer_vocab(const struct eng_tokenizer *tokenizer);

/* As eng_tokenize, eng_token_text, eng_special_token, eng_heal_point, eng_heal_allows. */
enum eng_status eng_tokenizer_encode(const struct eng_tokenizer *tokenizer, const char *text,
                                     size_t len, struct eng_token *out, size_t capacity,
                                     size_t *count, struct eng_error *err);
const char *eng_tokenizer_text(const struct eng_tokenizer *tokenizer, int32_t id, size_t *len);
int32_t eng_tokenizer_special(const struct eng_tokenizer *tokenizer, const char *name);
size_t eng_tokenizer_heal_point(const struct eng_tokenizer *tokenizer, const char *text,
                                size_t len);
bool eng_tokenizer_heal_allows(const struct eng_tokenizer *tokenizer, int32_t id, const char *want,
                               size_t want_len);

/* A model's tokenizer, which lives as long as the model. Defined beside struct eng_model. */
const struct eng_tokenizer *eng_model_tokenizer(const struct eng_model *model);

#endif
