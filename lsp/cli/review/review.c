/* review.c: `espalier review`.
 *
 * Files are read, parsed and reviewed on several threads and reported in their order.
 */
#include "grammars/grammars.h"
#include "lsp/assist/review/head.h"
#include "lsp/assist/review/memo.h"
#include "lsp/assist/review/place.h"
#include "lsp/cli/cli.h"
#include "lsp/cli/crew.h"
#include "lsp/cli/files.h"
#include "lsp/cli/replace.h"
#include "lsp/cli/report/report.h"
#include "lsp/cli/review/known.h"
#include "lsp/cli/review/seen.h"
#include "lsp/cli/review/sets.h"
#include "lsp/cli/review/since.h"
#include "lsp/cli/rule_files.h"
#include "lsp/locate.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char help[] =
    "usage: espalier review [PATH]... [OPTION]...\n"
    "\n"
    "Looks for what is most likely wrong in files, or in those of folders (default: the present\n"
    "one), and prints it with its reason and, where there is one, a fix.\n"
    "\n"
    "  --format FORMAT    text (the default), json, sarif (2.1.0) or rdjsonl\n"
    "  --json             --format json\n"
    "  --min-severity S   hint, information, warning (the default) or error\n"
    "  --rule CODE        this rule alone\n"
    "  --rules FOLDER     rules of your own, FOLDER/LANGUAGE/CODE.scm (default: .espalier/review,\n"
    "                     where there is one)\n"
    "  --rules-only       not what the model thinks, which is asked where hints or information "
    "are\n"
    "                     wanted\n"
    "  --since REV        only what has come since this git revision, in files that have changed\n"
    "  --baseline FILE    not what is in this file\n"
    "  --write-baseline FILE\n"
    "                     writes down what is found, for --baseline, instead of printing it\n"
    "  --fix              puts safe fixes into the files\n"
    "  --unsafe           with --fix: all fixes\n"
    "  --list-rules       the rules for the files, and nothing else\n"
    "  --no-cache         looks again at what had nothing to tell the last time\n"
    "  --no-ignore        files that .gitignore and .ignore leave out as well\n"
    "  -j N               threads (default: one a processor)\n"
    "  --color WHEN       auto, always or never\n"
    "\n"
    "A comment `espalier: ignore CODE REASON` on the line, or alone above it, excuses a finding.\n"
    "Exit codes: 0 nothing found, 1 findings, 2 usage, input or internal error.\n";

struct options {
    const char *format, *min_severity, *rule, *rules, *color, *since, *baseline, *write_baseline;
    bool json, fix, unsafe, list, no_ignore, no_cache, rules_only;
    long threads;
};

/* What became of one file. */
struct outcome {
    struct syn_document *doc; /* NULL: it had nothing to tell before */
    size_t lines;
    struct rev_findings findings;
    char *fixed; /* its new text */
    size_t fixed_len, fixes;
    char error[512]; /* "" when all went well */
};

/* A thread. */
struct worker {
    struct review *review;
    struct rev_opinions opinions; /* reader NULL: none */
};

struct review {
    const struct options *options;
    const struct cli_files *files;
    const struct cli_rule_sets *rules;
    const struct cli_since *since; /* NULL: all that is found */
    const struct cli_known *known; /* NULL: nothing is */
    struct cli_baseline *baseline; /* NULL: findings are printed */
    struct eng_model *model;       /* NULL: it is not asked */
    struct rev_head *head;
    uint64_t model_sum;    /* of the model's files; 0: it is not asked */
    struct cli_seen *seen; /* NULL: all files are looked at */
    enum rev_severity least;
    const struct cli *cli;
    struct cli_report *report;
    struct cli_tally tally;
    size_t findings, with_findings, fixes, lines, not_again;
};

/* ---- One file ---------------------------------------------------------------------- */

static void fail(struct outcome *o, const char *path, const char *why)
{
    snprintf(o->error, sizeof o->error, "%s: %s", path, why);
}

/* Leaves out what is less severe than asked for. */
static void keep_severe(struct rev_findings *findings, enum rev_severity least)
{
    size_t kept = 0;
    for (size_t i = 0; i < findings->count; i++) {
        if (findings->list[i].severity >= least)
            findings->list[kept++] = findings->list[i];
        else
            free(findings->list[i].fix.text);
    }
    findings->count = kept;
}

static const struct gram_language *language_of(const struct cli_file *file, const char *text,
                                               size_t len)
{
    const struct gram_language *lang = gram_by_path(file->path, text, len);
    return lang ? lang : file->lang;
}

/* Parses and reviews a text. False after a message in o->error. */
static bool review_text(const struct worker *w, const struct cli_file *file, const char *text,
                        size_t len, struct syn_document **doc, struct rev_findings *findings,
                        struct outcome *o)
{
    const struct review *r = w->review;
    struct syn_error err = {"out of memory"};
    const struct gram_language *lang = language_of(file, text, len);
    if (syn_document_new(lang, text, len, doc, &err) == SYN_OK &&
        syn_document_parse(*doc, 0, &err) == SYN_OK &&
        rev_review(cli_rule_sets_of(r->rules, lang), r->options->rule,
                   w->opinions.reader ? &w->opinions : NULL, *doc, 0, len, findings,
                   &err) == SYN_OK)
        return true;
    fail(o, file->path, err.text);
    return false;
}

/* What the file had at the revision; of its functions as they were the model is not asked. */
static bool find_old(struct worker *w, const struct cli_file *file, struct rev_findings *old,
                     struct outcome *o)
{
    char why[256];
    size_t len;
    bool was;
    char *text = cli_since_text(w->review->since, file->path, &len, &was, why, sizeof why);
    if (!text) {
        if (was) fail(o, file->path, why);
        return !was;
    }
    struct syn_document *doc = NULL;
    w->opinions.accept = true;
    bool ok = review_text(w, file, text, len, &doc, old, o);
    w->opinions.accept = false;
    syn_document_free(doc);
    free(text);
    return ok;
}

static size_t count_lines(const char *text, size_t len)
{
    size_t lines = 1;
    for (const char *at = text; (at = memchr(at, '\n', len - (size_t)(at - text))); at++)
        lines++;
    return lines;
}

/* What is found in a text as it is. False after a message. */
static bool review_now(struct worker *w, const struct cli_file *file, const char *text, size_t len,
                       struct outcome *o)
{
    struct review *r = w->review;
    struct rev_seen_key key;
    o->lines = count_lines(text, len);
    if (r->seen) {
        const struct rev_rules *rules = cli_rule_sets_of(r->rules, language_of(file, text, len));
        key = cli_seen_key(r->seen, rules, w->opinions.reader ? r->model_sum : 0, text, len);
        if (cli_seen_find(r->seen, key)) return true;
    }
    if (!review_text(w, file, text, len, &o->doc, &o->findings, o)) return false;
    if (r->seen && o->findings.count == 0 && !r->options->rule) cli_seen_add(r->seen, key);
    return true;
}

static void review_file(struct worker *w, size_t index, struct outcome *o)
{
    const struct review *r = w->review;
    const struct cli_file *file = &r->files->list[index];
    struct rev_findings old = {0};
    size_t len;
    char *text = cli_read_file(file->path, &len);
    if (!text) {
        fail(o, file->path, "not reviewed");
        return;
    }
    bool asks = r->since && w->opinions.reader; /* then the model has to know what was */
    bool ok = (!asks || find_old(w, file, &old, o)) && review_now(w, file, text, len, o);
    if (ok && r->since && !asks && o->findings.count > 0) ok = find_old(w, file, &old, o);
    if (ok) cli_known_subtract(&old, &o->findings);
    rev_findings_free(&old);
    free(text);
    if (!ok || !o->doc) return;
    const char *reviewed = syn_document_text(o->doc, &len);
    rev_soften(&o->findings, file->within, reviewed, len);
    keep_severe(&o->findings, r->least);
    if (r->known) cli_known_drop(r->known, file->path, &o->findings);
    if (!r->options->fix) return;
    o->fixed = rev_apply(o->doc, &o->findings, r->options->unsafe, &o->fixed_len, &o->fixes);
    if (!o->fixed) fail(o, file->path, "out of memory for its fixes");
}

static void *enter(void *user)
{
    struct review *r = user;
    struct eng_error err;
    struct worker *w = calloc(1, sizeof *w);
    if (!w) return NULL;
    *w = (struct worker){.review = r, .opinions = {.head = r->head}};
    if (r->model && rev_reader_new(r->model, &w->opinions.reader, &err) != ENG_OK)
        fprintf(stderr, "espalier: warning: a thread reviews without the model: %s\n", err.text);
    if (r->since && w->opinions.reader && !(w->opinions.memo = rev_memo_new())) {
        rev_reader_free(w->opinions.reader);
        w->opinions.reader = NULL;
    }
    return w;
}

static void leave(void *own)
{
    struct worker *w = own;
    if (!w) return;
    rev_reader_free(w->opinions.reader);
    rev_memo_free(w->opinions.memo);
    free(w);
}

static void work(void *own, size_t index, void *outcome)
{
    struct worker *w = own;
    struct outcome *o = outcome;
    if (w)
        review_file(w, index, o);
    else
        snprintf(o->error, sizeof o->error, "out of memory");
}

/* ---- In their order ---------------------------------------------------------------- */

/* Puts the fixes into the file; what it had found is then no longer there. */
static void write_fixes(const struct cli_file *file, struct outcome *o)
{
    size_t len;
    if (o->fixes == 0) return;
    const char *text = syn_document_text(o->doc, &len);
    if (cli_replace_file(file->path, text, len, o->fixed, o->fixed_len, o->error, sizeof o->error))
        return;
    o->fixes = 0;
}

static void report_one(void *user, size_t index, void *outcome)
{
    struct review *r = user;
    struct outcome *o = outcome;
    const struct cli_file *file = &r->files->list[index];
    if (!o->error[0]) write_fixes(file, o);
    if (o->error[0]) {
        cli_tally_add(&r->tally, file, false, o->error);
    } else {
        if (r->baseline)
            cli_baseline_add(r->baseline, file->path, &o->findings);
        else if (o->doc)
            cli_report_file(r->report, file->path, o->doc, &o->findings);
        r->findings += o->findings.count;
        r->with_findings += o->findings.count > 0;
        r->fixes += o->fixes;
        r->lines += o->lines;
        r->not_again += !o->doc;
        if (o->findings.left_out > 0)
            fprintf(stderr, "espalier: warning: %s: %zu more findings are left out\n", file->path,
                    o->findings.left_out);
    }
    rev_findings_free(&o->findings);
    syn_document_free(o->doc);
    free(o->fixed);
    if (index % 50 == 49) cli_progress(r->cli, "%zu of %zu files", index + 1, r->files->count);
}

/* ---- The command ------------------------------------------------------------------- */

static int list_rules(const struct cli_rule_sets *sets)
{
    for (size_t i = 0; i < gram_count(); i++) {
        const struct rev_rules *rules = sets->sets[i];
        for (size_t k = 0; rules && k < rules->count; k++)
            printf("%-11s %-32s %-11s %s%s\n", rules->lang->id, rules->rules[k]->code,
                   rev_severity_name(rules->rules[k]->severity), rules->rules[k]->title,
                   !rules->rules[k]->rewrite ? ""
                   : rules->rules[k]->safe   ? " (fix)"
                                             : " (fix, perhaps)");
    }
    size_t n;
    const struct rev_rule *rules = rev_opinion_rules(&n);
    for (size_t i = 0; i < n; i++)
        printf("%-11s %-32s %-11s %s (the model's)\n", "-", rules[i].code,
               rev_severity_name(rules[i].severity), rules[i].title);
    return CLI_OK;
}

static int finish(const struct review *r, const struct cli *cli, double began)
{
    cli_log(cli, LSP_LOG_WARN, "%zu finding%s in %zu of %zu files, %zu lines, %.1f s", r->findings,
            r->findings == 1 ? "" : "s", r->with_findings, r->files->count, r->lines,
            (cli_now_ms() - began) / 1e3);
    if (r->options->fix)
        cli_log(cli, LSP_LOG_WARN, "%zu fix%s put into files", r->fixes, r->fixes == 1 ? "" : "es");
    if (r->not_again > 0)
        cli_log(cli, LSP_LOG_INFO, "%zu of them had nothing to tell before", r->not_again);
    if (!cli_tally_end(cli, &r->tally, "reviewed")) return CLI_ERROR;
    return r->findings > r->fixes ? CLI_FINDINGS : CLI_OK;
}

static int review(const struct cli *cli, struct review *r, enum cli_report_format format)
{
    double began = cli_now_ms();
    bool colour = strcmp(r->options->color, "always") == 0 ||
                  (strcmp(r->options->color, "auto") == 0 && isatty(1) && !getenv("NO_COLOR"));
    r->cli = cli;
    r->report = cli_report_begin(format, colour);
    const struct cli_crew crew = {.count = r->files->count,
                                  .outcome_size = sizeof(struct outcome),
                                  .user = r,
                                  .enter = enter,
                                  .leave = leave,
                                  .work = work,
                                  .report = report_one};
    bool ok = r->report && cli_crew_run(&crew, (size_t)r->options->threads);
    cli_progress_end(cli);
    bool printed =
        r->report && (r->baseline ? cli_report_drop(r->report) : cli_report_end(r->report));
    if (!ok || !printed) return cli_fail("out of memory, or of threads, for the review");
    return finish(r, cli, began);
}

/* A rule that no language of these files has is a slip. */
static bool has_rule(const struct cli_rule_sets *sets, const char *code)
{
    for (size_t i = 0; i < gram_count(); i++)
        if (sets->sets[i] && rev_rules_find(sets->sets[i], code)) return true;
    size_t opinions;
    const struct rev_rule *rules = rev_opinion_rules(&opinions);
    for (size_t i = 0; i < opinions; i++)
        if (strcmp(rules[i].code, code) == 0) return true;
    return false;
}

/* Reviews by the rules, minus what is known, into the baseline if one is asked for. */
static int with_rules(const struct cli *cli, struct review *r, enum cli_report_format format)
{
    const struct options *o = r->options;
    struct cli_known *known = o->baseline ? cli_known_read(o->baseline) : NULL;
    if (o->baseline && !known) return CLI_ERROR;
    r->known = known;
    r->baseline = o->write_baseline ? cli_baseline_begin() : NULL;
    /* With --since it is asked what was, too. */
    if (!o->no_cache && !o->since) r->seen = cli_seen_open(cli);
    int code = o->write_baseline && !r->baseline ? cli_fail("out of memory for a baseline")
                                                 : review(cli, r, format);
    bool written = !r->baseline || cli_baseline_end(r->baseline, o->write_baseline);
    cli_known_free(known);
    cli_seen_close(cli, r->seen);
    return !written ? CLI_ERROR : r->baseline && code == CLI_FINDINGS ? CLI_OK : code;
}

/* The model and its head, where opinions are wanted; without a head there are none. False after a
 * message. */
static bool open_model(const struct cli *cli, struct review *r)
{
    struct eng_error err = {"out of memory"};
    char path[LSP_CONFIG_PATH_MAX];
    if (r->options->rules_only || r->least > REV_INFORMATION) return true;
    struct lsp_locate_error why;
    if (!lsp_locate_model(cli->model_path, &cli->config, cli->program, path, &why)) {
        if (cli->model_path) return cli_fail("%s", why.text) == CLI_OK;
        cli_log(cli, LSP_LOG_WARN, "reviewed by rules alone: %s", why.text);
        return true;
    }
    if (!cli_open_model(cli, path, &r->model)) return false;
    char head[REV_HEAD_PATH_MAX];
    if (rev_head_path(path, head)) r->model_sum = lsp_file_sum(lsp_file_sum(1, path), head);
    if (rev_head_open(path, r->model, &r->head, &err) == ENG_OK) return true;
    cli_log(cli, LSP_LOG_WARN, "the model has no opinions: %s", err.text);
    eng_model_close(r->model);
    r->model = NULL;
    return true;
}

static int with_files(const struct cli *cli, struct review *r, enum cli_report_format format)
{
    struct cli_rule_sets rules = {0};
    const struct options *o = r->options;
    int code = CLI_ERROR;
    r->rules = &rules;
    if (cli_rule_sets_load(r->files, cli_rule_folder(o->rules, ".espalier/review"), &rules)) {
        if (o->rule && r->files->count > 0 && !has_rule(&rules, o->rule))
            code = cli_fail("--rule %s: no rule for these files has this code; see --list-rules",
                            o->rule);
        else
            code = o->list              ? list_rules(&rules)
                   : open_model(cli, r) ? with_rules(cli, r, format)
                                        : CLI_ERROR;
    }
    rev_head_free(r->head);
    eng_model_close(r->model);
    cli_rule_sets_free(&rules);
    return code;
}

static const char *bad_option(const struct options *o)
{
    if (strcmp(o->color, "auto") != 0 && strcmp(o->color, "always") != 0 &&
        strcmp(o->color, "never") != 0)
        return "--color takes auto, always or never";
    if (o->unsafe && !o->fix) return "--unsafe goes with --fix";
    if (o->fix && o->write_baseline) return "--fix and --write-baseline exclude each other";
    return NULL;
}

int cli_review(struct cli *cli, int argc, char **argv)
{
    struct options o = {.format = "text", .min_severity = "warning", .color = "auto"};
    const struct cli_option options[] = {{"--format", CLI_TEXT, &o.format, 0, 0},
                                         {"--json", CLI_FLAG, &o.json, 0, 0},
                                         {"--min-severity", CLI_TEXT, &o.min_severity, 0, 0},
                                         {"--rule", CLI_TEXT, &o.rule, 0, 0},
                                         {"--rules", CLI_TEXT, &o.rules, 0, 0},
                                         {"--rules-only", CLI_FLAG, &o.rules_only, 0, 0},
                                         {"--since", CLI_TEXT, &o.since, 0, 0},
                                         {"--baseline", CLI_TEXT, &o.baseline, 0, 0},
                                         {"--write-baseline", CLI_TEXT, &o.write_baseline, 0, 0},
                                         {"--fix", CLI_FLAG, &o.fix, 0, 0},
                                         {"--unsafe", CLI_FLAG, &o.unsafe, 0, 0},
                                         {"--list-rules", CLI_FLAG, &o.list, 0, 0},
                                         {"--no-ignore", CLI_FLAG, &o.no_ignore, 0, 0},
                                         {"--no-cache", CLI_FLAG, &o.no_cache, 0, 0},
                                         {"-j", CLI_INT, &o.threads, 1, 64},
                                         {"--color", CLI_TEXT, &o.color, 0, 0},
                                         {0}};
    const char *words[CLI_MAX_WORDS];
    size_t n_words;
    if (!cli_parse(cli, options, argc, argv, words, CLI_MAX_WORDS, &n_words)) return CLI_ERROR;
    if (cli->help) {
        fputs(help, stdout);
        return CLI_OK;
    }
    enum cli_report_format format;
    enum rev_severity least = rev_severity_by_name(o.min_severity);
    if (o.json) o.format = "json";
    if (!cli_report_format_by_name(o.format, &format))
        return cli_fail("--format takes text, json, sarif or rdjsonl, not \"%s\"", o.format);
    if (least == REV_SEVERITIES)
        return cli_fail("--min-severity takes hint, information, warning or error, not \"%s\"",
                        o.min_severity);
    if (bad_option(&o)) return cli_fail("%s", bad_option(&o));
    struct cli_files files = {0};
    struct cli_since since = {0};
    struct review r = {.options = &o, .files = &files, .least = least};
    if (o.since) r.since = &since;
    int code = CLI_ERROR;
    if ((!o.since || cli_since_open(o.since, &since)) &&
        cli_files_find(words, n_words, o.no_ignore, &files)) {
        if (o.since) cli_since_filter(&since, &files);
        if (files.count == 0 && files.unknown > 0)
            code = cli_fail("%s: no language that is known; see espalier version", words[0]);
        else
            code = with_files(cli, &r, format);
    }
    cli_files_free(&files);
    cli_since_close(&since);
    return code;
}
