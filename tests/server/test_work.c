/* What a completer's work is made of: a snapshot, which needs nothing of the document any more, and
 * which the loop makes without parsing; all else happens on the thread that runs it.
 *
 *   test_work MODEL SAMPLE
 *
 * The answers have to be those of asst_complete_prepare and asst_complete_run. */
#include "grammars/grammars.h"
#include "lsp/server/completer.h"
#include "lsp/server/models.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>

#define MAX_SAMPLE 65536u

struct test {
    const struct lsp_completer *completer;
    struct lsp_model_choice choice;
    char text[MAX_SAMPLE];
    size_t len;
    const struct gram_language *lang;
};

/* One call of the other thread. */
struct call {
    const struct lsp_completer *completer;
    void *work;
    bool prefills;
    eng_cancel cancel;
    enum eng_status status;
    struct asst_result result;
    struct eng_error err;
};

static void check(bool ok, const char *what, const char *why)
{
    if (ok) return;
    fprintf(stderr, "%s: %s\n", what, why);
    exit(1);
}

static void on_thread(void *user)
{
    struct call *call = user;
    const struct lsp_completer *c = call->completer;
    call->status = call->prefills ? c->prefill(c->state, call->work, &call->cancel, &call->err)
                                  : c->complete(c->state, call->work, &call->cancel, &call->result,
                                                &call->err);
}

static void call_elsewhere(struct call *call)
{
    uv_thread_t thread;
    check(uv_thread_create(&thread, on_thread, call) == 0, "thread", "cannot be started");
    uv_thread_join(&thread);
    call->completer->discard(call->completer->state, call->work);
}

static struct syn_document *open_sample(const struct test *t)
{
    struct syn_document *doc;
    struct syn_error err = {""};
    check(syn_document_new(t->lang, t->text, t->len, &doc, &err) == SYN_OK, "document", err.text);
    return doc;
}

/* Work of an unparsed document that changes and goes before the work is done. */
static void make_work(const struct test *t, size_t cursor, struct asst_tokens **tokens,
                      struct call *call)
{
    struct syn_document *doc = open_sample(t);
    struct eng_error err = {""};
    char snippet[] = "def helper(jobs):\n    return jobs\n";
    const struct asst_snippet snippets[] = {{snippet, strlen(snippet), 0}};
    const struct asst_extra extra = {snippets, 1};
    const struct asst_request request = {
        .doc = doc, .cursor = cursor, .extra = &extra, .extra_max = 64};
    *call = (struct call){.completer = t->completer};
    check(t->completer->prepare(t->completer->state, &request, tokens, &call->work, &err) == ENG_OK,
          "prepare", err.text);
    check(!syn_document_is_parsed(doc), "prepare", "has parsed the document");
    memset(snippet, 'x', sizeof snippet - 1);
    syn_document_edit(doc, 0, t->len, "gone", 4, NULL);
    syn_document_free(doc);
}

static char *expect(const struct test *t, const struct eng_model *model,
                    struct eng_session *session, size_t cursor)
{
    static const char snippet[] = "def helper(jobs):\n    return jobs\n";
    const struct asst_snippet snippets[] = {{snippet, strlen(snippet), 0}};
    const struct asst_extra extra = {snippets, 1};
    struct syn_document *doc = open_sample(t);
    struct asst_job *job;
    struct asst_result result;
    struct eng_error err = {""};
    const struct asst_request request = {
        .doc = doc, .cursor = cursor, .extra = &extra, .extra_max = 64};
    check(syn_document_parse(doc, 0, NULL) == SYN_OK, "parse", "failed");
    check(asst_complete_prepare(model, &request, &job, &err) == ENG_OK, "job", err.text);
    check(asst_complete_run(session, job, NULL, &result, &err) == ENG_OK, "run", err.text);
    char *text = strdup(result.count ? result.items[0].text : "");
    asst_result_free(&result);
    asst_job_free(job);
    syn_document_free(doc);
    return text;
}

static void complete_everywhere(const struct test *t, const struct eng_model *model,
                                struct eng_session *session)
{
    struct asst_tokens *tokens = NULL;
    struct call call;
    unsigned places = 0, texts = 0;
    for (size_t cursor = 100; cursor < t->len; cursor += 397, places++) {
        char *expected = expect(t, model, session, cursor);
        make_work(t, cursor, &tokens, &call);
        call.prefills = true;
        call_elsewhere(&call);
        check(call.status == ENG_OK, "prefill", call.err.text);

        make_work(t, cursor, &tokens, &call);
        call.cancel = 1;
        call_elsewhere(&call);
        check(call.status == ENG_CANCELLED, "cancelled work", "was done");

        make_work(t, cursor, &tokens, &call);
        if (places % 2) { /* its document is closed meanwhile */
            asst_tokens_free(tokens);
            tokens = NULL;
        }
        call_elsewhere(&call);
        check(call.status == ENG_OK, "complete", call.err.text);
        const char *given = call.result.count ? call.result.items[0].text : "";
        check(strcmp(given, expected) == 0, expected, given);
        check(call.result.timings.cached_tokens + 1 >= call.result.timings.prompt_tokens,
              "what was prefilled", "was computed once more");
        texts += *given != 0;
        asst_result_free(&call.result);
        free(expected);
    }
    asst_tokens_free(tokens);
    check(places > 5, "the sample", "is too short");
    printf("%u places, %u with a text\n", places, texts);
}

static void load(void *user)
{
    struct test *t = user;
    struct lsp_model_facts facts;
    struct eng_error err = {""};
    check(t->completer->load(t->completer->state, &t->choice, &facts, &err) == ENG_OK, "load",
          err.text);
}

int main(int argc, char **argv)
{
    static struct test t;
    check(argc == 3, "usage", "test_work MODEL SAMPLE");
    FILE *file = fopen(argv[2], "rb");
    t.len = file ? fread(t.text, 1, sizeof t.text - 1, file) : 0;
    if (file) fclose(file);
    t.lang = gram_by_path(argv[2], t.text, t.len);
    check(t.lang != NULL, argv[2], "cannot be read, or is in no language");
    struct lsp_models *models = lsp_models_new();
    struct lsp_completer *completer = models ? lsp_completer_new(models) : NULL;
    check(completer != NULL, "completer", "out of memory");
    t.completer = completer;
    t.choice.cache_megabytes = 32;
    snprintf(t.choice.path, sizeof t.choice.path, "%s", argv[1]);
    load(&t);

    struct eng_model *model = NULL;
    struct eng_session *session = NULL;
    struct eng_error err = {""};
    check(eng_model_open(argv[1], NULL, &model, &err) == ENG_OK &&
              eng_session_new(model, 0, &session, &err) == ENG_OK,
          argv[1], err.text);
    complete_everywhere(&t, model, session);
    eng_session_free(session);
    eng_model_close(model);
    completer->unload(completer->state);
    lsp_completer_free(completer);
    lsp_models_free(models);
    return 0;
}
