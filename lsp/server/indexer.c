/* The index's thread: a queue of news, and folders to walk when there are none.
 *
 * Two locks. `mutex` is for what both threads tell each other (queue, wishes, status); `store_lock`
 * is for the store and the recents, and is what idx_guard takes around each use. The thread never
 * holds both, and holds neither while it reads or parses.
 *
 * The order of work: a new configuration, then what happened to single files, then one file more
 * of the walk. So what a person does shows within a file's time however large the workspace is.
 */
#include "lsp/server/indexer.h"
#include "lsp/index/cache.h"
#include "lsp/index/scan.h"
#include "lsp/locate.h"

#include <stdlib.h>
#include <string.h>

#define QUEUE       128u
#define HOLD_MS     250u  /* after a keystroke */
#define PATIENCE_MS 1000u /* a file a second is indexed whatever happens */
#define NEWS_FILES  200u  /* files between two pieces of news */

enum news_kind { NEWS_CHANGED, NEWS_TEXT, NEWS_CLOSED };

struct news {
    enum news_kind kind;
    char *path;
    char *text; /* NEWS_TEXT */
    size_t len;
    const struct gram_language *lang;
};

/* What to index. */
struct wish {
    struct lsp_index_options options;
    char *folders[LSP_MAX_FOLDERS];
    size_t n_folders;
};

struct lsp_indexer {
    lsp_indexer_news news;
    void *user;
    uv_async_t wake_loop;
    uv_thread_t thread;
    bool started;

    uv_mutex_t mutex;
    uv_cond_t changed;
    bool stopping, has_wish, walk_again;
    struct wish wish;
    struct news queue[QUEUE];
    size_t queue_start, queue_count;
    uint64_t hold_until, walk_ended; /* uv_hrtime */
    struct lsp_index_status status;
    char *near_wanted, *near_of; /* paths, or NULL */
    const struct gram_language *near_lang;
    struct idx_texts near; /* of near_of, until they are taken */

    uv_mutex_t store_lock;
    struct idx_store *store; /* NULL: none */
    struct idx_recents *recents;

    /* The thread's own; now is written under the mutex, as the loop compares wishes with it. */
    struct wish now;
    struct idx_scan *scan;
    size_t folder; /* that is walked */
    uint64_t walk_started, last_step;
    uint64_t passed_over;
    bool dirty; /* not what is on disk */
};

/* ---- Both threads ----------------------------------------------------------------------- */

static void free_wish(struct wish *wish)
{
    while (wish->n_folders > 0)
        free(wish->folders[--wish->n_folders]);
}

static void free_news(struct news *news)
{
    free(news->path);
    free(news->text);
    *news = (struct news){.path = NULL};
}

static void lock_store(void *user)
{
    struct lsp_indexer *indexer = user;
    uv_mutex_lock(&indexer->store_lock);
}

static void unlock_store(void *user)
{
    struct lsp_indexer *indexer = user;
    uv_mutex_unlock(&indexer->store_lock);
}

/* ---- The thread ------------------------------------------------------------------------- */

static struct idx_target target_of(struct lsp_indexer *indexer)
{
    return (struct idx_target){.store = indexer->store,
                               .guard = {lock_store, unlock_store, indexer},
                               .max_file = (uint64_t)indexer->now.options.max_kilobytes << 10};
}

static void report(struct lsp_indexer *indexer, enum lsp_index_state state, bool walking)
{
    struct idx_store_info info = {0};
    struct idx_counts counts = {0};
    uv_mutex_lock(&indexer->store_lock);
    if (indexer->store) idx_store_info(indexer->store, &info);
    uv_mutex_unlock(&indexer->store_lock);
    if (indexer->scan) idx_scan_counts(indexer->scan, &counts);
    uv_mutex_lock(&indexer->mutex);
    struct lsp_index_status *status = &indexer->status;
    status->state = state;
    status->walking = walking;
    status->seen = counts.files;
    status->files = info.files;
    status->symbols = info.symbols;
    status->bytes = info.bytes;
    status->passed_over = indexer->passed_over;
    uv_mutex_unlock(&indexer->mutex);
    uv_async_send(&indexer->wake_loop);
}

static enum lsp_index_state state_of(struct lsp_indexer *indexer)
{
    uv_mutex_lock(&indexer->mutex);
    enum lsp_index_state state = indexer->status.state;
    uv_mutex_unlock(&indexer->mutex);
    return state;
}

static bool cache_path(const struct lsp_indexer *indexer, char out[LSP_CONFIG_PATH_MAX])
{
    return indexer->now.options.on_disk && indexer->now.n_folders > 0 &&
           lsp_locate_index((const char *const *)indexer->now.folders, indexer->now.n_folders, out);
}

static void save(struct lsp_indexer *indexer)
{
    char path[LSP_CONFIG_PATH_MAX];
    struct idx_store_info info;
    if (!indexer->store || !indexer->dirty || !cache_path(indexer, path)) return;
    idx_store_info(indexer->store, &info);
    if (info.files == 0) return;
    /* Readers may read it meanwhile, and only this thread writes. */
    idx_cache_save(path, indexer->store);
    indexer->dirty = false;
}

static void drop_index(struct lsp_indexer *indexer)
{
    idx_scan_close(indexer->scan);
    indexer->scan = NULL;
    save(indexer);
    struct idx_store *store = indexer->store;
    struct idx_recents *recents = indexer->recents;
    uv_mutex_lock(&indexer->store_lock);
    indexer->store = NULL;
    indexer->recents = NULL;
    uv_mutex_unlock(&indexer->store_lock);
    idx_store_free(store);
    idx_recents_free(recents);
}

/* The folders from number `first` on, until one could be opened or all are done. */
static void walk_from(struct lsp_indexer *indexer, size_t first)
{
    const struct idx_target target = target_of(indexer);
    for (indexer->folder = first; indexer->folder < indexer->now.n_folders; indexer->folder++) {
        indexer->scan = idx_scan_open(&target, indexer->now.folders[indexer->folder], false);
        if (indexer->scan) return;
    }
}

static void begin_walk(struct lsp_indexer *indexer)
{
    idx_scan_close(indexer->scan);
    indexer->scan = NULL;
    indexer->passed_over = 0;
    indexer->walk_started = uv_hrtime();
    walk_from(indexer, 0);
    enum lsp_index_state state = state_of(indexer);
    report(indexer, state == LSP_INDEX_READY ? state : LSP_INDEX_BUILDING, true);
}

/* Takes what was wished for over, and begins. */
static void grant(struct lsp_indexer *indexer, const struct wish *wish)
{
    drop_index(indexer);
    uv_mutex_lock(&indexer->mutex);
    free_wish(&indexer->now);
    indexer->now = *wish;
    uv_mutex_unlock(&indexer->mutex);
    const struct lsp_index_options *o = &indexer->now.options;
    if (!o->enabled || indexer->now.n_folders == 0) {
        indexer->walk_started = 0;
        report(indexer, LSP_INDEX_OFF, false);
        return;
    }
    const struct idx_limits limits = {(size_t)o->megabytes << 20, (uint32_t)o->max_files};
    struct idx_store *store = idx_store_new(&limits);
    struct idx_recents *recents = idx_recents_new();
    char path[LSP_CONFIG_PATH_MAX], why[128];
    if (!store || !recents) {
        idx_store_free(store);
        idx_recents_free(recents);
        report(indexer, LSP_INDEX_OFF, false);
        return;
    }
    indexer->dirty = !(cache_path(indexer, path) && idx_cache_load(path, store, why) == IDX_OK);
    uv_mutex_lock(&indexer->store_lock);
    indexer->store = store;
    indexer->recents = recents;
    uv_mutex_unlock(&indexer->store_lock);
    uv_mutex_lock(&indexer->mutex);
    indexer->status.state = LSP_INDEX_BUILDING;
    uv_mutex_unlock(&indexer->mutex);
    begin_walk(indexer);
}

static const char *folder_of(const struct lsp_indexer *indexer, const char *path)
{
    for (size_t i = 0; i < indexer->now.n_folders; i++)
        if (idx_is_below(path, indexer->now.folders[i])) return indexer->now.folders[i];
    return NULL;
}

static void take_news(struct lsp_indexer *indexer, struct news *news)
{
    const char *folder = folder_of(indexer, news->path);
    if (indexer->store && folder) {
        const struct idx_target target = target_of(indexer);
        struct idx_chunks chunks;
        if (news->kind == NEWS_TEXT) {
            idx_update_text(&target, news->path, news->lang, news->text, news->len);
            if (idx_chunks_make(news->lang, news->text, news->len, &chunks) == IDX_OK) {
                uv_mutex_lock(&indexer->store_lock);
                idx_recents_put(indexer->recents, news->path, &chunks);
                uv_mutex_unlock(&indexer->store_lock);
            }
        } else {
            if (news->kind == NEWS_CLOSED) idx_release(&target, news->path);
            idx_update_file(&target, folder, news->path);
            indexer->dirty = true;
        }
        report(indexer, state_of(indexer), indexer->scan != NULL);
    }
    free_news(news);
}

static void walk_step(struct lsp_indexer *indexer)
{
    struct idx_counts counts;
    bool more = idx_scan_step(indexer->scan);
    indexer->last_step = uv_hrtime();
    idx_scan_counts(indexer->scan, &counts);
    if (more) {
        if (counts.files % NEWS_FILES == 0) report(indexer, state_of(indexer), true);
        return;
    }
    indexer->dirty |= counts.indexed || counts.same_text || counts.removed;
    indexer->passed_over += counts.binary + counts.minified + counts.large + counts.slow +
                            counts.unreadable + counts.full;
    idx_scan_close(indexer->scan);
    indexer->scan = NULL;
    walk_from(indexer, indexer->folder + 1);
    if (indexer->scan) return;
    uv_mutex_lock(&indexer->mutex);
    indexer->walk_ended = uv_hrtime();
    indexer->status.seconds = (double)(indexer->walk_ended - indexer->walk_started) / 1e9;
    uv_mutex_unlock(&indexer->mutex);
    report(indexer, LSP_INDEX_READY, false);
    save(indexer);
}

/* Reads the texts of the files near the path. */
static void find_near(struct lsp_indexer *indexer, char *path, const struct gram_language *lang)
{
    struct idx_texts texts = {.n = 0};
    const char *folder = folder_of(indexer, path);
    const struct idx_target target = target_of(indexer);
    if (indexer->store && folder)
        idx_near_texts(&target, indexer->recents, path, folder, lang, &texts);
    uv_mutex_lock(&indexer->mutex);
    struct idx_texts before = indexer->near;
    free(indexer->near_of);
    indexer->near_of = path;
    indexer->near = texts;
    uv_mutex_unlock(&indexer->mutex);
    idx_texts_free(&before);
    uv_async_send(&indexer->wake_loop);
}

/* What to do next; waits for it. Mutex held. */
enum duty { DUTY_STOP, DUTY_GRANT, DUTY_NEAR, DUTY_NEWS, DUTY_WALK_AGAIN, DUTY_STEP };

static enum duty next_duty(struct lsp_indexer *indexer)
{
    for (;;) {
        uint64_t now = uv_hrtime(), until = indexer->hold_until;
        if (indexer->stopping) return DUTY_STOP;
        if (indexer->has_wish) return DUTY_GRANT;
        bool near = indexer->near_wanted && indexer->status.state == LSP_INDEX_READY;
        bool work = near || indexer->queue_count > 0 || indexer->walk_again || indexer->scan;
        bool patient = now < until && now - indexer->last_step < PATIENCE_MS * (uint64_t)1000000;
        if (work && !patient) {
            indexer->last_step = now;
            return indexer->queue_count > 0 ? DUTY_NEWS
                   : near                   ? DUTY_NEAR
                   : indexer->walk_again    ? DUTY_WALK_AGAIN
                                            : DUTY_STEP;
        }
        if (work)
            uv_cond_timedwait(&indexer->changed, &indexer->mutex, until - now);
        else
            uv_cond_wait(&indexer->changed, &indexer->mutex);
    }
}

static void thread_main(void *arg)
{
    struct lsp_indexer *indexer = arg;
#ifdef __linux__
    uv_os_setpriority(0, UV_PRIORITY_LOW); /* of the calling thread, on Linux */
#endif
    uv_mutex_lock(&indexer->mutex);
    for (enum duty duty; (duty = next_duty(indexer)) != DUTY_STOP;) {
        struct wish wish = indexer->wish;
        struct news news = {.path = NULL};
        char *near_of = NULL;
        const struct gram_language *near_lang = indexer->near_lang;
        if (duty == DUTY_GRANT) {
            indexer->has_wish = false;
            memset(&indexer->wish, 0, sizeof indexer->wish);
        } else if (duty == DUTY_NEWS) {
            news = indexer->queue[indexer->queue_start];
            indexer->queue_start = (indexer->queue_start + 1) % QUEUE;
            indexer->queue_count--;
        } else if (duty == DUTY_NEAR) {
            near_of = indexer->near_wanted;
            indexer->near_wanted = NULL;
        } else if (duty == DUTY_WALK_AGAIN) {
            indexer->walk_again = false;
        }
        uv_mutex_unlock(&indexer->mutex);
        if (duty == DUTY_GRANT)
            grant(indexer, &wish);
        else if (duty == DUTY_NEWS)
            take_news(indexer, &news);
        else if (duty == DUTY_NEAR)
            find_near(indexer, near_of, near_lang);
        else if (duty == DUTY_STEP)
            walk_step(indexer);
        else if (indexer->store)
            begin_walk(indexer);
        uv_mutex_lock(&indexer->mutex);
    }
    uv_mutex_unlock(&indexer->mutex);
    drop_index(indexer);
}

/* ---- The loop thread -------------------------------------------------------------------- */

static void on_wake(uv_async_t *handle)
{
    struct lsp_indexer *indexer = handle->data;
    indexer->news(indexer->user);
}

bool lsp_indexer_start(uv_loop_t *loop, lsp_indexer_news news, void *user, struct lsp_indexer **out,
                       struct lsp_error *err)
{
    struct lsp_indexer *indexer = calloc(1, sizeof *indexer);
    if (!indexer) return lsp_fail(err, "out of memory");
    indexer->news = news;
    indexer->user = user;
    int status = uv_async_init(loop, &indexer->wake_loop, on_wake);
    if (status) {
        free(indexer);
        return lsp_fail(err, "cannot start the index's thread: %s", uv_strerror(status));
    }
    indexer->wake_loop.data = indexer;
    uv_unref((uv_handle_t *)&indexer->wake_loop);
    *out = indexer; /* from here on the loop knows the handle: stop and free it as usual */
    uv_mutex_init(&indexer->mutex);
    uv_mutex_init(&indexer->store_lock);
    uv_cond_init(&indexer->changed);
    status = uv_thread_create(&indexer->thread, thread_main, indexer);
    if (status) return lsp_fail(err, "cannot start the index's thread: %s", uv_strerror(status));
    indexer->started = true;
    return true;
}

static bool same_wish(const struct wish *a, const struct wish *b)
{
    const struct lsp_index_options *x = &a->options, *y = &b->options;
    bool same = x->enabled == y->enabled && x->on_disk == y->on_disk &&
                x->megabytes == y->megabytes && x->max_files == y->max_files &&
                x->max_kilobytes == y->max_kilobytes && a->n_folders == b->n_folders;
    for (size_t i = 0; same && i < a->n_folders; i++)
        same = strcmp(a->folders[i], b->folders[i]) == 0;
    return same;
}

void lsp_indexer_configure(struct lsp_indexer *indexer, const struct lsp_index_options *options,
                           const char *const *folders, size_t n)
{
    struct wish wish = {.options = *options};
    for (size_t i = 0; i < n && i < LSP_MAX_FOLDERS; i++) {
        char *copy = strdup(folders[i]);
        if (copy) wish.folders[wish.n_folders++] = copy;
    }
    uv_mutex_lock(&indexer->mutex);
    if (!same_wish(indexer->has_wish ? &indexer->wish : &indexer->now, &wish)) {
        if (indexer->has_wish) free_wish(&indexer->wish);
        indexer->wish = wish;
        indexer->has_wish = true;
        memset(&wish, 0, sizeof wish);
        uv_cond_signal(&indexer->changed);
    }
    uv_mutex_unlock(&indexer->mutex);
    free_wish(&wish);
}

/* Forgets the oldest text in the queue, to make room. Mutex held. */
static bool drop_text(struct lsp_indexer *indexer)
{
    for (size_t i = 0; i < indexer->queue_count; i++) {
        struct news *news = &indexer->queue[(indexer->queue_start + i) % QUEUE];
        if (news->kind != NEWS_TEXT) continue;
        free_news(news);
        for (; i + 1 < indexer->queue_count; i++)
            indexer->queue[(indexer->queue_start + i) % QUEUE] =
                indexer->queue[(indexer->queue_start + i + 1) % QUEUE];
        indexer->queue_count--;
        return true;
    }
    return false;
}

static void post(struct lsp_indexer *indexer, struct news news)
{
    uv_mutex_lock(&indexer->mutex);
    bool wanted = news.path && (indexer->status.state != LSP_INDEX_OFF || indexer->has_wish);
    if (wanted && indexer->queue_count == QUEUE && !drop_text(indexer)) {
        indexer->walk_again = true;
        wanted = false;
    }
    if (wanted) {
        indexer->queue[(indexer->queue_start + indexer->queue_count++) % QUEUE] = news;
        news.path = news.text = NULL;
    }
    uv_cond_signal(&indexer->changed);
    uv_mutex_unlock(&indexer->mutex);
    free_news(&news);
}

void lsp_indexer_walk(struct lsp_indexer *indexer, unsigned seconds)
{
    uv_mutex_lock(&indexer->mutex);
    bool long_ago = uv_hrtime() - indexer->walk_ended >= seconds * (uint64_t)1000000000;
    if (indexer->status.state == LSP_INDEX_READY && !indexer->status.walking && long_ago) {
        indexer->walk_again = true;
        uv_cond_signal(&indexer->changed);
    }
    uv_mutex_unlock(&indexer->mutex);
}

void lsp_indexer_changed(struct lsp_indexer *indexer, const char *path)
{
    post(indexer, (struct news){.kind = NEWS_CHANGED, .path = strdup(path)});
}

void lsp_indexer_closed(struct lsp_indexer *indexer, const char *path)
{
    post(indexer, (struct news){.kind = NEWS_CLOSED, .path = strdup(path)});
}

void lsp_indexer_text(struct lsp_indexer *indexer, const char *path,
                      const struct gram_language *lang, const char *text, size_t len)
{
    struct news news = {.kind = NEWS_TEXT, .lang = lang, .len = len};
    if (!lang || len > IDX_RECENT_MAX_BYTES) return;
    news.text = malloc(len + 1);
    if (!news.text) return;
    memcpy(news.text, text, len);
    news.path = strdup(path);
    post(indexer, news);
}

void lsp_indexer_hold(struct lsp_indexer *indexer)
{
    uv_mutex_lock(&indexer->mutex);
    indexer->hold_until = uv_hrtime() + HOLD_MS * (uint64_t)1000000;
    uv_mutex_unlock(&indexer->mutex);
}

bool lsp_indexer_select(struct lsp_indexer *indexer, const struct idx_query *query,
                        struct idx_selection *out)
{
    struct lsp_index_status status;
    lsp_indexer_status(indexer, &status);
    out->count = out->used = 0;
    if (status.state != LSP_INDEX_READY) return false;
    uv_mutex_lock(&indexer->store_lock);
    bool there = indexer->store != NULL;
    if (there) idx_select(indexer->store, indexer->recents, query, out);
    uv_mutex_unlock(&indexer->store_lock);
    return there;
}

void lsp_indexer_near(struct lsp_indexer *indexer, const char *path,
                      const struct gram_language *lang)
{
    char *copy = strdup(path);
    uv_mutex_lock(&indexer->mutex);
    free(indexer->near_wanted);
    indexer->near_wanted = copy;
    indexer->near_lang = lang;
    uv_cond_signal(&indexer->changed);
    uv_mutex_unlock(&indexer->mutex);
}

bool lsp_indexer_take_near(struct lsp_indexer *indexer, char **path, struct idx_texts *texts)
{
    uv_mutex_lock(&indexer->mutex);
    bool there = indexer->near_of != NULL;
    if (there) {
        *path = indexer->near_of;
        *texts = indexer->near;
        indexer->near_of = NULL;
        indexer->near.n = 0;
    }
    uv_mutex_unlock(&indexer->mutex);
    return there;
}

void lsp_indexer_status(struct lsp_indexer *indexer, struct lsp_index_status *out)
{
    uv_mutex_lock(&indexer->mutex);
    *out = indexer->status;
    uv_mutex_unlock(&indexer->mutex);
}

void lsp_indexer_stop(struct lsp_indexer *indexer)
{
    if (!indexer) return;
    if (indexer->started) {
        uv_mutex_lock(&indexer->mutex);
        indexer->stopping = true;
        uv_cond_signal(&indexer->changed);
        uv_mutex_unlock(&indexer->mutex);
        uv_thread_join(&indexer->thread);
        indexer->started = false;
    }
    uv_close((uv_handle_t *)&indexer->wake_loop, NULL);
}

void lsp_indexer_free(struct lsp_indexer *indexer)
{
    if (!indexer) return;
    while (indexer->queue_count > 0) {
        free_news(&indexer->queue[indexer->queue_start]);
        indexer->queue_start = (indexer->queue_start + 1) % QUEUE;
        indexer->queue_count--;
    }
    free_wish(&indexer->wish);
    free_wish(&indexer->now);
    free(indexer->near_wanted);
    free(indexer->near_of);
    idx_texts_free(&indexer->near);
    uv_mutex_destroy(&indexer->mutex);
    uv_mutex_destroy(&indexer->store_lock);
    uv_cond_destroy(&indexer->changed);
    free(indexer);
}
