/* gguf_write.c: making a GGUF file.
 *
 * Keys are put into one growing buffer as they will lie in the file; tensor descriptions
 * wait in an array, as their offsets follow from their order. The first error sticks and is
 * reported by save, so that a caller can put a hundred keys without a hundred checks.
 *
 * Saving writes a temporary file in the same folder, flushes it, has our own reader check it
 * and renames it: a reader that has the old file mapped keeps it, a crash leaves the old
 * file or the new one, and no file is made that could not be opened again. */
#include "engine/error.h"
#include "engine/gguf.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define ALIGNMENT      32u
#define MAX_PATH_BYTES 4096u

struct buffer {
    uint8_t *bytes;
    size_t size, capacity; /* at most ENG_GGUF_MAX_HEADER */
};

struct pending_tensor {
    char name[ENG_GGUF_MAX_NAME + 1];
    enum eng_tensor_type type;
    uint32_t n_dims;
    uint64_t dims[ENG_MAX_DIMS];
    uint64_t bytes, offset;
    const void *data;
    eng_make make; /* in place of data, or NULL */
    void *user;
};

struct eng_gguf_writer {
    struct buffer keys;
    uint64_t n_keys;
    struct pending_tensor *tensors;
    size_t n_tensors, tensor_capacity; /* at most ENG_GGUF_MAX_TENSORS */
    uint64_t data_bytes;
    enum eng_status status;
    struct eng_error error;
};

struct eng_gguf_writer *eng_gguf_writer_new(void)
{
    return calloc(1, sizeof(struct eng_gguf_writer));
}

void eng_gguf_writer_free(struct eng_gguf_writer *w)
{
    if (!w) return;
    free(w->keys.bytes);
    free(w->tensors);
    free(w);
}

/* ---- Buffers ----------------------------------------------------------------------- */

static void fail_memory(struct eng_gguf_writer *w)
{
    if (w->status == ENG_OK) w->status = eng_fail(&w->error, ENG_NO_MEMORY, "no memory to write");
}

/* Appends n bytes; after an error of any kind nothing more is appended. */
static void append(struct eng_gguf_writer *w, struct buffer *b, const void *bytes, size_t n)
{
    if (w->status != ENG_OK) return;
    if (n > ENG_GGUF_MAX_HEADER - b->size) {
        w->status =
            eng_fail(&w->error, ENG_BAD_INPUT, "header larger than %u bytes", ENG_GGUF_MAX_HEADER);
        return;
    }
    if (n > b->capacity - b->size) {
        size_t capacity = b->capacity ? b->capacity : 4096;
        while (capacity - b->size < n)
            capacity *= 2;
        uint8_t *grown = realloc(b->bytes, capacity);
        if (!grown) {
            fail_memory(w);
            return;
        }
        b->bytes = grown;
        b->capacity = capacity;
    }
    if (n > 0) memcpy(b->bytes + b->size, bytes, n);
    b->size += n;
}

static void append_u32(struct eng_gguf_writer *w, struct buffer *b, uint32_t v)
{
    append(w, b, &v, sizeof v);
}

static void append_u64(struct eng_gguf_writer *w, struct buffer *b, uint64_t v)
{
    append(w, b, &v, sizeof v);
}

static void append_string(struct eng_gguf_writer *w, struct buffer *b, struct eng_string s)
{
    append_u64(w, b, s.len);
    append(w, b, s.text, s.len);
}

/* ---- Keys -------------------------------------------------------------------------- */

/* Only the form: a name that occurs twice is found when save reads the file back. */
static bool good_name(struct eng_gguf_writer *w, const char *name)
{
    size_t len = strlen(name);
    if (w->status == ENG_OK && (len == 0 || len > ENG_GGUF_MAX_NAME))
        w->status = eng_fail(&w->error, ENG_BAD_INPUT, "name of %zu bytes, expected 1 to %u", len,
                             ENG_GGUF_MAX_NAME);
    return w->status == ENG_OK;
}

static void begin_key(struct eng_gguf_writer *w, const char *name, enum eng_value_type type)
{
    if (!good_name(w, name)) return;
    append_string(w, &w->keys, (struct eng_string){name, strlen(name)});
    append_u32(w, &w->keys, (uint32_t)type);
    w->n_keys++;
}

static void put_value(struct eng_gguf_writer *w, const char *name, enum eng_value_type type,
                      const void *bytes, size_t n)
{
    begin_key(w, name, type);
    append(w, &w->keys, bytes, n);
}

static void begin_array(struct eng_gguf_writer *w, const char *name, enum eng_value_type element,
                        uint64_t count)
{
    begin_key(w, name, ENG_VALUE_ARRAY);
    append_u32(w, &w->keys, (uint32_t)element);
    append_u64(w, &w->keys, count);
}

void eng_gguf_put_u32(struct eng_gguf_writer *w, const char *name, uint32_t value)
{
    put_value(w, name, ENG_VALUE_U32, &value, sizeof value);
}

void eng_gguf_put_u64(struct eng_gguf_writer *w, const char *name, uint64_t value)
{
    put_value(w, name, ENG_VALUE_U64, &value, sizeof value);
}

void eng_gguf_put_i64(struct eng_gguf_writer *w, const char *name, int64_t value)
{
    put_value(w, name, ENG_VALUE_I64, &value, sizeof value);
}

void eng_gguf_put_f32(struct eng_gguf_writer *w, const char *name, float value)
{
    put_value(w, name, ENG_VALUE_F32, &value, sizeof value);
}

void eng_gguf_put_bool(struct eng_gguf_writer *w, const char *name, bool value)
{
    uint8_t byte = value;
    put_value(w, name, ENG_VALUE_BOOL, &byte, sizeof byte);
}

void eng_gguf_put_string(struct eng_gguf_writer *w, const char *name, struct eng_string value)
{
    begin_key(w, name, ENG_VALUE_STRING);
    append_string(w, &w->keys, value);
}

void eng_gguf_put_strings(struct eng_gguf_writer *w, const char *name,
                          const struct eng_string *values, size_t n)
{
    begin_array(w, name, ENG_VALUE_STRING, n);
    for (size_t i = 0; i < n; i++)
        append_string(w, &w->keys, values[i]);
}

void eng_gguf_put_i32s(struct eng_gguf_writer *w, const char *name, const int32_t *values, size_t n)
{
    begin_array(w, name, ENG_VALUE_I32, n);
    append(w, &w->keys, values, n * sizeof *values);
}

void eng_gguf_put_f32s(struct eng_gguf_writer *w, const char *name, const float *values, size_t n)
{
    begin_array(w, name, ENG_VALUE_F32, n);
    append(w, &w->keys, values, n * sizeof *values);
}

void eng_gguf_put_key(struct eng_gguf_writer *w, const struct eng_key *key)
{
    if (key->type == ENG_VALUE_ARRAY)
        begin_array(w, key->name, key->element_type, key->count);
    else
        begin_key(w, key->name, key->type);
    append(w, &w->keys, key->bytes, key->size);
}

/* ---- Tensors ----------------------------------------------------------------------- */

static uint64_t align(uint64_t n)
{
    return (n + ALIGNMENT - 1) & ~(uint64_t)(ALIGNMENT - 1);
}

static bool grow_tensors(struct eng_gguf_writer *w)
{
    if (w->n_tensors < w->tensor_capacity) return true;
    size_t capacity = w->tensor_capacity ? 2 * w->tensor_capacity : 64;
    struct pending_tensor *grown = NULL;
    if (w->n_tensors < ENG_GGUF_MAX_TENSORS) grown = realloc(w->tensors, capacity * sizeof *grown);
    if (!grown) {
        fail_memory(w);
        return false;
    }
    w->tensors = grown;
    w->tensor_capacity = capacity;
    return true;
}

static void put_tensor(struct eng_gguf_writer *w, const char *name, struct pending_tensor t,
                       const uint64_t *dims)
{
    enum eng_tensor_type type = t.type;
    uint32_t n_dims = t.n_dims;
    const struct eng_type_info *info = eng_type_info((uint32_t)type);
    uint64_t values = 1;
    if (!good_name(w, name)) return;
    bool good = n_dims >= 1 && n_dims <= ENG_MAX_DIMS && info && dims[0] % info->block_values == 0;
    for (uint32_t d = 0; good && d < n_dims; d++) {
        good = dims[d] > 0 && dims[d] <= INT64_MAX / values;
        values *= dims[d];
        t.dims[d] = dims[d];
    }
    if (!good || !eng_type_bytes((uint32_t)type, values, &t.bytes) ||
        t.bytes > INT64_MAX / 2 - w->data_bytes) {
        w->status = eng_fail(&w->error, ENG_BAD_INPUT,
                             "tensor '%s' has a type or dimensions that do not fit", name);
        return;
    }
    if (!grow_tensors(w)) return;
    memcpy(t.name, name, strlen(name) + 1);
    t.offset = w->data_bytes;
    w->data_bytes = align(w->data_bytes + t.bytes);
    w->tensors[w->n_tensors++] = t;
}

void eng_gguf_put_tensor(struct eng_gguf_writer *w, const char *name, enum eng_tensor_type type,
                         uint32_t n_dims, const uint64_t *dims, const void *data)
{
    put_tensor(w, name, (struct pending_tensor){.type = type, .n_dims = n_dims, .data = data},
               dims);
}

void eng_gguf_put_made_tensor(struct eng_gguf_writer *w, const char *name,
                              enum eng_tensor_type type, uint32_t n_dims, const uint64_t *dims,
                              eng_make make, void *user)
{
    struct pending_tensor t = {.type = type, .n_dims = n_dims, .make = make, .user = user};
    put_tensor(w, name, t, dims);
}

/* ---- Saving ------------------------------------------------------------------------ */

static bool write_all(int fd, const void *bytes, uint64_t n)
{
    const uint8_t *p = bytes;
    while (n > 0) {
        size_t some = n < (1u << 30) ? (size_t)n : 1u << 30;
        ssize_t done = write(fd, p, some);
        if (done < 0 && errno == EINTR) continue;
        if (done <= 0) return false;
        p += done;
        n -= (uint64_t)done;
    }
    return true;
}

static void build_header(struct eng_gguf_writer *w, struct buffer *head)
{
    static const uint8_t zeros[ALIGNMENT];
    append(w, head, "GGUF", 4);
    append_u32(w, head, 3);
    append_u64(w, head, w->n_tensors);
    append_u64(w, head, w->n_keys);
    append(w, head, w->keys.bytes, w->keys.size);
    for (size_t i = 0; i < w->n_tensors; i++) {
        const struct pending_tensor *t = &w->tensors[i];
        append_string(w, head, (struct eng_string){t->name, strlen(t->name)});
        append_u32(w, head, t->n_dims);
        for (uint32_t d = 0; d < t->n_dims; d++)
            append_u64(w, head, t->dims[d]);
        append_u32(w, head, (uint32_t)t->type);
        append_u64(w, head, t->offset);
    }
    append(w, head, zeros, (size_t)(align(head->size) - head->size));
}

static enum eng_status write_made(const struct pending_tensor *t, int fd, bool *good,
                                  struct eng_error *err)
{
    void *bytes = malloc((size_t)t->bytes);
    if (!bytes) return eng_fail(err, ENG_NO_MEMORY, "out of memory for tensor %s", t->name);
    enum eng_status status = t->make(t->user, bytes, t->bytes, err);
    if (status == ENG_OK) *good = write_all(fd, bytes, t->bytes);
    free(bytes);
    return status;
}

static enum eng_status write_file(const struct eng_gguf_writer *w, const struct buffer *head,
                                  int fd, const char *path, struct eng_error *err)
{
    static const uint8_t zeros[ALIGNMENT];
    bool good = write_all(fd, head->bytes, head->size);
    for (size_t i = 0; good && i < w->n_tensors; i++) {
        const struct pending_tensor *t = &w->tensors[i];
        enum eng_status status = ENG_OK;
        if (t->make)
            status = write_made(t, fd, &good, err);
        else
            good = write_all(fd, t->data, t->bytes);
        if (status != ENG_OK) return status;
        good = good && write_all(fd, zeros, align(t->bytes) - t->bytes);
    }
    if (good && fsync(fd) == 0) return ENG_OK;
    return eng_fail(err, ENG_IO, "%s: cannot write: %s", path, strerror(errno));
}

/* Makes the rename itself last; a folder that cannot be flushed is no error. */
static void flush_folder(const char *path)
{
    char folder[MAX_PATH_BYTES] = ".";
    const char *slash = strrchr(path, '/');
    if (slash) {
        size_t len = slash > path ? (size_t)(slash - path) : 1;
        memcpy(folder, path, len);
        folder[len] = 0;
    }
    int fd = open(folder, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return;
    fsync(fd);
    close(fd);
}

/* Creates a file of a free name beside path, with the rights the user's umask gives. */
static int create_beside(const char *path, char *name, size_t capacity)
{
    for (int attempt = 0; attempt < 100; attempt++) {
        int length = snprintf(name, capacity, "%s.%ld-%d.tmp", path, (long)getpid(), attempt);
        if (length < 0 || (size_t)length >= capacity) {
            errno = ENAMETOOLONG;
            return -1;
        }
        int fd = open(name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
        if (fd >= 0 || errno != EEXIST) return fd;
    }
    return -1;
}

/* Whether our own reader takes the file: it finds names that occur twice and a copied
 * general.alignment that the layout does not keep. */
static enum eng_status read_back(const char *temporary, const char *path, struct eng_error *err)
{
    struct eng_gguf *gguf = NULL;
    struct eng_error why;
    enum eng_status status = eng_gguf_open(temporary, &gguf, &why);
    eng_gguf_close(gguf);
    if (status == ENG_OK) return ENG_OK;
    /* The cause stands after the temporary file's name. */
    size_t skip = strlen(temporary);
    const char *cause = strncmp(why.text, temporary, skip) == 0 ? why.text + skip : why.text;
    return eng_fail(err, status == ENG_BAD_FILE ? ENG_BAD_INPUT : status,
                    "%s: not written, it would be no valid file%s", path, cause);
}

enum eng_status eng_gguf_writer_save(struct eng_gguf_writer *w, const char *path,
                                     struct eng_error *err)
{
    struct buffer head = {0};
    char temporary[MAX_PATH_BYTES];
    if (w->status == ENG_OK) build_header(w, &head);
    if (w->status != ENG_OK) {
        free(head.bytes);
        return eng_fail(err, w->status, "%s: %s", path, w->error.text);
    }
    int fd = create_beside(path, temporary, sizeof temporary);
    if (fd < 0) {
        free(head.bytes);
        return eng_fail(err, ENG_IO, "%s: cannot create a file beside it: %s", path,
                        strerror(errno));
    }
    enum eng_status status = write_file(w, &head, fd, path, err);
    free(head.bytes);
    if (close(fd) != 0 && status == ENG_OK)
        status = eng_fail(err, ENG_IO, "%s: cannot write: %s", path, strerror(errno));
    if (status == ENG_OK) status = read_back(temporary, path, err);
    if (status == ENG_OK && rename(temporary, path) != 0)
        status = eng_fail(err, ENG_IO, "%s: cannot rename: %s", path, strerror(errno));
    if (status == ENG_OK)
        flush_folder(path);
    else
        unlink(temporary);
    return status;
}
