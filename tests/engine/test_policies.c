/* Attention policies: which blocks a token looks at, against the rule written down again; attention
 * of rows that see blocks of their own, and of rows that leave out what cannot reach enough,
 * against sums in double, each row alone, and bit by bit against dense attention where nothing is
 * left out; and whole models: what is dense, what is counted, what is refused. The logits of such
 * models against the fp64 reference are in test_forward.c, syncs and edits in test_session.c. */
#include "engine/attend.h"
#include "engine/policy.h"
#include "tests/engine/floats.h"
#include "tests/engine/opened.h"
#include "tests/engine/random_model.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

/* ---- Names ------------------------------------------------------------------------- */

static void test_names(void **state)
{
    (void)state;
    static const char *const bad[] = {"",
                                      "Dense",
                                      "windows",
                                      "window:",
                                      "window:63",
                                      "window:-9",
                                      "window:99999999999",
                                      "window:9x",
                                      "blocks:3",
                                      "threshold:",
                                      "threshold:x",
                                      "dense:1",
                                      "file:",
                                      "threshold:nan",
                                      "threshold:1e4",
                                      "window: 90"};
    struct eng_policy policy = {ENG_POLICY_BLOCKS, 7, 8};
    struct eng_error err;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        if (eng_policy_parse(bad[i], &policy, &err) != ENG_BAD_INPUT) fail_msg("%s", bad[i]);
        assert_non_null(strstr(err.text, "expected"));
        assert_int_equal(policy.window, 7); /* unchanged */
    }
    assert_int_equal(eng_policy_parse("window", &policy, NULL), ENG_OK);
    assert_int_equal(policy.kind, ENG_POLICY_WINDOW);
    assert_int_equal(policy.window, ENG_POLICY_WINDOW_TOKENS);
    assert_int_equal(eng_policy_parse("window:64", &policy, NULL), ENG_OK);
    assert_int_equal(policy.window, 64);
    assert_int_equal(eng_policy_parse("threshold:-2.5", &policy, NULL), ENG_OK);
    assert_int_equal(policy.kind, ENG_POLICY_THRESHOLD);
    assert_true(policy.margin == -2.5f);
    static const struct {
        const char *text;
        enum eng_policy_kind kind;
    } plain[] = {{"file", ENG_POLICY_AS_FILE},
                 {"dense", ENG_POLICY_DENSE},
                 {"blocks", ENG_POLICY_BLOCKS},
                 {"threshold", ENG_POLICY_THRESHOLD}};
    for (size_t i = 0; i < sizeof plain / sizeof plain[0]; i++) {
        assert_int_equal(eng_policy_parse(plain[i].text, &policy, NULL), ENG_OK);
        assert_int_equal(policy.kind, plain[i].kind);
    }
}

/* ---- Choice by position ------------------------------------------------------------ */

static bool chooses(const struct eng_policy *policy, size_t position, size_t block)
{
    size_t own = position / 16, step = 1;
    if (block > own) return false;
    if (block + 4 > own || block == 0) return true;
    if (policy->kind == ENG_POLICY_WINDOW) return block * 16 + 15 + policy->window > position;
    while (step * step <= own)
        step *= 2;
    return block + step > own || block % step == 0;
}

static void test_choice(void **state)
{
    (void)state;
    static const struct eng_policy policies[] = {{ENG_POLICY_WINDOW, 64, 0},
                                                 {ENG_POLICY_WINDOW, 65, 0},
                                                 {ENG_POLICY_WINDOW, 200, 0},
                                                 {ENG_POLICY_WINDOW, 100000, 0},
                                                 {ENG_POLICY_BLOCKS, 0, 0}};
    for (size_t p = 0; p < sizeof policies / sizeof policies[0]; p++)
        for (size_t i = 0; i < 3000; i += 1 + i / 300) {
            uint64_t blocks[4] = {0};
            eng_policy_choose(&policies[p], i, blocks);
            for (size_t b = 0; b < 256; b++)
                if ((blocks[b / 64] >> (b % 64) & 1) != chooses(&policies[p], i, b))
                    fail_msg("policy %zu, position %zu, block %zu", p, i, b);
        }
}

/* The blocks of a token grow like the root of its position. */
static void test_growth(void **state)
{
    (void)state;
    const struct eng_policy policy = {.kind = ENG_POLICY_BLOCKS};
    static uint64_t blocks[1 << 10];
    for (size_t i = 1024; i <= 1 << 20; i *= 2) {
        size_t n = 0;
        memset(blocks, 0, sizeof blocks);
        eng_policy_choose(&policy, i - 1, blocks);
        for (size_t w = 0; w < sizeof blocks / sizeof blocks[0]; w++)
            n += (size_t)__builtin_popcountll(blocks[w]);
        assert_in_range(n, (size_t)sqrt((double)i / 16), (size_t)(3 * sqrt((double)i / 16)) + 1);
    }
}

/* ---- Attention --------------------------------------------------------------------- */

/* Queries of some tokens, `heads` each, over a cache of other tokens. */
struct attention_case {
    enum eng_format cache;
    size_t dim, tokens, heads, positions;
    bool bounds; /* leaves out by the bounds of keys; else by sets of each row's own */
    float margin;
};

enum { MOST_POSITIONS = 700, BLOCKS = MOST_POSITIONS / 16 + 1, PAGES = 3, OWN_WORDS = 1 };
_Static_assert(BLOCKS <= 64 * OWN_WORDS, "a row's blocks fit into a word");

struct scene {
    struct attention_case c;
    const struct eng_kernels *set;
    float *q, *k, *v;
    double *queries, *keys, *values;         /* the same, rounded as the cache has it */
    double reserve[ENG_ATTEND_ROWS][BLOCKS]; /* of each token */
    uint8_t *block;                          /* of all pages */
    const uint8_t *pages[PAGES];
    void *scratch;
    size_t head, page_bytes;
    uint64_t own[ENG_ATTEND_ROWS][OWN_WORDS], all[OWN_WORDS];
    struct eng_attention a;
};

static double stored(enum eng_format cache, const struct eng_kernels *set, float value)
{
    uint16_t half;
    float out = value;
    if (cache == ENG_CACHE_F16) {
        set->narrow(&value, 1, &half);
        set->widen(&half, 1, &out);
    }
    if (cache == ENG_CACHE_OF_SET) out = of_bf16(to_bf16(value));
    return (double)out;
}

static double *rounded(enum eng_format cache, const struct eng_kernels *set, const float *x,
                       size_t n)
{
    double *out = malloc(n * sizeof *out);
    for (size_t i = 0; i < n; i++)
        out[i] = stored(cache, set, x[i]);
    return out;
}

static double score(const struct scene *s, size_t row, size_t position)
{
    double sum = 0;
    for (size_t d = 0; d < s->c.dim; d++)
        sum += s->queries[row * s->c.dim + d] * s->keys[position * s->c.dim + d];
    return sum * (double)s->a.scale;
}

/* The best score that any key between a block's extremes could have. */
static double reach(const struct scene *s, size_t row, size_t block)
{
    double sum = 0;
    for (size_t d = 0; d < s->c.dim; d++) {
        double q = s->queries[row * s->c.dim + d], most = -INFINITY;
        for (size_t p = block * 16; p < block * 16 + 16; p++)
            most = fmax(most, q * s->keys[p * s->c.dim + d]);
        sum += most;
    }
    return sum * (double)s->a.scale;
}

/* How far each token is from leaving a block out: below 0 where it does; infinite for those that
 * are always seen. */
static void find_reserves(struct scene *s)
{
    for (size_t row = 0; row < s->a.rows; row++) {
        size_t limit = s->a.limit[row], own = (limit - 1) / 16;
        double largest = -INFINITY;
        for (size_t p = 0; p < limit; p++)
            if (p < 16 || p / 16 + 4 > own) largest = fmax(largest, score(s, row, p));
        for (size_t b = 0; b <= own; b++) {
            double *to = &s->reserve[row / s->c.heads][b], own_reserve = INFINITY;
            if (b > 0 && b + 4 <= own)
                own_reserve = reach(s, row, b) - largest + (double)s->c.margin;
            *to = row % s->c.heads == 0 ? own_reserve : fmax(*to, own_reserve);
        }
    }
}

static bool sees(const struct scene *s, size_t row, size_t position)
{
    size_t block = position / 16;
    if (position >= s->a.limit[row]) return false;
    if (!s->c.bounds) return s->own[row][block / 64] >> (block % 64) & 1;
    return s->reserve[row / s->c.heads][block] >= 0;
}

static void attend_plainly(const struct scene *s, size_t row, double *out)
{
    double largest = -INFINITY, total = 0, scores[MOST_POSITIONS];
    bool seen[BLOCKS];
    memset(out, 0, s->c.dim * sizeof *out);
    for (size_t b = 0; b * 16 < s->a.limit[row]; b++)
        seen[b] = sees(s, row, b * 16);
    for (size_t p = 0; p < s->a.limit[row]; p++) {
        scores[p] = seen[p / 16] ? score(s, row, p) : -INFINITY;
        largest = fmax(largest, scores[p]);
    }
    for (size_t p = 0; p < s->a.limit[row]; p++) {
        double weight = exp(scores[p] - largest);
        total += weight;
        for (size_t d = 0; d < s->c.dim; d++)
            out[d] += weight * s->values[p * s->c.dim + d];
    }
    for (size_t d = 0; d < s->c.dim; d++)
        out[d] /= total;
}

static void *zeroed(size_t bytes)
{
    size_t whole = (bytes + 63) / 64 * 64;
    uint8_t *out = aligned_alloc(64, whole);
    assert_non_null(out);
    return memset(out, 0, whole);
}

static void fill_cache(struct scene *s)
{
    const struct attention_case *c = &s->c;
    s->head = (eng_format_bytes(s->set, c->cache, c->dim) + 63) / 64 * 64;
    s->page_bytes = 2 * s->head + (eng_format_bounds(s->set, c->cache, c->dim) + 63) / 64 * 64;
    s->block = zeroed(PAGES * s->page_bytes);
    for (size_t i = 0; i < PAGES; i++)
        s->pages[i] = s->block + (i + 1) % PAGES * s->page_bytes; /* not in their order */
    for (size_t p = 0; p < c->positions; p++) {
        uint8_t *page = s->block + (p / ENG_CACHE_PAGE + 1) % PAGES * s->page_bytes;
        eng_attend_store(s->set, c->cache, page, page + s->head, p % ENG_CACHE_PAGE, c->dim,
                         s->k + p * c->dim, s->v + p * c->dim);
        if (p % 16 == 15)
            eng_attend_bound(s->set, c->cache, page, page + 2 * s->head, p % ENG_CACHE_PAGE / 16,
                             c->dim);
    }
}

/* Keys drift, so that blocks differ in what they can reach. */
static void set_scene(struct scene *s, const struct eng_kernels *set,
                      const struct attention_case *c)
{
    size_t rows = c->tokens * c->heads;
    uint64_t seed = c->dim * 31 + c->positions + c->heads;
    *s = (struct scene){.c = *c, .set = set};
    s->q = random_floats(seed, rows * c->dim, 2);
    s->k = random_floats(seed + 1, c->positions * c->dim, 0.3f);
    s->v = random_floats(seed + 2, c->positions * c->dim, 2);
    for (size_t i = 0; i < c->positions * c->dim; i++)
        s->k[i] += 1.5f * sinf((float)(i / c->dim) * 0.01f + (float)(i % c->dim));
    fill_cache(s);
    enum eng_format of_queries = c->cache == ENG_CACHE_F16 ? ENG_CACHE_F32 : c->cache;
    s->queries = rounded(of_queries, set, s->q, rows * c->dim);
    s->keys = rounded(c->cache, set, s->k, c->positions * c->dim);
    s->values = rounded(c->cache, set, s->v, c->positions * c->dim);
    s->scratch = zeroed(eng_attend_scratch(set, c->cache, c->dim));
    s->a = (struct eng_attention){.rows = rows,
                                  .dim = c->dim,
                                  .scale = 1 / sqrtf((float)c->dim),
                                  .pages = s->pages,
                                  .values = s->head,
                                  .sharing = c->heads,
                                  .margin = c->margin,
                                  .bounds = c->bounds ? 2 * s->head : 0};
    for (size_t r = 0; r < rows; r++) {
        s->a.q[r] = s->q + r * c->dim;
        s->a.limit[r] = (uint32_t)(c->positions - (c->tokens - 1) + r / c->heads);
        if (c->bounds) continue;
        size_t own = (s->a.limit[r] - 1) / 16, token = r / c->heads;
        for (size_t b = 0; b <= own; b++)
            if (b + 2 > own || (b + token / 2) % 3 == 0)
                s->own[r][b / 64] |= (uint64_t)1 << (b % 64);
        s->all[0] |= s->own[r][0];
        s->a.own[r] = s->own[r];
    }
    if (!c->bounds) s->a.blocks = s->all;
    if (c->bounds) find_reserves(s);
}

static void end_scene(struct scene *s)
{
    free(s->q);
    free(s->k);
    free(s->v);
    free(s->queries);
    free(s->keys);
    free(s->values);
    free(s->block);
    free(s->scratch);
}

/* What is computed: got [rows, dim]. */
static void attend(struct scene *s, const struct eng_attention *a, float *got)
{
    struct eng_attention with = *a;
    for (size_t r = 0; r < a->rows; r++)
        with.out[r] = got + r * a->dim;
    eng_attend_cached(s->set, s->c.cache, &with, s->scratch);
}

/* A token's rows alone. */
static void check_alone(struct scene *s, size_t token, const float *want)
{
    struct eng_attention one = s->a;
    size_t first = token * s->c.heads;
    float *got = malloc(s->c.heads * s->c.dim * sizeof *got);
    one.rows = s->c.heads;
    for (size_t r = 0; r < s->c.heads; r++) {
        one.q[r] = s->a.q[first + r];
        one.limit[r] = s->a.limit[first + r];
        one.own[r] = s->a.own[first + r];
    }
    if (one.blocks) one.blocks = s->own[first];
    attend(s, &one, got);
    assert_same(got, want + first * s->c.dim, s->c.heads * s->c.dim);
    free(got);
}

/* Bounds that are nearly reached would be decided by rounding: no case is to have any. */
static bool is_clear(const struct scene *s)
{
    double least = s->c.cache == ENG_CACHE_OF_SET ? 1e-4 : 1e-5;
    for (size_t r = 0; s->c.bounds && r < s->a.rows; r += s->c.heads)
        for (size_t b = 0; b * 16 < s->a.limit[r]; b++)
            if (fabs(s->reserve[r / s->c.heads][b]) < least) return false;
    return true;
}

/* Returns the share of pairs that were seen. */
static double check_attention(const struct eng_kernels *set, const struct attention_case *c)
{
    struct scene s;
    struct eng_attention_count count = {0};
    set_scene(&s, set, c);
    size_t rows = s.a.rows, seen = 0, pairs = 0;
    float *got = malloc(rows * c->dim * sizeof *got);
    double *want = malloc(c->dim * sizeof *want);
    double bound = c->cache == ENG_CACHE_OF_SET ? 0.01 : 1e-5;
    assert_true(is_clear(&s));
    s.a.count = &count;
    attend(&s, &s.a, got);
    s.a.count = NULL;
    for (size_t r = 0; r < rows; r++) {
        pairs += s.a.limit[r];
        for (size_t b = 0; b * 16 < s.a.limit[r]; b++)
            if (sees(&s, r, b * 16))
                seen += s.a.limit[r] - b * 16 < 16 ? s.a.limit[r] - b * 16 : 16;
        attend_plainly(&s, r, want);
        for (size_t d = 0; d < c->dim; d++)
            if (!(fabs((double)got[r * c->dim + d] - want[d]) <= bound))
                fail_msg("%zu of %zu x %zu at %zu%s: %zu is %.9g, expected %.9g", r, c->tokens,
                         c->heads, c->positions, c->bounds ? ", bounds" : "", d,
                         (double)got[r * c->dim + d], want[d]);
    }
    assert_int_equal(count.pairs, pairs);
    assert_int_equal(count.seen, seen);
    assert_true(count.computed + 16 * rows > count.seen);
    for (size_t token = 0; token < c->tokens; token++)
        check_alone(&s, token, got);
    free(got);
    free(want);
    end_scene(&s);
    return (double)seen / (double)pairs;
}

static const size_t dims[] = {2, 16, 22, 64, 80, 128};
static const size_t shapes[][2] = {{1, 1}, {1, 3}, {5, 3}, {16, 1}, {2, 8}, {10, 3}, {32, 1}};
static const size_t positions[] = {33, 64, 65, 130, 257, 400, 690};
enum { DIMS = 6, SHAPES = 7, POSITIONS = 7 };

static void test_own_blocks(void **state)
{
    const struct eng_kernels *set = *state;
    for (int cache = ENG_CACHE_F32; cache <= ENG_CACHE_OF_SET; cache++)
        for (size_t i = 0; i < SHAPES * POSITIONS; i++) {
            if (cache == ENG_CACHE_OF_SET && !set->attend) continue;
            const struct attention_case c = {.cache = (enum eng_format)cache,
                                             .dim = dims[i % DIMS],
                                             .tokens = shapes[i % SHAPES][0],
                                             .heads = shapes[i % SHAPES][1],
                                             .positions = positions[i / SHAPES]};
            check_attention(set, &c);
        }
}

static void test_bounds(void **state)
{
    const struct eng_kernels *set = *state;
    static const float margins[] = {-3, -1, 0, 1.5f};
    for (int cache = ENG_CACHE_F32; cache <= ENG_CACHE_OF_SET; cache++) {
        double least = 1, most = 0;
        if (cache == ENG_CACHE_OF_SET && !set->attend) continue;
        for (size_t i = 0; i < SHAPES * POSITIONS; i++) {
            const struct attention_case c = {.cache = (enum eng_format)cache,
                                             .dim = dims[i % DIMS],
                                             .tokens = shapes[i % SHAPES][0],
                                             .heads = shapes[i % SHAPES][1],
                                             .positions = positions[i / SHAPES],
                                             .bounds = true,
                                             .margin = margins[i % 4]};
            double share = check_attention(set, &c);
            if (c.positions <= 64) assert_true(share == 1);
            least = fmin(least, share);
            most = fmax(most, share);
        }
        assert_true(least < 0.5); /* the cases do leave something out */
        assert_true(most == 1);
    }
}

/* With a margin that nothing falls below it is dense attention, bit by bit. */
static void test_wide_margin(void **state)
{
    const struct eng_kernels *set = *state;
    for (int cache = ENG_CACHE_F32; cache <= ENG_CACHE_OF_SET; cache++) {
        if (cache == ENG_CACHE_OF_SET && !set->attend) continue;
        struct scene s;
        const struct attention_case c = {(enum eng_format)cache, 64, 10, 3, 690, true, 1000};
        float got[30 * 64], want[30 * 64];
        set_scene(&s, set, &c);
        attend(&s, &s.a, got);
        s.a.bounds = 0;
        attend(&s, &s.a, want);
        assert_memory_equal(got, want, sizeof got);
        end_scene(&s);
    }
}

/* ---- Models ------------------------------------------------------------------------ */

enum { TOKENS = 300, VOCAB = 277 };

static const struct random_model shape = {.architecture = "llama",
                                          .activation = "swiglu",
                                          .type = ENG_Q8_0,
                                          .layers = 2,
                                          .d_model = 64,
                                          .heads = 4,
                                          .kv_heads = 2,
                                          .head_dim = 32,
                                          .d_ff = 96,
                                          .vocab = VOCAB,
                                          .context = 320,
                                          .seed = 3};

static void write_model(const struct random_model *spec, char path[40])
{
    struct eng_error err = {""};
    snprintf(path, 40, "/tmp/espalier-policies-XXXXXX");
    int file = mkstemp(path);
    assert_true(file >= 0);
    close(file);
    if (random_model_write(spec, path, &err) != ENG_OK) fail_msg("%s", err.text);
}

static struct eng_model *open_under(const char *path, const char *policy)
{
    struct eng_model_options options = {.threads = 2};
    struct eng_error err = {""};
    if (eng_policy_parse(policy, &options.policy, &err) != ENG_OK) fail_msg("%s", err.text);
    return open_model(path, &options);
}

/* Logits of all tokens, [TOKENS, VOCAB]; the caller frees. */
static float *logits_under(const char *path, const char *policy, struct eng_attended *attended)
{
    struct eng_model *model = open_under(path, policy);
    struct eng_session *session = open_session(model);
    struct eng_error err = {""};
    struct eng_input inputs[TOKENS];
    float *out = malloc(sizeof *out * TOKENS * VOCAB);
    random_inputs(5, VOCAB, inputs, TOKENS);
    assert_int_equal(eng_session_logits_all(session, inputs, TOKENS, 0, out, NULL, &err), ENG_OK);
    eng_model_attended(model, attended);
    eng_session_free(session);
    eng_model_close(model);
    return out;
}

static void test_short_is_dense(void **state)
{
    (void)state;
    static const char *const policies[] = {"window:64", "blocks", "threshold:-9", "dense"};
    char path[40];
    struct eng_attended dense, attended;
    write_model(&shape, path);
    float *want = logits_under(path, "file", &dense);
    uint64_t pairs = (uint64_t)TOKENS * (TOKENS + 1) / 2 * shape.layers * shape.heads;
    assert_int_equal(dense.pairs, pairs);
    assert_int_equal(dense.seen, pairs);
    assert_true(dense.computed >= pairs);
    for (size_t i = 0; i < sizeof policies / sizeof policies[0]; i++) {
        float *got = logits_under(path, policies[i], &attended);
        bool same = strcmp(policies[i], "dense") == 0;
        assert_memory_equal(got, want, (size_t)64 * VOCAB * sizeof *got);
        assert_int_equal(memcmp(got, want, (size_t)TOKENS * VOCAB * sizeof *got) == 0, same);
        assert_int_equal(attended.pairs, pairs);
        assert_int_equal(attended.seen == pairs, same);
        assert_true(attended.computed <= dense.computed);
        free(got);
    }
    free(want);
    want = logits_under(path, "threshold:900", &attended);
    free(want);
    assert_int_equal(attended.seen, pairs);
    unlink(path);
}

static void test_refusals(void **state)
{
    (void)state;
    static const struct {
        const char *structure, *policy, *shown;
        uint32_t window;
        bool good;
    } cases[] = {
        {"none", "file", "dense", 0, true},
        {"none", "window:100", "window:100", 0, true},
        {"none", "threshold:2.5", "threshold:2.5", 0, true},
        {"gated", "blocks", "blocks", 0, true},
        {"gated", "threshold", NULL, 0, false},
        {"none", "window", NULL, 20, false},
        {"additive", "blocks", NULL, 20, false},
        {"additive", "file", "file", 20, true},
        {"additive", "dense", "dense", 20, true},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct random_model spec = shape;
        struct eng_model_options options = {.threads = 1};
        struct eng_model *model = NULL;
        struct eng_error err = {""};
        char path[40];
        spec.architecture = "espalier";
        spec.structure = cases[i].structure;
        spec.window = cases[i].window;
        write_model(&spec, path);
        assert_int_equal(eng_policy_parse(cases[i].policy, &options.policy, &err), ENG_OK);
        enum eng_status status = eng_model_open(path, &options, &model, &err);
        if (!cases[i].good) {
            assert_int_equal(status, ENG_UNSUPPORTED);
            assert_non_null(strstr(err.text, "attention "));
        } else {
            if (status != ENG_OK) fail_msg("%s", err.text);
            assert_string_equal(eng_model_info(model)->policy, cases[i].shown);
        }
        eng_model_close(model);
        unlink(path);
    }
    struct eng_model_options options = {.policy = {.kind = ENG_POLICY_WINDOW, .window = 3}};
    struct eng_model *model = NULL;
    struct eng_error err = {""};
    char path[40];
    write_model(&shape, path);
    assert_int_equal(eng_model_open(path, &options, &model, &err), ENG_BAD_INPUT);
    options.policy.kind = (enum eng_policy_kind)99;
    assert_int_equal(eng_model_open(path, &options, &model, &err), ENG_BAD_INPUT);
    unlink(path);
}

/* What one policy has computed is of no use to another. */
static void test_snapshots(void **state)
{
    (void)state;
    static const char *const policies[] = {"file", "window:64", "window:80", "blocks", "threshold"};
    enum { N = sizeof policies / sizeof policies[0] };
    char path[40], saved[60];
    struct eng_input inputs[TOKENS];
    random_inputs(5, VOCAB, inputs, TOKENS);
    write_model(&shape, path);
    snprintf(saved, sizeof saved, "%s.sequences", path);
    for (size_t i = 0; i < N; i++) {
        struct eng_model *model = open_under(path, policies[i]);
        struct eng_session *session = open_session(model);
        assert_int_equal(eng_session_sync(session, inputs, 200, NULL, NULL, NULL), ENG_OK);
        eng_session_free(session);
        assert_int_equal(eng_model_save_sequences(model, saved, NULL), ENG_OK);
        eng_model_close(model);
        for (size_t j = 0; j < N; j++) {
            size_t loaded = 0;
            model = open_under(path, policies[j]);
            enum eng_status status = eng_model_load_sequences(model, saved, &loaded, NULL);
            assert_int_equal(status, i == j ? ENG_OK : ENG_BAD_FILE);
            assert_int_equal(loaded, i == j);
            eng_model_close(model);
        }
    }
    unlink(saved);
    unlink(path);
}

int main(void)
{
    const struct eng_kernels *set = eng_kernels_choose(getenv("ESPALIER_CPU"));
    if (!set) return 77;
    static const struct {
        const char *name;
        CMUnitTestFunction run;
    } properties[] = {
        {"names", test_names},
        {"choice", test_choice},
        {"growth", test_growth},
        {"own blocks", test_own_blocks},
        {"bounds", test_bounds},
        {"wide margin", test_wide_margin},
        {"short is dense", test_short_is_dense},
        {"refusals", test_refusals},
        {"snapshots", test_snapshots},
    };
    enum { N = sizeof properties / sizeof properties[0] };
    struct CMUnitTest tests[N];
    for (size_t i = 0; i < N; i++)
        tests[i] = (struct CMUnitTest){.name = properties[i].name,
                                       .test_func = properties[i].run,
                                       .initial_state = (void *)set};
    return _cmocka_run_group_tests(set->name, tests, N, NULL, NULL);
}
