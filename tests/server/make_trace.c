/* Writes a typing trace: how a person would type a part of a real file.
 *
 *   make_trace FILE FIRST-LINE LAST-LINE KEYSTROKES SEED > trace
 *
 * The lines FIRST to LAST are cut out of the file and typed again, key by key: with pauses
 * that are short inside words and long at the ends of lines, with slips of neighbouring
 * keys that are noticed at once or a few keys later and taken back, with words deleted and
 * written again, with line ends that bring their indentation along as editors do, and with
 * visits to other places of the file. The same arguments give the same trace.
 *
 * The trace: "cut START END" (bytes taken out of the file), then one step a line:
 *   PAUSE i OFFSET "TEXT"   insert; the cursor is behind it
 *   PAUSE d OFFSET BYTES    delete; the cursor is there
 *   PAUSE m OFFSET          the cursor moves
 * Pauses are milliseconds, offsets bytes of the text at that moment, TEXT is as in JSON. */
#include <ctype.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct typist {
    char text[65536];
    size_t len, cursor;
    uint64_t random;
    unsigned keys, limit;
};

static unsigned below(struct typist *t, unsigned n)
{
    t->random = t->random * 6364136223846793005u + 1442695040888963407u;
    return (unsigned)(t->random >> 33) % n;
}

/* A pause of the given median, sometimes much longer. */
static unsigned pause_ms(struct typist *t, unsigned median)
{
    unsigned ms = median / 2 + below(t, median);
    return below(t, 40) == 0 ? ms + 500 + below(t, 1500) : ms;
}

static void print_quoted(const char *text)
{
    putchar('"');
    for (; *text; text++) {
        if (*text == '\n')
            fputs("\\n", stdout);
        else if (*text == '\t')
            fputs("\\t", stdout);
        else {
            if (*text == '"' || *text == '\\') putchar('\\');
            putchar(*text);
        }
    }
    putchar('"');
}

static int done(const struct typist *t)
{
    return t->keys >= t->limit;
}

static void insert(struct typist *t, const char *text, unsigned pause)
{
    size_t n = strlen(text);
    if (done(t) || t->len + n >= sizeof t->text) return;
    printf("%u i %zu ", pause, t->cursor);
    print_quoted(text);
    putchar('\n');
    memmove(t->text + t->cursor + n, t->text + t->cursor, t->len - t->cursor);
    memcpy(t->text + t->cursor, text, n);
    t->len += n;
    t->cursor += n;
    t->keys++;
}

static void backspace(struct typist *t, size_t n, unsigned pause)
{
    if (done(t) || n > t->cursor) return;
    t->cursor -= n;
    printf("%u d %zu %zu\n", pause, t->cursor, n);
    memmove(t->text + t->cursor, t->text + t->cursor + n, t->len - t->cursor - n);
    t->len -= n;
    t->keys++;
}

static void move_to(struct typist *t, size_t cursor, unsigned pause)
{
    if (done(t)) return;
    printf("%u m %zu\n", pause, cursor);
    t->cursor = cursor;
    t->keys++;
}

/* A key beside the right one. */
static char slip(struct typist *t, char c)
{
    static const char rows[] = "qwertyuiop asdfghjkl zxcvbnm ";
    const char *at = strchr(rows, c);
    if (!isalpha((unsigned char)c) || !at) return below(t, 2) ? ';' : 'x';
    return at[1] != ' ' ? at[1] : at[-1];
}

/* Types text[0..n), with a slip now and then. */
static void type_keys(struct typist *t, const char *text, size_t n)
{
    for (size_t i = 0; i < n && !done(t); i++) {
        char key[2] = {text[i], 0};
        if (text[i] != ' ' && below(t, 28) == 0) {
            char wrong[2] = {slip(t, text[i]), 0};
            size_t late = below(t, 3); /* keys typed before the slip is noticed */
            if (late > n - i - 1) late = n - i - 1;
            insert(t, wrong, pause_ms(t, 110));
            for (size_t k = 0; k < late; k++) {
                char next[2] = {text[i + 1 + k], 0};
                insert(t, next, pause_ms(t, 110));
            }
            for (size_t k = 0; k <= late; k++)
                backspace(t, 1, k ? 70 : 350);
        }
        insert(t, key, pause_ms(t, isalnum((unsigned char)text[i]) ? 110 : 170));
    }
}

/* Looks at another place, writes a note there and mostly takes it away again. */
static void visit(struct typist *t, int keep)
{
    static const char *const notes[] = {"/* gr\xc3\xb6\xc3\x9f*/", "// TODO \xf0\x9f\x98\x80", "x",
                                        "/* \xe2\x86\x92 */"};
    const char *note = notes[below(t, 4)];
    size_t home = t->cursor, away = below(t, (unsigned)t->len);
    while (away > 0 && t->text[away - 1] != '\n')
        away--;
    if (away > home) away = 0;
    move_to(t, away, 800);
    insert(t, note, 400);
    if (!keep) backspace(t, strlen(note), 600);
    if (!done(t)) move_to(t, home + (keep ? strlen(note) : 0), 700);
}

static void type_line(struct typist *t, const char *line, size_t n)
{
    size_t indent = 0;
    while (indent < n && (line[indent] == ' ' || line[indent] == '\t'))
        indent++;
    size_t at = indent;
    while (at < n && !done(t)) {
        size_t word = at;
        while (word < n && line[word] != ' ')
            word++;
        while (word < n && line[word] == ' ')
            word++;
        type_keys(t, line + at, word - at);
        if (word - at > 3 && below(t, 14) == 0) { /* second thoughts */
            backspace(t, word - at, 500);
            type_keys(t, line + at, word - at);
        }
        at = word;
    }
}

static void type_lines(struct typist *t, const char *text, size_t n)
{
    size_t at = 0;
    while (at < n && !done(t)) {
        size_t end = at, next_indent = 0;
        while (end < n && text[end] != '\n')
            end++;
        type_line(t, text + at, end - at);
        if (below(t, 3) == 0) visit(t, below(t, 3) == 0);
        at = end + 1;
        if (at >= n) break;
        char newline[128] = "\n"; /* and the indentation of the next line */
        while (at + next_indent < n && next_indent < 100 &&
               (text[at + next_indent] == ' ' || text[at + next_indent] == '\t')) {
            newline[1 + next_indent] = text[at + next_indent];
            next_indent++;
        }
        newline[1 + next_indent] = 0;
        insert(t, newline, pause_ms(t, 300));
    }
}

/* Byte offset of the start of a line (from 1). */
static size_t line_start(const char *text, unsigned line)
{
    const char *at = text;
    while (line > 1 && (at = strchr(at, '\n'))) {
        at++;
        line--;
    }
    return at ? (size_t)(at - text) : strlen(text);
}

int main(int argc, char **argv)
{
    static struct typist t;
    static char part[65536];
    FILE *file = argc == 6 ? fopen(argv[1], "rb") : NULL;
    if (!file) {
        fprintf(stderr, "usage: make_trace FILE FIRST-LINE LAST-LINE KEYSTROKES SEED\n");
        return 2;
    }
    t.len = fread(t.text, 1, sizeof t.text - 1, file);
    fclose(file);
    size_t start = line_start(t.text, (unsigned)atoi(argv[2]));
    size_t end = line_start(t.text, (unsigned)atoi(argv[3]) + 1);
    t.limit = (unsigned)atoi(argv[4]);
    t.random = (uint64_t)atoll(argv[5]);
    memcpy(part, t.text + start, end - start);
    memmove(t.text + start, t.text + end, t.len - end);
    t.len -= end - start;
    t.cursor = start;
    printf("cut %zu %zu\n", start, end);
    type_lines(&t, part, end - start);
    if (!done(&t)) fprintf(stderr, "only %u keystrokes: take more lines\n", t.keys);
    return done(&t) ? 0 : 1;
}
