/* complete.c: `espalier complete FILE:LINE:COL`.
 *
 * One completion from start to end on one thread, as a server has it with the file open in its
 * workspace: the same settings, the same files near by. It deliberately prints the text alone,
 * without the line it belongs to, so that scripts can splice it in; and also what an editor would
 * not be shown because the model is not sure, unless the configuration says how sure it has to be.
 */
#include "lsp/assist/complete.h"
#include "lsp/cli/beside.h"
#include "lsp/cli/cli.h"
#include "lsp/cli/place.h"

#include <cjson/cJSON.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char help[] =
    "usage: espalier complete FILE:LINE:COL [OPTION]...\n"
    "\n"
    "Prints what to insert at that place; nothing when there is nothing to suggest.\n"
    "LINE and COL count from 1, COL counts bytes. Settings and files near by are those of\n"
    "the file's workspace: the nearest folder upwards with an espalier.json or a .git, else\n"
    "its own. Without an espalier.json there, that of the present folder or above counts.\n"
    "\n"
    "  --n N             alternatives, most confident first, separated by lines of \"--\"\n"
    "  --max-tokens N    length of one suggestion\n"
    "  --scope S         auto, line or block\n"
    "  --temperature T   0 (the default) takes the likeliest token each time\n"
    "  --seed N          of the sampler\n"
    "  --lang ID         language, when the file's name does not say\n"
    "  --alone           nothing of other files counts\n"
    "  --json            one JSON document with confidence, range and timings\n";

static cJSON *position_json(const struct cli_place *place)
{
    cJSON *out = cJSON_CreateObject();
    cJSON_AddNumberToObject(out, "line", (double)place->line);
    cJSON_AddNumberToObject(out, "col", (double)place->column);
    return out;
}

/* root: NULL for --alone. */
static cJSON *context_json(const struct asst_result *result, const struct cli_beside *beside,
                           const char *root)
{
    cJSON *out = cJSON_CreateObject();
    const struct asst_shelf *shelf = cli_beside_shelf(beside);
    cJSON_AddItemToObject(out, "root", root ? cJSON_CreateString(root) : cJSON_CreateNull());
    cJSON_AddNumberToObject(out, "near_files", (double)cli_beside_files(beside));
    cJSON_AddNumberToObject(out, "near_tokens", shelf ? (double)asst_shelf_length(shelf) : 0);
    cJSON_AddNumberToObject(out, "tokens", result->timings.extra_tokens);
    return out;
}

/* Takes context over. */
static void print_json(const struct asst_result *result, const struct cli_place *place,
                       const char *model, cJSON *context, double parse_ms, double total_ms)
{
    cJSON *root = cJSON_CreateObject(), *items = cJSON_AddArrayToObject(root, "items");
    for (size_t i = 0; i < result->count; i++) {
        const struct asst_item *item = &result->items[i];
        cJSON *out = cJSON_CreateObject(), *range = cJSON_CreateObject();
        cJSON_AddStringToObject(out, "text", item->text);
        cJSON_AddNumberToObject(out, "confidence", item->confidence);
        cJSON_AddItemToObject(range, "start", position_json(place));
        struct cli_place end = *place;
        end.column += item->replaces; /* closing brackets, of one byte each */
        cJSON_AddItemToObject(range, "end", position_json(&end));
        cJSON_AddItemToObject(out, "range", range);
        cJSON_AddStringToObject(out, "stop", asst_stop_name(item->stop));
        cJSON_AddItemToArray(items, out);
    }
    cJSON_AddStringToObject(root, "model", model);
    cJSON_AddItemToObject(root, "context", context);
    const struct asst_timings *t = &result->timings;
    cJSON *timings = cJSON_AddObjectToObject(root, "timings");
    cJSON_AddNumberToObject(timings, "parse_ms", parse_ms + t->prepare_ms);
    cJSON_AddNumberToObject(timings, "prefill_ms", t->prefill_ms);
    cJSON_AddNumberToObject(timings, "decode_ms", t->decode_ms);
    cJSON_AddNumberToObject(timings, "total_ms", total_ms);
    cJSON_AddNumberToObject(timings, "prompt_tokens", t->prompt_tokens);
    cJSON_AddNumberToObject(timings, "cached_tokens", t->cached_tokens);
    cJSON_AddNumberToObject(timings, "generated_tokens", t->generated_tokens);
    char *text = cJSON_Print(root);
    if (text) puts(text);
    cJSON_free(text);
    cJSON_Delete(root);
}

static void print_text(const struct asst_result *result)
{
    for (size_t i = 0; i < result->count; i++) {
        if (i > 0) puts("--");
        puts(result->items[i].text);
    }
}

struct options {
    long n, max_tokens, seed;
    double temperature;
    const char *scope, *lang;
    bool json, alone;
};

static bool parse_scope(const char *name, const struct lsp_config *config, enum asst_scope *out)
{
    static const char *const names[] = {"auto", "line", "block"}; /* enum asst_scope */
    if (!name) {
        *out = (enum asst_scope)config->completion_multiline; /* auto, never, always */
        return true;
    }
    for (int i = 0; i < 3; i++)
        if (strcmp(names[i], name) == 0) {
            *out = (enum asst_scope)i;
            return true;
        }
    cli_fail("--scope takes auto, line or block, not \"%s\"", name);
    return false;
}

struct where {
    char *file; /* as it was given */
    struct cli_place place;
    bool in_workspace;
    char path[IDX_MAX_PATH], root[IDX_MAX_PATH]; /* in_workspace */
};

static int complete_in(const struct cli *cli, const struct where *where,
                       const struct syn_document *doc, const struct options *o, double parse_ms)
{
    const char *root = where->in_workspace && !o->alone ? where->root : NULL;
    struct eng_model *model = NULL;
    struct eng_session *session = NULL;
    struct cli_beside *beside = NULL;
    struct asst_job *job = NULL;
    struct asst_result result = {0};
    struct eng_error err = {"out of memory"};
    struct asst_request request = {.doc = doc,
                                   .n = (uint32_t)o->n,
                                   .max_tokens = (uint32_t)o->max_tokens,
                                   .temperature = (float)o->temperature,
                                   .seed = (uint64_t)o->seed,
                                   .extra_max = (uint32_t)cli->config.context_tokens};
    enum eng_status status = ENG_BAD_INPUT;
    int code = CLI_ERROR;
    if (cli->config.completion_min_confidence > 0)
        request.min_confidence = (float)cli->config.completion_min_confidence;
    bool ready = parse_scope(o->scope, &cli->config, &request.scope) &&
                 cli_place_offset(doc, where->file, &where->place, &request.cursor) &&
                 cli_open_model(cli, NULL, &model);
    double start = cli_now_ms();
    ready = ready &&
            (!root || cli_beside_open(cli, model, doc, request.cursor, where->path, root, &beside));
    if (ready) {
        request.shelf = cli_beside_shelf(beside);
        request.extra = cli_beside_extra(beside);
        status = eng_session_new(model, 0, &session, &err);
        if (status == ENG_OK) status = asst_complete_prepare(model, &request, &job, &err);
        if (status == ENG_OK) status = asst_complete_run(session, job, NULL, &result, &err);
        if (status != ENG_OK)
            cli_fail("%s: %s", where->file, err.text);
        else if (o->json)
            print_json(&result, &where->place, eng_model_info(model)->name,
                       context_json(&result, beside, root), parse_ms,
                       parse_ms + cli_now_ms() - start);
        else
            print_text(&result);
        if (status == ENG_OK) code = CLI_OK;
    }
    asst_result_free(&result);
    asst_job_free(job);
    cli_beside_close(beside);
    eng_session_free(session);
    eng_model_close(model);
    return code;
}

static int complete_at(struct cli *cli, struct where *where, struct options *o)
{
    struct syn_document *doc = NULL;
    double began = cli_now_ms();
    if (!cli_open_document(where->file, o->lang, &doc)) return CLI_ERROR;
    double parse_ms = cli_now_ms() - began;
    where->in_workspace = cli_workspace_of(where->file, where->path, where->root);
    int code = CLI_ERROR;
    if (cli_load_config(cli, where->in_workspace ? where->root : NULL)) {
        if (o->n == 0) o->n = cli->config.completion_items;
        if (o->max_tokens == 0) o->max_tokens = cli->config.completion_max_tokens;
        code = complete_in(cli, where, doc, o, parse_ms);
    }
    syn_document_free(doc);
    return code;
}

int cli_complete(struct cli *cli, int argc, char **argv)
{
    struct options o = {.n = 0};
    const struct cli_option options[] = {
        {"--n", CLI_INT, &o.n, 1, ASST_MAX_ITEMS},
        {"--max-tokens", CLI_INT, &o.max_tokens, 1, ASST_MAX_TOKENS},
        {"--scope", CLI_TEXT, &o.scope, 0, 0},
        {"--temperature", CLI_NUMBER, &o.temperature, 0, 4},
        {"--seed", CLI_INT, &o.seed, 0, 2147483647},
        {"--lang", CLI_TEXT, &o.lang, 0, 0},
        {"--alone", CLI_FLAG, &o.alone, 0, 0},
        {"--json", CLI_FLAG, &o.json, 0, 0},
        {0}};
    const char *words[1];
    size_t n_words;
    if (!cli_parse_options(cli, options, argc, argv, words, 1, &n_words)) return CLI_ERROR;
    if (cli->help) {
        fputs(help, stdout);
        return CLI_OK;
    }
    if (n_words == 0) return cli_fail("complete needs FILE:LINE:COL");
    size_t len;
    struct where where;
    if (!cli_place_parse(words[0], &where.place, &len) || len == 0)
        return cli_fail("expected FILE:LINE:COL with LINE and COL from 1, not \"%s\"", words[0]);
    where.file = strndup(words[0], len);
    if (!where.file) return cli_fail("out of memory");
    int code = complete_at(cli, &where, &o);
    free(where.file);
    return code;
}
