/* parts.h: what the formats share. Private to cli/report/. */
#ifndef ESPALIER_CLI_REPORT_PARTS_H
#define ESPALIER_CLI_REPORT_PARTS_H

#include "lsp/assist/review/review.h"

#include <cjson/cJSON.h>

struct cli_place_pair {
    size_t line, column, end_line, end_column; /* from 1; the end is behind the last one */
};

struct cli_place_pair cli_report_places(const struct syn_document *doc, uint32_t start,
                                        uint32_t end, enum syn_encoding unit);

/* A string of len bytes. */
cJSON *cli_report_text(const char *text, size_t len);

/* rule: the index of its rule in the log's list, SIZE_MAX for none. */
cJSON *cli_sarif_result(const char *path, const struct syn_document *doc,
                        const struct rev_finding *finding, size_t rule);

/* A log of one run; takes over the results. */
cJSON *cli_sarif_log(cJSON *results, const struct rev_rule *const *rules, size_t n_rules);

#endif
