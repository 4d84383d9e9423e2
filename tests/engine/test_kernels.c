/* Every kernel of the set that ESPALIER_CPU names against ref, at awkward lengths; products of
 * matrices are in test_products.c. What
 * kernels.h promises to be the same in all sets is compared bit by bit, the rest within
 * bounds. Also: a row's result does not depend on the rows computed beside it. */
#include "engine/attend.h"
#include "engine/kernels/half.h"
#include "engine/kernels/kernels.h"
#include "tests/engine/floats.h"
#include "tests/engine/random_model.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const size_t lengths[] = {1, 2, 7, 8, 9, 15, 16, 17, 31, 32, 33, 48, 63, 64, 65, 100, 257};
#define N_LENGTHS (sizeof lengths / sizeof lengths[0])

/* ---- Elementwise ------------------------------------------------------------------- */

static void test_elementwise(void **state)
{
    const struct eng_kernels *set = *state, *ref = eng_kernels_ref();
    for (size_t l = 0; l < N_LENGTHS; l++) {
        size_t n = lengths[l];
        float *x = random_floats(n, n, 4), *y = random_floats(n + 1, n, 4);
        float *got = random_floats(3, n, 1), *want = random_floats(3, n, 1);

        set->rmsnorm(x, y, n, 1e-5f, got);
        ref->rmsnorm(x, y, n, 1e-5f, want);
        assert_close(got, want, n + 1, 2e-6);
        memcpy(got, x, n * sizeof *x);
        set->rmsnorm(got, y, n, 1e-5f, got);
        assert_close(got, want, n + 1, 2e-6);

        memcpy(got, x, n * sizeof *x);
        memcpy(want, x, n * sizeof *x);
        set->add(got, y, n);
        ref->add(want, y, n);
        assert_same(got, want, n + 1);
        set->relu2(got, n);
        ref->relu2(want, n);
        assert_close(got, want, n + 1, 0);

        memcpy(got, x, n * sizeof *x);
        memcpy(want, x, n * sizeof *x);
        got[0] = want[0] = -100;
        got[n / 2] = want[n / 2] = 95;
        set->silu_mul(got, y, n);
        ref->silu_mul(want, y, n);
        assert_close(got, want, n + 1, 2e-6);
        free(x);
        free(y);
        free(got);
        free(want);
    }
}

static void test_rope(void **state)
{
    const struct eng_kernels *set = *state, *ref = eng_kernels_ref();
    for (size_t l = 0; l < N_LENGTHS; l++) {
        size_t half = lengths[l];
        float *cosine = random_floats(1, half, 1), *sine = random_floats(2, half, 1);
        float *got = random_floats(3, 2 * half, 2), *want = random_floats(3, 2 * half, 2);
        set->rope_halves(got, cosine, sine, half);
        ref->rope_halves(want, cosine, sine, half);
        assert_same(got, want, 2 * half + 1);
        free(cosine);
        free(sine);
        free(got);
        free(want);
    }
}

/* ---- Attention --------------------------------------------------------------------- */

static void test_scores(void **state)
{
    const struct eng_kernels *set = *state, *ref = eng_kernels_ref();
    static const size_t dims[] = {2, 8, 22, 64, 80};
    for (size_t k = 0; k < sizeof dims / sizeof dims[0]; k++) {
        for (size_t rows = 1; rows <= ENG_ATTEND_ROWS; rows++) {
            for (size_t blocks = 1; blocks <= 9; blocks += 1 + blocks / 4) {
                size_t dim = dims[k], n = blocks * ENG_KEY_LANES;
                float *queries = random_floats(1, rows * dim, 1);
                float *keys = random_floats(2, n * dim, 1);
                float *got = random_floats(3, rows * n, 1), *want = random_floats(3, rows * n, 1);
                const float *q[ENG_ATTEND_ROWS];
                float *got_row[ENG_ATTEND_ROWS], *want_row[ENG_ATTEND_ROWS];
                for (size_t r = 0; r < rows; r++) {
                    q[r] = queries + r * dim;
                    got_row[r] = got + r * n;
                    want_row[r] = want + r * n;
                }
                set->scores(q, rows, dim, keys, blocks, got_row);
                ref->scores(q, rows, dim, keys, blocks, want_row);
                assert_same(got, want, rows * n + 1);
                free(queries);
                free(keys);
                free(got);
                free(want);
            }
        }
    }
}

static void test_softmax(void **state)
{
    const struct eng_kernels *set = *state, *ref = eng_kernels_ref();
    float *table = random_floats(9, 16, 2);
    for (size_t i = 0; i < 16; i++)
        table[i] = fabsf(table[i]) + 0.01f;
    for (int term = ENG_TERM_NONE; term <= ENG_TERM_GATE; term++) {
        for (size_t l = 0; l < N_LENGTHS; l++) {
            size_t n = lengths[l];
            uint64_t seed = n;
            float *got = random_floats(n, n, 40), *want = random_floats(n, n, 40);
            uint8_t *relation = malloc(n); /* exactly n, for sanitizers */
            for (size_t i = 0; i < n; i++)
                relation[i] = (uint8_t)random_below(&seed, ENG_RELATIONS);
            const uint8_t *given = term == ENG_TERM_NONE ? NULL : relation;
            float largest = l % 3 == 0 ? 1000 : -INFINITY, same = largest; /* of what came before */
            if (l % 3 == 1) largest = same = -3;
            float sum = set->softmax(got, n, 0.5f, (enum eng_term)term, given, table, &largest);
            float expected = ref->softmax(want, n, 0.5f, (enum eng_term)term, given, table, &same);
            assert_close(got, want, n + 1, 4e-6);
            assert_close(&sum, &expected, 1, 4e-6);
            assert_close(&largest, &same, 1, 4e-6);
            free(got);
            free(want);
            free(relation);
        }
    }
    free(table);
}

static void test_halves(void **state)
{
    const struct eng_kernels *set = *state;
    enum { ALL = 1 << 16 };
    uint16_t *halves = malloc(ALL * sizeof *halves), *back = malloc(ALL * sizeof *back);
    float *wide = random_floats(1, ALL, 1);
    for (size_t i = 0; i < ALL; i++)
        halves[i] = (uint16_t)i;
    set->widen(halves, ALL, wide);
    assert_float_equal(wide[ALL], GUARD, 0);
    set->narrow(wide, ALL, back);
    for (size_t i = 0; i < ALL; i++) {
        bool special = (i & 0x7c00) == 0x7c00, number = !special || (i & 0x3ff) == 0;
        if (!special) assert_int_equal(back[i], i);
        if (special && number) assert_int_equal(back[i], (i & 0x8000) | 0x7bff);
        if (number) assert_float_equal(wide[i], eng_float_of_half((uint16_t)i), 0);
        if (!number) assert_true(isnan(eng_float_of_half(back[i])));
    }
    static const struct {
        float value;
        uint16_t half;
    } rounded[] = {{1.0f + 0x1p-11f, 0x3c00},
                   {1.0f + 3 * 0x1p-11f, 0x3c02},
                   {-65519, 0xfbff},
                   {65520, 0x7bff},
                   {1e30f, 0x7bff},
                   {0x1p-25f, 0},
                   {0x1.8p-25f, 1},
                   {-0x1p-24f, 0x8001},
                   {0x1.ff8p-15f, 0x03ff},
                   {0x1.ffcp-15f, 0x0400},
                   {0.1f, 0x2e66},
                   {-0.0f, 0x8000}};
    for (size_t n = 1; n <= sizeof rounded / sizeof rounded[0]; n++) {
        for (size_t i = 0; i < n; i++)
            wide[i] = rounded[i].value;
        back[n] = 7;
        set->narrow(wide, n, back);
        for (size_t i = 0; i < n; i++)
            assert_int_equal(back[i], rounded[i].half);
        assert_int_equal(back[n], 7);
    }
    free(wide);
    free(back);
    free(halves);
}

static void test_values(void **state)
{
    const struct eng_kernels *set = *state, *ref = eng_kernels_ref();
    static const size_t dims[] = {2, 8, 22, 64, 80, 128};
    enum { POSITIONS = 70 };
    for (size_t k = 0; k < sizeof dims / sizeof dims[0]; k++) {
        for (size_t rows = 1; rows <= ENG_ATTEND_ROWS; rows++) {
            size_t dim = dims[k];
            float *weights = random_floats(1, rows * POSITIONS, 1);
            float *values = random_floats(2, POSITIONS * dim, 1);
            float *got = random_floats(3, rows * dim, 1), *want = random_floats(3, rows * dim, 1);
            const float *w[ENG_ATTEND_ROWS];
            float *got_row[ENG_ATTEND_ROWS], *want_row[ENG_ATTEND_ROWS];
            for (size_t r = 0; r < rows; r++) {
                w[r] = weights + r * POSITIONS;
                got_row[r] = got + r * dim;
                want_row[r] = want + r * dim;
            }
            set->values(w, rows, dim, values, 3, 31, got_row); /* in two cuts */
            set->values(w, rows, dim, values, 31, POSITIONS, got_row);
            ref->values(w, rows, dim, values, 3, POSITIONS, want_row);
            assert_same(got, want, rows * dim + 1);
            free(weights);
            free(values);
            free(got);
            free(want);
        }
    }
}

/* Queries of one head over a cache that has other things behind the limits: against sums in double
 * of what is stored, rounded as it is there; and each row alone. */
struct attention_case {
    enum eng_format cache;
    size_t dim, rows, positions;
    enum eng_term term;
    bool sparse; /* each third block alone */
};

static double term_applied(enum eng_term term, double score, double value)
{
    if (term == ENG_TERM_ADD) return score + value;
    return term == ENG_TERM_SCALE ? score * value : score;
}

static bool is_seen(const struct attention_case *c, size_t position, size_t limit)
{
    size_t block = position / ENG_KEY_LANES;
    return position < limit && (!c->sparse || block % 3 == 0 || position + 20 > limit);
}

static double stored(enum eng_format cache, float value)
{
    if (cache == ENG_CACHE_F32) return (double)value;
    if (cache == ENG_CACHE_F16) return (double)eng_float_of_half(eng_half_of_float(value));
    return (double)of_bf16(to_bf16(value));
}

static void attend_plainly(const struct attention_case *c, const struct eng_attention *a,
                           size_t row, const float *k, const float *v, double *out)
{
    double largest = -INFINITY, total = 0, *scores = malloc(c->positions * sizeof *scores);
    memset(out, 0, c->dim * sizeof *out);
    for (size_t p = 0; p < a->limit[row]; p++) {
        if (!is_seen(c, p, a->limit[row])) continue;
        scores[p] = 0;
        for (size_t d = 0; d < c->dim; d++)
            scores[p] +=
                stored(c->cache == ENG_CACHE_F16 ? ENG_CACHE_F32 : c->cache, a->q[row][d]) *
                stored(c->cache, k[p * c->dim + d]);
        double value = c->term ? (double)a->table[row][a->relation[row][p]] : 0;
        scores[p] = term_applied(c->term, scores[p] * (double)a->scale, value);
        largest = scores[p] > largest ? scores[p] : largest;
    }
    for (size_t p = 0; p < a->limit[row]; p++) {
        if (!is_seen(c, p, a->limit[row])) continue;
        double weight = exp(scores[p] - largest);
        if (c->term == ENG_TERM_GATE) weight *= (double)a->table[row][a->relation[row][p]];
        total += weight;
        for (size_t d = 0; d < c->dim; d++)
            out[d] += weight * stored(c->cache, v[p * c->dim + d]);
    }
    for (size_t d = 0; d < c->dim; d++)
        out[d] /= total;
    free(scores);
}

static void *zeroed(size_t bytes)
{
    size_t whole = (bytes + 63) / 64 * 64;
    uint8_t *out = aligned_alloc(64, whole);
    assert_non_null(out);
    return memset(out, 0, whole);
}

/* The query's table has an entry that hides, as in sparse layers. */
static void relate_rows(const struct attention_case *c, struct eng_attention *a, uint8_t *relation,
                        uint64_t *blocks, uint64_t seed)
{
    for (size_t r = 0; r < c->rows; r++) {
        uint8_t *row = relation + r * c->positions;
        for (size_t p = 0; p < a->limit[r]; p++) {
            bool seen = is_seen(c, p, a->limit[r]);
            row[p] = seen ? (uint8_t)random_below(&seed, ENG_RELATIONS) : 15;
            size_t block = p / ENG_KEY_LANES;
            if (seen) blocks[block / 64] |= (uint64_t)1 << (block % 64);
        }
        a->relation[r] = c->term ? row : NULL;
    }
    a->blocks = c->sparse ? blocks : NULL;
}

static void check_attention(const struct eng_kernels *set, const struct attention_case *c)
{
    enum { PAGES = 3 };
    size_t n = c->positions, head = eng_format_bytes(set, c->cache, c->dim);
    float *k = random_floats(1, n * c->dim, 2), *v = random_floats(2, n * c->dim, 2);
    float *q = random_floats(3, c->rows * c->dim, 2), *table = random_floats(4, 16, 1);
    float *got = calloc(c->rows * c->dim, sizeof *got), *alone = malloc(c->dim * sizeof *alone);
    double *want = malloc(c->dim * sizeof *want);
    uint8_t *relation = malloc(c->rows * n);
    uint64_t blocks[64] = {0};
    uint8_t *block = zeroed(PAGES * 2 * head);
    const uint8_t *pages[PAGES]; /* in another order than they lie */
    void *scratch = zeroed(eng_attend_scratch(set, c->cache, c->dim));
    double bound = c->cache == ENG_CACHE_OF_SET ? 0.01 : 1e-5;
    for (size_t i = 0; i < 16; i++)
        table[i] = i == 15 ? -1e30f : fabsf(table[i]) + 0.01f;
    for (size_t i = 0; i < PAGES; i++)
        pages[i] = block + (i + 1) % PAGES * 2 * head;
    for (size_t p = 0; p < n; p++) {
        uint8_t *page = block + (p / ENG_CACHE_PAGE + 1) % PAGES * 2 * head;
        eng_attend_store(set, c->cache, page, page + head, p % ENG_CACHE_PAGE, c->dim,
                         k + p * c->dim, v + p * c->dim);
    }

    struct eng_attention a = {.rows = c->rows,
                              .dim = c->dim,
                              .term = c->term,
                              .scale = 1 / sqrtf((float)c->dim),
                              .pages = pages,
                              .keys = 0,
                              .values = head};
    for (size_t r = 0; r < c->rows; r++) {
        size_t before = (c->rows - 1 - r) / 2; /* two rows a token */
        a.q[r] = q + r * c->dim;
        a.out[r] = got + r * c->dim;
        a.limit[r] = n > before + 7 ? (uint32_t)(n - before - 7) : 1;
        a.table[r] = table;
    }
    relate_rows(c, &a, relation, blocks, n);
    eng_attend_cached(set, c->cache, &a, scratch);
    for (size_t r = 0; r < c->rows; r++) {
        attend_plainly(c, &a, r, k, v, want);
        for (size_t d = 0; d < c->dim; d++)
            if (!(fabs((double)got[r * c->dim + d] - want[d]) <= bound))
                fail_msg(
                    "dim %zu, %zu positions, term %d: row %zu of %zu, %zu is %.9g, expected %.9g",
                    c->dim, n, (int)c->term, r, c->rows, d, (double)got[r * c->dim + d], want[d]);
        struct eng_attention one = a;
        one.rows = 1;
        one.q[0] = a.q[r];
        one.out[0] = alone;
        one.limit[0] = a.limit[r];
        one.relation[0] = a.relation[r];
        eng_attend_cached(set, c->cache, &one, scratch);
        assert_same(alone, got + r * c->dim, c->dim);
    }
    free(scratch);
    free(block);
    free(relation);
    free(want);
    free(alone);
    free(got);
    free(table);
    free(q);
    free(v);
    free(k);
}

static void test_attention(void **state)
{
    const struct eng_kernels *set = *state;
    static const size_t dims[] = {2, 16, 22, 64, 80, 128}, rows[] = {1, 2, 15, 16, 17, 32};
    static const size_t positions[] = {1, 9, 33, 120, 136, 250, 264, 600};
    enum { DIMS = 6, ROWS = 6, POSITIONS = 8 };
    for (int cache = ENG_CACHE_F32; cache <= ENG_CACHE_OF_SET; cache++)
        for (size_t i = 0; i < DIMS * ROWS * POSITIONS; i++) {
            struct attention_case c = {(enum eng_format)cache,     dims[i % DIMS],
                                       rows[i / DIMS % ROWS],      positions[i / DIMS / ROWS],
                                       (enum eng_term)(i * 7 % 4), false};
            if (cache == ENG_CACHE_OF_SET && !set->attend) continue;
            check_attention(set, &c);
            c.term = ENG_TERM_ADD;
            c.sparse = true;
            check_attention(set, &c);
        }
}

/* ---- Sets -------------------------------------------------------------------------- */

static void test_choice(void **state)
{
    (void)state;
    assert_null(eng_kernels_choose("sse9"));
    assert_null(eng_kernels_choose(""));
    assert_ptr_equal(eng_kernels_choose("ref"), eng_kernels_ref());
    assert_non_null(eng_kernels_choose(NULL));
}

int main(void)
{
    const struct eng_kernels *set = eng_kernels_choose(getenv("ESPALIER_CPU"));
    if (!set) return 77;

    static const struct {
        const char *name;
        CMUnitTestFunction run;
    } kernels[] = {
        {"attention", test_attention}, {"elementwise", test_elementwise}, {"rope", test_rope},
        {"scores", test_scores},       {"softmax", test_softmax},         {"halves", test_halves},
        {"values", test_values},       {"choice", test_choice},
    };
    enum { N = sizeof kernels / sizeof kernels[0] };
    struct CMUnitTest tests[N];
    for (size_t i = 0; i < N; i++)
        tests[i] = (struct CMUnitTest){
            .name = kernels[i].name, .test_func = kernels[i].run, .initial_state = (void *)set};
    return _cmocka_run_group_tests(set->name, tests, N, NULL, NULL);
}
