/* Small machines: one processor for everything, and less memory than was asked for.
 *
 * The process limits itself, as a container or a shell would; what cannot be had has to be said,
 * and nothing may hang, spin or crash for want of it. Limits of memory are left out under a
 * sanitizer, which needs more address space than there is memory. */
#if defined(__linux__)
#define _GNU_SOURCE /* sched_setaffinity */
#endif
#include "engine/cache.h"
#include "engine/model.h"
#include "tests/engine/opened.h"
#include "tests/engine/random_model.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#if defined(__linux__)
#include <sched.h>
#include <sys/resource.h>
#include <sys/wait.h>

enum { TOKENS = 200, VOCAB = 270, CONTEXT = 2048 };

static void write_model(char path[64])
{
    const struct random_model spec = {.architecture = "espalier",
                                      .structure = "additive",
                                      .activation = "relu2",
                                      .type = ENG_Q8_0,
                                      .layers = 4,
                                      .d_model = 256,
                                      .heads = 8,
                                      .kv_heads = 4,
                                      .head_dim = 32,
                                      .d_ff = 512,
                                      .vocab = VOCAB,
                                      .context = CONTEXT,
                                      .tied = true,
                                      .seed = 4};
    struct eng_error err = {""};
    snprintf(path, 64, "/tmp/espalier-small-XXXXXX");
    int file = mkstemp(path);
    assert_true(file >= 0);
    close(file);
    if (random_model_write(&spec, path, &err) != ENG_OK) fail_msg("%s", err.text);
}

static double clock_ms(clockid_t clock)
{
    struct timespec now;
    clock_gettime(clock, &now);
    return (double)now.tv_sec * 1e3 + (double)now.tv_nsec / 1e6;
}

/* ---- One processor --------------------------------------------------------------------- */

static void evaluate(struct eng_session *session, const struct eng_input *inputs, float *out)
{
    struct eng_error err = {""};
    if (eng_session_sync(session, inputs, TOKENS - 8, NULL, NULL, &err) != ENG_OK)
        fail_msg("%s", err.text);
    for (size_t i = TOKENS - 8; i < TOKENS; i++)
        if (eng_session_append(session, &inputs[i], NULL, &err) != ENG_OK) fail_msg("%s", err.text);
    memcpy(out, eng_session_logits(session), VOCAB * sizeof *out);
}

/* As many threads as there are processors, and more: the same bits, an end, and then silence. */
static void test_one_processor(void **state)
{
    (void)state;
    char path[64];
    cpu_set_t before, one;
    struct eng_hardware hardware;
    struct eng_input inputs[TOKENS];
    float want[VOCAB], got[VOCAB];
    write_model(path);
    random_inputs(5, VOCAB, inputs, TOKENS);
    assert_int_equal(sched_getaffinity(0, sizeof before, &before), 0);
    CPU_ZERO(&one);
    for (size_t cpu = 0; cpu < CPU_SETSIZE && CPU_COUNT(&one) == 0; cpu++)
        if (CPU_ISSET(cpu, &before)) CPU_SET(cpu, &one);
    assert_int_equal(sched_setaffinity(0, sizeof one, &one), 0);

    eng_hardware_get(&hardware);
    assert_int_equal(hardware.logical_cpus, 1);
    assert_int_equal(hardware.threads, 1);
    for (int threads = 0; threads <= 4; threads += 2) {
        struct eng_model_options options = {.threads = threads};
        struct eng_model *model = open_model(path, &options);
        struct eng_session *session = open_session(model);
        uint64_t multiplied, read;
        int used;
        eng_model_work(model, &multiplied, &read, &used);
        assert_int_equal(used, threads ? threads : 1);
        evaluate(session, inputs, threads ? got : want);
        if (threads) assert_memory_equal(got, want, sizeof want);
        double computed = clock_ms(CLOCK_PROCESS_CPUTIME_ID);
        nanosleep(&(struct timespec){.tv_nsec = 300000000}, NULL);
        computed = clock_ms(CLOCK_PROCESS_CPUTIME_ID) - computed;
        if (computed > 30) fail_msg("%d threads: %.0f ms of 300 were spun away", threads, computed);
        eng_session_free(session);
        eng_model_close(model);
    }
    sched_setaffinity(0, sizeof before, &before);
    unlink(path);
}

/* ---- Memory ------------------------------------------------------------------------------ */

/* Within 4 GB everything works, and what is kept stays within its cap: many more sequences than
 * that are evaluated, in two sessions. */
static int work_within(const char *path, uint64_t cap)
{
    static struct eng_input inputs[CONTEXT];
    const struct eng_model_options options = {.threads = 1, .cache_bytes = cap};
    struct eng_model *model;
    struct eng_session *sessions[2];
    struct eng_error err = {""};
    if (setrlimit(RLIMIT_AS, &(struct rlimit){UINT64_C(4) << 30, UINT64_C(4) << 30}) != 0) return 2;
    if (eng_model_open(path, &options, &model, &err) != ENG_OK) return 3;
    for (size_t s = 0; s < 2; s++)
        if (eng_session_new(model, 512, &sessions[s], &err) != ENG_OK) return 4;
    uint64_t most = 2 * eng_pages_of(512) * eng_cache_page_bytes(model->cache);
    if (most < cap) most = cap;
    for (uint64_t i = 0; i < 24; i++) {
        random_inputs(i + 1, VOCAB, inputs, 400);
        if (eng_session_sync(sessions[i % 2], inputs, 400, NULL, NULL, &err) != ENG_OK) return 5;
        if (eng_cache_held(model->cache) > most) return 6;
    }
    for (size_t s = 0; s < 2; s++)
        eng_session_free(sessions[s]);
    eng_model_close(model);
    return 0;
}

static void test_four_gigabytes(void **state)
{
    (void)state;
    if (ESPALIER_SANITIZED) skip();
    char path[64];
    write_model(path);
    fflush(NULL);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) _exit(work_within(path, UINT64_C(4) << 20));
    int status = 0;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
    unlink(path);
}

/* Bytes of address space in use. */
static uint64_t address_space(void)
{
    unsigned long long pages = 0;
    FILE *file = fopen("/proc/self/statm", "r");
    if (file && fscanf(file, "%llu", &pages) != 1) pages = 0;
    if (file) fclose(file);
    return pages * (uint64_t)sysconf(_SC_PAGESIZE);
}

/* 0: it ran. 1: refused, with a message. Else what went wrong. */
static int open_within(const char *path, uint64_t more)
{
    static struct eng_input inputs[TOKENS];
    struct eng_model *model = NULL;
    struct eng_session *session = NULL;
    struct eng_error err = {""};
    const struct eng_model_options options = {.threads = 2};
    uint64_t limit = address_space() + more;
    random_inputs(1, VOCAB, inputs, TOKENS);
    if (setrlimit(RLIMIT_AS, &(struct rlimit){limit, limit}) != 0) return 2;
    enum eng_status status = eng_model_open(path, &options, &model, &err);
    if (status == ENG_OK) status = eng_session_new(model, 0, &session, &err);
    if (status == ENG_OK) status = eng_session_sync(session, inputs, TOKENS, NULL, NULL, &err);
    if (session) eng_session_free(session);
    if (model) eng_model_close(model);
    if (status == ENG_OK) return 0;
    if (status != ENG_NO_MEMORY && status != ENG_IO) return 3;
    return strstr(err.text, "memory") || strstr(err.text, "thread") ? 1 : 4;
}

/* From no memory at all upwards: refused with a message that says so, until it is enough. */
static void test_memory_is_refused(void **state)
{
    (void)state;
    if (ESPALIER_SANITIZED) skip();
    char path[64];
    unsigned refused = 0, ran = 0;
    write_model(path);
    for (uint64_t more = 0; more <= UINT64_C(256) << 20; more = more ? 2 * more : 65536) {
        fflush(NULL);
        pid_t child = fork();
        assert_true(child >= 0);
        if (child == 0) _exit(open_within(path, more));
        int status = 0;
        assert_int_equal(waitpid(child, &status, 0), child);
        if (!WIFEXITED(status) || WEXITSTATUS(status) > 1)
            fail_msg("%llu bytes more: status %#x", (unsigned long long)more, (unsigned)status);
        refused += WEXITSTATUS(status) == 1;
        ran += WEXITSTATUS(status) == 0;
    }
    assert_true(refused > 0 && ran > 0);
    unlink(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_one_processor),
        cmocka_unit_test(test_four_gigabytes),
        cmocka_unit_test(test_memory_is_refused),
    };
    return cmocka_run_group_tests_name("small machines", tests, NULL, NULL);
}
#else
int main(void)
{
    return 77;
}
#endif
