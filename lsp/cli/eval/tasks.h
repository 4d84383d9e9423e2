/* tasks.h: reading infilling benchmarks: files with one JSON object a line.
 *
 *   HumanEval-Infilling   task_id, prompt, suffix, canonical_solution, test, entry_point.
 *                         Python. The program is prompt + answer + suffix, then test, which
 *                         defines check, then a call check(entry_point).
 *   SAFIM                 task_id, lang, prompt, eval_prompt, ground_truth, unit_tests. The
 *                         answer stands for {{completion}} in eval_prompt, and for that or a
 *                         comment "TODO: Your code here" in prompt. unit_tests is a list, or a
 *                         string that holds one, of {"input": text, "output": [text, ...]}:
 *                         the program reads the input and has to print one of the outputs.
 *
 * Every line is hostile until checked. Lines that are no task are errors that name file, line
 * and what was expected. One thread at a time.
 */
#ifndef ESPALIER_CLI_TASKS_H
#define ESPALIER_CLI_TASKS_H

#include <stdbool.h>
#include <stddef.h>

#define CLI_TASK_LINE_MAX  (64u * 1024u * 1024u) /* bytes of one line */
#define CLI_TASK_TESTS_MAX 4096u

struct gram_language;

struct cli_task_test {
    char *input;
    char **outputs; /* [n_outputs]: any of them is right */
    size_t n_outputs;
};

struct cli_task {
    char *id;
    char lang_name[32];               /* as the file has it */
    const struct gram_language *lang; /* NULL: none that we know */
    char *before, *after;             /* what the model sees around the hole */
    char *truth;
    char *head, *tail;           /* the program around the answer */
    char *entry_point;           /* HumanEval: what to check; NULL for SAFIM */
    struct cli_task_test *tests; /* SAFIM: [n_tests] */
    size_t n_tests;
};

/* Parses one line, text[len] (no zero byte needed). False: *why says what is wrong. *out is
 * to be freed either way. */
bool cli_task_parse(const char *text, size_t len, struct cli_task *out, char why[160]);
void cli_task_free(struct cli_task *task);

struct cli_tasks;

/* NULL after a message. */
struct cli_tasks *cli_tasks_open(const char *path);
void cli_tasks_close(struct cli_tasks *tasks);

/* The next task: 1 and *out, 0 at the end, -1 after a message. */
int cli_tasks_next(struct cli_tasks *tasks, struct cli_task *out);

#endif
