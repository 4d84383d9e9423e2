/* Rules of ignore files: reading and matching.
 *
 * A path is matched component by component, and a component byte by byte; in both, a star that
 * failed is only ever widened while no later star has been met, so nothing is exponential. What
 * git does beyond the rules of one file (the user's own excludes, the index's contents) is left
 * out: the worst that comes of it is a file too many in an index.
 */
#include "lsp/index/ignore.h"

#include <stdlib.h>
#include <string.h>

struct rule {
    char *pattern; /* without `!` and the slashes at its ends */
    bool kept;     /* `!` */
    bool folders;  /* matches folders only */
    bool anchored; /* matches the whole path, not any name */
};

struct idx_ignore {
    struct rule *rules;
    size_t count, capacity;
};

/* ---- Reading ---------------------------------------------------------------------------- */

/* The line without blanks at its end, but for those behind a backslash. */
static size_t trimmed(const char *line, size_t len)
{
    while (len > 0 && (line[len - 1] == ' ' || line[len - 1] == '\t' || line[len - 1] == '\r')) {
        size_t slashes = 0;
        while (slashes + 1 < len && line[len - 2 - slashes] == '\\')
            slashes++;
        if (slashes & 1) break;
        len--;
    }
    return len;
}

static bool read_rule(const char *line, size_t len, struct rule *out)
{
    *out = (struct rule){.kept = false};
    len = trimmed(line, len);
    if (len == 0 || line[0] == '#') return false;
    if (line[0] == '!') {
        out->kept = true;
        line++;
        len--;
    }
    if (len > 0 && line[len - 1] == '/') {
        out->folders = true;
        len--;
    }
    out->anchored = memchr(line, '/', len) != NULL;
    if (len > 0 && line[0] == '/') {
        line++;
        len--;
    }
    if (len == 0 || len > IDX_IGNORE_MAX_PATTERN || memchr(line, 0, len)) return false;
    out->pattern = malloc(len + 1);
    if (!out->pattern) return false;
    memcpy(out->pattern, line, len);
    out->pattern[len] = 0;
    return true;
}

static bool add_rule(struct idx_ignore *ignore, const struct rule *rule)
{
    if (ignore->count == ignore->capacity) {
        size_t capacity = ignore->capacity ? ignore->capacity * 2 : 16;
        struct rule *grown = realloc(ignore->rules, capacity * sizeof *grown);
        if (!grown) return false;
        ignore->rules = grown;
        ignore->capacity = capacity;
    }
    ignore->rules[ignore->count++] = *rule;
    return true;
}

struct idx_ignore *idx_ignore_read(const char *text, size_t len)
{
    struct idx_ignore *ignore = calloc(1, sizeof *ignore);
    if (!ignore) return NULL;
    if (len > IDX_IGNORE_MAX_BYTES) len = IDX_IGNORE_MAX_BYTES;
    size_t at = len >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0 ? 3 : 0;
    while (at < len && ignore->count < IDX_IGNORE_MAX_RULES) {
        const char *newline = memchr(text + at, '\n', len - at);
        size_t end = newline ? (size_t)(newline - text) : len;
        struct rule rule;
        if (read_rule(text + at, end - at, &rule) && !add_rule(ignore, &rule)) {
            free(rule.pattern);
            idx_ignore_free(ignore);
            return NULL;
        }
        at = end + 1;
    }
    return ignore;
}

void idx_ignore_free(struct idx_ignore *ignore)
{
    if (!ignore) return;
    for (size_t i = 0; i < ignore->count; i++)
        free(ignore->rules[i].pattern);
    free(ignore->rules);
    free(ignore);
}

size_t idx_ignore_count(const struct idx_ignore *ignore)
{
    return ignore->count;
}

/* ---- Matching --------------------------------------------------------------------------- */

/* One byte against the class that starts at p[0] == '['; *end: behind it, or NULL when the
 * bracket is not closed and stands for itself. */
static bool in_class(const char *p, const char *limit, unsigned char c, const char **end)
{
    const char *at = p + 1;
    bool negated = at < limit && (*at == '!' || *at == '^'), found = false, first = true;
    if (negated) at++;
    *end = NULL;
    for (; at < limit && (first || *at != ']'); first = false) {
        if (*at == '\\' && at + 1 < limit) at++;
        unsigned char low = (unsigned char)*at++, high = low;
        if (at + 1 < limit && *at == '-' && at[1] != ']') {
            at++;
            if (*at == '\\' && at + 1 < limit) at++;
            high = (unsigned char)*at++;
        }
        found |= c >= low && c <= high;
    }
    if (at >= limit) return false;
    *end = at + 1;
    return found != negated;
}

/* One byte of the name against one item of the pattern; *next: behind the item. */
static bool match_one(const char *p, const char *limit, char c, const char **next)
{
    *next = p + 1;
    if (*p == '?') return true;
    if (*p == '[') {
        const char *end;
        bool found = in_class(p, limit, (unsigned char)c, &end);
        if (end) {
            *next = end;
            return found;
        }
        return c == '[';
    }
    if (*p == '\\' && p + 1 < limit) {
        *next = p + 2;
        return p[1] == c;
    }
    return *p == c;
}

/* A component of a path against a component of a pattern. */
static bool match_name(const char *p, const char *limit, const char *name, const char *end)
{
    const char *star = NULL, *resume = NULL, *next;
    while (name < end) {
        if (p < limit && *p == '*') {
            star = ++p;
            resume = name;
        } else if (p < limit && match_one(p, limit, *name, &next)) {
            p = next;
            name++;
        } else if (star) {
            p = star;
            name = ++resume;
        } else {
            return false;
        }
    }
    while (p < limit && *p == '*')
        p++;
    return p == limit;
}

static const char *component_end(const char *at)
{
    const char *slash = strchr(at, '/');
    return slash ? slash : at + strlen(at);
}

static const char *behind(const char *end)
{
    return *end ? end + 1 : end;
}

/* All components of the path against all of the pattern; "**" stands for any number of them,
 * at the pattern's end for one at least. */
static bool match_path(const char *p, const char *path)
{
    const char *star = NULL, *resume = NULL;
    while (*path) {
        const char *p_end = component_end(p), *end = component_end(path);
        bool double_star = p_end - p == 2 && p[0] == '*' && p[1] == '*';
        if (double_star && !*p_end) return true;
        if (double_star) {
            star = p = behind(p_end);
            resume = path;
        } else if (*p && match_name(p, p_end, path, end)) {
            p = behind(p_end);
            path = behind(end);
        } else if (star && *resume) {
            p = star;
            path = resume = behind(component_end(resume));
        } else {
            return false;
        }
    }
    return *p == 0;
}

static bool matches(const struct rule *rule, const char *path, bool is_folder)
{
    if (rule->folders && !is_folder) return false;
    if (rule->anchored) return match_path(rule->pattern, path);
    const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;
    return match_name(rule->pattern, rule->pattern + strlen(rule->pattern), name,
                      name + strlen(name));
}

enum idx_verdict idx_ignore_match(const struct idx_ignore *ignore, const char *path, bool is_folder)
{
    for (size_t i = ignore->count; i-- > 0;)
        if (matches(&ignore->rules[i], path, is_folder))
            return ignore->rules[i].kept ? IDX_KEPT : IDX_IGNORED;
    return IDX_UNDECIDED;
}
