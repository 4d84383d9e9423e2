/* front.c: connect, hand over, wait.
 *
 * Trusts nobody but the user: nobody else may write to the socket's folder, so who listens there is
 * their own process. Until the daemon says that it has the streams, every failure leaves them as
 * they were; one that is about to end may close the connection, and then another one is started.
 */
#include "lsp/server/front.h"
#include "lsp/folders.h"
#include "lsp/locate.h"
#include "lsp/server/attach.h"
#include "lsp/server/listener.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>
#include <uv.h>

#define TRIES         3
#define START_MS      10000 /* for a new daemon to listen */
#define RETRY_MS      10
#define RESTART_MS    1000  /* one that is about to end may keep the first from starting */
#define TAKE_MS       10000 /* for a daemon to answer */
#define NUMBER_DIGITS 24

/* ---- Where ------------------------------------------------------------------------- */

/* Makes the socket's folder, which has to be the user's alone. */
static bool check_folder(const char path[LSP_SOCKET_PATH_MAX], struct lsp_error *err)
{
    char folder[LSP_SOCKET_PATH_MAX];
    struct stat there;
    snprintf(folder, sizeof folder, "%.*s", (int)(strrchr(path, '/') - path), path);
    if (!lsp_make_folder_of(path) || lstat(folder, &there) != 0)
        return lsp_fail(err, "%s: %s", folder, strerror(errno));
    if (!S_ISDIR(there.st_mode) || there.st_uid != geteuid() || (there.st_mode & 022))
        return lsp_fail(err, "%s is not a folder that only its user can write to", folder);
    return true;
}

/* A connection, or -1 with errno. */
static int connect_to(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    if (fd < 0) return -1;
    fcntl(fd, F_SETFD, FD_CLOEXEC);
    snprintf(address.sun_path, sizeof address.sun_path, "%s", path);
    if (connect(fd, (const struct sockaddr *)&address, sizeof address) == 0) return fd;
    int why = errno;
    close(fd);
    errno = why;
    return -1;
}

/* ---- Starting the daemon ----------------------------------------------------------- */

/* In a session of its own, so that it outlives this process; its log lies beside the socket. */
static bool start_daemon(const struct lsp_serve_options *options, const char *path,
                         struct lsp_error *err)
{
    char program[PATH_MAX], log_path[LSP_SOCKET_PATH_MAX + 8], idle[NUMBER_DIGITS];
    size_t size = sizeof program;
    uv_loop_t loop;
    uv_process_t process;
    if (uv_exepath(program, &size)) return lsp_fail(err, "the program's own file is not known");
    snprintf(log_path, sizeof log_path, "%.*s.log", LSP_SOCKET_PATH_MAX, path);
    snprintf(idle, sizeof idle, "%d", options->idle_seconds);
    int log = open(log_path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (log < 0) return lsp_fail(err, "%s: %s", log_path, strerror(errno));
    char *arguments[] = {program,      "serve",  "--shared", "--socket",
                         (char *)path, "--idle", idle,       NULL};
    uv_stdio_container_t streams[3] = {{.flags = UV_IGNORE}, {.flags = UV_IGNORE}};
    streams[2].flags = UV_INHERIT_FD;
    streams[2].data.fd = log;
    const uv_process_options_t how = {.file = program,
                                      .args = arguments,
                                      .cwd = "/",
                                      .flags = UV_PROCESS_DETACHED,
                                      .stdio_count = 3,
                                      .stdio = streams};
    int status = uv_loop_init(&loop);
    if (status == 0) {
        status = uv_spawn(&loop, &process, &how);
        uv_close((uv_handle_t *)&process, NULL);
        uv_run(&loop, UV_RUN_DEFAULT);
        uv_loop_close(&loop);
    }
    close(log);
    return status == 0 || lsp_fail(err, "%s: %s", program, uv_strerror(status));
}

/* A connection to the daemon, which is started when there is none; -1 when that fails. */
static int reach_daemon(const struct lsp_serve_options *options, const char *path,
                        struct lsp_error *err)
{
    int fd = connect_to(path);
    if (fd < 0 && (errno == ENOENT || errno == ECONNREFUSED)) {
        for (int waited = 0; fd < 0 && waited < START_MS; waited += RETRY_MS) {
            if (waited % RESTART_MS == 0 && !start_daemon(options, path, err)) return -1;
            uv_sleep(RETRY_MS);
            fd = connect_to(path);
        }
    }
    if (fd < 0) lsp_fail(err, "%s: %s", path, strerror(errno));
    return fd;
}

/* ---- The session ------------------------------------------------------------------- */

static bool describe(const struct lsp_serve_options *options, struct lsp_attach *out,
                     struct lsp_error *err)
{
    const char *texts[3] = {options->config_path, options->model, options->default_model};
    char *outs[3] = {out->config, out->model, out->default_model};
    memset(out, 0, sizeof *out);
    for (int i = 0; i < 3; i++) {
        char here[PATH_MAX] = "";
        if (!texts[i] || !*texts[i]) continue;
        if (*texts[i] != '/' && !getcwd(here, sizeof here))
            return lsp_fail(err, "the working folder: %s", strerror(errno));
        int n = snprintf(outs[i], LSP_CONFIG_PATH_MAX, "%s%s%s", here, *here ? "/" : "", texts[i]);
        if (n < 0 || n >= LSP_CONFIG_PATH_MAX)
            return lsp_fail(err, "'%.60s...' is longer than %d bytes", texts[i],
                            LSP_CONFIG_PATH_MAX - 1);
    }
    out->threads = options->threads;
    out->log_level = options->log_level;
    out->has_attention = options->attention != NULL;
    if (options->attention) out->attention = *options->attention;
    return true;
}

/* True when the daemon has the streams. */
static bool hand_over(int fd, const struct lsp_attach *attach, struct lsp_error *err)
{
    const int streams[LSP_ATTACH_STREAMS] = {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO};
    char answer = 0;
    if (!lsp_attach_send(fd, attach, streams, err)) return false;
    if (lsp_wait_readable(fd, TAKE_MS) && recv(fd, &answer, 1, 0) == 1 &&
        answer == LSP_ATTACH_TAKEN)
        return true;
    return lsp_fail(err, "the daemon does not answer");
}

static int wait_for_end(int fd, struct lsp_error *err)
{
    unsigned char code;
    ssize_t n;
    do
        n = recv(fd, &code, 1, 0);
    while (n < 0 && errno == EINTR);
    lsp_fail(err, n == 1 ? "the daemon could not serve it" : "the daemon ended before its client");
    return n == 1 ? code : 2;
}

int lsp_front(const struct lsp_serve_options *options, struct lsp_error *err)
{
    char path[LSP_SOCKET_PATH_MAX];
    int code = -1;
    struct lsp_attach *attach = malloc(sizeof *attach);
    if (!attach) {
        lsp_fail(err, "out of memory");
        return -1;
    }
    bool ok =
        lsp_locate_socket(path, sizeof path) || lsp_fail(err, "there is no place for a socket");
    ok = ok && check_folder(path, err) && describe(options, attach, err);
    for (int i = 0; ok && code < 0 && i < TRIES; i++) {
        int fd = reach_daemon(options, path, err);
        if (fd < 0) break;
        if (hand_over(fd, attach, err)) code = wait_for_end(fd, err);
        close(fd);
    }
    free(attach);
    return code;
}
