/* Sketches, from text to nodes.
 *
 * What a name stands for is not known to any grammar, so each becomes an identifier that no text
 * has. Such a text is parsed in one context after the other until there is one without an error;
 * the smallest node around all of it is the sketch. Where a language wants statements to end in a
 * semicolon, names that stand alone get one.
 */
#include "syntax/facts.h"
#include "syntax/sketches.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PLACES = 64, NAME_BYTES = 64 };

/* Where a name stands in the text that is parsed. */
struct place {
    uint32_t start, end;
    int name;
    bool many;
};

struct making {
    struct syn_sketch *sketch;
    const char *source; /* as it was given */
    size_t len;
    char *text; /* with placeholders */
    size_t text_len, capacity;
    struct place places[PLACES];
    size_t n_places;
    uint32_t start, end; /* of the sketch in its context's text */
    struct syn_document *doc;
};

/* ---- Names ------------------------------------------------------------------------- */

static bool is_name_byte(char c)
{
    return (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

int syn_sketch_name(const struct syn_sketch *sketch, const char *name, size_t len)
{
    for (size_t i = 0; i < sketch->n_names; i++)
        if (strlen(sketch->names[i]) == len && memcmp(sketch->names[i], name, len) == 0)
            return (int)i;
    return -1;
}

/* The name's number, a new one if need be. False after a message. */
static bool number_of(struct syn_sketch *sketch, const char *name, size_t len, int *out,
                      struct syn_error *err)
{
    *out = SYN_SKETCH_FORGOTTEN;
    if (len == 0 || (len == 1 && *name == '_')) return true;
    *out = syn_sketch_name(sketch, name, len);
    if (*out >= 0) return true;
    if (sketch->n_names == SYN_SKETCH_NAMES || len >= NAME_BYTES) {
        syn_fail(err, SYN_BAD_GRAMMAR, "$%.*s: expected at most %d names of %d bytes", (int)len,
                 name, SYN_SKETCH_NAMES, NAME_BYTES - 1);
        return false;
    }
    char *copy = strndup(name, len);
    if (!copy) {
        syn_fail(err, SYN_NO_MEMORY, "out of memory for a sketch");
        return false;
    }
    *out = (int)sketch->n_names;
    sketch->names[sketch->n_names++] = copy;
    return true;
}

/* ---- Placeholders ------------------------------------------------------------------ */

static bool put(struct making *m, const char *bytes, size_t len)
{
    if (m->text_len + len + 1 > m->capacity) {
        size_t capacity = 2 * (m->text_len + len) + 256;
        char *grown = realloc(m->text, capacity);
        if (!grown) return false;
        m->text = grown;
        m->capacity = capacity;
    }
    memcpy(m->text + m->text_len, bytes, len);
    m->text_len += len;
    m->text[m->text_len] = 0;
    return true;
}

size_t syn_sketch_word(const char *text, size_t len, bool *many, struct syn_span *name)
{
    *many = len >= 3 && memcmp(text, "$$$", 3) == 0;
    if (len == 0 || *text != '$') return 0;
    uint32_t start = *many ? 3 : 1, end = start;
    while (end < len && is_name_byte(text[end]))
        end++;
    *name = (struct syn_span){start, end};
    bool starts = end > start && (text[start] < '0' || text[start] > '9');
    return starts || (*many && end == start) ? end : 0;
}

/* How names are written where a language wants more than a name. */
enum way {
    PLAIN,
    ENDED, /* as a statement, at the end of a line, a block or all */
    TYPED, /* the same, and with a type, alone in a list in brackets */
    WAYS
};

static size_t skip_blanks(const struct making *m, size_t at)
{
    while (at < m->len && (m->source[at] == ' ' || m->source[at] == '\t'))
        at++;
    return at;
}

static bool is_last(const struct making *m, size_t end)
{
    end = skip_blanks(m, end);
    return end == m->len || strchr("\n}", m->source[end]);
}

static bool is_listed(const struct making *m, size_t start, size_t end)
{
    while (start > 0 && (m->source[start - 1] == ' ' || m->source[start - 1] == '\t'))
        start--;
    end = skip_blanks(m, end);
    return start > 0 && end < m->len && strchr("(,", m->source[start - 1]) &&
           strchr("),", m->source[end]);
}

/* What makes a statement of a name. */
static const char *statement_end(const struct gram_language *lang)
{
    if (strcmp(lang->id, "csharp") == 0) return "();";
    return strcmp(lang->id, "lua") == 0 ? "()" : ";";
}

static bool put_placeholder(struct making *m, size_t at, size_t len, bool many, int name,
                            const char *sigil, enum way way)
{
    char word[NAME_BYTES];
    struct place *p = &m->places[m->n_places];
    int n = snprintf(word, sizeof word, "%sespq%zuz", sigil, m->n_places);
    *p = (struct place){.start = (uint32_t)m->text_len, .name = name, .many = many};
    m->n_places++;
    bool ok = put(m, word, (size_t)n);
    if (way == TYPED && many && is_listed(m, at, at + len))
        ok = ok && put(m, " ", 1) && put(m, word, (size_t)n);
    const char *end = statement_end(m->sketch->lang);
    bool lua = strcmp(m->sketch->lang->id, "lua") == 0; /* what follows there is a word */
    if (way != PLAIN && (is_last(m, at + len) || (lua && many && !is_listed(m, at, at + len))))
        ok = ok && put(m, end, strlen(end));
    p->end = (uint32_t)m->text_len;
    return ok;
}

/* The source with placeholders. */
static enum syn_status write_text(struct making *m, const char *sigil, enum way way,
                                  struct syn_error *err)
{
    m->text_len = m->n_places = 0;
    for (size_t at = 0; at < m->len;) {
        const char *word = m->source + at;
        struct syn_span name;
        bool many;
        size_t n = syn_sketch_word(word, m->len - at, &many, &name);
        int number;
        if (n == 0) {
            if (!put(m, m->source + at++, 1)) return syn_fail(err, SYN_NO_MEMORY, "out of memory");
            continue;
        }
        if (!number_of(m->sketch, word + name.start, name.end - name.start, &number, err))
            return SYN_BAD_GRAMMAR;
        if (m->n_places == PLACES)
            return syn_fail(err, SYN_BAD_GRAMMAR, "expected at most %d names", PLACES);
        if (!put_placeholder(m, at, n, many, number, sigil, way))
            return syn_fail(err, SYN_NO_MEMORY, "out of memory for a sketch");
        at += n;
    }
    return SYN_OK;
}

/* ---- Contexts ---------------------------------------------------------------------- */

static const struct place *place_of(const struct making *m, TSNode node)
{
    uint32_t start = ts_node_start_byte(node) - m->start, end = ts_node_end_byte(node) - m->start;
    for (size_t i = 0; i < m->n_places; i++)
        if (m->places[i].start == start && m->places[i].end == end) return &m->places[i];
    return NULL;
}

struct standing {
    const struct making *m;
    bool seen[PLACES];
};

static bool note_place(TSNode node, void *user)
{
    struct standing *s = user;
    const struct place *place = place_of(s->m, node);
    if (place) s->seen[place - s->m->places] = true;
    return true;
}

/* Is each name a node? */
static bool all_stand(const struct making *m, TSNode root)
{
    struct standing s = {.m = m};
    syn_each_node(root, note_place, &s);
    for (size_t i = 0; i < m->n_places; i++)
        if (!s.seen[i]) return false;
    return true;
}

/* What the sketch is: a node, or some children of one. */
struct root {
    TSNode node;            /* null: neither */
    uint32_t first, behind; /* children [first, behind) of it; behind 0: the node itself */
};

static bool holds_statements(const struct making *m, TSNode node)
{
    uint8_t kind = syn_kind_of(m->doc->tables, node);
    return kind == GRAM_KIND_FILE || kind == GRAM_KIND_BLOCK || kind == GRAM_KIND_SWITCH;
}

/* The children of a node that are all of [start, end), if they are several statements. */
static struct root sequence_of(const struct making *m, TSNode node, uint32_t start, uint32_t end)
{
    static const struct root none;
    struct root root = {.node = node};
    uint32_t n = ts_node_child_count(node), named = 0, at = start, stop = start;
    for (uint32_t i = 0; i < n; i++) {
        TSNode child = ts_node_child(node, i);
        if (ts_node_end_byte(child) <= start || ts_node_start_byte(child) >= end) continue;
        if (root.behind == 0) {
            root.first = i;
            at = ts_node_start_byte(child);
            if (!ts_node_is_named(child)) return none;
        }
        root.behind = i + 1;
        stop = ts_node_end_byte(child);
        named += ts_node_is_named(child);
    }
    bool whole = named > 1 && at == start && stop == end && holds_statements(m, node);
    return whole ? root : none;
}

/* The innermost node that is all of the sketch, or the statements that are. */
static struct root root_of(const struct making *m, const char *text)
{
    uint32_t start = m->start, end = m->end;
    while (start < end && strchr(" \t\r\n", text[start]))
        start++;
    while (end > start && strchr(" \t\r\n", text[end - 1]))
        end--;
    TSNode all = ts_tree_root_node(m->doc->tree);
    TSNode node = ts_node_descendant_for_byte_range(all, start, end);
    while (!ts_node_is_named(node) && !ts_node_is_null(ts_node_parent(node)) &&
           ts_node_start_byte(ts_node_parent(node)) == start &&
           ts_node_end_byte(ts_node_parent(node)) == end)
        node = ts_node_parent(node); /* a statement that is one word */
    bool whole = ts_node_start_byte(node) == start && ts_node_end_byte(node) == end;
    /* A file may have a semicolon beside its one statement. */
    if (whole && ts_node_eq(node, all) && ts_node_named_child_count(all) == 1)
        return (struct root){.node = ts_node_named_child(all, 0)};
    struct root sequence = sequence_of(m, node, start, end);
    if (!ts_node_is_null(sequence.node)) return sequence;
    static const struct root none;
    return whole && !ts_node_eq(node, all) ? (struct root){.node = node} : none;
}

/* Puts the text into a context, a line with "%" in it, and parses. False: not without errors, or
 * not as one node. */
static bool fits(struct making *m, const char *line, size_t len)
{
    const char *gap = memchr(line, '%', len);
    size_t before = (size_t)(gap - line), total = len - 1 + m->text_len;
    char *text = malloc(total + 1);
    if (!text) return false;
    memcpy(text, line, before);
    memcpy(text + before, m->text, m->text_len);
    memcpy(text + before + m->text_len, gap + 1, len - before - 1);
    text[total] = 0;
    for (char *at = text; at < text + before; at++)
        if (*at == '|') *at = '\n';
    syn_document_free(m->doc);
    m->doc = NULL;
    bool ok = syn_document_new(m->sketch->lang, text, total, &m->doc, NULL) == SYN_OK &&
              syn_document_parse(m->doc, 0, NULL) == SYN_OK && m->doc->tree &&
              syn_document_cost(m->doc) == 0;
    m->start = (uint32_t)before;
    m->end = (uint32_t)(before + m->text_len);
    TSNode root = ok ? root_of(m, text).node : (TSNode){0};
    ok = ok && !ts_node_is_null(root) && all_stand(m, root);
    if (!ok)
        free(text);
    else {
        free(m->sketch->text);
        m->sketch->text = text;
    }
    return ok;
}

/* Writes the text in one way after the other for this context. *fit: it parses in one of them. */
static enum syn_status try_ways(struct making *m, const char *line, size_t len, bool *fit,
                                struct syn_error *err)
{
    bool php = strcmp(m->sketch->lang->id, "php") == 0; /* variables have a sigil there */
    for (int i = php ? 0 : WAYS; i < 2 * WAYS && !*fit; i++) {
        enum syn_status status = write_text(m, i < WAYS ? "$" : "", (enum way)(i % WAYS), err);
        if (status != SYN_OK) return status;
        *fit = fits(m, line, len);
    }
    return SYN_OK;
}

static enum syn_status parse(struct making *m, bool *fit, struct syn_error *err)
{
    enum syn_status status = SYN_OK;
    *fit = false;
    for (const char *line = m->sketch->lang->contexts; *line && !*fit && status == SYN_OK;) {
        size_t len = strcspn(line, "\n");
        if (len > 0 && memchr(line, '%', len)) status = try_ways(m, line, len, fit, err);
        line += len + (line[len] == '\n');
    }
    return status;
}

/* ---- Nodes ------------------------------------------------------------------------- */

static bool reserve(struct syn_sketch *s, uint32_t n)
{
    if (s->n_nodes + n <= s->capacity) return true;
    uint32_t capacity = 2 * (s->n_nodes + n) + 32;
    struct syn_sketch_node *grown = realloc(s->nodes, capacity * sizeof *grown);
    if (!grown) return false;
    s->nodes = grown;
    s->capacity = capacity;
    return true;
}

/* Does it count? Comments and ends of lines do not. */
static bool counts(const struct making *m, TSNode node)
{
    uint8_t kind = syn_kind_of(m->doc->tables, node);
    return kind != GRAM_KIND_COMMENT && strcmp(ts_node_type(node), "\n") != 0;
}

static bool fill(struct making *m, uint32_t index, TSNode node, unsigned depth);

/* Fills in children [from, to) of a node as those of nodes[index]. */
static bool fill_children(struct making *m, uint32_t index, TSNode node, uint32_t from, uint32_t to,
                          unsigned depth)
{
    struct syn_sketch *s = m->sketch;
    uint32_t kids = 0, kid = s->n_nodes;
    if (depth == SYN_SKETCH_DEPTH || !reserve(s, to - from)) return false;
    for (uint32_t i = from; i < to; i++)
        kids += counts(m, ts_node_child(node, i));
    s->nodes[index].first = kid;
    s->nodes[index].kids = kids;
    s->n_nodes += kids;
    for (uint32_t i = from; i < to; i++) {
        TSNode child = ts_node_child(node, i);
        if (counts(m, child) && !fill(m, kid++, child, depth + 1)) return false;
    }
    return true;
}

/* Fills nodes[index], and its children behind all that are there. */
static bool fill(struct making *m, uint32_t index, TSNode node, unsigned depth)
{
    const struct place *place = place_of(m, node);
    struct syn_sketch_node *out = &m->sketch->nodes[index];
    *out = (struct syn_sketch_node){.symbol = ts_node_symbol(node),
                                    .named = ts_node_is_named(node),
                                    .text = ts_node_start_byte(node),
                                    .len = ts_node_end_byte(node) - ts_node_start_byte(node)};
    if (!place) return fill_children(m, index, node, 0, ts_node_child_count(node), depth);
    out->stands = true;
    out->many = place->many;
    out->name = place->name;
    if (place->name >= 0) m->sketch->many[place->name] |= place->many;
    return true;
}

/* Several statements: nodes[0] stands for none, and its children are they. */
static enum syn_status fill_sequence(struct making *m, const struct root *root,
                                     struct syn_error *err)
{
    struct syn_sketch *s = m->sketch;
    s->sequence = true;
    s->nodes[0] = (struct syn_sketch_node){.named = true};
    if (!fill_children(m, 0, root->node, root->first, root->behind, 0))
        return syn_fail(err, SYN_BAD_GRAMMAR, "it is too deep, or out of memory");
    if (s->nodes[s->nodes[0].first].stands)
        return syn_fail(err, SYN_BAD_GRAMMAR,
                        "the first of several statements has to be more than a name");
    return SYN_OK;
}

static enum syn_status make(struct making *m, struct syn_error *err)
{
    bool fit;
    enum syn_status status = parse(m, &fit, err);
    if (status != SYN_OK) return status;
    if (!fit)
        return syn_fail(err, SYN_BAD_GRAMMAR,
                        "expected an expression, a declaration or statements of %s",
                        m->sketch->lang->name);
    struct root root = root_of(m, m->sketch->text);
    if (!reserve(m->sketch, 1)) return syn_fail(err, SYN_NO_MEMORY, "out of memory");
    m->sketch->n_nodes = 1;
    if (root.behind > 0) return fill_sequence(m, &root, err);
    if (place_of(m, root.node))
        return syn_fail(err, SYN_BAD_GRAMMAR, "a name alone would match everything");
    return fill(m, 0, root.node, 0)
               ? SYN_OK
               : syn_fail(err, SYN_BAD_GRAMMAR, "it is too deep, or out of memory");
}

/* ---- The whole --------------------------------------------------------------------- */

enum syn_status syn_sketch_new(const struct gram_language *lang, const char *text, size_t len,
                               struct syn_sketch **out, struct syn_error *err)
{
    *out = NULL;
    if (len == 0) return syn_fail(err, SYN_BAD_GRAMMAR, "there is nothing in it");
    if (len > SYN_SKETCH_BYTES)
        return syn_fail(err, SYN_TOO_LARGE, "a sketch of %zu bytes: expected at most %d", len,
                        SYN_SKETCH_BYTES);
    struct syn_sketch *sketch = calloc(1, sizeof *sketch);
    if (!sketch) return syn_fail(err, SYN_NO_MEMORY, "out of memory for a sketch");
    sketch->lang = lang;
    struct making m = {.sketch = sketch, .source = text, .len = len};
    enum syn_status status = make(&m, err);
    syn_document_free(m.doc);
    free(m.text);
    if (status == SYN_OK)
        *out = sketch;
    else
        syn_sketch_free(sketch);
    return status;
}

void syn_sketch_free(struct syn_sketch *sketch)
{
    if (!sketch) return;
    for (size_t i = 0; i < sketch->n_names; i++)
        free(sketch->names[i]);
    syn_sketch_where_free(&sketch->where);
    free(sketch->nodes);
    free(sketch->text);
    free(sketch);
}
