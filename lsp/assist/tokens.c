/* tokens.c: a document's tokens, kept line by line.
 *
 * Owns a copy of the text it was last synced to, one row a line, and for each line that
 * was asked for, one block of tokens. A sync compares old and new text line by line from
 * both ends and forgets the rows between: that needs no word of where the edit was, so it
 * cannot fall out of step with the document, and comparing text costs microseconds where
 * tokenising costs milliseconds. It deliberately does not tokenise on sync: lines below
 * the window are never looked at.
 */
#include "lsp/assist/tokens.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct row {
    struct asst_token *tokens; /* NULL until asked for */
    uint32_t bytes, count;
};

struct asst_tokens {
    atomic_uint holders;
    const struct eng_model *model;
    char *text;
    size_t text_len, text_capacity;
    struct row *rows;
    size_t n_rows, rows_capacity;
    size_t first_line, first_byte; /* where the last lookup ended: lookups go forward */
    struct eng_token *scratch;
    size_t scratch_capacity;
    size_t work;
};

static enum eng_status no_memory(struct eng_error *err)
{
    if (err) snprintf(err->text, sizeof err->text, "out of memory for the token cache");
    return ENG_NO_MEMORY;
}

enum eng_status asst_tokens_new(const struct eng_model *model, struct asst_tokens **out,
                                struct eng_error *err)
{
    *out = calloc(1, sizeof **out);
    if (!*out) return no_memory(err);
    atomic_init(&(*out)->holders, 1);
    (*out)->model = model;
    return ENG_OK;
}

static void drop_rows(struct asst_tokens *t, size_t from, size_t to)
{
    for (size_t i = from; i < to; i++) {
        free(t->rows[i].tokens);
        t->rows[i].tokens = NULL;
    }
}

static void make_empty(struct asst_tokens *t)
{
    drop_rows(t, 0, t->n_rows);
    t->n_rows = 0;
    t->text_len = 0;
}

struct asst_tokens *asst_tokens_hold(struct asst_tokens *t)
{
    if (t) atomic_fetch_add(&t->holders, 1);
    return t;
}

void asst_tokens_free(struct asst_tokens *t)
{
    if (!t || atomic_fetch_sub(&t->holders, 1) > 1) return;
    make_empty(t);
    free(t->rows);
    free(t->text);
    free(t->scratch);
    free(t);
}

static size_t line_bytes(const struct syn_document *doc, size_t line)
{
    return syn_line_start(doc, line + 1) - syn_line_start(doc, line);
}

/* Lines that are the same in old and new, counted from the top. */
static size_t same_head(const struct asst_tokens *t, const struct syn_document *doc,
                        const char *text, size_t n_new)
{
    size_t at = 0, line = 0;
    while (line < t->n_rows && line < n_new) {
        size_t bytes = t->rows[line].bytes;
        if (bytes != line_bytes(doc, line) || memcmp(t->text + at, text + at, bytes) != 0) break;
        at += bytes;
        line++;
    }
    return line;
}

/* The same from the bottom, at most limit lines. */
static size_t same_tail(const struct asst_tokens *t, const struct syn_document *doc,
                        const char *text, size_t len, size_t n_new, size_t limit)
{
    size_t old_at = t->text_len, new_at = len, lines = 0;
    while (lines < limit) {
        size_t bytes = t->rows[t->n_rows - 1 - lines].bytes;
        if (bytes != line_bytes(doc, n_new - 1 - lines)) break;
        if (memcmp(t->text + old_at - bytes, text + new_at - bytes, bytes) != 0) break;
        old_at -= bytes;
        new_at -= bytes;
        lines++;
    }
    return lines;
}

/* Room for the new text and its lines; both are bounded by SYN_MAX_BYTES. */
static bool reserve(struct asst_tokens *t, size_t len, size_t n_rows)
{
    if (t->text_capacity < len + 1) {
        size_t capacity = len + len / 8 + 256;
        char *text = realloc(t->text, capacity);
        if (!text) return false;
        t->text = text;
        t->text_capacity = capacity;
    }
    if (t->rows_capacity < n_rows) {
        size_t capacity = n_rows + n_rows / 8 + 32;
        struct row *rows = realloc(t->rows, capacity * sizeof *rows);
        if (!rows) return false;
        t->rows = rows;
        t->rows_capacity = capacity;
    }
    return true;
}

enum eng_status asst_tokens_sync(struct asst_tokens *t, const struct syn_document *doc,
                                 struct eng_error *err)
{
    size_t len;
    const char *text = syn_document_text(doc, &len);
    size_t n_new = syn_line_count(doc);
    t->first_line = t->first_byte = 0;

    size_t head = same_head(t, doc, text, n_new);
    if (head == n_new && head == t->n_rows) return ENG_OK;
    size_t shorter = n_new < t->n_rows ? n_new : t->n_rows;
    size_t tail = same_tail(t, doc, text, len, n_new, shorter - head);

    if (!reserve(t, len, n_new)) {
        make_empty(t);
        return no_memory(err);
    }
    drop_rows(t, head, t->n_rows - tail);
    memmove(t->rows + n_new - tail, t->rows + t->n_rows - tail, tail * sizeof *t->rows);
    for (size_t line = head; line < n_new - tail; line++)
        t->rows[line] = (struct row){.bytes = (uint32_t)line_bytes(doc, line)};
    t->n_rows = n_new;
    memcpy(t->text, text, len);
    t->text_len = len;
    return ENG_OK;
}

static size_t row_start(struct asst_tokens *t, size_t line)
{
    if (line < t->first_line) t->first_line = t->first_byte = 0;
    while (t->first_line < line)
        t->first_byte += t->rows[t->first_line++].bytes;
    return t->first_byte;
}

static enum eng_status fill_row(struct asst_tokens *t, size_t line, struct eng_error *err)
{
    struct row *row = &t->rows[line];
    size_t need = (size_t)row->bytes + 8; /* a token has at least one byte */
    if (t->scratch_capacity < need) {
        struct eng_token *scratch = realloc(t->scratch, need * sizeof *scratch);
        if (!scratch) return no_memory(err);
        t->scratch = scratch;
        t->scratch_capacity = need;
    }
    size_t count = 0;
    enum eng_status status = eng_tokenize(t->model, t->text + row_start(t, line), row->bytes,
                                          t->scratch, t->scratch_capacity, &count, err);
    if (status != ENG_OK) return status;
    row->tokens = malloc((count + 1) * sizeof *row->tokens);
    if (!row->tokens) return no_memory(err);
    for (size_t i = 0; i < count; i++)
        row->tokens[i] =
            (struct asst_token){t->scratch[i].id, t->scratch[i].end - t->scratch[i].start};
    row->count = (uint32_t)count;
    t->work++;
    return ENG_OK;
}

enum eng_status asst_tokens_line(struct asst_tokens *t, size_t line, const struct asst_token **out,
                                 size_t *count, struct eng_error *err)
{
    *out = NULL;
    *count = 0;
    if (line >= t->n_rows) return ENG_OK;
    if (!t->rows[line].tokens) {
        enum eng_status status = fill_row(t, line, err);
        if (status != ENG_OK) return status;
    }
    *out = t->rows[line].tokens;
    *count = t->rows[line].count;
    return ENG_OK;
}

size_t asst_tokens_work(const struct asst_tokens *t)
{
    return t->work;
}
