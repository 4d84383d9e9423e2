/* confine.c: see confine.h.
 *
 * Landlock's and seccomp's numbers are part of the kernel's interface; the few that are used
 * are written down here, as the headers of the build machine may be older than its kernel.
 */
#if defined(__linux__)
#define _GNU_SOURCE
#include "lsp/cli/eval/confine.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

/* ---- Namespaces --------------------------------------------------------------------------- */

static bool write_file(const char *path, const char *text, size_t len)
{
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    if (fd < 0) return false;
    bool ok = write(fd, text, len) == (ssize_t)len;
    close(fd);
    return ok;
}

/* "7 7 1\n": an id mapped to itself. Returns the length. */
static size_t identity(unsigned long id, char *out)
{
    char digits[24];
    size_t n = 0, len = 0;
    do
        digits[n++] = (char)('0' + id % 10);
    while (id /= 10);
    for (int twice = 0; twice < 2; twice++) {
        for (size_t i = n; i-- > 0;)
            out[len++] = digits[i];
        out[len++] = ' ';
    }
    out[len++] = '1';
    out[len++] = '\n';
    return len;
}

/* In a new user namespace: the same user as before, in name. */
static bool map_ids(uid_t user, gid_t group)
{
    char text[64];
    return write_file("/proc/self/setgroups", "deny", 4) &&
           write_file("/proc/self/uid_map", text, identity(user, text)) &&
           write_file("/proc/self/gid_map", text, identity(group, text));
}

/* fork() itself may wait for locks that other threads held. The child runs on a copy of this
 * stack. */
static pid_t plain_fork(unsigned long flags)
{
    return (pid_t)syscall(SYS_clone, flags | SIGCHLD, NULL, NULL, NULL, 0);
}

pid_t cli_confine_again(void)
{
    return plain_fork(0);
}

pid_t cli_confine_fork(unsigned *walls)
{
    static const unsigned long spaces =
        CLONE_NEWNET | CLONE_NEWPID | CLONE_NEWIPC | CLONE_NEWUTS | CLONE_NEWNS;
    uid_t user = geteuid();
    gid_t group = getegid();
    unsigned long flags = spaces | (user == 0 ? 0 : CLONE_NEWUSER);
    *walls = CLI_WALL_NETWORK | CLI_WALL_PROCESSES;
    pid_t child = plain_fork(flags);
    if (child < 0) {
        *walls = 0;
        child = plain_fork(0);
    }
    if (child != 0) return child;
    setpgid(0, 0);
    /* Without ids of its own it could not even open its files. */
    if ((flags & CLONE_NEWUSER) && *walls && !map_ids(user, group)) syscall(SYS_exit_group, 126);
    return 0;
}

bool cli_confine_drop(const struct cli_confinement *c)
{
    if (geteuid() != 0) return true;
    gid_t group = (gid_t)c->user;
    return syscall(SYS_setgroups, 0, NULL) == 0 &&
           syscall(SYS_setresgid, group, group, group) == 0 &&
           syscall(SYS_setresuid, c->user, c->user, c->user) == 0;
}

/* An empty folder in the place of one that people keep files in. */
static bool hide(const char *path)
{
    struct stat info;
    if (lstat(path, &info) != 0 || !S_ISDIR(info.st_mode)) return true;
    return mount("none", path, "tmpfs", MS_NOSUID | MS_NODEV, "size=4k,mode=755") == 0;
}

static bool hide_homes(const struct cli_confinement *c)
{
    return mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0 && hide("/home") &&
           hide("/root") && (!c->home || hide(c->home));
}

/* ---- Files -------------------------------------------------------------------------------- */

struct landlock_rules {
    uint64_t files, network, scoped;
};
struct landlock_path {
    uint64_t allowed;
    int32_t folder;
} __attribute__((packed));

enum {
    LANDLOCK_CREATE = 444,
    LANDLOCK_ADD = 445,
    LANDLOCK_RESTRICT = 446,
    EXECUTE = 1 << 0,
    WRITE_FILE = 1 << 1,
    READ_FILE = 1 << 2,
    READ_FOLDER = 1 << 3,
    ALL_IN_1 = (1 << 13) - 1, /* rights of the first version of the interface */
    REFER = 1 << 13,
    TRUNCATE = 1 << 14
};

static bool allow(int rules, const char *path, uint64_t rights)
{
    struct stat info;
    int fd = open(path, O_PATH | O_CLOEXEC);
    if (fd < 0) return errno == ENOENT || errno == EACCES; /* it cannot be read as it is */
    if (fstat(fd, &info) == 0 && !S_ISDIR(info.st_mode))
        rights &= EXECUTE | WRITE_FILE | READ_FILE | TRUNCATE;
    struct landlock_path rule = {rights, fd};
    bool ok = syscall(LANDLOCK_ADD, rules, 1, &rule, 0) == 0;
    close(fd);
    return ok;
}

static bool lock_files(const struct cli_confinement *c)
{
    long version = syscall(LANDLOCK_CREATE, NULL, 0, 1);
    if (version < 1) return false;
    uint64_t all = (uint64_t)ALL_IN_1 | (version >= 2 ? REFER : 0) | (version >= 3 ? TRUNCATE : 0);
    struct landlock_rules handled = {all, version >= 4 ? 3 : 0 /* bind, connect */,
                                     version >= 6 ? 3 : 0 /* abstract sockets, signals */};
    size_t size = version >= 6 ? 24 : version >= 4 ? 16 : 8;
    int rules = (int)syscall(LANDLOCK_CREATE, &handled, size, 0);
    if (rules < 0) return false;
    static const char *const devices[] = {"/dev/null", "/dev/zero", "/dev/urandom", "/dev/random"};
    bool ok = allow(rules, c->folder, all) && (!c->cache || allow(rules, c->cache, all));
    for (size_t i = 0; ok && i < sizeof devices / sizeof *devices; i++)
        ok = allow(rules, devices[i], (READ_FILE | WRITE_FILE) & all);
    for (size_t i = 0; ok && c->readable[i]; i++)
        ok = allow(rules, c->readable[i], EXECUTE | READ_FILE | READ_FOLDER);
    ok = ok && syscall(LANDLOCK_RESTRICT, rules, 0) == 0;
    close(rules);
    return ok;
}

/* ---- System calls ------------------------------------------------------------------------- */

#if defined(__x86_64__)
#define ARCHITECTURE AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define ARCHITECTURE AUDIT_ARCH_AARCH64
#endif

/* Refused: what makes connections, reaches into other processes, or asks the kernel for what
 * no program under test needs. */
#if defined(ARCHITECTURE)
#define REFUSE(name)                                                                               \
    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_##name, 0, 1),                                         \
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | (EPERM & SECCOMP_RET_DATA))

static bool filter_calls(void)
{
    struct sock_filter program[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, arch)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ARCHITECTURE, 1, 0),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
#if defined(__x86_64__)
        BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, 0x40000000, 0, 1), /* the x32 calls */
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | (ENOSYS & SECCOMP_RET_DATA)),
#endif
        REFUSE(socket),
        REFUSE(connect),
        REFUSE(bind),
        REFUSE(ptrace),
        REFUSE(process_vm_readv),
        REFUSE(process_vm_writev),
        REFUSE(unshare),
        REFUSE(setns),
        REFUSE(mount),
        REFUSE(umount2),
        REFUSE(pivot_root),
        REFUSE(chroot),
        REFUSE(bpf),
        REFUSE(perf_event_open),
        REFUSE(userfaultfd),
        REFUSE(keyctl),
        REFUSE(add_key),
        REFUSE(request_key),
        REFUSE(open_by_handle_at),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 425, 1, 0), /* io_uring_setup: sockets by another way */
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | (ENOSYS & SECCOMP_RET_DATA)),
    };
    struct sock_fprog filter = {sizeof program / sizeof *program, program};
    return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter, 0, 0) == 0;
}
#else
static bool filter_calls(void)
{
    return false;
}
#endif

/* ---- Limits ------------------------------------------------------------------------------- */

static bool limit(int what, uint64_t soft, uint64_t hard)
{
    struct rlimit now, wanted = {soft, hard};
    if (getrlimit((unsigned)what, &now) != 0) return false;
    if (now.rlim_max < wanted.rlim_max) wanted.rlim_max = now.rlim_max;
    if (now.rlim_max < wanted.rlim_cur) wanted.rlim_cur = now.rlim_max;
    return setrlimit((unsigned)what, &wanted) == 0;
}

bool cli_confine_enter(const struct cli_confinement *c, unsigned *walls)
{
    const struct cli_limits *l = &c->limits;
    bool spaces = *walls & CLI_WALL_PROCESSES;
    /* At the soft limit comes a signal that says why, at the hard one the end. */
    bool ok = limit(RLIMIT_CPU, l->cpu_seconds, l->cpu_seconds + 1) &&
              limit(RLIMIT_DATA, l->memory_bytes, l->memory_bytes) &&
              limit(RLIMIT_FSIZE, l->file_bytes, l->file_bytes) && limit(RLIMIT_CORE, 0, 0) &&
              limit(RLIMIT_NOFILE, 256, 256);
    if (l->address_space_bytes)
        ok = ok && limit(RLIMIT_AS, l->address_space_bytes, l->address_space_bytes);
    /* Elsewhere everything that the user runs would count. */
    if (spaces || geteuid() == 0) *walls |= CLI_WALL_COUNT;
    if (*walls & CLI_WALL_COUNT) ok = ok && limit(RLIMIT_NPROC, l->processes, l->processes);
    bool landlock = syscall(LANDLOCK_CREATE, NULL, 0, 1) >= 1;
    if (!landlock && spaces && hide_homes(c)) *walls |= CLI_WALL_HOME;
    ok = ok && cli_confine_drop(c) && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0;
    if (ok && lock_files(c)) *walls |= CLI_WALL_FILES;
    if (ok && filter_calls()) *walls |= CLI_WALL_SOCKETS;
    return ok;
}

void cli_confine_close(int keep)
{
    enum { CLOSE_RANGE = 436 };
    if (keep > 3 ? syscall(CLOSE_RANGE, 3, keep - 1, 0) == 0 &&
                       syscall(CLOSE_RANGE, keep + 1, ~0U, 0) == 0
                 : syscall(CLOSE_RANGE, keep == 3 ? 4 : 3, ~0U, 0) == 0)
        return;
    struct rlimit open_files = {1024, 1024};
    getrlimit(RLIMIT_NOFILE, &open_files);
    int top = open_files.rlim_cur < 65536 ? (int)open_files.rlim_cur : 65536;
    for (int fd = 3; fd < top; fd++)
        if (fd != keep) close(fd);
}

#else /* no such walls: nothing may run without --unsafe */
#include "lsp/cli/eval/confine.h"

#include <unistd.h>

pid_t cli_confine_fork(unsigned *walls)
{
    *walls = 0;
    return fork();
}

pid_t cli_confine_again(void)
{
    return fork();
}

bool cli_confine_drop(const struct cli_confinement *c)
{
    (void)c;
    return true;
}

bool cli_confine_enter(const struct cli_confinement *c, unsigned *walls)
{
    (void)c;
    (void)walls;
    return true;
}

void cli_confine_close(int keep)
{
    for (int fd = 3; fd < 1024; fd++)
        if (fd != keep) close(fd);
}
#endif
