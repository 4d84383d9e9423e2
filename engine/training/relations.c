/* relations.c: relations between tokens that compete with, or add to, the syntax tree's.
 *
 * Owns two experiments on packed rows. `relations_names` finds, for each token, the previous use
 * and the declaration of the same name and the parameter that an argument fills, from tokens and
 * records alone. `relations_brackets` is a placebo: chains from brackets and indentation, with
 * no tree. Both look only at tokens up to the one they describe, as a decoder must. They are
 * part of the recipe and not of the server: what a shipped model needs is in syntax/.
 *
 * Arrays are those of samples.py: rows of `length` tokens, `start` the position where the
 * sample of a token begins. `flags` and `text` describe the vocabulary.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define LEVELS 8
#define DEEP   64

/* flags of a token of the vocabulary */
enum {
    WORD_FIRST = 1,  /* starts with a byte of a word, after at most one space */
    WORD_JOINED = 2, /* starts with a byte of a word, with no space in front */
    WORD_LAST = 4,   /* ends with a byte of a word */
    OPENS = 8,       /* one opening bracket, perhaps after a space */
    CLOSES = 16,     /* one closing bracket */
    NEWLINE = 32,
    BLANK = 64, /* white space alone, no newline */
    COMMA = 128
};

/* Kinds of the table of grammars/: what a declared name stands in. */
enum {
    FUNCTION = 3,
    DECLARATION = 5,
    PARAMETERS = 6,
    PARAMETER = 7,
    IMPORT = 16,
    ARGUMENTS = 18,
    ASSIGN = 23
};

struct row {
    const uint16_t *ids;
    const int16_t *chain; /* [length, 8] */
    const uint8_t *kind, *segment;
    const int16_t *start;
    const uint8_t *flags; /* [vocab] */
    const uint32_t *text; /* [vocab]: a hash of the token without its leading space */
    size_t length;
    uint32_t *name; /* [length]: a hash of the word so far that ends here, 0 for none */
};

static void name_words(struct row *r)
{
    for (size_t i = 0; i < r->length; i++) {
        uint8_t flags = r->flags[r->ids[i]];
        bool first = (size_t)r->start[i] == i;
        uint32_t before = first ? 0 : r->name[i - 1];
        bool joined =
            !first && before && (flags & WORD_JOINED) && (r->flags[r->ids[i - 1]] & WORD_LAST);
        r->name[i] = 0;
        if (!(flags & WORD_LAST) || !(joined || (flags & WORD_FIRST))) continue;
        uint32_t h = joined ? before : 2166136261u;
        h = (h ^ r->text[r->ids[i]]) * 16777619u;
        r->name[i] = h ? h : 1;
    }
}

static bool declares(uint8_t kind)
{
    return kind == FUNCTION || kind == DECLARATION || kind == PARAMETERS || kind == PARAMETER ||
           kind == IMPORT || kind == ASSIGN;
}

/* True when what surrounds the node that the token at j stands in is open at i as well. */
static bool in_scope(const struct row *r, size_t i, size_t j)
{
    int16_t scope = r->chain[j * LEVELS + 1];
    if (scope < 0) return true;
    for (size_t l = 0; l < LEVELS; l++)
        if (r->chain[i * LEVELS + l] == scope) return true;
    return false;
}

/* The first token of parameter number k of the list that opens at `open`; -1 when it has not
 * that many. end: positions to look at. */
static int parameter(const struct row *r, size_t open, size_t k, size_t end)
{
    size_t at = 0;
    bool fresh = true;
    for (size_t i = open + 1; i < end && r->start[i] == r->start[open]; i++) {
        bool direct = r->chain[i * LEVELS] == (int16_t)open;
        uint8_t flags = r->flags[r->ids[i]];
        if (direct && (flags & CLOSES)) return -1;
        if (flags & (BLANK | NEWLINE)) continue;
        if (fresh && at == k) return (int)i;
        bool comma = direct && (flags & COMMA);
        fresh = comma;
        at += comma;
    }
    return -1;
}

/* The list of formal parameters of the function that the name at j declares; -1 for none. */
static int parameters_of(const struct row *r, size_t j, size_t end)
{
    for (size_t i = j + 1; i < j + 4 && i + 1 < end && r->start[i] == r->start[j]; i++)
        if ((r->flags[r->ids[i]] & OPENS) && r->kind[i + 1] == PARAMETERS) return (int)i;
    return -1;
}

/* The parameter that the argument after the token at i fills; -1 for none known. */
static int filled(const struct row *r, size_t i)
{
    bool opens = (r->flags[r->ids[i]] & OPENS) && i > (size_t)r->start[i];
    int open = opens ? (int)i : r->chain[i * LEVELS];
    if ((!opens && r->kind[i] != ARGUMENTS) || open <= r->start[i]) return -1;
    uint32_t callee = r->name[open - 1];
    if (!callee) return -1;
    size_t k = 0; /* commas so far, this token included */
    for (size_t j = (size_t)open + 1; j <= i; j++)
        k += r->chain[j * LEVELS] == open && (r->flags[r->ids[j]] & COMMA);
    for (int j = r->start[i]; j < open - 1; j++) {
        if (r->name[j] != callee) continue;
        int list = parameters_of(r, (size_t)j, i);
        if (list >= 0) return parameter(r, (size_t)list, k, i);
    }
    return -1;
}

static void set(uint8_t *relations, const struct row *r, size_t i, int j, uint8_t relation)
{
    if (j >= r->start[i] && (size_t)j < i) relations[i * r->length + (size_t)j] = relation;
}

/* Writes first (parameter), first + 1 (declaration), first + 2 (previous use) over the relations
 * [rows, length, length] of those pairs. Returns -1 when memory ran out. */
int relations_names(const uint16_t *ids, const int16_t *chain, const uint8_t *kind,
                    const uint8_t *segment, const int16_t *start, const uint8_t *flags,
                    const uint32_t *text, size_t rows, size_t length, int first, uint8_t *relations)
{
    uint32_t *name = malloc(length * sizeof *name);
    if (!name) return -1;
    for (size_t n = 0; n < rows; n++) {
        struct row r = {ids + n * length,
                        chain + n * length * LEVELS,
                        kind + n * length,
                        segment + n * length,
                        start + n * length,
                        flags,
                        text,
                        length,
                        name};
        uint8_t *out = relations + n * length * length;
        name_words(&r);
        for (size_t i = 0; i < length; i++) {
            set(out, &r, i, filled(&r, i), (uint8_t)first);
            if (!name[i]) continue;
            int declaration = -1, previous = -1;
            for (int j = r.start[i]; j < (int)i; j++) {
                if (name[j] != name[i]) continue;
                previous = j;
                if (declaration < 0 && declares(r.kind[j]) && in_scope(&r, i, (size_t)j))
                    declaration = j;
            }
            set(out, &r, i, declaration, (uint8_t)(first + 1));
            set(out, &r, i, previous, (uint8_t)(first + 2));
        }
    }
    free(name);
    return 0;
}

/* ---- Brackets and indentation ------------------------------------------------------- */

struct open {
    int16_t at;
    int16_t indent; /* of a line; -1 for a bracket */
};

struct stack {
    struct open entries[DEEP];
    size_t n;
};

static void push(struct stack *s, int16_t at, int16_t indent)
{
    if (s->n < DEEP) s->entries[s->n++] = (struct open){at, indent};
}

static void close_line(struct stack *s, int16_t indent)
{
    while (s->n > 0 && s->entries[s->n - 1].indent >= indent)
        s->n--;
}

static void close_bracket(struct stack *s)
{
    size_t n = s->n;
    while (n > 0 && s->entries[n - 1].indent >= 0)
        n--;
    if (n > 0) s->n = n - 1;
}

/* Overwrites chain [rows, length, 8]. widths [vocab]: leading white space of a token in columns. */
void relations_brackets(const uint16_t *ids, const uint8_t *segment, const int16_t *start,
                        const uint8_t *flags, const uint8_t *widths, size_t rows, size_t length,
                        int16_t *chain)
{
    for (size_t n = 0; n < rows; n++) {
        struct stack stack = {.n = 0};
        bool fresh = true;
        int16_t indent = 0;
        for (size_t i = 0; i < length; i++) {
            size_t at = n * length + i;
            uint8_t f = flags[ids[at]];
            bool cut = (size_t)start[at] == i || (i > 0 && segment[at] + segment[at - 1] != 5 &&
                                                  segment[at] != segment[at - 1]);
            if (cut) stack.n = 0, fresh = true, indent = 0;
            for (size_t l = 0; l < LEVELS; l++)
                chain[at * LEVELS + l] = l < stack.n ? stack.entries[stack.n - 1 - l].at : -1;
            if (f & NEWLINE) {
                fresh = true, indent = 0;
            } else if (fresh) {
                indent = (int16_t)(indent + widths[ids[at]]);
                if (f & BLANK) continue;
                fresh = false;
                close_line(&stack, indent);
                for (size_t l = 0; l < LEVELS; l++)
                    chain[at * LEVELS + l] = l < stack.n ? stack.entries[stack.n - 1 - l].at : -1;
                push(&stack, (int16_t)i, indent);
            }
            if (f & OPENS) push(&stack, (int16_t)i, -1);
            if (f & CLOSES) close_bracket(&stack);
        }
    }
}
