/* What waiting for the next key would save: the pauses of the typist, and answers of a given
 * length.
 *
 *   pace FILE...
 *
 * No server and no clock: keys come when the typist (typist.h) types them, at one, two and three
 * times a person's speed and as a key that is held down repeats; each asks; an answer takes a given
 * time, of which a quarter is prefill; the next key ends it. Waiting puts off what follows prefill.
 * Rules: `likely` waits for min(40 ms, the median of the last 8 answers' times) where most of the
 * last 16 keys came sooner than that median; `sure` waits for the longest of 10, 20, 30 and 40 ms
 * that would have cost at most a twentieth of those keys their answer; `repeat` waits for 40 ms
 * where each of the last 4 keys came sooner than that. PACE.md has the table. */
#include "tests/bench/typist.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_KEYS = 200000, GAPS = 16, ANSWERS = 8, REPEATS = 4 };

static const double longest = 40, prefill = 0.25;

enum rule { RULE_NONE, RULE_LIKELY, RULE_SURE, RULE_REPEAT, RULES };

struct pace {
    double gaps[GAPS], answers[ANSWERS]; /* rings */
    size_t n_gaps, n_answers;
};

struct outcome {
    double computed, shown, late; /* milliseconds a key, share of keys, milliseconds an answer */
};

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return x < y ? -1 : x > y;
}

/* The share of the last keys that came from `least` to `most` after the one before. */
static double share(const struct pace *p, double least, double most)
{
    size_t n = 0;
    for (size_t i = 0; i < GAPS; i++)
        n += p->gaps[i] >= least && p->gaps[i] < most;
    return (double)n / GAPS;
}

static double wait_for(const struct pace *p, enum rule rule)
{
    double sorted[ANSWERS], wait = longest;
    if (rule == RULE_NONE || p->n_gaps < GAPS) return 0;
    if (rule == RULE_REPEAT) {
        for (size_t i = 1; i <= REPEATS; i++)
            if (p->gaps[(p->n_gaps - i) % GAPS] >= longest) return 0;
        return longest;
    }
    if (p->n_answers < ANSWERS) return 0;
    memcpy(sorted, p->answers, sizeof sorted);
    qsort(sorted, ANSWERS, sizeof *sorted, by_value);
    double answer = sorted[ANSWERS / 2];
    if (share(p, 0, answer) <= 0.5) return 0;
    if (rule == RULE_LIKELY) return answer < longest ? answer : longest;
    while (wait > 0 && share(p, answer, answer + wait) > 0.05)
        wait -= 10;
    return wait;
}

static struct outcome type(const double *gaps, size_t n, double speed, double mean, enum rule rule)
{
    struct pace p = {.n_gaps = 0};
    struct outcome out = {0, 0, 0};
    uint64_t random = 1;
    for (size_t i = 0; i < n; i++) {
        random = random * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
        double gap = speed > 0 ? gaps[i] / speed : 33;
        double takes = mean * (0.5 + (double)(random >> 33) / 2147483648.0);
        double first = takes * prefill, wait = wait_for(&p, rule);
        double begins = wait > first ? wait : first, ends = begins + takes - first;
        out.computed += gap < first ? gap : first;
        if (gap > begins) out.computed += (gap < ends ? gap : ends) - begins;
        if (gap >= ends) {
            out.shown++;
            out.late += ends;
            p.answers[p.n_answers++ % ANSWERS] = takes;
        }
        p.gaps[p.n_gaps++ % GAPS] = gap;
    }
    if (out.shown > 0) out.late /= out.shown;
    out.computed /= (double)n;
    out.shown /= (double)n;
    return out;
}

/* The typist's pauses in the whole file. */
static size_t read_pauses(const char *path, double *gaps, size_t n)
{
    static char text[TYPIST_MAX_TEXT];
    static struct typist typist;
    struct typist_edit edit;
    FILE *file = fopen(path, "rb");
    size_t len = file ? fread(text, 1, sizeof text - 2048, file) : 0;
    if (file) fclose(file);
    text[len] = 0;
    if (len < 2 || !typist_open(&typist, text, len, 1, len, true, 1)) return n;
    while (n < MAX_KEYS && typist_key(&typist, &edit))
        gaps[n++] = edit.pause_ms;
    return n;
}

int main(int argc, char **argv)
{
    static const char *const names[RULES] = {"none", "likely", "sure", "repeat"};
    static const double speeds[] = {1, 2, 3, 0}, answers[] = {30, 60, 90, 120, 160, 200, 300};
    double *gaps = malloc(MAX_KEYS * sizeof *gaps);
    size_t n = 0;
    for (int i = 1; gaps && i < argc; i++)
        n = read_pauses(argv[i], gaps, n);
    if (n == 0) {
        fprintf(stderr, "usage: pace FILE...; no keys\n");
        free(gaps);
        return 2;
    }
    printf("%zu keys\nspeed answer  rule    computed  shown   after\n", n);
    for (size_t s = 0; s < sizeof speeds / sizeof *speeds; s++)
        for (size_t a = 0; a < sizeof answers / sizeof *answers; a++)
            for (int rule = 0; rule < RULES; rule++) {
                struct outcome out = type(gaps, n, speeds[s], answers[a], (enum rule)rule);
                printf("%5g %4g ms  %-7s %5.1f ms  %5.1f %%  %5.1f ms\n", speeds[s], answers[a],
                       names[rule], out.computed, 100 * out.shown, out.late);
            }
    free(gaps);
    return 0;
}
