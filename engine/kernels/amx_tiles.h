/* amx_tiles.h: the tiles' configuration, of which there is one: all are 16 rows of 64 bytes.
 * Included by files that are compiled for AMX, only. */
#ifndef ESPALIER_ENGINE_KERNELS_AMX_TILES_H
#define ESPALIER_ENGINE_KERNELS_AMX_TILES_H

#include <immintrin.h>
#include <stdint.h>

#define TILE_ROWS  16
#define TILE_BYTES 64u /* of a row */

/* What _tile_loadconfig reads. */
struct tile_config {
    uint8_t palette, start_row, reserved[14];
    uint16_t row_bytes[16];
    uint8_t rows[16];
};
_Static_assert(sizeof(struct tile_config) == 64, "the format is the processor's");

static inline void tiles_configure(void)
{
    struct tile_config config = {.palette = 1};
    for (int t = 0; t < 8; t++) {
        config.row_bytes[t] = TILE_BYTES;
        config.rows[t] = TILE_ROWS;
    }
    _tile_loadconfig(&config);
}

/* Fetches what a tile takes from sixteen lines in a row into the nearest cache. A tile's load waits
 * for its lines one after the other, and holds up the products behind it. */
static inline void tile_prefetch(const uint16_t *tile)
{
    const char *line = (const char *)tile;
    for (int i = 0; i < TILE_ROWS; i++)
        _mm_prefetch(line + (size_t)i * TILE_BYTES, _MM_HINT_T0);
}

#endif
