/* script_engine.c: see script_engine.h. Linked in front of the real engine, whose archive
 * members are then not taken. */
#include "tests/assist/script_engine.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FIRST_BYTE = 6 };

static bool is_word(char c)
{
    return c == '_' || (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

size_t eng_heal_point(const struct eng_model *model, const char *text, size_t len)
{
    (void)model;
    size_t at = len;
    while (at > 0 && is_word(text[at - 1]))
        at--;
    if (at > 0 && text[at - 1] == ' ') at--;
    return at;
}

void script_model_init(struct eng_model *model, const char *line, const char *const *scripts,
                       size_t count, char **storage)
{
    size_t len = strlen(line), heal = eng_heal_point(model, line, len), total = 0;
    memset(model, 0, sizeof *model);
    for (size_t i = 0; i < count; i++)
        total += len - heal + strlen(scripts[i]) + 1;
    char *at = *storage = malloc(total + 1);
    for (size_t i = 0; i < count; i++) {
        model->script[i] = at;
        model->length[i] = (size_t)sprintf(at, "%s%s", line + heal, scripts[i]);
        at += model->length[i] + 1;
    }
    model->count = count;
    model->has_language_tokens = true;
    model->info = (struct eng_model_info){.name = "script",
                                          .architecture = "espalier",
                                          .fim_order = ENG_FIM_SPM,
                                          .license = "",
                                          .vocab = SCRIPT_VOCAB,
                                          .context = 2048,
                                          .weight_type = "",
                                          .embedding_type = "",
                                          .table_type = "",
                                          .kernels = ""};
}

const struct eng_model_info *eng_model_info(const struct eng_model *model)
{
    return &model->info;
}

enum eng_status eng_tokenize(const struct eng_model *model, const char *text, size_t len,
                             struct eng_token *out, size_t capacity, size_t *count,
                             struct eng_error *err)
{
    (void)model;
    (void)err;
    *count = len;
    for (size_t i = 0; i < len && i < capacity; i++)
        out[i] =
            (struct eng_token){FIRST_BYTE + (unsigned char)text[i], (uint32_t)i, (uint32_t)i + 1};
    return len <= capacity ? ENG_OK : ENG_BAD_INPUT;
}

const char *eng_token_text(const struct eng_model *model, int32_t id, size_t *len)
{
    (void)model;
    static char bytes[256];
    if (id < FIRST_BYTE || id >= SCRIPT_VOCAB) return NULL;
    bytes[id - FIRST_BYTE] = (char)(id - FIRST_BYTE);
    *len = 1;
    return &bytes[id - FIRST_BYTE];
}

int32_t eng_special_token(const struct eng_model *model, const char *name)
{
    static const char *const names[] = {"<|end|>", "<|fim_prefix|>", "<|fim_suffix|>",
                                        "<|fim_middle|>", "<|file|>"};
    for (int i = 0; i < 5; i++)
        if (strcmp(names[i], name) == 0) return i;
    return model->has_language_tokens && strncmp(name, "<|lang:", 7) == 0 ? 5 : -1;
}

int32_t eng_end_token(const struct eng_model *model)
{
    (void)model;
    return SCRIPT_END;
}

bool eng_heal_allows(const struct eng_model *model, int32_t id, const char *want, size_t want_len)
{
    size_t len;
    const char *text = eng_token_text(model, id, &len);
    return text && want_len > 0 && text[0] == want[0];
}

/* ---- Sessions ------------------------------------------------------------------------ */

struct eng_session {
    const struct eng_model *model;
    size_t prompt; /* tokens of the last sync */
    char written[8192];
    size_t n_written;
    float logits[SCRIPT_VOCAB];
};

enum eng_status eng_session_new(const struct eng_model *model, uint32_t capacity,
                                struct eng_session **out, struct eng_error *err)
{
    (void)capacity;
    (void)err;
    *out = calloc(1, sizeof **out);
    (*out)->model = model;
    return ENG_OK;
}

void eng_session_free(struct eng_session *session)
{
    free(session);
}

static enum eng_status check_cancel(struct eng_session *s, eng_cancel *cancel)
{
    const struct eng_model *m = s->model;
    if (m->cancel_flag && s->n_written >= m->cancel_after) atomic_store(m->cancel_flag, 1);
    return cancel && atomic_load(cancel) ? ENG_CANCELLED : ENG_OK;
}

enum eng_status eng_session_sync(struct eng_session *s, const struct eng_input *want, size_t n,
                                 eng_cancel *cancel, size_t *reused, struct eng_error *err)
{
    (void)want;
    (void)err;
    if (reused) *reused = s->prompt < n ? s->prompt : n;
    s->prompt = n;
    s->n_written = 0;
    return check_cancel(s, cancel);
}

enum eng_status eng_session_append(struct eng_session *s, const struct eng_input *next,
                                   eng_cancel *cancel, struct eng_error *err)
{
    (void)err;
    s->written[s->n_written++] = (char)(next->id - FIRST_BYTE);
    return check_cancel(s, cancel);
}

const float *eng_session_logits(const struct eng_session *session)
{
    struct eng_session *s = (struct eng_session *)session;
    memset(s->logits, 0, sizeof s->logits);
    float height = 20;
    for (size_t i = 0; i < s->model->count; i++) {
        const char *script = s->model->script[i];
        size_t len = s->model->length[i];
        if (len < s->n_written || memcmp(script, s->written, s->n_written) != 0) continue;
        int id =
            len == s->n_written ? SCRIPT_END : FIRST_BYTE + (unsigned char)script[s->n_written];
        if (s->logits[id] == 0) s->logits[id] = height;
        height -= 1;
    }
    return s->logits;
}

enum eng_status eng_sessions_append(struct eng_session *const *sessions,
                                    const struct eng_input *next, size_t n, eng_cancel *cancel,
                                    struct eng_error *err)
{
    enum eng_status status = ENG_OK;
    for (size_t i = 0; i < n && status == ENG_OK; i++)
        status = eng_session_append(sessions[i], &next[i], cancel, err);
    return status;
}

enum eng_status eng_session_copy(struct eng_session *to, const struct eng_session *from,
                                 struct eng_error *err)
{
    (void)err;
    *to = *from;
    return ENG_OK;
}

void eng_session_rewind(struct eng_session *s, size_t n)
{
    if (n >= s->prompt && n - s->prompt < s->n_written) s->n_written = n - s->prompt;
}

enum eng_status eng_session_extend(struct eng_session *s, const struct eng_input *next, size_t n,
                                   float *logits, eng_cancel *cancel, struct eng_error *err)
{
    for (size_t i = 0; i < n; i++) {
        enum eng_status status = eng_session_append(s, &next[i], cancel, err);
        if (status != ENG_OK) return status;
        memcpy(logits + i * SCRIPT_VOCAB, eng_session_logits(s), sizeof s->logits);
    }
    return ENG_OK;
}

int32_t eng_sample(struct eng_sampler *sampler, const float *logits, size_t vocab,
                   const uint64_t *allowed, float *scratch, float *log_prob)
{
    (void)sampler;
    (void)scratch;
    int32_t best = -1;
    for (size_t i = 0; i < vocab; i++)
        if ((best < 0 || logits[i] > logits[best]) && eng_set_has(allowed, (int32_t)i))
            best = (int32_t)i;
    if (log_prob) *log_prob = best >= 0 && logits[best] > 0 ? -0.1f : -5.0f;
    return best;
}
