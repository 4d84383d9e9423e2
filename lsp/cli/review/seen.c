/* The cache of reviews. One lock around the set: it is held for a look into a table. A file that
 * cannot be used is not worth a message: it is written anew at the end.
 */
#include "lsp/cli/review/seen.h"
#include "grammars/grammars.h"
#include "lsp/kept.h"
#include "lsp/locate.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

struct cli_seen {
    struct rev_seen *set;
    pthread_mutex_t lock;
    uint64_t program; /* a sum of this program's file */
    char path[LSP_CONFIG_PATH_MAX];
};

struct cli_seen *cli_seen_open(const struct cli *cli)
{
    struct cli_seen *seen = cli->config.cache_on_disk ? calloc(1, sizeof *seen) : NULL;
    if (!seen) return NULL;
    seen->set = lsp_locate_reviewed(seen->path) ? rev_seen_new() : NULL;
    if (!seen->set) {
        free(seen);
        return NULL;
    }
    pthread_mutex_init(&seen->lock, NULL);
    seen->program = lsp_program_sum();
    char why[LSP_KEPT_WHY];
    size_t len;
    char *bytes = lsp_kept_read(seen->path, REV_SEEN_MIN_BYTES, REV_SEEN_MAX_BYTES, &len, why);
    const char *wrong = bytes ? rev_seen_read(seen->set, bytes, len) : *why ? why : NULL;
    if (wrong) cli_log(cli, LSP_LOG_INFO, "%s is not used: %s", seen->path, wrong);
    free(bytes);
    return seen;
}

void cli_seen_close(const struct cli *cli, struct cli_seen *seen)
{
    if (!seen) return;
    size_t len;
    char *bytes = rev_seen_changed(seen->set) ? rev_seen_write(seen->set, &len) : NULL;
    if (bytes && !lsp_kept_write(seen->path, bytes, len))
        cli_log(cli, LSP_LOG_INFO, "%s cannot be written: the next review looks at all again",
                seen->path);
    free(bytes);
    rev_seen_free(seen->set);
    pthread_mutex_destroy(&seen->lock);
    free(seen);
}

struct rev_seen_key cli_seen_key(const struct cli_seen *seen, const struct rev_rules *rules,
                                 uint64_t model, const char *text, size_t len)
{
    const uint64_t parts[] = {seen->program, rules->sum, model};
    const char *id = rules->lang->id;
    struct rev_seen_key key = rev_seen_key(0, id, strlen(id));
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
        key = rev_seen_key(key.a ^ parts[i], (const char *)&parts[i], sizeof parts[i]);
    return rev_seen_key(key.a, text, len);
}

bool cli_seen_find(struct cli_seen *seen, struct rev_seen_key key)
{
    pthread_mutex_lock(&seen->lock);
    bool found = rev_seen_find(seen->set, key);
    pthread_mutex_unlock(&seen->lock);
    return found;
}

void cli_seen_add(struct cli_seen *seen, struct rev_seen_key key)
{
    pthread_mutex_lock(&seen->lock);
    rev_seen_add(seen->set, key);
    pthread_mutex_unlock(&seen->lock);
}
