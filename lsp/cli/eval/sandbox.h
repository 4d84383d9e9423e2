/* sandbox.h: running a program that nobody has read.
 *
 * A sandbox is a temporary folder and the walls of confine.h around whatever runs in it: no
 * network, no other files, no way to outlive the call. A program gets nothing but its input:
 * a cleared environment, no inherited descriptors, its folder as home. It is ended, with all
 * that it started, after its time, when it has written too much, or with the sandbox's owner.
 *
 * Where neither a namespace nor the system call filter keeps it off the network, nothing is
 * run unless the caller says that it may.
 *
 * One thread at a time a sandbox.
 */
#ifndef ESPALIER_CLI_SANDBOX_H
#define ESPALIER_CLI_SANDBOX_H

#include "lsp/cli/eval/confine.h"

#define CLI_SANDBOX_OUTPUT_MAX (4u * 1024u * 1024u)   /* bytes on standard output */
#define CLI_SANDBOX_FOLDER_MAX (256u * 1024u * 1024u) /* bytes on disk */
#define CLI_SANDBOX_TAIL       240                    /* bytes kept of standard error */

struct cli_sandbox;

/* Makes the folder and tries the walls out. unsafe: go on where the network cannot be cut
 * off. NULL after a message. readable: folders that programs may read and run what is in,
 * besides the system's, ends with NULL; it has to live as long as the sandbox. */
struct cli_sandbox *cli_sandbox_open(const char *const *readable, bool unsafe);
/* Removes the folder. Takes NULL. */
void cli_sandbox_close(struct cli_sandbox *sandbox);

/* The walls that stand, as one line of text: "no network, ...". Static. */
const char *cli_sandbox_describe(const struct cli_sandbox *sandbox);
unsigned cli_sandbox_walls(const struct cli_sandbox *sandbox);

/* Where programs run, and what compilers may keep from one run to the next. */
const char *cli_sandbox_folder(const struct cli_sandbox *sandbox);
const char *cli_sandbox_cache(const struct cli_sandbox *sandbox);

/* Empties the folder (what lies in the cache stays), and puts a file there. False after a
 * message. */
bool cli_sandbox_clear(struct cli_sandbox *sandbox);
bool cli_sandbox_put(struct cli_sandbox *sandbox, const char *name, const char *text, size_t len);

struct cli_program {
    const char *const *argv;        /* ends with NULL; argv[0] is a path */
    const char *const *environment; /* ends with NULL: added to PATH, HOME, TMPDIR and LANG */
    const char *input;              /* standard input */
    size_t input_len;
    struct cli_limits limits;
    double seconds; /* of a clock on the wall */
    bool cached;    /* may write to the cache as well: for compilers */
};

enum cli_ending {
    CLI_ENDED = 0,   /* with an exit code */
    CLI_SIGNALLED,   /* with a signal: a crash, or a limit */
    CLI_TIMED_OUT,   /* was ended */
    CLI_WROTE_MUCH,  /* more than CLI_SANDBOX_OUTPUT_MAX or CLI_SANDBOX_FOLDER_MAX: was ended */
    CLI_NOT_STARTED, /* could not be run; code is an errno */
};

struct cli_run {
    enum cli_ending ending;
    int code;     /* exit code, signal or errno */
    char *output; /* zero-terminated; the caller frees */
    size_t output_len;
    char tail[CLI_SANDBOX_TAIL]; /* of standard error */
    double ms;
};

/* "ended", "signalled", "timed out", "wrote too much", "not started". */
const char *cli_ending_name(enum cli_ending ending);

/* False, after a message, when the sandbox itself failed. */
bool cli_sandbox_run(struct cli_sandbox *sandbox, const struct cli_program *program,
                     struct cli_run *out);

#endif
