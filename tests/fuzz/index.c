/* The index's cache: any bytes are either refused with a reason or make entries that can be used in
 * every way that the server uses them. With a right checksum put in, so that the checks behind it
 * are reached. */
#include "lsp/index/cache.h"
#include "lsp/index/select.h"

#include "grammars/grammars.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { HEADER = 32 };

static void use(struct idx_store *store)
{
    static const char text[] = "int main(void)\n{\n    one(two);\n\n\n\n}\n";
    static struct idx_selection selection;
    struct idx_file file;
    for (uint32_t i = 0; i < idx_store_end(store); i++) {
        if (!idx_store_file(store, i, &file)) continue;
        for (uint32_t k = 0; k < file.entry->count; k++) {
            const struct idx_symbol *s = &file.entry->symbols[k];
            if (s->owner >= (int32_t)k) abort();
            if ((uint64_t)s->header + s->header_len > file.entry->text_len) abort();
            if ((uint64_t)s->name + s->name_len > file.entry->text_len) abort();
        }
        struct idx_query query = {.path = file.path,
                                  .root = "",
                                  .lang = gram_by_id("c"),
                                  .text = text,
                                  .near_end = sizeof text - 1,
                                  .sources = IDX_ALL_SOURCES};
        idx_select(store, NULL, &query, &selection);
        query.path = "/w/ring.c";
        idx_select(store, NULL, &query, &selection);
    }
    size_t len;
    char why[128], *bytes = idx_cache_write(store, &len);
    const struct idx_limits limits = {1u << 22, 100};
    struct idx_store *copy = idx_store_new(&limits);
    if (!bytes || !copy || idx_cache_read(bytes, len, copy, why) != IDX_OK) abort();
    idx_store_free(copy);
    free(bytes);
    idx_store_sweep(store, "/w");
}

static void read_bytes(const char *bytes, size_t size)
{
    const struct idx_limits limits = {1u << 22, 100};
    struct idx_store *store = idx_store_new(&limits);
    char why[128] = "";
    if (!store) return;
    enum idx_status status = idx_cache_read(bytes, size, store, why);
    if (status == IDX_OK)
        use(store);
    else if (status == IDX_BAD_FILE && !why[0])
        abort();
    idx_store_free(store);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *bytes = malloc(size ? size : 1);
    if (!bytes) return 0;
    memcpy(bytes, data, size);
    read_bytes(bytes, size);
    if (size >= HEADER) {
        uint64_t fields[2] = {size - HEADER, idx_hash(bytes + HEADER, size - HEADER)};
        for (int i = 0; i < 16; i++)
            bytes[16 + i] = (char)(fields[i / 8] >> 8 * (i % 8));
        read_bytes(bytes, size);
    }
    free(bytes);
    return 0;
}
