/* version.c: `espalier version`.
 *
 * What this build can do and what this machine has for it. The recommendation follows one
 * fact: decoding reads every weight once a token, so memory bandwidth and kernels bound
 * the size of the model that keeps up with typing.
 */
#include "engine/engine.h"
#include "grammars/grammars.h"
#include "lsp/cli/cli.h"

#include <cjson/cJSON.h>

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static const char help[] = "usage: espalier version [--json]\n"
                           "\n"
                           "Version, features, hardware and what runs well on it.\n";

static const char *recommend(const struct eng_hardware *hw)
{
    bool vector = strcmp(hw->kernels, "ref") != 0;
    if (hw->memory_bytes && hw->memory_bytes < UINT64_C(1) << 30)
        return "less than 1 GiB of memory: the default model only, with one editor window";
    if (!vector)
        return "no vector kernels for this processor: the default model, short suggestions";
    if (hw->threads < 2) return "one core: the default model";
    if (hw->threads < 4 || hw->memory_bytes < UINT64_C(8) << 30)
        return "the default model; up to about 0.5 B parameters when quantised to 8 bits";
    return "the default model; up to about 1.5 B parameters when quantised to 8 bits";
}

static cJSON *words_json(const char *words)
{
    cJSON *out = cJSON_CreateArray();
    for (const char *at = words; *at;) {
        char word[32];
        size_t len = strcspn(at, " ");
        snprintf(word, sizeof word, "%.*s", (int)(len < 31 ? len : 31), at);
        if (len) cJSON_AddItemToArray(out, cJSON_CreateString(word));
        at += len + (at[len] == ' ');
    }
    return out;
}

static void print_json(const struct eng_hardware *hw)
{
    cJSON *root = cJSON_CreateObject();
    cJSON_AddStringToObject(root, "version", ESPALIER_VERSION);
    cJSON *features = cJSON_AddArrayToObject(root, "features");
    for (size_t i = 0; cli_command_name(i); i++)
        cJSON_AddItemToArray(features, cJSON_CreateString(cli_command_name(i)));
    cJSON *languages = cJSON_AddArrayToObject(root, "languages");
    for (size_t i = 0; i < gram_count(); i++)
        cJSON_AddItemToArray(languages, cJSON_CreateString(gram_at(i)->id));
    cJSON *hardware = cJSON_AddObjectToObject(root, "hardware");
    cJSON_AddStringToObject(hardware, "cpu", hw->cpu);
    cJSON_AddNumberToObject(hardware, "logical_cpus", hw->logical_cpus);
    cJSON_AddNumberToObject(hardware, "threads", hw->threads);
    cJSON_AddNumberToObject(hardware, "memory_bytes", (double)hw->memory_bytes);
    cJSON_AddStringToObject(hardware, "kernels", hw->kernels);
    cJSON_AddItemToObject(hardware, "instructions", words_json(hw->instructions));
    cJSON_AddStringToObject(root, "hardware_recommendation", recommend(hw));
    char *text = cJSON_Print(root);
    if (text) puts(text);
    cJSON_free(text);
    cJSON_Delete(root);
}

static void print_text(const struct eng_hardware *hw)
{
    printf("espalier %s\n", ESPALIER_VERSION);
    printf("commands  ");
    for (size_t i = 0; cli_command_name(i); i++)
        printf(" %s", cli_command_name(i));
    printf("\nlanguages ");
    for (size_t i = 0; i < gram_count(); i++)
        printf(" %s", gram_at(i)->id);
    printf("\nprocessor  %s, %d logical CPUs, %d threads used\n", hw->cpu[0] ? hw->cpu : "unknown",
           hw->logical_cpus, hw->threads);
    printf("memory     %.1f GiB\n", (double)hw->memory_bytes / (1024.0 * 1024 * 1024));
    printf("kernels    %s (%s)\n", hw->kernels, hw->instructions);
    printf("runs well  %s\n", recommend(hw));
}

int cli_version(struct cli *cli, int argc, char **argv)
{
    bool json = false;
    const struct cli_option options[] = {{"--json", CLI_FLAG, &json, 0, 0}, {0}};
    const char *words[1];
    size_t n_words;
    if (!cli_parse(cli, options, argc, argv, words, 0, &n_words)) return CLI_ERROR;
    if (cli->help) {
        fputs(help, stdout);
        return CLI_OK;
    }
    struct eng_hardware hw;
    eng_hardware_get(&hw);
    if (json)
        print_json(&hw);
    else
        print_text(&hw);
    return CLI_OK;
}
