/* gguf_values.c: reading checked keys as values.
 *
 * The walk in gguf.c has made sure that a key's bytes are all there; what is left to check
 * here is what the caller expects: the type, the range, the presence. Integers are read at
 * whatever width the file chose, as writers differ. Nothing is cached or converted ahead. */
#include "engine/error.h"
#include "engine/gguf.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

const char *eng_value_type_name(enum eng_value_type type)
{
    static const char *const names[] = {"u8",   "i8",     "u16",   "i16", "u32", "i32", "f32",
                                        "bool", "string", "array", "u64", "i64", "f64"};
    return (unsigned)type < sizeof names / sizeof *names ? names[type] : "unknown";
}

/* ---- Single values ----------------------------------------------------------------- */

/* An integer of the file: its sign apart, so that u64 and i64 both fit. */
struct integer {
    bool negative;
    uint64_t bits; /* two's complement when negative */
};

/* Reads one integer (or bool) of the given type, advancing *at. False for other types. */
static bool read_integer(enum eng_value_type type, const uint8_t **at, struct integer *out)
{
    const uint8_t *p = *at;
    int64_t i = 0;
    switch (type) {
    case ENG_VALUE_BOOL:
    case ENG_VALUE_U8:
        out->bits = *p;
        *at = p + 1;
        out->negative = false;
        return true;
    case ENG_VALUE_U16: {
        uint16_t v;
        memcpy(&v, p, sizeof v);
        *out = (struct integer){false, v};
        *at = p + sizeof v;
        return true;
    }
    case ENG_VALUE_U32: {
        uint32_t v;
        memcpy(&v, p, sizeof v);
        *out = (struct integer){false, v};
        *at = p + sizeof v;
        return true;
    }
    case ENG_VALUE_U64: {
        uint64_t v;
        memcpy(&v, p, sizeof v);
        *out = (struct integer){false, v};
        *at = p + sizeof v;
        return true;
    }
    case ENG_VALUE_I8: {
        int8_t v;
        memcpy(&v, p, sizeof v);
        i = v;
        *at = p + sizeof v;
        break;
    }
    case ENG_VALUE_I16: {
        int16_t v;
        memcpy(&v, p, sizeof v);
        i = v;
        *at = p + sizeof v;
        break;
    }
    case ENG_VALUE_I32: {
        int32_t v;
        memcpy(&v, p, sizeof v);
        i = v;
        *at = p + sizeof v;
        break;
    }
    case ENG_VALUE_I64: {
        memcpy(&i, p, sizeof i);
        *at = p + sizeof i;
        break;
    }
    default:
        return false;
    }
    *out = (struct integer){i < 0, (uint64_t)i};
    return true;
}

static bool read_float(enum eng_value_type type, const uint8_t **at, float *out)
{
    if (type == ENG_VALUE_F32) {
        memcpy(out, *at, sizeof *out);
        *at += sizeof *out;
        return true;
    }
    if (type == ENG_VALUE_F64) {
        double d;
        memcpy(&d, *at, sizeof d);
        *at += sizeof d;
        /* Out of range would be undefined; no sane file has it. */
        *out = d > 3e38 ? 3e38f : d < -3e38 ? -3e38f : (float)d;
        return true;
    }
    return false;
}

static void read_string(const uint8_t **at, struct eng_string *out)
{
    uint64_t len;
    memcpy(&len, *at, sizeof len);
    *out = (struct eng_string){(const char *)*at + sizeof len, (size_t)len};
    *at += sizeof len + (size_t)len;
}

/* The key, or NULL with *status ENG_OK when it is absent and need not be there. */
static const struct eng_key *look_up(const struct eng_gguf *gguf, const char *name,
                                     enum eng_need need, enum eng_status *status,
                                     struct eng_error *err)
{
    const struct eng_key *key = eng_gguf_find_key(gguf, name);
    *status = ENG_OK;
    if (!key && need == ENG_REQUIRED)
        *status = eng_fail(err, ENG_BAD_FILE, "GGUF key '%s' is missing", name);
    return key;
}

static enum eng_status wrong_type(const struct eng_key *key, const char *expected,
                                  struct eng_error *err)
{
    bool array = key->type == ENG_VALUE_ARRAY;
    return eng_fail(err, ENG_BAD_FILE, "GGUF key '%s' is %s%s, expected %s", key->name,
                    array ? "an array of " : "", eng_value_type_name(key->element_type), expected);
}

static enum eng_status out_of_range(const struct eng_key *key, struct integer v,
                                    const char *expected, struct eng_error *err)
{
    if (v.negative)
        return eng_fail(err, ENG_BAD_FILE, "GGUF key '%s' is %" PRId64 ", expected %s", key->name,
                        (int64_t)v.bits, expected);
    return eng_fail(err, ENG_BAD_FILE, "GGUF key '%s' is %" PRIu64 ", expected %s", key->name,
                    v.bits, expected);
}

/* Any single integer, bool excluded; *found is false when an optional key is absent. */
static enum eng_status get_integer(const struct eng_gguf *gguf, const char *name,
                                   enum eng_need need, const char *expected,
                                   const struct eng_key **found, struct integer *out,
                                   struct eng_error *err)
{
    enum eng_status status;
    *found = look_up(gguf, name, need, &status, err);
    if (!*found) return status;
    const uint8_t *at = (*found)->bytes;
    if ((*found)->type == ENG_VALUE_BOOL || !read_integer((*found)->type, &at, out))
        return wrong_type(*found, expected, err);
    return ENG_OK;
}

enum eng_status eng_gguf_get_u32(const struct eng_gguf *gguf, const char *name, enum eng_need need,
                                 uint32_t *out, struct eng_error *err)
{
    static const char expected[] = "an integer of 0 to 4294967295";
    const struct eng_key *key;
    struct integer v = {0};
    enum eng_status status = get_integer(gguf, name, need, expected, &key, &v, err);
    if (status != ENG_OK || !key) return status;
    if (v.negative || v.bits > UINT32_MAX) return out_of_range(key, v, expected, err);
    *out = (uint32_t)v.bits;
    return ENG_OK;
}

enum eng_status eng_gguf_get_u64(const struct eng_gguf *gguf, const char *name, enum eng_need need,
                                 uint64_t *out, struct eng_error *err)
{
    static const char expected[] = "an integer of 0 or more";
    const struct eng_key *key;
    struct integer v = {0};
    enum eng_status status = get_integer(gguf, name, need, expected, &key, &v, err);
    if (status != ENG_OK || !key) return status;
    if (v.negative) return out_of_range(key, v, expected, err);
    *out = v.bits;
    return ENG_OK;
}

enum eng_status eng_gguf_get_i64(const struct eng_gguf *gguf, const char *name, enum eng_need need,
                                 int64_t *out, struct eng_error *err)
{
    static const char expected[] = "a signed 64-bit integer";
    const struct eng_key *key;
    struct integer v = {0};
    enum eng_status status = get_integer(gguf, name, need, expected, &key, &v, err);
    if (status != ENG_OK || !key) return status;
    if (!v.negative && v.bits > INT64_MAX) return out_of_range(key, v, expected, err);
    *out = (int64_t)v.bits;
    return ENG_OK;
}

enum eng_status eng_gguf_get_f32(const struct eng_gguf *gguf, const char *name, enum eng_need need,
                                 float *out, struct eng_error *err)
{
    enum eng_status status;
    const struct eng_key *key = look_up(gguf, name, need, &status, err);
    if (!key) return status;
    const uint8_t *at = key->bytes;
    return read_float(key->type, &at, out) ? ENG_OK : wrong_type(key, "a float", err);
}

enum eng_status eng_gguf_get_bool(const struct eng_gguf *gguf, const char *name, enum eng_need need,
                                  bool *out, struct eng_error *err)
{
    enum eng_status status;
    const struct eng_key *key = look_up(gguf, name, need, &status, err);
    if (!key) return status;
    if (key->type != ENG_VALUE_BOOL) return wrong_type(key, "a bool", err);
    *out = *key->bytes != 0;
    return ENG_OK;
}

enum eng_status eng_gguf_get_string(const struct eng_gguf *gguf, const char *name,
                                    enum eng_need need, struct eng_string *out,
                                    struct eng_error *err)
{
    enum eng_status status;
    const struct eng_key *key = look_up(gguf, name, need, &status, err);
    if (!key) return status;
    if (key->type != ENG_VALUE_STRING) return wrong_type(key, "a string", err);
    const uint8_t *at = key->bytes;
    read_string(&at, out);
    return ENG_OK;
}

bool eng_string_is(struct eng_string s, const char *text)
{
    return s.len == strlen(text) && memcmp(s.text, text, s.len) == 0;
}

/* ---- Arrays ------------------------------------------------------------------------ */

static bool is_element(enum eng_value_type type, enum eng_element element)
{
    bool is_float = type == ENG_VALUE_F32 || type == ENG_VALUE_F64;
    switch (element) {
    case ENG_STRINGS:
        return type == ENG_VALUE_STRING;
    case ENG_FLOATS:
        return is_float;
    case ENG_INTEGERS:
        return type != ENG_VALUE_STRING && type != ENG_VALUE_ARRAY && !is_float;
    }
    return false;
}

static const char *element_name(enum eng_element element)
{
    switch (element) {
    case ENG_STRINGS:
        return "an array of strings";
    case ENG_INTEGERS:
        return "an array of integers";
    case ENG_FLOATS:
        return "an array of floats";
    }
    return "an array";
}

enum eng_status eng_gguf_get_array(const struct eng_gguf *gguf, const char *name,
                                   enum eng_need need, enum eng_element element,
                                   struct eng_array *out, struct eng_error *err)
{
    enum eng_status status;
    const struct eng_key *key = look_up(gguf, name, need, &status, err);
    if (!key) return status;
    if (key->type != ENG_VALUE_ARRAY || !is_element(key->element_type, element))
        return wrong_type(key, element_name(element), err);
    *out = (struct eng_array){key->element_type, key->count, key->bytes, key->bytes + key->size};
    return ENG_OK;
}

bool eng_array_next_string(struct eng_array *array, struct eng_string *out)
{
    if (!array->left || array->element_type != ENG_VALUE_STRING) return false;
    read_string(&array->at, out);
    array->left--;
    return true;
}

bool eng_array_next_i64(struct eng_array *array, int64_t *out)
{
    struct integer v;
    if (!array->left || !read_integer(array->element_type, &array->at, &v)) return false;
    array->left--;
    *out = !v.negative && v.bits > INT64_MAX ? INT64_MAX : (int64_t)v.bits;
    return true;
}

bool eng_array_next_f32(struct eng_array *array, float *out)
{
    if (!array->left || !read_float(array->element_type, &array->at, out)) return false;
    array->left--;
    return true;
}

/* ---- As text ----------------------------------------------------------------------- */

#define SHOWN_ELEMENTS 6
#define SHOWN_BYTES    60

/* A bounded line of text; what does not fit is dropped. */
struct line {
    char *out;
    size_t capacity, length;
};

static void put_char(struct line *l, char c)
{
    if (l->length + 1 >= l->capacity) return;
    l->out[l->length++] = c;
    l->out[l->length] = 0;
}

static void put_text(struct line *l, const char *text)
{
    while (*text)
        put_char(l, *text++);
}

static void put_quoted(struct line *l, struct eng_string s, size_t most)
{
    char escape[8];
    put_char(l, '"');
    for (size_t i = 0; i < s.len; i++) {
        unsigned char c = (unsigned char)s.text[i];
        if (i == most) {
            put_text(l, "...");
            break;
        }
        if (c == '"' || c == '\\') {
            put_char(l, '\\');
            put_char(l, (char)c);
        } else if (c == '\n') {
            put_text(l, "\\n");
        } else if (c < 0x20 || c == 0x7f) {
            snprintf(escape, sizeof escape, "\\x%02x", c);
            put_text(l, escape);
        } else {
            put_char(l, (char)c);
        }
    }
    put_char(l, '"');
}

static void put_element(struct line *l, enum eng_value_type type, const uint8_t **at, size_t most)
{
    char number[40];
    struct integer v;
    struct eng_string s;
    float f;
    if (type == ENG_VALUE_STRING) {
        read_string(at, &s);
        put_quoted(l, s, most);
    } else if (read_float(type, at, &f)) {
        snprintf(number, sizeof number, "%g", (double)f);
        put_text(l, number);
    } else if (read_integer(type, at, &v)) {
        if (type == ENG_VALUE_BOOL)
            snprintf(number, sizeof number, "%s", v.bits ? "true" : "false");
        else if (v.negative)
            snprintf(number, sizeof number, "%" PRId64, (int64_t)v.bits);
        else
            snprintf(number, sizeof number, "%" PRIu64, v.bits);
        put_text(l, number);
    }
}

const char *eng_key_format(const struct eng_key *key, char *out, size_t capacity)
{
    struct line l = {out, capacity, 0};
    const uint8_t *at = key->bytes;
    if (capacity) out[0] = 0;
    if (key->type != ENG_VALUE_ARRAY) {
        put_element(&l, key->type, &at, capacity);
        return out;
    }
    char head[64];
    snprintf(head, sizeof head, "%s[%" PRIu64 "] {", eng_value_type_name(key->element_type),
             key->count);
    put_text(&l, head);
    for (uint64_t i = 0; i < key->count && i < SHOWN_ELEMENTS; i++) {
        if (i > 0) put_text(&l, ", ");
        put_element(&l, key->element_type, &at, SHOWN_BYTES);
    }
    put_text(&l, key->count > SHOWN_ELEMENTS ? ", ...}" : "}");
    return out;
}
