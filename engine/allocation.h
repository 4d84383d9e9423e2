/* allocation.h: a pass must not allocate. Internal.
 *
 * In debug builds (without NDEBUG) of programs that are linked as engine/CMakeLists.txt says, an
 * allocation by a thread that evaluates tokens ends the program with a message. Elsewhere these two
 * do nothing. */
#ifndef ESPALIER_ENGINE_ALLOCATION_H
#define ESPALIER_ENGINE_ALLOCATION_H

#include <stdbool.h>

#ifdef ENG_FORBID_ALLOCATION
/* From here on the calling thread must not allocate, until as many calls of the other. */
void eng_forbid_allocation(void);
void eng_allow_allocation(void);
bool eng_allocation_is_forbidden(void);
#else
static inline void eng_forbid_allocation(void)
{
}
static inline void eng_allow_allocation(void)
{
}
#endif

#endif
