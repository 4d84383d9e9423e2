/* stats.c: `espalier stats`.
 *
 * What became of the suggestions on this machine, from the file that the server keeps
 * (lsp/history/history.h), and deleting it. Reads a file that is there; makes none.
 */
#include "lsp/cli/cli.h"
#include "lsp/history/history.h"
#include "lsp/locate.h"

#include <cjson/cJSON.h>

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static const char help[] =
    "usage: espalier stats [--days N] [--json]\n"
    "       espalier stats --clear\n"
    "\n"
    "What became of the suggestions that editors showed: how many were accepted, in part or as\n"
    "a whole, typed along or ignored, how many characters of them were kept, and how long they\n"
    "took. The server writes it down on this machine alone, without any text, unless\n"
    "history.enabled is false. Suggestions that were on screen for less than 750 ms and of which\n"
    "nothing was kept are counted apart: nobody has read them.\n"
    "\n"
    "  --days N   of the last N days (default 30)\n"
    "  --clear    delete all that was written down\n"
    "  --json     one JSON document\n";

#define SECONDS_A_DAY 86400
#define MAX_LANGUAGES 64

struct rows {
    char names[MAX_LANGUAGES][32];
    size_t count;
};

static void keep_language(const char *language, void *user)
{
    struct rows *rows = user;
    if (rows->count == MAX_LANGUAGES) return;
    snprintf(rows->names[rows->count++], sizeof rows->names[0], "%s", language);
}

static double share(uint64_t part, uint64_t whole)
{
    return whole ? (double)part / (double)whole : 0;
}

static uint64_t taken(const struct hist_totals *t)
{
    return t->outcomes[HIST_ACCEPTED] + t->outcomes[HIST_PARTIAL];
}

static void print_row(const char *name, const struct hist_totals *t)
{
    printf("%-12s %7" PRIu64 " %9" PRIu64 " %7" PRIu64 " %6" PRIu64 " %8" PRIu64
           " %7.1f %% %8" PRIu64 " %8.0f %8.0f\n",
           name, t->shown, t->outcomes[HIST_ACCEPTED], t->outcomes[HIST_PARTIAL],
           t->outcomes[HIST_TYPED], t->outcomes[HIST_IGNORED], 100 * share(taken(t), t->shown),
           t->kept, t->latency_p50_ms, t->latency_p95_ms);
}

static cJSON *row_json(const char *name, const struct hist_totals *t)
{
    cJSON *out = cJSON_CreateObject();
    if (name) cJSON_AddStringToObject(out, "language", name);
    cJSON_AddNumberToObject(out, "shown", (double)t->shown);
    cJSON_AddNumberToObject(out, "accepted", (double)t->outcomes[HIST_ACCEPTED]);
    cJSON_AddNumberToObject(out, "partly_accepted", (double)t->outcomes[HIST_PARTIAL]);
    cJSON_AddNumberToObject(out, "typed_along", (double)t->outcomes[HIST_TYPED]);
    cJSON_AddNumberToObject(out, "ignored", (double)t->outcomes[HIST_IGNORED]);
    cJSON_AddNumberToObject(out, "glimpsed", (double)t->glimpsed);
    cJSON_AddNumberToObject(out, "acceptance", share(taken(t), t->shown));
    cJSON_AddNumberToObject(out, "characters_suggested", (double)t->characters);
    cJSON_AddNumberToObject(out, "characters_kept", (double)t->kept);
    cJSON_AddNumberToObject(out, "latency_p50_ms", t->latency_p50_ms);
    cJSON_AddNumberToObject(out, "latency_p95_ms", t->latency_p95_ms);
    return out;
}

static bool report(struct history *history, const char *path, long days, bool json,
                   struct hist_error *err)
{
    int64_t since = (int64_t)time(NULL) - days * (int64_t)SECONDS_A_DAY;
    struct rows rows = {.count = 0};
    struct hist_totals all = {0}, of;
    if (history && (!hist_sum(history, NULL, since, HIST_VISIBLE_MS, &all, err) ||
                    !hist_languages(history, since, keep_language, &rows, err)))
        return false;
    cJSON *root = json ? row_json(NULL, &all) : NULL;
    cJSON *list = json ? cJSON_AddArrayToObject(root, "languages") : NULL;
    if (!json && all.shown + all.glimpsed == 0)
        printf("Nothing in the last %ld days.\n", days);
    else if (!json)
        printf("%-12s %7s %9s %7s %6s %8s %9s %8s %8s %8s\n", "", "shown", "accepted", "partly",
               "typed", "ignored", "taken", "kept", "p50 ms", "p95 ms");
    for (size_t i = 0; i < rows.count; i++) {
        if (!hist_sum(history, rows.names[i], since, HIST_VISIBLE_MS, &of, err)) {
            cJSON_Delete(root);
            return false;
        }
        const char *name = rows.names[i][0] ? rows.names[i] : "(none)";
        if (json)
            cJSON_AddItemToArray(list, row_json(name, &of));
        else if (of.shown)
            print_row(name, &of);
    }
    if (json) {
        cJSON_AddStringToObject(root, "file", path);
        char *text = cJSON_Print(root);
        if (text) puts(text);
        cJSON_free(text);
        cJSON_Delete(root);
        return true;
    }
    if (all.shown) print_row("all", &all);
    if (all.glimpsed)
        printf("%" PRIu64 " more were on screen for less than %.0f ms.\n", all.glimpsed,
               HIST_VISIBLE_MS);
    printf("%s\n", path);
    return true;
}

int cli_stats(struct cli *cli, int argc, char **argv)
{
    long days = 30;
    bool json = false, clear = false;
    const struct cli_option options[] = {{"--days", CLI_INT, &days, 1, 36500},
                                         {"--json", CLI_FLAG, &json, 0, 0},
                                         {"--clear", CLI_FLAG, &clear, 0, 0},
                                         {NULL, CLI_FLAG, NULL, 0, 0}};
    size_t n_words;
    if (!cli_parse(cli, options, argc, argv, NULL, 0, &n_words)) return CLI_ERROR;
    if (cli->help) return fputs(help, stdout) == EOF ? CLI_ERROR : CLI_OK;

    char path[LSP_CONFIG_PATH_MAX];
    struct hist_error err;
    struct history *history;
    if (!lsp_locate_history(path))
        return cli_fail("neither XDG_STATE_HOME nor HOME is set to an absolute path: there is no "
                        "place for a history");
    if (!hist_open(path, false, &history, &err)) return cli_fail("%s", err.text);
    bool ok =
        clear ? !history || hist_clear(history, &err) : report(history, path, days, json, &err);
    hist_close(history);
    if (!ok) return cli_fail("%s", err.text);
    if (clear) printf("%s: %s\n", path, history ? "all deleted" : "nothing was written down");
    return CLI_OK;
}
