/* json.c: strict JSON checking with an outline of the outermost object.
 *
 * A cursor over bounded bytes and an explicit stack of bits (array or object) instead of
 * recursion: depth costs one bit and has a limit. Builds no values; that is the parser's
 * work, done afterwards and only for the members that are wanted.
 */
#include "lsp/server/json.h"

#include <stdint.h>
#include <string.h>

struct scan {
    char *text;
    size_t at, len;
    struct lsp_error *err;
};

static bool bad(struct scan *s, const char *expected)
{
    if (s->at >= s->len)
        return lsp_fail(s->err, "JSON ends at byte %zu, expected %s", s->at, expected);
    unsigned char c = (unsigned char)s->text[s->at];
    if (c >= 0x20 && c < 0x7f)
        return lsp_fail(s->err, "JSON has '%c' at byte %zu, expected %s", c, s->at, expected);
    return lsp_fail(s->err, "JSON has byte 0x%02x at byte %zu, expected %s", c, s->at, expected);
}

static int peek(const struct scan *s)
{
    return s->at < s->len ? (unsigned char)s->text[s->at] : -1;
}

static void skip_space(struct scan *s)
{
    while (s->at < s->len && (s->text[s->at] == ' ' || s->text[s->at] == '\t' ||
                              s->text[s->at] == '\n' || s->text[s->at] == '\r'))
        s->at++;
}

/* Length of the well-formed UTF-8 sequence at text[0..len), 0 when there is none. */
static size_t utf8_length(const char *text, size_t len)
{
    const unsigned char *p = (const unsigned char *)text;
    unsigned char c = p[0];
    if (c < 0x80) return 1;
    size_t n = c >= 0xf0 ? 4 : c >= 0xe0 ? 3 : 2;
    if (c < 0xc2 || c > 0xf4 || n > len) return 0;
    unsigned char low = c == 0xe0 ? 0xa0 : c == 0xf0 ? 0x90 : 0x80;
    unsigned char high = c == 0xed ? 0x9f : c == 0xf4 ? 0x8f : 0xbf;
    if (p[1] < low || p[1] > high) return 0;
    for (size_t i = 2; i < n; i++)
        if ((p[i] & 0xc0) != 0x80) return 0;
    return n;
}

bool lsp_utf8_is_valid(const char *text, size_t len)
{
    for (size_t at = 0; at < len;) {
        size_t n = utf8_length(text + at, len - at);
        if (n == 0) return false;
        at += n;
    }
    return true;
}

/* Value of the four hexadecimal digits of a \u escape at byte at, -1 when not that. */
static int32_t escape_unit(const struct scan *s, size_t at)
{
    if (s->len - at < 6 || s->text[at] != '\\' || s->text[at + 1] != 'u') return -1;
    int32_t unit = 0;
    for (size_t i = 2; i < 6; i++) {
        char c = s->text[at + i];
        int digit = c >= '0' && c <= '9'   ? c - '0'
                    : c >= 'a' && c <= 'f' ? c - 'a' + 10
                    : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                           : -1;
        if (digit < 0) return -1;
        unit = unit * 16 + digit;
    }
    return unit;
}

static bool scan_unicode_escape(struct scan *s)
{
    int32_t unit = escape_unit(s, s->at);
    if (unit < 0) return bad(s, "\\u and four hexadecimal digits");
    if (unit == 0) {
        memcpy(s->text + s->at + 2, "0001", 4);
    } else if (unit >= 0xd800 && unit <= 0xdfff) {
        size_t next = s->at + 6;
        int32_t low = unit < 0xdc00 && next < s->len ? escape_unit(s, next) : -1;
        if (low >= 0xdc00 && low <= 0xdfff)
            s->at = next;
        else
            memcpy(s->text + s->at + 2, "fffd", 4);
    }
    s->at += 6;
    return true;
}

static bool scan_string(struct scan *s)
{
    if (peek(s) != '"') return bad(s, "a string");
    s->at++;
    for (;;) {
        int c = peek(s);
        if (c < 0x20) /* also the end of the text */
            return bad(s, "a character of a string or its closing quote");
        if (c == '"') {
            s->at++;
            return true;
        }
        if (c == '\\') {
            int escape = s->at + 1 < s->len ? s->text[s->at + 1] : -1;
            if (escape == 'u') {
                if (!scan_unicode_escape(s)) return false;
                continue;
            }
            if (escape <= 0 || !strchr("\"\\/bfnrt", escape))
                return bad(s, "an escape that JSON knows");
            s->at += 2;
            continue;
        }
        size_t n = utf8_length(s->text + s->at, s->len - s->at);
        if (n == 0) return bad(s, "UTF-8");
        s->at += n;
    }
}

static bool scan_digits(struct scan *s)
{
    if (peek(s) < '0' || peek(s) > '9') return bad(s, "a digit");
    while (peek(s) >= '0' && peek(s) <= '9')
        s->at++;
    return true;
}

static bool scan_number(struct scan *s)
{
    if (peek(s) == '-') s->at++;
    if (peek(s) == '0')
        s->at++;
    else if (!scan_digits(s))
        return false;
    if (peek(s) == '.') {
        s->at++;
        if (!scan_digits(s)) return false;
    }
    if (peek(s) == 'e' || peek(s) == 'E') {
        s->at++;
        if (peek(s) == '+' || peek(s) == '-') s->at++;
        return scan_digits(s);
    }
    return true;
}

static bool scan_word(struct scan *s, const char *word)
{
    size_t n = strlen(word);
    if (s->len - s->at < n || memcmp(s->text + s->at, word, n) != 0) return bad(s, "a value");
    s->at += n;
    return true;
}

/* A value that is no array or object. */
static bool scan_scalar(struct scan *s, enum lsp_json_type *type)
{
    switch (peek(s)) {
    case '"':
        *type = LSP_JSON_STRING;
        return scan_string(s);
    case 't':
        *type = LSP_JSON_BOOL;
        return scan_word(s, "true");
    case 'f':
        *type = LSP_JSON_BOOL;
        return scan_word(s, "false");
    case 'n':
        *type = LSP_JSON_NULL;
        return scan_word(s, "null");
    default:
        *type = LSP_JSON_NUMBER;
        if (peek(s) != '-' && (peek(s) < '0' || peek(s) > '9')) return bad(s, "a value");
        return scan_number(s);
    }
}

/* Which containers are open, outermost first: bit set for an object. */
struct stack {
    uint8_t bits[LSP_JSON_MAX_DEPTH / 8];
    unsigned depth;
};

static bool in_object(const struct stack *stack)
{
    unsigned top = stack->depth - 1;
    return stack->bits[top / 8] >> (top % 8) & 1;
}

static bool push(struct scan *s, struct stack *stack, bool object)
{
    if (stack->depth == LSP_JSON_MAX_DEPTH)
        return lsp_fail(s->err, "JSON is nested deeper than %u levels at byte %zu",
                        LSP_JSON_MAX_DEPTH, s->at);
    unsigned top = stack->depth++;
    stack->bits[top / 8] &= (uint8_t) ~(1u << (top % 8));
    stack->bits[top / 8] |= (uint8_t)((unsigned)object << (top % 8));
    s->at++;
    return true;
}

/* "name" : in front of a member's value; the outermost object's are written down. */
static bool scan_name(struct scan *s, const struct stack *stack, struct lsp_json_outline *out)
{
    skip_space(s);
    size_t start = s->at;
    if (!scan_string(s)) return false;
    if (stack->depth == 1) {
        if (out->count == LSP_JSON_MAX_MEMBERS) {
            out->more = true;
        } else {
            struct lsp_json_member *member = &out->members[out->count++];
            *member = (struct lsp_json_member){.name = s->text + start + 1,
                                               .name_len = s->at - start - 2};
        }
    }
    skip_space(s);
    if (peek(s) != ':') return bad(s, "':'");
    s->at++;
    return true;
}

/* The value that began at start is complete. */
static void note_value(const struct scan *s, const struct stack *stack, size_t start,
                       enum lsp_json_type type, struct lsp_json_outline *out)
{
    if (stack->depth == 0) {
        out->type = type;
    } else if (stack->depth == 1 && out->count && !out->more && in_object(stack)) {
        struct lsp_json_member *member = &out->members[out->count - 1];
        member->value = s->text + start;
        member->value_len = s->at - start;
        member->type = type;
    }
}

/* After a value: closes what ends here and moves to the next value. *more is false when
 * the outermost value is complete. */
static bool scan_after(struct scan *s, struct stack *stack, size_t *member_start,
                       struct lsp_json_outline *out, bool *more)
{
    while (stack->depth) {
        skip_space(s);
        bool object = in_object(stack);
        int c = peek(s);
        if (c == ',') {
            s->at++;
            *more = true;
            return !object || scan_name(s, stack, out);
        }
        if (c != (object ? '}' : ']')) return bad(s, object ? "',' or '}'" : "',' or ']'");
        s->at++;
        stack->depth--;
        note_value(s, stack, stack->depth == 0 ? 0 : *member_start,
                   object ? LSP_JSON_OBJECT : LSP_JSON_ARRAY, out);
    }
    *more = false;
    return true;
}

static bool scan_value(struct scan *s, struct lsp_json_outline *out)
{
    struct stack stack = {.depth = 0};
    size_t member_start = 0; /* of the value at depth 1 */
    bool more = true;
    while (more) {
        skip_space(s);
        if (stack.depth == 1) member_start = s->at;
        int c = peek(s);
        if (c == '{' || c == '[') {
            bool object = c == '{';
            if (!push(s, &stack, object)) return false;
            skip_space(s);
            if (peek(s) != (object ? '}' : ']')) {
                if (object && !scan_name(s, &stack, out)) return false;
                continue;
            }
        } else {
            size_t start = s->at;
            enum lsp_json_type type;
            if (!scan_scalar(s, &type)) return false;
            note_value(s, &stack, start, type, out);
        }
        if (!scan_after(s, &stack, &member_start, out, &more)) return false;
    }
    return true;
}

bool lsp_json_check(char *text, size_t len, struct lsp_json_outline *out, struct lsp_error *err)
{
    struct scan s = {.text = text, .len = len, .err = err};
    memset(out, 0, sizeof *out);
    if (!scan_value(&s, out)) return false;
    skip_space(&s);
    if (s.at != len) return bad(&s, "the end of the message");
    return true;
}

const struct lsp_json_member *lsp_json_find(const struct lsp_json_outline *outline,
                                            const char *name, bool *twice)
{
    const struct lsp_json_member *found = NULL;
    size_t len = strlen(name);
    for (size_t i = 0; i < outline->count; i++) {
        const struct lsp_json_member *member = &outline->members[i];
        if (member->name_len != len || memcmp(member->name, name, len) != 0) continue;
        if (found)
            *twice = true;
        else
            found = member;
    }
    return found;
}
