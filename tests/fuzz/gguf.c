/* gguf.c: fuzz target. Opens the input as a GGUF block and touches all that the reader
 * hands out: every key as text and by every typed look-up, every array to its end, the first
 * and last byte of every tensor, everything by its name. */
#include "engine/gguf.h"

#include <stdlib.h>
#include <string.h>

#define REQUIRE(condition)                                                                         \
    do {                                                                                           \
        if (!(condition)) abort();                                                                 \
    } while (0)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Results go here so that reading cannot be optimised away. */
static void use(const void *bytes, size_t n)
{
    static volatile uint8_t sink;
    if (n > 0)
        sink = (uint8_t)(sink + ((const uint8_t *)bytes)[0] + ((const uint8_t *)bytes)[n - 1]);
}

static void read_arrays(const struct eng_gguf *gguf, const char *name)
{
    struct eng_array array = {0};
    struct eng_string s;
    int64_t integer;
    float value;
    eng_gguf_get_array(gguf, name, ENG_REQUIRED, ENG_STRINGS, &array, NULL);
    while (eng_array_next_string(&array, &s))
        use(s.text, s.len);
    eng_gguf_get_array(gguf, name, ENG_REQUIRED, ENG_INTEGERS, &array, NULL);
    while (eng_array_next_i64(&array, &integer))
        use(&integer, sizeof integer);
    eng_gguf_get_array(gguf, name, ENG_REQUIRED, ENG_FLOATS, &array, NULL);
    while (eng_array_next_f32(&array, &value))
        use(&value, sizeof value);
}

static void read_key(const struct eng_gguf *gguf, const struct eng_key *key)
{
    char line[128], message[sizeof(struct eng_error)];
    struct eng_error err;
    uint32_t u32 = 0;
    uint64_t u64 = 0;
    int64_t i64 = 0;
    float f32 = 0;
    bool flag = false;
    struct eng_string s = {"", 0};
    REQUIRE(eng_gguf_find_key(gguf, key->name) == key);
    REQUIRE(memchr(eng_key_format(key, line, sizeof line), 0, sizeof line) != NULL);
    use(key->bytes, key->size);
    bool read = eng_gguf_get_u32(gguf, key->name, ENG_REQUIRED, &u32, &err) == ENG_OK;
    read |= eng_gguf_get_u64(gguf, key->name, ENG_REQUIRED, &u64, &err) == ENG_OK;
    read |= eng_gguf_get_i64(gguf, key->name, ENG_REQUIRED, &i64, &err) == ENG_OK;
    read |= eng_gguf_get_f32(gguf, key->name, ENG_REQUIRED, &f32, &err) == ENG_OK;
    read |= eng_gguf_get_bool(gguf, key->name, ENG_REQUIRED, &flag, &err) == ENG_OK;
    read |= eng_gguf_get_string(gguf, key->name, ENG_REQUIRED, &s, &err) == ENG_OK;
    use(s.text, s.len);
    REQUIRE(read == (key->type != ENG_VALUE_ARRAY));
    memcpy(message, &err, sizeof message);
    REQUIRE(memchr(message, 0, sizeof message) != NULL);
    read_arrays(gguf, key->name);
}

static void read_tensor(const struct eng_gguf *gguf, const struct eng_tensor *tensor)
{
    uint64_t values = 1, bytes = 0;
    for (uint32_t d = 0; d < ENG_MAX_DIMS; d++)
        values *= tensor->dims[d];
    REQUIRE(eng_type_bytes((uint32_t)tensor->type, values, &bytes) && bytes == tensor->bytes);
    REQUIRE(eng_gguf_find_tensor(gguf, tensor->name) == tensor);
    REQUIRE((uintptr_t)tensor->data % 8 == 0);
    use(tensor->data, (size_t)tensor->bytes);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct eng_gguf *gguf = NULL;
    struct eng_error err;
    /* A copy of exactly this size, aligned as the reader asks. */
    uint8_t *block = malloc(size ? size : 1);
    if (!block) return 0;
    if (size > 0) memcpy(block, data, size);
    if (eng_gguf_open_memory(block, size, &gguf, &err) == ENG_OK) {
        for (size_t i = 0; i < eng_gguf_key_count(gguf); i++)
            read_key(gguf, eng_gguf_key_at(gguf, i));
        for (size_t i = 0; i < eng_gguf_tensor_count(gguf); i++)
            read_tensor(gguf, eng_gguf_tensor_at(gguf, i));
    } else {
        REQUIRE(gguf == NULL);
    }
    eng_gguf_close(gguf);
    free(block);
    return 0;
}
