/* Running git: no shell, no prompts, its output through a pipe.
 *
 * What it writes to standard error goes to a file without a name, so that one reader is enough.
 */
#include "lsp/cli/git.h"
#include "syntax/syntax.h"

#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { MAX_ARGUMENTS = 24 };

extern char **environ;

/* All that comes, zero-terminated; NULL when it is too much. */
static char *read_all(int file, size_t *len)
{
    size_t capacity = 65536;
    char *text = malloc(capacity + 1);
    *len = 0;
    for (ssize_t n; text && (n = read(file, text + *len, capacity - *len)) != 0;) {
        if (n < 0 && errno != EINTR) break;
        *len += n > 0 ? (size_t)n : 0;
        if (*len < capacity) continue;
        capacity *= 2;
        char *grown = capacity <= 2 * (size_t)SYN_MAX_BYTES ? realloc(text, capacity + 1) : NULL;
        if (!grown) free(text);
        text = grown;
    }
    if (text) text[*len] = 0;
    return text;
}

static pid_t start(const char *const *arguments, int out, int err)
{
    char *argv[MAX_ARGUMENTS + 2] = {"git"};
    posix_spawn_file_actions_t actions;
    pid_t pid = -1;
    for (size_t i = 0; i < MAX_ARGUMENTS && arguments[i]; i++)
        argv[i + 1] = (char *)(size_t)arguments[i]; /* which it does not write to */
    if (posix_spawn_file_actions_init(&actions) != 0) return -1;
    posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_adddup2(&actions, out, 1);
    posix_spawn_file_actions_adddup2(&actions, err, 2);
    int failed = posix_spawnp(&pid, "git", &actions, NULL, argv, environ);
    posix_spawn_file_actions_destroy(&actions);
    if (failed) errno = failed;
    return failed ? -1 : pid;
}

static void first_line(FILE *said, char *error, size_t error_size)
{
    char line[256] = "it failed and did not say why";
    rewind(said);
    if (fgets(line, sizeof line, said)) line[strcspn(line, "\n")] = 0;
    snprintf(error, error_size, "git: %s", line);
}

char *cli_git(const char *const *arguments, size_t *len, char *error, size_t error_size)
{
    int pipe_[2], status = -1;
    FILE *said = tmpfile();
    *len = 0;
    if (!said || pipe(pipe_) != 0) {
        snprintf(error, error_size, "git: %s", strerror(errno));
        if (said) fclose(said);
        return NULL;
    }
    fcntl(pipe_[0], F_SETFD, FD_CLOEXEC);
    fcntl(pipe_[1], F_SETFD, FD_CLOEXEC);
    pid_t pid = start(arguments, pipe_[1], fileno(said));
    int why = errno;
    close(pipe_[1]);
    char *text = pid > 0 ? read_all(pipe_[0], len) : NULL;
    close(pipe_[0]);
    while (pid > 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR) {
    }
    bool well = pid > 0 && text && WIFEXITED(status) && WEXITSTATUS(status) == 0;
    if (pid <= 0)
        snprintf(error, error_size, "git cannot be started: %s", strerror(why));
    else if (!text)
        snprintf(error, error_size, "git: it says more than can be read");
    else if (!well)
        first_line(said, error, error_size);
    fclose(said);
    if (well) return text;
    free(text);
    return NULL;
}
