/* feedback.c: from the end of a suggestion to a row of the history.
 *
 * Rows wait for two seconds, so that a person who types fast makes one write of many. While one
 * write runs, the next rows wait; when there is no room for more, they are dropped, not the newest
 * edits delayed. Rows that could not be written because another process held the file wait again;
 * after any other failure nothing more is written.
 */
#include "lsp/server/feedback.h"
#include "grammars/grammars.h"
#include "lsp/locate.h"
#include "lsp/server/session.h"

#include <string.h>
#include <time.h>

#define WAIT_MS 2000u

/* ---- Rows -------------------------------------------------------------------------------- */

static uint32_t characters(const char *text, size_t len)
{
    uint32_t n = 0;
    for (size_t i = 0; i < len; i++)
        n += ((unsigned char)text[i] & 0xc0) != 0x80;
    return n;
}

static uint32_t lines(const char *text, size_t len)
{
    uint32_t n = 1;
    for (size_t i = 0; i < len; i++)
        n += text[i] == '\n';
    return n;
}

static enum hist_outcome outcome_of(const struct lsp_shown *shown)
{
    if (shown->typed == 0) return HIST_IGNORED;
    if (!shown->jumped) return HIST_TYPED;
    return shown->typed == shown->texts[0].len ? HIST_ACCEPTED : HIST_PARTIAL;
}

static void start_timer(struct lsp_server *server);

static void on_end(const struct lsp_shown *shown, void *user)
{
    struct lsp_server *server = user;
    struct lsp_feedback *f = &server->feedback;
    const struct lsp_shown_text *text = &shown->texts[0];
    if (f->failed || f->n_waiting == LSP_FEEDBACK_MAX) return;
    struct lsp_feedback_row *row = &f->waiting[f->n_waiting++];
    double visible_ms = (double)(uv_hrtime() - shown->facts.at) / 1e6;
    row->suggestion =
        (struct hist_suggestion){.time = (int64_t)time(NULL) - (int64_t)(visible_ms / 1e3),
                                 .language = shown->facts.language,
                                 .asked = shown->facts.asked,
                                 .latency_ms = shown->facts.latency_ms,
                                 .visible_ms = visible_ms,
                                 .confidence = shown->facts.confidence,
                                 .characters = characters(text->text, text->len),
                                 .lines = lines(text->text, text->len),
                                 .kept = characters(text->text, shown->typed),
                                 .outcome = outcome_of(shown)};
    snprintf(row->model, sizeof row->model, "%s", server->model.name);
    start_timer(server);
}

void lsp_feedback_follow(struct lsp_server *server, struct lsp_document *document,
                         double confidence, double latency_ms, bool asked)
{
    const struct gram_language *language = syn_document_language(document->syn);
    if (!server->config.history_enabled || !server->feedback.path[0]) return;
    document->shown.facts = (struct lsp_shown_facts){.at = uv_hrtime(),
                                                     .latency_ms = latency_ms,
                                                     .confidence = confidence,
                                                     .asked = asked,
                                                     .language = language ? language->id : ""};
    document->shown.on_end = on_end;
    document->shown.user = server;
}

/* ---- Writing ----------------------------------------------------------------------------- */

static void take_waiting(struct lsp_feedback *f)
{
    memcpy(f->writing, f->waiting, f->n_waiting * sizeof *f->waiting);
    f->n_writing = f->n_waiting;
    f->n_waiting = 0;
}

/* Any thread; nobody else touches what it touches. A history that is not there is made for rows
 * alone. */
static void write_rows(struct lsp_feedback *f)
{
    struct hist_suggestion rows[LSP_FEEDBACK_MAX];
    for (size_t i = 0; i < f->n_writing; i++) {
        rows[i] = f->writing[i].suggestion;
        rows[i].model = f->writing[i].model;
    }
    bool write = f->n_writing > 0;
    f->learned = f->filter;
    f->write_failed = (!f->history && !hist_open(f->path, write, &f->history, &f->err)) ||
                      (write && !hist_add(f->history, rows, f->n_writing, &f->err));
    if (f->write_failed) return;
    f->n_writing = 0;
    f->write_failed =
        f->history && f->learn_model[0] &&
        !hist_learn(f->history, f->learn_model, HIST_VISIBLE_MS, &f->learned, &f->err);
}

/* The rows that were not written stand in front of the others again. */
static void take_back(struct lsp_feedback *f)
{
    size_t room = LSP_FEEDBACK_MAX - f->n_writing;
    if (f->n_waiting > room) f->n_waiting = room;
    memmove(f->waiting + f->n_writing, f->waiting, f->n_waiting * sizeof *f->waiting);
    memcpy(f->waiting, f->writing, f->n_writing * sizeof *f->waiting);
    f->n_waiting += f->n_writing;
    f->n_writing = 0;
}

static void on_work(uv_work_t *work)
{
    write_rows(work->data);
}

static void on_written(uv_work_t *work, int status)
{
    struct lsp_feedback *f = work->data;
    struct lsp_server *server = f->timer.data;
    (void)status;
    f->busy = false;
    bool later = f->write_failed && f->err.busy;
    f->failed = f->write_failed && !later;
    f->filter = f->learned;
    if (later) {
        lsp_log(server, LSP_LOG_DEBUG, "the history is written later: %s", f->err.text);
        f->learn_again = true;
        take_back(f);
        start_timer(server);
    } else if (f->failed) {
        lsp_log(server, LSP_LOG_WARN, "what became of suggestions is not written down: %s",
                f->err.text);
        f->n_waiting = 0;
    } else if (f->n_waiting > 0 || f->learn_again) {
        start_timer(server);
    }
}

static void on_timer(uv_timer_t *timer)
{
    struct lsp_server *server = timer->data;
    struct lsp_feedback *f = &server->feedback;
    if (f->busy) return; /* on_written starts it anew */
    take_waiting(f);
    f->learn_again = false;
    snprintf(f->learn_model, sizeof f->learn_model, "%s", server->model.name);
    f->busy = uv_queue_work(&server->loop, &f->work, on_work, on_written) == 0;
}

static void start_timer(struct lsp_server *server)
{
    struct lsp_feedback *f = &server->feedback;
    if (uv_is_closing((uv_handle_t *)&f->timer) || uv_is_active((uv_handle_t *)&f->timer)) return;
    uv_timer_start(&f->timer, on_timer, WAIT_MS, 0);
}

/* ---- The filter -------------------------------------------------------------------------- */

void lsp_feedback_learn(struct lsp_server *server)
{
    struct lsp_feedback *f = &server->feedback;
    f->filter = (struct hist_filter){0, 1, 0};
    if (f->failed || !server->config.history_enabled || !f->path[0]) return;
    f->learn_again = true;
    start_timer(server);
}

double lsp_feedback_threshold(const struct lsp_server *server)
{
    const struct hist_filter *filter = &server->feedback.filter;
    double configured = server->config.completion_min_confidence;
    if (configured >= 0 || filter->outcomes == 0 || !server->config.history_enabled)
        return configured;
    return hist_threshold(filter, server->model.least_confidence);
}

/* ---- The session's life ------------------------------------------------------------------ */

void lsp_feedback_init(struct lsp_server *server)
{
    struct lsp_feedback *f = &server->feedback;
    uv_timer_init(&server->loop, &f->timer);
    uv_unref((uv_handle_t *)&f->timer);
    f->timer.data = server;
    f->work.data = f;
    if (!lsp_locate_history(f->path)) f->path[0] = 0;
}

void lsp_feedback_close(struct lsp_server *server)
{
    uv_close((uv_handle_t *)&server->feedback.timer, NULL);
}

void lsp_feedback_finish(struct lsp_server *server)
{
    struct lsp_feedback *f = &server->feedback;
    if (f->n_waiting > 0 && !f->failed) {
        take_waiting(f);
        f->learn_model[0] = 0;
        write_rows(f);
        if (f->write_failed) dprintf(server->channel.log, "espalier: warning: %s\n", f->err.text);
    }
    hist_close(f->history);
}
