/* bench_engine: how fast the engine computes here, as a table.
 *
 *   bench_engine [--context N] [--threads N] [--layers N] [--width N] [--window N] [--model FILE]
 *                [--set NAME] [--runs N] [--decode N] [--prompts N,N]
 *
 * Without a file it writes a random model of the default size (d 512, 8 layers, 8 heads, 4
 * key-value heads of 64, ReLU^2 of 1536, vocabulary 8192, additive structure; --window: all layers
 * but every third attend to as many tokens and what the tree chooses). For each kernel set and way
 * of multiplying: prompts of two lengths, and decoding after them. The best of several runs is
 * shown, as other work on the machine only ever makes one slower. */
#include "engine/blas.h"
#include "tests/engine/random_model.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

struct settings {
    const char *path, *set; /* set: only this one, by its own kernels */
    const char *prompts;    /* lengths, NULL: 400 and as long as fits */
    uint32_t context, layers, width, window;
    int threads, runs, decoded;
};

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* ---- sgemm ------------------------------------------------------------------------- */

/* GFLOP/s of one thread on the products that prefill makes. Runs in a process of its own:
 * which kernels OpenBLAS takes is decided once in a process. */
static void measure_sgemm(const char *label, const char *core)
{
    fflush(stdout);
    pid_t child = fork();
    if (child != 0) {
        if (child > 0) waitpid(child, NULL, 0);
        return;
    }
    if (core)
        setenv("OPENBLAS_CORETYPE", core, 1);
    else
        unsetenv("OPENBLAS_CORETYPE");
    const struct eng_blas *blas = eng_blas_load();
    if (!blas) {
        printf("%-28s OpenBLAS is not installed\n", label);
        fflush(stdout);
        _exit(0);
    }
    enum { M = 32, N = 128, K = 512, BIG = 512 };
    float *a = calloc(BIG * BIG, sizeof *a), *b = calloc(BIG * BIG, sizeof *b);
    float *c = calloc(BIG * BIG, sizeof *c);
    double rates[2] = {0};
    for (int big = 0; big < 2; big++) {
        int m = big ? BIG : M, n = big ? BIG : N, repeat = big ? 4 : 100;
        for (int run = 0; run < 8; run++) {
            double start = now();
            for (int i = 0; i < repeat; i++)
                blas->product(blas, m, n, K, a, b, c, n);
            double rate = 2e-9 * m * n * K * repeat / (now() - start);
            if (rate > rates[big]) rates[big] = rate;
        }
    }
    printf("%-28s %-10s %6.0f GFLOP/s at 32x128x512, %4.0f at 512x512x512\n", label, blas->core,
           rates[0], rates[1]);
    fflush(stdout);
    _exit(0);
}

/* ---- Prompts and decoding ---------------------------------------------------------- */

static void measure_model(const struct settings *s, const char *set, const char *prefill)
{
    struct eng_error err = {""};
    struct eng_model *model;
    struct eng_session *session;
    struct eng_model_options options = {.threads = s->threads};

    setenv("ESPALIER_CPU", set, 1);
    setenv("ESPALIER_PREFILL", prefill, 1);
    double start = now();
    if (eng_model_open(s->path, &options, &model, &err) != ENG_OK) {
        printf("%-8s %-5s %s\n", set, prefill, err.text);
        return;
    }
    double open_ms = 1e3 * (now() - start);
    if (eng_session_new(model, s->context, &session, &err) != ENG_OK) {
        printf("%-8s %-5s %s\n", set, prefill, err.text);
        eng_model_close(model);
        return;
    }
    const struct eng_model_info *info = eng_model_info(model);
    struct eng_input *inputs = calloc(s->context, sizeof *inputs);
    random_inputs(1, info->vocab, inputs, s->context);

    const size_t decoded = (size_t)s->decoded;
    size_t lengths[2] = {400, s->context - decoded};
    if (s->prompts && sscanf(s->prompts, "%zu,%zu", &lengths[0], &lengths[1]) < 2) lengths[1] = 0;
    bool slow = strcmp(set, "ref") == 0;
    for (size_t l = 0; l < 2; l++) {
        if (l == 1 && (slow || lengths[1] <= lengths[0])) break;
        double best_prompt = 1e9, best_decode = 1e9;
        for (int run = 0; run < (slow ? 1 : s->runs); run++) {
            eng_session_rewind(session, 0);
            start = now();
            enum eng_status status =
                eng_session_sync(session, inputs, lengths[l], NULL, NULL, &err);
            double prompt = now() - start;
            start = now();
            for (size_t i = 0; i < decoded && status == ENG_OK; i++)
                status = eng_session_append(session, &inputs[lengths[l] + i], NULL, &err);
            double decode = now() - start;
            if (status != ENG_OK) printf("%s\n", err.text);
            if (prompt < best_prompt) best_prompt = prompt;
            if (decode < best_decode) best_decode = decode;
        }
        printf("%-8s %-5s %6zu %10.1f %10.0f %10.0f %8.0f %8.1f\n", info->kernels, prefill,
               lengths[l], 1e3 * best_prompt, (double)lengths[l] / best_prompt,
               (double)decoded / best_decode, open_ms,
               (double)eng_session_bytes(session) / (1 << 20));
        fflush(stdout);
    }
    free(inputs);
    eng_session_free(session);
    eng_model_close(model);
}

static const char *default_model(const struct settings *s, char *path)
{
    struct random_model spec = {.architecture = "espalier",
                                .structure = "additive",
                                .activation = "relu2",
                                .type = ENG_Q8_0,
                                .layers = s->layers,
                                .d_model = s->width,
                                .heads = s->width / 64,
                                .kv_heads = s->width / 128,
                                .head_dim = 64,
                                .d_ff = 3 * s->width,
                                .vocab = 8192,
                                .context = s->context,
                                .tied = true,
                                .qk_norm = true,
                                .window = s->window,
                                .sparse_layers = 0xdb6db6db, /* all but each third */
                                .seed = 1};
    struct eng_error err = {""};
    int file = mkstemp(path);
    if (file < 0) return NULL;
    close(file);
    if (random_model_write(&spec, path, &err) == ENG_OK) return path;
    fprintf(stderr, "%s\n", err.text);
    unlink(path);
    return NULL;
}

int main(int argc, char **argv)
{
    struct settings s = {
        .context = 512, .layers = 8, .width = 512, .threads = 0, .runs = 5, .decoded = 32};
    char path[] = "/tmp/espalier-bench-XXXXXX";
    for (int i = 1; i + 1 < argc; i += 2) {
        if (strcmp(argv[i], "--context") == 0) s.context = (uint32_t)atoi(argv[i + 1]);
        if (strcmp(argv[i], "--threads") == 0) s.threads = atoi(argv[i + 1]);
        if (strcmp(argv[i], "--layers") == 0) s.layers = (uint32_t)atoi(argv[i + 1]);
        if (strcmp(argv[i], "--width") == 0) s.width = (uint32_t)atoi(argv[i + 1]);
        if (strcmp(argv[i], "--window") == 0) s.window = (uint32_t)atoi(argv[i + 1]);
        if (strcmp(argv[i], "--model") == 0) s.path = argv[i + 1];
        if (strcmp(argv[i], "--set") == 0) s.set = argv[i + 1];
        if (strcmp(argv[i], "--runs") == 0) s.runs = atoi(argv[i + 1]);
        if (strcmp(argv[i], "--decode") == 0) s.decoded = atoi(argv[i + 1]);
        if (strcmp(argv[i], "--prompts") == 0) s.prompts = argv[i + 1];
    }
    if (s.prompts) { /* room for the longest */
        const char *comma = strchr(s.prompts, ',');
        s.context = (uint32_t)(atoi(comma ? comma + 1 : s.prompts) + s.decoded);
        if (s.context < 440) s.context = 440;
    }
    if (s.context < 440 || s.width < 128 || s.width % 128 != 0 || s.layers < 1) {
        fprintf(stderr, "expected --context of at least 440, --width a multiple of 128\n");
        return 2;
    }
    const char *given = s.path;
    if (!s.path) s.path = default_model(&s, path);
    if (!s.path) return 2;

    struct eng_hardware hardware;
    eng_hardware_get(&hardware);
    printf("%s, %d processors, %d threads by default, %s\n\n", hardware.cpu, hardware.logical_cpus,
           hardware.threads, hardware.instructions);
    if (!s.set) {
        measure_sgemm("sgemm, kernels by cpuid", NULL);
        measure_sgemm("sgemm, OpenBLAS's own choice", "");
        measure_sgemm("sgemm, chip unknown to it", "Prescott");
    }

    printf("\n%-8s %-5s %6s %10s %10s %10s %8s %8s\n", "kernels", "by", "prompt", "ms", "prefill/s",
           "decode/s", "open ms", "MiB");
    static const char *const sets[] = {"amx",      "avx512vnni",  "avx512", "avxvnni", "avx2",
                                       "neoni8mm", "neondotprod", "neon",   "ref"};
    for (size_t i = 0; i < sizeof sets / sizeof sets[0]; i++) {
        setenv("ESPALIER_CPU", sets[i], 1);
        eng_hardware_get(&hardware);
        if (strcmp(hardware.kernels, sets[i]) != 0) continue;
        if (s.set && strcmp(sets[i], s.set) != 0) continue;
        measure_model(&s, sets[i], "int8");
        if (!s.set) measure_model(&s, sets[i], "blas");
    }
    if (!given) unlink(path);
    return 0;
}
