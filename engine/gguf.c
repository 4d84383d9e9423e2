/* gguf.c: opening and checking a GGUF file.
 *
 * Owns the header walk: it turns bytes into an array of keys and an array of tensor
 * descriptions, and it is the only place that trusts nothing. All reading goes through
 * struct cursor, which cannot pass the end of what is there; every product and sum of
 * sizes is checked for overflow; what is handed out lies inside the block.
 *
 * The header is read with pread into a buffer of our own, not through the mapping: a file
 * that another process truncates while we parse would otherwise end us with SIGBUS. As its
 * length is not known before it is parsed, the buffer grows by a factor and the walk starts
 * over, at most a few times. Tensor data is mapped, so that opening costs no copy and
 * several processes share the pages.
 *
 * Names are found through a sorted index, not a hash table: a few hundred lookups happen at
 * load, and a file cannot be made that slows it down.
 *
 * It deliberately does not interpret any key except general.alignment, and does not convert
 * byte order: big-endian files and hosts are refused. */
#if defined(__linux__)
#define _DEFAULT_SOURCE /* madvise */
#endif
#include "engine/gguf.h"
#include "engine/error.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "GGUF is read in place: little-endian hosts only"
#endif

#define HEADER_FIRST_READ (1024u * 1024u)
#define MIN_ALIGNMENT     8u
#define DEFAULT_ALIGNMENT 32u
#define MAX_ALIGNMENT     (1024u * 1024u)

/* The least a key and a tensor description take in the file, names of one byte. */
#define MIN_KEY_BYTES    (8 + 1 + 4 + 1)
#define MIN_TENSOR_BYTES (8 + 1 + 4 + 8 + 4 + 8)

struct eng_gguf {
    char *label; /* path or a word for a block, for messages */
    uint64_t file_bytes;
    uint8_t *header; /* own copy of the header; NULL when the block is the caller's */
    void *mapping;   /* NULL when the block is the caller's */
    struct eng_key *keys;
    struct eng_tensor *tensors;
    size_t n_keys, n_tensors;
    uint32_t *key_index, *tensor_index; /* sorted by name */
};

/* ---- Types ------------------------------------------------------------------------- */

const int8_t eng_iq4_nl_values[16] = {-127, -104, -83, -65, -49, -35, -22, -10,
                                      1,    13,   25,  38,  53,  69,  89,  113};

const struct eng_type_info *eng_type_info(uint32_t type)
{
    static const struct eng_type_info types[] = {
        [ENG_F32] = {"F32", 1, 4},
        [ENG_F16] = {"F16", 1, 2},
        [ENG_Q4_0] = {"Q4_0", 32, sizeof(struct eng_block_q4_0)},
        [ENG_Q4_1] = {"Q4_1", 32, sizeof(struct eng_block_q4_1)},
        [ENG_Q5_0] = {"Q5_0", 32, sizeof(struct eng_block_q5_0)},
        [ENG_Q5_1] = {"Q5_1", 32, sizeof(struct eng_block_q5_1)},
        [ENG_Q8_0] = {"Q8_0", 32, sizeof(struct eng_block_q8_0)},
        [ENG_Q4_K] = {"Q4_K", 256, sizeof(struct eng_block_q4_k)},
        [ENG_Q5_K] = {"Q5_K", 256, sizeof(struct eng_block_q5_k)},
        [ENG_Q6_K] = {"Q6_K", 256, sizeof(struct eng_block_q6_k)},
        [ENG_IQ4_NL] = {"IQ4_NL", 32, sizeof(struct eng_block_iq4_nl)},
        [ENG_BF16] = {"BF16", 1, 2},
    };
    if (type >= sizeof types / sizeof *types || !types[type].name) return NULL;
    return &types[type];
}

bool eng_type_bytes(uint32_t type, uint64_t n, uint64_t *bytes)
{
    const struct eng_type_info *info = eng_type_info(type);
    if (!info || n % info->block_values) return false;
    uint64_t blocks = n / info->block_values;
    if (blocks > INT64_MAX / info->block_bytes) return false;
    *bytes = blocks * info->block_bytes;
    return true;
}

/* Bytes of one value of a fixed-size type, 0 for strings, arrays and unknown types. */
static size_t value_bytes(uint32_t type)
{
    switch (type) {
    case ENG_VALUE_U8:
    case ENG_VALUE_I8:
    case ENG_VALUE_BOOL:
        return 1;
    case ENG_VALUE_U16:
    case ENG_VALUE_I16:
        return 2;
    case ENG_VALUE_U32:
    case ENG_VALUE_I32:
    case ENG_VALUE_F32:
        return 4;
    case ENG_VALUE_U64:
    case ENG_VALUE_I64:
    case ENG_VALUE_F64:
        return 8;
    default:
        return 0;
    }
}

/* ---- The bounded cursor ------------------------------------------------------------ */

struct cursor {
    const uint8_t *base;
    size_t size; /* bytes that are here */
    size_t at;   /* <= size */
};

static bool take(struct cursor *c, uint64_t n, const uint8_t **out)
{
    if (n > c->size - c->at) return false;
    *out = c->base + c->at;
    c->at += (size_t)n;
    return true;
}

static bool take_u32(struct cursor *c, uint32_t *out)
{
    const uint8_t *p;
    if (!take(c, sizeof *out, &p)) return false;
    memcpy(out, p, sizeof *out);
    return true;
}

static bool take_u64(struct cursor *c, uint64_t *out)
{
    const uint8_t *p;
    if (!take(c, sizeof *out, &p)) return false;
    memcpy(out, p, sizeof *out);
    return true;
}

static bool take_string(struct cursor *c, struct eng_string *out)
{
    uint64_t len;
    const uint8_t *p;
    if (!take_u64(c, &len) || !take(c, len, &p)) return false;
    *out = (struct eng_string){(const char *)p, (size_t)len};
    return true;
}

/* ---- The header walk --------------------------------------------------------------- */

/* One walk over a header that may be longer than what has been read of it. */
struct walk {
    struct cursor in;
    struct eng_gguf *gguf;
    struct eng_error *err;
    bool short_read; /* ran out of bytes: read more, if the file has more */
    uint64_t alignment;
    uint64_t *offsets; /* [n_tensors], relative to the data section */
};

static enum eng_status ran_out(struct walk *w, const char *what)
{
    w->short_read = true;
    return eng_fail(w->err, ENG_BAD_FILE, "%s: ends inside %s; truncated?", w->gguf->label, what);
}

/* Reads a name and copies it with a terminating zero. Names end up in messages and on
 * terminals, so control bytes are refused. */
static enum eng_status walk_name(struct walk *w, const char *what, const char **out)
{
    uint64_t len;
    const uint8_t *p;
    if (!take_u64(&w->in, &len)) return ran_out(w, what);
    if (len == 0 || len > ENG_GGUF_MAX_NAME)
        return eng_fail(w->err, ENG_BAD_FILE,
                        "%s: %s at byte %zu has a name of %" PRIu64 " bytes, expected 1 to %u",
                        w->gguf->label, what, w->in.at, len, ENG_GGUF_MAX_NAME);
    if (!take(&w->in, len, &p)) return ran_out(w, what);
    for (size_t i = 0; i < len; i++)
        if (p[i] < 0x20 || p[i] == 0x7f)
            return eng_fail(w->err, ENG_BAD_FILE,
                            "%s: %s at byte %zu has a control byte in its name", w->gguf->label,
                            what, w->in.at);
    char *name = malloc((size_t)len + 1);
    if (!name) return eng_fail(w->err, ENG_NO_MEMORY, "%s: no memory for names", w->gguf->label);
    memcpy(name, p, (size_t)len);
    name[len] = 0;
    *out = name;
    return ENG_OK;
}

static enum eng_status walk_strings(struct walk *w, struct eng_key *key)
{
    struct eng_string s;
    for (uint64_t i = 0; i < key->count; i++)
        if (!take_string(&w->in, &s)) return ran_out(w, "a string");
    return ENG_OK;
}

static enum eng_status walk_array_head(struct walk *w, struct eng_key *key)
{
    uint32_t element;
    if (!take_u32(&w->in, &element) || !take_u64(&w->in, &key->count))
        return ran_out(w, "an array's header");
    if (element == ENG_VALUE_ARRAY)
        return eng_fail(w->err, ENG_BAD_FILE, "%s: key '%s' is an array of arrays, not supported",
                        w->gguf->label, key->name);
    if (element != ENG_VALUE_STRING && !value_bytes(element))
        return eng_fail(w->err, ENG_BAD_FILE,
                        "%s: key '%s' is an array of unknown value type %" PRIu32, w->gguf->label,
                        key->name, element);
    key->element_type = (enum eng_value_type)element;
    return ENG_OK;
}

static enum eng_status walk_key(struct walk *w, struct eng_key *key)
{
    uint32_t type;
    enum eng_status status = walk_name(w, "a key", &key->name);
    if (status != ENG_OK) return status;
    if (!take_u32(&w->in, &type)) return ran_out(w, "a key");
    if (type != ENG_VALUE_STRING && type != ENG_VALUE_ARRAY && !value_bytes(type))
        return eng_fail(w->err, ENG_BAD_FILE, "%s: key '%s' has unknown value type %" PRIu32,
                        w->gguf->label, key->name, type);
    key->type = key->element_type = (enum eng_value_type)type;
    key->count = 1;
    if (key->type == ENG_VALUE_ARRAY && (status = walk_array_head(w, key)) != ENG_OK) return status;

    size_t start = w->in.at;
    key->bytes = w->in.base + start;
    if (key->element_type == ENG_VALUE_STRING) {
        if ((status = walk_strings(w, key)) != ENG_OK) return status;
    } else {
        const uint8_t *p;
        size_t each = value_bytes(key->element_type);
        if (key->count > UINT64_MAX / each || !take(&w->in, key->count * each, &p))
            return ran_out(w, "a value");
        if (key->type == ENG_VALUE_BOOL && *p > 1)
            return eng_fail(w->err, ENG_BAD_FILE, "%s: key '%s' is a bool of value %u",
                            w->gguf->label, key->name, *p);
    }
    key->size = w->in.at - start;
    return ENG_OK;
}

static enum eng_status walk_tensor(struct walk *w, struct eng_tensor *t, uint64_t *offset)
{
    uint32_t type;
    uint64_t values = 1;
    const char *label = w->gguf->label;
    enum eng_status status = walk_name(w, "a tensor", &t->name);
    if (status != ENG_OK) return status;
    if (!take_u32(&w->in, &t->n_dims)) return ran_out(w, "a tensor's description");
    if (t->n_dims < 1 || t->n_dims > ENG_MAX_DIMS)
        return eng_fail(w->err, ENG_BAD_FILE,
                        "%s: tensor '%s' has %" PRIu32 " dimensions, expected 1 to %u", label,
                        t->name, t->n_dims, ENG_MAX_DIMS);
    for (uint32_t d = 0; d < ENG_MAX_DIMS; d++) {
        t->dims[d] = 1;
        if (d < t->n_dims && !take_u64(&w->in, &t->dims[d]))
            return ran_out(w, "a tensor's description");
        if (t->dims[d] == 0 || t->dims[d] > INT64_MAX / values)
            return eng_fail(w->err, ENG_BAD_FILE,
                            "%s: dimension %" PRIu32 " of tensor '%s' is %" PRIu64
                            ": empty or too large",
                            label, d, t->name, t->dims[d]);
        values *= t->dims[d];
    }
    if (!take_u32(&w->in, &type) || !take_u64(&w->in, offset))
        return ran_out(w, "a tensor's description");
    const struct eng_type_info *info = eng_type_info(type);
    if (!info)
        return eng_fail(w->err, ENG_UNSUPPORTED,
                        "%s: tensor '%s' has type %" PRIu32 ", which this program does not know",
                        label, t->name, type);
    t->type = (enum eng_tensor_type)type;
    if (t->dims[0] % info->block_values)
        return eng_fail(w->err, ENG_BAD_FILE,
                        "%s: rows of tensor '%s' have %" PRIu64
                        " values, not a multiple of %" PRIu32 " as %s needs",
                        label, t->name, t->dims[0], info->block_values, info->name);
    if (!eng_type_bytes(type, values, &t->bytes))
        return eng_fail(w->err, ENG_BAD_FILE, "%s: tensor '%s' is too large", label, t->name);
    return ENG_OK;
}

static enum eng_status walk_counts(struct walk *w)
{
    struct eng_gguf *g = w->gguf;
    const uint8_t *magic;
    uint32_t version;
    uint64_t n_tensors, n_keys;
    if (!take(&w->in, 4, &magic)) return ran_out(w, "the magic number");
    if (memcmp(magic, "GGUF", 4) != 0)
        return eng_fail(w->err, ENG_BAD_FILE, "%s: not a GGUF file (no 'GGUF' at its start)",
                        g->label);
    if (!take_u32(&w->in, &version) || !take_u64(&w->in, &n_tensors) || !take_u64(&w->in, &n_keys))
        return ran_out(w, "the file header");
    if (version != 3)
        return eng_fail(w->err, ENG_BAD_FILE, "%s: GGUF version %" PRIu32 "%s, expected 3",
                        g->label, version, version == 3u << 24 ? " (a big-endian file)" : "");
    if (n_keys > ENG_GGUF_MAX_KEYS || n_tensors > ENG_GGUF_MAX_TENSORS ||
        n_keys * MIN_KEY_BYTES + n_tensors * MIN_TENSOR_BYTES > g->file_bytes)
        return eng_fail(w->err, ENG_BAD_FILE,
                        "%s: claims %" PRIu64 " keys and %" PRIu64 " tensors in %" PRIu64
                        " bytes; truncated?",
                        g->label, n_keys, n_tensors, g->file_bytes);
    g->n_keys = (size_t)n_keys;
    g->n_tensors = (size_t)n_tensors;
    /* One more than needed: calloc(0) may be NULL. */
    g->keys = calloc(g->n_keys + 1, sizeof *g->keys);
    g->tensors = calloc(g->n_tensors + 1, sizeof *g->tensors);
    g->key_index = calloc(g->n_keys + 1, sizeof *g->key_index);
    g->tensor_index = calloc(g->n_tensors + 1, sizeof *g->tensor_index);
    w->offsets = calloc(g->n_tensors + 1, sizeof *w->offsets);
    if (!g->keys || !g->tensors || !g->key_index || !g->tensor_index || !w->offsets)
        return eng_fail(w->err, ENG_NO_MEMORY, "%s: no memory for %" PRIu64 " keys", g->label,
                        n_keys + n_tensors);
    return ENG_OK;
}

/* ---- Indices and the data section -------------------------------------------------- */

/* A row to sort by name or by offset; qsort takes no context. */
struct order {
    const char *name;
    uint64_t offset;
    uint32_t index;
};

static int by_name(const void *a, const void *b)
{
    return strcmp(((const struct order *)a)->name, ((const struct order *)b)->name);
}

static int by_offset(const void *a, const void *b)
{
    uint64_t x = ((const struct order *)a)->offset, y = ((const struct order *)b)->offset;
    return (x > y) - (x < y);
}

/* Sorts rows by name into index; a name that occurs twice is an error. */
static enum eng_status sort_names(struct walk *w, struct order *rows, size_t n, uint32_t *index,
                                  const char *what)
{
    qsort(rows, n, sizeof *rows, by_name);
    for (size_t i = 0; i < n; i++) {
        if (i > 0 && strcmp(rows[i - 1].name, rows[i].name) == 0)
            return eng_fail(w->err, ENG_BAD_FILE, "%s: %s '%s' occurs twice", w->gguf->label, what,
                            rows[i].name);
        index[i] = rows[i].index;
    }
    return ENG_OK;
}

static enum eng_status check_overlap(struct walk *w, struct order *rows)
{
    const struct eng_tensor *tensors = w->gguf->tensors;
    qsort(rows, w->gguf->n_tensors, sizeof *rows, by_offset);
    for (size_t i = 1; i < w->gguf->n_tensors; i++)
        if (rows[i].offset - rows[i - 1].offset < tensors[rows[i - 1].index].bytes)
            return eng_fail(w->err, ENG_BAD_FILE, "%s: tensors '%s' and '%s' overlap",
                            w->gguf->label, rows[i - 1].name, rows[i].name);
    return ENG_OK;
}

static enum eng_status index_names(struct walk *w)
{
    struct eng_gguf *g = w->gguf;
    size_t n = g->n_keys > g->n_tensors ? g->n_keys : g->n_tensors;
    struct order *rows = calloc(n + 1, sizeof *rows);
    if (!rows) return eng_fail(w->err, ENG_NO_MEMORY, "%s: no memory for the index", g->label);
    for (size_t i = 0; i < g->n_keys; i++)
        rows[i] = (struct order){g->keys[i].name, 0, (uint32_t)i};
    enum eng_status status = sort_names(w, rows, g->n_keys, g->key_index, "key");
    if (status == ENG_OK) {
        for (size_t i = 0; i < g->n_tensors; i++)
            rows[i] = (struct order){g->tensors[i].name, w->offsets[i], (uint32_t)i};
        status = sort_names(w, rows, g->n_tensors, g->tensor_index, "tensor");
    }
    if (status == ENG_OK) status = check_overlap(w, rows);
    free(rows);
    return status;
}

static enum eng_status read_alignment(struct walk *w)
{
    uint64_t value = DEFAULT_ALIGNMENT;
    enum eng_status status =
        eng_gguf_get_u64(w->gguf, "general.alignment", ENG_OPTIONAL, &value, w->err);
    if (status != ENG_OK) return status;
    if (value < MIN_ALIGNMENT || value > MAX_ALIGNMENT || (value & (value - 1)))
        return eng_fail(w->err, ENG_BAD_FILE,
                        "%s: general.alignment is %" PRIu64
                        ", expected a power of two from %u to %u",
                        w->gguf->label, value, MIN_ALIGNMENT, MAX_ALIGNMENT);
    w->alignment = value;
    return ENG_OK;
}

/* Checks each tensor's place and points it into block, file_bytes long. */
static enum eng_status place_tensors(struct walk *w, const uint8_t *block)
{
    struct eng_gguf *g = w->gguf;
    uint64_t start = (w->in.at + w->alignment - 1) & ~(w->alignment - 1);
    if (g->n_tensors && start > g->file_bytes)
        return eng_fail(w->err, ENG_BAD_FILE, "%s: ends before its tensor data; truncated?",
                        g->label);
    for (size_t i = 0; i < g->n_tensors; i++) {
        struct eng_tensor *t = &g->tensors[i];
        uint64_t room = g->file_bytes - start;
        if (w->offsets[i] & (w->alignment - 1))
            return eng_fail(w->err, ENG_BAD_FILE,
                            "%s: tensor '%s' at offset %" PRIu64 " is not aligned to %" PRIu64
                            " bytes",
                            g->label, t->name, w->offsets[i], w->alignment);
        if (w->offsets[i] > room || t->bytes > room - w->offsets[i])
            return eng_fail(w->err, ENG_BAD_FILE,
                            "%s: tensor '%s' of %" PRIu64 " bytes at offset %" PRIu64
                            " passes the end of the file (%" PRIu64 " bytes of data); truncated?",
                            g->label, t->name, t->bytes, w->offsets[i], room);
        t->data = block + start + w->offsets[i];
    }
    return ENG_OK;
}

/* ---- Opening ----------------------------------------------------------------------- */

static void forget_tables(struct eng_gguf *g)
{
    for (size_t i = 0; g->keys && i < g->n_keys; i++)
        free((char *)g->keys[i].name);
    for (size_t i = 0; g->tensors && i < g->n_tensors; i++)
        free((char *)g->tensors[i].name);
    free(g->keys);
    free(g->tensors);
    free(g->key_index);
    free(g->tensor_index);
    g->keys = NULL;
    g->tensors = NULL;
    g->key_index = g->tensor_index = NULL;
    g->n_keys = g->n_tensors = 0;
}

/* Walks the header in header[size), the first bytes of block, which holds the whole file.
 * *short_read: the header goes on past size. */
static enum eng_status parse(struct eng_gguf *g, const uint8_t *header, size_t size,
                             const uint8_t *block, bool *short_read, struct eng_error *err)
{
    struct walk w = {.in = {header, size, 0}, .gguf = g, .err = err};
    enum eng_status status = walk_counts(&w);
    for (size_t i = 0; status == ENG_OK && i < g->n_keys; i++)
        status = walk_key(&w, &g->keys[i]);
    for (size_t i = 0; status == ENG_OK && i < g->n_tensors; i++)
        status = walk_tensor(&w, &g->tensors[i], &w.offsets[i]);
    if (status == ENG_OK) status = index_names(&w);
    if (status == ENG_OK) status = read_alignment(&w);
    if (status == ENG_OK) status = place_tensors(&w, block);
    free(w.offsets);
    if (status != ENG_OK) forget_tables(g);
    *short_read = w.short_read;
    return status;
}

static struct eng_gguf *new_gguf(const char *label, uint64_t file_bytes)
{
    struct eng_gguf *g = calloc(1, sizeof *g);
    size_t len = strlen(label) + 1;
    if (!g || !(g->label = malloc(len))) {
        free(g);
        return NULL;
    }
    memcpy(g->label, label, len);
    g->file_bytes = file_bytes;
    return g;
}

/* Reads bytes [have, want) of the file into a buffer grown to want bytes. */
static enum eng_status read_header(struct eng_gguf *g, int fd, size_t have, size_t want,
                                   struct eng_error *err)
{
    uint8_t *grown = realloc(g->header, want ? want : 1);
    if (!grown) return eng_fail(err, ENG_NO_MEMORY, "%s: no memory for its header", g->label);
    g->header = grown;
    while (have < want) {
        ssize_t n = pread(fd, grown + have, want - have, (off_t)have);
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0)
            return eng_fail(err, ENG_IO, "%s: cannot read byte %zu: %s", g->label, have,
                            n < 0 ? strerror(errno) : "the file shrank while it was read");
        have += (size_t)n;
    }
    return ENG_OK;
}

/* Reads as much of the file's start as the header needs and parses it. */
static enum eng_status parse_file(struct eng_gguf *g, int fd, struct eng_error *err)
{
    size_t most = g->file_bytes < ENG_GGUF_MAX_HEADER ? (size_t)g->file_bytes : ENG_GGUF_MAX_HEADER;
    size_t have = 0, want = most < HEADER_FIRST_READ ? most : HEADER_FIRST_READ;
    for (;;) {
        bool short_read = false;
        enum eng_status status = read_header(g, fd, have, want, err);
        if (status != ENG_OK) return status;
        status = parse(g, g->header, want, g->mapping, &short_read, err);
        if (status == ENG_OK || !short_read || want == most) return status;
        have = want;
        want = want > most / 4 ? most : want * 4;
    }
}

static enum eng_status map_and_parse(struct eng_gguf *g, int fd, struct eng_error *err)
{
    struct stat now;
    void *mapping = mmap(NULL, (size_t)g->file_bytes, PROT_READ, MAP_PRIVATE, fd, 0);
    if (mapping == MAP_FAILED)
        return eng_fail(err, ENG_IO, "%s: cannot map %" PRIu64 " bytes: %s", g->label,
                        g->file_bytes, strerror(errno));
    g->mapping = mapping;
    enum eng_status status = parse_file(g, fd, err);
    if (status != ENG_OK) return status;
    if (fstat(fd, &now) != 0 || (uint64_t)now.st_size < g->file_bytes)
        return eng_fail(err, ENG_IO, "%s: the file shrank while it was opened", g->label);
    return ENG_OK;
}

enum eng_status eng_gguf_open(const char *path, struct eng_gguf **out, struct eng_error *err)
{
    struct stat st;
    enum eng_status status = ENG_OK;
    struct eng_gguf *g = NULL;
    *out = NULL;
    /* Not blocking: the path may name a pipe, which is refused below. */
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0) return eng_fail(err, ENG_IO, "%s: cannot open: %s", path, strerror(errno));
    if (fstat(fd, &st) != 0)
        status = eng_fail(err, ENG_IO, "%s: %s", path, strerror(errno));
    else if (!S_ISREG(st.st_mode))
        status = eng_fail(err, ENG_IO, "%s: not a regular file", path);
    else if (st.st_size == 0)
        status = eng_fail(err, ENG_BAD_FILE, "%s: empty, expected a GGUF file", path);
    else if ((uint64_t)st.st_size > SIZE_MAX)
        status = eng_fail(err, ENG_IO, "%s: larger than the address space", path);
    else if (!(g = new_gguf(path, (uint64_t)st.st_size)))
        status = eng_fail(err, ENG_NO_MEMORY, "%s: no memory", path);
    else
        status = map_and_parse(g, fd, err);
    close(fd);
    if (status != ENG_OK)
        eng_gguf_close(g);
    else
        *out = g;
    return status;
}

enum eng_status eng_gguf_open_memory(const void *block, size_t size, struct eng_gguf **out,
                                     struct eng_error *err)
{
    bool short_read;
    *out = NULL;
    if ((uintptr_t)block % MIN_ALIGNMENT)
        return eng_fail(err, ENG_BAD_INPUT, "GGUF block: not aligned to %u bytes", MIN_ALIGNMENT);
    struct eng_gguf *g = new_gguf("GGUF block", size);
    if (!g) return eng_fail(err, ENG_NO_MEMORY, "GGUF block: no memory");
    size_t header = size < ENG_GGUF_MAX_HEADER ? size : ENG_GGUF_MAX_HEADER;
    enum eng_status status = parse(g, block, header, block, &short_read, err);
    if (status != ENG_OK)
        eng_gguf_close(g);
    else
        *out = g;
    return status;
}

void eng_gguf_close(struct eng_gguf *g)
{
    if (!g) return;
    forget_tables(g);
    if (g->mapping) munmap(g->mapping, (size_t)g->file_bytes);
    free(g->header);
    free(g->label);
    free(g);
}

/* Whole pages only. The mapping is read-only, so nothing is lost; a block of the caller's own would
 * be. */
void eng_gguf_release(const struct eng_gguf *g, const void *data, size_t bytes)
{
#if defined(MADV_DONTNEED)
    long size = sysconf(_SC_PAGESIZE);
    if (!g->mapping || size <= 0) return;
    uintptr_t page = (uintptr_t)size, from = ((uintptr_t)data + page - 1) / page * page;
    uintptr_t to = ((uintptr_t)data + bytes) / page * page;
    if (from < to) madvise((void *)from, to - from, MADV_DONTNEED);
#else
    (void)g;
    (void)data;
    (void)bytes;
#endif
}

/* ---- Access by place and name ------------------------------------------------------ */

uint64_t eng_gguf_file_bytes(const struct eng_gguf *g)
{
    return g->file_bytes;
}

size_t eng_gguf_key_count(const struct eng_gguf *g)
{
    return g->n_keys;
}

const struct eng_key *eng_gguf_key_at(const struct eng_gguf *g, size_t i)
{
    return i < g->n_keys ? &g->keys[i] : NULL;
}

const struct eng_key *eng_gguf_find_key(const struct eng_gguf *g, const char *name)
{
    for (size_t low = 0, high = g->n_keys; low < high;) {
        size_t middle = low + (high - low) / 2;
        const struct eng_key *key = &g->keys[g->key_index[middle]];
        int order = strcmp(name, key->name);
        if (order == 0) return key;
        if (order < 0)
            high = middle;
        else
            low = middle + 1;
    }
    return NULL;
}

size_t eng_gguf_tensor_count(const struct eng_gguf *g)
{
    return g->n_tensors;
}

const struct eng_tensor *eng_gguf_tensor_at(const struct eng_gguf *g, size_t i)
{
    return i < g->n_tensors ? &g->tensors[i] : NULL;
}

const struct eng_tensor *eng_gguf_find_tensor(const struct eng_gguf *g, const char *name)
{
    for (size_t low = 0, high = g->n_tensors; low < high;) {
        size_t middle = low + (high - low) / 2;
        const struct eng_tensor *tensor = &g->tensors[g->tensor_index[middle]];
        int order = strcmp(name, tensor->name);
        if (order == 0) return tensor;
        if (order < 0)
            high = middle;
        else
            low = middle + 1;
    }
    return NULL;
}
