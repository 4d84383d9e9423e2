/* config.c: reading espalier.json.
 *
 * Owns the table of keys: each row says where in the struct a value lives and which values
 * it takes, so that a key is added in one place and all messages read alike. It keeps no
 * state and looks for files only in lsp_config_load; it deliberately knows nothing of what
 * the values are for.
 */
#include "lsp/config.h"

#include <cjson/cJSON.h>

#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum key_type { KEY_BOOL, KEY_INT, KEY_NUMBER, KEY_CHOICE, KEY_PATH, KEY_ATTENTION };

struct key {
    const char *name;
    enum key_type type;
    size_t offset;
    double min, max;            /* KEY_INT, KEY_NUMBER */
    const char *const *choices; /* KEY_CHOICE, NULL-terminated, in the order of the enum */
};

static const char *const log_levels[] = {"error", "warn", "info", "debug", NULL};
static const char *const multilines[] = {"auto", "never", "always", NULL};
static const char *const severities[] = {"hint", "information", "warning", "error", NULL};

#define AT(member) offsetof(struct lsp_config, member)
static const struct key keys[] = {
    {"model", KEY_PATH, AT(model), 0, 0, NULL},
    {"threads", KEY_INT, AT(threads), 0, 256, NULL},
    {"attention", KEY_ATTENTION, AT(attention), 0, 0, NULL},
    {"cache.megabytes", KEY_INT, AT(cache_megabytes), 1, 65536, NULL},
    {"cache.onDisk", KEY_BOOL, AT(cache_on_disk), 0, 0, NULL},
    {"logLevel", KEY_CHOICE, AT(log_level), 0, 0, log_levels},
    {"completion.enabled", KEY_BOOL, AT(completion_enabled), 0, 0, NULL},
    {"completion.maxTokens", KEY_INT, AT(completion_max_tokens), 0, 512, NULL},
    {"completion.items", KEY_INT, AT(completion_items), 1, 16, NULL},
    {"completion.multiline", KEY_CHOICE, AT(completion_multiline), 0, 0, multilines},
    {"completion.comments", KEY_BOOL, AT(completion_comments), 0, 0, NULL},
    {"completion.strings", KEY_BOOL, AT(completion_strings), 0, 0, NULL},
    {"completion.minConfidence", KEY_NUMBER, AT(completion_min_confidence), 0, 1, NULL},
    {"context.used", KEY_BOOL, AT(context_used), 0, 0, NULL},
    {"context.recent", KEY_BOOL, AT(context_recent), 0, 0, NULL},
    {"context.pair", KEY_BOOL, AT(context_pair), 0, 0, NULL},
    {"context.siblings", KEY_BOOL, AT(context_siblings), 0, 0, NULL},
    {"context.near", KEY_BOOL, AT(context_near), 0, 0, NULL},
    {"context.tokens", KEY_INT, AT(context_tokens), 0, 4096, NULL},
    {"index.enabled", KEY_BOOL, AT(index_enabled), 0, 0, NULL},
    {"index.megabytes", KEY_INT, AT(index_megabytes), 1, 4096, NULL},
    {"index.maxFiles", KEY_INT, AT(index_max_files), 1, 1000000, NULL},
    {"index.maxFileKilobytes", KEY_INT, AT(index_max_kilobytes), 1, 65536, NULL},
    {"review.enabled", KEY_BOOL, AT(review_enabled), 0, 0, NULL},
    {"review.opinions", KEY_BOOL, AT(review_opinions), 0, 0, NULL},
    {"review.minSeverity", KEY_CHOICE, AT(review_min_severity), 0, 0, severities},
    {"refactor.enabled", KEY_BOOL, AT(refactor_enabled), 0, 0, NULL},
    {"history.enabled", KEY_BOOL, AT(history_enabled), 0, 0, NULL},
};
enum { N_KEYS = sizeof keys / sizeof *keys, NAME_MAX_BYTES = 128, DEPTH_MAX = 8 };

void lsp_config_defaults(struct lsp_config *config)
{
    *config = (struct lsp_config){.log_level = LSP_LOG_WARN,
                                  .cache_megabytes = 32,
                                  .cache_on_disk = true,
                                  .completion_enabled = true,
                                  .completion_items = 1,
                                  .completion_strings = true,
                                  .completion_min_confidence = -1,
                                  .context_recent = true,
                                  .context_near = true,
                                  .context_tokens = 256,
                                  .index_enabled = true,
                                  .index_megabytes = 64,
                                  .index_max_files = 20000,
                                  .index_max_kilobytes = 512,
                                  .review_enabled = true,
                                  .review_opinions = true,
                                  .review_min_severity = LSP_SEVERITY_HINT,
                                  .refactor_enabled = true,
                                  .history_enabled = true};
}

static bool fail(struct lsp_config_error *err, const char *format, ...)
{
    if (err) {
        va_list args;
        va_start(args, format);
        vsnprintf(err->text, sizeof err->text, format, args);
        va_end(args);
    }
    return false;
}

static int choice_index(const char *const *choices, const char *name)
{
    for (int i = 0; choices[i]; i++)
        if (strcmp(choices[i], name) == 0) return i;
    return -1;
}

int lsp_log_level_by_name(const char *name)
{
    return choice_index(log_levels, name);
}

/* ---- One value -------------------------------------------------------------------------- */

/* What is being read, for messages and paths. */
struct source {
    const char *name, *folder;
    lsp_config_warn warn;
    void *user;
    struct lsp_config_error *err;
};

static const char *type_name(const cJSON *value)
{
    if (cJSON_IsBool(value)) return "a boolean";
    if (cJSON_IsNumber(value)) return "a number";
    if (cJSON_IsString(value)) return "a string";
    if (cJSON_IsArray(value)) return "an array";
    return cJSON_IsObject(value) ? "an object" : "null";
}

static bool wrong_type(const struct source *s, const char *key, const char *expected,
                       const cJSON *value)
{
    return fail(s->err, "%s: \"%s\" must be %s, not %s", s->name, key, expected, type_name(value));
}

static bool set_path(const struct source *s, const struct key *key, char *out, const char *path)
{
    const char *home = getenv("HOME");
    int n;
    if (strncmp(path, "~/", 2) == 0 && home)
        n = snprintf(out, LSP_CONFIG_PATH_MAX, "%s/%s", home, path + 2);
    else if (path[0] && path[0] != '/' && s->folder)
        n = snprintf(out, LSP_CONFIG_PATH_MAX, "%s/%s", s->folder, path);
    else
        n = snprintf(out, LSP_CONFIG_PATH_MAX, "%s", path);
    if (n >= 0 && n < LSP_CONFIG_PATH_MAX) return true;
    return fail(s->err, "%s: \"%s\" must be a path of at most %d bytes", s->name, key->name,
                LSP_CONFIG_PATH_MAX - 1);
}

static bool set_number(const struct source *s, const struct key *key, char *field,
                       const cJSON *value)
{
    bool whole = key->type == KEY_INT;
    const char *noun = whole ? "an integer" : "a number";
    char expected[96];
    snprintf(expected, sizeof expected, "%s from %g to %g", noun, key->min, key->max);
    if (!cJSON_IsNumber(value)) return wrong_type(s, key->name, expected, value);
    double number = value->valuedouble;
    if (!(number >= key->min && number <= key->max) || (whole && number != (int)number))
        return fail(s->err, "%s: \"%s\" must be %s, not %g", s->name, key->name, expected, number);
    if (whole)
        *(int *)(void *)field = (int)number;
    else
        *(double *)(void *)field = number;
    return true;
}

static bool set_choice(const struct source *s, const struct key *key, char *field,
                       const cJSON *value)
{
    char expected[160] = "one of";
    for (int i = 0; key->choices[i]; i++) {
        size_t used = strlen(expected);
        snprintf(expected + used, sizeof expected - used, "%s \"%s\"", i ? "," : "",
                 key->choices[i]);
    }
    if (!cJSON_IsString(value)) return wrong_type(s, key->name, expected, value);
    int index = choice_index(key->choices, value->valuestring);
    if (index < 0)
        return fail(s->err, "%s: \"%s\" must be %s, not \"%.64s\"", s->name, key->name, expected,
                    value->valuestring);
    *(int *)(void *)field = index;
    return true;
}

static bool set_attention(const struct source *s, const struct key *key, char *field,
                          const cJSON *value)
{
    struct eng_error why;
    if (!cJSON_IsString(value)) return wrong_type(s, key->name, "a string", value);
    if (eng_policy_parse(value->valuestring, (struct eng_policy *)(void *)field, &why) == ENG_OK)
        return true;
    return fail(s->err, "%s: %s", s->name, why.text);
}

static bool set_value(struct lsp_config *config, const struct source *s, const struct key *key,
                      const cJSON *value)
{
    char *field = (char *)config + key->offset;
    switch (key->type) {
    case KEY_BOOL:
        if (!cJSON_IsBool(value)) return wrong_type(s, key->name, "true or false", value);
        *(bool *)(void *)field = cJSON_IsTrue(value);
        return true;
    case KEY_PATH:
        if (!cJSON_IsString(value)) return wrong_type(s, key->name, "a string", value);
        return set_path(s, key, field, value->valuestring);
    case KEY_CHOICE:
        return set_choice(s, key, field, value);
    case KEY_ATTENTION:
        return set_attention(s, key, field, value);
    default:
        return set_number(s, key, field, value);
    }
}

/* ---- One object ------------------------------------------------------------------------- */

static const struct key *find_key(const char *name, bool *is_group)
{
    size_t len = strlen(name);
    *is_group = false;
    for (int i = 0; i < N_KEYS; i++) {
        if (strcmp(keys[i].name, name) == 0) return &keys[i];
        if (strncmp(keys[i].name, name, len) == 0 && keys[i].name[len] == '.') *is_group = true;
    }
    return NULL;
}

static bool apply_object(struct lsp_config *config, const struct source *s, const char *prefix,
                         const cJSON *object, int depth)
{
    const cJSON *member;
    cJSON_ArrayForEach(member, object)
    {
        char name[NAME_MAX_BYTES];
        snprintf(name, sizeof name, "%s%s%s", prefix, *prefix ? "." : "", member->string);
        bool is_group;
        const struct key *key = find_key(name, &is_group);
        if (key) {
            /* Editors send null for what is not set. */
            if (!cJSON_IsNull(member) && !set_value(config, s, key, member)) return false;
        } else if (is_group && depth < DEPTH_MAX) {
            if (!cJSON_IsObject(member)) return wrong_type(s, name, "an object", member);
            if (!apply_object(config, s, name, member, depth + 1)) return false;
        } else if (s->warn && strcmp(name, "$schema") != 0) {
            char line[LSP_CONFIG_PATH_MAX + 256];
            snprintf(line, sizeof line, "%s: unknown key \"%s\"", s->name, name);
            s->warn(line, s->user);
        }
    }
    return true;
}

bool lsp_config_apply(struct lsp_config *config, const char *name, const char *folder,
                      const char *text, size_t len, lsp_config_warn warn, void *user,
                      struct lsp_config_error *err)
{
    const char *end = NULL;
    cJSON *root = cJSON_ParseWithLengthOpts(text, len, &end, false);
    struct source s = {name, folder, warn, user, err};
    if (!root) {
        size_t line = 1, at = end ? (size_t)(end - text) : 0;
        for (size_t i = 0; i < at && i < len; i++)
            line += text[i] == '\n';
        return fail(err, "%s:%zu: not valid JSON, expected an object of settings", name, line);
    }
    bool ok;
    struct lsp_config changed = *config;
    if (!cJSON_IsObject(root))
        ok = fail(err, "%s: must hold an object of settings, not %s", name, type_name(root));
    else
        ok = apply_object(&changed, &s, "", root, 0);
    if (ok) *config = changed;
    cJSON_Delete(root);
    return ok;
}

/* ---- Files ------------------------------------------------------------------------------ */

/* The whole file, or NULL with *missing or a message. */
static char *read_file(const char *path, size_t *len, bool *missing, struct lsp_config_error *err)
{
    FILE *file = fopen(path, "rb");
    *missing = !file && (errno == ENOENT || errno == ENOTDIR);
    if (!file) {
        fail(err, "%s: cannot be read: %s", path, strerror(errno));
        return NULL;
    }
    char *text = malloc(LSP_CONFIG_MAX_BYTES + 1);
    *len = text ? fread(text, 1, LSP_CONFIG_MAX_BYTES + 1, file) : 0;
    bool bad = !text || ferror(file);
    if (bad)
        fail(err, "%s: cannot be read: %s", path, strerror(errno));
    else if (*len > LSP_CONFIG_MAX_BYTES)
        bad = !fail(err, "%s: larger than the %u bytes a configuration may have", path,
                    LSP_CONFIG_MAX_BYTES);
    fclose(file);
    if (!bad) return text;
    free(text);
    return NULL;
}

bool lsp_config_apply_file(struct lsp_config *config, const char *path, bool missing_ok,
                           lsp_config_warn warn, void *user, struct lsp_config_error *err)
{
    size_t len;
    bool missing;
    char *text = read_file(path, &len, &missing, err);
    if (!text) return missing && missing_ok;
    char folder[LSP_CONFIG_PATH_MAX];
    snprintf(folder, sizeof folder, "%s", path);
    char *slash = strrchr(folder, '/');
    if (slash) *slash = 0;
    bool ok = lsp_config_apply(config, path, slash ? folder : NULL, text, len, warn, user, err);
    free(text);
    return ok;
}

bool lsp_config_load(struct lsp_config *config, const char *explicit_path, const char *workspace,
                     lsp_config_warn warn, void *user, struct lsp_config_error *err)
{
    lsp_config_defaults(config);
    if (explicit_path) return lsp_config_apply_file(config, explicit_path, false, warn, user, err);
    char path[LSP_CONFIG_PATH_MAX];
    const char *base = getenv("XDG_CONFIG_HOME"), *home = getenv("HOME");
    int n = 0;
    if (base && *base)
        n = snprintf(path, sizeof path, "%s/espalier/config.json", base);
    else if (home)
        n = snprintf(path, sizeof path, "%s/.config/espalier/config.json", home);
    if (n > 0 && (size_t)n < sizeof path &&
        !lsp_config_apply_file(config, path, true, warn, user, err))
        return false;
    if (!workspace) return true;
    n = snprintf(path, sizeof path, "%s/espalier.json", workspace);
    if (n < 0 || (size_t)n >= sizeof path) return fail(err, "workspace path is too long");
    return lsp_config_apply_file(config, path, true, warn, user, err);
}
