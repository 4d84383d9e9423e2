/* The wrappers of allocation.h, which the linker puts in place of the allocating functions
 * (--wrap). A file of their own, so that a program that counts allocations can bring its own ones.
 */
#include "engine/allocation.h"

#ifdef ENG_FORBID_ALLOCATION

#include <stdio.h>
#include <stdlib.h>

void *__real_malloc(size_t size);
void *__real_calloc(size_t n, size_t size);
void *__real_realloc(void *block, size_t size);
int __real_posix_memalign(void **out, size_t alignment, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_realloc(void *block, size_t size);
int __wrap_posix_memalign(void **out, size_t alignment, size_t size);

static void check(const char *function)
{
    if (!eng_allocation_is_forbidden()) return;
    fprintf(stderr, "%s was called while tokens were evaluated\n", function);
    abort();
}

void *__wrap_malloc(size_t size)
{
    check("malloc");
    return __real_malloc(size);
}

void *__wrap_calloc(size_t n, size_t size)
{
    check("calloc");
    return __real_calloc(n, size);
}

void *__wrap_realloc(void *block, size_t size)
{
    check("realloc");
    return __real_realloc(block, size);
}

int __wrap_posix_memalign(void **out, size_t alignment, size_t size)
{
    check("posix_memalign");
    return __real_posix_memalign(out, alignment, size);
}

#endif
