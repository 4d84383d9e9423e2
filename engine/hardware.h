/* hardware.h: what the processor can do. Internal to the engine; see eng_hardware_get for
 * what users are told. */
#ifndef ESPALIER_ENGINE_HARDWARE_H
#define ESPALIER_ENGINE_HARDWARE_H

#include "engine/engine.h"

struct eng_cpu {
    bool avx2; /* AVX2, FMA and F16C */
    bool avx_vnni;
    bool avx512; /* F, BW, VL and DQ */
    bool avx512_vnni;
    bool avx512_bf16;
    bool amx; /* tiles of bf16, and the system lets this process use them */
    bool amd;
    bool neon_dotprod, neon_i8mm; /* of arm64 */
};
/* Where the processor has AMX, asks the system for its permission, which then holds for the whole
 * process and those that it starts. */
void eng_cpu_detect(struct eng_cpu *out);

/* One for each physical core that this process may use, at most 4, at least 1. */
int eng_default_threads(void);

#endif
