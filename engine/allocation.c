/* Which threads must not allocate. What happens to one that does: allocation_wrap.c. */
#include "engine/allocation.h"

#ifdef ENG_FORBID_ALLOCATION

static _Thread_local int forbidden;

void eng_forbid_allocation(void)
{
    forbidden++;
}

void eng_allow_allocation(void)
{
    forbidden--;
}

bool eng_allocation_is_forbidden(void)
{
    return forbidden > 0;
}

#endif
