/* model.c: `espalier model`: its verbs, and `info`.
 *
 * Info shows what a model file says of itself. It reads through the engine alone, so what it
 * prints is what the engine will run.
 */
#include "lsp/cli/cli.h"

#include <cjson/cJSON.h>

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static const char help[] =
    "usage: espalier model info [FILE] [--json]\n"
    "       espalier model quantize IN --out OUT --type TYPE [OPTION]...\n"
    "       espalier model prune IN --out OUT [OPTION]...\n"
    "       espalier model compare A B [OPTION]... DIR|FILE...\n"
    "       espalier model calibrate MODEL --out FILE [OPTION]... DIR|FILE...\n"
    "\n"
    "info: architecture, sizes and weight types of a GGUF file; without FILE, of the default\n"
    "model. quantize: a copy with weights of fewer bits. prune: a copy with fewer attention\n"
    "heads and MLP channels. compare: what one file loses against another. calibrate: writes\n"
    "into a copy how its confidence is to be read. Each of these four has its own --help.\n";

static const char *structure_name(enum eng_structure structure)
{
    static const char *const names[] = {"none", "additive", "additive_key", "multiplicative",
                                        "gated"};
    return names[structure];
}

static void print_json(const struct eng_model_info *info)
{
    cJSON *root = cJSON_CreateObject();
    cJSON_AddStringToObject(root, "name", info->name);
    cJSON_AddStringToObject(root, "architecture", info->architecture);
    cJSON_AddStringToObject(root, "license", info->license);
    cJSON_AddNumberToObject(root, "parameters", (double)info->parameters);
    cJSON_AddNumberToObject(root, "file_bytes", (double)info->file_bytes);
    cJSON_AddNumberToObject(root, "layers", info->layers);
    cJSON_AddNumberToObject(root, "d_model", info->d_model);
    cJSON_AddNumberToObject(root, "d_ff", info->d_ff);
    cJSON_AddNumberToObject(root, "heads", info->heads);
    cJSON_AddNumberToObject(root, "kv_heads", info->kv_heads);
    cJSON_AddNumberToObject(root, "head_dim", info->head_dim);
    cJSON_AddNumberToObject(root, "vocab", info->vocab);
    cJSON_AddNumberToObject(root, "context", info->context);
    cJSON_AddStringToObject(root, "structure", structure_name(info->structure));
    cJSON_AddStringToObject(root, "weight_type", info->weight_type);
    cJSON_AddStringToObject(root, "embedding_type", info->embedding_type);
    cJSON_AddStringToObject(root, "table_type", info->table_type);
    cJSON_AddStringToObject(root, "kernels", info->kernels);
    if (info->calibrated)
        cJSON_AddNumberToObject(root, "least_confidence", info->least_confidence);
    else
        cJSON_AddNullToObject(root, "least_confidence");
    char *text = cJSON_Print(root);
    if (text) puts(text);
    cJSON_free(text);
    cJSON_Delete(root);
}

static void print_text(const struct eng_model_info *info)
{
    printf("name          %s\n", info->name);
    printf("architecture  %s\n", info->architecture);
    if (info->license[0]) printf("license       %s\n", info->license);
    printf("parameters    %.1f M\n", (double)info->parameters / 1e6);
    printf("file          %.1f MB\n", (double)info->file_bytes / 1e6);
    printf("weights       matrices mostly %s, embeddings %s", info->weight_type,
           info->embedding_type);
    if (strcmp(info->table_type, "none") != 0) printf(", n-gram tables %s", info->table_type);
    putchar('\n');
    printf("layers        %" PRIu32 " of width %" PRIu32 ", inner %" PRIu32 "\n", info->layers,
           info->d_model, info->d_ff);
    printf("heads         %" PRIu32 " (%" PRIu32 " for keys and values) of %" PRIu32 "\n",
           info->heads, info->kv_heads, info->head_dim);
    printf("vocabulary    %" PRIu32 "\n", info->vocab);
    printf("context       %" PRIu32 " tokens\n", info->context);
    printf("structure     %s\n", structure_name(info->structure));
    printf("kernels       %s\n", info->kernels);
    if (info->calibrated)
        printf("confidence    calibrated, hidden below %.2f\n", info->least_confidence);
    else
        printf("confidence    not calibrated\n");
}

int cli_model(struct cli *cli, int argc, char **argv)
{
    static const struct {
        const char *name;
        int (*run)(struct cli *cli, int argc, char **argv);
    } verbs[] = {{"calibrate", cli_model_calibrate},
                 {"compare", cli_model_compare},
                 {"prune", cli_model_prune},
                 {"quantize", cli_model_quantize}};
    for (size_t i = 0; argc > 0 && i < sizeof verbs / sizeof *verbs; i++)
        if (strcmp(argv[0], verbs[i].name) == 0) return verbs[i].run(cli, argc - 1, argv + 1);
    bool json = false;
    const struct cli_option options[] = {{"--json", CLI_FLAG, &json, 0, 0}, {0}};
    const char *words[2];
    size_t n_words;
    if (!cli_parse(cli, options, argc, argv, words, 2, &n_words)) return CLI_ERROR;
    if (cli->help) {
        fputs(help, stdout);
        return CLI_OK;
    }
    if (n_words == 0)
        return cli_fail("model needs a verb: info, quantize, prune, compare or calibrate");
    if (strcmp(words[0], "info") != 0)
        return cli_fail("unknown verb \"%s\" of model, expected info, quantize, prune, compare or "
                        "calibrate",
                        words[0]);
    struct eng_model *model;
    if (!cli_open_model(cli, n_words > 1 ? words[1] : NULL, &model)) return CLI_ERROR;
    if (json)
        print_json(eng_model_info(model));
    else
        print_text(eng_model_info(model));
    eng_model_close(model);
    return CLI_OK;
}
