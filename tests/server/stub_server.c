/* The server with a predictable completer in the model's place.
 *
 *   stub_server [--model NAME] [--config FILE] [--shared] [--socket PATH] [--idle SECONDS]
 *
 * The text left of the cursor on its line decides what is suggested:
 *
 *   ...SLOW     nothing, and only once it is cancelled
 *   ...MANY     as many items as were asked for: "_0", "_1" ...
 *   ...BLOCK    two lines
 *   ...BYTES    bytes that are no UTF-8
 *   ...FAIL     an error
 *   ...NOTHING  nothing
 *   else        "_done"
 *
 * The model named "broken" cannot be loaded, "slow" takes a third of a second; without
 * --model there is none.
 */
#include "lsp/server/completer.h"
#include "lsp/server/server.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

struct work {
    char left[64]; /* of the cursor */
    uint32_t n;
};

static void sleep_ms(long ms)
{
    struct timespec t = {ms / 1000, ms % 1000 * 1000000};
    nanosleep(&t, NULL);
}

static enum eng_status load(void *state, const struct lsp_model_choice *choice,
                            struct lsp_model_facts *facts, struct eng_error *err)
{
    (void)state;
    if (strstr(choice->path, "broken")) {
        snprintf(err->text, sizeof err->text, "%.200s is broken, as asked for", choice->path);
        return ENG_BAD_FILE;
    }
    if (strstr(choice->path, "slow")) sleep_ms(300);
    memset(facts, 0, sizeof *facts);
    snprintf(facts->name, sizeof facts->name, "stub");
    return ENG_OK;
}

static void unload(void *state)
{
    (void)state;
}

static bool ends_with(const struct work *work, const char *word)
{
    size_t n = strlen(word), len = strlen(work->left);
    return len >= n && strcmp(work->left + len - n, word) == 0;
}

/* Texts of the result in one block, as the real completer does it. */
static enum eng_status suggest(struct asst_result *out, const char *const *texts, size_t n)
{
    size_t total = 0, used = 0;
    for (size_t i = 0; i < n; i++)
        total += strlen(texts[i]) + 1;
    out->storage = malloc(total + 1);
    if (!out->storage) return ENG_NO_MEMORY;
    for (size_t i = 0; i < n; i++) {
        size_t len = strlen(texts[i]);
        out->items[i].text = memcpy(out->storage + used, texts[i], len + 1);
        out->items[i].len = len;
        out->items[i].confidence = 0.5f;
        used += len + 1;
    }
    out->count = n;
    return ENG_OK;
}

static enum eng_status complete(void *state, void *job, eng_cancel *cancel, struct asst_result *out,
                                struct eng_error *err)
{
    static const char *const many[] = {"_0", "_1", "_2", "_3", "_4", "_5", "_6", "_7"};
    static const char *const block[] = {"{\n    x();\n}"};
    static const char *const bytes[] = {"\xff\xfe"};
    static const char *const done[] = {"_done"};
    const struct work *work = job;
    (void)state;
    memset(out, 0, sizeof *out);
    if (ends_with(work, "SLOW")) {
        for (int i = 0; i < 3000 && !*cancel; i++)
            sleep_ms(10);
        return ENG_CANCELLED;
    }
    if (ends_with(work, "FAIL")) {
        snprintf(err->text, sizeof err->text, "failed, as asked for");
        return ENG_BAD_INPUT;
    }
    if (ends_with(work, "NOTHING")) return suggest(out, NULL, 0);
    if (ends_with(work, "MANY")) return suggest(out, many, work->n < 8 ? work->n : 8);
    if (ends_with(work, "BLOCK")) return suggest(out, block, 1);
    return suggest(out, ends_with(work, "BYTES") ? bytes : done, 1);
}

static enum eng_status prefill(void *state, void *work, eng_cancel *cancel, struct eng_error *err)
{
    (void)state;
    (void)work;
    (void)cancel;
    (void)err;
    return ENG_OK;
}

static enum eng_status shelve(void *state, const struct idx_texts *texts, struct asst_shelf **out,
                              struct eng_error *err)
{
    (void)state;
    (void)texts;
    (void)err;
    *out = NULL;
    return ENG_OK;
}

static enum eng_status prepare(void *state, const struct asst_request *request,
                               struct asst_tokens **tokens, void **out, struct eng_error *err)
{
    size_t len, left = 0;
    const char *text = syn_document_text(request->doc, &len);
    struct work *work = calloc(1, sizeof *work);
    (void)state;
    (void)tokens;
    (void)err;
    if (!work) return ENG_NO_MEMORY;
    while (left < sizeof work->left - 1 && left < request->cursor &&
           text[request->cursor - left - 1] != '\n')
        left++;
    memcpy(work->left, text + request->cursor - left, left);
    work->n = request->n;
    *out = work;
    return ENG_OK;
}

static void discard(void *state, void *work)
{
    (void)state;
    free(work);
}

int main(int argc, char **argv)
{
    const struct lsp_completer completer = {NULL,    load,   unload,  complete,
                                            prefill, shelve, prepare, discard};
    struct lsp_serve_options options = {.threads = -1, .log_level = -1, .completer = &completer};
    struct lsp_serve_error err = {""};
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--shared") == 0) options.shared = true;
        if (i + 1 == argc) break;
        if (strcmp(argv[i], "--model") == 0) options.model = argv[i + 1];
        if (strcmp(argv[i], "--config") == 0) options.config_path = argv[i + 1];
        if (strcmp(argv[i], "--idle") == 0) options.idle_seconds = atoi(argv[i + 1]);
        if (strcmp(argv[i], "--socket") == 0) {
            options.transport = LSP_SOCKET;
            options.address = argv[i + 1];
        }
    }
    int code = lsp_serve(&options, &err);
    if (code == 2) fprintf(stderr, "%s\n", err.text);
    return code;
}
