/* Entries by path, and postings by name.
 *
 * A posting says that a file has a symbol of some name; files have two postings more, for their
 * stem and their folder. Postings of one hash are a doubly linked list in one array, so that a
 * file goes as fast as it came however common its names are. Nothing points into the arrays from
 * outside, so they may move; entries do not.
 */
#include "lsp/index/store.h"
#include "grammars/grammars.h"

#include <stdlib.h>
#include <string.h>

#define NONE UINT32_MAX

/* What a posting is of, besides the numbers of symbols. */
#define OF_STEM   (NONE - 1)
#define OF_FOLDER (NONE - 2)
#define OF_PATH   (NONE - 3)

struct posting {
    uint64_t hash;
    uint32_t file, symbol;
    uint32_t previous, next; /* of the bucket; a free posting's next free one */
};

struct file {
    char *path; /* NULL: no file */
    struct idx_entry entry;
    struct idx_stamp stamp;
    uint64_t hidden;    /* of a file on disk: a bit for each view that has a buffer of it */
    uint32_t *postings; /* [entry.count + 3] */
    size_t bytes;       /* that it is accounted for */
    bool marked;
    uint32_t next; /* free one */
};

struct idx_store {
    struct idx_limits limits;
    struct file *files;
    uint32_t n_files, files_capacity, free_file; /* n_files: numbers given out */
    struct posting *postings;
    uint32_t n_postings, postings_capacity, free_posting;
    uint32_t *buckets; /* [n_buckets], a power of two */
    uint32_t n_buckets;
    struct idx_store_info info;
};

struct idx_store *idx_store_new(const struct idx_limits *limits)
{
    struct idx_store *store = calloc(1, sizeof *store);
    if (!store) return NULL;
    store->limits = *limits;
    store->free_file = store->free_posting = NONE;
    store->n_buckets = 1024;
    store->buckets = malloc(store->n_buckets * sizeof *store->buckets);
    if (!store->buckets) {
        free(store);
        return NULL;
    }
    memset(store->buckets, 0xff, store->n_buckets * sizeof *store->buckets);
    return store;
}

static void free_file(struct file *file)
{
    idx_entry_free(&file->entry);
    free(file->path);
    free(file->postings);
    memset(file, 0, sizeof *file);
}

void idx_store_free(struct idx_store *store)
{
    if (!store) return;
    for (uint32_t i = 0; i < store->n_files; i++)
        free_file(&store->files[i]);
    free(store->files);
    free(store->postings);
    free(store->buckets);
    free(store);
}

/* ---- Paths ------------------------------------------------------------------------------ */

size_t idx_folder_of(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? (size_t)(slash - path) : 0;
}

void idx_stem_of(const char *path, size_t *start, size_t *len)
{
    const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;
    const char *dot = strrchr(name, '.');
    *start = (size_t)(name - path);
    *len = dot && dot > name ? (size_t)(dot - name) : strlen(name);
}

bool idx_is_below(const char *path, const char *folder)
{
    size_t len = strlen(folder);
    return strncmp(path, folder, len) == 0 && (len == 0 || path[len] == '/');
}

/* ---- Postings --------------------------------------------------------------------------- */

/* Names, stems and folders share the table and never meet. */
static uint64_t key_of(const char *text, size_t len, uint32_t what)
{
    uint64_t h = idx_hash(text, len);
    uint64_t salt = what == OF_STEM ? 1 : what == OF_FOLDER ? 2 : what == OF_PATH ? 3 : 0;
    return h ^ salt * UINT64_C(0x9e3779b97f4a7c15);
}

static uint32_t *bucket_of(const struct idx_store *store, uint64_t hash)
{
    return &store->buckets[(hash ^ hash >> 32) & (store->n_buckets - 1)];
}

static void link_posting(struct idx_store *store, uint32_t index)
{
    struct posting *p = &store->postings[index];
    uint32_t *head = bucket_of(store, p->hash);
    p->previous = NONE;
    p->next = *head;
    if (*head != NONE) store->postings[*head].previous = index;
    *head = index;
}

static void drop_posting(struct idx_store *store, uint32_t index)
{
    struct posting *p = &store->postings[index];
    if (p->previous != NONE)
        store->postings[p->previous].next = p->next;
    else
        *bucket_of(store, p->hash) = p->next;
    if (p->next != NONE) store->postings[p->next].previous = p->previous;
    p->file = NONE;
    p->next = store->free_posting;
    store->free_posting = index;
}

/* Makes room for `more` postings, so that adding them cannot fail. */
static bool reserve_postings(struct idx_store *store, uint32_t more)
{
    uint32_t wanted = store->n_postings + more;
    if (wanted > store->postings_capacity) {
        uint32_t capacity = store->postings_capacity ? store->postings_capacity : 1024;
        while (capacity < wanted)
            capacity *= 2;
        struct posting *grown = realloc(store->postings, capacity * sizeof *grown);
        if (!grown) return false;
        store->postings = grown;
        store->postings_capacity = capacity;
    }
    if (wanted <= store->n_buckets) return true;
    uint32_t n = store->n_buckets;
    while (n < wanted)
        n *= 2;
    uint32_t *buckets = malloc(n * sizeof *buckets);
    if (!buckets) return false;
    memset(buckets, 0xff, n * sizeof *buckets);
    free(store->buckets);
    store->buckets = buckets;
    store->n_buckets = n;
    for (uint32_t i = 0; i < store->n_postings; i++)
        if (store->postings[i].file != NONE) link_posting(store, i);
    return true;
}

static uint32_t add_posting(struct idx_store *store, uint64_t hash, uint32_t file, uint32_t symbol)
{
    uint32_t index = store->free_posting;
    if (index != NONE)
        store->free_posting = store->postings[index].next;
    else
        index = store->n_postings++;
    store->postings[index] = (struct posting){.hash = hash, .file = file, .symbol = symbol};
    link_posting(store, index);
    return index;
}

/* The next posting with this hash, from `at` on. */
static uint32_t next_of(const struct idx_store *store, uint32_t at, uint64_t hash)
{
    while (at != NONE && store->postings[at].hash != hash)
        at = store->postings[at].next;
    return at;
}

/* ---- Files ------------------------------------------------------------------------------ */

static uint64_t bit_of(unsigned view)
{
    return view == IDX_DISK ? 0 : UINT64_C(1) << ((view - 1) % IDX_VIEWS);
}

static bool sees(const struct file *file, unsigned view)
{
    return file->stamp.view == IDX_DISK ? !(file->hidden & bit_of(view)) : file->stamp.view == view;
}

/* The next file of this path, on disk or in whatever view, from posting `at` on; *at: behind it. */
static bool next_at(const struct idx_store *store, const char *path, uint64_t hash, uint32_t *at,
                    uint32_t *file)
{
    for (; (*at = next_of(store, *at, hash)) != NONE; *at = store->postings[*at].next) {
        const struct posting *p = &store->postings[*at];
        if (p->symbol != OF_PATH || strcmp(store->files[p->file].path, path) != 0) continue;
        *file = p->file;
        *at = p->next;
        return true;
    }
    return false;
}

/* Exactly this view's. */
static bool find_file(const struct idx_store *store, const char *path, unsigned view,
                      uint32_t *file)
{
    uint64_t hash = key_of(path, strlen(path), OF_PATH);
    uint32_t at = *bucket_of(store, hash);
    while (next_at(store, path, hash, &at, file))
        if (store->files[*file].stamp.view == view) return true;
    return false;
}

bool idx_store_at(const struct idx_store *store, unsigned view, const char *path, uint32_t *file)
{
    uint64_t hash = key_of(path, strlen(path), OF_PATH);
    uint32_t at = *bucket_of(store, hash);
    while (next_at(store, path, hash, &at, file))
        if (sees(&store->files[*file], view)) return true;
    return false;
}

bool idx_store_sees(const struct idx_store *store, unsigned view, uint32_t file)
{
    return file < store->n_files && store->files[file].path && sees(&store->files[file], view);
}

bool idx_store_file(const struct idx_store *store, uint32_t file, struct idx_file *out)
{
    if (file >= store->n_files || !store->files[file].path) return false;
    const struct file *f = &store->files[file];
    *out = (struct idx_file){f->path, &f->entry, f->stamp};
    return true;
}

uint32_t idx_store_end(const struct idx_store *store)
{
    return store->n_files;
}

static void remove_file(struct idx_store *store, uint32_t index)
{
    struct file *file = &store->files[index];
    uint32_t beneath;
    if (file->stamp.view != IDX_DISK && find_file(store, file->path, IDX_DISK, &beneath))
        store->files[beneath].hidden &= ~bit_of(file->stamp.view);
    for (uint32_t i = 0; i < file->entry.count + 3; i++)
        if (file->postings[i] != NONE) drop_posting(store, file->postings[i]);
    store->info.files--;
    store->info.symbols -= file->entry.count;
    store->info.bytes -= file->bytes;
    free_file(file);
    file->next = store->free_file;
    store->free_file = index;
}

bool idx_store_remove(struct idx_store *store, const char *path, unsigned view)
{
    uint32_t file;
    if (!find_file(store, path, view, &file)) return false;
    remove_file(store, file);
    return true;
}

void idx_store_end_view(struct idx_store *store, unsigned view)
{
    for (uint32_t i = 0; view != IDX_DISK && i < store->n_files; i++)
        if (store->files[i].path && store->files[i].stamp.view == view) remove_file(store, i);
}

static bool reserve_file(struct idx_store *store)
{
    if (store->free_file != NONE || store->n_files < store->files_capacity) return true;
    uint32_t capacity = store->files_capacity ? store->files_capacity * 2 : 256;
    struct file *grown = realloc(store->files, capacity * sizeof *grown);
    if (!grown) return false;
    store->files = grown;
    store->files_capacity = capacity;
    return true;
}

/* Memory of a file, its postings and its part of the tables. */
static size_t cost_of(const char *path, const struct idx_entry *entry)
{
    size_t postings = (size_t)entry->count + 3;
    return idx_entry_bytes(entry) + strlen(path) + 1 + sizeof(struct file) +
           postings * (2 * sizeof(uint32_t) + sizeof(struct posting));
}

static void post_file(struct idx_store *store, uint32_t index)
{
    struct file *file = &store->files[index];
    const struct idx_entry *entry = &file->entry;
    size_t start, len;
    for (uint32_t i = 0; i < entry->count; i++) {
        const struct idx_symbol *s = &entry->symbols[i];
        uint64_t hash = key_of(entry->text + s->name, s->name_len, i);
        file->postings[i] = s->name_len ? add_posting(store, hash, index, i) : NONE;
    }
    idx_stem_of(file->path, &start, &len);
    uint32_t *last = file->postings + entry->count;
    last[0] = add_posting(store, key_of(file->path + start, len, OF_STEM), index, OF_STEM);
    last[1] = add_posting(store, key_of(file->path, idx_folder_of(file->path), OF_FOLDER), index,
                          OF_FOLDER);
    last[2] = add_posting(store, key_of(file->path, strlen(file->path), OF_PATH), index, OF_PATH);
}

/* Refuses before anything is changed. */
static enum idx_status check_room(const struct idx_store *store, const char *path, bool replaces,
                                  size_t freed, size_t cost)
{
    if (strlen(path) >= IDX_MAX_PATH) return IDX_FULL;
    if (!replaces && store->info.files >= store->limits.files) return IDX_FULL;
    size_t bytes = store->info.bytes - freed;
    return cost > store->limits.bytes || bytes > store->limits.bytes - cost ? IDX_FULL : IDX_OK;
}

/* Who sees what, before a file comes. */
static void settle_views(struct idx_store *store, struct file *file)
{
    uint32_t other;
    if (file->stamp.view != IDX_DISK) {
        if (find_file(store, file->path, IDX_DISK, &other))
            store->files[other].hidden |= bit_of(file->stamp.view);
        return;
    }
    uint64_t hash = key_of(file->path, strlen(file->path), OF_PATH);
    uint32_t at = *bucket_of(store, hash);
    while (next_at(store, file->path, hash, &at, &other)) {
        const struct idx_stamp *stamp = &store->files[other].stamp;
        if (stamp->size == file->stamp.size && stamp->hash == file->stamp.hash)
            remove_file(store, other);
        else
            file->hidden |= bit_of(stamp->view);
    }
}

enum idx_status idx_store_put(struct idx_store *store, const char *path,
                              const struct idx_stamp *stamp, struct idx_entry *entry)
{
    uint32_t index;
    bool replaces = find_file(store, path, stamp->view, &index);
    size_t cost = cost_of(path, entry);
    enum idx_status status =
        check_room(store, path, replaces, replaces ? store->files[index].bytes : 0, cost);
    if (status != IDX_OK) return status;
    struct file file = {.entry = *entry, .stamp = *stamp, .bytes = cost, .marked = true};
    file.path = malloc(strlen(path) + 1);
    file.postings = malloc(((size_t)entry->count + 3) * sizeof *file.postings);
    if (!file.path || !file.postings || !reserve_file(store) ||
        !reserve_postings(store, entry->count + 3)) {
        free(file.path);
        free(file.postings);
        return IDX_NO_MEMORY;
    }
    strcpy(file.path, path);
    if (replaces) remove_file(store, index);
    settle_views(store, &file);
    index = store->free_file;
    if (index != NONE)
        store->free_file = store->files[index].next;
    else
        index = store->n_files++;
    store->files[index] = file;
    post_file(store, index);
    store->info.files++;
    store->info.symbols += entry->count;
    store->info.bytes += cost;
    memset(entry, 0, sizeof *entry);
    return IDX_OK;
}

void idx_store_restamp(struct idx_store *store, uint32_t file, const struct idx_stamp *stamp)
{
    store->files[file].stamp = *stamp;
    store->files[file].marked = true;
}

void idx_store_unmark(struct idx_store *store)
{
    for (uint32_t i = 0; i < store->n_files; i++)
        store->files[i].marked = false;
}

void idx_store_mark(struct idx_store *store, uint32_t file)
{
    store->files[file].marked = true;
}

size_t idx_store_sweep(struct idx_store *store, const char *folder)
{
    size_t n = 0;
    for (uint32_t i = 0; i < store->n_files; i++) {
        const struct file *file = &store->files[i];
        if (!file->path || file->marked || file->stamp.view != IDX_DISK ||
            !idx_is_below(file->path, folder))
            continue;
        remove_file(store, i);
        n++;
    }
    return n;
}

void idx_store_info(const struct idx_store *store, struct idx_store_info *out)
{
    *out = store->info;
}

/* ---- Lookup ----------------------------------------------------------------------------- */

size_t idx_store_find(const struct idx_store *store, unsigned view, const char *name, size_t len,
                      struct idx_ref *out, size_t max, bool *more)
{
    uint64_t hash = key_of(name, len, 0);
    size_t n = 0;
    *more = false;
    for (uint32_t at = next_of(store, *bucket_of(store, hash), hash); at != NONE;
         at = next_of(store, store->postings[at].next, hash)) {
        const struct posting *p = &store->postings[at];
        const struct idx_entry *entry = &store->files[p->file].entry;
        if (p->symbol >= entry->count) continue;
        const struct idx_symbol *s = &entry->symbols[p->symbol];
        if (!sees(&store->files[p->file], view)) continue;
        if (s->name_len != len || memcmp(entry->text + s->name, name, len) != 0) continue;
        *more = n == max;
        if (*more) break;
        out[n++] = (struct idx_ref){p->file, p->symbol};
    }
    return n;
}

static size_t find_files(const struct idx_store *store, unsigned view, const char *text, size_t len,
                         uint32_t what, uint32_t *out, size_t max)
{
    uint64_t hash = key_of(text, len, what);
    size_t n = 0;
    for (uint32_t at = next_of(store, *bucket_of(store, hash), hash); at != NONE && n < max;
         at = next_of(store, store->postings[at].next, hash)) {
        const struct posting *p = &store->postings[at];
        if (p->symbol != what || !sees(&store->files[p->file], view)) continue;
        const char *path = store->files[p->file].path;
        size_t start = 0, own = idx_folder_of(path);
        if (what == OF_STEM) idx_stem_of(path, &start, &own);
        if (own == len && memcmp(path + start, text, len) == 0) out[n++] = p->file;
    }
    return n;
}

size_t idx_store_folder(const struct idx_store *store, unsigned view, const char *folder,
                        size_t len, uint32_t *out, size_t max)
{
    return find_files(store, view, folder, len, OF_FOLDER, out, max);
}

size_t idx_store_stem(const struct idx_store *store, unsigned view, const char *stem, size_t len,
                      uint32_t *out, size_t max)
{
    return find_files(store, view, stem, len, OF_STEM, out, max);
}
