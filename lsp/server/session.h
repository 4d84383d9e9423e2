/* session.h: the state of one served client. Internal to the server's own files.
 *
 *   serve.c       which process serves
 *   daemon.c, front.c, attach.c   several clients
 *   server.c      the loop: bytes in, dispatch, answers out, the end
 *   lifecycle.c   initialize ... exit, configuration, folders, the model
 *   textsync.c    documents and their parsing
 *   completion.c  completion requests and prefill
 *   reviews.c     what is found in documents
 *   refactorings.c   what could be rewritten there
 *   workspace.c   the workspace index and what of it goes into prompts
 *   status.c      espalier/status and what the client reports back
 *   feedback.c    what becomes of suggestions
 *
 * Everything here belongs to the loop thread.
 */
#ifndef ESPALIER_SERVER_SESSION_H
#define ESPALIER_SERVER_SESSION_H

#include "lsp/config.h"
#include "lsp/server/channel.h"
#include "lsp/server/documents.h"
#include "lsp/server/feedback.h"
#include "lsp/server/frame.h"
#include "lsp/server/indexer.h"
#include "lsp/server/listener.h"
#include "lsp/server/protocol.h"
#include "lsp/server/requests.h"
#include "lsp/server/reviewer.h"
#include "lsp/server/transport.h"
#include "lsp/server/worker.h"

enum lsp_phase {
    LSP_PHASE_NEW,         /* before initialize */
    LSP_PHASE_INITIALIZED, /* initialize was answered */
    LSP_PHASE_RUNNING,     /* the client said initialized */
    LSP_PHASE_SHUTDOWN,    /* shutdown was answered */
    LSP_PHASE_ENDED        /* nothing is read any more */
};

enum lsp_model_state {
    LSP_MODEL_NONE, /* none configured, none shipped */
    LSP_MODEL_LOADING,
    LSP_MODEL_READY,
    LSP_MODEL_FAILED
};

/* Requests that the server sends and waits for. */
enum lsp_asked {
    LSP_ASKED_CONFIGURATION = 1,
    LSP_ASKED_PROGRESS,
    LSP_ASKED_REGISTRATION,
    LSP_ASKED_INDEX_PROGRESS,
    LSP_ASKED_REFRESH
};
#define LSP_MAX_ASKED 16u

struct lsp_counters {
    uint64_t requests, notifications, invalid; /* messages read */
    uint64_t answers, errors;                  /* requests answered, of them with an error */
    uint64_t completions;                      /* completion requests */
    uint64_t shown_items, empty, cancelled, superseded, stale, failed; /* how they ended */
    uint64_t long_lines; /* completions on lines beyond the limit: answered with nothing */
    uint64_t kept;       /* answered with the rest of what was shown */
    uint64_t prefills, prefills_done;
    uint64_t reviews, published;
    uint64_t did_show, partial_accepts, accepted_units; /* reported by the client */
    uint64_t slow_turns;
};

/* The one completion that may be open. */
struct lsp_completion {
    uint64_t ticket;  /* 0: none */
    bool posted;      /* else it waits for the document to be parsed */
    bool inline_list; /* answered as textDocument/inlineCompletion is */
    uint32_t items;   /* alternatives wanted */
    char *uri;
    uint64_t revision;
    size_t cursor;            /* byte where text is to be inserted */
    struct lsp_range replace; /* of the answer, in the client's units */
    char *lead;               /* text of the document (or selection) inside replace */
    bool asked;               /* by hand; else it came while typing */
    bool selected;            /* lead is a selected completion, put in at selected_start */
    size_t selected_start, selected_end;
    uint64_t started; /* uv_hrtime */
};

/* A request for diagnostics that waits for a review. */
struct lsp_pull {
    uint64_t ticket;
    char *uri;
    char previous[LSP_RESULT_ID_MAX]; /* the result that the client has */
};
#define LSP_MAX_PULLS 64u /* of more the first is cancelled */

struct lsp_server {
    const struct lsp_serve_options *options;
    struct lsp_channel channel;
    uv_loop_t loop;
    uv_idle_t work;         /* runs while there is something to parse */
    uv_timer_t lull;        /* runs out when no request followed a change at once */
    uv_timer_t review_lull; /* runs out when nothing has changed for a while */
    uv_prepare_t turn;      /* measures the loop's turns */
    uv_timer_t parent;      /* watches the client's process, where it cannot be waited for: */
    uv_poll_t parent_exit;  /* becomes readable when that ends */
    bool parent_polled;     /* parent_exit is in use */
    int parent_fd;          /* its descriptor; -1: none */
    uv_timer_t last_words;  /* bounds the wait for the client to read them */
    uv_signal_t signals[3];
    struct lsp_listener *listener;   /* until the client is there; NULL: it was from the start */
    struct lsp_transport *transport; /* NULL: it is not there yet */
    uv_pipe_t control;               /* where there is one */
    char control_bytes[16];
    struct lsp_frame frame;

    enum lsp_phase phase;
    int exit_code;
    int64_t parent_pid; /* 0: none */
    enum syn_encoding encoding;
    bool client_inline, client_progress, client_pulls_configuration, client_registers;
    bool client_numbers_triggers_from_0;

    struct lsp_config config;
    char *settings; /* JSON the editor sent, NULL for none */
    int log_level;
    char *folders[LSP_MAX_FOLDERS];
    size_t folder_count;

    struct lsp_documents *documents;
    struct lsp_requests requests;
    struct {
        uint64_t id;
        enum lsp_asked what;
    } asked[LSP_MAX_ASKED]; /* id 0: free */
    uint64_t last_asked;

    const struct lsp_completer *completer;
    struct lsp_completer *own_completer;
    struct lsp_worker *worker;
    enum lsp_model_state model_state;
    struct lsp_model_choice model_choice;
    struct lsp_model_facts model;
    uint64_t load_ticket;
    char model_message[512]; /* why there is none */
    bool told_no_model;
    enum { LSP_PROGRESS_NONE, LSP_PROGRESS_ASKED, LSP_PROGRESS_SHOWN } progress, index_progress;

    struct lsp_rulebook *own_book; /* NULL: the channel has one */
    struct lsp_reviewer *reviewer;
    bool has_adviser; /* the reviewer was told of the model */
    bool client_pulls_diagnostics, client_related_information;
    bool client_resolves_edits, client_annotates_changes;
    char rules_uri[LSP_CONFIG_PATH_MAX]; /* of the folder with rules' texts; "": not to be told */
    bool refresh_asked;                  /* for more pulls, and not answered yet */
    struct lsp_pull pulls[LSP_MAX_PULLS];
    size_t pull_count;

    struct lsp_indexer *indexer;
    struct lsp_context *context; /* of the last prompt; NULL until there was one */
    struct asst_shelf *shelf;    /* what files near the active document say; NULL: not known */
    uint64_t shelve_ticket;
    char *active_uri; /* the document that was worked in last, or NULL */
    bool client_watches;
    double last_walk_seconds; /* of the walk that was told of */

    struct lsp_completion completion;
    uint64_t prefill_ticket;
    char *prefill_uri; /* a changed document whose prompt may be prefilled, or NULL */
    struct asst_timings last_timings;
    double last_total_ms;

    struct lsp_feedback feedback;
    struct lsp_counters counters;
    uint64_t turn_time, turn_idle; /* at the last turn, nanoseconds */
    char turn_what[64];            /* what was done last, for the warning */
    double turn_cpu_ms;            /* of the thread, at the last turn */
    double longest_turn_ms, longest_computing_ms;
};

/* ---- server.c ---------------------------------------------------------------------- */

/* Answers the request of a ticket. False when it was answered before; result is taken over
 * in any case. */
bool lsp_answer(struct lsp_server *server, uint64_t ticket, cJSON *result);
bool lsp_answer_error(struct lsp_server *server, uint64_t ticket, enum lsp_code code,
                      const char *text);
void lsp_notify(struct lsp_server *server, const char *method, cJSON *params);
/* Sends a request of ours. */
void lsp_ask(struct lsp_server *server, enum lsp_asked what, const char *method, cJSON *params);

/* One line to standard error and, once initialized, to the client's log. */
#if defined(__GNUC__)
__attribute__((format(printf, 3, 4)))
#endif
void lsp_log(struct lsp_server *server, enum lsp_log_level level, const char *format, ...);

/* Ends the session: what is queued is sent first, for a second at most. */
void lsp_end(struct lsp_server *server, int exit_code);

/* Starts the idle work when there may be some. */
void lsp_schedule_work(struct lsp_server *server);

/* ---- lifecycle.c ------------------------------------------------------------------- */

void lsp_on_initialize(struct lsp_server *server, struct lsp_message *message, uint64_t ticket);
void lsp_on_initialized(struct lsp_server *server, struct lsp_message *message);
void lsp_on_shutdown(struct lsp_server *server, struct lsp_message *message, uint64_t ticket);
void lsp_on_exit(struct lsp_server *server, struct lsp_message *message);
void lsp_on_configuration(struct lsp_server *server, struct lsp_message *message);
void lsp_on_folders(struct lsp_server *server, struct lsp_message *message);
void lsp_on_answer(struct lsp_server *server, enum lsp_asked what, struct lsp_message *message);
void lsp_on_loaded(struct lsp_server *server, const struct lsp_outcome *outcome);
void lsp_read_configuration(struct lsp_server *server);
/* Ends the watch over the client's process, with the session. */
void lsp_forget_parent(struct lsp_server *server);
void lsp_free_lifecycle(struct lsp_server *server);

/* ---- textsync.c -------------------------------------------------------------------- */

void lsp_on_open(struct lsp_server *server, struct lsp_message *message);
void lsp_on_change(struct lsp_server *server, struct lsp_message *message);
void lsp_on_close(struct lsp_server *server, struct lsp_message *message);
void lsp_on_save(struct lsp_server *server, struct lsp_message *message);

/* ---- completion.c ------------------------------------------------------------------ */

void lsp_on_inline_completion(struct lsp_server *server, struct lsp_message *message,
                              uint64_t ticket);
void lsp_on_completion(struct lsp_server *server, struct lsp_message *message, uint64_t ticket);
void lsp_on_cancel(struct lsp_server *server, struct lsp_message *message);
void lsp_on_completed(struct lsp_server *server, struct lsp_outcome *outcome);
void lsp_on_prefilled(struct lsp_server *server, const struct lsp_outcome *outcome);

enum lsp_end_reason {
    LSP_END_STALE,      /* its document changed or went: an empty list */
    LSP_END_SUPERSEDED, /* a newer request came: -32800 */
    LSP_END_CANCELLED   /* the client, or the end of the session: -32800 */
};
/* Answers the open completion, if there is one (of this document, unless uri is NULL). */
void lsp_end_completion(struct lsp_server *server, const char *uri, enum lsp_end_reason reason);

/* Posts the open completion when its document is parsed. */
void lsp_continue_completion(struct lsp_server *server);
/* Prefills the changed document's prompt, when nothing better is to be done. */
void lsp_prefill(struct lsp_server *server);

/* ---- reviews.c --------------------------------------------------------------------- */

/* The document was opened or changed. */
void lsp_review_soon(struct lsp_server *server, struct lsp_document *document);
/* It is about to be closed. */
void lsp_review_gone(struct lsp_server *server, struct lsp_document *document);
void lsp_configure_reviews(struct lsp_server *server);
/* The model came, went, or is to be asked no more. */
void lsp_choose_adviser(struct lsp_server *server);
void lsp_on_reviewed(void *user, struct lsp_reviewed *reviewed); /* the server */
void lsp_on_code_action(struct lsp_server *server, struct lsp_message *message, uint64_t ticket);
void lsp_on_execute_command(struct lsp_server *server, struct lsp_message *message,
                            uint64_t ticket);

/* What is to be told of a document that has been reviewed. */
cJSON *lsp_list_findings(const struct lsp_server *server, const struct lsp_document *document);
/* The document is to be reviewed as it is now, and was not yet. */
bool lsp_review_is_coming(struct lsp_server *server, struct lsp_document *document);

/* ---- refactorings.c ---------------------------------------------------------------- */

/* Adds the actions for what could be rewritten at bytes [start, end]. */
void lsp_list_refactorings(struct lsp_server *server, const struct lsp_document *document,
                           const struct lsp_action_params *params, size_t start, size_t end,
                           cJSON *actions);
void lsp_on_resolve_action(struct lsp_server *server, struct lsp_message *message, uint64_t ticket);

/* ---- pulls.c ----------------------------------------------------------------------- */

void lsp_on_diagnostic(struct lsp_server *server, struct lsp_message *message, uint64_t ticket);
/* What is to be said of the document may be another thing now. */
void lsp_pulls_news(struct lsp_server *server, struct lsp_document *document);
/* Answers what waits (for this document, unless uri is NULL) with an error. */
void lsp_pulls_fail(struct lsp_server *server, const char *uri, enum lsp_code code,
                    const char *text);
/* False when no request of this ticket waits. */
bool lsp_pulls_cancel(struct lsp_server *server, uint64_t ticket);
void lsp_on_refreshed(struct lsp_server *server);
void lsp_pulls_free(struct lsp_server *server);

/* ---- workspace.c ------------------------------------------------------------------- */

void lsp_configure_index(struct lsp_server *server);
void lsp_on_index_news(void *user); /* the server */
void lsp_on_index_progress_made(struct lsp_server *server, bool refused);
void lsp_watch_files(struct lsp_server *server);
void lsp_on_watched_files(struct lsp_server *server, struct lsp_message *message);

/* A document was opened, worked in, saved or closed. */
void lsp_document_shown(struct lsp_server *server, const struct lsp_document *document);
void lsp_document_active(struct lsp_server *server, const struct lsp_document *document);
void lsp_document_saved(struct lsp_server *server, const struct lsp_document *document);
void lsp_document_gone(struct lsp_server *server, const char *uri);

/* The document's path below its workspace folder; its name alone when it is in none. */
void lsp_path_within(const struct lsp_server *server, const char *uri, char *out, size_t max);

/* What of other files goes in front of a prompt there, valid until the next call; NULL: nothing. */
const struct asst_extra *lsp_context_for(struct lsp_server *server, const char *uri,
                                         const struct syn_document *syn, size_t cursor);

/* Asks for what files near the active document say, anew. */
void lsp_look_near(struct lsp_server *server);
/* Forgets what they said: it is of another model, or of another document. */
void lsp_clear_shelf(struct lsp_server *server);
void lsp_on_shelved(struct lsp_server *server, struct lsp_outcome *outcome);

/* ---- status.c ---------------------------------------------------------------------- */

void lsp_on_status(struct lsp_server *server, struct lsp_message *message, uint64_t ticket);
void lsp_on_did_show(struct lsp_server *server, struct lsp_message *message);
void lsp_on_partially_accepted(struct lsp_server *server, struct lsp_message *message);

#endif
