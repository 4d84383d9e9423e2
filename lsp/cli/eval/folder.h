/* folder.h: folders that a hostile program has written to: nothing is followed out of them,
 * and depth and count cost no stack and little time. */
#ifndef ESPALIER_CLI_FOLDER_H
#define ESPALIER_CLI_FOLDER_H

#include <stdbool.h>
#include <stdint.h>

/* Bytes on disk below path; stops counting at `enough`, and takes a folder with very many
 * entries for that much. */
uint64_t cli_folder_bytes(const char *path, uint64_t enough);

/* Removes everything below path; false (errno says why) when something is left. */
bool cli_folder_empty(const char *path);

#endif
