/* tasks.c: see tasks.h. JSON is cJSON's business; what a task needs is checked here. */
#include "lsp/cli/eval/tasks.h"
#include "grammars/grammars.h"
#include "lsp/cli/cli.h"

#include <cjson/cJSON.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char completion[] = "{{completion}}";

static bool refuse(char why[160], const char *what, const char *name)
{
    snprintf(why, 160, "%s \"%.40s\"", what, name);
    return false;
}

static char *copy(const char *text, size_t len)
{
    char *out = malloc(len + 1);
    if (!out) return NULL;
    memcpy(out, text, len);
    out[len] = 0;
    return out;
}

/* A string of the object, copied. */
static bool take_string(const cJSON *json, const char *name, char **out, char why[160])
{
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(json, name);
    if (!cJSON_IsString(item)) return refuse(why, "no text under", name);
    *out = copy(item->valuestring, strlen(item->valuestring));
    return *out || refuse(why, "out of memory for", name);
}

/* What stands before and after the only mark in text. */
static bool split(const char *text, const char *mark, char **before, char **after)
{
    const char *at = strstr(text, mark);
    if (!at || strstr(at + 1, mark)) return false;
    *before = copy(text, (size_t)(at - text));
    *after = copy(at + strlen(mark), strlen(at + strlen(mark)));
    return *before && *after;
}

/* ---- HumanEval-Infilling ------------------------------------------------------------------- */

static bool is_name(const char *text)
{
    if (!*text || (*text >= '0' && *text <= '9')) return false;
    for (; *text; text++)
        if (!(*text == '_' || (*text >= '0' && *text <= '9') || (*text >= 'a' && *text <= 'z') ||
              (*text >= 'A' && *text <= 'Z')))
            return false;
    return true;
}

static bool parse_human_eval(const cJSON *json, struct cli_task *out, char why[160])
{
    char *test = NULL;
    bool ok = take_string(json, "task_id", &out->id, why) &&
              take_string(json, "prompt", &out->before, why) &&
              take_string(json, "suffix", &out->after, why) &&
              take_string(json, "canonical_solution", &out->truth, why) &&
              take_string(json, "entry_point", &out->entry_point, why) &&
              take_string(json, "test", &test, why);
    if (ok && !is_name(out->entry_point))
        ok = refuse(why, "entry_point is no name:", out->entry_point);
    if (ok) {
        snprintf(out->lang_name, sizeof out->lang_name, "python");
        out->head = copy(out->before, strlen(out->before));
        size_t size = strlen(out->after) + strlen(test) + strlen(out->entry_point) + 32;
        out->tail = malloc(size);
        if (out->tail)
            snprintf(out->tail, size, "%s\n%s\ncheck(%s)\n", out->after, test, out->entry_point);
        ok = (out->head && out->tail) || refuse(why, "out of memory for", out->id);
    }
    free(test);
    return ok;
}

/* ---- SAFIM --------------------------------------------------------------------------------- */

static bool parse_outputs(const cJSON *json, struct cli_task_test *out)
{
    size_t n = cJSON_IsString(json) ? 1 : (size_t)cJSON_GetArraySize(json);
    if (n == 0) return false;
    out->outputs = calloc(n, sizeof *out->outputs);
    const cJSON *item = cJSON_IsString(json) ? json : json->child;
    for (; out->outputs && item && out->n_outputs < n; item = item->next) {
        if (!cJSON_IsString(item)) return false;
        char *text = copy(item->valuestring, strlen(item->valuestring));
        if (!text) return false;
        out->outputs[out->n_outputs++] = text;
    }
    return out->n_outputs == n;
}

static bool parse_tests(const cJSON *json, struct cli_task *out, char why[160])
{
    if (!cJSON_IsArray(json)) return refuse(why, "no list under", "unit_tests");
    size_t n = (size_t)cJSON_GetArraySize(json);
    if (n > CLI_TASK_TESTS_MAX) return refuse(why, "too many entries under", "unit_tests");
    out->tests = calloc(n + 1, sizeof *out->tests);
    if (!out->tests) return refuse(why, "out of memory for", "unit_tests");
    const cJSON *test;
    cJSON_ArrayForEach(test, json)
    {
        struct cli_task_test *to = &out->tests[out->n_tests++];
        const cJSON *outputs = cJSON_GetObjectItemCaseSensitive(test, "output");
        if (!take_string(test, "input", &to->input, why)) return false;
        if (!(cJSON_IsArray(outputs) || cJSON_IsString(outputs)) || !parse_outputs(outputs, to))
            return refuse(why, "no texts in a unit test under", "output");
    }
    return true;
}

static bool parse_safim(const cJSON *json, struct cli_task *out, char why[160])
{
    static const char *const marks[] = {completion, "/* TODO: Your code here */",
                                        "# TODO: Your code here"};
    char *lang = NULL, *program = NULL, *prompt = NULL;
    bool ok = take_string(json, "task_id", &out->id, why) &&
              take_string(json, "lang", &lang, why) &&
              take_string(json, "eval_prompt", &program, why) &&
              take_string(json, "ground_truth", &out->truth, why);
    if (ok) snprintf(out->lang_name, sizeof out->lang_name, "%.31s", lang);
    if (ok && !split(program, completion, &out->head, &out->tail))
        ok = refuse(why, "eval_prompt lacks the one", completion);
    /* The prompt also tells what the program is to do; without one the program has to. */
    if (ok && cJSON_IsString(cJSON_GetObjectItemCaseSensitive(json, "prompt")) &&
        take_string(json, "prompt", &prompt, why)) {
        for (size_t i = 0; !out->before && i < sizeof marks / sizeof *marks; i++)
            split(prompt, marks[i], &out->before, &out->after);
    }
    if (ok && (!out->before || !out->after)) {
        free(out->before);
        free(out->after);
        out->before = copy(out->head, strlen(out->head));
        out->after = copy(out->tail, strlen(out->tail));
        ok = (out->before && out->after) || refuse(why, "out of memory for", out->id);
    }
    const cJSON *tests = cJSON_GetObjectItemCaseSensitive(json, "unit_tests");
    if (ok && cJSON_IsString(tests)) {
        cJSON *inner = cJSON_Parse(tests->valuestring);
        ok = inner ? parse_tests(inner, out, why) : refuse(why, "no JSON under", "unit_tests");
        cJSON_Delete(inner);
    } else if (ok && tests && !cJSON_IsNull(tests)) {
        ok = parse_tests(tests, out, why);
    }
    free(lang);
    free(program);
    free(prompt);
    return ok;
}

bool cli_task_parse(const char *text, size_t len, struct cli_task *out, char why[160])
{
    memset(out, 0, sizeof *out);
    why[0] = 0;
    cJSON *json = cJSON_ParseWithLength(text, len);
    bool ok = cJSON_IsObject(json);
    if (!ok)
        refuse(why, "expected one JSON object, found", len > 0 ? "something else" : "nothing");
    else if (cJSON_HasObjectItem(json, "entry_point"))
        ok = parse_human_eval(json, out, why);
    else if (cJSON_HasObjectItem(json, "eval_prompt"))
        ok = parse_safim(json, out, why);
    else {
        snprintf(why, 160,
                 "neither \"entry_point\" (HumanEval-Infilling) nor \"eval_prompt\" "
                 "(SAFIM) is there");
        ok = false;
    }
    cJSON_Delete(json);
    if (!ok) return false;
    out->lang = gram_by_id(strcmp(out->lang_name, "c++") == 0 ? "cpp" : out->lang_name);
    return true;
}

void cli_task_free(struct cli_task *task)
{
    for (size_t i = 0; i < task->n_tests; i++) {
        for (size_t k = 0; k < task->tests[i].n_outputs; k++)
            free(task->tests[i].outputs[k]);
        free(task->tests[i].outputs);
        free(task->tests[i].input);
    }
    free(task->tests);
    free(task->id);
    free(task->before);
    free(task->after);
    free(task->truth);
    free(task->head);
    free(task->tail);
    free(task->entry_point);
    memset(task, 0, sizeof *task);
}

/* ---- Files --------------------------------------------------------------------------------- */

struct cli_tasks {
    FILE *file;
    char *path;
    char *line;
    size_t capacity, number;
};

struct cli_tasks *cli_tasks_open(const char *path)
{
    struct cli_tasks *t = calloc(1, sizeof *t);
    unsigned char magic[2] = {0, 0};
    if (!t) return cli_fail("out of memory for the tasks"), NULL;
    t->path = copy(path, strlen(path));
    t->file = fopen(path, "rb");
    if (!t->path || !t->file) {
        cli_fail("%s: cannot be read: %s", path, strerror(errno));
        return cli_tasks_close(t), NULL;
    }
    if (fread(magic, 1, 2, t->file) == 2 && magic[0] == 0x1f && magic[1] == 0x8b) {
        cli_fail("%s: is compressed by gzip; unpack it first (gunzip -k)", path);
        return cli_tasks_close(t), NULL;
    }
    rewind(t->file);
    return t;
}

void cli_tasks_close(struct cli_tasks *t)
{
    if (!t) return;
    if (t->file) fclose(t->file);
    free(t->path);
    free(t->line);
    free(t);
}

/* The next line that is not blank: 1, 0 or -1. */
static int next_line(struct cli_tasks *t, size_t *len)
{
    for (bool blank = true; blank;) {
        *len = 0;
        t->number++;
        int c;
        while ((c = getc_unlocked(t->file)) != EOF && c != '\n') {
            if (*len + 2 > t->capacity) {
                size_t wanted = t->capacity ? t->capacity * 2 : 65536;
                char *grown = wanted <= CLI_TASK_LINE_MAX ? realloc(t->line, wanted) : NULL;
                if (!grown)
                    return cli_fail("%s:%zu: line of more than %zu bytes", t->path, t->number,
                                    *len),
                           -1;
                t->line = grown;
                t->capacity = wanted;
            }
            blank = blank && (c == ' ' || c == '\t' || c == '\r');
            t->line[(*len)++] = (char)c;
        }
        if (ferror(t->file)) {
            cli_fail("%s: cannot be read: %s", t->path, strerror(errno));
            return -1;
        }
        if (c == EOF && blank) return 0;
    }
    t->line[*len] = 0;
    return 1;
}

int cli_tasks_next(struct cli_tasks *t, struct cli_task *out)
{
    size_t len;
    char why[160];
    memset(out, 0, sizeof *out);
    int found = next_line(t, &len);
    if (found <= 0) return found;
    if (cli_task_parse(t->line, len, out, why)) return 1;
    cli_fail("%s:%zu: %s", t->path, t->number, why);
    cli_task_free(out);
    return -1;
}
