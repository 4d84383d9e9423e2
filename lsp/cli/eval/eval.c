/* eval.c: `espalier eval`: options and the set of files; the two evaluations have files of
 * their own.
 */
#include "lsp/cli/eval/eval.h"

#include <stdio.h>
#include <string.h>

static const char help[] =
    "usage: espalier eval fim [OPTION]... DIR|FILE...\n"
    "       espalier eval calibration [OPTION]... DIR|FILE...\n"
    "       espalier eval perplexity [OPTION]... DIR|FILE...\n"
    "       espalier eval slips [OPTION]... DIR|FILE... > ROWS\n"
    "       espalier eval infilling [OPTION]... FILE...\n"
    "\n"
    "fim: holes filled by each model from what stands around them. Per language: share of\n"
    "exact matches, edit similarity, and share of answers that leave the file without more\n"
    "syntax errors than the truth does (valid) or could be finished so that it does (fits), with\n"
    "95 % bootstrap intervals over packages. A package is the first folder below a folder named\n"
    "like a language (\"python\"), or below DIR.\n"
    "\n"
    "calibration: is a suggestion of confidence 0.7 right seven times in ten? Expected\n"
    "calibration error and Brier score of the model as it is and with a map fitted on half of\n"
    "the packages, measured on the other half; and how many suggestions a threshold leaves.\n"
    "`espalier model calibrate` writes map and threshold into a model file.\n"
    "\n"
    "perplexity: bits per byte of whole files, per language.\n"
    "\n"
    "slips: functions as they are and with one slip in them, read as a review with the model's\n"
    "opinions does. Writes the evidence as rows of floats, for engine/training/head.py; --write\n"
    "FOLDER: the texts as well, for other tools. --pairs: of such texts instead, N.wrong.EXT and\n"
    "N.right.EXT, real mistakes and what mended them.\n"
    "\n"
    "infilling: benchmarks with unit tests; has options of its own (eval infilling --help).\n"
    "\n"
    "  --model PATH      may be given several times: all are compared on the same samples\n"
    "  --n N             holes (fim: 100, calibration: 300), files (perplexity: all) or functions\n"
    "                    (slips: 100) of each language\n"
    "  --seed N          of the choice of samples (default 1)\n"
    "  --context N       tokens of the window (default: the model's)\n"
    "  --outline N       where the window does not reach back to the file's start: up to N tokens\n"
    "                    of it for lines in front of it that the tree chooses (default: as the\n"
    "                    model was trained; perplexity: 0)\n"
    "  --sources LIST    fim, calibration: text of the package's other files. In front of the\n"
    "                    window: used (headers of what the text around the hole uses), recent\n"
    "                    (chunks of files nearby that are most like it), pair (headers of its\n"
    "                    counterpart), siblings; beside the model: near (what the files nearest\n"
    "                    by path repeat); all, none; with commas between them; fim: may be given\n"
    "                    several times\n"
    "  --extra N         tokens of the window for that at most\n"
    "  --behind N        fim, calibration: only holes with N bytes of the file in front of them\n"
    "  --kind KIND       fim: line (default): to the end of a line, from a token's start or the\n"
    "                    indentation; multi: two to eight whole lines that are one syntax node\n"
    "                    or a run of siblings; span: any characters of code\n"
    "  --served          fim: score what a user would see, trimmed by the tree; also how often\n"
    "                    that is anything, and how often it is right then\n"
    "  --no-recall       fim, calibration: the model alone, without what the document repeats\n"
    "  --no-grammar      fim, calibration: the model may also draw what the tree says cannot come\n"
    "                    next\n"
    "  --baseline ngram  fim: an n-gram model with a cache of the file competes as well\n"
    "  --train DIR       what the baseline learns from; never the files evaluated\n"
    "  --precision P     calibration: share of right suggestions that the threshold is chosen\n"
    "                    for (default 0.35)\n"
    "  --json            one JSON document; for fim with one record a hole\n";

void cli_print_json(cJSON *root)
{
    char *text = cJSON_Print(root);
    if (text) puts(text);
    cJSON_free(text);
    cJSON_Delete(root);
}

void cli_add_interval(cJSON *parent, const char *name, struct cli_interval interval)
{
    cJSON *out = cJSON_AddObjectToObject(parent, name);
    cJSON_AddNumberToObject(out, "mean", interval.mean);
    cJSON_AddNumberToObject(out, "low", interval.low);
    cJSON_AddNumberToObject(out, "high", interval.high);
}

const char *cli_base_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

int cli_eval(struct cli *cli, int argc, char **argv)
{
    if (argc > 0 && strcmp(argv[0], "infilling") == 0)
        return cli_eval_infilling(cli, argc - 1, argv + 1);
    struct cli_eval eval = {
        .cli = cli, .seed = 1, .outline = -1, .extra = -1, .precision = CLI_PRECISION};
    const char *kind = NULL;
    const struct cli_option options[] = {{"--model", CLI_LIST, &eval.models, 0, 0},
                                         {"--n", CLI_INT, &eval.n, 1, 1000000},
                                         {"--seed", CLI_INT, &eval.seed, 0, 2147483647},
                                         {"--context", CLI_INT, &eval.context, 64, 1048576},
                                         {"--outline", CLI_INT, &eval.outline, 0, 1048576},
                                         {"--sources", CLI_LIST, &eval.sources, 0, 0},
                                         {"--extra", CLI_INT, &eval.extra, 0, 1048576},
                                         {"--behind", CLI_INT, &eval.behind, 0, 67108864},
                                         {"--kind", CLI_TEXT, &kind, 0, 0},
                                         {"--precision", CLI_NUMBER, &eval.precision, 0, 1},
                                         {"--served", CLI_FLAG, &eval.served, 0, 0},
                                         {"--no-recall", CLI_FLAG, &eval.no_recall, 0, 0},
                                         {"--no-grammar", CLI_FLAG, &eval.no_grammar, 0, 0},
                                         {"--baseline", CLI_TEXT, &eval.baseline, 0, 0},
                                         {"--train", CLI_LIST, &eval.train, 0, 0},
                                         {"--json", CLI_FLAG, &eval.json, 0, 0},
                                         {"--write", CLI_TEXT, &eval.write, 0, 0},
                                         {"--pairs", CLI_FLAG, &eval.pairs, 0, 0},
                                         {0}};
    static const char *words[CLI_MAX_WORDS];
    size_t n_words;
    if (!cli_parse(cli, options, argc, argv, words, CLI_MAX_WORDS, &n_words)) return CLI_ERROR;
    if (cli->help) {
        fputs(help, stdout);
        return CLI_OK;
    }
    static const struct {
        const char *name;
        int (*run)(struct cli_eval *eval);
        bool has_kinds;
    } verbs[] = {{"fim", cli_eval_fim, true},
                 {"calibration", cli_eval_calibration, true},
                 {"perplexity", cli_eval_perplexity, false},
                 {"slips", cli_eval_slips, false}};
    enum { N_VERBS = sizeof verbs / sizeof *verbs };
    if (n_words == 0)
        return cli_fail("eval needs a verb: fim, calibration, perplexity, slips or infilling");
    int verb = 0;
    while (verb < N_VERBS && strcmp(words[0], verbs[verb].name) != 0)
        verb++;
    if (verb == N_VERBS)
        return cli_fail("unknown verb \"%s\" of eval, expected fim, calibration, perplexity, slips "
                        "or infilling",
                        words[0]);
    if (n_words == 1) return cli_fail("eval %s needs files or folders", words[0]);
    if (kind && !cli_hole_kind_of(kind, &eval.kind))
        return cli_fail("--kind takes line, multi or span, not \"%s\"", kind);
    if (kind && !verbs[verb].has_kinds) return cli_fail("--kind is for eval fim and calibration");
    if (eval.behind && !verbs[verb].has_kinds)
        return cli_fail("--behind is for eval fim and calibration");
    if (eval.sources.count && !verbs[verb].has_kinds)
        return cli_fail("--sources is for eval fim and calibration");
    if (eval.sources.count > 1 && verbs[verb].run != cli_eval_fim)
        return cli_fail("--sources may be given several times for eval fim alone");
    if (eval.baseline && strcmp(eval.baseline, "ngram") != 0)
        return cli_fail("--baseline takes ngram, not \"%s\"", eval.baseline);
    if (eval.baseline && verbs[verb].run != cli_eval_fim)
        return cli_fail("--baseline is for eval fim");
    if (eval.baseline && eval.kind != CLI_HOLE_LINE)
        return cli_fail("--baseline fills single lines, not --kind %s", kind);
    if (!cli_corpus_open(words + 1, n_words - 1, &eval.corpus)) return CLI_ERROR;
    int code = verbs[verb].run(&eval);
    cli_corpus_close(&eval.corpus);
    return code;
}
