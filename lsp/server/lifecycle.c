/* lifecycle.c: from initialize to exit, and what is configured in between.
 *
 * initialize is answered before anything slow is begun: the model is loaded by the
 * inference thread, and until it is there completions are empty lists. Settings come from
 * files, from initializationOptions and from the editor's configuration; each time they
 * are read anew from the bottom up, so that a setting that is taken away is gone.
 *
 * Without a model the client is told once, in words that say what to do about it.
 *
 * The client's process is watched through a descriptor where the kernel gives one, so that a server
 * with nothing to do sleeps; elsewhere a timer looks.
 */
#ifdef __linux__
#define _GNU_SOURCE /* syscall */
#endif
#include "lsp/locate.h"
#include "lsp/server/models.h"
#include "lsp/server/session.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#ifdef __linux__
#include <sys/syscall.h>
#endif

#define PARENT_CHECK_MS 2000u
#define PROGRESS_TOKEN  "espalier/model"

/* ---- The model --------------------------------------------------------------------- */

static void tell_about_model(struct lsp_server *server)
{
    bool missing = server->model_state == LSP_MODEL_NONE || server->model_state == LSP_MODEL_FAILED;
    if (!missing || server->told_no_model || server->phase != LSP_PHASE_RUNNING) return;
    server->told_no_model = true;
    lsp_notify(server, "window/showMessage",
               lsp_write_message(server->model_state == LSP_MODEL_FAILED ? LSP_SHOW_ERROR
                                                                         : LSP_SHOW_WARNING,
                                 server->model_message));
}

static void show_progress(struct lsp_server *server)
{
    if (server->model_state == LSP_MODEL_LOADING && server->client_progress &&
        server->progress == LSP_PROGRESS_NONE && server->phase == LSP_PHASE_RUNNING) {
        server->progress = LSP_PROGRESS_ASKED;
        lsp_ask(server, LSP_ASKED_PROGRESS, "window/workDoneProgress/create",
                lsp_write_progress_token(PROGRESS_TOKEN));
    }
}

static void end_progress(struct lsp_server *server, const char *text)
{
    if (server->progress == LSP_PROGRESS_SHOWN)
        lsp_notify(server, "$/progress", lsp_write_progress(PROGRESS_TOKEN, "end", text));
    if (server->progress == LSP_PROGRESS_SHOWN) server->progress = LSP_PROGRESS_NONE;
}

static bool same_choice(const struct lsp_model_choice *a, const struct lsp_model_choice *b)
{
    return strcmp(a->path, b->path) == 0 && a->threads == b->threads &&
           a->cache_megabytes == b->cache_megabytes &&
           lsp_same_policy(&a->attention, &b->attention) && strcmp(a->snapshot, b->snapshot) == 0;
}

/* Loads what is configured now, unless it is what is loaded already. */
static void choose_model(struct lsp_server *server)
{
    const struct lsp_config *config = &server->config;
    const char *path = config->model;
    if (!*path && server->options->default_model) path = server->options->default_model;
    struct lsp_model_choice choice = {.threads = config->threads,
                                      .cache_megabytes = config->cache_megabytes,
                                      .attention = config->attention};
    snprintf(choice.path, sizeof choice.path, "%s", path);
    /* What is shared belongs to no folder. */
    bool alone = server->folder_count > 0 && !server->channel.shared;
    const char *folder = alone ? server->folders[0] : "";
    if (config->cache_on_disk && !lsp_locate_snapshot(path, folder, choice.snapshot))
        choice.snapshot[0] = 0;
    bool same = same_choice(&choice, &server->model_choice);
    if (*path && same && server->model_state != LSP_MODEL_NONE) return;
    /* The present model's users go first: see completer.c. */
    lsp_end_completion(server, NULL, LSP_END_STALE);
    lsp_documents_drop_tokens(server->documents);
    lsp_clear_shelf(server);
    server->model_choice = choice;
    server->model_state = LSP_MODEL_NONE;
    lsp_choose_adviser(server);
    if (!*path) {
        snprintf(server->model_message, sizeof server->model_message,
                 "Espalier has no model, so it completes nothing. Set espalier.model to the path "
                 "of a GGUF file.");
        tell_about_model(server);
        return;
    }
    struct lsp_job job = {.kind = LSP_JOB_LOAD,
                          .ticket = lsp_requests_ticket(&server->requests),
                          .choice = server->model_choice};
    server->load_ticket = job.ticket;
    server->model_state = LSP_MODEL_LOADING;
    server->model_message[0] = 0;
    server->told_no_model = false;
    lsp_worker_post(server->worker, &job);
    show_progress(server);
}

void lsp_on_loaded(struct lsp_server *server, const struct lsp_outcome *outcome)
{
    if (outcome->ticket != server->load_ticket) return; /* another model was chosen meanwhile */
    if (outcome->status == ENG_OK) {
        server->model_state = LSP_MODEL_READY;
        server->model = outcome->facts;
        lsp_log(server, LSP_LOG_INFO,
                "model %s (%s, %s kernels) loaded in %.0f ms, %u sequences kept from before",
                server->model.name, server->model.weight_type, server->model.kernels,
                server->model.load_ms, (unsigned)server->model.warm);
        end_progress(server, "ready");
        lsp_look_near(server);
        lsp_choose_adviser(server);
        lsp_feedback_learn(server);
        lsp_continue_completion(server);
        return;
    }
    server->model_state = LSP_MODEL_FAILED;
    snprintf(server->model_message, sizeof server->model_message, "Espalier has no model: %s",
             outcome->error.text);
    lsp_log(server, LSP_LOG_ERROR, "%s", server->model_message);
    end_progress(server, "failed");
    lsp_end_completion(server, NULL, LSP_END_STALE);
    tell_about_model(server);
}

/* ---- Configuration ----------------------------------------------------------------- */

static void on_config_warning(const char *line, void *user)
{
    lsp_log(user, LSP_LOG_WARN, "%s", line);
}

static void complain(struct lsp_server *server, const struct lsp_config_error *err)
{
    lsp_log(server, LSP_LOG_ERROR, "%s", err->text);
    if (server->phase != LSP_PHASE_NEW)
        lsp_notify(server, "window/showMessage", lsp_write_message(LSP_SHOW_ERROR, err->text));
}

void lsp_read_configuration(struct lsp_server *server)
{
    const struct lsp_serve_options *options = server->options;
    struct lsp_config config;
    struct lsp_config_error err;
    char folder[LSP_CONFIG_PATH_MAX];
    bool has_folder =
        server->folder_count > 0 && lsp_path_of_uri(server->folders[0], folder, sizeof folder);
    if (!lsp_config_load(&config, options->config_path, has_folder ? folder : NULL,
                         on_config_warning, server, &err))
        complain(server, &err);
    if (server->settings &&
        !lsp_config_apply(&config, "settings of the editor", has_folder ? folder : NULL,
                          server->settings, strlen(server->settings), on_config_warning, server,
                          &err))
        complain(server, &err);
    if (options->model) snprintf(config.model, sizeof config.model, "%s", options->model);
    if (options->threads >= 0) config.threads = options->threads;
    if (options->attention) config.attention = *options->attention;
    if (options->log_level >= 0) config.log_level = options->log_level;
    server->config = config;
    server->log_level = config.log_level;
    lsp_documents_forget_shown(server->documents);
    choose_model(server);
    lsp_configure_index(server);
    lsp_configure_reviews(server);
}

/* Keeps a copy of the editor's settings; NULL when it has none. */
static void keep_settings(struct lsp_server *server, const cJSON *settings)
{
    free(server->settings);
    server->settings = settings ? lsp_print(settings) : NULL;
}

static void pull_configuration(struct lsp_server *server)
{
    if (server->client_pulls_configuration)
        lsp_ask(server, LSP_ASKED_CONFIGURATION, "workspace/configuration",
                lsp_write_configuration_items());
}

void lsp_on_configuration(struct lsp_server *server, struct lsp_message *message)
{
    const cJSON *settings = lsp_read_settings(message);
    if (!settings && server->client_pulls_configuration) {
        pull_configuration(server);
        return;
    }
    keep_settings(server, settings);
    lsp_read_configuration(server);
}

void lsp_on_answer(struct lsp_server *server, enum lsp_asked what, struct lsp_message *message)
{
    if (message->is_error)
        lsp_log(server, LSP_LOG_WARN, "the client refused a request of ours: %s",
                message->error_message);
    switch (what) {
    case LSP_ASKED_CONFIGURATION:
        if (message->is_error) break;
        /* An editor that knows no such section answers null: what it sent at the start
         * stays. */
        if (lsp_read_configuration_answer(message)) {
            keep_settings(server, lsp_read_configuration_answer(message));
            lsp_read_configuration(server);
        }
        break;
    case LSP_ASKED_PROGRESS:
        server->progress = LSP_PROGRESS_NONE;
        if (message->is_error) break;
        server->progress = LSP_PROGRESS_SHOWN;
        lsp_notify(server, "$/progress",
                   lsp_write_progress(PROGRESS_TOKEN, "begin", "Loading the model"));
        /* Over before it was shown: some editors turn for ever on a token that nothing follows. */
        if (server->model_state != LSP_MODEL_LOADING)
            end_progress(server, server->model_state == LSP_MODEL_READY ? "ready" : "failed");
        break;
    case LSP_ASKED_REGISTRATION:
        break;
    case LSP_ASKED_REFRESH:
        lsp_on_refreshed(server);
        break;
    case LSP_ASKED_INDEX_PROGRESS:
        lsp_on_index_progress_made(server, message->is_error);
        break;
    }
}

/* ---- Folders ----------------------------------------------------------------------- */

static void add_folder(struct lsp_server *server, const char *uri)
{
    if (server->folder_count == LSP_MAX_FOLDERS) return;
    char *copy = strdup(uri);
    if (copy) server->folders[server->folder_count++] = copy;
}

static void remove_folder(struct lsp_server *server, const char *uri)
{
    for (size_t i = 0; i < server->folder_count; i++) {
        if (strcmp(server->folders[i], uri) != 0) continue;
        free(server->folders[i]);
        server->folder_count--;
        memmove(&server->folders[i], &server->folders[i + 1],
                (server->folder_count - i) * sizeof *server->folders);
        return;
    }
}

void lsp_on_folders(struct lsp_server *server, struct lsp_message *message)
{
    struct lsp_folders_params params;
    struct lsp_error err;
    if (!lsp_read_folders(message, &params, &err)) {
        lsp_log(server, LSP_LOG_ERROR, "workspace/didChangeWorkspaceFolders: %s", err.text);
        return;
    }
    for (size_t i = 0; i < params.removed_count; i++)
        remove_folder(server, params.removed[i]);
    for (size_t i = 0; i < params.added_count; i++)
        add_folder(server, params.added[i]);
    lsp_read_configuration(server); /* the first folder's espalier.json counts */
}

/* ---- The life of a session --------------------------------------------------------- */

static void end_without_parent(struct lsp_server *server)
{
    lsp_log(server, LSP_LOG_WARN, "the client (process %lld) is gone",
            (long long)server->parent_pid);
    lsp_end(server, 1);
}

static void on_parent_check(uv_timer_t *timer)
{
    struct lsp_server *server = timer->data;
    if (uv_kill((int)server->parent_pid, 0) == UV_ESRCH) end_without_parent(server);
}

static void on_parent_exit(uv_poll_t *poll, int status, int events)
{
    (void)status;
    (void)events;
    uv_poll_stop(poll);
    end_without_parent(poll->data);
}

/* A descriptor that becomes readable when the process ends; -1 where there is no such thing. */
static int open_process(int64_t pid)
{
#if defined(__linux__) && defined(SYS_pidfd_open)
    return (int)syscall(SYS_pidfd_open, (pid_t)pid, 0u);
#else
    (void)pid;
    return -1;
#endif
}

static void watch_parent(struct lsp_server *server)
{
    server->parent_fd = open_process(server->parent_pid);
    if (server->parent_fd >= 0 &&
        uv_poll_init(&server->loop, &server->parent_exit, server->parent_fd) == 0) {
        server->parent_exit.data = server;
        server->parent_polled = true;
        uv_unref((uv_handle_t *)&server->parent_exit);
        if (uv_poll_start(&server->parent_exit, UV_READABLE, on_parent_exit) == 0) return;
    }
    uv_timer_start(&server->parent, on_parent_check, PARENT_CHECK_MS, PARENT_CHECK_MS);
}

void lsp_forget_parent(struct lsp_server *server)
{
    uv_close((uv_handle_t *)&server->parent, NULL);
    if (server->parent_polled) uv_close((uv_handle_t *)&server->parent_exit, NULL);
    if (server->parent_fd >= 0) close(server->parent_fd);
    server->parent_fd = -1;
}

void lsp_on_initialize(struct lsp_server *server, struct lsp_message *message, uint64_t ticket)
{
    struct lsp_initialize_params params;
    struct lsp_error err;
    if (!lsp_read_initialize(message, &params, &err)) {
        lsp_answer_error(server, ticket, LSP_INVALID_PARAMS, err.text);
        return;
    }
    server->encoding = params.encoding;
    server->client_inline = params.inline_completion;
    server->client_progress = params.work_done_progress;
    server->client_pulls_configuration = params.pull_configuration;
    server->client_registers = params.register_configuration;
    server->client_watches = params.register_watches;
    server->client_pulls_diagnostics = params.pull_diagnostics;
    server->client_related_information = params.related_information;
    server->client_resolves_edits = params.resolves_edits;
    server->client_annotates_changes = params.annotates_changes;
    char rules[LSP_CONFIG_PATH_MAX];
    if (!params.code_description || !lsp_locate_rules(NULL, rules) ||
        !lsp_uri_of_path(rules, server->rules_uri, sizeof server->rules_uri))
        server->rules_uri[0] = 0;
    server->parent_pid = params.process_id;
    for (size_t i = 0; i < params.folder_count; i++)
        add_folder(server, params.folders[i]);
    keep_settings(server, lsp_read_options(&params));
    server->phase = LSP_PHASE_INITIALIZED;
    lsp_answer(server, ticket, lsp_write_capabilities(&params));
    if (server->parent_pid) watch_parent(server);
    lsp_read_configuration(server);
    lsp_log(server, LSP_LOG_INFO, "espalier %s serves %s", ESPALIER_VERSION,
            *params.client_name ? params.client_name : "a client without a name");
}

void lsp_on_initialized(struct lsp_server *server, struct lsp_message *message)
{
    (void)message;
    if (server->phase != LSP_PHASE_INITIALIZED) return;
    server->phase = LSP_PHASE_RUNNING;
    if (server->client_registers)
        lsp_ask(server, LSP_ASKED_REGISTRATION, "client/registerCapability",
                lsp_write_configuration_registration());
    lsp_watch_files(server);
    pull_configuration(server);
    show_progress(server);
    tell_about_model(server);
}

void lsp_on_shutdown(struct lsp_server *server, struct lsp_message *message, uint64_t ticket)
{
    (void)message;
    lsp_end_completion(server, NULL, LSP_END_CANCELLED);
    lsp_pulls_fail(server, NULL, LSP_REQUEST_CANCELLED, "the server is shut down");
    server->phase = LSP_PHASE_SHUTDOWN;
    lsp_answer(server, ticket, NULL);
}

void lsp_on_exit(struct lsp_server *server, struct lsp_message *message)
{
    (void)message;
    lsp_end(server, server->phase == LSP_PHASE_SHUTDOWN ? 0 : 1);
}

void lsp_free_lifecycle(struct lsp_server *server)
{
    while (server->folder_count > 0)
        free(server->folders[--server->folder_count]);
    free(server->settings);
    server->settings = NULL;
}
