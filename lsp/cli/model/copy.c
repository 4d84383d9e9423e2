/* copy.c: what all verbs share that write a changed copy of a model file: keys and tensors that
 * stay as they are. What changes, and whether a file may replace itself, is each verb's business.
 */
#include "lsp/cli/model/copy.h"

#include <string.h>
#include <sys/stat.h>

static bool named(const char *name, const char *const *list)
{
    for (; *list; list++) {
        size_t len = strlen(*list);
        bool all = (*list)[len - 1] == '.';
        if (all ? strncmp(name, *list, len) == 0 : strcmp(name, *list) == 0) return true;
    }
    return false;
}

void cli_copy_keys(const struct eng_gguf *from, const char *const *without,
                   struct eng_gguf_writer *to)
{
    for (size_t i = 0; i < eng_gguf_key_count(from); i++) {
        const struct eng_key *key = eng_gguf_key_at(from, i);
        if (!named(key->name, without)) eng_gguf_put_key(to, key);
    }
}

void cli_copy_tensor(const struct eng_tensor *tensor, struct eng_gguf_writer *to)
{
    eng_gguf_put_tensor(to, tensor->name, tensor->type, tensor->n_dims, tensor->dims, tensor->data);
}

bool cli_same_file(const char *a, const char *b)
{
    struct stat x, y;
    return stat(a, &x) == 0 && stat(b, &y) == 0 && x.st_dev == y.st_dev && x.st_ino == y.st_ino;
}
