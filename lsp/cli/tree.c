/* tree.c: `espalier tree`.
 *
 * Shows what the structure-aware attention reads: tokens with their records, as text, as
 * JSON or as the picture of the parent mask. With --at there is a hole at that place, as
 * when a completion is asked for; without, the records are those of the complete file.
 */
#include "grammars/grammars.h"
#include "lsp/cli/cli.h"
#include "lsp/cli/mask.h"
#include "lsp/cli/place.h"

#include <cjson/cJSON.h>

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char help[] =
    "usage: espalier tree FILE [--json | --mask] [OPTION]...\n"
    "\n"
    "The file's tokens (of the model's tokenizer) with their tree features: the start tokens\n"
    "of the enclosing nodes, innermost first, the depth, the kind of the innermost, and how\n"
    "many of its children came before.\n"
    "\n"
    "  --json         one JSON document\n"
    "  --mask         the parent mask: row is the query, column the key; o same node,\n"
    "                 1..8 start of ancestor, s start of an earlier sibling, . elsewhere,\n"
    "                 | other segment\n"
    "  --at LINE:COL  put a hole there, as for a completion\n"
    "  --color WHEN   auto, always or never (half blocks in colour instead of characters)\n"
    "  --width N      columns of the picture\n"
    "  --lang ID      language, when the file's name does not say\n";

/* Tokens of the file in document order; with a hole, prefix tokens first, then suffix. */
struct table {
    struct eng_token *tokens;
    struct syn_span *spans;
    struct syn_record *records;
    size_t count, n_prefix;
};

static void table_free(struct table *t)
{
    free(t->tokens);
    free(t->spans);
    free(t->records);
}

static bool append_tokens(struct table *t, const struct eng_model *model, const char *text,
                          size_t start, size_t end)
{
    struct eng_error err = {"out of memory"};
    size_t n = 0;
    if (eng_tokenize(model, text + start, end - start, t->tokens + t->count, end - start + 8, &n,
                     &err) != ENG_OK) {
        cli_fail("cannot tokenise: %s", err.text);
        return false;
    }
    for (size_t i = t->count; i < t->count + n; i++) {
        t->tokens[i].start += (uint32_t)start;
        t->tokens[i].end += (uint32_t)start;
        t->spans[i] = (struct syn_span){t->tokens[i].start, t->tokens[i].end};
    }
    t->count += n;
    return true;
}

/* Tokens and records of the document, with a hole at `at` unless it is SIZE_MAX. */
static bool table_fill(struct table *t, const struct eng_model *model,
                       const struct syn_document *doc, size_t at)
{
    size_t len;
    const char *text = syn_document_text(doc, &len);
    t->tokens = malloc((len + 16) * sizeof *t->tokens);
    t->spans = malloc((len + 16) * sizeof *t->spans);
    if (!t->tokens || !t->spans) {
        cli_fail("out of memory for the tokens of %zu bytes", len);
        return false;
    }
    bool hole_wanted = at != SIZE_MAX;
    if (!append_tokens(t, model, text, 0, hole_wanted ? at : len)) return false;
    t->n_prefix = t->count;
    if (hole_wanted && !append_tokens(t, model, text, at, len)) return false;
    t->records = calloc(t->count + 1, sizeof *t->records);
    struct syn_hole *hole = NULL;
    struct syn_error err = {"out of memory"};
    enum syn_status status = t->records ? SYN_OK : SYN_NO_MEMORY;
    if (status == SYN_OK && hole_wanted) status = syn_hole_open(doc, at, at, &hole, &err);
    if (status == SYN_OK && hole_wanted)
        status = syn_hole_features(hole, t->spans, t->n_prefix, t->count - t->n_prefix, t->records,
                                   &err);
    else if (status == SYN_OK)
        status = syn_features(doc, t->spans, t->count, t->records, &err);
    syn_hole_free(hole);
    if (status != SYN_OK) cli_fail("no tree features: %s", err.text);
    return status == SYN_OK;
}

/* A token's text on one line. */
static void print_escaped(const char *text, size_t len)
{
    putchar('"');
    for (size_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char)text[i];
        if (c == '\n')
            fputs("\\n", stdout);
        else if (c == '\r')
            fputs("\\r", stdout);
        else if (c == '\t')
            fputs("\\t", stdout);
        else if (c == '"' || c == '\\')
            printf("\\%c", c);
        else if (c < 0x20 || c == 0x7f)
            printf("\\x%02x", c);
        else
            putchar(c);
    }
    putchar('"');
}

static void print_text(const struct syn_document *doc, const struct table *t)
{
    size_t len;
    const char *text = syn_document_text(doc, &len);
    for (size_t i = 0; i < t->count; i++) {
        const struct syn_record *r = &t->records[i];
        if (i == t->n_prefix && i > 0) puts("-- hole --");
        printf("%5zu %6" PRIu32 "..%-6" PRIu32 " %3u %-11s %3u [", i, t->spans[i].start,
               t->spans[i].end, r->depth, gram_kind_name(r->kind), r->sibling);
        for (int l = 0; l < SYN_LEVELS && (l == 0 || l < r->depth); l++)
            printf("%s%" PRId32, l ? " " : "", r->chain[l]);
        fputs("] ", stdout);
        print_escaped(text + t->spans[i].start, t->spans[i].end - t->spans[i].start);
        putchar('\n');
    }
}

/* JSON strings are UTF-8; a token may hold half a character. */
static void add_token_text(cJSON *out, const char *text, size_t len)
{
    char buffer[256];
    size_t n = 0;
    for (size_t i = 0; i < len && n + 4 < sizeof buffer;) {
        unsigned char c = (unsigned char)text[i];
        size_t want = c < 0x80 ? 1 : c >= 0xF0 ? 4 : c >= 0xE0 ? 3 : c >= 0xC2 ? 2 : 0;
        bool whole = want > 0 && i + want <= len;
        for (size_t k = 1; whole && k < want; k++)
            whole = ((unsigned char)text[i + k] & 0xC0) == 0x80;
        if (whole)
            memcpy(buffer + n, text + i, want);
        else
            memcpy(buffer + n, "\xEF\xBF\xBD", 3);
        n += whole ? want : 3;
        i += whole ? want : 1;
    }
    buffer[n] = 0;
    cJSON_AddStringToObject(out, "text", buffer);
}

static void print_json(const struct syn_document *doc, const char *path, const struct table *t,
                       bool hole)
{
    size_t len;
    const char *text = syn_document_text(doc, &len);
    const struct gram_language *lang = syn_document_language(doc);
    cJSON *root = cJSON_CreateObject();
    cJSON_AddStringToObject(root, "file", path);
    if (lang)
        cJSON_AddStringToObject(root, "language", lang->id);
    else
        cJSON_AddNullToObject(root, "language");
    if (hole) cJSON_AddNumberToObject(root, "prefix_tokens", (double)t->n_prefix);
    cJSON *tokens = cJSON_AddArrayToObject(root, "tokens");
    for (size_t i = 0; i < t->count; i++) {
        const struct syn_record *r = &t->records[i];
        cJSON *out = cJSON_CreateObject(), *chain = cJSON_CreateArray();
        cJSON_AddNumberToObject(out, "id", t->tokens[i].id);
        cJSON_AddNumberToObject(out, "start", t->spans[i].start);
        cJSON_AddNumberToObject(out, "end", t->spans[i].end);
        add_token_text(out, text + t->spans[i].start, t->spans[i].end - t->spans[i].start);
        for (int l = 0; l < SYN_LEVELS && l < r->depth; l++)
            cJSON_AddItemToArray(chain, cJSON_CreateNumber(r->chain[l]));
        cJSON_AddItemToObject(out, "chain", chain);
        cJSON_AddNumberToObject(out, "depth", r->depth);
        cJSON_AddStringToObject(out, "kind", gram_kind_name(r->kind));
        cJSON_AddNumberToObject(out, "sibling", r->sibling);
        cJSON_AddNumberToObject(out, "segment", r->segment);
        cJSON_AddItemToArray(tokens, out);
    }
    char *printed = cJSON_PrintUnformatted(root);
    if (printed) puts(printed);
    cJSON_free(printed);
    cJSON_Delete(root);
}

int cli_tree(struct cli *cli, int argc, char **argv)
{
    bool json = false, mask = false;
    const char *at_word = NULL, *color = "auto", *lang = NULL;
    long width = 0;
    const struct cli_option options[] = {{"--json", CLI_FLAG, &json, 0, 0},
                                         {"--mask", CLI_FLAG, &mask, 0, 0},
                                         {"--at", CLI_TEXT, &at_word, 0, 0},
                                         {"--color", CLI_TEXT, &color, 0, 0},
                                         {"--width", CLI_INT, &width, 1, 4096},
                                         {"--lang", CLI_TEXT, &lang, 0, 0},
                                         {0}};
    const char *words[1];
    size_t n_words, path_len, at = SIZE_MAX;
    if (!cli_parse(cli, options, argc, argv, words, 1, &n_words)) return CLI_ERROR;
    if (cli->help) {
        fputs(help, stdout);
        return CLI_OK;
    }
    struct cli_place place;
    enum cli_mask_style style;
    if (n_words == 0) return cli_fail("tree needs FILE");
    if (json && mask) return cli_fail("--json and --mask exclude each other");
    if (!cli_mask_style_by_name(color, &style))
        return cli_fail("--color takes auto, always or never, not \"%s\"", color);
    if (at_word && (!cli_place_parse(at_word, &place, &path_len) || path_len > 0))
        return cli_fail("--at takes LINE:COL, both from 1, not \"%s\"", at_word);

    struct syn_document *doc = NULL;
    struct eng_model *model = NULL;
    struct table table = {0};
    int code = CLI_ERROR;
    if (cli_open_document(words[0], lang, &doc) &&
        (!at_word || cli_place_offset(doc, words[0], &place, &at)) &&
        cli_open_model(cli, NULL, &model) && table_fill(&table, model, doc, at)) {
        if (mask)
            cli_mask_print(table.records, table.count, (size_t)width, style);
        else if (json)
            print_json(doc, words[0], &table, at != SIZE_MAX);
        else
            print_text(doc, &table);
        code = CLI_OK;
    }
    table_free(&table);
    eng_model_close(model);
    syn_document_free(doc);
    return code;
}
