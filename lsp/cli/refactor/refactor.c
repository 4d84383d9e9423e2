/* refactor.c: `espalier refactor`: rules, or one pattern, over many files.
 *
 * Files are searched on several threads and told of in their order. Nothing is written without
 * --apply, and then a file as a whole or not at all. A file that has not the words of any rule is
 * not parsed.
 */
#include "lsp/assist/refactor/refactor.h"
#include "grammars/grammars.h"
#include "lsp/cli/cli.h"
#include "lsp/cli/crew.h"
#include "lsp/cli/files.h"
#include "lsp/cli/refactor/batch.h"
#include "lsp/cli/refactor/diff.h"
#include "lsp/cli/refactor/reverse.h"
#include "lsp/cli/refactor/sets.h"
#include "lsp/cli/replace.h"
#include "lsp/cli/report/report.h"
#include "lsp/cli/rule_files.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char help[] =
    "usage: espalier refactor [PATH]... [OPTION]...\n"
    "       espalier refactor --pattern P --lang L [--rewrite R] [PATH]... [OPTION]...\n"
    "\n"
    "Rewrites files, or those of folders (default: the present one), by rules that keep what they "
    "do,\n"
    "and prints a diff that git apply takes. With a pattern: finds what looks like it, and prints "
    "what\n"
    "--rewrite makes of it as a diff; without it, the places.\n"
    "\n"
    "  --rule CODE        this rule alone; may be given several times\n"
    "  --unsafe           also what keeps the meaning only as far as can be seen\n"
    "  --rules FOLDER     rules of your own, FOLDER/LANGUAGE/CODE.rule (default:\n"
    "                     .espalier/refactor, where there is one)\n"
    "  --list-rules       the rules for the files, and nothing else\n"
    "  --test-rules       runs the tests that the rules have, and nothing else\n"
    "  --pattern P        code in which $NAME stands for one node and $$$NAME for any number of "
    "them:\n"
    "                     'free($P)', 'if ($C) { return true; }'; the same name for the same code\n"
    "  --rewrite R        what is to stand there, with the same names\n"
    "  --lang L           the pattern's language, by its name or an extension: c, python, .ts\n"
    "  --apply            writes the changes into the files\n"
    "  --verify COMMAND   writes them rule by rule, runs the command after each, and takes back, "
    "file "
    "by\n"
    "                     file, that with which it fails\n"
    "  --commit           writes them rule by rule, and commits each rule's\n"
    "  --reverse DIFF     takes back what a saved diff did, and nothing else\n"
    "  --check            exit code 1 where there is something to change\n"
    "  --format FORMAT    diff (the default), json, sarif (2.1.0) or rdjsonl\n"
    "  --json             --format json\n"
    "  --no-ignore        files that .gitignore and .ignore leave out as well\n"
    "  -j N               threads (default: one a processor)\n"
    "\n"
    "A change after which a file would parse worse, or that loses a comment, is not made. Exit "
    "codes:\n"
    "0 done, or nothing found; 1 with --check: something to change; 2 usage, input or internal "
    "error.\n";

struct options {
    const char *pattern, *rewrite, *lang, *format, *rules, *verify, *reverse;
    struct cli_list codes;
    bool json, apply, check, unsafe, list, test, no_ignore, commit;
    long threads;
};

/* What became of one file. */
struct outcome {
    const struct ref_rules *rules; /* of its language */
    struct syn_document *doc;      /* as it was; NULL: nothing was found */
    struct ref_result result;
    char error[512];
};

/* How often a rule changed something, in all languages that have it. */
struct tally {
    const struct ref_rule *rule;
    size_t count;
};

struct refactor {
    const struct options *options;
    const struct cli *cli;
    const struct cli_files *files;
    const struct cli_refactorings *rules;
    struct ref_choice choice;
    struct cli_report *items;     /* NULL: diffs, or places */
    struct cli_batch *batch;      /* NULL: files are told of; else what is to be written is added */
    struct rev_rule **item_rules; /* that items are of */
    struct cli_tally tally;
    struct tally *by_rule; /* [n_by_rule] */
    size_t n_by_rule;
    size_t found, with_found, refused, commented, written;
};

/* ---- One file ---------------------------------------------------------------------- */

static bool fail(struct outcome *o, const char *path, const char *why)
{
    snprintf(o->error, sizeof o->error, "%s: %s", path, why);
    return false;
}

static void search(const struct refactor *r, const char *path, const char *text, size_t len,
                   struct outcome *o)
{
    struct syn_error err = {"out of memory"};
    if (!ref_may_find(o->rules, &r->choice, text, len)) return;
    if (syn_document_new(o->rules->lang, text, len, &o->doc, &err) != SYN_OK ||
        syn_document_parse(o->doc, 0, &err) != SYN_OK ||
        ref_run(o->rules, &r->choice, o->doc, &o->result, &err) != SYN_OK)
        fail(o, path, err.text);
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
    o->rules = cli_refactorings_of(r->rules, gram_by_path(path, text, len));
    if (o->rules) search(r, path, text, len, o);
    free(text);
}

/* ---- In their order ---------------------------------------------------------------- */

/* FILE:LINE:COL: and the line that it starts on. */
static void print_places(const char *path, const struct outcome *o)
{
    size_t len, line, column;
    const char *text = syn_document_text(o->doc, &len);
    for (size_t i = 0; i < o->result.first.count; i++) {
        syn_position_of(o->doc, o->result.first.list[i].span.start, SYN_UTF8, &line, &column);
        size_t start = syn_line_start(o->doc, line), end = syn_line_end(o->doc, line);
        while (start < end && (text[start] == ' ' || text[start] == '\t'))
            start++;
        printf("%s:%zu:%zu: %.*s\n", path, line + 1, column + 1, (int)(end - start), text + start);
    }
}

/* The rule as one of a report's; NULL when memory ran out. */
static const struct rev_rule *item_rule(struct refactor *r, const struct ref_rule *rule)
{
    size_t n = 0;
    for (; r->item_rules && r->item_rules[n]; n++)
        if (strcmp(r->item_rules[n]->code, rule->code) == 0) return r->item_rules[n];
    struct rev_rule **grown = realloc(r->item_rules, (n + 2) * sizeof *grown);
    if (!grown) return NULL;
    r->item_rules = grown;
    struct rev_rule *made = calloc(1, sizeof *made);
    grown[n] = made;
    grown[n + 1] = NULL;
    if (!made) return NULL;
    *made = (struct rev_rule){.severity = REV_INFORMATION,
                              .title = rule->title,
                              .message = rule->title,
                              .help = rule->help};
    snprintf(made->code, sizeof made->code, "%s", rule->code);
    return made;
}

/* As findings, whose fixes are the changes of the text as it was. */
static bool add_items(struct refactor *r, const char *path, const struct outcome *o)
{
    struct rev_findings findings = {0};
    bool ok = true;
    for (size_t i = 0; ok && i < o->result.first.count; i++) {
        const struct ref_change *c = &o->result.first.list[i];
        struct rev_finding f = {
            .rule = item_rule(r, c->form->rule),
            .severity = REV_INFORMATION,
            .confidence = 1,
            .start = c->span.start,
            .end = c->span.end,
            .fix = {.start = c->span.start, .end = c->span.end, .safe = c->form->safe}};
        if (!f.rule) ok = false;
        if (ok) snprintf(f.message, sizeof f.message, "%s", f.rule->message);
        if (ok && c->text) ok = (f.fix.text = strndup(c->text, c->len)) != NULL;
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
    const char *made = o->result.made ? syn_document_text(o->result.made, &made_len) : NULL;
    bool ok = true;
    if (r->batch)
        ok = !made || cli_batch_add(r->batch, path, text, len, made, made_len, o->result.total);
    else if (r->items)
        ok = add_items(r, path, o);
    else if (made)
        ok = cli_diff(stdout, path, text, len, made, made_len);
    else if (r->options->pattern && !r->options->rewrite)
        print_places(path, o);
    if (!ok) fail(o, path, "out of memory for what was found");
    if (o->result.again)
        fprintf(stderr,
                "espalier: warning: %s: what the rewrite makes has the pattern in it again\n",
                path);
    if (r->options->apply && !r->batch && made && !o->error[0])
        r->written += cli_replace_file(path, text, len, made, made_len, o->error, sizeof o->error);
}

/* Adds what the rules did to what they did elsewhere. */
static void count(struct refactor *r, const struct outcome *o)
{
    for (size_t i = 0; o->result.total > 0 && i < o->rules->count; i++) {
        const struct ref_rule *rule = o->rules->list[i];
        size_t at = 0;
        if (o->result.counts[i] == 0) continue;
        while (at < r->n_by_rule && strcmp(r->by_rule[at].rule->code, rule->code) != 0)
            at++;
        if (at == r->n_by_rule) {
            struct tally *grown = realloc(r->by_rule, (at + 1) * sizeof *grown);
            if (!grown) return;
            r->by_rule = grown;
            r->by_rule[r->n_by_rule++] = (struct tally){rule, 0};
        }
        r->by_rule[at].count += o->result.counts[i];
    }
    r->found += o->result.total;
    r->with_found += o->result.total > 0;
    r->refused += o->result.refused;
    r->commented += o->result.commented;
}

static void report(void *user, size_t index, void *outcome)
{
    struct refactor *r = user;
    struct outcome *o = outcome;
    const struct cli_file *file = &r->files->list[index];
    if (!o->error[0] && o->result.total > 0) tell(r, file->path, o);
    if (o->error[0]) cli_tally_add(&r->tally, file, r->options->apply, o->error);
    if (o->result.counts) count(r, o);
    if (o->result.endless)
        fprintf(stderr, "espalier: warning: %s: left as it is: %s does not come to an end\n",
                file->path, o->result.endless->code);
    if (o->result.left_out > 0)
        fprintf(stderr, "espalier: warning: %s: %zu more places are left out\n", file->path,
                o->result.left_out);
    if (index % 50 == 49) cli_progress(r->cli, "%zu of %zu files", index + 1, r->files->count);
    ref_result_free(&o->result);
    syn_document_free(o->doc);
}

/* ---- The command ------------------------------------------------------------------- */

static int by_count(const void *a, const void *b)
{
    const struct tally *x = a, *y = b;
    if (x->count != y->count) return x->count > y->count ? -1 : 1;
    return strcmp(x->rule->code, y->rule->code);
}

static int finish(const struct refactor *r, double began)
{
    bool changes = !r->options->pattern || r->options->rewrite;
    if (r->n_by_rule > 0) qsort(r->by_rule, r->n_by_rule, sizeof *r->by_rule, by_count);
    for (size_t i = 0; !r->options->pattern && i < r->n_by_rule; i++)
        cli_log(r->cli, LSP_LOG_WARN, "%6zu %-28s %s", r->by_rule[i].count,
                r->by_rule[i].rule->code, r->by_rule[i].rule->title);
    cli_log(r->cli, LSP_LOG_WARN, "%zu %s%s in %zu of %zu files, %.1f s", r->found,
            changes ? "change" : "place", r->found == 1 ? "" : "s", r->with_found, r->files->count,
            (cli_now_ms() - began) / 1e3);
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

/* Prints the diff of what was written, and counts it. */
static bool tell_batch(struct refactor *r, const struct ref_rule *rule,
                       const struct cli_batch *batch)
{
    bool ok = true;
    size_t files = 0, changes = 0;
    for (size_t i = 0; i < batch->count; i++) {
        const struct cli_batch_file *f = &batch->list[i];
        if (!f->written) continue;
        ok &= cli_diff(stdout, f->path, f->old_text, f->old_len, f->new_text, f->new_len);
        files++;
        changes += f->changes;
    }
    r->written += files;
    cli_log(r->cli, LSP_LOG_WARN, "%6zu %-28s %s, in %zu of %zu files", changes, rule->code,
            rule->title, files, batch->count);
    return ok || cli_fail("out of memory for a diff") == CLI_OK;
}

/* One rule over all files: found, written, verified, told of, committed. */
static bool run_batch(struct refactor *r, const struct ref_rule *rule)
{
    const struct options *o = r->options;
    struct cli_batch batch = {0};
    const char *codes[] = {rule->code};
    const struct cli_crew crew = {.count = r->files->count,
                                  .outcome_size = sizeof(struct outcome),
                                  .user = r,
                                  .work = work,
                                  .report = report};
    r->choice.codes = codes;
    r->choice.n_codes = 1;
    r->batch = &batch;
    bool ok = cli_crew_run(&crew, (size_t)o->threads) ||
              cli_fail("out of memory, or of threads, for the search") == CLI_OK;
    cli_progress_end(r->cli);
    if (ok && batch.count > 0) {
        ok = !o->commit || cli_batch_is_clean(&batch);
        enum cli_batch_end end = ok ? cli_batch_write(&batch, o->verify) : CLI_BATCH_FAILED;
        if (end == CLI_BATCH_STOPPED) cli_fail("stopped; %s is not applied", rule->code);
        ok = end == CLI_BATCH_DONE && tell_batch(r, rule, &batch);
        char message[256];
        snprintf(message, sizeof message, "refactor: %s", rule->title);
        size_t written = 0;
        for (size_t i = 0; i < batch.count; i++)
            written += batch.list[i].written;
        if (ok && o->commit && written > 0) ok = cli_batch_commit(&batch, message);
    }
    cli_batch_free(&batch);
    return ok;
}

/* With --verify or --commit: rule after rule, over all languages that have it. */
static int run_batches(struct refactor *r)
{
    const struct options *o = r->options;
    const struct cli_list all = o->codes;
    cli_batch_hold();
    if (o->verify && cli_batch_verify(o->verify) != 0)
        return cli_fail("--verify: the command fails before anything is changed");
    for (size_t i = 0; i < gram_count(); i++)
        for (size_t k = 0; r->rules->sets[i] && k < r->rules->sets[i]->count; k++) {
            const struct ref_rule *rule = r->rules->sets[i]->list[k];
            bool before = false, wanted = all.count == 0;
            for (size_t p = 0; p < i && !before; p++)
                before = r->rules->sets[p] && ref_rules_find(r->rules->sets[p], rule->code);
            for (size_t p = 0; p < all.count; p++)
                wanted |= strcmp(all.values[p], rule->code) == 0;
            if (!before && wanted && !run_batch(r, rule)) return CLI_ERROR;
        }
    cli_log(r->cli, LSP_LOG_WARN, "%zu file%s written", r->written, r->written == 1 ? "" : "s");
    return cli_tally_end(r->cli, &r->tally, "changed or searched") ? CLI_OK : CLI_ERROR;
}

/* What the options lack, or have too much of; NULL: nothing. */
static const char *bad_option(const struct options *o)
{
    enum cli_report_format format;
    if (strcmp(o->format, "diff") != 0 &&
        (!cli_report_format_by_name(o->format, &format) || format == CLI_REPORT_TEXT))
        return "--format takes diff, json, sarif or rdjsonl";
    if (o->reverse && (o->pattern || o->codes.count || o->rules || o->unsafe || o->list ||
                       o->test || o->apply || o->check || o->verify || o->commit))
        return "--reverse goes with no other option";
    if (o->pattern && !*o->pattern) return "--pattern: expected code";
    if (o->pattern && (!o->lang || !*o->lang)) return "--pattern goes with --lang";
    if (!o->pattern && (o->rewrite || o->lang)) return "--rewrite and --lang go with --pattern";
    if (o->pattern && (o->codes.count || o->rules || o->unsafe || o->list || o->test))
        return "--pattern excludes --rule, --rules, --unsafe, --list-rules and --test-rules";
    if (o->pattern && (o->apply || o->check) && !o->rewrite)
        return "--apply and --check go with --rewrite, where there is a --pattern";
    if ((o->verify || o->commit) && (o->check || strcmp(o->format, "diff") != 0))
        return "--verify and --commit write, and print diffs: not with --check or --format";
    if (o->pattern && !o->rewrite && (o->verify || o->commit))
        return "--verify and --commit go with --rewrite, where there is a --pattern";
    if (o->apply && o->check) return "--apply and --check exclude each other";
    return NULL;
}

/* Files of other languages are not opened; a header may turn out to be C++ when it is read. */
static void keep_languages(struct cli_files *files, const struct cli_refactorings *rules)
{
    const struct gram_language *c = gram_by_id("c"), *cpp = gram_by_id("cpp");
    size_t kept = 0;
    for (size_t i = 0; i < files->count; i++) {
        const struct gram_language *lang = files->list[i].lang;
        if (cli_refactorings_of(rules, lang) || (lang == c && cli_refactorings_of(rules, cpp)))
            files->list[kept++] = files->list[i];
        else
            free(files->list[i].path);
    }
    files->count = kept;
}

/* A rule that no language of these files has is a slip: its code, or NULL. */
static const char *unknown_code(const struct cli_refactorings *rules, const struct cli_list *codes)
{
    for (size_t i = 0; i < codes->count; i++) {
        bool found = false;
        for (size_t k = 0; k < gram_count() && !found; k++)
            found = rules->sets[k] && ref_rules_find(rules->sets[k], codes->values[i]);
        if (!found) return codes->values[i];
    }
    return NULL;
}

static int with_rules(struct refactor *r, const struct cli_refactorings *rules)
{
    const struct options *o = r->options;
    const char *unknown = unknown_code(rules, &o->codes);
    if (unknown && r->files->count > 0)
        return cli_fail("--rule %s: no rule for these files has this code; see --list-rules",
                        unknown);
    if (o->list) {
        cli_refactorings_list(rules);
        return CLI_OK;
    }
    if (o->test)
        return cli_refactorings_test(rules, o->codes.values, o->codes.count) ? CLI_OK
                                                                             : CLI_FINDINGS;
    r->rules = rules;
    r->choice = (struct ref_choice){.codes = o->codes.values,
                                    .n_codes = o->codes.count,
                                    .unsafe = o->unsafe,
                                    .once = o->pattern != NULL};
    return o->verify || o->commit ? run_batches(r) : run(r);
}

static void free_refactor(struct refactor *r)
{
    for (size_t i = 0; r->item_rules && r->item_rules[i]; i++)
        free(r->item_rules[i]);
    free(r->item_rules);
    free(r->by_rule);
}

int cli_refactor(struct cli *cli, int argc, char **argv)
{
    struct options o = {.format = "diff"};
    const struct cli_option options[] = {
        {"--pattern", CLI_TEXT, &o.pattern, 0, 0}, {"--rewrite", CLI_TEXT, &o.rewrite, 0, 0},
        {"--lang", CLI_TEXT, &o.lang, 0, 0},       {"--format", CLI_TEXT, &o.format, 0, 0},
        {"--rule", CLI_LIST, &o.codes, 0, 0},      {"--rules", CLI_TEXT, &o.rules, 0, 0},
        {"--unsafe", CLI_FLAG, &o.unsafe, 0, 0},   {"--list-rules", CLI_FLAG, &o.list, 0, 0},
        {"--test-rules", CLI_FLAG, &o.test, 0, 0}, {"--json", CLI_FLAG, &o.json, 0, 0},
        {"--apply", CLI_FLAG, &o.apply, 0, 0},     {"--check", CLI_FLAG, &o.check, 0, 0},
        {"--verify", CLI_TEXT, &o.verify, 0, 0},   {"--commit", CLI_FLAG, &o.commit, 0, 0},
        {"--reverse", CLI_TEXT, &o.reverse, 0, 0}, {"--no-ignore", CLI_FLAG, &o.no_ignore, 0, 0},
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
    if (o.reverse && n_words > 0) return cli_fail("--reverse goes with no path");
    if (o.reverse) return cli_reverse(cli, o.reverse);
    struct cli_files files = {0};
    struct cli_refactorings rules = {0};
    struct refactor r = {.options = &o, .cli = cli, .files = &files};
    int code = CLI_ERROR;
    if ((!o.pattern || cli_refactorings_pattern(o.lang, o.pattern, o.rewrite, &rules)) &&
        cli_files_find(words, n_words, o.no_ignore, &files) &&
        (o.pattern ||
         cli_refactorings_load(&files, cli_rule_folder(o.rules, ".espalier/refactor"), &rules))) {
        keep_languages(&files, &rules);
        code = with_rules(&r, &rules);
    }
    free_refactor(&r);
    cli_refactorings_free(&rules);
    cli_files_free(&files);
    return code;
}
