/* config.h: espalier.json.
 *
 * One table of keys serves the configuration files and the settings that editors send: the
 * file's nested objects are the dots of the setting's name below `espalier.` (and a file
 * may use the dotted form as well).
 *
 *   model                    string   path of a GGUF file; "~/" and paths relative to the
 *                                     file that names them are resolved
 *   threads                  integer  compute threads, 0 for one a physical core (at most 4)
 *   attention                string   "file", "dense", "window[:TOKENS]", "blocks",
 *                                     "threshold[:MARGIN]", see engine/engine.h
 *   logLevel                 string   "error", "warn", "info", "debug"
 *   completion.enabled       boolean
 *   completion.maxTokens     integer  tokens of one suggestion, 0 for the default
 *   completion.items         integer  alternatives asked for at once
 *   completion.multiline     string   "auto", "never", "always"
 *   completion.comments, completion.strings
 *                            boolean  suggestions come while typing in them (by hand always)
 *   completion.minConfidence number   suggestions below it are not shown (not set: what the
 *                                     model file says)
 *   context.used, context.recent, context.pair, context.siblings
 *                            boolean  what of other files is put in front of the prompt: see
 *                                     lsp/index/select.h
 *   context.tokens           integer  tokens of the prompt for that at most
 *   context.near             boolean  what the files nearest by path repeat counts in suggestions:
 *                                     see lsp/assist/shelf.h
 *   index.enabled            boolean  the workspace index
 *   index.megabytes          integer  memory that it may take
 *   index.maxFiles           integer  files
 *   index.maxFileKilobytes   integer  larger files are passed over
 *   review.enabled           boolean
 *   review.opinions          boolean
 *   review.minSeverity       string   "hint", "information", "warning", "error"
 *   refactor.enabled         boolean
 *   history.enabled          boolean  what became of suggestions is written down
 *
 * An unknown key is a warning, a wrong type or a value out of range an error that names
 * the file, the key and what was expected. Later sources override earlier ones key by key:
 * the user's file, the workspace's file, the editor's settings, the command line.
 *
 * Plain values; any thread.
 */
#ifndef ESPALIER_LSP_CONFIG_H
#define ESPALIER_LSP_CONFIG_H

#include "engine/engine.h"

#define LSP_CONFIG_PATH_MAX  4096
#define LSP_CONFIG_MAX_BYTES (1024u * 1024u) /* of one file */

enum lsp_log_level { LSP_LOG_ERROR, LSP_LOG_WARN, LSP_LOG_INFO, LSP_LOG_DEBUG };
enum lsp_multiline { LSP_MULTILINE_AUTO, LSP_MULTILINE_NEVER, LSP_MULTILINE_ALWAYS };
enum lsp_severity {
    LSP_SEVERITY_HINT,
    LSP_SEVERITY_INFORMATION,
    LSP_SEVERITY_WARNING,
    LSP_SEVERITY_ERROR
};

struct lsp_config {
    char model[LSP_CONFIG_PATH_MAX]; /* "" when not set */
    int threads;
    struct eng_policy attention;
    int cache_megabytes; /* of keys and values */
    bool cache_on_disk;
    int log_level; /* enum lsp_log_level */
    bool completion_enabled;
    int completion_max_tokens;
    int completion_items;
    int completion_multiline; /* enum lsp_multiline */
    bool completion_comments, completion_strings;
    double completion_min_confidence; /* negative when not set: as the model file says */
    bool context_used, context_recent, context_pair, context_siblings, context_near;
    int context_tokens;
    bool index_enabled;
    int index_megabytes, index_max_files, index_max_kilobytes;
    bool review_enabled, review_opinions;
    int review_min_severity; /* enum lsp_severity */
    bool refactor_enabled;
    bool history_enabled;
};

struct lsp_config_error {
    char text[512];
};

/* Gets one line for each unknown key. */
typedef void (*lsp_config_warn)(const char *line, void *user);

void lsp_config_defaults(struct lsp_config *config);

/* Applies a JSON object given as text. name: the file, or "settings of the editor", as the
 * messages shall say. folder: what relative paths are relative to (NULL: taken as they
 * are). On an error config is unchanged. */
bool lsp_config_apply(struct lsp_config *config, const char *name, const char *folder,
                      const char *text, size_t len, lsp_config_warn warn, void *user,
                      struct lsp_config_error *err);

/* Applies a file. missing_ok: a file that does not exist changes nothing. */
bool lsp_config_apply_file(struct lsp_config *config, const char *path, bool missing_ok,
                           lsp_config_warn warn, void *user, struct lsp_config_error *err);

/* Defaults, then explicit_path alone when it is not NULL, else
 * $XDG_CONFIG_HOME/espalier/config.json (~/.config when unset) and
 * workspace/espalier.json (workspace NULL: none). */
bool lsp_config_load(struct lsp_config *config, const char *explicit_path, const char *workspace,
                     lsp_config_warn warn, void *user, struct lsp_config_error *err);

/* The value of an enum key by name, -1 when it is none: for command line options. */
int lsp_log_level_by_name(const char *name);

#endif
