/* A model, a reader on it, its head and its memo, taken and let go of together. */
#include "lsp/server/adviser.h"
#include "lsp/assist/review/head.h"
#include "lsp/assist/review/memo.h"
#include "lsp/assist/review/view.h"
#include "lsp/server/models.h"

#include <stdlib.h>

struct lsp_adviser {
    struct lsp_models *models;
    const struct eng_model *model; /* NULL: none */
    struct rev_head *head;
    struct rev_opinions opinions; /* owns its reader and its memo */
};

struct lsp_adviser *lsp_adviser_new(struct lsp_models *models)
{
    struct lsp_adviser *a = calloc(1, sizeof *a);
    if (a) a->models = models;
    return a;
}

static void let_go(struct lsp_adviser *a)
{
    rev_reader_free(a->opinions.reader);
    rev_head_free(a->head);
    rev_memo_free(a->opinions.memo);
    if (a->model) lsp_models_release(a->models, a->model);
    *a = (struct lsp_adviser){.models = a->models};
}

void lsp_adviser_free(struct lsp_adviser *a)
{
    if (!a) return;
    let_go(a);
    free(a);
}

void lsp_adviser_use(struct lsp_adviser *a, const struct lsp_model_choice *choice)
{
    struct lsp_taken_model taken;
    let_go(a);
    if (!choice || lsp_models_take(a->models, choice, &taken, NULL) != ENG_OK) return;
    a->model = taken.model;
    a->opinions.memo = rev_memo_new();
    if (!a->opinions.memo || rev_head_open(choice->path, a->model, &a->head, NULL) != ENG_OK ||
        rev_reader_new(a->model, &a->opinions.reader, NULL) != ENG_OK)
        let_go(a);
    a->opinions.head = a->head;
}

struct rev_opinions *lsp_adviser_opinions(struct lsp_adviser *a)
{
    return a && a->opinions.reader ? &a->opinions : NULL;
}
