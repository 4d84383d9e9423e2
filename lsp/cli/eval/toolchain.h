/* toolchain.h: how programs of a language are built and run: Python, JavaScript, C, C++, Java,
 * Go and Rust, where the machine has what it takes. Everything is run in a sandbox, compilers
 * included.
 */
#ifndef ESPALIER_CLI_TOOLCHAIN_H
#define ESPALIER_CLI_TOOLCHAIN_H

#include "lsp/cli/eval/sandbox.h"

struct cli_toolchains;

/* Looks for compilers and interpreters on the machine; for root, for those that everybody may
 * run. NULL when out of memory. */
struct cli_toolchains *cli_toolchains_find(void);
void cli_toolchains_free(struct cli_toolchains *toolchains);

/* What programs have to be able to read, for cli_sandbox_open. */
const char *const *cli_toolchains_readable(const struct cli_toolchains *toolchains);

/* Can programs of this language (a grammar's id) be run? *lacks: the program that is missing,
 * or NULL for a language that none is known for. */
bool cli_toolchains_has(const struct cli_toolchains *toolchains, const char *language,
                        const char **lacks);

/* Empties the sandbox, puts the program there and builds it. *ok: it may be run; if not, *run
 * says why. False after a message when the sandbox failed. */
bool cli_toolchain_build(const struct cli_toolchains *toolchains, const char *language,
                         struct cli_sandbox *sandbox, const char *text, size_t len, bool *ok,
                         struct cli_run *run);

/* Runs what was built. seconds: of processor time; three times that and five more pass on the
 * clock before the program is ended. */
bool cli_toolchain_run(const struct cli_toolchains *toolchains, const char *language,
                       struct cli_sandbox *sandbox, const char *input, size_t input_len,
                       double seconds, struct cli_run *run);

#endif
