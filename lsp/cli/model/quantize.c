/* quantize.c: `espalier model quantize IN --out OUT --type TYPE`: a model file with other types of
 * weights, and what that costs. */
#include "lsp/cli/model/conversion.h"
#include "lsp/cli/model/copy.h"

#include <stdio.h>

static const char help[] =
    "usage: espalier model quantize IN --out OUT --type TYPE [OPTION]... [--compare DIR|FILE...]\n"
    "\n"
    "Writes a copy of the GGUF file IN whose matrices are of another type. Norms, the tables of\n"
    "the structure term and all keys stay as they are. Prints sizes and relative squared errors.\n"
    "\n"
    "TYPE, with bits a weight: Q4_0 4.5, IQ4_NL 4.5, Q4_K 4.5, Q6_K 6.6, Q8_0 8.5, F16 16, BF16\n"
    "16, F32 32. Rows that are no whole blocks (of 256 values in Q4_K and Q6_K, else of 32) get\n"
    "the next finer type that fits, which a note tells.\n"
    "\n"
    "  --out OUT         where to write; not IN\n"
    "  --type TYPE       of all matrices that the next three do not name\n"
    "  --embeddings TYPE of the tokens' embeddings, and the output matrix where both are one\n"
    "  --output TYPE     of the output matrix\n"
    "  --tables TYPE     of the tables of n-grams\n"
    "  --force           also where a tensor becomes larger than in IN, and no "
    "better\n" CLI_COMPARE_HELP;

static bool write_copy(struct cli_conversion *c, const char *path)
{
    static const char *const replaced[] = {"general.file_type", "general.quantization_version",
                                           NULL};
    struct eng_gguf_writer *writer = eng_gguf_writer_new();
    if (!writer) return cli_fail("out of memory to write"), false;
    cli_copy_keys(c->gguf, replaced, writer);
    bool ok = cli_conversion_write(c, writer, path);
    eng_gguf_writer_free(writer);
    return ok;
}

int cli_model_quantize(struct cli *cli, int argc, char **argv)
{
    struct cli_conversion_options o = {.n = 100, .seed = 1};
    const struct cli_option options[] = {{"--out", CLI_TEXT, &o.out, 0, 0},
                                         {"--type", CLI_TEXT, &o.type, 0, 0},
                                         {"--embeddings", CLI_TEXT, &o.embeddings, 0, 0},
                                         {"--output", CLI_TEXT, &o.output, 0, 0},
                                         {"--tables", CLI_TEXT, &o.tables, 0, 0},
                                         {"--force", CLI_FLAG, &o.force, 0, 0},
                                         {"--compare", CLI_LIST, &o.compare, 0, 0},
                                         {"--n", CLI_INT, &o.n, 1, 1000000},
                                         {"--seed", CLI_INT, &o.seed, 0, 2147483647},
                                         {"--json", CLI_FLAG, &o.json, 0, 0},
                                         {0}};
    static const char *words[CLI_MAX_WORDS];
    size_t n_words;
    if (!cli_parse(cli, options, argc, argv, words, CLI_MAX_WORDS, &n_words)) return CLI_ERROR;
    if (cli->help) {
        fputs(help, stdout);
        return CLI_OK;
    }
    struct cli_types types;
    if (!cli_conversion_check("quantize", &o, words, n_words)) return CLI_ERROR;
    if (!o.type && !o.embeddings && !o.output && !o.tables)
        return cli_fail("model quantize needs --type TYPE");
    if (!cli_conversion_types(&o, &types)) return CLI_ERROR;

    struct cli_conversion c;
    bool ok = cli_conversion_open(cli, words[0], &c);
    if (ok && o.output && !cli_conversion_find(&c, "output.weight"))
        cli_log(cli, LSP_LOG_WARN, "%s has no output matrix of its own: --embeddings is for both",
                words[0]);
    ok = ok && cli_conversion_plan(&c, &types, o.force) && write_copy(&c, o.out);
    cJSON *root = ok && o.json ? cJSON_CreateObject() : NULL;
    if (root)
        cli_conversion_add_json(&c, root);
    else if (ok)
        cli_conversion_print(&c);
    cli_conversion_close(&c);
    ok = ok && cli_conversion_compare(cli, &o, words, n_words, root);
    if (ok && root)
        cli_print_json(root);
    else
        cJSON_Delete(root);
    return ok ? CLI_OK : CLI_ERROR;
}
