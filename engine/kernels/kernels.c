/* Which kernel set runs here. */
#include "engine/kernels/kernels.h"
#include "engine/hardware.h"

#include <string.h>

static bool runs_here(const struct eng_kernels *set)
{
    struct eng_cpu cpu;
    if (!set) return false;
    eng_cpu_detect(&cpu);
    if (set == eng_kernels_avx2()) return cpu.avx2;
    if (set == eng_kernels_avxvnni()) return cpu.avx2 && cpu.avx_vnni;
    if (set == eng_kernels_avx512()) return cpu.avx512;
    if (set == eng_kernels_avx512_vnni()) return cpu.avx512_vnni;
    if (set == eng_kernels_amx()) return cpu.amx && cpu.avx512_vnni && cpu.avx512_bf16;
    if (set == eng_kernels_neon_dotprod()) return cpu.neon_dotprod;
    if (set == eng_kernels_neon_i8mm()) return cpu.neon_dotprod && cpu.neon_i8mm;
    return true;
}

const struct eng_kernels *eng_kernels_choose(const char *name)
{
    const struct eng_kernels *const best_first[] = {
        eng_kernels_amx(),          eng_kernels_avx512_vnni(), eng_kernels_avx512(),
        eng_kernels_avxvnni(),      eng_kernels_avx2(),        eng_kernels_neon_i8mm(),
        eng_kernels_neon_dotprod(), eng_kernels_neon(),        eng_kernels_ref()};
    for (size_t i = 0; i < sizeof best_first / sizeof best_first[0]; i++) {
        const struct eng_kernels *set = best_first[i];
        if (runs_here(set) && (!name || strcmp(name, set->name) == 0)) return set;
    }
    return NULL;
}
