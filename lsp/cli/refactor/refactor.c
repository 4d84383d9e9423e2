/* refactor.c: `espalier refactor`: structural search and rewriting.
 *
 * Files are searched on several threads and told of in their order. Nothing is written without
 * --apply, and then a file as a whole or not at all. A file that does not have the words of the
 * pattern is not parsed.
 */
#include "lsp/assist/refactor/refactor.h"
#include "grammars/grammars.h"
#include "lsp/cli/cli.h"
#include "lsp/cli/crew.h"
#include "lsp/cli/files.h"
#include "lsp/cli/refactor/diff.h"
#include "lsp/cli/replace.h"
#include "lsp/cli/report/report.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char help[] =
    "usage: espalier refactor --pattern P --lang L [--rewrite R] [PATH]... [OPTION]...\n"
    "\n"
    "Finds what looks like the pattern in files, or in those of folders (default: the present "
    "one),\n"
    "and prints what --rewrite makes of it as a diff that git apply takes; without it, the "
    "places.\n"
    "\n"
    "  --pattern P        code in which $NAME stands for one node and $$$NAME for any number of "
    "them:\n"
    "                     'free($P)', 'if ($C) { return true; }'; the same name for the same code\n"
    "  --rewrite R        what is to stand there, with the same names\n"
    "  --lang L           the pattern's language, by its name or an extension: c, python, .ts\n"
    "  --apply            writes the changes into the files\n"
    "  --check            exit code 1 where there is something to change\n"
    "  --format FORMAT    diff (the default), json, sarif (2.1.0) or rdjsonl\n"
    "  --json             --format json\n"
    "  --no-ignore        files that .gitignore and .ignore leave out as well\n"
    "  -j N               threads (default: one a processor)\n"
    "\n"
    "A change after which a file would parse worse, or that loses a comment, is not made. Exit "
    "codes: 0 done, or nothing "
    "found;\n"
    "1 with --check: something to change; 2 usage, input or internal error.\n";

struct options {
    const char *pattern, *rewrite, *lang, *format;
    bool json, apply, check, no_ignore;
    long threads;
};

/* What became of one file. */
struct outcome {
    struct syn_document *doc;   /* as it was; NULL: nothing was found */
    struct ref_changes changes; /* of that text */
    struct syn_document *made;  /* with all changes; NULL: there are none */
    size_t refused;
    bool again; /* what the changes make has the pattern in it again */
    char error[512];
};

struct refactor {
    const struct options *options;
    const struct cli *cli;
    const struct cli_files *files;
    const struct gram_language *lang;
    struct syn_sketch *sketch;
    struct cli_report *items; /* NULL: diffs, or places */
    struct rev_rule rule;     /* what items are of */
    struct cli_tally tally;
    size_t found, with_found, refused, commented, written;
};

/* ---- One file ---------------------------------------------------------------------- */

static bool fail(struct outcome *o, const char *path, const char *why)
{
    snprintf(o->error, sizeof o->error, "%s: %s", path, why);
    return false;
}

static bool open_text(const struct refactor *r, const char *path, const char *text, size_t len,
                      struct syn_document **out, struct outcome *o)
{
    struct syn_error err = {"out of memory"};
    if (syn_document_new(r->lang, text, len, out, &err) == SYN_OK &&
        syn_document_parse(*out, 0, &err) == SYN_OK)
        return true;
    return fail(o, path, err.text);
}

static bool find(const struct refactor *r, const char *path, const struct syn_document *doc,
                 struct ref_changes *out, struct outcome *o)
{
    struct syn_error err = {"out of memory"};
    if (ref_find(r->sketch, r->options->rewrite, doc, out, &err) == SYN_OK) return true;
    return fail(o, path, err.text);
}

/* Does what was made have the pattern in it again? */
static bool look_again(const struct refactor *r, const char *path, struct outcome *o)
{
    struct ref_changes changes = {0};
    bool ok = find(r, path, o->made, &changes, o);
    o->again = changes.count > o->refused;
    ref_changes_free(&changes);
    return ok;
}

static void change_file(const struct refactor *r, const char *path, struct outcome *o)
{
    struct syn_error err = {"out of memory"};
    if (ref_apply(o->doc, &o->changes, &o->made, &o->refused, &err) != SYN_OK)
        fail(o, path, err.text);
    else if (o->made)
        look_again(r, path, o);
}

static void work(void *own, size_t index, void *outcome)
{
    struct refactor *r = own;
    struct outcome *o = outcome;
    const char *path = r->files->list[index].path;
    size_t len;
    char *text = cli_read_file(path, &len);
    if (!text) {
        fail(o, path, "not searched");
        return;
    }
    if (gram_by_path(path, text, len) == r->lang && syn_sketch_may_match(r->sketch, text, len) &&
        open_text(r, path, text, len, &o->doc, o) && find(r, path, o->doc, &o->changes, o) &&
        o->changes.count > 0 && r->options->rewrite)
        change_file(r, path, o);
    free(text);
}

/* ---- In their order ---------------------------------------------------------------- */

/* FILE:LINE:COL: and the line that it starts on. */
static void print_places(const char *path, const struct outcome *o)
{
    size_t len, line, column;
    const char *text = syn_document_text(o->doc, &len);
    for (size_t i = 0; i < o->changes.count; i++) {
        syn_position_of(o->doc, o->changes.list[i].span.start, SYN_UTF8, &line, &column);
        size_t start = syn_line_start(o->doc, line), end = syn_line_end(o->doc, line);
        while (start < end && (text[start] == ' ' || text[start] == '\t'))
            start++;
        printf("%s:%zu:%zu: %.*s\n", path, line + 1, column + 1, (int)(end - start), text + start);
    }
}

/* As findings, whose fixes are the changes. */
static bool add_items(struct refactor *r, const char *path, const struct outcome *o)
{
    struct rev_findings findings = {0};
    bool ok = true;
    for (size_t i = 0; ok && i < o->changes.count; i++) {
        const struct ref_change *c = &o->changes.list[i];
        struct rev_finding f = {.rule = &r->rule,
                                .severity = REV_INFORMATION,
                                .confidence = 1,
                                .start = c->span.start,
                                .end = c->span.end,
                                .fix = {.start = c->span.start, .end = c->span.end}};
        snprintf(f.message, sizeof f.message, "%s", r->rule.message);
        if (c->text) ok = (f.fix.text = strndup(c->text, c->len)) != NULL;
        ok = ok && rev_findings_add(&findings, &f);
    }
    ok = ok && rev_findings_mark(o->doc, &findings, NULL);
    if (ok) cli_report_file(r->items, path, o->doc, &findings);
    rev_findings_free(&findings);
    return ok;
}

static void tell(struct refactor *r, const char *path, struct outcome *o)
{
    size_t len, made_len = 0;
    const char *text = syn_document_text(o->doc, &len);
    const char *made = o->made ? syn_document_text(o->made, &made_len) : NULL;
    bool ok = true;
    if (r->items)
        ok = add_items(r, path, o);
    else if (r->options->rewrite)
        ok = !made || cli_diff(stdout, path, text, len, made, made_len);
    else
        print_places(path, o);
    if (!ok) fail(o, path, "out of memory for what was found");
    if (o->again)
        fprintf(stderr,
                "espalier: warning: %s: what the rewrite makes has the pattern in it again\n",
                path);
    if (r->options->apply && made && !o->error[0])
        r->written += cli_replace_file(path, text, len, made, made_len, o->error, sizeof o->error);
}

static void report(void *user, size_t index, void *outcome)
{
    struct refactor *r = user;
    struct outcome *o = outcome;
    const struct cli_file *file = &r->files->list[index];
    if (!o->error[0] && o->changes.count > 0) tell(r, file->path, o);
    if (o->error[0]) {
        cli_tally_add(&r->tally, file, r->options->apply, o->error);
    }
    r->found += o->changes.count;
    r->with_found += o->changes.count > 0;
    r->refused += o->refused;
    r->commented += o->changes.commented;
    if (o->changes.left_out > 0)
        fprintf(stderr, "espalier: warning: %s: %zu more places are left out\n", file->path,
                o->changes.left_out);
    if (index % 50 == 49) cli_progress(r->cli, "%zu of %zu files", index + 1, r->files->count);
    ref_changes_free(&o->changes);
    syn_document_free(o->doc);
    syn_document_free(o->made);
}

/* ---- The command ------------------------------------------------------------------- */

static int finish(const struct refactor *r, double began)
{
    cli_log(r->cli, LSP_LOG_WARN, "%zu %s%s in %zu of %zu files, %.1f s", r->found,
            r->options->rewrite ? "change" : "place", r->found == 1 ? "" : "s", r->with_found,
            r->files->count, (cli_now_ms() - began) / 1e3);
    if (r->refused > 0)
        cli_log(r->cli, LSP_LOG_WARN, "%zu not made, as files would parse worse", r->refused);
    if (r->commented > 0)
        cli_log(r->cli, LSP_LOG_WARN, "%zu not made, as comments would be lost", r->commented);
    if (r->options->apply)
        cli_log(r->cli, LSP_LOG_WARN, "%zu file%s written", r->written, r->written == 1 ? "" : "s");
    if (!cli_tally_end(r->cli, &r->tally, "changed or searched")) return CLI_ERROR;
    return r->options->check && r->found > 0 ? CLI_FINDINGS : CLI_OK;
}

static int run(struct refactor *r)
{
    const struct options *o = r->options;
    double began = cli_now_ms();
    enum cli_report_format format;
    bool items = cli_report_format_by_name(o->format, &format);
    const struct cli_crew crew = {.count = r->files->count,
                                  .outcome_size = sizeof(struct outcome),
                                  .user = r,
                                  .work = work,
                                  .report = report};
    if (items) r->items = cli_report_begin(format, false);
    bool ok = (!items || r->items) && cli_crew_run(&crew, (size_t)o->threads);
    cli_progress_end(r->cli);
    bool printed = !r->items || cli_report_end(r->items);
    if (!ok || !printed) return cli_fail("out of memory, or of threads, for the search");
    return finish(r, began);
}

/* The pattern and what is to be made of it. False after a message. */
static bool open_pattern(struct refactor *r)
{
    const struct options *o = r->options;
    struct syn_error err = {"out of memory"};
    char extension[64];
    snprintf(extension, sizeof extension, "x%s%s", *o->lang == '.' ? "" : ".", o->lang);
    r->lang = gram_by_id(o->lang);
    if (!r->lang) r->lang = gram_by_path(extension, NULL, 0);
    if (!r->lang)
        return cli_fail("--lang %s: no language that is known; see espalier version", o->lang) ==
               CLI_OK;
    if (syn_sketch_new(r->lang, o->pattern, strlen(o->pattern), &r->sketch, &err) != SYN_OK)
        return cli_fail("--pattern '%.200s': %s", o->pattern, err.text) == CLI_OK;
    if (o->rewrite && !ref_check(r->sketch, o->rewrite, &err))
        return cli_fail("--rewrite '%.200s': %s", o->rewrite, err.text) == CLI_OK;
    return true;
}

/* What the options lack, or have too much of; NULL: nothing. */
static const char *bad_option(const struct options *o)
{
    if (!o->pattern || !*o->pattern) return "refactor takes a --pattern; see refactor --help";
    if (!o->lang || !*o->lang) return "--pattern goes with --lang";
    enum cli_report_format format;
    if (strcmp(o->format, "diff") != 0 &&
        (!cli_report_format_by_name(o->format, &format) || format == CLI_REPORT_TEXT))
        return "--format takes diff, json, sarif or rdjsonl";
    if ((o->apply || o->check) && !o->rewrite) return "--apply and --check go with --rewrite";
    if (o->apply && o->check) return "--apply and --check exclude each other";
    return NULL;
}

/* Files of other languages are not opened; a header may turn out to be C++ when it is read. */
static void keep_language(struct cli_files *files, const struct gram_language *lang)
{
    const struct gram_language *other = lang == gram_by_id("cpp") ? gram_by_id("c") : lang;
    size_t kept = 0;
    for (size_t i = 0; i < files->count; i++) {
        if (files->list[i].lang == lang || files->list[i].lang == other)
            files->list[kept++] = files->list[i];
        else
            free(files->list[i].path);
    }
    files->count = kept;
}

int cli_refactor(struct cli *cli, int argc, char **argv)
{
    struct options o = {.format = "diff"};
    const struct cli_option options[] = {
        {"--pattern", CLI_TEXT, &o.pattern, 0, 0}, {"--rewrite", CLI_TEXT, &o.rewrite, 0, 0},
        {"--lang", CLI_TEXT, &o.lang, 0, 0},       {"--format", CLI_TEXT, &o.format, 0, 0},
        {"--json", CLI_FLAG, &o.json, 0, 0},       {"--apply", CLI_FLAG, &o.apply, 0, 0},
        {"--check", CLI_FLAG, &o.check, 0, 0},     {"--no-ignore", CLI_FLAG, &o.no_ignore, 0, 0},
        {"-j", CLI_INT, &o.threads, 1, 64},        {0}};
    const char *words[CLI_MAX_WORDS];
    size_t n_words;
    if (!cli_parse(cli, options, argc, argv, words, CLI_MAX_WORDS, &n_words)) return CLI_ERROR;
    if (cli->help) {
        fputs(help, stdout);
        return CLI_OK;
    }
    if (o.json) o.format = "json";
    if (bad_option(&o)) return cli_fail("%s", bad_option(&o));
    struct cli_files files = {0};
    struct refactor r = {.options = &o,
                         .cli = cli,
                         .files = &files,
                         .rule = {.code = "pattern",
                                  .severity = REV_INFORMATION,
                                  .title = "A pattern of the user's",
                                  .message = "this looks like the pattern",
                                  .help = ""}};
    int code = CLI_ERROR;
    if (open_pattern(&r) && cli_files_find(words, n_words, o.no_ignore, &files)) {
        keep_language(&files, r.lang);
        code = run(&r);
    }
    syn_sketch_free(r.sketch);
    cli_files_free(&files);
    return code;
}
