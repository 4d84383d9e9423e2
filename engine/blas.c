/* OpenBLAS, loaded when a model first wants it and kept for the life of the process.
 *
 * It is opened at run time, not linked, for one reason: which kernels it uses is decided
 * in its constructor, from the processor's model number or, where that is too new for it,
 * from OPENBLAS_CORETYPE in the environment. Debian bookworm's 0.3.21 takes server chips
 * newer than itself for a Prescott and runs at a fifth of the speed. So when the variable
 * is not set, it is set from cpuid just before the library is opened, and removed again.
 *
 * This is the engine's one piece of process-wide state, behind a once-guard: a library's
 * constructor runs once for a process, whatever we do. The environment is not safe against
 * other threads that read or change it at the same moment; a program with threads opens
 * its first such model before it starts them, or sets the variable itself. Where there is a
 * vector set nobody comes here unless ESPALIER_PREFILL=blas asks for it.
 *
 * OpenBLAS's own threads are switched off: our pool calls it from each of its threads, on
 * pieces whose shape does not depend on the number of threads.
 */
#include "engine/blas.h"
#include "engine/hardware.h"

#include <dlfcn.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

typedef void (*sgemm_function)(int order, int trans_a, int trans_b, int m, int n, int k,
                               float alpha, const float *a, int lda, const float *b, int ldb,
                               float beta, float *c, int ldc);

/* Values of the CBLAS enums. */
enum { ROW_MAJOR = 101, NO_TRANSPOSE = 111, TRANSPOSE = 112 };

static void product(const struct eng_blas *blas, int m, int n, int k, const float *a,
                    const float *b, float *c, int ldc)
{
    sgemm_function sgemm;
    memcpy(&sgemm, &blas->sgemm, sizeof sgemm);
    sgemm(ROW_MAJOR, NO_TRANSPOSE, TRANSPOSE, m, n, k, 1.0f, a, k, b, k, 0.0f, c, ldc);
}

/* The newest set of kernels that both this processor and OpenBLAS 0.3.10 on know. NULL:
 * leave the choice to the library. */
static const char *core_for_this_cpu(void)
{
    struct eng_cpu cpu;
    eng_cpu_detect(&cpu);
    if (cpu.avx512) return "SkylakeX";
    if (cpu.avx2) return cpu.amd ? "Zen" : "Haswell";
    return NULL;
}

static void *open_library(void)
{
    static const char *const names[] = {"libopenblas.so.0", "libopenblas.so", "libopenblas.0.dylib",
                                        "libopenblas.dylib"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        void *library = dlopen(names[i], RTLD_NOW | RTLD_LOCAL);
        if (library) return library;
    }
    return NULL;
}

static pthread_once_t once = PTHREAD_ONCE_INIT;
static struct eng_blas loaded; /* written under once; sgemm stays NULL when absent */

static void load(void)
{
    const char *core = getenv("OPENBLAS_CORETYPE") ? NULL : core_for_this_cpu();
    int threads_unset = getenv("OPENBLAS_NUM_THREADS") == NULL;

    if (core) setenv("OPENBLAS_CORETYPE", core, 1);
    if (threads_unset) setenv("OPENBLAS_NUM_THREADS", "1", 1);
    void *library = open_library();
    if (core) unsetenv("OPENBLAS_CORETYPE");
    if (threads_unset) unsetenv("OPENBLAS_NUM_THREADS");
    if (!library) return;

    void (*set_threads)(int) = NULL;
    char *(*core_name)(void) = NULL;
    void *symbol = dlsym(library, "openblas_set_num_threads");
    if (symbol) memcpy(&set_threads, &symbol, sizeof symbol);
    symbol = dlsym(library, "openblas_get_corename");
    if (symbol) memcpy(&core_name, &symbol, sizeof symbol);

    if (set_threads) set_threads(1);
    loaded.core = core_name ? core_name() : "unknown";
    loaded.product = product;
    loaded.sgemm = dlsym(library, "cblas_sgemm");
}

const struct eng_blas *eng_blas_load(void)
{
    pthread_once(&once, load);
    return loaded.sgemm ? &loaded : NULL;
}
