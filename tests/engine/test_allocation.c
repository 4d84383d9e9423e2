/* A debug build ends where something allocates that must not. */
#include "engine/allocation.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#ifdef ENG_FORBID_ALLOCATION
/* How a child ends that allocates: its signal, 0 for none. */
static int end_of_child(int forbid)
{
    fflush(stdout);
    pid_t child = fork();
    if (child == 0) {
        if (forbid) eng_forbid_allocation();
        void *volatile block = malloc(10);
        free(block);
        _exit(0);
    }
    int status = 0;
    if (child < 0 || waitpid(child, &status, 0) != child) return -1;
    return WIFSIGNALED(status) ? WTERMSIG(status) : 0;
}

int main(void)
{
    int allowed = end_of_child(0), forbidden = end_of_child(1);
    printf("allowed: signal %d, forbidden: signal %d\n", allowed, forbidden);
    return allowed != 0 || forbidden != SIGABRT;
}
#else
int main(void)
{
    return 77;
}
#endif
