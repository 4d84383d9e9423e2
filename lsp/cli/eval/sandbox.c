/* sandbox.c: the folder, and watching over what runs.
 *
 * Three processes take part: this one, which reads the output and keeps the time; a keeper,
 * the first process of the new namespaces, which waits for the program and ends whatever it
 * leaves behind; and the program. A pipe that nobody writes to ties the keeper to this
 * process: when it closes, for whatever reason, everything in the sandbox ends.
 */
#if defined(__linux__)
#define _GNU_SOURCE
#endif
#include "lsp/cli/eval/sandbox.h"
#include "lsp/cli/cli.h"
#include "lsp/cli/eval/folder.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#if defined(__linux__)
#include <sys/prctl.h>
#include <sys/syscall.h>
#endif

enum {
    KEEPER_MS = 5,   /* between two looks of the keeper */
    GRACE_MS = 5000, /* for the keeper to end everything */
    DISK_MS = 250,   /* between two looks at the folder */
    USER = 64321,    /* who programs run as when we are root; owns nothing */
    ENVIRONMENT_MAX = 24
};

struct cli_sandbox {
    char folder[256], work[272], cache[272];
    struct cli_confinement confinement;
    bool unsafe;
    unsigned walls;
    char description[160];
};

const char *cli_ending_name(enum cli_ending ending)
{
    static const char *const names[] = {"ended", "signalled", "timed out", "wrote too much",
                                        "not started"};
    return names[ending];
}

unsigned cli_sandbox_walls(const struct cli_sandbox *sandbox)
{
    return sandbox->walls;
}

const char *cli_sandbox_describe(const struct cli_sandbox *sandbox)
{
    return sandbox->description;
}

const char *cli_sandbox_folder(const struct cli_sandbox *sandbox)
{
    return sandbox->work;
}

const char *cli_sandbox_cache(const struct cli_sandbox *sandbox)
{
    return sandbox->cache;
}

/* ---- The program and its keeper ------------------------------------------------------------ */

/* What the keeper and the program tell, through one pipe. */
struct report {
    enum { WALLS, STATUS, TIMEOUT, FAILURE } kind;
    int value;
};

/* Everything the children need, made before the fork. */
struct launch {
    const struct cli_sandbox *sandbox;
    const struct cli_confinement *confinement;
    const char *const *argv; /* NULL: only try the walls */
    char *environment[ENVIRONMENT_MAX + 1];
    int input, output, error; /* descriptors of the program */
    int report, life;         /* of the keeper */
    int deadline_ms;
    unsigned walls;
};

static void leave(int code)
{
#if defined(__linux__)
    syscall(SYS_exit_group, code);
#else
    (void)code;
    kill(getpid(), SIGKILL);
#endif
}

static void tell(int fd, int kind, int value)
{
    struct report report = {.kind = kind, .value = value};
    if (write(fd, &report, sizeof report) != (ssize_t)sizeof report) leave(125);
}

static void become_program(struct launch *l)
{
    setpgid(0, 0);
    if (dup2(l->input, 0) < 0 || dup2(l->output, 1) < 0 || dup2(l->error, 2) < 0) leave(125);
    cli_confine_close(l->report);
    for (int s = 1; s < 32; s++)
        signal(s, SIG_DFL);
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    umask(022);
    unsigned walls = l->walls;
    if (chdir(l->sandbox->work) != 0 || !cli_confine_enter(l->confinement, &walls)) {
        tell(l->report, FAILURE, errno);
        leave(125);
    }
    tell(l->report, WALLS, (int)walls);
    bool offline = walls & (CLI_WALL_NETWORK | CLI_WALL_SOCKETS);
    if (!offline && !l->sandbox->unsafe) leave(125);
    if (!l->argv) leave(0);
    execve(l->argv[0], (char *const *)l->argv, l->environment);
    tell(l->report, FAILURE, errno);
    leave(127);
}

/* Ends the children that the keeper inherited. Without a process namespace they are looked
 * up, as they may have left the program's process group. */
static void end_children(pid_t program, bool dropped)
{
    char text[4096];
    for (int tries = 0; tries < 400; tries++) {
        kill(-program, SIGKILL);
        if (dropped) kill(-1, SIGKILL); /* all of a user who has nothing else running */
        int fd = open("/proc/thread-self/children", O_RDONLY | O_CLOEXEC);
        ssize_t len = fd >= 0 ? read(fd, text, sizeof text) : 0;
        if (fd >= 0) close(fd);
        long id = 0;
        for (ssize_t i = 0; i < len; i++) {
            if (text[i] >= '0' && text[i] <= '9') {
                id = id * 10 + text[i] - '0';
                continue;
            }
            if (id > 1) kill((pid_t)id, SIGKILL);
            id = 0;
        }
        pid_t gone;
        while ((gone = waitpid(-1, NULL, WNOHANG)) > 0)
            continue;
        if (gone < 0 && errno == ECHILD) return;
        poll(NULL, 0, KEEPER_MS);
    }
}

/* The first process in the sandbox. It returns never. */
static void become_keeper(struct launch *l)
{
    bool spaces = l->walls & CLI_WALL_PROCESSES, was_root = geteuid() == 0;
#if defined(__linux__)
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (!spaces) prctl(PR_SET_CHILD_SUBREAPER, 1);
#endif
    for (int s = 1; s < 32; s++)
        signal(s, s == SIGCHLD ? SIG_DFL : SIG_IGN);
    if (!spaces && was_root) l->walls |= CLI_WALL_COUNT;
    if (!spaces && !cli_confine_drop(l->confinement)) leave(125);
    pid_t program = cli_confine_again();
    if (program == 0) become_program(l);
    if (program < 0) leave(125);
    close(l->output);
    close(l->error);
    for (int waited = 0;; waited += KEEPER_MS) {
        int status;
        pid_t gone = waitpid(-1, &status, WNOHANG);
        if (gone == program) {
            tell(l->report, STATUS, status);
            break;
        }
        if (gone > 0) continue;
        struct pollfd life = {l->life, POLLIN, 0};
        bool alone = poll(&life, 1, KEEPER_MS) > 0;
        if (alone || waited > l->deadline_ms) {
            tell(l->report, TIMEOUT, 0);
            break;
        }
    }
    if (!spaces) end_children(program, was_root);
    leave(0); /* with a process namespace, everything in it ends here */
}

/* ---- Watching ------------------------------------------------------------------------------ */

struct pipes {
    int output[2], error[2], report[2], life[2], input;
};

static void close_fd(int *fd)
{
    if (*fd >= 0) close(*fd);
    *fd = -1;
}

static void close_pipes(struct pipes *p)
{
    int *const all[] = {&p->output[0], &p->output[1], &p->error[0], &p->error[1], &p->report[0],
                        &p->report[1], &p->life[0],   &p->life[1],  &p->input};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        close_fd(all[i]);
}

static bool make_pipe(int fds[2])
{
    if (pipe(fds) != 0) return false;
    for (int i = 0; i < 2; i++)
        if (fcntl(fds[i], F_SETFD, FD_CLOEXEC) != 0) return false;
    return true;
}

/* The input as a file that has no name. */
static int input_file(const struct cli_sandbox *s, const char *text, size_t len)
{
    char path[300];
    snprintf(path, sizeof path, "%s/input.XXXXXX", s->folder);
    int fd = mkstemp(path);
    if (fd < 0) return -1;
    unlink(path);
    for (size_t at = 0; at < len;) {
        ssize_t n = write(fd, text + at, len - at);
        if (n <= 0) {
            close(fd);
            return -1;
        }
        at += (size_t)n;
    }
    if (lseek(fd, 0, SEEK_SET) == 0 && fcntl(fd, F_SETFD, FD_CLOEXEC) == 0) return fd;
    close(fd);
    return -1;
}

/* What came of a run so far. */
struct watch {
    struct cli_run *run;
    unsigned walls;
    bool has_walls, done;
    size_t capacity;
    char tail[2 * CLI_SANDBOX_TAIL];
    size_t tail_len;
};

static bool read_output(struct watch *w, int fd)
{
    struct cli_run *run = w->run;
    if (run->output_len + 65536 > w->capacity) {
        size_t wanted = w->capacity ? w->capacity * 2 : 131072;
        char *grown = realloc(run->output, wanted);
        if (!grown) return false;
        run->output = grown;
        w->capacity = wanted;
    }
    ssize_t n = read(fd, run->output + run->output_len, 65535);
    if (n <= 0) return false;
    run->output_len += (size_t)n;
    return true;
}

static bool read_error(struct watch *w, int fd)
{
    char text[4096];
    ssize_t n = read(fd, text, sizeof text);
    if (n <= 0) return false;
    size_t len = (size_t)n, skip = len > CLI_SANDBOX_TAIL ? len - CLI_SANDBOX_TAIL : 0;
    if (w->tail_len + len - skip > sizeof w->tail) {
        size_t drop = w->tail_len + len - skip - sizeof w->tail;
        memmove(w->tail, w->tail + drop, w->tail_len - drop);
        w->tail_len -= drop;
    }
    memcpy(w->tail + w->tail_len, text + skip, len - skip);
    w->tail_len += len - skip;
    return true;
}

static bool read_report(struct watch *w, int fd)
{
    struct report report;
    if (read(fd, &report, sizeof report) != (ssize_t)sizeof report) return false;
    struct cli_run *run = w->run;
    if (report.kind == WALLS) {
        w->walls = (unsigned)report.value;
        w->has_walls = true;
        return true;
    }
    if (w->done) return true; /* what ended it is known already */
    w->done = true;
    if (report.kind == TIMEOUT) {
        run->ending = CLI_TIMED_OUT;
    } else if (report.kind == FAILURE) {
        run->ending = CLI_NOT_STARTED;
        run->code = report.value;
    } else if (WIFSIGNALED(report.value)) {
        /* The processor time has run out, too. */
        run->ending = WTERMSIG(report.value) == SIGXCPU ? CLI_TIMED_OUT : CLI_SIGNALLED;
        run->code = WTERMSIG(report.value);
    } else {
        run->ending = CLI_ENDED;
        run->code = WEXITSTATUS(report.value);
    }
    return true;
}

/* Reads until the keeper has ended and both pipes are closed. */
static void watch(struct cli_sandbox *s, struct pipes *p, double seconds, struct watch *w)
{
    double began = cli_now_ms(), looked = began, last = began + seconds * 1e3 + GRACE_MS;
    while (p->output[0] >= 0 || p->error[0] >= 0 || p->report[0] >= 0) {
        struct pollfd fds[3] = {
            {p->output[0], POLLIN, 0}, {p->error[0], POLLIN, 0}, {p->report[0], POLLIN, 0}};
        if (poll(fds, 3, DISK_MS) < 0 && errno != EINTR) return;
        if (fds[0].revents && !read_output(w, p->output[0])) close_fd(&p->output[0]);
        if (fds[1].revents && !read_error(w, p->error[0])) close_fd(&p->error[0]);
        if (fds[2].revents && !read_report(w, p->report[0])) close_fd(&p->report[0]);
        double now = cli_now_ms();
        bool much = w->run->output_len > CLI_SANDBOX_OUTPUT_MAX;
        if (!much && now - looked >= DISK_MS) {
            much = cli_folder_bytes(s->work, CLI_SANDBOX_FOLDER_MAX) >= CLI_SANDBOX_FOLDER_MAX;
            looked = now;
        }
        if (much && p->life[1] >= 0) {
            if (!w->done) w->run->ending = CLI_WROTE_MUCH;
            w->done = true;
            close_fd(&p->life[1]); /* the keeper ends everything */
            last = now + GRACE_MS;
        }
        if (much) close_fd(&p->output[0]);
        if (now > last) return;
    }
}

/* ---- Running ------------------------------------------------------------------------------- */

static void fill_environment(struct launch *l, const struct cli_program *program, char text[4][320])
{
    size_t n = 0;
    snprintf(text[0], sizeof text[0], "PATH=/usr/local/bin:/usr/bin:/bin");
    snprintf(text[1], sizeof text[1], "HOME=%s", l->sandbox->work);
    snprintf(text[2], sizeof text[2], "TMPDIR=%s", l->sandbox->work);
    snprintf(text[3], sizeof text[3], "LANG=C.UTF-8");
    for (; n < 4; n++)
        l->environment[n] = text[n];
    for (size_t i = 0; program->environment && program->environment[i]; i++)
        if (n < ENVIRONMENT_MAX) l->environment[n++] = (char *)program->environment[i];
    l->environment[n] = NULL;
}

static bool start(struct cli_sandbox *s, const struct cli_program *program, struct pipes *p,
                  pid_t *keeper)
{
    struct cli_confinement confinement = s->confinement;
    confinement.limits = program->limits;
    if (!program->cached) confinement.cache = NULL;
    struct launch l = {.sandbox = s,
                       .confinement = &confinement,
                       .argv = program->argv,
                       .input = p->input,
                       .output = p->output[1],
                       .error = p->error[1],
                       .report = p->report[1],
                       .life = p->life[0],
                       .deadline_ms = (int)(program->seconds * 1e3)};
    char text[4][320];
    fill_environment(&l, program, text);
    *keeper = cli_confine_fork(&l.walls);
    if (*keeper == 0) {
        close(p->life[1]);
        close(p->report[0]);
        close(p->output[0]);
        close(p->error[0]);
        become_keeper(&l);
    }
    return *keeper > 0;
}

bool cli_sandbox_run(struct cli_sandbox *s, const struct cli_program *program, struct cli_run *out)
{
    *out = (struct cli_run){.ending = CLI_NOT_STARTED};
    struct pipes p = {{-1, -1}, {-1, -1}, {-1, -1}, {-1, -1}, -1};
    struct watch w = {.run = out};
    double began = cli_now_ms();
    pid_t keeper = -1;
    p.input = input_file(s, program->input ? program->input : "", program->input_len);
    bool ok = p.input >= 0 && make_pipe(p.output) && make_pipe(p.error) && make_pipe(p.report) &&
              make_pipe(p.life) && start(s, program, &p, &keeper);
    if (ok) {
        close_fd(&p.output[1]);
        close_fd(&p.error[1]);
        close_fd(&p.report[1]);
        close_fd(&p.life[0]);
        watch(s, &p, program->seconds, &w);
        kill(keeper, SIGKILL); /* if it has not ended by itself */
        while (waitpid(keeper, NULL, 0) < 0 && errno == EINTR)
            continue;
    } else {
        cli_fail("a program could not be started: %s", strerror(errno));
    }
    close_pipes(&p);
    out->ms = cli_now_ms() - began;
    if (w.has_walls) s->walls = w.walls;
    size_t skip = w.tail_len >= CLI_SANDBOX_TAIL ? w.tail_len - CLI_SANDBOX_TAIL + 1 : 0;
    memcpy(out->tail, w.tail + skip, w.tail_len - skip);
    out->tail[w.tail_len - skip] = 0;
    if (!out->output) out->output = calloc(1, 1);
    if (ok && out->output && out->output_len) out->output[out->output_len] = 0;
    return ok && out->output;
}

/* ---- The folder ---------------------------------------------------------------------------- */

bool cli_sandbox_clear(struct cli_sandbox *s)
{
    if (cli_folder_empty(s->work)) return true;
    cli_fail("%s: cannot be emptied: %s", s->work, strerror(errno));
    return false;
}

bool cli_sandbox_put(struct cli_sandbox *s, const char *name, const char *text, size_t len)
{
    char path[400];
    snprintf(path, sizeof path, "%s/%s", s->work, name);
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644);
    size_t at = 0;
    while (fd >= 0 && at < len) {
        ssize_t n = write(fd, text + at, len - at);
        if (n <= 0) break;
        at += (size_t)n;
    }
    if (fd >= 0) close(fd);
    if (fd >= 0 && at == len) return true;
    cli_fail("%s: cannot be written: %s", path, strerror(errno));
    return false;
}

static bool make_folder(char *out, size_t capacity, const char *above, const char *name)
{
    snprintf(out, capacity, "%s/%s", above, name);
    if (mkdir(out, 0700) != 0) return false;
    return geteuid() != 0 || chown(out, USER, USER) == 0;
}

static void describe(struct cli_sandbox *s)
{
    unsigned w = s->walls;
    snprintf(s->description, sizeof s->description, "%s, %s, %s",
             w & CLI_WALL_NETWORK   ? "no network"
             : w & CLI_WALL_SOCKETS ? "no sockets"
                                    : "NETWORK OPEN",
             w & CLI_WALL_FILES  ? "no files but its own"
             : w & CLI_WALL_HOME ? "home folders hidden"
                                 : "FILES OF ITS USER OPEN",
             w & CLI_WALL_PROCESSES ? "processes of its own"
             : w & CLI_WALL_COUNT   ? "processes limited"
                                    : "PROCESSES NOT LIMITED");
}

/* TMPDIR, if those can get there whom programs run as. */
static const char *temporary_folder(void)
{
    const char *path = getenv("TMPDIR");
    if (!path || path[0] != '/' || strlen(path) > 200) return "/tmp";
    char part[256];
    struct stat info;
    snprintf(part, sizeof part, "%s", path);
    for (char *slash; part[0] && (slash = strrchr(part, '/')) != NULL; *slash = 0)
        if (stat(part, &info) != 0 || (geteuid() == 0 && !(info.st_mode & S_IXOTH))) return "/tmp";
    return path;
}

struct cli_sandbox *cli_sandbox_open(const char *const *readable, bool unsafe)
{
    struct cli_sandbox *s = calloc(1, sizeof *s);
    if (!s) return cli_fail("out of memory for a sandbox"), NULL;
    snprintf(s->folder, sizeof s->folder, "%s/espalier-run-XXXXXX", temporary_folder());
    s->unsafe = unsafe;
    bool made = mkdtemp(s->folder) != NULL;
    if (!made || chmod(s->folder, 0711) != 0 ||
        !make_folder(s->work, sizeof s->work, s->folder, "work") ||
        !make_folder(s->cache, sizeof s->cache, s->folder, "cache")) {
        cli_fail("%s: cannot be made: %s", s->folder, strerror(errno));
        if (!made) s->folder[0] = 0;
        return cli_sandbox_close(s), NULL;
    }
    s->confinement = (struct cli_confinement){
        .folder = s->work, .cache = s->cache, .home = getenv("HOME"), .user = USER};
    for (size_t i = 0; readable && readable[i] && i + 1 < CLI_CONFINE_MAX_PATHS; i++)
        s->confinement.readable[i] = readable[i];
    struct cli_run run;
    struct cli_program probe = {.limits = {10, 1u << 30, 0, 1u << 20, 64}, .seconds = 10};
    bool ok = cli_sandbox_run(s, &probe, &run);
    free(run.output);
    if (ok && !(s->walls & (CLI_WALL_NETWORK | CLI_WALL_SOCKETS)) && !unsafe) {
        cli_fail("programs cannot be kept off the network here (neither namespaces nor system "
                 "call filters are allowed): not run without --unsafe");
        ok = false;
    }
    if (!ok) return cli_sandbox_close(s), NULL;
    describe(s);
    return s;
}

void cli_sandbox_close(struct cli_sandbox *s)
{
    if (!s) return;
    if (s->folder[0]) {
        cli_folder_empty(s->folder);
        rmdir(s->folder);
    }
    free(s);
}
