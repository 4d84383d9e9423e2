/* cache.h: the index as bytes, and as a file that outlives the process.
 *
 * Format, little-endian, no padding:
 *
 *   "ESPINDEX"  u32 version  u32 files  u64 bytes behind the header  u64 FNV-1a of these
 *   per file:   u16 path length, path
 *               i64 modified  u64 size  u64 hash
 *               u8 language id's length, id
 *               u32 text length, text  u32 symbols
 *   per symbol: u32 name  u32 name length  u32 header  u32 header length  u32 line
 *               i32 owner  u8 kind
 *
 * A cache is hostile until checked: every length against what is left, every offset against its
 * text, owners against symbols in front of them, text for being UTF-8. One wrong byte and nothing
 * of it is used; what is lost is read from the sources again.
 *
 * The file is one of lsp/kept.h.
 */
#ifndef ESPALIER_INDEX_CACHE_H
#define ESPALIER_INDEX_CACHE_H

#include "lsp/index/store.h"

#define IDX_CACHE_VERSION   1u
#define IDX_CACHE_MAX_BYTES (512u * 1024u * 1024u)

/* The store as bytes, the caller's to free; NULL when out of memory or too large. Files whose text
 * came from an editor are left out. */
char *idx_cache_write(const struct idx_store *store, size_t *len);

/* Checks all of it, then puts the files into the store, as far as its limits go. IDX_BAD_FILE:
 * nothing was put; why (at least 128 bytes) says what was wrong. */
enum idx_status idx_cache_read(const char *bytes, size_t len, struct idx_store *store,
                               char why[128]);

/* The same with a file. No file is IDX_BAD_FILE with an empty `why`. */
enum idx_status idx_cache_load(const char *path, struct idx_store *store, char why[128]);
bool idx_cache_save(const char *path, const struct idx_store *store);

#endif
