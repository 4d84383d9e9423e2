/* report.c: what was measured, as a table and as JSON. */
#include "lsp/cli/bench/bench.h"

#include <cjson/cJSON.h>

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* Multiplications with weights a second, as a share of the limit. Attention comes on top of
 * them and is not counted, so the share falls with the length. */
static double prefill_share(const struct bench_report *r, const struct bench_row *row)
{
    double rate = (double)r->multiplied * row->tokens / (row->prefill_ms / 1e3);
    return r->limits.products > 0 ? rate / r->limits.products : 0;
}

static double decode_share(const struct bench_report *r, const struct bench_row *row)
{
    double rate = (double)r->read / (row->decode_ms / 1e3);
    return r->limits.read_bytes > 0 ? rate / r->limits.read_bytes : 0;
}

static void print_latency(const char *name, const struct bench_latency *l)
{
    printf("  %-6s %7.1f %7.1f %7.1f  %7.0f%%   %zu suggestions\n", name, l->p50, l->p95, l->p99,
           100 * l->of_limit, l->n);
}

/* What the process holds beside the model file. */
static double beyond_file(const struct bench_report *r)
{
    return (double)r->resident_bytes - (double)r->info->file_bytes;
}

static void print_start(const struct bench_report *r)
{
    printf("\nopened in %.0f ms, first token %.0f ms later", r->open_ms, r->first_token_ms);
    if (r->started_ms > 0)
        printf(": %.0f ms after the process started (%.0f ms of processor time)", r->started_ms,
               r->started_cpu_ms);
    printf("\nsession %.1f MB", (double)r->session_bytes / 1e6);
    if (r->resident_bytes)
        printf(", process %.1f MB: the file's %.1f MB and %.1f MB more",
               (double)r->resident_bytes / 1e6, (double)r->info->file_bytes / 1e6,
               beyond_file(r) / 1e6);
    printf("\n");
}

static void print_attended(const struct bench_report *r)
{
    if (strcmp(r->info->policy, "dense") == 0) return;
    printf("\nattention %s: pairs of tokens seen, computed\n", r->info->policy);
    for (size_t i = 0; i < r->n_rows; i++)
        printf("%6" PRIu32 "  %9.1f%%  %9.1f%%\n", r->rows[i].tokens, 100 * r->rows[i].seen,
               100 * r->rows[i].computed);
}

static void print_energy(const struct bench_report *r)
{
    if (r->n_rows == 0 || r->rows[0].decode_joule <= 0) {
        printf("\nno energy: this processor's counters are not there, or not to be read\n");
        return;
    }
    printf("\nmillijoule a token: prefill, decode\n");
    for (size_t i = 0; i < r->n_rows; i++)
        printf("%6" PRIu32 "  %10.2f  %10.2f\n", r->rows[i].tokens, 1e3 * r->rows[i].prefill_joule,
               1e3 * r->rows[i].decode_joule);
}

void bench_print_text(const struct bench_report *r)
{
    printf("%s, %s, kernels %s, %d threads, medians of %d\n", r->info->name, r->info->weight_type,
           r->info->kernels, r->threads, r->runs);
    printf("reads at most %.1f GB/s, multiplies at most %.0f G/s\n\n", r->limits.read_bytes / 1e9,
           r->limits.products / 1e9);
    printf("tokens  prefill ms  tokens/s  of limit   decode ms  tokens/s  of limit\n");
    for (size_t i = 0; i < r->n_rows; i++) {
        const struct bench_row *row = &r->rows[i];
        printf("%6" PRIu32 "  %10.1f  %8.0f  %7.0f%%   %9.2f  %8.0f  %7.0f%%\n", row->tokens,
               row->prefill_ms, row->tokens / row->prefill_ms * 1e3, 100 * prefill_share(r, row),
               row->decode_ms, 1e3 / row->decode_ms, 100 * decode_share(r, row));
    }
    print_attended(r);
    print_energy(r);
    print_start(r);
    if (!r->typed) return;
    printf("\nkeystroke to suggestion in %s%s%s, ms\n             p50     p95     p99  of limit\n",
           r->typed, r->trace ? " by " : "", r->trace ? r->trace : "");
    print_latency("warm", &r->warm);
    print_latency("cold", &r->cold);
    print_latency("back", &r->back);
    printf("  %.1f%% of the warm prompts' tokens were cached, %.2f tokens written a pass\n",
           100 * r->reused, r->tokens_per_pass);
}

static void add_latency(cJSON *parent, const char *name, const struct bench_latency *l)
{
    cJSON *out = cJSON_AddObjectToObject(parent, name);
    cJSON_AddNumberToObject(out, "n", (double)l->n);
    cJSON_AddNumberToObject(out, "p50_ms", l->p50);
    cJSON_AddNumberToObject(out, "p95_ms", l->p95);
    cJSON_AddNumberToObject(out, "p99_ms", l->p99);
    cJSON_AddNumberToObject(out, "of_limit", l->of_limit);
}

static void add_row(cJSON *rows, const struct bench_report *r, const struct bench_row *row)
{
    cJSON *out = cJSON_CreateObject();
    cJSON_AddNumberToObject(out, "tokens", row->tokens);
    cJSON_AddNumberToObject(out, "prefill_ms", row->prefill_ms);
    cJSON_AddNumberToObject(out, "prefill_processor_ms", row->processor_ms);
    cJSON_AddNumberToObject(out, "prefill_tokens_per_s", row->tokens / row->prefill_ms * 1e3);
    cJSON_AddNumberToObject(out, "prefill_of_limit", prefill_share(r, row));
    cJSON_AddNumberToObject(out, "decode_ms", row->decode_ms);
    cJSON_AddNumberToObject(out, "decode_tokens_per_s", 1e3 / row->decode_ms);
    cJSON_AddNumberToObject(out, "decode_of_limit", decode_share(r, row));
    cJSON_AddNumberToObject(out, "pairs_seen", row->seen);
    cJSON_AddNumberToObject(out, "pairs_computed", row->computed);
    if (row->decode_joule > 0) {
        cJSON_AddNumberToObject(out, "prefill_joule_per_token", row->prefill_joule);
        cJSON_AddNumberToObject(out, "decode_joule_per_token", row->decode_joule);
    }
    if (row->resident_bytes)
        cJSON_AddNumberToObject(out, "resident_bytes", (double)row->resident_bytes);
    cJSON_AddItemToArray(rows, out);
}

void bench_print_json(const struct bench_report *r)
{
    cJSON *root = cJSON_CreateObject();
    cJSON_AddStringToObject(root, "model", r->info->name);
    cJSON_AddStringToObject(root, "weights", r->info->weight_type);
    cJSON_AddStringToObject(root, "kernels", r->info->kernels);
    cJSON_AddStringToObject(root, "products", r->info->products);
    cJSON_AddStringToObject(root, "attention", r->info->policy);
    cJSON_AddNumberToObject(root, "threads", r->threads);
    cJSON_AddNumberToObject(root, "runs", r->runs);
    cJSON *limits = cJSON_AddObjectToObject(root, "limits");
    cJSON_AddNumberToObject(limits, "read_bytes_per_s", r->limits.read_bytes);
    cJSON_AddNumberToObject(limits, "products_per_s", r->limits.products);
    cJSON *rows = cJSON_AddArrayToObject(root, "lengths");
    for (size_t i = 0; i < r->n_rows; i++)
        add_row(rows, r, &r->rows[i]);
    cJSON *memory = cJSON_AddObjectToObject(root, "memory");
    cJSON_AddNumberToObject(memory, "file_bytes", (double)r->info->file_bytes);
    cJSON_AddNumberToObject(memory, "session_bytes", (double)r->session_bytes);
    if (r->resident_bytes) {
        cJSON_AddNumberToObject(memory, "resident_bytes", (double)r->resident_bytes);
        cJSON_AddNumberToObject(memory, "beyond_file_bytes", beyond_file(r));
    }
    cJSON_AddBoolToObject(root, "energy", r->n_rows > 0 && r->rows[0].decode_joule > 0);
    cJSON *start = cJSON_AddObjectToObject(root, "start");
    cJSON_AddNumberToObject(start, "open_ms", r->open_ms);
    cJSON_AddNumberToObject(start, "first_prompt_ms", r->first_token_ms);
    if (r->started_ms > 0) cJSON_AddNumberToObject(start, "first_token_ms", r->started_ms);
    cJSON_AddNumberToObject(start, "first_token_cpu_ms", r->started_cpu_ms);
    if (r->typed) {
        cJSON *typing = cJSON_AddObjectToObject(root, "typing");
        cJSON_AddStringToObject(typing, "file", r->typed);
        if (r->trace) cJSON_AddStringToObject(typing, "trace", r->trace);
        add_latency(typing, "warm", &r->warm);
        add_latency(typing, "cold", &r->cold);
        add_latency(typing, "back", &r->back);
        cJSON_AddNumberToObject(typing, "reused", r->reused);
        cJSON_AddNumberToObject(typing, "tokens_per_pass", r->tokens_per_pass);
    }
    char *text = cJSON_Print(root);
    if (text) puts(text);
    cJSON_free(text);
    cJSON_Delete(root);
}
