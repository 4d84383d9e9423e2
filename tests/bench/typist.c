/* A cursor that walks over the cut region, and the brackets that its editor owes it. */
#include "tests/bench/typist.h"

#include <string.h>

enum { SLIPS = 50, LEAST_WANTED = 3 };

unsigned typist_below(struct typist *t, unsigned n)
{
    t->random = t->random * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (unsigned)(t->random >> 33) % n;
}

bool typist_open(struct typist *t, const char *target, size_t len, size_t start, size_t end,
                 bool closes_brackets, uint64_t seed)
{
    if (len + 1024 > TYPIST_MAX_TEXT || start > end || end > len) return false;
    t->target = target;
    t->target_len = len;
    t->region_end = end;
    t->cursor = start;
    t->n_closers = 0;
    t->slipped = false;
    t->closes_brackets = closes_brackets;
    t->random = seed;
    memcpy(t->text, target, start);
    memcpy(t->text + start, target + end, len - end);
    t->len = start + len - end;
    t->text[t->len] = 0;
    return true;
}

static void replace(struct typist *t, size_t start, size_t end, const char *with, size_t n)
{
    memmove(t->text + start + n, t->text + end, t->len - end + 1);
    memcpy(t->text + start, with, n);
    t->len += n;
    t->len -= end - start;
}

/* Bytes of the next key: a character, or a line's end with the indentation behind it. */
static size_t key_at(const struct typist *t, size_t at)
{
    size_t n = 1, most = t->region_end - at;
    if (t->target[at] == '\r' && most > 1 && t->target[at + 1] == '\n') n = 2;
    bool newline = t->target[at + n - 1] == '\n';
    while (n < most && newline && (t->target[at + n] == ' ' || t->target[at + n] == '\t'))
        n++;
    while (n < most && !newline && ((unsigned char)t->target[at + n] & 0xc0) == 0x80)
        n++;
    return n < 256 ? n : 256;
}

static bool is_word(char c)
{
    return (c | 0x20) >= 'a' ? (c | 0x20) <= 'z' : c == '_' || (c >= '0' && c <= '9');
}

static unsigned pause_before(struct typist *t, char key)
{
    unsigned median = key == '\n' || key == '\r'                        ? 500
                      : is_word(key) && is_word(t->text[t->cursor - 1]) ? 110
                                                                        : 200;
    return median / 2 + typist_below(t, median);
}

/* Types over a bracket that closed itself. */
static void step_over(struct typist *t, struct typist_edit *out)
{
    out->start = out->end = t->cursor;
    out->changes = false;
    memmove(t->closers, t->closers + 1, --t->n_closers);
    t->cursor++;
}

bool typist_key(struct typist *t, struct typist_edit *out)
{
    *out = (struct typist_edit){.start = t->cursor, .end = t->cursor, .changes = true};
    if (t->slipped) { /* takes the wrong key back */
        out->start--;
        out->pause_ms = 250;
        t->slipped = false;
        replace(t, out->start, out->end, "", 0);
        t->cursor--;
        return true;
    }
    if (t->cursor >= t->region_end) return false;
    char key = t->target[t->cursor];
    out->pause_ms = t->cursor > 0 ? pause_before(t, key) : 200;
    if (t->n_closers > 0 && key == t->closers[0]) {
        step_over(t, out);
        return true;
    }
    if (is_word(key) && typist_below(t, SLIPS) == 0) {
        out->inserted[0] = key == 'e' ? 'r' : 'e';
        t->slipped = true;
        replace(t, t->cursor, t->cursor, out->inserted, 1);
        t->cursor++;
        return true;
    }
    size_t n = key_at(t, t->cursor);
    memcpy(out->inserted, t->target + t->cursor, n);
    bool pair = t->closes_brackets && (key == '(' || key == '[') &&
                t->n_closers < TYPIST_MAX_CLOSERS && !is_word(t->text[t->cursor]);
    if (pair) {
        memmove(t->closers + 1, t->closers, t->n_closers++);
        out->inserted[n] = t->closers[0] = key == '(' ? ')' : ']';
    }
    replace(t, t->cursor, t->cursor, out->inserted, n + pair);
    t->cursor += n;
    return true;
}

bool typist_wants(struct typist *t, size_t start, size_t end, const char *inserted, bool take)
{
    size_t n = strlen(inserted), cursor = start + n, right = t->cursor + t->n_closers;
    if (t->slipped || start > t->cursor || end < t->cursor || end > right ||
        cursor < t->cursor + LEAST_WANTED || cursor > t->region_end)
        return false;
    if (memcmp(t->text, t->target, start) != 0 || memcmp(inserted, t->target + start, n) != 0)
        return false;
    /* As many brackets have to stay right of it as are open then. */
    size_t stay = right - end;
    long open = (long)t->n_closers;
    for (size_t i = t->cursor; i < cursor; i++)
        open += (strchr("([", t->target[i]) != NULL) - (strchr(")]", t->target[i]) != NULL);
    if (open != (long)stay) return false;
    if (!take) return true;
    memmove(t->closers, t->closers + (t->n_closers - stay), stay);
    t->n_closers = stay;
    replace(t, start, end, inserted, n);
    t->cursor = cursor;
    return true;
}

void typist_position(const struct typist *t, size_t at, size_t *line, size_t *column)
{
    size_t start = 0;
    *line = 0;
    for (size_t i = 0; i < at; i++)
        if (t->text[i] == '\n') {
            ++*line;
            start = i + 1;
        }
    *column = at - start;
}

size_t typist_offset(const struct typist *t, size_t line, size_t column)
{
    size_t at = 0;
    for (size_t i = 0; i < line && at < t->len; at++)
        i += t->text[at] == '\n';
    return at + column;
}

static int depth_change(char c)
{
    return strchr("([{", c) ? 1 : strchr(")]}", c) ? -1 : 0;
}

bool typist_region(const char *text, size_t len, size_t most, uint64_t seed, size_t *start,
                   size_t *end)
{
    size_t at = len / 4 + (size_t)(seed * UINT64_C(0x9E3779B97F4A7C15) >> 40) % (len / 3 + 1);
    for (unsigned tries = 0; tries < 200; tries++) {
        while (at < len && text[at] != '\n')
            at++;
        at += strspn(text + at, " \t\r\n");
        int depth = 0;
        for (*start = *end = at; *end < len && *end < at + 4 * most; ++*end) {
            if (text[*end] && depth_change(text[*end])) depth += depth_change(text[*end]);
            if (depth < 0) break;
            if (depth == 0 && text[*end] == '\n' && *end >= at + most) return true;
        }
        at++;
    }
    return false;
}
