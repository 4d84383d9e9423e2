/* cli.c: the table of commands, and what all of them share: options, messages, files.
 *
 * Owns how words become options and how an error reaches the user. It deliberately does
 * no work of a command's own and prints nothing to stdout but help.
 */
#include "lsp/cli/cli.h"
#include "grammars/grammars.h"
#include "lsp/locate.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static const struct command {
    const char *name;
    int (*run)(struct cli *cli, int argc, char **argv);
    const char *summary;
} commands[] = {
    {"serve", NULL, "the language server, on stdin and stdout by default"},
    {"complete", cli_complete, "what to insert at a place of a file"},
    {"review", cli_review, "what is most likely wrong in files"},
    {"refactor", cli_refactor, "structural search, and rewriting"},
    {"tree", cli_tree, "a file's tokens with their tree features, or its parent mask"},
    {"index", cli_index, "what the workspace index sees of a folder or file"},
    {"model", cli_model, "look at a model file"},
    {"eval", cli_eval, "quality of models on a set of files"},
    {"bench", cli_bench, "speed of a model on this machine"},
    {"stats", cli_stats, "what became of the suggestions on this machine"},
    {"version", cli_version, "version, features and hardware"},
};
enum { N_COMMANDS = sizeof commands / sizeof *commands, WORKSPACE_DEPTH_MAX = 32 };

const char *cli_command_name(size_t i)
{
    return i < N_COMMANDS ? commands[i].name : NULL;
}

static const char common_help[] =
    "Options everywhere:\n"
    "  --model PATH       model file (default: ESPALIER_MODEL, the configuration, the one\n"
    "                     that came with the program)\n"
    "  --config PATH      configuration file, instead of the user's and the workspace's\n"
    "  --threads N        compute threads, 0 for one a physical core\n"
    "  --attention POLICY file (as the model was trained: the default), dense, window[:TOKENS],\n"
    "                     blocks or threshold[:MARGIN]: what tokens look at in long contexts\n"
    "  --quiet            errors only\n"
    "  --log-level LEVEL  error, warn, info or debug\n"
    "  --help             this text\n"
    "\n"
    "Exit codes: 0 done, 1 findings, 2 usage, input or internal error.\n";

static int print_help(void)
{
    printf("usage: espalier COMMAND [OPTION]... [ARGUMENT]...\n\n");
    for (int i = 0; i < N_COMMANDS; i++)
        printf("  %-10s %s\n", commands[i].name, commands[i].summary);
    printf("\n`espalier COMMAND --help` tells more.\n\n%s", common_help);
    return CLI_OK;
}

int cli_main(int argc, char **argv)
{
    struct cli cli = {.program = argc > 0 ? argv[0] : NULL, .threads = -1, .log_level = -1};
    const char *name = argc > 1 ? argv[1] : NULL;
    if (!name) {
        fprintf(stderr, "usage: espalier COMMAND [OPTION]... [ARGUMENT]...\n");
        return cli_fail("no command given; `espalier help` lists them");
    }
    if (strcmp(name, "help") == 0 || strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0)
        return print_help();
    if (strcmp(name, "--version") == 0) name = "version";
    for (int i = 0; i < N_COMMANDS; i++)
        if (commands[i].run && strcmp(commands[i].name, name) == 0) {
            int status = commands[i].run(&cli, argc - 2, argv + 2);
            if (cli.help) printf("\n%s", common_help);
            if (fflush(stdout) != 0)
                return cli_fail("cannot write the result: %s", strerror(errno));
            return status;
        }
    return cli_fail("unknown command \"%s\"; `espalier help` lists them", name);
}

/* ---- Messages -------------------------------------------------------------------------- */

int cli_fail(const char *format, ...)
{
    va_list args;
    fflush(stdout);
    fputs("espalier: ", stderr);
    va_start(args, format);
    vfprintf(stderr, format, args);
    va_end(args);
    fputc('\n', stderr);
    return CLI_ERROR;
}

void cli_log(const struct cli *cli, int level, const char *format, ...)
{
    if (cli->log_level >= 0 ? level > cli->log_level : level > LSP_LOG_WARN) return;
    va_list args;
    fputs("espalier: ", stderr);
    va_start(args, format);
    vfprintf(stderr, format, args);
    va_end(args);
    fputc('\n', stderr);
}

void cli_progress(const struct cli *cli, const char *format, ...)
{
    if (cli->quiet || !isatty(STDERR_FILENO)) return;
    va_list args;
    fputs("\r\033[K", stderr);
    va_start(args, format);
    vfprintf(stderr, format, args);
    va_end(args);
    fflush(stderr);
}

void cli_progress_end(const struct cli *cli)
{
    if (!cli->quiet && isatty(STDERR_FILENO)) fputs("\r\033[K", stderr);
}

double cli_now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

/* ---- Options --------------------------------------------------------------------------- */

static bool set_option(const struct cli_option *option, const char *value)
{
    char *end;
    double number = 0;
    if (option->type == CLI_INT || option->type == CLI_NUMBER) {
        errno = 0;
        number = option->type == CLI_INT ? (double)strtol(value, &end, 10) : strtod(value, &end);
        if (end == value || *end || errno || !(number >= option->min && number <= option->max)) {
            cli_fail("%s takes %s from %g to %g, not \"%s\"", option->name,
                     option->type == CLI_INT ? "an integer" : "a number", option->min, option->max,
                     value);
            return false;
        }
    }
    if (option->type == CLI_INT)
        *(long *)option->target = (long)number;
    else if (option->type == CLI_NUMBER)
        *(double *)option->target = number;
    else if (option->type == CLI_TEXT)
        *(const char **)option->target = value;
    else {
        struct cli_list *list = option->target;
        if (list->count == sizeof list->values / sizeof *list->values) {
            cli_fail("%s given more than %zu times", option->name, list->count);
            return false;
        }
        list->values[list->count++] = value;
    }
    return true;
}

static const struct cli_option *find_option(const struct cli_option *options, const char *word,
                                            size_t len)
{
    for (; options && options->name; options++)
        if (strlen(options->name) == len && memcmp(options->name, word, len) == 0) return options;
    return NULL;
}

static void print_warning(const char *line, void *user)
{
    const struct cli *cli = user;
    cli_log(cli, LSP_LOG_WARN, "%s", line);
}

/* The nearest folder upwards that holds an espalier.json, as far as the repository's root;
 * "." when there is none. */
static void find_workspace(char *out, size_t size)
{
    char file[LSP_CONFIG_PATH_MAX];
    snprintf(out, size, ".");
    for (int depth = 0; depth < WORKSPACE_DEPTH_MAX; depth++) {
        snprintf(file, sizeof file, "%s/espalier.json", out);
        if (access(file, F_OK) == 0) return;
        snprintf(file, sizeof file, "%s/.git", out);
        if (access(file, F_OK) == 0) break;
        size_t len = strlen(out);
        snprintf(out + len, size - len, "/..");
    }
    snprintf(out, size, ".");
}

/* After the options: configuration, and what the command line overrides in it. */
bool cli_load_config(struct cli *cli, const char *folder)
{
    struct lsp_config_error err;
    char workspace[LSP_CONFIG_PATH_MAX - 32], file[LSP_CONFIG_PATH_MAX];
    snprintf(file, sizeof file, "%s/espalier.json", folder ? folder : "");
    if (folder && access(file, F_OK) == 0)
        snprintf(workspace, sizeof workspace, "%s", folder);
    else
        find_workspace(workspace, sizeof workspace);
    if (!lsp_config_load(&cli->config, cli->config_path, workspace, print_warning, cli, &err)) {
        cli_fail("%s", err.text);
        return false;
    }
    if (cli->log_level < 0) cli->log_level = cli->config.log_level;
    if (cli->threads >= 0) cli->config.threads = cli->threads;
    if (cli->attention) cli->config.attention = cli->policy;
    return true;
}

/* Reads the option at argv[*i], and its value, which may be the next word. */
static bool take_option(const struct cli_option *own, const struct cli_option *common, int argc,
                        char **argv, int *i)
{
    const char *word = argv[*i];
    size_t len = strcspn(word, "=");
    const struct cli_option *option = find_option(own, word, len);
    if (!option) option = find_option(common, word, len);
    if (!option) {
        cli_fail("unknown option \"%s\"", word);
        return false;
    }
    if (option->type == CLI_FLAG) {
        if (word[len]) cli_fail("%s takes no value", option->name);
        *(bool *)option->target = true;
        return !word[len];
    }
    const char *value = word[len] ? word + len + 1 : *i + 1 < argc ? argv[++*i] : NULL;
    if (!value) cli_fail("%s needs a value", option->name);
    return value && set_option(option, value);
}

bool cli_parse_options(struct cli *cli, const struct cli_option *options, int argc, char **argv,
                       const char **words, size_t max_words, size_t *n_words)
{
    const char *level = NULL;
    long threads = cli->threads;
    const struct cli_option common[] = {{"--model", CLI_TEXT, &cli->model_path, 0, 0},
                                        {"--config", CLI_TEXT, &cli->config_path, 0, 0},
                                        {"--threads", CLI_INT, &threads, 0, 256},
                                        {"--attention", CLI_TEXT, &cli->attention, 0, 0},
                                        {"--quiet", CLI_FLAG, &cli->quiet, 0, 0},
                                        {"--log-level", CLI_TEXT, &level, 0, 0},
                                        {"--help", CLI_FLAG, &cli->help, 0, 0},
                                        {0}};
    *n_words = 0;
    bool only_words = false;
    for (int i = 0; i < argc; i++) {
        const char *word = argv[i];
        if (only_words || word[0] != '-' || word[1] == 0) {
            if (*n_words == max_words) {
                cli_fail("unexpected argument \"%s\"", word);
                return false;
            }
            words[(*n_words)++] = word;
            continue;
        }
        if (strcmp(word, "--") == 0) {
            only_words = true;
            continue;
        }
        if (!take_option(options, common, argc, argv, &i)) return false;
    }
    cli->threads = (int)threads;
    if (level && (cli->log_level = lsp_log_level_by_name(level)) < 0) {
        cli_fail("--log-level takes error, warn, info or debug, not \"%s\"", level);
        return false;
    }
    if (cli->quiet) cli->log_level = LSP_LOG_ERROR;
    struct eng_error why;
    if (!cli->attention || eng_policy_parse(cli->attention, &cli->policy, &why) == ENG_OK)
        return true;
    cli_fail("--attention: %s", why.text);
    return false;
}

bool cli_parse(struct cli *cli, const struct cli_option *options, int argc, char **argv,
               const char **words, size_t max_words, size_t *n_words)
{
    return cli_parse_options(cli, options, argc, argv, words, max_words, n_words) &&
           (cli->help || cli_load_config(cli, NULL));
}

/* ---- Files and models ------------------------------------------------------------------ */

char *cli_read_file(const char *path, size_t *len)
{
    struct stat info;
    FILE *file = fopen(path, "rb");
    if (!file || fstat(fileno(file), &info) != 0) {
        cli_fail("%s: cannot be read: %s", path, strerror(errno));
        if (file) fclose(file);
        return NULL;
    }
    if (S_ISDIR(info.st_mode)) {
        cli_fail("%s: is a directory, expected a file", path);
        fclose(file);
        return NULL;
    }
    size_t capacity = S_ISREG(info.st_mode) ? (size_t)info.st_size + 1 : 65536, n = 0;
    char *text = NULL;
    for (;;) {
        char *grown = capacity <= SYN_MAX_BYTES + 2u ? realloc(text, capacity + 1) : NULL;
        if (!grown) {
            cli_fail("%s: larger than the %u bytes a file may have", path, SYN_MAX_BYTES);
            break;
        }
        text = grown;
        n += fread(text + n, 1, capacity - n, file);
        if (ferror(file)) {
            cli_fail("%s: cannot be read: %s", path, strerror(errno));
            break;
        }
        if (n < capacity) {
            fclose(file);
            text[n] = 0;
            *len = n;
            return text;
        }
        capacity *= 2;
    }
    fclose(file);
    free(text);
    return NULL;
}

bool cli_open_document(const char *path, const char *lang_id, struct syn_document **out)
{
    *out = NULL;
    size_t len;
    char *text = cli_read_file(path, &len);
    if (!text) return false;
    const struct gram_language *lang = gram_by_path(path, text, len);
    if (lang_id && !(lang = gram_by_id(lang_id))) {
        cli_fail("unknown language \"%s\"", lang_id);
        free(text);
        return false;
    }
    struct syn_error err = {"out of memory"};
    enum syn_status status = syn_document_new(lang, text, len, out, &err);
    free(text);
    if (status == SYN_OK) status = syn_document_parse(*out, 0, &err);
    if (status == SYN_OK) return true;
    cli_fail("%s: %s", path, err.text);
    syn_document_free(*out);
    *out = NULL;
    return false;
}

bool cli_open_model(const struct cli *cli, const char *path, struct eng_model **out)
{
    char found[LSP_CONFIG_PATH_MAX];
    struct lsp_locate_error why;
    if (!lsp_locate_model(path ? path : cli->model_path, &cli->config, cli->program, found, &why)) {
        cli_fail("%s", why.text);
        return false;
    }
    struct eng_error err = {"out of memory"};
    struct eng_model_options options = {.threads = cli->config.threads,
                                        .policy = cli->config.attention};
    if (eng_model_open(found, &options, out, &err) == ENG_OK) {
        cli_log(cli, LSP_LOG_INFO, "model %s", found);
        return true;
    }
    /* The engine's message names the file where it is about the file. */
    if (strstr(err.text, found))
        cli_fail("%s", err.text);
    else
        cli_fail("%s: %s", found, err.text);
    return false;
}

void cli_log_attended(const struct cli *cli, const struct eng_model *model)
{
    struct eng_attended a;
    eng_model_attended(model, &a);
    double pairs = a.pairs > 0 ? (double)a.pairs / 100 : 1;
    cli_log(cli, LSP_LOG_INFO, "attention %s: %.2f %% of the pairs seen, %.2f %% computed",
            eng_model_info(model)->policy, (double)a.seen / pairs, (double)a.computed / pairs);
}
