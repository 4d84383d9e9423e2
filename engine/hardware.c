/* What this machine offers, from the processor itself (cpuid), the scheduler's mask and
 * /sys. Answers are computed anew at each call: they are asked for a few times in a
 * process's life, and a cache would be mutable state. Nothing is benchmarked here.
 */
#if defined(__linux__)
#define _GNU_SOURCE /* sched_getaffinity */
#endif
#include "engine/hardware.h"
#include "engine/kernels/kernels.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#if defined(__linux__)
#include <sched.h>
#include <sys/syscall.h>
#endif
#if defined(__linux__) && defined(__aarch64__)
#include <sys/auxv.h>
#endif
#if defined(__x86_64__)
#include <cpuid.h>
#endif

#if defined(__x86_64__)
/* Clang 14's __builtin_cpu_supports knows no "f16c". */
static bool has_f16c(void)
{
    unsigned eax, ebx, ecx, edx;
    return __get_cpuid(1, &eax, &ebx, &ecx, &edx) && (ecx & bit_F16C);
}
#endif

#if defined(__x86_64__)
static bool has_avx_vnni(void)
{
    enum { LEAF_7_1_AVX_VNNI = 1 << 4 };
    unsigned eax, ebx, ecx, edx;
    return __get_cpuid_count(7, 1, &eax, &ebx, &ecx, &edx) && (eax & LEAF_7_1_AVX_VNNI);
}

/* Tiles are 8 KB of registers, and the system gives a process room to save them only when it asks.
 * It may refuse: an old kernel, a filter on system calls, a signal stack that is too small. */
static bool has_amx(void)
{
#if defined(__linux__) && defined(SYS_arch_prctl)
    enum { REQUEST_PERMISSION = 0x1023, TILE_DATA = 18 };
    enum { LEAF_7_TILE = 1 << 24, LEAF_7_BF16 = 1 << 22 };
    unsigned eax, ebx, ecx, edx;
    if (!__get_cpuid_count(7, 0, &eax, &ebx, &ecx, &edx)) return false;
    if (!(edx & LEAF_7_TILE) || !(edx & LEAF_7_BF16)) return false;
    return syscall(SYS_arch_prctl, REQUEST_PERMISSION, TILE_DATA) == 0;
#else
    return false;
#endif
}
#endif

void eng_cpu_detect(struct eng_cpu *out)
{
    *out = (struct eng_cpu){.avx2 = false};
#if defined(__x86_64__)
    /* These look at XCR0 too: a set counts only when the system saves its registers. */
    __builtin_cpu_init();
    out->avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && has_f16c();
    out->avx_vnni = out->avx2 && has_avx_vnni();
    out->avx512 = __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
                  __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq");
    out->avx512_vnni = out->avx512 && __builtin_cpu_supports("avx512vnni");
    out->avx512_bf16 = out->avx512 && __builtin_cpu_supports("avx512bf16");
    out->amx = out->avx512_bf16 && has_amx();
    out->amd = __builtin_cpu_is("amd");
#elif defined(__linux__) && defined(__aarch64__)
    enum { DOTPROD = 1 << 20, I8MM = 1 << 13 }; /* in the first and the second word */
    out->neon_dotprod = (getauxval(AT_HWCAP) & DOTPROD) != 0;
    out->neon_i8mm = (getauxval(AT_HWCAP2) & I8MM) != 0;
#endif
}

static void brand_string(char out[64])
{
    out[0] = '\0';
#if defined(__x86_64__)
    unsigned leaf[12] = {0}, highest = __get_cpuid_max(0x80000000u, NULL);
    if (highest < 0x80000004u) return;
    for (unsigned i = 0; i < 3; i++)
        __get_cpuid(0x80000002u + i, &leaf[4 * i], &leaf[4 * i + 1], &leaf[4 * i + 2],
                    &leaf[4 * i + 3]);
    char text[sizeof leaf + 1] = {0};
    memcpy(text, leaf, sizeof leaf);
    const char *start = text + strspn(text, " ");
    snprintf(out, 64, "%s", start);
#endif
}

#if defined(__linux__)
/* True when no other usable processor before this one shares its core. */
static bool first_of_core(int cpu, const cpu_set_t *usable)
{
    char path[96], line[256];
    snprintf(path, sizeof path, "/sys/devices/system/cpu/cpu%d/topology/thread_siblings_list", cpu);
    FILE *file = fopen(path, "r");
    if (!file) return true;
    bool first = true;
    if (fgets(line, sizeof line, file)) {
        /* "0,4" or "0-1" or a mix. */
        for (char *at = line; *at >= '0' && *at <= '9';) {
            long from = strtol(at, &at, 10), to = from;
            if (*at == '-') to = strtol(at + 1, &at, 10);
            for (long sibling = from; sibling <= to && sibling < cpu; sibling++)
                if (CPU_ISSET((size_t)sibling, usable)) first = false;
            if (*at == ',') at++;
        }
    }
    fclose(file);
    return first;
}
#endif

static void count_cpus(int *logical, int *physical)
{
    *logical = *physical = 0;
#if defined(__linux__)
    cpu_set_t usable;
    if (sched_getaffinity(0, sizeof usable, &usable) == 0) {
        for (int cpu = 0; cpu < CPU_SETSIZE; cpu++) {
            if (!CPU_ISSET((size_t)cpu, &usable)) continue;
            (*logical)++;
            if (first_of_core(cpu, &usable)) (*physical)++;
        }
    }
#endif
    if (*logical == 0) {
        long online = sysconf(_SC_NPROCESSORS_ONLN);
        *logical = *physical = online > 0 ? (int)online : 1;
    }
    if (*physical == 0) *physical = 1;
}

int eng_default_threads(void)
{
    int logical, physical;
    count_cpus(&logical, &physical);
    return physical < 4 ? physical : 4;
}

/* The instructions that decide which kernels run, as one of a few fixed strings. */
static const char *instruction_names(const struct eng_cpu *cpu)
{
#if defined(__aarch64__)
    if (cpu->neon_dotprod && cpu->neon_i8mm) return "neon dotprod i8mm";
    return cpu->neon_dotprod ? "neon dotprod" : "neon";
#else
    if (cpu->amx && cpu->avx512_vnni)
        return "avx2 fma f16c avx512f avx512bw avx512vl avx512dq avx512vnni avx512bf16 amx_tile "
               "amx_bf16";
    if (cpu->avx512_bf16 && cpu->avx512_vnni)
        return "avx2 fma f16c avx512f avx512bw avx512vl avx512dq avx512vnni avx512bf16";
    if (cpu->avx512_vnni) return "avx2 fma f16c avx512f avx512bw avx512vl avx512dq avx512vnni";
    if (cpu->avx512) return "avx2 fma f16c avx512f avx512bw avx512vl avx512dq";
    if (cpu->avx_vnni) return "avx2 fma f16c avx_vnni";
    if (cpu->avx2) return "avx2 fma f16c";
    return "";
#endif
}

void eng_hardware_get(struct eng_hardware *out)
{
    struct eng_cpu cpu;
    int physical;
    eng_cpu_detect(&cpu);
    brand_string(out->cpu);
    count_cpus(&out->logical_cpus, &physical);
    out->threads = physical < 4 ? physical : 4;

    long pages = sysconf(_SC_PHYS_PAGES), page = sysconf(_SC_PAGESIZE);
    out->memory_bytes = pages > 0 && page > 0 ? (uint64_t)pages * (uint64_t)page : 0;

    const struct eng_kernels *kernels = eng_kernels_choose(getenv("ESPALIER_CPU"));
    if (!kernels) kernels = eng_kernels_choose(NULL);
    out->kernels = kernels->name;
    out->instructions = instruction_names(&cpu);
}
