/* cli.h: the command line.
 *
 * Results go to stdout, everything else to stderr. Exit codes: 0 done, 1 findings, 2
 * usage, input or internal error with the cause as the last line on stderr.
 *
 * Commands are rows of one table (cli.c); a command gets the words after its name and
 * returns the exit code. Single-threaded.
 */
#ifndef ESPALIER_CLI_H
#define ESPALIER_CLI_H

#include "engine/engine.h"
#include "lsp/config.h"
#include "syntax/syntax.h"

enum { CLI_OK = 0, CLI_FINDINGS = 1, CLI_ERROR = 2 };

#define CLI_MAX_WORDS 4096 /* words without dashes that a command takes */

/* The words of the command line. `serve` is not handled here: see lsp/main.c. */
int cli_main(int argc, char **argv);

/* ---- For the commands ------------------------------------------------------------------ */

/* What the common options said. */
struct cli {
    const char *program;      /* argv[0] */
    const char *model_path;   /* --model (the last one), or NULL */
    const char *config_path;  /* --config, or NULL */
    const char *attention;    /* --attention, or NULL ... */
    struct eng_policy policy; /* ... and what it means */
    int threads;              /* --threads, or -1 */
    int log_level;            /* enum lsp_log_level; --log-level and --quiet */
    bool quiet;
    bool help;
    struct lsp_config config; /* loaded when all options are known */
};

enum cli_option_type { CLI_FLAG, CLI_INT, CLI_NUMBER, CLI_TEXT, CLI_LIST };

/* Values of an option that may be given several times. */
struct cli_list {
    const char *values[16];
    size_t count;
};

/* One option of a command; an array of them ends with a NULL name. */
struct cli_option {
    const char *name;          /* "--n" */
    enum cli_option_type type; /* target: bool, long, double, const char *, cli_list */
    void *target;
    double min, max; /* CLI_INT and CLI_NUMBER */
};

/* Sorts a command's words into options (its own and the common ones) and *words. False
 * after a message. With --help, cli->help is set and nothing else is checked. Then loads
 * the configuration. */
bool cli_parse(struct cli *cli, const struct cli_option *options, int argc, char **argv,
               const char **words, size_t max_words, size_t *n_words);

/* The same without loading the configuration: for `serve`, which reads it itself, and for commands
 * that load that of another folder. */
bool cli_parse_options(struct cli *cli, const struct cli_option *options, int argc, char **argv,
                       const char **words, size_t max_words, size_t *n_words);

/* Loads the configuration with the espalier.json of this folder; NULL, or where there is none: with
 * the one of the present folder or above. False after a message. */
bool cli_load_config(struct cli *cli, const char *folder);

/* Prints "espalier: ..." as the last line on stderr; returns CLI_ERROR. */
#if defined(__GNUC__)
__attribute__((format(printf, 1, 2)))
#endif
int cli_fail(const char *format, ...);

/* Prints "espalier: ..." on stderr unless the log level is below `level`. */
#if defined(__GNUC__)
__attribute__((format(printf, 3, 4)))
#endif
void cli_log(const struct cli *cli, int level, const char *format, ...);

/* A line of progress that overwrites itself; only on a terminal and without --quiet. */
#if defined(__GNUC__)
__attribute__((format(printf, 2, 3)))
#endif
void cli_progress(const struct cli *cli, const char *format, ...);
void cli_progress_end(const struct cli *cli);

/* The file's bytes, zero-terminated; the caller frees. NULL after a message. */
char *cli_read_file(const char *path, size_t *len);

/* Reads and parses a file; lang_id forces a language (NULL: by path and text). False after
 * a message. */
bool cli_open_document(const char *path, const char *lang_id, struct syn_document **out);

/* Opens the model that is meant, path NULL: the common options'. False after a message. */
bool cli_open_model(const struct cli *cli, const char *path, struct eng_model **out);

/* Logs which share of the pairs of tokens the model's attention has looked at, as information. */
void cli_log_attended(const struct cli *cli, const struct eng_model *model);

double cli_now_ms(void);

/* ---- The commands ---------------------------------------------------------------------- */

int cli_bench(struct cli *cli, int argc, char **argv);
int cli_complete(struct cli *cli, int argc, char **argv);
int cli_tree(struct cli *cli, int argc, char **argv);
int cli_index(struct cli *cli, int argc, char **argv);
int cli_model(struct cli *cli, int argc, char **argv);
int cli_model_calibrate(struct cli *cli, int argc, char **argv);
int cli_model_compare(struct cli *cli, int argc, char **argv);
int cli_model_prune(struct cli *cli, int argc, char **argv);
int cli_model_quantize(struct cli *cli, int argc, char **argv);
int cli_refactor(struct cli *cli, int argc, char **argv);
int cli_review(struct cli *cli, int argc, char **argv);
int cli_stats(struct cli *cli, int argc, char **argv);
int cli_version(struct cli *cli, int argc, char **argv);
int cli_eval(struct cli *cli, int argc, char **argv);

/* Name of command i, NULL past the last: what this build can do. */
const char *cli_command_name(size_t i);

#endif
