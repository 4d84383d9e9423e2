/* Sessions of one model share pages, threads and passes: whatever they do side by side, each has
 * exactly the logits that a model of its own would give it; sequences come back from where they
 * were parked, within the limit of memory; and no page is lost. */
#include "engine/cache.h"
#include "engine/model.h"
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

enum { TOKENS = 600, CONTEXT = 640, VOCAB = 277, SEQUENCES = 5, BYTES = VOCAB * sizeof(float) };

struct fixture {
    char path[64];
    struct eng_model *model;
    struct eng_input inputs[SEQUENCES][TOKENS]; /* the first ones share beginnings */
    float *want[SEQUENCES];                     /* [TOKENS, VOCAB], of a model of their own */
    bool tiles;                                 /* appending is not syncing */
};

static struct eng_model *open_limited(const char *path, uint64_t cache_bytes)
{
    struct eng_model_options options = {
        .threads = 2, .cache_bytes = cache_bytes, .batch_wait_us = 2000};
    return open_model(path, &options);
}

static void *set_up(const char *prefill)
{
    struct random_model spec = {.architecture = "espalier",
                                .structure = "additive",
                                .activation = "relu2",
                                .type = ENG_Q8_0,
                                .layers = 2,
                                .d_model = 64,
                                .heads = 4,
                                .kv_heads = 2,
                                .head_dim = 32,
                                .d_ff = 96,
                                .vocab = VOCAB,
                                .context = CONTEXT,
                                .tied = true,
                                .ngrams = 2,
                                .seed = 9};
    struct eng_error err = {""};
    struct fixture *f = calloc(1, sizeof *f);
    snprintf(f->path, sizeof f->path, "/tmp/espalier-sharing-XXXXXX");
    int file = mkstemp(f->path);
    assert_true(file >= 0);
    close(file);
    setenv("ESPALIER_PREFILL", prefill, 1);
    if (random_model_write(&spec, f->path, &err) != ENG_OK) fail_msg("%s", err.text);
    f->model = open_limited(f->path, 0);
    f->tiles = !strcmp(eng_model_info(f->model)->kernels, "amx") && !strcmp(prefill, "int8");
    struct eng_session *session = open_session(f->model);
    for (size_t s = 0; s < SEQUENCES; s++) {
        random_inputs(s + 1, VOCAB, f->inputs[s], TOKENS);
        if (s == 1 || s == 2) { /* as the first one, but for a few tokens */
            memcpy(f->inputs[s], f->inputs[0], sizeof f->inputs[0]);
            for (size_t i = 130 * s; i < TOKENS; i += 40)
                f->inputs[s][i].id = (f->inputs[s][i].id + 1) % VOCAB;
        }
        f->want[s] = malloc((size_t)TOKENS * BYTES);
        if (eng_session_logits_all(session, f->inputs[s], TOKENS, 0, f->want[s], NULL, &err) !=
            ENG_OK)
            fail_msg("%s", err.text);
    }
    eng_session_free(session);
    eng_model_close(f->model);
    f->model = open_limited(f->path, 0);
    return f;
}

static void tear_down(struct fixture *f)
{
    assert_int_equal(eng_cache_promised(f->model->cache), 0);
    eng_model_close(f->model);
    unlink(f->path);
    unsetenv("ESPALIER_PREFILL");
    for (size_t s = 0; s < SEQUENCES; s++)
        free(f->want[s]);
    free(f);
}

/* Returns the tokens that did not have to be evaluated. */
static size_t sync_checked(const struct fixture *f, struct eng_session *session, size_t sequence,
                           size_t n)
{
    struct eng_error err = {""};
    size_t reused = 99;
    if (eng_session_sync(session, f->inputs[sequence], n, NULL, &reused, &err) != ENG_OK)
        fail_msg("%s", err.text);
    assert_int_equal(eng_session_length(session), n);
    assert_memory_equal(eng_session_logits(session), f->want[sequence] + (n - 1) * VOCAB, BYTES);
    return reused;
}

/* ---- Parked sequences ---------------------------------------------------------------- */

static void test_sequences_come_back(void **state)
{
    struct fixture *f = set_up(*state);
    struct eng_session *session = open_session(f->model), *other;
    assert_int_equal(sync_checked(f, session, 0, 500), 0);
    assert_int_equal(sync_checked(f, session, 3, 400), 0);
    assert_int_equal(sync_checked(f, session, 0, 500), 499);
    assert_int_equal(sync_checked(f, session, 3, 420), 400);
    assert_int_equal(sync_checked(f, session, 1, 600), 130); /* as much as it shares with 0 */
    assert_int_equal(sync_checked(f, session, 2, 600), 260);
    assert_int_equal(sync_checked(f, session, 1, 600), 599);
    other = open_session(f->model);
    assert_int_equal(sync_checked(f, other, 3, 420), 419); /* of another session */
    eng_session_free(other);
    eng_session_free(session);
    session = open_session(f->model); /* of one that is closed */
    assert_int_equal(sync_checked(f, session, 1, 600), 599);
    eng_session_free(session);
    tear_down(f);
}

/* What does not fit the limit is forgotten, the oldest first, and whatever the limit is, sessions
 * have what they need. */
static void test_limits_are_kept(void **state)
{
    struct fixture *f = set_up(*state);
    size_t page = eng_cache_page_bytes(f->model->cache);
    for (uint64_t pages = 1; pages < 12; pages += 4) {
        eng_model_close(f->model);
        f->model = open_limited(f->path, pages * page);
        struct eng_session *a = open_session(f->model), *b = open_session(f->model);
        size_t most = pages > 6 ? pages : 6; /* two sessions of three pages */
        for (size_t i = 0; i < 6; i++) {
            sync_checked(f, i % 3 ? a : b, 3 + i % 2, 600);
            sync_checked(f, i % 3 ? b : a, i % 3, 550);
            assert_true(eng_cache_held(f->model->cache) <= most * page);
        }
        sync_checked(f, a, 3, 600);
        sync_checked(f, a, 4, 600);
        size_t reused = sync_checked(f, a, 3, 600);
        if (pages >= 9) assert_int_equal(reused, 599);
        eng_session_free(b);
        eng_session_free(a);
    }
    tear_down(f);
}

/* More sequences than can be remembered. */
static void test_many_sequences(void **state)
{
    struct fixture *f = set_up(*state);
    struct eng_session *session = open_session(f->model);
    struct eng_input own[40];
    float *first = malloc(BYTES);
    memcpy(own, f->inputs[0], sizeof own);
    for (int32_t i = 0; i < 3 * (int32_t)ENG_CACHE_PARKED; i++) {
        own[0].id = i;
        assert_int_equal(eng_session_sync(session, own, 40, NULL, NULL, NULL), ENG_OK);
        if (i == 0) memcpy(first, eng_session_logits(session), BYTES);
    }
    own[0].id = 0;
    assert_int_equal(eng_session_sync(session, own, 40, NULL, NULL, NULL), ENG_OK);
    assert_memory_equal(eng_session_logits(session), first, BYTES);
    free(first);
    eng_session_free(session);
    tear_down(f);
}

/* ---- Snapshots -------------------------------------------------------------------------- */

static char *file_bytes(const char *path, size_t *size)
{
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    fseek(file, 0, SEEK_END);
    *size = (size_t)ftell(file);
    rewind(file);
    char *bytes = malloc(*size);
    assert_int_equal(fread(bytes, 1, *size, file), *size);
    fclose(file);
    return bytes;
}

static void write_bytes(const char *path, const char *bytes, size_t size)
{
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, size, file), size);
    fclose(file);
}

static void reopen(struct fixture *f, uint64_t cache_bytes)
{
    eng_model_close(f->model);
    f->model = open_limited(f->path, cache_bytes);
}

static void test_snapshots(void **state)
{
    struct fixture *f = set_up(*state);
    struct eng_error err = {""};
    char path[80];
    size_t loaded = 9, page = eng_cache_page_bytes(f->model->cache);
    snprintf(path, sizeof path, "%s.sequences", f->path);
    struct eng_session *session = open_session(f->model);
    for (size_t s = 0; s < SEQUENCES; s++)
        sync_checked(f, session, s, 300 + s);
    eng_session_free(session);
    assert_int_equal(eng_model_save_sequences(f->model, path, &err), ENG_OK);

    reopen(f, 0);
    if (eng_model_load_sequences(f->model, path, &loaded, &err) != ENG_OK) fail_msg("%s", err.text);
    assert_int_equal(loaded, SEQUENCES);
    session = open_session(f->model);
    assert_int_equal(sync_checked(f, session, 1, 600), 301);
    assert_int_equal(sync_checked(f, session, 4, 304), 303);
    eng_session_free(session);
    assert_int_equal(eng_model_save_sequences(f->model, path, &err), ENG_OK);

    reopen(f, 4 * page); /* room for the last used ones alone: page 0 of 4, and what 1 needs */
    assert_int_equal(eng_model_load_sequences(f->model, path, &loaded, &err), ENG_OK);
    assert_in_range(loaded, 1, 2);
    session = open_session(f->model);
    assert_int_equal(sync_checked(f, session, 4, 304), 303);
    eng_session_free(session);
    unlink(path);
    tear_down(f);
}

static void refuse(struct fixture *f, const char *path, enum eng_status want, const char *word)
{
    struct eng_error err = {""};
    size_t loaded = 9;
    assert_int_equal(eng_model_load_sequences(f->model, path, &loaded, &err), want);
    if (!strstr(err.text, word) || !strstr(err.text, path)) fail_msg("%s lacks %s", err.text, word);
    assert_int_equal(loaded, 0);
    struct eng_session *session = open_session(f->model);
    assert_int_equal(sync_checked(f, session, 0, 280), 0);
    eng_session_free(session);
    reopen(f, 0);
}

/* As the model would write it, but for the sequences. */
static void forge(const char *from, const char *to, const int32_t *lengths, size_t n,
                  const int32_t *numbers, size_t n_numbers)
{
    struct eng_gguf *gguf;
    assert_int_equal(eng_gguf_open(from, &gguf, NULL), ENG_OK);
    struct eng_gguf_writer *writer = eng_gguf_writer_new();
    for (size_t i = 0; i < eng_gguf_key_count(gguf); i++) {
        const struct eng_key *key = eng_gguf_key_at(gguf, i);
        if (key->type != ENG_VALUE_ARRAY) eng_gguf_put_key(writer, key);
    }
    eng_gguf_put_i32s(writer, "snapshot.lengths", lengths, n);
    eng_gguf_put_i32s(writer, "snapshot.pages", numbers, n_numbers);
    for (size_t i = 0; i < eng_gguf_tensor_count(gguf); i++) {
        const struct eng_tensor *t = eng_gguf_tensor_at(gguf, i);
        eng_gguf_put_tensor(writer, t->name, t->type, t->n_dims, t->dims, t->data);
    }
    assert_int_equal(eng_gguf_writer_save(writer, to, NULL), ENG_OK);
    eng_gguf_writer_free(writer);
    eng_gguf_close(gguf);
}

static void test_bad_snapshots(void **state)
{
    struct fixture *f = set_up(*state);
    char path[80], other[80];
    size_t size;
    snprintf(path, sizeof path, "%s.sequences", f->path);
    snprintf(other, sizeof other, "%s.other", f->path);
    refuse(f, path, ENG_IO, "No such file");
    refuse(f, f->path, ENG_BAD_FILE, "snapshot.version"); /* a model is none */
    struct eng_session *session = open_session(f->model);
    sync_checked(f, session, 0, 300);
    eng_session_free(session);
    assert_int_equal(eng_model_save_sequences(f->model, path, NULL), ENG_OK);
    reopen(f, 0);

    char *bytes = file_bytes(path, &size);
    for (size_t cut = 1; cut < size; cut += size / 5)
        write_bytes(other, bytes, size - cut), refuse(f, other, ENG_BAD_FILE, "");
    bytes[size - 5000] ^= 1; /* of a page */
    write_bytes(other, bytes, size);
    refuse(f, other, ENG_BAD_FILE, "snapshot.sum");
    free(bytes);

    static const int32_t lengths[][2] = {{300, 0}, {300, 641}, {-1, 10}, {300, 1 << 30}};
    for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
        forge(path, other, lengths[i], 2, (int32_t[]){0, 1, 0, 1, 0}, 5);
        refuse(f, other, ENG_BAD_FILE, "tokens");
    }
    forge(path, other, (int32_t[]){300}, 1, (int32_t[]){0, 2}, 2);
    refuse(f, other, ENG_BAD_FILE, "number 2");
    forge(path, other, (int32_t[]){300}, 1, (int32_t[]){0, -1}, 2);
    refuse(f, other, ENG_BAD_FILE, "number -1");
    forge(path, other, (int32_t[]){300}, 1, (int32_t[]){0}, 1);
    refuse(f, other, ENG_BAD_FILE, "snapshot.pages");
    forge(path, other, (int32_t[]){300}, 1, (int32_t[]){0, 1, 1}, 3);
    refuse(f, other, ENG_BAD_FILE, "page 2");
    int32_t many[ENG_CACHE_PARKED + 1];
    for (size_t i = 0; i <= ENG_CACHE_PARKED; i++)
        many[i] = 1;
    forge(path, other, many, ENG_CACHE_PARKED + 1, (int32_t[]){0}, 1);
    refuse(f, other, ENG_BAD_FILE, "at most");

    /* Of another kernel set. */
    const char *set = getenv("ESPALIER_CPU");
    if (set && strcmp(set, "ref") != 0) {
        char own[32];
        snprintf(own, sizeof own, "%s", set);
        setenv("ESPALIER_CPU", "ref", 1);
        struct eng_model *model = open_limited(f->path, 0);
        struct eng_error err = {""};
        assert_int_equal(eng_model_load_sequences(model, path, NULL, &err), ENG_BAD_FILE);
        assert_non_null(strstr(err.text, own));
        eng_model_close(model);
        setenv("ESPALIER_CPU", own, 1);
    }
    unlink(path);
    unlink(other);
    tear_down(f);
}

/* ---- Several tokens, several sessions ------------------------------------------------- */

/* Appends [n, end) one by one: the logits after each, [end - n, VOCAB]. */
static float *append_plainly(const struct fixture *f, size_t sequence, size_t n, size_t end)
{
    struct eng_model *model = open_limited(f->path, 0);
    struct eng_session *session = open_session(model);
    float *out = malloc((end - n) * BYTES);
    assert_int_equal(eng_session_sync(session, f->inputs[sequence], n, NULL, NULL, NULL), ENG_OK);
    for (size_t i = n; i < end; i++) {
        assert_int_equal(eng_session_append(session, &f->inputs[sequence][i], NULL, NULL), ENG_OK);
        memcpy(out + (i - n) * VOCAB, eng_session_logits(session), BYTES);
    }
    eng_session_free(session);
    eng_model_close(model);
    return out;
}

static void test_many_tokens_at_once(void **state)
{
    struct fixture *f = set_up(*state);
    struct eng_session *session = open_session(f->model);
    enum { FROM = 250, MORE = 14 };
    float *want = append_plainly(f, 0, FROM, FROM + MORE), *got = malloc((size_t)MORE * BYTES);
    for (size_t n = 1; n <= MORE; n += 1 + n / 3) {
        assert_int_equal(eng_session_sync(session, f->inputs[0], FROM, NULL, NULL, NULL), ENG_OK);
        size_t rest = MORE - n;
        assert_int_equal(eng_session_extend(session, f->inputs[0] + FROM, n, got, NULL, NULL),
                         ENG_OK);
        assert_memory_equal(eng_session_logits(session), want + (n - 1) * VOCAB, BYTES);
        assert_int_equal(
            eng_session_extend(session, f->inputs[0] + FROM + n, rest, got + n * VOCAB, NULL, NULL),
            ENG_OK);
        assert_memory_equal(got, want, (size_t)MORE * BYTES);
        eng_session_rewind(session, FROM + n);
        for (size_t i = n; i < MORE; i++) {
            assert_int_equal(eng_session_append(session, &f->inputs[0][FROM + i], NULL, NULL),
                             ENG_OK);
            assert_memory_equal(eng_session_logits(session), want + i * VOCAB, BYTES);
        }
    }
    struct eng_error err;
    assert_int_equal(eng_session_extend(session, f->inputs[0], ENG_BATCH + 1, got, NULL, &err),
                     ENG_BAD_INPUT);
    assert_int_equal(eng_session_sync(session, f->inputs[0], TOKENS, NULL, NULL, NULL), ENG_OK);
    struct eng_input bad[2] = {f->inputs[0][0], {.id = VOCAB}};
    assert_int_equal(eng_session_extend(session, bad, 2, got, NULL, &err), ENG_BAD_INPUT);
    assert_int_equal(eng_session_length(session), TOKENS);
    free(got);
    free(want);
    eng_session_free(session);
    tear_down(f);
}

/* Continuations of one prompt, each with other tokens, all at once, from copies. */
static void test_alternatives(void **state)
{
    struct fixture *f = set_up(*state);
    enum { PROMPT = 255, MORE = 12 };
    struct eng_session *all[SEQUENCES];
    float *want[SEQUENCES];
    for (size_t s = 0; s < SEQUENCES; s++) {
        memcpy(f->inputs[s], f->inputs[0], PROMPT * sizeof f->inputs[0][0]);
        for (size_t i = PROMPT; i < TOKENS; i++) {
            f->inputs[s][i] = f->inputs[0][i];
            f->inputs[s][i].id = (int32_t)((i * (s + 3)) % VOCAB);
        }
        want[s] = append_plainly(f, s, PROMPT, PROMPT + MORE);
        all[s] = open_session(f->model);
    }
    assert_int_equal(eng_session_sync(all[0], f->inputs[0], PROMPT, NULL, NULL, NULL), ENG_OK);
    for (size_t s = 1; s < SEQUENCES; s++) {
        assert_int_equal(eng_session_copy(all[s], all[0], NULL), ENG_OK);
        assert_memory_equal(eng_session_logits(all[s]), eng_session_logits(all[0]), BYTES);
    }
    for (size_t i = 0; i < MORE; i++) {
        struct eng_input next[SEQUENCES];
        size_t n = i < 8 ? SEQUENCES : SEQUENCES - 2; /* some end earlier */
        for (size_t s = 0; s < n; s++)
            next[s] = f->inputs[s][PROMPT + i];
        assert_int_equal(eng_sessions_append(all, next, n, NULL, NULL), ENG_OK);
        for (size_t s = 0; s < n; s++)
            assert_memory_equal(eng_session_logits(all[s]), want[s] + i * VOCAB, BYTES);
    }
    /* Copies are sequences of their own. */
    eng_session_rewind(all[1], PROMPT - 20);
    struct eng_input another = f->inputs[0][PROMPT - 20];
    another.id = (another.id + 1) % VOCAB;
    assert_int_equal(eng_session_append(all[1], &another, NULL, NULL), ENG_OK);
    eng_session_rewind(all[0], PROMPT);
    assert_int_equal(eng_session_append(all[0], &f->inputs[0][PROMPT], NULL, NULL), ENG_OK);
    assert_memory_equal(eng_session_logits(all[0]), want[0], BYTES);
    for (size_t s = 0; s < SEQUENCES; s++) {
        eng_session_free(all[s]);
        free(want[s]);
    }
    tear_down(f);
}

/* ---- Threads --------------------------------------------------------------------------- */

struct user {
    const struct fixture *f;
    struct eng_session *session;
    uint64_t seed;
    enum eng_priority priority;
    int wrong;
};

static int use_once(struct user *user)
{
    const struct fixture *f = user->f;
    size_t s = random_below(&user->seed, SEQUENCES), n = 1 + random_below(&user->seed, TOKENS - 20);
    eng_cancel cancel = 0;
    if (random_below(&user->seed, 6) == 0) cancel = 1;
    enum eng_status status = eng_session_sync(user->session, f->inputs[s], n, &cancel, NULL, NULL);
    if (cancel && status == ENG_CANCELLED) return eng_session_logits(user->session) != NULL;
    if (status != ENG_OK) return 1;
    if (memcmp(eng_session_logits(user->session), f->want[s] + (n - 1) * VOCAB, BYTES) != 0)
        return 1;
    for (size_t i = n; i < n + 6; i++) {
        if (eng_session_append(user->session, &f->inputs[s][i], NULL, NULL) != ENG_OK) return 1;
        if (f->tiles) continue;
        if (memcmp(eng_session_logits(user->session), f->want[s] + i * VOCAB, BYTES) != 0) return 1;
    }
    return 0;
}

static void *use(void *argument)
{
    struct user *user = argument;
    eng_session_set_priority(user->session, user->priority);
    for (int i = 0; i < 25; i++)
        user->wrong += use_once(user);
    return NULL;
}

/* Prompts that give way, passes over several sessions, cancelled ones: each user sees its own
 * logits. */
static void test_users_at_once(void **state)
{
    struct fixture *f = set_up(*state);
    enum { USERS = 4 };
    struct user users[USERS];
    pthread_t threads[USERS];
    for (size_t u = 0; u < USERS; u++) {
        users[u] = (struct user){.f = f,
                                 .session = open_session(f->model),
                                 .seed = u + 1,
                                 .priority = (enum eng_priority)(u % ENG_PRIORITIES)};
        assert_int_equal(pthread_create(&threads[u], NULL, use, &users[u]), 0);
    }
    for (size_t u = 0; u < USERS; u++) {
        pthread_join(threads[u], NULL);
        assert_int_equal(users[u].wrong, 0);
        eng_session_free(users[u].session);
    }
    tear_down(f);
}

int main(void)
{
    static const struct {
        const char *name;
        CMUnitTestFunction run;
    } properties[] = {
        {"sequences come back", test_sequences_come_back},
        {"limits are kept", test_limits_are_kept},
        {"many sequences", test_many_sequences},
        {"snapshots", test_snapshots},
        {"bad snapshots", test_bad_snapshots},
        {"many tokens at once", test_many_tokens_at_once},
        {"alternatives", test_alternatives},
        {"users at once", test_users_at_once},
    };
    static const char *const prefills[] = {"int8", "blas"};
    enum { N = 2 * sizeof properties / sizeof properties[0] };
    static struct CMUnitTest tests[N];
    static char names[N][60];
    if (!random_model_set_runs()) return 77;
    for (size_t i = 0; i < N; i++) {
        snprintf(names[i], sizeof names[i], "%s: %s", prefills[i % 2], properties[i / 2].name);
        tests[i] = (struct CMUnitTest){.name = names[i],
                                       .test_func = properties[i / 2].run,
                                       .initial_state = (void *)prefills[i % 2]};
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
