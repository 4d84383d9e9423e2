/* gguf.h: reading and writing GGUF v3 files, little-endian.
 *
 * Reader. Everything in the file is hostile until checked: opening walks the whole header
 * once and refuses the file unless every count, size, offset, alignment and type is
 * consistent, no name occurs twice and no tensors overlap. What the functions below hand
 * out afterwards needs no further check against the file's size.
 *
 * The header (keys and tensor descriptions) is read into memory of our own; the tensor
 * data is mapped read-only and privately. So a file that shrinks while it is opened is an
 * error, never a crash. Once open, replacing the file by rename is safe, truncating it in
 * place is not: the pages of a mapping belong to the file.
 *
 * Threads: an open eng_gguf is immutable and may be read from any thread. Pointers that
 * its functions return live until eng_gguf_close. A writer belongs to one thread.
 * Errors: an eng_status and one line in the caller's eng_error (may be NULL).
 */
#ifndef ESPALIER_ENGINE_GGUF_H
#define ESPALIER_ENGINE_GGUF_H

#include "engine/engine.h"

/* ---- Tensor types ------------------------------------------------------------------ */

/* Numbers as the file stores them. The reader knows the size of all of these; which of
 * them can be computed with is the kernels' business. */
enum eng_tensor_type {
    ENG_F32 = 0,
    ENG_F16 = 1,
    ENG_Q4_0 = 2,
    ENG_Q4_1 = 3,
    ENG_Q5_0 = 6,
    ENG_Q5_1 = 7,
    ENG_Q8_0 = 8,
    ENG_Q4_K = 12,
    ENG_Q5_K = 13,
    ENG_Q6_K = 14,
    ENG_IQ4_NL = 20,
    ENG_BF16 = 30
};

struct eng_type_info {
    const char *name;      /* "Q8_0" */
    uint32_t block_values; /* values in a block, 1 for plain types */
    uint32_t block_bytes;
};

/* NULL for a type we do not know. Static. */
const struct eng_type_info *eng_type_info(uint32_t type);

/* Bytes of n contiguous values. False when n is no multiple of the block, the type is
 * unknown or the size does not fit. */
bool eng_type_bytes(uint32_t type, uint64_t n, uint64_t *bytes);

/* On-disk blocks. d, m, dmin are IEEE half floats. */
struct eng_block_q4_0 { /* x = d * (q - 8); value i low nibble of qs[i], i + 16 high */
    uint16_t d;
    uint8_t qs[16];
};
struct eng_block_q4_1 { /* x = d * q + m */
    uint16_t d, m;
    uint8_t qs[16];
};
struct eng_block_q5_0 { /* x = d * (q - 16); fifth bits in qh */
    uint16_t d;
    uint8_t qh[4];
    uint8_t qs[16];
};
struct eng_block_q5_1 { /* x = d * q + m */
    uint16_t d, m;
    uint8_t qh[4];
    uint8_t qs[16];
};
struct eng_block_q8_0 { /* x = d * qs[i] */
    uint16_t d;
    int8_t qs[32];
};
struct eng_block_iq4_nl { /* x = d * eng_iq4_nl_values[q]; nibbles as in Q4_0 */
    uint16_t d;
    uint8_t qs[16];
};
struct eng_block_q4_k { /* 8 sub-blocks of 32; 6-bit scales and minima packed in scales */
    uint16_t d, dmin;
    uint8_t scales[12];
    uint8_t qs[128];
};
struct eng_block_q5_k {
    uint16_t d, dmin;
    uint8_t scales[12];
    uint8_t qh[32];
    uint8_t qs[128];
};
struct eng_block_q6_k { /* 16 sub-blocks of 16 with 8-bit scales */
    uint8_t ql[128];
    uint8_t qh[64];
    int8_t scales[16];
    uint16_t d;
};
_Static_assert(sizeof(struct eng_block_q4_0) == 18, "on-disk size of Q4_0");
_Static_assert(sizeof(struct eng_block_q4_1) == 20, "on-disk size of Q4_1");
_Static_assert(sizeof(struct eng_block_q5_0) == 22, "on-disk size of Q5_0");
_Static_assert(sizeof(struct eng_block_q5_1) == 24, "on-disk size of Q5_1");
_Static_assert(sizeof(struct eng_block_q8_0) == 34, "on-disk size of Q8_0");
_Static_assert(sizeof(struct eng_block_iq4_nl) == 18, "on-disk size of IQ4_NL");
_Static_assert(sizeof(struct eng_block_q4_k) == 144, "on-disk size of Q4_K");
_Static_assert(sizeof(struct eng_block_q5_k) == 176, "on-disk size of Q5_K");
_Static_assert(sizeof(struct eng_block_q6_k) == 210, "on-disk size of Q6_K");

/* What the codes of IQ4_NL stand for: ascending, closer together where weights are frequent. */
extern const int8_t eng_iq4_nl_values[16];

/* ---- Opening ----------------------------------------------------------------------- */

/* Limits beyond which a file is refused. */
#define ENG_GGUF_MAX_HEADER  (256u * 1024u * 1024u) /* bytes before the tensor data */
#define ENG_GGUF_MAX_KEYS    65536u
#define ENG_GGUF_MAX_TENSORS 65536u
#define ENG_GGUF_MAX_NAME    256u /* bytes of a key's or tensor's name */
#define ENG_MAX_DIMS         4u

struct eng_gguf;

/* Maps a file. ENG_IO when it cannot be opened or is no regular file. */
enum eng_status eng_gguf_open(const char *path, struct eng_gguf **out, struct eng_error *err);

/* Reads a block that the caller owns and keeps unchanged until eng_gguf_close. It has to
 * be aligned to 8 bytes, as tensors are used in place. */
enum eng_status eng_gguf_open_memory(const void *block, size_t size, struct eng_gguf **out,
                                     struct eng_error *err);
void eng_gguf_close(struct eng_gguf *gguf); /* takes NULL */

/* Gives the memory of a mapped tensor's bytes back to the system, which reads them again from the
 * file when somebody looks: for data of which the caller has made a copy of its own. */
void eng_gguf_release(const struct eng_gguf *gguf, const void *data, size_t bytes);

uint64_t eng_gguf_file_bytes(const struct eng_gguf *gguf);

/* ---- Keys -------------------------------------------------------------------------- */

/* Value types, numbers as stored. */
enum eng_value_type {
    ENG_VALUE_U8 = 0,
    ENG_VALUE_I8 = 1,
    ENG_VALUE_U16 = 2,
    ENG_VALUE_I16 = 3,
    ENG_VALUE_U32 = 4,
    ENG_VALUE_I32 = 5,
    ENG_VALUE_F32 = 6,
    ENG_VALUE_BOOL = 7,
    ENG_VALUE_STRING = 8,
    ENG_VALUE_ARRAY = 9,
    ENG_VALUE_U64 = 10,
    ENG_VALUE_I64 = 11,
    ENG_VALUE_F64 = 12
};

/* Bytes of the file, not zero-terminated. */
struct eng_string {
    const char *text;
    size_t len;
};

struct eng_key {
    const char *name;                 /* zero-terminated */
    enum eng_value_type type;         /* ENG_VALUE_ARRAY for arrays ... */
    enum eng_value_type element_type; /* ... whose element type this is, else == type */
    uint64_t count;                   /* elements, 1 for a single value */
    const uint8_t *bytes;             /* the value as stored, past an array's header */
    size_t size;                      /* of bytes */
};

/* In file order. NULL when i is out of range. */
size_t eng_gguf_key_count(const struct eng_gguf *gguf);
const struct eng_key *eng_gguf_key_at(const struct eng_gguf *gguf, size_t i);
const struct eng_key *eng_gguf_find_key(const struct eng_gguf *gguf, const char *name);

/* The value as one line of text: strings quoted and escaped, arrays as type, count and
 * their first elements. Always zero-terminates; returns out. */
const char *eng_key_format(const struct eng_key *key, char *out, size_t capacity);
const char *eng_value_type_name(enum eng_value_type type);

/* Typed lookups. An absent key is ENG_BAD_FILE when ENG_REQUIRED; when ENG_OPTIONAL it
 * leaves *out as it was: put the default there first. A key of another type, or a value
 * that does not fit, is always ENG_BAD_FILE. Integers of every width are accepted where
 * they fit; f32 accepts F32 and F64. */
enum eng_need { ENG_OPTIONAL = 0, ENG_REQUIRED };

enum eng_status eng_gguf_get_u32(const struct eng_gguf *gguf, const char *name, enum eng_need need,
                                 uint32_t *out, struct eng_error *err);
enum eng_status eng_gguf_get_u64(const struct eng_gguf *gguf, const char *name, enum eng_need need,
                                 uint64_t *out, struct eng_error *err);
enum eng_status eng_gguf_get_i64(const struct eng_gguf *gguf, const char *name, enum eng_need need,
                                 int64_t *out, struct eng_error *err);
enum eng_status eng_gguf_get_f32(const struct eng_gguf *gguf, const char *name, enum eng_need need,
                                 float *out, struct eng_error *err);
enum eng_status eng_gguf_get_bool(const struct eng_gguf *gguf, const char *name, enum eng_need need,
                                  bool *out, struct eng_error *err);
enum eng_status eng_gguf_get_string(const struct eng_gguf *gguf, const char *name,
                                    enum eng_need need, struct eng_string *out,
                                    struct eng_error *err);

/* True when s is exactly the zero-terminated text. */
bool eng_string_is(struct eng_string s, const char *text);

/* A position in an array of strings, integers (bool included) or floats. Zeroed, it is an
 * empty array. */
struct eng_array {
    enum eng_value_type element_type;
    uint64_t left; /* elements not yet read */
    const uint8_t *at, *end;
};

enum eng_element { ENG_STRINGS, ENG_INTEGERS, ENG_FLOATS };

enum eng_status eng_gguf_get_array(const struct eng_gguf *gguf, const char *name,
                                   enum eng_need need, enum eng_element element,
                                   struct eng_array *out, struct eng_error *err);

/* The next element, or false at the end (or when the array is of another kind). */
bool eng_array_next_string(struct eng_array *array, struct eng_string *out);
bool eng_array_next_i64(struct eng_array *array, int64_t *out);
bool eng_array_next_f32(struct eng_array *array, float *out);

/* ---- Tensors ----------------------------------------------------------------------- */

struct eng_tensor {
    const char *name; /* zero-terminated */
    enum eng_tensor_type type;
    uint32_t n_dims;             /* 1 .. ENG_MAX_DIMS */
    uint64_t dims[ENG_MAX_DIMS]; /* dims[0] is contiguous; 1 past n_dims; never 0 */
    const void *data;            /* aligned to 8 bytes at least */
    uint64_t bytes;
};

/* In file order. NULL when i is out of range. */
size_t eng_gguf_tensor_count(const struct eng_gguf *gguf);
const struct eng_tensor *eng_gguf_tensor_at(const struct eng_gguf *gguf, size_t i);
const struct eng_tensor *eng_gguf_find_tensor(const struct eng_gguf *gguf, const char *name);

/* ---- Writing ----------------------------------------------------------------------- */

struct eng_gguf_writer;

/* NULL when out of memory. The put functions report nothing: the first thing that goes
 * wrong (memory, a name twice, a size that does not fit) is reported by save. Names and
 * values are copied; tensor data is not and has to live until save. */
struct eng_gguf_writer *eng_gguf_writer_new(void);
void eng_gguf_writer_free(struct eng_gguf_writer *writer); /* takes NULL */

void eng_gguf_put_u32(struct eng_gguf_writer *writer, const char *name, uint32_t value);
void eng_gguf_put_u64(struct eng_gguf_writer *writer, const char *name, uint64_t value);
void eng_gguf_put_i64(struct eng_gguf_writer *writer, const char *name, int64_t value);
void eng_gguf_put_f32(struct eng_gguf_writer *writer, const char *name, float value);
void eng_gguf_put_bool(struct eng_gguf_writer *writer, const char *name, bool value);
void eng_gguf_put_string(struct eng_gguf_writer *writer, const char *name, struct eng_string value);
void eng_gguf_put_strings(struct eng_gguf_writer *writer, const char *name,
                          const struct eng_string *values, size_t n);
void eng_gguf_put_i32s(struct eng_gguf_writer *writer, const char *name, const int32_t *values,
                       size_t n);
void eng_gguf_put_f32s(struct eng_gguf_writer *writer, const char *name, const float *values,
                       size_t n);
/* A key of another file, as it is. */
void eng_gguf_put_key(struct eng_gguf_writer *writer, const struct eng_key *key);

/* data: as many bytes as type and dims ask for. */
void eng_gguf_put_tensor(struct eng_gguf_writer *writer, const char *name,
                         enum eng_tensor_type type, uint32_t n_dims, const uint64_t *dims,
                         const void *data);

/* Writes a tensor's bytes to out; save stops at an error. */
typedef enum eng_status (*eng_make)(void *user, void *out, uint64_t bytes, struct eng_error *err);

/* The same for data that is made when save writes it, so that one such tensor at a time is in
 * memory. user has to live until save. */
void eng_gguf_put_made_tensor(struct eng_gguf_writer *writer, const char *name,
                              enum eng_tensor_type type, uint32_t n_dims, const uint64_t *dims,
                              eng_make make, void *user);

/* Writes the file beside path, flushes it to disk and renames it over path: path holds
 * the old or the new file, never a part. */
enum eng_status eng_gguf_writer_save(struct eng_gguf_writer *writer, const char *path,
                                     struct eng_error *err);

#endif
