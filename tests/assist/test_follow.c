/* Sets of what may come next: they are what is admitted token by token, whatever the vocabulary;
 * they never end a character wrongly, and a text drawn from them at random is sound. */
#include "grammars/grammars.h"
#include "lsp/assist/follow.h"
#include "tests/syntax/case_files.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const char *const folders[] = {"espalier", "gpt2", "llama3", "qwen2", "starcoder"};

static struct eng_model *open_vocabulary(const char *name)
{
    char path[1024];
    struct eng_model *model = NULL;
    struct eng_error err = {""};
    const struct eng_model_options options = {.vocab_only = true};
    snprintf(path, sizeof path, "%s/%s/vocab.gguf", VOCABULARIES, name);
    if (eng_model_open(path, &options, &model, &err) != ENG_OK) fail_msg("%s", err.text);
    return model;
}

/* What may stand at the end of a text in a language. */
static struct asst_follow follow_at_end(const struct asst_vocabulary *vocabulary,
                                        const char *language, const char *text, bool grammar)
{
    struct syn_document *doc = case_document(gram_by_id(language), text, strlen(text));
    struct syn_hole *hole;
    struct asst_follow follow;
    assert_int_equal(syn_hole_open(doc, strlen(text), strlen(text), &hole, NULL), SYN_OK);
    asst_follow_begin(&follow, vocabulary, hole, grammar);
    syn_hole_free(hole);
    syn_document_free(doc);
    return follow;
}

static struct asst_vocabulary *vocabulary_of(const struct eng_model *model)
{
    struct asst_vocabulary *out;
    assert_int_equal(asst_vocabulary_new(model, &out, NULL), ENG_OK);
    return out;
}

static void sets_are_what_is_admitted(void **state)
{
    (void)state;
    static const char *const written[] = {"",         "f(",   "f(a)",       "\"a",
                                          "\xe2\x82", "\xf0", "[(\"x\", 1", "/* \xc3\xa9",
                                          "\xc3\xa9", "// a"};
    for (size_t v = 0; v < sizeof folders / sizeof *folders; v++) {
        struct eng_model *model = open_vocabulary(folders[v]);
        int32_t vocab = (int32_t)eng_model_info(model)->vocab;
        struct asst_vocabulary *vocabulary = vocabulary_of(model);
        struct asst_follow follow =
            follow_at_end(vocabulary, "c", "int f(void)\n{\n    g(1, ", true);
        uint64_t *set = malloc(ENG_SET_WORDS(vocab) * sizeof *set);
        for (size_t w = 0; w < sizeof written / sizeof *written; w++) {
            size_t len = strlen(written[w]), n, refused = 0;
            bool may_end = asst_follow_set(&follow, written[w], len, set);
            assert_int_equal(may_end, asst_sound_length(written[w], len) == len);
            for (int32_t id = 0; id < vocab; id++) {
                const char *bytes = eng_token_text(model, id, &n);
                bool may = bytes && n > 0 && asst_follow_admits(&follow, written[w], len, bytes, n);
                if (may != eng_set_has(set, id))
                    fail_msg("%s: \"%s\", then token %d", folders[v], written[w], id);
                refused += !may;
            }
            assert_true(refused > 0 && refused < (size_t)vocab);
        }
        free(set);
        asst_vocabulary_free(vocabulary);
        eng_model_close(model);
    }
}

/* Without the grammar all that is text may come, and nothing else. */
static void without_a_grammar_all_text_may_come(void **state)
{
    (void)state;
    struct eng_model *model = open_vocabulary("espalier");
    int32_t vocab = (int32_t)eng_model_info(model)->vocab;
    struct asst_vocabulary *vocabulary = vocabulary_of(model);
    struct asst_follow follow = follow_at_end(vocabulary, "c", "int a = ", false);
    uint64_t *set = malloc(ENG_SET_WORDS(vocab) * sizeof *set);
    size_t n;
    assert_true(asst_follow_set(&follow, "\xe2", 1, set));
    for (int32_t id = 0; id < vocab; id++)
        assert_int_equal(eng_set_has(set, id), eng_token_text(model, id, &n) && n > 0);
    free(set);
    asst_vocabulary_free(vocabulary);
    eng_model_close(model);
}

/* Tokens drawn at random from the sets: characters end, no bracket is closed that is not open. */
static void what_is_drawn_is_sound(void **state)
{
    (void)state;
    struct eng_model *model = open_vocabulary("espalier");
    int32_t vocab = (int32_t)eng_model_info(model)->vocab;
    struct asst_vocabulary *vocabulary = vocabulary_of(model);
    struct asst_follow follow = follow_at_end(vocabulary, "python", "x = ", true);
    uint64_t *set = malloc(ENG_SET_WORDS(vocab) * sizeof *set), seed = 1;
    for (int round = 0; round < 40; round++) {
        char text[600];
        size_t len = 0, sound = 0, unfinished = 0;
        while (len < 400) {
            if (asst_follow_set(&follow, text, len, set)) sound = len;
            int32_t id;
            do {
                seed = seed * 6364136223846793005u + 1442695040888963407u;
                id = (int32_t)((seed >> 33) % (uint64_t)vocab);
            } while (!eng_set_has(set, id));
            size_t n;
            const char *bytes = eng_token_text(model, id, &n);
            if (len + n > sizeof text) break;
            memcpy(text + len, bytes, n);
            len += n;
            unfinished += asst_sound_length(text, len) < len;
        }
        assert_int_equal(asst_sound_length(text, sound), sound);
        assert_true(len - asst_sound_length(text, len) <= 3);
        assert_true(round > 0 || unfinished > 0);
    }
    free(set);
    asst_vocabulary_free(vocabulary);
    eng_model_close(model);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(sets_are_what_is_admitted),
                                       cmocka_unit_test(without_a_grammar_all_text_may_come),
                                       cmocka_unit_test(what_is_drawn_is_sound)};
    return cmocka_run_group_tests_name("follow", tests, NULL, NULL);
}
