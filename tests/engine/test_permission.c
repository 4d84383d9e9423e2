/* A system that refuses a process the use of tiles: the next best set runs instead. The refusal is
 * a filter on system calls, as a sandbox may have one, installed before the engine first asks. */
#include "engine/kernels/kernels.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#if defined(__linux__) && defined(__x86_64__)
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

enum { REQUEST_PERMISSION = 0x1023 };

static bool refuse(void)
{
    struct sock_filter rules[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_arch_prctl, 0, 3),
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args[0])),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, REQUEST_PERMISSION, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog program = {sizeof rules / sizeof rules[0], rules};
    return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
           prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0;
}

static void the_next_best_set_runs(void **state)
{
    (void)state;
    assert_null(eng_kernels_choose("amx"));
    const struct eng_kernels *set = eng_kernels_choose(NULL);
    assert_non_null(set);
    assert_string_not_equal(set->name, "amx");
    assert_null(set->tile_product);
    if (eng_kernels_choose("avx512vnni")) assert_string_equal(set->name, "avx512vnni");
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(the_next_best_set_runs)};
    if (!refuse()) return 77;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
#else
int main(void)
{
    return 77;
}
#endif
