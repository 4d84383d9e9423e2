/* scratch.h: folders that a test makes and takes away. */
#ifndef ESPALIER_TESTS_SCRATCH_H
#define ESPALIER_TESTS_SCRATCH_H

/* Removes the folder and all below it; links are removed, not followed. */
void scratch_remove(const char *path);

#endif
