/* models.c: a short list behind one mutex.
 *
 * The mutex is held while a model is opened: two clients that start together want the same one
 * nearly always, and the second then finds it. Only inference threads wait here, no loop.
 */
#include "lsp/server/models.h"
#include "lsp/folders.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <uv.h>

/* What a path stands for; all zero when there is no such file. */
struct file_identity {
    dev_t device;
    ino_t inode;
    off_t size;
    struct timespec modified;
};

struct entry {
    struct lsp_model_choice choice;
    struct file_identity file;
    struct eng_model *model;
    struct asst_vocabulary *vocabulary;
    unsigned users;
    struct entry *next;
};

struct lsp_models {
    uv_mutex_t mutex;
    struct entry *entries;
};

struct lsp_models *lsp_models_new(void)
{
    struct lsp_models *models = calloc(1, sizeof *models);
    if (models && uv_mutex_init(&models->mutex)) {
        free(models);
        return NULL;
    }
    return models;
}

static struct file_identity identify(const char *path)
{
    struct stat now;
    if (stat(path, &now) != 0) return (struct file_identity){.size = 0};
    return (struct file_identity){now.st_dev, now.st_ino, now.st_size, now.st_mtim};
}

static bool same_file(const struct file_identity *a, const struct file_identity *b)
{
    return a->device == b->device && a->inode == b->inode && a->size == b->size &&
           a->modified.tv_sec == b->modified.tv_sec && a->modified.tv_nsec == b->modified.tv_nsec;
}

bool lsp_same_policy(const struct eng_policy *a, const struct eng_policy *b)
{
    return a->kind == b->kind && a->window == b->window && !(a->margin < b->margin) &&
           !(a->margin > b->margin);
}

/* A snapshot of another folder only counts while nobody else is at work with the model. */
static bool fits(const struct entry *entry, const struct lsp_model_choice *choice,
                 const struct file_identity *file)
{
    const struct lsp_model_choice *own = &entry->choice;
    return strcmp(own->path, choice->path) == 0 && own->threads == choice->threads &&
           own->cache_megabytes == choice->cache_megabytes &&
           lsp_same_policy(&own->attention, &choice->attention) && same_file(&entry->file, file) &&
           (entry->users > 0 || strcmp(own->snapshot, choice->snapshot) == 0);
}

/* What cannot be kept is evaluated again by the next server: no reason to complain. */
static void keep_sequences(const struct entry *entry)
{
    if (!entry->choice.snapshot[0]) return;
    lsp_make_folder_of(entry->choice.snapshot);
    eng_model_save_sequences(entry->model, entry->choice.snapshot, NULL);
}

static void close_entry(struct entry *entry)
{
    asst_vocabulary_free(entry->vocabulary);
    eng_model_close(entry->model);
    free(entry);
}

/* Closes what nobody uses. Mutex held, or nobody else there. */
static void close_unused(struct lsp_models *models)
{
    for (struct entry **at = &models->entries; *at;) {
        struct entry *entry = *at;
        if (entry->users > 0) {
            at = &entry->next;
            continue;
        }
        *at = entry->next;
        keep_sequences(entry);
        close_entry(entry);
    }
}

void lsp_models_free(struct lsp_models *models)
{
    if (!models) return;
    close_unused(models);
    uv_mutex_destroy(&models->mutex);
    free(models);
}

/* Mutex held. */
static enum eng_status open_entry(const struct lsp_model_choice *choice,
                                  const struct file_identity *file, struct entry **out,
                                  uint32_t *warm, struct eng_error *err)
{
    const struct eng_model_options options = {.threads = choice->threads,
                                              .cache_bytes = (uint64_t)choice->cache_megabytes
                                                             << 20,
                                              .policy = choice->attention};
    struct entry *entry = calloc(1, sizeof *entry);
    if (!entry) {
        snprintf(err->text, sizeof err->text, "out of memory");
        return ENG_NO_MEMORY;
    }
    entry->choice = *choice;
    entry->file = *file;
    enum eng_status status = eng_model_open(choice->path, &options, &entry->model, err);
    if (status != ENG_OK) {
        free(entry);
        return status;
    }
    status = asst_vocabulary_new(entry->model, &entry->vocabulary, err);
    if (status != ENG_OK) {
        close_entry(entry);
        return status;
    }
    size_t sequences = 0;
    if (choice->snapshot[0])
        eng_model_load_sequences(entry->model, choice->snapshot, &sequences, NULL);
    *warm = (uint32_t)sequences;
    *out = entry;
    return ENG_OK;
}

enum eng_status lsp_models_take(struct lsp_models *models, const struct lsp_model_choice *choice,
                                struct lsp_taken_model *out, struct eng_error *err)
{
    struct file_identity file = identify(choice->path);
    enum eng_status status = ENG_OK;
    uint32_t warm = 0;
    uv_mutex_lock(&models->mutex);
    struct entry *entry = models->entries;
    while (entry && !fits(entry, choice, &file))
        entry = entry->next;
    if (!entry) {
        close_unused(models); /* first: there may not be room for both */
        status = open_entry(choice, &file, &entry, &warm, err);
        if (status == ENG_OK) {
            entry->next = models->entries;
            models->entries = entry;
        }
    }
    if (status == ENG_OK) {
        entry->users++;
        *out = (struct lsp_taken_model){entry->model, entry->vocabulary, warm};
    }
    uv_mutex_unlock(&models->mutex);
    return status;
}

void lsp_models_release(struct lsp_models *models, const struct eng_model *model)
{
    uv_mutex_lock(&models->mutex);
    for (struct entry *entry = models->entries; entry; entry = entry->next)
        if (entry->model == model) entry->users--;
    uv_mutex_unlock(&models->mutex);
}
