/* bench.h: what `espalier bench` measures and how it is told. */
#ifndef ESPALIER_CLI_BENCH_H
#define ESPALIER_CLI_BENCH_H

#include "lsp/cli/cli.h"

#define BENCH_LENGTHS 8

/* Medians over runs. */
struct bench_row {
    uint32_t tokens;                    /* in front */
    double prefill_ms, decode_ms;       /* of all of them; of one token more */
    double prefill_joule, decode_joule; /* of one token; 0: no counter */
    uint64_t resident_bytes;            /* of the process afterwards, 0 where unknown */
    double processor_ms;                /* of all threads, for the prefill */
    double seen, computed;              /* shares of the pairs of tokens */
};

/* Milliseconds from a keystroke to its suggestion. */
struct bench_latency {
    size_t n;
    double p50, p95, p99;
    double of_limit; /* what the prompts' missing tokens and the passes of decoding need at least,
                        as a share of the time it took */
};

struct bench_report {
    const struct eng_model_info *info;
    int threads, runs;
    struct eng_limits limits;
    struct bench_row rows[BENCH_LENGTHS];
    size_t n_rows;
    uint64_t multiplied;                    /* weights that a prompt's token is multiplied with */
    uint64_t read;                          /* bytes of weights that a decoded token reads */
    uint64_t session_bytes, resident_bytes; /* the latter at 2,048 tokens, or at
 the most there are; 0 where unknown */
    double open_ms, first_token_ms;         /* of a prompt of the shortest length, after opening */
    double started_ms, started_cpu_ms; /* until then, since the process started (0 where unknown),
                                          and what its threads have computed in that time */
    const char *typed, *trace;         /* the file, and how, or NULL */
    struct bench_latency cold, warm, back; /* back: at a place where the cursor was before */
    double reused;                         /* share of the prompts' tokens that were cached, warm */
    double tokens_per_pass; /* written in one pass over the weights, warm: more than 1 where the
                               text suggests what comes */
};

/* Types in the middle of a file, or what a trace (may be NULL) has recorded: warm, key after key;
 * cold, each completion from nothing. False after a message. */
bool bench_typing(const struct cli *cli, struct eng_model *model, const char *path,
                  const char *trace, size_t keys, struct bench_report *out);

/* Ascending. */
void bench_sort(double *values, size_t n);

/* Joules that the processor has used so far by its own counters, 0 where they cannot be read. */
double bench_energy(void);

void bench_print_text(const struct bench_report *report);
void bench_print_json(const struct bench_report *report);

#endif
