/* Cached and recomputed logits while somebody types.
 *
 *   test_cache MODEL SAMPLE TRACE LANGUAGE [EVERY]
 *
 * After each keystroke the prompt at the cursor is built twice: as the server does it (a
 * document edited in place, its token cache, a session that lives on) and from nothing (a
 * fresh document, no token cache, an empty session). Tokens, records and logits have to be
 * the same, bit by bit. EVERY: look at every so many keystrokes only; all are typed. */
#include "grammars/grammars.h"
#include "lsp/assist/prompt.h"
#include "lsp/assist/tokens.h"
#include "tests/server/trace.h"

#include <stdlib.h>
#include <string.h>

struct side {
    struct syn_document *doc;
    struct asst_tokens *tokens; /* NULL: none */
    struct eng_session *session;
    struct asst_prompt prompt;
    size_t reused;
};

static unsigned step_now;

static void check(bool ok, const char *what, const char *why)
{
    if (ok) return;
    fprintf(stderr, "step %u: %s: %s\n", step_now, what, why);
    exit(1);
}

static void evaluate(const struct eng_model *model, struct side *side, size_t cursor)
{
    struct syn_error syntax = {""};
    struct eng_error err = {""};
    struct syn_hole *hole = NULL;
    struct asst_prompt_options options;
    asst_prompt_defaults(model, &options);
    check(syn_document_parse(side->doc, 0, &syntax) == SYN_OK, "parse", syntax.text);
    check(syn_hole_open(side->doc, cursor, cursor, &hole, &syntax) == SYN_OK, "hole", syntax.text);
    const struct asst_source source = {side->doc, hole, cursor, cursor, side->tokens, NULL};
    check(asst_prompt_build(model, &source, &options, &side->prompt, &err) == ENG_OK, "prompt",
          err.text);
    check(eng_session_sync(side->session, side->prompt.inputs, side->prompt.length, NULL,
                           &side->reused, &err) == ENG_OK,
          "sync", err.text);
    syn_hole_free(hole);
}

static bool same_inputs(const struct asst_prompt *a, const struct asst_prompt *b)
{
    if (a->length != b->length) return false;
    for (uint32_t i = 0; i < a->length; i++) {
        const struct eng_input *x = &a->inputs[i], *y = &b->inputs[i];
        if (x->id != y->id || memcmp(x->record.chain, y->record.chain, sizeof x->record.chain) ||
            x->record.depth != y->record.depth || x->record.kind != y->record.kind ||
            x->record.sibling != y->record.sibling || x->record.segment != y->record.segment)
            return false;
    }
    return true;
}

/* The same place from nothing, on the other session. */
static void compare(const struct eng_model *model, struct side *kept, struct side *fresh,
                    const struct trace *trace, const struct gram_language *language)
{
    struct syn_error syntax = {""};
    size_t bytes = eng_model_info(model)->vocab * sizeof(float);
    check(syn_document_new(language, trace->text, trace->len, &fresh->doc, &syntax) == SYN_OK,
          "document", syntax.text);
    eng_session_rewind(fresh->session, 0);
    eng_model_forget_sequences(model);
    evaluate(model, fresh, trace->cursor);
    check(fresh->reused == 0, "the fresh session", "was not empty");
    check(same_inputs(&kept->prompt, &fresh->prompt), "tokens or records", "differ");
    check(memcmp(eng_session_logits(kept->session), eng_session_logits(fresh->session), bytes) == 0,
          "logits", "differ");
    asst_prompt_free(&fresh->prompt);
    syn_document_free(fresh->doc);
}

int main(int argc, char **argv)
{
    static struct trace trace;
    struct side kept = {.doc = NULL}, fresh = {.doc = NULL};
    struct eng_model *model, *other; /* what one keeps, the other does not know */
    struct eng_error err = {""};
    struct syn_error syntax = {""};
    check(argc >= 5, "usage", "test_cache MODEL SAMPLE TRACE LANGUAGE [EVERY]");
    unsigned every = argc > 5 ? (unsigned)atoi(argv[5]) : 1;
    const struct gram_language *language = gram_by_id(argv[4]);
    trace_open(&trace, argv[3], argv[2]);
    check(eng_model_open(argv[1], NULL, &model, &err) == ENG_OK, "model", err.text);
    check(eng_session_new(model, 0, &kept.session, &err) == ENG_OK, "session", err.text);
    check(eng_model_open(argv[1], NULL, &other, &err) == ENG_OK, "model", err.text);
    check(eng_session_new(other, 0, &fresh.session, &err) == ENG_OK, "session", err.text);
    check(asst_tokens_new(model, &kept.tokens, &err) == ENG_OK, "tokens", err.text);
    check(syn_document_new(language, trace.text, trace.len, &kept.doc, &syntax) == SYN_OK,
          "document", syntax.text);
    size_t compared = 0, reused = 0, total = 0;
    while (trace_next(&trace)) {
        step_now = trace.step;
        if (!trace.moved)
            check(syn_document_edit(kept.doc, trace.start, trace.old_end, trace.inserted,
                                    strlen(trace.inserted), &syntax) == SYN_OK,
                  "edit", syntax.text);
        evaluate(model, &kept, trace.cursor);
        reused += kept.reused;
        total += kept.prompt.length;
        if (trace.step % every == 0) {
            compare(other, &kept, &fresh, &trace, language);
            compared++;
        }
        asst_prompt_free(&kept.prompt);
    }
    printf("%u keystrokes, %zu compared, %.1f %% of the tokens were cached\n", trace.step, compared,
           100.0 * (double)reused / (double)total);
    asst_tokens_free(kept.tokens);
    syn_document_free(kept.doc);
    eng_session_free(kept.session);
    eng_session_free(fresh.session);
    eng_model_close(other);
    eng_model_close(model);
    return 0;
}
