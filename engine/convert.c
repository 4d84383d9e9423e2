/* Whole tensors from one file to another: other types, fewer rows and columns.
 *
 * Owns which tensors are matrices, the way of a row (expanded to fp32, thinned out, stored as
 * another type, read back to see what that cost) and its distribution over threads. What a task
 * finds out it leaves in a place of its own; sums are made of these in order, so that they do not
 * depend on threads. Holds a few rows of fp32 at a time, whatever the size of a tensor.
 */
#include "engine/error.h"
#include "engine/hardware.h"
#include "engine/pool.h"
#include "engine/quantize.h"
#include "engine/reader.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* Values of a task at least: below it, handing out costs as much as the work. */
#define TASK_VALUES 16384u

/* ---- Files ------------------------------------------------------------------------- */

enum eng_role eng_role_of(const char *tensor)
{
    static const struct {
        const char *start, *end;
        enum eng_role role;
    } names[] = {
        {"token_embd", ".weight", ENG_ROLE_EMBEDDING},
        {"output", ".weight", ENG_ROLE_OUTPUT},
        {"ngram_embd.", ".weight", ENG_ROLE_TABLE},
        {"ngram_proj", ".weight", ENG_ROLE_FEED_FORWARD},
        {"blk.", ".attn_q.weight", ENG_ROLE_ATTENTION},
        {"blk.", ".attn_k.weight", ENG_ROLE_ATTENTION},
        {"blk.", ".attn_v.weight", ENG_ROLE_ATTENTION},
        {"blk.", ".attn_output.weight", ENG_ROLE_ATTENTION},
        {"blk.", ".ffn_up.weight", ENG_ROLE_FEED_FORWARD},
        {"blk.", ".ffn_gate.weight", ENG_ROLE_FEED_FORWARD},
        {"blk.", ".ffn_down.weight", ENG_ROLE_FEED_FORWARD},
    };
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        size_t start = strlen(names[i].start);
        if (strncmp(tensor, names[i].start, start) != 0) continue;
        const char *rest = tensor + start;
        if (names[i].start[start - 1] == '.') rest += strspn(rest, "0123456789");
        if (strcmp(rest, names[i].end) == 0) return names[i].role;
    }
    return ENG_ROLE_OTHER;
}

enum eng_status eng_open_weights(const char *path, struct eng_gguf **out, struct eng_error *err)
{
    struct eng_gguf *gguf = NULL;
    struct eng_error why = {"out of memory"};
    *out = NULL;
    enum eng_status status = eng_gguf_open(path, &gguf, err);
    if (status != ENG_OK) return status;
    status = eng_check_architecture(gguf, &why);
    for (size_t i = 0; status == ENG_OK && i < eng_gguf_tensor_count(gguf); i++) {
        const struct eng_tensor *tensor = eng_gguf_tensor_at(gguf, i);
        if (eng_role_of(tensor->name) != ENG_ROLE_OTHER && !eng_can_quantize(tensor->type))
            status = eng_fail(&why, ENG_UNSUPPORTED, "tensor %s has type %s, which is not read",
                              tensor->name, eng_type_info(tensor->type)->name);
    }
    if (status == ENG_OK) {
        *out = gguf;
        return ENG_OK;
    }
    eng_gguf_close(gguf);
    return eng_fail(err, status, "%.120s: %s", path, why.text);
}

/* ---- Rows -------------------------------------------------------------------------- */

static uint64_t rows_of(const struct eng_tensor *tensor)
{
    return tensor->dims[1] * tensor->dims[2] * tensor->dims[3];
}

static uint64_t bytes_of_row(enum eng_tensor_type type, uint64_t cols)
{
    uint64_t bytes = 0;
    eng_type_bytes(type, cols, &bytes);
    return bytes;
}

/* What one task found out. */
struct finding {
    struct eng_loss loss;
    bool unfit;
    uint64_t index; /* of the value that does not fit */
    float value;
};

struct conversion {
    const struct eng_tensor *from;
    const struct eng_kept *kept;
    enum eng_tensor_type to;
    uint64_t rows, cols; /* of the result */
    uint64_t step;       /* rows of a task */
    uint64_t from_bytes, to_bytes;
    float *scratch; /* [threads, 3, from->dims[0]] */
    uint8_t *out;
    struct finding *findings; /* [tasks] */
};

static uint64_t source_row(const struct conversion *c, uint64_t row)
{
    return c->kept->rows ? c->kept->rows[row] : row;
}

static void convert_row(const struct conversion *c, uint64_t row, float *whole, struct finding *f)
{
    uint64_t from = source_row(c, row), width = c->from->dims[0];
    const uint32_t *cols = c->kept->cols;
    float *thin = whole + width, *back = thin + width;
    uint8_t *out = c->out + row * c->to_bytes;

    eng_expand_weights((const uint8_t *)c->from->data + from * c->from_bytes, c->from->type, width,
                       whole);
    if (!cols) thin = whole;
    for (uint64_t i = 0; cols && i < c->cols; i++)
        thin[i] = whole[cols[i]];
    size_t unfit = eng_find_unfit(c->to, thin, c->cols);
    if (unfit < c->cols) {
        f->unfit = true;
        f->index = from * width + (cols ? cols[unfit] : unfit);
        f->value = thin[unfit];
        return;
    }
    eng_quantize(c->to, thin, c->cols, out);
    eng_expand_weights(out, c->to, c->cols, back);
    for (uint64_t i = 0; i < c->cols; i++) {
        double value = thin[i], lost = value - back[i];
        f->loss.power += value * value;
        f->loss.error += lost * lost;
    }
}

static void convert_task(const void *job, size_t task, int thread)
{
    const struct conversion *c = job;
    uint64_t first = task * c->step, last = first + c->step < c->rows ? first + c->step : c->rows;
    struct finding *f = &c->findings[task];
    float *scratch = c->scratch + (size_t)thread * 3 * c->from->dims[0];
    for (uint64_t row = first; row < last && !f->unfit; row++)
        convert_row(c, row, scratch, f);
}

/* The rows that keep their type and width. */
static void copy_rows(const struct conversion *c)
{
    for (uint64_t row = 0; row < c->rows; row++)
        memcpy(c->out + row * c->to_bytes,
               (const uint8_t *)c->from->data + source_row(c, row) * c->from_bytes, c->to_bytes);
}

static enum eng_status collect(const struct conversion *c, size_t tasks, struct eng_loss *loss,
                               struct eng_error *err)
{
    for (size_t t = 0; t < tasks; t++) {
        const struct finding *f = &c->findings[t];
        if (f->unfit)
            return eng_fail(err, ENG_BAD_INPUT,
                            "tensor %s: value %" PRIu64 " is %g, which %s cannot hold",
                            c->from->name, f->index, (double)f->value, eng_type_info(c->to)->name);
        loss->error += f->loss.error;
        loss->power += f->loss.power;
    }
    return ENG_OK;
}

enum eng_status eng_convert_tensor(const struct eng_tensor *from, const struct eng_kept *kept,
                                   enum eng_tensor_type to, int threads, void *out,
                                   struct eng_loss *loss, struct eng_error *err)
{
    static const struct eng_kept everything;
    struct conversion c = {.from = from, .kept = kept ? kept : &everything, .to = to, .out = out};
    c.rows = c.kept->rows ? c.kept->n_rows : rows_of(from);
    c.cols = c.kept->cols ? c.kept->n_cols : from->dims[0];
    *loss = (struct eng_loss){0, 0};
    if (threads == 0) threads = eng_default_threads();
    if (!eng_can_quantize(to) || c.cols % eng_type_info(to)->block_values != 0)
        return eng_fail(err, ENG_BAD_INPUT,
                        "tensor %s: rows of %" PRIu64 " values cannot be stored as %s", from->name,
                        c.cols, eng_type_info(to)->name);
    c.from_bytes = bytes_of_row(from->type, from->dims[0]);
    c.to_bytes = bytes_of_row(to, c.cols);
    if (from->type == to && !c.kept->cols) {
        copy_rows(&c);
        return ENG_OK;
    }
    c.step = TASK_VALUES / from->dims[0] + 1;
    while (c.rows / c.step >= ENG_MAX_TASKS)
        c.step *= 2;
    size_t tasks = (size_t)((c.rows + c.step - 1) / c.step);

    struct eng_pool *pool = NULL;
    enum eng_status status = eng_pool_new(threads, &pool, err);
    if (status != ENG_OK) return status;
    c.findings = calloc(tasks + 1, sizeof *c.findings);
    c.scratch = malloc((size_t)threads * 3 * from->dims[0] * sizeof *c.scratch);
    if (c.findings && c.scratch) {
        eng_pool_enter(pool);
        eng_pool_run(pool, convert_task, &c, tasks);
        eng_pool_leave(pool);
        status = collect(&c, tasks, loss, err);
    } else {
        status = eng_fail(err, ENG_NO_MEMORY, "out of memory for tensor %s", from->name);
    }
    free(c.findings);
    free(c.scratch);
    eng_pool_free(pool);
    return status;
}

/* ---- Norms ------------------------------------------------------------------------- */

enum eng_status eng_sum_magnitudes(const struct eng_tensor *tensor, double *rows, double *cols,
                                   struct eng_error *err)
{
    uint64_t width = tensor->dims[0], count = rows_of(tensor);
    uint64_t bytes = bytes_of_row(tensor->type, width);
    float *row = malloc(width * sizeof *row);
    if (!row) return eng_fail(err, ENG_NO_MEMORY, "out of memory for tensor %s", tensor->name);
    if (cols) memset(cols, 0, width * sizeof *cols);
    for (uint64_t r = 0; r < count; r++) {
        double sum = 0;
        eng_expand_weights((const uint8_t *)tensor->data + r * bytes, tensor->type, width, row);
        for (uint64_t i = 0; i < width; i++) {
            double magnitude = row[i] < 0 ? -row[i] : row[i];
            sum += magnitude;
            if (cols) cols[i] += magnitude;
        }
        if (rows) rows[r] = sum;
    }
    free(row);
    return ENG_OK;
}
