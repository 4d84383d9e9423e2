/* A reader for small configuration files: sections in brackets, "key = value" pairs,
 * comments after '#' or ';'. Values may be quoted; inside quotes \n, \t, \" and \\ are
 * understood. The whole file is kept in one block and the entries point into it, so there
 * is one allocation to free per file and one per table growth. */
#include <ctype.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_FILE_BYTES (1u << 20)

struct entry {
    const char *section;
    const char *key;
    const char *value;
    unsigned line;
};

struct config {
    char *text;
    struct entry *entries;
    size_t count;
    size_t capacity;
    char error[160];
};

static bool fail(struct config *config, unsigned line, const char *format, ...)
{
    int used = snprintf(config->error, sizeof config->error, "line %u: ", line);
    va_list args;
    va_start(args, format);
    vsnprintf(config->error + used, sizeof config->error - (size_t)used, format, args);
    va_end(args);
    return false;
}

static char *skip_blanks(char *p)
{
    while (*p == ' ' || *p == '\t')
        p++;
    return p;
}

static void trim_end(char *start)
{
    size_t len = strlen(start);
    while (len > 0 && isspace((unsigned char)start[len - 1]))
        len--;
    start[len] = '\0';
}

/* Decodes the quoted string at p in place. Returns the byte after the closing quote, or
 * NULL when the quote is not closed or an escape is unknown. */
static char *unquote(char *p, char **value)
{
    char *out = ++p;
    *value = out;
    for (; *p && *p != '"'; p++) {
        if (*p != '\\') {
            *out++ = *p;
            continue;
        }
        switch (*++p) {
        case 'n':
            *out++ = '\n';
            break;
        case 't':
            *out++ = '\t';
            break;
        case '"':
        case '\\':
            *out++ = *p;
            break;
        default:
            return NULL;
        }
    }
    if (*p != '"')
        return NULL;
    *out = '\0';
    return p + 1;
}

static bool add_entry(struct config *config, struct entry entry)
{
    if (config->count == config->capacity) {
        size_t capacity = config->capacity ? config->capacity * 2 : 16;
        struct entry *grown = realloc(config->entries, capacity * sizeof *grown);
        if (!grown)
            return fail(config, entry.line, "out of memory");
        config->entries = grown;
        config->capacity = capacity;
    }
    config->entries[config->count++] = entry;
    return true;
}

static bool parse_line(struct config *config, char *line, unsigned number, const char **section)
{
    char *p = skip_blanks(line);
    if (*p == '\0' || *p == '#' || *p == ';')
        return true;

    if (*p == '[') {
        char *end = strchr(p, ']');
        if (!end)
            return fail(config, number, "expected ']' after \"%s\"", p);
        *end = '\0';
        *section = p + 1;
        return true;
    }

    char *equals = strchr(p, '=');
    if (!equals)
        return fail(config, number, "expected \"key = value\"");
    *equals = '\0';
    trim_end(p);
    if (*p == '\0')
        return fail(config, number, "the key is empty");

    struct entry entry = {.section = *section, .key = p, .line = number};
    char *value = skip_blanks(equals + 1);
    if (*value == '"') {
        char *rest = unquote(value, &value);
        if (!rest)
            return fail(config, number, "the quoted value of \"%s\" is not closed", p);
        rest = skip_blanks(rest);
        if (*rest && *rest != '#' && *rest != ';')
            return fail(config, number, "unexpected text after the value of \"%s\"", p);
    } else {
        value[strcspn(value, "#;")] = '\0';
        trim_end(value);
    }
    entry.value = value;
    return add_entry(config, entry);
}

bool config_parse(struct config *config, char *text)
{
    const char *section = "";
    unsigned number = 0;

    memset(config, 0, sizeof *config);
    config->text = text;
    for (char *line = text; line;) {
        char *next = strchr(line, '\n');
        if (next)
            *next++ = '\0';
        if (!parse_line(config, line, ++number, &section))
            return false;
        line = next;
    }
    return true;
}

const char *config_get(const struct config *config, const char *section, const char *key)
{
    /* The last definition wins, as in most programs that read such files. */
    for (size_t i = config->count; i-- > 0;) {
        const struct entry *entry = &config->entries[i];
        if (strcmp(entry->section, section) == 0 && strcmp(entry->key, key) == 0)
            return entry->value;
    }
    return NULL;
}

void config_free(struct config *config)
{
    free(config->entries);
    free(config->text);
}

static char *read_file(const char *path)
{
    FILE *file = fopen(path, "rb");
    if (!file)
        return NULL;
    char *text = malloc(MAX_FILE_BYTES + 1);
    if (text) {
        size_t len = fread(text, 1, MAX_FILE_BYTES, file);
        text[len] = '\0';
    }
    fclose(file);
    return text;
}

int main(int argc, char **argv)
{
    if (argc != 4) {
        fprintf(stderr, "usage: %s FILE SECTION KEY\n", argv[0]);
        return 2;
    }
    char *text = read_file(argv[1]);
    if (!text) {
        perror(argv[1]);
        return 2;
    }
    struct config config;
    int status = 1;
    if (!config_parse(&config, text)) {
        fprintf(stderr, "%s: %s\n", argv[1], config.error);
        status = 2;
    } else {
        const char *value = config_get(&config, argv[2], argv[3]);
        if (value) {
            puts(value);
            status = 0;
        }
    }
    config_free(&config);
    return status;
}
