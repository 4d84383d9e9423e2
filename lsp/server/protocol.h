/* protocol.h: LSP's params as plain structs, and its results as JSON.
 *
 * Reading: each function takes a decoded message and fills one struct. Strings and arrays
 * in it live as long as the message. False when a member is missing or of the wrong type;
 * err then names it and what was expected. Members that we do not use are not looked at,
 * optional ones of a wrong type count as absent only where real clients send such.
 *
 * Writing: what is returned is owned by the caller (and taken over by the encoders of
 * rpc.h), NULL when out of memory.
 *
 * Pure; any thread.
 */
#ifndef ESPALIER_SERVER_PROTOCOL_H
#define ESPALIER_SERVER_PROTOCOL_H

#include "lsp/server/rpc.h"
#include "syntax/syntax.h"

struct lsp_position {
    uint32_t line, character; /* 0-based, character in units of the negotiated encoding */
};

struct lsp_range {
    struct lsp_position start, end; /* end exclusive */
};

/* ---- Reading ----------------------------------------------------------------------- */

#define LSP_MAX_FOLDERS 64u

struct lsp_initialize_params {
    int64_t process_id;      /* 0: no process to watch */
    const char *client_name; /* "" when the client does not say */
    enum syn_encoding encoding;
    bool inline_completion; /* what the client can do */
    bool work_done_progress;
    bool pull_configuration;
    bool register_configuration; /* dynamic registration of didChangeConfiguration */
    bool register_watches;       /* and of didChangeWatchedFiles */
    bool related_information;    /* of diagnostics */
    bool code_description;       /* the same */
    bool pull_diagnostics;       /* asks for them, and asks anew when it is told to */
    bool resolves_edits;         /* of code actions, later */
    bool annotates_changes;      /* shows an edit before it is made, when told to */
    size_t folder_count;
    const char *folders[LSP_MAX_FOLDERS]; /* URIs; roots of older clients included */
    const cJSON *options;                 /* initializationOptions, NULL when absent */
};
bool lsp_read_initialize(struct lsp_message *message, struct lsp_initialize_params *out,
                         struct lsp_error *err);

/* The settings in initializationOptions: the member "espalier" when there is one. */
const cJSON *lsp_read_options(const struct lsp_initialize_params *params);

struct lsp_open_params {
    const char *uri, *language_id, *text;
    int64_t version;
};
bool lsp_read_open(struct lsp_message *message, struct lsp_open_params *out, struct lsp_error *err);

struct lsp_change {
    bool has_range; /* else text replaces the whole document */
    struct lsp_range range;
    const char *text;
};

struct lsp_change_params {
    const char *uri;
    bool has_version; /* older clients send null */
    int64_t version;
    size_t count;
    struct lsp_change *changes;
};
bool lsp_read_change(struct lsp_message *message, struct lsp_change_params *out,
                     struct lsp_error *err);

/* textDocument.uri, all that didClose and didSave need. */
bool lsp_read_uri(struct lsp_message *message, const char **uri, struct lsp_error *err);

struct lsp_completion_params {
    const char *uri;
    struct lsp_position position;
    int trigger_kind; /* as sent, -1 when absent */
    bool has_selected;
    struct lsp_range selected_range; /* an object or an array of two positions */
    const char *selected_text;
};
bool lsp_read_completion(struct lsp_message *message, struct lsp_completion_params *out,
                         struct lsp_error *err);

struct lsp_action_params {
    const char *uri;
    struct lsp_range range;
    bool wants_quick_fixes; /* no kinds were asked for, or these among them */
    bool wants_refactorings;
    bool asked_for_refactorings; /* by their kind, or by hand: not for a light bulb */
};
bool lsp_read_action(struct lsp_message *message, struct lsp_action_params *out,
                     struct lsp_error *err);

/* codeAction/resolve: of one of our refactorings, what was written into its data. action: all of
 * it, the message's. */
struct lsp_resolve_params {
    const cJSON *action;
    const char *uri, *rule;
    int64_t version;
    bool all; /* of the rule's places, not the one between start and end */
    int64_t start, end;
};
bool lsp_read_resolve(struct lsp_message *message, struct lsp_resolve_params *out,
                      struct lsp_error *err);

/* textDocument/diagnostic; previous: the id of the result that the client has, "" for none. */
struct lsp_diagnostic_params {
    const char *uri, *previous;
};
bool lsp_read_diagnostic(struct lsp_message *message, struct lsp_diagnostic_params *out,
                         struct lsp_error *err);

#define LSP_EXPLAIN "espalier.explain" /* the one command there is */

/* workspace/executeCommand: what a finding's rule is about. */
struct lsp_explain_params {
    const char *uri, *code;
};
bool lsp_read_explain(struct lsp_message *message, struct lsp_explain_params *out,
                      struct lsp_error *err);

/* The id as written, in the message's arena. */
bool lsp_read_cancel(struct lsp_message *message, const char **id, struct lsp_error *err);

struct lsp_folders_params {
    size_t added_count, removed_count;
    const char *added[LSP_MAX_FOLDERS], *removed[LSP_MAX_FOLDERS];
};
bool lsp_read_folders(struct lsp_message *message, struct lsp_folders_params *out,
                      struct lsp_error *err);

/* URIs of didChangeWatchedFiles, up to max; *more: there were others. */
bool lsp_read_watched(struct lsp_message *message, const char **uris, size_t max, size_t *count,
                      bool *more, struct lsp_error *err);

/* The settings of didChangeConfiguration: its member "espalier" when there is one. NULL
 * when the client sent nothing to read and wants to be asked. */
const cJSON *lsp_read_settings(const struct lsp_message *message);

/* acceptedLength of espalier/didPartiallyAcceptCompletion, 0 when absent or no length. */
uint32_t lsp_read_accepted_length(const struct lsp_message *message);

/* The settings in an answer to workspace/configuration; NULL when there are none. */
const cJSON *lsp_read_configuration_answer(const struct lsp_message *message);

/* JSON as text, freed by the caller with free(); NULL when out of memory. */
char *lsp_print(const cJSON *json);

/* ---- Writing ----------------------------------------------------------------------- */

/* The result of initialize, for a client that can do what params say. */
cJSON *lsp_write_capabilities(const struct lsp_initialize_params *params);

cJSON *lsp_write_range(const struct lsp_range *range);

/* An empty list, and adding to one: both sides are taken over, NULL when either is. */
cJSON *lsp_write_list(void);
cJSON *lsp_list_add(cJSON *array, cJSON *item);

/* One entry of the list for textDocument/inlineCompletion. */
cJSON *lsp_write_inline_item(const char *text, const struct lsp_range *range);

/* One entry for textDocument/completion. filter: what the client matches the typed word
 * with; rank: order among our entries. */
cJSON *lsp_write_completion_item(const char *label, const char *text, const char *filter,
                                 unsigned rank, const struct lsp_range *range);
/* {"isIncomplete": true, "items": array}; takes array over. */
cJSON *lsp_write_completion_list(cJSON *array);

enum lsp_message_type { LSP_SHOW_ERROR = 1, LSP_SHOW_WARNING, LSP_SHOW_INFO, LSP_SHOW_LOG };
/* Params of window/showMessage and window/logMessage. */
cJSON *lsp_write_message(enum lsp_message_type type, const char *text);

/* Params of window/workDoneProgress/create and of $/progress; kind "begin", "report" or "end". */
cJSON *lsp_write_progress_token(const char *token);
cJSON *lsp_write_progress(const char *token, const char *kind, const char *text);

/* The result of textDocument/diagnostic: items, which are taken over, or NULL for "unchanged". */
cJSON *lsp_write_report(cJSON *items, const char *id);

/* Params of workspace/configuration for section "espalier", and of client/registerCapability
 * for workspace/didChangeConfiguration. */
cJSON *lsp_write_configuration_items(void);
cJSON *lsp_write_configuration_registration(void);
/* The same for workspace/didChangeWatchedFiles, all files. */
cJSON *lsp_write_watch_registration(void);

/* The result of espalier/status. */
struct lsp_status {
    const char *state, *message;
    bool shared;       /* by a daemon with other clients */
    const char *model; /* NULL: none is loaded, and what is known of it is left out */
    const char *path, *architecture, *weight_type, *kernels;
    double parameters, session_bytes, load_ms;
    uint32_t context, warm;
    size_t documents, plain_documents, open_requests;
    double prepare_ms, prefill_ms, decode_ms, total_ms; /* of the last completion */
    uint32_t prompt_tokens, cached_tokens, generated_tokens, context_tokens;
    double longest_turn_ms, longest_computing_ms;
    const char *index_state;
    double index_files, index_symbols, index_bytes, index_passed_over, index_seconds, index_walks,
        index_windows;
    double hidden_below, learned_from; /* confidence; outcomes that it was learned from */
    double near_tokens;                /* of files near the active document */
};
struct lsp_named_count {
    const char *name;
    uint64_t value;
};
cJSON *lsp_write_status(const struct lsp_status *status, const struct lsp_named_count *counts,
                        size_t n);

#endif
