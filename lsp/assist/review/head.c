/* Heads: read from a file that is hostile until checked, and run. Training them is
 * engine/training/head.py's. */
#include "lsp/assist/review/head.h"
#include "engine/gguf.h"
#include "grammars/grammars.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LANGUAGES_MAX = 64 };

struct rev_head {
    struct eng_gguf *file;
    size_t inputs, units;
    const float *hidden, *hidden_bias, *score; /* [units, inputs], [units], [units] */
    float bias, hint, information;
    int class[SYN_SLIP_CLASSES];                         /* its input, or -1 */
    const struct gram_language *language[LANGUAGES_MAX]; /* NULL: not known here */
    size_t n_languages, first_language;
};

static enum eng_status fail(struct eng_error *err, enum eng_status status, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    if (err) vsnprintf(err->text, sizeof err->text, format, args);
    va_end(args);
    return status;
}

/* ---- Opening ----------------------------------------------------------------------- */

static enum eng_status take_tensor(const struct rev_head *h, const char *path, const char *name,
                                   size_t columns, size_t rows, const float **out,
                                   struct eng_error *err)
{
    const struct eng_tensor *t = eng_gguf_find_tensor(h->file, name);
    if (!t || t->type != ENG_F32 || t->dims[0] != columns || t->dims[1] != rows ||
        t->dims[2] != 1 || t->dims[3] != 1)
        return fail(err, ENG_BAD_FILE, "%s: expected a tensor %s of F32 [%zu, %zu]", path, name,
                    columns, rows);
    *out = t->data;
    for (size_t i = 0; i < columns * rows; i++)
        if (!isfinite((*out)[i]))
            return fail(err, ENG_BAD_FILE, "%s: %s holds what is no number", path, name);
    return ENG_OK;
}

/* Which input each class has; *n: how many the file knows. */
static enum eng_status take_classes(struct rev_head *h, size_t *n, struct eng_error *err)
{
    struct eng_array names;
    struct eng_string name;
    enum eng_status status = eng_gguf_get_array(h->file, "espalier.review.classes", ENG_REQUIRED,
                                                ENG_STRINGS, &names, err);
    if (status != ENG_OK) return status;
    for (size_t c = 0; c < SYN_SLIP_CLASSES; c++)
        h->class[c] = -1;
    for (*n = 0; *n < 64 && eng_array_next_string(&names, &name); ++*n)
        for (unsigned c = 0; c < SYN_SLIP_CLASSES; c++)
            if (eng_string_is(name, syn_slip_class_name(c)))
                h->class[c] = (int)(REV_EVIDENCE_COUNT + *n);
    return ENG_OK;
}

static enum eng_status take_languages(struct rev_head *h, struct eng_error *err)
{
    struct eng_array names;
    struct eng_string name;
    enum eng_status status = eng_gguf_get_array(h->file, "espalier.review.languages", ENG_REQUIRED,
                                                ENG_STRINGS, &names, err);
    while (status == ENG_OK && h->n_languages < LANGUAGES_MAX &&
           eng_array_next_string(&names, &name)) {
        char id[32];
        snprintf(id, sizeof id, "%.*s", (int)(name.len < 31 ? name.len : 31), name.text);
        h->language[h->n_languages++] = gram_by_id(id);
    }
    return status;
}

static enum eng_status check_model(const struct rev_head *h, const char *path,
                                   const struct eng_model *model, struct eng_error *err)
{
    struct eng_string architecture, name;
    enum eng_status status =
        eng_gguf_get_string(h->file, "general.architecture", ENG_REQUIRED, &architecture, err);
    if (status == ENG_OK)
        status = eng_gguf_get_string(h->file, "espalier.review.model", ENG_REQUIRED, &name, err);
    if (status != ENG_OK) return status;
    if (!eng_string_is(architecture, "espalier-review"))
        return fail(err, ENG_BAD_FILE, "%s: expected the architecture espalier-review", path);
    if (!eng_string_is(name, eng_model_info(model)->name))
        return fail(err, ENG_BAD_FILE, "%s: made for the model %.*s, not for %s", path,
                    (int)(name.len < 100 ? name.len : 100), name.text, eng_model_info(model)->name);
    return ENG_OK;
}

static enum eng_status read_head(struct rev_head *h, const char *path,
                                 const struct eng_model *model, struct eng_error *err)
{
    size_t classes = 0;
    enum eng_status status = check_model(h, path, model, err);
    if (status == ENG_OK) status = take_classes(h, &classes, err);
    if (status == ENG_OK) status = take_languages(h, err);
    if (status == ENG_OK)
        status = eng_gguf_get_f32(h->file, "espalier.review.bias", ENG_REQUIRED, &h->bias, err);
    if (status == ENG_OK)
        status = eng_gguf_get_f32(h->file, "espalier.review.hint", ENG_REQUIRED, &h->hint, err);
    if (status == ENG_OK)
        status = eng_gguf_get_f32(h->file, "espalier.review.information", ENG_REQUIRED,
                                  &h->information, err);
    if (status != ENG_OK) return status;
    if (!isfinite(h->bias) || !isfinite(h->hint) || !(h->information >= h->hint))
        return fail(err, ENG_BAD_FILE, "%s: thresholds that are no numbers, or out of order", path);
    h->first_language = REV_EVIDENCE_COUNT + classes;
    h->inputs = h->first_language + h->n_languages + 1;
    const struct eng_tensor *hidden = eng_gguf_find_tensor(h->file, "hidden.weight");
    h->units = hidden ? (size_t)hidden->dims[1] : 0;
    if (h->units == 0 || h->units > REV_HEAD_UNITS)
        return fail(err, ENG_BAD_FILE, "%s: expected 1 to %d hidden units", path, REV_HEAD_UNITS);
    status = take_tensor(h, path, "hidden.weight", h->inputs, h->units, &h->hidden, err);
    if (status == ENG_OK)
        status = take_tensor(h, path, "hidden.bias", h->units, 1, &h->hidden_bias, err);
    if (status == ENG_OK)
        status = take_tensor(h, path, "score.weight", h->units, 1, &h->score, err);
    return status;
}

bool rev_head_path(const char *model_path, char out[REV_HEAD_PATH_MAX])
{
    size_t len = strlen(model_path);
    if (len > 5 && strcmp(model_path + len - 5, ".gguf") == 0) len -= 5;
    if (len + sizeof ".review" > REV_HEAD_PATH_MAX) return false;
    snprintf(out, REV_HEAD_PATH_MAX, "%.*s.review", (int)len, model_path);
    return true;
}

enum eng_status rev_head_open(const char *model_path, const struct eng_model *model,
                              struct rev_head **out, struct eng_error *err)
{
    char path[REV_HEAD_PATH_MAX];
    *out = NULL;
    if (!rev_head_path(model_path, path)) return fail(err, ENG_IO, "the model's path is too long");
    struct rev_head *h = calloc(1, sizeof *h);
    if (!h) return fail(err, ENG_NO_MEMORY, "out of memory for %s", path);
    enum eng_status status = eng_gguf_open(path, &h->file, err);
    if (status == ENG_OK) status = read_head(h, path, model, err);
    if (status == ENG_OK)
        *out = h;
    else
        rev_head_free(h);
    return status;
}

void rev_head_free(struct rev_head *h)
{
    if (!h) return;
    eng_gguf_close(h->file);
    free(h);
}

/* ---- Running ----------------------------------------------------------------------- */

float rev_head_score(const struct rev_head *h, const struct gram_language *lang,
                     enum syn_slip_class class, size_t seen,
                     const float evidence[REV_EVIDENCE_COUNT])
{
    size_t language = 0;
    if (h->class[class] < 0) return -INFINITY;
    while (language < h->n_languages && h->language[language] != lang)
        language++;
    float slips = log1pf((float)seen) / 3, score = h->bias;
    for (size_t u = 0; u < h->units; u++) {
        const float *w = h->hidden + u * h->inputs;
        float sum = h->hidden_bias[u] + w[h->inputs - 1] * slips;
        for (size_t i = 0; i < REV_EVIDENCE_COUNT; i++)
            sum += w[i] * evidence[i];
        if (h->class[class] >= 0) sum += w[h->class[class]];
        if (language < h->n_languages) sum += w[h->first_language + language];
        if (sum > 0) score += h->score[u] * sum;
    }
    return score;
}

float rev_head_hint(const struct rev_head *h)
{
    return h->hint;
}

float rev_head_information(const struct rev_head *h)
{
    return h->information;
}
