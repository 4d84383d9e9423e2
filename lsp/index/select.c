/* Choosing: names to definitions, texts to chunks, a file to its neighbours.
 *
 * Owns the ranking. All tables are on the stack and bounded, and every list is cut where it gets
 * long: the work at a keystroke does not grow with the workspace, but for names that everybody
 * defines, of which only some are looked at.
 */
#include "lsp/index/select.h"
#include "grammars/grammars.h"
#include "lsp/index/near.h"

#include <stdlib.h>
#include <string.h>

enum {
    MAX_NAMES = 224,  /* different ones that are looked up */
    MAX_WORDS = 4096, /* of the near text */
    NAME_SLOTS = 512, /* a power of two, larger than MAX_NAMES */
    MAX_IMPORT_WORDS = 768,
    MAX_DEFINITIONS = 48, /* of one name */
    SHORT_NAME = 3,
    TELLING_NAME = 7, /* bytes of a name that is no everyday word */
    RARE = 3,         /* so few definitions of a name are worth showing from anywhere */
    PAIR_SYMBOLS = 48,
    SIBLING_FILES = 3,
    SIBLING_SYMBOLS = 12,
    FOLDER_FILES = 256,
    CHUNKS_SHOWN = 2,
    ALIKE_BYTES = 1200, /* of the text that chunks are compared with */
    LEAST_ALIKE = 10,   /* percent of words */
    LINE_STEP = 4,
    NEAR_LINES = 96,
    AFTER_LINES = 16,
};

/* Where in the order of showing each source stands. */
enum { PLACE_SIBLINGS = 0, PLACE_PAIR = 1, PLACE_USED = 2, PLACE_RECENT = 3 };

struct name {
    const char *text;
    size_t len;
    uint32_t hash;
};

struct picker {
    const struct idx_store *store;
    const struct idx_query *query;
    struct idx_selection *out;
    const struct idx_entry *own; /* of the file itself, or NULL */
    uint32_t own_number;
    uint32_t imports[MAX_IMPORT_WORDS]; /* hashes of words, ascending */
    size_t n_imports;
    struct name names[MAX_NAMES]; /* last use first */
    size_t n_names;
    uint16_t slots[NAME_SLOTS]; /* number of a name and one; 0: free */
    struct {
        uint32_t file, header;
    } shown[IDX_SELECTION_MAX];
};

/* ---- Putting ---------------------------------------------------------------------------- */

static void put(struct picker *p, const char *text, size_t len, uint32_t place, uint8_t source,
                uint32_t file, uint32_t header)
{
    struct idx_selection *out = p->out;
    if (out->count == IDX_SELECTION_MAX || len == 0 || len > IDX_SELECTION_BYTES - out->used)
        return;
    for (size_t i = 0; i < out->count; i++)
        if (p->shown[i].file == file && p->shown[i].header == header) return;
    memcpy(out->text + out->used, text, len);
    p->shown[out->count].file = file;
    p->shown[out->count].header = header;
    out->snippets[out->count++] =
        (struct idx_snippet){(uint32_t)out->used, (uint32_t)len, place, source};
    out->used += len;
}

/* A symbol's header, after those of its owners. */
static void put_symbol(struct picker *p, const struct idx_file *file, uint32_t number,
                       uint32_t index, uint32_t place, uint8_t source)
{
    const struct idx_entry *entry = file->entry;
    uint32_t chain[4];
    size_t n = 0;
    for (int32_t at = (int32_t)index; at >= 0 && n < 4; at = entry->symbols[at].owner)
        chain[n++] = (uint32_t)at;
    while (n-- > 0) {
        const struct idx_symbol *s = &entry->symbols[chain[n]];
        put(p, entry->text + s->header, s->header_len, place << 24, source, number, s->header);
    }
}

/* ---- Names ------------------------------------------------------------------------------ */

static bool name_is_known(const struct picker *p, const char *text, size_t len, uint32_t hash,
                          uint32_t *slot)
{
    for (*slot = hash & (NAME_SLOTS - 1); p->slots[*slot]; *slot = (*slot + 1) & (NAME_SLOTS - 1)) {
        const struct name *name = &p->names[p->slots[*slot] - 1];
        if (name->hash == hash && name->len == len && memcmp(name->text, text, len) == 0)
            return true;
    }
    return false;
}

static void add_name(struct picker *p, const char *text, size_t len)
{
    uint32_t slot, hash = idx_word_hash(text, len);
    if (len < SHORT_NAME || p->n_names == MAX_NAMES || name_is_known(p, text, len, hash, &slot))
        return;
    p->names[p->n_names++] = (struct name){text, len, hash};
    p->slots[slot] = (uint16_t)p->n_names;
}

static void collect_names(struct picker *p)
{
    const struct idx_query *q = p->query;
    size_t len;
    uint32_t starts[MAX_WORDS];
    size_t n = 0;
    for (size_t at = q->near_start; (len = idx_word(q->text, q->near_end, &at)) > 0; at += len)
        starts[n++ % MAX_WORDS] = (uint32_t)at;
    for (size_t i = 0; i < n && i < MAX_WORDS; i++) {
        size_t at = starts[(n - 1 - i) % MAX_WORDS];
        len = idx_word(q->text, q->near_end, &at);
        add_name(p, q->text + at, len);
    }
    for (size_t at = q->after_start; (len = idx_word(q->text, q->after_end, &at)) > 0; at += len)
        add_name(p, q->text + at, len);
}

/* ---- What the file imports -------------------------------------------------------------- */

static void collect_imports(struct picker *p)
{
    const struct idx_entry *own = p->own;
    for (uint32_t i = 0; own && i < own->count; i++) {
        const struct idx_symbol *s = &own->symbols[i];
        if (s->kind != GRAM_KIND_IMPORT) continue;
        size_t end = (size_t)s->header + s->header_len, at = s->header, len;
        while (p->n_imports < MAX_IMPORT_WORDS && (len = idx_word(own->text, end, &at)) > 0) {
            p->imports[p->n_imports++] = idx_word_hash(own->text + at, len);
            at += len;
        }
    }
    p->n_imports = idx_sort_words(p->imports, p->n_imports);
}

static bool is_import_word(const struct picker *p, const char *text, size_t len)
{
    uint32_t hash = idx_word_hash(text, len);
    size_t lo = 0, hi = p->n_imports;
    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;
        if (p->imports[mid] < hash)
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo < p->n_imports && p->imports[lo] == hash;
}

/* A file whose folder's name stands for it. */
static bool stands_for_folder(const struct gram_language *lang, const char *stem, size_t len)
{
    static const char *const stems[] = {"index", "mod", "lib", "main", "init", "__init__"};
    if (strcmp(lang->id, "go") == 0) return true;
    for (size_t i = 0; i < sizeof stems / sizeof *stems; i++)
        if (strlen(stems[i]) == len && memcmp(stems[i], stem, len) == 0) return true;
    return false;
}

/* How many components at the path's end the imports name, in a row; 0: none, or only a folder. */
static unsigned imported(const struct picker *p, const struct idx_file *file)
{
    size_t start, len;
    idx_stem_of(file->path, &start, &len);
    bool named = len >= 2 && is_import_word(p, file->path + start, len);
    if (!named && !stands_for_folder(file->entry->lang, file->path + start, len)) return 0;
    unsigned n = named;
    size_t end = start > 0 ? start - 1 : 0;
    while (n < 4 && end > 0) {
        size_t from = end;
        while (from > 0 && file->path[from - 1] != '/')
            from--;
        if (!is_import_word(p, file->path + from, end - from)) break;
        n++;
        end = from > 0 ? from - 1 : 0;
    }
    return n;
}

/* ---- Files ------------------------------------------------------------------------------ */

static bool is_eligible(const struct picker *p, const struct idx_file *file)
{
    const struct idx_query *q = p->query;
    return file->entry->lang && idx_is_family(file->entry->lang, q->lang) &&
           idx_is_below(file->path, q->root) && strcmp(file->path, q->path) != 0;
}

static bool same_folder(const char *a, const char *b)
{
    size_t len = idx_folder_of(a);
    return len == idx_folder_of(b) && memcmp(a, b, len) == 0;
}

static unsigned common_components(const char *a, const char *b)
{
    unsigned n = 0;
    for (; *a && *a == *b; a++, b++)
        n += *a == '/';
    return n;
}

/* The stem without what marks a test. */
static void core_of(const char *path, const char **text, size_t *len)
{
    static const char *const marks[] = {"test_", "_test", "_spec", ".test", ".spec",
                                        "Tests", "Test",  "-test", "Spec",  "_impl"};
    size_t start;
    idx_stem_of(path, &start, len);
    *text = path + start;
    for (size_t i = 0; i < sizeof marks / sizeof *marks; i++) {
        size_t n = strlen(marks[i]);
        if (*len <= n) continue;
        if (memcmp(*text, marks[i], n) == 0) {
            *text += n;
            *len -= n;
        } else if (memcmp(*text + *len - n, marks[i], n) == 0) {
            *len -= n;
        }
    }
}

static bool is_pair(const char *a, const char *b)
{
    const char *x, *y;
    size_t n, m;
    core_of(a, &x, &n);
    core_of(b, &y, &m);
    return n == m && memcmp(x, y, n) == 0;
}

/* ---- Used definitions ------------------------------------------------------------------- */

struct candidate {
    struct idx_ref ref;
    int rank;
    bool near; /* imported, paired or beside */
};

static bool owner_is_named(const struct picker *p, const struct idx_entry *entry, int32_t owner)
{
    if (owner < 0) return false;
    const struct idx_symbol *s = &entry->symbols[owner];
    uint32_t slot, hash = idx_word_hash(entry->text + s->name, s->name_len);
    return name_is_known(p, entry->text + s->name, s->name_len, hash, &slot);
}

static struct candidate judge(const struct picker *p, struct idx_ref ref,
                              const struct idx_file *file)
{
    const struct idx_symbol *s = &file->entry->symbols[ref.symbol];
    struct candidate c = {.ref = ref, .near = true};
    unsigned components = imported(p, file);
    if (components)
        c.rank = 400 + 20 * (int)components;
    else if (is_pair(file->path, p->query->path))
        c.rank = 350;
    else if (same_folder(file->path, p->query->path))
        c.rank = 300;
    else
        c.near = false;
    c.rank += (int)common_components(file->path, p->query->path);
    bool member = s->owner >= 0;
    if (member && owner_is_named(p, file->entry, s->owner))
        c.rank += 12;
    else if (!member)
        c.rank += 8;
    if (s->kind == GRAM_KIND_CLASS || s->kind == GRAM_KIND_FUNCTION) c.rank += 4;
    return c;
}

/* The definition that a name most likely means, if it is worth a guess. */
static bool resolve(const struct picker *p, const struct name *name, struct candidate *best)
{
    struct idx_ref refs[MAX_DEFINITIONS];
    bool more;
    size_t n = idx_store_find(p->store, p->query->view, name->text, name->len, refs,
                              MAX_DEFINITIONS, &more);
    size_t eligible = 0, members = 0;
    struct idx_file file, best_file = {0};
    for (size_t i = 0; i < n; i++) {
        if (p->own && refs[i].file == p->own_number) return false;
        if (!idx_store_file(p->store, refs[i].file, &file) || !is_eligible(p, &file)) continue;
        struct candidate c = judge(p, refs[i], &file);
        eligible++;
        members += file.entry->symbols[refs[i].symbol].owner >= 0;
        bool better = eligible == 1 || c.rank > best->rank;
        if (!better && c.rank == best->rank) { /* whatever the order they came in */
            int order = strcmp(file.path, best_file.path);
            better = order < 0 || (order == 0 && c.ref.symbol < best->ref.symbol);
        }
        if (!better) continue;
        *best = c;
        best_file = file;
    }
    if (eligible == 0) return false;
    const struct idx_symbol *s = &best_file.entry->symbols[best->ref.symbol];
    bool rare = !more && eligible <= RARE && name->len >= TELLING_NAME;
    if (s->owner >= 0 && !owner_is_named(p, best_file.entry, s->owner))
        return !more && members <= 1 && name->len >= TELLING_NAME && (best->near || rare);
    return best->near || rare;
}

static void put_used(struct picker *p)
{
    for (size_t i = 0; i < p->n_names; i++) {
        struct candidate best = {0};
        struct idx_file file;
        if (!resolve(p, &p->names[i], &best)) continue;
        idx_store_file(p->store, best.ref.file, &file);
        put_symbol(p, &file, best.ref.file, best.ref.symbol, PLACE_USED, IDX_USED);
    }
}

/* ---- Neighbours ------------------------------------------------------------------------- */

static void put_headers(struct picker *p, uint32_t number, size_t max, bool members, uint32_t place,
                        uint8_t source)
{
    struct idx_file file;
    size_t n = 0;
    if (!idx_store_file(p->store, number, &file)) return;
    for (uint32_t i = 0; i < file.entry->count && n < max; i++) {
        const struct idx_symbol *s = &file.entry->symbols[i];
        bool wanted = s->kind == GRAM_KIND_FUNCTION || s->kind == GRAM_KIND_CLASS ||
                      s->kind == GRAM_KIND_DECLARATION;
        if (!wanted || (!members && s->owner >= 0)) continue;
        put_symbol(p, &file, number, i, place, source);
        n++;
    }
}

/* The nearest file with the same stem, tests' marks aside. */
static bool find_pair(const struct picker *p, uint32_t *out)
{
    uint32_t found[64];
    const char *core;
    size_t start, stem_len, core_len;
    idx_stem_of(p->query->path, &start, &stem_len);
    core_of(p->query->path, &core, &core_len);
    size_t n =
        idx_store_stem(p->store, p->query->view, p->query->path + start, stem_len, found, 32);
    if (core_len < stem_len)
        n += idx_store_stem(p->store, p->query->view, core, core_len, found + n, 32);
    int best = -1;
    const char *best_path = NULL;
    for (size_t i = 0; i < n; i++) {
        struct idx_file file;
        if (!idx_store_file(p->store, found[i], &file) || !is_eligible(p, &file)) continue;
        int rank = 2 * (int)common_components(file.path, p->query->path) +
                   same_folder(file.path, p->query->path);
        bool better = rank > best || (rank == best && strcmp(file.path, best_path) < 0);
        if (!better) continue;
        best = rank;
        best_path = file.path;
        *out = found[i];
    }
    return best >= 0;
}

/* Bytes at both ends of the stems that are the same, of a hundred. */
static unsigned alike_names(const char *a, const char *b)
{
    size_t x, n, y, m, front = 0, back = 0;
    idx_stem_of(a, &x, &n);
    idx_stem_of(b, &y, &m);
    size_t less = n < m ? n : m, longer = n < m ? m : n;
    while (front < less && a[x + front] == b[y + front])
        front++;
    while (back < less - front && a[x + n - 1 - back] == b[y + m - 1 - back])
        back++;
    return longer ? (unsigned)(100 * (front + back) / longer) : 0;
}

static void put_siblings(struct picker *p)
{
    uint32_t found[FOLDER_FILES], best[SIBLING_FILES];
    unsigned score[SIBLING_FILES];
    size_t kept = 0;
    const char *path = p->query->path;
    size_t n =
        idx_store_folder(p->store, p->query->view, path, idx_folder_of(path), found, FOLDER_FILES);
    for (size_t i = 0; i < n; i++) {
        struct idx_file file, other;
        if (!idx_store_file(p->store, found[i], &file) || !is_eligible(p, &file)) continue;
        unsigned alike = alike_names(file.path, path);
        size_t at = kept;
        while (at > 0 && idx_store_file(p->store, best[at - 1], &other) &&
               (score[at - 1] < alike ||
                (score[at - 1] == alike && strcmp(other.path, file.path) > 0)))
            at--;
        if (at == SIBLING_FILES) continue;
        if (kept < SIBLING_FILES) kept++;
        memmove(best + at + 1, best + at, (kept - at - 1) * sizeof *best);
        memmove(score + at + 1, score + at, (kept - at - 1) * sizeof *score);
        best[at] = found[i];
        score[at] = alike;
    }
    for (size_t i = 0; i < kept; i++)
        put_headers(p, best[i], SIBLING_SYMBOLS, false, PLACE_SIBLINGS, IDX_SIBLINGS);
}

/* ---- Recent chunks ---------------------------------------------------------------------- */

static size_t near_words(const struct idx_query *q, uint32_t *words, size_t max)
{
    size_t n = 0, len, at = q->near_start;
    if (q->near_end - at > ALIKE_BYTES) at = q->near_end - ALIKE_BYTES;
    for (; n < max && (len = idx_word(q->text, q->near_end, &at)) > 0; at += len)
        words[n++] = idx_word_hash(q->text + at, len);
    return idx_sort_words(words, n);
}

static void put_recent(struct picker *p, const struct idx_recents *recents)
{
    uint32_t words[512];
    struct {
        size_t file, chunk, score;
    } best[CHUNKS_SHOWN];
    size_t kept = 0, n = near_words(p->query, words, 512), both, either;
    const char *path;
    const struct idx_chunks *c;
    for (size_t i = 0; (c = idx_recents_at(recents, i, &path)) != NULL; i++) {
        if (strcmp(path, p->query->path) == 0 || !idx_is_below(path, p->query->root) || !c->lang ||
            !idx_is_family(c->lang, p->query->lang))
            continue;
        for (uint32_t k = 0; k < c->count; k++) {
            idx_compare_words(c->words + c->chunks[k].words, c->chunks[k].n_words, words, n, &both,
                              &either);
            size_t score = either ? 10000 * both / either : 0, at = kept;
            while (at > 0 && best[at - 1].score < score)
                at--;
            if (at == CHUNKS_SHOWN || score < 100 * LEAST_ALIKE) continue;
            if (kept < CHUNKS_SHOWN) kept++;
            memmove(best + at + 1, best + at, (kept - at - 1) * sizeof *best);
            best[at].file = i;
            best[at].chunk = k;
            best[at].score = score;
        }
    }
    for (size_t i = 0; i < kept; i++) {
        c = idx_recents_at(recents, best[i].file, &path);
        const struct idx_chunk *chunk = &c->chunks[best[i].chunk];
        put(p, c->text + chunk->start, chunk->end - chunk->start, PLACE_RECENT << 24, IDX_RECENT,
            UINT32_MAX - (uint32_t)best[i].file, chunk->start);
    }
}

/* ---- Names of sources ------------------------------------------------------------------- */

static const struct {
    const char *name;
    unsigned sources;
} source_names[] = {
    {"used", IDX_USED}, {"recent", IDX_RECENT},   {"pair", IDX_PAIR}, {"siblings", IDX_SIBLINGS},
    {"near", IDX_NEAR}, {"all", IDX_ALL_SOURCES}, {"none", 0}};
enum { N_SOURCE_NAMES = sizeof source_names / sizeof *source_names };

const char *idx_source_name(enum idx_source source)
{
    for (size_t i = 0; i < N_SOURCE_NAMES; i++)
        if (source_names[i].sources == source) return source_names[i].name;
    return "?";
}

bool idx_sources_of(const char *list, unsigned *out)
{
    *out = 0;
    while (*list) {
        size_t len = strcspn(list, ","), i = 0;
        while (i < N_SOURCE_NAMES && (strlen(source_names[i].name) != len ||
                                      memcmp(source_names[i].name, list, len) != 0))
            i++;
        if (i == N_SOURCE_NAMES) return false;
        *out |= source_names[i].sources;
        list += len + (list[len] == ',');
    }
    return true;
}

/* ---- Entry ------------------------------------------------------------------------------ */

/* Within a source, files by path and lines in order; recent chunks the best last, next to the
 * text that they are like. */
static void set_places(struct picker *p)
{
    struct idx_selection *out = p->out;
    for (size_t i = 0; i < out->count; i++) {
        uint32_t before = 0;
        for (size_t k = 0; k < out->count; k++) {
            if (k == i || out->snippets[k].source != out->snippets[i].source) continue;
            struct idx_file a, b;
            int order = 0;
            if (out->snippets[i].source == IDX_RECENT)
                order = k > i ? -1 : 1;
            else if (idx_store_file(p->store, p->shown[k].file, &a) &&
                     idx_store_file(p->store, p->shown[i].file, &b))
                order = strcmp(a.path, b.path);
            if (order == 0) order = p->shown[k].header < p->shown[i].header ? -1 : 1;
            before += order < 0;
        }
        out->snippets[i].place += before;
    }
}

void idx_select(const struct idx_store *store, const struct idx_recents *recents,
                const struct idx_query *query, struct idx_selection *out)
{
    struct picker p = {.store = store, .query = query, .out = out};
    struct idx_file own;
    out->count = out->used = 0;
    if (!query->lang) return;
    if (idx_store_at(store, query->view, query->path, &p.own_number) &&
        idx_store_file(store, p.own_number, &own))
        p.own = own.entry;
    if (recents && (query->sources & IDX_RECENT)) put_recent(&p, recents);
    if (query->sources & IDX_USED) {
        collect_names(&p);
        collect_imports(&p);
        put_used(&p);
    }
    uint32_t pair;
    if ((query->sources & IDX_PAIR) && find_pair(&p, &pair))
        put_headers(&p, pair, PAIR_SYMBOLS, true, PLACE_PAIR, IDX_PAIR);
    if (query->sources & IDX_SIBLINGS) put_siblings(&p);
    set_places(&p);
}

void idx_query_ranges(const struct syn_document *doc, size_t line, size_t last,
                      struct idx_query *out)
{
    size_t end = line / LINE_STEP * LINE_STEP, lines = syn_line_count(doc);
    size_t start = end > NEAR_LINES ? end - NEAR_LINES : 0;
    size_t after = last + 1 < lines ? last + 1 : lines;
    size_t stop = after + AFTER_LINES < lines ? after + AFTER_LINES : lines;
    out->near_start = syn_line_start(doc, start);
    out->near_end = syn_line_start(doc, end);
    out->after_start = syn_line_start(doc, after);
    out->after_end = syn_line_start(doc, stop);
}
