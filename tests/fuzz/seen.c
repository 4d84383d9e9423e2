/* The list of texts that had nothing to tell: any bytes are refused with a reason, or make a set
 * that is written as the same entries. With a right checksum put in as well. */
#include "lsp/assist/review/seen.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void read_bytes(const char *bytes, size_t size)
{
    struct rev_seen *seen = rev_seen_new(), *again = rev_seen_new();
    if (!seen || !again) abort();
    const char *wrong = rev_seen_read(seen, bytes, size);
    if (wrong && (!*wrong || rev_seen_count(seen) > 0)) abort();
    struct rev_seen_key key = rev_seen_key(size, bytes, size);
    bool was = rev_seen_find(seen, key);
    rev_seen_add(seen, key);
    if (!rev_seen_find(seen, key) || rev_seen_changed(seen) == was) abort();
    size_t len;
    char *written = rev_seen_write(seen, &len);
    if (!written || rev_seen_read(again, written, len)) abort();
    if (rev_seen_count(again) != rev_seen_count(seen) || !rev_seen_find(again, key)) abort();
    free(written);
    rev_seen_free(again);
    rev_seen_free(seen);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    enum { HEADER = 24 };
    char *bytes = malloc(size ? size : 1);
    if (!bytes) return 0;
    memcpy(bytes, data, size);
    read_bytes(bytes, size);
    if (size >= HEADER) {
        uint64_t sum = UINT64_C(14695981039346656037);
        for (size_t i = HEADER; i < size; i++)
            sum = (sum ^ (uint8_t)bytes[i]) * UINT64_C(1099511628211);
        uint64_t fields[2] = {(size - HEADER) / 16, sum};
        for (int i = 0; i < 16; i++)
            bytes[8 + i] = (char)(fields[i / 8] >> 8 * (i % 8));
        memcpy(bytes, "ESPSEEN1", 8);
        read_bytes(bytes, size);
    }
    free(bytes);
    return 0;
}
