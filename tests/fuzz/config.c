/* Configuration files: any bytes are either settings within their ranges or an error. */
#include "lsp/config.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

static void ignore(const char *line, void *user)
{
    (void)line;
    (void)user;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct lsp_config config, before;
    struct lsp_config_error err = {""};
    lsp_config_defaults(&config);
    memset(&before, 0, sizeof before);
    before = config;
    /* An exact copy, so that reading past the end is seen. */
    char *text = malloc(size ? size : 1);
    if (!text) return 0;
    memcpy(text, data, size);
    bool ok = lsp_config_apply(&config, "fuzz.json", "folder", text, size, ignore, NULL, &err);
    free(text);
    if (!ok && (!err.text[0] || memcmp(&before, &config, sizeof config) != 0)) abort();
    if (config.threads < 0 || config.threads > 256 || config.completion_items < 1 ||
        config.cache_megabytes < 1 || config.cache_megabytes > 65536 ||
        config.completion_items > 16 || config.log_level < 0 || config.log_level > LSP_LOG_DEBUG)
        abort();
    return 0;
}
