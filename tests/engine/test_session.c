/* Sessions: logits must be identical bit by bit however a sequence came into the cache, by
 * one sync or by many, after rewinds and appends, on any number of threads, beside another
 * session; and nothing is allocated once a session exists. Where a kernel set prefills by tiles,
 * appended tokens have logits of their own, which must be the same whenever they follow the same
 * sync. */
#include "tests/engine/opened.h"
#include "tests/engine/random_model.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

/* Several chunks, no multiple of one; chunks are longest where there are tiles. */
#define TOKENS  540
#define SHORT   300
#define CONTEXT 560
#define VOCAB   277

/* ---- Allocations ------------------------------------------------------------------- */

/* The linker sends the engine's allocations here (--wrap), so that they can be counted. */
static _Atomic long allocations;

void *__real_malloc(size_t size);
void *__real_calloc(size_t n, size_t size);
void *__real_realloc(void *block, size_t size);
int __real_posix_memalign(void **out, size_t alignment, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_realloc(void *block, size_t size);
int __wrap_posix_memalign(void **out, size_t alignment, size_t size);

void *__wrap_malloc(size_t size)
{
    allocations++;
    return __real_malloc(size);
}

void *__wrap_calloc(size_t n, size_t size)
{
    allocations++;
    return __real_calloc(n, size);
}

void *__wrap_realloc(void *block, size_t size)
{
    allocations++;
    return __real_realloc(block, size);
}

int __wrap_posix_memalign(void **out, size_t alignment, size_t size)
{
    allocations++;
    return __real_posix_memalign(out, alignment, size);
}

/* ---- Set-up ------------------------------------------------------------------------ */

/* The arithmetics of which each has to keep the promise. */
static const struct variant {
    const char *name, *structure, *prefill;
    enum eng_tensor_type type;
    uint32_t window;    /* of sparse layers */
    const char *policy; /* of attention; NULL: as the file says */
} variants[] = {
    {"Q8_0 additive", "additive", "int8", ENG_Q8_0, 0, NULL},
    {"Q8_0 gated", "gated", "int8", ENG_Q8_0, 0, NULL},
    {"Q8_0 additive_key", "additive_key", "int8", ENG_Q8_0, 0, NULL},
    {"Q4_0 additive", "additive", "int8", ENG_Q4_0, 0, NULL},
    {"Q4_0 additive OpenBLAS", "additive", "blas", ENG_Q4_0, 0, NULL},
    {"F16 multiplicative", "multiplicative", "int8", ENG_F16, 0, NULL},
    {"F32 none", "none", "int8", ENG_F32, 0, NULL},
    {"Q8_0 additive OpenBLAS", "additive", "blas", ENG_Q8_0, 0, NULL},
    {"F16 none OpenBLAS", "none", "blas", ENG_F16, 0, NULL},
    {"Q8_0 additive, sparse", "additive", "int8", ENG_Q8_0, 20, NULL},
    {"F16 none, sparse", "none", "int8", ENG_F16, 20, NULL},
    {"Q8_0 none, window", "none", "int8", ENG_Q8_0, 0, "window:100"},
    {"Q8_0 gated, blocks", "gated", "int8", ENG_Q8_0, 0, "blocks"},
    {"Q8_0 none, threshold", "none", "int8", ENG_Q8_0, 0, "threshold:-3"},
    {"F32 none, threshold", "none", "int8", ENG_F32, 0, "threshold:-3"},
};

/* Whether the model looks at records at all. */
static bool uses_records(const struct variant *variant)
{
    return strcmp(variant->structure, "none") != 0 || variant->window > 0;
}

struct fixture {
    char path[64];
    struct eng_model *model;
    struct eng_session *session;
    const char *policy;
    struct eng_input inputs[TOKENS];
    float *want; /* [TOKENS, VOCAB], evaluated at once */
    size_t tokens;
    bool tiles; /* appending is not syncing */
};

static struct eng_model *open_variant(const struct fixture *f, int threads)
{
    struct eng_model_options options = {.threads = threads};
    struct eng_error err = {""};
    if (f->policy && eng_policy_parse(f->policy, &options.policy, &err) != ENG_OK)
        fail_msg("%s", err.text);
    return open_model(f->path, &options);
}

static struct fixture *set_up(const struct variant *variant)
{
    struct random_model spec = {.architecture = "espalier",
                                .structure = variant->structure,
                                .activation = "relu2",
                                .type = variant->type,
                                .layers = 2,
                                .d_model = 64,
                                .heads = 4,
                                .kv_heads = 2,
                                .head_dim = 32,
                                .d_ff = 96,
                                .vocab = VOCAB,
                                .context = CONTEXT,
                                .tied = true,
                                .qk_norm = true,
                                .tree_positions = uses_records(variant),
                                .ngrams = 2,
                                .window = variant->window,
                                .seed = 3};
    struct eng_error err = {""};
    struct fixture *f = calloc(1, sizeof *f);
    snprintf(f->path, sizeof f->path, "/tmp/espalier-session-XXXXXX");
    int file = mkstemp(f->path);
    assert_true(file >= 0);
    close(file);
    setenv("ESPALIER_PREFILL", variant->prefill, 1);
    if (random_model_write(&spec, f->path, &err) != ENG_OK) fail_msg("%s", err.text);
    f->policy = variant->policy;
    f->model = open_variant(f, 2);
    f->session = open_session(f->model);
    f->want = malloc(sizeof *f->want * TOKENS * VOCAB);
    random_inputs(17, VOCAB, f->inputs, TOKENS);
    bool packed = variant->type == ENG_Q8_0 || variant->type == ENG_Q4_0;
    f->tiles = packed && !strcmp(variant->prefill, "int8") &&
               !strcmp(eng_model_info(f->model)->kernels, "amx");
    f->tokens = f->tiles ? TOKENS : SHORT;
    if (eng_session_logits_all(f->session, f->inputs, f->tokens, 0, f->want, NULL, &err) != ENG_OK)
        fail_msg("%s", err.text);
    return f;
}

static void tear_down(struct fixture *f)
{
    eng_session_free(f->session);
    eng_model_close(f->model);
    unlink(f->path);
    unsetenv("ESPALIER_PREFILL");
    free(f->want);
    free(f);
}

/* The session holds the first n inputs and has exactly their last token's logits. */
static void check_logits(const struct fixture *f, const struct eng_session *session, size_t n)
{
    const float *logits = eng_session_logits(session);
    assert_int_equal(eng_session_length(session), n);
    assert_non_null(logits);
    assert_memory_equal(logits, f->want + (n - 1) * VOCAB, VOCAB * sizeof *logits);
}

/* Appends the inputs [n, end) to a session that was synced to n; the logits must be those of a
 * fresh session that did nothing else. */
static void append_checked(const struct fixture *f, struct eng_session *session, size_t n,
                           size_t end)
{
    struct eng_session *fresh = f->tiles ? open_session(f->model) : NULL;
    if (fresh) assert_int_equal(eng_session_sync(fresh, f->inputs, n, NULL, NULL, NULL), ENG_OK);
    for (size_t i = n; i < end; i++) {
        assert_int_equal(eng_session_append(session, &f->inputs[i], NULL, NULL), ENG_OK);
        if (!fresh) {
            check_logits(f, session, i + 1);
            continue;
        }
        assert_int_equal(eng_session_append(fresh, &f->inputs[i], NULL, NULL), ENG_OK);
        assert_memory_equal(eng_session_logits(session), eng_session_logits(fresh),
                            VOCAB * sizeof(float));
    }
    eng_session_free(fresh);
}

/* ---- Properties -------------------------------------------------------------------- */

/* Random syncs, rewinds and appends, some of them to sequences that differ somewhere. */
static void walk(const struct fixture *f, struct eng_session *session, uint64_t seed, int steps)
{
    struct eng_input other[TOKENS];
    uint64_t state = seed;
    for (int step = 0; step < steps; step++) {
        size_t n = 1 + random_below(&state, (uint32_t)f->tokens),
               length = eng_session_length(session);
        size_t reused = 0;
        switch (random_below(&state, 5)) {
        case 0: /* a sequence that differs from place n - 1 on */
            memcpy(other, f->inputs, sizeof other);
            if (random_below(&state, 2))
                other[n - 1].id = (other[n - 1].id + 1) % VOCAB;
            else
                other[n - 1].record.depth ^= 1;
            assert_int_equal(eng_session_sync(session, other, n, NULL, &reused, NULL), ENG_OK);
            break;
        case 1:
            eng_session_rewind(session, n);
            assert_int_equal(eng_session_length(session), n < length ? n : length);
            break;
        case 2: /* appends, when the cache is a prefix of the inputs */
            assert_int_equal(eng_session_sync(session, f->inputs, n, NULL, NULL, NULL), ENG_OK);
            append_checked(f, session, n, n + 5 < f->tokens ? n + 5 : f->tokens);
            if (random_below(&state, 2)) break;
            assert_int_equal(eng_session_sync(session, f->inputs, n, NULL, &reused, NULL), ENG_OK);
            assert_int_equal(reused, n); /* the logits were kept */
            check_logits(f, session, n);
            break;
        default:
            assert_int_equal(eng_session_sync(session, f->inputs, n, NULL, &reused, NULL), ENG_OK);
            assert_true(reused <= n);
            check_logits(f, session, n);
            break;
        }
    }
}

static void test_any_way_same_bits(void **state)
{
    struct fixture *f = set_up(*state);
    walk(f, f->session, 1, 60);
    tear_down(f);
}

static void test_any_threads_same_bits(void **state)
{
    struct fixture *f = set_up(*state);
    for (int threads = 1; threads <= 5; threads += 2) {
        struct eng_model *model = open_variant(f, threads);
        struct eng_session *session = open_session(model);
        for (size_t n = 0; n < f->tokens;) {
            n += 1 + n * 7 % 90;
            if (n > f->tokens) n = f->tokens;
            assert_int_equal(eng_session_sync(session, f->inputs, n, NULL, NULL, NULL), ENG_OK);
            check_logits(f, session, n);
        }
        eng_session_free(session);
        eng_model_close(model);
    }
    tear_down(f);
}

static void test_token_by_token(void **state)
{
    struct fixture *f = set_up(*state);
    eng_session_rewind(f->session, 0);
    for (size_t i = 0; i < f->tokens; i++) {
        if (f->tiles || i % 2)
            assert_int_equal(eng_session_sync(f->session, f->inputs, i + 1, NULL, NULL, NULL),
                             ENG_OK);
        else
            assert_int_equal(eng_session_append(f->session, &f->inputs[i], NULL, NULL), ENG_OK);
        check_logits(f, f->session, i + 1);
    }
    tear_down(f);
}

struct worker {
    struct fixture *fixture;
    struct eng_session *session;
    uint64_t seed;
};

static void *walk_in_thread(void *argument)
{
    struct worker *worker = argument;
    walk(worker->fixture, worker->session, worker->seed, 15);
    return NULL;
}

static void test_two_sessions_at_once(void **state)
{
    struct fixture *f = set_up(*state);
    struct worker workers[3];
    pthread_t threads[3];
    for (size_t i = 0; i < 3; i++) {
        workers[i] = (struct worker){f, open_session(f->model), i + 40};
        assert_int_equal(pthread_create(&threads[i], NULL, walk_in_thread, &workers[i]), 0);
    }
    for (size_t i = 0; i < 3; i++) {
        pthread_join(threads[i], NULL);
        eng_session_free(workers[i].session);
    }
    tear_down(f);
}

static void test_no_allocation(void **state)
{
    struct fixture *f = set_up(*state);
    assert_int_equal(eng_session_sync(f->session, f->inputs, 1, NULL, NULL, NULL), ENG_OK);
    long before = allocations;
    for (size_t n = 10; n < 200; n += 60)
        assert_int_equal(eng_session_sync(f->session, f->inputs, n, NULL, NULL, NULL), ENG_OK);
    for (size_t i = 190; i < 195; i++)
        assert_int_equal(eng_session_append(f->session, &f->inputs[i], NULL, NULL), ENG_OK);
    eng_session_rewind(f->session, 5);
    assert_int_equal(eng_session_sync(f->session, f->inputs, 7, NULL, NULL, NULL), ENG_OK);
    assert_int_equal(allocations, before);
    tear_down(f);
}

static void test_reuse(void **state)
{
    struct fixture *f = set_up(*state);
    size_t reused = 99;
    eng_session_rewind(f->session, 0);
    assert_null(eng_session_logits(f->session));
    assert_int_equal(eng_session_sync(f->session, f->inputs, 200, NULL, &reused, NULL), ENG_OK);
    assert_int_equal(reused, 0);
    assert_int_equal(eng_session_sync(f->session, f->inputs, 250, NULL, &reused, NULL), ENG_OK);
    assert_int_equal(reused, 200);
    assert_int_equal(eng_session_sync(f->session, f->inputs, 250, NULL, &reused, NULL), ENG_OK);
    assert_int_equal(reused, 250); /* nothing to do */
    assert_int_equal(eng_session_sync(f->session, f->inputs, 120, NULL, &reused, NULL), ENG_OK);
    assert_int_equal(reused, 119); /* the last one again, for its logits */
    check_logits(f, f->session, 120);
    struct eng_input changed[130];
    memcpy(changed, f->inputs, sizeof changed);
    changed[50].record.kind ^= 1;
    assert_int_equal(eng_session_sync(f->session, changed, 130, NULL, &reused, NULL), ENG_OK);
    const struct variant *variant = *state;
    assert_int_equal(reused, uses_records(variant) ? 50 : 120);
    assert_int_equal(eng_session_sync(f->session, changed, 0, NULL, &reused, NULL), ENG_OK);
    assert_int_equal(eng_session_length(f->session), 0);
    assert_null(eng_session_logits(f->session));
    tear_down(f);
}

static void test_cancel(void **state)
{
    struct fixture *f = set_up(*state);
    eng_cancel cancel = 0;
    eng_session_rewind(f->session, 40);
    cancel = 1;
    assert_int_equal(eng_session_sync(f->session, f->inputs, 300, &cancel, NULL, NULL),
                     ENG_CANCELLED);
    assert_int_equal(eng_session_length(f->session), 40);
    assert_null(eng_session_logits(f->session));
    assert_int_equal(eng_session_append(f->session, &f->inputs[40], &cancel, NULL), ENG_CANCELLED);
    assert_int_equal(eng_session_length(f->session), 40);
    cancel = 0;
    append_checked(f, f->session, 40, 41);
    assert_int_equal(eng_session_sync(f->session, f->inputs, 300, &cancel, NULL, NULL), ENG_OK);
    check_logits(f, f->session, 300);
    tear_down(f);
}

static void test_bad_input(void **state)
{
    struct fixture *f = set_up(*state);
    struct eng_error err = {""};
    struct eng_input inputs[CONTEXT + 1];
    memset(inputs, 0, sizeof inputs);
    for (size_t i = 0; i <= CONTEXT; i++)
        for (size_t l = 0; l < ENG_LEVELS; l++)
            inputs[i].record.chain[l] = -1;

    assert_int_equal(eng_session_sync(f->session, inputs, CONTEXT + 1, NULL, NULL, &err),
                     ENG_BAD_INPUT);
    assert_non_null(strstr(err.text, "560"));
    inputs[3].id = VOCAB;
    assert_int_equal(eng_session_sync(f->session, inputs, 9, NULL, NULL, &err), ENG_BAD_INPUT);
    inputs[3].id = -1;
    assert_int_equal(eng_session_sync(f->session, inputs, 9, NULL, NULL, &err), ENG_BAD_INPUT);
    inputs[3].id = 0;

    const struct variant *variant = *state;
    enum eng_status bad = uses_records(variant) ? ENG_BAD_INPUT : ENG_OK;
    const int32_t starts[] = {5, 6, 1 << 30, -2};
    for (size_t i = 0; i < 4; i++) {
        inputs[5].record.chain[2] = starts[i];
        assert_int_equal(eng_session_sync(f->session, inputs, 9, NULL, NULL, &err), bad);
        assert_int_equal(eng_session_logits_all(f->session, inputs, 9, 9, NULL, NULL, &err), bad);
    }
    inputs[5].record.chain[2] = 4;
    inputs[5].record.segment = 4;
    assert_int_equal(eng_session_sync(f->session, inputs, 9, NULL, NULL, &err), bad);
    inputs[5].record.segment = 3;
    assert_int_equal(eng_session_sync(f->session, inputs, 9, NULL, NULL, &err), ENG_OK);
    assert_int_equal(eng_session_sync(f->session, inputs, CONTEXT, NULL, NULL, &err), ENG_OK);
    assert_int_equal(eng_session_append(f->session, inputs, NULL, &err), ENG_BAD_INPUT);
    assert_int_equal(eng_session_length(f->session), CONTEXT);

    struct eng_session *session = NULL;
    assert_int_equal(eng_session_new(f->model, CONTEXT + 1, &session, &err), ENG_BAD_INPUT);
    assert_null(session);
    tear_down(f);
}

int main(void)
{
    static const struct {
        const char *name;
        CMUnitTestFunction run;
    } properties[] = {
        {"any way, same bits", test_any_way_same_bits},
        {"any threads, same bits", test_any_threads_same_bits},
        {"token by token", test_token_by_token},
        {"sessions at once", test_two_sessions_at_once},
        {"no allocation", test_no_allocation},
        {"reuse", test_reuse},
        {"cancel", test_cancel},
        {"bad input", test_bad_input},
    };
    enum { N_VARIANTS = sizeof variants / sizeof variants[0] };
    enum { N_PROPERTIES = sizeof properties / sizeof properties[0] };
    static struct CMUnitTest tests[N_VARIANTS * N_PROPERTIES];
    static char names[N_VARIANTS * N_PROPERTIES][80];

    if (!random_model_set_runs()) return 77;
    for (size_t i = 0; i < N_VARIANTS * N_PROPERTIES; i++) {
        const struct variant *variant = &variants[i / N_PROPERTIES];
        snprintf(names[i], sizeof names[i], "%s: %s", variant->name,
                 properties[i % N_PROPERTIES].name);
        tests[i] = (struct CMUnitTest){.name = names[i],
                                       .test_func = properties[i % N_PROPERTIES].run,
                                       .initial_state = (void *)variant};
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
