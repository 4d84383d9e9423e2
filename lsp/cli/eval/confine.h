/* confine.h: the walls around a program that nobody has read. Linux.
 *
 *   network   a network namespace of its own; and a system call filter under which sockets
 *             cannot be made at all
 *   files     Landlock: what compilers and interpreters need can be read and run, one folder
 *             can be written, nothing else exists for it (where the kernel has no Landlock: a
 *             mount namespace in which the home folders are empty)
 *   others    a process namespace, so that ending its first process ends all; no privileges,
 *             and none to be gained
 *   limits    processor time, memory, size of a file, open files, processes; no core files
 *
 * Which walls stand depends on what the kernel lets the user do; cli_confine_enter tells. The
 * calls here are made between fork and exec of a process that has threads, so they use system
 * calls alone: no memory, no locks, no stdio.
 */
#ifndef ESPALIER_CLI_CONFINE_H
#define ESPALIER_CLI_CONFINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum cli_wall {
    CLI_WALL_NETWORK = 1,    /* a namespace without a network */
    CLI_WALL_SOCKETS = 2,    /* no sockets: the system call filter */
    CLI_WALL_FILES = 4,      /* Landlock */
    CLI_WALL_HOME = 8,       /* home folders hidden by mounts */
    CLI_WALL_PROCESSES = 16, /* a process namespace */
    CLI_WALL_COUNT = 32      /* a limit on processes: only where no others count */
};

struct cli_limits {
    unsigned cpu_seconds;
    uint64_t memory_bytes;        /* private writable memory */
    uint64_t address_space_bytes; /* 0: not limited (virtual machines reserve a lot) */
    uint64_t file_bytes;          /* of one file */
    unsigned processes;           /* threads count */
};

#define CLI_CONFINE_MAX_PATHS 48

struct cli_confinement {
    struct cli_limits limits;
    const char *folder;                          /* may be read, written and run in */
    const char *cache;                           /* another such folder, or NULL */
    const char *readable[CLI_CONFINE_MAX_PATHS]; /* ends with NULL */
    const char *home;                            /* hidden where there is no Landlock; or NULL */
    uid_t user;                                  /* to become when the caller is root */
};

/* Forks into whatever new namespaces may be had. In the child: returns 0 and *walls says
 * which; the child is alone in its process group. In the parent: the child's id, or -1. */
pid_t cli_confine_fork(unsigned *walls);

/* A child in the same namespaces. */
pid_t cli_confine_again(void);

/* Gives up root, in the first process of the namespaces or right before exec: becomes `user`
 * when it is root. False when that fails. */
bool cli_confine_drop(const struct cli_confinement *c);

/* Raises the other walls for good, right before exec; what stands is added to *walls. False
 * when a limit could not be set. */
bool cli_confine_enter(const struct cli_confinement *c, unsigned *walls);

/* Closes every descriptor from 3 on but `keep`. */
void cli_confine_close(int keep);

#endif
