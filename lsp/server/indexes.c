/* The indexes' threads: for each a queue of news, and folders to walk when there are none.
 *
 * Three locks, never two at once but for the first with the second. The list's is for who joins.
 * An index's `mutex` is for what its members and its thread tell each other (queue, wishes,
 * status); its `store_lock` is for the store and the recents of all members, and is what idx_guard
 * takes around each use. The thread holds neither while it reads or parses.
 *
 * Only the thread writes to the store. So a member that leaves tells it which view is no longer
 * wanted, and that view is given to another one when its buffers have gone; if the thread is just
 * at work for the member it is the thread that frees it. An index without users is ended by its
 * thread, under the mutex, so that who joins before finds it alive; what has ended is taken off the
 * list by the next who joins.
 *
 * The order of work: views that ended, what happened to single files, then texts near a document,
 * then one file more of the walk. So what a person does shows within a file's time however large
 * the workspace is.
 */
#include "lsp/server/indexes.h"
#include "lsp/index/cache.h"
#include "lsp/index/scan.h"
#include "lsp/locate.h"
#include "lsp/server/protocol.h"

#include <stdlib.h>
#include <string.h>

#define QUEUE       128u
#define HOLD_MS     250u  /* after a keystroke */
#define PATIENCE_MS 1000u /* a file a second is indexed whatever happens */
#define NEWS_FILES  200u  /* files between two pieces of news */

enum news_kind { NEWS_CHANGED, NEWS_TEXT, NEWS_CLOSED };

struct news {
    enum news_kind kind;
    struct lsp_index_member *member; /* NULL: it is everybody's */
    char *path;
    char *text; /* NEWS_TEXT */
    size_t len;
    const struct gram_language *lang;
};

struct lsp_index;

struct lsp_index_member {
    struct lsp_index *index;
    struct lsp_index_member *next;
    uv_async_t *wake;
    unsigned view;
    bool gone;                   /* left while the thread was at work for it */
    char *near_wanted, *near_of; /* paths, or NULL */
    const struct gram_language *near_lang;
    struct idx_texts near;       /* of near_of, until they are taken */
    struct idx_recents *recents; /* under the store's lock */
};

struct lsp_index {
    struct lsp_index *next; /* under the list's lock, as are the folders' comparisons */
    struct lsp_index_options options;
    char *folders[LSP_MAX_FOLDERS];
    size_t n_folders;
    uv_thread_t thread;

    uv_mutex_t mutex;
    uv_cond_t changed;
    struct lsp_index_member *members, *served;
    unsigned users;
    uint64_t views, left_views; /* bits: given out, and of these no longer wanted */
    bool ended, walk_again;
    struct news queue[QUEUE];
    size_t queue_start, queue_count;
    uint64_t hold_until, walk_ended; /* uv_hrtime */
    struct lsp_index_status status;

    uv_mutex_t store_lock;
    struct idx_store *store; /* NULL: none */

    /* The thread's own. */
    struct idx_scan *scan;
    size_t folder; /* that is walked */
    uint64_t walk_started, last_step;
    uint64_t passed_over;
    bool dirty; /* not what is on disk */
};

struct lsp_indexes {
    uv_mutex_t mutex;
    struct lsp_index *first;
};

/* ---- All threads ------------------------------------------------------------------------ */

static void free_news(struct news *news)
{
    free(news->path);
    free(news->text);
    *news = (struct news){.path = NULL};
}

static struct news *queued(struct lsp_index *index, size_t i)
{
    return &index->queue[(index->queue_start + i) % QUEUE];
}

/* Takes number i out of the queue. Mutex held. */
static struct news unqueue(struct lsp_index *index, size_t i)
{
    struct news news = *queued(index, i);
    for (; i > 0; i--)
        *queued(index, i) = *queued(index, i - 1);
    index->queue_start = (index->queue_start + 1) % QUEUE;
    index->queue_count--;
    return news;
}

static void lock_store(void *user)
{
    struct lsp_index *index = user;
    uv_mutex_lock(&index->store_lock);
}

static void unlock_store(void *user)
{
    struct lsp_index *index = user;
    uv_mutex_unlock(&index->store_lock);
}

/* Nobody knows it any more. */
static void free_member(struct lsp_index_member *member)
{
    idx_recents_free(member->recents);
    free(member->near_wanted);
    free(member->near_of);
    idx_texts_free(&member->near);
    free(member);
}

static uint64_t bit_of(unsigned view)
{
    return UINT64_C(1) << (view - 1);
}

/* ---- The thread ------------------------------------------------------------------------- */

static struct idx_target target_of(struct lsp_index *index, unsigned view)
{
    return (struct idx_target){.store = index->store,
                               .guard = {lock_store, unlock_store, index},
                               .max_file = (uint64_t)index->options.max_kilobytes << 10,
                               .view = view};
}

/* Mutex held. */
static void tell_members(const struct lsp_index *index)
{
    for (const struct lsp_index_member *m = index->members; m; m = m->next)
        uv_async_send(m->wake);
}

static void report(struct lsp_index *index, enum lsp_index_state state, bool walking)
{
    struct idx_store_info info = {0};
    struct idx_counts counts = {0};
    uv_mutex_lock(&index->store_lock);
    if (index->store) idx_store_info(index->store, &info);
    uv_mutex_unlock(&index->store_lock);
    if (index->scan) idx_scan_counts(index->scan, &counts);
    uv_mutex_lock(&index->mutex);
    struct lsp_index_status *status = &index->status;
    status->state = state;
    status->walking = walking;
    status->seen = counts.files;
    status->files = info.files;
    status->symbols = info.symbols;
    status->bytes = info.bytes;
    status->passed_over = index->passed_over;
    tell_members(index);
    uv_mutex_unlock(&index->mutex);
}

static enum lsp_index_state state_of(struct lsp_index *index)
{
    uv_mutex_lock(&index->mutex);
    enum lsp_index_state state = index->status.state;
    uv_mutex_unlock(&index->mutex);
    return state;
}

static bool cache_path(const struct lsp_index *index, char out[LSP_CONFIG_PATH_MAX])
{
    return index->options.on_disk &&
           lsp_locate_index((const char *const *)index->folders, index->n_folders, out);
}

static void save(struct lsp_index *index)
{
    char path[LSP_CONFIG_PATH_MAX];
    struct idx_store_info info;
    if (!index->store || !index->dirty || !cache_path(index, path)) return;
    idx_store_info(index->store, &info);
    if (info.files == 0) return;
    /* Readers may read it meanwhile, and only this thread writes. */
    idx_cache_save(path, index->store);
    index->dirty = false;
}

static void close_store(struct lsp_index *index)
{
    idx_scan_close(index->scan);
    index->scan = NULL;
    save(index);
    struct idx_store *store = index->store;
    uv_mutex_lock(&index->store_lock);
    index->store = NULL;
    uv_mutex_unlock(&index->store_lock);
    idx_store_free(store);
}

/* The folders from number `first` on, until one could be opened or all are done. */
static void walk_from(struct lsp_index *index, size_t first)
{
    const struct idx_target target = target_of(index, IDX_DISK);
    for (index->folder = first; index->folder < index->n_folders; index->folder++) {
        index->scan = idx_scan_open(&target, index->folders[index->folder], false);
        if (index->scan) return;
    }
}

static void begin_walk(struct lsp_index *index)
{
    idx_scan_close(index->scan);
    index->scan = NULL;
    index->passed_over = 0;
    index->walk_started = uv_hrtime();
    walk_from(index, 0);
    uv_mutex_lock(&index->mutex);
    index->status.walks++;
    uv_mutex_unlock(&index->mutex);
    enum lsp_index_state state = state_of(index);
    report(index, state == LSP_INDEX_READY ? state : LSP_INDEX_BUILDING, true);
}

static void open_store(struct lsp_index *index)
{
    const struct lsp_index_options *o = &index->options;
    const struct idx_limits limits = {(size_t)o->megabytes << 20, (uint32_t)o->max_files};
    struct idx_store *store = idx_store_new(&limits);
    char path[LSP_CONFIG_PATH_MAX], why[128];
    if (!store) {
        report(index, LSP_INDEX_OFF, false);
        return;
    }
    index->dirty = !(cache_path(index, path) && idx_cache_load(path, store, why) == IDX_OK);
    uv_mutex_lock(&index->store_lock);
    index->store = store;
    uv_mutex_unlock(&index->store_lock);
    begin_walk(index);
}

static const char *folder_of(const struct lsp_index *index, const char *path)
{
    for (size_t i = 0; i < index->n_folders; i++)
        if (idx_is_below(path, index->folders[i])) return index->folders[i];
    return NULL;
}

static void take_news(struct lsp_index *index, const struct news *news)
{
    const char *folder = folder_of(index, news->path);
    if (!index->store || !folder) return;
    const struct idx_target target = target_of(index, news->member ? news->member->view : IDX_DISK);
    struct idx_chunks chunks;
    if (news->kind == NEWS_TEXT) {
        idx_update_text(&target, news->path, news->lang, news->text, news->len);
        if (idx_chunks_make(news->lang, news->text, news->len, &chunks) == IDX_OK) {
            uv_mutex_lock(&index->store_lock);
            idx_recents_put(news->member->recents, news->path, &chunks);
            uv_mutex_unlock(&index->store_lock);
        }
    } else {
        if (news->kind == NEWS_CLOSED) idx_release(&target, news->path);
        idx_update_file(&target, folder, news->path);
        index->dirty = true;
    }
    report(index, state_of(index), index->scan != NULL);
}

static void walk_step(struct lsp_index *index)
{
    struct idx_counts counts;
    bool more = idx_scan_step(index->scan);
    index->last_step = uv_hrtime();
    idx_scan_counts(index->scan, &counts);
    if (more) {
        if (counts.files % NEWS_FILES == 0) report(index, state_of(index), true);
        return;
    }
    index->dirty |= counts.indexed || counts.same_text || counts.removed;
    index->passed_over += counts.binary + counts.minified + counts.large + counts.slow +
                          counts.unreadable + counts.full;
    idx_scan_close(index->scan);
    index->scan = NULL;
    walk_from(index, index->folder + 1);
    if (index->scan) return;
    uv_mutex_lock(&index->mutex);
    index->walk_ended = uv_hrtime();
    index->status.seconds = (double)(index->walk_ended - index->walk_started) / 1e9;
    uv_mutex_unlock(&index->mutex);
    report(index, LSP_INDEX_READY, false);
    save(index);
}

/* Reads the texts of the files near the path, which is the member's from then on. */
static void find_near(struct lsp_index_member *member, char *path, const struct gram_language *lang)
{
    struct lsp_index *index = member->index;
    struct idx_texts texts = {.n = 0};
    const char *folder = folder_of(index, path);
    const struct idx_target target = target_of(index, member->view);
    if (index->store && folder)
        idx_near_texts(&target, member->recents, path, folder, lang, &texts);
    uv_mutex_lock(&index->mutex);
    struct idx_texts before = member->near;
    free(member->near_of);
    member->near_of = path;
    member->near = texts;
    if (!member->gone) uv_async_send(member->wake);
    uv_mutex_unlock(&index->mutex);
    idx_texts_free(&before);
}

/* Removes the buffers of members that have left. */
static void end_views(struct lsp_index *index, uint64_t views)
{
    uv_mutex_lock(&index->store_lock);
    for (unsigned view = 1; index->store && view <= IDX_VIEWS; view++)
        if (views & bit_of(view)) idx_store_end_view(index->store, view);
    uv_mutex_unlock(&index->store_lock);
    uv_mutex_lock(&index->mutex);
    index->views &= ~views;
    uv_mutex_unlock(&index->mutex);
    report(index, state_of(index), index->scan != NULL);
}

enum duty { DUTY_END, DUTY_VIEWS, DUTY_NEWS, DUTY_NEAR, DUTY_WALK_AGAIN, DUTY_STEP };

struct task {
    enum duty duty;
    struct news news;
    struct lsp_index_member *member; /* whom it is for; NULL: everybody */
    uint64_t views;                  /* DUTY_VIEWS */
    char *path;                      /* DUTY_NEAR */
    const struct gram_language *lang;
};

/* Mutex held. */
static struct lsp_index_member *near_wanted(const struct lsp_index *index)
{
    struct lsp_index_member *m = index->status.state == LSP_INDEX_READY ? index->members : NULL;
    while (m && !m->near_wanted)
        m = m->next;
    return m;
}

/* What to do next; waits for it. Mutex held. */
static enum duty next_duty(struct lsp_index *index)
{
    for (;;) {
        uint64_t now = uv_hrtime(), until = index->hold_until;
        if (index->users == 0) return DUTY_END;
        if (index->left_views) return DUTY_VIEWS;
        bool near = near_wanted(index) != NULL;
        bool work = near || index->queue_count > 0 || index->walk_again || index->scan;
        bool patient = now < until && now - index->last_step < PATIENCE_MS * (uint64_t)1000000;
        if (work && !patient) {
            index->last_step = now;
            return index->queue_count > 0 ? DUTY_NEWS
                   : near                 ? DUTY_NEAR
                   : index->walk_again    ? DUTY_WALK_AGAIN
                                          : DUTY_STEP;
        }
        if (work)
            uv_cond_timedwait(&index->changed, &index->mutex, until - now);
        else
            uv_cond_wait(&index->changed, &index->mutex);
    }
}

/* The next thing to do, taken from where it waits. Mutex held. */
static struct task next_task(struct lsp_index *index)
{
    struct task task = {.duty = next_duty(index)};
    if (task.duty == DUTY_VIEWS) {
        task.views = index->left_views;
        index->left_views = 0;
    } else if (task.duty == DUTY_NEWS) {
        task.news = unqueue(index, 0);
        task.member = task.news.member;
    } else if (task.duty == DUTY_NEAR) {
        task.member = near_wanted(index);
        task.path = task.member->near_wanted;
        task.lang = task.member->near_lang;
        task.member->near_wanted = NULL;
    } else if (task.duty == DUTY_WALK_AGAIN) {
        index->walk_again = false;
    } else if (task.duty == DUTY_END) {
        index->status =
            (struct lsp_index_status){.state = LSP_INDEX_BUILDING, .walks = index->status.walks};
        index->views = index->left_views = 0;
    }
    index->served = task.member;
    return task;
}

static void do_task(struct lsp_index *index, struct task *task)
{
    switch (task->duty) {
    case DUTY_VIEWS:
        end_views(index, task->views);
        break;
    case DUTY_NEWS:
        take_news(index, &task->news);
        free_news(&task->news);
        break;
    case DUTY_NEAR:
        find_near(task->member, task->path, task->lang);
        break;
    case DUTY_WALK_AGAIN:
        if (index->store) begin_walk(index);
        break;
    case DUTY_STEP:
        walk_step(index);
        break;
    case DUTY_END:
        close_store(index);
        break;
    }
}

static void thread_main(void *arg)
{
    struct lsp_index *index = arg;
#ifdef __linux__
    uv_os_setpriority(0, UV_PRIORITY_LOW); /* of the calling thread, on Linux */
#endif
    open_store(index);
    uv_mutex_lock(&index->mutex);
    while (!index->ended) {
        struct task task = next_task(index);
        uv_mutex_unlock(&index->mutex);
        do_task(index, &task);
        uv_mutex_lock(&index->mutex);
        struct lsp_index_member *left = task.member && task.member->gone ? task.member : NULL;
        index->served = NULL;
        if (task.duty == DUTY_END) index->ended = index->users == 0;
        bool again = task.duty == DUTY_END && !index->ended; /* somebody has come meanwhile */
        uv_mutex_unlock(&index->mutex);
        if (left) free_member(left);
        if (again) open_store(index);
        uv_mutex_lock(&index->mutex);
    }
    uv_mutex_unlock(&index->mutex);
}

/* ---- The list --------------------------------------------------------------------------- */

struct lsp_indexes *lsp_indexes_new(void)
{
    struct lsp_indexes *indexes = calloc(1, sizeof *indexes);
    if (indexes && uv_mutex_init(&indexes->mutex)) {
        free(indexes);
        return NULL;
    }
    return indexes;
}

static void free_index(struct lsp_index *index)
{
    while (index->queue_count > 0) {
        struct news news = unqueue(index, 0);
        free_news(&news);
    }
    while (index->n_folders > 0)
        free(index->folders[--index->n_folders]);
    uv_mutex_destroy(&index->mutex);
    uv_mutex_destroy(&index->store_lock);
    uv_cond_destroy(&index->changed);
    free(index);
}

void lsp_indexes_free(struct lsp_indexes *indexes)
{
    if (!indexes) return;
    while (indexes->first) {
        struct lsp_index *index = indexes->first;
        indexes->first = index->next;
        uv_thread_join(&index->thread);
        free_index(index);
    }
    uv_mutex_destroy(&indexes->mutex);
    free(indexes);
}

/* List's lock held. */
static void remove_ended(struct lsp_indexes *indexes)
{
    for (struct lsp_index **at = &indexes->first; *at;) {
        struct lsp_index *index = *at;
        uv_mutex_lock(&index->mutex);
        bool ended = index->ended;
        uv_mutex_unlock(&index->mutex);
        if (!ended) {
            at = &index->next;
            continue;
        }
        *at = index->next;
        uv_thread_join(&index->thread);
        free_index(index);
    }
}

static bool is_of(const struct lsp_index *index, const struct lsp_index_options *options,
                  const char *const *folders, size_t n)
{
    const struct lsp_index_options *x = &index->options, *y = options;
    bool same = x->enabled == y->enabled && x->on_disk == y->on_disk &&
                x->megabytes == y->megabytes && x->max_files == y->max_files &&
                x->max_kilobytes == y->max_kilobytes && index->n_folders == n;
    for (size_t i = 0; same && i < n; i++)
        same = strcmp(index->folders[i], folders[i]) == 0;
    return same;
}

/* With one user, who has still to come. */
static struct lsp_index *new_index(const struct lsp_index_options *options,
                                   const char *const *folders, size_t n)
{
    struct lsp_index *index = calloc(1, sizeof *index);
    if (!index) return NULL;
    index->options = *options;
    index->status.state = LSP_INDEX_BUILDING;
    index->users = 1;
    uv_mutex_init(&index->mutex);
    uv_mutex_init(&index->store_lock);
    uv_cond_init(&index->changed);
    while (index->n_folders < n && index->n_folders < LSP_MAX_FOLDERS) {
        char *copy = strdup(folders[index->n_folders]);
        if (!copy) break;
        index->folders[index->n_folders++] = copy;
    }
    if (index->n_folders == n && uv_thread_create(&index->thread, thread_main, index) == 0)
        return index;
    free_index(index);
    return NULL;
}

/* One that is alive, counted as used; NULL when there is none. List's lock held. */
static struct lsp_index *find_index(struct lsp_indexes *indexes,
                                    const struct lsp_index_options *options,
                                    const char *const *folders, size_t n)
{
    for (struct lsp_index *index = indexes->first; index; index = index->next) {
        if (!is_of(index, options, folders, n)) continue;
        uv_mutex_lock(&index->mutex);
        bool alive = !index->ended && index->views != UINT64_MAX;
        if (alive) index->users++;
        uv_mutex_unlock(&index->mutex);
        if (alive) return index;
    }
    struct lsp_index *index = new_index(options, folders, n);
    if (index) index->next = indexes->first;
    if (index) indexes->first = index;
    return index;
}

struct lsp_index_member *lsp_index_join(struct lsp_indexes *indexes,
                                        const struct lsp_index_options *options,
                                        const char *const *folders, size_t n, uv_async_t *wake)
{
    struct lsp_index_member *member = calloc(1, sizeof *member);
    struct idx_recents *recents = idx_recents_new();
    uv_mutex_lock(&indexes->mutex);
    remove_ended(indexes);
    struct lsp_index *index = member && recents ? find_index(indexes, options, folders, n) : NULL;
    if (index) {
        member->index = index;
        member->wake = wake;
        member->recents = recents;
        uv_mutex_lock(&index->mutex);
        while (index->views >> member->view & 1)
            member->view++;
        index->views |= bit_of(++member->view);
        member->next = index->members;
        index->members = member;
        uv_async_send(wake);
        uv_mutex_unlock(&index->mutex);
    }
    uv_mutex_unlock(&indexes->mutex);
    if (index) return member;
    idx_recents_free(recents);
    free(member);
    return NULL;
}

void lsp_index_leave(struct lsp_index_member *member)
{
    if (!member) return;
    struct lsp_index *index = member->index;
    uv_mutex_lock(&index->mutex);
    struct lsp_index_member **at = &index->members;
    while (*at != member)
        at = &(*at)->next;
    *at = member->next;
    for (size_t i = 0; i < index->queue_count;) {
        if (queued(index, i)->member != member) {
            i++;
            continue;
        }
        struct news news = unqueue(index, i);
        free_news(&news);
    }
    index->left_views |= bit_of(member->view);
    index->users--;
    member->gone = index->served == member;
    bool own = !member->gone;
    uv_cond_signal(&index->changed);
    uv_mutex_unlock(&index->mutex);
    if (own) free_member(member);
}

bool lsp_index_is(const struct lsp_index_member *member, const struct lsp_index_options *options,
                  const char *const *folders, size_t n)
{
    return is_of(member->index, options, folders, n);
}

/* ---- A member's thread ------------------------------------------------------------------ */

/* Forgets the oldest text in the queue, to make room. Mutex held. */
static bool drop_text(struct lsp_index *index)
{
    for (size_t i = 0; i < index->queue_count; i++) {
        if (queued(index, i)->kind != NEWS_TEXT) continue;
        struct news news = unqueue(index, i);
        free_news(&news);
        return true;
    }
    return false;
}

static void post(struct lsp_index *index, struct news news)
{
    uv_mutex_lock(&index->mutex);
    bool wanted = news.path && index->status.state != LSP_INDEX_OFF;
    if (wanted && index->queue_count == QUEUE && !drop_text(index)) {
        index->walk_again = true;
        wanted = false;
    }
    if (wanted) {
        *queued(index, index->queue_count++) = news;
        news.path = news.text = NULL;
    }
    uv_cond_signal(&index->changed);
    uv_mutex_unlock(&index->mutex);
    free_news(&news);
}

void lsp_index_walk(struct lsp_index_member *member, unsigned seconds)
{
    struct lsp_index *index = member->index;
    uv_mutex_lock(&index->mutex);
    bool long_ago = uv_hrtime() - index->walk_ended >= seconds * (uint64_t)1000000000;
    if (index->status.state == LSP_INDEX_READY && !index->status.walking && long_ago) {
        index->walk_again = true;
        uv_cond_signal(&index->changed);
    }
    uv_mutex_unlock(&index->mutex);
}

void lsp_index_changed(struct lsp_index_member *member, const char *path)
{
    post(member->index, (struct news){.kind = NEWS_CHANGED, .path = strdup(path)});
}

void lsp_index_closed(struct lsp_index_member *member, const char *path)
{
    post(member->index, (struct news){.kind = NEWS_CLOSED, .member = member, .path = strdup(path)});
}

void lsp_index_text(struct lsp_index_member *member, const char *path,
                    const struct gram_language *lang, const char *text, size_t len)
{
    struct news news = {.kind = NEWS_TEXT, .member = member, .lang = lang, .len = len};
    if (!lang || len > IDX_RECENT_MAX_BYTES) return;
    news.text = malloc(len + 1);
    if (!news.text) return;
    memcpy(news.text, text, len);
    news.path = strdup(path);
    post(member->index, news);
}

void lsp_index_hold(struct lsp_index_member *member)
{
    uv_mutex_lock(&member->index->mutex);
    member->index->hold_until = uv_hrtime() + HOLD_MS * (uint64_t)1000000;
    uv_mutex_unlock(&member->index->mutex);
}

bool lsp_index_select(struct lsp_index_member *member, struct idx_query *query,
                      struct idx_selection *out)
{
    struct lsp_index *index = member->index;
    out->count = out->used = 0;
    if (state_of(index) != LSP_INDEX_READY) return false;
    query->view = member->view;
    uv_mutex_lock(&index->store_lock);
    bool there = index->store != NULL;
    if (there) idx_select(index->store, member->recents, query, out);
    uv_mutex_unlock(&index->store_lock);
    return there;
}

void lsp_index_near(struct lsp_index_member *member, const char *path,
                    const struct gram_language *lang)
{
    char *copy = strdup(path);
    uv_mutex_lock(&member->index->mutex);
    free(member->near_wanted);
    member->near_wanted = copy;
    member->near_lang = lang;
    uv_cond_signal(&member->index->changed);
    uv_mutex_unlock(&member->index->mutex);
}

bool lsp_index_take_near(struct lsp_index_member *member, char **path, struct idx_texts *texts)
{
    uv_mutex_lock(&member->index->mutex);
    bool there = member->near_of != NULL;
    if (there) {
        *path = member->near_of;
        *texts = member->near;
        member->near_of = NULL;
        member->near.n = 0;
    }
    uv_mutex_unlock(&member->index->mutex);
    return there;
}

void lsp_index_status(struct lsp_index_member *member, struct lsp_index_status *out)
{
    struct lsp_index *index = member->index;
    uv_mutex_lock(&index->mutex);
    *out = index->status;
    for (const struct lsp_index_member *m = index->members; m; m = m->next)
        out->windows++;
    uv_mutex_unlock(&index->mutex);
}
